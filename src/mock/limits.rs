//! The account's rate limits.

use crate::api::WindowHeaders;
use http::HeaderMap;

/// A window of a fixed length. It starts at a multiple of its length, as a full minute does.
pub(super) struct Window {
    names: WindowHeaders,
    length: u64,
    limit: u64,
    number: u64,
    used: u64,
}

impl Window {
    /// `length` is in seconds.
    pub(super) fn new(names: WindowHeaders, length: u64, limit: u64) -> Self {
        Self {
            names,
            length,
            limit,
            number: 0,
            used: 0,
        }
    }

    /// Takes one request, if it is within the limit.
    pub(super) fn take(&mut self, epoch: u64) -> bool {
        let number = epoch / self.length;
        if number != self.number {
            (self.number, self.used) = (number, 0);
        }
        let fits = self.used < self.limit;
        self.used += u64::from(fits);
        fits
    }

    /// Writes the headers that report this window.
    pub(super) fn report(&self, headers: &mut HeaderMap) {
        headers.insert(self.names.limit, self.limit.into());
        headers.insert(self.names.remaining, (self.limit - self.used).into());
        headers.insert(self.names.reset, ((self.number + 1) * self.length).into());
    }
}
