/// Defines the enum `Region` from the server names and base URLs in the spec. The first server in the spec becomes the
/// default region.
macro_rules! regions {
    ($(#[$first_doc:meta])* $first:ident = $first_url:literal, $($(#[$doc:meta])* $name:ident = $url:literal,)*) => {
        /// The region of a Connecteam account. Each region has its own base URL.
        ///
        /// `Display` and JSON use the lower-case name of the region, such as `australia`.
        ///
        /// ```
        /// use connecteam_onboarding::Region;
        ///
        /// let region: Region = "global".parse()?;
        /// assert_eq!(region.to_string(), "global");
        /// # Ok::<(), connecteam_onboarding::UnknownRegion>(())
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        #[serde(rename_all = "lowercase")]
        #[non_exhaustive]
        pub enum Region {
            $(#[$first_doc])*
            #[doc = concat!("`", $first_url, "`")]
            #[default]
            $first,
            $(
                $(#[$doc])*
                #[doc = concat!("`", $url, "`")]
                $name,
            )*
        }

        impl Region {
            /// Returns the base URL of the API in this region.
            #[must_use]
            pub const fn base_url(self) -> &'static str {
                match self {
                    Self::$first => $first_url,
                    $(Self::$name => $url,)*
                }
            }
        }

        impl std::fmt::Display for Region {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&format!("{self:?}").to_lowercase())
            }
        }

        impl std::str::FromStr for Region {
            type Err = crate::api::UnknownRegion;

            /// Parses the name of a region, ignoring ASCII case.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let regions = [Self::$first, $(Self::$name),*];
                regions
                    .into_iter()
                    .find(|region| region.to_string().eq_ignore_ascii_case(text))
                    .ok_or_else(|| crate::api::UnknownRegion::new(text, &regions.map(|region| region.to_string())))
            }
        }
    };
}
pub(crate) use regions;

/// An error returned when a string is not the name of a [`Region`](crate::Region).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRegion(String);

impl UnknownRegion {
    pub(crate) fn new(text: &str, names: &[String]) -> Self {
        let shown: String = text.chars().take(40).collect();
        let names = names.join("` or `");
        Self(format!(
            "`{}` is not a region: use `{names}`",
            shown.escape_debug()
        ))
    }
}

impl std::fmt::Display for UnknownRegion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnknownRegion {}
