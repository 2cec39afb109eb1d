//! The body of a response on its connection, and the drain of a body that nobody reads. It owns the lease, and settles it on
//! the byte that ends the framing.
//!
//! There are two outcomes. After the last byte of a reusable exchange the connection returns to its pool. Otherwise (the
//! exchange is not reusable, or the body was given up, stopped or broken) it is closed and its slot is kept.
//!
//! A drain has [`DrainLimits`]: one deadline and one budget for all of it (docs/decisions.md#bounded-drains).

use std::io::{self, Read};
use std::time::{Duration, Instant};

use crate::adapter::buffer::Buffer;
use crate::adapter::connection::Connection;
use crate::adapter::failure::{body_halted, body_remote};
use crate::adapter::patience::{Patience, Stops};
use crate::adapter::scatter;
use crate::cancel::Cancel;
use crate::clock::{self, Deadline};
use crate::error::{Error, ErrorKind};
use crate::http1::body_decoder::BodyDecoder;
use crate::http1::framing;
use crate::http1::head::ResponseHead;
use crate::http1::reuse::CloseReason;
use crate::log_targets;
use crate::message::stream::BodySource;
use crate::pace::Outcome;
use crate::pool::Lease;

/// Reads of at least this size bypass the buffer and go directly to the caller.
const DIRECT_SIZE: usize = 8 * 1024;

/// By how much a vector grows at a time.
const ROOM: usize = 256 * 1024;

/// The limits of a drain, which reads the rest of a body that nobody wants to save its connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct DrainLimits {
    /// Bytes off the wire.
    pub(super) bytes: u64,
    pub(super) time: Duration,
}

/// What happens to a connection after a response.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reuse {
    /// It can be kept, within the server's limit if it set one.
    Keep(Option<Duration>),
    /// It is closed, because of the response, or because the request was not sent completely.
    Close(Option<CloseReason>),
}

/// An exchange whose head was read: the lease to settle, and what was read after the head.
pub(super) struct Unread {
    pub(super) lease: Lease<Connection>,
    pub(super) buffer: Buffer,
    pub(super) reuse: Reuse,
    /// What can stop the connection while it is read.
    pub(super) stops: Stops,
}

impl Unread {
    /// Settles an exchange that has no body, or whose body has ended.
    pub(super) fn settle(self, read_at: Option<Instant>) {
        let Self { lease, buffer, reuse, stops } = self;
        let is_stopped = stops.end();
        let reason = match reuse {
            // Another thread has shut it down, or is about to.
            _ if is_stopped => None,
            // Bytes after the response (docs/decisions.md#surplus-bytes).
            Reuse::Keep(_) if !buffer.is_empty() => Some(CloseReason::Surplus),
            Reuse::Keep(limit) => {
                match read_at {
                    Some(now) => lease.recycle_at(now, limit),
                    None => lease.recycle(limit),
                }
                return buffer.give_back();
            }
            Reuse::Close(reason) => reason,
        };
        if let Some(reason) = reason {
            log::debug!(target: log_targets::ADAPTER, "Closing connection to {}: {reason}", lease.endpoint().host);
        }
        lease.discard();
        buffer.give_back();
    }

    /// Takes `length` bytes of content, which are in the buffer.
    pub(super) fn take_content(&mut self, length: usize) -> Vec<u8> {
        let content = self.buffer.data()[..length].to_vec();
        self.buffer.consume(length);
        content
    }

    /// Discards a body that a server sent in answer to HEAD, if it arrived completely with the head.
    pub(super) fn swallow(&mut self, head: &ResponseHead) {
        let is_announced = |length: usize| framing::stated_length(&head.headers) == Some(length as u64);
        if !self.buffer.is_empty() && is_announced(self.buffer.data().len()) {
            self.buffer.consume(self.buffer.data().len());
        }
    }

    /// Lets the token `closer` stop the connection too.
    pub(super) fn let_close(&mut self, closer: &Cancel) {
        let connection = self.lease.connection().expect("a lease keeps its connection until it is settled");
        self.stops.add_closer(closer, &connection.transport);
    }

    /// Gives up what is left: closes the connection, and keeps its slot.
    fn give_up(mut self) {
        self.reuse = Reuse::Close(None);
        self.settle(None);
    }
}

pub(super) struct WireBody {
    /// `None` once the exchange is settled.
    unread: Option<Unread>,
    decoder: BodyDecoder,
    patience: Patience<'static>,
    limits: DrainLimits,
    bounds: Bounds,
}

/// A limit on time and bytes for all reads together.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    until: Deadline,
    /// How many bytes may still be read off the wire.
    bytes: u64,
}

impl Bounds {
    const NONE: Self = Self { until: Deadline::NONE, bytes: u64::MAX };

    fn new(bytes: u64, time: Duration) -> Self {
        Self { until: Deadline::after(clock::now(), Some(time)), bytes }
    }

    /// How much one read may take; an error once the budget is used up.
    fn most(&self) -> Result<usize, Error> {
        match usize::try_from(self.bytes).unwrap_or(usize::MAX) {
            0 => Err(Error::message(ErrorKind::StreamConsumed, "the body is longer than may be read of it")),
            most => Ok(most),
        }
    }

    fn took(&mut self, read: usize) {
        self.bytes = self.bytes.saturating_sub(read as u64);
    }
}

impl WireBody {
    pub(super) fn new(unread: Unread, decoder: BodyDecoder, patience: Patience<'static>, limits: DrainLimits) -> Self {
        Self { unread: Some(unread), decoder, patience, limits, bounds: Bounds::NONE }
    }

    /// Drains the rest within the limits, so that the connection can be used again. Otherwise the connection is closed.
    ///
    /// For a body of unknown length there is no wait: only what is there is read.
    fn drain_rest(&mut self) {
        let Some(unread) = &self.unread else { return };
        let DrainLimits { bytes, time } = self.limits;
        // The content of the buffer came off the wire too.
        let Some(bytes) = bytes.checked_sub(unread.buffer.data().len() as u64) else { return self.close() };
        self.bounds = Bounds::new(bytes, time);
        let mut sink = [0; 4096];
        while let Some(unread) = &mut self.unread {
            let drained = match self.decoder.remaining() {
                _ if self.limits.bytes == 0 => false,
                Some(rest) => {
                    rest <= self.bounds.bytes.saturating_add(unread.buffer.data().len() as u64)
                        && self.step(&mut sink, SpansChunks::Yes).is_ok()
                }
                None => (!unread.buffer.is_empty() || self.fill_at_once()) && self.step_in_buffer(&mut sink).is_ok(),
            };
            if !drained {
                return self.close();
            }
        }
    }

    /// Moves what the buffer holds of the body to `out`, framing too, without a read.
    fn step_in_buffer(&mut self, out: &mut [u8]) -> io::Result<()> {
        let Some(unread) = &mut self.unread else { return Ok(()) };
        let moved = self.decoder.decode(unread.buffer.data(), out);
        let moved = moved.map(|progress| unread.buffer.consume(progress.used));
        let moved = moved.map_err(|error| body_remote(&error, &self.patience));
        self.stepped(moved)
    }

    /// Reads what has arrived of a body of unknown length; false if that is nothing.
    fn fill_at_once(&mut self) -> bool {
        let (Some(unread), Ok(most)) = (&mut self.unread, self.bounds.most()) else { return false };
        let Some(connection) = unread.lease.connection() else { return false };
        match self.patience.fill_at_once(&mut connection.transport, &mut unread.buffer, most) {
            Ok(Some(read @ 1..)) => {
                self.bounds.took(read);
                true
            }
            _ => false,
        }
    }

    /// Moves some body bytes to `out`; 0 once the body has ended.
    fn step(&mut self, out: &mut [u8], spans_chunks: SpansChunks) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let moved = match &mut self.unread {
            Some(unread) => advance(unread, &mut self.decoder, &self.patience, &mut self.bounds, out, spans_chunks),
            None => return Ok(0),
        };
        self.stepped(moved)
    }

    /// Settles the exchange if a step has ended it, with or without an error.
    fn stepped<T>(&mut self, moved: Result<T, Error>) -> io::Result<T> {
        match moved {
            Ok(moved) => {
                if self.decoder.is_done() {
                    self.settle();
                }
                Ok(moved)
            }
            Err(error) => {
                self.tell_pace(&error);
                // The connection is closed and its slot is kept, as after `close` (RESP-39).
                self.close();
                Err(error.into())
            }
        }
    }

    /// Lets the pace learn from a body that timed out. A drain has limits of its own, which tell nothing of the server.
    fn tell_pace(&self, error: &Error) {
        let timed_out = matches!(error.kind(), ErrorKind::ReadTimeout | ErrorKind::TotalTimeout);
        if timed_out && self.bounds.until == Deadline::NONE {
            if let Some(pass) = self.unread.as_ref().and_then(|unread| unread.lease.pass()) {
                pass.learn(Outcome::Refusal);
            }
        }
    }

    fn settle(&mut self) {
        if let Some(unread) = self.unread.take() {
            unread.settle(None);
        }
    }
}

/// Whether a read may return more than the content of one chunk. It never waits for more than one read brings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum SpansChunks {
    Yes,
    No,
}

/// Moves body bytes from the buffer or the connection to `out`; 0 only at the end of the body.
fn advance(
    unread: &mut Unread,
    decoder: &mut BodyDecoder,
    patience: &Patience<'_>,
    bounds: &mut Bounds,
    out: &mut [u8],
    spans_chunks: SpansChunks,
) -> Result<usize, Error> {
    let Unread { lease, buffer, .. } = unread;
    let transport = &mut lease.connection().expect("a lease keeps its connection until it is settled").transport;
    while !decoder.is_done() {
        if !buffer.is_empty() {
            let progress = decoder.decode(buffer.data(), out).map_err(|error| body_remote(&error, patience))?;
            buffer.consume(progress.used);
            if progress.filled > 0 {
                return Ok(progress.filled);
            }
            continue;
        }
        let most = bounds.most()?;
        let direct = usize::try_from(decoder.direct()).unwrap_or(usize::MAX).min(out.len()).min(most);
        let read = if spans_chunks == SpansChunks::Yes && decoder.has_framing() && out.len().min(most) >= DIRECT_SIZE {
            // As many chunks as one read brings. What cannot be foreseen moves together where it is.
            let room = out.len().min(most);
            let out = &mut out[..room];
            // What is foreseen brings some framing besides, 192 bytes at most.
            let pattern = decoder.pattern().filter(|pattern| scatter::fills(*pattern, out.len()));
            let (read, filled) = match pattern {
                Some(pattern) => {
                    let read = scatter::read(decoder, pattern, out, buffer, |parts| {
                        patience.read_vectored(transport, bounds.until, parts)
                    });
                    read.map_err(|halt| body_halted(halt, patience))?
                }
                None => {
                    let read = patience.read(transport, bounds.until, out);
                    let read = read.map_err(|halt| body_halted(halt, patience))?;
                    (read, decode_in_place(decoder, &mut out[..read], buffer, patience)?)
                }
            };
            if filled > 0 {
                bounds.took(read);
                return Ok(filled);
            }
            read
        } else if direct >= DIRECT_SIZE {
            let read = patience.read(transport, bounds.until, &mut out[..direct]);
            let read = read.map_err(|halt| body_halted(halt, patience))?;
            decoder.advance(read);
            if read > 0 {
                bounds.took(read);
                return Ok(read);
            }
            read
        } else {
            let read = patience.fill(transport, bounds.until, buffer, most);
            read.map_err(|halt| body_halted(halt, patience))?
        };
        bounds.took(read);
        if read == 0 {
            decoder.eof().map_err(|error| body_remote(&error, patience))?;
        }
    }
    Ok(0)
}

/// Decodes what was read to where its content is wanted; returns how much content there is. What follows the body, or
/// cannot be decoded, goes to the buffer.
fn decode_in_place(
    decoder: &mut BodyDecoder,
    read: &mut [u8],
    buffer: &mut Buffer,
    patience: &Patience<'_>,
) -> Result<usize, Error> {
    let progress = decoder.decode_in_place(read).map_err(|error| body_remote(&error, patience))?;
    if progress.used < read.len() {
        buffer.put(&read[progress.used..]);
    }
    Ok(progress.filled)
}

/// Moves everything that is left of the body to the end of `out`.
///
/// It is read directly into the spare capacity, which need not be zeroed, if `out` has room for content only: the length is
/// known, or the body ends with the connection. Between chunks there is framing, see [`chunks_to_end`].
fn advance_to_end(
    unread: &mut Unread,
    decoder: &mut BodyDecoder,
    patience: &Patience<'_>,
    bounds: &mut Bounds,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    while !decoder.is_done() {
        let Unread { lease, buffer, .. } = &mut *unread;
        let transport = &mut lease.connection().expect("a lease keeps its connection until it is settled").transport;
        let direct = decoder.direct();
        if !buffer.is_empty() {
            let content = usize::try_from(direct).unwrap_or(usize::MAX).min(buffer.data().len());
            out.extend_from_slice(&buffer.data()[..content]);
            buffer.consume(content);
            decoder.advance(content);
            // Framing, which is not part of the content.
            let used = decoder.decode(buffer.data(), &mut []).map_err(|error| body_remote(&error, patience))?.used;
            buffer.consume(used);
            continue;
        }
        if decoder.has_framing() {
            return chunks_to_end(unread, decoder, patience, bounds, out);
        }
        let most = bounds.most()?;
        let read = if direct >= DIRECT_SIZE as u64 && has_room_for_no_more(out, direct, direct.min(most as u64)) {
            let read = patience.read_to_vec(transport, bounds.until, out);
            let read = read.map_err(|halt| body_halted(halt, patience))?;
            decoder.advance(read);
            read
        } else {
            let read = patience.fill(transport, bounds.until, buffer, most);
            read.map_err(|halt| body_halted(halt, patience))?
        };
        bounds.took(read);
        if read == 0 {
            decoder.eof().map_err(|error| body_remote(&error, patience))?;
        }
    }
    Ok(())
}

/// The same for chunks, whose content is wanted without the framing between it. What is foreseen of it is read in parts (see
/// [`scatter`]), which only initialized memory can be. To zero it costs less than to move nearly all content over the framing.
fn chunks_to_end(
    unread: &mut Unread,
    decoder: &mut BodyDecoder,
    patience: &Patience<'_>,
    bounds: &mut Bounds,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut filled = out.len();
    let result = loop {
        if out.len() - filled < DIRECT_SIZE {
            // The end is not known: the room grows with what there is.
            add_zeros(out, filled.clamp(2 * DIRECT_SIZE, ROOM));
        }
        match advance(unread, decoder, patience, bounds, &mut out[filled..], SpansChunks::Yes) {
            Ok(0) => break Ok(()),
            Ok(moved) => filled += moved,
            Err(error) => break Err(error),
        }
    };
    out.truncate(filled);
    result
}

/// Adds `count` zeros, in steps that glibc fills by stores of whole vectors. What is larger it leaves to `rep stosb`, which
/// takes as long, but is an instruction for each byte to a profiler.
fn add_zeros(out: &mut Vec<u8>, count: usize) {
    const STEP: usize = 2048;
    out.reserve(count);
    let end = out.len() + count;
    while out.len() < end {
        out.resize(end.min(out.len() + STEP), 0);
    }
}

/// Makes room in `out` for the next read, which is `likely` so long. False if there is room for more than `most` bytes: then
/// the read could take what it must not.
fn has_room_for_no_more(out: &mut Vec<u8>, likely: u64, most: u64) -> bool {
    out.reserve(usize::try_from(likely.min(most)).unwrap_or(usize::MAX).min(ROOM));
    (out.capacity() - out.len()) as u64 <= most
}

impl Read for WireBody {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.step(out, SpansChunks::Yes)
    }
}

impl BodySource for WireBody {
    fn read_in_chunk(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.step(out, SpansChunks::No)
    }

    fn at_chunk_end(&self) -> bool {
        self.decoder.at_chunk_end()
    }

    fn remaining(&self) -> Option<u64> {
        self.decoder.remaining()
    }

    fn read_rest(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let Some(unread) = &mut self.unread else { return Ok(()) };
        let moved = advance_to_end(unread, &mut self.decoder, &self.patience, &mut self.bounds, out);
        self.stepped(moved)
    }

    fn close(&mut self) {
        if let Some(unread) = self.unread.take() {
            unread.give_up();
        }
    }

    fn drain(&mut self) {
        self.drain_rest();
    }

    fn bound(&mut self, time: Duration) -> u64 {
        // The content of the buffer came off the wire too.
        let read = self.unread.as_ref().map_or(0, |unread| unread.buffer.data().len() as u64);
        self.bounds = Bounds::new(self.limits.bytes.saturating_sub(read), time);
        self.limits.bytes
    }
}

/// A body that is dropped unread is drained if little is left and arrives at once; otherwise its connection is closed.
impl Drop for WireBody {
    fn drop(&mut self) {
        self.drain_rest();
    }
}
