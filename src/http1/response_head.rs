//! The head of a response: status line and fields, from bytes that arrive piece by piece.
//!
//! What is well-formed goes through httparse in one call, straight into [`Headers`]. What httparse refuses and requests
//! takes (folded lines, odd versions, lines that are no fields) goes to [`lenient_head`](super::lenient_head), which reads
//! a complete head only. Where httparse accepts, both agree; a test holds them to it.
//!
//! A head in pieces is looked through once: the parser remembers how far it has looked for the empty line.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use http::StatusCode;
use httparse::{ParserConfig, Status};
use memchr::memchr;

use super::{RemoteError, lenient_head};
use crate::headers::Headers;

/// Reads one head after another from the start of a buffer.
#[derive(Debug)]
pub(crate) struct HeadParser {
    limits: HeadLimits,
    /// Bytes of interim responses that came before: they count against the limit, so that there is an end to them.
    spent: usize,
    search: Search,
}

/// How much of a head is read before it is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    pub(crate) max_bytes: usize,
    pub(crate) max_headers: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { max_bytes: 64 * 1024, max_headers: 200 }
    }
}

/// How far a head in pieces was looked through.
#[derive(Debug, Default)]
struct Search {
    /// Where the status line starts: behind empty lines.
    start: usize,
    /// No end of a line (then, of the head) before here.
    done: usize,
    status_line_seen: bool,
}

/// The version of a response; what comes later in HTTP/1 counts as 1.1 (FRAME-01).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Version {
    /// HTTP/1.0, and 0.9 where a server claims it.
    Http10,
    /// HTTP/1.1, and what comes later in HTTP/1.
    Http11,
}

/// Status line and fields of a response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ResponseHead {
    pub(crate) version: Version,
    pub(crate) status: StatusCode,
    pub(crate) reason: Cow<'static, str>,
    pub(crate) headers: Headers,
}

impl ResponseHead {
    /// Whether another head follows: any 1xx but 101, which ends HTTP on this connection.
    pub(crate) fn is_interim(&self) -> bool {
        self.status.is_informational() && self.status != StatusCode::SWITCHING_PROTOCOLS
    }
}

impl HeadParser {
    pub(crate) fn new(limits: HeadLimits) -> Self {
        // Places in Headers are 32 bits wide, and a byte of Latin-1 may take two of text.
        let max_bytes = limits.max_bytes.min(u32::MAX as usize / 4);
        Self { limits: HeadLimits { max_bytes, ..limits }, spent: 0, search: Search::default() }
    }

    /// Takes a head from the start of `buf`, with the number of bytes it had; `None` if more are needed.
    ///
    /// `buf` is all that arrived and was not used yet: the same bytes again at each call, and more behind. After an
    /// interim head (see [`ResponseHead::is_interim`]) call again with what follows it.
    pub(crate) fn feed(&mut self, buf: &[u8]) -> Result<Option<(ResponseHead, usize)>, RemoteError> {
        let untouched = self.search.done == 0;
        let strict = if untouched { self.strict(buf) } else { None };
        let (head, used) = match strict {
            Some(found) => found,
            None => {
                let Some(end) = self.head_end(buf)? else { return Ok(None) };
                match self.strict(&buf[..end]) {
                    Some(found) => found,
                    None => (lenient_head::parse(&buf[self.search.start..end], self.limits.max_headers)?, end),
                }
            }
        };
        self.search = Search::default();
        self.spent += used;
        Ok(Some((head, used)))
    }

    /// What it means that the peer closed now, `buf` being as in [`feed`](Self::feed). [`RemoteError::NoAnswer`] says that
    /// not one byte of an answer ever came.
    pub(crate) fn eof(&self, buf: &[u8]) -> RemoteError {
        match self.spent + buf.len() {
            0 => RemoteError::NoAnswer,
            got => RemoteError::HeadCut { got },
        }
    }

    /// A head that is complete, well-formed and within the limits.
    fn strict(&self, buf: &[u8]) -> Option<(ResponseHead, usize)> {
        let mut slots = [const { MaybeUninit::uninit() }; STRICT_HEADERS];
        let mut parsed = httparse::Response::new(&mut []);
        let result = ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, buf, &mut slots);
        let Ok(Status::Complete(used)) = result else { return None };
        if used > self.left() || parsed.headers.len() > self.limits.max_headers {
            return None;
        }
        let version = if parsed.version? == 0 { Version::Http10 } else { Version::Http11 };
        let status = StatusCode::from_u16(parsed.code?).ok()?;
        let reason = match parsed.reason? {
            // Also what httparse gives for a reason with bytes beyond ASCII.
            "" => lenient_head::status_line(status_line(buf)).ok()?.2,
            text => lenient_head::reason(status, text.as_bytes()),
        };
        let text = parsed.headers.iter().map(|header| header.name.len() + header.value.len()).sum();
        let mut headers = Headers::with_capacity(parsed.headers.len(), text);
        for header in parsed.headers.iter() {
            headers.push_latin1(header.name.as_bytes(), header.value);
        }
        Some((ResponseHead { version, status, reason, headers }, used))
    }

    /// The end of the head, if it is in `buf`. An answer that is not HTTP is refused as soon as that shows, for its peer
    /// may be waiting.
    fn head_end(&mut self, buf: &[u8]) -> Result<Option<usize>, RemoteError> {
        if !self.search.status_line_seen {
            self.search.start += empty_lines(&buf[self.search.start..]);
            let line = &buf[self.search.start..];
            // The first byte of one more empty line, perhaps.
            if line == b"\r" {
                return self.unfinished(buf);
            }
            let known = line.len().min(PROTOCOL.len());
            if !line[..known].eq_ignore_ascii_case(&PROTOCOL[..known]) {
                return Err(RemoteError::not_http(line));
            }
            let from = self.search.done.max(self.search.start);
            let Some(length) = memchr(b'\n', &buf[from..]) else {
                self.search.done = buf.len();
                return self.unfinished(buf);
            };
            lenient_head::status_line(&buf[self.search.start..from + length])?;
            self.search.status_line_seen = true;
            self.search.done = from + length;
        }
        match empty_line(buf, self.search.done) {
            Ok(end) if end <= self.left() => Ok(Some(end)),
            Ok(_) => Err(self.too_large()),
            Err(resume) => {
                self.search.done = resume;
                self.unfinished(buf)
            }
        }
    }

    fn unfinished(&self, buf: &[u8]) -> Result<Option<usize>, RemoteError> {
        if buf.len() > self.left() { Err(self.too_large()) } else { Ok(None) }
    }

    fn left(&self) -> usize {
        self.limits.max_bytes.saturating_sub(self.spent)
    }

    fn too_large(&self) -> RemoteError {
        RemoteError::HeadTooLarge { limit: self.limits.max_bytes }
    }
}

const PROTOCOL: &[u8] = b"HTTP/";

/// More fields than this are left to the lenient reader, which has no fixed room.
const STRICT_HEADERS: usize = 128;

/// The length of the empty lines at the start of `buf`, which RFC 9112 §2.2 lets a reader skip.
fn empty_lines(buf: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match &buf[at..] {
            [b'\n', ..] => at += 1,
            [b'\r', b'\n', ..] => at += 2,
            _ => return at,
        }
    }
}

/// The status line of a complete head, without its end.
fn status_line(buf: &[u8]) -> &[u8] {
    let line = &buf[empty_lines(buf)..];
    &line[..memchr(b'\n', line).unwrap_or(line.len())]
}

/// The place behind the first empty line that follows an end of line at or behind `from`; else the place to go on from
/// when more has come.
fn empty_line(buf: &[u8], from: usize) -> Result<usize, usize> {
    let mut at = from;
    while let Some(length) = memchr(b'\n', &buf[at..]) {
        at += length;
        match &buf[at + 1..] {
            [b'\n', ..] => return Ok(at + 2),
            [b'\r', b'\n', ..] => return Ok(at + 3),
            [] | [b'\r'] => return Err(at),
            _ => at += 1,
        }
    }
    Err(buf.len())
}
