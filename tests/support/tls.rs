//! A TLS server that forwards each request to a test server.

use super::wire::Request;
use super::{Answer, Server};
use connecteam_onboarding::ClientBuilder;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub struct TlsServer {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    connections: AtomicUsize,
    /// The number of upcoming connections that the server must close during the TLS handshake.
    cuts: AtomicUsize,
}

/// The script `generate.sh` creates the certificates and the keys.
pub fn certificate_file(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/certificates");
    PathBuf::from(folder).join(name).with_extension("pem")
}

pub fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(certificate_file(name)).expect("a certificate")
}

pub fn trusting(builder: ClientBuilder) -> ClientBuilder {
    #[cfg(feature = "ring")]
    return builder.root_certificate(certificate("ca").to_vec());
    #[cfg(not(feature = "ring"))]
    builder.http_client(|http| {
        let pem = std::fs::read(certificate_file("ca")).expect("a file");
        http.tls_certs_merge([reqwest::Certificate::from_pem(&pem).expect("a certificate")])
    })
}

impl TlsServer {
    pub fn start(server: &Server, name: &str) -> Self {
        let config = builder().with_no_client_auth();
        Self::with(server, with_certificate(config, name))
    }

    pub fn that_requires_a_certificate(server: &Server) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(certificate("ca")).expect("a root");
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
        let config = builder().with_client_cert_verifier(verifier.build().expect("a verifier"));
        Self::with(server, with_certificate(config, "here"))
    }

    fn with(server: &Server, config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (config, handler) = (Arc::new(config), server.handler());
        let state = Arc::<State>::default();
        let own = Self {
            address,
            state: Arc::clone(&state),
        };
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                state.connections.fetch_add(1, Ordering::SeqCst);
                let less = |cuts: usize| cuts.checked_sub(1);
                if state
                    .cuts
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
                    .is_ok()
                {
                    // The server reads the start of the handshake, and then closes the connection.
                    let _ = stream.read(&mut [0; 100]);
                    continue;
                }
                let (config, handler) = (Arc::clone(&config), handler.clone());
                std::thread::spawn(move || serve(stream, config, handler));
            }
        });
        own
    }

    pub fn base_url(&self) -> String {
        format!("https://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn cut(&self, handshakes: usize) -> &Self {
        self.state.cuts.store(handshakes, Ordering::SeqCst);
        self
    }

    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }
}

type Builder<T> = rustls::ConfigBuilder<ServerConfig, T>;

fn builder() -> Builder<rustls::WantsVerifier> {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
}

fn with_certificate(builder: Builder<rustls::server::WantsServerCert>, name: &str) -> ServerConfig {
    let key = PrivateKeyDer::from_pem_file(certificate_file("key")).expect("a key");
    let config = builder.with_single_cert(vec![certificate(name)], key);
    config.expect("a configuration")
}

fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    handler: impl Fn(&Request) -> Answer,
) -> Option<()> {
    let connection = ServerConnection::new(config).ok()?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    while let Some(request) = Request::read(&mut stream) {
        handler(&request).write(stream.get_mut()).ok()?;
    }
    Some(())
}
