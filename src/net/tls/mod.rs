//! TLS over a transport, with the library that the settings select.
//!
//! A backend is one file: it builds a connector from a [`TlsConfig`], performs the handshake over a [`Carrier`], and returns a
//! stream. This file selects the backend. The rules for names, pins and errors are here and in the files beside, once for all
//! backends. In a build without a backend every handshake is an error that names the features.

mod cache;
mod carrier;
#[cfg_attr(not(feature = "native-tls"), allow(dead_code))] // rustls needs less of it
mod der;
#[cfg_attr(not(any(feature = "native-tls", feature = "rustls")), allow(dead_code))]
mod error;
#[cfg(all(test, any(feature = "native-tls", feature = "rustls")))]
mod file_tests;
#[cfg(all(feature = "testing", any(test, fuzzing), any(feature = "native-tls", feature = "rustls")))]
mod invariants;
#[cfg(feature = "native-tls")]
mod native;
#[cfg(not(any(feature = "native-tls", feature = "rustls")))]
mod none;
#[cfg_attr(not(any(feature = "native-tls", feature = "rustls")), allow(dead_code))]
mod pem;
#[cfg_attr(not(any(feature = "native-tls", feature = "rustls")), allow(dead_code))]
mod pins;
#[cfg(feature = "native-tls")]
mod pkcs12;
#[cfg(feature = "rustls")]
mod rustls;
mod settings;
#[cfg(all(test, any(feature = "native-tls", feature = "rustls")))]
mod testing;
#[cfg(all(test, any(feature = "native-tls", feature = "rustls")))]
mod wire_tests;
#[cfg_attr(not(any(feature = "native-tls", feature = "rustls")), allow(dead_code))]
mod x509;

use std::io;
use std::net::IpAddr;

pub(super) use carrier::Carrier;
pub(crate) use error::{TlsError, TlsErrorKind};
#[cfg(all(feature = "testing", any(test, fuzzing), any(feature = "native-tls", feature = "rustls")))]
pub(crate) use invariants::pem_invariant;
pub use pins::Pin;
pub use settings::{TlsBackend, TlsVersion};
pub(crate) use settings::{TlsConfig, TlsSettings};

use super::exhausted::shortage;
use super::limits::{Bound, Stopped};
use super::transport::Transport;
use super::wait::Wait;
use crate::verify::Verify;

/// A connector, which can be used many times.
#[derive(Clone)]
enum Built {
    #[cfg(feature = "native-tls")]
    Native(native::Connector),
    #[cfg(feature = "rustls")]
    Rustls(rustls::Connector),
    #[cfg(not(any(feature = "native-tls", feature = "rustls")))]
    #[allow(dead_code)] // it cannot be
    None(none::Connector),
}

/// An encrypted connection.
pub(super) enum Stream {
    #[cfg(feature = "native-tls")]
    Native(native::Stream),
    #[cfg(feature = "rustls")]
    Rustls(rustls::Stream),
    #[cfg(not(any(feature = "native-tls", feature = "rustls")))]
    #[allow(dead_code)] // it cannot be
    None(none::Stream),
}

/// Settings with their connector. Errors in files and missing features have been found by now.
pub(super) struct Ready<'a> {
    settings: &'a TlsSettings,
    built: Built,
}

/// Builds the connector, or finds it in the cache.
pub(super) fn prepare(settings: &TlsSettings) -> Result<Ready<'_>, TlsError> {
    Ok(Ready { settings, built: cache::connector(settings)? })
}

impl Ready<'_> {
    /// Performs the handshake over `transport`. `host` is the name to send and to verify, if the settings have no other.
    pub(super) fn handshake(
        &self,
        host: &str,
        mut transport: Transport,
        bound: &Bound<'_>,
    ) -> Result<Transport, TlsError> {
        let config = self.settings.config();
        let name = server_name(config.server_name.as_deref().unwrap_or(host));
        let expired = |_: Stopped| TlsError::new(TlsErrorKind::Expiry, "there is no time left for the handshake");
        transport.set_wait(Wait::until(bound.on_system_clock().map_err(expired)?));
        let carrier = Carrier::new(transport);
        let watch = carrier.watch();
        let shaken = match &self.built {
            #[cfg(feature = "native-tls")]
            Built::Native(connector) => native::handshake(connector, config, name, carrier).map(Stream::Native),
            #[cfg(feature = "rustls")]
            Built::Rustls(connector) => rustls::handshake(connector, config, name, carrier).map(Stream::Rustls),
            #[cfg(not(any(feature = "native-tls", feature = "rustls")))]
            Built::None(connector) => none::handshake(connector, config, name, carrier).map(Stream::None),
        };
        // What was seen on the wire says more than the library's error.
        let mut stream = shaken.map_err(|error| watch.explain(error)).map_err(|error| match error.kind() {
            // OpenSSL looks for an issuer in a directory as late as this.
            TlsErrorKind::UnknownIssuer => without_authorities(config).unwrap_or(error),
            _ => error,
        })?;
        stream.carrier_mut().release();
        Ok(Transport::tls(stream))
    }
}

/// The name in the form of certificates and SNI: without a trailing dot and without an IPv6 zone.
fn server_name(host: &str) -> &str {
    let host = host.strip_suffix('.').unwrap_or(host);
    match host.split_once('%') {
        Some((address, _zone)) if address.parse::<IpAddr>().is_ok() => address,
        _ => host,
    }
}

fn build(config: &TlsConfig) -> Result<Built, TlsError> {
    if let (Some(min), Some(max)) = (config.min_version, config.max_version) {
        if min > max {
            return Err(TlsError::new(TlsErrorKind::Setting, format!("no TLS version from {min:?} to {max:?}")));
        }
    }
    let built = match &config.backend {
        TlsBackend::Auto => automatic(config),
        TlsBackend::NativeTls => by_native_tls(config),
        TlsBackend::Rustls => by_rustls(config),
        #[cfg(feature = "rustls")]
        TlsBackend::RustlsConfig(ready) => rustls::from_ready(config, ready).map(Built::Rustls),
    };
    // Otherwise the connector would be kept, and would never trust anybody.
    without_authorities(config).map_or(built, Err)
}

/// The error if the system's authorities could not be read for want of descriptors, of which the libraries say nothing.
fn without_authorities(config: &TlsConfig) -> Option<TlsError> {
    let error = matches!(config.verify, Verify::Yes | Verify::SystemAnd(_)).then(shortage)??;
    Some(TlsError::unreadable("cannot read the system's authorities", &error))
}

#[cfg(feature = "native-tls")]
use by_native_tls as automatic;

#[cfg(all(feature = "rustls", not(feature = "native-tls")))]
use by_rustls as automatic;

#[cfg(not(any(feature = "native-tls", feature = "rustls")))]
fn automatic(_: &TlsConfig) -> Result<Built, TlsError> {
    Err(without("`native-tls` or `rustls`"))
}

#[cfg(feature = "native-tls")]
fn by_native_tls(config: &TlsConfig) -> Result<Built, TlsError> {
    native::build(config).map(Built::Native)
}

#[cfg(not(feature = "native-tls"))]
fn by_native_tls(_: &TlsConfig) -> Result<Built, TlsError> {
    Err(without("`native-tls`"))
}

#[cfg(feature = "rustls")]
fn by_rustls(config: &TlsConfig) -> Result<Built, TlsError> {
    rustls::build(config).map(Built::Rustls)
}

#[cfg(not(feature = "rustls"))]
fn by_rustls(_: &TlsConfig) -> Result<Built, TlsError> {
    Err(without("`rustls`"))
}

#[cfg(not(all(feature = "native-tls", feature = "rustls")))]
fn without(features: &str) -> TlsError {
    TlsError::new(TlsErrorKind::Unsupported, format!("TLS needs the feature {features}"))
}

/// Sends a call to the stream's backend.
macro_rules! each {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream {
            #[cfg(feature = "native-tls")]
            Stream::Native($inner) => $call,
            #[cfg(feature = "rustls")]
            Stream::Rustls($inner) => $call,
            #[cfg(not(any(feature = "native-tls", feature = "rustls")))]
            Stream::None($inner) => $call,
        }
    };
}

impl Stream {
    pub(super) fn carrier(&self) -> &Carrier {
        each!(self, stream => stream.carrier())
    }

    pub(super) fn carrier_mut(&mut self) -> &mut Carrier {
        each!(self, stream => stream.carrier_mut())
    }

    /// Whether the stream has buffered bytes that can be read.
    pub(super) fn has_unread(&mut self) -> bool {
        each!(self, stream => stream.has_unread())
    }

    pub(super) fn close_notify(&mut self) {
        each!(self, stream => stream.close_notify());
    }

    /// The end of the connection is the end of the data, with or without a close_notify, as in requests. The framing of HTTP
    /// detects missing data.
    #[inline]
    pub(super) fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        each!(self, stream => stream.read(out))
    }

    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        each!(self, stream => stream.write(bytes))
    }

    #[inline]
    pub(super) fn flush(&mut self) -> io::Result<()> {
        each!(self, stream => stream.flush())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // TLS-08
    #[test]
    fn the_name_has_no_dot_and_no_zone() {
        for (host, name) in [
            ("a.test", "a.test"),
            ("a.test.", "a.test"),
            ("::1", "::1"),
            ("fe80::1%25eth0", "fe80::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("odd%20name", "odd%20name"),
        ] {
            assert_eq!(server_name(host), name);
        }
    }

    #[test]
    fn versions_that_exclude_each_other_are_refused() {
        let config = TlsConfig {
            min_version: Some(TlsVersion::Tls13),
            max_version: Some(TlsVersion::Tls12),
            ..TlsConfig::default()
        };

        let error = build(&config).err().unwrap();

        assert_eq!(error.kind(), TlsErrorKind::Setting);
    }

    #[test]
    fn a_backend_that_is_not_built_in_is_named() {
        for (backend, feature, there) in [
            (TlsBackend::NativeTls, "`native-tls`", cfg!(feature = "native-tls")),
            (TlsBackend::Rustls, "`rustls`", cfg!(feature = "rustls")),
            (TlsBackend::Auto, "`native-tls` or `rustls`", cfg!(any(feature = "native-tls", feature = "rustls"))),
        ] {
            let result = build(&TlsConfig { backend, verify: crate::verify::Verify::No, ..TlsConfig::default() });

            match result {
                Ok(_) => assert!(there),
                Err(error) => {
                    assert_eq!((error.kind(), there), (TlsErrorKind::Unsupported, false));
                    assert!(error.to_string().ends_with(feature), "{error}");
                }
            }
        }
    }
}
