//! zstd: a sequence of frames, including skippable ones. What does not begin like a frame ends the body and is ignored. A
//! frame that needs a window of more than 8 MiB is refused (RFC 9659).
#![cfg(feature = "zstd")]

use std::io;

use ::zstd::stream::raw::{DParameter, Decoder, Operation};

use super::accept_encoding::Coding;
use super::decode::{Decode, Step};

pub(super) const CODINGS: &[Coding] = &[Coding { names: &["zstd"], start }];

const WINDOW_LOG_MAX: u32 = 23;

struct Zstd {
    decoder: Decoder<'static>,
    at: Place,
}

enum Place {
    Frame,
    /// After a complete frame, with the first bytes of what may be another.
    Between([u8; MAGIC], usize),
}

/// The length of the magic number with which each frame begins.
const MAGIC: usize = 4;

fn start() -> Result<Box<dyn Decode>, String> {
    let decoder = || {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
        Ok(decoder)
    };
    let decoder = decoder().map_err(reason)?;
    Ok(Box::new(Zstd { decoder, at: Place::Frame }))
}

impl Zstd {
    fn run(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, String> {
        let status = self.decoder.run_on_buffers(input, out).map_err(reason)?;
        if status.remaining == 0 {
            self.at = Place::Between([0; MAGIC], 0);
        }
        Ok(Step { used: status.bytes_read, filled: status.bytes_written, ended: false })
    }
}

impl Decode for Zstd {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, String> {
        let Place::Between(magic, seen) = &mut self.at else {
            return self.run(input, out);
        };
        let n = input.len().min(MAGIC - *seen);
        magic[*seen..][..n].copy_from_slice(&input[..n]);
        *seen += n;
        let head = &magic[..*seen];
        if !may_begin_frame(head) {
            return Ok(Step { used: input.len(), filled: 0, ended: true });
        }
        if head.len() == MAGIC {
            let magic = *magic;
            self.at = Place::Frame;
            self.run(&magic, out)?;
        }
        Ok(Step { used: n, filled: 0, ended: false })
    }

    fn may_end(&self) -> bool {
        matches!(self.at, Place::Between(_, 0))
    }
}

/// Whether `head` is the beginning of a frame or of a skippable frame (RFC 8878 §3.1), as far as it goes.
fn may_begin_frame(head: &[u8]) -> bool {
    const FRAME: [u8; MAGIC] = [0x28, 0xb5, 0x2f, 0xfd];
    const SKIPPABLE: [u8; MAGIC] = [0x50, 0x2a, 0x4d, 0x18];
    let is_skippable =
        |(i, &byte): (usize, &u8)| if i == 0 { byte & 0xf0 == SKIPPABLE[0] } else { byte == SKIPPABLE[i] };
    FRAME.starts_with(head) || head.iter().enumerate().all(is_skippable)
}

fn reason(error: io::Error) -> String {
    error.to_string()
}
