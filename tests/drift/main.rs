//! Tests the example program `drift`.
//!
//! The tests edit the document `vendor.json`, and compare the edited document with our spec. The vendor did not write
//! `vendor.json`. FastAPI generated the document from models that correspond to our spec.
#![allow(missing_docs)]

mod document;
mod edits;
mod hostile;
mod program;
