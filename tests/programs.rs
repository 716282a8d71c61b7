//! Tests the programs that assign users, including their input, output, exit statuses and signal handling.
#![allow(missing_docs)]
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
