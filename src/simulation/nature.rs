//! [`Nature`]: the behavior of the simulated API and network.

use super::account::{Gateway, Limits};
use super::pack::{Naming, Reassign, Rules};
use std::time::Duration;

/// The behavior of the simulated API and network.
#[derive(Clone, Debug)]
pub(crate) struct Nature {
    pub(crate) rules: Rules,
    /// The account's rate limits. `None` means that the account has no limits and responses have no rate-limit headers.
    pub(crate) limits: Option<Limits>,
    pub(crate) gateway: Option<Gateway>,
    pub(crate) faults: Faults,
    /// If set to `(first, status)`, request number `first` and all later requests are refused with the status code
    /// `status`.
    pub(crate) permanent: Option<(u64, u16)>,
    /// The maximum time for which a request or a response is in transit.
    pub(crate) latency: Duration,
    /// If true, each transit time is random, from zero to `latency`. Otherwise, each transit time is `latency`.
    pub(crate) varied: bool,
    /// Whether responses have a `Date` header.
    pub(crate) dated: bool,
    /// The maximum time between the error that the client receives and the execution of a delayed request.
    pub(crate) late: Duration,
    /// The maximum age of a list that the API returns without a cache. Such a list has no `Age` header.
    pub(crate) stale: Duration,
    /// The maximum age of a cached list, which has an `Age` header. `None` means that there is no cache.
    pub(crate) cached: Option<Duration>,
    /// Whether another program assigns users during the run.
    pub(crate) others_assign: bool,
}

impl Nature {
    /// Returns the behavior of an API without limits and a network without faults.
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

/// For each fault, the fraction of requests that it affects.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// The client cannot connect, so the request is certainly not executed.
    pub(crate) unconnected: f64,
    /// A gateway refuses the request with status 429 before the request reaches the API.
    pub(crate) refused: f64,
    /// The request is lost before the API counts it. There is no response.
    pub(crate) dropped: f64,
    /// The API counts the request but does not execute it. There is no response.
    pub(crate) lost: f64,
    /// The API executes the request. There is no response.
    pub(crate) cut: f64,
    /// The API executes the request only after the client has received an error. There is no response.
    pub(crate) delayed: f64,
    /// The response has no rate-limit headers.
    pub(crate) bare: f64,
}

impl Faults {
    /// Returns [`Faults`] in which five faults are equally frequent. `share` is the total fraction of requests that the
    /// five faults affect.
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
