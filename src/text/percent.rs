//! Percent-encoding (RFC 3986 §2.1): which characters need no escape, what an escape means, and decoding.
//!
//! `url/encode.rs` and `form/urlencoded.rs` apply it to URLs and forms.

use std::borrow::Cow;

/// The characters that a component does not encode.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Set(u8);

impl Set {
    /// RFC 3986 "unreserved": letters, digits, `-._~`.
    pub(crate) const UNRESERVED: Self = Self(1);
    /// Unreserved, sub-delims and `:`.
    pub(crate) const USER_INFO: Self = Self(2);
    /// User info and `@/`.
    pub(crate) const PATH: Self = Self(4);
    /// Path and `?`; also for fragments.
    pub(crate) const QUERY: Self = Self(8);
    /// What requests' `requote_uri` keeps, except `%`.
    pub(crate) const WHOLE: Self = Self(16);
    /// The characters of a host name in lower case.
    pub(crate) const HOST: Self = Self(32);
    /// [`PATH`](Self::PATH) without the dot, which may be a segment of its own.
    pub(crate) const PATH_WITHOUT_DOTS: Self = Self(64);

    #[inline]
    pub(crate) const fn has(self, byte: u8) -> bool {
        CLASSES[byte as usize] & self.0 != 0
    }
}

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        let unreserved = b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        let user = unreserved || matches!(b, b'!' | b'$' | b'&'..=b',' | b';' | b'=' | b':');
        let path = user || matches!(b, b'@' | b'/');
        let query = path || b == b'?';
        let whole = query || matches!(b, b'#' | b'[' | b']');
        let host = b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_');
        classes[byte] = unreserved as u8
            | (user as u8) << 1
            | (path as u8) << 2
            | (query as u8) << 3
            | (whole as u8) << 4
            | (host as u8) << 5
            | ((path && b != b'.') as u8) << 6;
        byte += 1;
    }
    classes
};

/// The byte that two hexadecimal digits stand for.
pub(crate) fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    Some((digit(high)? * 16 + digit(low)?) as u8)
}

/// The byte that `%XX` at the start of `bytes` stands for.
pub(crate) fn escape(bytes: &[u8]) -> Option<u8> {
    match *bytes {
        [b'%', high, low, ..] => hex(high, low),
        _ => None,
    }
}

/// Appends `%XX`.
pub(crate) fn push_escape(out: &mut String, byte: u8) {
    out.extend(escaped(byte).map(char::from));
}

/// `%XX`.
pub(crate) fn escaped(byte: u8) -> [u8; 3] {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    [b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// Whether every `%` in `text` starts an escape.
pub(crate) fn all_escapes_hold(text: &str) -> bool {
    memchr::memchr_iter(b'%', text.as_bytes()).all(|at| escape(&text.as_bytes()[at..]).is_some())
}

/// `text` with its escapes decoded, like Python's `unquote`: invalid escapes remain, and invalid UTF-8 becomes U+FFFD.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'%', text.as_bytes()).is_none() {
        return text.into();
    }
    String::from_utf8_lossy(&decoded(text.as_bytes())).into_owned().into()
}

/// The bytes of `text` with its escapes decoded; `None` if a `%` does not start an escape.
pub(crate) fn decode_strictly(text: &str) -> Option<Vec<u8>> {
    all_escapes_hold(text).then(|| decoded(text.as_bytes()))
}

fn decoded(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = escape(&bytes[at..]);
        decoded.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_and_what_is_none_stays_or_is_refused() {
        for (text, lenient, strict) in [
            ("", "", Some(&b""[..])),
            ("plain+text", "plain+text", Some(b"plain+text")),
            ("%41%2f%2F", "A//", Some(b"A//")),
            ("%c3%A9", "\u{e9}", Some("\u{e9}".as_bytes())),
            ("a%20b", "a b", Some(b"a b")),
            ("a%ff", "a\u{fffd}", Some(b"a\xff")),
            ("%C3%A9%FF", "\u{e9}\u{fffd}", Some(b"\xc3\xa9\xff")),
            ("%2541", "%41", Some(b"%41")),
            ("100%", "100%", None),
            ("%4", "%4", None),
            ("%zz%41", "%zzA", None),
            ("%%41", "%A", None),
            ("%+1", "%+1", None),
        ] {
            assert_eq!(decode(text), lenient);
            assert_eq!(decode_strictly(text).as_deref(), strict, "{text}");
        }
    }

    #[test]
    fn each_set_is_what_the_last_one_has_and_more() {
        let members = |set: Set| (0..=255).filter(|&byte| set.has(byte)).map(char::from).collect::<String>();
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";

        assert_eq!(members(Set::UNRESERVED), format!("-.0123456789{letters}"));
        assert_eq!(members(Set::USER_INFO), format!("!$&'()*+,-.0123456789:;={letters}"));
        assert_eq!(members(Set::PATH), format!("!$&'()*+,-./0123456789:;=@{letters}"));
        assert_eq!(members(Set::QUERY), format!("!$&'()*+,-./0123456789:;=?@{letters}"));
        assert_eq!(members(Set::HOST), "-.0123456789_abcdefghijklmnopqrstuvwxyz");
    }
}
