//! The spec and the build script: every edit of the spec ends in reviewed code, or in one line that says what is wrong.

#[path = "../../build/generate.rs"]
mod generator;

mod build_script;
mod changes;
mod edits;
mod generate;
mod golden;
#[cfg(feature = "schemars")]
mod schemas;
