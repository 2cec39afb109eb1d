//! The faults that the model plants, and the proof that it finds each of them. Those of a gate are sought in
//! [`model_pace`](super::super::model_pace).

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use super::{MOMENT, ROUNDS, Shape, arrivals, exchanges, sweep_and_waiter};

/// A mistake that somebody could make.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) enum Fault {
    /// A waiter is served, but not woken.
    DroppedNotify,
    /// Who gave up waiting stays in the queue, and is handed what nobody picks up.
    GrantToLeaver,
    /// What was handed over at the last moment is not taken along by who gives up.
    LateGrantLost,
    /// Who came last is served first.
    LastServedFirst,
    /// A pool has a slot too many.
    OffByOne,
    /// Who waited for a permit and was handed a connection keeps the slot that is not needed.
    SlotKept,
    /// What was leased when the pools were closed is kept for others.
    ClosedReused,
    /// A closed pool that is in use is not found again, so that another is opened beside it.
    PoolForgotten,
    /// Who begins to wait for a permit does not look at what lies idle.
    NoRelieveAtArrival,
    /// Who makes a connection idle does not look at who waits for its permit.
    NoRelieveAtReturn,
    /// Nor does who looked at an idle connection meanwhile.
    NoRelieveAfterSweep,
    /// An empty slot keeps its place, and a live connection has to go.
    LiveGivesWay,
    /// Who comes to a gate does not see that somebody has the turn.
    PushesIn,
    /// Who gives up at the head of a line keeps the turn.
    TurnKept,
    /// So does who panics there.
    TurnKeptByPanic,
    /// Who panics in a line stays in it.
    PlaceKeptByPanic,
    /// Who leaves pays two tokens.
    PaidTwice,
    /// Who has waited for the pace pays, and then waits for a slot.
    PaidBeforeSlot,
    /// A slot that was got in a pause is not put back.
    SlotLostByPause,
    /// Who ends an exchange does not wake who waits for its end.
    EndUnheard,
    /// An exchange that has ended counts as one under way.
    EndNotCounted,
    /// Who no longer waits for a pace is counted as if.
    WaitKept,
}

thread_local! {
    // All threads of a model run on the thread of its test.
    static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
}

pub(in super::super) fn is_planted(fault: Fault) -> bool {
    PLANTED.get() == Some(fault)
}

/// Whether the model finds the fault within its usual number of schedules.
pub(in super::super) fn is_found(fault: Fault, scenario: impl Fn() + Send + Sync + 'static) -> bool {
    PLANTED.set(Some(fault));
    let scenario = Arc::new(scenario);
    let found = [false, true].into_iter().any(|by_priority| {
        let scenario = Arc::clone(&scenario);
        let check = move || match by_priority {
            false => shuttle::check_random(move || scenario(), ROUNDS),
            true => shuttle::check_pct(move || scenario(), ROUNDS, 4),
        };
        panic::catch_unwind(AssertUnwindSafe(check)).is_err()
    });
    PLANTED.set(None);
    found
}

fn assert_found(fault: Fault, shape: Shape) {
    assert!(is_found(fault, move || exchanges(shape)), "the model is blind to {fault:?}");
}

const BLOCKING: Shape = Shape { threads: 3, ..Shape::BASE };
const PERMITS: Shape = Shape { threads: 4, maxsize: 2, keys: 2, max_connections: Some(2), ..Shape::BASE };

#[test]
fn a_dropped_notify_is_found() {
    assert_found(Fault::DroppedNotify, BLOCKING);
    assert_found(Fault::DroppedNotify, PERMITS);
}

#[test]
fn a_grant_to_who_left_is_found() {
    assert_found(Fault::GrantToLeaver, Shape { limit: MOMENT, ..BLOCKING });
    assert_found(Fault::GrantToLeaver, Shape { limit: MOMENT, ..PERMITS });
    assert_found(Fault::GrantToLeaver, Shape { cancels: true, ..BLOCKING });
}

#[test]
fn a_grant_that_is_lost_at_the_last_moment_is_found() {
    assert_found(Fault::LateGrantLost, Shape { limit: MOMENT, ..BLOCKING });
    assert_found(Fault::LateGrantLost, Shape { limit: MOMENT, ..PERMITS });
}

#[test]
fn another_order_than_that_of_arrival_is_found() {
    assert!(is_found(Fault::LastServedFirst, arrivals));
}

#[test]
fn a_slot_too_many_is_found() {
    assert_found(Fault::OffByOne, BLOCKING);
}

#[test]
fn a_slot_that_is_not_put_back_is_found() {
    assert_found(Fault::SlotKept, PERMITS);
    assert_found(Fault::SlotKept, Shape { block: false, ..PERMITS });
}

#[test]
fn a_closed_pool_that_is_reused_is_found() {
    let closing = Shape { keys: 2, pool_connections: 1, closes: true, threads: 4, ..Shape::BASE };
    assert_found(Fault::ClosedReused, closing);
    assert_found(Fault::PoolForgotten, closing);
    assert_found(Fault::PoolForgotten, Shape { closes: false, ..closing });
}

#[test]
fn a_missing_relieve_is_found() {
    let few = Shape { threads: 2, maxsize: 1, max_connections: Some(1), ..PERMITS };
    assert_found(Fault::NoRelieveAtArrival, few);
    assert_found(Fault::NoRelieveAtReturn, few);
}

#[test]
fn a_sweep_that_looks_after_nobody_is_found() {
    assert!(is_found(Fault::NoRelieveAfterSweep, sweep_and_waiter));
}

#[test]
fn a_live_connection_that_gives_way_is_found() {
    let fails = Shape { max_connections: Some(2), fails: true, threads: 4, maxsize: 2, ..Shape::BASE };
    assert_found(Fault::LiveGivesWay, Shape { block: false, ..fails });
}
