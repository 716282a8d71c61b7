mod saved;

use super::*;
use crate::{Assignment, AssignmentId, AssignmentStatus, PackId, UserId};
use proptest::prelude::*;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, SystemTime};

const START: u64 = 1_700_000_000;
const LATEST: u64 = 253_402_300_799;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(START + seconds)
}

fn pack(id: u64) -> PackId {
    PackId::try_from(id).unwrap()
}

fn user(id: u64) -> UserId {
    UserId::try_from(id).unwrap()
}

fn row(id: u64, user_id: u64, status: &str, is_waiting_approval: bool) -> Assignment {
    // The assignment is built from JSON, so that a new optional field in the spec does not break the tests.
    let row = json!({"id": id, "userId": user_id, "status": status, "isWaitingApproval": is_waiting_approval});
    serde_json::from_value(row).unwrap()
}

fn ids(users: impl Iterator<Item = UserId>) -> Vec<u64> {
    users.map(UserId::get).collect()
}

fn lines(changes: &[Change]) -> Vec<String> {
    changes.iter().map(Change::to_string).collect()
}

fn entry_since(entry: &SnapshotEntry) -> u64 {
    let since = entry.since().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap().as_secs()
}

type Rows = BTreeMap<AssignmentId, (UserId, State, u64)>;

fn rows(snapshot: &Snapshot) -> Rows {
    let row = |entry: &SnapshotEntry| (entry.user_id, entry.state.clone(), entry_since(entry));
    snapshot
        .iter()
        .map(|entry| (entry.id, row(entry)))
        .collect()
}

/// Applies `changes` to `rows` and asserts that each `before` state matches its row.
fn apply(rows: &mut Rows, changes: &[Change], taken_at: u64) {
    for change in changes {
        let there = rows
            .remove(&change.assignment_id)
            .map(|(user_id, state, _)| (user_id, state));
        assert_eq!(
            there,
            change.before.clone().map(|state| (change.user_id, state)),
            "{change}"
        );
        if let Some(state) = change.after.clone() {
            rows.insert(change.assignment_id, (change.user_id, state, taken_at));
        }
    }
}

/// Uses small ranges of ids, so that lists contain duplicate ids and several assignments per user.
fn listings() -> impl Strategy<Value = Vec<Assignment>> {
    let status = prop::sample::select(vec!["in_progress", "completed", "paused", "on\nhold", ""]);
    let fields = (1..12_u64, 1..5_u64, status, any::<bool>());
    prop::collection::vec(
        fields.prop_map(|(id, user, status, waiting)| row(id, user, status, waiting)),
        0..16,
    )
}

proptest! {
    #[test]
    fn the_changes_are_complete_and_in_order(first in listings(), second in listings()) {
        let earlier = Snapshot::new(pack(1001), at(0), first);
        let later = Snapshot::after(&earlier, at(60), second);
        let changes = later.changes_since(&earlier).unwrap();

        let mut seen = rows(&earlier);
        apply(&mut seen, &changes, START + 60);
        prop_assert_eq!(seen, rows(&later));

        // Changes are sorted by assignment id, and a removal comes before a new assignment with the same id.
        let key = |change: &Change| (change.assignment_id, change.kind() != ChangeKind::Removed);
        prop_assert!(changes.is_sorted_by(|a, b| key(a) < key(b)));
        prop_assert!(changes.iter().all(|change| change.before != change.after));
        prop_assert!(changes.iter().all(|change| !change.to_string().contains('\n')));
        prop_assert!(later.changes_since(&later).unwrap().is_empty());
    }

    #[test]
    fn the_changes_of_some_users_are_theirs(first in listings(), second in listings()) {
        let users = HashSet::from([user(1), user(3)]);
        let (earlier, later) = (Snapshot::new(pack(1001), at(0), first), Snapshot::new(pack(1001), at(60), second));
        let mut theirs = later.changes_since(&earlier).unwrap();
        theirs.retain(|change| users.contains(&change.user_id));
        prop_assert_eq!(later.only(&users).changes_since(&earlier.only(&users)).unwrap(), theirs);
    }

    #[test]
    fn what_is_written_is_read_back(first in listings(), second in listings()) {
        let earlier = Snapshot::new(pack(1001), at(0), first);
        let later = Snapshot::after(&earlier, at(60), second);
        let text = serde_json::to_string(&later).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Snapshot>(&text).unwrap(), &later);
        for change in later.changes_since(&earlier).unwrap() {
            let text = serde_json::to_string(&change).unwrap();
            prop_assert_eq!(serde_json::from_str::<Change>(&text).unwrap(), change);
        }
    }

    #[test]
    fn the_last_of_an_id_counts_in_any_order(listed in listings()) {
        let expected: BTreeMap<_, _> = listed.iter().map(|row| (row.id, row.clone())).collect();
        let snapshot = Snapshot::new(pack(1001), at(0), listed);
        prop_assert_eq!(snapshot.len(), expected.len());
        for (entry, (id, row)) in snapshot.iter().zip(&expected) {
            prop_assert_eq!((entry.id, entry.user_id, entry.stage()), (*id, row.user_id, Stage::from(row)));
            prop_assert_eq!(snapshot.get(*id), Some(entry));
        }
        prop_assert_eq!(snapshot, Snapshot::new(pack(1001), at(0), expected.into_values().collect()));
    }

    #[test]
    fn a_list_that_a_snapshot_shows_changes_nothing(first in listings(), second in listings(), at_once in 0..16_usize) {
        let snapshot = Snapshot::new(pack(1001), at(0), first);
        let listed: Vec<_> = snapshot
            .iter()
            .map(|entry| {
                let state = entry.state();
                row(entry.id.get(), entry.user_id.get(), state.status().as_str(), state.is_waiting_approval())
            })
            .collect();
        prop_assert!(snapshot.shows(&listed));
        let mut mixed = listed;
        if let (Some(place), Some(other)) = (mixed.get_mut(at_once), second.first()) {
            *place = other.clone();
        }
        for list in [mixed, second] {
            if snapshot.shows(&list) {
                prop_assert_eq!(rows(&Snapshot::after(&snapshot, at(9), list)), rows(&snapshot));
            }
        }
    }

    #[test]
    fn the_counts_and_the_lists_agree(listed in listings()) {
        let snapshot = Snapshot::new(pack(1001), at(0), listed);
        let progress = snapshot.progress();
        let Progress { total, in_progress, waiting_for_approval, completed, other } = progress;
        prop_assert_eq!(total, snapshot.len() as u64);
        prop_assert_eq!(total, in_progress + waiting_for_approval + completed + other);
        prop_assert!((0.0..=1.0).contains(&progress.share_completed()));

        let with = |stage| -> BTreeSet<u64> {
            snapshot.iter().filter(|entry| entry.stage() == stage).map(|entry| entry.user_id.get()).collect()
        };
        prop_assert_eq!(ids(snapshot.waiting_for_approval()), Vec::from_iter(with(Stage::WaitingForApproval)));
        prop_assert_eq!(ids(snapshot.in_progress()), Vec::from_iter(with(Stage::InProgress)));
        let mut done = with(Stage::Completed);
        done.retain(|id| snapshot.of_user(user(*id)).all(|entry| entry.stage() == Stage::Completed));
        prop_assert_eq!(ids(snapshot.completed()), Vec::from_iter(done));
    }
}

#[test]
fn every_pair_of_states_has_its_kind() {
    use ChangeKind::{Completed, Other, Removed, Reopened, Submitted};
    let states = [
        ("in_progress", false),
        ("in_progress", true),
        ("completed", false),
        ("completed", true),
        ("paused", false),
        ("paused", true),
        ("new", false),
    ];
    // The rows of `kinds` are the states before a change, and the columns are the states after the change. The last
    // column stands for a removal.
    let kinds = [
        [
            None,
            Some(Submitted),
            Some(Completed),
            Some(Completed),
            Some(Other),
            Some(Other),
            Some(Other),
        ],
        [
            Some(Reopened),
            None,
            Some(Completed),
            Some(Completed),
            Some(Other),
            Some(Other),
            Some(Other),
        ],
        [
            Some(Reopened),
            Some(Submitted),
            None,
            Some(Other),
            Some(Other),
            Some(Other),
            Some(Other),
        ],
        [
            Some(Reopened),
            Some(Submitted),
            Some(Other),
            None,
            Some(Other),
            Some(Other),
            Some(Other),
        ],
        [
            Some(Other),
            Some(Submitted),
            Some(Completed),
            Some(Completed),
            None,
            Some(Other),
            Some(Other),
        ],
        [
            Some(Other),
            Some(Submitted),
            Some(Completed),
            Some(Completed),
            Some(Other),
            None,
            Some(Other),
        ],
        [
            Some(Other),
            Some(Submitted),
            Some(Completed),
            Some(Completed),
            Some(Other),
            Some(Other),
            None,
        ],
    ];
    let look = |(status, waiting): (&str, bool)| {
        Snapshot::new(pack(1001), at(0), vec![row(501, 7, status, waiting)])
    };
    let kind = |earlier: &Snapshot, later: &Snapshot| -> Option<ChangeKind> {
        let changes = later.changes_since(earlier).unwrap();
        assert!(changes.len() < 2, "{changes:?}");
        changes.first().map(Change::kind)
    };
    let empty = Snapshot::new(pack(1001), at(0), Vec::new());
    for (before, kinds) in states.into_iter().zip(kinds) {
        for (after, expected) in states.into_iter().zip(kinds) {
            assert_eq!(
                kind(&look(before), &look(after)),
                expected,
                "{before:?} to {after:?}"
            );
        }
        assert_eq!(kind(&look(before), &empty), Some(Removed));
        assert_eq!(kind(&empty, &look(before)), Some(ChangeKind::Assigned));
    }
}

#[test]
fn a_change_is_one_line_and_one_object() {
    let earlier = Snapshot::new(
        pack(1001),
        at(0),
        vec![
            row(1, 7, "in_progress", false),
            row(2, 7, "in_progress", false),
            row(3, 8, "completed", false),
            row(4, 9, "in_progress", true),
            row(5, 9, "completed", false),
        ],
    );
    let later = Snapshot::after(
        &earlier,
        at(60),
        vec![
            row(1, 7, "on\nhold", false),
            row(2, 7, "in_progress", true),
            row(3, 6, "completed", false),
            row(5, 9, "completed", true),
            row(6, 9, "in_progress", false),
        ],
    );
    let changes = later.changes_since(&earlier).unwrap();
    assert_eq!(
        lines(&changes),
        [
            r#"other: user 7, assignment 1 (was in progress, now "on\nhold")"#,
            "submitted: user 7, assignment 2 (was in progress)",
            "removed: user 8, assignment 3 (was completed)",
            "assigned: user 6, assignment 3 (completed)",
            "removed: user 9, assignment 4 (was waiting for approval)",
            "other: user 9, assignment 5 (was completed, now completed and waiting for approval)",
            "assigned: user 9, assignment 6 (in progress)",
        ]
    );
    assert_eq!(
        serde_json::to_string(&changes[0]).unwrap(),
        r#"{"change":"other","userId":7,"assignmentId":1,"status":"on\nhold","isWaitingApproval":false,"before":{"status":"in_progress","isWaitingApproval":false}}"#
    );
    assert_eq!(
        serde_json::to_string(&changes[2]).unwrap(),
        r#"{"change":"removed","userId":8,"assignmentId":3,"status":null,"isWaitingApproval":null,"before":{"status":"completed","isWaitingApproval":false}}"#
    );
    assert_eq!(
        serde_json::to_string(&changes[3]).unwrap(),
        r#"{"change":"assigned","userId":6,"assignmentId":3,"status":"completed","isWaitingApproval":false,"before":null}"#
    );
}

#[test]
fn a_change_that_contradicts_itself_is_refused() {
    let before = r#"{"status":"completed","isWaitingApproval":false}"#;
    let completed = ("\"completed\"", "false");
    for (change, before, (status, waiting), reason) in [
        ("assigned", "null", ("null", "null"), "changes nothing"),
        ("completed", before, completed, "changes nothing"),
        (
            "completed",
            "null",
            completed,
            "is `assigned`, not `completed`",
        ),
        ("removed", "null", completed, "is `assigned`, not `removed`"),
        (
            "completed",
            before,
            ("null", "null"),
            "is `removed`, not `completed`",
        ),
        (
            "removed",
            before,
            ("null", "false"),
            "only one of `status` and `isWaitingApproval`",
        ),
        (
            "assigned",
            "null",
            ("\"completed\"", "null"),
            "only one of `status` and `isWaitingApproval`",
        ),
        ("promoted", "null", completed, "unknown variant `promoted`"),
    ] {
        let text = format!(
            r#"{{"change":"{change}","userId":7,"assignmentId":501,"status":{status},"isWaitingApproval":{waiting},"before":{before}}}"#
        );
        let error = serde_json::from_str::<Change>(&text)
            .expect_err(&text)
            .to_string();
        assert!(error.contains(reason), "{text}\n{error}");
    }
}

#[test]
fn an_unchanged_entry_keeps_its_time() {
    let looks = [
        vec![
            row(1, 7, "in_progress", false),
            row(2, 8, "in_progress", false),
            row(3, 9, "in_progress", false),
        ],
        vec![
            row(1, 7, "in_progress", false),
            row(2, 8, "in_progress", true),
            row(3, 5, "in_progress", false),
        ],
        vec![
            row(1, 7, "in_progress", false),
            row(3, 5, "in_progress", false),
        ],
        vec![
            row(3, 5, "in_progress", false),
            row(2, 8, "in_progress", true),
            row(1, 7, "in_progress", false),
        ],
    ];
    let mut snapshot = Snapshot::new(pack(1001), at(0), Vec::new());
    for (minute, look) in (1..).zip(looks) {
        snapshot = Snapshot::after(&snapshot, at(minute * 60), look);
    }
    assert_eq!(snapshot.taken_at(), at(240));
    let since: Vec<_> = snapshot
        .iter()
        .map(|entry| entry_since(entry) - START)
        .collect();
    // Assignment 1 never changed, assignment 2 was missing from one list, and assignment 3 moved to another user.
    assert_eq!(since, [60, 240, 120]);
    assert_eq!(ids(snapshot.in_progress_since(at(59))), Vec::<u64>::new());
    assert_eq!(ids(snapshot.in_progress_since(at(60))), [7]);
    assert_eq!(ids(snapshot.in_progress_since(at(500))), [5, 7]);
    assert_eq!(ids(snapshot.waiting_for_approval()), [8]);
}

#[test]
fn times_are_kept_to_the_second_and_in_range() {
    let half = Duration::from_millis(500);
    assert_eq!(
        Snapshot::new(pack(1001), at(0) + half, Vec::new()).taken_at(),
        at(0)
    );
    let before_1970 = SystemTime::UNIX_EPOCH - half;
    assert_eq!(
        Snapshot::new(pack(1001), before_1970, Vec::new()).taken_at(),
        SystemTime::UNIX_EPOCH
    );
    let latest = SystemTime::UNIX_EPOCH + Duration::from_secs(LATEST);
    assert_eq!(
        Snapshot::new(pack(1001), latest + Duration::from_secs(1), Vec::new()).taken_at(),
        latest
    );
}

#[test]
fn progress_counts_no_and_all_assignments() {
    let nobody = Snapshot::new(pack(1001), at(0), Vec::new()).progress();
    assert_eq!(
        nobody.to_string(),
        "0 assignments: 0 completed (0%), 0 waiting for approval, 0 in progress"
    );
    assert!(nobody.share_completed().abs() < f64::EPSILON);
    let all: Progress = [Stage::Completed; 3].into_iter().collect();
    assert!((all.share_completed() - 1.0).abs() < f64::EPSILON);
    let nearly: Progress = std::iter::repeat_n(Stage::Completed, 199)
        .chain([Stage::Other("paused")])
        .collect();
    assert!(nearly.to_string().contains("(99%)"), "{nearly}");
    assert!(
        nearly.to_string().ends_with(", 1 in another status"),
        "{nearly}"
    );
    assert_eq!(
        serde_json::to_string(&all).unwrap(),
        r#"{"total":3,"in_progress":0,"waiting_for_approval":0,"completed":3,"other":0}"#
    );
}

#[test]
fn an_entry_and_an_empty_difference_are_small() {
    assert_eq!((size_of::<SnapshotEntry>(), size_of::<Change>()), (56, 80));
    let mut listed = Vec::with_capacity(1000);
    listed.push(row(1, 7, "in_progress", false));
    let snapshot = Snapshot::new(pack(1001), at(0), listed);
    assert_eq!(snapshot.entries.capacity(), 1);
    // Without changes, the returned `Vec` allocates no memory.
    assert_eq!(snapshot.changes_since(&snapshot).unwrap().capacity(), 0);
    assert!(format!("{snapshot:?}").starts_with("Snapshot(pack 1001, 1 assignment:"));
    assert_eq!(
        AssignmentStatus::from("completed"),
        AssignmentStatus::Completed
    );
}

#[cfg(feature = "schemars")]
#[test]
fn the_schemas_describe_the_json() {
    let schema = |value: schemars::Schema| serde_json::to_value(value).unwrap();
    let snapshot = schema(schemars::schema_for!(Snapshot));
    assert_eq!(
        snapshot["required"],
        serde_json::json!(["version", "pack", "takenAt", "assignments"])
    );
    assert_eq!(snapshot["properties"]["version"]["maximum"], 1);
    let entry = &snapshot["$defs"]["SnapshotEntry"];
    for field in ["id", "userId", "status", "isWaitingApproval", "since"] {
        assert!(
            entry["properties"][field].is_object(),
            "{field} in {snapshot:#}"
        );
    }
    let change = schema(schemars::schema_for!(Change));
    for field in [
        "change",
        "userId",
        "assignmentId",
        "status",
        "isWaitingApproval",
        "before",
    ] {
        assert!(
            change["properties"][field].is_object(),
            "{field} in {change:#}"
        );
    }
    assert!(change.to_string().contains("reopened"), "{change:#}");
    assert!(
        schema(schemars::schema_for!(Progress))["properties"]["waiting_for_approval"].is_object()
    );
}
