//! Snapshots of a pack and a stream of its changes.
//!
//! Only the modules [`read`] and [`watch`] do I/O. All other modules receive the assignments and the time as arguments.

mod change;
mod progress;
mod read;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;
mod watch;

pub use change::{Change, ChangeKind};
pub use progress::Progress;
pub use snapshot::{Snapshot, SnapshotEntry};
pub use state::{Stage, State};
pub use watch::{Update, Watch};
