//! One attempt: a slot of the pool, a connection, one request and the head of its answer.
//!
//! A connection that was reused and died before the first byte of an answer is replaced once, if the request may be sent
//! twice (design.md, Decisions); the slot stays leased meanwhile.

use std::time::{Duration, Instant};

use http::Method;

use crate::adapter::connection::{Buffer, Connection, Patience};
use crate::adapter::engine::Engine;
use crate::adapter::failure::{Failure, remote};
use crate::adapter::job::Job;
use crate::adapter::log_lines::log_answer;
use crate::adapter::read_head::HeadReader;
use crate::adapter::send_request::{Sent, send};
use crate::adapter::wire_body::{Reuse, Unread, WireBody};
use crate::error::{Error, ErrorKind};
use crate::http1::body_decoder::BodyDecoder;
use crate::http1::framing::Framing;
use crate::http1::head::ResponseHead;
use crate::http1::reuse;
use crate::log_targets;
use crate::message::response::{Exchange, Parts};
use crate::message::stream::BodySource;
use crate::net::{ConnectError, Connected, Limits, Plan};
use crate::pool::{Found, Lease};
use crate::verify::Verify;

/// An exchange that broke, with the slot it was on.
struct Broken {
    failure: Failure,
    lease: Lease<Connection>,
    /// The connection died before the first byte of an answer.
    unanswered: bool,
}

impl Engine {
    /// The attempt that begins now, at `asked`.
    pub(super) fn attempt(&self, job: &Job<'_>, asked: Instant) -> Result<Parts, Failure> {
        let pool = self.pool(job);
        let mut lease = pool.check_out(self.slot_limit(job, asked)).map_err(|_| Failure::last(self.no_slot(job)))?;
        let got = self.clock.now();
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
        self.transact(job, lease, exchange, self.clock.now()).map_err(|broken| broken.failure)
    }

    /// How long to wait for a slot: the request's own limit, the adapter's, and never past the limit on everything.
    fn slot_limit(&self, job: &Job<'_>, now: Instant) -> Option<Duration> {
        let own = job.options.timeout.pool_limit_over(self.settings.pool_timeout);
        match (own, job.deadline.left(now)) {
            (Some(own), Some(left)) => Some(own.min(left)),
            (own, left) => own.or(left),
        }
    }

    fn no_slot(&self, job: &Job<'_>) -> Error {
        if job.deadline.has_passed(self.clock.now()) {
            return Error::message(ErrorKind::TotalTimeout, "the total timeout ran out while waiting for a pool slot");
        }
        let limit = job.options.timeout.pool_limit_over(self.settings.pool_timeout).unwrap_or_default();
        Error::message(ErrorKind::PoolTimeout, format!("no pool slot came free within {limit:?}"))
    }

    /// Whether a request whose reused connection died unanswered goes out once more (RFC 9110 §9.2.2).
    fn may_replay(&self, job: &Job<'_>) -> bool {
        self.settings.replay_stale && job.is_idempotent() && job.check_rewindable("a replay").is_ok()
    }

    /// Connects the slot.
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
        let tls = is_tls.then_some(&job.tls);
        let plan = Plan { host, port, tls, route: &job.route, proxy_tls: proxy_tls.as_ref() };
        let limits = Limits {
            connect: job.options.timeout.connect_limit(),
            total: job.deadline,
            clock: &*self.clock,
            cancel: None,
        };
        self.connector.connect(&plan, &limits)
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
        let patience = Patience::new(job.options.timeout.read_limit(), job.deadline, &self.clock.clock);
        let connection = lease.connection().expect("it was reused or attached");
        (exchange.connection, exchange.peer) = (connection.number, connection.transport.peer_addr());
        let mut buffer = Buffer::take();
        let mut reader = HeadReader { engine: self, patience: &patience, buffer: &mut buffer, first_byte: None };
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
            log::warn!(target: log_targets::CONNECTIONPOOL, "Failed to parse headers (url={url}): left out \"{line}\"");
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
            elapsed: None,
            retries: None,
        })
    }
}
