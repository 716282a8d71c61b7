//! The programs that follow a pack: changes, state file, exit status.
#![allow(missing_docs)]
// With `rustls` and no `ring`, no client is built without a configuration of the caller's.
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
