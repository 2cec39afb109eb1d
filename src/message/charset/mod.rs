//! Text out of bytes: which character encoding a body has, and how it reads.
//!
//! UTF-8, UTF-16, UTF-32, Latin-1 and ASCII are always there; the others, and guessing, come from the two tables below, a
//! row for each feature. Names are Python's as well as the web's, as programs set them by hand. Nothing here fails: a name
//! that means nothing stands for UTF-8, and bytes that mean nothing become U+FFFD (RESP-17).
//!
//! A byte-order mark wins over every name and is not part of the text: unlike requests, which leaves it in (RESP-18).

mod detect;
mod legacy;
mod unicode;

pub(crate) use unicode::Utf;

/// Where a name is looked up that is none of our own.
static NAMES: &[Lookup] = &[
    #[cfg(feature = "charset")]
    legacy::named,
];

/// What guesses at bytes that are not UTF-8; the first is asked.
static DETECTORS: &[fn(&[u8]) -> &'static str] = &[
    #[cfg(feature = "charset-detect")]
    detect::guess,
];

type Lookup = fn(&str) -> Option<&'static dyn Charset>;

/// A character encoding from the table.
trait Charset: Sync {
    fn decode(&'static self, bytes: &[u8]) -> String;

    /// Whether bytes that are all below 0x80 are ASCII.
    fn keeps_ascii(&'static self) -> bool;
}

#[derive(Clone, Copy)]
enum Codec {
    Utf8,
    Utf(Utf),
    Latin1,
    Ascii,
    Other(&'static dyn Charset),
}

/// The encoding that a Content-Type names or implies, as in requests (RESP-15, RESP-16): the last charset parameter, which
/// may be an empty text; else ISO-8859-1 if the type contains `text`; else UTF-8 if it contains `application/json`.
pub(crate) fn encoding_from_headers(content_type: Option<&str>) -> Option<&str> {
    let (kind, params) = content_type.map(|value| match memchr::memchr(b';', value.as_bytes()) {
        Some(at) => (&value[..at], Some(&value[at + 1..])),
        None => (value, None),
    })?;
    let named = params.and_then(|params| {
        params.rsplit(';').find_map(|param| {
            let (name, value) = param.trim().split_once('=')?;
            unquote(name).eq_ignore_ascii_case("charset").then(|| unquote(value))
        })
    });
    match named {
        Some(charset) => Some(charset),
        // To set a search up costs more than to look.
        None if has(kind, b"text") => Some("ISO-8859-1"),
        None if has(kind, b"application/json") => Some("utf-8"),
        None => None,
    }
}

fn has(text: &str, word: &[u8]) -> bool {
    text.as_bytes().windows(word.len()).any(|window| window == word)
}

fn unquote(text: &str) -> &str {
    text.trim_matches(['"', '\'', ' '])
}

/// The text of a body in `encoding`, or in the one it seems to have.
pub(crate) fn decode(bytes: &[u8], encoding: Option<&str>) -> String {
    let (codec, mark) = codec(bytes, encoding);
    codec.decode(&bytes[mark..])
}

/// As [`decode`], but takes the bytes over, which is without a copy where they are UTF-8 or plain ASCII.
pub(crate) fn into_text(mut bytes: Vec<u8>, encoding: Option<&str>) -> String {
    let (codec, mark) = codec(&bytes, encoding);
    if matches!(codec, Codec::Utf8) || codec.keeps_ascii() && bytes.is_ascii() {
        bytes.drain(..mark);
        return String::from_utf8(bytes).unwrap_or_else(|error| Codec::Utf8.decode(error.as_bytes()));
    }
    codec.decode(&bytes[mark..])
}

/// The encoding that a body seems to have, by its byte-order mark or else by its bytes: `utf-8` if there are none.
///
/// Without the feature `charset-detect` it is `ascii`, `utf-8` or `ISO-8859-1`.
pub(crate) fn apparent_encoding(bytes: &[u8]) -> String {
    if let Some((codec, _)) = unicode::mark(bytes) {
        return codec.map_or("utf-8", Utf::name).to_owned();
    }
    // ISO-2022-JP is ASCII with escapes.
    let may_be_utf8 = memchr::memchr(0x1b, bytes).is_none() || DETECTORS.is_empty();
    match DETECTORS.first() {
        _ if bytes.is_empty() => "utf-8".to_owned(),
        _ if may_be_utf8 && bytes.is_ascii() => "ascii".to_owned(),
        _ if may_be_utf8 && std::str::from_utf8(bytes).is_ok() => "utf-8".to_owned(),
        Some(detector) => detector(bytes).to_ascii_lowercase(),
        None => if is_mostly_utf8(bytes) { "utf-8" } else { "ISO-8859-1" }.to_owned(),
    }
}

/// Text in another encoding hardly ever makes whole UTF-8 characters, so a few bad bytes among them are damage.
fn is_mostly_utf8(bytes: &[u8]) -> bool {
    let (mut good, mut bad) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|char| !char.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good >= bad
}

/// What to decode with, and the length of the mark that comes first.
fn codec(bytes: &[u8], encoding: Option<&str>) -> (Codec, usize) {
    if let Some((utf, length)) = unicode::mark(bytes) {
        return (utf.map_or(Codec::Utf8, Codec::Utf), length);
    }
    let codec = match encoding {
        Some(name) => Codec::named(name),
        None if std::str::from_utf8(bytes).is_ok() && memchr::memchr(0x1b, bytes).is_none() => Some(Codec::Utf8),
        None => Codec::named(&apparent_encoding(bytes)),
    };
    (codec.unwrap_or(Codec::Utf8), 0)
}

impl Codec {
    fn named(name: &str) -> Option<Self> {
        // By far the most common, and cheaper than all that follows.
        if name.eq_ignore_ascii_case("utf-8") {
            return Some(Self::Utf8);
        }
        unicode::named(&plain(name)).or_else(|| NAMES.iter().find_map(|named| named(name)).map(Self::Other))
    }

    fn decode(self, bytes: &[u8]) -> String {
        match self {
            // Checked as a whole first: to look for what is wrong is slow, and hardly ever is anything.
            Self::Utf8 => match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => String::from_utf8_lossy(bytes).into_owned(),
            },
            Self::Utf(utf) => utf.decode(bytes),
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
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

/// A name without case and punctuation, which is how Python compares them: `Latin_1` is `latin-1`.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // RESP-15, RESP-16, UTIL-05: as recorded from requests
    #[test]
    fn the_encoding_comes_from_content_type_as_in_requests() {
        for (content_type, want) in [
            ("text/html; charset=utf-8", Some("utf-8")),
            ("text/html;CHARSET=\"Utf-8\"", Some("Utf-8")),
            ("text/html; charset = 'utf-8' ", Some("utf-8")),
            ("a/b; 'charset'=y", Some("y")),
            ("a/b;charset=''x'", Some("x")),
            ("; charset=z", Some("z")),
            ("x; charset=a; charset=b", Some("b")),
            ("x; charset=a; boundary=b", Some("a")),
            ("x; charset=a=b", Some("a=b")),
            ("x; charset=\"a;b\"", Some("a")),
            ("text/html; charset=\t'u'\t;", Some("\t'u")),
            ("text/html; charset=", Some("")),
            ("text/html; charset", Some("ISO-8859-1")),
            ("text/html, charset=utf-8", Some("ISO-8859-1")),
            ("texture/plain", Some("ISO-8859-1")),
            ("TEXT/HTML", None),
            ("a/b; type=text", None),
            ("application/json", Some("utf-8")),
            ("application/json-text", Some("ISO-8859-1")),
            ("application/JSON", None),
            ("application/problem+json", None),
            ("application/octet-stream", None),
            ("", None),
        ] {
            assert_eq!(encoding_from_headers(Some(content_type)), want, "{content_type}");
        }
        assert_eq!(encoding_from_headers(None), None);
    }

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

    // RESP-19
    #[test]
    fn an_encoding_is_guessed_from_the_bytes() {
        for (bytes, want) in [
            (&b""[..], "utf-8"),
            (b"plain", "ascii"),
            ("gr\u{fc}n".as_bytes(), "utf-8"),
            (b"\xef\xbb\xbfx", "utf-8"),
            (b"\xff\xfeh\0", "utf-16-le"),
            (b"\0\0\xfe\xff", "utf-32-be"),
        ] {
            assert_eq!(apparent_encoding(bytes), want, "{bytes:?}");
        }
        assert_eq!(decode("gr\u{fc}n".as_bytes(), None), "gr\u{fc}n");
    }

    #[cfg(not(feature = "charset-detect"))]
    #[test]
    fn without_a_detector_it_is_latin_1_or_damaged_utf8() {
        assert_eq!(decode(b"gr\xfcn \xe4", None), "gr\u{fc}n \u{e4}");
        assert_eq!(decode(MIXED, None), "caf\u{e9} \u{20ac} \u{fffd} end");
    }

    #[cfg(feature = "charset-detect")]
    #[test]
    fn with_a_detector_other_encodings_are_recognized() {
        let (russian, japanese) =
            (b"\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0! \xca\xe0\xea \xe4\xe5\xeb\xe0?", b"\x1b$B%F%9%H\x1b(B");

        assert_eq!(apparent_encoding(russian), "windows-1251");
        assert_eq!(decode(russian, None), "Привет, мир! Как дела?");
        assert_eq!(apparent_encoding(japanese), "iso-2022-jp");
        assert_eq!(decode(japanese, None), "テスト");
    }
}
