//! A clock for tests that would otherwise take too long.

use connecteam_onboarding::{Clock, Sleep};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// A clock that ends every wait at once, and advances its time by the length of the wait.
#[derive(Clone, Debug, Default)]
pub struct SkippingClock(Arc<Mutex<(Duration, Vec<Duration>)>>);

impl SkippingClock {
    /// Returns the lengths of all waits since the previous call.
    pub fn waits(&self) -> Vec<Duration> {
        std::mem::take(&mut self.0.lock().expect("no panic").1)
    }
}

impl Clock for SkippingClock {
    fn now(&self) -> Duration {
        self.0.lock().expect("no panic").0
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now() + self.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let mut state = self.0.lock().expect("no panic");
        state.0 += duration;
        state.1.push(duration);
        Box::pin(tokio::task::yield_now())
    }
}
