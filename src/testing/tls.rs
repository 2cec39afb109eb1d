//! The server's side of TLS, with rustls whatever the client uses: it is the one that can ask for a client's certificate.

use std::io::{self, Read};
use std::sync::Arc;

use ::rustls::crypto::ring;
use ::rustls::pki_types::pem::PemObject;
use ::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ::rustls::server::WebPkiClientVerifier;
use ::rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::server::Waking;

/// Shakes hands with clients.
#[derive(Clone)]
pub(super) struct Acceptor(Arc<ServerConfig>);

/// An encrypted connection.
pub(super) struct Accepted {
    pub(super) stream: StreamOwned<ServerConnection, Waking>,
    /// The client's certificate in DER.
    pub(super) client: Option<Vec<u8>>,
}

impl Acceptor {
    /// One with this chain and key in PEM; clients need a certificate of the authority `clients_of` (DER), if there is one.
    pub(super) fn new(certificate: &str, key: &str, clients_of: Option<&[u8]>) -> io::Result<Self> {
        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<Vec<_>, _>>();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(io::Error::other)?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let builder = match clients_of {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.to_vec().into()).map_err(io::Error::other)?;
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().map_err(io::Error::other)?)
            }
        };
        let mut config = builder.with_single_cert(chain.map_err(io::Error::other)?, key).map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    /// Shakes hands; `None` if that fails.
    pub(super) fn accept(&self, stream: Waking) -> Option<Accepted> {
        let connection = ServerConnection::new(Arc::clone(&self.0)).ok()?;
        let mut tls = StreamOwned::new(connection, stream);
        while tls.conn.is_handshaking() {
            if tls.conn.complete_io(&mut tls.sock).is_err() {
                // Closing with unread bytes would be a reset, which may overtake the alert.
                tls.sock.finish();
                return None;
            }
        }
        let chain = tls.conn.peer_certificates();
        let client = chain.and_then(|chain| chain.first()).map(|certificate| certificate.to_vec());
        Some(Accepted { stream: tls, client })
    }
}

impl Waking {
    /// Says that nothing more will come, and reads until the client has closed.
    fn finish(&mut self) {
        self.shutdown_write();
        let mut rest = [0; 1024];
        while self.read(&mut rest).is_ok_and(|n| n > 0) {}
    }
}
