//! Fuzzes the code generator with spec documents. Each error of the generator must be one line. The generator must
//! catch the panics of the library progenitor.
#![no_main]

#[path = "../../build/generate.rs"]
mod generate;

use generate::{Options, generate};
use std::sync::Once;

const SPEC: &str = include_str!("../../spec/onboarding.yaml");
const OPTIONS: Options = Options {
    mock: true,
    schemars: true,
};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    // The fuzz data is first used as a whole document. Then the data after the third byte replaces a part of our spec.
    // The first two bytes select the start of the replaced part, and the third byte is the length of the replaced part.
    let any = String::from_utf8_lossy(data);
    check(&any);
    if let [high, low, length, text @ ..] = data {
        let start = usize::from(u16::from_be_bytes([*high, *low])) % SPEC.len();
        let end = (start + usize::from(*length)).min(SPEC.len());
        let (start, end) = (SPEC.floor_char_boundary(start), SPEC.floor_char_boundary(end));
        check(&format!("{}{}{}", &SPEC[..start], String::from_utf8_lossy(text), &SPEC[end..]));
    }
});

fn check(document: &str) {
    if let Err(problem) = generate("spec", document, OPTIONS) {
        assert!(problem.starts_with("spec: ") && !problem.contains('\n'), "{problem}");
    }
}
