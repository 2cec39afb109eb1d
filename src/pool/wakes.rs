//! Whoever waits is woken by what they wait for, or by a token, and not by the end of a limit.
//!
//! Nothing here is worth a warning after a while, which would wake a thread too.

use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use super::gate::Gate;
use super::test_support::{Conn, all_logged, key, settings, until};
use super::{Manager, NoSlot, PoolSettings};
use crate::Cancel;
use crate::clock;
use crate::pace::{AdaptiveLimit, Hold, Pace, PaceSettings};

/// So long that it is no excuse on any machine.
const LIMIT: Duration = Duration::from_secs(30);

/// Whether nothing is `over` for a moment, in which those that are to wait come to it. If they come later, it is no less right.
fn a_moment(over: impl Fn() -> bool) -> bool {
    let begun = clock::now();
    while clock::now() - begun < Duration::from_millis(50) {
        if over() {
            return false;
        }
        thread::yield_now();
    }
    true
}

fn one_at_a_time() -> Arc<Gate> {
    let adaptive = Some(AdaptiveLimit::between(1, 1));
    Gate::new("h:80", Pace::new(&PaceSettings { adaptive, ..PaceSettings::default() }))
}

#[test]
fn a_token_wakes_who_waits_for_a_permit() {
    let manager = Manager::<String, Conn>::new(PoolSettings { max_connections: Some(1), ..settings() });
    let (held, wanted) = (manager.pool(&key("held")), manager.pool(&key("wanted")));
    let lease = held.check_out(None, None).expect("the only permit");
    let (cancel, begun) = (Cancel::new(), clock::now());

    thread::scope(|scope| {
        let waiter = scope.spawn(|| wanted.check_out(Some(LIMIT), Some(&cancel)).is_err());
        until(|| wanted.stats().waiting() == 1);
        cancel.cancel();
        assert!(waiter.join().unwrap());
    });

    assert!(clock::now() - begun < LIMIT);
    drop(lease);
}

#[test]
fn a_token_wakes_who_waits_for_an_exchange_to_end_and_who_waits_behind_them() {
    let manager = Manager::<String, Conn>::new(settings());
    let (pool, gate) = (manager.pool(&key("h")), one_at_a_time());
    let held = pool.check_out_through(&gate, None, None, clock::now()).expect("nobody is there");
    let (cancel, begun) = (Cancel::new(), clock::now());

    thread::scope(|scope| {
        let wait = || pool.check_out_through(&gate, Some(LIMIT), Some(&cancel), clock::now()).map(drop);
        let waiters = [(); 3].map(|()| scope.spawn(wait));
        assert!(a_moment(|| waiters.iter().any(ScopedJoinHandle::is_finished)));
        cancel.cancel();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap().map_err(|held| held.why), Err(NoSlot::Cancelled));
        }
    });

    assert!(clock::now() - begun < LIMIT);
    drop(held);
}

#[test]
fn an_exchange_that_ends_wakes_who_waits_for_it() {
    let manager = Manager::<String, Conn>::new(settings());
    let (pool, gate) = (manager.pool(&key("h")), one_at_a_time());
    let (held, lines) = all_logged(|| pool.check_out_through(&gate, None, None, clock::now()));
    assert!(!lines.iter().any(|line| line.contains("Waiting")), "it need not wait: {lines:?}");
    let (held, begun) = (held.expect("nobody is there"), clock::now());

    // What stands in its way, and that nobody else does.
    let refused = pool.check_out_through(&gate, Some(Duration::ZERO), None, clock::now()).map(drop).unwrap_err();
    assert_eq!((refused.why, refused.by, refused.waiting), (NoSlot::TimedOut, Hold::Full, 0));

    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.check_out_through(&gate, Some(LIMIT), None, clock::now()).is_ok());
        assert!(a_moment(|| waiter.is_finished()));
        drop(held);
        assert!(waiter.join().unwrap());
    });

    assert!(clock::now() - begun < LIMIT);
}
