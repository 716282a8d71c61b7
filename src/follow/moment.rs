//! [`Moment`]: a time in whole seconds.

use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// A time in whole seconds since the Unix epoch: half the size of a `SystemTime`, and unchanged by a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemars", schemars(inline))]
#[serde(try_from = "u64", into = "u64")]
pub(super) struct Moment(u64);

impl Moment {
    /// The end of the year 9999. Every platform's `SystemTime` reaches it, so no file can overflow one.
    const LATEST: u64 = 253_402_300_799;

    pub(super) const fn seconds(self) -> u64 {
        self.0
    }
}

impl From<SystemTime> for Moment {
    /// Rounds down. A time outside of 1970 to 9999 becomes the nearest one inside.
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        let seconds = since.map_or(0, |since| since.as_secs());
        Self(seconds.min(Self::LATEST))
    }
}

impl From<Moment> for SystemTime {
    fn from(moment: Moment) -> Self {
        Self::UNIX_EPOCH + Duration::from_secs(moment.0)
    }
}

impl TryFrom<u64> for Moment {
    type Error = String;

    fn try_from(seconds: u64) -> Result<Self, String> {
        if seconds <= Self::LATEST {
            Ok(Self(seconds))
        } else {
            Err(format!(
                "{seconds} is not a time before the year 10000, in seconds since 1970"
            ))
        }
    }
}

impl From<Moment> for u64 {
    fn from(moment: Moment) -> Self {
        moment.0
    }
}
