//! Which failure is retried, and when; the loop around a call.

use crate::clock::Clock;
use crate::error::{Error, Executed, Repeat};
pub(crate) use crate::request::Effect;
use crate::request::Run;
use std::time::Duration;

/// How often and how long a failed call is retried.
///
/// A write is retried only if it was certainly not executed. A write that may have been executed is read back instead (see
/// [`Assign`](crate::Assign)). [`ErrorKind`](crate::ErrorKind) says after which failures a call is retried.
///
/// Waits double from [`initial_backoff`](Self::initial_backoff) up to [`max_backoff`](Self::max_backoff), with full
/// jitter: each wait is drawn evenly between zero and that bound. A refusal for the rate limit does not count as an
/// attempt.
///
/// | setting | default |
/// |---|---|
/// | [`max_attempts`](Self::max_attempts) | 5 |
/// | [`max_elapsed`](Self::max_elapsed) | 2 min |
/// | [`initial_backoff`](Self::initial_backoff) | 250 ms |
/// | [`max_backoff`](Self::max_backoff) | 20 s |
///
/// ```
/// use connecteam_onboarding::RetryPolicy;
/// use std::time::Duration;
///
/// let patient = RetryPolicy::default().max_attempts(10).max_elapsed(Duration::from_secs(600));
/// let never = RetryPolicy::never();
/// # let _ = (patient, never);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    attempts: u32,
    elapsed: Duration,
    initial: Duration,
    longest: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            elapsed: Duration::from_secs(120),
            initial: Duration::from_millis(250),
            longest: Duration::from_secs(20),
        }
    }
}

impl RetryPolicy {
    /// A policy of one attempt, so that nothing is retried.
    #[must_use]
    pub fn never() -> Self {
        Self {
            attempts: 1,
            ..Self::default()
        }
    }

    /// Sets the most attempts of one call, the first included. At least 1. Default: 5.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets the time after which no further attempt starts. Default: 2 minutes.
    #[must_use]
    pub fn max_elapsed(mut self, elapsed: Duration) -> Self {
        self.elapsed = elapsed;
        self
    }

    /// Sets the bound of the first wait. Default: 250 ms.
    #[must_use]
    pub fn initial_backoff(mut self, backoff: Duration) -> Self {
        self.initial = backoff;
        self
    }

    /// Sets the bound of the longest wait. Default: 20 s.
    #[must_use]
    pub fn max_backoff(mut self, backoff: Duration) -> Self {
        self.longest = backoff;
        self
    }

    /// Returns the most attempts of one call.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Returns the wait after the given number of failures. `random` is drawn evenly from 0 to 1.
    fn wait(&self, failures: u32, random: f64) -> Duration {
        backoff(self.initial, self.longest, failures).mul_f64(random.clamp(0.0, 1.0))
    }
}

/// Returns the wait after the given number of failures, from 1 on. It doubles with each failure.
pub(crate) fn backoff(first: Duration, longest: Duration, failures: u32) -> Duration {
    let factor = 2_u32.saturating_pow(failures.saturating_sub(1));
    first.saturating_mul(factor).min(longest)
}

/// A call that is refused for the rate limit is repeated at least this long: ten windows of a minute.
const LONGEST_REFUSAL: Duration = Duration::from_secs(600);

/// Returns when to repeat a call that failed.
fn repeat(error: &Error, effect: Effect) -> Repeat {
    match error.kind().repeat() {
        // The wait would be longer than the caller permits.
        Repeat::WhenPermitted if error.retry_at().is_some() => Repeat::Never,
        _ if effect == Effect::Write && error.executed() == Executed::Maybe => Repeat::Never,
        repeat => repeat,
    }
}

/// Repeats a call until it succeeds, fails in a way that repeating cannot change, reaches the limits of the policy, or
/// `run` is stopped. The error says how often and how long the call was attempted.
pub(crate) async fn retry<T, F: Future<Output = Result<T, Error>>>(
    policy: &RetryPolicy,
    clock: &dyn Clock,
    effect: Effect,
    run: &Run,
    mut call: impl FnMut() -> F,
) -> Result<T, Error> {
    let start = clock.now();
    let (mut attempts, mut failures) = (0, 0);
    loop {
        let error = match call().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        attempts += 1;
        let elapsed = clock.now().saturating_sub(start);
        let is_repeated = match repeat(&error, effect) {
            Repeat::Never => false,
            // The call itself waits for the rate limit. A server that refuses every request is given up in the end.
            Repeat::WhenPermitted => {
                elapsed < policy.elapsed.max(LONGEST_REFUSAL) && !run.is_stopped()
            }
            Repeat::AfterBackoff => {
                failures += 1;
                let wait = policy.wait(failures, fastrand::f64());
                if failures >= policy.attempts || elapsed + wait > policy.elapsed {
                    false
                } else {
                    tracing::debug!(%error, attempt = failures, wait_ms = wait.as_millis(), "retrying");
                    run.until_stopped(clock.sleep(wait)).await.is_ok()
                }
            }
        };
        if !is_repeated {
            return Err(match attempts {
                1 => error,
                _ => error.with_attempts(attempts, elapsed),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_each_wait_below_a_doubling_bound() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.wait(1, 0.0), Duration::ZERO);
        assert_eq!(policy.wait(1, 1.0), Duration::from_millis(250));
        assert_eq!(policy.wait(3, 0.5), Duration::from_millis(500));
        for failures in [7, 8, 40, u32::MAX] {
            assert!(
                policy.wait(failures, 1.0) <= Duration::from_secs(20),
                "{failures}"
            );
        }
    }
}
