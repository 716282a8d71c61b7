//! Tests the programs that follow a pack, including the printed changes, the state file and the exit status.
#![allow(missing_docs)]
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod command;
mod support;

mod follow {
    mod changes;
    mod end;
    mod kills;
    mod owner;
    mod pack;
    mod reminders;
    mod state_file;
}
