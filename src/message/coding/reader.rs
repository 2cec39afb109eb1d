//! Reading a body through its decoders, a bounded amount at a time.
//!
//! Stages are stacked: each has a buffer for the output of the one below, and runs only when the one above needs bytes. A read
//! never decodes more than one buffer beyond what it returns, however much the input expands. A body without a coding has no
//! stages and no buffers: reads go directly to the inner reader.
//!
//! The inner reader is read to its end before this one reports its own end, so that the framing is checked completely and the
//! connection can be used again. Bytes after the coded data are read and discarded.
//!
//! Errors of the inner reader are returned unchanged and alter nothing here: reading can continue after them.

use std::io::{self, Read};

use super::decode::Decode;
use super::fault::Fault;

/// The limits on a decoded body. `None` is no limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DecodeLimits {
    /// Bytes of the body as the program sees it, decoded or not coded. The coded body may be longer only by what a coding adds
    /// to data that it cannot compress. What decodes to nothing, and what follows the end, counts too.
    pub max_decoded_bytes: Option<u64>,
    /// Decoded bytes for each coded byte, for every coding of a chain. It is checked once more than
    /// [`RATIO_FLOOR`](Self::RATIO_FLOOR) bytes were decoded.
    pub max_expansion_ratio: Option<u32>,
}

impl DecodeLimits {
    /// The same as in Apache's `mod_deflate`. Text stays far below it; gzip reaches 1032 for zeros.
    pub const DEFAULT_EXPANSION_RATIO: u32 = 200;
    /// Below this a decompression bomb does no harm, and small bodies that repeat one byte are common.
    pub const RATIO_FLOOR: u64 = 64 << 20;
    /// For the framing of a small body: headers with a name and a time, checksums.
    const FRAME: u64 = 1 << 10;

    /// How many coded bytes may be read. The worst case of an honest encoder is deflate with fixed codes only: 9 bits for
    /// each 8.
    fn max_coded_bytes(&self) -> u64 {
        self.max_decoded_bytes.map_or(u64::MAX, |max| max.saturating_add(max / 8).saturating_add(Self::FRAME))
    }
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_decoded_bytes: None, max_expansion_ratio: Some(Self::DEFAULT_EXPANSION_RATIO) }
    }
}

/// The decoded body: a reader over the reader of the undecoded body.
pub(crate) struct Coded<R> {
    inner: R,
    stages: Vec<Stage>,
    limits: DecodeLimits,
    /// Bytes read from `inner`; not counted for a body without coding and limit.
    taken: u64,
    /// Bytes decoded, including those in `ready`; counted like `taken`.
    decoded: u64,
    /// Decoded bytes for reads that are too small to decode into.
    ready: Buffer,
    fault: Option<Fault>,
}

/// A decoder needs more time for each byte of a small output than a copy does. For smaller reads it writes to a buffer of this
/// size instead.
const DIRECT: usize = 16 << 10;
/// How much a stage reads at once.
const INPUT: usize = 32 << 10;
/// How much `read_to_end` adds at most to its buffer in one step.
const GROWTH: usize = 256 << 10;

impl<R> Coded<R> {
    pub(super) fn new(
        inner: R,
        decoders: Vec<(&'static str, Box<dyn Decode>)>,
        limits: DecodeLimits,
        fault: Option<Fault>,
    ) -> Self {
        let stages = decoders.into_iter().map(|(coding, decoder)| Stage::new(coding, decoder)).collect();
        Self { inner, stages, limits, taken: 0, decoded: 0, ready: Buffer::new(DIRECT), fault }
    }

    /// Whether the body is read without decoding.
    pub(crate) fn is_plain(&self) -> bool {
        self.stages.is_empty() && self.fault.is_none()
    }

    /// Whether bytes were read from the inner reader for decoding, so that it no longer has the whole body.
    #[cfg(test)]
    pub(crate) fn has_decoded(&self) -> bool {
        !self.is_plain() && self.taken > 0
    }

    #[cfg(test)]
    pub(crate) fn inner(&self) -> &R {
        &self.inner
    }

    /// Lets the body end anywhere, because it is part of a larger one: what can be decoded of it is the result.
    pub(crate) fn may_be_cut(&mut self) {
        self.stages.iter_mut().for_each(|stage| stage.may_be_cut = true);
    }

    /// The undecoded body.
    pub(crate) fn inner_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    fn is_unlimited(&self) -> bool {
        self.is_plain() && self.limits.max_decoded_bytes.is_none()
    }
}

impl<R: Read> Coded<R> {
    /// Decodes into `out`, within `max_decoded_bytes`.
    fn decode(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let room = match self.limits.max_decoded_bytes {
            Some(max) => usize::try_from(max - self.decoded).unwrap_or(usize::MAX).min(out.len()),
            None => out.len(),
        };
        if room == 0 {
            // At the limit the body may end, but not continue.
            return match self.pull(&mut [0])? {
                0 => Ok(0),
                _ => Err(self.fail(Fault::TooLarge { at_most: self.decoded })),
            };
        }
        let filled = self.pull(&mut out[..room])?;
        self.decoded += filled as u64;
        Ok(filled)
    }

    fn pull(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Some(fault) = self.fault.clone() {
            // An empty body is valid in every coding (DEC-11).
            let empty = self.taken == 0 && self.inner.read(&mut [0])? == 0;
            return if empty { Ok(0) } else { Err(self.fail(fault)) };
        }
        let most = if self.stages.is_empty() { u64::MAX } else { self.limits.max_coded_bytes() };
        let mut source = Source { inner: &mut self.inner, taken: &mut self.taken, most };
        match pull(&mut source, &mut self.stages, self.limits.max_expansion_ratio, out) {
            Ok(filled) => Ok(filled),
            Err(Stop::Inner(error)) => Err(error),
            Err(Stop::Fault(fault)) => Err(self.fail(fault)),
        }
    }

    fn fail(&mut self, fault: Fault) -> io::Error {
        self.taken = self.taken.max(1);
        self.fault = Some(fault.clone());
        fault.into()
    }
}

impl<R: Read> Read for Coded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        if self.is_unlimited() {
            return self.inner.read(out);
        }
        if self.ready.is_empty() {
            if self.stages.is_empty() || out.len() >= DIRECT {
                return self.decode(out);
            }
            let mut ready = std::mem::replace(&mut self.ready, Buffer::new(DIRECT));
            let filled = self.decode(ready.space());
            self.ready = ready;
            self.ready.end = filled?;
        }
        let bytes = self.ready.bytes();
        let n = bytes.len().min(out.len());
        out[..n].copy_from_slice(&bytes[..n]);
        self.ready.advance(n);
        Ok(n)
    }

    /// Decodes into the spare capacity of `out`, which is zeroed once and not for every read, as by the default method.
    fn read_to_end(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
        if self.is_unlimited() {
            return self.inner.read_to_end(out);
        }
        let before = out.len();
        let mut filled = before;
        let result = loop {
            if out.len() - filled < DIRECT {
                let spare = out.capacity() - out.len();
                out.resize(out.len() + spare.max(out.len()).clamp(DIRECT, GROWTH), 0);
            }
            match self.read(&mut out[filled..]) {
                Ok(0) => break Ok(()),
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        out.truncate(filled);
        result.map(|()| filled - before)
    }
}

/// A coding that is being undone.
struct Stage {
    coding: &'static str,
    decoder: Box<dyn Decode>,
    input: Buffer,
    fed: u64,
    produced: u64,
    may_be_cut: bool,
    /// Whether the last output was full, so that there may be more without more input.
    more_inside: bool,
    state: State,
}

enum State {
    Running,
    /// Whether the coded data has ended, but not the input.
    Draining,
    Done,
}

impl Stage {
    fn new(coding: &'static str, decoder: Box<dyn Decode>) -> Self {
        let input = Buffer::new(INPUT);
        Self {
            coding,
            decoder,
            input,
            fed: 0,
            produced: 0,
            may_be_cut: false,
            more_inside: false,
            state: State::Running,
        }
    }

    /// Adds `n` bytes, which were written to the input's space.
    fn feed(&mut self, n: usize) {
        self.input.end = n;
        self.fed += n as u64;
    }

    /// Ends the input, which is valid between two members or before the first byte, and an error elsewhere.
    fn finish(&mut self) -> Result<(), Fault> {
        if self.fed > 0 && !self.may_be_cut && !self.decoder.may_end() {
            return Err(Fault::Truncated { coding: self.coding, after: self.fed });
        }
        self.state = State::Done;
        Ok(())
    }

    fn step(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        let input = self.input.bytes();
        let is_later_part = self.may_be_cut && self.produced == 0;
        let corrupt = |mut reason: String| {
            if is_later_part {
                reason.push_str("; a part decodes only from the beginning of the whole: ask for it without a coding");
            }
            Fault::Corrupt { coding: self.coding, reason }
        };
        let step = self.decoder.step(input, out).map_err(corrupt)?;
        if step.used == 0 && step.filled == 0 && !step.ended && !input.is_empty() {
            return Err(corrupt("no progress".to_owned()));
        }
        self.input.advance(step.used);
        self.produced += step.filled as u64;
        self.more_inside = step.filled == out.len();
        if step.ended {
            self.state = State::Draining;
        }
        Ok(step.filled)
    }
}

struct Source<'a, R> {
    inner: &'a mut R,
    taken: &'a mut u64,
    /// As many may be taken.
    most: u64,
}

enum Stop {
    Inner(io::Error),
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Reads decoded bytes from the last of `stages`, which gets its input from those before it. 0 is the end.
fn pull<R: Read>(
    source: &mut Source<'_, R>,
    stages: &mut [Stage],
    ratio: Option<u32>,
    out: &mut [u8],
) -> Result<usize, Stop> {
    let Some((stage, below)) = stages.split_last_mut() else {
        // Checked before more is read: what is there is decoded first, and gives the better error.
        if *source.taken > source.most {
            return Err(Fault::TooLargeCoded { after: *source.taken }.into());
        }
        let n = source.inner.read(out).map_err(Stop::Inner)?;
        *source.taken += n as u64;
        return Ok(n);
    };
    loop {
        match stage.state {
            State::Done => return Ok(0),
            State::Draining => {
                while pull(source, below, ratio, stage.input.space())? > 0 {}
                stage.state = State::Done;
            }
            State::Running if stage.input.is_empty() && !stage.more_inside => {
                match pull(source, below, ratio, stage.input.space())? {
                    0 => stage.finish()?,
                    n => stage.feed(n),
                }
            }
            State::Running => {
                let filled = stage.step(out)?;
                if let Some(at_most) = ratio {
                    let allowed = source.taken.saturating_mul(at_most.into()).max(DecodeLimits::RATIO_FLOOR);
                    if stage.produced > allowed {
                        return Err(Fault::Expands { at_most }.into());
                    }
                }
                if filled > 0 {
                    return Ok(filled);
                }
            }
        }
    }
}

/// A buffer that is allocated on first use, and is filled and emptied in turns.
struct Buffer {
    bytes: Vec<u8>,
    size: usize,
    start: usize,
    end: usize,
}

impl Buffer {
    const fn new(size: usize) -> Self {
        Self { bytes: Vec::new(), size, start: 0, end: 0 }
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    fn advance(&mut self, n: usize) {
        self.start += n;
    }

    /// The whole buffer, to be filled again; the caller sets `end`.
    fn space(&mut self) -> &mut [u8] {
        (self.start, self.end) = (0, 0);
        if self.bytes.is_empty() {
            self.bytes.resize(self.size, 0);
        }
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests;
