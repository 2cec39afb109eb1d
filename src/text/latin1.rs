//! Latin-1: converts the bytes of a header to text, and back.
//!
//! On the wire a header is bytes. As in Python, each byte becomes one character, U+0000 to U+00FF. Only a text without
//! other characters can be converted back.

use std::borrow::Cow;

/// The byte that `char` stands for; `None` beyond U+00FF.
#[inline]
pub(crate) fn byte(char: char) -> Option<u8> {
    u8::try_from(char).ok()
}

/// Whether every character of `text` stands for a byte.
pub(crate) fn fits(text: &str) -> bool {
    // In UTF-8, 0xc4 is the smallest first byte of a character beyond U+00FF, and no byte within a character is as
    // large.
    text.bytes().all(|byte| byte < 0xc4)
}

/// The bytes of `text`; `None` if it has a character beyond U+00FF.
pub(crate) fn to_bytes(text: &str) -> Option<Vec<u8>> {
    text.chars().map(byte).collect()
}

/// The text of `bytes`.
pub(crate) fn to_text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Appends the text of `bytes`.
pub(crate) fn push(out: &mut String, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.is_ascii() => out.push_str(text),
        _ => out.extend(bytes.iter().copied().map(char::from)),
    }
}

/// The text that a header's bytes represent in UTF-8, if they are valid; `text` is their reading as Latin-1.
pub(crate) fn as_utf8(text: &str) -> Option<Cow<'_, str>> {
    if text.is_ascii() {
        return Some(text.into());
    }
    String::from_utf8(to_bytes(text)?).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_a_character_and_comes_back() {
        let bytes: Vec<u8> = (0..=255).collect();

        let text = to_text(&bytes);

        assert_eq!(text.chars().count(), 256);
        assert!(fits(&text));
        assert_eq!(to_bytes(&text).as_deref(), Some(&*bytes));
        let mut pushed = String::new();
        push(&mut pushed, &bytes);
        assert_eq!(pushed, text);
    }

    #[test]
    fn other_characters_have_no_byte() {
        for (char, want) in
            [('a', Some(b'a')), ('\u{ff}', Some(0xff)), ('\u{100}', None), ('\u{7ff}', None), ('\u{10ffff}', None)]
        {
            let text = format!("a{char}");

            assert_eq!(byte(char), want);
            assert_eq!((fits(&text), to_bytes(&text).is_some()), (want.is_some(), want.is_some()), "{char:?}");
        }
    }

    #[test]
    fn bytes_that_are_utf8_are_read_as_that() {
        for (text, want) in
            [("abc", Some("abc")), ("gr\u{c3}\u{bc}n", Some("gr\u{fc}n")), ("gr\u{fc}n", None), ("\u{20ac}", None)]
        {
            assert_eq!(as_utf8(text).as_deref(), want, "{text}");
        }
    }
}
