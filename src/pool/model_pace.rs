//! The gate of an origin under the scheduler of [`model`](super::model): the shipped line and its waits, over a pool.
//!
//! Time is a clock that only sleepers move, so the rate and the pause can be checked exactly. What holds for every
//! interleaving: no more leave than the rate allows, and no fewer; none in a pause, no more at a time than the limit, in order
//! of arrival; nobody sleeps forever, whoever gives up, and who gives up has paid nothing; what was counted was used; and in
//! the end the line is empty and every slot is back.
//!
//! The faults at the end prove that the model would find what it looks for.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use super::connection_pool::{ConnectionPool, NoSlot};
use super::gate::Gate;
use super::model::faults::{Fault, is_found};
use super::model::sync;
use super::stats::Counts;
use super::test_support::{Conn, Live, TestClock, key, settings};
use super::wait_limit::{WaitLimit, Waits};
use super::{Found, Listener, Lookup, Manager, PoolEvent, PoolSettings};
use crate::cancel::Cancel;
use crate::clock::Clock;
use crate::pace::{AdaptiveLimit, Outcome, Pace, PaceSettings, RateLimit};

const ROUNDS: usize = 1500;
const INTERVAL: Duration = Duration::from_millis(1);
const BURST: u32 = 2;

#[derive(Clone, Copy, Default)]
struct Shape {
    rate: bool,
    pauses: bool,
    /// The bounds of the limit.
    limit: Option<(usize, usize)>,
    /// Waits have a limit.
    limited: bool,
    cancels: bool,
    maxsize: usize,
}

const RATE: Shape = Shape { rate: true, pauses: false, limit: None, limited: false, cancels: false, maxsize: 4 };

#[test]
fn no_more_leave_than_the_rate_allows() {
    shuttle::check_random(|| run(RATE), ROUNDS);
    shuttle::check_pct(|| run(RATE), ROUNDS, 4);
    // Behind the line there is another one, for the slot.
    shuttle::check_random(|| run(Shape { maxsize: 1, ..RATE }), ROUNDS);
}

#[test]
fn whoever_gives_up_or_is_cancelled_holds_up_nobody() {
    shuttle::check_random(|| run(Shape { limited: true, ..RATE }), ROUNDS);
    shuttle::check_random(|| run(Shape { cancels: true, ..RATE }), ROUNDS);
    shuttle::check_pct(|| run(Shape { cancels: true, limited: true, maxsize: 1, ..RATE }), ROUNDS, 4);
    let limit = Shape { rate: false, limit: Some((1, 2)), cancels: true, limited: true, ..RATE };
    shuttle::check_random(move || run(limit), ROUNDS);
    shuttle::check_pct(move || run(limit), ROUNDS, 4);
}

#[test]
fn nobody_leaves_in_a_pause() {
    shuttle::check_random(|| run(Shape { rate: false, pauses: true, ..RATE }), ROUNDS);
    shuttle::check_random(|| run(Shape { pauses: true, maxsize: 1, ..RATE }), ROUNDS);
    shuttle::check_pct(|| run(Shape { pauses: true, limit: Some((1, 3)), ..RATE }), ROUNDS, 4);
}

#[test]
fn no_more_are_under_way_than_the_limit_and_an_end_wakes_the_next() {
    let shape = Shape { rate: false, limit: Some((1, 2)), ..RATE };
    shuttle::check_random(move || run(shape), ROUNDS);
    shuttle::check_pct(move || run(shape), ROUNDS, 4);
    shuttle::check_random(move || run(Shape { limit: Some((1, 1)), maxsize: 1, ..shape }), ROUNDS);
}

/// Where nobody gives up, each thread's turn comes in the order in which they joined the line.
#[test]
fn who_joined_the_line_first_leaves_first() {
    shuttle::check_random(arrivals, ROUNDS);
    shuttle::check_pct(arrivals, ROUNDS, 4);
}

fn arrivals() {
    let clock = TestClock::new();
    let manager = manager(&clock, 1);
    let (pool, gate) = (manager.pool(&key("a")), gate(LIMIT_OF_ONE));
    let now = clock.now();
    let holder = pool.check_out_through(&gate, None, None, now).expect("nobody is there");
    let served = Arc::new(AtomicUsize::new(0));
    let waiters: Vec<_> = (0..3)
        .map(|turn| {
            let (waits_for, waits_at, served) = (Arc::clone(&pool), Arc::clone(&gate), Arc::clone(&served));
            let waiter = thread::spawn(move || {
                let lease = waits_for.check_out_through(&waits_at, None, None, now).expect("there is no limit");
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
    let late = pool.check_out_through(&gate, None, None, now).expect("there is no limit");
    assert_eq!(served.load(SeqCst), 3, "a newcomer does not jump the line");
    drop(late);
    waiters.into_iter().for_each(|waiter| waiter.join().expect("no panic"));
}

/// Every schedule there is of a turn that is handed on, with nothing left to chance: two come to a gate, and one may have to
/// wait for the other.
#[test]
fn no_schedule_of_a_turn_goes_wrong() {
    let hand_on = || {
        let (gate, have_it) = (gate(Shape { rate: false, ..RATE }), Arc::new(AtomicUsize::new(0)));
        let other = {
            let (gate, have_it) = (Arc::clone(&gate), Arc::clone(&have_it));
            thread::spawn(move || goes_through(&gate, &have_it))
        };
        let through = [goes_through(&gate, &have_it), other.join().expect("no panic")];
        assert_eq!(through, [true; 2]);
        assert!(gate.is_at_rest(crate::clock::now()), "nobody has the turn");
    };
    sync::without_chance(|| shuttle::check_dfs(hand_on, None));
}

fn goes_through(gate: &Arc<Gate>, have_it: &AtomicUsize) -> bool {
    let (clock, endpoint) = (TestClock::new(), key("a").endpoint());
    let (listener, counts, for_pace) = (Listener::default(), Counts::default(), sync::AtomicUsize::new(0));
    let mut wait = WaitLimit::new(
        None,
        None,
        Waits {
            listener: &listener,
            endpoint: &endpoint,
            counts: &counts,
            for_pace: &for_pace,
            long: None,
            is_real_time: false,
        },
    );
    let with_the_turn = |_: &mut WaitLimit<'_>| {
        assert_eq!(have_it.fetch_add(1, SeqCst), 0, "one has the turn");
        thread::yield_now();
        have_it.fetch_sub(1, SeqCst);
        Ok(())
    };
    gate.enter(&*clock, clock.now(), &mut wait, with_the_turn, |()| {}).is_ok()
}

const LIMIT_OF_ONE: Shape = Shape { rate: false, limit: Some((1, 1)), ..RATE };

/// Whoever waits for the slot in vain leaves the tokens to others, who need not wait for them.
#[test]
fn who_gives_up_waiting_for_a_slot_has_paid_nothing() {
    shuttle::check_random(gives_up, ROUNDS);
    shuttle::check_pct(gives_up, ROUNDS, 4);
}

fn gives_up() {
    let clock = TestClock::new();
    let manager = manager(&clock, 1);
    let (pool, gate) = (manager.pool(&key("a")), gate(RATE));
    let (start, holder) = (clock.now(), pool.check_out(None, None).expect("nobody is there"));
    let waiters: Vec<_> = (0..2)
        .map(|_| {
            let (pool, gate) = (Arc::clone(&pool), Arc::clone(&gate));
            thread::spawn(move || pool.check_out_through(&gate, Some(INTERVAL), None, start).is_err())
        })
        .collect();
    for waiter in waiters {
        assert!(waiter.join().expect("no panic"), "there is no slot");
    }
    drop(holder);
    for _ in 0..BURST {
        drop(pool.check_out_through(&gate, None, None, start).expect("there is no limit"));
    }
    assert_eq!(clock.now(), start, "the whole burst was there");
}

/// A listener that panics in those that wait takes neither a place nor the turn with it.
#[test]
fn a_panic_in_the_line_holds_up_nobody() {
    shuttle::check_random(panics, ROUNDS);
    shuttle::check_pct(panics, ROUNDS, 4);
}

fn panics() {
    let clock = TestClock::new();
    let listener = Listener::new(|event| {
        if matches!(event, PoolEvent::Waiting { .. } | PoolEvent::Waited { .. }) && thread_rng().gen_range(0..2) == 0 {
            panic::resume_unwind(Box::new("told"));
        }
    });
    let settings = PoolSettings { pool_maxsize: 1, pool_block: true, clock: clock.clone(), listener, ..settings() };
    let manager = Manager::<String, Conn>::new(settings);
    let (pool, gate) = (manager.pool(&key("a")), gate(RATE));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (pool, gate, clock) = (Arc::clone(&pool), Arc::clone(&gate), Arc::clone(&clock));
            thread::spawn(move || {
                for _ in 0..3 {
                    let exchange = || drop(pool.check_out_through(&gate, None, None, clock.now()));
                    let _ = panic::catch_unwind(AssertUnwindSafe(exchange));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no other panic"));
    let stats = pool.stats();
    assert_eq!((stats.in_use(), stats.waiting()), (0, 0));
    clock.advance(INTERVAL * 100);
    assert!(gate.is_at_rest(clock.now()));
}

fn manager(clock: &Arc<TestClock>, pool_maxsize: usize) -> Manager<String, Conn> {
    let clock = clock.clone();
    Manager::new(PoolSettings { pool_maxsize, pool_block: true, clock, ..settings() })
}

fn gate(shape: Shape) -> Arc<Gate> {
    let pace = Pace::new(&PaceSettings {
        rate: shape.rate.then(|| RateLimit::every(INTERVAL).burst(BURST)),
        pause: shape.pauses,
        adaptive: shape.limit.map(|(min, max)| AdaptiveLimit::between(min, max)),
        budget: None,
    });
    Gate::new("a:80", pace)
}

/// What the threads check together.
struct Watch {
    clock: Arc<TestClock>,
    start: Instant,
    left: AtomicUsize,
    under_way: AtomicUsize,
    /// Connections that were new to the pool.
    made: AtomicUsize,
    /// The end of the longest pause that somebody has asked for, in nanoseconds.
    paused: AtomicU64,
}

impl Watch {
    fn nanos(&self, at: Instant) -> u64 {
        (at - self.start).as_nanos() as u64
    }

    /// A request has left. Others may have slept since: the bounds are for now, and so a little generous.
    fn left(&self, shape: Shape, paused_before: u64) {
        let now = self.nanos(self.clock.now());
        let left = self.left.fetch_add(1, SeqCst) + 1;
        let allowed = u64::from(BURST) + now / INTERVAL.as_nanos() as u64;
        assert!(!shape.rate || left as u64 <= allowed, "{left} of {allowed}");
        assert!(now >= paused_before, "{now} before {paused_before}");
        let under_way = self.under_way.fetch_add(1, SeqCst) + 1;
        assert!(shape.limit.is_none_or(|(_, max)| under_way <= max), "{under_way} at a time");
        assert!(under_way <= shape.maxsize);
    }
}

fn run(shape: Shape) {
    let clock = TestClock::new();
    let manager = manager(&clock, shape.maxsize);
    let (pool, gate, live) = (manager.pool(&key("a")), gate(shape), Live::new());
    let watch = Arc::new(Watch {
        start: clock.now(),
        clock,
        left: AtomicUsize::new(0),
        under_way: AtomicUsize::new(0),
        made: AtomicUsize::new(0),
        paused: AtomicU64::new(0),
    });
    let tokens: Vec<Cancel> = (0..3).map(|_| Cancel::new()).collect();
    let threads: Vec<_> = tokens
        .iter()
        .map(|token| {
            let (pool, gate, live) = (Arc::clone(&pool), Arc::clone(&gate), Arc::clone(&live));
            let (watch, token) = (Arc::clone(&watch), token.clone());
            thread::spawn(move || (0..3).for_each(|_| exchange(shape, &pool, &gate, &live, &watch, &token)))
        })
        .collect();
    if shape.cancels {
        for token in &tokens {
            thread::yield_now();
            token.cancel();
        }
    }
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));

    let stats = pool.stats();
    assert_eq!((stats.in_use(), stats.waiting()), (0, 0));
    assert_eq!(stats.num_connections(), watch.made.load(SeqCst) as u64, "those that were made are counted");
    if !shape.limited && !shape.cancels {
        assert_eq!(watch.left.load(SeqCst), 9, "who set no limit is served");
        if shape.rate && !shape.pauses && shape.limit.is_none() {
            // Only who waits for a token moves the clock.
            assert_eq!(watch.clock.now() - watch.start, INTERVAL * (9 - BURST), "and as fast as the rate allows");
        }
    }
    // Whatever was given up: after the time that those who left have paid for, the gate is as good as new.
    watch.clock.advance(INTERVAL * 100);
    assert!(gate.is_at_rest(watch.clock.now()));
}

fn exchange(
    shape: Shape,
    pool: &Arc<ConnectionPool<Conn>>,
    gate: &Arc<Gate>,
    live: &Arc<Live>,
    watch: &Watch,
    token: &Cancel,
) {
    let (now, paused) = (watch.clock.now(), watch.paused.load(SeqCst));
    let limit = shape.limited.then(|| INTERVAL * thread_rng().gen_range(1..3));
    let mut lease = match pool.check_out_through(gate, limit, shape.cancels.then_some(token), now) {
        Ok(lease) => lease,
        Err(held) => {
            match held.why {
                NoSlot::TimedOut => assert!(shape.limited, "only who set a limit gives up"),
                NoSlot::Cancelled => assert!(token.is_cancelled(), "only who was told to gives up"),
            }
            return;
        }
    };
    // With one slot, whoever asked for a pause did it before the slot was free.
    watch.left(shape, if shape.maxsize == 1 { watch.paused.load(SeqCst) } else { paused });
    if lease.connection().is_none() {
        match lease.found() {
            Found::New(_) => drop(watch.made.fetch_add(1, SeqCst)),
            found => assert_eq!(found, Found::Reconnect),
        }
        lease.attach(live.open(0));
    }
    thread::yield_now();
    let pass = lease.pass().expect("it left by the gate");
    let draw = thread_rng().gen_range(0..6);
    if shape.pauses && draw == 0 {
        let now = watch.clock.now();
        pass.pause(now, INTERVAL * 3);
        watch.paused.fetch_max(watch.nanos(now + INTERVAL * 3), SeqCst);
    }
    pass.learn(if draw < 3 { Outcome::Success } else { Outcome::Refusal });
    watch.under_way.fetch_sub(1, SeqCst);
    if draw % 2 == 0 { lease.recycle(None) } else { drop(lease) }
}

// ---- faults

fn assert_found(fault: Fault, shape: Shape) {
    assert!(is_found(fault, move || run(shape)), "the model is blind to {fault:?}");
}

const LIMIT: Shape = Shape { rate: false, limit: Some((1, 2)), ..RATE };
const GIVES_UP: Shape = Shape { limited: true, ..RATE };
const CANCELS: Shape = Shape { cancels: true, ..RATE };

#[test]
fn a_wake_up_that_is_lost_at_the_gate_is_found() {
    assert_found(Fault::DroppedNotify, RATE);
    assert_found(Fault::EndUnheard, LIMIT);
    assert_found(Fault::EndNotCounted, LIMIT);
}

#[test]
fn a_place_or_a_turn_that_is_kept_by_who_left_is_found() {
    for gives_up in [GIVES_UP, CANCELS] {
        assert_found(Fault::GrantToLeaver, gives_up);
        assert_found(Fault::LateGrantLost, gives_up);
        assert_found(Fault::TurnKept, gives_up);
    }
    assert_found(Fault::TurnKept, Shape { cancels: true, ..LIMIT });
}

#[test]
fn a_place_or_a_turn_that_a_panic_keeps_is_found() {
    assert!(is_found(Fault::PlaceKeptByPanic, panics));
    assert!(is_found(Fault::TurnKeptByPanic, panics));
}

#[test]
fn another_order_than_that_of_the_line_is_found() {
    assert!(is_found(Fault::LastServedFirst, arrivals));
    assert!(is_found(Fault::PushesIn, arrivals));
}

#[test]
fn a_token_that_is_paid_twice_or_too_early_is_found() {
    assert_found(Fault::PaidTwice, RATE);
    assert_found(Fault::PaidBeforeSlot, Shape { pauses: true, maxsize: 1, ..RATE });
    assert!(is_found(Fault::PaidBeforeSlot, gives_up));
}

#[test]
fn a_slot_that_a_pause_costs_is_found() {
    assert_found(Fault::SlotLostByPause, Shape { rate: false, pauses: true, maxsize: 1, ..RATE });
}

#[test]
fn a_wait_that_counts_for_ever_is_found() {
    assert_found(Fault::WaitKept, RATE);
}
