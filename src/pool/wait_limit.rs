//! How long a check-out may wait, and how it sleeps.
//!
//! One deadline for all its waits, computed when the first begins; one token that ends them; and one moment at which a wait
//! has become so long that somebody should hear of it. It is real time, whatever the adapter's clock says: this is how long
//! a thread sleeps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection_pool::NoSlot;
use super::monitor::{Monitor, Signal};
use crate::cancel::{Cancel, Stop};
use crate::clock::{self, Deadline};

pub(super) struct WaitLimit<'a> {
    limit: Option<Duration>,
    cancel: Option<&'a Cancel>,
    /// After how long a wait is worth a word; `None` once it was said.
    long: Option<Duration>,
    begun: Option<Instant>,
    /// Who listens was told of a wait, and not yet that it is over.
    is_told: bool,
}

impl<'a> WaitLimit<'a> {
    pub(super) fn new(limit: Option<Duration>, cancel: Option<&'a Cancel>, long: Option<Duration>) -> Self {
        Self { limit, cancel, long, begun: None, is_told: false }
    }

    /// When the first wait began, which may be now.
    pub(super) fn begin(&mut self) -> Instant {
        *self.begun.get_or_insert_with(clock::now)
    }

    /// Whether the begin of a wait is to be told: it is not, while an earlier one is not over.
    pub(super) fn tells_begin(&mut self) -> bool {
        !std::mem::replace(&mut self.is_told, true)
    }

    /// Whether the end of a wait is to be told: where its begin was.
    pub(super) fn tells_end(&mut self) -> bool {
        std::mem::take(&mut self.is_told)
    }

    /// How long all waits took so far; `None` if there was none.
    pub(super) fn waited(&self) -> Option<Duration> {
        self.begun.map(|begun| clock::now().saturating_duration_since(begun))
    }

    /// Sleeps until `ready` has something, or the wait is over. `waiter` is how a token wakes this thread; `is_long` is called
    /// when it takes long, without a lock, at most once in all waits.
    pub(super) fn sleep<T, S: Stop + 'static, R>(
        &mut self,
        monitor: &Monitor<T>,
        signal: &Signal,
        waiter: impl FnOnce() -> Arc<S>,
        mut ready: impl FnMut(&mut T) -> Option<R>,
        is_long: impl FnOnce(),
    ) -> Option<R> {
        let begun = self.begin();
        let deadline = Deadline::after(begun, self.limit);
        let is_cancelled = || self.cancel.is_some_and(Cancel::is_cancelled);
        let _registration = match self.cancel {
            Some(cancel) => Some(cancel.register(waiter())?),
            None => None,
        };
        let long = Deadline::after(begun, self.long);
        if long != Deadline::NONE && long.min(deadline) != deadline {
            let found = monitor.wait(signal, long, is_cancelled, &mut ready);
            if found.is_some() || is_cancelled() {
                return found;
            }
            self.long = None;
            is_long();
        }
        monitor.wait(signal, deadline, || self.cancel.is_some_and(Cancel::is_cancelled), ready)
    }

    /// The limit on all waits together.
    pub(super) fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// The token that ends them.
    pub(super) fn cancel(&self) -> Option<&'a Cancel> {
        self.cancel
    }

    pub(super) fn ended(&self) -> NoSlot {
        if self.cancel.is_some_and(Cancel::is_cancelled) { NoSlot::Cancelled } else { NoSlot::TimedOut }
    }
}
