//! The generated client: written by `build.rs` from `spec/onboarding.yaml`.
//!
//! [`Client::api`](crate::Client::api) hands it out, signed and paced. It can be made in no other way.
#![allow(clippy::all, clippy::pedantic, missing_docs, missing_debug_implementations, unreachable_pub)]

include!(concat!(env!("OUT_DIR"), "/codegen.rs"));
