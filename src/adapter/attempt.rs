//! One attempt: a slot of the pool, a connection, one request and the head of its answer.
//!
//! What goes wrong is classified here, by when it happened: before the server can have seen the request, since, or in a
//! way that trying again cannot help. A connection that was reused and died before the first byte of an answer is replaced
//! once, if the request may be sent twice (design.md, Decisions); the slot stays leased meanwhile.

use std::io;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use http::Method;

use crate::adapter::connection::{Buffer, Connection, Patience, Phase, ran_out, with_outgoing};
use crate::adapter::http::Shared;
use crate::adapter::job::Job;
use crate::adapter::wire_body::{Reuse, Unread, WireBody};
use crate::adapter::{LOG, USER_AGENT};
use crate::error::{Error, ErrorKind};
use crate::headers::Headers;
use crate::http1::body_decoder::BodyDecoder;
use crate::http1::chunk_encoder::{CHUNK_END, LAST_CHUNK, chunk_head};
use crate::http1::framing::{Framing, Sending};
use crate::http1::head::ResponseHead;
use crate::http1::request_head::{self, Automatic};
use crate::http1::response_head::{HeadLimits, HeadParser};
use crate::http1::{RemoteError, reuse};
use crate::message::response::{Exchange, Parts};
use crate::message::stream::BodySource;
use crate::net::{self, ConnectError, ConnectErrorKind, Connected, TlsError, Transport};
use crate::pool::{Endpoint, Found, Lease};

/// The largest body in memory that is copied behind its head, so that both go out in one write.
const ONE_WRITE: usize = 16 * 1024;

/// How much of a streamed body is sent at a time.
const BLOCK: usize = 16 * 1024;

/// An attempt that was not answered.
pub(super) struct Failure {
    pub(super) stage: Stage,
    pub(super) error: Error,
}

/// What a failure means for trying again (RETRY-05 to RETRY-07).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// The server cannot have seen the request.
    Connect,
    /// It may have.
    Read,
    /// TLS, or a proxy that refuses.
    Other,
    /// Trying again cannot help, or must not be tried.
    Final,
}

impl Failure {
    fn last(error: Error) -> Self {
        Self { stage: Stage::Final, error }
    }

    fn read(error: Error) -> Self {
        // The limit on everything is over for the next attempt too.
        let stage = if error.kind() == ErrorKind::TotalTimeout { Stage::Final } else { Stage::Read };
        Self { stage, error }
    }
}

/// An exchange that broke, with the slot it was on.
struct Broken {
    failure: Failure,
    lease: Lease<Connection>,
    /// The connection died before the first byte of an answer.
    unanswered: bool,
}

/// A request that went out as far as the peer took it.
enum Sent {
    Whole,
    /// The peer stopped reading; it may have answered before it did (BODY-33).
    Cut(io::Error),
}

impl Shared {
    /// The attempt that begins now, at `asked`.
    pub(super) fn attempt(&self, job: &Job<'_>, asked: Instant) -> Result<Parts, Failure> {
        let pool = self.pool(job);
        let mut lease = pool.check_out(self.slot_limit(job, asked)).map_err(|_| Failure::last(self.no_slot(job)))?;
        let got = self.clock().now();
        let mut exchange = Exchange { waited: got.saturating_duration_since(asked), ..Exchange::default() };
        if lease.found() == Found::Reused {
            exchange.reused = true;
            match self.transact(job, lease, exchange.clone(), got) {
                Err(broken) if broken.unanswered && self.may_replay(job) => lease = broken.lease,
                result => return result.map_err(|broken| broken.failure),
            }
            lease.reset();
            exchange.reused = false;
        }
        self.connect(job, &mut lease, &mut exchange)?;
        self.transact(job, lease, exchange, self.clock().now()).map_err(|broken| broken.failure)
    }

    /// How long to wait for a slot: the request's own limit, the adapter's, and never past the limit on everything.
    fn slot_limit(&self, job: &Job<'_>, now: Instant) -> Option<Duration> {
        let own = job.options.timeout.pool_limit().unwrap_or(self.settings.pool_timeout);
        match (own, job.options.deadline.left(now)) {
            (Some(own), Some(left)) => Some(own.min(left)),
            (own, left) => own.or(left),
        }
    }

    fn no_slot(&self, job: &Job<'_>) -> Error {
        if job.options.deadline.has_passed(self.clock().now()) {
            return Error::message(ErrorKind::TotalTimeout, "the total timeout ran out while waiting for a pool slot");
        }
        let limit = job.options.timeout.pool_limit().unwrap_or(self.settings.pool_timeout).unwrap_or_default();
        Error::message(ErrorKind::PoolTimeout, format!("no pool slot came free within {limit:?}"))
    }

    /// Whether a request whose reused connection died unanswered goes out once more (RFC 9110 §9.2.2).
    fn may_replay(&self, job: &Job<'_>) -> bool {
        self.settings.replay_stale && job.is_idempotent() && job.check_rewindable("a replay").is_ok()
    }

    /// Connects the slot.
    fn connect(&self, job: &Job<'_>, lease: &mut Lease<Connection>, exchange: &mut Exchange) -> Result<(), Failure> {
        let Connected { transport, report } = self.open(job).map_err(not_connected)?;
        exchange.dns = report.dns;
        exchange.connect = report.connect + report.tunnel;
        exchange.tls = report.tls;
        let number = match lease.found() {
            Found::New(number) => number,
            Found::Reused | Found::Reconnect => 0,
        };
        lease.attach(Connection { transport, number });
        Ok(())
    }

    /// Sends the request over the lease's connection, from `started` on, and reads the head of the answer.
    fn transact(
        &self,
        job: &Job<'_>,
        mut lease: Lease<Connection>,
        mut exchange: Exchange,
        started: Instant,
    ) -> Result<Parts, Box<Broken>> {
        lease.count_request();
        let patience = Patience::new(job.options.timeout.read_limit(), job.options.deadline, &self.settings.clock);
        let connection = lease.connection().expect("it was reused or attached");
        (exchange.connection, exchange.peer) = (connection.number, connection.transport.peer_addr());
        let mut buffer = Buffer::take();
        let mut reader = HeadReader { shared: self, patience: &patience, buffer: &mut buffer, first_byte: None };
        let read = send(job, &mut connection.transport, &patience)
            .map_err(|failure| (failure, false))
            .and_then(|sent| Ok((reader.read(&mut connection.transport, &sent)?, matches!(sent, Sent::Whole))));
        exchange.first_byte = reader.first_byte.map_or(Duration::ZERO, |at| at.saturating_duration_since(started));
        match read {
            Ok((head, whole)) => {
                let unread = Unread { lease, buffer, reuse: Reuse::Close(None) };
                self.answer(job, head, whole, unread, patience, exchange)
            }
            Err((failure, unanswered)) => {
                buffer.give_back();
                Err(Box::new(Broken { failure, lease, unanswered }))
            }
        }
    }

    /// Makes a response of a head, and settles the exchange if there is no body.
    fn answer(
        &self,
        job: &Job<'_>,
        head: ResponseHead,
        whole: bool,
        mut unread: Unread,
        patience: Patience,
        exchange: Exchange,
    ) -> Result<Parts, Box<Broken>> {
        let method = &job.request.method;
        let framing = match Framing::of_response(method, &head) {
            Ok(framing) => framing,
            Err(error) => {
                let failure = Failure::last(remote(&error));
                return Err(Box::new(Broken { failure, lease: unread.lease, unanswered: false }));
            }
        };
        if let Some(line) = &head.left_out {
            let url = job.request.url.without_user_info();
            log::warn!(target: LOG, "Failed to parse headers (url={url}): left out \"{line}\"");
        }
        log_answer(job, unread.lease.endpoint(), &head, framing);
        if whole {
            unread.reuse = match reuse::close_reason(method, &head, framing) {
                Some(reason) => Reuse::Close(Some(reason)),
                None => Reuse::Keep(reuse::keep_alive_timeout(&head.headers)),
            };
        }
        let decoder = BodyDecoder::new(framing);
        let body: Option<Box<dyn BodySource>> = if decoder.is_done() {
            if *method == Method::HEAD {
                unread.swallow(&head);
            }
            unread.settle();
            None
        } else {
            Some(Box::new(WireBody::new(unread, decoder, patience, self.settings.drain_limit)))
        };
        Ok(Parts {
            status: head.status,
            reason: head.reason,
            version: head.version,
            headers: head.headers,
            limits: self.settings.decoding,
            body,
            exchange,
            retries: None,
        })
    }
}

/// Reads heads until one is no interim response.
struct HeadReader<'a> {
    shared: &'a Shared,
    patience: &'a Patience,
    buffer: &'a mut Buffer,
    first_byte: Option<Instant>,
}

impl HeadReader<'_> {
    /// The head, or what went wrong and whether it was before the first byte.
    fn read(&mut self, transport: &mut Transport, sent: &Sent) -> Result<ResponseHead, (Failure, bool)> {
        let settings = &self.shared.settings;
        let limits = HeadLimits { max_bytes: settings.max_header_bytes, max_headers: settings.max_headers };
        let mut parser = HeadParser::new(limits);
        loop {
            if !self.buffer.is_empty() {
                match parser.feed(self.buffer.data()) {
                    Ok(Some((head, used))) => {
                        self.buffer.consume(used);
                        if !head.is_interim() {
                            return Ok(head);
                        }
                        continue;
                    }
                    Ok(None) => {}
                    Err(error) => return Err((misread(&error), false)),
                }
            }
            let failure = match self.patience.fill(transport, self.buffer) {
                Ok(0) => {
                    let error = parser.eof(self.buffer.data());
                    Failure::read(sent.blame(remote(&error)))
                }
                Ok(_) => {
                    self.first_byte.get_or_insert_with(|| self.shared.clock().now());
                    continue;
                }
                Err(error) if ran_out(&error) => {
                    return Err((Failure::read(self.patience.expired(Phase::Head)), false));
                }
                Err(error) => Failure::read(sent.blame(broken(error))),
            };
            return Err((failure, self.first_byte.is_none()));
        }
    }
}

impl Sent {
    /// What went wrong first: where sending was cut short, that is why there is no answer.
    fn blame(&self, error: Error) -> Error {
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
fn send(job: &Job<'_>, transport: &mut Transport, patience: &Patience) -> Result<Sent, Failure> {
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
        Err(error) if ran_out(&error) => Err(Failure::read(patience.expired(Phase::Sending))),
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

/// LOG-04, LOG-15.
fn log_answer(job: &Job<'_>, endpoint: &Endpoint, head: &ResponseHead, framing: Framing) {
    if !log::log_enabled!(target: LOG, log::Level::Debug) {
        return;
    }
    let length = framing.log_length().map_or_else(|| "None".to_owned(), |length| length.to_string());
    log::debug!(
        target: LOG,
        "{}://{}:{} \"{} {} HTTP/1.1\" {} {length}",
        endpoint.scheme,
        endpoint.host,
        endpoint.port,
        job.method(),
        job.target(),
        head.status.as_u16(),
    );
}

/// An error of the socket, or of the TLS on it: under TLS 1.3 a server says only here that it wants a certificate.
fn broken(error: io::Error) -> Error {
    match TlsError::inside(&error) {
        Some(tls) => Error::message(ErrorKind::SslError, tls.to_string()).with_source(error),
        None => Error::message(ErrorKind::ConnectionError, format!("connection aborted: {error}")).with_source(error),
    }
}

/// An answer that is there and is none: a read error to a retry (RETRY-06), unless its framing must not be trusted.
fn misread(error: &RemoteError) -> Failure {
    let stage = if error.kind() == ErrorKind::ConnectionError { Stage::Read } else { Stage::Final };
    Failure { stage, error: remote(error) }
}

fn remote(error: &RemoteError) -> Error {
    Error::message(error.kind(), error.to_string())
}

/// RETRY-05, RETRY-07: which count a connect that failed goes against.
fn not_connected(error: ConnectError) -> Failure {
    let stage = match (error.kind(), &error.kind) {
        (ErrorKind::TotalTimeout | ErrorKind::Unsupported | ErrorKind::InvalidSetting | ErrorKind::Io, _) => {
            Stage::Final
        }
        _ if error.is_verification() => Stage::Final,
        (_, ConnectErrorKind::Tls(_)) => Stage::Other,
        (_, ConnectErrorKind::Proxy(_)) if error.phase == net::Phase::Tunnel => Stage::Other,
        _ => Stage::Connect,
    };
    Failure { stage, error: error.into() }
}
