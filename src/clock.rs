//! [`Clock`]: reads the time and waits. The caller may pass a clock, so that no test has to wait.

use std::fmt::Debug;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

/// The future that [`Clock::sleep`] returns.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A source of time.
///
/// [`SystemClock`] is the default. A test can pass its own clock, so that it does not wait for back-off, `settle` or the rate
/// limit. The feature `mock` has a clock for tests, `mock::FakeClock`.
///
/// ```
/// use connecteam_onboarding::{Client, Clock, Sleep};
/// use std::time::{Duration, SystemTime, UNIX_EPOCH};
///
/// /// A clock that stands still and never waits.
/// #[derive(Debug)]
/// struct Still;
///
/// impl Clock for Still {
///     fn now(&self) -> Duration {
///         Duration::ZERO
///     }
///
///     fn wall(&self) -> SystemTime {
///         UNIX_EPOCH
///     }
///
///     fn sleep(&self, _: Duration) -> Sleep {
///         Box::pin(std::future::ready(()))
///     }
/// }
///
/// let builder = Client::builder().clock(Still);
/// # let _ = builder;
/// ```
pub trait Clock: Debug + Send + Sync + 'static {
    /// Returns the time since a fixed moment. This time never decreases.
    fn now(&self) -> Duration;

    /// Returns the date and time of this machine. The client uses this time only if no response has the header
    /// `Date`.
    fn wall(&self) -> SystemTime;

    /// Waits for this duration. Dropping the future ends the wait.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// The clock of this machine. Waits with the timer of tokio.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}
