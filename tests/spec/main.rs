//! Tests that each edit of the spec either changes the generated code or stops the build with a one-line error.

#[path = "../../build/generate.rs"]
mod generator;

mod build_script;
mod changes;
mod edits;
mod generate;
mod golden;
#[cfg(feature = "schemars")]
mod schemas;
