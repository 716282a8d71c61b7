//! Recognizes certificate failures, and describes how to fix them.

/// If a certificate failure caused the error, returns a message with advice.
///
/// This function searches the error messages for the word "certificate". The function cannot compare error types,
/// because each TLS library has its own type.
pub(super) fn certificate_failure(causes: &[String], is_connect: bool) -> Option<String> {
    let names_certificate = |text: &&String| text.to_lowercase().contains("certificate");
    let cause = causes.iter().find(names_certificate)?;
    let text = cause.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let is_alert = any(&["alert"]);
    if !is_connect && !is_alert {
        return None;
    }
    let advice = if is_alert {
        "the server rejects the certificate of this client: check the client certificate"
    } else if any(&["expired", "not valid yet", "not yet valid"]) {
        "check the clock of this machine; if it is right, the server needs a new certificate"
    } else if any(&["for name", "host name", "mismatch"]) {
        "check the base URL, and whether a proxy replaces the certificate"
    } else {
        TRUST_ADVICE
    };
    Some(format!("{cause}: {advice}"))
}

/// Advice on how to trust a certificate authority. The advice depends on the platform and on the enabled features.
pub(crate) const TRUST_ADVICE: &str = if cfg!(feature = "ring") {
    if cfg!(any(
        target_vendor = "apple",
        target_os = "windows",
        target_os = "android"
    )) {
        "add the certificate authority to the trust store of the system, or pass it to `root_certificate`"
    } else {
        "install the package `ca-certificates`, or name a file of trusted certificates in SSL_CERT_FILE, or pass the \
         certificate authority to `root_certificate`"
    }
} else if cfg!(feature = "native-tls") {
    if cfg!(any(target_vendor = "apple", target_os = "windows")) {
        "add the certificate authority to the trust store of the system"
    } else {
        "install the package `ca-certificates`, or name a file of trusted certificates in SSL_CERT_FILE"
    }
} else {
    "add the certificate authority to the roots of the rustls configuration"
};
