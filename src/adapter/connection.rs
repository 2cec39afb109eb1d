//! A connection as the adapter uses it: a transport, a buffer to read into, and the patience of one request.
//!
//! Idle connections hold no buffer: a thread keeps one to itself between its requests, and an unread body keeps its own.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Deadline};
use crate::error::{Error, ErrorKind};
use crate::net::{Transport, Wait, is_timeout};
use crate::pool::Pooled;

/// How much is read from a socket at a time, where it does not go straight to the caller.
const BUFFER_SIZE: usize = 32 * 1024;

/// An open connection, as its pool keeps it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) transport: Transport,
    /// Its number in the pool, from 1; what reconnects keeps it.
    pub(super) number: u64,
}

impl Pooled for Connection {
    fn is_stale(&mut self) -> bool {
        self.transport.is_stale()
    }
}

/// Over TLS the peer is told, so that it need not take the end for an attack; that may take as long as the transport lets it.
impl Drop for Connection {
    fn drop(&mut self) {
        if self.transport.is_tls() {
            self.transport.shutdown();
        }
    }
}

/// Bytes that were read and not yet taken.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

thread_local! {
    static SPARE: Cell<Option<Buffer>> = const { Cell::new(None) };
    static OUTGOING: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Buffer {
    /// This thread's spare one, or a new one.
    pub(super) fn take() -> Self {
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        spare.unwrap_or_else(|| Self { bytes: vec![0; BUFFER_SIZE], start: 0, end: 0 })
    }

    /// Keeps it for this thread's next request.
    pub(super) fn give_back(mut self) {
        if self.bytes.len() <= BUFFER_SIZE {
            (self.start, self.end) = (0, 0);
            // A thread that is ending has no next request.
            let _ = SPARE.try_with(|spare| spare.set(Some(self)));
        }
    }

    pub(super) fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(super) fn consume(&mut self, n: usize) {
        self.start += n;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Reads more behind what is there, at most so much; 0 at the end of the stream.
    fn fill(&mut self, from: &mut Transport, most: usize) -> io::Result<usize> {
        if self.end == self.bytes.len() {
            if self.start > 0 {
                self.bytes.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                // A head that is larger than the buffer; its own limit bounds this.
                self.bytes.resize(self.bytes.len() * 2, 0);
            }
        }
        let room = (self.bytes.len() - self.end).min(most);
        let n = from.read(&mut self.bytes[self.end..self.end + room])?;
        self.end += n;
        Ok(n)
    }
}

/// Runs `write` with this thread's buffer for outgoing heads.
pub(super) fn with_outgoing<T>(write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let mut bytes = OUTGOING.try_with(Cell::take).unwrap_or_default();
    bytes.clear();
    let result = write(&mut bytes);
    if bytes.capacity() <= BUFFER_SIZE {
        let _ = OUTGOING.try_with(|outgoing| outgoing.set(bytes));
    }
    result
}

/// How long one request may be silent, and when it must be over.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    read: Option<Duration>,
    /// The limit on everything, and the clock it is measured by.
    total: Option<(Deadline, Arc<dyn Clock>)>,
}

/// What was being done when the patience ran out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Doing {
    Sending,
    Head,
    Body,
}

impl Doing {
    fn text(self) -> &'static str {
        match self {
            Self::Sending => "sending the request",
            Self::Head => "waiting for the response",
            Self::Body => "reading the body",
        }
    }
}

impl Patience {
    pub(super) fn new(read: Option<Duration>, deadline: Deadline, clock: &Arc<dyn Clock>) -> Self {
        Self { read, total: deadline.0.is_some().then(|| (deadline, Arc::clone(clock))) }
    }

    /// As it is, but never longer than `most` for one read.
    pub(super) fn at_most(&self, most: Duration) -> Self {
        Self { read: Some(self.read.map_or(most, |read| read.min(most))), total: self.total.clone() }
    }

    /// Whether the socket's own timeout is all there is to it.
    pub(super) fn is_simple(&self) -> bool {
        self.total.is_none()
    }

    /// The limit on the next read or write.
    fn next(&self) -> io::Result<Option<Duration>> {
        let Some((deadline, clock)) = &self.total else { return Ok(self.read) };
        let left = deadline.left(clock.now()).unwrap_or(Duration::MAX);
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(Some(self.read.map_or(left, |read| read.min(left))))
    }

    /// The error for an expired limit.
    pub(super) fn expired(&self, doing: Doing) -> Error {
        match (&self.total, self.read) {
            (Some((deadline, clock)), read) if read.is_none() || deadline.has_passed(clock.now()) => {
                Error::message(ErrorKind::TotalTimeout, format!("the total timeout ran out while {}", doing.text()))
            }
            (_, Some(read)) => {
                Error::message(ErrorKind::ReadTimeout, format!("read timed out after {read:?} while {}", doing.text()))
            }
            (_, None) => Error::message(ErrorKind::ReadTimeout, format!("timed out while {}", doing.text())),
        }
    }

    pub(super) fn before_read(&self, transport: &mut Transport) -> io::Result<()> {
        transport.set_wait(Wait { silence: self.next()?, until: Deadline::NONE });
        Ok(())
    }

    /// Reads into `out`, within the limits.
    pub(super) fn read(&self, transport: &mut Transport, out: &mut [u8]) -> io::Result<usize> {
        self.before_read(transport)?;
        uninterrupted(|| transport.read(out))
    }

    /// Reads into `buffer`, within the limits.
    pub(super) fn fill(&self, transport: &mut Transport, buffer: &mut Buffer) -> io::Result<usize> {
        self.fill_up_to(transport, buffer, usize::MAX)
    }

    /// Reads at most `most` bytes into `buffer`, within the limits.
    pub(super) fn fill_up_to(&self, transport: &mut Transport, buffer: &mut Buffer, most: usize) -> io::Result<usize> {
        self.before_read(transport)?;
        uninterrupted(|| buffer.fill(transport, most))
    }

    /// Writes all of `bytes`, within the limits for each write.
    pub(super) fn write_all(&self, transport: &mut Transport, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.before_read(transport)?;
            match uninterrupted(|| transport.write(bytes))? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => bytes = &bytes[n..],
            }
        }
        Ok(())
    }
}

fn uninterrupted<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match act() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Whether `error` means that a limit of the [`Patience`] ran out.
pub(super) fn ran_out(error: &io::Error) -> bool {
    is_timeout(error)
}
