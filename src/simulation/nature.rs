//! How the simulated API and the network behave.

use super::account::{Gateway, Limits};
use super::pack::{Naming, Reassign, Rules};
use std::time::Duration;

/// How the API and the network behave.
#[derive(Clone, Debug)]
pub(crate) struct Nature {
    pub(crate) rules: Rules,
    /// The account's limits. `None` means that no request is refused, and that responses report no limits.
    pub(crate) limits: Option<Limits>,
    pub(crate) gateway: Option<Gateway>,
    pub(crate) faults: Faults,
    /// The number of a request, and a status. This request and all later requests are refused with the status.
    pub(crate) permanent: Option<(u64, u16)>,
    /// The longest time to send a request, and the longest time to return a response.
    pub(crate) latency: Duration,
    /// Each of these times is random, up to `latency`.
    pub(crate) varied: bool,
    /// Whether responses have the header `Date`.
    pub(crate) dated: bool,
    /// The longest time between the failure of a delayed request and its execution.
    pub(crate) late: Duration,
    /// The largest age of a list that does not come from a cache.
    pub(crate) stale: Duration,
    /// The largest age of a list from a cache. Such a list reports its age. `None` means that there is no cache.
    pub(crate) cached: Option<Duration>,
    /// Whether another program assigns users at the same time.
    pub(crate) others_assign: bool,
}

impl Nature {
    /// Returns an API without limits, on a network without faults.
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

/// The share of requests that have each fault.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// The client cannot connect. It knows that the request was not executed.
    pub(crate) unconnected: f64,
    /// A gateway in front of the API refuses the request with 429.
    pub(crate) refused: f64,
    /// The request is lost before the API counts it. There is no response.
    pub(crate) dropped: f64,
    /// The API counts the request and does not execute it. There is no response.
    pub(crate) lost: f64,
    /// The API executes the request. There is no response.
    pub(crate) cut: f64,
    /// The API executes the request after the client saw a failure. There is no response.
    pub(crate) delayed: f64,
    /// The response reports no limits.
    pub(crate) bare: f64,
}

impl Faults {
    /// Returns faults for `share` of all requests. The five faults that concern an assignment are equally frequent.
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
