//! The generated client: written by `build.rs` from `spec/onboarding.yaml`.
//!
//! [`Client::api`](crate::Client::api) hands it out, signed and paced. It can be made in no other way. Most programs
//! need nothing of this: [`Pack`](crate::Pack) does the same and more. What it is for: one request and its exact
//! answer, with the vendor's `requestId`.
//!
//! - [`Client`] has one method an endpoint. One attempt a call: nothing is tried again, nothing is split.
//! - [`types`] are the requests and answers.
//! - [`Error`] becomes [`crate::Error`] with `?`.
//! - The constants are the specification's.
//!
//! ```no_run
//! use connecteam_onboarding::api::types::AssignUsersRequest;
//! use connecteam_onboarding::{Client, Error, Executed, PackId, UserId};
//!
//! # async fn example(client: Client, pack: PackId, user: UserId) -> Result<(), Error> {
//! let request = AssignUsersRequest::new(vec![user]);
//! match client.api().assign_users_to_pack(&pack, &request).await.map_err(Error::from) {
//!     Ok(answer) => println!("done, request {:?}", answer.request_id),
//!     Err(error) if error.executed() == Executed::No => println!("safe to send again: {error}"),
//!     Err(error) => println!("look at the pack first: {error}"),
//! }
//! # Ok(())
//! # }
//! ```
#![allow(
    clippy::all,
    clippy::pedantic,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub
)]

include!(concat!(env!("OUT_DIR"), "/codegen.rs"));
