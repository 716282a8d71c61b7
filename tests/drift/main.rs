//! Runs the program `drift`, which `cargo test` builds next to the tests.
//!
//! `vendor.json` is not the vendor's document: FastAPI generated it from models with the same meaning as our spec. Each
//! test edits it.
#![allow(missing_docs)]

mod document;
mod edits;
mod hostile;
mod program;
