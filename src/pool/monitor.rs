//! A lock whose state is reached through a closure, and the signal that wakes one waiter.
//!
//! No guard leaves this file, so no lock can be held across IO, a callback or another lock. A waiter brings a [`Signal`] of
//! its own: who hands something over wakes exactly the one it is for, after unlocking, and nobody else. (One condition
//! variable for all would have to wake everybody, or trust the order in which it wakes.)
//!
//! Rule: what makes `ready` true happens under the lock, and the signal is given after it. A signal that comes before the
//! waiter sleeps is not lost, as the waiter looks under the lock before it sleeps.
//!
//! Under `--cfg petition_model` the lock and the signal are shuttle's, and a deadline passes when the scheduler says so.

use std::sync::Arc;

use crate::clock::Deadline;

#[cfg(not(all(test, petition_model)))]
use real::{Condition, Lock};

#[cfg(all(test, petition_model))]
use super::model::sync::{Condition, Lock};

/// State that is shared by threads, and touched by one at a time.
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

    /// Wakes the waiter, if it sleeps. To be called without a lock.
    pub(super) fn wake(&self) {
        self.0.notify_one();
    }
}

impl<T> Monitor<T> {
    pub(super) fn new(state: T) -> Self {
        Self { state: Lock::new(state) }
    }

    /// Runs `act` under the lock. It must be short, and must not drop what closes something.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.state.lock())
    }

    /// Sleeps until `ready` has something, or `deadline` has passed. `ready` is asked under the lock: first at once, then
    /// after each signal, and a last time when the time is up.
    pub(super) fn wait<R>(
        &self,
        signal: &Signal,
        deadline: Deadline,
        mut ready: impl FnMut(&mut T) -> Option<R>,
    ) -> Option<R> {
        let mut state = self.state.lock();
        let mut in_time = true;
        loop {
            if let Some(found) = ready(&mut state) {
                return Some(found);
            }
            if !in_time {
                return None;
            }
            in_time = signal.0.wait(&mut state, deadline);
        }
    }
}

#[cfg(not(all(test, petition_model)))]
mod real {
    use crate::clock::Deadline;
    use parking_lot::{Condvar, MutexGuard};

    pub(super) use parking_lot::Mutex as Lock;

    pub(super) struct Condition(Condvar);

    impl Condition {
        pub(super) fn new() -> Self {
            Self(Condvar::new())
        }

        pub(super) fn notify_one(&self) {
            self.0.notify_one();
        }

        /// Sleeps with the lock open; false if the deadline has passed.
        pub(super) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>, deadline: Deadline) -> bool {
            match deadline.0 {
                Some(at) => !self.0.wait_until(guard, at).timed_out(),
                None => {
                    self.0.wait(guard);
                    true
                }
            }
        }
    }
}
