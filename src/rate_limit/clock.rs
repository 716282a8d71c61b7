//! Estimates a lower bound of the server's current time from the responses.

use std::time::Duration;

/// The local clock and the server's clock drift apart by at most one second in `DRIFT` seconds.
const DRIFT: u32 = 10_000;

/// The tolerance for rounding and delays when the date of a response is compared with the estimate.
const SLACK: Duration = Duration::from_secs(2);

/// A lower bound of the server's time, as a duration since the Unix epoch.
///
/// A response with the date `d` was sent at server time `d` or later. At a later local time `t`, the server time is at
/// least `d + (t - received)`, where `received` is the local time at which the response arrived. Each response yields a
/// lower bound, and the largest one is kept. Dates are in whole seconds, so a single bound can be up to one second too
/// low. With more responses, the largest bound comes closer to the real server time.
#[derive(Debug, Default)]
pub(super) struct ServerClock {
    /// The lower bound and the local time at which it was computed.
    bound: Option<(Duration, Duration)>,
}

impl ServerClock {
    /// Returns the lower bound of the server's time at local time `now`, or `None` if no response has reported a time
    /// yet.
    pub(super) fn at_least(&self, now: Duration) -> Option<Duration> {
        let (bound, at) = self.bound?;
        let elapsed = now.saturating_sub(at);
        Some(bound + elapsed.saturating_sub(elapsed / DRIFT))
    }

    /// Updates the lower bound with a response that arrived at local time `now`. When the server handled the request,
    /// the server time was between `bound` and `bound + vagueness`. `round_trip` is the time from the request to the
    /// response.
    ///
    /// Returns true if the server's clock was set back or had been wrong, so that the old bound is no longer valid.
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

    /// Returns how much too long the result of [`wait_until`](Self::wait_until) can be at local time `now`.
    pub(super) fn caution(&self, now: Duration) -> Duration {
        let (_, at) = self.bound.unwrap_or_default();
        let elapsed = now.saturating_sub(at);
        // The result covers a `Date` header that is one second old, the clock drift, and the rounding in `wait_until`.
        Duration::from_secs(1) + elapsed / DRIFT * 2 + Duration::from_millis(2)
    }

    /// Returns how long to wait after local time `now`, so that the server's clock has certainly reached `time`.
    pub(super) fn wait_until(&self, time: Duration, now: Duration) -> Duration {
        let ahead = time.saturating_sub(self.at_least(now).unwrap_or(time));
        if ahead.is_zero() {
            return ahead;
        }
        // The wait includes a margin for clock drift, and one millisecond for rounding.
        ahead + ahead / DRIFT * 2 + Duration::from_millis(1)
    }
}
