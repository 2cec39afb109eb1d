//! A response's body while it is on its way: read, decoded, consumed, closed.
//!
//! `Stream` is what stands behind the response's lock. It owns the source until the source ends; a source gives its
//! connection back by itself when its last byte was read, and closes it when it is closed or fails.

use std::io::{self, Read};
use std::time::Duration;

use crate::clock::{self, Deadline};
use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
use crate::message::coding::{self, Coded};

/// Where the bytes of a body come from, transfer coding removed.
pub(crate) trait BodySource: Read + Send {
    /// Whether the next byte starts a new chunk of the wire; `iter_content` yields chunk by chunk then (RESP-09).
    fn at_chunk_end(&self) -> bool {
        false
    }

    /// How many bytes are left, where that is known.
    fn remaining(&self) -> Option<u64> {
        None
    }

    /// Appends all that is left to `out`.
    fn read_rest(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.read_to_end(out).map(drop)
    }

    /// Reads the rest away so that the connection can be used again, as far as that is worth it; else closes it.
    fn drain(&mut self) {}

    /// Bounds all that is read from now on, in time and in bytes off the wire; how many bytes that are.
    fn bound(&mut self, time: Duration) -> u64 {
        let _ = time;
        MOST_KEPT
    }

    /// Gives up the rest: the connection is closed unless it is known to be at its end.
    fn close(&mut self) {}
}

impl BodySource for Box<dyn BodySource> {
    fn at_chunk_end(&self) -> bool {
        (**self).at_chunk_end()
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

/// The most that is reserved because a Content-Length says so; a larger body grows as it comes.
const MOST_RESERVED: u64 = 64 << 20;

/// The most that is kept of a body that nobody has asked for, where its source sets no bound.
const MOST_KEPT: u64 = 64 << 10;

pub(super) struct Stream {
    state: State,
    /// Whether a byte of it was handed out, so that `content` would not be the whole.
    touched: bool,
    /// Whether some of it was taken and never handed out.
    lost: bool,
    /// How far `io::Read` has come in content that is kept.
    pub(super) position: usize,
    limits: coding::DecodeLimits,
    /// The Content-Encoding headers, from the outside in; empty for none.
    codings: Vec<String>,
}

enum State {
    /// As it comes: not coded, or not yet read decoded.
    Raw(Box<dyn BodySource>),
    Decoded(Coded<Box<dyn BodySource>>),
    /// Read to its end.
    Ended,
    /// Closed or failed before its end.
    Closed,
    /// Given up, as it was too long or took too long for a body that nobody had asked for.
    GivenUp,
}

impl Stream {
    pub(super) fn new(body: Option<Box<dyn BodySource>>, headers: &Headers, limits: coding::DecodeLimits) -> Self {
        let codings = match body {
            Some(_) => headers.get_all("content-encoding").map(str::to_owned).collect(),
            None => Vec::new(),
        };
        Self { state: body.map_or(State::Ended, State::Raw), touched: false, lost: false, position: 0, limits, codings }
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

    /// Everything, if that is little and comes soon; else gives it up, with its connection.
    ///
    /// # Errors
    /// What ended the reading, where that was the request's own end: its total timeout, or its token.
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

    /// Reads a piece to `out`; true at the end.
    fn read_bounded(&mut self, most: u64, out: &mut Vec<u8>) -> io::Result<bool> {
        let mut piece = [0; 8 * 1024];
        // One byte more than may be kept tells that there are more.
        let wanted = (most.saturating_sub(out.len() as u64).saturating_add(1)).min(piece.len() as u64) as usize;
        let read = match &mut self.state {
            State::Raw(source) => source.read(&mut piece[..wanted]),
            State::Decoded(coded) => coded.read(&mut piece[..wanted]),
            State::Ended => return Ok(true),
            State::Closed | State::GivenUp => return Err(consumed().into()),
        };
        match read {
            Ok(0) => {
                self.state = State::Ended;
                Ok(true)
            }
            Ok(read) if out.len() as u64 + read as u64 > most => Err(too_long().into()),
            Ok(read) => {
                out.extend_from_slice(&piece[..read]);
                Ok(false)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn why_gone(&self) -> Error {
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

    /// Decoded bytes; 0 at the end.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.lost {
            return Err(consumed().into());
        }
        self.decode();
        let read = match &mut self.state {
            State::Raw(source) => source.read(buf),
            State::Decoded(coded) => coded.read(buf),
            State::Ended => return Ok(0),
            State::Closed | State::GivenUp => return Err(self.why_gone().into()),
        };
        self.account(read)
    }

    /// Bytes as they came; 0 at the end. Not after decoded ones (DEC-14).
    pub(super) fn read_raw(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let read = match &mut self.state {
            _ if self.lost => return Err(consumed().into()),
            State::Raw(source) => source.read(buf),
            State::Ended => return Ok(0),
            State::Decoded(_) | State::Closed | State::GivenUp => return Err(self.why_gone().into()),
        };
        self.account(read)
    }

    /// Fills `buf` up to the end of the body or, where it is not coded, of the wire's chunk (RESP-09).
    pub(super) fn read_piece(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buf.len() {
            match self.read(&mut buf[filled..]) {
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

    fn account(&mut self, read: io::Result<usize>) -> io::Result<usize> {
        match &read {
            Ok(0) => {
                self.touched = true;
                self.state = State::Ended;
            }
            Ok(_) => self.touched = true,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.fail(),
        }
        read
    }

    /// Puts the decoders in place, at the first decoded read.
    fn decode(&mut self) {
        let is_plain = self.codings.is_empty() && self.limits.max_decoded_bytes.is_none();
        if is_plain || !matches!(self.state, State::Raw(_)) {
            return;
        }
        let codings = std::mem::take(&mut self.codings);
        let State::Raw(source) = std::mem::replace(&mut self.state, State::Closed) else { return };
        self.state = State::Decoded(coding::decoder(codings.iter().map(String::as_str), self.limits, source));
    }

    fn fail(&mut self) {
        self.close();
        self.touched = true;
    }

    /// Gives the rest up. Reading on is `StreamConsumed`, unless the end had been reached.
    pub(super) fn close(&mut self) {
        match &mut self.state {
            State::Raw(source) => source.close(),
            State::Decoded(coded) => coded.inner_mut().close(),
            State::Ended | State::Closed | State::GivenUp => return,
        }
        self.state = State::Closed;
    }

    /// A reader that had taken more than it handed out is gone, and what it held with it.
    pub(super) fn lose(&mut self) {
        self.lost = true;
    }

    /// Whether iteration can still give something.
    pub(super) fn is_consumed(&self) -> bool {
        self.lost
            || matches!(self.state, State::Closed | State::GivenUp)
            || (self.touched && matches!(self.state, State::Ended))
    }
}

fn too_long() -> Error {
    let text =
        "the body of this response was not kept: it was longer, or took longer, than a body that nobody reads may";
    Error::message(ErrorKind::StreamConsumed, text)
}

pub(super) fn consumed() -> Error {
    Error::message(ErrorKind::StreamConsumed, "the body was already taken from the stream")
}
