//! br: one stream. Bytes after it are ignored. The window is as large as RFC 7932 allows, 16 MiB, and no larger.
#![cfg(feature = "brotli")]

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::accept_encoding::Coding;
use super::decode::{Decode, Step};

pub(super) const CODINGS: &[Coding] = &[Coding { names: &["br"], start: || Ok(Box::new(Brotli::new())) }];

struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    done: bool,
}

impl Brotli {
    fn new() -> Self {
        let alloc = StandardAlloc::default;
        // Strict: large windows, which are not part of the coding, can need 1 GiB.
        Self { state: BrotliState::new_strict(alloc(), alloc(), alloc()), done: false }
    }
}

impl Decode for Brotli {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, String> {
        if self.done {
            return Ok(Step { used: input.len(), filled: 0, ended: true });
        }
        let (mut left, mut used, mut room, mut filled, mut total) = (input.len(), 0, out.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut used,
            input,
            &mut room,
            &mut filled,
            out,
            &mut total,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultFailure => return Err("invalid data".to_owned()),
            BrotliResult::ResultSuccess => self.done = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        Ok(Step { used, filled, ended: self.done })
    }

    fn may_end(&self) -> bool {
        self.done
    }
}
