//! What others wrote, as one line that a terminal can show.

use std::fmt::{self, Write as _};

/// A text of the server's: what controls a terminal or breaks the line is escaped, all else as it came.
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\'' | '"' | '\\' => f.write_char(c),
            _ => write!(f, "{}", c.escape_debug()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_and_controls_are_escaped() {
        let text = |text| Printable(text).to_string();
        assert_eq!(
            text(r#"user "é" doesn't exist: C:\x"#),
            r#"user "é" doesn't exist: C:\x"#
        );
        assert_eq!(text("a\r\n\u{1b}[2J\u{202e}b"), r"a\r\n\u{1b}[2J\u{202e}b");
    }
}
