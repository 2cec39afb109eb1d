//! A lock whose state is reached through a closure, and the signal that wakes one waiter.
//!
//! No guard leaves this file, so no lock can be held across IO, a callback or another lock. Each waiter has a [`Signal`] of
//! its own: whoever hands something over wakes exactly the waiter that it is for, after unlocking. (A shared condition
//! variable would have to wake everybody, or rely on the order in which it wakes.)
//!
//! Rule: what makes `ready` true happens under the lock, and the signal comes afterwards. A signal that comes before the
//! waiter sleeps is not lost, because the waiter checks under the lock before it sleeps.
//!
//! The lock and the condition are those of [`sync`](super::sync); under the model they are shuttle's.

use std::sync::Arc;

use super::planted::planted;
use super::sync::{Condition, Lock};
use crate::clock::Deadline;

/// State that threads share, and that one thread at a time can access.
pub(super) struct Monitor<T> {
    state: Lock<T>,
}

/// How to wake one waiter.
#[derive(Clone)]
pub(super) struct Signal(Arc<Condition>);

impl Signal {
    pub(super) fn new() -> Self {
        Self(Arc::new(Condition::new()))
    }

    /// Wakes the waiter, if it sleeps. Call it without a lock.
    pub(super) fn wake(&self) {
        if !planted!(DroppedNotify) {
            self.0.notify_one();
        }
    }
}

impl<T> Monitor<T> {
    pub(super) fn new(state: T) -> Self {
        Self { state: Lock::new(state) }
    }

    /// Runs `act` under the lock. It must be short, and must not drop what closes something.
    #[inline]
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.state.lock())
    }

    /// Wakes a waiter because of something that is not in the state. It takes the lock first, so that a waiter that is about
    /// to sleep is not missed.
    pub(super) fn interrupt(&self, signal: &Signal) {
        drop(self.state.lock());
        signal.wake();
    }

    /// Sleeps until `ready` returns something, `deadline` has passed, or the wait is cancelled. `ready` is called under the
    /// lock: at once, after each signal, and once more when the wait is over.
    pub(super) fn wait<R>(
        &self,
        signal: &Signal,
        deadline: Deadline,
        is_cancelled: impl Fn() -> bool,
        mut ready: impl FnMut(&mut T) -> Option<R>,
    ) -> Option<R> {
        let mut state = self.state.lock();
        let mut in_time = true;
        loop {
            if let Some(found) = ready(&mut state) {
                return Some(found);
            }
            if !in_time || is_cancelled() {
                return None;
            }
            in_time = signal.0.wait(&mut state, deadline);
        }
    }
}

#[cfg(all(test, not(petition_model)))]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::super::test_support::until;
    use super::*;
    use crate::clock;

    #[test]
    fn what_is_ready_is_had_without_a_signal_even_when_the_time_is_up() {
        let monitor = Monitor::new(Some(7));
        let passed = Deadline::after(clock::now(), Some(Duration::ZERO));

        assert_eq!(monitor.wait(&Signal::new(), passed, || false, Option::take), Some(7));
        assert_eq!(monitor.wait(&Signal::new(), passed, || false, Option::take), None);
    }

    #[test]
    fn a_signal_wakes_its_waiter_and_no_other() {
        let monitor = Monitor::new((0, [false; 2]));
        let signals = [Signal::new(), Signal::new()];

        thread::scope(|scope| {
            let waiters = [0, 1].map(|n| {
                let (monitor, signal) = (&monitor, &signals[n]);
                scope.spawn(move || {
                    monitor.wait(
                        signal,
                        Deadline::NONE,
                        || false,
                        |(asked, ready)| {
                            *asked += 1;
                            ready[n].then_some(n)
                        },
                    )
                })
            });
            until(|| monitor.with(|(asked, _)| *asked) == 2);
            for (n, waiter) in waiters.into_iter().enumerate() {
                monitor.with(|(_, ready)| ready[n] = true);
                signals[n].wake();
                assert_eq!(waiter.join().unwrap(), Some(n));
                assert_eq!(monitor.with(|(asked, _)| *asked), 3 + n);
            }
        });
    }
}
