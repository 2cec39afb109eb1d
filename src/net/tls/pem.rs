//! Certificates and private keys from PEM files, for both backends.
//!
//! It reads what OpenSSL reads: certificates under three labels, keys as PKCS#8, PKCS#1 (RSA) and SEC1 (EC). What it
//! cannot use (an encrypted key, a DSA key) is an error that names the label. Errors never contain a key.

use std::fs;
use std::path::Path;

use base64::Engine;

use super::der::Values;
use super::{TlsError, TlsErrorKind, x509};
use crate::net::exhausted::Exhausted;
use crate::text::mark::{MARK, without_mark};
use crate::verify::Material;

/// One block, `-----BEGIN label-----` … `-----END label-----`.
struct Block {
    label: String,
    /// By the old format of OpenSSL, with headers of RFC 1421.
    encrypted: bool,
    der: Vec<u8>,
}

/// A private key in the form that its label names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum KeyForm {
    Pkcs8,
    Pkcs1,
    Sec1,
    /// PKCS#8 under a passphrase (RFC 5958 §3).
    Encrypted,
}

pub(super) struct PrivateKey {
    pub(super) form: KeyForm,
    pub(super) der: Vec<u8>,
    /// The curve, if a block of its own states it.
    #[cfg_attr(not(feature = "native-tls"), allow(dead_code))]
    parameters: Option<Vec<u8>>,
}

/// The bytes of a file or of memory. The error names the path, and what was expected there.
pub(super) fn read(material: &Material, what: &str) -> Result<Vec<u8>, TlsError> {
    match material {
        Material::Memory(bytes) => Ok(bytes.to_vec()),
        Material::File(path) => read_file(path, what),
    }
}

fn read_file(path: &Path, what: &str) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::unreadable(&format!("cannot read the {what} {}", path.display()), &error))
}

/// The place as errors name it: a path, or memory.
pub(super) fn place(material: &Material) -> String {
    match material {
        Material::File(path) => path.display().to_string(),
        Material::Memory(_) => "memory".to_owned(),
    }
}

/// The certificates of a bundle: a PEM file, or all PEM files in a directory. There is at least one.
pub(super) fn bundle(path: &Path) -> Result<Vec<Vec<u8>>, TlsError> {
    let found = if path.is_dir() {
        authorities_of_directory(path)?
    } else {
        let found = authorities(&read_file(path, BUNDLE)?);
        found.map_err(|what| unusable(BUNDLE, &path.display().to_string(), &what))?
    };
    trusted(found, &path.display().to_string())
}

/// Like [`bundle`], from a path or from memory.
pub(super) fn bundle_of(material: &Material) -> Result<Vec<Vec<u8>>, TlsError> {
    match material {
        Material::File(path) => bundle(path),
        Material::Memory(bytes) => {
            let found = authorities(bytes).map_err(|what| unusable(BUNDLE, &place(material), &what))?;
            trusted(found, &place(material))
        }
    }
}

const BUNDLE: &str = "CA bundle";

fn authorities_of_directory(path: &Path) -> Result<Vec<Listed>, TlsError> {
    let mut found = Vec::new();
    let unreadable = |error: std::io::Error| {
        TlsError::unreadable(&format!("cannot read the {BUNDLE} directory {}", path.display()), &error)
    };
    let mut files: Vec<_> = fs::read_dir(path)
        .map_err(unreadable)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    files.sort();
    for file in files.iter().filter(|file| file.is_file()) {
        // Such directories contain other files too. A file that is not PEM is not an error.
        let bytes = match fs::read(file) {
            Ok(bytes) => bytes,
            // Then there would be fewer authorities than the directory has.
            Err(error) if Exhausted::of_descriptors(&error).is_some() => return Err(unreadable(error)),
            Err(_) => continue,
        };
        for certificate in authorities(&bytes).unwrap_or_default() {
            // `openssl rehash` makes a second name for each.
            if !found.contains(&certificate) {
                found.push(certificate);
            }
        }
    }
    Ok(found)
}

/// Those of `found` that may vouch for servers; `place` is where they were.
fn trusted(mut found: Vec<Listed>, place: &str) -> Result<Vec<Vec<u8>>, TlsError> {
    let rejected: Vec<_> = found.iter().filter(|own| !own.is_trusted).map(|own| own.der.clone()).collect();
    // One that is rejected is not let in by another block either.
    found.retain(|own| !rejected.contains(&own.der));
    let why = match found.iter().any(|own| x509::is_self_issued(&own.der)) {
        true => return Ok(found.into_iter().map(|own| own.der).collect()),
        false if !found.is_empty() => {
            "there is no root in it; a chain ends at a certificate that is its own issuer, so add the root of those in it"
        }
        false if !rejected.is_empty() => "none of its certificates is trusted for servers",
        false => "there is no certificate in it",
    };
    Err(unusable(BUNDLE, place, why))
}

pub(super) fn unusable(what: &str, place: &str, why: &str) -> TlsError {
    TlsError::new(TlsErrorKind::Unusable, format!("the {what} {place} cannot be used: {why}"))
}

/// A client's certificate chain, which is never empty.
pub(super) fn chain(material: &Material) -> Result<Vec<Vec<u8>>, TlsError> {
    const WHAT: &str = "client certificate";
    let found = authorities(&read(material, WHAT)?).map_err(|why| unusable(WHAT, &place(material), &why))?;
    if found.is_empty() {
        return Err(unusable(WHAT, &place(material), "there is no certificate in it"));
    }
    // Whom a certificate of ours may vouch for does not matter here.
    Ok(found.into_iter().map(|own| own.der).collect())
}

/// A client's private key.
pub(super) fn private_key(material: &Material) -> Result<PrivateKey, TlsError> {
    const WHAT: &str = "client key";
    key(&read(material, WHAT)?).map_err(|why| unusable(WHAT, &place(material), &why))
}

/// A certificate of a file.
#[derive(Debug, Eq, PartialEq)]
struct Listed {
    der: Vec<u8>,
    /// Whether the file lets it vouch for servers.
    is_trusted: bool,
}

fn authorities(text: &[u8]) -> Result<Vec<Listed>, String> {
    let mut found = Vec::new();
    for block in blocks(text)? {
        match block.label.as_str() {
            "CERTIFICATE" | "X509 CERTIFICATE" => found.push(Listed { der: block.der, is_trusted: true }),
            // OpenSSL's own trust settings follow the certificate.
            "TRUSTED CERTIFICATE" => {
                const MALFORMED: &str = "a TRUSTED CERTIFICATE is malformed";
                let certificate = Values(&block.der).next().ok_or(MALFORMED)?.whole;
                let is_trusted = x509::may_vouch_for_servers(&block.der[certificate.len()..]).ok_or(MALFORMED)?;
                found.push(Listed { der: certificate.to_vec(), is_trusted });
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The certificates of any text, trusted or not.
#[cfg(all(feature = "testing", any(test, fuzzing)))]
pub(super) fn certificates(text: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    Ok(authorities(text)?.into_iter().map(|own| own.der).collect())
}

/// Whether there is a key in any text.
#[cfg(all(feature = "testing", any(test, fuzzing)))]
pub(super) fn has_key(text: &[u8]) -> Result<(), String> {
    key(text).map(drop)
}

fn key(text: &[u8]) -> Result<PrivateKey, String> {
    let mut parameters = None;
    let mut other = None;
    for block in blocks(text)? {
        let form = match block.label.as_str() {
            "PRIVATE KEY" => KeyForm::Pkcs8,
            "RSA PRIVATE KEY" => KeyForm::Pkcs1,
            "EC PRIVATE KEY" => KeyForm::Sec1,
            "EC PARAMETERS" => {
                parameters = Some(block.der);
                continue;
            }
            "ENCRYPTED PRIVATE KEY" => KeyForm::Encrypted,
            label if label.ends_with("PRIVATE KEY") => {
                other = Some(format!("a key of the kind {label} is not supported"));
                continue;
            }
            _ => continue,
        };
        if block.encrypted {
            return Err(format!("its {} is encrypted in an old format; {WAYS_OUT}", block.label));
        }
        return Ok(PrivateKey { form, der: block.der, parameters });
    }
    Err(other.unwrap_or_else(|| "there is no private key in it".to_owned()))
}

/// What to do about a key that is encrypted.
pub(super) const WAYS_OUT: &str =
    "decrypt it (openssl pkcs8 -topk8 -nocrypt -in KEY -out NEW), or use a PKCS#12 archive with the backend native-tls";

/// The blocks of a PEM text, in order. Text between them is a comment (RFC 7468 §2).
fn blocks(text: &[u8]) -> Result<Vec<Block>, String> {
    let text = without_mark(text);
    let text = String::from_utf8_lossy(&text);
    // Files that were put one after another have their byte-order marks in the middle.
    let mut lines = text.lines().map(|line| line.trim_matches(|c: char| c.is_whitespace() || c == MARK));
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let mut encrypted = false;
        let mut base64 = String::new();
        loop {
            let line = lines.next().ok_or_else(|| format!("its {label} has no end"))?;
            if line == end {
                break;
            }
            // RFC 1421 headers, as in OpenSSL's old encrypted keys.
            if line.contains(':') {
                encrypted |= line.starts_with("Proc-Type:") && line.ends_with("ENCRYPTED");
            } else if !line.starts_with("-----") {
                base64.push_str(line);
            } else {
                return Err(format!("its {label} has no end"));
            }
        }
        // The body of an encrypted key is never looked at, and its DEK-Info may be folded.
        let der = if encrypted { Ok(Vec::new()) } else { base64::engine::general_purpose::STANDARD.decode(base64) };
        let der = der.map_err(|error| format!("its {label} is malformed: {error}"))?;
        found.push(Block { label: label.to_owned(), encrypted, der });
    }
    Ok(found)
}

#[cfg(feature = "native-tls")]
impl PrivateKey {
    /// The key as PKCS#8 (RFC 5958), the one form that native-tls takes.
    pub(super) fn into_pkcs8(self) -> Result<Vec<u8>, &'static str> {
        use super::der::{INTEGER, OCTET_STRING, OID, SEQUENCE, frame};

        const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
        const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
        const NULL: &[u8] = &[0x05, 0x00];

        let wrap = |algorithm: &[u8], parameters: &[u8]| {
            let version = frame(INTEGER, &[&[0]]);
            let algorithm = frame(SEQUENCE, &[&frame(OID, &[algorithm]), parameters]);
            frame(SEQUENCE, &[&version, &algorithm, &frame(OCTET_STRING, &[&self.der])])
        };
        match self.form {
            KeyForm::Pkcs8 => Ok(self.der),
            KeyForm::Encrypted => Err("it is encrypted"),
            KeyForm::Pkcs1 => Ok(wrap(RSA_ENCRYPTION, NULL)),
            KeyForm::Sec1 => {
                let curve = self.curve().ok_or("its EC PRIVATE KEY does not say which curve it is for")?;
                Ok(wrap(EC_PUBLIC_KEY, curve))
            }
        }
    }

    /// The parameters of the curve: inside the SEC1 key (RFC 5915), or in a block of their own before it.
    fn curve(&self) -> Option<&[u8]> {
        const PARAMETERS: u8 = 0xa0;
        let key = Values(&self.der).expect(super::der::SEQUENCE)?;
        let inside = Values(key.content).find(|value| value.tag == PARAMETERS).map(|value| value.content);
        inside.or(self.parameters.as_deref())
    }
}

/// The algorithm of a PKCS#8 key, as an object identifier.
#[cfg(feature = "native-tls")]
pub(super) fn algorithm_of_key(pkcs8: &[u8]) -> Option<&[u8]> {
    use super::der::{INTEGER, OID, SEQUENCE};

    let mut fields = Values(Values(pkcs8).expect(SEQUENCE)?.content);
    fields.expect(INTEGER)?;
    Some(Values(fields.expect(SEQUENCE)?.content).expect(OID)?.content)
}

#[cfg(any(feature = "native-tls", test))]
pub(super) fn to_pem(label: &str, der: &[u8]) -> String {
    let base64 = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in base64.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem + "-----END " + label + "-----\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(label: &str, headers: &str, der: &[u8]) -> String {
        let base64 = base64::engine::general_purpose::STANDARD.encode(der);
        format!("a comment\n-----BEGIN {label}-----\n{headers}{base64}\r\n-----END {label}-----\n")
    }

    // TLS-12
    #[test]
    fn keys_are_told_apart_by_label_and_bad_ones_named() {
        for (text, want) in [
            (pem("PRIVATE KEY", "", b"8"), Ok(KeyForm::Pkcs8)),
            (pem("RSA PRIVATE KEY", "", b"1"), Ok(KeyForm::Pkcs1)),
            (
                pem("CERTIFICATE", "", b"c") + &pem("EC PARAMETERS", "", b"p") + &pem("EC PRIVATE KEY", "", b"e"),
                Ok(KeyForm::Sec1),
            ),
            (pem("ENCRYPTED PRIVATE KEY", "", b"x"), Ok(KeyForm::Encrypted)),
            (
                pem("EC PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", b"x"),
                Err(&*format!("its EC PRIVATE KEY is encrypted in an old format; {WAYS_OUT}")),
            ),
            (pem("DSA PRIVATE KEY", "", b"d"), Err("a key of the kind DSA PRIVATE KEY is not supported")),
            (pem("CERTIFICATE", "", b"c"), Err("there is no private key in it")),
            (String::new(), Err("there is no private key in it")),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n".into(), Err("its PRIVATE KEY has no end")),
        ] {
            let got = key(text.as_bytes()).map(|key| key.form);
            assert_eq!(got, want.map_err(str::to_owned), "{text}");
        }
        assert!(
            key(b"-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----").err().unwrap().contains("malformed")
        );
    }

    fn found(text: &[u8]) -> Vec<Vec<u8>> {
        authorities(text).unwrap().into_iter().filter(|own| own.is_trusted).map(|own| own.der).collect()
    }

    #[test]
    fn certificates_are_found_under_all_their_labels_among_anything_else() {
        let trusted = super::super::der::frame(0x30, &[b"t"]);
        let text = pem("CERTIFICATE", "", b"a")
            + &pem("X509 CRL", "", b"no")
            + &pem("X509 CERTIFICATE", "", b"b")
            + &pem("TRUSTED CERTIFICATE", "", &trusted);

        assert_eq!(found(text.as_bytes()), [b"a".to_vec(), b"b".to_vec(), vec![0x30, 1, b't']]);
        assert_eq!(found(b"\xff\xff garbage"), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn what_follows_a_trusted_certificate_says_whether_it_is_one() {
        use super::super::der::frame;

        const CLIENT_AUTH: &[u8] = &[0x06, 8, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
        let certificate = frame(0x30, &[b"t"]);
        let with = |settings: &[u8]| pem("TRUSTED CERTIFICATE", "", &[&certificate, settings].concat());

        assert_eq!(found(with(&frame(0x30, &[])).as_bytes()), [&*certificate]);
        assert!(found(with(&frame(0x30, &[&frame(0x30, &[CLIENT_AUTH])])).as_bytes()).is_empty());
        assert!(authorities(with(b"junk").as_bytes()).unwrap_err().contains("malformed"));
        assert!(authorities(pem("TRUSTED CERTIFICATE", "", b"junk").as_bytes()).unwrap_err().contains("malformed"));
    }

    #[test]
    fn a_byte_order_mark_hides_no_certificate_and_no_key() {
        let block = |label: &str| pem(label, "", b"a").replace("a comment\n", "");
        let certificate = block("CERTIFICATE");
        let marked = format!("\u{feff}{certificate}");
        let utf16 = |units: fn(u16) -> [u8; 2]| -> Vec<u8> { marked.encode_utf16().flat_map(units).collect() };
        for (bytes, count) in [
            (marked.clone().into_bytes(), 1),
            (format!("{marked}{marked}").into_bytes(), 2),
            (utf16(u16::to_le_bytes), 1),
            (utf16(u16::to_be_bytes), 1),
        ] {
            assert_eq!(found(&bytes).len(), count, "{bytes:?}");
        }
        assert!(key(format!("\u{feff}{}", block("PRIVATE KEY")).as_bytes()).is_ok());
    }

    // TLS-03
    #[test]
    fn a_bundle_that_is_missing_or_empty_names_its_path() {
        let missing = bundle(Path::new("no/such/bundle.pem")).unwrap_err();
        assert_eq!(missing.kind(), TlsErrorKind::File(std::io::ErrorKind::NotFound));
        assert!(missing.to_string().contains("no/such/bundle.pem"), "{missing}");

        let empty = bundle(Path::new("src")).unwrap_err(); // a directory without certificates
        assert_eq!(empty.kind(), TlsErrorKind::Unusable);
        assert!(
            empty.to_string().ends_with("the CA bundle src cannot be used: there is no certificate in it"),
            "{empty}"
        );
    }

    #[cfg(feature = "native-tls")]
    #[test]
    fn a_sec1_key_without_a_curve_is_refused() {
        use super::super::der::{INTEGER, OCTET_STRING, SEQUENCE, frame};

        let der = frame(SEQUENCE, &[&frame(INTEGER, &[&[1]]), &frame(OCTET_STRING, &[b"k"])]);
        let key = key(pem("EC PRIVATE KEY", "", &der).as_bytes()).unwrap();

        assert!(key.into_pkcs8().unwrap_err().contains("curve"));
    }
}
