//! Decoding bytes to text, by a named encoding or by the one that the bytes seem to have.
//!
//! A byte-order mark overrides every name and is not part of the text (docs/decisions.md#byte-order-mark).

use super::unicode::{self, Utf};
use super::{Charset, apparent};
use crate::text::latin1;

/// Tables of encodings that are not built in.
static NAMES: &[Lookup] = &[
    #[cfg(feature = "charset")]
    super::legacy::named,
];

type Lookup = fn(&str) -> Option<&'static dyn Charset>;

#[derive(Clone, Copy)]
pub(super) enum Codec {
    Utf8,
    Utf(Utf),
    Latin1,
    Ascii,
    Other(&'static dyn Charset),
}

/// The text of a body in `encoding`, or in the encoding that it seems to have.
pub(crate) fn decode(bytes: &[u8], encoding: Option<&str>) -> String {
    let (codec, mark) = codec(bytes, encoding);
    codec.decode(&bytes[mark..])
}

/// Like [`decode`], but consumes the bytes: UTF-8 and plain ASCII are not copied.
pub(crate) fn into_text(mut bytes: Vec<u8>, encoding: Option<&str>) -> String {
    let (codec, mark) = codec(&bytes, encoding);
    if matches!(codec, Codec::Utf8) || codec.keeps_ascii() && bytes.is_ascii() {
        bytes.drain(..mark);
        return String::from_utf8(bytes).unwrap_or_else(|error| Codec::Utf8.decode(error.as_bytes()));
    }
    codec.decode(&bytes[mark..])
}

/// The codec, and the length of the byte-order mark.
pub(super) fn codec(bytes: &[u8], encoding: Option<&str>) -> (Codec, usize) {
    if let Some((utf, length)) = unicode::mark(bytes) {
        return (utf.map_or(Codec::Utf8, Codec::Utf), length);
    }
    let codec = match encoding {
        Some(name) => Codec::named(name),
        None if std::str::from_utf8(bytes).is_ok() && memchr::memchr(0x1b, bytes).is_none() => Some(Codec::Utf8),
        None => Codec::named(&apparent::apparent_encoding(bytes)),
    };
    (codec.unwrap_or(Codec::Utf8), 0)
}

impl Codec {
    pub(super) fn named(name: &str) -> Option<Self> {
        // The most common name, and the cheapest check.
        if name == "utf-8" || name.eq_ignore_ascii_case("utf-8") {
            return Some(Self::Utf8);
        }
        unicode::named(&plain(name)).or_else(|| NAMES.iter().find_map(|named| named(name)).map(Self::Other))
    }

    pub(super) fn decode(self, bytes: &[u8]) -> String {
        match self {
            // Validated as a whole first: locating errors is slow, and errors are rare.
            Self::Utf8 => match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => String::from_utf8_lossy(bytes).into_owned(),
            },
            Self::Utf(utf) => utf.decode(bytes),
            Self::Latin1 => latin1::to_text(bytes),
            Self::Ascii => {
                bytes.iter().map(|&byte| if byte.is_ascii() { char::from(byte) } else { '\u{fffd}' }).collect()
            }
            Self::Other(charset) => charset.decode(bytes),
        }
    }

    fn keeps_ascii(self) -> bool {
        match self {
            Self::Utf8 | Self::Latin1 | Self::Ascii => true,
            Self::Utf(_) => false,
            Self::Other(charset) => charset.keeps_ascii(),
        }
    }
}

/// A name without case and punctuation, as Python compares them: `Latin_1` is `latin-1`. The year of a standard is removed
/// too: `ISO_8859-2:1987` is `iso-8859-2`.
pub(super) fn plain(name: &str) -> String {
    let mut plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect();
    if let Some(at) = plain.len().checked_sub(4).filter(|&at| is_year(&plain[at..]) && has_years(&plain[..at])) {
        plain.truncate(at);
    }
    plain
}

fn is_year(text: &str) -> bool {
    (text.starts_with("19") || text.starts_with("20")) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it is a standard that has editions.
fn has_years(plain: &str) -> bool {
    let part = plain.strip_prefix("csiso8859").or_else(|| plain.strip_prefix("iso8859"));
    plain == "gb18030"
        || part.is_some_and(|part| matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: &[u8] = b"caf\xc3\xa9 \xe2\x82\xac \xff end";

    // RESP-17
    #[test]
    fn text_is_decoded_by_name_with_a_mark_for_what_is_no_character() {
        for (name, bytes, want) in [
            ("utf-8", MIXED, "caf\u{e9} \u{20ac} \u{fffd} end"),
            ("UTF_8", MIXED, "caf\u{e9} \u{20ac} \u{fffd} end"),
            ("u8", b"\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80", &"\u{fffd}".repeat(9)),
            // Latin-1 itself, not windows-1252
            ("ISO-8859-1", MIXED, "caf\u{c3}\u{a9} \u{e2}\u{82}\u{ac} \u{ff} end"),
            ("latin-1", b"\x80\x9f\xe9", "\u{80}\u{9f}\u{e9}"),
            ("ISO_8859-1:1987", b"\x80\xe9", "\u{80}\u{e9}"),
            ("iso_8859_1_1998", b"\x80\xe9", "\u{80}\u{e9}"),
            ("us-ascii", MIXED, "caf\u{fffd}\u{fffd} \u{fffd}\u{fffd}\u{fffd} \u{fffd} end"),
            ("utf-16", b"h\0\xe9\0", "h\u{e9}"),
            ("utf-16le", b"h\0\x3d\xd8\x00\xde!", "h\u{1f600}\u{fffd}"),
            ("utf-16-be", b"\0h\0\xe9\xd8\x3d", "h\u{e9}\u{fffd}"),
            ("utf-32", b"h\0\0\0\0\0\x11\0", "h\u{fffd}"),
            ("UTF-32BE", b"\0\0\0h\0\x01\xf6\0\0", "h\u{1f600}\u{fffd}"),
            // a name that means nothing is UTF-8
            ("klingon", MIXED, "caf\u{e9} \u{20ac} \u{fffd} end"),
            ("", MIXED, "caf\u{e9} \u{20ac} \u{fffd} end"),
            ("utf\08", "é".as_bytes(), "é"),
            ("utf-8", b"", ""),
            ("utf-16", b"", ""),
        ] {
            assert_eq!(decode(bytes, Some(name)), want, "{name}");
            assert_eq!(into_text(bytes.to_vec(), Some(name)), want, "{name}");
        }
    }

    // RESP-18
    #[test]
    fn a_byte_order_mark_wins_over_the_name_and_is_not_text() {
        for bytes in [
            &b"\xef\xbb\xbfh\xc3\xa9"[..],
            b"\xff\xfeh\0\xe9\0",
            b"\xfe\xff\0h\0\xe9",
            b"\xff\xfe\0\0h\0\0\0\xe9\0\0\0",
            b"\0\0\xfe\xff\0\0\0h\0\0\0\xe9",
        ] {
            for name in [None, Some("utf-8"), Some("ISO-8859-1"), Some("utf-16"), Some("klingon")] {
                assert_eq!(decode(bytes, name), "h\u{e9}", "{bytes:?} {name:?}");
                assert_eq!(into_text(bytes.to_vec(), name), "h\u{e9}", "{bytes:?} {name:?}");
            }
        }
        assert_eq!(into_text(b"\xef\xbb\xbfab\xff".to_vec(), None), "ab\u{fffd}");
    }

    #[test]
    fn text_that_is_utf8_or_ascii_already_is_not_copied() {
        for (text, names) in [
            ("h\u{e9} \u{20ac}", &[Some("utf-8"), Some("UTF8"), Some("klingon"), None][..]),
            ("ascii", &[Some("ISO-8859-1"), Some("us-ascii"), Some("utf-8"), None]),
        ] {
            for name in names {
                let bytes = text.as_bytes().to_vec();
                let place = bytes.as_ptr();

                let taken = into_text(bytes, *name);

                assert_eq!((taken.as_str(), taken.as_ptr()), (text, place), "{name:?}");
            }
        }
    }
}
