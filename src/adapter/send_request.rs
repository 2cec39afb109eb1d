//! Sends a request: its head, its body, its chunks, and `Expect: 100-continue`.
//!
//! A write never blocks: it is tried, and if the peer accepts no more, the wait is for both directions. A peer that answers 4xx
//! or 5xx meanwhile has refused the rest (RFC 9112 §9.3). Any other early answer is kept until the request is sent. If the
//! connection breaks, the peer may have answered before; the reader of the head finds out.
//!
//! A source may take any time for a piece, and a peer that is quick never makes a write wait. So the limits, and the peer, are
//! also looked at whenever the source returns, be it with nothing, and now and then between writes.

use std::io;
use std::time::{Duration, Instant};

use crate::adapter::USER_AGENT;
use crate::adapter::buffer::with_outgoing;
use crate::adapter::failure::Failure;
use crate::adapter::job::Job;
use crate::adapter::patience::{Doing, Halt, Patience};
use crate::adapter::read_head::{HeadReader, Heard};
use crate::adapter::sent::Sent;
use crate::clock::{self, Deadline};
use crate::error::{Error, ErrorKind};
use crate::headers::Headers;
use crate::http1::chunk_encoder::LAST_CHUNK;
use crate::http1::framing::{BodyLength, Sending};
use crate::http1::request_head::{self, Automatic};
use crate::message::body::BodyReader;
use crate::net::Transport;

/// The largest body in memory that is copied after its head, so that one write sends both.
const ONE_WRITE: usize = 16 * 1024;

/// How much of a streamed body is sent at a time: a little less than 64 KiB, so that it fits into one segment of the loopback
/// interface (65,483 bytes, with IPv6 65,464). 64 KiB would be a full segment and one of 53 bytes, which takes three times as
/// long. Elsewhere the kernel cuts it into far smaller segments anyway.
const BLOCK: usize = 64 * 1024 - 128;

/// The most that is sent at a time of a body in memory, for the same reason: a whole number of segments.
const ONE_SEND: usize = 16 * BLOCK;

/// How much is sent at a time of a body whose length is unknown: whole chunks of 16 KiB, as requests sends them. With their
/// framing, seven are a full segment and a large one; four or eight would leave a tiny one. Four take more than twice as long.
const CHUNKED_BLOCK: usize = 7 * 16 * 1024;

/// How much is sent first of such a body, because most are short.
const FIRST_BLOCK: usize = 16 * 1024;

/// How many bytes are sent without a wait before the system call that looks for an early answer is worthwhile.
const LISTEN_EVERY: usize = 1 << 20;

/// How long a source may take, for all pieces since the last look, before that call is: so that a slow one pays for few, and a
/// quick one for none.
const LISTEN_AFTER: Duration = Duration::from_millis(50);

/// Sends head and body, as far as the peer accepts them.
pub(super) fn send(
    job: &Job<'_>,
    transport: &mut Transport,
    patience: &Patience<'_>,
    reader: &mut HeadReader<'_>,
) -> Result<Sent, Failure> {
    with_outgoing(|out| {
        write_head(job, out).map_err(Failure::last)?;
        let mut sender = Sender { transport, patience, reader, unheard: 0, looked: None, stopped: None };
        let bytes = job.request.body.as_bytes().filter(|_| matches!(job.framing.body, Sending::Sized(_)));
        match (bytes, job.expects_continue()) {
            (Some(bytes), None) if bytes.len() <= ONE_WRITE => {
                out.extend_from_slice(bytes);
                sender.write(out)?;
            }
            (None, _) if job.framing.body == Sending::Nothing => {
                sender.write(out)?;
            }
            // The head is the whole request, so it has to be known first that the source is empty.
            (None, _) if job.framing.body == Sending::Sized(0) => {
                let mut body = job.request.body.open().map_err(Failure::last)?;
                require_end(&mut body, 0, || sender.check_source().map(|()| true))?;
                sender.write(out)?;
            }
            (_, expected) => {
                // The head is sent at once: a slow source must not delay it (BODY-32).
                let goes_on = sender.write(out)? && sender.flush()?;
                let wanted = match expected {
                    Some(limit) if goes_on => sender.is_wanted(limit)?,
                    _ => goes_on,
                };
                match bytes {
                    _ if !wanted => {}
                    Some(bytes) => drop(sender.write(bytes)?),
                    None => stream(job, &mut sender)?,
                }
            }
        }
        sender.finish()
    })
}

/// A request that is being sent.
struct Sender<'s, 'r> {
    transport: &'s mut Transport,
    patience: &'s Patience<'s>,
    reader: &'s mut HeadReader<'r>,
    /// Bytes sent since the last look for an answer.
    unheard: usize,
    /// When a source was first asked for the body, or the last look since.
    looked: Option<Instant>,
    /// Why sending stopped.
    stopped: Option<Sent>,
}

impl Sender<'_, '_> {
    /// Sends `bytes`; false if sending must stop.
    fn write(&mut self, bytes: &[u8]) -> Result<bool, Failure> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.unheard >= LISTEN_EVERY && !self.look()? {
                return Ok(false);
            }
            match self.transport.try_write(&rest[..rest.len().min(ONE_SEND)]) {
                Ok(0) => return Ok(self.stop(Sent::Cut(io::ErrorKind::WriteZero.into()))),
                Ok(taken) => {
                    rest = &rest[taken..];
                    self.unheard += taken;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.wait()? {
                        return Ok(false);
                    }
                }
                Err(error) => return self.cut(error),
            }
        }
        Ok(true)
    }

    /// Sends what TLS has buffered; false if sending must stop.
    fn flush(&mut self) -> Result<bool, Failure> {
        loop {
            match self.transport.try_flush() {
                Ok(()) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.wait()? {
                        return Ok(false);
                    }
                }
                Err(error) => return self.cut(error),
            }
        }
    }

    fn finish(mut self) -> Result<Sent, Failure> {
        if self.stopped.is_none() {
            self.flush()?;
        }
        Ok(self.stopped.unwrap_or(Sent::Whole))
    }

    /// Waits until the peer accepts more, and reads what it sends meanwhile.
    fn wait(&mut self) -> Result<bool, Failure> {
        match self.patience.wait_to_write(self.transport, self.reader.is_waiting()) {
            Ok(ready) if ready.to_read => self.listen(),
            Ok(_) => Ok(true),
            Err(Halt::Broken(error)) => self.cut(error),
            // The peer has answered, and reads no further.
            Err(Halt::Silent(_)) if !self.reader.is_waiting() => Ok(self.stop(Sent::Answered)),
            Err(halt) => Err(Failure::halted(self.patience, halt, Doing::Sending)),
        }
    }

    /// A source is asked for the body from now on.
    fn begin_to_ask(&mut self) {
        self.looked = Some(clock::now());
    }

    /// The source has returned, after however long, with a piece or with nothing: looks at the limits and, if it is time, for an
    /// early answer; false if sending must stop.
    fn was_given_more(&mut self) -> Result<bool, Failure> {
        self.check_source()?;
        if !self.reader.is_waiting() {
            return Ok(true);
        }
        let now = clock::now();
        if self.looked.is_some_and(|looked| now.saturating_duration_since(looked) < LISTEN_AFTER) {
            return Ok(true);
        }
        self.looked = Some(now);
        self.listen()
    }

    /// The same between writes that need not wait.
    fn look(&mut self) -> Result<bool, Failure> {
        self.unheard = 0;
        // It was the peer that took its time since the last look.
        self.patience.check_limits().map_err(|halt| Failure::halted(self.patience, halt, Doing::Sending))?;
        if self.reader.is_waiting() { self.listen() } else { Ok(true) }
    }

    /// Looks at the limits after the source has returned.
    fn check_source(&self) -> Result<(), Failure> {
        self.patience.check_limits().map_err(|halt| Failure::halted_by_source(self.patience, halt))
    }

    /// Looks for an early answer; false if sending must stop.
    fn listen(&mut self) -> Result<bool, Failure> {
        self.unheard = 0;
        match self.reader.listen(self.transport) {
            Ok(Heard::Nothing | Heard::Answer) => Ok(true),
            Ok(Heard::Refusal) => Ok(self.stop(Sent::Answered)),
            Ok(Heard::End) => Ok(self.stop(Sent::Cut(io::ErrorKind::UnexpectedEof.into()))),
            Err(Halt::Broken(error)) => self.cut(error),
            Err(halt) => Err(Failure::halted(self.patience, halt, Doing::Sending)),
        }
    }

    /// Waits for a 100 (Continue) before the body (RFC 9110 §10.1.1), for at most `limit`.
    fn is_wanted(&mut self, limit: Duration) -> Result<bool, Failure> {
        let until = Deadline::after(clock::now(), Some(limit));
        loop {
            match self.reader.listen(self.transport) {
                Ok(Heard::Nothing) if self.reader.was_continued() => return Ok(true),
                Ok(Heard::Nothing) => {}
                Ok(Heard::Answer | Heard::Refusal) => return Ok(self.stop(Sent::Answered)),
                Ok(Heard::End) => return Ok(self.stop(Sent::Cut(io::ErrorKind::UnexpectedEof.into()))),
                Err(Halt::Broken(error)) => return self.cut(error),
                Err(halt) => return Err(Failure::halted(self.patience, halt, Doing::Sending)),
            }
            match self.patience.wait_to_read(self.transport, until) {
                Ok(true) => {}
                Ok(false) => return Ok(true),
                Err(Halt::Broken(error)) => return self.cut(error),
                Err(halt) => return Err(Failure::halted(self.patience, halt, Doing::Sending)),
            }
        }
    }

    fn stop(&mut self, why: Sent) -> bool {
        self.stopped = Some(why);
        false
    }

    /// Handles a connection that accepts no more, because it was shut down here or by the peer.
    fn cut(&mut self, error: io::Error) -> Result<bool, Failure> {
        match self.patience.check() {
            Ok(()) => Ok(self.stop(Sent::Cut(error))),
            Err(halt) => Err(Failure::halted(self.patience, halt, Doing::Sending)),
        }
    }
}

fn write_head(job: &Job<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let request = job.request;
    let skip = request.extras.skip;
    let host = if skip.host { None } else { Some(job.host()) };
    let automatic = Automatic {
        host: host.as_deref(),
        accept_encoding: (!skip.accept_encoding).then_some("identity"),
        framing: job.framing.missing,
        user_agent: (!skip.user_agent).then_some(USER_AGENT),
    };
    let (hidden, authorized, expecting);
    let mut headers = &request.headers;
    if job.hides_proxy_authorization() && headers.contains("proxy-authorization") {
        hidden = without(headers, "proxy-authorization");
        headers = &hidden;
    }
    if let Some(authorization) = job.proxy_authorization() {
        authorized = with(headers, "Proxy-Authorization", authorization);
        headers = &authorized;
    }
    if job.expects_continue().is_some() && !headers.contains("expect") {
        expecting = with(headers, "Expect", "100-continue");
        headers = &expecting;
    }
    request_head::write(out, job.method(), job.target(), automatic, headers)
        .map_err(|error| Error::message(error.kind(), error.to_string()))
}

fn with(headers: &Headers, name: &str, value: &str) -> Headers {
    let mut headers = headers.clone();
    headers.set(name, value);
    headers
}

fn without(headers: &Headers, name: &str) -> Headers {
    let mut headers = headers.clone();
    headers.remove(name);
    headers
}

/// Sends a body that is read piece by piece.
fn stream(job: &Job<'_>, sender: &mut Sender<'_, '_>) -> Result<(), Failure> {
    let mut body = job.request.body.open().map_err(Failure::last)?;
    let Sending::Sized(length) = job.framing.body else { return stream_chunks(&mut body, sender) };
    let looks_ahead = job.request.body.length() != BodyLength::Unknown;
    let block = usize::try_from(length).unwrap_or(BLOCK).min(BLOCK);
    let mut total = 0;
    sender.begin_to_ask();
    while let Some(piece) = body.next_piece(block).map_err(Failure::last)? {
        if !sender.was_given_more()? {
            return Ok(());
        }
        total += piece.len() as u64;
        // Checked before sending: bytes after the declared length would be read as the next request.
        if total > length {
            return Err(Failure::last(wrong_length(length, "more")));
        }
        if total == length && !looks_ahead {
            // The last bytes make the request whole, so it has to be known first that the source ends with them.
            let (first, last) = piece.split_at(piece.len().saturating_sub(BLOCK));
            if !sender.write(first)? {
                return Ok(());
            }
            let last = last.to_vec();
            let goes_on = require_end(&mut body, length, || sender.was_given_more())?;
            return if goes_on { sender.write(&last).map(drop) } else { Ok(()) };
        }
        if !sender.write(piece)? {
            return Ok(());
        }
    }
    if total < length {
        return Err(Failure::last(wrong_length(length, &format!("only {total}"))));
    }
    // The request is whole, so what has been answered meanwhile ends nothing.
    sender.check_source()
}

/// Asks a source of the declared `length` for its end, and calls `returned` each time that it has returned; false if sending must
/// stop.
fn require_end(
    body: &mut BodyReader,
    length: u64,
    mut returned: impl FnMut() -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    while let Some(more) = body.next_piece(1).map_err(Failure::last)? {
        if !more.is_empty() {
            return Err(Failure::last(wrong_length(length, "more")));
        }
        if !returned()? {
            return Ok(false);
        }
    }
    returned()
}

/// Sends a body of unknown length: each piece of it with its framing in one write, and not copied.
fn stream_chunks(body: &mut BodyReader, sender: &mut Sender<'_, '_>) -> Result<(), Failure> {
    let mut block = FIRST_BLOCK;
    sender.begin_to_ask();
    while let Some(chunk) = body.next_framed(block).map_err(Failure::last)? {
        if !sender.was_given_more()? {
            return Ok(());
        }
        let is_full = chunk.len() >= block;
        if !sender.write(chunk)? {
            return Ok(());
        }
        if is_full {
            block = CHUNKED_BLOCK;
        }
    }
    // The last chunk makes it whole. After it the connection can be kept, even if the answer is a refusal.
    sender.check_source()?;
    sender.write(LAST_CHUNK).map(drop)
}

fn wrong_length(length: u64, came: &str) -> Error {
    Error::message(ErrorKind::Io, format!("the body was to have {length} bytes, and its source gave {came}"))
}
