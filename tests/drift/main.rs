//! Drives the program `drift`, which `cargo test` builds next to the tests.
//!
//! `vendor.json` is not the vendor's document: FastAPI made it from models that state the same as our specification.
//! Each test edits it.
#![allow(missing_docs)]

mod document;
mod edits;
mod hostile;
mod program;
