//! Reads a pack and takes a snapshot.

use super::Snapshot;
use crate::client::Pack;
use crate::error::Error;

impl Pack {
    /// Reads the pack and takes a snapshot. Takes one request; transient failures are retried.
    ///
    /// # Errors
    /// As [`assignments`](Self::assignments).
    ///
    /// # Cancel safety
    /// Dropping the future is safe: it only reads.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        read(self, None).await
    }

    /// Reads the pack and takes a snapshot, in which unchanged entries keep their time from `earlier`.
    ///
    /// If the list is suddenly empty, reads it a second time.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if `earlier` is of another pack; nothing is sent then.
    /// Else as [`assignments`](Self::assignments).
    ///
    /// # Cancel safety
    /// Dropping the future is safe: it only reads.
    pub async fn snapshot_after(&self, earlier: &Snapshot) -> Result<Snapshot, Error> {
        read(self, Some(earlier)).await
    }
}

/// Reads the pack and takes a snapshot, after `earlier` if there is one.
pub(super) async fn read(pack: &Pack, earlier: Option<&Snapshot>) -> Result<Snapshot, Error> {
    if let Some(earlier) = earlier {
        earlier.check_pack(pack.id())?;
    }
    let mut assignments = pack.assignments().await?;
    // A list that is suddenly empty may be a fault.
    if assignments.is_empty() && earlier.is_some_and(|earlier| !earlier.is_empty()) {
        assignments = pack.assignments().await?;
    }
    let taken_at = pack.client().server_time();
    Ok(match earlier {
        Some(earlier) => Snapshot::after(earlier, taken_at, assignments),
        None => Snapshot::new(pack.id(), taken_at, assignments),
    })
}
