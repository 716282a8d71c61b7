//! How the fake behaves where the vendor does not tell, and how it fails.

/// What a 422 says of the users that it refuses: the vendor does not tell, so try them all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalStyle {
    /// Nothing.
    #[default]
    Silent,
    /// The index of each in the request.
    Indices,
    /// The index of the first.
    FirstIndex,
    /// Their ids, in a text.
    Text,
    /// Every id of the request, refused or not.
    Echo,
}

/// What assigning does with somebody who is on the pack already: the vendor does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reassignment {
    /// Nothing; the request succeeds.
    #[default]
    Ignore,
    /// The request is refused with a 422.
    Refuse,
    /// A second assignment.
    AssignAgain,
}

/// An answer that is not the API's own, before or after execution; see [`FakeOnboarding::fail_next`](super::FakeOnboarding::fail_next).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub(super) executes: bool,
    /// Lets the request pass untouched.
    pub(super) passes: bool,
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

impl Fault {
    /// The request is not executed, and answered so. A body that starts with `<` is sent as HTML.
    #[must_use]
    pub fn before(status: u16, body: impl Into<String>) -> Self {
        let body = body.into();
        let content_type = if body.starts_with('<') {
            "text/html"
        } else {
            "application/json"
        };
        Self {
            executes: false,
            passes: false,
            status,
            content_type,
            body,
        }
    }

    /// The request is executed, and answered so all the same.
    #[must_use]
    pub fn after(status: u16, body: impl Into<String>) -> Self {
        Self {
            executes: true,
            ..Self::before(status, body)
        }
    }

    /// Over the account's limit, as a 200 that says so: not executed.
    #[must_use]
    pub fn too_many_requests_as_200() -> Self {
        Self::before(200, r#"{"detail":"Too many requests"}"#)
    }
}
