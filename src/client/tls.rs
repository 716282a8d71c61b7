//! TLS with rustls. By default: ring, and the trusted authorities of the platform. The caller may set another configuration.

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use std::sync::Arc;

/// The caller's TLS settings.
#[derive(Debug, Default)]
pub(super) struct Tls {
    pub(super) config: Option<ClientConfig>,
    pub(super) roots: Vec<CertificateDer<'static>>,
}

impl Tls {
    /// Returns the TLS configuration of one HTTP client. The configuration contains the cryptography, so that nothing is
    /// set for the whole process.
    ///
    /// # Errors
    /// Returns a message about the invalid setting.
    pub(super) fn into_config(self, https: bool) -> Result<ClientConfig, String> {
        match self.config {
            Some(_) if !self.roots.is_empty() => Err(
                "`root_certificate` next to `rustls_config`: add the certificate to the roots of that configuration"
                    .to_owned(),
            ),
            Some(config) => Ok(config),
            None => {
                check_roots(&self.roots)?;
                default_config(self.roots, https)
            }
        }
    }
}

/// Verifies certificates with the verifier of the platform. Trusts the authorities of the platform and `roots`.
#[cfg(feature = "ring")]
fn default_config(
    roots: Vec<CertificateDer<'static>>,
    https: bool,
) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = start(Arc::clone(&provider))?;
    if !https {
        return Ok(without_roots(config));
    }
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(roots, provider);
    let verifier = verifier.map_err(|error| {
        let reason = match error {
            rustls::Error::General(reason) => reason,
            other => other.to_string(),
        };
        let advice = crate::error::TRUST_ADVICE;
        format!("this machine has no usable CA certificates ({reason}): {advice}")
    })?;
    Ok(config
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// Uses the cryptography that the process has set as its default. Supports only `http`: without `ring`, this crate has no
/// verifier for certificates.
#[cfg(not(feature = "ring"))]
fn default_config(_: Vec<CertificateDer<'static>>, https: bool) -> Result<ClientConfig, String> {
    let provider = CryptoProvider::get_default().filter(|_| !https);
    let provider = provider.ok_or(
        "no TLS: pass a rustls configuration to `rustls_config`, or turn on the feature `ring` or `native-tls`",
    )?;
    Ok(without_roots(start(Arc::clone(provider))?))
}

fn start(
    provider: Arc<CryptoProvider>,
) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, String> {
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| format!("TLS cannot be set up: {e}"))
}

/// Returns a configuration for `http`. The HTTP client requires a configuration, although no `http` connection uses it.
/// The configuration trusts no certificate, so that a machine without CA certificates can use `http`.
fn without_roots(config: ConfigBuilder<ClientConfig, WantsVerifier>) -> ClientConfig {
    config
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth()
}

/// Checks each certificate separately, so that the message says which one is invalid.
fn check_roots(roots: &[CertificateDer<'static>]) -> Result<(), String> {
    for (number, root) in (1..).zip(roots) {
        RootCertStore::empty().add(root.clone()).map_err(|e| {
            format!(
                "root_certificate: certificate {number} of {} is not a CA certificate in DER form ({e}); read a PEM \
                 file with `CertificateDer::from_pem_file`",
                roots.len()
            )
        })?;
    }
    Ok(())
}
