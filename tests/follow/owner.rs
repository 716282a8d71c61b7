//! Tests how `follow` locks its state file, and how `follow` handles a state file that cannot be replaced.

use super::pack::{follow, lines, put, until_gets};
use crate::command::{folder, run, text};
use crate::support::Server;

#[test]
fn a_second_follower_of_one_state_file_is_refused() {
    let folder = folder("two");
    let (server, state) = (Server::start(), folder.join("state.json"));
    put(&server, 7, "in_progress", false);
    let mut first = follow(&server, &state, &["--until-complete"])
        .spawn()
        .expect("runs");
    until_gets(&server, 2);
    let mut names = vec![state.clone()];
    if cfg!(unix) {
        let link = folder.join("link.json");
        #[cfg(unix)]
        std::os::unix::fs::symlink(&state, &link).expect("a link");
        names.push(link);
    }
    for name in names {
        let (exit, printed, error) = run(follow(&server, &name, &[]));
        assert_eq!((exit, printed.as_str()), (1, ""));
        assert!(
            error.contains("state.json: another program uses this state file"),
            "{error}"
        );
    }
    // The first `follow` process is still running, and releases the lock when it exits.
    put(&server, 7, "completed", false);
    assert_eq!(lines(&mut first).count(), 1);
    assert!(first.wait().expect("ends").success());
    assert_eq!(run(follow(&server, &state, &["--until-complete"])).0, 0);
}

#[test]
fn a_killed_follower_leaves_no_lock() {
    let (server, state) = (Server::start(), folder("killed").join("state.json"));
    put(&server, 7, "completed", false);
    let mut child = follow(&server, &state, &[]).spawn().expect("runs");
    until_gets(&server, 2);
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert_eq!(run(follow(&server, &state, &["--until-complete"])).0, 0);
}

#[cfg(target_os = "linux")]
mod mounts {
    use super::*;
    use crate::command::{Ended, with_environment};
    use std::path::Path;
    use std::process::Command;

    /// Runs shell commands and then `follow --until-complete` in a separate mount namespace. Returns `None` if this
    /// process has no permission to mount.
    fn follow_on(server: &Server, state: &Path, mounts: &str) -> Option<Ended> {
        let in_mounts = |script: &str| {
            let mut command = Command::new("unshare");
            command.args(["-m", "sh", "-ec", script]);
            command
        };
        let mut probe = in_mounts("mount --bind /tmp /tmp");
        if !probe.output().is_ok_and(|output| output.status.success()) {
            println!("skipped: this test may not mount");
            return None;
        }
        let follow = follow(server, state, &["--until-complete"]);
        let folder = state.parent().expect("a folder");
        let mut command = in_mounts(&format!("{mounts}; exec \"$0\" \"$@\""));
        command
            .arg(follow.get_program())
            .args(follow.get_args())
            .current_dir(folder);
        let path = std::env::var("PATH").expect("a path");
        let mut command = with_environment(command, server);
        command.env("PATH", path);
        Some(run(command))
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            let name = entry.expect("an entry").file_name();
            name.into_string().expect("text")
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_bind_mounted_file_is_overwritten_with_a_warning() {
        let (server, folder) = (Server::start(), folder("bind"));
        let (state, real) = (folder.join("state.json"), folder.join("real.json"));
        std::fs::write(&state, "").expect("a file");
        std::fs::write(&real, "").expect("a file");
        put(&server, 7, "completed", false);
        let mounts = format!("mount --bind real.json {}", text(&state));
        // The first run saves the initial state file. Of the four runs, only the third run finds a change.
        for (printed, warned) in [(0, true), (0, false), (1, true), (0, false)] {
            if printed == 1 {
                put(&server, 8, "completed", false);
            }
            let Some((exit, text, error)) = follow_on(&server, &state, &mounts) else {
                return;
            };
            assert_eq!((exit, text.lines().count()), (0, printed), "{error}");
            let warnings = error.matches("warning: ").count();
            let cause = error.contains("state.json: cannot be replaced (");
            assert_eq!((warnings, cause), (usize::from(warned), warned), "{error}");
            let saved = std::fs::read_to_string(&real).expect("there");
            serde_json::from_str::<connecteam_onboarding::Snapshot>(&saved).expect("a state");
            assert_eq!(
                names(&folder),
                ["real.json", "state.json", "state.json.lock"]
            );
        }
        assert_eq!(std::fs::read_to_string(&state).expect("there"), "");
    }

    #[test]
    fn a_file_in_a_read_only_folder_is_overwritten_with_a_warning() {
        let (server, folder) = (Server::start(), folder("read-only"));
        let state = folder.join("state.json");
        std::fs::write(&state, " ".repeat(10_000)).expect("a file");
        put(&server, 7, "completed", false);
        let mounts = "mount --bind . . && cd \"$PWD\" && mount --bind state.json state.json \
             && mount -o remount,ro,bind .";
        let Some((exit, printed, error)) = follow_on(&server, &state, mounts) else {
            return;
        };
        assert_eq!((exit, printed.as_str()), (0, ""), "{error}");
        assert!(
            error.contains("state.json.lock: cannot be locked")
                && error.contains("state.json: cannot be replaced"),
            "{error}"
        );
        let saved = std::fs::read_to_string(&state).expect("there");
        serde_json::from_str::<connecteam_onboarding::Snapshot>(&saved).expect("a state");
        assert_eq!(names(&folder), ["state.json"]);
    }
}
