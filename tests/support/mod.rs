//! A server of the API that shares nothing with the crate: written from the vendor's guide, on raw
//! sockets, with faults at the level of bytes. Only the cap is the crate's, which has it from the specification.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test file uses its own part of it"
)]

pub mod child;
pub mod clock;
pub mod log;
pub mod proxy;
pub mod scripted;
pub mod server;
#[cfg(any(feature = "ring", feature = "native-tls"))]
pub mod tls;
pub mod wire;
pub mod world;

/// The most users that one request may carry. The tests count in it, so that another cap changes none of them.
pub const MOST: u64 = connecteam_onboarding::MAX_USERS_PER_REQUEST as u64;

pub use clock::SkippingClock;
pub use log::Log;
pub use proxy::{Proxy, Reply};
pub use scripted::Scripted;
pub use server::{Fault, Server, Trap};
pub use wire::Answer;
pub use world::{Headers, Naming, Reassign, Window};
