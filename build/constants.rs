//! Writes what the hand-written part takes from the document.

use super::document::{Facts, Region};
use super::{STATUS, pascal};
use std::fmt::Write as _;

impl Facts {
    /// The constants, the regions and the status, as Rust.
    pub fn code(&self) -> String {
        let mut code = String::new();
        let Self {
            max_items,
            path,
            key_header,
            token_path,
            ..
        } = self;
        let _ = write!(
            code,
            "/// The most user ids that one request may carry: {max_items}.
            pub const MAX_USERS_PER_REQUEST: usize = {max_items};
            /// The path of a pack's assignments; `{{packId}}` stands for the pack.
            pub const ASSIGNMENTS_PATH: &str = {path:?};
            /// The header that carries an API key.
            pub const API_KEY_HEADER: &str = {key_header:?};
            /// The path of the OAuth 2.0 token endpoint, on the same host as the API.
            pub const TOKEN_PATH: &str = {token_path:?};
            /// The OAuth 2.0 scopes that the operations need.
            pub const SCOPES: &[&str] = &{:?};
            ",
            self.scopes,
        );
        self.regions(&mut code);
        self.status(&mut code);
        code
    }

    fn regions(&self, code: &mut String) {
        let mut variants = String::new();
        let mut arms = String::new();
        for (index, Region { name, url, text }) in self.regions.iter().enumerate() {
            let default = if index == 0 { "#[default]" } else { "" };
            let _ = writeln!(variants, "/// {text} `{url}`\n{default} {name},");
            let _ = writeln!(arms, "Self::{name} => {url:?},");
        }
        let _ = write!(
            code,
            "/// Where an account lives.
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
            #[non_exhaustive]
            pub enum Region {{ {variants} }}
            impl Region {{
                /// The base URL of the region's API.
                #[must_use]
                pub const fn base_url(self) -> &'static str {{ match self {{ {arms} }} }}
            }}"
        );
    }

    /// The open enum: known values as variants, any other kept as it came. Written by hand here,
    /// as serde's `untagged` would buffer every value first.
    fn status(&self, code: &mut String) {
        let (mut variants, mut to_text, mut from_text) =
            (String::new(), String::new(), String::new());
        for value in &self.statuses {
            let name = pascal(value);
            let _ = writeln!(variants, "/// `{value}`\n{name},");
            let _ = writeln!(to_text, "Self::{name} => {value:?},");
            let _ = writeln!(from_text, "{value:?} => Self::{name},");
        }
        let _ = write!(
            code,
            "/// How far a user is with a pack. A value that this crate does not know is kept in `Other`.
            #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            #[non_exhaustive]
            pub enum {STATUS} {{
                {variants}
                /// A value that this release does not know, as it came.
                Other(String),
            }}
            impl {STATUS} {{
                /// The value as the API writes it.
                #[must_use]
                pub fn as_str(&self) -> &str {{ match self {{ {to_text} Self::Other(text) => text }} }}
            }}
            impl From<&str> for {STATUS} {{
                fn from(text: &str) -> Self {{ match text {{ {from_text} other => Self::Other(other.to_owned()) }} }}
            }}
            impl std::str::FromStr for {STATUS} {{
                type Err = std::convert::Infallible;
                fn from_str(text: &str) -> Result<Self, Self::Err> {{ Ok(text.into()) }}
            }}
            impl std::fmt::Display for {STATUS} {{
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{ f.pad(self.as_str()) }}
            }}
            impl serde::Serialize for {STATUS} {{
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {{
                    serializer.serialize_str(self.as_str())
                }}
            }}
            impl<'de> serde::Deserialize<'de> for {STATUS} {{
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {{
                    struct Text;
                    impl serde::de::Visitor<'_> for Text {{
                        type Value = {STATUS};
                        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{
                            f.write_str(\"a status\")
                        }}
                        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {{
                            Ok(text.into())
                        }}
                    }}
                    deserializer.deserialize_str(Text)
                }}
            }}"
        );
    }
}
