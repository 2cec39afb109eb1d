//! How long a check-out may wait, how it sleeps, and who hears of it.
//!
//! To the caller it is one wait, for the pace of an origin, for a slot and for a permit: one deadline, computed when the first
//! of them begins; one token that ends them; one event at the begin and one at the end; and one moment at which it has become
//! so long that somebody should be warned. It is real time, whatever the adapter's clock says: this is how long a thread
//! sleeps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection_pool::{Endpoint, NoSlot};
use super::events::{Listener, PoolEvent, WaitReason};
use super::monitor::{Monitor, Signal};
use super::planted::planted;
use super::stats::Counts;
use super::sync::{AtomicUsize, Ordering};
use crate::cancel::{Cancel, Stop};
use crate::clock::{self, Deadline};

pub(super) struct WaitLimit<'a> {
    limit: Option<Duration>,
    cancel: Option<&'a Cancel>,
    waits: Waits<'a>,
    /// After how long a wait is worth a word; `None` once it was said.
    long: Option<Duration>,
    begun: Option<Instant>,
}

/// What the waits for one pool have in common.
#[derive(Clone, Copy)]
pub(super) struct Waits<'a> {
    pub(super) listener: &'a Listener,
    pub(super) endpoint: &'a Endpoint,
    pub(super) counts: &'a Counts,
    /// How many wait for the pace of their origin.
    pub(super) for_pace: &'a AtomicUsize,
    /// After how long a wait is worth a word.
    pub(super) long: Option<Duration>,
    /// Whether who sleeps on the adapter's clock sleeps in real time.
    pub(super) is_real_time: bool,
}

/// A thread that waits for a pace, while this is there.
pub(super) struct ForPace<'a>(&'a AtomicUsize);

impl Drop for ForPace<'_> {
    fn drop(&mut self) {
        if planted!(WaitKept) {
            return;
        }
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<'a> WaitLimit<'a> {
    pub(super) fn new(limit: Option<Duration>, cancel: Option<&'a Cancel>, waits: Waits<'a>) -> Self {
        Self { limit, cancel, waits, long: waits.long, begun: None }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// When the wait began. If that is now, whoever listens is told, with `reason`. Call it without a lock, and with the
    /// place in the queue guarded.
    pub(super) fn begin(&mut self, reason: impl FnOnce() -> WaitReason) -> Instant {
        if let Some(begun) = self.begun {
            return begun;
        }
        let Endpoint { host, port, .. } = self.waits.endpoint;
        let begun = *self.begun.insert(clock::now());
        self.waits.listener.tell(|| PoolEvent::Waiting { host, port: *port, reason: reason() });
        begun
    }

    /// The wait is over, if there was one: counts and tells how long it took.
    pub(super) fn end(&mut self) {
        let Some(begun) = self.begun.take() else { return };
        let elapsed = clock::now().saturating_duration_since(begun);
        self.waits.counts.waited(elapsed);
        let Endpoint { host, port, .. } = self.waits.endpoint;
        self.waits.listener.tell(|| PoolEvent::Waited { host, port: *port, elapsed });
    }

    /// Counts this thread among those that wait for a pace.
    pub(super) fn for_pace(&self) -> ForPace<'a> {
        self.waits.for_pace.fetch_add(1, Ordering::Relaxed);
        ForPace(self.waits.for_pace)
    }

    /// How long the thread may sleep on the adapter's clock until the wait has become so long that it is worth a word. No
    /// limit if that was said, or if that clock is not real time: then the sleep ends when it ends.
    pub(super) fn until_long(&self) -> Duration {
        let (Some(begun), Some(long), true) = (self.begun, self.long, self.waits.is_real_time) else {
            return Duration::MAX;
        };
        long.saturating_sub(clock::now().saturating_duration_since(begun))
    }

    /// When the wait began, if that is so long ago that it is worth a word, which was not said yet.
    pub(super) fn has_become_long(&mut self) -> Option<Instant> {
        let (begun, long) = (self.begun?, self.long?);
        (clock::now().saturating_duration_since(begun) >= long).then(|| {
            self.long = None;
            begun
        })
    }

    /// Sleeps until `ready` has something, or the wait is over. It has [begun](Self::begin). `waiter` is how a token wakes
    /// this thread; `is_long` is called when it takes long, without a lock, at most once in all waits.
    pub(super) fn sleep<T, S: Stop + 'static, R>(
        &mut self,
        monitor: &Monitor<T>,
        signal: &Signal,
        waiter: impl FnOnce() -> Arc<S>,
        mut ready: impl FnMut(&mut T) -> Option<R>,
        is_long: impl FnOnce(),
    ) -> Option<R> {
        let begun = *self.begun.get_or_insert_with(clock::now);
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
