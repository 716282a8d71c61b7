//! Turns `spec/onboarding.yaml` into the typed client, in `OUT_DIR` only.

#[path = "build/generate.rs"]
mod generate;

use std::{env, fs, path::Path};

const SPEC: &str = "spec/onboarding.yaml";

fn main() {
    for input in [SPEC, "build.rs", "build/generate.rs", "build/schema.rs"] {
        println!("cargo::rerun-if-changed={input}");
    }
    if let Err(problem) = run() {
        // One line: cargo prints it as the error of this build, without a backtrace.
        println!("cargo::error={}", problem.replace('\n', " "));
    }
}

fn run() -> Result<(), String> {
    let feature = |name: &str| env::var_os(format!("CARGO_FEATURE_{name}")).is_some();
    let options = generate::Options {
        mock: feature("MOCK"),
        schemars: feature("SCHEMARS"),
    };
    let text = fs::read_to_string(SPEC)
        .map_err(|e| format!("{SPEC}: cannot be read: {e}; expected the OpenAPI 3.0 document that the client is generated from"))?;
    let code = generate::generate(SPEC, &text, options)?;
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set; run this through cargo")?;
    let file = Path::new(&out).join("codegen.rs");
    fs::write(&file, code).map_err(|e| format!("{}: cannot be written: {e}", file.display()))
}
