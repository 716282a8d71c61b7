//! The modules that the example programs share.
#![allow(dead_code, reason = "each program uses only some of the parts")]

pub mod arguments;
pub mod bar;
pub mod batcher;
pub mod csv_file;
pub mod environment;
pub mod exit_status;
pub mod input;
pub mod output;
pub mod problem;
pub mod state_file;
pub mod stop;
pub mod users_file;
