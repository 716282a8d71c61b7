use crate::clock::{Clock, Sleep, SystemClock};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock for tests that avoids real waits. Each wait takes two milliseconds of real time and advances the fake clock
/// by the requested duration.
///
/// With this clock, tests of retries and rate limits take almost no real time. Two concurrent one-minute waits advance
/// the clock by one minute in total. All clones of a clock share the same time.
///
/// The clock starts at 2026-01-01T00:00:00Z. Real time advances the clock only after a call to
/// [`FakeOnboarding::real_time`](super::FakeOnboarding::real_time).
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
pub struct FakeClock(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// The total time added by waits and `advance`, in nanoseconds.
    added: AtomicU64,
    /// Contains the system clock if the fake uses real time. With real time, the fake clock reports the system time
    /// plus `added`.
    machine: OnceLock<SystemClock>,
}

/// The real time that each wait on the fake clock takes.
const PAUSE: Duration = Duration::from_millis(2);

/// 2026-01-01T00:00:00Z.
const START: Duration = Duration::from_secs(1_767_225_600);

impl FakeClock {
    /// Advances the clock by this duration. The end times of pending waits do not change.
    pub fn advance(&self, by: Duration) {
        self.reach(self.added() + by);
    }

    pub(super) fn follow_machine(&self) {
        self.0.machine.get_or_init(SystemClock::default);
    }

    fn added(&self) -> Duration {
        Duration::from_nanos(self.0.added.load(Ordering::SeqCst))
    }

    fn reach(&self, added: Duration) {
        let nanoseconds = u64::try_from(added.as_nanos()).unwrap_or(u64::MAX);
        self.0.added.fetch_max(nanoseconds, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Duration {
        let machine = self.0.machine.get().map(Clock::now);
        self.added() + machine.unwrap_or_default()
    }

    fn wall(&self) -> SystemTime {
        let machine = self.0.machine.get().map(Clock::wall);
        machine.unwrap_or(UNIX_EPOCH + START) + self.added()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        if let Some(machine) = self.0.machine.get() {
            return machine.sleep(duration);
        }
        let (clock, until) = (self.clone(), self.added() + duration);
        Box::pin(async move {
            // Waits for a short real time, so that responses in flight can arrive before the clock advances.
            tokio::time::sleep(PAUSE).await;
            clock.reach(until);
        })
    }
}
