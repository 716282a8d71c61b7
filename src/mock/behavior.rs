//! Faults, and settings for behavior that the vendor does not document.

use super::message::{Response, response};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What a 422 tells about rejected users. The vendor does not document it, so test with each style.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalStyle {
    /// Neither an id nor an index.
    #[default]
    Silent,
    /// The index of each rejected user in the request.
    Indices,
    /// The index of the first rejected user.
    FirstIndex,
    /// The ids of the rejected users, in a text.
    Text,
    /// All ids of the request, in a text that does not say which are rejected.
    Echo,
}

/// What an assignment of a user who is already on the pack does. The vendor does not document it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reassignment {
    /// Nothing. The request succeeds.
    Ignore,
    /// The request is refused with a 422.
    Refuse,
    /// The user gets a second assignment. The default: a test then sees each user that is assigned twice.
    #[default]
    AssignAgain,
}

/// Replaces or changes one response; see [`FakeOnboarding::fail_next`](super::FakeOnboarding::fail_next).
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
    /// Whether the API executes the request.
    pub(super) executes: bool,
    /// The status and body of the response, if it is not that of the API.
    replaced: Option<(u16, String)>,
    /// Headers that replace those of the same names.
    pub(super) headers: HeaderMap,
}

impl Fault {
    /// Responds without executing the request.
    ///
    /// A body that starts with `<` is sent as HTML, an empty body as text and all others as JSON.
    ///
    /// # Panics
    /// If `status` is not between 200 and 999.
    pub fn before(status: u16, body: impl Into<String>) -> Self {
        Self::new(false, Some((status, body.into())))
    }

    /// Executes the request, then responds as [`before`](Self::before) does.
    ///
    /// # Panics
    /// If `status` is not between 200 and 999.
    pub fn after(status: u16, body: impl Into<String>) -> Self {
        Self::new(true, Some((status, body.into())))
    }

    /// Executes the request and sends the response of the API, with the headers added by [`header`](Self::header).
    pub fn pass() -> Self {
        Self::new(true, None)
    }

    /// Responds with a 200 that reports the account's rate limit. The request is not executed.
    pub fn too_many_requests_as_200() -> Self {
        Self::before(200, r#"{"detail":"Too many requests"}"#)
    }

    /// Adds a header. It replaces the header of this name that the fake sends; a name given twice is sent twice.
    ///
    /// # Panics
    /// If the name or the value is not valid in HTTP.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("a header name");
        let value = HeaderValue::try_from(value).expect("a header value");
        // httpmock sends text only.
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

    /// Returns the response that replaces that of the API.
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
