//! One attempt: a slot of the pool, a connection, one request and the head of its answer.
//!
//! A connection that was reused and died before the first byte of an answer is replaced once, if the request may be sent
//! twice (docs/decisions.md#replay-stale); the slot stays leased meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};

use crate::adapter::buffer::Buffer;
use crate::adapter::connection::Connection;
use crate::adapter::engine::Engine;
use crate::adapter::failure::{Failure, broken, remote};
use crate::adapter::job::{Attempt, Job};
use crate::adapter::log_lines::log_answer;
use crate::adapter::patience::{Doing, Patience};
use crate::adapter::read_head::HeadReader;
use crate::adapter::send_request::send;
use crate::adapter::sent::Sent;
use crate::adapter::wire_body::{Reuse, Unread, WireBody};
use crate::cancel::Cancel;
use crate::clock::Deadline;
use crate::error::{Error, ErrorKind};
use crate::http1::body_decoder::BodyDecoder;
use crate::http1::framing::Framing;
use crate::http1::head::{LeftOut, ResponseHead};
use crate::http1::reuse::{self, CloseReason};
use crate::log_targets;
use crate::message::Response;
use crate::message::response::{Exchange, Parts};
use crate::message::stream::BodySource;
use crate::net::{ConnectError, Connected, Limits, Plan};
use crate::pace::{Hold, Outcome};
use crate::pool::{ConnectionPool, Found, Held, Lease, NoSlot, Pass, PoolEvent};
use crate::retry::Retry;
use crate::verify::Verify;

/// The default of `keep_alive_margin`.
const KEEP_ALIVE_MARGIN: Duration = Duration::from_secs(1);

/// How much is read at a time for the head of a response that is streamed. Such a response may lie unread for long, with what
/// came of its body.
const STREAMED_HEAD: usize = 2048;

/// An exchange that broke, with the slot it was on.
struct Broken {
    failure: Failure,
    lease: Lease<Connection>,
    /// Whether the connection died before the first byte of an answer.
    unanswered: bool,
    exchange: Exchange,
}

impl Broken {
    /// The failure of the attempt.
    fn told(self: Box<Self>) -> Failure {
        tell_pace(&self.lease, &self.failure);
        self.failure.with(&self.exchange)
    }
}

/// Lets the pace learn from an exchange that failed: what the server did not accept or timed out was refused. What the program's
/// own source took too long for was not.
fn tell_pace(lease: &Lease<Connection>, failure: &Failure) {
    let Some(pass) = lease.pass() else { return };
    let timed_out = match failure.error.kind() {
        ErrorKind::ReadTimeout | ErrorKind::ConnectTimeout => true,
        ErrorKind::TotalTimeout => failure.sent && !failure.by_source,
        _ => false,
    };
    if timed_out || failure.refused {
        pass.learn(Outcome::Refusal);
    }
}

/// An answer whose head was read.
struct Heard<'a, 'r> {
    head: ResponseHead,
    /// Whether the request was sent completely.
    whole: bool,
    unread: Unread,
    patience: &'a mut Patience<'r>,
    exchange: &'a Exchange,
    /// When the last of it was read.
    last_byte: Option<Instant>,
}

impl Engine {
    /// Makes the attempt that begins now.
    pub(super) fn attempt(&self, job: &Job<'_>, attempt: Attempt<'_>) -> Result<Response, Failure> {
        let Attempt { asked, number, retry } = attempt;
        if job.deadline.has_passed(asked) {
            let text = format!("the total timeout ran out before the request could be sent to {}", job.peer());
            return Err(Failure::unsent(Error::message(ErrorKind::TotalTimeout, text)));
        }
        let pool = self.pool(job);
        let (limit, cancel) = (self.slot_limit(job, asked), job.options.cancel.as_ref());
        // The clock is read again only after a wait.
        let mut got = asked;
        let checked_out = match &self.paces {
            None => {
                let checked_out = pool.check_out_at(&mut got, limit, cancel);
                checked_out.map_err(|(pool, why)| self.no_slot(job, &pool, why))
            }
            Some(paces) => {
                let gate = paces.gate(job, pool.endpoint(), asked);
                let checked_out = pool.check_out_through(&gate, limit, cancel, asked);
                got = self.clock.now();
                checked_out.map_err(|held| self.not_let_through(job, &pool, held))
            }
        };
        if checked_out.is_err() {
            got = self.clock.now();
        }
        let waited = if got == asked { Duration::ZERO } else { got.saturating_duration_since(asked) };
        let mut exchange = Exchange { waited, attempts: number, ..Exchange::default() };
        let mut lease = checked_out.map_err(|error| Failure::unsent(error).with(&exchange))?;
        let mut died = None;
        if lease.found() == Found::Reused {
            exchange.reused = true;
            match self.transact(job, lease, exchange, got, retry) {
                Err(broken) if broken.unanswered && self.may_replay(job) => {
                    lease = broken.lease;
                    died = Some((broken.failure.error, broken.exchange));
                }
                result => return result.map_err(Broken::told),
            }
            lease.reset();
            exchange = Exchange { waited, attempts: number, replayed: true, ..Exchange::default() };
        }
        if let Err(failure) = self.connect(job, &mut lease, &mut exchange) {
            tell_pace(&lease, &failure);
            return Err(match died {
                Some((first, exchange)) => failure.not_replaced(first).with(&exchange),
                None => failure.with(&exchange),
            });
        }
        self.transact(job, lease, exchange, self.clock.now(), retry).map_err(Broken::told)
    }

    /// How long to wait for a slot: the request's limit or the adapter's, within the limit on everything.
    fn slot_limit(&self, job: &Job<'_>, now: Instant) -> Option<Duration> {
        let own = job.options.timeout.pool_limit_over(self.settings.pool_timeout);
        match (own, job.deadline.left(now)) {
            (Some(own), Some(left)) => Some(own.min(left)),
            (own, left) => own.or(left),
        }
    }

    fn no_slot(&self, job: &Job<'_>, pool: &ConnectionPool<Connection>, why: NoSlot) -> Error {
        let peer = job.peer();
        if why == NoSlot::Cancelled {
            return Cancel::error(&format!("while waiting for a pool slot for {peer}"));
        }
        let (size, stats) = (self.settings.pool_maxsize, pool.stats());
        let mut held = format!("pool size {size}, {} in use, {} waiting", stats.in_use(), stats.waiting());
        if let Some(most) = self.settings.max_connections {
            held.push_str(&format!("; max_connections {most}, {} in use", self.in_use()));
        }
        if job.deadline.has_passed(self.clock.now()) {
            let text = format!("the total timeout ran out while waiting for a pool slot for {peer} ({held})");
            return Error::message(ErrorKind::TotalTimeout, text);
        }
        let limit = job.options.timeout.pool_limit_over(self.settings.pool_timeout).unwrap_or_default();
        Error::message(ErrorKind::PoolTimeout, format!("no pool slot came free within {limit:?} for {peer} ({held})"))
    }

    /// The error of a request that its origin's pace, or the pool behind it, did not let through.
    fn not_let_through(&self, job: &Job<'_>, pool: &ConnectionPool<Connection>, held: Held) -> Error {
        let Held { why, by, waiting } = held;
        let (peer, now) = (job.peer(), self.clock.now());
        let (what, detail) = match by {
            Hold::Free => return self.no_slot(job, pool, why),
            Hold::Paused(until) => {
                let left = until.saturating_duration_since(now);
                (
                    "the end of a pause that the server asked for with Retry-After",
                    format!("{left:.1?} left, {waiting} waiting"),
                )
            }
            Hold::Rate(_) => {
                let rate = self.settings.pace.rate.map(|rate| rate.to_string()).unwrap_or_default();
                ("the rate limit", format!("{rate}; {waiting} waiting"))
            }
            Hold::Full => {
                let (size, in_use) = (self.settings.pool_maxsize, pool.stats().in_use());
                let detail = format!("pool size {size}, {in_use} in use, {waiting} waiting");
                ("a pool slot under the learnt limit", detail)
            }
        };
        if why == NoSlot::Cancelled {
            return Cancel::error(&format!("while waiting for {what}, to send to {peer}"));
        }
        if job.deadline.has_passed(now) {
            let text = format!("the total timeout ran out while waiting for {what}, to send to {peer} ({detail})");
            return Error::message(ErrorKind::TotalTimeout, text);
        }
        let limit = job.options.timeout.pool_limit_over(self.settings.pool_timeout).unwrap_or_default();
        let text = format!("still waiting for {what} after {limit:?}, to send to {peer} ({detail})");
        Error::message(ErrorKind::PoolTimeout, text)
    }

    /// Lets the pace learn from the head of an answer, before its connection is free for another.
    #[inline(never)]
    fn answered(&self, job: &Job<'_>, pass: &Pass, head: &ResponseHead) {
        let status = head.status.as_u16();
        if self.settings.pace.pause && matches!(status, 429 | 503) {
            let retry_after = head.headers.get("retry-after");
            let time = retry_after.and_then(|value| self.settings.retry.retry_after_at(value, self.clock.wall()));
            if let Some(time) = time.filter(|time| pass.pause(self.clock.now(), *time)) {
                let (host, port) = job.told_origin();
                self.settings.listener.tell(|| PoolEvent::Paused { host: &host, port, duration: time });
            }
        }
        match status {
            429 | 503 => pass.learn(Outcome::Refusal),
            500.. => {}
            _ => pass.learn(Outcome::Success),
        }
    }

    /// Whether a request whose reused connection died unanswered is sent again (RFC 9110 §9.2.2).
    fn may_replay(&self, job: &Job<'_>) -> bool {
        self.settings.replay_stale && job.is_idempotent() && job.check_rewindable("a replay").is_ok()
    }

    /// Makes the connection of the slot.
    fn connect(&self, job: &Job<'_>, lease: &mut Lease<Connection>, exchange: &mut Exchange) -> Result<(), Failure> {
        let Connected { transport, report } = self.open(job).map_err(Failure::not_connected)?;
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

    /// Opens a connection for the job.
    fn open(&self, job: &Job<'_>) -> Result<Connected, ConnectError> {
        let is_tls = job.request.url.is_https();
        let (host, port) = job.origin();
        let encrypted_proxy = job.route.encrypted_proxy();
        let proxy_tls = encrypted_proxy.map(|_| job.tls.for_proxy());
        if job.tls.config().verify == Verify::No {
            let proxy = encrypted_proxy.map(|proxy| proxy.host.as_str());
            proxy.into_iter().chain(is_tls.then_some(host)).for_each(|host| self.warn_unverified(host));
        }
        let tls = is_tls.then_some(&*job.tls);
        let plan = Plan { host, port, tls, route: &job.route, proxy_tls: proxy_tls.as_ref() };
        let limits = Limits {
            connect: job.options.timeout.connect_limit(),
            total: job.deadline,
            clock: &*self.clock,
            cancel: job.options.cancel.as_ref(),
        };
        let started = self.clock.now();
        self.connector.connect(&plan, &limits).or_else(|error| {
            let Some(exhausted) = error.exhausted() else { return Err(error) };
            // Also where there is no time left to try again: the next one finds room.
            self.give_up_idle(exhausted.is_of_ports());
            // What is left of the limit: the first attempt may have waited for another address before.
            let connect = Deadline::after(started, limits.connect).left(self.clock.now());
            if connect == Some(Duration::ZERO) || error.has_timed_out() {
                return Err(error);
            }
            self.connector.connect(&plan, &Limits { connect, ..limits })
        })
    }

    /// Sends the request on the lease's connection, from `started` on, and reads the head of the answer.
    fn transact(
        &self,
        job: &Job<'_>,
        mut lease: Lease<Connection>,
        mut exchange: Exchange,
        started: Instant,
        retry: &Arc<Retry>,
    ) -> Result<Response, Box<Broken>> {
        lease.count_request();
        let read = job.options.timeout.read_limit();
        let mut patience =
            Patience::new(read, job.deadline, &self.clock.clock, job.options.cancel.as_ref(), &job.request.url);
        let connection = lease.connection().expect("it was reused or attached");
        (exchange.connection, exchange.peer) = (connection.number, connection.transport.peer_addr());
        let stops = match patience.register(&connection.transport) {
            Ok(stops) => stops,
            Err(halt) => {
                let failure = Failure::unsent(patience.error(halt, Doing::Sending, broken));
                return Err(Box::new(Broken { failure, lease, unanswered: false, exchange }));
            }
        };
        let mut buffer = Buffer::take();
        let most = if job.options.stream { STREAMED_HEAD } else { usize::MAX };
        let mut reader = HeadReader::new(&patience, &self.clock, &mut buffer, self.settings.head, most);
        let read = send(job, &mut connection.transport, &patience, &mut reader)
            .map_err(|failure| (failure, false))
            .and_then(|sent| Ok((reader.read(&mut connection.transport, &sent)?, matches!(sent, Sent::Whole))));
        let (first_byte, last_byte) = (reader.first_byte(), reader.last_byte());
        exchange.first_byte = first_byte.map_or(Duration::ZERO, |at| at.saturating_duration_since(started));
        match read {
            // The server gave up the idle connection just as the request went out (docs/decisions.md#late-408).
            Ok((head, _)) if exchange.reused && head.status == StatusCode::REQUEST_TIMEOUT && self.may_replay(job) => {
                buffer.give_back();
                let text = format!("the server closed the idle connection with a 408 ({})", job.peer());
                let error = Error::message(ErrorKind::ConnectionError, text);
                Err(Box::new(Broken { failure: Failure::read(error), lease, unanswered: true, exchange }))
            }
            Ok((head, whole)) => {
                if let Some(pass) = lease.pass() {
                    self.answered(job, pass, &head);
                }
                let unread = Unread { lease, buffer, reuse: Reuse::Close(None), stops };
                let (patience, exchange) = (&mut patience, &exchange);
                self.answer(job, Heard { head, whole, unread, patience, exchange, last_byte }, retry)
            }
            Err((failure, unanswered)) => {
                buffer.give_back();
                Err(Box::new(Broken { failure, lease, unanswered, exchange }))
            }
        }
    }

    /// Makes the response from the head, and settles the exchange if there is no body, or if all of it is there.
    ///
    /// The parts of `heard` are used where they are, because most of them are large.
    fn answer(&self, job: &Job<'_>, mut heard: Heard<'_, '_>, retry: &Arc<Retry>) -> Result<Response, Box<Broken>> {
        let (method, last_byte) = (&job.request.method, heard.last_byte);
        let (head, unread) = (&heard.head, &mut heard.unread);
        let framing = match Framing::of_response(method, head) {
            Ok(framing) => framing,
            Err(error) => {
                let failure = Failure::last(remote(&error, &job.peer()));
                let (lease, exchange) = (heard.unread.lease, heard.exchange.clone());
                return Err(Box::new(Broken { failure, lease, unanswered: false, exchange }));
            }
        };
        if let Some(LeftOut { line, bytes }) = head.left_out {
            let url = job.request.url.without_user_info();
            log::warn!(
                target: log_targets::CONNECTIONPOOL,
                "Failed to parse headers (url={url}): line {line} of the head is no field, and its {bytes} bytes are left out"
            );
        }
        log_answer(job, unread.lease.endpoint(), head, framing);
        if heard.whole {
            unread.reuse = match reuse::close_reason(method, head, framing) {
                Some(reason) => Reuse::Close(Some(reason)),
                None if job.closes_connection() => Reuse::Close(Some(CloseReason::Last)),
                None if job.framing.lacks_body(method, &job.request.headers) => {
                    Reuse::Close(Some(CloseReason::Lacking))
                }
                None => Reuse::Keep(self.keep_alive(head)),
            };
        }
        let decoder = BodyDecoder::new(framing);
        let (mut closer, mut content) = (None, None);
        let body: Option<Box<dyn BodySource>> = if decoder.is_done() {
            if *method == Method::HEAD {
                unread.swallow(head);
            }
            heard.unread.settle(last_byte);
            None
        } else if let Some(length) = self.length_at_once(job, head, framing, unread) {
            content = Some(unread.take_content(length));
            heard.unread.settle(last_byte);
            None
        } else {
            // Only a body that is returned unread can be closed by one thread while another reads it.
            if job.options.stream || !job.request.extras.hooks.is_empty() {
                let own = Cancel::new();
                unread.let_close(&own);
                heard.patience.closed_by(own.clone());
                closer = Some(own);
            }
            // A body that is read at once needs no copy of what came with the head.
            let mut unread = heard.unread;
            if !job.options.content_at_once {
                unread.buffer = unread.buffer.shrunk();
            }
            Some(Box::new(WireBody::new(unread, decoder, heard.patience.take_for_body(), self.settings.drain)))
        };
        let head = heard.head;
        Ok(Response::from_parts(Parts {
            status: head.status,
            reason: head.reason,
            version: head.version,
            headers: head.headers,
            limits: self.settings.decoding,
            body,
            content,
            closer,
            exchange: heard.exchange.clone(),
            answered: last_byte.filter(|_| !self.clock.is_own),
            retries: Some(Arc::clone(retry)),
        }))
    }

    /// The length of a body that is content as it stands in the buffer, if the session reads it at once and nothing sees the
    /// response before: then it needs no reader.
    fn length_at_once(&self, job: &Job<'_>, head: &ResponseHead, framing: Framing, unread: &Unread) -> Option<usize> {
        let Framing::Length(length) = framing else { return None };
        let length = usize::try_from(length).ok().filter(|&length| length <= unread.buffer.data().len())?;
        let is_plain = self.settings.decoding.max_decoded_bytes.is_none() && !head.headers.contains("content-encoding");
        // Of a redirect, or of a challenge, the session keeps no more than the adapter's limits on a drain allow.
        let is_wanted = !head.status.is_redirection() && !head.headers.contains("www-authenticate");
        (job.options.content_at_once && is_plain && is_wanted).then_some(length)
    }

    /// How long the server keeps the connection, less the margin (docs/decisions.md#keep-alive-margin).
    fn keep_alive(&self, head: &ResponseHead) -> Option<Duration> {
        let timeout = reuse::keep_alive_timeout(&head.headers)?;
        // By default at most half. Otherwise a server that says one second would get a new connection for each request.
        let margin = self.settings.keep_alive_margin.unwrap_or(KEEP_ALIVE_MARGIN.min(timeout / 2));
        Some(timeout.saturating_sub(margin))
    }
}
