//! The programs that assign: input, output, exit status, signals.
#![allow(missing_docs)]
// With `rustls` and without `ring`, each client needs a TLS configuration.
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
