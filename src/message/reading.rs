//! Ways to read a response's body: whole, in pieces, in lines, as events, into a writer or a file.
//!
//! All of them go through the response's own lock, and hold it while they read. Content that is kept is there whole for
//! each handle and each way. A body that is not kept is shared by the handles: a piece is handed to one of them, and who
//! comes when it is over is told that it was consumed, never that it was empty.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result, system_text};
use crate::message::events::Events;
use crate::message::lines::{self, Lines};
use crate::message::readers::{IterContent, Raw, Reader, read_kept};
use crate::message::response::{Place, Response};
use crate::message::stream::Stream;
use crate::whole_file::{USUAL, WholeFile};

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
        IterContent::new(self, size)
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

    /// The body as it came, content coding not undone: requests' `raw`.
    ///
    /// Where the content is kept and was never coded, that is the same bytes, from the beginning. Of content that was
    /// decoded nothing is left as it came: [`ErrorKind::StreamConsumed`].
    pub fn raw(&mut self) -> Raw<'_> {
        Raw::new(self)
    }

    /// Writes the decoded body to `out`; the number of bytes. Content that is kept is written whole, each time; of a stream
    /// comes what is left.
    ///
    /// # Errors
    /// As [`content`](Self::content); [`ErrorKind::Io`] where writing fails: what was taken from a stream is lost then, and
    /// reading on is [`ErrorKind::StreamConsumed`].
    pub fn copy_to(&mut self, out: &mut (impl Write + ?Sized)) -> Result<u64> {
        self.copy_with(out, |_, _| ())
    }

    /// Writes the decoded body to a file, so that it stands under that name only when it is whole; the number of bytes.
    ///
    /// The body is written to a file beside it, which is moved to its place once everything is on the disk. So an old file
    /// is replaced by a whole new one, or stays; the new one has its mode and, where that is allowed, its owner and group. A
    /// symbolic link is followed. A pipe, a device or another file that is no regular one is written to, and what is under
    /// `/proc` or `/dev/fd`; opening a named pipe waits for its reader.
    ///
    /// # Errors
    /// As [`content`](Self::content), [`ErrorKind::StreamConsumed`] above all where part of the body was read before;
    /// [`ErrorKind::Io`] where it cannot be written. What stood under the name stays, and nothing is left beside it.
    pub fn save_to(&mut self, path: impl AsRef<Path>) -> Result<u64> {
        self.save_to_with(path, |_, _| ())
    }

    /// As [`save_to`](Self::save_to), telling `progress` the bytes written so far and, where it is known, the total.
    ///
    /// # Errors
    /// As [`save_to`](Self::save_to).
    pub fn save_to_with(&mut self, path: impl AsRef<Path>, progress: impl FnMut(u64, Option<u64>)) -> Result<u64> {
        // Before anything is done to the file.
        self.check_stream(Stream::check_new)?;
        let path = path.as_ref();
        let file = WholeFile::create(path, USUAL).map_err(|error| cannot_write(path, error))?;
        let mut file = Named { file, path };
        let written = self.copy_with(&mut file, progress)?;
        self.check_stream(|stream| stream.check_taken(written))?;
        file.file.commit().map_err(|error| cannot_write(path, error))?;
        Ok(written)
    }

    fn check_stream(&self, check: impl FnOnce(&Stream) -> Result<()>) -> Result<()> {
        let checked = match self.shared.body() {
            Place::Kept(_) => Ok(()),
            Place::Stream(stream) => check(&stream),
        };
        checked.map_err(|error| self.with_context(error))
    }

    fn copy_with(
        &mut self,
        out: &mut (impl Write + ?Sized),
        mut progress: impl FnMut(u64, Option<u64>),
    ) -> Result<u64> {
        if let Some(content) = self.shared.content.get() {
            out.write_all(content)?;
            out.flush()?;
            progress(content.len() as u64, Some(content.len() as u64));
            return Ok(content.len() as u64);
        }
        let total = self.decoded_length();
        // One that stops half-way has lost what it took.
        let mut body = Reader::new(self);
        let mut buf = vec![0; COPY_SIZE];
        let mut written = 0;
        loop {
            let n = match body.read(&mut buf) {
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
}

/// A file whose errors have its name.
struct Named<'a> {
    file: WholeFile,
    path: &'a Path,
}

impl Write for Named<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|error| cannot_write(self.path, error).into())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|error| cannot_write(self.path, error).into())
    }
}

fn cannot_write(target: &Path, error: io::Error) -> Error {
    let text = format!("cannot write {}: {}", target.display(), system_text(&error));
    Error::message(ErrorKind::Io, text).with_source(error)
}

/// The decoded body.
///
/// Content that is kept is read once through each handle, whatever others read; a clone begins at its start. A stream is
/// shared: each byte goes to one handle. A handle that has read to the end stays there (0 bytes). After the body was
/// consumed in another way, by another handle, or whole by `read_to_end` or `read_to_string`, reading is
/// [`ErrorKind::StreamConsumed`], inside an [`io::Error`].
impl Read for Response {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = match self.shared.body() {
            Place::Kept(content) => return Ok(read_kept(content, &mut self.position, buf)),
            Place::Stream(mut stream) => stream.read_on(&mut self.seen, buf),
        };
        read.map_err(|error| self.io_context(error))
    }

    fn read_to_end(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
        let read = match self.shared.body() {
            Place::Kept(content) => {
                let rest = content.get(self.position..).unwrap_or_default();
                out.extend_from_slice(rest);
                self.position = content.len();
                return Ok(rest.len());
            }
            Place::Stream(mut stream) => stream.read_rest(&mut self.seen, out),
        };
        read.map_err(|error| self.io_context(error))
    }

    fn read_to_string(&mut self, out: &mut String) -> io::Result<usize> {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "stream did not contain valid UTF-8"))?;
        out.push_str(text);
        Ok(text.len())
    }
}
