// `links.md` comes first, because Markdown uses the first definition of a link. In rustdoc, the README links lead to
// items of this crate instead of files.
#![doc = include_str!("links.md")]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(clippy::pedantic, unreachable_pub, missing_debug_implementations)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod api;
mod assign;
mod client;
mod clock;
mod error;
mod follow;
// The guide contains only documentation, so normal builds do not compile it.
#[cfg(any(doc, doctest))]
pub mod guide;
mod id;
mod isolate;
#[cfg(feature = "mock")]
pub mod mock;
mod rate_limit;
mod request;
mod retry;
#[cfg(test)]
mod simulation;
mod text;
mod users;

#[doc(inline)]
pub use api::types::Assignment;
#[doc(inline)]
pub use api::{AssignmentStatus, MAX_USERS_PER_REQUEST, Region, UnknownRegion};
pub use assign::{Assign, AssignError, AssignProgress, Outcome, Plan, Rejection, Report, Waiting};
pub use client::{Client, ClientBuilder, Pack};
pub use clock::{Clock, Sleep, SystemClock};
pub use error::{Error, ErrorKind, Executed, UnknownErrorKind};
pub use follow::{
    Change, ChangeKind, Progress, Snapshot, SnapshotEntry, Stage, State, Update, Watch,
};
pub use id::{AssignmentId, InvalidId, PackId, UserId};
pub use rate_limit::{Quota, WindowQuota};
pub use retry::RetryPolicy;
pub use users::{IntoUserList, UserList};
