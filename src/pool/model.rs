//! The pool under a scheduler that tries thousands of interleavings: `RUSTFLAGS="--cfg petition_model" cargo test --lib
//! pool::model`.
//!
//! Lock, signal and the numbers that are read without the lock are shuttle's, deadlines pass at random, and waits end without
//! a reason. What holds for every interleaving: nobody sleeps forever (shuttle reports a deadlock), there are never more
//! connections than allowed, what was closed is not used again, whoever joined the queue first is served first, and in the end
//! every slot and permit is back. That no connection is in two hands needs no model: it is moved, and cannot be copied.
//!
//! [`faults`] proves that the model would find what it looks for. One small case is tried in every order there is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use super::connection_pool::NoSlot;
use super::monitor::{Monitor, Signal};
use super::slots::{Arrival, Slot, Slots};
use super::test_support::{Conn, Live, TestClock, key, settings};
use super::{Found, Manager, PoolSettings};
use crate::cancel::Cancel;
use crate::clock::{self, Deadline};

pub(super) mod faults;

/// Of each check at random. There are 25 of them, so 100,000 schedules in all.
const ROUNDS: usize = 4000;
const MOMENT: Option<Duration> = Some(Duration::from_millis(1));

#[test]
fn a_blocking_pool_never_has_more_than_maxsize_and_forgets_nobody() {
    shuttle::check_random(|| exchanges(Shape { threads: 4, maxsize: 2, ..Shape::BASE }), ROUNDS);
    shuttle::check_pct(|| exchanges(Shape { threads: 4, maxsize: 2, ..Shape::BASE }), ROUNDS, 4);
}

#[test]
fn waiters_that_give_up_lose_no_slot() {
    shuttle::check_random(|| exchanges(Shape { threads: 4, maxsize: 1, limit: MOMENT, ..Shape::BASE }), ROUNDS);
}

#[test]
fn waiters_that_are_cancelled_wake_up_and_lose_nothing() {
    let shape = Shape { threads: 4, maxsize: 1, cancels: true, ..Shape::BASE };
    shuttle::check_random(move || exchanges(shape), ROUNDS);
    shuttle::check_pct(move || exchanges(shape), ROUNDS, 4);
    let permits = Shape { maxsize: 2, keys: 2, max_connections: Some(1), ..shape };
    shuttle::check_random(move || exchanges(permits), ROUNDS);
    shuttle::check_random(move || exchanges(Shape { limit: MOMENT, clock_runs: true, ..permits }), ROUNDS);
}

#[test]
fn sweeps_make_nobody_open_a_connection_too_many() {
    let shape = Shape { threads: 3, maxsize: 2, clock_runs: true, ..Shape::BASE };
    shuttle::check_random(move || exchanges(shape), ROUNDS);
    shuttle::check_random(move || exchanges(Shape { threads: 2, block: false, ..shape }), ROUNDS);
}

#[test]
fn closing_and_evicting_while_others_wait_strands_nobody() {
    let shape = Shape { threads: 4, maxsize: 1, keys: 2, pool_connections: 1, closes: true, ..Shape::BASE };
    shuttle::check_random(move || exchanges(shape), ROUNDS);
    shuttle::check_pct(move || exchanges(Shape { maxsize: 2, ..shape }), ROUNDS, 4);
    shuttle::check_random(move || exchanges(Shape { keys: 3, pool_connections: 2, clock_runs: true, ..shape }), ROUNDS);
    shuttle::check_random(move || exchanges(Shape { pool_connections: 10, closes: false, ..shape }), ROUNDS);
    shuttle::check_random(move || exchanges(Shape { clock_runs: true, limit: MOMENT, ..shape }), ROUNDS);
}

#[test]
fn max_connections_holds_over_all_pools_and_forgets_nobody() {
    let shape = Shape { threads: 4, maxsize: 2, keys: 2, max_connections: Some(2), ..Shape::BASE };
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
    let shape = Shape { threads: 4, maxsize: 2, max_connections: Some(2), fails: true, ..Shape::BASE };
    shuttle::check_random(move || exchanges(shape), ROUNDS);
    shuttle::check_random(move || exchanges(Shape { block: false, ..shape }), ROUNDS);
    shuttle::check_pct(move || exchanges(Shape { block: false, ..shape }), ROUNDS, 4);
}

#[test]
fn who_joined_the_queue_first_is_served_first() {
    shuttle::check_random(arrivals, ROUNDS);
}

fn arrivals() {
    let manager = Manager::<String, Conn>::new(PoolSettings { pool_maxsize: 1, pool_block: true, ..settings() });
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
}

/// A connection that a sweep is looking at is no idle one to who comes meanwhile, so the sweep has to look after them.
#[test]
fn who_waits_for_a_permit_during_a_sweep_is_served_after_it() {
    shuttle::check_random(sweep_and_waiter, ROUNDS);
    shuttle::check_pct(sweep_and_waiter, ROUNDS, 4);
}

fn sweep_and_waiter() {
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
}

/// Every schedule there is of a hand-over, with nothing left to chance: one thread returns the only slot while another wants it.
#[test]
fn no_schedule_of_a_hand_over_goes_wrong() {
    let hand_over = |limit| {
        move || {
            let slots = Arc::new(Monitor::new(Slots::<u32, Signal>::new(1, true)));
            let Arrival::Taken(Slot::Empty) = slots.with(|slots| slots.arrive(Signal::new)) else {
                panic!("it is free")
            };
            let waiter = {
                let slots = Arc::clone(&slots);
                thread::spawn(move || match slots.with(|slots| slots.arrive(Signal::new)) {
                    Arrival::Taken(slot) => Some(slot),
                    Arrival::Queued(ticket, signal) => {
                        let deadline = Deadline::after(clock::now(), limit);
                        let found = slots.wait(&signal, deadline, || false, |slots| slots.collect(ticket));
                        found.or_else(|| slots.with(|slots| slots.leave(ticket)))
                    }
                })
            };
            if let Some(signal) = slots.with(|slots| slots.give_back(Slot::Live(7))).wake {
                signal.wake();
            }
            let got = waiter.join().expect("no panic");
            assert!(got == Some(Slot::Live(7)) || (got.is_none() && limit.is_some()));
            let (leased, idle) = slots.with(|slots| (slots.leased(), slots.idle()));
            assert_eq!((leased, idle), if got.is_some() { (1, 0) } else { (0, 1) });
        }
    };
    sync::without_chance(|| {
        shuttle::check_dfs(hand_over(None), None);
        shuttle::check_dfs(hand_over(MOMENT), None);
    });
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

impl Shape {
    const BASE: Self = Self {
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
    };
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
    let closings: [Arc<AtomicUsize>; 2] = Default::default();
    let threads: Vec<_> = tokens
        .iter()
        .map(|token| {
            let (manager, clock, live, token) = (manager.clone(), clock.clone(), live.clone(), token.clone());
            let [begun, ended] = closings.clone();
            thread::spawn(move || {
                for _ in 0..3 {
                    if shape.clock_runs {
                        clock.advance(Duration::from_micros(thread_rng().gen_range(0..500)));
                    }
                    if shape.closes && thread_rng().gen_range(0..4) == 0 {
                        begun.fetch_add(1, SeqCst);
                        manager.close();
                        ended.fetch_add(1, SeqCst);
                    }
                    let host = thread_rng().gen_range(0..shape.keys);
                    let pool = manager.pool(&key(&format!("host{host}")));
                    let closed = ended.load(SeqCst);
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
                    if let Some(conn) = lease.connection() {
                        assert!(closed <= conn.name as usize, "what was closed is not used again");
                    }
                    if lease.connection().is_none() {
                        if shape.fails && thread_rng().gen_range(0..3) == 0 {
                            thread::yield_now();
                            continue;
                        }
                        let of = [&live[host], &live[shape.keys]].map(Arc::clone);
                        let conn = Conn::counted(of, !shape.fails && thread_rng().gen_range(0..4) == 0);
                        // Named after the closings that had begun by then: more than that renounce it.
                        lease.attach(conn).name = begun.load(SeqCst) as u32;
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
    use std::cell::Cell;
    use std::ops::{Deref, DerefMut};
    use std::sync::PoisonError;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    use shuttle::rand::{Rng, thread_rng};
    use shuttle::sync::{Condvar, Mutex, MutexGuard};
    use shuttle::thread;

    use crate::clock::Deadline;

    /// Sequentially consistent, whatever ordering is requested.
    pub(in super::super) use shuttle::sync::atomic::AtomicUsize;

    thread_local! {
        // All threads of a model run on the thread of its test.
        static CHANCE: Cell<bool> = const { Cell::new(true) };
    }

    /// Runs `check` with neither spurious wake-ups nor deadlines that pass at random: each passes after one turn.
    pub(in super::super) fn without_chance(check: impl FnOnce()) {
        CHANCE.set(false);
        check();
        CHANCE.set(true);
    }

    /// A random number below `below`; without chance it is 1.
    fn chance(below: u32) -> u32 {
        if CHANCE.get() { thread_rng().gen_range(0..below) } else { 1 }
    }

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
            // As with the shipped lock, a panic poisons nothing.
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
            let is_spurious = chance(4) == 0;
            if deadline.0.is_none() && !is_spurious {
                guard.held = Some(self.condvar.wait(held).unwrap_or_else(PoisonError::into_inner));
                return true;
            }
            // The other threads may run here.
            drop(held);
            for _ in 0..chance(20) {
                thread::yield_now();
            }
            guard.held = Some(guard.of.held());
            self.signalled.swap(false, SeqCst) || is_spurious
        }
    }
}
