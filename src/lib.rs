// Of two definitions of a link the first holds: here the README's links lead to items, elsewhere to files.
#![doc = include_str!("links.md")]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(clippy::pedantic, unreachable_pub, missing_debug_implementations)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod api;
mod assign;
mod budget;
mod builder;
mod client;
mod clock;
mod credentials;
mod error;
mod governor;
// Text alone: no build but that of the documentation and its tests knows it.
#[cfg(any(doc, doctest))]
pub mod guide;
mod halt;
mod id;
mod isolate;
mod ledger;
#[cfg(feature = "mock")]
pub mod mock;
mod printable;
mod progress;
mod rate_limit;
mod report;
mod retry;
#[cfg(feature = "schemars")]
mod schema;
#[cfg(feature = "__rustls")]
mod tls;
mod transport;
mod watch;

#[doc(inline)]
pub use api::types::Assignment;
#[doc(inline)]
pub use api::{AssignmentStatus, MAX_USERS_PER_REQUEST, Region};
pub use assign::{Assign, AssignError, AssignProgress, Plan};
pub use builder::ClientBuilder;
pub use client::{Client, Pack};
pub use clock::{Clock, Sleep, SystemClock};
pub use error::{Error, ErrorKind, Executed};
pub use id::{AssignmentId, InvalidId, PackId, UserId};
pub use ledger::{Outcome, Rejection};
pub use progress::{Change, ChangeKind, Progress, Snapshot, SnapshotEntry, Stage, State};
pub use rate_limit::{Quota, WindowQuota};
pub use report::Report;
pub use retry::RetryPolicy;
pub use watch::{Look, Watch};
