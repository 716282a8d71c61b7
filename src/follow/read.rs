//! Reads a pack and takes a snapshot.

use super::Snapshot;
use crate::api::types::Assignment;
use crate::client::Pack;
use crate::error::Error;

impl Pack {
    /// Reads the pack and takes a snapshot. Sends one request, and retries transient failures.
    ///
    /// # Errors
    /// The same errors as [`assignments`](Self::assignments).
    ///
    /// # Cancel safety
    /// Dropping the future is safe, because it only reads.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(take(self, None, read(self, None).await?))
    }

    /// Reads the pack and takes a snapshot. Entries that are unchanged since `earlier` keep their
    /// [`since`](super::SnapshotEntry::since).
    ///
    /// If the pack is suddenly empty, reads it a second time.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if `earlier` is of another pack. Then nothing is
    /// sent. Otherwise the same errors as [`assignments`](Self::assignments).
    ///
    /// # Cancel safety
    /// Dropping the future is safe, because it only reads.
    pub async fn snapshot_after(&self, earlier: &Snapshot) -> Result<Snapshot, Error> {
        let assignments = read(self, Some(earlier)).await?;
        Ok(take(self, Some(earlier), assignments))
    }
}

/// Reads the pack, which must be the pack of `earlier`. If the list is suddenly empty, reads it a second time, because
/// an empty list may be a fault of the API.
pub(super) async fn read(
    pack: &Pack,
    earlier: Option<&Snapshot>,
) -> Result<Vec<Assignment>, Error> {
    if let Some(earlier) = earlier {
        earlier.check_pack(pack.id())?;
    }
    let assignments = pack.assignments().await?;
    if assignments.is_empty() && earlier.is_some_and(|earlier| !earlier.is_empty()) {
        return pack.assignments().await;
    }
    Ok(assignments)
}

/// Takes a snapshot of assignments that were just read. If there is an earlier snapshot, unchanged entries keep their
/// time.
pub(super) fn take(
    pack: &Pack,
    earlier: Option<&Snapshot>,
    assignments: Vec<Assignment>,
) -> Snapshot {
    let taken_at = pack.client().server_time();
    match earlier {
        Some(earlier) => Snapshot::after(earlier, taken_at, assignments),
        None => Snapshot::new(pack.id(), taken_at, assignments),
    }
}
