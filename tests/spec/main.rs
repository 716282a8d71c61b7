//! Tests that each edit of the spec changes the generated code, or stops the build with one line that names the
//! problem.

#[path = "../../build/generate.rs"]
mod generator;

mod build_script;
mod changes;
mod edits;
mod generate;
mod golden;
#[cfg(feature = "schemars")]
mod schemas;
