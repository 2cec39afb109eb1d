//! What a response lends to read its body by: an iterator of pieces, the reader of the other iterators, the body as it came.
//!
//! Each begins kept content at its start. A stream it takes up where it stands, unless that is over.

use std::fmt;
use std::io::{self, Read};

use crate::error::{Error, ErrorKind, Result};
use crate::message::response::{Place, Response};
use crate::message::stream::Stream;

/// How much a piece grows by at least.
const PIECE: usize = 128 * 1024;

/// Pieces of the body: see [`Response::iter_content`].
pub struct IterContent<'a> {
    response: &'a mut Response,
    size: usize,
    position: usize,
    started: bool,
    done: bool,
}

impl<'a> IterContent<'a> {
    pub(super) fn new(response: &'a mut Response, size: usize) -> Self {
        Self { response, size, position: 0, started: false, done: false }
    }

    fn piece(&mut self) -> Result<Vec<u8>> {
        if self.size == 0 {
            return Err(Error::message(ErrorKind::InvalidSetting, "the size of a piece must be above 0"));
        }
        let mut stream = match self.response.shared.body() {
            Place::Kept(content) => {
                let rest = &content[self.position.min(content.len())..];
                let piece = &rest[..self.size.min(rest.len())];
                self.position += piece.len();
                return Ok(piece.to_vec());
            }
            Place::Stream(stream) => stream,
        };
        begin(&stream, &mut self.started)?;
        // A size far above what comes must not cost its memory: the buffer grows with what was read.
        let mut piece = Vec::new();
        while piece.len() < self.size {
            let start = piece.len();
            piece.resize(start + (self.size - start).min(PIECE.max(start)), 0);
            let room = piece.len() - start;
            let n = stream.read_piece(&mut self.response.seen, &mut piece[start..]).map_err(Error::from)?;
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

/// The decoded body from where it stands, for one iterator. Iterators read ahead: one that is given up before its end has
/// taken more than it gave, so the rest cannot be read by another ([`ErrorKind::StreamConsumed`]).
pub struct Reader<'a> {
    response: &'a mut Response,
    position: usize,
    started: bool,
    /// Whether some of a stream was taken, and the end not yet reached.
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
                Ok(()) => stream.read(&mut self.response.seen, buf),
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

/// The body as it came: see [`Response::raw`].
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
                Ok(()) => stream.read_raw(&mut self.response.seen, buf),
                Err(error) => Err(error.into()),
            },
        };
        read.map_err(|error| self.response.io_context(error))
    }
}

fn decoded() -> Error {
    Error::message(ErrorKind::StreamConsumed, "the body was decoded already, and is not kept as it came")
}

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raw").finish_non_exhaustive()
    }
}

/// Refuses to begin with a body that is over: only who has come to its end may hear so again.
fn begin(stream: &Stream, started: &mut bool) -> Result<()> {
    if !std::mem::replace(started, true) && stream.is_consumed() { Err(stream.why_gone()) } else { Ok(()) }
}

/// What is behind `position` in content that is kept, as much as `buf` takes.
pub(super) fn read_kept(content: &[u8], position: &mut usize, buf: &mut [u8]) -> usize {
    let rest = content.get(*position..).unwrap_or_default();
    let n = rest.len().min(buf.len());
    buf[..n].copy_from_slice(&rest[..n]);
    *position += n;
    n
}
