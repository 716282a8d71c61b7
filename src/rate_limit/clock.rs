//! What is surely true of the server's clock, read from its answers.

use std::time::Duration;

/// Our clock and the server's may drift apart by one part in this many.
const DRIFT: u32 = 10_000;

/// Disagreement that rounding and slow handling explain.
const SLACK: Duration = Duration::from_secs(2);

/// A lower bound of the server's time, as time since the Unix epoch.
///
/// An answer stamped `d` was on its way when the server's clock showed at least `d`, so at any later local
/// time `t` it shows at least `d + (t - received)`. The best bound over all answers is kept: with stamps of
/// whole seconds it comes close to the truth after a few of them.
#[derive(Debug, Default)]
pub(super) struct ServerClock {
    /// A bound, and the local time at which it held.
    bound: Option<(Duration, Duration)>,
}

impl ServerClock {
    /// The least that the server's clock can show at local time `now`; `None` before the first answer that
    /// told.
    pub(super) fn at_least(&self, now: Duration) -> Option<Duration> {
        let (bound, at) = self.bound?;
        let elapsed = now.saturating_sub(at);
        Some(bound.saturating_add(elapsed.saturating_sub(elapsed / DRIFT)))
    }

    /// Learns that the server's clock showed `bound` or up to `vagueness` more at some time during the
    /// `round_trip` that ended at `now`. Returns true if it contradicts what was believed: the clock was set
    /// back, or lied before.
    pub(super) fn learn(
        &mut self,
        bound: Duration,
        vagueness: Duration,
        round_trip: Duration,
        now: Duration,
    ) -> bool {
        let believed = self.at_least(now);
        let most = bound
            .saturating_add(vagueness)
            .saturating_add(round_trip)
            .saturating_add(SLACK);
        let stepped_back = believed.is_some_and(|believed| believed > most);
        if stepped_back || believed.is_none_or(|believed| believed < bound) {
            self.bound = Some((bound, now));
        }
        stepped_back
    }

    /// The most by which [`wait_until`](Self::wait_until) at local time `now` may be longer than the server's
    /// clock needs.
    pub(super) fn caution(&self, now: Duration) -> Duration {
        let elapsed = self
            .bound
            .map_or(Duration::ZERO, |(_, at)| now.saturating_sub(at));
        // A stamp is up to a second old. Both clocks may err, and the rounding of `wait_until`.
        Duration::from_secs(1) + elapsed / DRIFT * 2 + Duration::from_millis(2)
    }

    /// How long to wait at local time `now` until the server's clock surely shows `time`.
    pub(super) fn wait_until(&self, time: Duration, now: Duration) -> Duration {
        let ahead = time.saturating_sub(self.at_least(now).unwrap_or(time));
        if ahead.is_zero() {
            return ahead;
        }
        // Twice the drift and a millisecond, so that the rounding never wakes us too early.
        ahead
            .saturating_add(ahead / DRIFT * 2)
            .saturating_add(Duration::from_millis(1))
    }
}
