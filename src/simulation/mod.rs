//! A simulated API in virtual time, with all faults of an API and a network.
//!
//! Tests use it to check laws of assigning and of the rate limit. A [`World`] is the API and the network in front
//! of it. A [`Connection`] sends the requests of one run, as the transport does.

mod account;
mod clock;
mod connection;
mod nature;
mod pack;
mod world;

pub(crate) use account::{Account, DAY, Gateway, Limits, MINUTE, Opening};
pub(crate) use clock::{VirtualClock, in_virtual_time};
pub(crate) use connection::Connection;
pub(crate) use nature::{Faults, Nature};
pub(crate) use pack::{Lie, Naming, Reassign, Row, Rules};
pub(crate) use world::World;
