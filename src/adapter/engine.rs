//! The engine of the stock adapters: pools, a connector, and the loop of retries (attempt, classify, ask the [`Retry`], sleep).
//!
//! No lease is held while it sleeps. `failure` decides what a failure means, the `Retry` whether to continue, and the next
//! `Retry` how long to wait. This file keeps the order (see `retry`) and makes the final error.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::adapter::connection::Connection;
use crate::adapter::failure::{Failure, Stage};
use crate::adapter::job::{Attempt, Job};
use crate::adapter::options::{EngineClock, SendOptions};
use crate::adapter::paces::Paces;
use crate::adapter::pool_key::Key;
use crate::adapter::settings::AdapterSettings;
use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, Result};
use crate::log_targets;
use crate::message::{PreparedRequest, Response};
use crate::net::{Connector, TlsSettings};
use crate::pace::RetryTokens;
use crate::pool::{self, ConnectionPool, Manager, PoolEvent, PoolStats};
use crate::proxy::Route;
use crate::retry::{Cause, GiveUp, Retry};
use crate::verify::Verify;

/// How many unverified hosts an adapter remembers.
const MAX_UNVERIFIED: usize = 4096;

/// What the clones of an adapter share.
pub(super) struct Engine {
    pub(super) settings: AdapterSettings,
    pub(super) clock: EngineClock,
    /// What is wrong with the settings, if anything.
    problem: Option<(ErrorKind, String)>,
    manager: Manager<Key, Connection>,
    pub(super) connector: Connector,
    /// The TLS settings with the default `verify` and `cert`, so that most requests need no others.
    tls: TlsSettings,
    /// The last settings that were not these. The next request usually has the same, mostly a bundle that the environment
    /// names.
    last_tls: Mutex<TlsSettings>,
    /// The hosts that were warned of (docs/decisions.md#warn-once), up to a limit.
    unverified: Mutex<HashSet<String>>,
    /// The gates of the origins, if they have a pace.
    pub(super) paces: Option<Paces>,
    /// What is left of the budget of retries, if there is one.
    retry_tokens: Option<Mutex<RetryTokens>>,
}

impl Engine {
    pub(super) fn new(settings: AdapterSettings) -> Self {
        let problem = settings.check().err().map(|error| (error.kind(), error.to_string()));
        let clock = EngineClock::new(settings.own_clock.clone());
        let manager = Manager::new(pool::PoolSettings {
            pool_connections: settings.pool_connections,
            pool_maxsize: settings.pool_maxsize,
            pool_block: settings.pool_block,
            idle_timeout: settings.idle_timeout,
            max_lifetime: settings.max_lifetime,
            max_connections: settings.max_connections,
            reap_idle: settings.reap_idle,
            long_wait: Some(pool::LONG_WAIT),
            listener: settings.listener.clone(),
            clock: Arc::clone(&clock.clock),
            is_real_time: !clock.is_own,
        });
        let connector = Connector {
            options: settings.socket.clone(),
            resolver: settings.resolver.clone(),
            allowed: settings.allowed.clone(),
        };
        let tls = TlsSettings::new(settings.tls.clone());
        let paces = Paces::new(settings.pace);
        let retry_tokens = settings.pace.budget.map(|budget| Mutex::new(RetryTokens::new(budget, clock.now())));
        Self {
            settings,
            clock,
            problem,
            manager,
            connector,
            last_tls: Mutex::new(tls.clone()),
            tls,
            unverified: Mutex::new(HashSet::new()),
            paces,
            retry_tokens,
        }
    }

    /// Sends by `route` until there is an answer, or no retry is left.
    pub(super) fn send(&self, route: Route, request: &PreparedRequest, options: &SendOptions) -> Result<Response> {
        if let Some((kind, text)) = &self.problem {
            return Err(Error::message(*kind, text.clone()));
        }
        options.timeout.check()?;
        if options.cancel.as_ref().is_some_and(Cancel::is_cancelled) {
            return Err(Cancel::error("before it was sent").unsent());
        }
        let (tls, deadline) = (self.tls_for(options), options.deadline(&self.clock));
        self.attempts(&Job::new(request, options, route, tls, deadline)?)
    }

    pub(super) fn stats(&self) -> Vec<PoolStats> {
        let stats = self.manager.stats();
        match &self.paces {
            Some(paces) => paces.add_to(stats),
            None => stats,
        }
    }

    /// How many connections of those that `max_connections` allows are in use.
    pub(super) fn in_use(&self) -> usize {
        self.manager.in_use()
    }

    pub(super) fn close_idle(&self, age: Duration) -> usize {
        self.manager.close_idle(age)
    }

    /// Closes all idle connections, so that their descriptors or `ports` can be used for another.
    pub(super) fn give_up_idle(&self, ports: bool) {
        self.manager.give_up_idle(ports);
    }

    /// Closes all pools.
    pub(super) fn close(&self) {
        self.manager.close();
    }

    /// The pool for the job's host, route and TLS settings.
    pub(super) fn pool(&self, job: &Job<'_>) -> Arc<ConnectionPool<Connection>> {
        self.manager.pool(&job.pool_key())
    }

    fn tls_for(&self, options: &SendOptions) -> Cow<'_, TlsSettings> {
        let cert = options.cert.as_ref();
        let verify = match (&options.verify, &options.bundle_of_environment) {
            // Whom to trust is decided by the program, and no variable takes part in it.
            (Verify::CaBundle(path), Some(named)) if path == named && self.tls.decides_about_trust() => &Verify::Yes,
            (verify, _) => verify,
        };
        if self.tls.has(verify, cert) {
            return Cow::Borrowed(&self.tls);
        }
        let mut last = self.last_tls.lock();
        if !last.has(verify, cert) {
            *last = self.tls.with(verify, cert);
        }
        Cow::Owned(last.clone())
    }

    /// Warns of an unverified host once (docs/decisions.md#warn-once).
    pub(super) fn warn_unverified(&self, host: &str) {
        let is_new = {
            let mut known = self.unverified.lock();
            // A repeated warning is better than a list that grows without limit.
            if known.len() >= MAX_UNVERIFIED && !known.contains(host) {
                known.clear();
            }
            known.insert(host.to_owned())
        };
        if is_new {
            log::warn!(
                target: log_targets::TLS,
                "Unverified HTTPS request is being made to host '{host}'. Adding certificate verification is strongly advised."
            );
        }
    }

    /// Sends `job` until there is an answer, or no retry is left.
    fn attempts(&self, job: &Job<'_>) -> Result<Response> {
        let mut begin = Begin { at: job.options.arrival(&self.clock), attempts: 0, sent: false };
        // Copied when it is to change: nearly every request is answered at once, and its response shares the adapter's.
        let mut retry = Cow::Borrowed(&self.settings.retry);
        if let Some((left, broken)) = job.options.shared_retries.as_ref().map(|shared| shared.take()) {
            retry = left.map_or(retry, |left| Cow::Owned(Arc::new(left)));
            if let Some(error) = broken {
                begin = Begin { attempts: 1, sent: true, ..begin };
                retry = Cow::Owned(Arc::new(self.after_failure(job, own(retry), Failure::read(error), begin)?));
            }
        }
        for number in 1.. {
            begin.attempts = number;
            let asked = if number == 1 && !begin.sent { begin.at } else { self.clock.now() };
            let attempt = self.attempt(job, Attempt { asked, number, retry: &retry });
            if let Some(tokens) = &self.retry_tokens {
                // A request that was not let through is none.
                if number == 1 && !attempt.as_ref().is_err_and(|failure| failure.stage == Stage::Final) {
                    tokens.lock().add_request(self.clock.now());
                }
            }
            let next = match attempt {
                Ok(answer) => {
                    begin.sent = true;
                    if !retry.wants(job.method(), answer.status_code().as_u16(), answer.headers()) {
                        return Ok(self.timed(answer, begin));
                    }
                    match self.after_answer(job, own(retry), answer, begin)? {
                        Next::Again(retry) => *retry,
                        Next::Done(response) => return Ok(response),
                    }
                }
                Err(mut failure) => {
                    begin.sent |= failure.sent;
                    if failure.sent {
                        failure.error = job.named(failure.error);
                    }
                    self.after_failure(job, own(retry), failure, begin)?
                }
            };
            retry = Cow::Owned(Arc::new(next));
        }
        unreachable!("the loop ends by returning")
    }

    /// Handles a response that asks for a retry: the `Retry` to continue with, or what to return.
    fn after_answer(&self, job: &Job<'_>, retry: Retry, answer: Response, begin: Begin) -> Result<Next> {
        let cause = Cause::of_response(answer.status_code().as_u16(), answer.headers().get("location"));
        let again = retry.again(job.tried(cause, Some(answer.headers())));
        match again {
            Ok(next) if !self.may_retry() => {
                log_spent(job);
                if !next.raises_on_status() {
                    return Ok(Next::Done(self.finish(answer, next, begin)));
                }
                let (status, peer, story) = (answer.status_code().as_u16(), job.peer(), begin.story(self.clock.now()));
                let text = format!("{SPENT}: a {status} error response from {peer} was not retried{story}");
                Err(self.raise(text, answer, next, begin))
            }
            Ok(next) => {
                let delay = self.delay(&next, answer.headers().get("retry-after"));
                let rewindable = job.check_rewindable("a retry");
                if let Some(late) = self.too_late(job, delay).filter(|_| rewindable.is_ok()) {
                    self.do_not_retry();
                    let response = self.finish(answer, next.clone(), begin);
                    // Errors in its body do not matter.
                    let _ = response.keep_for_later();
                    return Err(self.last(late.with_response(response), &next, begin));
                }
                // So that its connection can serve the next attempt. If there is more, it is closed.
                answer.drain();
                drop(answer);
                if rewindable.is_ok() {
                    self.tell_retry(job, begin, delay);
                    self.sleep(job, delay).map_err(|error| {
                        self.do_not_retry();
                        self.last(error, &next, begin)
                    })?;
                }
                log::debug!(target: log_targets::CONNECTIONPOOL, "Retry: {}", job.target());
                match rewindable {
                    Ok(()) => Ok(Next::Again(Box::new(next))),
                    Err(error) => {
                        self.do_not_retry();
                        Err(self.last(error, &next, begin))
                    }
                }
            }
            Err(GiveUp::Exhausted { retry, reason }) if retry.raises_on_status() => {
                let text =
                    format!("max retries exceeded: {reason} from {}{}", job.peer(), begin.story(self.clock.now()));
                Err(self.raise(text, answer, *retry, begin))
            }
            Err(give_up) => Ok(Next::Done(self.finish(answer, give_up.into_retry(), begin))),
        }
    }

    /// The error about a response that is not retried any more.
    fn raise(&self, text: String, answer: Response, retry: Retry, begin: Begin) -> Error {
        let response = self.finish(answer, retry.clone(), begin);
        // The caller may read the response. Its connection must not wait for that.
        let _ = response.keep_for_later();
        Error::message(ErrorKind::RetryError, text).with_response(response).with_retries(retry)
    }

    /// Takes a token for a retry; false if the budget is spent.
    fn may_retry(&self) -> bool {
        self.retry_tokens.as_ref().is_none_or(|tokens| tokens.lock().take(self.clock.now()))
    }

    /// Gives back the token of a retry that is not made after all.
    fn do_not_retry(&self) {
        if let Some(tokens) = &self.retry_tokens {
            tokens.lock().give_back(self.clock.now());
        }
    }

    /// Handles an attempt without an answer: the `Retry` to continue with, or the error that requests would raise.
    fn after_failure(&self, job: &Job<'_>, retry: Retry, failure: Failure, begin: Begin) -> Result<Retry> {
        let Failure { stage, error, .. } = failure;
        let cause = match stage {
            Stage::Connect => Cause::Connect(&error),
            Stage::Read => Cause::Read(&error),
            Stage::Other => Cause::Other(&error),
            Stage::Final => return Err(self.last(error, &retry, begin)),
        };
        match retry.again(job.tried(cause, None)) {
            Ok(next) if !self.may_retry() => {
                log_spent(job);
                let error = error.with_story(&format!(" (not retried: {SPENT})"));
                Err(self.last(error, &next, begin))
            }
            Ok(next) => {
                let rewindable = job.check_rewindable("a retry");
                if rewindable.is_ok() {
                    let delay = self.delay(&next, None);
                    let slept = self.too_late(job, delay).map_or_else(
                        || {
                            self.tell_retry(job, begin, delay);
                            self.sleep(job, delay)
                        },
                        Err,
                    );
                    if let Err(ended) = slept {
                        self.do_not_retry();
                        return Err(self.last(ended.with_source(error), &next, begin));
                    }
                }
                log::warn!(
                    target: log_targets::CONNECTIONPOOL,
                    "Retrying ({next:?}) after connection broken by '{error}': {}",
                    job.target()
                );
                match rewindable {
                    Ok(()) => Ok(next),
                    Err(unrewindable) => {
                        self.do_not_retry();
                        Err(self.last(unrewindable.with_source(error), &next, begin))
                    }
                }
            }
            Err(give_up) => Err(self.last(error, give_up.retry(), begin)),
        }
    }

    /// `error` as the final one, with the number of attempts.
    fn last(&self, error: Error, retry: &Retry, begin: Begin) -> Error {
        begin.tell(error, self.clock.now()).with_retries(retry.clone())
    }

    fn finish(&self, mut answer: Response, retry: Retry, begin: Begin) -> Response {
        answer.set_retries(retry);
        self.timed(answer, begin)
    }

    fn timed(&self, mut answer: Response, begin: Begin) -> Response {
        if let Some(elapsed) = self.clock.elapsed(begin.at) {
            answer.set_measured(elapsed);
        }
        answer
    }

    fn delay(&self, retry: &Retry, retry_after: Option<&str>) -> Duration {
        retry.delay(retry_after, self.clock.wall(), self.clock.jitter())
    }

    /// The error if the next attempt could only start after the limit on everything.
    fn too_late(&self, job: &Job<'_>, delay: Duration) -> Option<Error> {
        let left = job.deadline.left(self.clock.now())?;
        (left <= delay).then(|| {
            let text = format!(
                "the total timeout leaves no time for the next attempt at {}, which would wait {delay:?}",
                job.peer()
            );
            Error::message(ErrorKind::TotalTimeout, text)
        })
    }

    fn tell_retry(&self, job: &Job<'_>, begin: Begin, delay: Duration) {
        let (host, port) = job.told_origin();
        self.settings.listener.tell(|| PoolEvent::RetryScheduled {
            host: &host,
            port,
            attempts: begin.attempts,
            delay,
        });
    }

    /// Sleeps before the next attempt.
    fn sleep(&self, job: &Job<'_>, delay: Duration) -> Result<()> {
        let slept = match &job.options.cancel {
            _ if delay.is_zero() => true,
            Some(cancel) => self.clock.sleep_or_cancel(delay, cancel),
            None => {
                self.clock.sleep(delay);
                true
            }
        };
        if slept { Ok(()) } else { Err(Cancel::error(&format!("while waiting to send to {} again", job.peer()))) }
    }
}

fn own(retry: Cow<'_, Arc<Retry>>) -> Retry {
    Arc::unwrap_or_clone(retry.into_owned())
}

const SPENT: &str = "the retry budget is spent";

fn log_spent(job: &Job<'_>) {
    log::debug!(target: log_targets::RETRY, "Not retried, because {SPENT}: {}", job.target());
}

enum Next {
    Again(Box<Retry>),
    Done(Response),
}

/// When the attempts began, and how many there were.
#[derive(Clone, Copy)]
struct Begin {
    at: Instant,
    attempts: u32,
    /// Whether any attempt may have sent something of the request.
    sent: bool,
}

impl Begin {
    /// The number of attempts and their duration, for the error text; empty if there was only one.
    fn story(self, now: Instant) -> String {
        match self.attempts {
            0 | 1 => String::new(),
            n => format!(" ({n} attempts over {:.1?})", now.saturating_duration_since(self.at)),
        }
    }

    fn tell(self, error: Error, now: Instant) -> Error {
        let error = error.with_attempts(self.attempts);
        let error = if self.sent { error } else { error.unsent() };
        let story = self.story(now);
        if story.is_empty() { error } else { error.with_story(&story) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_unverified_hosts_are_remembered_than_the_limit() {
        let engine = Engine::new(AdapterSettings::default());
        for index in 0..3 * MAX_UNVERIFIED {
            engine.warn_unverified(&format!("{index}.test"));
        }

        let known = engine.unverified.lock();
        assert!((1..=MAX_UNVERIFIED).contains(&known.len()));
        assert!(known.contains(&format!("{}.test", 3 * MAX_UNVERIFIED - 1)), "the last is one of them");
    }
}
