//! Time that passes only when somebody waits for it.

use crate::clock::{Clock, Sleep};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock on which every wait is over at once, and moves the time on: a test of back-off, settling
/// or the account's windows takes no time. Two that wait a minute each at the same time move it by
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

/// 2026-01-01T00:00:00Z.
const START: Duration = Duration::from_secs(1_767_225_600);

impl FakeClock {
    /// Moves the time on.
    pub fn advance(&self, by: Duration) {
        self.reach(self.now() + by);
    }

    fn reach(&self, time: Duration) {
        self.now.fetch_max(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
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
        Box::pin(Wait { clock: self.clone(), until: self.now() + duration, yields: 8 })
    }
}

/// Lets the other tasks have their turn before the time moves.
struct Wait {
    clock: FakeClock,
    until: Duration,
    yields: u8,
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.yields == 0 || self.clock.now() >= self.until {
            self.clock.reach(self.until);
            return Poll::Ready(());
        }
        self.yields -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
