//! Which failure may be tried again, and when; the loop around a call.

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Executed};
use crate::halt::Halt;
use std::time::Duration;

/// How often and how long a failed call is tried again.
///
/// A read is tried again after any passing failure. A write is tried again only if it was surely
/// not executed; what may have been executed is read back instead (see [`Assign`](crate::Assign)).
/// Waits grow from [`initial_backoff`](Self::initial_backoff) by doubling up to
/// [`max_backoff`](Self::max_backoff), with full jitter: each wait is drawn evenly between nothing
/// and that bound. A refusal for the account's limit is no failure and costs no attempt. Which failure
/// is tried again: see [`ErrorKind`](crate::ErrorKind).
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
    /// 5 attempts within 2 minutes, waits of at most 0.25 s doubling to 20 s.
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
    /// One attempt, whatever happens.
    #[must_use]
    pub fn never() -> Self {
        Self {
            attempts: 1,
            ..Self::default()
        }
    }

    /// The most attempts of one call, the first included. At least 1. Default 5.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// No further attempt starts once a call has taken this long. Default 2 minutes.
    #[must_use]
    pub fn max_elapsed(mut self, elapsed: Duration) -> Self {
        self.elapsed = elapsed;
        self
    }

    /// The bound of the first wait. Default 250 ms.
    #[must_use]
    pub fn initial_backoff(mut self, backoff: Duration) -> Self {
        self.initial = backoff;
        self
    }

    /// The bound of the longest wait. Default 20 s.
    #[must_use]
    pub fn max_backoff(mut self, backoff: Duration) -> Self {
        self.longest = backoff;
        self
    }

    /// The most attempts of one call.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The wait after the `failures`-th failure; `random` is drawn evenly from 0 to 1.
    pub(crate) fn backoff(&self, failures: u32, random: f64) -> Duration {
        let doubled = 2_u32
            .checked_pow(failures.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let bound = self.initial.saturating_mul(doubled).min(self.longest);
        bound.mul_f64(random.clamp(0.0, 1.0))
    }
}

/// A call that is refused for the account's limit is sent again for so long at least: ten of the minute's windows.
const LONGEST_REFUSAL: Duration = Duration::from_secs(600);

/// What repeating a call may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A read: repeating it does no harm.
    Read,
    /// A write: repeating it after it was executed assigns twice.
    Write,
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// Never: the same request would fail the same way, or might have been executed.
    No,
    /// After a back-off.
    AfterBackoff,
    /// As soon as the account's limits allow: the pacing does the waiting.
    WhenAllowed,
}

/// The rule. No `_` arm: a new kind of failure must be thought through here.
fn again(error: &Error, effect: Effect) -> Again {
    let repeatable = match (error.executed(), effect) {
        (Executed::No, _) | (Executed::Maybe, Effect::Read) => Again::AfterBackoff,
        (Executed::Maybe, Effect::Write) => Again::No,
    };
    match error.kind() {
        ErrorKind::RateLimited if error.retry_at().is_none() => Again::WhenAllowed,
        ErrorKind::Connect
        | ErrorKind::Timeout
        | ErrorKind::Interrupted
        | ErrorKind::Server
        | ErrorKind::Unreadable
        | ErrorKind::RequestTimeout => repeatable,
        // Waiting does not help, or takes longer than the caller allows.
        ErrorKind::RateLimited
        | ErrorKind::QuotaSpent
        | ErrorKind::Configuration
        | ErrorKind::InvalidInput
        | ErrorKind::TooManyUsers
        | ErrorKind::Unauthorized
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::Validation
        | ErrorKind::Client
        | ErrorKind::Redirect
        | ErrorKind::Unexpected
        | ErrorKind::TooLarge
        | ErrorKind::RequestLimit
        | ErrorKind::InDoubt
        | ErrorKind::Stopped => Again::No,
    }
}

/// Calls until success, a failure that repeating cannot mend, the policy's end, or the word to halt.
pub(crate) async fn retry<T, F: Future<Output = Result<T, Error>>>(
    policy: &RetryPolicy,
    clock: &dyn Clock,
    effect: Effect,
    halt: &Halt,
    mut call: impl FnMut() -> F,
) -> Result<T, Error> {
    let start = clock.now();
    let mut failures = 0;
    loop {
        let error = match call().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let elapsed = clock.now().saturating_sub(start);
        match again(&error, effect) {
            // The pacing does the waiting; a server that refuses for ever is not asked for ever.
            Again::WhenAllowed
                if elapsed < policy.elapsed.max(LONGEST_REFUSAL) && !halt.is_set() => {}
            Again::No | Again::WhenAllowed => return Err(error),
            Again::AfterBackoff => {
                failures += 1;
                let wait = policy.backoff(failures, fastrand::f64());
                if failures >= policy.attempts || elapsed + wait > policy.elapsed {
                    return Err(error);
                }
                tracing::debug!(
                    error.type = error.kind().as_str(),
                    attempt = failures,
                    wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                    "trying again"
                );
                if halt.unless(clock.sleep(wait)).await.is_err() {
                    return Err(error);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_full_and_bounded() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.backoff(1, 0.0), Duration::ZERO);
        assert_eq!(policy.backoff(1, 1.0), Duration::from_millis(250));
        assert_eq!(policy.backoff(3, 0.5), Duration::from_millis(500));
        for failures in [7, 8, 40, u32::MAX] {
            assert!(
                policy.backoff(failures, 1.0) <= Duration::from_secs(20),
                "{failures}"
            );
        }
    }
}
