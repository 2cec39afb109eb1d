//! gzip and deflate.
//!
//! gzip is a sequence of members. What does not begin like a member ends the body and is ignored. `deflate` means the zlib
//! format (RFC 9110 §8.4.1.2), but some servers send raw deflate data. The first two bytes distinguish them.
#![cfg(feature = "gzip")]

use flate2::{Decompress, FlushDecompress, Status};

use super::accept_encoding::Coding;
use super::decode::{Decode, Step};

pub(super) const CODINGS: &[Coding] = &[
    Coding { names: &["gzip", "x-gzip"], start: || Ok(Box::new(Gzip::new())) },
    Coding { names: &["deflate"], start: || Ok(Box::new(Deflate::Head(None))) },
];

const WINDOW_BITS: u8 = 15;

struct Gzip {
    inflate: Decompress,
    at: Place,
}

enum Place {
    Member,
    /// After a complete member, with this many bytes of [`MAGIC`] seen.
    Between(usize),
}

/// How each member begins: the magic number of gzip, and the only method.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

impl Gzip {
    fn new() -> Self {
        Self { inflate: Decompress::new_gzip(WINDOW_BITS), at: Place::Member }
    }
}

impl Decode for Gzip {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, String> {
        let Place::Between(seen) = self.at else {
            let mut step = inflate(&mut self.inflate, input, out)?;
            if std::mem::take(&mut step.ended) {
                self.at = Place::Between(0);
            }
            return Ok(step);
        };
        let awaited = &MAGIC[seen..];
        let n = awaited.len().min(input.len());
        if input[..n] != awaited[..n] {
            return Ok(Step { used: input.len(), filled: 0, ended: true });
        }
        if n < awaited.len() {
            self.at = Place::Between(seen + n);
        } else {
            // `reset` would forget that it is gzip.
            *self = Self::new();
            inflate(&mut self.inflate, &MAGIC, out)?;
        }
        Ok(Step { used: n, filled: 0, ended: false })
    }

    fn may_end(&self) -> bool {
        matches!(self.at, Place::Between(0))
    }
}

enum Deflate {
    /// At most the first byte has been seen.
    Head(Option<u8>),
    Body(Decompress),
    Done,
}

impl Decode for Deflate {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, String> {
        match self {
            Self::Head(first) => match (*first, input) {
                (_, []) => Ok(Step::default()),
                (None, [only]) => {
                    *first = Some(*only);
                    Ok(Step { used: 1, ..Step::default() })
                }
                (None, [first, second, ..]) => {
                    *self = Self::Body(Decompress::new(is_zlib(*first, *second)));
                    self.step(input, out)
                }
                (Some(first), [second, ..]) => {
                    let mut body = Decompress::new(is_zlib(first, *second));
                    // One byte is too little to be the end or a byte of output.
                    inflate(&mut body, &[first], out)?;
                    *self = Self::Body(body);
                    self.step(input, out)
                }
            },
            Self::Body(body) => {
                let step = inflate(body, input, out)?;
                if step.ended {
                    *self = Self::Done;
                }
                Ok(step)
            }
            Self::Done => Ok(Step { used: input.len(), filled: 0, ended: true }),
        }
    }

    fn may_end(&self) -> bool {
        matches!(self, Self::Done)
    }
}

/// Whether two bytes are the header of the zlib format (RFC 1950 §2.2). No compressor begins raw data with such bytes, which
/// would be a stored block with non-zero padding in its first byte.
fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && u16::from_be_bytes([first, second]) % 31 == 0
}

fn inflate(inflate: &mut Decompress, input: &[u8], out: &mut [u8]) -> Result<Step, String> {
    let before = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, out, FlushDecompress::None).map_err(|error| match error.message() {
        Some(reason) => reason.to_owned(),
        None if error.needs_dictionary().is_some() => "needs a preset dictionary".to_owned(),
        None => "invalid data".to_owned(),
    })?;
    // The differences for one call are at most as large as its slices.
    let used = (inflate.total_in() - before.0) as usize;
    let filled = (inflate.total_out() - before.1) as usize;
    Ok(Step { used, filled, ended: status == Status::StreamEnd })
}
