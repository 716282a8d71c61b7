//! Finds proxy variables that cannot be used.

use std::ffi::OsString;

/// The schemes that the HTTP client knows.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// Returns the first proxy variable for `https` that is set but cannot be used, and so is ignored.
pub(super) fn unusable_variable(
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<&'static str> {
    let usable = |value: OsString| {
        let text = value.into_string().unwrap_or_default();
        let uri = text.parse::<http::Uri>();
        text.is_empty()
            || uri.is_ok_and(|uri| {
                let scheme = uri.scheme_str().unwrap_or("http");
                uri.authority().is_some() && SCHEMES.contains(&scheme)
            })
    };
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .find(|name| variable(name).is_some_and(|value| !usable(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusable_proxy_variable_is_found() {
        let unusable = |name: &'static str, value: &'static str| {
            unusable_variable(|asked| (asked == name).then(|| value.into()))
        };
        assert_eq!(unusable("HTTPS_PROXY", "http://proxy.example:3128"), None);
        assert_eq!(unusable("HTTPS_PROXY", "proxy.example:3128"), None);
        assert_eq!(unusable("HTTPS_PROXY", ""), None);
        assert_eq!(unusable("HTTP_PROXY", "not a url"), None, "not for https");
        for name in ["HTTPS_PROXY", "all_proxy"] {
            assert_eq!(unusable(name, "not a url"), Some(name));
            assert_eq!(unusable(name, "ftp://proxy.example"), Some(name));
        }
    }
}
