//! The user guide, with one page per topic.
//!
//! | page | read it to |
//! |---|---|
//! | [`assign`] | plan a run, know its cost, read its report, run it again |
//! | [`batching`] | assign ids that arrive one by one, for example in a web service |
//! | [`follow`] | receive the changes of a pack, also across restarts, and remind users |
//! | [`configuration`] | set credentials, regions, several accounts, secrets from files |
//! | [`failures`] | know what the crate does after each failure, and what to do |
//! | [`testing`] | test your own code with the fake API |
//! | [`migrating`] | replace a hand-written loop, and keep HTTP settings, TLS and middleware |
//!
//! All examples are compiled as doc tests. Examples that use the fake API server are executed as tests.

// Brings items into scope for the links in the guide pages.
#[allow(unused_imports, reason = "a page may need none of them")]
use crate::*;

#[doc = include_str!("guide/assign.md")]
pub mod assign {}

#[doc = include_str!("guide/batching.md")]
///
/// # The code
///
/// ```no_run
#[doc = include_str!("../examples/support/batcher.rs")]
/// ```
pub mod batching {}

#[doc = include_str!("guide/follow.md")]
pub mod follow {}

#[doc = include_str!("guide/configuration.md")]
pub mod configuration {}

#[doc = include_str!("guide/failures.md")]
pub mod failures {}

/// Test your own code with a fake clock and a fake API server, which simulates faults, rate limits and access tokens.
///
#[cfg_attr(feature = "mock", doc = include_str!("guide/testing.md"))]
#[cfg_attr(
    not(feature = "mock"),
    doc = "This page needs the feature `mock`, as the fake does."
)]
pub mod testing {}

#[doc = include_str!("guide/migrating.md")]
pub mod migrating {}
