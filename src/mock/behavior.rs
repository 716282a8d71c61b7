//! Faults of the fake, and settings for API behavior that the vendor does not document.

use super::message::{Response, response};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Selects how a 422 response names the rejected users. The vendor does not document this, so test your code with
/// each style.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalStyle {
    /// The response names no user.
    #[default]
    Silent,
    /// The response has the index of each rejected user in the request.
    Indices,
    /// The response has the index of only the first rejected user in the request.
    FirstIndex,
    /// The message text of the response has the ids of the rejected users.
    Text,
    /// The message text of the response has all ids of the request, and does not say which users are rejected.
    Echo,
}

/// Selects what happens if a request assigns a user who is already on the pack. The vendor does not document this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reassignment {
    /// The request succeeds and does not change the assignments of this user.
    Ignore,
    /// The request fails with status 422.
    Refuse,
    /// The user gets a second assignment. A second assignment is the default, so that a test can find users that are
    /// assigned twice.
    #[default]
    AssignAgain,
}

/// A fault replaces or changes one response of the fake.
/// [`FakeOnboarding::fail_next`](super::FakeOnboarding::fail_next) adds a fault to the queue.
///
/// ```
/// use connecteam_onboarding::mock::Fault;
///
/// // A gateway refuses the request. The API never sees it.
/// let refused = Fault::before(429, "").header("retry-after", "2");
/// // The API assigns the users, but the response is lost.
/// let lost = Fault::after(504, "<html>Gateway time-out</html>");
/// // A cache returns the list, 30 seconds old.
/// let cached = Fault::pass().header("age", "30");
/// # let _ = (refused, lost, cached);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Fault {
    /// Whether the fake executes the request.
    pub(super) executes: bool,
    /// The status and body of the response. `None` keeps the normal response of the fake.
    replaced: Option<(u16, String)>,
    /// Headers of the response. These headers replace headers of the fake that have the same name.
    pub(super) headers: HeaderMap,
}

impl Fault {
    /// Responds with this status and body, and does not execute the request.
    ///
    /// The content type depends on the body. A body that starts with `<` is HTML, an empty body is plain text, and
    /// any other body is JSON.
    ///
    /// # Panics
    /// Panics if `status` is not between 200 and 999.
    pub fn before(status: u16, body: impl Into<String>) -> Self {
        Self::new(false, Some((status, body.into())))
    }

    /// Executes the request, then responds with this status and body instead of the normal response. The content type
    /// is chosen as in [`before`](Self::before).
    ///
    /// # Panics
    /// Panics if `status` is not between 200 and 999.
    pub fn after(status: u16, body: impl Into<String>) -> Self {
        Self::new(true, Some((status, body.into())))
    }

    /// Executes the request and sends the normal response. Use [`header`](Self::header) to add headers to this
    /// response.
    pub fn pass() -> Self {
        Self::new(true, None)
    }

    /// Responds with status 200 and a body that reports an exceeded rate limit. Does not execute the request.
    pub fn too_many_requests_as_200() -> Self {
        Self::before(200, r#"{"detail":"Too many requests"}"#)
    }

    /// Adds a header to the response. The header replaces a header of the fake with the same name. If you add the
    /// same name twice, the response has both values.
    ///
    /// # Panics
    /// Panics if the name or the value is not valid in HTTP, or if the value is not ASCII.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("a header name");
        let value = HeaderValue::try_from(value).expect("a header value");
        // httpmock sends only headers whose value is ASCII text.
        assert!(value.to_str().is_ok(), "{name} is not in ASCII");
        self.headers.append(name, value);
        self
    }

    fn new(executes: bool, replaced: Option<(u16, String)>) -> Self {
        if let Some((status, _)) = replaced {
            let valid = (200..=999).contains(&status);
            assert!(valid, "{status} is not the status of a response");
        }
        let headers = HeaderMap::new();
        Self {
            executes,
            replaced,
            headers,
        }
    }

    /// Returns the response that replaces the normal response, if any.
    pub(super) fn response(&self) -> Option<Response> {
        let (status, body) = self.replaced.clone()?;
        let content_type = match body.chars().next() {
            None => "text/plain",
            Some('<') => "text/html",
            Some(_) => "application/json",
        };
        Some(response(status, content_type, body))
    }
}
