//! Byte-order marks: what some editors and shells put before a text, and what must not hide its first line.

use std::borrow::Cow;

/// The mark as a character: in front of a text, or of a line where texts were put one after another.
pub(crate) const MARK: char = '\u{feff}';

/// The bytes of a text without its byte-order mark. One whose mark says UTF-16 becomes UTF-8.
pub(crate) fn without_mark(bytes: &[u8]) -> Cow<'_, [u8]> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        [0xff, 0xfe, rest @ ..] => from_utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => from_utf16(rest, u16::from_be_bytes),
        _ => Cow::Borrowed(bytes),
    }
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Cow<'static, [u8]> {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Cow::Owned(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_goes_and_the_text_stays() {
        for (bytes, want) in [
            (&b""[..], ""),
            (b"a", "a"),
            (b"\xef\xbb\xbfa", "a"),
            (b"\xef\xbb\xbf", ""),
            (b"\xef\xbb", "\u{fffd}"),
            (b"\xff\xfea\0\xe9\0", "a\u{e9}"),
            (b"\xfe\xff\0a\0\xe9", "a\u{e9}"),
            (b"\xff\xfe\x3d\xd8\x00\xde", "\u{1f600}"),
            (b"\xff\xfe\x3d\xd8a\0", "\u{fffd}a"),
            // Half a unit at the end.
            (b"\xff\xfea\0b", "a"),
        ] {
            assert_eq!(String::from_utf8_lossy(&without_mark(bytes)), want, "{bytes:?}");
        }
    }
}
