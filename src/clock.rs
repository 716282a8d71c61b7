use std::fmt::Debug;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

/// The future that [`Clock::sleep`] returns.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A source of time.
///
/// The client uses [`SystemClock`] by default. In tests, a custom clock can skip real waits, such as retry delays and
/// rate-limit waits. The `mock` feature provides `mock::FakeClock`, a clock for tests.
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
    /// Returns the elapsed time since a fixed moment. The returned value never decreases.
    fn now(&self) -> Duration;

    /// Returns the current date and time. The client uses the returned time only until it receives a response with a
    /// `Date` header.
    fn wall(&self) -> SystemTime;

    /// Waits for this duration. Dropping the returned future cancels the wait.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// The default clock, which uses the system time and `tokio::time::sleep`.
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
