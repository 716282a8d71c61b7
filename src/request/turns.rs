//! [`Turns`] permits only one run at a time on each pack, in the order in which the runs were started.

use crate::id::PackId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::OwnedMutexGuard;

/// One lock per pack with an active run. Without a lock, two concurrent runs could both read the pack and then assign
/// the same users twice.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<PackId, Weak<tokio::sync::Mutex<()>>>>);

/// A lock guard for one pack. When a run drops this guard, the next run on the pack starts.
pub(crate) type Turn = OwnedMutexGuard<()>;

impl Turns {
    /// Locks a pack, or returns `None` if another run holds the lock or waits for the lock.
    pub(crate) fn try_take(&self, pack: PackId) -> Option<Turn> {
        self.of(pack).try_lock_owned().ok()
    }

    /// Waits for the lock of a pack. Runs receive the lock in the order in which they called this method.
    pub(crate) async fn take(&self, pack: PackId) -> Turn {
        self.of(pack).lock_owned().await
    }

    fn of(&self, pack: PackId) -> Arc<tokio::sync::Mutex<()>> {
        let mut packs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Packs without a run are removed, so that the map does not grow without limit.
        packs.retain(|_, turn| turn.strong_count() > 0);
        let place = packs.entry(pack).or_default();
        let turn = place.upgrade().unwrap_or_default();
        *place = Arc::downgrade(&turn);
        turn
    }
}
