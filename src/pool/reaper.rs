//! The optional thread that closes idle connections when their time is over, for a process that went quiet.
//!
//! It runs while something lies idle that has an end, and sleeps until the first of these ends. It holds the pools weakly,
//! and only while it looks at them: it never keeps an adapter alive, and ends when the adapter is dropped or closed. What
//! becomes idle wakes it only if its end is earlier than what the thread waits for.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Instant;

use parking_lot::Mutex;

use super::shared::Pools;
use crate::cancel::Cancel;
use crate::clock::Clock;
use crate::log_targets;

pub(super) struct Reaper {
    clock: Arc<dyn Clock>,
    pools: Weak<dyn Pools>,
    epoch: Instant,
    state: Mutex<State>,
    /// When the thread looks next, in nanoseconds since the epoch, so that most of what becomes idle needs no lock.
    looks_at: AtomicU64,
}

#[derive(Default)]
struct State {
    runs: bool,
    /// The earliest end that was noted since the thread looked last.
    noted: Option<Instant>,
    /// Ends the sleep.
    wake: Cancel,
}

/// It looks at no time that is known: whatever is noted has to be heard.
const NEVER: u64 = u64::MAX;

impl Reaper {
    pub(super) fn new(clock: Arc<dyn Clock>, pools: Weak<dyn Pools>) -> Arc<Self> {
        let epoch = clock.now();
        Arc::new(Self { clock, pools, epoch, state: Mutex::default(), looks_at: AtomicU64::new(NEVER) })
    }

    /// Notes when a connection that is idle now has to be closed.
    pub(super) fn note(self: &Arc<Self>, ends: Instant) {
        if self.nanos(ends) >= self.looks_at.load(SeqCst) {
            return;
        }
        let wake = {
            let mut state = self.state.lock();
            state.noted = Some(state.noted.map_or(ends, |noted| noted.min(ends)));
            mem::replace(&mut state.runs, true).then(|| state.wake.clone())
        };
        if let Some(wake) = wake {
            wake.cancel();
            return;
        }
        let reaper = Arc::clone(self);
        if let Err(error) = thread::Builder::new().name("petition-reaper".to_owned()).spawn(move || reaper.run()) {
            self.state.lock().runs = false;
            log::debug!(target: log_targets::POOL, "No thread to close idle connections: {error}");
        }
    }

    /// Lets the thread look now. After a close it finds nothing, and ends.
    pub(super) fn wake(&self) {
        let wake = {
            let mut state = self.state.lock();
            // Also for a thread that is about to sleep, with a token that is not made yet.
            state.noted = Some(self.epoch);
            state.wake.clone()
        };
        wake.cancel();
    }

    fn run(&self) {
        let mut next = None;
        loop {
            let (at, wake) = {
                let mut state = self.state.lock();
                next = [next, state.noted.take()].into_iter().flatten().min();
                let Some(at) = next else {
                    self.looks_at.store(NEVER, SeqCst);
                    state.runs = false;
                    return;
                };
                state.wake = Cancel::new();
                self.looks_at.store(self.nanos(at), SeqCst);
                (at, state.wake.clone())
            };
            self.clock.wait_until(at, &wake);
            // From here on everything is noted, as what becomes idle behind the look would be missed.
            self.looks_at.store(NEVER, SeqCst);
            next = self.pools.upgrade().and_then(|pools| {
                // A listener that panics has no caller here, and must not end the thread.
                let _ = catch_unwind(AssertUnwindSafe(|| pools.sweep(self.clock.now())));
                pools.first_end()
            });
        }
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(NEVER - 1)
    }
}
