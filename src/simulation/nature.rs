//! How the simulated API and the network behave.

use super::account::{Gateway, Limits};
use super::pack::{Naming, Reassign, Rules};
use std::time::Duration;

/// How the API and the network behave.
#[derive(Clone, Debug)]
pub(crate) struct Nature {
    pub(crate) rules: Rules,
    /// The account's limits. Without limits, no response reports any.
    pub(crate) limits: Option<Limits>,
    pub(crate) gateway: Option<Gateway>,
    pub(crate) faults: Faults,
    /// From this request on, each request is refused with this status.
    pub(crate) permanent: Option<(u64, u16)>,
    /// The longest way to the API, and the longest way back.
    pub(crate) latency: Duration,
    /// Each way takes a random part of `latency`.
    pub(crate) varied: bool,
    /// Responses carry `Date`.
    pub(crate) dated: bool,
    /// A delayed request is executed at most this long after its failure.
    pub(crate) late: Duration,
    /// A list is at most this old.
    pub(crate) stale: Duration,
    /// A cache returns some lists. They are at most this old, and report their age.
    pub(crate) cached: Option<Duration>,
    /// Another program assigns users at the same time.
    pub(crate) others_assign: bool,
}

impl Nature {
    /// An API without limits, on a network without faults.
    pub(crate) fn calm() -> Self {
        Self {
            rules: Rules {
                max_items: 500,
                reassign: Reassign::Ignore,
                naming: Naming::Nothing,
                lie: None,
            },
            limits: None,
            gateway: None,
            faults: Faults::default(),
            permanent: None,
            latency: Duration::from_millis(100),
            varied: false,
            dated: true,
            late: Duration::ZERO,
            stale: Duration::ZERO,
            cached: None,
            others_assign: false,
        }
    }
}

/// The share of requests that each fault strikes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// No connection: not executed, as the client knows.
    pub(crate) unconnected: f64,
    /// Refused with 429 in front of the API.
    pub(crate) refused: f64,
    /// Lost in front of the API: not counted, no response.
    pub(crate) dropped: f64,
    /// Counted and not executed, no response.
    pub(crate) lost: f64,
    /// Executed, no response.
    pub(crate) cut: f64,
    /// Executed after the failure, no response.
    pub(crate) delayed: f64,
    /// The response reports no limits.
    pub(crate) bare: f64,
}

impl Faults {
    /// The faults of an assignment, which strike `share` of all requests in equal parts.
    pub(crate) fn equal(share: f64) -> Self {
        let each = share / 5.0;
        Self {
            unconnected: each,
            refused: each,
            lost: each,
            cut: each,
            delayed: each,
            ..Self::default()
        }
    }
}
