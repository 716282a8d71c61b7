//! A simulated API in virtual time, with the faults of a real API and network.
//!
//! Tests use the simulation to check laws about assignments and rate limits. A [`World`] simulates the API and the
//! network. A [`Connection`] replaces the real transport and sends the requests of one run to the [`World`].

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
