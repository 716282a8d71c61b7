//! Turns `spec/onboarding.yaml` into the typed client, in `OUT_DIR` only.

#[path = "build/generate.rs"]
mod generate;

use std::{env, fs, panic, path::Path};

const SPEC: &str = "spec/onboarding.yaml";
/// What the code is made from; nothing else makes it anew.
const INPUTS: [&str; 9] = [
    SPEC,
    "build.rs",
    "build/constants.rs",
    "build/convert.rs",
    "build/document.rs",
    "build/finish.rs",
    "build/generate.rs",
    "build/needs.rs",
    "build/schema.rs",
];

fn main() {
    for input in INPUTS {
        println!("cargo::rerun-if-changed={input}");
    }
    // The generator panics on what it does not support. `generate` turns that into its message;
    // the backtrace would only bury it.
    panic::set_hook(Box::new(|_| {}));
    if let Err(problem) = run() {
        // One line: cargo prints it as the error of this build.
        println!("cargo::error={}", problem.replace('\n', " "));
    }
}

fn run() -> Result<(), String> {
    let feature = |name: &str| env::var_os(format!("CARGO_FEATURE_{name}")).is_some();
    let options = generate::Options {
        mock: feature("MOCK"),
        schemars: feature("SCHEMARS"),
    };
    let text = fs::read_to_string(SPEC).map_err(|e| {
        format!("{SPEC}: expected the OpenAPI 3.0 document that the client is generated from; it cannot be read: {e}")
    })?;
    let code = generate::generate(SPEC, &text, options)?;
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set; run this through cargo")?;
    let file = Path::new(&out).join("codegen.rs");
    fs::write(&file, code).map_err(|e| format!("{}: cannot be written: {e}", file.display()))
}
