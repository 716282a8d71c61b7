//! One real build of a copy of this crate, its specification with every rehearsed change and nothing
//! else edited: the whole way from the YAML to a program, and when cargo takes it again.

mod edits;

use edits::{Change, LOWERED};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

const NAME: &str = "connecteam-onboarding";

/// A copy of the crate below the target folder, which it shares, so that no dependency is built again.
struct Copy {
    root: PathBuf,
    target: PathBuf,
}

/// What a build of the copy did.
struct Built {
    ok: bool,
    /// The targets of the copy that were made anew.
    made: Vec<String>,
    /// Where its generated code lies.
    code: Option<PathBuf>,
    /// What cargo and the test in the copy said.
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
        // By path and features cargo could not tell the copy's files in the target folder from ours.
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

    /// Builds the copy and its test; `run` runs the test, too.
    fn test(&self, run: bool) -> Built {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        // A test and not the library alone: only so are the dependencies' features those of this
        // test, and their builds shared.
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
        let features = [
            ("copy", true),
            ("ring", cfg!(feature = "ring")),
            ("rustls", cfg!(feature = "rustls")),
            ("native-tls", cfg!(feature = "native-tls")),
            ("mock", cfg!(feature = "mock")),
            ("schemars", cfg!(feature = "schemars")),
        ];
        let features: Vec<_> = features
            .iter()
            .filter(|(_, on)| *on)
            .map(|(name, _)| *name)
            .collect();
        command.args(["--features", &features.join(",")]);
        // What cargo tells this test of its own package. Build scripts that watch it (ring's) would run
        // anew in the copy and once more afterwards, with all that depends on them.
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
        let mut built = Built {
            ok: output.status.success(),
            made: Vec::new(),
            code: None,
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let Ok(message) = serde_json::from_str::<serde_json::Value>(line) else {
                built.errors = built.errors + line + "\n";
                continue;
            };
            if !message["package_id"]
                .as_str()
                .is_some_and(|id| id.contains("tmp/edited"))
            {
                continue;
            }
            if let Some(folder) = message["out_dir"].as_str() {
                built.code = Some(Path::new(folder).join("codegen.rs"));
            }
            if message["fresh"] == false {
                built
                    .made
                    .extend(message["target"]["name"].as_str().map(str::to_owned));
            }
        }
        built
    }
}

impl Built {
    fn written(&self) -> SystemTime {
        fs::metadata(self.code.as_ref().expect("an OUT_DIR"))
            .unwrap()
            .modified()
            .unwrap()
    }
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

/// The test that runs in the copy.
fn program(more: &str) -> String {
    format!(
        "{}\nconst LOWERED: usize = {LOWERED};\n{more}",
        include_str!("edits/program.rs")
    )
}

#[test]
fn an_edited_specification_goes_all_the_way() {
    let copy = Copy::new();
    // All that a change is. What each of them shows is in `changes.rs`.
    Change::ALL
        .iter()
        .for_each(|change| copy.edit(|spec| change.of(spec)));

    let first = copy.test(true);
    assert!(first.ok, "{}", first.errors);
    let code = fs::read_to_string(first.code.as_ref().unwrap()).unwrap();
    assert!(code.contains(&format!("MAX_USERS_PER_REQUEST: usize = {LOWERED}")));
    // In OUT_DIR only.
    assert!(!copy.root.join("src/codegen.rs").exists() && !copy.root.join("target").exists());

    let again = copy.test(false);
    assert!(
        again.ok && again.made.is_empty(),
        "nothing changed, but made anew: {:?}",
        again.made
    );

    fs::write(
        copy.root.join("tests/edited.rs"),
        program("// Another file.\n"),
    )
    .unwrap();
    let other = copy.test(false);
    assert_eq!(other.made, ["edited"], "{}", other.errors);
    assert_eq!(
        other.written(),
        first.written(),
        "the specification did not change, but was read again"
    );

    copy.edit(|spec| edits::replaced(spec, &format!("          maxItems: {LOWERED}\n"), ""));
    let broken = copy.test(false);
    assert!(!broken.ok);
    let expected = format!(
        "error: {NAME}@{}: spec/onboarding.yaml: components.schemas.AssignUsersRequest.properties.userIds.maxItems: \
         expected the most user ids that a request may carry, an integer of at least 1, found nothing",
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
    let expected =
        "spec/onboarding.yaml: expected the OpenAPI 3.0 document that the client is generated from";
    assert!(missing.errors.contains(expected), "{}", missing.errors);
}
