use super::message::{Response, response};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Selects how a 422 response identifies the rejected users. The vendor does not document the format, so test your code
/// with each variant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalStyle {
    /// The response does not identify any rejected user.
    #[default]
    Silent,
    /// The response contains the index of each rejected user in the `userIds` list.
    Indices,
    /// The response contains only the index of the first rejected user in the `userIds` list.
    FirstIndex,
    /// The response message contains the ids of the rejected users.
    Text,
    /// The response message repeats all user ids of the request and does not identify the rejected users.
    Echo,
}

/// Selects what happens if a request assigns a user who is already on the pack. The vendor does not document this
/// behavior.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reassignment {
    /// The request succeeds, and the existing assignments of the user stay unchanged.
    Ignore,
    /// The request fails with status 422.
    Refuse,
    /// The user gets a second assignment. `AssignAgain` is the default, so that tests can detect users who are assigned
    /// twice.
    #[default]
    AssignAgain,
}

/// A fault replaces or changes one response of the fake. Pass faults to
/// [`FakeOnboarding::fail_next`](super::FakeOnboarding::fail_next), which adds them to a queue.
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
    pub(super) executes: bool,
    /// The status and body that replace the normal response, if any.
    replaced: Option<(u16, String)>,
    /// Headers that are added to the response and replace headers with the same name.
    pub(super) headers: HeaderMap,
}

impl Fault {
    /// Creates a fault that makes the fake return this status and body without executing the request.
    ///
    /// The content type of the response depends on the body. A body that starts with `<` is HTML, an empty body is
    /// plain text, and any other body is JSON.
    ///
    /// # Panics
    /// Panics if `status` is not between 200 and 999.
    pub fn before(status: u16, body: impl Into<String>) -> Self {
        Self::new(false, Some((status, body.into())))
    }

    /// Creates a fault that makes the fake execute the request and return this status and body instead of the normal
    /// response. The content type depends on the body, as for [`before`](Self::before).
    ///
    /// # Panics
    /// Panics if `status` is not between 200 and 999.
    pub fn after(status: u16, body: impl Into<String>) -> Self {
        Self::new(true, Some((status, body.into())))
    }

    /// Creates a fault that does not replace the normal response. Use [`header`](Self::header) to add headers to the
    /// response.
    pub fn pass() -> Self {
        Self::new(true, None)
    }

    /// Creates a fault that makes the fake return a rate-limit error with status 200 without executing the request.
    pub fn too_many_requests_as_200() -> Self {
        Self::before(200, r#"{"detail":"Too many requests"}"#)
    }

    /// Adds a header to the response. The added header replaces a header with the same name in the normal response. If
    /// you add two headers with the same name, the response contains both values.
    ///
    /// # Panics
    /// Panics if the name or the value is not valid in HTTP, or if the value is not ASCII.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("a header name");
        let value = HeaderValue::try_from(value).expect("a header value");
        // `httpmock` can only send headers with ASCII values.
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
