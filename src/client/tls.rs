//! TLS with rustls. By default, the client uses the crypto provider ring and trusts the platform's certificate
//! authorities. `ClientBuilder::rustls_config` replaces these defaults.

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
    /// Returns the TLS configuration for the HTTP client. The configuration includes a crypto provider, so this crate
    /// never installs a process-wide provider.
    ///
    /// # Errors
    /// Returns an error message if a setting is invalid.
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

/// Verifies server certificates with the platform's verifier, which trusts the platform's certificate authorities and
/// the certificates in `roots`.
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

/// Returns a configuration with the process-wide crypto provider. Without the feature `ring`, this crate has no
/// certificate verifier, so this configuration supports only `http`.
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

/// Returns a TLS configuration that trusts no certificates. The HTTP client requires a TLS configuration even if it
/// sends only `http` requests. The platform's certificates are not loaded, because loading them would fail on a machine
/// without CA certificates.
fn without_roots(config: ConfigBuilder<ClientConfig, WantsVerifier>) -> ClientConfig {
    config
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth()
}

/// Checks each certificate separately, so that the error message can say which certificate is invalid.
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
