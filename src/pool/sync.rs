//! Synchronization: the lock, the condition, and the numbers that are read without the lock.
//!
//! Under `--cfg petition_model` all of them are shuttle's (see [`model`](super::model)), so that the model interleaves
//! threads at each of them.

#[cfg(all(test, petition_model))]
pub(super) use super::model::sync::{AtomicUsize, Condition, Lock};
#[cfg(not(all(test, petition_model)))]
pub(super) use real::{AtomicUsize, Condition, Lock};

pub(super) use std::sync::atomic::Ordering;

#[cfg(not(all(test, petition_model)))]
mod real {
    use parking_lot::{Condvar, MutexGuard};

    use crate::clock::Deadline;

    pub(in super::super) use parking_lot::Mutex as Lock;
    pub(in super::super) use std::sync::atomic::AtomicUsize;

    pub(in super::super) struct Condition(Condvar);

    impl Condition {
        pub(in super::super) fn new() -> Self {
            Self(Condvar::new())
        }

        pub(in super::super) fn notify_one(&self) {
            self.0.notify_one();
        }

        /// Sleeps with the lock released; false if the deadline has passed.
        pub(in super::super) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>, deadline: Deadline) -> bool {
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
