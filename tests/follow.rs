//! The programs that follow a pack: changes, state file, exit status.
#![allow(missing_docs)]
// With `rustls` and without `ring`, each client needs a TLS configuration.
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
