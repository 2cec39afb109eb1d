//! The body of a response on its connection: it owns the lease, and settles it on the byte that ends the framing.
//!
//! Two ends: read to the last byte of a reusable exchange, the connection goes back to its pool; read to the end of one
//! that is not reusable, given up or broken, the connection is closed and its place in the pool kept.

use std::io::{self, Read};
use std::time::Duration;

use crate::adapter::connection::{Buffer, Connection, Patience};
use crate::adapter::failure::{body_broken, body_remote};
use crate::error::Error;
use crate::http1::body_decoder::BodyDecoder;
use crate::http1::head::ResponseHead;
use crate::http1::reuse::CloseReason;
use crate::log_targets;
use crate::message::stream::BodySource;
use crate::pool::Lease;

/// Reads at least this large go past the buffer, straight to the caller.
const DIRECT_SIZE: usize = 8 * 1024;

/// After a chunk of this size another is expected, so that no more than what stands between them is read to the buffer.
const LARGE_CHUNK: u64 = 2 * DIRECT_SIZE as u64;

/// Enough for the end of one chunk and the start of the next.
const CHUNK_LINES: usize = 512;

/// How long dropping an unread body may wait for each piece of the rest.
const DROP_PATIENCE: Duration = Duration::from_millis(20);

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
}

impl Unread {
    /// Ends an exchange without a body, or whose body is over.
    pub(super) fn settle(self) {
        let Self { lease, buffer, reuse } = self;
        let reason = match reuse {
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
    /// The most that dropping it reads to save the connection.
    drain_limit: u64,
}

impl WireBody {
    pub(super) fn new(unread: Unread, decoder: BodyDecoder, patience: Patience, drain_limit: u64) -> Self {
        Self { unread: Some(unread), decoder, patience, drain_limit }
    }

    /// Reads the rest away so that the connection can be used again; one with more than `limit` bytes left is closed.
    fn drain(&mut self, limit: u64, patience: &Patience) {
        let mut left = limit;
        let mut sink = [0; 4096];
        while self.unread.is_some() {
            if limit == 0 || self.decoder.remaining().is_some_and(|rest| rest > left) {
                return self.close();
            }
            // One byte more than may be read, so that too much shows; a body may end on that one.
            let most = usize::try_from(left).map_or(sink.len(), |left| sink.len().min(left.saturating_add(1)));
            match self.step(&mut sink[..most], patience) {
                Ok(n) if n as u64 <= left => left -= n as u64,
                _ => return self.close(),
            }
        }
    }

    /// Moves some body bytes to `out`; 0 once the body is over.
    fn step(&mut self, out: &mut [u8], patience: &Patience) -> io::Result<usize> {
        let moved = match &mut self.unread {
            Some(unread) => advance(unread, &mut self.decoder, patience, out),
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
    out: &mut [u8],
) -> Result<usize, Error> {
    let Unread { lease, buffer, .. } = unread;
    let connection = lease.connection().expect("a lease keeps its connection until it is settled");
    let broken = |error: io::Error| body_broken(error, patience);
    while !decoder.is_done() {
        if !buffer.is_empty() {
            let progress = decoder.decode(buffer.data(), out).map_err(|error| body_remote(&error))?;
            buffer.consume(progress.used);
            if progress.filled > 0 {
                return Ok(progress.filled);
            }
            continue;
        }
        let direct = usize::try_from(decoder.direct()).unwrap_or(usize::MAX).min(out.len());
        let read = if direct >= DIRECT_SIZE {
            let most = direct;
            let n = patience.read(&mut connection.transport, &mut out[..most]).map_err(broken)?;
            decoder.advance(n);
            if n > 0 {
                return Ok(n);
            }
            n
        } else {
            patience.fill(&mut connection.transport, buffer).map_err(broken)?
        };
        if read == 0 {
            decoder.eof().map_err(|error| body_remote(&error))?;
        }
    }
    Ok(0)
}

/// Moves all that is left of the body to the end of `out`.
///
/// Content that is still on its way goes straight there, and is not zeroed before: for that the socket's own timeout has to
/// be all that limits a read.
fn advance_to_end(
    unread: &mut Unread,
    decoder: &mut BodyDecoder,
    patience: &Patience,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let Unread { lease, buffer, .. } = unread;
    let connection = lease.connection().expect("a lease keeps its connection until it is settled");
    let broken = |error: io::Error| body_broken(error, patience);
    let mut large_chunks = false;
    while !decoder.is_done() {
        let direct = decoder.direct();
        if decoder.at_chunk_end() && direct > 0 {
            large_chunks = direct >= LARGE_CHUNK;
        }
        if !buffer.is_empty() {
            let content = usize::try_from(direct).unwrap_or(usize::MAX).min(buffer.data().len());
            out.extend_from_slice(&buffer.data()[..content]);
            buffer.consume(content);
            decoder.advance(content);
            // Framing: it goes nowhere.
            let used = decoder.decode(buffer.data(), &mut []).map_err(|error| body_remote(&error))?.used;
            buffer.consume(used);
            continue;
        }
        let ended = if direct >= DIRECT_SIZE as u64 {
            patience.before_read(&mut connection.transport).map_err(broken)?;
            let n = connection.transport.read_to_vec(direct, out).map_err(broken)?;
            decoder.advance(n);
            n == 0
        } else {
            let most = if large_chunks { CHUNK_LINES } else { usize::MAX };
            patience.fill_up_to(&mut connection.transport, buffer, most).map_err(broken)? == 0
        };
        if ended {
            decoder.eof().map_err(|error| body_remote(&error))?;
        }
    }
    Ok(())
}

impl Read for WireBody {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let patience = self.patience.clone();
        self.step(out, &patience)
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
        if !self.patience.is_simple() {
            return self.read_to_end(out).map(drop);
        }
        let Some(unread) = &mut self.unread else { return Ok(()) };
        let moved = advance_to_end(unread, &mut self.decoder, &self.patience, out);
        self.stepped(moved)
    }

    fn close(&mut self) {
        if let Some(unread) = self.unread.take() {
            unread.give_up();
        }
    }

    fn drain(&mut self, limit: u64) {
        let patience = self.patience.clone();
        WireBody::drain(self, limit, &patience);
    }
}

/// Dropped unread: read away if little is left and it comes at once, else closed.
impl Drop for WireBody {
    fn drop(&mut self) {
        if self.unread.is_some() {
            let patience = self.patience.at_most(DROP_PATIENCE);
            WireBody::drain(self, self.drain_limit, &patience);
        }
    }
}
