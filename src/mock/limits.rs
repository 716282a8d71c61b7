//! The account's rate limits.

use crate::api::WindowHeaders;
use http::HeaderMap;

/// A rate-limit window of a fixed length. Windows start at multiples of their length since the Unix epoch. For example,
/// a one-minute window starts at a full minute.
pub(super) struct Window {
    names: WindowHeaders,
    length: u64,
    limit: u64,
    number: u64,
    used: u64,
}

impl Window {
    /// Creates a window with a `length` in seconds.
    pub(super) fn new(names: WindowHeaders, length: u64, limit: u64) -> Self {
        Self {
            names,
            length,
            limit,
            number: 0,
            used: 0,
        }
    }

    /// Returns whether the limit permits a request. Only permitted requests are counted.
    pub(super) fn take(&mut self, epoch: u64) -> bool {
        let number = epoch / self.length;
        if number != self.number {
            (self.number, self.used) = (number, 0);
        }
        let fits = self.used < self.limit;
        self.used += u64::from(fits);
        fits
    }

    /// Adds the rate-limit headers of this window to a response.
    pub(super) fn report(&self, headers: &mut HeaderMap) {
        headers.insert(self.names.limit, self.limit.into());
        headers.insert(self.names.remaining, (self.limit - self.used).into());
        headers.insert(self.names.reset, ((self.number + 1) * self.length).into());
    }
}
