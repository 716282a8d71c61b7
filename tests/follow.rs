//! Tests the programs that follow a pack: the printed changes, the state file, and the exit status.
#![allow(missing_docs)]
// These tests are left out if the feature `rustls` is on and `ring` is off, because they set no TLS configuration.
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
