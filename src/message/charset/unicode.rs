//! The Unicode encodings, which need no tables.

use super::decode::Codec;

/// UTF-16 or UTF-32, in one byte order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Utf {
    Le16,
    Be16,
    Le32,
    Be32,
}

impl Utf {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Le16 => "utf-16-le",
            Self::Be16 => "utf-16-be",
            Self::Le32 => "utf-32-le",
            Self::Be32 => "utf-32-be",
        }
    }

    /// The text, with U+FFFD for invalid bytes.
    pub(crate) fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Le16 => utf16(bytes, u16::from_le_bytes),
            Self::Be16 => utf16(bytes, u16::from_be_bytes),
            Self::Le32 => utf32(bytes, u32::from_le_bytes),
            Self::Be32 => utf32(bytes, u32::from_be_bytes),
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let pairs = bytes.chunks_exact(2);
    let cut = (!pairs.remainder().is_empty()).then_some(char::REPLACEMENT_CHARACTER);
    let chars = char::decode_utf16(pairs.map(|pair| unit([pair[0], pair[1]])));
    chars.map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)).chain(cut).collect()
}

fn utf32(bytes: &[u8], unit: fn([u8; 4]) -> u32) -> String {
    let char = |four: &[u8]| <[u8; 4]>::try_from(four).ok().and_then(|four| char::from_u32(unit(four)));
    bytes.chunks(4).map(|four| char(four).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// The encoding of a byte-order mark at the beginning, and its length. `None` inside is UTF-8.
pub(super) fn mark(bytes: &[u8]) -> Option<(Option<Utf>, usize)> {
    // UTF-32 comes first: its little-endian mark begins with that of UTF-16.
    match bytes {
        // What nearly every text begins with.
        [b' '..=b'~', ..] => None,
        [0xef, 0xbb, 0xbf, ..] => Some((None, 3)),
        [0xff, 0xfe, 0, 0, ..] => Some((Some(Utf::Le32), 4)),
        [0, 0, 0xfe, 0xff, ..] => Some((Some(Utf::Be32), 4)),
        [0xff, 0xfe, ..] => Some((Some(Utf::Le16), 2)),
        [0xfe, 0xff, ..] => Some((Some(Utf::Be16), 2)),
        _ => None,
    }
}

/// Whether it is not certain yet that these bytes begin with a byte-order mark, or with which.
pub(super) fn may_become_mark(bytes: &[u8]) -> bool {
    const LONGEST: [&[u8]; 4] = [&[0xef, 0xbb, 0xbf], &[0xff, 0xfe, 0, 0], &[0, 0, 0xfe, 0xff], &[0xfe, 0xff]];
    LONGEST.iter().any(|mark| mark.len() > bytes.len() && mark.starts_with(bytes))
}

/// The encoding of a name without case and punctuation. Without a byte order it is little-endian, because there was no mark.
pub(super) fn named(plain: &str) -> Option<Codec> {
    Some(match plain {
        "utf8" | "u8" | "utf" | "utf8sig" | "cp65001" | "unicode11utf8" => Codec::Utf8,
        "utf16" | "u16" | "utf16le" | "unicodelittleunmarked" => Codec::Utf(Utf::Le16),
        "utf16be" | "unicodebigunmarked" => Codec::Utf(Utf::Be16),
        "utf32" | "u32" | "utf32le" => Codec::Utf(Utf::Le32),
        "utf32be" => Codec::Utf(Utf::Be32),
        // The web reads these as windows-1252, Python (and so requests) as what they name.
        "iso88591" | "88591" | "8859" | "iso8859" | "iso885911987" | "latin1" | "latin" | "l1" | "cp819" | "ibm819"
        | "csisolatin1" | "isoir100" => Codec::Latin1,
        "ascii" | "usascii" | "us" | "646" | "iso646us" | "ansix341968" | "ansix341986" | "cp367" | "ibm367"
        | "csascii" | "isoir6" => Codec::Ascii,
        _ => return None,
    })
}
