//! What all pools of an adapter share: the clock, the limits on idle connections, the permits, and the sweep.
//!
//! The sweep closes the idle connections of every pool that are past their limits or that the peer has closed. It needs no
//! thread: it runs on check-outs and check-ins of any pool. It takes at most one part in two hundred of the time, because
//! after each run it rests for two hundred times as long as that took. With a handful of idle connections it runs every tenth
//! of a millisecond, with very many every few seconds. While it is not due, it costs one load.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::events::Listener;
use super::permits::{Permit, Permits, PoolId};
use super::reaper::Reaper;
use crate::clock::Clock;

/// Shared by a manager and its pools.
pub(super) struct Shared<C> {
    pub(super) clock: Arc<dyn Clock>,
    /// Whether that is the system's.
    pub(super) is_real_time: bool,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) max_lifetime: Option<Duration>,
    pub(super) permits: Option<Arc<Permits<Box<Kept<C>>>>>,
    pub(super) long_wait: Option<Duration>,
    pub(super) listener: Listener,
    pub(super) pools: Weak<dyn Pools>,
    /// The thread that closes idle connections in a quiet process, if there is to be one.
    pub(super) reaper: Option<Arc<Reaper>>,
    /// How many connections were made.
    connections: AtomicU64,
    epoch: Instant,
    /// In nanoseconds since the epoch.
    next_sweep: AtomicU64,
}

/// The pools of an adapter, as one of them sees them.
pub(super) trait Pools: Send + Sync {
    /// Checks all idle connections.
    fn sweep(&self, now: Instant);

    /// Gives up the longest idle connection of the least recently used pool that has one, one pool excepted; false if there
    /// is none.
    fn yield_oldest(&self, except: PoolId) -> bool;

    /// When the first of all idle connections has to be closed.
    fn first_end(&self) -> Option<Instant>;
}

/// A connection, idle or leased, and what its pool knows of it. Dropping it closes it, and then gives up its permit. It is
/// boxed when it is made, because it moves through its pool and its leases several times for each request.
pub(super) struct Kept<C> {
    pub(super) conn: C,
    /// Of all connections of the adapter.
    pub(super) number: u64,
    pub(super) permit: Option<Permit<Box<Kept<C>>>>,
    pub(super) born: Instant,
    /// Since when it is idle, and when it has to be closed; of a leased one, what held before.
    pub(super) since: Instant,
    pub(super) expires: Option<Instant>,
    /// How often its pool had been closed when it was made.
    pub(super) closings: u64,
}

/// How long a thread waits for a connection before that is worth a warning.
pub(crate) const LONG_WAIT: Duration = Duration::from_secs(5);

const SHORTEST_REST: Duration = Duration::from_micros(100);
/// Also how long the others leave it to the thread that sweeps. At this a sweep would take 300 ms, and there would be more
/// idle connections than a process has descriptors.
const LONGEST_REST: Duration = Duration::from_secs(60);
const REST_TO_WORK: u32 = 200;

/// The settings that the pools of a manager have in common. `None` is no limit.
#[derive(Default)]
pub(super) struct Limits {
    pub(super) idle_timeout: Option<Duration>,
    pub(super) max_lifetime: Option<Duration>,
    pub(super) max_connections: Option<usize>,
    pub(super) long_wait: Option<Duration>,
    pub(super) reap_idle: bool,
    pub(super) is_real_time: bool,
}

impl<C> Shared<C> {
    pub(super) fn new(clock: Arc<dyn Clock>, limits: &Limits, listener: Listener, pools: Weak<dyn Pools>) -> Self {
        let Limits { idle_timeout, max_lifetime, max_connections, long_wait, reap_idle, is_real_time } = *limits;
        let reaper = reap_idle.then(|| Reaper::new(Arc::clone(&clock), pools.clone()));
        let epoch = clock.now();
        let permits = max_connections.map(Permits::<Box<Kept<C>>>::new);
        Self {
            clock,
            is_real_time,
            idle_timeout,
            max_lifetime,
            permits,
            long_wait,
            listener,
            pools,
            reaper,
            connections: AtomicU64::new(0),
            epoch,
            next_sweep: AtomicU64::new(0),
        }
    }

    /// The number of a new connection, from 1.
    pub(super) fn number_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// When a connection that becomes idle now has to be closed.
    pub(super) fn expires(&self, born: Instant, now: Instant, keep_alive: Option<Duration>) -> Option<Instant> {
        let idle = [self.idle_timeout, keep_alive].into_iter().flatten().min();
        let idle = idle.and_then(|limit| now.checked_add(limit));
        let aged = self.max_lifetime.and_then(|limit| born.checked_add(limit));
        [idle, aged].into_iter().flatten().min()
    }

    /// Notes that a connection lies idle until `expires`.
    pub(super) fn lies_idle(&self, expires: Option<Instant>) {
        if let (Some(reaper), Some(ends)) = (&self.reaper, expires) {
            reaper.note(ends);
        }
    }

    /// Sweeps if it is time.
    pub(super) fn sweep_if_due(&self, now: Instant) {
        let due = self.next_sweep.load(Ordering::Relaxed);
        // To add is cheaper than to subtract, and here each request passes by twice.
        if self.epoch.checked_add(Duration::from_nanos(due)).is_none_or(|due| now < due) {
            return;
        }
        let started = self.nanos(now);
        // Only one thread does it; the others continue.
        let meanwhile = started.saturating_add(LONGEST_REST.as_nanos() as u64);
        if self.next_sweep.compare_exchange(due, meanwhile, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        // Also where a listener panics.
        let _rest = Rest { shared: self, since: now };
        if let Some(pools) = self.pools.upgrade() {
            pools.sweep(now);
        }
    }

    fn rest(&self, since: Instant) {
        let ended = self.clock.now();
        let rest = ended.saturating_duration_since(since).saturating_mul(REST_TO_WORK);
        let rest = rest.clamp(SHORTEST_REST, LONGEST_REST).as_nanos() as u64;
        self.next_sweep.store(self.nanos(ended).saturating_add(rest), Ordering::Relaxed);
    }

    fn nanos(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.epoch);
        since.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(since.subsec_nanos()))
    }
}

/// Sets when the next sweep is due, once the one that began at `since` is over.
struct Rest<'a, C> {
    shared: &'a Shared<C>,
    since: Instant,
}

impl<C> Drop for Rest<'_, C> {
    fn drop(&mut self) {
        self.shared.rest(self.since);
    }
}

impl<C> Kept<C> {
    pub(super) fn has_expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    /// How long it has been idle.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    /// Whether a sweep should check it. One that came back a moment ago counts as in use.
    pub(super) fn is_worth_a_look(&self, now: Instant) -> bool {
        self.has_expired(now) || self.age(now) >= SHORTEST_REST
    }
}

#[cfg(all(test, not(petition_model)))]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::pool::test_support::TestClock;

    /// Pools whose sweep takes a while.
    struct Slow {
        clock: Arc<TestClock>,
        takes: Duration,
        sweeps: AtomicUsize,
    }

    impl Pools for Slow {
        fn sweep(&self, _: Instant) {
            self.sweeps.fetch_add(1, Ordering::Relaxed);
            self.clock.advance(self.takes);
        }

        fn yield_oldest(&self, _: PoolId) -> bool {
            false
        }

        fn first_end(&self) -> Option<Instant> {
            None
        }
    }

    #[test]
    fn a_sweep_takes_one_part_in_two_hundred_of_the_time_however_long_it_is() {
        for (takes, step) in [
            (Duration::from_micros(10), Duration::from_micros(50)),
            (Duration::from_millis(1), Duration::from_millis(5)),
            // As with some hundred thousand idle connections.
            (Duration::from_millis(250), Duration::from_secs(1)),
        ] {
            let clock = TestClock::new();
            let slow = Arc::new(Slow { clock: Arc::clone(&clock), takes, sweeps: AtomicUsize::new(0) });
            let (pools, start): (Arc<dyn Pools>, _) = (Arc::clone(&slow) as _, clock.now());
            let shared = Shared::<()>::new(
                Arc::clone(&clock) as _,
                &Limits::default(),
                Listener::default(),
                Arc::downgrade(&pools),
            );

            for _ in 0..2000 {
                shared.sweep_if_due(clock.now());
                clock.advance(step);
            }

            let sweeps = slow.sweeps.load(Ordering::Relaxed) as u32;
            let (spent, passed) = (takes * sweeps, clock.now() - start);
            assert!(sweeps > 1 && spent <= passed / REST_TO_WORK + takes, "{spent:?} of {passed:?}");
        }
    }
}
