//! [`ClientBuilder`] configures and builds a [`Client`].

use super::{Client, configuration, proxy};
use crate::api::Region;
use crate::clock::{Clock, SystemClock};
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::request::{Credentials, Governor, OAuth, Shared, Turns};
use crate::retry::RetryPolicy;
use reqwest::Url;
use secrecy::SecretString;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

type Adjust = Box<dyn FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send>;

/// Builds a [`Client`]. Only a credential is required, because all other settings have defaults.
///
/// | setting | default |
/// |---|---|
/// | [`region`](Self::region) or [`base_url`](Self::base_url) | the global region |
/// | [`connect_timeout`](Self::connect_timeout) | 10 s |
/// | [`read_timeout`](Self::read_timeout) | 60 s |
/// | [`total_timeout`](Self::total_timeout) | 10 min |
/// | [`retry`](Self::retry) | [`RetryPolicy::default`] |
/// | [`max_rate_limit_wait`](Self::max_rate_limit_wait) | 10 min |
/// | [`max_body_bytes`](Self::max_body_bytes) | 64 MiB |
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
///     .read_timeout(Duration::from_secs(30))
///     .retry(RetryPolicy::default().max_attempts(3))
///     .user_agent_suffix("hr-sync/2.1")
///     .build()?; // checks the settings; sends nothing
/// # let _ = client;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct ClientBuilder {
    pub(super) credentials: Option<Result<Credentials, String>>,
    scopes: Option<Vec<String>>,
    base_url: String,
    connect_timeout: Duration,
    read_timeout: Duration,
    total_timeout: Duration,
    max_rate_limit_wait: Duration,
    max_body: usize,
    retry: RetryPolicy,
    user_agent: String,
    clock: Arc<dyn Clock>,
    adjust: Vec<Adjust>,
    #[cfg(feature = "__rustls")]
    tls: super::tls::Tls,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            credentials: None,
            scopes: None,
            base_url: Region::default().base_url().to_owned(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            total_timeout: Duration::from_secs(600),
            max_rate_limit_wait: Duration::from_secs(600),
            max_body: 64 << 20,
            retry: RetryPolicy::default(),
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned(),
            clock: Arc::new(SystemClock::default()),
            adjust: Vec::new(),
            #[cfg(feature = "__rustls")]
            tls: super::tls::Tls::default(),
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
    /// Authenticates requests with an API key.
    pub fn api_key(mut self, key: impl Into<SecretString>) -> Self {
        self.credentials = Some(Credentials::api_key(&key.into()));
        self
    }

    /// Authenticates requests with OAuth 2.0 client credentials.
    ///
    /// The client requests an access token before the first API request. Clones of a client share one access token. The
    /// client renews the token before it expires. If the API rejects the token, the client requests a new token and
    /// retries the request once.
    pub fn client_credentials(
        mut self,
        id: impl Into<String>,
        secret: impl Into<SecretString>,
    ) -> Self {
        self.credentials = Some(OAuth::new(&id.into(), secret.into()).map(Credentials::OAuth));
        self
    }

    /// Sets the OAuth scopes that the client requests. By default, the client requests no specific scopes, and the API
    /// grants all scopes of the OAuth app.
    ///
    /// The scopes of an OAuth app are chosen when the app is created. A token request with a scope that the app lacks
    /// fails with 403. This setting requires [`client_credentials`](Self::client_credentials).
    /// [`api::SCOPES`](crate::api::SCOPES) lists the scopes of this API.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item: Into<String>>) -> Self {
        self.scopes = Some(scopes.into_iter().map(Into::into).collect());
        self
    }

    /// Authenticates requests with an access token that the caller provides. The client never renews this token.
    pub fn access_token(mut self, token: impl Into<SecretString>) -> Self {
        self.credentials = Some(Credentials::access_token(&token.into()));
        self
    }

    /// Sets the region of the account. Default: [`Region::Global`].
    pub fn region(self, region: Region) -> Self {
        self.base_url(region.base_url())
    }

    /// Replaces the base URL of the region, for example with the URL of a test server. API requests and token requests
    /// both use this base URL. If this URL has a path, the API paths are appended to that path.
    ///
    /// The URL must be `https`. Plain `http` is permitted only for `localhost` and loopback addresses. With an `http`
    /// URL, the client uses no proxy.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Limits the time to connect, including the TLS handshake and the connection to a proxy. Default: 10 s. If
    /// necessary, the client reduces this limit, so that it stays below [`read_timeout`](Self::read_timeout) and
    /// [`total_timeout`](Self::total_timeout).
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Limits the wait for the response headers, and the wait for each part of the response body. Default: 60 s. This
    /// time-out does not include the wait for the rate limit.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = timeout;
        self
    }

    /// Limits the time of one attempt, from connecting to the end of the response body. Default: 10 min, so that a long
    /// list can be read over a slow connection. This time-out does not include the wait for the rate limit.
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.total_timeout = timeout;
        self
    }

    /// Sets how often and for how long failed calls are retried. Default: [`RetryPolicy::default`].
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Limits the time that one request waits for the rate limit. Default: 10 min. If a request would have to wait
    /// longer than this limit, the request fails, and [`Error::retry_at`] returns the time at which a retry is
    /// permitted.
    pub fn max_rate_limit_wait(mut self, wait: Duration) -> Self {
        self.max_rate_limit_wait = wait;
        self
    }

    /// Limits the size of a response body, in bytes after decompression. Default: 64 MiB.
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Adds the name of your program to the `User-Agent` header, for example `hr-sync/2.1`.
    pub fn user_agent_suffix(mut self, suffix: impl AsRef<str>) -> Self {
        self.user_agent.push(' ');
        self.user_agent.push_str(suffix.as_ref());
        self
    }

    /// Sets the clock that the client uses to read the time and to wait. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Trusts an additional certificate authority, for example the private authority of a corporate proxy. The
    /// platform's certificate authorities stay trusted. The certificate must be in DER form.
    ///
    /// To read a PEM file, use `rustls::pki_types::CertificateDer::from_pem_file`.
    #[cfg(feature = "__rustls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "ring")))]
    pub fn root_certificate(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.tls.roots.push(der.into().into());
        self
    }

    /// Replaces the entire TLS configuration (rustls 0.23), including the crypto provider, the trusted authorities and
    /// the client certificates.
    #[cfg(feature = "__rustls")]
    #[cfg_attr(docsrs, doc(cfg(any(feature = "ring", feature = "rustls"))))]
    pub fn rustls_config(mut self, config: rustls::ClientConfig) -> Self {
        self.tls.config = Some(config);
        self
    }

    /// Customizes the HTTP client ([`reqwest::ClientBuilder`]), for example with a proxy, a local address or a DNS
    /// resolver.
    ///
    /// The client always overrides some settings to protect the credential and to prevent ambiguous writes. The client
    /// disables redirects, reqwest's own retries, idle connections and verbose connection logging. With an `https` base
    /// URL, only `https` requests are permitted. With an `http` base URL, proxies are disabled.
    ///
    /// [The guide](crate::guide::migrating#keep-your-http-settings) has examples with a proxy, with TLS settings and
    /// with a tower layer.
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

    /// Builds the client. Sends nothing.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Configuration`] if the credential is missing, or if the credential, the base URL, or a TLS
    /// or HTTP setting is invalid.
    pub fn build(self) -> Result<Client, Error> {
        self.checked().map_err(configuration)
    }

    fn checked(mut self) -> Result<Client, String> {
        let mut credentials = self
            .credentials
            .take()
            .ok_or("no credentials: call `api_key`, `client_credentials` or `access_token`")??;
        if let Some(scopes) = self.scopes.take() {
            let Credentials::OAuth(oauth) = credentials else {
                return Err(
                    "scopes: these need `client_credentials`, as only token requests name them"
                        .to_owned(),
                );
            };
            credentials = Credentials::OAuth(oauth.with_scopes(scopes)?);
        }
        let base = check_base_url(&self.base_url)?;
        let https = base.scheme() == "https";
        let retry = self.retry.clone();
        let shared = Shared {
            credentials,
            governor: Governor::new(Arc::clone(&self.clock), self.max_rate_limit_wait),
            clock: Arc::clone(&self.clock),
            max_body: self.max_body,
            total_timeout: self.total_timeout,
            turns: Turns::default(),
            // If a callback was passed to `http_client`, `is_proxied` is false, because the callback may replace or
            // disable the proxy from the environment.
            is_proxied: https && self.adjust.is_empty() && proxy::is_used_for(&base),
            http: self.http(https)?,
            base,
        };
        Ok(Client::new(shared, retry))
    }

    fn http(self, https: bool) -> Result<reqwest::Client, String> {
        if http::HeaderValue::from_str(&self.user_agent).is_err() {
            let agent = self.user_agent.escape_debug();
            return Err(format!("user_agent_suffix: no header can carry `{agent}`"));
        }
        if https && cfg!(not(any(feature = "__rustls", feature = "native-tls"))) {
            return Err(
                "no TLS: turn on one of the features `ring`, `native-tls` and `rustls`".to_owned(),
            );
        }
        if https && let Some(name) = proxy::unusable_variable(|name| std::env::var_os(name)) {
            tracing::warn!(variable = name, "not a usable proxy URL, so it is ignored");
        }
        let http = reqwest::Client::builder();
        #[cfg(feature = "__rustls")]
        let http = http.tls_backend_preconfigured(self.tls.into_config(https)?);
        // The connect time-out must be shorter than the read and total time-outs, which include the time to connect. If
        // another time-out expired first, its error would not prove that the request was not sent.
        let shortest = self.read_timeout.min(self.total_timeout);
        let mut http = http
            .connect_timeout(self.connect_timeout.min(shortest / 10 * 9))
            .read_timeout(self.read_timeout);
        for adjust in self.adjust {
            http = adjust(http);
        }
        http = http
            .user_agent(self.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            // Verbose connection logs would contain the credential.
            .connection_verbose(false)
            .https_only(https)
            // Idle connections are not reused, because a server may close such a connection while a write is sent. The
            // client could not know whether the API executed that write.
            .pool_max_idle_per_host(0);
        if !https {
            // A proxy could read the credential in an `http` request.
            http = http.no_proxy();
        }
        http.build().map_err(|error| {
            let error = Error::from_reqwest(error, false);
            format!("the HTTP client cannot be built: {error}")
        })
    }
}

/// Parses and checks a base URL. Requests contain the credential, so `http` is permitted only for `localhost` and
/// loopback addresses.
pub(super) fn check_base_url(text: &str) -> Result<Url, String> {
    // The error message omits the invalid URL, which may contain a password.
    let url = Url::parse(text).map_err(|e| format!("the base URL is invalid: {e}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "the base URL contains a user name or a password: pass the credential to the client instead"
                .to_owned(),
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("the base URL contains a query or a fragment: remove it".to_owned());
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
            "the base URL {url} is not https, so everyone on the way could read the credential"
        )),
        other => Err(format!("the base URL has the scheme {other}: use https")),
    }
}
