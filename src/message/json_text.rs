//! The text of a JSON body, for the parser. UTF-8 is not copied.
//!
//! JSON has no zero bytes and begins with ASCII, so UTF-16 and UTF-32 can be recognized by the first four bytes. That is done
//! whatever encoding is named, because `application/json` implies UTF-8; requests fails then
//! (docs/decisions.md#byte-order-mark).

use std::borrow::Cow;

use super::charset::{self, unicode::Utf};
use crate::text::printable::printable;

/// The text of a JSON body for which `encoding` is given.
pub(crate) fn json_text<'a>(bytes: &'a [u8], encoding: Option<&str>) -> Cow<'a, str> {
    if let Some(utf) = wide(bytes) {
        return utf.decode(bytes).into();
    }
    let is_utf8 = encoding.is_none_or(|name| name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("utf8"));
    match std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)) {
        Ok(text) if is_utf8 || bytes.is_ascii() => text.into(),
        _ => charset::decode(bytes, encoding).into(),
    }
}

/// The same error without what acts on a terminal: it names keys and variants as the body has them.
pub(crate) fn inert(error: serde_json::Error) -> serde_json::Error {
    let text = error.to_string();
    match printable(text.as_str()) {
        // Line and column are read from the text again.
        Cow::Owned(shown) => serde::de::Error::custom(shown),
        Cow::Borrowed(_) => error,
    }
}

/// UTF-16 or UTF-32, by the places of the zero bytes in the first four. [`charset`] handles byte-order marks.
fn wide(bytes: &[u8]) -> Option<Utf> {
    match bytes {
        [0, 0, 0, 1..=255, ..] => Some(Utf::Be32),
        [1..=255, 0, 0, 0, ..] => Some(Utf::Le32),
        [0, 1..=255, 0, 1..=255, ..] => Some(Utf::Be16),
        [1..=255, 0, 1..=255, 0, ..] => Some(Utf::Le16),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_body_has_an_error_name_is_printable() {
        #[derive(Debug, serde::Deserialize)]
        enum Kind {
            A,
        }
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            #[serde(default)]
            a: u8,
        }
        let _ = (Kind::A, Fields { a: 1 }.a);
        let variant = serde_json::from_str::<Kind>("\n\"\\u001b[2J\"").unwrap_err();
        let key = serde_json::from_str::<Fields>("{\"\\u001b[2J\\u202e\": 1}").unwrap_err();

        for (error, line) in [(variant, 2), (key, 1)] {
            assert!(error.to_string().contains('\u{1b}'));
            let (class, column) = (error.classify(), error.column());
            let error = inert(error);
            assert!(error.to_string().contains("\\u{1b}[2J"), "{error}");
            assert!(!error.to_string().contains(['\u{1b}', '\u{202e}']), "{error}");
            assert_eq!((error.classify(), error.line(), error.column()), (class, line, column));
        }
    }

    const TEXT: &str = "{\"a\":\"h\u{e9}\"}";

    fn utf16(unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        TEXT.encode_utf16().flat_map(unit).collect()
    }

    fn utf32(unit: fn(u32) -> [u8; 4]) -> Vec<u8> {
        TEXT.chars().flat_map(|char| unit(char.into())).collect()
    }

    // RESP-21, RESP-22
    #[test]
    fn json_is_read_in_any_unicode_encoding_with_and_without_a_mark() {
        for bytes in [
            TEXT.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", TEXT.as_bytes()].concat(),
            utf16(u16::to_le_bytes),
            utf16(u16::to_be_bytes),
            utf32(u32::to_le_bytes),
            utf32(u32::to_be_bytes),
            [b"\xff\xfe", utf16(u16::to_le_bytes).as_slice()].concat(),
            [b"\xfe\xff", utf16(u16::to_be_bytes).as_slice()].concat(),
            [b"\xff\xfe\0\0", utf32(u32::to_le_bytes).as_slice()].concat(),
        ] {
            for encoding in [None, Some("utf-8"), Some("UTF8")] {
                assert_eq!(json_text(&bytes, encoding), TEXT, "{bytes:?} {encoding:?}");
            }
        }
    }

    #[test]
    fn the_encoding_decides_on_what_is_not_unicode() {
        for (bytes, encoding, want) in [
            (&b"\"\xe9\""[..], Some("utf-8"), "\"\u{fffd}\""),
            (b"\"\xe9\"", Some("latin-1"), "\"\u{e9}\""),
            ("\"\u{e9}\"".as_bytes(), Some("latin-1"), "\"\u{c3}\u{a9}\""),
            ("\"\u{e9}\"".as_bytes(), Some("klingon"), "\"\u{e9}\""),
            (b"\x001\0", Some("utf-8"), "\x001\0"),
            (b"1\0\0\xd8", Some("latin-1"), "1\0\0\u{d8}"),
            (b"", None, ""),
            (b"", Some("utf-8"), ""),
            (b"1", Some("utf-16"), "1"),
        ] {
            assert_eq!(json_text(bytes, encoding), want, "{bytes:?} {encoding:?}");
        }
    }

    #[test]
    fn utf8_is_not_copied() {
        for encoding in [None, Some("utf-8"), Some("UTF-8")] {
            assert!(matches!(json_text(TEXT.as_bytes(), encoding), Cow::Borrowed(_)), "{encoding:?}");
        }
        assert!(matches!(json_text(b"{\"a\": 1}", Some("ISO-8859-1")), Cow::Borrowed(_)));
    }
}
