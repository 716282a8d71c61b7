//! Applies all spec changes of `edits.rs` to a copy of this crate, and tests that the copy builds with an unchanged
//! `src/`. Other tests check when cargo reruns the build script.

use crate::edits::{self, Change, LOWERED};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

const NAME: &str = "connecteam-onboarding";

/// A copy of this crate in another folder. The copy shares the target folder of this crate, so that cargo does not
/// rebuild the dependencies.
struct Copy {
    root: PathBuf,
    target: PathBuf,
}

struct Built {
    ok: bool,
    /// The names of the targets that cargo rebuilt.
    rebuilt: Vec<String>,
    code: Option<PathBuf>,
    /// The messages of cargo, and the output of the test in the copied crate.
    errors: String,
}

impl Copy {
    fn new() -> Self {
        let original = Path::new(env!("CARGO_MANIFEST_DIR"));
        let shared = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let root = shared.join("edited");
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).unwrap();
        for file in [
            "Cargo.toml",
            "Cargo.lock",
            "build.rs",
            "README.md",
            "build",
            "spec",
            "src",
            "tests",
            "examples",
            "benches",
        ] {
            copy(&original.join(file), &root.join(file));
        }
        fs::write(root.join("tests/edited.rs"), program("")).unwrap();
        // The copy of the crate gets an additional feature. With this feature, cargo distinguishes the copy from the
        // original crate in the shared target folder.
        let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        fs::write(
            root.join("Cargo.toml"),
            edits::replaced(&manifest, "[features]\n", "[features]\ncopy = []\n"),
        )
        .unwrap();
        let target = shared.parent().expect("the target folder").to_owned();
        Self { root, target }
    }

    fn spec(&self) -> PathBuf {
        self.root.join("spec/onboarding.yaml")
    }

    fn edit(&self, edit: impl Fn(&str) -> String) {
        let spec = fs::read_to_string(self.spec()).unwrap();
        fs::write(self.spec(), edit(&spec)).unwrap();
    }

    /// If `run` is `false`, the test is built but not executed.
    fn test(&self, run: bool) -> Built {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        // The copy enables the same dependency features as this crate, so that cargo does not rebuild the dependencies.
        command.args([
            "test",
            "--offline",
            "--test",
            "edited",
            "--message-format=json",
            "--no-default-features",
        ]);
        if !run {
            command.arg("--no-run");
        }
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        command.args(["--features", &features()]);
        // Removes the environment variables that cargo sets for this crate. Cargo reruns the build script of `ring`
        // when one of these variables changes, for example between a build of the copy and a build of this crate.
        for (name, _) in std::env::vars_os() {
            let of_package = |start: &&str| name.to_string_lossy().starts_with(start);
            if ["CARGO_PKG_", "CARGO_MANIFEST_", "OUT_DIR"]
                .iter()
                .any(of_package)
            {
                command.env_remove(&name);
            }
        }
        let output = command
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .output()
            .unwrap();
        Built::read(&output)
    }
}

impl Built {
    fn read(output: &Output) -> Self {
        let mut built = Self {
            ok: output.status.success(),
            rebuilt: Vec::new(),
            code: None,
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let Ok(message) = serde_json::from_str::<Value>(line) else {
                built.errors = built.errors + line + "\n";
                continue;
            };
            let package = message["package_id"].as_str().unwrap_or_default();
            if !package.contains("tmp/edited") {
                continue;
            }
            if let Some(folder) = message["out_dir"].as_str() {
                built.code = Some(Path::new(folder).join("codegen.rs"));
            }
            if message["fresh"] == false {
                let name = message["target"]["name"].as_str();
                built.rebuilt.extend(name.map(str::to_owned));
            }
        }
        built
    }

    fn written(&self) -> SystemTime {
        fs::metadata(self.code.as_ref().expect("an OUT_DIR"))
            .unwrap()
            .modified()
            .unwrap()
    }
}

/// Returns the enabled features of this test and the feature `copy`, which exists only in the copied crate.
fn features() -> String {
    [
        ("copy", true),
        ("gzip", cfg!(feature = "gzip")),
        ("ring", cfg!(feature = "ring")),
        ("rustls", cfg!(feature = "rustls")),
        ("native-tls", cfg!(feature = "native-tls")),
        ("mock", cfg!(feature = "mock")),
        ("schemars", cfg!(feature = "schemars")),
    ]
    .into_iter()
    .filter_map(|(name, on)| on.then_some(name))
    .collect::<Vec<_>>()
    .join(",")
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else if from.exists() {
        fs::copy(from, to).unwrap();
    }
}

fn program(more: &str) -> String {
    format!(
        "{}\nconst LOWERED: usize = {LOWERED};\n{more}",
        include_str!("edits/program.rs")
    )
}

#[test]
fn builds_the_crate_from_an_edited_spec() {
    let copy = Copy::new();
    Change::ALL
        .iter()
        .for_each(|change| copy.edit(|spec| change.of(spec)));

    let first = copy.test(true);
    assert!(first.ok, "{}", first.errors);
    let code = fs::read_to_string(first.code.as_ref().unwrap()).unwrap();
    assert!(code.contains(&format!("MAX_USERS_PER_REQUEST: usize = {LOWERED}")));
    // The build script must write files only in `OUT_DIR`.
    assert!(!copy.root.join("src/codegen.rs").exists() && !copy.root.join("target").exists());

    let again = copy.test(false);
    assert!(
        again.ok && again.rebuilt.is_empty(),
        "nothing changed, but rebuilt: {:?}",
        again.rebuilt
    );

    fs::write(
        copy.root.join("tests/edited.rs"),
        program("// Another file.\n"),
    )
    .unwrap();
    let other = copy.test(false);
    assert_eq!(other.rebuilt, ["edited"], "{}", other.errors);
    assert_eq!(
        other.written(),
        first.written(),
        "the spec did not change, but the build script ran again"
    );

    copy.edit(|spec| edits::replaced(spec, &format!("          maxItems: {LOWERED}\n"), ""));
    let broken = copy.test(false);
    assert!(!broken.ok);
    let expected = format!(
        "error: {NAME}@{}: spec/onboarding.yaml: components.schemas.AssignUsersRequest.properties.userIds.maxItems: \
         expected an integer of at least 1, found nothing",
        env!("CARGO_PKG_VERSION")
    );
    assert!(
        broken.errors.lines().any(|line| line == expected),
        "{}",
        broken.errors
    );
    assert!(!broken.errors.contains("panicked"), "{}", broken.errors);

    fs::remove_file(copy.spec()).unwrap();
    let missing = copy.test(false);
    assert!(!missing.ok);
    let expected = "spec/onboarding.yaml: expected an OpenAPI 3.0 document, but cannot read it: ";
    assert!(missing.errors.contains(expected), "{}", missing.errors);
}
