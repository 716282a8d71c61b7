//! [`Settings`]: the settings of a run that the engine needs.

use crate::retry::RetryPolicy;
use std::time::Duration;

/// The settings of a run.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) max_items: usize,
    pub(crate) in_flight: usize,
    pub(crate) settle: Duration,
    pub(crate) resend_in_doubt: bool,
    pub(crate) all_or_nothing: bool,
    /// The largest number of writes beyond one per chunk.
    pub(crate) extra_writes: u64,
    pub(crate) retry: RetryPolicy,
}
