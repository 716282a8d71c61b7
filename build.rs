//! Generates the typed client from `spec/onboarding.yaml` into `OUT_DIR`.

#[path = "build/generate.rs"]
mod generate;

use std::{env, fs, panic, path::Path};

const SPEC: &str = "spec/onboarding.yaml";

fn main() {
    println!("cargo::rerun-if-changed={SPEC}");
    // If the generator panics, `generate` returns a one-line error. The default panic hook would also print a
    // backtrace, so it is replaced.
    panic::set_hook(Box::new(|_| {}));
    if let Err(problem) = run() {
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
        format!("{SPEC}: expected an OpenAPI 3.0 document, but cannot read it: {e}")
    })?;
    let code = generate::generate(SPEC, &text, options)?;
    let folder = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: build with cargo")?;
    let file = Path::new(&folder).join("codegen.rs");
    fs::write(&file, code).map_err(|e| format!("cannot write {}: {e}", file.display()))
}
