//! A test server for tests and benchmarks. The server shares no code with the crate, follows the vendor's guide, and
//! uses raw sockets. A test can make the server send wrong or incomplete bytes.
//!
//! The test clients use the default TLS settings. The default TLS settings do not work if the feature `rustls` is
//! enabled without `ring`. In this case, most test files are skipped.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test uses its own part of it"
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

/// The tests use this constant instead of a number, so that they pass with any limit in the spec.
pub const MOST: u64 = connecteam_onboarding::MAX_USERS_PER_REQUEST as u64;

pub use clock::SkippingClock;
pub use log::Log;
pub use proxy::{Proxy, Reply};
pub use scripted::Scripted;
pub use server::{Fault, Server, Trap};
pub use wire::Answer;
pub use world::{Headers, Naming, Reassign, Window};

use connecteam_onboarding::{Client, ClientBuilder, PackId, RetryPolicy};
use std::time::Duration;

/// Returns the id of the only pack on a new server.
pub fn pack_id() -> PackId {
    PackId::try_from(1001).expect("an id")
}

pub fn builder(server: &Server) -> ClientBuilder {
    let retry = RetryPolicy::default().initial_backoff(Duration::from_millis(1));
    Client::builder()
        .api_key("key")
        .base_url(server.base_url())
        .retry(retry)
}
