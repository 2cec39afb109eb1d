//! Ways to read a response's body: whole, in pieces, in lines, as events, into a writer or a file.
//!
//! All of them go through the response's own lock, and hold it while they read: clones share one body, and a piece is
//! handed to one of them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result, system_text};
use crate::message::events::Events;
use crate::message::lines::{self, Lines};
use crate::message::response::Response;
use crate::message::stream::consumed;

/// How long the body of a redirect, or of another response that nobody may ever look at, is waited for.
const KEEP_TIME: Duration = Duration::from_secs(1);

/// How much is moved at a time by `copy_to` and `save_to`.
const COPY_SIZE: usize = 128 * 1024;

impl Response {
    /// The content: read once, decoded, then kept (RESP-02).
    ///
    /// # Errors
    /// [`ErrorKind::StreamConsumed`] after part of it was taken from the stream; [`ErrorKind::ChunkedEncodingError`] where
    /// it ended early; [`ErrorKind::ContentDecodingError`]; a timeout; [`ErrorKind::ConnectionError`].
    pub fn content(&self) -> Result<&[u8]> {
        if let Some(content) = self.shared.content.get() {
            return Ok(content);
        }
        let mut stream = self.shared.stream();
        if self.shared.content.get().is_none() {
            let content = stream.read_all().map_err(|error| self.with_context(error))?;
            // The lock is held, so nobody else sets it.
            let _ = self.shared.content.set(content);
        }
        drop(stream);
        Ok(self.shared.content.get().map_or(&[], Vec::as_slice))
    }

    /// The content by value, without a copy where no other handle shares it.
    ///
    /// # Errors
    /// As [`content`](Self::content).
    pub fn into_content(self) -> Result<Vec<u8>> {
        self.content()?;
        Ok(match Arc::try_unwrap(self.shared) {
            Ok(shared) => shared.content.into_inner().unwrap_or_default(),
            Err(shared) => shared.content.get().cloned().unwrap_or_default(),
        })
    }

    /// The decoded body in pieces of at most `size` bytes: each full but the last, or, where the body is chunked and not
    /// coded, chunk by chunk as the server sent it (RESP-09). Content that is kept is sliced, as often as wanted.
    ///
    /// A size of zero is [`ErrorKind::InvalidSetting`] as the first item; a body that was consumed before is
    /// [`ErrorKind::StreamConsumed`] (RESP-08).
    pub fn iter_content(&mut self, size: usize) -> IterContent<'_> {
        IterContent { response: self, size, position: 0, started: false, done: false }
    }

    /// The decoded body's lines, without their ends: `\n`, `\r\n` or `\r`; a final line end makes no empty last line
    /// (RESP-12). Memory is bounded by the longest line.
    pub fn iter_lines(&mut self) -> Lines<Reader<'_>> {
        lines::lines(Reader::new(self))
    }

    /// The decoded body split at `delimiter`: requests' `iter_lines(delimiter=...)`.
    pub fn iter_lines_by(&mut self, delimiter: impl AsRef<[u8]>) -> Lines<Reader<'_>> {
        lines::lines_by(Reader::new(self), delimiter.as_ref())
    }

    /// The events of a `text/event-stream`, by the WHATWG rules. New here.
    pub fn iter_events(&mut self) -> Events<Reader<'_>> {
        Events::new(Reader::new(self))
    }

    /// The body as it came, content coding not undone: requests' `raw`. Nothing is left of it where the content is kept.
    pub fn raw(&mut self) -> Raw<'_> {
        Raw { response: self }
    }

    /// Writes the decoded body to `out`; the number of bytes.
    ///
    /// # Errors
    /// As [`content`](Self::content); [`ErrorKind::Io`] where writing fails.
    pub fn copy_to(&mut self, out: &mut (impl Write + ?Sized)) -> Result<u64> {
        self.copy_with(out, |_, _| ())
    }

    /// Writes the decoded body to a file, so that it stands under that name only when it is whole: it is written beside it
    /// first, and moved there at the end. An existing file is replaced. The number of bytes.
    ///
    /// # Errors
    /// As [`copy_to`](Self::copy_to); nothing of the file is left then.
    pub fn save_to(&mut self, path: impl AsRef<Path>) -> Result<u64> {
        self.save_to_with(path, |_, _| ())
    }

    /// As [`save_to`](Self::save_to), telling `progress` the bytes written so far and, where it is known, the total.
    ///
    /// # Errors
    /// As [`save_to`](Self::save_to).
    pub fn save_to_with(&mut self, path: impl AsRef<Path>, progress: impl FnMut(u64, Option<u64>)) -> Result<u64> {
        let path = path.as_ref();
        let mut partial = Partial::create(path)?;
        let written = self.copy_with(&mut partial.file, progress)?;
        partial.finish(path)?;
        Ok(written)
    }

    fn copy_with(
        &mut self,
        out: &mut (impl Write + ?Sized),
        mut progress: impl FnMut(u64, Option<u64>),
    ) -> Result<u64> {
        if let Some(content) = self.shared.content.get() {
            let position = std::mem::replace(&mut self.shared.stream().position, content.len());
            let rest = content.get(position..).unwrap_or_default();
            out.write_all(rest)?;
            out.flush()?;
            progress(rest.len() as u64, Some(rest.len() as u64));
            return Ok(rest.len() as u64);
        }
        let total = self.decoded_length();
        let mut buf = vec![0; COPY_SIZE];
        let mut written = 0;
        loop {
            let n = match self.read(&mut buf) {
                Ok(0) => break,
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            out.write_all(&buf[..n])?;
            written += n as u64;
            progress(written, total);
        }
        out.flush()?;
        Ok(written)
    }

    /// The length of the decoded body, where the head says it.
    fn decoded_length(&self) -> Option<u64> {
        // Beside a transfer coding, a length says nothing of the body (RFC 9112 §6.3).
        if self.headers().contains("content-encoding") || self.headers().contains("transfer-encoding") {
            return None;
        }
        self.headers().get("content-length").and_then(|value| value.parse().ok())
    }

    /// Gives the rest of the body up and closes its connection; a body that was read to its end has given it back already.
    /// Calling it again is harmless (RESP-33).
    ///
    /// It never waits for a thread that is reading the body: that read ends at once, with
    /// [`ErrorKind::StreamConsumed`]. (A reader that an adapter of one's own gave as a body cannot be interrupted; it is
    /// closed when its read returns.)
    pub fn close(&self) {
        self.shared.close();
    }

    /// Takes a body off its connection that nobody has asked for, if it is short and comes soon; else gives it up, and
    /// `content` says so.
    ///
    /// # Errors
    /// The end of the request itself: its total timeout, or its token.
    pub(crate) fn keep_for_later(&self) -> Result<()> {
        let mut stream = self.shared.stream();
        if self.shared.content.get().is_none() {
            if let Some(content) = stream.read_all_within(KEEP_TIME).map_err(|error| self.with_context(error))? {
                // The lock is held, so nobody else sets it.
                let _ = self.shared.content.set(content);
            }
        }
        Ok(())
    }

    /// Reads from content that is kept, or `None` if there is none.
    fn read_kept(&self, position: &mut usize, buf: &mut [u8]) -> Option<usize> {
        let content = self.shared.content.get()?;
        let mut rest = content.get(*position..).unwrap_or_default();
        let n = rest.read(buf).unwrap_or(0);
        *position += n;
        Some(n)
    }

    /// Like `read`, with an error for a body that was consumed before this reader began.
    fn read_from_start(&self, position: &mut usize, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(n) = self.read_kept(position, buf) {
            return Ok(n);
        }
        let mut stream = self.shared.stream();
        if *position == 0 && stream.is_consumed() {
            return Err(consumed().into());
        }
        let n = stream.read(buf).map_err(|error| self.io_context(error))?;
        *position = (*position).saturating_add(n.max(1));
        Ok(n)
    }

    fn io_context(&self, error: io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::Interrupted {
            return error;
        }
        self.with_context(error.into()).into()
    }
}

/// The decoded body. Content that is kept is read once through all handles together.
impl Read for Response {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut stream = self.shared.stream();
        if self.shared.content.get().is_some() {
            return Ok(self.read_kept(&mut stream.position, buf).unwrap_or(0));
        }
        stream.read(buf).map_err(|error| self.io_context(error))
    }
}

/// Pieces of the body: see [`Response::iter_content`].
pub struct IterContent<'a> {
    response: &'a Response,
    size: usize,
    position: usize,
    started: bool,
    done: bool,
}

impl IterContent<'_> {
    fn piece(&mut self) -> Result<Vec<u8>> {
        if self.size == 0 {
            return Err(Error::message(ErrorKind::InvalidSetting, "the size of a piece must be above 0"));
        }
        if let Some(content) = self.response.shared.content.get() {
            let rest = &content[self.position.min(content.len())..];
            let piece = &rest[..self.size.min(rest.len())];
            self.position += piece.len();
            return Ok(piece.to_vec());
        }
        let mut stream = self.response.shared.stream();
        if !self.started && stream.is_consumed() {
            return Err(consumed());
        }
        self.started = true;
        // A size far above what comes must not cost its memory: the buffer grows with what was read.
        let mut piece = Vec::new();
        while piece.len() < self.size {
            let start = piece.len();
            piece.resize(start + (self.size - start).min(COPY_SIZE.max(start)), 0);
            let room = piece.len() - start;
            let n = stream.read_piece(&mut piece[start..]).map_err(Error::from)?;
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
    response: &'a Response,
    position: usize,
    ended: bool,
}

impl<'a> Reader<'a> {
    fn new(response: &'a Response) -> Self {
        Self { response, position: 0, ended: false }
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.response.read_from_start(&mut self.position, buf)?;
        self.ended |= n == 0 && !buf.is_empty();
        Ok(n)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let started = self.position > 0;
        if started && !self.ended && self.response.shared.content.get().is_none() {
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
    response: &'a Response,
}

impl Read for Raw<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut stream = self.response.shared.stream();
        stream.read_raw(buf).map_err(|error| self.response.io_context(error))
    }
}

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raw").finish_non_exhaustive()
    }
}

/// A file that is being written beside its target; dropped before `finish`, it is deleted.
struct Partial {
    file: File,
    path: Option<PathBuf>,
}

impl Partial {
    fn create(target: &Path) -> Result<Self> {
        let name = target.file_name().ok_or_else(|| {
            Error::message(ErrorKind::Io, format!("{} has no file name to save to", target.display()))
        })?;
        // A name of its own for each writer; `create_new` says if another took it.
        for _ in 0..16 {
            let mut partial = std::ffi::OsString::from(".");
            partial.push(name);
            partial.push(format!(".{:08x}.part", fastrand::u32(..)));
            let path = target.with_file_name(partial);
            match File::create_new(&path) {
                Ok(file) => return Ok(Self { file, path: Some(path) }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(cannot_write(target, error)),
            }
        }
        Err(cannot_write(target, io::ErrorKind::AlreadyExists.into()))
    }

    fn finish(mut self, target: &Path) -> Result<()> {
        self.file.sync_all().map_err(|error| cannot_write(target, error))?;
        if let Some(path) = self.path.take() {
            if let Err(error) = std::fs::rename(&path, target) {
                self.path = Some(path);
                return Err(cannot_write(target, error));
            }
        }
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some(path) = self.path.take() {
            // Nothing can be done about a file that cannot be deleted, and it does not stand under the target's name.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn cannot_write(target: &Path, error: io::Error) -> Error {
    Error::message(ErrorKind::Io, format!("cannot write {}: {}", target.display(), system_text(&error)))
        .with_source(error)
}
