//! Whom the client trusts, and who it is: the values of `verify` and `cert`.
//!
//! Plain values; nothing here opens a file. A path that does not exist is reported when a connection needs it, and the
//! error names it. Neither type prints a password or a key.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::setting::{IntoSetting, sealed::Sealed};

/// Whether the server's certificate is verified, and against which authorities.
///
/// The default is [`Yes`](Self::Yes). It is part of the pool key: a connection made with one value is never used with
/// another.
///
/// # Coming from requests
/// `verify=True`, `verify=False` and `verify="path"`; all three convert. `Yes` means the authorities of the operating
/// system, not those of certifi. An empty path is an error when a connection is made; in requests it disables
/// verification.
///
/// # Examples
/// ```
/// use petition::Verify;
///
/// assert_eq!(Verify::from(true), Verify::Yes);
/// assert_eq!(
///     Verify::from("/etc/ssl/ca.pem"),
///     Verify::CaBundle("/etc/ssl/ca.pem".into())
/// );
/// ```
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Verify {
    /// Verified against the authorities of the operating system.
    #[default]
    Yes,
    /// Not verified: anyone on the network path can read and change everything.
    No,
    /// Verified against the certificates in a PEM file, or in all PEM files of a directory, and no others.
    ///
    /// A chain must end at a root, a certificate that is its own issuer; others may complete it, but an intermediate
    /// certificate alone is an error. OpenSSL and requests before Python 3.13 work so, and every backend does here. The
    /// trust settings of a `TRUSTED CERTIFICATE` count: one that they reject for servers is left out.
    #[doc(alias = "tls_built_in_root_certs")]
    #[doc(alias = "certifi")]
    CaBundle(PathBuf),
    /// Verified against the authorities of the operating system and these besides: see [`system_and`](Self::system_and).
    SystemAnd(Authorities),
}

/// Certificates of authorities, in a file, a directory or memory: see [`Verify::system_and`].
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Authorities(pub(crate) Material);

impl Verify {
    /// The authorities of the operating system, and those in `authorities` besides: a company's own, for instance.
    ///
    /// `authorities` is a path to a PEM file or to a directory of them, or PEM text: bytes, or text that contains
    /// `-----BEGIN`. What counts in it is as for [`CaBundle`](Self::CaBundle). A file is read when a connection needs it, and
    /// again after it has changed; one of more than 4096 in a directory, after any of them has come or gone. The system's
    /// authorities are those that the TLS backend trusts by itself.
    ///
    /// # Coming from requests
    /// New here: `verify="path"` replaces the authorities, so that users concatenate bundles.
    ///
    /// # Examples
    /// ```
    /// use petition::{Session, Verify};
    ///
    /// let mut session = Session::new();
    /// session.verify = Verify::system_and("corporate-ca.pem");
    /// session.verify = Verify::system_and(
    ///     b"-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----\n",
    /// );
    /// ```
    #[must_use]
    #[doc(alias = "add_root_certificate")]
    pub fn system_and(authorities: impl IntoAuthorities) -> Self {
        Self::SystemAnd(Authorities(authorities.into_material()))
    }
}

/// What [`Verify::system_and`] accepts: a path (`&str`, `String`, `&Path`, `PathBuf`), or PEM text (bytes, or text that
/// contains `-----BEGIN`).
///
/// The trait is sealed: it cannot be implemented outside this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name authorities",
    label = "expected a path, or PEM text as bytes"
)]
pub trait IntoAuthorities: Sealed<Authorities> {
    #[doc(hidden)]
    fn into_material(self) -> Material;
}

macro_rules! authorities {
    ($($from:ty: $value:ident => $material:expr;)*) => {$(
        impl Sealed<Authorities> for $from {}
        impl IntoAuthorities for $from {
            fn into_material(self) -> Material {
                let $value = self;
                $material
            }
        }
    )*};
}

authorities! {
    &str: text => Material::path_or_pem(text);
    String: text => Material::path_or_pem(&text);
    &String: text => Material::path_or_pem(text);
    &Path: path => Material::file(path);
    PathBuf: path => Material::file(&path);
    &PathBuf: path => Material::file(path);
    &[u8]: bytes => Material::memory(bytes.to_vec());
    Vec<u8>: bytes => Material::memory(bytes);
    &Vec<u8>: bytes => Material::memory(bytes.clone());
}

impl<const N: usize> Sealed<Authorities> for &[u8; N] {}
impl<const N: usize> IntoAuthorities for &[u8; N] {
    fn into_material(self) -> Material {
        Material::memory(self.to_vec())
    }
}

impl From<bool> for Verify {
    fn from(verify: bool) -> Self {
        if verify { Self::Yes } else { Self::No }
    }
}

macro_rules! settings {
    ($($setting:ty: $from:ty),*) => {$(
        impl Sealed<$setting> for $from {}
        impl IntoSetting<$setting> for $from {
            fn into_setting(self) -> Option<$setting> {
                Some(self.into())
            }
        }
    )*};
}

macro_rules! from_paths {
    ($($path:ty)*) => {$(
        impl From<$path> for Verify {
            fn from(path: $path) -> Self {
                Self::CaBundle(path.into())
            }
        }

        /// One PEM file with both the certificate and its key.
        impl From<$path> for ClientCert {
            fn from(path: $path) -> Self {
                Self::pem_file(path)
            }
        }

        settings!(Verify: $path, ClientCert: $path);
    )*};
}

from_paths!(&str String &String &Path PathBuf &PathBuf);
settings!(Verify: bool, Verify: Verify, ClientCert: ClientCert);

/// The certificate with which the client identifies itself to the server, and its private key.
///
/// Files are read when a connection needs them, and again after they have changed. `Debug` shows paths, never keys or
/// passwords.
///
/// # Coming from requests
/// `cert=("client.pem", "client.key")` and `cert="both.pem"`; both convert. PKCS#12 archives and certificates from
/// memory are new here, and so is the [`passphrase`](Self::passphrase) of a PEM key.
///
/// # Examples
/// ```
/// use petition::ClientCert;
///
/// let pair = ClientCert::pem("client.pem", "client.key");
/// assert_eq!(pair, ClientCert::from(("client.pem", "client.key")));
///
/// let archive = ClientCert::pkcs12("client.p12", "secret");
/// assert!(!format!("{archive:?}").contains("secret"));
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[doc(alias = "Identity")]
pub struct ClientCert {
    pub(crate) source: Source,
}

#[derive(Clone, Eq, Hash, PartialEq)]
pub(crate) enum Source {
    Pem { cert: Material, key: Material, passphrase: Option<Arc<str>> },
    Pkcs12 { archive: Material, password: Arc<str> },
}

#[derive(Clone, Eq, Hash, PartialEq)]
pub enum Material {
    File(Arc<Path>),
    Memory(Arc<[u8]>),
}

impl ClientCert {
    /// A PEM file with the certificate and any intermediates, and one with its private key.
    #[must_use]
    pub fn pem(cert: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        Self::of_pem(Material::file(cert.as_ref()), Material::file(key.as_ref()))
    }

    /// One PEM file with both.
    #[must_use]
    pub fn pem_file(both: impl AsRef<Path>) -> Self {
        Self::pem(both.as_ref(), both.as_ref())
    }

    /// PEM text from memory: the certificate, and its private key.
    #[must_use]
    #[doc(alias = "from_pem")]
    #[doc(alias = "from_pkcs8_pem")]
    pub fn pem_bytes(cert: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self::of_pem(Material::memory(cert.into()), Material::memory(key.into()))
    }

    /// A PKCS#12 archive (`.p12`, `.pfx`) and its password. For the `native-tls` backend only.
    #[must_use]
    pub fn pkcs12(archive: impl AsRef<Path>, password: impl AsRef<str>) -> Self {
        let password = password.as_ref().into();
        Self { source: Source::Pkcs12 { archive: Material::file(archive.as_ref()), password } }
    }

    /// A PKCS#12 archive from memory. For the `native-tls` backend only.
    #[must_use]
    #[doc(alias = "from_pkcs12_der")]
    pub fn pkcs12_bytes(archive: impl Into<Vec<u8>>, password: impl AsRef<str>) -> Self {
        let password = password.as_ref().into();
        Self { source: Source::Pkcs12 { archive: Material::memory(archive.into()), password } }
    }

    /// Sets the passphrase of a PEM key that is encrypted as PKCS#8 (`BEGIN ENCRYPTED PRIVATE KEY`), as `openssl genpkey`
    /// and `openssl pkcs8 -topk8` write it, or the password of a PKCS#12 archive. It has no effect on a key that is not
    /// encrypted.
    ///
    /// The backend `native-tls` decrypts such a key; this needs the feature `digest` too. With `rustls` an encrypted key is
    /// an error of kind [`Unsupported`](crate::ErrorKind::Unsupported) that says how to decrypt it. A key in OpenSSL's older
    /// format (`Proc-Type: 4,ENCRYPTED`) is an error with both.
    ///
    /// # Examples
    /// ```
    /// use petition::ClientCert;
    ///
    /// let cert = ClientCert::pem("client.pem", "client.key").passphrase("sesame");
    /// assert!(!format!("{cert:?}").contains("sesame"));
    /// ```
    #[must_use]
    pub fn passphrase(mut self, passphrase: impl AsRef<str>) -> Self {
        let given: Arc<str> = passphrase.as_ref().into();
        match &mut self.source {
            Source::Pem { passphrase, .. } => *passphrase = Some(given),
            Source::Pkcs12 { password, .. } => *password = given,
        }
        self
    }

    fn of_pem(cert: Material, key: Material) -> Self {
        Self { source: Source::Pem { cert, key, passphrase: None } }
    }
}

impl<C: AsRef<Path>, K: AsRef<Path>> From<(C, K)> for ClientCert {
    fn from((cert, key): (C, K)) -> Self {
        Self::pem(cert, key)
    }
}

impl<C: AsRef<Path>, K: AsRef<Path>> Sealed<ClientCert> for (C, K) {}
impl<C: AsRef<Path>, K: AsRef<Path>> IntoSetting<ClientCert> for (C, K) {
    fn into_setting(self) -> Option<ClientCert> {
        Some(self.into())
    }
}

impl Material {
    /// No path contains a line of PEM.
    fn path_or_pem(text: &str) -> Self {
        if text.contains("-----BEGIN") { Self::memory(text.into()) } else { Self::file(Path::new(text)) }
    }

    fn file(path: &Path) -> Self {
        Self::File(path.into())
    }

    fn memory(bytes: Vec<u8>) -> Self {
        Self::Memory(bytes.into())
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem { cert, key, passphrase: None } => {
                f.debug_struct("Pem").field("cert", cert).field("key", key).finish()
            }
            Self::Pem { cert, key, passphrase: Some(_) } => {
                f.debug_struct("Pem").field("cert", cert).field("key", key).finish_non_exhaustive()
            }
            Self::Pkcs12 { archive, .. } => f.debug_struct("Pkcs12").field("archive", archive).finish_non_exhaustive(),
        }
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.fmt(f),
            Self::Memory(_) => f.write_str("<memory>"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_requests_takes_converts() {
        assert_eq!(Verify::default(), Verify::Yes);
        assert_eq!(Verify::from(false), Verify::No);
        assert_eq!(Verify::from(String::from("ca")), Verify::from(Path::new("ca")));

        // One path is both (TLS-11).
        assert_eq!(ClientCert::from("both.pem"), ClientCert::pem("both.pem", "both.pem"));
        assert_eq!(ClientCert::from((Path::new("c"), String::from("k"))), ClientCert::pem("c", "k"));
    }

    #[allow(clippy::needless_borrows_for_generic_args)] // a borrowed text is one of the forms
    #[test]
    fn authorities_are_a_path_or_pem() {
        const PEM: &str = "-----BEGIN CERTIFICATE-----\n";
        let file = Verify::SystemAnd(Authorities(Material::file(Path::new("ca.pem"))));
        let memory = Verify::SystemAnd(Authorities(Material::memory(PEM.into())));

        for path in [
            Verify::system_and("ca.pem"),
            Verify::system_and(String::from("ca.pem")),
            Verify::system_and(Path::new("ca.pem")),
            Verify::system_and(PathBuf::from("ca.pem")),
        ] {
            assert_eq!(path, file);
        }
        for pem in [
            Verify::system_and(PEM),
            Verify::system_and(&String::from(PEM)),
            Verify::system_and(PEM.as_bytes()),
            Verify::system_and(PEM.as_bytes().to_vec()),
            Verify::system_and(b"-----BEGIN CERTIFICATE-----\n"),
        ] {
            assert_eq!(pem, memory);
        }
    }

    #[test]
    fn debug_shows_paths_and_no_secrets() {
        let shown = format!(
            "{:?} {:?} {:?} {:?}",
            ClientCert::pem("c.pem", "k.pem"),
            ClientCert::pkcs12("a.p12", "hunter2"),
            ClientCert::pem("c.pem", "e.pem").passphrase("hunter2"),
            ClientCert::pem_bytes("CERTIFICATE", "KEY"),
        );

        assert!(shown.contains("k.pem") && shown.contains("a.p12"), "{shown}");
        assert!(!shown.contains("hunter2") && !shown.contains("KEY"), "{shown}");
    }
}
