//! Tests the programs that assign users: their input, output, exit status, and reaction to signals.
#![allow(missing_docs)]
// These tests are left out if the feature `rustls` is on and `ring` is off, because they set no TLS configuration.
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod command;
mod support;

mod programs {
    mod assign;
    mod batch;
    mod csv;
    mod exit_status;
    mod files;
    mod new_hires;
    #[cfg(unix)]
    mod signals;
    mod usage;
}
