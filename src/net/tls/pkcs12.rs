//! A PKCS#12 archive made of PEM: the one way in which native-tls takes a private key that is encrypted.
//!
//! PKCS#12 wraps an encrypted PKCS#8 key as it is (RFC 7292 §4.2.2), so nothing is decrypted here. The archive never
//! leaves this process; its checksum is there because libraries want one, and needs no slow derivation of its key.

use super::TlsError;
use super::der::{INTEGER, OCTET_STRING, OID, SEQUENCE, frame};

/// The archive of an encrypted key and a chain of certificates, under the passphrase of the key.
pub(super) fn archive(chain: &[Vec<u8>], encrypted_key: &[u8], passphrase: &str) -> Result<Vec<u8>, TlsError> {
    let key = bag(PKCS8_SHROUDED_KEY_BAG, encrypted_key);
    let certificates: Vec<u8> = chain.iter().flat_map(|der| certificate_bag(der)).collect();
    let parts = [data(&frame(SEQUENCE, &[&key])), data(&frame(SEQUENCE, &[&certificates]))];
    let safe = frame(SEQUENCE, &[&parts[0], &parts[1]]);
    let version = frame(INTEGER, &[&[3]]);
    Ok(frame(SEQUENCE, &[&version, &data(&safe), &checksum(&safe, passphrase)?]))
}

const EXPLICIT_0: u8 = 0xa0;
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const PKCS8_SHROUDED_KEY_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x02];
const CERTIFICATE_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x03];
const X509_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];

/// A ContentInfo that holds `content` as it is.
fn data(content: &[u8]) -> Vec<u8> {
    let octets = frame(OCTET_STRING, &[content]);
    frame(SEQUENCE, &[&frame(OID, &[DATA]), &frame(EXPLICIT_0, &[&octets])])
}

fn bag(kind: &[u8], value: &[u8]) -> Vec<u8> {
    frame(SEQUENCE, &[&frame(OID, &[kind]), &frame(EXPLICIT_0, &[value])])
}

fn certificate_bag(der: &[u8]) -> Vec<u8> {
    let octets = frame(OCTET_STRING, &[der]);
    let value = frame(SEQUENCE, &[&frame(OID, &[X509_CERTIFICATE]), &frame(EXPLICIT_0, &[&octets])]);
    bag(CERTIFICATE_BAG, &value)
}

/// The MacData (RFC 7292 §4): HMAC with SHA-256.
#[cfg(feature = "digest")]
fn checksum(safe: &[u8], passphrase: &str) -> Result<Vec<u8>, TlsError> {
    const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
    const NULL: &[u8] = &[0x05, 0x00];

    let salt = fastrand::u64(..).to_be_bytes();
    let digest = hmac(&mac_key(passphrase, &salt), safe);
    let algorithm = frame(SEQUENCE, &[&frame(OID, &[SHA256]), NULL]);
    let digest_info = frame(SEQUENCE, &[&algorithm, &frame(OCTET_STRING, &[&digest])]);
    // One iteration, which is the default, is not written.
    Ok(frame(SEQUENCE, &[&digest_info, &frame(OCTET_STRING, &[&salt])]))
}

#[cfg(not(feature = "digest"))]
fn checksum(_: &[u8], _: &str) -> Result<Vec<u8>, TlsError> {
    Err(TlsError::new(super::TlsErrorKind::Unsupported, "an encrypted PEM key needs the feature `digest`"))
}

/// The block size of SHA-256.
#[cfg(feature = "digest")]
const BLOCK: usize = 64;

/// The key of the checksum (RFC 7292 appendix B.2), with one iteration: a single hash is as long as the key.
#[cfg(feature = "digest")]
fn mac_key(passphrase: &str, salt: &[u8]) -> [u8; 32] {
    use sha2::{Digest, Sha256};

    /// Says that the derived bits are a key for a MAC.
    const FOR_MAC: u8 = 3;

    let mut password: Vec<u8> = passphrase.encode_utf16().flat_map(u16::to_be_bytes).collect();
    password.extend([0, 0]);
    let repeated =
        |bytes: &[u8]| -> Vec<u8> { bytes.iter().copied().cycle().take(bytes.len().next_multiple_of(BLOCK)).collect() };
    Sha256::new()
        .chain_update([FOR_MAC; BLOCK])
        .chain_update(repeated(salt))
        .chain_update(repeated(&password))
        .finalize()
        .into()
}

/// RFC 2104, for a key that is no longer than a block.
#[cfg(feature = "digest")]
fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    use sha2::{Digest, Sha256};

    let padded = |pad: u8| -> [u8; BLOCK] { std::array::from_fn(|at| key.get(at).unwrap_or(&0) ^ pad) };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(all(test, feature = "digest"))]
mod tests {
    use super::*;

    #[test]
    fn the_hmac_is_that_of_rfc_4231() {
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe"); // zeros at the end of a key change nothing

        let hex: String =
            hmac(&key, b"what do ya want for nothing?").iter().map(|byte| format!("{byte:02x}")).collect();

        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
