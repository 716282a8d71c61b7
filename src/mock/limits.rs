//! The account's rate limits.

/// A window of a fixed length. It starts at a multiple of its length, as a full minute does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    name: &'static str,
    length: u64,
    limit: u64,
    number: u64,
    used: u64,
}

impl Window {
    /// `length` is in seconds.
    pub(super) fn new(name: &'static str, length: u64, limit: u64) -> Self {
        Self {
            name,
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

    /// The headers that report this window.
    pub(super) fn headers(&self) -> impl Iterator<Item = (String, String)> + use<> {
        let name = self.name;
        [
            ("limit", self.limit),
            ("remaining", self.limit - self.used),
            ("reset", (self.number + 1) * self.length),
        ]
        .into_iter()
        .map(move |(field, value)| (format!("x-ratelimit-{name}-{field}"), value.to_string()))
    }
}
