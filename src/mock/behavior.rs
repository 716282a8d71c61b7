//! Faults, and settings for behavior that the vendor does not document.

use super::message::Response;
use http::{HeaderName, HeaderValue};

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
    pub(super) effect: Effect,
    pub(super) headers: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Responds without executing the request.
    Before(Response),
    /// Executes the request, then responds with this.
    After(Response),
    /// Executes the request and sends the response of the API.
    Pass,
}

impl Fault {
    /// Responds without executing the request.
    ///
    /// A body that starts with `<` is sent as HTML, an empty body as text and all others as JSON.
    ///
    /// # Panics
    /// If `status` is not between 200 and 999.
    pub fn before(status: u16, body: impl Into<String>) -> Self {
        Self::new(Effect::Before(response(status, body.into())))
    }

    /// Executes the request, then responds as [`before`](Self::before) does.
    ///
    /// # Panics
    /// If `status` is not between 200 and 999.
    pub fn after(status: u16, body: impl Into<String>) -> Self {
        Self::new(Effect::After(response(status, body.into())))
    }

    /// Executes the request and sends the response of the API, with the headers added by [`header`](Self::header).
    pub fn pass() -> Self {
        Self::new(Effect::Pass)
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
        let value = value.to_str().expect("a header value in ASCII");
        self.headers.push((name.to_string(), value.to_owned()));
        self
    }

    fn new(effect: Effect) -> Self {
        let headers = Vec::new();
        Self { effect, headers }
    }

    pub(super) fn executes(&self) -> bool {
        !matches!(self.effect, Effect::Before(_))
    }
}

fn response(status: u16, body: String) -> Response {
    assert!(
        (200..=999).contains(&status),
        "{status} is not the status of a response"
    );
    let content_type = match body.chars().next() {
        None => "text/plain",
        Some('<') => "text/html",
        Some(_) => "application/json",
    };
    Response::new(status, content_type, body)
}
