//! Id types for packs, users and assignments. With separate types, a program cannot confuse ids of different kinds.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

/// The largest valid id. The API uses signed 64-bit integers as ids.
const LARGEST: u64 = i64::MAX as u64;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        ///
        /// A valid id is an integer from 1 to `i64::MAX`. Converting any other value returns an error.
        ///
        /// ```
        #[doc = concat!("use connecteam_onboarding::", stringify!($name), ";")]
        ///
        #[doc = concat!("let id = ", stringify!($name), "::try_from(1001)?;")]
        /// assert_eq!(id.get(), 1001);
        #[doc = concat!("assert_eq!(\"1001\".parse::<", stringify!($name), ">()?, id);")]
        #[doc = concat!("assert!(", stringify!($name), "::try_from(0).is_err());")]
        /// # Ok::<(), connecteam_onboarding::InvalidId>(())
        /// ```
        ///
        /// # JSON
        /// In JSON, an id is an integer. Deserializing any other JSON value fails, including a string of digits such as
        /// `"1001"`. If your data contains ids as strings, deserialize a `String` and call `parse`.
        ///
        /// ```
        #[doc = concat!("use connecteam_onboarding::", stringify!($name), ";")]
        ///
        #[doc = concat!("let id: ", stringify!($name), " = serde_json::from_str(\"1001\")?;")]
        /// assert_eq!(serde_json::to_string(&id)?, "1001");
        ///
        #[doc = concat!("let text = serde_json::from_str::<", stringify!($name), ">(r#\"\"1001\"\"#);")]
        /// assert!(text.is_err());
        /// # Ok::<(), serde_json::Error>(())
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "u64", into = "u64")]
        pub struct $name(NonZeroU64);

        impl $name {
            /// Returns the id as a `u64`.
            #[must_use]
            #[inline]
            pub const fn get(self) -> u64 {
                self.0.get()
            }

            /// Creates an id. Can be called in a `const` item. Returns `None` if the number is 0 or greater than `i64::MAX`.
            ///
            /// ```
            #[doc = concat!("use connecteam_onboarding::", stringify!($name), ";")]
            ///
            #[doc = concat!("const ID: ", stringify!($name), " = ", stringify!($name), "::new(1001).expect(\"a valid id\");")]
            /// assert_eq!(ID.get(), 1001);
            /// ```
            #[must_use]
            #[inline]
            pub const fn new(value: u64) -> Option<Self> {
                match NonZeroU64::new(value) {
                    Some(id) if value <= LARGEST => Some(Self(id)),
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Parses an id from decimal digits. Signs, spaces and leading zeros are errors.
            ///
            /// A number with leading zeros may be an employee number instead of an id of the API.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                // `u64::from_str` accepts a plus sign and leading zeros, but an id has neither.
                let is_plain = !text.starts_with(['+', '0']);
                let value = if is_plain { text.parse().ok() } else { None };
                value.and_then(Self::new).ok_or_else(|| InvalidId::new($what, text))
            }
        }

        impl From<$name> for u64 {
            fn from(id: $name) -> u64 {
                id.get()
            }
        }

        /// Allows functions such as [`UserList::new`](crate::UserList::new) to accept references to ids.
        impl From<&$name> for $name {
            fn from(id: &$name) -> Self {
                *id
            }
        }

        id!(@integers $name, $what: i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);
    };
    (@integers $name:ident, $what:literal: $($integer:ty),*) => {$(
        impl TryFrom<$integer> for $name {
            type Error = InvalidId;

            #[inline]
            fn try_from(value: $integer) -> Result<Self, InvalidId> {
                let id = u64::try_from(value).ok().and_then(Self::new);
                id.ok_or_else(|| InvalidId::new($what, &value.to_string()))
            }
        }

        impl TryFrom<&$integer> for $name {
            type Error = InvalidId;

            #[inline]
            fn try_from(value: &$integer) -> Result<Self, InvalidId> {
                Self::try_from(*value)
            }
        }
    )*};
}

id!(
    /// The id of an onboarding pack.
    PackId,
    "pack"
);
id!(
    /// The id of a Connecteam user.
    UserId,
    "user"
);
id!(
    /// The id of an assignment, which connects one user with one pack.
    AssignmentId,
    "assignment"
);

/// An error returned when a value is not a valid id. The error message contains the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidId {
    what: &'static str,
    value: Box<str>,
    leading_zeros: bool,
}

impl InvalidId {
    fn new(what: &'static str, value: &str) -> Self {
        // Shortens the value in the error message, because a caller may pass the contents of a whole file by mistake.
        let shown: String = value.chars().take(60).collect();
        let cut = if shown.len() < value.len() { "…" } else { "" };
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
        Self {
            what,
            value: format!("{}{cut}", shown.escape_debug()).into(),
            leading_zeros: is_number && value.len() > 1 && value.starts_with('0'),
        }
    }
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a {} id: ", self.value, self.what)?;
        if self.leading_zeros {
            f.write_str("an id has no leading zeros; this may be an employee number")
        } else {
            write!(f, "expected an integer from 1 to {LARGEST}")
        }
    }
}

impl std::error::Error for InvalidId {}

/// Allows functions such as [`UserList::new`](crate::UserList::new) to accept both integers and ids.
impl From<std::convert::Infallible> for InvalidId {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_is_named() {
        for text in [
            "",
            "0",
            "-5",
            "+5",
            " 5",
            "5 ",
            "1.0",
            "9223372036854775808",
            "99999999999999999999",
            "é",
        ] {
            let error = text.parse::<UserId>().expect_err(text);
            assert!(
                error
                    .to_string()
                    .contains(&format!("`{text}` is not a user id")),
                "{error}"
            );
        }
        assert_eq!(
            "9223372036854775807".parse::<UserId>().unwrap().get(),
            i64::MAX as u64
        );
        assert!(
            PackId::try_from(-1_i64)
                .unwrap_err()
                .to_string()
                .contains("`-1` is not a pack id")
        );
        let long = "x"
            .repeat(10_000)
            .parse::<UserId>()
            .unwrap_err()
            .to_string();
        assert!(long.len() < 200, "{long}");
    }

    #[test]
    fn refuses_leading_zeros_with_that_reason() {
        for text in ["000070", "07", "00", "0009223372036854775808"] {
            let reason = "an id has no leading zeros; this may be an employee number";
            for (error, what) in [
                (text.parse::<UserId>().map(drop), "user"),
                (text.parse::<PackId>().map(drop), "pack"),
                (text.parse::<AssignmentId>().map(drop), "assignment"),
            ] {
                assert_eq!(
                    error.expect_err(text).to_string(),
                    format!("`{text}` is not a {what} id: {reason}")
                );
            }
        }
        for text in ["0", "-07", "+07", " 07", "07x", "0.7", "0x7"] {
            let error = text.parse::<UserId>().expect_err(text).to_string();
            assert!(error.ends_with(&format!("from 1 to {LARGEST}")), "{error}");
        }
        assert_eq!("70".parse::<UserId>().unwrap().get(), 70);
    }

    #[test]
    fn json_is_a_plain_integer() {
        let id: AssignmentId = serde_json::from_str("501").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "501");
        for bad in ["0", "-1", "1.5", "\"501\"", "null", "9223372036854775808"] {
            assert!(serde_json::from_str::<AssignmentId>(bad).is_err(), "{bad}");
        }
        assert_eq!(size_of::<Option<UserId>>(), 8);
    }
}
