//! The TLS settings of a connection, as one value.
//!
//! It is part of the pool key, and is the key of the connector cache, so it is cheap to clone, hash and compare. Invariant:
//! only connections with equal settings are interchangeable.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use super::Pin;
use crate::verify::{Authorities, ClientCert, Material, Source, Verify};

/// A version of TLS.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2, the oldest supported version.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// The TLS library to use.
///
/// Each needs the feature of its name. Without it, connecting is an error of kind
/// [`Unsupported`](crate::ErrorKind::Unsupported).
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum TlsBackend {
    /// native-tls if the build has it, otherwise rustls.
    #[default]
    Auto,
    /// The library of the operating system: OpenSSL, Security Framework or SChannel.
    NativeTls,
    /// rustls with ring and the operating system's authorities. Sessions are resumed.
    Rustls,
    /// rustls with a ready configuration, which alone decides whom to trust and which certificate to show: `verify` other
    /// than [`Verify::Yes`], a client certificate or versions beside it are an error; a CA bundle that the environment names
    /// takes no part. Its ALPN list is replaced by `http/1.1`.
    #[cfg(feature = "rustls")]
    #[doc(alias = "use_preconfigured_tls")]
    RustlsConfig(Arc<rustls::ClientConfig>),
}

impl TlsBackend {
    /// What distinguishes the variants; configurations are compared by address.
    fn identity(&self) -> (u8, usize) {
        match self {
            Self::Auto => (0, 0),
            Self::NativeTls => (1, 0),
            Self::Rustls => (2, 0),
            #[cfg(feature = "rustls")]
            Self::RustlsConfig(config) => (3, Arc::as_ptr(config).addr()),
        }
    }
}

impl PartialEq for TlsBackend {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for TlsBackend {}

impl Hash for TlsBackend {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl fmt::Debug for TlsBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "Auto",
            Self::NativeTls => "NativeTls",
            Self::Rustls => "Rustls",
            #[cfg(feature = "rustls")]
            Self::RustlsConfig(_) => "RustlsConfig",
        })
    }
}

/// The content of a [`TlsSettings`].
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct TlsConfig {
    pub(crate) verify: Verify,
    pub(crate) cert: Option<ClientCert>,
    pub(crate) min_version: Option<TlsVersion>,
    pub(crate) max_version: Option<TlsVersion>,
    /// The server's own certificate must match one of these, if there are any.
    pub(crate) pins: Vec<Pin>,
    pub(crate) backend: TlsBackend,
    /// The name for SNI and for verification, instead of the URL's host.
    pub(crate) server_name: Option<String>,
    /// Whether the certificate must be valid for that name.
    pub(crate) check_hostname: bool,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            verify: Verify::Yes,
            cert: None,
            min_version: None,
            max_version: None,
            pins: Vec::new(),
            backend: TlsBackend::Auto,
            server_name: None,
            check_hostname: true,
        }
    }
}

/// A [`TlsConfig`] behind one pointer, with its hash.
#[derive(Clone)]
pub(crate) struct TlsSettings(Arc<Inner>);

struct Inner {
    hash: u64,
    config: TlsConfig,
}

impl TlsSettings {
    pub(crate) fn new(config: TlsConfig) -> Self {
        let mut hasher = DefaultHasher::new();
        config.hash(&mut hasher);
        Self(Arc::new(Inner { hash: hasher.finish(), config }))
    }

    pub(crate) fn config(&self) -> &TlsConfig {
        &self.0.config
    }

    /// Whether `verify` and `cert` are these.
    pub(crate) fn has(&self, verify: &Verify, cert: Option<&ClientCert>) -> bool {
        let config = self.config();
        let same_verify = match (&config.verify, verify) {
            // To compare paths part by part takes longer, and is hardly ever needed.
            (Verify::CaBundle(own), Verify::CaBundle(path)) if own.as_os_str() == path.as_os_str() => true,
            (own, verify) => own == verify,
        };
        same_verify && config.cert.as_ref() == cert
    }

    /// Whether a configuration of the program's own decides whom to trust.
    pub(crate) fn decides_about_trust(&self) -> bool {
        match self.config().backend {
            #[cfg(feature = "rustls")]
            TlsBackend::RustlsConfig(_) => true,
            _ => false,
        }
    }

    /// These settings with another `verify` and `cert`; the same pointer if nothing changes.
    pub(crate) fn with(&self, verify: &Verify, cert: Option<&ClientCert>) -> Self {
        if self.has(verify, cert) {
            return self.clone();
        }
        let config = self.config();
        Self::new(TlsConfig { verify: verify.clone(), cert: cert.cloned(), ..config.clone() })
    }

    /// These settings for an `https://` proxy: without what is for the origin only (the client's certificate, pins, another
    /// name). The same pointer if there is none of that.
    pub(crate) fn for_proxy(&self) -> Self {
        let config = self.config();
        if config.cert.is_none() && config.pins.is_empty() && config.server_name.is_none() && config.check_hostname {
            return self.clone();
        }
        Self::new(TlsConfig { cert: None, pins: Vec::new(), server_name: None, check_hostname: true, ..config.clone() })
    }

    /// The files that these settings are read from.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let config = self.config();
        let bundle = match &config.verify {
            Verify::CaBundle(path) => Some(path.as_path()),
            Verify::SystemAnd(Authorities(Material::File(path))) => Some(&**path),
            Verify::Yes | Verify::No | Verify::SystemAnd(_) => None,
        };
        let (first, second) = match config.cert.as_ref().map(|cert| &cert.source) {
            Some(Source::Pem { cert, key, .. }) => (Some(cert), Some(key)),
            Some(Source::Pkcs12 { archive, .. }) => (Some(archive), None),
            None => (None, None),
        };
        let of_cert = first.into_iter().chain(second).filter_map(|material| match material {
            Material::File(path) => Some(&**path),
            Material::Memory(_) => None,
        });
        bundle.into_iter().chain(of_cert)
    }
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self::new(TlsConfig::default())
    }
}

impl PartialEq for TlsSettings {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.hash == other.0.hash && self.0.config == other.0.config)
    }
}

impl Eq for TlsSettings {}

impl Hash for TlsSettings {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.config.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // POOL-05, POOL-10, TLS-17
    #[test]
    fn settings_are_equal_only_if_nothing_differs() {
        let base = TlsSettings::default();
        assert_eq!(base, TlsSettings::default());
        assert_eq!(base.0.hash, TlsSettings::default().0.hash);

        let pin = Pin::certificate(&"ab".repeat(32)).unwrap();
        let others = [
            TlsConfig { verify: Verify::No, ..TlsConfig::default() },
            TlsConfig { verify: Verify::from("ca.pem"), ..TlsConfig::default() },
            TlsConfig { verify: Verify::from("other.pem"), ..TlsConfig::default() },
            TlsConfig { verify: Verify::system_and("ca.pem"), ..TlsConfig::default() },
            TlsConfig { cert: Some(ClientCert::from("a.pem")), ..TlsConfig::default() },
            TlsConfig { cert: Some(ClientCert::pem("a.pem", "b.key")), ..TlsConfig::default() },
            TlsConfig { cert: Some(ClientCert::pem("a.pem", "b.key").passphrase("x")), ..TlsConfig::default() },
            TlsConfig { min_version: Some(TlsVersion::Tls13), ..TlsConfig::default() },
            TlsConfig { max_version: Some(TlsVersion::Tls12), ..TlsConfig::default() },
            TlsConfig { pins: vec![pin], ..TlsConfig::default() },
            TlsConfig { backend: TlsBackend::Rustls, ..TlsConfig::default() },
            TlsConfig { server_name: Some("h".into()), ..TlsConfig::default() },
            TlsConfig { check_hostname: false, ..TlsConfig::default() },
        ]
        .map(TlsSettings::new);

        for (index, one) in others.iter().enumerate() {
            assert_ne!(*one, base);
            for other in &others[index + 1..] {
                assert_ne!(one, other);
            }
        }
    }

    // PROXY-23
    #[test]
    fn a_proxy_is_not_shown_what_is_for_the_origin() {
        let base = TlsSettings::default().with(&Verify::from("ca.pem"), None);
        let pin = Pin::certificate(&"ab".repeat(32)).unwrap();
        let full = TlsSettings::new(TlsConfig {
            cert: Some(ClientCert::from("a.pem")),
            pins: vec![pin],
            server_name: Some("h".into()),
            check_hostname: false,
            ..base.config().clone()
        });

        assert_eq!(full.for_proxy(), base);
        assert!(Arc::ptr_eq(&base.0, &base.for_proxy().0));
    }

    #[test]
    fn the_same_verify_and_cert_cost_no_new_settings() {
        let base = TlsSettings::default();

        let same = base.with(&Verify::Yes, None);
        let other = base.with(&Verify::No, Some(&ClientCert::from("a.pem")));

        assert!(Arc::ptr_eq(&base.0, &same.0));
        assert_eq!((&other.config().verify, other.config().cert.is_some()), (&Verify::No, true));
        assert_eq!(other.files().collect::<Vec<_>>(), [Path::new("a.pem"), Path::new("a.pem")]);
    }
}
