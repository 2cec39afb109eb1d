//! Certificate pinning: pins, and what they are compared with, a certificate or the public key in it.
//!
//! It parses only as much of X.509 as that needs. Trust is not decided here: a pin is checked in addition to the backend's
//! verification.

use super::der::{self, SEQUENCE, Values};
use super::{TlsError, TlsErrorKind};
use crate::error::{Error, ErrorKind, Result};
use crate::text::percent;
use base64::Engine;

/// The SHA-256 hash that a server's certificate, or the public key in it, must have.
///
/// Only the server's own certificate is compared, not those of its authorities. That happens after the certificate was
/// verified, or not, with [`Verify::No`](crate::Verify::No). Pins need the feature `digest`. Without it, connecting is an
/// error of kind [`Unsupported`](crate::ErrorKind::Unsupported).
///
/// # Coming from requests
/// Like `FingerprintAdapter` of requests-toolbelt, except that the host name is still verified.
///
/// # Examples
/// ```
/// use petition::Pin;
///
/// let hex = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
/// assert!(Pin::certificate(hex).is_ok());
/// let curl = "sha256/n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=";
/// assert!(Pin::public_key(curl).is_ok());
/// assert!(Pin::certificate("9f86").is_err());
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Pin {
    of: Pinned,
    sha256: [u8; 32],
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Pinned {
    Certificate,
    PublicKey,
}

impl Pin {
    /// Pins the whole certificate by its hash, which changes with every renewal.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSetting`] if `sha256` is neither 64 hexadecimal digits (colons are allowed) nor 32 bytes in
    /// base64, with or without the prefix `sha256/`.
    pub fn certificate(sha256: &str) -> Result<Self> {
        Ok(Self { of: Pinned::Certificate, sha256: parse(sha256)? })
    }

    /// Pins the certificate's public key by the hash of its SubjectPublicKeyInfo, which stays the same if a renewal keeps the
    /// key.
    ///
    /// # Errors
    /// As [`certificate`](Self::certificate).
    pub fn public_key(sha256: &str) -> Result<Self> {
        Ok(Self { of: Pinned::PublicKey, sha256: parse(sha256)? })
    }
}

fn parse(text: &str) -> Result<[u8; 32]> {
    let refuse = || Error::message(ErrorKind::InvalidSetting, format!("not a SHA-256 hash: {text}"));
    let text = text.trim();
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
    if digits.len() == 64 && digits.iter().all(u8::is_ascii_hexdigit) {
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = percent::hex(pair[0], pair[1]).ok_or_else(refuse)?;
        }
        return Ok(hash);
    }
    let rest = text.strip_prefix("sha256/").unwrap_or(text);
    // curl writes `sha256//`. But a slash can also be the first digit of the hash; then there are 44 digits with it.
    let base64 = if rest.len() > 44 { rest.strip_prefix('/').unwrap_or(rest) } else { rest };
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64).map_err(|_| refuse())?;
    bytes.try_into().map_err(|_| refuse())
}

/// Whether one of `pins` matches the certificate; true without pins.
pub(super) fn check(pins: &[Pin], certificate: Option<&[u8]>) -> Result<(), TlsError> {
    if pins.is_empty() {
        return Ok(());
    }
    let Some(certificate) = certificate else {
        return Err(TlsError::new(TlsErrorKind::Pin, "the server sent no certificate to compare with the pins"));
    };
    for pin in pins {
        let pinned = match pin.of {
            Pinned::Certificate => Some(certificate),
            Pinned::PublicKey => public_key(certificate),
        };
        if let Some(pinned) = pinned {
            if sha256(pinned)? == pin.sha256 {
                return Ok(());
            }
        }
    }
    Err(TlsError::new(TlsErrorKind::Pin, "the server's certificate matches none of the pins"))
}

#[cfg(feature = "digest")]
fn sha256(bytes: &[u8]) -> Result<[u8; 32], TlsError> {
    use sha2::Digest;
    Ok(sha2::Sha256::digest(bytes).into())
}

#[cfg(not(feature = "digest"))]
fn sha256(_: &[u8]) -> Result<[u8; 32], TlsError> {
    Err(TlsError::new(TlsErrorKind::Unsupported, "comparing a pin needs the feature `digest`"))
}

/// The SubjectPublicKeyInfo of a certificate, tag and all.
fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    Some(after_names(certificate)?.expect(SEQUENCE)?.whole)
}

/// The algorithm of the certificate's key, as an object identifier.
#[cfg(feature = "native-tls")]
pub(super) fn algorithm(certificate: &[u8]) -> Option<&[u8]> {
    let key = Values(public_key(certificate)?).expect(SEQUENCE)?;
    let algorithm = Values(key.content).expect(SEQUENCE)?;
    Some(Values(algorithm.content).expect(der::OID)?.content)
}

/// Whether the certificate names any host in its subject alternative names.
///
/// If it does not, OpenSSL uses the common name; RFC 9110 §4.3.4 and requests do not.
#[cfg(feature = "native-tls")]
pub(super) fn names_a_host(certificate: &[u8]) -> bool {
    const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
    const EXTENSIONS: u8 = 0xa3;
    const DNS_NAME: u8 = 0x82;

    let is_alt_name = |extension: &der::Value<'_>| {
        Values(extension.content).expect(der::OID).is_some_and(|oid| oid.content == SUBJECT_ALT_NAME)
    };
    let names = || -> Option<bool> {
        let extensions = after_names(certificate)?.find(|value| value.tag == EXTENSIONS)?;
        let extensions = Values(extensions.content).expect(SEQUENCE)?;
        let extension = Values(extensions.content).find(is_alt_name)?;
        let octets = Values(extension.content).last()?;
        let names = Values(octets.content).expect(SEQUENCE)?;
        Some(Values(names.content).any(|name| name.tag == DNS_NAME))
    };
    names().unwrap_or(false)
}

/// The fields of a TBSCertificate (RFC 5280 §4.1), from the public key on.
fn after_names(certificate: &[u8]) -> Option<Values<'_>> {
    const VERSION: u8 = 0xa0;

    let outer = Values(certificate).expect(SEQUENCE)?;
    let tbs = Values(outer.content).expect(SEQUENCE)?;
    let mut fields = Values(tbs.content);
    let _ = fields.expect(VERSION); // absent in version 1
    fields.expect(der::INTEGER)?; // serial number
    for _signature_issuer_validity_subject in 0..4 {
        fields.expect(SEQUENCE)?;
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(names: &[&str]) -> (Vec<u8>, rcgen::KeyPair) {
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let cert = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        (cert.der().to_vec(), key)
    }

    #[test]
    fn the_public_key_is_cut_out_whole() {
        use rcgen::PublicKeyData;

        let (der, key) = certificate(&["a.test"]);

        assert_eq!(public_key(&der), Some(&key.subject_public_key_info()[..]));
        for end in 0..der.len() {
            assert_eq!(public_key(&der[..end]), None);
        }
    }

    // CVE-2026-87866 of wolfSSL: a key is pinned that another parser finds elsewhere in the certificate than the one that
    // verifies the handshake. Each certificate here is one that differs from a good one in a byte, and there is a second key
    // in it, in an extension.
    #[cfg(feature = "rustls")]
    #[test]
    fn no_key_is_pinned_but_the_one_that_is_used() {
        use rcgen::PublicKeyData;
        use rustls::pki_types::CertificateDer;
        use rustls::server::ParsedCertificate;

        let (key, embedded) = (rcgen::KeyPair::generate().unwrap(), rcgen::KeyPair::generate().unwrap());
        let mut params = rcgen::CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
        let second = embedded.subject_public_key_info();
        params.custom_extensions.push(rcgen::CustomExtension::from_oid_content(&[1, 2, 3, 4], second.clone()));
        let mut der = params.self_signed(&key).unwrap().der().to_vec();

        let (mut used, mut refused) = (0, 0);
        for at in 0..der.len() {
            let before = der[at];
            for byte in [0, 1, 0x30, 0x7f, 0x80, 0x81, 0x82, 0xff, before ^ 1, before.wrapping_add(1), before ^ 0x80] {
                der[at] = byte;
                let pinned = public_key(&der);
                assert_ne!(pinned, Some(&second[..]), "byte {at} as {byte:#x}");
                match ParsedCertificate::try_from(&CertificateDer::from(&der[..])) {
                    Ok(parsed) => {
                        used += 1;
                        assert_eq!(pinned, Some(parsed.subject_public_key_info().as_ref()), "byte {at} as {byte:#x}");
                    }
                    Err(_) => refused += 1,
                }
            }
            der[at] = before;
        }
        assert!(used > 1000 && refused > 100, "{used} {refused}");
    }

    // TLS-07
    #[cfg(feature = "native-tls")]
    #[test]
    fn only_a_dns_name_names_a_host() {
        for (names, want) in
            [(&["a.test"][..], true), (&["127.0.0.1", "a.test"], true), (&["127.0.0.1"], false), (&[], false)]
        {
            assert_eq!(names_a_host(&certificate(names).0), want, "{names:?}");
        }
        assert!(!names_a_host(b"junk"));
    }

    #[cfg(feature = "digest")]
    #[test]
    fn a_pin_matches_its_certificate_or_its_key_and_nothing_else() {
        use rcgen::PublicKeyData;

        let (der, key) = certificate(&["a.test"]);
        let hex = |bytes: &[u8]| sha256(bytes).unwrap().iter().map(|byte| format!("{byte:02X}:")).collect::<String>();
        let whole = Pin::certificate(&hex(&der)).unwrap();
        let base64 = base64::engine::general_purpose::STANDARD.encode(sha256(&key.subject_public_key_info()).unwrap());
        let of_key = Pin::public_key(&format!("sha256//{base64}")).unwrap();
        let other = certificate(&["a.test"]).0;

        assert!(check(&[], None).is_ok());
        assert!(check(std::slice::from_ref(&whole), Some(&der)).is_ok());
        assert!(check(&[whole, of_key.clone()], Some(&other)).is_err());
        assert!(check(&[Pin::public_key(&hex(&other)).unwrap(), of_key.clone()], Some(&der)).is_ok());
        assert_eq!(check(&[of_key], None).unwrap_err().kind(), TlsErrorKind::Pin);
    }

    #[test]
    fn a_hash_is_read_in_each_of_its_forms() {
        let hash = [0xff; 32]; // 43 slashes in base64
        let base64 = base64::engine::general_purpose::STANDARD.encode(hash);
        let colons = vec!["fF"; 32].join(":");
        for text in [base64.clone(), format!("sha256/{base64}"), format!("sha256//{base64}"), "ff".repeat(32), colons] {
            assert_eq!(Pin::public_key(&text).unwrap(), Pin { of: Pinned::PublicKey, sha256: hash }, "{text}");
        }
    }

    #[test]
    fn a_hash_of_another_length_is_refused() {
        for text in ["", "ab", "zz".repeat(32).as_str(), "ab".repeat(20).as_str(), "sha256/AAAA"] {
            assert_eq!(Pin::certificate(text).unwrap_err().kind(), ErrorKind::InvalidSetting, "{text}");
        }
    }
}
