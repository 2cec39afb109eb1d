//! What of a certificate decides whether it can be the end of a chain: who issued it, and what its file trusts it for.
//!
//! Only as much of X.509 as that takes. Signatures are for the backends.

use super::der::{self, OCTET_STRING, OID, SEQUENCE, Value, Values};

/// Whether the certificate names itself as its issuer, by its name and, where it has them, its key identifiers.
///
/// Only such a one ends a chain: OpenSSL asks for it unless it is told otherwise, and native-tls cannot tell it.
pub(super) fn is_self_issued(certificate: &[u8]) -> bool {
    is_self_issued_if_readable(certificate).unwrap_or(false)
}

fn is_self_issued_if_readable(certificate: &[u8]) -> Option<bool> {
    const VERSION: u8 = 0xa0;
    const EXTENSIONS: u8 = 0xa3;
    const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x23];
    const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x0e];
    /// The identifier among the fields of an AuthorityKeyIdentifier (RFC 5280 §4.2.1.1).
    const KEY_IDENTIFIER: u8 = 0x80;

    let tbs = Values(Values(certificate).expect(SEQUENCE)?.content).expect(SEQUENCE)?;
    let mut fields = Values(tbs.content);
    let _ = fields.expect(VERSION); // absent in version 1
    fields.expect(der::INTEGER)?; // serial number
    fields.expect(SEQUENCE)?; // signature algorithm
    let issuer = fields.expect(SEQUENCE)?;
    fields.expect(SEQUENCE)?; // validity
    let subject = fields.expect(SEQUENCE)?;
    if issuer.content != subject.content {
        return Some(false);
    }
    let extensions = || {
        let all = fields.clone().find(|value| value.tag == EXTENSIONS)?;
        Some(Values(Values(all.content).expect(SEQUENCE)?.content))
    };
    let extension = |oid: &[u8]| {
        let is_that = |own: &Value<'_>| Values(own.content).expect(OID).is_some_and(|own| own.content == oid);
        let octets = Values(extensions()?.find(is_that)?.content).last()?;
        Values(octets.content).next()
    };
    let of_subject = extension(SUBJECT_KEY_IDENTIFIER).filter(|value| value.tag == OCTET_STRING);
    let of_issuer = extension(AUTHORITY_KEY_IDENTIFIER)
        .and_then(|identifier| Values(identifier.content).find(|value| value.tag == KEY_IDENTIFIER));
    Some(match (of_subject, of_issuer) {
        // An authority that changed its key signs the new one with the old: the same name twice, and two keys.
        (Some(subject), Some(issuer)) => subject.content == issuer.content,
        _ => true,
    })
}

/// Whether OpenSSL's trust settings, which follow the certificate in a `TRUSTED CERTIFICATE`, let it vouch for servers;
/// `None` if they are malformed. Without settings it may.
pub(super) fn may_vouch_for_servers(settings: &[u8]) -> Option<bool> {
    const REJECTED: u8 = 0xa0;
    const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
    const ANY_USE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

    if settings.is_empty() {
        return Some(true);
    }
    let whole = Values(settings).expect(SEQUENCE)?;
    let mut fields = Values(whole.content);
    let (trusted, rejected) = (fields.expect(SEQUENCE), fields.expect(REJECTED));
    let names = |uses: Value<'_>| Values(uses.content).any(|id| id.tag == OID && is_use(id.content));
    fn is_use(id: &[u8]) -> bool {
        id == SERVER_AUTH || id == ANY_USE
    }
    // What is rejected counts first, and a list of what is trusted rejects all else.
    Some(!rejected.is_some_and(names) && trusted.is_none_or(names))
}

#[cfg(test)]
mod tests {
    use super::super::der::frame;
    use super::*;

    const SERVER: &[u8] = &[0x06, 8, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
    const CLIENT: &[u8] = &[0x06, 8, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
    const ANY: &[u8] = &[0x06, 4, 0x55, 0x1d, 0x25, 0x00];

    #[test]
    fn trust_settings_say_whether_a_certificate_may_vouch_for_servers() {
        let trust = |uses: &[&[u8]]| frame(SEQUENCE, uses);
        let reject = |uses: &[&[u8]]| frame(0xa0, uses);
        let alias = frame(0x0c, &[b"a name"]);
        for (fields, want) in [
            (vec![], true),
            (vec![alias.clone()], true),
            (vec![trust(&[SERVER])], true),
            (vec![trust(&[CLIENT, SERVER])], true),
            (vec![trust(&[ANY])], true),
            (vec![trust(&[CLIENT])], false),
            (vec![trust(&[])], false),
            (vec![trust(&[CLIENT]), alias.clone()], false),
            (vec![reject(&[SERVER])], false),
            (vec![reject(&[CLIENT, SERVER])], false),
            (vec![reject(&[ANY])], false),
            (vec![reject(&[CLIENT])], true),
            (vec![reject(&[CLIENT]), alias], true),
            (vec![trust(&[SERVER]), reject(&[SERVER])], false),
            (vec![trust(&[SERVER]), reject(&[CLIENT])], true),
        ] {
            let fields: Vec<_> = fields.iter().map(Vec::as_slice).collect();
            let settings = frame(SEQUENCE, &fields);

            assert_eq!(may_vouch_for_servers(&settings), Some(want), "{settings:02x?}");
        }
        assert_eq!(may_vouch_for_servers(b""), Some(true));
        assert_eq!(may_vouch_for_servers(b"junk"), None);
    }

    #[test]
    fn only_what_issued_itself_is_self_issued() {
        use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

        let named = |name: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.use_authority_key_identifier_extension = true;
            params
        };
        let (key, other_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let root = named("root").self_signed(&key).unwrap();
        let issuer = Issuer::new(named("root"), key);
        let below = named("below").signed_by(&other_key, &issuer).unwrap();
        let renewed = named("root").signed_by(&other_key, &issuer).unwrap();

        assert!(is_self_issued(root.der()));
        assert!(!is_self_issued(below.der()));
        assert!(!is_self_issued(renewed.der()), "another key of the same name");
        for end in 0..below.der().len() {
            assert!(!is_self_issued(&below.der()[..end]));
        }
    }
}
