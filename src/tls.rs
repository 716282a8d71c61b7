//! How connections are secured with rustls: ring and the platform's roots, or the caller's own.

use crate::builder::ClientBuilder;
use crate::error::{Error, ErrorKind};
use rustls::pki_types::CertificateDer;

/// The caller's wishes.
#[derive(Debug, Default)]
pub(crate) struct Tls {
    config: Option<rustls::ClientConfig>,
    roots: Vec<CertificateDer<'static>>,
}

impl Tls {
    /// Nothing process-wide is set: the provider goes into this client's configuration only.
    pub(crate) fn apply(
        self,
        http: reqwest::ClientBuilder,
    ) -> Result<reqwest::ClientBuilder, Error> {
        let config = match self.config {
            Some(_) if !self.roots.is_empty() => {
                return Err(problem(
                    "extra root certificates go into the rustls configuration that is given",
                    None,
                ));
            }
            Some(config) => config,
            None => default_config(self.roots)?,
        };
        Ok(http.tls_backend_preconfigured(config))
    }
}

#[cfg(feature = "ring")]
fn default_config(roots: Vec<CertificateDer<'static>>) -> Result<rustls::ClientConfig, Error> {
    use std::sync::Arc;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(
        roots,
        Arc::clone(&provider),
    )
    .map_err(|e| {
        problem(
            "root_certificate: not a certificate in DER form (a PEM file holds it in base64)",
            Some(e),
        )
    })?;
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| problem("TLS cannot be set up", Some(e)))?;
    // The platform's own verifier, with the caller's roots beside the platform's.
    Ok(config
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

#[cfg(not(feature = "ring"))]
fn default_config(_: Vec<CertificateDer<'static>>) -> Result<rustls::ClientConfig, Error> {
    Err(problem(
        "no TLS: give a rustls configuration with `rustls_config`, or turn on the feature `ring` or `native-tls`",
        None,
    ))
}

fn problem(what: &str, source: Option<rustls::Error>) -> Error {
    let error = Error::new(ErrorKind::Configuration, what);
    match source {
        Some(source) => error.with_source(source),
        None => error,
    }
}

impl ClientBuilder {
    /// Trusts one more root certificate, in DER form, beside the platform's: for a company's proxy. With the
    /// feature `ring`. A PEM file is read with `rustls::pki_types::CertificateDer::from_pem_file`.
    #[cfg_attr(docsrs, doc(cfg(feature = "ring")))]
    pub fn root_certificate(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.tls.roots.push(CertificateDer::from(der.into()));
        self
    }

    /// Takes the caller's whole configuration of rustls 0.23, with its provider, roots and certificates. With the
    /// feature `ring` or `rustls`.
    #[cfg_attr(docsrs, doc(cfg(any(feature = "ring", feature = "rustls"))))]
    pub fn rustls_config(mut self, config: rustls::ClientConfig) -> Self {
        self.tls.config = Some(config);
        self
    }
}
