//! Time that passes only when somebody waits for it.

use crate::clock::{Clock, Sleep};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock on which every wait is over in two milliseconds, and moves the time on: a test of back-off,
/// settling or the account's windows takes no time. Two that wait a minute each at the same time move it by
/// one minute, not two. Clones are the same clock.
///
/// It starts at the first second of 2026 and knows nothing of what happens on real sockets: a real
/// delay does not move it.
///
/// ```
/// use connecteam_onboarding::{Clock, mock::FakeClock};
/// use std::time::Duration;
///
/// let clock = FakeClock::default();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now(), Duration::from_secs(60));
/// ```
#[derive(Clone, Debug, Default)]
pub struct FakeClock {
    /// Nanoseconds since the start.
    now: Arc<AtomicU64>,
}

/// How long a wait really takes.
const MOMENT: Duration = Duration::from_millis(2);

/// 2026-01-01T00:00:00Z.
const START: Duration = Duration::from_secs(1_767_225_600);

impl FakeClock {
    /// Moves the time on.
    pub fn advance(&self, by: Duration) {
        self.reach(self.now() + by);
    }

    fn reach(&self, time: Duration) {
        self.now.fetch_max(
            u64::try_from(time.as_nanos()).unwrap_or(u64::MAX),
            Ordering::SeqCst,
        );
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.now.load(Ordering::SeqCst))
    }

    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + START + self.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let (clock, until) = (self.clone(), self.now() + duration);
        Box::pin(async move {
            // Requests under way get a moment to be answered before the time moves.
            tokio::time::sleep(MOMENT).await;
            clock.reach(until);
        })
    }
}
