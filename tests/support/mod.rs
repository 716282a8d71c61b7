//! A server of the API that shares nothing with the crate: written from the vendor's guide, on raw
//! sockets, with faults at the level of bytes.
#![allow(dead_code, unused_imports, reason = "each test file uses its own part of it")]

pub mod server;
pub mod wire;
pub mod world;

pub use server::{Fault, Server, Trap};
pub use world::{Headers, Naming, Reassign, Window};
