//! Lines on standard output.

use std::io::Write as _;

/// A line. Nobody may be there to read it: the exit status still tells what happened.
pub fn line(line: std::fmt::Arguments<'_>) {
    if let Err(error) = writeln!(std::io::stdout(), "{line}") {
        // Standard error may be gone, too.
        let _ = writeln!(std::io::stderr(), "error: cannot print: {error}");
    }
}
