//! The body of a response, out of its framing.
//!
//! It knows where content is, not what it means: codings come later. Bytes of content may bypass it: [`BodyDecoder::direct`]
//! says how many of the next bytes on the wire are content and nothing else, and [`BodyDecoder::advance`] that they went
//! straight to the reader. It never takes a byte behind the end of the body.

use super::RemoteError;
use super::chunk_decoder::ChunkDecoder;
use super::framing::Framing;

/// Takes content out of what arrives.
#[derive(Debug)]
pub(crate) struct BodyDecoder {
    state: State,
    /// Bytes of content so far.
    got: u64,
}

/// How far one call got. `used` may exceed `filled`: framing is eaten too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Progress {
    pub(crate) used: usize,
    pub(crate) filled: usize,
    pub(crate) done: bool,
}

#[derive(Debug)]
enum State {
    Length { left: u64 },
    Chunked(ChunkDecoder),
    UntilClose,
    Done,
}

impl BodyDecoder {
    pub(crate) fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(left) => State::Length { left },
            Framing::Chunked => State::Chunked(ChunkDecoder::new()),
            Framing::UntilClose => State::UntilClose,
        };
        Self { state, got: 0 }
    }

    /// Moves content from `input` to `out`. It stops where `input` is used up, `out` is full and content comes next, or a
    /// chunk or the body ends. An error waits until the content before it was taken: it comes with the next call, on the same input.
    pub(crate) fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Result<Progress, RemoteError> {
        let (mut used, mut filled) = (0, 0);
        loop {
            let room = (input.len() - used).min(out.len() - filled);
            let count = usize::try_from(self.direct()).unwrap_or(usize::MAX).min(room);
            out[filled..filled + count].copy_from_slice(&input[used..used + count]);
            (used, filled) = (used + count, filled + count);
            self.advance(count);
            let State::Chunked(chunks) = &mut self.state else { break };
            // A chunk that was taken whole ends the call, behind what stands between it and the next (RESP-09).
            let chunk_ended = filled > 0 && chunks.data() == 0;
            match chunks.eat(&input[used..]) {
                Ok(0) => break,
                Ok(count) => used += count,
                Err(_) if filled > 0 => break,
                Err(error) => return Err(error),
            }
            if chunks.is_done() {
                self.state = State::Done;
                break;
            }
            if chunk_ended {
                break;
            }
        }
        Ok(Progress { used, filled, done: self.is_done() })
    }

    /// How many of the next bytes from the peer are content: that many may be read past the decoder, once it was given all
    /// that was read before. 0 where it has to see what comes, or nothing does.
    pub(crate) fn direct(&self) -> u64 {
        match &self.state {
            State::Length { left } => *left,
            State::Chunked(chunks) => chunks.data(),
            State::UntilClose => u64::MAX,
            State::Done => 0,
        }
    }

    /// `count` bytes of content were read past the decoder, at most [`direct`](Self::direct).
    pub(crate) fn advance(&mut self, count: usize) {
        let count = count as u64;
        debug_assert!(count <= self.direct(), "content is only what `direct` said");
        self.got = self.got.saturating_add(count);
        match &mut self.state {
            State::Length { left } => {
                *left = left.saturating_sub(count);
                if *left == 0 {
                    self.state = State::Done;
                }
            }
            State::Chunked(chunks) => chunks.take(count),
            State::UntilClose | State::Done => {}
        }
    }

    /// The peer closed. Right for a body without a length, and behind a last chunk; an error anywhere else.
    pub(crate) fn eof(&mut self) -> Result<(), RemoteError> {
        let got = self.got;
        match &self.state {
            State::Length { left } => return Err(RemoteError::BodyCut { got, want: got.saturating_add(*left) }),
            State::Chunked(chunks) if !chunks.is_whole() => {
                let missing = Some(chunks.data()).filter(|&missing| missing > 0);
                return Err(RemoteError::ChunkCut { got, missing });
            }
            State::Chunked(_) | State::UntilClose | State::Done => {}
        }
        self.state = State::Done;
        Ok(())
    }

    /// Whether the body is at its end: nothing more belongs to this response.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Whether the content taken last ended a chunk of the wire.
    pub(crate) fn at_chunk_end(&self) -> bool {
        matches!(&self.state, State::Chunked(chunks) if chunks.is_between())
    }

    /// How much content is still to come, where that is known.
    pub(crate) fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Length { left } => Some(left),
            State::Done => Some(0),
            State::Chunked(_) | State::UntilClose => None,
        }
    }
}
