//! Decides whether and when failed calls are retried, and retries them.

use crate::clock::Clock;
use crate::error::{Error, Executed, Repeat};
pub(crate) use crate::request::Effect;
use crate::request::Run;
use std::time::Duration;

/// Configures how often and for how long a failed call is retried.
///
/// A write is retried only if the API certainly did not execute it. If the API may have executed a write,
/// [`Assign`](crate::Assign) reads the pack instead of retrying. [`ErrorKind`](crate::ErrorKind) lists the failures
/// after which a call is retried.
///
/// Each back-off is a random duration between zero and an upper bound (full jitter). The upper bound starts at
/// [`initial_backoff`](Self::initial_backoff) and doubles after each failure, up to [`max_backoff`](Self::max_backoff).
/// A rate-limit refusal does not use up an attempt.
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
    /// Returns a policy that makes only one attempt per call.
    #[must_use]
    pub fn never() -> Self {
        Self {
            attempts: 1,
            ..Self::default()
        }
    }

    /// Sets the maximum number of attempts per call, including the first attempt. Treats 0 as 1. Default: 5.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets how long a call may be retried, measured from the start of the call. Default: 2 min.
    #[must_use]
    pub fn max_elapsed(mut self, elapsed: Duration) -> Self {
        self.elapsed = elapsed;
        self
    }

    /// Sets the upper bound of the first back-off. Default: 250 ms.
    #[must_use]
    pub fn initial_backoff(mut self, backoff: Duration) -> Self {
        self.initial = backoff;
        self
    }

    /// Sets the maximum duration of a back-off. Default: 20 s.
    #[must_use]
    pub fn max_backoff(mut self, backoff: Duration) -> Self {
        self.longest = backoff;
        self
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Returns the random back-off before the next attempt. `failures` is the number of failed attempts, and `random`
    /// is a number from 0 to 1.
    fn wait(&self, failures: u32, random: f64) -> Duration {
        backoff(self.initial, self.longest, failures).mul_f64(random.clamp(0.0, 1.0))
    }
}

/// Returns the back-off before the next attempt. The back-off is `first` after the first failure and doubles after each
/// further failure, up to `longest`.
pub(crate) fn backoff(first: Duration, longest: Duration, failures: u32) -> Duration {
    let factor = 2_u32.saturating_pow(failures.saturating_sub(1));
    first.saturating_mul(factor).min(longest)
}

/// Rate-limit refusals are retried for at least this long after the start of a call, even if the retry policy permits
/// less time. This time covers ten one-minute windows.
const LONGEST_REFUSAL: Duration = Duration::from_secs(600);

/// Returns whether and when to retry a failed call.
fn repeat(error: &Error, effect: Effect) -> Repeat {
    match error.kind().repeat() {
        // If a `RateLimited` error has a `retry_at`, the wait would exceed `max_rate_limit_wait`, so the call is not
        // retried.
        Repeat::WhenPermitted if error.retry_at().is_some() => Repeat::Never,
        _ if effect == Effect::Write && error.executed() == Executed::Maybe => Repeat::Never,
        repeat => repeat,
    }
}

/// Repeats a call until it succeeds, fails with an error that must not be retried, or reaches a limit of the retry
/// policy. Stops retrying when `run` is stopped. The returned error contains the number of attempts and their total
/// duration.
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
            // No back-off is necessary, because the call itself waits for the rate limit. The time limit ends the loop
            // if the server refuses every request.
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
