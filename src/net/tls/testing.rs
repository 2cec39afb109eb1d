//! Certificates that are made when a test runs, and servers that present them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;

use crate::net::testing::{TempDir, connector_to, direct, echo, patient, serve};
use crate::net::tls::{TlsBackend, TlsConfig, TlsErrorKind, TlsSettings};
use crate::net::{ConnectError, ConnectErrorKind, Connected, Phase};
use crate::verify::Verify;

#[allow(clippy::duplicate_mod, reason = "the module `testing` has it too, but is not in every build of the tests")]
#[path = "../../testing/authority.rs"]
mod authority;

pub(in crate::net) use authority::{Authority, Leaf};

/// The backends of this build.
pub(in crate::net) fn backends() -> Vec<TlsBackend> {
    let mut backends = Vec::new();
    if cfg!(feature = "native-tls") {
        backends.push(TlsBackend::NativeTls);
    }
    if cfg!(feature = "rustls") {
        backends.push(TlsBackend::Rustls);
    }
    backends
}

/// An authority with its bundle in a file, and a certificate for `localhost`.
pub(in crate::net) struct Pki {
    pub(in crate::net) authority: Authority,
    pub(in crate::net) leaf: Leaf,
    pub(in crate::net) bundle: PathBuf,
    pub(in crate::net) dir: TempDir,
}

impl Pki {
    pub(in crate::net) fn new() -> Self {
        let authority = Authority::new("Test Authority");
        let dir = TempDir::new();
        let bundle = dir.file("ca.pem", &authority.pem);
        Self { leaf: authority.leaf(&["localhost"]), authority, bundle, dir }
    }

    /// Settings that trust this authority only.
    pub(in crate::net) fn config(&self, backend: &TlsBackend) -> TlsConfig {
        TlsConfig { verify: Verify::from(&self.bundle), backend: backend.clone(), ..TlsConfig::default() }
    }

    pub(in crate::net) fn settings(&self, backend: &TlsBackend) -> TlsSettings {
        TlsSettings::new(self.config(backend))
    }
}

pub(in crate::net) fn echo_over_tls(acceptor: Acceptor) -> SocketAddr {
    serve(move |stream: TcpStream| {
        if let Some(stream) = acceptor.accept(stream) {
            echo(stream);
        }
    })
}

pub(in crate::net) fn connect(peer: SocketAddr, host: &str, config: TlsConfig) -> Result<Connected, ConnectError> {
    connector_to([peer]).connect(&direct(host, Some(&TlsSettings::new(config))), &patient())
}

pub(in crate::net) fn tls_kind(error: &ConnectError) -> TlsErrorKind {
    match &error.kind {
        ConnectErrorKind::Tls(tls) => tls.kind(),
        other => panic!("not TLS: {other:?}"),
    }
}

#[track_caller]
pub(in crate::net) fn assert_fails(result: Result<Connected, ConnectError>, kind: TlsErrorKind, text: &str) {
    let error = result.expect_err("the handshake went through");
    assert_eq!((tls_kind(&error), error.phase), (kind, Phase::Tls), "{error}");
    assert!(error.to_string().contains(text), "{error}");
}

/// The DER of one PEM block.
#[cfg(feature = "rustls")]
pub(in crate::net) fn der_of(text: &str) -> Vec<u8> {
    use base64::Engine;
    let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    base64::engine::general_purpose::STANDARD.decode(base64).unwrap()
}

pub(in crate::net) trait Both: Read + Write {}
impl<S: Read + Write> Both for S {}

#[cfg(feature = "rustls")]
pub(in crate::net) use by_rustls::Acceptor;

#[cfg(feature = "rustls")]
mod by_rustls {
    use std::sync::Arc;
    use std::sync::mpsc::Sender;

    use ::rustls::crypto::ring;
    use ::rustls::pki_types::PrivateKeyDer;
    use ::rustls::server::WebPkiClientVerifier;
    use ::rustls::{HandshakeKind, RootCertStore, ServerConfig, ServerConnection, StreamOwned, version};

    use super::*;

    /// The server's side of handshakes.
    #[derive(Clone)]
    pub(in crate::net) struct Acceptor {
        config: Arc<ServerConfig>,
        report: Option<Sender<Seen>>,
    }

    /// What a server knows about a client after the handshake.
    #[derive(Debug, Eq, PartialEq)]
    pub(in crate::net) struct Seen {
        pub(in crate::net) sni: Option<String>,
        pub(in crate::net) alpn: Option<Vec<u8>>,
        pub(in crate::net) has_cert: bool,
        pub(in crate::net) resumed: bool,
    }

    impl Acceptor {
        pub(in crate::net) fn new(leaf: &Leaf) -> Self {
            Self::with(leaf, &[&version::TLS13, &version::TLS12], None)
        }

        pub(in crate::net) fn tls12(leaf: &Leaf) -> Self {
            Self::with(leaf, &[&version::TLS12], None)
        }

        /// Sends these certificates after the leaf's.
        pub(in crate::net) fn of_chain(leaf: &Leaf, above: &[Vec<u8>]) -> Self {
            let provider = Arc::new(ring::default_provider());
            let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
            let chain = std::iter::once(&leaf.cert_der).chain(above).map(|der| der.clone().into()).collect();
            let key = PrivateKeyDer::Pkcs8(leaf.key_der.clone().into());
            let config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
            Self { config: Arc::new(config), report: None }
        }

        pub(in crate::net) fn with(
            leaf: &Leaf,
            versions: &[&'static ::rustls::SupportedProtocolVersion],
            clients_of: Option<&[u8]>,
        ) -> Self {
            let provider = Arc::new(ring::default_provider());
            let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
            let builder = builder.with_protocol_versions(versions).unwrap();
            let builder = match clients_of {
                None => builder.with_no_client_auth(),
                Some(authority) => {
                    let mut roots = RootCertStore::empty();
                    roots.add(authority.to_vec().into()).unwrap();
                    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                    builder.with_client_cert_verifier(verifier.build().unwrap())
                }
            };
            let key = PrivateKeyDer::Pkcs8(leaf.key_der.clone().into());
            let mut config = builder.with_single_cert(vec![leaf.cert_der.clone().into()], key).unwrap();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Self { config: Arc::new(config), report: None }
        }

        pub(in crate::net) fn reporting(self, to: Sender<Seen>) -> Self {
            Self { report: Some(to), ..self }
        }

        /// Shakes hands; `None` if the client does not like it.
        pub(in crate::net) fn accept<'s>(&self, stream: impl Read + Write + 's) -> Option<Box<dyn Both + 's>> {
            let connection = ServerConnection::new(Arc::clone(&self.config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            while stream.conn.is_handshaking() {
                if stream.conn.complete_io(&mut stream.sock).is_err() {
                    // Closing with unread bytes would be a reset, which may overtake the alert.
                    crate::net::testing::silence(stream.sock);
                    return None;
                }
            }
            if let Some(report) = &self.report {
                let seen = Seen {
                    sni: stream.conn.server_name().map(str::to_owned),
                    alpn: stream.conn.alpn_protocol().map(<[u8]>::to_vec),
                    has_cert: stream.conn.peer_certificates().is_some(),
                    resumed: stream.conn.handshake_kind() == Some(HandshakeKind::Resumed),
                };
                let _ = report.send(seen);
            }
            Some(Box::new(stream))
        }
    }
}

#[cfg(all(feature = "native-tls", not(feature = "rustls")))]
pub(in crate::net) use by_native_tls::Acceptor;

#[cfg(all(feature = "native-tls", not(feature = "rustls")))]
mod by_native_tls {
    use native_tls::{Identity, Protocol, TlsAcceptor};

    use super::*;

    /// The server's side of handshakes.
    #[derive(Clone)]
    pub(in crate::net) struct Acceptor(TlsAcceptor);

    impl Acceptor {
        pub(in crate::net) fn new(leaf: &Leaf) -> Self {
            Self::with(leaf, None)
        }

        pub(in crate::net) fn tls12(leaf: &Leaf) -> Self {
            Self::with(leaf, Some(Protocol::Tlsv12))
        }

        fn with(leaf: &Leaf, max: Option<Protocol>) -> Self {
            let identity = Identity::from_pkcs8(leaf.cert.as_bytes(), leaf.key.as_bytes()).unwrap();
            let mut builder = TlsAcceptor::builder(identity);
            builder.min_protocol_version(Some(Protocol::Tlsv12)).max_protocol_version(max);
            Self(builder.build().unwrap())
        }

        /// Shakes hands; `None` if the client does not like it.
        pub(in crate::net) fn accept<'s>(
            &self,
            stream: impl Read + Write + std::fmt::Debug + 's,
        ) -> Option<Box<dyn Both + 's>> {
            Some(Box::new(self.0.accept(stream).ok()?))
        }
    }
}
