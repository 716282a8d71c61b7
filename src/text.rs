use std::fmt::{self, Write as _};

/// Formats text from the server on one line by escaping its control characters.
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\'' | '"' | '\\' => f.write_char(c),
            _ => write!(f, "{}", c.escape_debug()),
        })
    }
}

/// Formats a number with a noun in the singular or plural, such as "1 user" or "2 users".
pub(crate) struct Count(pub(crate) u64, pub(crate) &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ending = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{ending}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_control_characters_only() {
        let text = |text| Printable(text).to_string();
        assert_eq!(
            text(r#"user "é" doesn't exist: C:\x"#),
            r#"user "é" doesn't exist: C:\x"#
        );
        assert_eq!(text("a\r\n\u{1b}[2J\u{202e}b"), r"a\r\n\u{1b}[2J\u{202e}b");
    }

    #[test]
    fn a_noun_agrees_with_its_count() {
        let count = |count| Count(count, "user").to_string();
        assert_eq!([0, 1, 2].map(count), ["0 users", "1 user", "2 users"]);
    }
}
