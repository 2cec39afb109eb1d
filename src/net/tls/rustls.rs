//! TLS with rustls, ring, and the operating system's authorities.
//!
//! A connector is one `ClientConfig`, so only connections with equal TLS settings share its session store. A session is never
//! resumed under other settings.

use std::io::{self, Read, Write};
use std::sync::Arc;

use ::rustls::client::WebPkiServerVerifier;
use ::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use ::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use ::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use ::rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, KeyLogFile,
    RootCertStore, SignatureScheme, SupportedProtocolVersion, version,
};

use rustls_platform_verifier::Verifier;

use super::pem::{self, KeyForm};
use super::{Carrier, TlsConfig, TlsError, TlsErrorKind, TlsVersion, pins, x509};
use crate::verify::{Authorities, ClientCert, Source, Verify};

pub(super) type Connector = Arc<ClientConfig>;

pub(in crate::net) struct Stream {
    connection: Box<ClientConnection>,
    carrier: Carrier,
    /// Why nothing more can be received. What was decrypted before can still be read.
    broken: Option<TlsError>,
}

pub(super) fn build(config: &TlsConfig) -> Result<Connector, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = verifier(config, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(config))
        .map_err(|error| TlsError::new(TlsErrorKind::Setting, error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut built = match &config.cert {
        None => builder.with_no_client_auth(),
        Some(cert) => {
            let (chain, key) = identity(cert)?;
            builder.with_client_auth_cert(chain, key).map_err(|error| {
                let text = format!("the client certificate or its key cannot be used: {error}");
                TlsError::new(TlsErrorKind::Unusable, text)
            })?
        }
    };
    built.alpn_protocols = vec![HTTP_1_1.to_vec()];
    built.key_log = Arc::new(KeyLogFile::new()); // SSLKEYLOGFILE (TLS-20)
    Ok(Arc::new(built))
}

/// A configuration of the program's own. It decides about trust, so settings that would do so are refused.
pub(super) fn from_ready(config: &TlsConfig, ready: &Arc<ClientConfig>) -> Result<Connector, TlsError> {
    let decided = config.verify != Verify::Yes
        || config.cert.is_some()
        || config.min_version.is_some()
        || config.max_version.is_some()
        || !config.check_hostname;
    if decided {
        let text = "a ready rustls configuration decides about certificates and versions itself; \
                    no setting for them can stand beside it";
        return Err(TlsError::new(TlsErrorKind::Setting, text));
    }
    let mut own = ClientConfig::clone(ready);
    own.alpn_protocols = vec![HTTP_1_1.to_vec()];
    Ok(Arc::new(own))
}

// requests speaks HTTP/1.1 only, and offers that by ALPN (TLS-15).
const HTTP_1_1: &[u8] = b"http/1.1";

// As in requests, the default minimum is 1.2 (TLS-14).
fn versions(config: &TlsConfig) -> Vec<&'static SupportedProtocolVersion> {
    let min = config.min_version.unwrap_or(TlsVersion::Tls12);
    let max = config.max_version.unwrap_or(TlsVersion::Tls13);
    [(TlsVersion::Tls13, &version::TLS13), (TlsVersion::Tls12, &version::TLS12)]
        .into_iter()
        .filter_map(|(version, supported)| (min <= version && version <= max).then_some(supported))
        .collect()
}

fn verifier(config: &TlsConfig, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    let chain: Arc<dyn ServerCertVerifier> = match &config.verify {
        Verify::No => return Ok(Arc::new(Anyone(Arc::clone(provider)))),
        Verify::Yes => Arc::new(Verifier::new(Arc::clone(provider)).map_err(no_system)?),
        Verify::CaBundle(path) => {
            let unusable = |why: String| pem::unusable("CA bundle", &path.display().to_string(), &why);
            let (own, links) = roots_and_links(pem::bundle(path)?);
            let mut roots = RootCertStore::empty();
            for root in own {
                roots.add(root).map_err(|error| unusable(error.to_string()))?;
            }
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                .build()
                .map_err(|error| unusable(error.to_string()))?;
            with_links(verifier, links)
        }
        Verify::SystemAnd(Authorities(material)) => {
            let (own, links) = roots_and_links(pem::bundle_of(material)?);
            // The verifier leaves out what it cannot use; here that is an error, as for a bundle alone.
            for root in &own {
                RootCertStore::empty()
                    .add(root.clone())
                    .map_err(|error| pem::unusable("CA bundle", &pem::place(material), &error.to_string()))?;
            }
            let verifier = Verifier::new_with_extra_roots(own, Arc::clone(provider)).map_err(no_system)?;
            with_links(Arc::new(verifier), links)
        }
    };
    Ok(if config.check_hostname { chain } else { Arc::new(AnyName(chain)) })
}

/// The certificates of a bundle that end a chain, as for OpenSSL, and those that may stand in one.
fn roots_and_links(bundle: Vec<Vec<u8>>) -> (Vec<CertificateDer<'static>>, Vec<CertificateDer<'static>>) {
    bundle.into_iter().map(CertificateDer::from).partition(|der| x509::is_self_issued(der))
}

fn with_links(
    verifier: Arc<dyn ServerCertVerifier>,
    links: Vec<CertificateDer<'static>>,
) -> Arc<dyn ServerCertVerifier> {
    if links.is_empty() { verifier } else { Arc::new(WithLinks { verifier, links }) }
}

fn no_system(error: Error) -> TlsError {
    TlsError::new(TlsErrorKind::Unusable, format!("the system's authorities cannot be used: {error}"))
}

fn identity(cert: &ClientCert) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let Source::Pem { cert, key: material, passphrase } = &cert.source else {
        let text = "a PKCS#12 archive needs the backend native-tls";
        return Err(TlsError::new(TlsErrorKind::Unsupported, text));
    };
    let chain = pem::chain(cert)?.into_iter().map(CertificateDer::from).collect();
    let key = pem::private_key(material)?;
    let key = match key.form {
        KeyForm::Encrypted => {
            let why = format!("its ENCRYPTED PRIVATE KEY is encrypted, and rustls cannot open it; {}", pem::WAYS_OUT);
            let error = pem::unusable("client key", &pem::place(material), &why);
            // With its passphrase it is right, and only this backend cannot use it.
            return Err(match passphrase {
                Some(_) => TlsError::new(TlsErrorKind::Unsupported, error.to_string()),
                None => error,
            });
        }
        KeyForm::Pkcs8 => PrivateKeyDer::Pkcs8(key.der.into()),
        KeyForm::Pkcs1 => PrivateKeyDer::Pkcs1(key.der.into()),
        KeyForm::Sec1 => PrivateKeyDer::Sec1(key.der.into()),
    };
    Ok((chain, key))
}

pub(super) fn handshake(
    connector: &Connector,
    config: &TlsConfig,
    name: &str,
    carrier: Carrier,
) -> Result<Stream, TlsError> {
    let server = ServerName::try_from(name.to_owned()).map_err(|_| {
        TlsError::new(TlsErrorKind::WrongHost, format!("a certificate cannot be valid for the host {name}"))
    })?;
    let connection = ClientConnection::new(Arc::clone(connector), server)
        .map_err(|error| failure(&error, config.cert.is_some(), name))?;
    let mut stream = Stream { connection: Box::new(connection), carrier, broken: None };
    while stream.connection.is_handshaking() || stream.connection.wants_write() {
        stream.shake().map_err(|error| match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(inner) => failure(inner, config.cert.is_some(), name),
            None => TlsError::from_text(&error.to_string(), name),
        })?;
    }
    let certificate = stream.connection.peer_certificates().and_then(|chain| chain.first());
    pins::check(&config.pins, certificate.map(|certificate| certificate.as_ref()))?;
    Ok(stream)
}

fn failure(error: &Error, has_cert: bool, name: &str) -> TlsError {
    use CertificateError as Cert;

    let kind = match error {
        Error::InvalidCertificate(Cert::Expired | Cert::ExpiredContext { .. }) => TlsErrorKind::Expired,
        Error::InvalidCertificate(Cert::NotValidYet | Cert::NotValidYetContext { .. }) => TlsErrorKind::NotYetValid,
        Error::InvalidCertificate(Cert::NotValidForName | Cert::NotValidForNameContext { .. }) => {
            TlsErrorKind::WrongHost
        }
        Error::InvalidCertificate(Cert::UnknownIssuer) => TlsErrorKind::UnknownIssuer,
        Error::InvalidCertificate(_) => TlsErrorKind::Certificate,
        Error::AlertReceived(AlertDescription::CertificateRequired) => TlsErrorKind::ClientCertificateRequired,
        // Before TLS 1.3, these are the only alerts for a missing client certificate.
        Error::AlertReceived(AlertDescription::HandshakeFailure | AlertDescription::BadCertificate) if !has_cert => {
            let text = "the server refused the handshake; it may require a client certificate";
            return TlsError::new(TlsErrorKind::Refused, text);
        }
        Error::AlertReceived(AlertDescription::ProtocolVersion) | Error::PeerIncompatible(_) => TlsErrorKind::Version,
        Error::AlertReceived(_) => TlsErrorKind::Refused,
        Error::InvalidMessage(_) => TlsErrorKind::NotTls,
        _ => TlsErrorKind::Other,
    };
    TlsError::of(kind, name, &error.to_string())
}

impl Stream {
    pub(super) fn carrier(&self) -> &Carrier {
        &self.carrier
    }

    pub(super) fn carrier_mut(&mut self) -> &mut Carrier {
        &mut self.carrier
    }

    pub(super) fn has_unread(&mut self) -> bool {
        let state = self.connection.process_new_packets();
        state.map_or(true, |state| state.plaintext_bytes_to_read() > 0 || state.peer_has_closed())
    }

    pub(super) fn close_notify(&mut self) {
        self.connection.send_close_notify();
        let _ = self.send();
    }

    pub(super) fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match self.connection.reader().read(out) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                result => return result,
            }
            if let Some(error) = &self.broken {
                return Err(error.clone().into());
            }
            if self.connection.wants_write() {
                // Reading may require an answer, to a key update. A peer that accepts nothing more may still have sent the
                // reason.
                self.try_send();
            }
            self.connection.read_tls(&mut self.carrier)?;
            if let Err(error) = self.connection.process_new_packets() {
                self.try_send(); // the alert that says so
                // Not yet an error: the records before this one may hold the rest of an answer.
                self.broken = Some(failure(&error, true, "the server"));
            }
        }
    }

    /// Sends what can be sent without a wait.
    fn try_send(&mut self) {
        let waits = self.carrier.transport.set_never_waits(true);
        let _ = self.send();
        self.carrier.transport.set_never_waits(waits);
    }

    /// Accepts `bytes` once everything before them was sent. What cannot be sent at once is kept for
    /// [`flush`](Self::flush).
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send()?;
        let written = self.connection.writer().write(bytes)?;
        match self.send() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(written),
            sent => sent.map(|()| written),
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.send()?;
        self.carrier.flush()
    }

    /// One step of the handshake: writes what there is, then reads. A peer that accepts nothing more may have sent the
    /// reason: a server that refuses a client certificate closes the connection while the messages after it arrive.
    fn shake(&mut self) -> io::Result<()> {
        let sent = self.flush();
        if matches!(&sent, Err(error) if error.kind() == io::ErrorKind::WouldBlock) || !self.connection.is_handshaking()
        {
            return sent;
        }
        match (sent, self.connection.read_tls(&mut self.carrier)) {
            // There is no reason to read.
            (Err(unsent), Ok(0) | Err(_)) => return Err(unsent),
            (Ok(()), Ok(0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            (_, read) => read?,
        };
        let processed = self.connection.process_new_packets();
        if processed.is_err() {
            let _ = self.send(); // the alert that says so
        }
        processed.map(drop).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Writes everything that is encrypted to the carrier.
    fn send(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            if self.connection.write_tls(&mut self.carrier)? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}

/// Certificates of the bundle that a server need not send.
#[derive(Debug)]
struct WithLinks {
    verifier: Arc<dyn ServerCertVerifier>,
    links: Vec<CertificateDer<'static>>,
}

/// Accepts any name, and still verifies the chain.
#[derive(Debug)]
struct AnyName(Arc<dyn ServerCertVerifier>);

/// Accepts any certificate. It is still checked that the server has its key; otherwise a pin would prove nothing.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for WithLinks {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let all: Vec<_> = intermediates.iter().chain(&self.links).map(|link| CertificateDer::from(&**link)).collect();
        self.verifier.verify_server_cert(end_entity, &all, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // Verifiers check the name last.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
