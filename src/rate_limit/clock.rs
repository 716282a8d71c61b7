//! Estimates the time of the server's clock from the responses. The estimate is a lower bound.

use std::time::Duration;

/// The maximum drift between the local clock and the server's clock: 1 part in `DRIFT`.
const DRIFT: u32 = 10_000;

/// The largest time difference that rounding and slow handling can explain.
const SLACK: Duration = Duration::from_secs(2);

/// A lower bound of the server's time, as a duration since the Unix epoch.
///
/// If a response has the date `d`, the server's clock showed at least `d` when the server sent the response. So at a
/// later local time `t`, the server's clock shows at least `d + (t - received)`. The largest bound of all responses
/// is kept. A date has whole seconds, but after a few responses the bound is close to the server's time.
#[derive(Debug, Default)]
pub(super) struct ServerClock {
    /// The lower bound of the server's time, and the local time for which the bound was computed.
    bound: Option<(Duration, Duration)>,
}

impl ServerClock {
    /// Returns the lower bound of the server's time at local time `now`. Returns `None` before the first response
    /// that reports a time.
    pub(super) fn at_least(&self, now: Duration) -> Option<Duration> {
        let (bound, at) = self.bound?;
        let elapsed = now.saturating_sub(at);
        Some(bound + elapsed.saturating_sub(elapsed / DRIFT))
    }

    /// Updates the bound with a response that arrived at `now`. During the `round_trip` of the response, the server's
    /// clock showed a time between `bound` and `bound + vagueness`.
    ///
    /// Returns true if this contradicts the current bound. In this case, the server's clock was set back or was wrong
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

    /// Returns the maximum time by which [`wait_until`](Self::wait_until) waits too long at local time `now`.
    pub(super) fn caution(&self, now: Duration) -> Duration {
        let (_, at) = self.bound.unwrap_or_default();
        let elapsed = now.saturating_sub(at);
        // The sum has three terms. A date can be one second old, both clocks can drift, and `wait_until` rounds up.
        Duration::from_secs(1) + elapsed / DRIFT * 2 + Duration::from_millis(2)
    }

    /// Returns the time to wait at local time `now` until the server's clock has certainly reached `time`.
    pub(super) fn wait_until(&self, time: Duration, now: Duration) -> Duration {
        let ahead = time.saturating_sub(self.at_least(now).unwrap_or(time));
        if ahead.is_zero() {
            return ahead;
        }
        // The margin is twice the drift plus one millisecond, so that rounding never ends the wait too early.
        ahead + ahead / DRIFT * 2 + Duration::from_millis(1)
    }
}
