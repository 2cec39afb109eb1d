//! The loop of retries: attempt, classify, ask the [`Retry`], sleep, again.
//!
//! No lease is held while it sleeps. What a failure means is the attempt's to say, whether to go on is the `Retry`'s, and
//! how long to wait is the new `Retry`'s; this file keeps the order (see `retry`) and makes the final error.

use std::time::{Duration, Instant};

use crate::adapter::LOG;
use crate::adapter::attempt::{Failure, Stage};
use crate::adapter::http::Shared;
use crate::adapter::job::Job;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Response;
use crate::message::response::Parts;
use crate::retry::{Cause, GiveUp, Retry};

impl Shared {
    /// Sends `job` until it is answered, or its retries are used up.
    pub(super) fn attempts(&self, job: &Job<'_>) -> Result<Response> {
        let begin = Begin { at: self.clock().now(), attempts: 0 };
        let mut retry = self.settings.retry.clone();
        for attempts in 1.. {
            let so_far = Begin { attempts, ..begin };
            let asked = if attempts == 1 { begin.at } else { self.clock().now() };
            retry = match self.attempt(job, asked) {
                Ok(answer) if retry.wants(job.method(), answer.status.as_u16(), &answer.headers) => {
                    match self.after_answer(job, retry, answer, so_far)? {
                        Next::Again(retry) => *retry,
                        Next::Done(response) => return Ok(*response),
                    }
                }
                Ok(answer) => return Ok(finish(answer, retry, attempts)),
                Err(failure) => self.after_failure(job, retry, failure, so_far)?,
            };
        }
        unreachable!("the loop ends by returning")
    }

    /// A response that asks for a retry: the `Retry` to go on with, or what is to be returned.
    fn after_answer(&self, job: &Job<'_>, retry: Retry, mut answer: Parts, begin: Begin) -> Result<Next> {
        let cause = Cause::of_response(answer.status.as_u16(), answer.headers.get("location"));
        let again = retry.again(job.tried(cause, Some(&answer.headers)));
        match again {
            Ok(next) => {
                let delay = self.delay(&next, answer.headers.get("retry-after"));
                // So that its connection serves the next attempt; one with more in it is closed.
                if let Some(body) = &mut answer.body {
                    body.drain(self.settings.drain_limit);
                }
                drop(answer);
                let rewindable = job.check_rewindable("a retry");
                if rewindable.is_ok() {
                    self.sleep(job, delay).map_err(|error| self.last(error, &next, begin))?;
                }
                log::debug!(target: LOG, "Retry: {}", job.target());
                match rewindable {
                    Ok(()) => Ok(Next::Again(Box::new(next))),
                    Err(error) => Err(self.last(error, &next, begin)),
                }
            }
            Err(GiveUp::Exhausted { retry, reason }) if retry.raises_on_status() => {
                let text = format!("max retries exceeded: {reason}{}", begin.story(self.clock().now()));
                let response = finish(answer, (*retry).clone(), begin.attempts);
                // The caller may look at it; its connection must not wait for that.
                let _ = response.content();
                Err(Error::message(ErrorKind::RetryError, text).with_response(response).with_retries(*retry))
            }
            Err(give_up) => Ok(Next::Done(Box::new(finish(answer, give_up.into_retry(), begin.attempts)))),
        }
    }

    /// An attempt without an answer: the `Retry` to go on with, or the error that requests would raise.
    fn after_failure(&self, job: &Job<'_>, retry: Retry, failure: Failure, begin: Begin) -> Result<Retry> {
        let Failure { stage, error } = failure;
        let cause = match stage {
            Stage::Connect => Cause::Connect(&error),
            Stage::Read => Cause::Read(&error),
            Stage::Other => Cause::Other(&error),
            Stage::Final => return Err(self.last(error, &retry, begin)),
        };
        match retry.again(job.tried(cause, None)) {
            Ok(next) => {
                let rewindable = job.check_rewindable("a retry");
                if rewindable.is_ok() {
                    if let Err(late) = self.sleep(job, self.delay(&next, None)) {
                        return Err(self.last(late.with_source(error), &next, begin));
                    }
                }
                log::warn!(
                    target: LOG,
                    "Retrying ({next:?}) after connection broken by '{error}': {}",
                    job.target()
                );
                match rewindable {
                    Ok(()) => Ok(next),
                    Err(unrewindable) => Err(self.last(unrewindable.with_source(error), &next, begin)),
                }
            }
            Err(give_up) => Err(self.last(error, give_up.retry(), begin)),
        }
    }

    /// `error` as the one that ends it all: with the attempts before it.
    fn last(&self, error: Error, retry: &Retry, begin: Begin) -> Error {
        begin.tell(error, self.clock().now()).with_retries(retry.clone())
    }

    fn delay(&self, retry: &Retry, retry_after: Option<&str>) -> Duration {
        let clock = self.clock();
        retry.delay(retry_after, clock.wall(), clock.jitter())
    }

    /// Sleeps before the next attempt, unless that could only start after everything has to be over.
    fn sleep(&self, job: &Job<'_>, delay: Duration) -> Result<()> {
        if delay.is_zero() {
            return Ok(());
        }
        if job.options.deadline.left(self.clock().now()).is_some_and(|left| left <= delay) {
            let text = format!("the total timeout leaves no time for the next attempt, which would wait {delay:?}");
            return Err(Error::message(ErrorKind::TotalTimeout, text));
        }
        self.clock().sleep(delay);
        Ok(())
    }
}

enum Next {
    Again(Box<Retry>),
    Done(Box<Response>),
}

/// Since when, and how often.
#[derive(Clone, Copy)]
struct Begin {
    at: Instant,
    attempts: u32,
}

impl Begin {
    /// How many attempts over how long; nothing where there was only one.
    fn story(self, now: Instant) -> String {
        match self.attempts {
            0 | 1 => String::new(),
            n => format!(" ({n} attempts over {:.1?})", now.saturating_duration_since(self.at)),
        }
    }

    fn tell(self, error: Error, now: Instant) -> Error {
        let story = self.story(now);
        if story.is_empty() { error } else { error.with_story(&story) }
    }
}

fn finish(mut answer: Parts, retry: Retry, attempts: u32) -> Response {
    answer.exchange.attempts = attempts;
    answer.retries = Some(retry);
    Response::from_parts(answer)
}
