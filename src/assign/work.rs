//! [`Work`]: one write of a run.

use super::outcome::Rejection;
use crate::isolate::Group;

/// One write.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) group: Group<Rejection>,
    /// How many times a list proved that the write was not executed.
    pub(super) failures: u32,
}

impl Work {
    pub(super) fn new(group: Group<Rejection>) -> Self {
        Self { group, failures: 0 }
    }

    /// Returns the positions of the users to assign.
    pub(super) fn positions(&self) -> &[u32] {
        self.group.items()
    }
}
