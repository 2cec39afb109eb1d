//! What holds for any PEM text: for `fuzz/` and the tests of its corpora.

use super::{der, pem, x509};
use crate::error::{Error, ErrorKind};

/// A PEM text is read as far as it goes or refused in one line, and what is found in it is no longer than it. DER of any bytes
/// is read without going past its end.
pub(crate) fn pem_invariant(data: &[u8]) {
    match pem::certificates(data) {
        Ok(found) => {
            let length: usize = found.iter().map(Vec::len).sum();
            assert!(length <= data.len());
            for certificate in &found {
                let _ = x509::is_self_issued(certificate);
            }
        }
        Err(why) => check(why),
    }
    if let Err(why) = pem::has_key(data) {
        check(why);
    }
    let _ = (x509::is_self_issued(data), x509::may_vouch_for_servers(data));
    let whole: usize = der::Values(data).map(|value| value.whole.len()).sum();
    assert!(whole <= data.len());
    if whole == data.len() {
        let framed: Vec<u8> = der::Values(data).flat_map(|value| der::frame(value.tag, &[value.content])).collect();
        assert!(framed.len() <= data.len(), "lengths are written in their shortest form");
        let same =
            |(one, other): (der::Value<'_>, der::Value<'_>)| one.tag == other.tag && one.content == other.content;
        assert!(der::Values(data).zip(der::Values(&framed)).all(same));
    }
}

fn check(why: String) {
    let text = Error::message(ErrorKind::SslError, why).to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
}
