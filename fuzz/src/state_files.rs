//! Fuzzes the state files. A snapshot that can be read must be unchanged after a round trip through JSON. Comparing two
//! snapshots must not panic.
#![no_main]

use connecteam_onboarding::{Change, Report, Snapshot};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(snapshot) = serde_json::from_slice::<Snapshot>(data) {
        let written = serde_json::to_vec(&snapshot).expect("plain data");
        let again: Snapshot = serde_json::from_slice(&written).expect("it was written by us");
        assert_eq!(again, snapshot);
        assert!(again.changes_since(&snapshot).expect("one pack").is_empty());
        let empty = Snapshot::new(snapshot.pack(), snapshot.taken_at(), Vec::new());
        let removed = empty.changes_since(&snapshot).expect("one pack");
        assert_eq!(removed.len(), snapshot.len());
        for change in removed {
            let json = serde_json::to_vec(&change).expect("plain data");
            assert_eq!(serde_json::from_slice::<Change>(&json).expect("ours"), change);
        }
    }
    if let Ok(report) = serde_json::from_slice::<Report>(data) {
        let written = serde_json::to_vec(&report).expect("plain data");
        let again: Report = serde_json::from_slice(&written).expect("it was written by us");
        assert_eq!(again.len(), report.len());
    }
});
