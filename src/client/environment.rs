//! [`ClientBuilder::from_env`] reads settings from environment variables.

use super::builder::{ClientBuilder, check_base_url};
use super::configuration;
use crate::error::Error;
use std::ffi::OsString;

const API_KEY: &str = "CONNECTEAM_API_KEY";
const CLIENT_ID: &str = "CONNECTEAM_CLIENT_ID";
const CLIENT_SECRET: &str = "CONNECTEAM_CLIENT_SECRET";
const REGION: &str = "CONNECTEAM_REGION";
const BASE_URL: &str = "CONNECTEAM_BASE_URL";

impl ClientBuilder {
    /// Returns a builder with the credential and the base URL from environment variables.
    /// [`Client::from_env`](crate::Client::from_env) lists the variables.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if a variable is missing or has an invalid
    /// value. The error message names the variable.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(|name| std::env::var_os(name)).map_err(configuration)
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, String> {
        let read = |name: &str| match variable(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Some(Err(_)) => Err(format!("{name} is not valid UTF-8")),
        };
        let builder = Self::default();
        let incomplete =
            |set, missing| Err(format!("{set} is set, but {missing} is not: set both"));
        let (builder, source) = match (read(API_KEY)?, read(CLIENT_ID)?, read(CLIENT_SECRET)?) {
            (Some(key), _, _) => (builder.api_key(key), API_KEY.to_owned()),
            (None, Some(id), Some(secret)) => (
                builder.client_credentials(id, secret),
                format!("{CLIENT_ID} or {CLIENT_SECRET}"),
            ),
            (None, Some(_), None) => return incomplete(CLIENT_ID, CLIENT_SECRET),
            (None, None, Some(_)) => return incomplete(CLIENT_SECRET, CLIENT_ID),
            (None, None, None) => {
                return Err(format!(
                    "no credentials: set {API_KEY}, or {CLIENT_ID} and {CLIENT_SECRET}"
                ));
            }
        };
        if let Some(Err(problem)) = &builder.credentials {
            return Err(format!("{source}: {problem}"));
        }
        match (read(REGION)?, read(BASE_URL)?) {
            (None, None) => Ok(builder),
            (Some(region), None) => {
                let region = region.parse().map_err(|e| format!("{REGION}: {e}"))?;
                Ok(builder.region(region))
            }
            (None, Some(url)) => {
                check_base_url(&url).map_err(|e| format!("{BASE_URL}: {e}"))?;
                Ok(builder.base_url(url))
            }
            (Some(_), Some(_)) => Err(format!(
                "{REGION} and {BASE_URL} are both set: set one of them"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<ClientBuilder, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        ClientBuilder::from_variables(variable)
    }

    #[test]
    fn an_invalid_value_names_its_variable() {
        let key = (API_KEY, "key");
        for (variables, name) in [
            (&[][..], API_KEY),
            (&[(API_KEY, " ")], API_KEY),
            (&[(API_KEY, "a\nb")], API_KEY),
            (&[(API_KEY, "two words")], API_KEY),
            (&[(CLIENT_ID, "id")], CLIENT_SECRET),
            (&[(CLIENT_SECRET, "secret")], CLIENT_ID),
            (&[(CLIENT_ID, "i:d"), (CLIENT_SECRET, "secret")], CLIENT_ID),
            (&[(CLIENT_ID, "id"), (CLIENT_SECRET, "a\nb")], CLIENT_SECRET),
            (&[key, (BASE_URL, "nonsense")], BASE_URL),
            (&[key, (REGION, "down under")], REGION),
            (
                &[key, (REGION, "global"), (BASE_URL, "https://example.com")],
                REGION,
            ),
            (&[key, (BASE_URL, "http://example.com")], BASE_URL),
            (&[key, (BASE_URL, "https://u:p@example.com")], BASE_URL),
            (&[key, (BASE_URL, "https://example.com/?a=b")], BASE_URL),
        ] {
            let error = from(variables).expect_err(name);
            assert!(error.contains(name), "{variables:?}: {error}");
            assert!(!error.contains("a\nb") && !error.contains("u:p"), "{error}");
        }
        assert!(from(&[key]).is_ok());
        assert!(from(&[key, (REGION, "Australia"), (BASE_URL, " ")]).is_ok());
        assert!(from(&[(CLIENT_ID, "id"), (CLIENT_SECRET, " secret\n")]).is_ok());
    }
}
