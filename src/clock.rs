//! Time, passed in: what waits, waits through a [`Clock`].

use std::fmt::Debug;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

/// A pause that a [`Clock`] makes.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells the time and waits.
///
/// [`SystemClock`] is the default; tests pass their own, so that no test
/// has to wait for back-off, settling or the account's windows. With the feature `mock` there is one
/// ready, `mock::FakeClock`.
///
/// ```
/// use connecteam_onboarding::{Client, Clock, Sleep};
/// use std::time::{Duration, SystemTime, UNIX_EPOCH};
///
/// /// Stands still, and never waits.
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
    /// The time since some fixed moment. Never goes back.
    fn now(&self) -> Duration;

    /// The local time of day. Used only where no answer carried a `Date`.
    fn wall(&self) -> SystemTime;

    /// Waits. Dropping the future ends the wait.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// The machine's clock and tokio's timer.
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
