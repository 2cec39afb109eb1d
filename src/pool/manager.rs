//! All pools of an adapter, by key. The least recently used is evicted.
//!
//! The manager's lock guards the order of use and nothing else: a pool is made, closed and looked at with the lock free.
//! A pool that was evicted or closed serves whoever still has it, and keeps nothing. While anybody has it, it is found again
//! when its key is asked for, so that one key never has two pools and what bounds a pool bounds its host.
//!
//! A pool that nobody has is evicted before one that somebody has. Who has one shows in the count of its handles: each
//! lease holds one, and so does who waits, and the manager.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::connection_pool::{ConnectionPool, Endpoint};
use super::events::{Listener, PoolEvent};
use super::lru::Lru;
use super::monitor::Monitor;
use super::permits::PoolId;
use super::retired::Retired;
use super::shared::{Limits, Pools, Shared};
use super::{PoolStats, Pooled};
use crate::clock::Clock;

/// The pools of an adapter.
pub(crate) struct Manager<K, C: Pooled> {
    inner: Arc<Inner<K, C>>,
}

/// The settings of a manager. The adapter refuses sizes of zero; here a pool then has one slot, and the manager keeps no
/// pool.
#[derive(Clone, Debug)]
pub(crate) struct PoolSettings {
    pub(crate) pool_connections: usize,
    pub(crate) pool_maxsize: usize,
    pub(crate) pool_block: bool,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) max_lifetime: Option<Duration>,
    /// The limit over all pools.
    pub(crate) max_connections: Option<usize>,
    /// Whether a thread closes idle connections in a quiet process.
    pub(crate) reap_idle: bool,
    /// After how long a wait is worth a warning.
    pub(crate) long_wait: Option<Duration>,
    /// Who is told of what happens.
    pub(crate) listener: Listener,
    pub(crate) clock: Arc<dyn Clock>,
    /// Whether that is the system's, so that who sleeps on it sleeps in real time.
    pub(crate) is_real_time: bool,
}

/// A lookup of a pool by a key that need not be owned.
///
/// Equal lookups have equal hashes, and `is` is consistent with that. Only lookups are hashed, never keys.
pub(crate) trait Lookup<K>: Hash {
    /// Whether this looks for `key`.
    fn is(&self, key: &K) -> bool;
    /// The key, to be kept.
    fn to_key(&self) -> K;
    /// What a new pool would connect to.
    fn endpoint(&self) -> Endpoint;
}

struct Inner<K, C: Pooled> {
    pools: Monitor<Known<K, C>>,
    hasher: RandomState,
    pool_maxsize: usize,
    pool_block: bool,
    shared: Arc<Shared<C>>,
}

/// Pools are numbered over all managers, so that snapshots of the same pool can be told from others.
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// The pools of which anybody knows.
struct Known<K, C: Pooled> {
    used: Lru<K, Arc<ConnectionPool<C>>>,
    /// Evicted or closed, and in somebody's hands.
    retired: Retired<K, ConnectionPool<C>>,
}

/// What a look-up that found nothing in use leaves to do.
struct Added<C: Pooled> {
    pool: Arc<ConnectionPool<C>>,
    /// The pool was found again.
    again: Option<Marked<C>>,
    evicted: Option<Marked<C>>,
}

/// A pool that was marked under the manager's lock. It [follows](ConnectionPool::follow) when this is dropped, with the lock
/// free; also when a listener panics.
#[must_use = "a marked pool has to follow"]
struct Marked<C: Pooled>(Arc<ConnectionPool<C>>);

impl<C: Pooled> Drop for Marked<C> {
    fn drop(&mut self) {
        self.0.follow();
    }
}

impl<K: Send + 'static, C: Pooled> Manager<K, C> {
    pub(crate) fn new(settings: PoolSettings) -> Self {
        let inner = Arc::new_cyclic(|inner: &Weak<Inner<K, C>>| Inner {
            pools: Monitor::new(Known { used: Lru::new(settings.pool_connections), retired: Retired::new() }),
            hasher: RandomState::new(),
            pool_maxsize: settings.pool_maxsize,
            pool_block: settings.pool_block,
            shared: Arc::new(Shared::new(
                settings.clock,
                &Limits {
                    idle_timeout: settings.idle_timeout,
                    max_lifetime: settings.max_lifetime,
                    max_connections: settings.max_connections,
                    long_wait: settings.long_wait,
                    reap_idle: settings.reap_idle,
                    is_real_time: settings.is_real_time,
                },
                settings.listener,
                inner.clone(),
            )),
        });
        Self { inner }
    }

    /// The pool of that key, made if there is none. This counts as use, and can evict the least recently used pool.
    pub(crate) fn pool(&self, lookup: &impl Lookup<K>) -> Arc<ConnectionPool<C>> {
        let inner = &*self.inner;
        // Most often it is the pool that was used last, which needs no hash.
        if let Some(pool) = inner.pools.with(|known| known.used.newest_if(|key| lookup.is(key)).cloned()) {
            return pool;
        }
        let hash = inner.hasher.hash_one(lookup);
        let find = |known: &mut Known<K, C>| known.used.get(hash, |key| lookup.is(key)).cloned();
        if let Some(pool) = inner.pools.with(find) {
            return pool;
        }
        let (key, fresh) = (lookup.to_key(), inner.new_pool(lookup.endpoint()));
        let Added { pool, again, evicted } = inner.pools.with(|known| match find(known) {
            // Another thread was faster; what was made here has no connection yet.
            Some(faster) => Added { pool: faster, again: None, evicted: None },
            None => {
                let again = known.retired.take(hash, |key| lookup.is(key));
                known.add(hash, key, &fresh, again)
            }
        });
        drop(again);
        if let Some(Marked(evicted)) = &evicted {
            let Endpoint { host, port, .. } = evicted.endpoint();
            inner.shared.listener.tell(|| PoolEvent::Evicted { host, port: *port });
        }
        drop(evicted);
        pool
    }

    /// Closes all pools. Later lookups make new ones.
    pub(crate) fn close(&self) {
        self.inner.close();
    }

    /// Closes the connections that have been idle for `age` and longer, in all pools; how many. The pools stay.
    pub(crate) fn close_idle(&self, age: Duration) -> usize {
        let now = self.inner.shared.clock.now();
        let pools: Vec<_> = self.inner.pools.with(|known| known.used.newest_first().cloned().collect());
        pools.iter().map(|pool| pool.close_idle(age, now)).sum()
    }

    /// Closes all idle connections of all pools, because a connection could not be made: descriptors or `ports` were
    /// lacking.
    pub(crate) fn give_up_idle(&self, ports: bool) {
        let pools: Vec<_> = self.inner.pools.with(|known| known.used.newest_first().cloned().collect());
        pools.iter().for_each(|pool| pool.give_up_idle(ports));
    }

    /// How many connections are in use of those that `max_connections` allows: also in pools that were evicted or closed, of
    /// which [`stats`](Self::stats) tells nothing.
    pub(crate) fn in_use(&self) -> usize {
        let taken = self.inner.shared.permits.as_ref().map_or(0, |permits| permits.taken());
        // Those hold none that are idle.
        taken.saturating_sub(self.stats().iter().map(PoolStats::idle).sum())
    }

    /// The pools as they are now, the most recently used first.
    pub(crate) fn stats(&self) -> Vec<PoolStats> {
        let pools: Vec<_> = self.inner.pools.with(|known| known.used.newest_first().cloned().collect());
        pools.iter().map(|pool| pool.stats()).collect()
    }
}

impl<K, C: Pooled> Inner<K, C> {
    fn new_pool(&self, endpoint: Endpoint) -> Arc<ConnectionPool<C>> {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&self.shared);
        Arc::new(ConnectionPool::new(id, endpoint, self.pool_maxsize, self.pool_block, shared))
    }

    fn close(&self) {
        // All of them follow, even if a listener panics at one.
        drop(self.pools.with(Known::close));
        if let Some(reaper) = &self.shared.reaper {
            reaper.wake();
        }
    }
}

impl<K, C: Pooled> Known<K, C> {
    /// Adds the pool that was found again, or else the `fresh` one.
    fn add(
        &mut self,
        hash: u64,
        key: K,
        fresh: &Arc<ConnectionPool<C>>,
        again: Option<Arc<ConnectionPool<C>>>,
    ) -> Added<C> {
        if let Some(pool) = &again {
            pool.mark(false);
        }
        let pool = Arc::clone(again.as_ref().unwrap_or(fresh));
        let evicted = self.used.insert(hash, key, Arc::clone(&pool), |pool| Arc::strong_count(pool) == 1);
        let evicted = evicted.map(|(hash, key, evicted)| {
            evicted.mark(true);
            self.retired.put(hash, key, &evicted);
            Marked(evicted)
        });
        Added { pool, again: again.map(Marked), evicted }
    }

    /// Takes all pools out of use, and renounces what is leased of any. Returns those to be closed.
    fn close(&mut self) -> Vec<Marked<C>> {
        self.retired.values().for_each(|pool| pool.renounce());
        let closed = self.used.clear().into_iter().map(|(hash, key, pool)| {
            pool.renounce();
            pool.mark(true);
            self.retired.put(hash, key, &pool);
            Marked(pool)
        });
        closed.collect()
    }
}

impl<K: Send, C: Pooled> Pools for Inner<K, C> {
    fn sweep(&self, now: Instant) {
        // One at a time, so that no lookup waits for thousands of pools.
        for index in 0.. {
            match self.pools.with(|known| known.used.at(index).cloned()) {
                Some(pool) => pool.sweep(now),
                None => return,
            }
        }
    }

    fn yield_oldest(&self, except: PoolId) -> bool {
        let suits = |pool: &&Arc<ConnectionPool<C>>| pool.id() != except && pool.has_idle();
        // If another was faster, the pool knows by now that it has none left, and the next one is found.
        while let Some(pool) = self.pools.with(|known| known.used.oldest_first().find(suits).cloned()) {
            if pool.yield_oldest() {
                return true;
            }
        }
        false
    }

    fn first_end(&self) -> Option<Instant> {
        let pools: Vec<_> = self.pools.with(|known| known.used.newest_first().cloned().collect());
        pools.iter().filter_map(|pool| pool.first_end()).min()
    }
}

impl<K, C: Pooled> Drop for Inner<K, C> {
    fn drop(&mut self) {
        // An unread response may still hold a pool. Its connections will not be used again.
        self.close();
    }
}

impl<K, C: Pooled> Clone for Manager<K, C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K: Send + 'static, C: Pooled> fmt::Debug for Manager<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.stats()).finish()
    }
}

#[cfg(all(test, not(petition_model)))]
mod tests {
    use std::sync::atomic::Ordering::SeqCst;
    use std::thread;

    use super::super::connection_pool::NoSlot;
    use super::super::test_support::{Conn, Live, TestClock, key, logged, settings, until};
    use super::super::{Found, Lease};
    use super::*;

    type TestManager = Manager<String, Conn>;

    fn manager(pool_connections: usize) -> TestManager {
        Manager::new(PoolSettings { pool_connections, ..settings() })
    }

    fn lease(manager: &TestManager, host: &str) -> Lease<Conn> {
        manager.pool(&key(host)).check_out(None, None).expect("there is no limit")
    }

    /// A lease with a connection of that name, if it has none yet.
    fn connected(manager: &TestManager, host: &str, live: &Arc<Live>, name: u32) -> Lease<Conn> {
        let mut lease = lease(manager, host);
        if lease.connection().is_none() {
            lease.attach(live.open(name));
        }
        lease
    }

    fn exchange(manager: &TestManager, host: &str, live: &Arc<Live>, name: u32) {
        connected(manager, host, live, name).recycle(None);
    }

    fn hosts(manager: &TestManager) -> Vec<String> {
        manager.stats().iter().map(|stats| stats.host().to_owned()).collect()
    }

    // POOL-01
    #[test]
    fn the_least_recently_used_pool_goes_and_a_look_up_counts_as_use() {
        let manager = manager(2);
        for host in ["a", "b", "a", "c"] {
            manager.pool(&key(host));
        }

        assert_eq!(hosts(&manager), ["c", "a"]);
    }

    #[test]
    fn one_key_has_one_pool() {
        let manager = manager(2);

        assert!(Arc::ptr_eq(&manager.pool(&key("a")), &manager.pool(&key("a"))));
        assert!(!Arc::ptr_eq(&manager.pool(&key("a")), &manager.pool(&key("b"))));
        assert!(Arc::ptr_eq(&manager.pool(&key("a")), &manager.clone().pool(&key("a"))), "clones share them");
    }

    // POOL-02, LOG-20
    #[test]
    fn an_evicted_pool_closes_its_idle_connections_and_its_successor_counts_from_one() {
        for (pool_connections, third, closed) in
            [(1, &["DEBUG Starting new HTTP connection (1): a:80"][..], &[1, 2][..]), (2, &[], &[])]
        {
            let manager = manager(pool_connections);
            let live = Live::new();
            exchange(&manager, "a", &live, 1);
            exchange(&manager, "b", &live, 2);

            let ((), lines) = logged(|| exchange(&manager, "a", &live, 3));

            assert_eq!(lines, third);
            assert_eq!(live.closed(), closed);
        }
    }

    // POOL-03, POOL-37
    #[test]
    fn an_exchange_in_flight_outlives_the_eviction_of_its_pool() {
        let manager = manager(1);
        let live = Live::new();
        let mut in_flight = connected(&manager, "a", &live, 1);

        exchange(&manager, "b", &live, 2);

        assert!(in_flight.connection().is_some());
        assert_eq!(live.closed(), [0; 0]);
        let ((), lines) = logged(|| in_flight.recycle(None));
        assert_eq!(live.closed(), [1]);
        assert_eq!(lines, [""; 0]);
    }

    // POOL-04
    #[test]
    fn with_room_for_no_pool_nothing_is_kept() {
        let manager = manager(0);
        let live = Live::new();

        exchange(&manager, "a", &live, 1);

        assert_eq!(live.closed(), [1]);
        assert_eq!(hosts(&manager), [""; 0]);
    }

    // SES-21, SES-22, POOL-36
    #[test]
    fn close_empties_the_pools_and_later_use_makes_new_ones() {
        let manager = manager(10);
        let live = Live::new();
        exchange(&manager, "a", &live, 1);
        let in_flight = connected(&manager, "b", &live, 2);

        manager.close();

        assert_eq!(live.closed(), [1]);
        assert_eq!(hosts(&manager), [""; 0]);
        in_flight.recycle(None);
        assert_eq!(live.closed(), [1, 2]);
        assert_eq!(lease(&manager, "a").found(), Found::New(1));
    }

    #[test]
    fn a_pool_that_somebody_has_is_found_again_and_keeps_what_comes_back() {
        let manager = manager(1);
        let live = Live::new();
        let in_flight = connected(&manager, "a", &live, 1);
        let pool = manager.pool(&key("a"));
        exchange(&manager, "b", &live, 2); // a is evicted

        let found = manager.pool(&key("a"));

        assert!(Arc::ptr_eq(&pool, &found));
        assert_eq!((hosts(&manager), live.closed()), (vec!["a".to_owned()], vec![2]));
        in_flight.recycle(None);
        assert_eq!((live.closed(), lease(&manager, "a").found()), (vec![2], Found::Reused));
    }

    // A program that closes its session wants none of the old connections, whether or not the host is asked for meanwhile.
    #[test]
    fn what_was_leased_when_the_pools_were_closed_is_not_used_again() {
        for evicted_before in [false, true] {
            let manager = manager(1);
            let live = Live::new();
            let [first, second] = [1, 2].map(|name| connected(&manager, "a", &live, name));
            if evicted_before {
                manager.pool(&key("b"));
            }
            manager.close();
            exchange(&manager, "a", &live, 3);
            assert_eq!(live.closed(), [0; 0]);

            let ((), lines) = logged(|| first.recycle(None));
            second.discard();

            assert_eq!(lines, [""; 0]);
            assert_eq!(live.closed(), [1, 2]);
            assert_eq!(manager.pool(&key("a")).stats().idle(), 1);
        }
    }

    #[test]
    fn a_bound_on_a_host_holds_over_closed_and_evicted_pools() {
        for evict in [false, true] {
            let manager =
                TestManager::new(PoolSettings { pool_connections: 1, pool_maxsize: 2, pool_block: true, ..settings() });
            let live = Live::new();
            let holders = [1, 2].map(|name| connected(&manager, "a", &live, name));
            if evict {
                manager.pool(&key("b"));
            } else {
                manager.close();
            }

            let third = manager.pool(&key("a")).check_out(Some(Duration::ZERO), None);

            assert_eq!(third.map(|lease| lease.found()), Err(NoSlot::TimedOut));
            drop(holders);
            assert_eq!(lease(&manager, "a").found(), Found::New(3));
        }
    }

    #[test]
    fn pools_that_nobody_has_are_evicted_first() {
        let manager = manager(3);
        let live = Live::new();
        let in_flight = connected(&manager, "a", &live, 1);
        exchange(&manager, "b", &live, 2);
        exchange(&manager, "c", &live, 3);

        manager.pool(&key("d"));
        assert_eq!(hosts(&manager), ["d", "c", "a"]);
        in_flight.recycle(None);
        manager.pool(&key("e"));

        assert_eq!(hosts(&manager), ["e", "d", "c"]);
        assert_eq!(live.closed(), [2, 1]);
    }

    #[test]
    fn a_storm_of_closings_never_gets_a_host_more_connections_than_it_may_have() {
        let live: Vec<_> = (0..4).map(|_| Live::new()).collect();
        let manager =
            TestManager::new(PoolSettings { pool_connections: 2, pool_maxsize: 2, pool_block: true, ..settings() });

        thread::scope(|scope| {
            for seed in 0..16 {
                let (manager, live) = (&manager, &live);
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(seed);
                    for _ in 0..500 {
                        let host = random.usize(0..4);
                        let lease = connected(manager, ["a", "b", "c", "d"][host], &live[host], 0);
                        match random.u8(0..8) {
                            0 => drop(lease),
                            1 => lease.discard(),
                            2 => manager.close(),
                            _ => lease.recycle(None),
                        }
                    }
                });
            }
        });

        assert!(live.iter().all(|live| live.most() <= 2));
        manager.close();
        assert!(live.iter().all(|live| live.now() == 0));
    }

    #[test]
    fn a_pool_that_was_looked_up_before_it_was_closed_still_serves() {
        let manager = manager(10);
        let pool = manager.pool(&key("a"));
        manager.close();

        let lease = pool.check_out(None, None).expect("there is no limit");

        assert_eq!(lease.found(), Found::New(1));
    }

    #[test]
    fn who_waits_for_a_pool_that_is_closed_is_served_all_the_same() {
        let manager = TestManager::new(PoolSettings { pool_maxsize: 1, pool_block: true, ..settings() });
        let pool = manager.pool(&key("a"));
        let live = Live::new();
        let holder = connected(&manager, "a", &live, 1);

        thread::scope(|scope| {
            let waiter = scope.spawn(|| pool.check_out(None, None).map(|lease| lease.found()));
            until(|| pool.stats().waiting() == 1);
            manager.close();
            holder.recycle(None);

            assert_eq!(waiter.join().unwrap(), Ok(Found::New(2)));
        });
        assert_eq!(live.closed(), [1]);
    }

    #[test]
    fn the_last_manager_takes_the_idle_connections_along() {
        let manager = manager(10);
        let live = Live::new();
        let in_flight = connected(&manager, "a", &live, 1);
        exchange(&manager, "a", &live, 2);

        drop(manager.clone());
        assert_eq!(live.closed(), [0; 0]);
        drop(manager);

        assert_eq!(live.closed(), [2]);
        in_flight.recycle(None);
        assert_eq!(live.closed(), [2, 1]);
    }

    // ---- the sweep

    const SECOND: Duration = Duration::from_secs(1);

    fn sweeping(idle_timeout: Option<Duration>) -> (TestManager, Arc<TestClock>, Arc<Live>) {
        let clock = TestClock::new();
        (TestManager::new(PoolSettings { idle_timeout, clock: clock.clone(), ..settings() }), clock, Live::new())
    }

    #[test]
    fn idle_connections_past_their_time_are_closed_when_another_pool_is_used() {
        let (manager, clock, live) = sweeping(Some(SECOND * 60));
        exchange(&manager, "a", &live, 1);
        exchange(&manager, "b", &live, 2);
        clock.advance(SECOND * 59);
        let other = connected(&manager, "c", &live, 3);
        assert_eq!(live.closed(), [0; 0]);
        clock.advance(SECOND);

        other.recycle(None); // a check-in will do

        assert_eq!(live.closed(), [1, 2]);
        clock.advance(SECOND * 60);
        let other = connected(&manager, "d", &live, 4); // and so will a check-out
        assert_eq!(live.closed(), [1, 2, 3]);
        exchange(&manager, "e", &live, 5);
        clock.advance(SECOND * 60);
        other.discard(); // and so will this
        assert_eq!(live.closed(), [1, 2, 3, 4, 5]);
    }

    // LOG-06, POOL-32
    #[test]
    fn the_slot_of_an_expired_connection_is_connected_again() {
        let (manager, clock, live) = sweeping(Some(SECOND));
        exchange(&manager, "a", &live, 1);
        clock.advance(SECOND);
        exchange(&manager, "b", &live, 2);
        assert_eq!(live.closed(), [1]);

        let (lease, lines) = logged(|| lease(&manager, "a"));

        assert_eq!(lease.found(), Found::Reconnect);
        assert_eq!(lines, ["DEBUG Resetting dropped connection: a"]);
    }

    // POOL-31, and better: nothing stays half closed.
    #[test]
    fn connections_that_the_peer_closed_are_closed_when_another_pool_is_used() {
        let (manager, clock, live) = sweeping(None);
        let mut doomed = connected(&manager, "a", &live, 1);
        let hang_up = doomed.connection().expect("connected").hang_up();
        doomed.recycle(None);
        exchange(&manager, "b", &live, 2);
        hang_up.store(true, SeqCst);
        clock.advance(SECOND);

        exchange(&manager, "b", &live, 2);

        assert_eq!(live.closed(), [1]);
    }

    #[test]
    fn a_sweep_probes_the_others_and_rests_afterwards() {
        let (manager, clock, live) = sweeping(None);
        let mut idle = connected(&manager, "a", &live, 1);
        let probed = idle.connection().expect("connected").probed();
        idle.recycle(None);
        let mut busy = connected(&manager, "b", &live, 2);
        let probed_while_busy = busy.connection().expect("connected").probed();
        busy.recycle(None);
        clock.advance(SECOND);

        for _ in 0..100 {
            exchange(&manager, "b", &live, 2);
        }

        assert_eq!(probed.load(SeqCst), 1, "the clock stands still, so it rests");
        assert_eq!(probed_while_busy.load(SeqCst), 100, "once for each use");
    }

    // ---- max_connections

    fn limited(max_connections: usize) -> (TestManager, Arc<Live>) {
        (TestManager::new(PoolSettings { max_connections: Some(max_connections), ..settings() }), Live::new())
    }

    #[test]
    fn at_the_limit_the_least_recently_used_other_pool_gives_up_a_connection() {
        let (manager, live) = limited(3);
        exchange(&manager, "a", &live, 1);
        exchange(&manager, "b", &live, 2);
        exchange(&manager, "c", &live, 3);
        manager.pool(&key("a")); // used after b

        exchange(&manager, "d", &live, 4);
        exchange(&manager, "e", &live, 5);

        assert_eq!(live.closed(), [2, 3]);
        assert_eq!(live.most(), 3);
        let (lease, lines) = logged(|| lease(&manager, "a"));
        assert_eq!(lease.found(), Found::Reused);
        assert_eq!(lines, [""; 0]);
    }

    #[test]
    fn of_one_pool_the_longest_idle_connection_goes_first() {
        let (manager, live) = limited(2);
        let leases = [1, 2].map(|name| connected(&manager, "a", &live, name));
        leases.into_iter().for_each(|lease| lease.recycle(None));

        exchange(&manager, "b", &live, 3);

        assert_eq!(live.closed(), [1]);
    }

    #[test]
    fn at_the_limit_a_husk_on_top_of_a_live_connection_costs_nothing() {
        let (manager, live) = limited(2);
        let [first, second] = [1, 2].map(|name| connected(&manager, "a", &live, name));
        first.recycle(None);
        second.discard(); // a husk on top
        let _elsewhere = connected(&manager, "b", &live, 3);

        let fourth = manager.pool(&key("a")).check_out(Some(Duration::ZERO), None);

        assert_eq!(fourth.as_ref().map(|lease| lease.found()), Ok(Found::Reused));
        assert_eq!(live.closed(), [2]);
        drop(fourth);
        let stats = manager.pool(&key("a")).stats();
        assert_eq!((stats.idle(), stats.in_use(), stats.waiting()), (0, 0, 0));
    }

    #[test]
    fn at_the_limit_an_idle_connection_serves_its_own_pool_before_that_of_another_is_closed() {
        let (manager, live) = limited(3);
        exchange(&manager, "b", &live, 1);
        let [first, second] = [2, 3].map(|name| connected(&manager, "a", &live, name));
        first.recycle(None);
        second.discard();
        let _elsewhere = connected(&manager, "c", &live, 4);

        assert_eq!(lease(&manager, "a").found(), Found::Reused);

        assert_eq!(live.closed(), [3, 2], "the lease that was dropped, and not b's");
    }

    #[test]
    fn who_was_handed_a_connection_crowds_out_none_with_the_slot_that_it_did_not_need() {
        for pool_block in [false, true] {
            let live = Live::new();
            let manager =
                TestManager::new(PoolSettings { max_connections: Some(2), pool_maxsize: 2, pool_block, ..settings() });
            let all = thread::scope(|scope| {
                let holders = [1, 2].map(|name| connected(&manager, "a", &live, name));
                let pool = manager.pool(&key("a"));
                let threads: Vec<_> =
                    (0..4).map(|_| scope.spawn(|| logged(|| exchange(&manager, "a", &live, 3)).1)).collect();
                until(|| pool.stats().waiting() == 4);
                let ((), mut lines) = logged(|| holders.into_iter().for_each(|lease| lease.recycle(None)));
                threads.into_iter().for_each(|thread| lines.extend(thread.join().unwrap()));
                lines
            });

            assert_eq!(all, [""; 0]);
            assert_eq!((live.closed(), live.now()), (vec![], 2));
        }
    }

    #[test]
    fn what_was_never_connected_lies_beneath_what_is_live() {
        let manager = manager(10);
        let live = Live::new();
        let failed = lease(&manager, "a");
        exchange(&manager, "a", &live, 1);

        drop(failed); // the name was not found, say

        assert_eq!(lease(&manager, "a").found(), Found::Reused);
    }

    #[test]
    fn at_the_limit_whoever_comes_waits_until_a_connection_elsewhere_is_done_with() {
        let (manager, live) = limited(1);
        let holder = connected(&manager, "a", &live, 1);
        assert_eq!(
            manager.pool(&key("b")).check_out(Some(Duration::ZERO), None).map(|lease| lease.found()),
            Err(NoSlot::TimedOut)
        );

        thread::scope(|scope| {
            let waiter = scope.spawn(|| exchange(&manager, "b", &live, 2));
            let pool = manager.pool(&key("b"));
            until(|| pool.stats().waiting() == 1);
            assert_eq!(pool.stats().in_use(), 0);
            holder.recycle(None);
            waiter.join().unwrap();
        });

        assert_eq!((live.closed(), live.most()), (vec![1], 1));
        let (lease, lines) = logged(|| lease(&manager, "a"));
        assert_eq!(
            (lease.found(), lines),
            (Found::Reconnect, vec!["DEBUG Resetting dropped connection: a".to_owned()])
        );
    }

    #[test]
    fn at_the_limit_a_connection_is_passed_on_within_its_pool() {
        let (manager, live) = limited(1);
        let holder = connected(&manager, "a", &live, 1);

        thread::scope(|scope| {
            let waiter = scope.spawn(|| logged(|| lease(&manager, "a").found()));
            until(|| manager.pool(&key("a")).stats().waiting() == 1);
            holder.recycle(None);

            assert_eq!(waiter.join().unwrap(), (Found::Reused, vec![]));
        });
        assert_eq!(manager.pool(&key("a")).stats().num_connections(), 1);
    }

    #[test]
    fn at_the_limit_nobody_pushes_in_before_a_waiter_of_another_pool() {
        let (manager, live) = limited(1);
        let holder = connected(&manager, "a", &live, 1);

        thread::scope(|scope| {
            let first = scope.spawn(|| {
                let lease = connected(&manager, "b", &live, 2);
                assert_eq!(manager.pool(&key("a")).stats().waiting(), 1, "the second still waits");
                lease
            });
            until(|| manager.pool(&key("b")).stats().waiting() == 1);
            let second = scope.spawn(|| lease(&manager, "a").found());
            until(|| manager.pool(&key("a")).stats().waiting() == 1);
            holder.recycle(None);
            drop(first.join().unwrap());

            assert_eq!(second.join().unwrap(), Found::New(2));
        });
    }

    #[test]
    fn closing_the_pools_frees_their_permits() {
        let (manager, live) = limited(2);
        exchange(&manager, "a", &live, 1);
        let in_flight = connected(&manager, "b", &live, 2);
        manager.close();
        let third = connected(&manager, "c", &live, 3);
        let c = manager.pool(&key("c"));
        assert!(c.check_out(Some(Duration::ZERO), None).is_err());

        in_flight.recycle(None);

        assert!(c.check_out(Some(Duration::ZERO), None).is_ok());
        drop(third);
        assert!(live.most() <= 2);
    }

    #[test]
    fn threads_on_many_hosts_never_have_more_than_max_connections() {
        for (max_connections, pool_block) in [(1, true), (3, false), (4, true)] {
            let live = Live::new();
            let manager = TestManager::new(PoolSettings {
                max_connections: Some(max_connections),
                pool_connections: 3,
                pool_maxsize: 2,
                pool_block,
                ..settings()
            });

            thread::scope(|scope| {
                for seed in 0..16 {
                    let (manager, live) = (&manager, &live);
                    scope.spawn(move || {
                        let mut random = fastrand::Rng::with_seed(seed);
                        for _ in 0..300 {
                            let host = ["a", "b", "c", "d"][random.usize(0..4)];
                            let lease = connected(manager, host, live, 0);
                            match random.u8(0..8) {
                                0 => drop(lease),
                                1 => lease.discard(),
                                _ => lease.recycle(None),
                            }
                        }
                    });
                }
            });

            assert!(live.most() <= max_connections, "{} at once", live.most());
            manager.close();
            assert_eq!(live.now(), 0);
        }
    }
}
