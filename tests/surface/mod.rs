//! The public surface as text, and what differs between two of them.

mod diff;
mod model;
mod print;

pub use diff::{Verdict, diff};

use std::path::Path;

/// The surface of the crate with `generated` in place of what `OUT_DIR` holds.
pub fn surface(generated: &str) -> String {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    print::surface(&model::Crate::read(
        &src,
        &syn::parse_file(generated).unwrap(),
    ))
}
