use super::Snapshot;
use crate::api::types::Assignment;
use crate::client::Pack;
use crate::error::Error;

impl Pack {
    /// Reads the pack and returns a snapshot of its assignments. Sends one request and retries it after transient
    /// failures.
    ///
    /// # Errors
    /// Returns the same errors as [`assignments`](Self::assignments).
    ///
    /// # Cancel safety
    /// Dropping the future is safe, because this method never changes the pack.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(take(self, None, read(self, None).await?))
    }

    /// Reads the pack and returns the next snapshot after `earlier`. Unchanged entries keep their
    /// [`since`](super::SnapshotEntry::since) time from `earlier`.
    ///
    /// If the response lists no assignments but `earlier` contains some, this method reads the pack a second time.
    ///
    /// # Errors
    /// If `earlier` is of another pack, returns [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) without
    /// sending a request. For all other failures, returns the same errors as [`assignments`](Self::assignments).
    ///
    /// # Cancel safety
    /// Dropping the future is safe, because this method never changes the pack.
    pub async fn snapshot_after(&self, earlier: &Snapshot) -> Result<Snapshot, Error> {
        let assignments = read(self, Some(earlier)).await?;
        Ok(take(self, Some(earlier), assignments))
    }
}

/// Reads the assignments of a pack. An empty list may be a fault of the API, so the pack is read again if `earlier` was
/// not empty.
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

/// Builds a snapshot from assignments that were just read. Unchanged entries keep their `since` time from `earlier`.
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
