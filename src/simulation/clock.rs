//! Virtual time, which uses tokio's paused clock. The paused clock advances only when all tasks are waiting.

use crate::clock::{Clock, Sleep};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Runs a future in virtual time, which starts at zero.
pub(crate) fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(future)
}

/// The clock of the simulation. [`Clock::now`] starts at zero.
#[derive(Clone, Debug)]
pub(crate) struct VirtualClock {
    began: Instant,
    /// The start time of the simulation, measured from the Unix epoch.
    epoch: Duration,
}

impl VirtualClock {
    /// Starts a clock. `epoch` is the start time of the simulation, measured from the Unix epoch. Call this function
    /// inside [`in_virtual_time`].
    pub(crate) fn start(epoch: Duration) -> Self {
        Self {
            began: Instant::now(),
            epoch,
        }
    }

    /// Returns the current time, in milliseconds since the Unix epoch.
    pub(crate) fn millis(&self) -> u64 {
        let time = self.epoch + self.now();
        u64::try_from(time.as_millis()).expect("a time in this era")
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + self.epoch + self.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}
