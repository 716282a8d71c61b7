//! TLS with rustls: ring and the certificates of the platform, or the caller's own configuration.

use super::configuration;
use crate::error::Error;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use std::sync::Arc;

/// The caller's TLS settings.
#[derive(Debug, Default)]
pub(super) struct Tls {
    pub(super) config: Option<ClientConfig>,
    pub(super) roots: Vec<CertificateDer<'static>>,
}

impl Tls {
    /// Sets up the TLS of an HTTP client. Nothing is set for the whole process: the cryptography goes into the
    /// configuration of this client only.
    pub(super) fn apply(
        self,
        http: reqwest::ClientBuilder,
        https: bool,
    ) -> Result<reqwest::ClientBuilder, Error> {
        let config = match self.config {
            Some(_) if !self.roots.is_empty() => {
                return Err(configuration(
                    "`root_certificate` next to `rustls_config`: add the certificate to the roots of that configuration",
                ));
            }
            Some(config) => config,
            None => default_config(&self.roots, https)?,
        };
        Ok(http.tls_backend_preconfigured(config))
    }
}

fn default_config(roots: &[CertificateDer<'static>], https: bool) -> Result<ClientConfig, Error> {
    check_roots(roots)?;
    let provider = provider()?;
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| configuration(format!("TLS cannot be set up: {e}")))?;
    if !https {
        // No connection uses it, but the HTTP client wants one; so a machine without certificates can use `http`.
        return Ok(config
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth());
    }
    verified(config, roots, provider)
}

type Config = rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>;

/// Verifies with the verifier and the certificates of the platform, and the caller's.
#[cfg(feature = "ring")]
fn verified(
    config: Config,
    roots: &[CertificateDer<'static>],
    provider: Arc<CryptoProvider>,
) -> Result<ClientConfig, Error> {
    let verifier =
        rustls_platform_verifier::Verifier::new_with_extra_roots(roots.iter().cloned(), provider)
            .map_err(|error| {
            let reason = match error {
                rustls::Error::General(reason) => reason,
                other => other.to_string(),
            };
            configuration(format!(
                "this machine has no usable CA certificates ({reason}): {}",
                crate::error::TRUST_ADVICE
            ))
        })?;
    Ok(config
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

#[cfg(not(feature = "ring"))]
fn verified(
    _: Config,
    _: &[CertificateDer<'static>],
    _: Arc<CryptoProvider>,
) -> Result<ClientConfig, Error> {
    Err(no_provider())
}

#[cfg(feature = "ring")]
#[expect(clippy::unnecessary_wraps, reason = "without ring it can fail")]
fn provider() -> Result<Arc<CryptoProvider>, Error> {
    Ok(Arc::new(rustls::crypto::ring::default_provider()))
}

#[cfg(not(feature = "ring"))]
fn provider() -> Result<Arc<CryptoProvider>, Error> {
    CryptoProvider::get_default()
        .cloned()
        .ok_or_else(no_provider)
}

#[cfg(not(feature = "ring"))]
fn no_provider() -> Error {
    configuration(
        "no TLS: pass a rustls configuration to `rustls_config`, or turn on the feature `ring` or `native-tls`",
    )
}

/// Checks each certificate by itself, so that the message says which one is invalid.
fn check_roots(roots: &[CertificateDer<'static>]) -> Result<(), Error> {
    for (number, root) in (1..).zip(roots) {
        RootCertStore::empty().add(root.clone()).map_err(|e| {
            configuration(format!(
                "root_certificate: certificate {number} of {} is not a CA certificate in DER form ({e}); read a PEM \
                 file with `CertificateDer::from_pem_file`",
                roots.len()
            ))
        })?;
    }
    Ok(())
}
