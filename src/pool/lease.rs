//! A connection that is checked out: a lease holds a slot of a pool, and the connection in it.
//!
//! The lease owns the connection, so that the order is always the same: the connection is closed, then its slot becomes
//! free, then its permit, then its place among the exchanges of its origin; and then it is told of. A lease that finds its
//! connection expired or closed keeps all of these, for the connection that it makes next, and tells nevertheless: giving them back
//! would cost the thread its turn. After an error or a panic the lease is dropped: the connection is closed, and the slot comes
//! back empty. Only [`recycle`](Lease::recycle) makes a connection idle, and only the code that saw the last byte of a reusable
//! exchange calls it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use std::{fmt, mem};

use super::connection_pool::{ConnectionPool, Returning};
use super::events::PoolEvent;
use super::gate::Pass;
use super::permits::Permit;
use super::planted::planted;
use super::shared::Kept;
use super::slots::Slot;
use super::stats::{DiscardReason, End};
use super::{Endpoint, Pooled};

/// A slot of a pool, and the connection in it.
#[must_use = "a lease that is dropped closes its connection"]
pub(crate) struct Lease<C: Pooled> {
    pub(super) pool: Arc<ConnectionPool<C>>,
    kept: Option<Box<Kept<C>>>,
    /// For the connection that is to be made.
    pub(super) permit: Option<Permit<Box<Kept<C>>>>,
    pub(super) found: Found,
    /// When making a connection began.
    began: Instant,
    /// The next request was sent before, on a connection that was dead.
    replays: bool,
    /// False when the slot was given back, or passed to another.
    holds_slot: bool,
    /// How it left, where its origin has a pace. Dropped after the slot has come back.
    pass: Option<Pass>,
}

/// What a check-out found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// An idle connection that is still usable.
    Reused,
    /// A slot whose connection was closed, or was dropped by the peer. It is connected again, which does not count as new.
    Reconnect,
    /// An empty slot: the connection to be made is the pool's n-th.
    New(u64),
}

impl<C: Pooled> Lease<C> {
    pub(super) fn new(pool: Arc<ConnectionPool<C>>, now: Instant) -> Self {
        Self {
            pool,
            kept: None,
            permit: None,
            found: Found::Reconnect,
            began: now,
            replays: false,
            holds_slot: true,
            pass: None,
        }
    }

    /// How the request left, where its origin has a pace.
    pub(crate) fn pass(&self) -> Option<&Pass> {
        self.pass.as_ref()
    }

    pub(super) fn with_pass(mut self, pass: Pass) -> Self {
        self.pass = Some(pass);
        self
    }

    /// Gives back a connection that was not used after all, as it was: it has been idle all the time.
    pub(super) fn bring_back(mut self) {
        if let Some(kept) = &mut self.kept {
            kept.since = self.pool.shared().clock.now();
        }
        self.go_back();
    }

    /// What the check-out found; `Reconnect` after [`reset`](Self::reset).
    pub(crate) fn found(&self) -> Found {
        self.found
    }

    /// The connection, if one was reused or attached.
    pub(crate) fn connection(&mut self) -> Option<&mut C> {
        self.kept.as_mut().map(|kept| &mut kept.conn)
    }

    /// Puts a new connection into the slot.
    pub(crate) fn attach(&mut self, conn: C) -> &mut C {
        let shared = self.pool.shared();
        let now = shared.clock.now();
        let elapsed = now.saturating_duration_since(self.began);
        let (number, permit, closings) = (shared.number_connection(), self.permit.take(), self.pool.closings());
        let kept = Box::new(Kept { conn, number, permit, born: now, since: now, expires: None, closings });
        let (kept, again) = (self.kept.insert(kept), self.found == Found::Reconnect);
        self.pool.tell(number, |host, port, connection| PoolEvent::Connected {
            host,
            port,
            connection,
            elapsed,
            again,
        });
        &mut kept.conn
    }

    /// What the pool connects to.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.pool.endpoint()
    }

    /// Counts a request that is about to be sent.
    pub(crate) fn count_request(&mut self) {
        let counts = self.pool.counts();
        let count = if self.found == Found::Reused { &counts.reused } else { &counts.fresh };
        count.fetch_add(1, Relaxed);
        if mem::take(&mut self.replays) {
            counts.replayed.fetch_add(1, Relaxed);
        }
    }

    /// A reused connection proved to be dead when a request was sent over it, which is sent again. Closes it and says so in
    /// the log; the slot stays, to be connected again.
    pub(crate) fn reset(&mut self) {
        self.replays = true;
        self.reconnect(End::Dropped);
    }

    fn reconnect(&mut self, end: End) {
        let Some(kept) = self.kept.take() else { return };
        let Kept { conn, number, permit, .. } = *kept;
        self.permit = permit;
        let ended = self.pool.count_end(number, end);
        drop(conn);
        self.found = Found::Reconnect;
        // The slot stays, and with it the permit, for the connection that is made next.
        drop(ended);
        self.pool.log_reset();
        self.begin_to_connect();
    }

    /// Returns the connection to the pool, to be used again within `keep_alive` if the server set that limit.
    pub(crate) fn recycle(self, keep_alive: Option<Duration>) {
        let now = self.pool.shared().clock.now();
        self.recycle_at(now, keep_alive);
    }

    /// The same, for an exchange that ended at `since`: the time was noted when its last byte came.
    pub(crate) fn recycle_at(mut self, since: Instant, keep_alive: Option<Duration>) {
        if let Some(kept) = &mut self.kept {
            kept.since = since;
            kept.expires = self.pool.shared().expires(kept.born, since, keep_alive);
            // Before another thread can have it; unless it cannot be kept.
            if self.pool.wants_back(kept) {
                self.pool.tell(kept.number, |host, port, connection| PoolEvent::Recycled { host, port, connection });
            }
        }
        self.go_back();
    }

    /// Ends the lease with its connection, which becomes idle.
    fn go_back(mut self) {
        let Some(kept) = self.kept.take() else { return };
        self.holds_slot = false;
        let now = kept.since;
        let ended = self.pool.take_back(kept);
        self.pass = None;
        drop(ended);
        self.pool.look_around(now);
    }

    /// Closes the connection of an exchange that did not fail, because of `Connection: close` or a body that was not read to
    /// its end. The slot is returned as a husk.
    pub(crate) fn discard(mut self) {
        let Some(kept) = self.kept.take() else { return };
        self.holds_slot = false;
        let ended = self.pool.retire(*kept, DiscardReason::NotReusable);
        self.pass = None;
        drop(ended);
        let shared = self.pool.shared();
        shared.sweep_if_due(shared.clock.now());
    }

    /// Takes over an idle connection; true if it has expired. [`probe`](Self::probe) comes next.
    pub(super) fn hold(&mut self, idle: Box<Kept<C>>, now: Instant) -> bool {
        let expired = idle.has_expired(now);
        self.found = Found::Reused;
        self.kept = Some(idle);
        expired
    }

    /// Gives up the connection that was taken over if it has expired, is stale, or came back just as the pool was closed.
    pub(super) fn probe(&mut self, expired: bool) {
        let Some(kept) = &mut self.kept else { return };
        if kept.closings != self.pool.closings() && !planted!(ClosedReused) {
            self.reconnect(End::Discarded(DiscardReason::PoolClosed));
        } else if expired {
            self.reconnect(End::Discarded(DiscardReason::Expired));
        } else if kept.conn.is_stale() {
            self.reconnect(End::Dropped);
        } else {
            self.pool.tell(kept.number, |host, port, connection| PoolEvent::Reused { host, port, connection });
        }
    }

    /// Notes that what comes next is to make the connection.
    pub(super) fn begin_to_connect(&mut self) {
        self.began = self.pool.shared().clock.now();
    }

    /// Marks the slot as returned.
    pub(super) fn forget(&mut self) {
        self.holds_slot = false;
    }
}

impl<C: Pooled> Drop for Lease<C> {
    fn drop(&mut self) {
        let Some(kept) = self.kept.take() else {
            // What comes after the slot is dropped with the fields.
            if self.holds_slot {
                drop(Returning::new(&self.pool, Slot::Empty));
            }
            return;
        };
        let Kept { conn, number, permit, .. } = *kept;
        // Dropped from the last to the first, also if something panics.
        let _ended = self.pool.count_end(number, End::Discarded(DiscardReason::Failed));
        let _pass = self.pass.take();
        let _permit = permit;
        let _returning = self.holds_slot.then(|| Returning::new(&self.pool, Slot::Empty));
        drop(conn);
    }
}

impl<C: Pooled> fmt::Debug for Lease<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("endpoint", self.endpoint()).field("found", &self.found).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(petition_model)))]
mod tests {
    use std::sync::atomic::Ordering::SeqCst;

    use super::super::test_support::{Conn, Live, TestClock, key, logged, settings};
    use super::super::{Manager, PoolSettings};
    use super::*;
    use crate::clock::Clock;

    fn manager(settings: PoolSettings) -> Manager<String, Conn> {
        Manager::new(settings)
    }

    fn pool(settings: PoolSettings) -> Arc<ConnectionPool<Conn>> {
        // Dropping the last manager drops its pools.
        let manager = Box::leak(Box::new(manager(settings)));
        manager.pool(&key("host"))
    }

    fn check_out(pool: &Arc<ConnectionPool<Conn>>) -> Lease<Conn> {
        pool.check_out(None, None).expect("there is no limit")
    }

    /// A pool with one idle connection, named 1.
    fn pool_with_idle(settings: PoolSettings, live: &Arc<Live>) -> Arc<ConnectionPool<Conn>> {
        let pool = pool(settings);
        let mut lease = check_out(&pool);
        lease.attach(live.open(1));
        lease.recycle(None);
        pool
    }

    const STARTING_1: &str = "DEBUG Starting new HTTP connection (1): host:80";
    const STARTING_2: &str = "DEBUG Starting new HTTP connection (2): host:80";
    const RESETTING: &str = "DEBUG Resetting dropped connection: host";

    // LOG-02, POOL-13
    #[test]
    fn the_first_lease_starts_a_new_connection() {
        let pool = pool(settings());

        let (mut lease, lines) = logged(|| check_out(&pool));

        assert_eq!(lines, [STARTING_1]);
        assert_eq!(lease.found(), Found::New(1));
        assert!(lease.connection().is_none());
    }

    // LOG-03
    #[test]
    fn over_tls_the_line_says_https() {
        #[derive(Hash)]
        struct Tls;
        impl super::super::Lookup<()> for Tls {
            fn is(&self, (): &()) -> bool {
                true
            }
            fn to_key(&self) {}
            fn endpoint(&self) -> Endpoint {
                Endpoint { scheme: "https".into(), host: "::1".to_owned(), port: 8443 }
            }
        }
        let pool = Manager::<(), Conn>::new(settings()).pool(&Tls);

        let (_, lines) = logged(|| check_out(&pool));

        assert_eq!(lines, ["DEBUG Starting new HTTPS connection (1): ::1:8443"]);
    }

    #[test]
    fn a_recycled_connection_is_used_again_without_a_word() {
        let live = Live::new();
        let pool = pool_with_idle(settings(), &live);

        let (mut lease, lines) = logged(|| check_out(&pool));

        assert_eq!(lines, [""; 0]);
        assert_eq!(lease.found(), Found::Reused);
        assert_eq!(lease.connection().map(|conn| conn.name), Some(1));
        assert_eq!(lease.connection().map(|conn| conn.probed().load(SeqCst)), Some(1));
    }

    // POOL-28, POOL-32, LOG-06
    #[test]
    fn a_connection_that_the_peer_dropped_is_reset_and_not_counted_again() {
        let live = Live::new();
        let pool = pool(settings());
        let mut lease = check_out(&pool);
        let hang_up = lease.attach(live.open(1)).hang_up();
        lease.recycle(None);
        hang_up.store(true, SeqCst);

        let (mut lease, lines) = logged(|| check_out(&pool));

        assert_eq!(lines, [RESETTING]);
        assert_eq!(lease.found(), Found::Reconnect);
        assert!(lease.connection().is_none());
        assert_eq!(live.closed(), [1]);
        lease.attach(live.open(2));
        lease.recycle(None);
        assert_eq!((pool.stats().num_connections(), pool.stats().idle()), (1, 1));
    }

    // POOL-21, POOL-32
    #[test]
    fn a_discarded_connection_leaves_a_slot_that_is_connected_again() {
        let live = Live::new();
        let pool = pool(settings());
        let mut lease = check_out(&pool);
        lease.attach(live.open(1));

        lease.discard();

        assert_eq!(live.closed(), [1]);
        assert_eq!(pool.stats().idle(), 0);
        let (lease, lines) = logged(|| check_out(&pool));
        assert_eq!(lines, [RESETTING]);
        assert_eq!(lease.found(), Found::Reconnect);
        assert_eq!(pool.stats().num_connections(), 1);
    }

    // POOL-19, POOL-33
    #[test]
    fn a_dropped_lease_closes_its_connection_and_leaves_an_empty_slot() {
        let live = Live::new();
        let pool = pool_with_idle(settings(), &live);

        drop(check_out(&pool));

        assert_eq!(live.closed(), [1]);
        let (lease, lines) = logged(|| check_out(&pool));
        assert_eq!(lines, [STARTING_2]);
        assert_eq!(lease.found(), Found::New(2));
        assert_eq!(pool.stats().in_use(), 1);
    }

    #[test]
    fn a_lease_that_was_never_connected_leaves_an_empty_slot_however_it_ends() {
        for end in [drop as fn(Lease<Conn>), Lease::discard, |lease| lease.recycle(None)] {
            let pool = pool(PoolSettings { pool_maxsize: 1, pool_block: true, ..settings() });

            end(check_out(&pool));

            assert_eq!(check_out(&pool).found(), Found::New(2));
        }
    }

    #[test]
    fn a_panic_while_a_lease_is_held_costs_the_connection_and_not_the_slot() {
        let live = Live::new();
        let pool = pool_with_idle(PoolSettings { pool_maxsize: 1, pool_block: true, ..settings() }, &live);
        let lease = check_out(&pool);

        let result = std::thread::spawn(move || {
            let _lease = lease;
            std::panic::resume_unwind(Box::new(()));
        });

        assert!(result.join().is_err());
        assert_eq!(live.closed(), [1]);
        assert_eq!(check_out(&pool).found(), Found::New(2));
    }

    #[test]
    fn a_reset_lease_keeps_its_slot_to_be_connected_again() {
        let live = Live::new();
        let pool = pool_with_idle(PoolSettings { pool_maxsize: 1, pool_block: true, ..settings() }, &live);
        let mut lease = check_out(&pool);

        let ((), lines) = logged(|| lease.reset());

        assert_eq!(lines, [RESETTING]);
        assert_eq!(live.closed(), [1]);
        assert_eq!(lease.found(), Found::Reconnect);
        assert!(lease.connection().is_none());
        lease.attach(live.open(2));
        lease.recycle(None);
        assert_eq!(check_out(&pool).found(), Found::Reused);
    }

    // POOL-32
    #[test]
    fn requests_are_counted_where_they_are_sent() {
        let pool = pool(settings());
        let mut lease = check_out(&pool);

        lease.count_request();
        lease.count_request();

        let stats = pool.stats();
        assert_eq!((stats.num_requests(), stats.num_connections()), (2, 1));
        assert_eq!((stats.scheme(), stats.host(), stats.port()), ("http", "host", 80));
    }

    #[test]
    fn what_became_of_connections_is_counted_by_its_reason() {
        use DiscardReason::{Expired, Failed, Full, MadeRoom, NotReusable, PoolClosed};
        let clock = TestClock::new();
        let live = Live::new();
        let limits =
            PoolSettings { max_connections: Some(3), idle_timeout: Some(Duration::from_secs(60)), ..settings() };
        let manager = manager(PoolSettings { pool_maxsize: 2, clock: clock.clone(), ..limits });
        let pool = manager.pool(&key("host"));
        let connected = || {
            let mut lease = check_out(&pool);
            if lease.connection().is_none() {
                lease.attach(live.open(0));
            }
            lease
        };
        let told = || {
            let stats = pool.stats();
            let discarded =
                [Full, Expired, PoolClosed, MadeRoom, NotReusable, Failed].map(|why| stats.discarded_for(why));
            (discarded, stats.dropped(), stats.reused(), stats.replayed())
        };

        [(); 3].map(|()| connected()).into_iter().for_each(|lease| lease.recycle(None));
        assert_eq!(told(), ([1, 0, 0, 0, 0, 0], 0, 0, 0));
        drop(connected());
        connected().discard();
        assert_eq!(told(), ([1, 0, 0, 0, 1, 1], 0, 0, 0));
        connected().recycle(None);
        clock.advance(Duration::from_secs(60));
        connected().recycle(Some(Duration::ZERO));
        assert_eq!(told(), ([1, 2, 0, 0, 1, 1], 0, 0, 0));
        let mut lease = connected();
        lease.connection().expect("connected").hang_up().store(true, SeqCst);
        lease.recycle(None);
        connected().recycle(None);
        assert_eq!(told(), ([1, 2, 0, 0, 1, 1], 1, 0, 0));
        let mut lease = connected();
        lease.count_request();
        lease.reset();
        lease.attach(live.open(0));
        lease.count_request();
        assert_eq!(told(), ([1, 2, 0, 0, 1, 1], 2, 1, 1));
        connected().recycle(None);
        let others = [(); 2].map(|()| manager.pool(&key("other")).check_out(None, None).expect("there is no limit"));
        assert_eq!(told(), ([1, 2, 0, 1, 1, 1], 2, 1, 1));
        drop(others);
        connected().recycle(None);
        manager.close();
        lease.recycle(None);
        assert_eq!(told(), ([1, 2, 2, 1, 1, 1], 2, 1, 1));
    }

    #[test]
    fn an_idle_connection_past_a_limit_is_not_used_again() {
        const SECOND: Duration = Duration::from_secs(1);
        // idle timeout, lifetime, the server's keep-alive, and after how many seconds it is too late
        for (idle_timeout, max_lifetime, keep_alive, too_late) in [
            (Some(60), None, None, 60),
            (Some(60), None, Some(5), 5),
            (Some(5), None, Some(60), 5),
            (None, None, Some(5), 5),
            (None, Some(30), None, 20), // it was 10 seconds old already
            (Some(60), Some(30), Some(40), 20),
            (Some(60), Some(u64::MAX), Some(u64::MAX), 60),
        ] {
            for (wait, found) in [(too_late - 1, Found::Reused), (too_late, Found::Reconnect)] {
                let clock = TestClock::new();
                let live = Live::new();
                let seconds = |limit: Option<u64>| limit.map(Duration::from_secs);
                let pool = pool(PoolSettings {
                    idle_timeout: seconds(idle_timeout),
                    max_lifetime: seconds(max_lifetime),
                    clock: clock.clone(),
                    ..settings()
                });
                let mut lease = check_out(&pool);
                lease.attach(live.open(1));
                clock.advance(SECOND * 10);
                lease.recycle(seconds(keep_alive));
                clock.advance(SECOND * wait as u32);

                let (lease, lines) = logged(|| check_out(&pool));

                assert_eq!(lease.found(), found, "after {wait} of {idle_timeout:?} {max_lifetime:?} {keep_alive:?}");
                assert_eq!(lines.is_empty(), found == Found::Reused);
                assert_eq!(live.now(), usize::from(found == Found::Reused));
            }
        }
    }

    #[test]
    fn a_connection_that_has_come_to_its_end_is_closed_at_check_in() {
        for (keep_alive, age) in [(Some(Duration::ZERO), 0), (None, 30)] {
            let clock = TestClock::new();
            let live = Live::new();
            let max_lifetime = Some(Duration::from_secs(30));
            let pool = pool(PoolSettings { max_lifetime, clock: clock.clone(), ..settings() });
            let mut lease = check_out(&pool);
            lease.attach(live.open(1));
            clock.sleep(Duration::from_secs(age));

            lease.recycle(keep_alive);

            assert_eq!(live.closed(), [1]);
            assert_eq!(logged(|| check_out(&pool)).1, [RESETTING]);
        }
    }

    #[test]
    fn leases_and_pools_go_from_thread_to_thread() {
        fn sent<T: Send>() {}
        fn shared<T: Send + Sync>() {}
        struct OneThreadAtATime(#[allow(dead_code)] std::cell::Cell<()>);
        impl Pooled for OneThreadAtATime {
            fn is_stale(&mut self) -> bool {
                false
            }
        }

        sent::<Lease<OneThreadAtATime>>();
        shared::<ConnectionPool<OneThreadAtATime>>();
        shared::<Manager<String, OneThreadAtATime>>();
    }

    #[test]
    fn debug_shows_what_it_is_for_and_no_more() {
        let lease = check_out(&pool(settings()));

        let shown = format!("{lease:?}");

        assert_eq!(
            shown,
            "Lease { endpoint: Endpoint { scheme: \"http\", host: \"host\", port: 80 }, found: New(1), .. }"
        );
    }
}
