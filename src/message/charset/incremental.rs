//! Decoding a text that arrives in pieces.
//!
//! Where the pieces were cut changes nothing: what a [`Decoder`] returns for all of them together is what `decode` returns for
//! the whole. A character whose end has not arrived is kept back.

use super::decode::{Codec, codec};
use super::unicode::{Utf, may_become_mark};

/// Decodes pieces of a text; the last one is told apart, because what is incomplete there stays so.
pub(super) trait Feed: Send {
    fn feed(&mut self, bytes: &[u8], is_last: bool) -> String;
}

/// A decoder for one text.
pub(crate) struct Decoder {
    state: State,
    /// Bytes of a character, or of a byte-order mark, that is not complete.
    kept: Vec<u8>,
}

enum State {
    /// Before it is known whether there is a byte-order mark.
    Beginning(String),
    BuiltIn(Codec),
    Table(Box<dyn Feed>),
}

impl Decoder {
    pub(crate) fn new(encoding: &str) -> Self {
        Self { state: State::Beginning(encoding.to_owned()), kept: Vec::new() }
    }

    /// The text of the next piece, as far as it is certain.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        self.decode(bytes, false)
    }

    /// The text of what was kept back.
    pub(crate) fn finish(&mut self) -> String {
        self.decode(&[], true)
    }

    fn decode(&mut self, bytes: &[u8], is_last: bool) -> String {
        self.kept.extend_from_slice(bytes);
        if let State::Beginning(encoding) = &self.state {
            if !is_last && may_become_mark(&self.kept) {
                return String::new();
            }
            let (codec, mark) = codec(&self.kept, Some(encoding));
            self.kept.drain(..mark);
            self.state = match codec {
                Codec::Other(charset) => State::Table(charset.feed()),
                codec => State::BuiltIn(codec),
            };
        }
        match &mut self.state {
            State::Beginning(_) => String::new(),
            State::BuiltIn(codec) => {
                let length = if is_last { self.kept.len() } else { complete(*codec, &self.kept) };
                let text = codec.decode(&self.kept[..length]);
                self.kept.drain(..length);
                text
            }
            State::Table(feed) => {
                let text = feed.feed(&self.kept, is_last);
                self.kept.clear();
                text
            }
        }
    }
}

/// How many bytes can be decoded without knowing what follows.
fn complete(codec: Codec, bytes: &[u8]) -> usize {
    match codec {
        Codec::Utf8 => bytes.len() - cut_utf8(bytes),
        Codec::Utf(Utf::Le32 | Utf::Be32) => bytes.len() & !3,
        Codec::Utf(utf) => {
            let whole = bytes.len() & !1;
            // The first half of a pair of surrogates waits for the second.
            let is_half = bytes[..whole].last_chunk::<2>().is_some_and(|unit| {
                let high = if utf == Utf::Le16 { unit[1] } else { unit[0] };
                (0xd8..=0xdb).contains(&high)
            });
            if is_half { whole - 2 } else { whole }
        }
        Codec::Latin1 | Codec::Ascii | Codec::Other(_) => bytes.len(),
    }
}

/// How many bytes at the end are the beginning of a character.
pub(crate) fn cut_utf8(bytes: &[u8]) -> usize {
    for length in 1..=bytes.len().min(3) {
        let tail = &bytes[bytes.len() - length..];
        match tail[0] {
            0x80..=0xbf => {}
            0..=0x7f => return 0,
            _ => {
                let is_open = std::str::from_utf8(tail).is_err_and(|error| error.error_len().is_none());
                return if is_open { length } else { 0 };
            }
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::charset::decode;

    fn in_pieces(bytes: &[u8], encoding: &str, size: usize) -> String {
        let mut decoder = Decoder::new(encoding);
        let mut text: String = bytes.chunks(size).map(|piece| decoder.push(piece)).collect();
        text.push_str(&decoder.finish());
        text
    }

    // RESP-11
    #[test]
    fn where_a_text_was_cut_changes_nothing() {
        let wide =
            |unit: fn(u16) -> [u8; 2]| "a\u{e9}\u{1f600}\u{20ac}".encode_utf16().flat_map(unit).collect::<Vec<_>>();
        let utf32: Vec<u8> = "a\u{1f600}".chars().flat_map(|char| u32::from(char).to_le_bytes()).collect();
        let texts: Vec<Vec<u8>> = vec![
            "caf\u{e9} \u{20ac} \u{1f600}\n".into(),
            b"a\xe2\x82z\xff\xf0\x9f\x98 \xed\xa0\x80 \xc0\xaf \xe2\x82".to_vec(),
            b"\xef\xbb\xbfmark".to_vec(),
            b"\xef\xbb".to_vec(),
            b"\xff\xfea\0".to_vec(),
            b"\xff\xfe\0\0a\0\0\0".to_vec(),
            b"\xff".to_vec(),
            b"\0\0\xfe".to_vec(),
            wide(u16::to_le_bytes),
            wide(u16::to_be_bytes),
            [wide(u16::to_le_bytes), vec![0x3d, 0xd8, 0x41, 0, 7]].concat(),
            utf32,
            b"\x93\xfa\x96\x7b \xb0\xa1\xc4\xe3 \x81\xff\x80".to_vec(),
            b"\x1b$BF|K\\\x1b(B end \x1b$B".to_vec(),
            Vec::new(),
        ];
        let names = [
            "utf-8",
            "latin-1",
            "ascii",
            "utf-16",
            "utf-16-be",
            "utf-32",
            "utf-32-be",
            "shift_jis",
            "gbk",
            "gb2312",
            "big5",
            "gb18030",
            "iso-2022-jp",
            "euc-kr",
            "windows-1252",
            "unknown",
        ];
        for name in names {
            for bytes in &texts {
                let whole = decode(bytes, Some(name));
                for size in 1..=5 {
                    assert_eq!(in_pieces(bytes, name, size), whole, "{name} {bytes:x?} by {size}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_kept_back_but_what_is_incomplete() {
        let mut decoder = Decoder::new("utf-8");

        let texts = [&b"a\xe2"[..], b"\x82", b"\xac", b"b", b"\xf0\x9f", b"c"].map(|piece| decoder.push(piece));

        assert_eq!(texts, ["a", "", "\u{20ac}", "b", "", "\u{fffd}c"]);
        assert_eq!(decoder.finish(), "");
    }
}
