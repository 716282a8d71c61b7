//! Tests what `follow` writes to its state file, and that `follow` rejects an unusable state file.

use super::pack::{follow, put};
use crate::command::{Ended, folder, run};
use crate::support::Server;
use connecteam_onboarding::Snapshot;
use std::path::Path;

const EMPTY: &str = r#"{"version":1,"pack":1001,"takenAt":1577836800,"assignments":[]}"#;

fn follow_to_the_end(server: &Server, state: &Path) -> Ended {
    run(follow(server, state, &["--until-complete"]))
}

#[test]
fn the_state_of_another_pack_is_refused() {
    let (server, state) = (Server::start(), folder("packs").join("state.json"));
    put(&server, 7, "completed", false);
    assert_eq!(follow_to_the_end(&server, &state).0, 0);
    let saved = std::fs::read_to_string(&state).expect("saved");
    serde_json::from_str::<Snapshot>(&saved).expect("a snapshot like any other");
    std::fs::write(&state, saved.replace(r#""pack":1001"#, r#""pack":7"#)).expect("a file");
    let (exit, printed, error) = follow_to_the_end(&server, &state);
    assert_eq!((exit, printed.as_str()), (1, ""));
    assert!(
        error.contains("the state of pack 7, not of pack 1001"),
        "{error}"
    );
}

#[test]
fn a_state_that_cannot_be_read_is_an_error_and_stays_unchanged() {
    let (server, state) = (Server::start(), folder("unreadable").join("state.json"));
    for bad in [
        "{}",
        "{\"version\":2}",
        "not JSON",
        "\0\0\0\0",
        "{\"version\":1,\"takenAt\":1,\"assignments\":[{}]}",
    ] {
        std::fs::write(&state, bad).expect("a file");
        let (exit, printed, error) = run(follow(&server, &state, &[]));
        assert_eq!((exit, printed.as_str()), (1, ""));
        assert!(
            error.contains("state.json: not the state of an earlier run"),
            "{bad}: {error}"
        );
        assert_eq!(std::fs::read_to_string(&state).expect("still there"), bad);
    }
    let nowhere = state.with_file_name("no-such-folder").join("state.json");
    let (exit, _, error) = run(follow(&server, &nowhere, &[]));
    assert!(exit == 1 && error.contains("cannot be written"), "{error}");
    let (exit, _, error) = run(follow(&server, state.parent().expect("a folder"), &[]));
    assert!(exit == 1 && error.contains("not a regular file"), "{error}");
    assert_eq!(server.requests(), 0);
}

#[test]
fn an_empty_file_means_no_state_yet() {
    let (server, state) = (Server::start(), folder("empty").join("state.json"));
    put(&server, 7, "completed", false);
    for empty in ["", "\n"] {
        std::fs::write(&state, empty).expect("a file");
        let (exit, printed, error) = follow_to_the_end(&server, &state);
        assert_eq!((exit, printed.as_str(), error.as_str()), (0, "", ""));
        let saved = std::fs::read_to_string(&state).expect("saved");
        assert!(saved.contains(r#""userId":7"#), "{saved}");
    }
}

#[test]
fn the_temporary_file_of_a_killed_run_is_removed() {
    let (server, state) = (Server::start(), folder("temporary").join("state.json"));
    put(&server, 7, "completed", false);
    assert_eq!(follow_to_the_end(&server, &state).0, 0);
    let temporary = state.with_file_name("state.json.new");
    std::fs::write(&temporary, "{").expect("a file");
    // This run finds no change, so the state file is not written.
    assert_eq!(follow_to_the_end(&server, &state).0, 0);
    assert!(!temporary.exists());
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_stays_a_link() {
    let (server, folder) = (Server::start(), folder("links"));
    put(&server, 7, "completed", false);
    let (state, link) = (folder.join("real.json"), folder.join("link.json"));
    std::fs::write(&state, EMPTY).expect("a file");
    std::os::unix::fs::symlink("real.json", &link).expect("a link");
    // `follow` must not replace a symbolic link, even if the target of the link does not exist.
    let (target, dangling) = (folder.join("target.json"), folder.join("dangling.json"));
    std::os::unix::fs::symlink(&target, folder.join("middle.json")).expect("a link");
    std::os::unix::fs::symlink("middle.json", &dangling).expect("a link");
    for (link, state, lines) in [(&link, &state, 1), (&dangling, &target, 0)] {
        let (exit, printed, error) = follow_to_the_end(&server, link);
        assert_eq!((exit, printed.lines().count()), (0, lines), "{error}");
        assert!(link.symlink_metadata().expect("there").is_symlink());
        let saved = std::fs::read_to_string(state).expect("there");
        assert!(saved.contains(r#""userId":7"#));
    }
}

#[cfg(unix)]
#[test]
fn the_permissions_of_the_file_are_kept() {
    use std::os::unix::fs::PermissionsExt as _;

    let (server, state) = (Server::start(), folder("permissions").join("state.json"));
    put(&server, 7, "completed", false);
    std::fs::write(&state, EMPTY).expect("a file");
    let secret = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&state, secret).expect("permissions");
    assert_eq!(follow_to_the_end(&server, &state).0, 0);
    let mode = state.metadata().expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
