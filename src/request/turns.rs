//! [`Turns`]: permits one run at a time on each pack, in the order in which the runs were started.

use crate::id::PackId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::OwnedMutexGuard;

/// The packs on which clones of one client run. Two runs at the same time would both read the pack, and then both
/// assign the missing users.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<PackId, Weak<tokio::sync::Mutex<()>>>>);

/// The turn of one run. Dropping it lets the next run start.
pub(crate) type Turn = OwnedMutexGuard<()>;

impl Turns {
    /// Returns the turn at once if no other run has it or waits for it.
    pub(crate) fn try_take(&self, pack: PackId) -> Option<Turn> {
        self.of(pack).try_lock_owned().ok()
    }

    /// Waits for the turn. Runs take turns in the order in which they called this.
    pub(crate) async fn take(&self, pack: PackId) -> Turn {
        self.of(pack).lock_owned().await
    }

    fn of(&self, pack: PackId) -> Arc<tokio::sync::Mutex<()>> {
        let mut packs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Packs without a run are forgotten here, so that the map does not grow.
        packs.retain(|_, turn| turn.strong_count() > 0);
        let place = packs.entry(pack).or_default();
        let turn = place.upgrade().unwrap_or_default();
        *place = Arc::downgrade(&turn);
        turn
    }
}
