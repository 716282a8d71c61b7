//! Reads a pack and takes a snapshot.

use super::Snapshot;
use crate::api::types::Assignment;
use crate::client::Pack;
use crate::error::{Error, ErrorKind};

impl Pack {
    /// Reads the pack and takes a snapshot. Takes one request; transient failures are retried.
    ///
    /// # Errors
    /// As [`assignments`](Self::assignments).
    ///
    /// # Cancel safety
    /// Dropping the future is safe: it only reads.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        let assignments = self.assignments().await?;
        let taken_at = self.client().server_time();
        Ok(Snapshot::new(self.id(), taken_at, assignments))
    }

    /// Reads the pack and takes a snapshot, in which unchanged entries keep their time from `earlier`.
    ///
    /// If the list is suddenly empty, reads it a second time.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if `earlier` is of another pack; nothing is sent then. Else as
    /// [`assignments`](Self::assignments).
    ///
    /// # Cancel safety
    /// Dropping the future is safe: it only reads.
    pub async fn snapshot_after(&self, earlier: &Snapshot) -> Result<Snapshot, Error> {
        check_pack(self, earlier)?;
        let assignments = read(self, Some(earlier)).await?;
        let taken_at = self.client().server_time();
        Ok(Snapshot::after(earlier, taken_at, assignments))
    }
}

/// Reads the pack. A list that is suddenly empty may be a fault, so it is read a second time.
pub(super) async fn read(pack: &Pack, last: Option<&Snapshot>) -> Result<Vec<Assignment>, Error> {
    let assignments = pack.assignments().await?;
    if assignments.is_empty() && last.is_some_and(|last| !last.is_empty()) {
        return pack.assignments().await;
    }
    Ok(assignments)
}

/// Checks that a snapshot is of this pack.
pub(super) fn check_pack(pack: &Pack, snapshot: &Snapshot) -> Result<(), Error> {
    if snapshot.pack() == pack.id() {
        return Ok(());
    }
    let message = format!(
        "the snapshot is of pack {}, not of pack {}: keep one file per pack",
        snapshot.pack(),
        pack.id()
    );
    Err(Error::new(ErrorKind::InvalidInput, message))
}
