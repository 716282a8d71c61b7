//! [`Settings`]: the run settings that the engine needs.

use crate::retry::RetryPolicy;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) max_items: usize,
    pub(crate) in_flight: usize,
    pub(crate) settle: Duration,
    pub(crate) resend_in_doubt: bool,
    pub(crate) all_or_nothing: bool,
    /// The maximum number of writes in addition to one write per chunk.
    pub(crate) extra_writes: u64,
    pub(crate) retry: RetryPolicy,
}
