//! The body of a response while it is read: decoded, consumed, closed.
//!
//! A `Stream` is the state behind the response's lock. It owns the source until the source ends. A source returns its
//! connection when its last byte was read, and closes it when it is closed or fails.

use std::io::{self, Read};
use std::time::Duration;

use http::StatusCode;

use crate::clock::{self, Deadline};
use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
use crate::message::coding::{self, Coded};

/// The source of a body's bytes, without transfer coding.
pub(crate) trait BodySource: Read + Send {
    /// Whether the next byte starts a new chunk of the wire. Then `iter_content` yields chunk by chunk.
    fn at_chunk_end(&self) -> bool {
        false
    }

    /// Reads at most to the end of a chunk of the wire; `read` may go beyond.
    fn read_in_chunk(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.read(out)
    }

    /// How many bytes are left, if that is known.
    fn remaining(&self) -> Option<u64> {
        None
    }

    /// Appends everything that is left to `out`.
    fn read_rest(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.read_to_end(out).map(drop)
    }

    /// Drains the rest within limits, so that the connection can be used again; otherwise closes the connection.
    fn drain(&mut self) {}

    /// Limits everything that is read from now on, in time and in bytes off the wire; returns the number of bytes.
    fn bound(&mut self, time: Duration) -> u64 {
        let _ = time;
        MOST_KEPT
    }

    /// Gives up the rest. The connection is closed, unless the body has ended.
    fn close(&mut self) {}
}

impl BodySource for Box<dyn BodySource> {
    fn at_chunk_end(&self) -> bool {
        (**self).at_chunk_end()
    }

    fn read_in_chunk(&mut self, out: &mut [u8]) -> io::Result<usize> {
        (**self).read_in_chunk(out)
    }

    fn remaining(&self) -> Option<u64> {
        (**self).remaining()
    }

    fn read_rest(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        (**self).read_rest(out)
    }

    fn drain(&mut self) {
        (**self).drain();
    }

    fn bound(&mut self, time: Duration) -> u64 {
        (**self).bound(time)
    }

    fn close(&mut self) {
        (**self).close();
    }
}

/// Any reader as a body.
pub(crate) struct Plain<R>(pub(crate) R);

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl<R: Read + Send> BodySource for Plain<R> {}

/// The most memory that is reserved because of a Content-Length. A larger buffer grows with what arrives.
const MOST_RESERVED: u64 = 64 << 20;

/// The most that is kept of a body that may never be read, if its source has no limit.
const MOST_KEPT: u64 = 64 << 10;

pub(super) struct Stream {
    state: State,
    /// Whether a byte of it was returned, or its end reported, so that `content` would not be complete.
    touched: bool,
    /// Whether some of it was read and never returned.
    lost: bool,
    /// How many bytes were returned.
    taken: u64,
    /// Whether some of them were raw.
    is_raw: bool,
    /// Whether a coding was undone, so that the content differs from the raw body.
    is_coded: bool,
    limits: coding::DecodeLimits,
    /// Whether it is a part of a resource, which need not end where its coding ends.
    is_part: bool,
    /// The Content-Encoding headers; empty for none.
    codings: Vec<String>,
}

/// How far one handle has read a body that is not kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// [`Stream::taken`] after the last read of any kind; `None` before the first.
    at: Option<u64>,
    /// The same, after the last read by `io::Read`; `None` once that took everything there was.
    by_read: Option<u64>,
}

impl Seen {
    pub(super) const NONE: Self = Self { at: None, by_read: None };
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Form {
    Raw,
    Decoded,
}

/// How much a read may return of what one read of the wire brings.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Spans {
    OneChunk,
    Chunks,
}

enum State {
    /// Raw: it has no coding, or was not read decoded yet.
    Raw(Box<dyn BodySource>),
    /// Boxed: it is large, and most bodies have no coding.
    Decoded(Box<Coded<Box<dyn BodySource>>>),
    /// Read to its end.
    Ended,
    /// Closed or failed before its end.
    Closed,
    /// Given up, because it was too long or too slow for a body that may never be read.
    GivenUp,
}

impl Stream {
    /// `head` is the status and the headers of the response.
    pub(super) fn new(
        body: Option<Box<dyn BodySource>>,
        head: (StatusCode, &Headers),
        limits: coding::DecodeLimits,
    ) -> Self {
        let (status, headers) = head;
        let codings = match body {
            Some(_) => headers.get_all("content-encoding").map(str::to_owned).collect(),
            None => Vec::new(),
        };
        Self {
            state: body.map_or(State::Ended, State::Raw),
            touched: false,
            lost: false,
            taken: 0,
            is_raw: false,
            is_coded: false,
            limits,
            is_part: status == StatusCode::PARTIAL_CONTENT,
            codings,
        }
    }

    /// Puts something between the body and its reader, before it is read; it is told the limits of that.
    #[cfg(all(feature = "testing", feature = "json"))]
    pub(super) fn wrap(&mut self, wrap: impl FnOnce(Box<dyn BodySource>, coding::DecodeLimits) -> Box<dyn BodySource>) {
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Raw(source) => State::Raw(wrap(source, self.limits)),
            other => other,
        };
    }

    /// Whether the content, once it is kept, equals the raw body.
    pub(super) fn is_as_it_came(&self) -> bool {
        !self.is_coded
    }

    /// Everything, for `content`.
    pub(super) fn read_all(&mut self) -> Result<Vec<u8>> {
        if self.touched || matches!(self.state, State::Closed | State::GivenUp) {
            return Err(self.why_gone());
        }
        let mut out = Vec::new();
        if let Err(error) = self.read_all_into(&mut out) {
            self.fail();
            return Err(error.into());
        }
        self.state = State::Ended;
        Ok(out)
    }

    /// Everything, if it is short and arrives soon. Otherwise gives it up, with its connection.
    ///
    /// # Errors
    /// Only what ends the request itself: its total timeout, or its token.
    pub(super) fn read_all_within(&mut self, time: Duration) -> Result<Option<Vec<u8>>> {
        if self.touched || matches!(self.state, State::Closed | State::GivenUp) {
            return Ok(None);
        }
        let (most, announced) = match &mut self.state {
            State::Raw(source) => (source.bound(time), source.remaining()),
            State::Decoded(coded) => (coded.inner_mut().bound(time), None),
            State::Ended | State::Closed | State::GivenUp => (0, None),
        };
        if announced.is_some_and(|length| length > most) {
            self.close();
            self.state = State::GivenUp;
            return Ok(None);
        }
        if matches!(self.state, State::Ended) {
            return Ok(Some(Vec::new()));
        }
        let deadline = Deadline::after(clock::now(), Some(time));
        let mut out = Vec::new();
        self.decode();
        loop {
            match self.read_bounded(most, &mut out) {
                Ok(true) => return Ok(Some(out)),
                Ok(false) if deadline.has_passed(clock::now()) => break,
                Ok(false) => {}
                Err(error) => {
                    let error = Error::from(error);
                    self.fail();
                    if matches!(error.kind(), ErrorKind::TotalTimeout | ErrorKind::Cancelled) {
                        return Err(error);
                    }
                    break;
                }
            }
        }
        self.close();
        self.state = State::GivenUp;
        Ok(None)
    }

    /// Reads a piece into `out`; true at the end.
    fn read_bounded(&mut self, most: u64, out: &mut Vec<u8>) -> io::Result<bool> {
        const PIECE: u64 = 8 * 1024;
        let left = match &self.state {
            State::Raw(source) => source.remaining().unwrap_or(PIECE),
            _ => PIECE,
        };
        let filled = out.len();
        // One byte more than may be kept shows that there are more.
        let wanted = (most.saturating_sub(filled as u64).saturating_add(1)).min(left.clamp(1, PIECE));
        out.resize(filled + wanted as usize, 0);
        let read = match &mut self.state {
            State::Raw(source) => source.read(&mut out[filled..]),
            State::Decoded(coded) => coded.read(&mut out[filled..]),
            State::Ended => Ok(0),
            State::Closed | State::GivenUp => Err(consumed().into()),
        };
        out.truncate(filled + read.as_ref().copied().unwrap_or(0));
        match read {
            Ok(0) => {
                self.state = State::Ended;
                Ok(true)
            }
            Ok(_) if out.len() as u64 > most => Err(too_long().into()),
            Ok(_) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Why nothing can be read.
    pub(super) fn why_gone(&self) -> Error {
        if matches!(self.state, State::GivenUp) { too_long() } else { consumed() }
    }

    fn read_all_into(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.decode();
        match &mut self.state {
            State::Raw(source) => {
                let reserve = source.remaining().unwrap_or(0).min(MOST_RESERVED);
                out.try_reserve_exact(usize::try_from(reserve).unwrap_or(0))?;
                source.read_rest(out)
            }
            State::Decoded(coded) => coded.read_to_end(out).map(drop),
            State::Ended | State::Closed | State::GivenUp => Ok(()),
        }
    }

    /// Decoded bytes, for a reader that starts or continues; 0 at the end.
    ///
    /// # Errors
    /// `StreamConsumed` if nothing is left and another reader got some of it.
    pub(super) fn read(&mut self, seen: &mut Seen, buf: &mut [u8]) -> io::Result<usize> {
        self.read_as(Form::Decoded, Spans::Chunks, seen, buf)
    }

    /// Raw bytes; 0 at the end. An error after decoded bytes were read.
    pub(super) fn read_raw(&mut self, seen: &mut Seen, buf: &mut [u8]) -> io::Result<usize> {
        self.read_as(Form::Raw, Spans::Chunks, seen, buf)
    }

    /// Like [`read`](Self::read), for `io::Read`. A handle that has reached the end stays there; for any other the body is
    /// consumed.
    pub(super) fn read_on(&mut self, seen: &mut Seen, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.check_read(seen)?;
        let read = self.read(seen, buf)?;
        seen.by_read = Some(self.taken);
        Ok(read)
    }

    /// Everything that is left, for `io::Read`. For a later read the body is consumed.
    pub(super) fn read_rest(&mut self, seen: &mut Seen, out: &mut Vec<u8>) -> io::Result<usize> {
        self.decode();
        self.check_read(seen)?;
        let (taken, length) = (self.taken, out.len());
        self.touched |= !matches!(self.state, State::Ended);
        let result = self.read_all_into(out);
        let read = out.len() - length;
        self.taken += read as u64;
        if let Err(error) = result {
            self.fail();
            return Err(error);
        }
        self.state = State::Ended;
        self.check_end(*seen, taken, read)?;
        *seen = Seen { at: Some(self.taken), by_read: None };
        Ok(read)
    }

    /// Whether nothing of it was returned yet.
    pub(super) fn check_new(&self) -> Result<()> {
        if self.touched || self.is_consumed() { Err(self.why_gone()) } else { Ok(()) }
    }

    /// Whether exactly this many bytes were returned.
    pub(super) fn check_taken(&self, bytes: u64) -> Result<()> {
        if self.taken == bytes { Ok(()) } else { Err(self.why_gone()) }
    }

    /// Whether a handle may continue with `io::Read`.
    fn check_read(&self, seen: &Seen) -> io::Result<()> {
        if self.is_consumed() && (self.lost || seen.by_read != Some(self.taken)) {
            return Err(self.why_gone().into());
        }
        Ok(())
    }

    /// An error instead of an empty result, for a handle that has missed something.
    fn check_end(&self, seen: Seen, before: u64, read: usize) -> io::Result<()> {
        if read == 0 && before > 0 && seen.at != Some(before) { Err(consumed().into()) } else { Ok(()) }
    }

    fn read_as(&mut self, form: Form, spans: Spans, seen: &mut Seen, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if form == Form::Decoded {
            self.decode();
        }
        if self.lost {
            return Err(consumed().into());
        }
        let read = match &mut self.state {
            State::Raw(source) if spans == Spans::OneChunk => source.read_in_chunk(buf),
            State::Raw(source) => source.read(buf),
            State::Decoded(coded) if form == Form::Decoded => coded.read(buf),
            State::Ended => Ok(0),
            State::Decoded(_) | State::Closed | State::GivenUp => return Err(self.why_gone().into()),
        };
        let before = self.taken;
        match &read {
            Ok(0) if matches!(self.state, State::Ended) => {}
            Ok(0) => {
                self.touched = true;
                self.state = State::Ended;
            }
            Ok(read) => {
                self.touched = true;
                self.taken += *read as u64;
                self.is_raw |= form == Form::Raw;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.fail(),
        }
        let read = read?;
        self.check_end(*seen, before, read)?;
        seen.at = Some(self.taken);
        Ok(read)
    }

    /// Fills `buf` up to the end of the body or, without a coding, of the wire's chunk.
    pub(super) fn read_piece(&mut self, seen: &mut Seen, buf: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buf.len() {
            match self.read_as(Form::Decoded, Spans::OneChunk, seen, &mut buf[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if matches!(&self.state, State::Raw(source) if source.at_chunk_end()) {
                break;
            }
        }
        Ok(filled)
    }

    /// Adds the decoders, at the first decoded read.
    fn decode(&mut self) {
        let is_plain = self.codings.is_empty() && self.limits.max_decoded_bytes.is_none();
        if is_plain || !matches!(self.state, State::Raw(_)) {
            return;
        }
        let codings = std::mem::take(&mut self.codings);
        let State::Raw(source) = std::mem::replace(&mut self.state, State::Closed) else { return };
        let mut coded = coding::decoder(codings.iter().map(String::as_str), self.limits, source);
        if self.is_part {
            coded.may_be_cut();
        }
        self.is_coded = !coded.is_plain();
        // The decoder would lack what was read raw.
        self.lost |= self.is_coded && self.is_raw;
        self.state = State::Decoded(Box::new(coded));
    }

    fn fail(&mut self) {
        self.close();
        self.touched = true;
    }

    /// Drains the rest within the limits of its source.
    pub(super) fn drain(&mut self) {
        match &mut self.state {
            State::Raw(source) => source.drain(),
            State::Decoded(coded) => coded.inner_mut().drain(),
            State::Ended | State::Closed | State::GivenUp => {}
        }
    }

    /// Gives up the rest. Later reads are `StreamConsumed`, unless the end had been reached.
    pub(super) fn close(&mut self) {
        match &mut self.state {
            State::Raw(source) => source.close(),
            State::Decoded(coded) => coded.inner_mut().close(),
            State::Ended | State::Closed | State::GivenUp => return,
        }
        self.state = State::Closed;
    }

    /// Notes that a reader was dropped that had read more than it returned.
    pub(super) fn lose(&mut self) {
        self.lost = true;
    }

    /// Whether iteration can still yield something.
    pub(super) fn is_consumed(&self) -> bool {
        self.lost
            || matches!(self.state, State::Closed | State::GivenUp)
            || (self.touched && matches!(self.state, State::Ended))
    }
}

fn too_long() -> Error {
    let text =
        "the body of this response was not kept, because it exceeded the limits for a body that may never be read";
    Error::message(ErrorKind::StreamConsumed, text)
}

fn consumed() -> Error {
    Error::message(ErrorKind::StreamConsumed, "the body was already read as a stream")
}
