//! [`ClientBuilder`]: the settings of a client, checked once.

use crate::api::{self, Region};
use crate::client::Client;
use crate::clock::{Clock, SystemClock};
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind};
use crate::governor::Governor;
use crate::rate_limit::Reserve;
use crate::retry::RetryPolicy;
use crate::transport::{Inner, Shared, of_reqwest};
use reqwest::Url;
use secrecy::SecretString;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

type Adjust = Box<dyn FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send>;

/// Makes a [`Client`]. A credential is needed; all else has a default.
///
/// | setting | default |
/// |---|---|
/// | region or base URL | the global region |
/// | time to connect | 10 s |
/// | time of one attempt, body included | 60 s |
/// | retries | [`RetryPolicy::default`] |
/// | longest wait for the account's limits | 10 min |
/// | longest answer | 64 MiB |
///
/// ```
/// use connecteam_onboarding::{Client, Region, RetryPolicy};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), connecteam_onboarding::Error> {
/// # if cfg!(not(any(feature = "ring", feature = "native-tls"))) { return Ok(()); } // no TLS
/// let client = Client::builder()
///     .client_credentials("id", "secret")
///     .region(Region::Australia)
///     .attempt_timeout(Duration::from_secs(30))
///     .retry(RetryPolicy::default().max_attempts(3))
///     .user_agent_suffix("hr-sync/2.1")
///     .build()?; // checks the settings; sends nothing
/// # let _ = client;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct ClientBuilder {
    credentials: Option<Credentials>,
    base_url: String,
    connect_timeout: Duration,
    attempt_timeout: Duration,
    longest_wait: Duration,
    max_body: usize,
    retry: RetryPolicy,
    user_agent: String,
    clock: Arc<dyn Clock>,
    adjust: Vec<Adjust>,
    #[cfg(feature = "__rustls")]
    pub(crate) tls: crate::tls::Tls,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            credentials: None,
            base_url: Region::default().base_url().to_owned(),
            connect_timeout: Duration::from_secs(10),
            attempt_timeout: Duration::from_secs(60),
            longest_wait: Duration::from_secs(600),
            max_body: 64 << 20,
            retry: RetryPolicy::default(),
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned(),
            clock: Arc::new(SystemClock::default()),
            adjust: Vec::new(),
            #[cfg(feature = "__rustls")]
            tls: crate::tls::Tls::default(),
        }
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("credentials", &self.credentials)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

impl ClientBuilder {
    /// A builder with the credential and the base URL that the environment names; see [`Client::from_env`].
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`], naming the variable that is missing or wrong.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    pub(crate) fn from_variables(
        variable: impl Fn(&str) -> Option<std::ffi::OsString>,
    ) -> Result<Self, Error> {
        let read = |name: &str| match variable(name) {
            None => Ok(None),
            Some(value) => match value.into_string() {
                Ok(text) if text.trim().is_empty() => Ok(None),
                Ok(text) => Ok(Some(text.trim().to_owned())),
                Err(_) => Err(configuration(format!("{name} is not text"))),
            },
        };
        let (key, id) = (read("CONNECTEAM_API_KEY")?, read("CONNECTEAM_CLIENT_ID")?);
        let secret = read("CONNECTEAM_CLIENT_SECRET")?;
        let builder = match (key, id, secret) {
            (Some(key), _, _) => Self::default().api_key(key),
            (None, Some(id), Some(secret)) => Self::default().client_credentials(id, secret),
            (None, Some(_), None) => {
                return Err(configuration(
                    "CONNECTEAM_CLIENT_ID is set, but CONNECTEAM_CLIENT_SECRET is not",
                ));
            }
            (None, None, Some(_)) => {
                return Err(configuration(
                    "CONNECTEAM_CLIENT_SECRET is set, but CONNECTEAM_CLIENT_ID is not",
                ));
            }
            (None, None, None) => {
                return Err(configuration(
                    "no credential: set CONNECTEAM_API_KEY, or CONNECTEAM_CLIENT_ID and CONNECTEAM_CLIENT_SECRET",
                ));
            }
        };
        let Some(url) = read("CONNECTEAM_BASE_URL")? else {
            return Ok(builder);
        };
        check_base_url(&url)
            .map_err(|problem| configuration(format!("CONNECTEAM_BASE_URL: {problem}")))?;
        Ok(builder.base_url(url))
    }

    /// Signs with an API key.
    pub fn api_key(mut self, key: impl Into<SecretString>) -> Self {
        self.credentials = Some(Credentials::ApiKey(key.into()));
        self
    }

    /// Signs with OAuth 2.0 client credentials: an access token is asked for when it is needed,
    /// once for all clones, renewed before it ends, and renewed once if the API refuses it.
    pub fn client_credentials(
        mut self,
        id: impl Into<String>,
        secret: impl Into<SecretString>,
    ) -> Self {
        self.credentials = Some(Credentials::client(id.into(), secret.into()));
        self
    }

    /// Signs with an access token that the caller has. It is never renewed.
    pub fn access_token(mut self, token: impl Into<SecretString>) -> Self {
        self.credentials = Some(Credentials::AccessToken(token.into()));
        self
    }

    /// The region where the account lives.
    pub fn region(self, region: Region) -> Self {
        self.base_url(region.base_url())
    }

    /// Another base URL: `https`, or `http` to this machine alone. A path in it is kept. Tokens come
    /// from the same host.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// The longest time to connect.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The longest time of one attempt, from connecting to the end of the body. Waiting for the
    /// account's limits does not count.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// How often and how long a failed call is tried again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// The longest time that one request waits for the account's limits; longer is an error that
    /// says until when.
    pub fn max_rate_limit_wait(mut self, wait: Duration) -> Self {
        self.longest_wait = wait;
        self
    }

    /// The longest answer that is read, in bytes.
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Adds the caller's own name to the `User-Agent`, for example `hr-sync/2.1`.
    pub fn user_agent_suffix(mut self, suffix: impl AsRef<str>) -> Self {
        self.user_agent.push(' ');
        self.user_agent.push_str(suffix.as_ref());
        self
    }

    /// The clock by which everything waits.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Adjusts the HTTP client ([`reqwest::ClientBuilder`]): a proxy, a local address, a resolver. What keeps this crate's
    /// promises is set afterwards: no redirects, no retries of its own, `https` only.
    ///
    /// [The guide](crate::guide::migrating#keep-your-http-settings) shows a proxy, TLS and a tower layer.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # if cfg!(not(any(feature = "ring", feature = "native-tls"))) { return Ok(()); } // no TLS
    /// let proxy = reqwest::Proxy::https("http://proxy.example:3128")?;
    /// let builder = connecteam_onboarding::Client::builder().api_key("key");
    /// let client = builder.http_client(|http| http.proxy(proxy)).build()?;
    /// # let _ = client;
    /// # Ok(())
    /// # }
    /// ```
    pub fn http_client(
        mut self,
        adjust: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + 'static,
    ) -> Self {
        self.adjust.push(Box::new(adjust));
        self
    }

    /// The client. Sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`]: no credential, a secret that no header can carry, a base URL that
    /// is not `https` (this machine apart), or a TLS or HTTP setting that does not work.
    pub fn build(self) -> Result<Client, Error> {
        let credentials = self.credentials.ok_or_else(|| {
            configuration("no credential: call `api_key`, `client_credentials` or `access_token`")
        })?;
        credentials.check()?;
        if http::HeaderValue::from_str(&self.user_agent).is_err() {
            let agent = self.user_agent.escape_debug();
            return Err(configuration(format!(
                "user_agent_suffix: no header can carry `{agent}`"
            )));
        }
        let base = check_base_url(&self.base_url).map_err(configuration)?;
        if cfg!(not(any(feature = "__rustls", feature = "native-tls"))) && base.scheme() == "https"
        {
            return Err(configuration(
                "no TLS: turn on one of the features `ring`, `native-tls` and `rustls`",
            ));
        }
        #[allow(unused_mut, reason = "changed where there is TLS")]
        let mut http = reqwest::Client::builder();
        #[cfg(feature = "__rustls")]
        {
            http = self.tls.apply(http)?;
        }
        http = http.connect_timeout(self.connect_timeout);
        for adjust in self.adjust {
            http = adjust(http);
        }
        let http = http
            .user_agent(self.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .https_only(base.scheme() == "https");
        let http = http.build().map_err(|e| {
            let error = of_reqwest(e);
            configuration(format!("the HTTP client cannot be made: {error}")).with_source(error)
        })?;
        let shared = Shared {
            http: http.clone(),
            credentials,
            governor: Governor::new(Arc::clone(&self.clock), self.longest_wait),
            clock: self.clock,
            max_body: self.max_body,
            attempt_timeout: self.attempt_timeout,
            base,
        };
        let base = shared.base.as_str().trim_end_matches('/').to_owned();
        let inner = Inner {
            shared: Arc::new(shared),
            budget: Arc::default(),
            reserve: Reserve::default(),
            halt: None,
        };
        Ok(Client {
            api: api::Client::new_with_client(&base, http, inner),
            retry: self.retry,
        })
    }
}

fn configuration(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

/// The secrets travel with every request: only where nobody can read them.
fn check_base_url(text: &str) -> Result<Url, String> {
    // Not shown as it came: somebody may have put a password into it.
    let url = Url::parse(text).map_err(|e| format!("the base URL is no URL: {e}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "the base URL holds a user name or a password; give the credential to the client instead"
                .to_owned(),
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!(
            "the base URL {} holds a query or a fragment",
            url.as_str()
        ));
    }
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if local => Ok(url),
        "http" => Err(format!(
            "the base URL {url} is not https: the credential would travel in the clear"
        )),
        other => Err(format!(
            "the base URL has the scheme {other}; expected https"
        )),
    }
}
