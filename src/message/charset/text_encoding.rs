//! Which encoding a text was decoded with, and why.

use std::fmt;

use super::decode::Codec;
use super::unicode::Utf;
use super::{apparent_encoding, unicode};

/// The encoding that [`Response::text`](crate::Response::text) decodes with, and its origin: see
/// [`Response::text_encoding`](crate::Response::text_encoding).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TextEncoding {
    /// A byte-order mark at the beginning of the content, which overrides any name.
    Mark(&'static str),
    /// The encoding that the program set, or that the response's `Content-Type` names or implies.
    Named(String),
    /// No encoding is named: a guess from the content.
    Guessed(String),
    /// The named encoding, which this build does not decode: the text is read as UTF-8.
    Fallback(String),
}

impl TextEncoding {
    /// The encoding of a body for which `named` is given.
    pub(crate) fn of(bytes: &[u8], named: Option<&str>) -> Self {
        if let Some((utf, _)) = unicode::mark(bytes) {
            return Self::Mark(utf.map_or(UTF_8, Utf::name));
        }
        let is_known = |name: &str| Codec::named(name).is_some();
        match named {
            Some(name) if is_known(name) => Self::Named(name.to_owned()),
            Some(name) => Self::Fallback(name.to_owned()),
            None => {
                let guess = apparent_encoding(bytes);
                if is_known(&guess) { Self::Guessed(guess) } else { Self::Fallback(guess) }
            }
        }
    }

    /// The name of the encoding that the text is decoded with: `utf-8` for a fallback.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Mark(name) => name,
            Self::Named(name) | Self::Guessed(name) => name,
            Self::Fallback(_) => UTF_8,
        }
    }

    /// Whether the text is read as UTF-8 because this build does not decode its encoding.
    #[must_use]
    pub fn is_fallback(&self) -> bool {
        matches!(self, Self::Fallback(_))
    }
}

/// The name of the encoding.
impl fmt::Display for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

const UTF_8: &str = "utf-8";

#[cfg(test)]
mod tests {
    use super::super::decode;
    use super::*;

    #[test]
    fn it_is_the_encoding_that_the_text_has_and_says_where_it_is_from() {
        for (bytes, named, want) in [
            (&b"\xef\xbb\xbfx"[..], Some("cp437"), TextEncoding::Mark("utf-8")),
            (b"\xfe\xff\0x", None, TextEncoding::Mark("utf-16-be")),
            (b"x\xe9", Some("Latin-1"), TextEncoding::Named("Latin-1".into())),
            (b"x", Some("utf8"), TextEncoding::Named("utf8".into())),
            (b"x\x82", Some("cp437"), TextEncoding::Fallback("cp437".into())),
            (b"x", Some("cp500"), TextEncoding::Fallback("cp500".into())),
            (b"x", Some(""), TextEncoding::Fallback(String::new())),
            (b"x", None, TextEncoding::Guessed("ascii".into())),
            ("\u{e9}".as_bytes(), None, TextEncoding::Guessed("utf-8".into())),
            (b"", None, TextEncoding::Guessed("utf-8".into())),
        ] {
            let got = TextEncoding::of(bytes, named);

            assert_eq!(got, want, "{bytes:?} {named:?}");
            assert_eq!(decode(bytes, Some(got.name())), decode(bytes, named), "{bytes:?} {named:?}");
            assert_eq!(got.is_fallback(), matches!(want, TextEncoding::Fallback(_)));
        }
    }

    #[cfg(feature = "charset")]
    #[test]
    fn with_the_tables_older_encodings_are_named_and_without_they_fall_back() {
        assert_eq!(TextEncoding::of(b"\xe1", Some("greek")), TextEncoding::Named("greek".into()));
    }

    #[cfg(not(feature = "charset"))]
    #[test]
    fn with_the_tables_older_encodings_are_named_and_without_they_fall_back() {
        assert_eq!(TextEncoding::of(b"\xe1", Some("greek")), TextEncoding::Fallback("greek".into()));
    }
}
