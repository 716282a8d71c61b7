//! Tests the program `drift`, which `cargo test` builds in a folder next to the tests.
//!
//! The tests edit the document `vendor.json`, and compare the result with our spec. The vendor did not write
//! `vendor.json`. FastAPI generated `vendor.json` from models with the same meaning as our spec.
#![allow(missing_docs)]

mod document;
mod edits;
mod hostile;
mod program;
