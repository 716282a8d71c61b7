//! The public surface of the crate, generated types included, against `tests/surface.txt`: a
//! change is seen in review. `UPDATE_SURFACE=1 cargo test --all-features --test surface` writes it anew.

#[path = "../build/generate.rs"]
mod generate;
#[path = "surface/mod.rs"]
mod surface;

use std::path::Path;
use surface::{Verdict, diff};

#[test]
fn the_surface_is_the_reviewed_one() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/surface.txt");
    let surface = present();
    if std::env::var_os("UPDATE_SURFACE").is_some() {
        std::fs::write(&golden, &surface).unwrap();
    }
    let reviewed = std::fs::read_to_string(&golden).unwrap_or_default();
    let (lines, verdict) = match diff(&reviewed, &surface) {
        (_, Verdict::Same) => ("only the order of the lines\n".to_owned(), Verdict::Same),
        found => found,
    };
    assert!(
        surface == reviewed,
        "the public surface is another than tests/surface.txt:\n\n{lines}\nfor semver: {verdict}\nif this is meant, \
         write it anew: UPDATE_SURFACE=1 cargo test --all-features --test surface"
    );
}

#[test]
fn the_surface_holds_what_the_crate_promises() {
    let surface = present();
    for line in [
        "pub const MAX_USERS_PER_REQUEST: usize",
        "pub struct Client",
        "pub async fn get_pack_assignments",
        "rename = \"userId\"",
        "impl Display for AssignmentStatus",
        "pub fn as_str(&self) -> &str",
        "pub trait MockServerExt: sealed::Sealed",
        "made by macro id!",
        "pub const fn get(self) -> u64",
    ] {
        assert!(
            surface.contains(line),
            "{line:?} is missing from the surface"
        );
    }
    for line in [
        "new_with_client",
        "pub(crate)",
        "mod transport",
        "struct Inner",
    ] {
        assert!(!surface.contains(line), "{line:?} is not public");
    }
}

/// What can be written as JSON has a schema.
#[test]
fn every_public_data_type_has_a_json_schema() {
    let surface = present();
    let block = |block: &str, what: &str| {
        block
            .lines()
            .any(|line| line.trim_start().starts_with('=') && line.contains(what))
    };
    let mut data = 0;
    for item in surface.split("\n\n") {
        if block(item, "Serialize") {
            data += 1;
            assert!(
                block(item, "JsonSchema"),
                "serialised, but without JsonSchema:\n{item}"
            );
        }
    }
    assert!(data >= 10, "only {data} data types were found");
}

fn present() -> String {
    let spec = include_str!("../spec/onboarding.yaml");
    let everything = generate::Options {
        mock: true,
        schemars: true,
    };
    surface::surface(&generate::generate("spec/onboarding.yaml", spec, everything).unwrap())
}
