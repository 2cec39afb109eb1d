//! Ways to read a response's body: at once, in pieces, in lines, as events, into a writer or a file.
//!
//! All of them take the response's own lock, and hold it while they read. Content that is kept is available completely to each
//! handle and each way. A body that is not kept is shared by the handles: each piece goes to one of them, and a later reader
//! is told that the body was consumed, never that it was empty.

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
use crate::message::text_pieces::IterText;
use crate::whole_file::{USUAL, WholeFile};

/// How long to wait for the body of a redirect, or of another response that may never be read.
const KEEP_TIME: Duration = Duration::from_secs(1);

/// How much `copy_to` and `save_to` move at a time.
const COPY_SIZE: usize = 128 * 1024;

impl Response {
    /// The content as bytes, decoded. It is read once, and then kept.
    ///
    /// # Errors
    /// [`ErrorKind::StreamConsumed`] if part of it was read as a stream; [`ErrorKind::ChunkedEncodingError`] if it ended early;
    /// [`ErrorKind::ContentDecodingError`]; a timeout; [`ErrorKind::ConnectionError`].
    #[doc(alias = "bytes")]
    pub fn content(&self) -> Result<&[u8]> {
        if let Some(content) = self.shared.kept() {
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

    /// The content by value. It is not copied unless another handle shares it.
    ///
    /// # Errors
    /// As [`content`](Self::content).
    #[doc(alias = "into_bytes")]
    #[doc(alias = "read_to_vec")]
    pub fn into_content(self) -> Result<Vec<u8>> {
        self.content()?;
        Ok(match Arc::try_unwrap(self.shared) {
            Ok(shared) => shared.whole.or_else(|| shared.content.into_inner()).unwrap_or_default(),
            Err(shared) => shared.kept().cloned().unwrap_or_default(),
        })
    }

    /// The decoded body in pieces of at most `size` bytes; with `None`, in pieces as they arrive, whatever their size.
    ///
    /// With a size, all pieces except the last have that size. If the body is chunked and has no content coding, the pieces
    /// are the server's chunks. Content that is kept can be iterated any number of times; with `None` it is one piece.
    ///
    /// With a size of zero the first item is [`ErrorKind::InvalidSetting`], and after the body was consumed it is
    /// [`ErrorKind::StreamConsumed`].
    ///
    /// # Coming from requests
    /// With `None` and `stream`, requests reads a body that is not chunked to its end first; here no piece waits for another.
    ///
    /// # Examples
    /// ```
    /// let mut response = petition::Response::builder(200).body("hello").build()?;
    ///
    /// let pieces: petition::Result<Vec<Vec<u8>>> =
    ///     response.iter_content(2).collect();
    ///
    /// assert_eq!(pieces?, [&b"he"[..], b"ll", b"o"]);
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[doc(alias = "chunk")]
    #[doc(alias = "bytes_stream")]
    #[doc(alias = "chunk_size")]
    pub fn iter_content(&mut self, size: impl Into<Option<usize>>) -> IterContent<'_> {
        IterContent::new(self, size.into())
    }

    /// The text of the body while it is read: each item is the text of at most `size` bytes, or with `None` of what has
    /// arrived. No character is cut in two, and no item is empty.
    ///
    /// Characters are decoded with [`encoding`](Self::encoding). Without one, content that is kept is decoded as
    /// [`text`](Self::text) does, and a stream as UTF-8. Invalid bytes become U+FFFD. A byte-order mark overrides the
    /// encoding and is removed. Joined, the items are what `text` returns.
    ///
    /// Errors are those of [`iter_content`](Self::iter_content).
    ///
    /// # Coming from requests
    /// `iter_content(chunk_size, decode_unicode=True)`, which yields bytes if there is no encoding.
    ///
    /// # Examples
    /// ```
    /// use petition::Response;
    ///
    /// let mut response = Response::builder(200)
    ///     .header("Content-Type", "text/plain; charset=utf-8")
    ///     .body("h\u{e9}\u{20ac}")
    ///     .build()?;
    ///
    /// let texts: petition::Result<Vec<String>> = response.iter_text(2).collect();
    ///
    /// assert_eq!(texts?, ["h", "\u{e9}", "\u{20ac}"]);
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[doc(alias = "decode_unicode")]
    pub fn iter_text(&mut self, size: impl Into<Option<usize>>) -> IterText<'_> {
        IterText::new(self, size.into())
    }

    /// The lines of the decoded body, without their ends: `\n`, `\r\n` or `\r`. A final line end yields no empty last line.
    /// Memory is bounded by the longest line.
    ///
    /// Lines are bytes, as in requests. Errors are those of [`iter_content`](Self::iter_content).
    ///
    /// # Examples
    /// ```
    /// let mut response =
    ///     petition::Response::builder(200).body("one\r\ntwo\n").build()?;
    ///
    /// let lines: petition::Result<Vec<Vec<u8>>> = response.iter_lines().collect();
    ///
    /// assert_eq!(lines?, [b"one", b"two"]);
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn iter_lines(&mut self) -> Lines<Reader<'_>> {
        lines::lines(Reader::new(self))
    }

    /// The decoded body, split at `delimiter`: requests' `iter_lines(delimiter=...)`.
    #[doc(alias = "delimiter")]
    pub fn iter_lines_by(&mut self, delimiter: impl AsRef<[u8]>) -> Lines<Reader<'_>> {
        lines::lines_by(Reader::new(self), delimiter.as_ref())
    }

    /// The events of a `text/event-stream` (server-sent events), by the rules of the HTML standard, as they arrive. New here.
    ///
    /// Send the request with `stream(true)`. A read timeout limits the silence between two events. Reconnecting is left to the
    /// program; [`Events`] has an example.
    #[doc(alias = "eventsource")]
    #[doc(alias = "sse")]
    pub fn iter_events(&mut self) -> Events<Reader<'_>> {
        Events::new(Reader::new(self))
    }

    /// The raw body, without undoing its content coding: requests' `raw`.
    ///
    /// If the content is kept and had no coding, these are the same bytes, from the beginning. If the content was decoded, its
    /// raw bytes are gone: [`ErrorKind::StreamConsumed`].
    ///
    /// # Examples
    /// ```no_run
    /// use std::io::Read;
    ///
    /// let mut coded = Vec::new();
    /// let mut response = petition::get("https://example.com/").stream(true).send()?;
    /// response.raw().read_to_end(&mut coded)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "into_reader")]
    #[doc(alias = "into_body")]
    pub fn raw(&mut self) -> Raw<'_> {
        Raw::new(self)
    }

    /// Writes the decoded body to `out`, and returns the number of bytes. Content that is kept is written completely, each
    /// time; of a stream, what is left is written.
    ///
    /// # Errors
    /// As [`content`](Self::content). [`ErrorKind::Io`] if writing fails; what was read from a stream is lost then, and reading
    /// on is [`ErrorKind::StreamConsumed`].
    pub fn copy_to(&mut self, out: &mut (impl Write + ?Sized)) -> Result<u64> {
        self.copy_with(out, |_, _| ())
    }

    /// Writes the decoded body to a file, and returns the number of bytes. The file appears only when it is complete.
    ///
    /// The body is written to a temporary file beside it, which is renamed once everything is on the disk. So an old file is
    /// replaced by a complete new one, or stays. The new file has the mode of the old one and, if permitted, its owner and
    /// group. A symbolic link is followed. A pipe, a device, or anything else that is not a regular file, and what is under
    /// `/proc` or `/dev/fd`, is written to directly. Opening a named pipe waits for its reader.
    ///
    /// # Errors
    /// As [`content`](Self::content); in particular [`ErrorKind::StreamConsumed`] if part of the body was read before.
    /// [`ErrorKind::Io`] if the file cannot be written. The old file stays, and the temporary file is removed.
    ///
    /// # Examples
    /// ```no_run
    /// petition::get("https://example.com/report.pdf")
    ///     .stream(true)
    ///     .send()?
    ///     .error_for_status()?
    ///     .save_to("report.pdf")?;
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn save_to(&mut self, path: impl AsRef<Path>) -> Result<u64> {
        self.save_to_with(path, |_, _| ())
    }

    /// Writes the decoded body to a file, as [`save_to`](Self::save_to) does, and calls `progress` with the number of bytes
    /// written so far and, if known, the total.
    ///
    /// # Errors
    /// As [`save_to`](Self::save_to).
    ///
    /// # Examples
    /// ```no_run
    /// let url = "https://example.com/big.iso";
    /// let mut response = petition::get(url).stream(true).send()?;
    /// response.save_to_with("big.iso", |done, total| {
    ///     eprintln!("{done} of {total:?} bytes");
    /// })?;
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn save_to_with(&mut self, path: impl AsRef<Path>, progress: impl FnMut(u64, Option<u64>)) -> Result<u64> {
        // First, before the file is touched.
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
        if let Some(content) = self.shared.kept() {
            out.write_all(content)?;
            out.flush()?;
            progress(content.len() as u64, Some(content.len() as u64));
            return Ok(content.len() as u64);
        }
        let total = self.decoded_length();
        // A copy that stops half-way has lost what it read.
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

    /// The length of the decoded body, if the head states it.
    fn decoded_length(&self) -> Option<u64> {
        if self.headers().contains("content-encoding") { None } else { self.content_length() }
    }

    /// Gives up the rest of the body and closes its connection. A body that was read to its end has already returned it. A
    /// second call does nothing.
    ///
    /// It never waits for a thread that is reading the body. That read ends at once with [`ErrorKind::StreamConsumed`]. (A
    /// reader that the program's own adapter supplied as a body cannot be interrupted; it is closed when its read returns.)
    pub fn close(&self) {
        self.shared.close();
    }

    /// Reads the rest of the body and discards it, within limits, so that the connection can serve the next request; otherwise
    /// the connection is closed.
    pub(crate) fn drain(&self) {
        self.shared.stream().drain();
    }

    /// Keeps a body that may never be read, if it is short and arrives soon. Otherwise gives it up, and `content` is an error
    /// that says so (docs/decisions.md#bounded-drains).
    ///
    /// # Errors
    /// Only what ends the request itself: its total timeout, or its token.
    pub(crate) fn keep_for_later(&self) -> Result<()> {
        let mut stream = self.shared.stream();
        if self.shared.kept().is_none() {
            if let Some(content) = stream.read_all_within(KEEP_TIME).map_err(|error| self.with_context(error))? {
                // The lock is held, so nobody else sets it.
                let _ = self.shared.content.set(content);
            }
        }
        Ok(())
    }
}

/// A file whose errors name it.
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

/// Reads the decoded body.
///
/// Content that is kept is read once by each handle, whatever others read; a clone starts at its beginning. A stream is
/// shared: each byte goes to one handle. A handle that has read to the end stays there (0 bytes). After the body was consumed
/// in another way, by another handle, or completely by `read_to_end` or `read_to_string`, reading is
/// [`ErrorKind::StreamConsumed`], inside an [`io::Error`].
impl Read for Response {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = match self.shared.body() {
            Place::Kept(content) => return Ok(read_kept(content, &mut self.own.position, buf)),
            Place::Stream(mut stream) => stream.read_on(&mut self.own.seen, buf),
        };
        read.map_err(|error| self.io_context(error))
    }

    fn read_to_end(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
        let read = match self.shared.body() {
            Place::Kept(content) => {
                let rest = content.get(self.own.position..).unwrap_or_default();
                out.extend_from_slice(rest);
                self.own.position = content.len();
                return Ok(rest.len());
            }
            Place::Stream(mut stream) => stream.read_rest(&mut self.own.seen, out),
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
