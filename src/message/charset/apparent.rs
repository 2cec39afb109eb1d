//! The encoding that bytes seem to have if no header names one: requests' `apparent_encoding`.

use super::unicode::{self, Utf};

/// Detectors for bytes that are not UTF-8; the first is used.
static DETECTORS: &[fn(&[u8]) -> &'static str] = &[
    #[cfg(feature = "charset-detect")]
    super::detect::guess,
];

/// The encoding that a body seems to have, by its byte-order mark, otherwise by its bytes; `utf-8` if it is empty.
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

/// Text in another encoding rarely forms complete UTF-8 characters, so a few invalid bytes among them are damage.
fn is_mostly_utf8(bytes: &[u8]) -> bool {
    let (mut good, mut bad) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|char| !char.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good >= bad
}

#[cfg(test)]
mod tests {
    use super::super::decode;
    use super::*;

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
        assert_eq!(decode(b"caf\xc3\xa9 \xe2\x82\xac \xff end", None), "caf\u{e9} \u{20ac} \u{fffd} end");
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
