//! Reads the proxy environment variables in the same way as the HTTP client does.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use std::ffi::{OsStr, OsString};

const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Returns whether an environment variable sets a proxy for requests to the base URL.
pub(super) fn is_used_for(base: &Url) -> bool {
    intercepts(&Matcher::from_env(), base.as_str())
}

/// Returns the name of the first environment variable that sets an invalid URL for the `https` proxy. The HTTP client
/// ignores such a variable.
pub(super) fn unusable_variable(
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<&'static str> {
    let is_unusable = |value: OsString| !value.is_empty() && !is_usable(&value);
    VARIABLES
        .into_iter()
        .find(|name| variable(name).is_some_and(is_unusable))
}

fn is_usable(value: &OsStr) -> bool {
    let matcher = value
        .to_str()
        .map(|url| Matcher::builder().https(url).build());
    matcher.is_some_and(|matcher| intercepts(&matcher, "https://localhost"))
}

fn intercepts(matcher: &Matcher, url: &str) -> bool {
    let uri = url.parse::<Uri>();
    uri.is_ok_and(|uri| matcher.intercept(&uri).is_some())
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
