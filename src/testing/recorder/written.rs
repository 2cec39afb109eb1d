//! How a value is written into other texts: percent-encoded, form-encoded, escaped in JSON or in HTML.
//!
//! A view is a text with its escapes undone. It knows where each of its places is in the text, so that what is found in the view
//! can be replaced in the text. However a writer escapes (all that it may or what it must, in either case), it is found.

use crate::text::percent;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Writing {
    Percent,
    /// The same, and `+` is a blank.
    Form,
    Json,
    Html,
}

/// A text with its escapes undone.
#[derive(Debug)]
pub(super) struct View {
    pub(super) text: Vec<u8>,
    /// Behind each escape: the place in the view, and in the text.
    places: Vec<(usize, usize)>,
}

impl View {
    /// `None` if the text has no escape.
    pub(super) fn of(text: &[u8], writing: Writing) -> Option<Self> {
        let mut view = Self { text: Vec::new(), places: Vec::new() };
        let (mut at, mut copied) = (0, 0);
        while let Some(next) = writing.next_sign(&text[at..]) {
            at += next;
            let escape = &text[at..];
            let Some((char, length)) = writing.undo(escape) else {
                at += 1;
                continue;
            };
            view.text.extend_from_slice(&text[copied..at]);
            match char {
                Undone::Byte(byte) => view.text.push(byte),
                Undone::Char(char) => view.text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            at += length;
            copied = at;
            view.places.push((view.text.len(), at));
        }
        if view.places.is_empty() {
            return None;
        }
        view.text.extend_from_slice(&text[copied..]);
        Some(view)
    }

    /// Where a place of the view is in the text. One at the start of an escape, or at its end, is exact.
    pub(super) fn place(&self, at: usize) -> usize {
        let before = self.places.partition_point(|(own, _)| *own <= at);
        before.checked_sub(1).map_or(at, |last| self.places[last].1 + (at - self.places[last].0))
    }
}

/// `text` with its escapes undone.
pub(super) fn undone(text: &[u8], writing: Writing) -> Vec<u8> {
    View::of(text, writing).map_or_else(|| text.to_vec(), |view| view.text)
}

enum Undone {
    Byte(u8),
    Char(char),
}

impl Writing {
    /// Where the next escape may be.
    fn next_sign(self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Percent => memchr::memchr(b'%', text),
            Self::Form => memchr::memchr2(b'%', b'+', text),
            Self::Json => memchr::memchr(b'\\', text),
            Self::Html => memchr::memchr(b'&', text),
        }
    }

    /// What the escape at the start of `text` stands for, and its length.
    fn undo(self, text: &[u8]) -> Option<(Undone, usize)> {
        match self {
            Self::Form if text.starts_with(b"+") => Some((Undone::Byte(b' '), 1)),
            Self::Percent | Self::Form => Some((Undone::Byte(percent::escape(text)?), 3)),
            Self::Json => json_escape(text),
            Self::Html => html_escape(text),
        }
    }
}

/// The length of the escape in JSON that `text` begins with.
pub(super) fn json_escape_length(text: &[u8]) -> Option<usize> {
    text.starts_with(b"\\").then(|| json_escape(text)).flatten().map(|(_, length)| length)
}

fn json_escape(text: &[u8]) -> Option<(Undone, usize)> {
    let byte = match *text.get(1)? {
        b'u' => {
            let first = utf16_unit(text)?;
            let second = text.get(6..).filter(|rest| rest.starts_with(b"\\u")).and_then(utf16_unit);
            // Half of a pair stands for nothing.
            let pair = char::decode_utf16([Some(first), second].into_iter().flatten()).next()?;
            let char = pair.unwrap_or(char::REPLACEMENT_CHARACTER);
            return Some((Undone::Char(char), 6 * char.len_utf16()));
        }
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        other @ (b'"' | b'\\' | b'/') => other,
        _ => return None,
    };
    Some((Undone::Byte(byte), 2))
}

/// The unit that `\uXXXX` at the start of `text` stands for.
fn utf16_unit(text: &[u8]) -> Option<u16> {
    let digits = text.get(2..6)?;
    Some(u16::from_be_bytes([percent::hex(digits[0], digits[1])?, percent::hex(digits[2], digits[3])?]))
}

/// Of the names, those that libraries write to escape a text.
fn html_escape(text: &[u8]) -> Option<(Undone, usize)> {
    /// The longest is `&#x10ffff;`.
    const LONGEST: usize = 10;
    let end = text.iter().take(LONGEST).position(|&byte| byte == b';')?;
    let char = match std::str::from_utf8(text.get(1..end)?).ok()? {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        name => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(number.ok()?)?
        }
    };
    Some((Undone::Char(char), end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_escape_is_undone_and_everything_else_stays() {
        use Writing::{Form, Html, Json, Percent};
        for (writing, text, want) in [
            (Percent, "a%2Fb%2fc+d%41", "a/b/c+dA"),
            (Percent, "100% %zz %4", "100% %zz %4"),
            (Form, "a%2Bb+c", "a+b c"),
            (Json, r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (Json, r"\u002B\u00e9\u20AC\ud83d\ude00", "+\u{e9}\u{20ac}\u{1f600}"),
            (Json, r"\ud83d\u0041\udE00", "\u{fffd}A\u{fffd}"),
            (Json, r"\x \u12 \u12g4 \", r"\x \u12 \u12g4 \"),
            (Html, "&amp;&lt;&gt;&quot;&apos;&#39;&#x2F;&#X3d;", "&<>\"''/="),
            (Html, "&nbsp;&#xffffffff;&#;&;& &amp", "&nbsp;&#xffffffff;&#;&;& &amp"),
        ] {
            assert_eq!(String::from_utf8(undone(text.as_bytes(), writing)).unwrap(), want, "{writing:?}");
            assert_eq!(View::of(text.as_bytes(), writing).is_none(), text == want, "{writing:?}");
        }
        assert_eq!(undone(b"caf%E9", Writing::Percent), b"caf\xe9");
    }

    #[test]
    fn a_place_in_a_view_is_the_one_in_its_text() {
        let view = View::of(b"ab%41cd%42%43e", Writing::Percent).unwrap();

        assert_eq!(view.text, b"abAcdBCe");
        let places: Vec<usize> = (0..=view.text.len()).map(|at| view.place(at)).collect();
        assert_eq!(places, [0, 1, 2, 5, 6, 7, 10, 13, 14]);
    }
}
