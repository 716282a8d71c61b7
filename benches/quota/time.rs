//! Simulated time, shared by the client and the server: it moves on to whoever waits next, once nobody has
//! anything left to do.

use connecteam_onboarding::{Clock, Sleep};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;

/// Everybody is waiting if nothing has happened for so long, really.
const QUIET: Duration = Duration::from_millis(1);

/// 2026-01-01T00:00:00Z: a minute and a day begin.
pub const START: Duration = Duration::from_secs(1_767_225_600);

#[derive(Clone, Debug, Default)]
pub struct Time(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    now: Duration,
    /// Those who wait, by when and in which order.
    waiting: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
    /// Counts whatever happens.
    events: u64,
    over: bool,
}

impl Time {
    /// Starts the time, which ends with what is returned.
    pub fn start() -> (Self, Running) {
        let time = Self::default();
        let running = Running(time.clone());
        let ticking = time.clone();
        std::thread::spawn(move || ticking.run());
        (time, running)
    }

    fn run(&self) {
        let mut seen = 0;
        while !self.state().over {
            std::thread::sleep(QUIET);
            let mut state = self.state();
            if std::mem::replace(&mut seen, state.events) != state.events {
                continue;
            }
            // Whoever gave up waiting does not move the time.
            while let Some(((until, _), sender)) = state.waiting.pop_first() {
                if !sender.is_closed() {
                    state.now = state.now.max(until);
                    state.events += 1;
                    let _ = sender.send(());
                    break;
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened that time must not overtake.
    pub fn note(&self) {
        self.state().events += 1;
    }

    fn wait(&self, duration: Duration) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state();
        state.events += 1;
        let key = (state.now + duration, state.events);
        state.waiting.insert(key, sender);
        receiver
    }

    /// Waits in a thread of its own; `false` once the time is over.
    pub fn block(&self, duration: Duration) -> bool {
        self.wait(duration).blocking_recv().is_ok()
    }
}

/// Ends the time when dropped, and all who wait with it.
pub struct Running(Time);

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.over = true;
        state.waiting.clear();
    }
}

impl Clock for Time {
    fn now(&self) -> Duration {
        self.state().now
    }

    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + START + self.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let receiver = self.wait(duration);
        Box::pin(async move {
            let _ = receiver.await;
        })
    }
}
