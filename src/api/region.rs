//! The regions of accounts: the servers of the spec.

/// Defines `Region`: name and base URL of each server. The first one is the default.
macro_rules! regions {
    ($(#[$first_doc:meta])* $first:ident = $first_url:literal, $($(#[$doc:meta])* $name:ident = $url:literal,)*) => {
        /// The region of an account.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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
            /// Returns the base URL of the region's API.
            #[must_use]
            pub const fn base_url(self) -> &'static str {
                match self {
                    Self::$first => $first_url,
                    $(Self::$name => $url,)*
                }
            }
        }
    };
}
pub(crate) use regions;
