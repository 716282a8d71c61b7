//! A lower bound of the server's clock, read from its responses.

use std::time::Duration;

/// Our clock and the server's may drift apart by one part in this many.
const DRIFT: u32 = 10_000;

/// A difference that rounding and slow handling explain.
const SLACK: Duration = Duration::from_secs(2);

/// A lower bound of the server's time, as time since the Unix epoch.
///
/// A response with the date `d` was sent when the server's clock showed at least `d`. So at a later local time `t`, the
/// clock shows at least `d + (t - received)`. The best bound of all responses is kept. Dates are in whole seconds, and
/// after a few of them the bound is close to the truth.
#[derive(Debug, Default)]
pub(super) struct ServerClock {
    /// A bound, and the local time at which it held.
    bound: Option<(Duration, Duration)>,
}

impl ServerClock {
    /// Returns the least that the server's clock can show at local time `now`; `None` before the first response with a
    /// time.
    pub(super) fn at_least(&self, now: Duration) -> Option<Duration> {
        let (bound, at) = self.bound?;
        let elapsed = now.saturating_sub(at);
        Some(bound + elapsed.saturating_sub(elapsed / DRIFT))
    }

    /// Learns that during the `round_trip` that ended at `now`, the server's clock showed between `bound` and
    /// `bound + vagueness`. Returns true if that contradicts the present bound: the clock was set back, or was wrong
    /// before.
    pub(super) fn learn(
        &mut self,
        bound: Duration,
        vagueness: Duration,
        round_trip: Duration,
        now: Duration,
    ) -> bool {
        let believed = self.at_least(now);
        let most = bound + vagueness + round_trip + SLACK;
        let stepped_back = believed.is_some_and(|believed| believed > most);
        if stepped_back || believed.is_none_or(|believed| believed < bound) {
            self.bound = Some((bound, now));
        }
        stepped_back
    }

    /// Returns the most by which [`wait_until`](Self::wait_until) at local time `now` may be longer than necessary.
    pub(super) fn caution(&self, now: Duration) -> Duration {
        let (_, at) = self.bound.unwrap_or_default();
        let elapsed = now.saturating_sub(at);
        // A date is up to a second old; then the drift of both clocks, and the rounding of `wait_until`.
        Duration::from_secs(1) + elapsed / DRIFT * 2 + Duration::from_millis(2)
    }

    /// Returns how long to wait at local time `now` until the server's clock certainly shows `time`.
    pub(super) fn wait_until(&self, time: Duration, now: Duration) -> Duration {
        let ahead = time.saturating_sub(self.at_least(now).unwrap_or(time));
        if ahead.is_zero() {
            return ahead;
        }
        // Twice the drift and a millisecond, so that rounding never ends the wait too early.
        ahead + ahead / DRIFT * 2 + Duration::from_millis(1)
    }
}
