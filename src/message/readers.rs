//! The readers of a response's body: an iterator of pieces, the reader below the other iterators, and the raw body.
//!
//! Each starts at the beginning of content that is kept. It continues a stream where that stands, unless the stream has ended.

use std::fmt;
use std::io::{self, Read};

use crate::error::{Error, ErrorKind, Result};
use crate::message::response::{Place, Response};
use crate::message::stream::Stream;

/// By how much a piece grows at least.
const PIECE: usize = 128 * 1024;

/// The most that one piece has if no size is given.
const ARRIVAL: usize = 64 * 1024;

/// Pieces of the body: see [`Response::iter_content`].
pub struct IterContent<'a> {
    response: &'a mut Response,
    /// `None`: as they arrive.
    size: Option<usize>,
    position: usize,
    started: bool,
    done: bool,
    /// Where pieces of no fixed size arrive.
    buffer: Vec<u8>,
}

impl<'a> IterContent<'a> {
    pub(super) fn new(response: &'a mut Response, size: Option<usize>) -> Self {
        Self { response, size, position: 0, started: false, done: false, buffer: Vec::new() }
    }

    fn piece(&mut self) -> Result<Vec<u8>> {
        if self.size == Some(0) {
            return Err(Error::message(ErrorKind::InvalidSetting, "the chunk size must be above 0"));
        }
        let mut stream = match self.response.shared.body() {
            Place::Kept(content) => {
                let rest = &content[self.position.min(content.len())..];
                let piece = &rest[..self.size.unwrap_or(usize::MAX).min(rest.len())];
                self.position += piece.len();
                return Ok(piece.to_vec());
            }
            Place::Stream(stream) => stream,
        };
        begin(&stream, &mut self.started)?;
        let Some(size) = self.size else {
            self.buffer.resize(ARRIVAL, 0);
            loop {
                match stream.read(&mut self.response.own.seen, &mut self.buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => return Ok(self.buffer[..read.map_err(Error::from)?].to_vec()),
                }
            }
        };
        // The buffer grows with what was read, so that a very large size costs no memory.
        let mut piece = Vec::new();
        while piece.len() < size {
            let start = piece.len();
            piece.resize(start + (size - start).min(PIECE.max(start)), 0);
            let room = piece.len() - start;
            let n = stream.read_piece(&mut self.response.own.seen, &mut piece[start..]).map_err(Error::from)?;
            piece.truncate(start + n);
            if n < room {
                break;
            }
        }
        Ok(piece)
    }
}

impl Iterator for IterContent<'_> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        match self.piece() {
            Ok(piece) if piece.is_empty() => {
                self.done = true;
                None
            }
            Ok(piece) => Some(Ok(piece)),
            Err(error) => {
                self.done = true;
                Some(Err(self.response.with_context(error)))
            }
        }
    }
}

impl fmt::Debug for IterContent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IterContent").field("size", &self.size).finish_non_exhaustive()
    }
}

/// The decoded body, for one iterator. Iterators read ahead: one that is dropped before its end has read more than it returned,
/// so another cannot read the rest ([`ErrorKind::StreamConsumed`]).
pub struct Reader<'a> {
    response: &'a mut Response,
    position: usize,
    started: bool,
    /// Whether some of a stream was read, but not its end.
    is_between: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(response: &'a mut Response) -> Self {
        Self { response, position: 0, started: false, is_between: false }
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let read = match self.response.shared.body() {
            Place::Kept(content) => return Ok(read_kept(content, &mut self.position, buf)),
            Place::Stream(mut stream) => match begin(&stream, &mut self.started) {
                Ok(()) => stream.read(&mut self.response.own.seen, buf),
                Err(error) => Err(error.into()),
            },
        };
        let n = read.map_err(|error| self.response.io_context(error))?;
        self.is_between = n > 0;
        Ok(n)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        if self.is_between {
            self.response.shared.stream().lose();
        }
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

/// The raw body: see [`Response::raw`].
pub struct Raw<'a> {
    response: &'a mut Response,
    position: usize,
    started: bool,
}

impl<'a> Raw<'a> {
    pub(super) fn new(response: &'a mut Response) -> Self {
        Self { response, position: 0, started: false }
    }
}

impl Read for Raw<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let read = match self.response.shared.body() {
            Place::Kept(content) if self.response.shared.stream().is_as_it_came() => {
                return Ok(read_kept(content, &mut self.position, buf));
            }
            Place::Kept(_) => Err(decoded().into()),
            Place::Stream(mut stream) => match begin(&stream, &mut self.started) {
                Ok(()) => stream.read_raw(&mut self.response.own.seen, buf),
                Err(error) => Err(error.into()),
            },
        };
        read.map_err(|error| self.response.io_context(error))
    }
}

fn decoded() -> Error {
    Error::message(ErrorKind::StreamConsumed, "the body was decoded already, and its raw bytes are not kept")
}

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raw").finish_non_exhaustive()
    }
}

/// Refuses to start on a body that has ended. Only a reader that reached the end is told again that it is the end.
fn begin(stream: &Stream, started: &mut bool) -> Result<()> {
    if !std::mem::replace(started, true) && stream.is_consumed() { Err(stream.why_gone()) } else { Ok(()) }
}

/// Copies kept content after `position` to `buf`.
pub(super) fn read_kept(content: &[u8], position: &mut usize, buf: &mut [u8]) -> usize {
    let rest = content.get(*position..).unwrap_or_default();
    let n = rest.len().min(buf.len());
    buf[..n].copy_from_slice(&rest[..n]);
    *position += n;
    n
}
