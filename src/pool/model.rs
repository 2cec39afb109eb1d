//! The pool under a scheduler that tries thousands of interleavings: `RUSTFLAGS="--cfg petition_model" cargo test --lib
//! pool::model`.
//!
//! Lock, signal and the numbers that are read without the lock are shuttle's, and deadlines pass at random. What holds for
//! every interleaving: nobody sleeps forever (shuttle reports a deadlock), there are never more connections than allowed,
//! whoever joined the queue first is served first, and in the end every slot and permit is back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use super::connection_pool::NoSlot;
use super::test_support::{Conn, Live, TestClock, key, settings};
use super::{Found, Manager, PoolSettings};
use crate::cancel::Cancel;

const ROUNDS: usize = 3000;
const MOMENT: Option<Duration> = Some(Duration::from_millis(1));

#[test]
fn a_blocking_pool_never_has_more_than_maxsize_and_forgets_nobody() {
    shuttle::check_random(|| exchanges(Shape { threads: 4, maxsize: 2, ..Shape::default() }), ROUNDS);
    shuttle::check_pct(|| exchanges(Shape { threads: 4, maxsize: 2, ..Shape::default() }), ROUNDS, 4);
}

#[test]
fn waiters_that_give_up_lose_no_slot() {
    shuttle::check_random(|| exchanges(Shape { threads: 4, maxsize: 1, limit: MOMENT, ..Shape::default() }), ROUNDS);
}

#[test]
fn waiters_that_are_cancelled_wake_up_and_lose_nothing() {
    let shape = Shape { threads: 4, maxsize: 1, cancels: true, ..Shape::default() };
    shuttle::check_random(move || exchanges(shape), ROUNDS);
    shuttle::check_pct(move || exchanges(shape), ROUNDS, 4);
    let permits = Shape { maxsize: 2, keys: 2, max_connections: Some(1), ..shape };
    shuttle::check_random(move || exchanges(permits), ROUNDS);
    shuttle::check_random(move || exchanges(Shape { limit: MOMENT, clock_runs: true, ..permits }), ROUNDS);
}

#[test]
fn sweeps_make_nobody_open_a_connection_too_many() {
    let shape = Shape { threads: 3, maxsize: 2, clock_runs: true, ..Shape::default() };
    shuttle::check_random(move || exchanges(shape), ROUNDS);
    shuttle::check_random(move || exchanges(Shape { threads: 2, block: false, ..shape }), ROUNDS);
}

#[test]
fn closing_and_evicting_while_others_wait_strands_nobody() {
    let shape = Shape { threads: 4, maxsize: 1, keys: 2, pool_connections: 1, closes: true, ..Shape::default() };
    shuttle::check_random(move || exchanges(shape), ROUNDS);
    shuttle::check_pct(move || exchanges(Shape { maxsize: 2, ..shape }), ROUNDS, 4);
    shuttle::check_random(move || exchanges(Shape { keys: 3, pool_connections: 2, clock_runs: true, ..shape }), ROUNDS);
    shuttle::check_random(move || exchanges(Shape { pool_connections: 10, closes: false, ..shape }), ROUNDS);
    shuttle::check_random(move || exchanges(Shape { clock_runs: true, limit: MOMENT, ..shape }), ROUNDS);
}

#[test]
fn max_connections_holds_over_all_pools_and_forgets_nobody() {
    let shape = Shape { threads: 4, maxsize: 2, keys: 2, max_connections: Some(2), ..Shape::default() };
    shuttle::check_random(move || exchanges(shape), ROUNDS);
    shuttle::check_pct(move || exchanges(shape), ROUNDS, 4);
    shuttle::check_random(move || exchanges(Shape { max_connections: Some(1), block: false, ..shape }), ROUNDS);
    shuttle::check_random(move || exchanges(Shape { clock_runs: true, limit: MOMENT, ..shape }), ROUNDS);
    shuttle::check_random(
        move || exchanges(Shape { closes: true, pool_connections: 1, clock_runs: true, ..shape }),
        ROUNDS,
    );
}

#[test]
fn no_live_connection_goes_for_a_slot_without_one() {
    let shape = Shape { threads: 4, maxsize: 2, max_connections: Some(2), fails: true, ..Shape::default() };
    shuttle::check_random(move || exchanges(shape), ROUNDS);
    shuttle::check_random(move || exchanges(Shape { block: false, ..shape }), ROUNDS);
    shuttle::check_pct(move || exchanges(Shape { block: false, ..shape }), ROUNDS, 4);
}

#[test]
fn who_joined_the_queue_first_is_served_first() {
    shuttle::check_random(
        || {
            let manager =
                Manager::<String, Conn>::new(PoolSettings { pool_maxsize: 1, pool_block: true, ..settings() });
            let pool = manager.pool(&key("a"));
            let holder = pool.check_out(None, None).expect("the pool is empty");
            let served = Arc::new(AtomicUsize::new(0));
            let waiters: Vec<_> = (0..3)
                .map(|turn| {
                    let (waiter, served) = (Arc::clone(&pool), Arc::clone(&served));
                    let waiter = thread::spawn(move || {
                        let lease = waiter.check_out(None, None).expect("there is no limit");
                        assert_eq!(served.fetch_add(1, SeqCst), turn);
                        drop(lease);
                    });
                    while pool.stats().waiting() <= turn {
                        thread::yield_now();
                    }
                    waiter
                })
                .collect();
            drop(holder);
            // A newcomer must not jump the queue.
            let late = pool.check_out(None, None).expect("there is no limit");
            assert_eq!(served.load(SeqCst), 3);
            drop(late);
            for waiter in waiters {
                waiter.join().expect("no panic");
            }
        },
        ROUNDS,
    );
}

/// A connection that a sweep is looking at is no idle one to who comes meanwhile, so the sweep has to look after them.
#[test]
fn who_waits_for_a_permit_during_a_sweep_is_served_after_it() {
    let scenario = || {
        let clock = TestClock::new();
        let manager =
            Manager::<String, Conn>::new(PoolSettings { max_connections: Some(1), clock: clock.clone(), ..settings() });
        let (swept, wanted, live) = (manager.pool(&key("swept")), manager.pool(&key("wanted")), Live::new());
        let mut lease = swept.check_out(None, None).expect("there is no limit");
        lease.attach(live.open(0));
        lease.recycle(None);
        clock.advance(Duration::from_secs(1));

        let waiter = thread::spawn(move || drop(wanted.check_out(None, None).expect("there is no limit")));
        swept.sweep(crate::clock::Clock::now(&*clock));

        waiter.join().expect("no panic");
        assert_eq!(live.now(), 0, "its permit went to the waiter");
    };
    shuttle::check_random(scenario, ROUNDS);
    shuttle::check_pct(scenario, ROUNDS, 4);
}

#[derive(Clone, Copy)]
struct Shape {
    threads: usize,
    maxsize: usize,
    block: bool,
    limit: Option<Duration>,
    keys: usize,
    pool_connections: usize,
    max_connections: Option<usize>,
    /// A thread closes the manager now and then.
    closes: bool,
    /// Connections last; what goes wrong does so before there is one.
    fails: bool,
    /// Time passes: connections expire, and are probed.
    clock_runs: bool,
    /// Somebody cancels what the others wait for, one thread after the other.
    cancels: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            threads: 2,
            maxsize: 1,
            block: true,
            limit: None,
            keys: 1,
            pool_connections: 10,
            max_connections: None,
            closes: false,
            fails: false,
            clock_runs: false,
            cancels: false,
        }
    }
}

/// Threads that lease and return at random.
fn exchanges(shape: Shape) {
    let clock = TestClock::new();
    let manager = Manager::<String, Conn>::new(PoolSettings {
        pool_connections: shape.pool_connections,
        pool_maxsize: shape.maxsize,
        pool_block: shape.block,
        max_connections: shape.max_connections,
        idle_timeout: Some(Duration::from_millis(1)),
        clock: clock.clone(),
        ..settings()
    });
    let live: Vec<Arc<Live>> = (0..=shape.keys).map(|_| Live::new()).collect();
    let tokens: Vec<Cancel> = (0..shape.threads).map(|_| Cancel::new()).collect();
    let threads: Vec<_> = tokens
        .iter()
        .map(|token| {
            let (manager, clock, live, token) = (manager.clone(), clock.clone(), live.clone(), token.clone());
            thread::spawn(move || {
                for _ in 0..3 {
                    if shape.clock_runs {
                        clock.advance(Duration::from_micros(thread_rng().gen_range(0..500)));
                    }
                    if shape.closes && thread_rng().gen_range(0..4) == 0 {
                        manager.close();
                    }
                    let host = thread_rng().gen_range(0..shape.keys);
                    let pool = manager.pool(&key(&format!("host{host}")));
                    let mut lease = match pool.check_out(shape.limit, shape.cancels.then_some(&token)) {
                        Ok(lease) => lease,
                        Err(NoSlot::TimedOut) => {
                            assert!(shape.limit.is_some(), "only who set a limit gives up");
                            continue;
                        }
                        Err(NoSlot::Cancelled) => {
                            assert!(token.is_cancelled(), "only who was told to gives up");
                            continue;
                        }
                    };
                    assert_eq!(lease.connection().is_some(), lease.found() == Found::Reused);
                    if lease.connection().is_none() {
                        if shape.fails && thread_rng().gen_range(0..3) == 0 {
                            thread::yield_now();
                            continue;
                        }
                        let of = [&live[host], &live[shape.keys]].map(Arc::clone);
                        lease.attach(Conn::counted(of, !shape.fails && thread_rng().gen_range(0..4) == 0));
                    }
                    thread::yield_now();
                    match if shape.fails { 6 } else { thread_rng().gen_range(0..6) } {
                        0 => drop(lease),
                        1 => lease.discard(),
                        2 => {
                            lease.reset();
                            lease.discard();
                        }
                        _ => lease.recycle(None),
                    }
                }
            })
        })
        .collect();
    if shape.cancels {
        for token in &tokens {
            thread::yield_now();
            token.cancel();
        }
    }
    for thread in threads {
        thread.join().expect("no panic");
    }
    for stats in manager.stats() {
        assert_eq!((stats.in_use(), stats.waiting()), (0, 0));
        assert!(stats.idle() <= shape.maxsize);
    }
    if shape.fails {
        assert_eq!(live[shape.keys].closed(), [0; 0]);
    }
    let enough = shape.block || shape.threads <= shape.maxsize;
    if enough {
        assert!(live[..shape.keys].iter().all(|live| live.most() <= shape.maxsize), "a bound on a host is a bound");
    }
    if let Some(most) = shape.max_connections {
        assert!(live[shape.keys].most() <= most);
        // Every permit is back or with an idle connection: all can be had at once.
        manager.close();
        let leases: Vec<_> = (0..most)
            .map(|n| {
                manager.pool(&key(&format!("last{n}"))).check_out(Some(Duration::ZERO), None).expect("a permit is free")
            })
            .collect();
        drop(leases);
    }
    manager.close();
    assert_eq!(live[shape.keys].now(), 0);
}

/// What [`sync`](super::sync) is under the model.
pub(super) mod sync {
    use std::ops::{Deref, DerefMut};
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    use shuttle::rand::{Rng, thread_rng};
    use shuttle::sync::{Condvar, Mutex, MutexGuard};
    use shuttle::thread;

    use crate::clock::Deadline;

    /// Sequentially consistent, whatever ordering is requested.
    pub(in super::super) use shuttle::sync::atomic::AtomicUsize;

    pub(in super::super) struct Lock<T>(Mutex<T>);

    pub(in super::super) struct Guard<'a, T> {
        of: &'a Lock<T>,
        held: Option<MutexGuard<'a, T>>,
    }

    impl<T> Lock<T> {
        pub(in super::super) fn new(state: T) -> Self {
            Self(Mutex::new(state))
        }

        pub(in super::super) fn lock(&self) -> Guard<'_, T> {
            Guard { of: self, held: Some(self.held()) }
        }

        fn held(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("not poisoned")
        }
    }

    impl<T> Deref for Guard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.held.as_ref().expect("held but in a wait")
        }
    }

    impl<T> DerefMut for Guard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.held.as_mut().expect("held but in a wait")
        }
    }

    pub(in super::super) struct Condition {
        condvar: Condvar,
        signalled: AtomicBool,
    }

    impl Condition {
        pub(in super::super) fn new() -> Self {
            Self { condvar: Condvar::new(), signalled: AtomicBool::new(false) }
        }

        pub(in super::super) fn notify_one(&self) {
            self.signalled.store(true, SeqCst);
            self.condvar.notify_one();
        }

        pub(in super::super) fn wait<T>(&self, guard: &mut Guard<'_, T>, deadline: Deadline) -> bool {
            let held = guard.held.take().expect("held");
            if deadline.0.is_none() {
                guard.held = Some(self.condvar.wait(held).expect("not poisoned"));
                return true;
            }
            // The other threads may run here.
            drop(held);
            for _ in 0..thread_rng().gen_range(0..20) {
                thread::yield_now();
            }
            guard.held = Some(guard.of.held());
            self.signalled.swap(false, SeqCst)
        }
    }
}
