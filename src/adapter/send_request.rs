//! Everything that puts a request on the wire: its head, its body, its chunks.
//!
//! A peer that takes no more is not the end: it may have answered before it stopped reading, and that is for the reader of
//! the head to find out.

use std::io;
use std::num::NonZeroUsize;

use crate::adapter::USER_AGENT;
use crate::adapter::connection::{Doing, Patience, ran_out, with_outgoing};
use crate::adapter::failure::Failure;
use crate::adapter::job::Job;
use crate::error::{Error, ErrorKind};
use crate::headers::Headers;
use crate::http1::chunk_encoder::{CHUNK_END, LAST_CHUNK, chunk_head};
use crate::http1::framing::Sending;
use crate::http1::request_head::{self, Automatic};
use crate::net::Transport;

/// The largest body in memory that is copied behind its head, so that both go out in one write.
const ONE_WRITE: usize = 16 * 1024;

/// How much of a streamed body is sent at a time.
const BLOCK: usize = 16 * 1024;

/// A request that went out as far as the peer took it.
pub(super) enum Sent {
    Whole,
    /// The peer stopped reading; it may have answered before it did (BODY-33).
    Cut(io::Error),
}

impl Sent {
    /// What went wrong first: where sending was cut short, that is why there is no answer.
    pub(super) fn blame(&self, error: Error) -> Error {
        match self {
            Self::Cut(cut) => {
                Error::message(ErrorKind::ConnectionError, format!("connection aborted while sending: {cut}"))
                    .with_source(error)
            }
            Self::Whole => error,
        }
    }
}

/// Sends head and body, as far as the peer takes them.
pub(super) fn send(job: &Job<'_>, transport: &mut Transport, patience: &Patience) -> Result<Sent, Failure> {
    with_outgoing(|out| {
        write_head(job, out).map_err(Failure::last)?;
        match job.request.body.as_bytes().filter(|_| matches!(job.framing.body, Sending::Sized(_))) {
            Some(bytes) if bytes.len() <= ONE_WRITE => {
                out.extend_from_slice(bytes);
                sent(patience.write_all(transport, out), patience)
            }
            Some(bytes) => {
                let head = sent(patience.write_all(transport, out), patience)?;
                if let Sent::Cut(_) = head { Ok(head) } else { sent(patience.write_all(transport, bytes), patience) }
            }
            None if job.framing.body == Sending::Nothing => sent(patience.write_all(transport, out), patience),
            None => stream(job, transport, patience, out),
        }
    })
}

/// A write that the peer did not take is not the end: it may have answered (BODY-33).
fn sent(written: io::Result<()>, patience: &Patience) -> Result<Sent, Failure> {
    match written {
        Ok(()) => Ok(Sent::Whole),
        Err(error) if ran_out(&error) => Err(Failure::read(patience.expired(Doing::Sending))),
        Err(error) => Ok(Sent::Cut(error)),
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
    let (hidden, authorized);
    let mut headers = &request.headers;
    if job.hides_proxy_authorization() && headers.contains("proxy-authorization") {
        hidden = without(headers, "proxy-authorization");
        headers = &hidden;
    }
    if let Some(authorization) = job.proxy_authorization() {
        authorized = with(headers, "Proxy-Authorization", authorization);
        headers = &authorized;
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

/// Sends a body that is read piece by piece, behind the head that is in `out`.
fn stream(job: &Job<'_>, transport: &mut Transport, patience: &Patience, out: &mut Vec<u8>) -> Result<Sent, Failure> {
    let mut body = job.request.body.open().map_err(Failure::last)?;
    let length = match job.framing.body {
        Sending::Sized(length) => Some(length),
        Sending::Chunked | Sending::Nothing => None,
    };
    let mut total = 0;
    // The head goes out at once (BODY-32): a source that is slow must not hold it back.
    let mut result = sent(patience.write_all(transport, out), patience)?;
    while let (Sent::Whole, Some(piece)) = (&result, body.next_chunk(BLOCK).map_err(Failure::last)?) {
        total += piece.len() as u64;
        if length.is_some_and(|length| total > length) {
            return Err(Failure::last(wrong_length(length, "more")));
        }
        result = match (length, NonZeroUsize::new(piece.len())) {
            (None, Some(size)) => {
                out.clear();
                chunk_head(size, out);
                out.extend_from_slice(piece);
                out.extend_from_slice(CHUNK_END);
                sent(patience.write_all(transport, out), patience)?
            }
            _ => sent(patience.write_all(transport, piece), patience)?,
        };
    }
    match (result, length) {
        (Sent::Cut(error), _) => Ok(Sent::Cut(error)),
        (Sent::Whole, Some(length)) if total < length => {
            Err(Failure::last(wrong_length(Some(length), &format!("only {total}"))))
        }
        (Sent::Whole, Some(_)) => Ok(Sent::Whole),
        (Sent::Whole, None) => sent(patience.write_all(transport, LAST_CHUNK), patience),
    }
}

fn wrong_length(length: Option<u64>, came: &str) -> Error {
    let length = length.unwrap_or_default();
    Error::message(ErrorKind::Io, format!("the body was to have {length} bytes, and its source gave {came}"))
}
