//! TLS with the library of the operating system, through native-tls.
//!
//! This file adds what native-tls lacks: keys in other forms than PKCS#8, refusing the common name that OpenSSL would accept
//! as a host name, and kinds for errors that are only texts.

use std::io::{self, Read, Write};

use native_tls::{Certificate, HandshakeError, Identity, Protocol, TlsConnector, TlsConnectorBuilder, TlsStream};

use super::pem::{self, KeyForm};
use super::{Carrier, TlsConfig, TlsError, TlsErrorKind, TlsVersion, pins, pkcs12};
use crate::verify::{Authorities, ClientCert, Source, Verify};

pub(super) type Connector = TlsConnector;

pub(in crate::net) struct Stream(TlsStream<Carrier>);

pub(super) fn build(config: &TlsConfig) -> Result<Connector, TlsError> {
    let mut builder = TlsConnector::builder();
    builder.request_alpns(&["http/1.1"]); // all that requests offers (TLS-15)
    // The default minimum is requests' (TLS-14).
    builder.min_protocol_version(Some(protocol(config.min_version.unwrap_or(TlsVersion::Tls12))));
    builder.max_protocol_version(config.max_version.map(protocol));
    match &config.verify {
        Verify::Yes => {}
        Verify::No => {
            builder.danger_accept_invalid_certs(true).danger_accept_invalid_hostnames(true);
        }
        Verify::CaBundle(path) => {
            builder.disable_built_in_roots(true);
            add_roots(&mut builder, &pem::bundle(path)?, &path.display().to_string())?;
        }
        Verify::SystemAnd(Authorities(material)) => {
            add_roots(&mut builder, &pem::bundle_of(material)?, &pem::place(material))?;
        }
    }
    if !config.check_hostname {
        builder.danger_accept_invalid_hostnames(true);
    }
    if let Some(cert) = &config.cert {
        builder.identity(identity(cert)?);
    }
    builder.build().map_err(|error| {
        let what = if config.cert.is_some() {
            "the client certificate or its key cannot be used"
        } else {
            "cannot set up TLS"
        };
        TlsError::new(TlsErrorKind::Unusable, format!("{what}: {error}"))
    })
}

fn add_roots(builder: &mut TlsConnectorBuilder, bundle: &[Vec<u8>], place: &str) -> Result<(), TlsError> {
    for der in bundle {
        let certificate =
            Certificate::from_der(der).map_err(|error| pem::unusable("CA bundle", place, &error.to_string()))?;
        builder.add_root_certificate(certificate);
    }
    Ok(())
}

fn protocol(version: TlsVersion) -> Protocol {
    match version {
        TlsVersion::Tls12 => Protocol::Tlsv12,
        TlsVersion::Tls13 => Protocol::Tlsv13,
    }
}

fn identity(cert: &ClientCert) -> Result<Identity, TlsError> {
    match &cert.source {
        Source::Pem { cert, key, passphrase } => {
            let chain = pem::chain(cert)?;
            let refuse = |why: &str| pem::unusable("client key", &pem::place(key), why);
            let key = pem::private_key(key)?;
            if key.form == KeyForm::Encrypted {
                let Some(passphrase) = passphrase else { return Err(refuse(&without_passphrase())) };
                let archive = pkcs12::archive(&chain, &key.der, passphrase)?;
                return Identity::from_pkcs12(&archive, passphrase).map_err(|error| {
                    refuse(&format!(
                        "it is encrypted, and the passphrase does not open it for that certificate ({error})"
                    ))
                });
            }
            let key = key.into_pkcs8().map_err(refuse)?;
            let chain_pem: String = chain.iter().map(|der| pem::to_pem("CERTIFICATE", der)).collect();
            let key_pem = pem::to_pem("PRIVATE KEY", &key);
            let identity = Identity::from_pkcs8(chain_pem.as_bytes(), key_pem.as_bytes())
                .map_err(|error| refuse(&error.to_string()))?;
            // OpenSSL compares a key only with a certificate of the same algorithm, and accepts any other silently.
            match (pem::algorithm_of_key(&key), pins::algorithm(&chain[0])) {
                (Some(of_key), Some(of_cert)) if of_key != of_cert => Err(refuse("it is not for the certificate")),
                _ => Ok(identity),
            }
        }
        Source::Pkcs12 { archive, password } => {
            const WHAT: &str = "PKCS#12 archive";
            Identity::from_pkcs12(&pem::read(archive, WHAT)?, password)
                .map_err(|error| pem::unusable(WHAT, &pem::place(archive), &error.to_string()))
        }
    }
}

fn without_passphrase() -> String {
    format!("its ENCRYPTED PRIVATE KEY is encrypted; give its passphrase (ClientCert::passphrase), {}", pem::WAYS_OUT)
}

pub(super) fn handshake(
    connector: &Connector,
    config: &TlsConfig,
    name: &str,
    carrier: Carrier,
) -> Result<Stream, TlsError> {
    let mut stream = connector.connect(name, carrier).map_err(|error| match error {
        HandshakeError::WouldBlock(_) => TlsError::new(TlsErrorKind::Expiry, "the handshake took too long"),
        HandshakeError::Failure(error) => failure(&error, config, name),
    })?;
    if let Err(error) = check(&stream, config, name) {
        // The server believes that the handshake succeeded, and may be sending tickets. It should see an end, not a reset.
        let _ = stream.shutdown();
        stream.get_mut().transport.linger();
        return Err(error);
    }
    Ok(Stream(stream))
}

/// Checks what the library does not: that the certificate names a host at all, and the pins.
fn check(stream: &TlsStream<Carrier>, config: &TlsConfig, name: &str) -> Result<(), TlsError> {
    let certificate = || -> Result<Option<Vec<u8>>, native_tls::Error> {
        stream.peer_certificate()?.map(|certificate| certificate.to_der()).transpose()
    };
    let checks_name = config.check_hostname && config.verify != Verify::No && name.parse::<std::net::IpAddr>().is_err();
    if checks_name || !config.pins.is_empty() {
        let certificate = certificate().map_err(|error| TlsError::from_text(&error.to_string(), name))?;
        if checks_name && !certificate.as_deref().is_some_and(pins::names_a_host) {
            return Err(TlsError::of(TlsErrorKind::WrongHost, name, ""));
        }
        pins::check(&config.pins, certificate.as_deref())?;
    }
    Ok(())
}

fn failure(error: &native_tls::Error, config: &TlsConfig, name: &str) -> TlsError {
    let text = error.to_string();
    // Before TLS 1.3, these are the only alerts for a missing client certificate.
    if config.cert.is_none()
        && ["alert handshake failure", "alert bad certificate"].iter().any(|alert| text.contains(alert))
    {
        let text = "the server refused the handshake; it may require a client certificate";
        return TlsError::new(TlsErrorKind::Refused, text);
    }
    TlsError::from_text(&text, name)
}

impl Stream {
    pub(super) fn carrier(&self) -> &Carrier {
        self.0.get_ref()
    }

    pub(super) fn carrier_mut(&mut self) -> &mut Carrier {
        self.0.get_mut()
    }

    pub(super) fn has_unread(&self) -> bool {
        self.0.buffered_read_size().map_or(true, |size| size > 0)
    }

    pub(super) fn close_notify(&mut self) {
        let _ = self.0.shutdown();
    }

    #[inline]
    pub(super) fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out).or_else(|error| if is_ragged_end(&error) { Ok(0) } else { Err(explained(error)) })
    }

    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(explained)
    }

    #[inline]
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(explained)
    }
}

/// OpenSSL 3 reports an end without close_notify as an error.
#[cold]
fn is_ragged_end(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.to_string().contains("unexpected eof while reading"))
}

/// Errors of the transport stay unchanged; those of TLS become ours.
#[cold]
fn explained(error: io::Error) -> io::Error {
    match error.get_ref() {
        // An error that is already ours comes from the TLS below this one.
        Some(inner) if !inner.is::<TlsError>() => TlsError::from_text(&inner.to_string(), "the server").into(),
        _ => error,
    }
}
