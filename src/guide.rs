//! The guide: the crate's three stories, and what to know before it runs at night.
//!
//! | page | for whom |
//! |---|---|
//! | [`assign`] | puts a list of users on a pack: plan, run, read the report, run again |
//! | [`follow`] | is told what changes on a pack, and misses nothing across restarts |
//! | [`testing`] | tests a program of their own with the fake, failures included |
//! | [`failures`] | wants to know what happens on each failure, and what to do then |
//! | [`migrating`] | has a loop around an HTTP client today, or settings, tokens and middleware to keep |
//!
//! These modules hold text alone and exist only in the documentation. What their examples show is compiled
//! with the crate's tests, and run wherever the fake can answer.

// For the links of the pages. Not shown, and nothing but the documentation is built from this file.
#[allow(unused_imports, reason = "a page may need none of them")]
use crate::*;

#[doc = include_str!("guide/assign.md")]
pub mod assign {}

#[doc = include_str!("guide/follow.md")]
pub mod follow {}

/// Test your own code with the fake: faults, limits, tokens, and a clock of its own.
///
#[cfg_attr(feature = "mock", doc = include_str!("guide/testing.md"))]
#[cfg_attr(
    not(feature = "mock"),
    doc = "This page needs the feature `mock`, as the fake does."
)]
pub mod testing {}

#[doc = include_str!("guide/failures.md")]
pub mod failures {}

#[doc = include_str!("guide/migrating.md")]
pub mod migrating {}
