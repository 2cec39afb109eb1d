//! The body of a response on its connection: it owns the lease, and settles it on the byte that ends the framing.
//!
//! Two ends: read to the last byte of a reusable exchange, the connection goes back to its pool; read to the end of one
//! that is not reusable, given up, stopped or broken, the connection is closed and its place in the pool kept.
//!
//! What nobody wants any more is drained within [`DrainLimits`]: one deadline and one budget for the whole of it.

use std::io::{self, Read};
use std::time::Duration;

use crate::adapter::buffer::Buffer;
use crate::adapter::connection::Connection;
use crate::adapter::failure::{body_halted, body_remote};
use crate::adapter::patience::{Patience, Stops};
use crate::cancel::Cancel;
use crate::clock::{self, Deadline};
use crate::error::{Error, ErrorKind};
use crate::http1::body_decoder::BodyDecoder;
use crate::http1::head::ResponseHead;
use crate::http1::reuse::CloseReason;
use crate::log_targets;
use crate::message::stream::BodySource;
use crate::pool::Lease;

/// Reads at least this large go past the buffer, straight to the caller.
const DIRECT_SIZE: usize = 8 * 1024;

/// How much room a vector is given at a time.
const ROOM: usize = 256 * 1024;

/// What saving a connection may cost: the rest of a body that nobody wants is read away within both.
#[derive(Clone, Copy, Debug)]
pub(super) struct DrainLimits {
    /// Off the wire.
    pub(super) bytes: u64,
    pub(super) time: Duration,
}

/// What becomes of a connection after a response.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reuse {
    /// It may be kept, for as long as the server says, where it says so.
    Keep(Option<Duration>),
    /// It may not: for a reason in the response, or because one side has not heard the other out.
    Close(Option<CloseReason>),
}

/// An exchange whose head was read: what is left to read, and to settle.
pub(super) struct Unread {
    pub(super) lease: Lease<Connection>,
    pub(super) buffer: Buffer,
    pub(super) reuse: Reuse,
    /// Who may stop the connection while it is read.
    pub(super) stops: Stops,
}

impl Unread {
    /// Ends an exchange without a body, or whose body is over.
    pub(super) fn settle(self) {
        let Self { lease, buffer, reuse, stops } = self;
        let is_stopped = stops.end();
        let reason = match reuse {
            // It was shut down from another thread, or is about to be.
            _ if is_stopped => None,
            // POOL-30: bytes that nobody asked for are the next answer's, or an attack; not on this connection.
            Reuse::Keep(_) if !buffer.is_empty() => Some(CloseReason::Surplus),
            Reuse::Keep(limit) => {
                lease.recycle(limit);
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

    /// Takes the body away that a server has sent to HEAD, if all of it came with the head: then nothing can be mistaken.
    pub(super) fn swallow(&mut self, head: &ResponseHead) {
        let announced = head.headers.get("content-length").and_then(|length| length.parse().ok());
        if !self.buffer.is_empty() && announced == Some(self.buffer.data().len()) {
            self.buffer.consume(self.buffer.data().len());
        }
    }

    /// Lets `closer` stop the connection too.
    pub(super) fn let_close(&mut self, closer: &Cancel) {
        let connection = self.lease.connection().expect("a lease keeps its connection until it is settled");
        self.stops.add_closer(closer, &connection.transport);
    }

    /// Gives up what is left: the connection is closed, its place kept (POOL-21).
    fn give_up(mut self) {
        self.reuse = Reuse::Close(None);
        self.settle();
    }
}

pub(super) struct WireBody {
    /// `None` once it is settled.
    unread: Option<Unread>,
    decoder: BodyDecoder,
    patience: Patience,
    limits: DrainLimits,
    bounds: Bounds,
}

/// A share of time and bytes for all reads together.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    until: Deadline,
    /// How many bytes may still come off the wire.
    bytes: u64,
}

impl Bounds {
    const NONE: Self = Self { until: Deadline::NONE, bytes: u64::MAX };

    fn new(bytes: u64, time: Duration) -> Self {
        Self { until: Deadline::after(clock::now(), Some(time)), bytes }
    }

    /// The most that one read may take; an error once the share is used up.
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
    pub(super) fn new(unread: Unread, decoder: BodyDecoder, patience: Patience, limits: DrainLimits) -> Self {
        Self { unread: Some(unread), decoder, patience, limits, bounds: Bounds::NONE }
    }

    /// Reads the rest away so that the connection can be used again, within the limits; else the connection is closed.
    ///
    /// A body whose end is not known in advance is not waited for: only what is there is taken.
    fn drain_rest(&mut self) {
        let Some(unread) = &self.unread else { return };
        let DrainLimits { bytes, time } = self.limits;
        // What is in the buffer came off the wire too.
        let Some(bytes) = bytes.checked_sub(unread.buffer.data().len() as u64) else { return self.close() };
        self.bounds = Bounds::new(bytes, time);
        let mut sink = [0; 4096];
        while let Some(unread) = &mut self.unread {
            let is_worth_it = match self.decoder.remaining() {
                Some(rest) => rest <= self.bounds.bytes.saturating_add(unread.buffer.data().len() as u64),
                None => !unread.buffer.is_empty() || self.fill_at_once(),
            };
            if self.limits.bytes == 0 || !is_worth_it || self.step(&mut sink).is_err() {
                return self.close();
            }
        }
    }

    /// Takes what has come of a body whose end is not known; false if that is nothing.
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

    /// Moves some body bytes to `out`; 0 once the body is over.
    fn step(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let moved = match &mut self.unread {
            Some(unread) => advance(unread, &mut self.decoder, &self.patience, &mut self.bounds, out),
            None => return Ok(0),
        };
        self.stepped(moved)
    }

    /// Settles the exchange where a step has ended it, well or not.
    fn stepped<T>(&mut self, moved: Result<T, Error>) -> io::Result<T> {
        match moved {
            Ok(moved) => {
                if self.decoder.is_done() {
                    self.settle();
                }
                Ok(moved)
            }
            Err(error) => {
                // RESP-39: the connection closes, and its place in the pool is kept, as after `close`.
                self.close();
                Err(error.into())
            }
        }
    }

    fn settle(&mut self) {
        if let Some(unread) = self.unread.take() {
            unread.settle();
        }
    }
}

/// Moves body bytes from the buffer or the connection to `out`; 0 only at the end of the body.
fn advance(
    unread: &mut Unread,
    decoder: &mut BodyDecoder,
    patience: &Patience,
    bounds: &mut Bounds,
    out: &mut [u8],
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
        let read = if direct >= DIRECT_SIZE {
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

/// Moves all that is left of the body to the end of `out`.
///
/// Content that is still on its way goes straight there, and is not zeroed before, where `out` has room for it alone: for a
/// body of known length, and for one that ends with the connection.
fn advance_to_end(
    unread: &mut Unread,
    decoder: &mut BodyDecoder,
    patience: &Patience,
    bounds: &mut Bounds,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let Unread { lease, buffer, .. } = unread;
    let transport = &mut lease.connection().expect("a lease keeps its connection until it is settled").transport;
    while !decoder.is_done() {
        let direct = decoder.direct();
        if !buffer.is_empty() {
            let content = usize::try_from(direct).unwrap_or(usize::MAX).min(buffer.data().len());
            out.extend_from_slice(&buffer.data()[..content]);
            buffer.consume(content);
            decoder.advance(content);
            // Framing: it goes nowhere.
            let used = decoder.decode(buffer.data(), &mut []).map_err(|error| body_remote(&error, patience))?.used;
            buffer.consume(used);
            continue;
        }
        let most = bounds.most()?;
        let read = if direct >= DIRECT_SIZE as u64 && has_room_for_no_more(out, direct.min(most as u64)) {
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

/// Makes room in `out` for what comes next; false if that is room for more than `most` bytes, which could not be told from
/// what is behind them.
fn has_room_for_no_more(out: &mut Vec<u8>, most: u64) -> bool {
    out.reserve(usize::try_from(most).unwrap_or(usize::MAX).min(ROOM));
    (out.capacity() - out.len()) as u64 <= most
}

impl Read for WireBody {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        self.step(out)
    }
}

impl BodySource for WireBody {
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
        // What is in the buffer came off the wire too.
        let read = self.unread.as_ref().map_or(0, |unread| unread.buffer.data().len() as u64);
        self.bounds = Bounds::new(self.limits.bytes.saturating_sub(read), time);
        self.limits.bytes
    }
}

/// Dropped unread: read away if little is left and it comes at once, else closed.
impl Drop for WireBody {
    fn drop(&mut self) {
        self.drain_rest();
    }
}
