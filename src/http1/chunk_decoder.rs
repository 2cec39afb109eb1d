//! The framing around chunks: sizes, extensions, line ends, trailers (RFC 9112 §7.1).
//!
//! A state machine that consumes one byte at a time and never touches content: in the state `Data`, that many bytes
//! belong to the caller. An unexpected byte leaves the state unchanged. A size consists of hexadecimal digits only, and
//! LF alone ends a line. Extensions and trailers are checked for NUL and CR, counted and discarded.

use super::octets::is_dangerous;
use super::remote_error::RemoteError;

#[derive(Debug)]
pub(super) struct ChunkDecoder {
    at: At,
    /// The size being read, then the bytes of the chunk still to come.
    left: u64,
    /// Whether no byte of the current chunk has been taken.
    untouched: bool,
    /// Bytes of the current size line so far, or of all trailers.
    line: u32,
    plain: Plain,
    /// Whether the current chunk is framed like the one before it.
    is_regular: bool,
}

/// The last framing between two chunks that was plain: line ends and digits, which arrived together.
#[derive(Debug)]
struct Plain {
    text: [u8; ChunkDecoder::LONGEST],
    /// 0 for none.
    length: usize,
    /// The size that it says.
    size: u64,
}

impl Plain {
    const NONE: Self = Self { text: [0; ChunkDecoder::LONGEST], length: 0, size: 0 };

    /// None if it is too long to be kept.
    fn new(size: u64, text: &[u8]) -> Self {
        let mut plain = Self::NONE;
        if let Some(room) = plain.text.get_mut(..text.len()) {
            room.copy_from_slice(text);
            (plain.length, plain.size) = (text.len(), size);
        }
        plain
    }

    fn begins(&self, input: &[u8]) -> bool {
        self.length > 0 && input.starts_with(&self.text[..self.length])
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum At {
    Size,
    Digits,
    Blank,
    Extension,
    SizeLf,
    Data,
    DataEnd,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    LastLf,
    Done,
}

/// The longest size line, and the limit for all trailers together; as in requests.
const MAX_LINE: u32 = 65_536;

impl ChunkDecoder {
    /// The longest framing that can be [`regular`](Self::regular): two line ends, and a size of less than 4 GiB.
    pub(super) const LONGEST: usize = 12;

    pub(super) fn new() -> Self {
        Self { at: At::Size, left: 0, untouched: true, line: 0, plain: Plain::NONE, is_regular: false }
    }

    /// How many bytes of content come next.
    pub(super) fn data(&self) -> u64 {
        if self.at == At::Data { self.left } else { 0 }
    }

    /// The size of the current chunk and the length of the framing before it, if the chunk before was framed alike.
    pub(super) fn regular(&self) -> Option<(u64, usize)> {
        (self.is_regular && self.at == At::Data).then_some((self.plain.size, self.plain.length))
    }

    /// Whether none or all bytes of the current chunk have been taken.
    pub(super) fn is_between(&self) -> bool {
        self.at != At::Data || self.untouched
    }

    /// `count` bytes of content were taken, at most [`data`](Self::data).
    pub(super) fn take(&mut self, count: u64) {
        if self.at == At::Data && count > 0 {
            self.untouched = false;
            self.left = self.left.saturating_sub(count);
            if self.left == 0 {
                self.untouched = true;
                self.at = At::DataEnd;
            }
        }
    }

    /// Consumes framing up to content, the end, or an unexpected byte; an error only if that is the first byte. Returns
    /// how much it consumed.
    pub(super) fn eat(&mut self, input: &[u8]) -> Result<usize, RemoteError> {
        // What reads like the framing before it means the same.
        if self.at == At::DataEnd && self.plain.begins(input) {
            (self.at, self.left, self.is_regular) = (At::Data, self.plain.size, true);
            return Ok(self.plain.length);
        }
        if let Some((size, used)) = self.plain_size(input) {
            self.plain = if self.at == At::DataEnd { Plain::new(size, &input[..used]) } else { Plain::NONE };
            (self.at, self.left, self.is_regular) = (At::Data, size, false);
            return Ok(used);
        }
        for (index, &byte) in input.iter().enumerate() {
            if matches!(self.at, At::Data | At::Done) {
                return Ok(index);
            }
            match self.step(byte) {
                Err(fault) if index == 0 => return Err(RemoteError::BadChunk(fault)),
                Err(_) => return Ok(index),
                Ok(at) => self.at = at,
            }
        }
        Ok(input.len())
    }

    pub(super) fn is_done(&self) -> bool {
        self.at == At::Done
    }

    /// Whether the content is complete: from where the size 0 is known, so that a peer may leave out the rest. A digit
    /// 0 alone is not enough, because another digit could have followed.
    pub(super) fn is_whole(&self) -> bool {
        match self.at {
            At::Blank | At::Extension | At::SizeLf => self.left == 0,
            At::TrailerStart | At::Trailer | At::TrailerLf | At::LastLf | At::Done => true,
            At::Size | At::Digits | At::Data | At::DataEnd | At::DataLf => false,
        }
    }

    /// The common case, for speed: digits and CR LF that arrived together, of a chunk that is not the last.
    fn plain_size(&self, input: &[u8]) -> Option<(u64, usize)> {
        let start = match self.at {
            At::Size => 0,
            At::DataEnd if input.starts_with(b"\r\n") => 2,
            _ => return None,
        };
        let mut size = 0;
        // Sixteen digits cannot overflow; the slow path handles longer lines.
        for (index, &byte) in input[start..].iter().enumerate().take(16) {
            match char::from(byte).to_digit(16) {
                Some(digit) => size = size << 4 | u64::from(digit),
                None if byte == b'\r' && size > 0 && input.get(start + index + 1) == Some(&b'\n') => {
                    return Some((size, start + index + 2));
                }
                None => return None,
            }
        }
        None
    }

    fn step(&mut self, byte: u8) -> Result<At, &'static str> {
        match (self.at, byte) {
            (At::DataEnd, b'\r') => return Ok(At::DataLf),
            (At::DataEnd | At::DataLf, b'\n') => return Ok(At::Size),
            (At::DataEnd | At::DataLf, _) => return Err("chunk data is not followed by a line end"),
            (At::Size | At::Digits | At::Blank | At::Extension | At::SizeLf, _) if self.line == MAX_LINE => {
                return Err("chunk size line is too long");
            }
            (At::TrailerStart | At::Trailer, _) if self.line == MAX_LINE => return Err("trailers are too long"),
            _ => {}
        }
        let next = match (self.at, byte) {
            (At::Digits | At::Blank | At::Extension | At::SizeLf, b'\n') => {
                (self.line, self.is_regular) = (0, false);
                return Ok(if self.left == 0 { At::TrailerStart } else { At::Data });
            }
            (At::Digits | At::Blank | At::Extension, b'\r') => At::SizeLf,
            (At::Digits | At::Blank, b' ' | b'\t') => At::Blank,
            (At::Digits | At::Blank, b';') => At::Extension,
            (At::Extension, byte) if !is_dangerous(byte) => At::Extension,
            (At::Extension, _) => return Err("NUL in a chunk extension"),
            (At::Size | At::Digits, byte) => {
                let digit = char::from(byte).to_digit(16).ok_or("chunk size is not a hexadecimal number")?;
                if self.left >> 60 != 0 {
                    return Err("chunk size is too large");
                }
                self.left = self.left << 4 | u64::from(digit);
                At::Digits
            }
            (At::Blank, _) => return Err("chunk size is not a hexadecimal number"),
            (At::TrailerStart | At::LastLf, b'\n') => return Ok(At::Done),
            (At::TrailerStart, b'\r') => At::LastLf,
            (At::Trailer | At::TrailerLf, b'\n') => At::TrailerStart,
            (At::Trailer, b'\r') => At::TrailerLf,
            (At::TrailerStart | At::Trailer, byte) if !is_dangerous(byte) => At::Trailer,
            (At::TrailerStart | At::Trailer, _) => return Err("NUL in a trailer"),
            (At::SizeLf | At::TrailerLf | At::LastLf, _) => return Err("CR without LF"),
            (At::Data | At::DataEnd | At::DataLf | At::Done, _) => return Ok(self.at),
        };
        self.line += 1;
        Ok(next)
    }
}
