//! What the program `drift` says of the vendor's document.
//!
//! `drift/vendor.json` is no document of the vendor's: FastAPI made it from models that say the same as ours, among
//! many others. Each test edits it.
#![allow(missing_docs)]

#[path = "drift/differences.rs"]
mod differences;
#[path = "drift/document.rs"]
mod document;
#[path = "../examples/support/drift/mod.rs"]
mod drift;
#[path = "drift/keywords.rs"]
mod keywords;
#[path = "drift/media.rs"]
mod media;
#[path = "drift/program.rs"]
mod program;
#[path = "drift/same.rs"]
mod same;
#[path = "drift/servers.rs"]
mod servers;
#[path = "drift/unusable.rs"]
mod unusable;
