//! How many connections all pools of an adapter may have together (`max_connections`).
//!
//! A live connection, idle or not, holds a permit from before it is made until after it is closed. If none is left, a caller
//! joins the queue and stays in it until it gets one of these:
//!
//! - a permit, because somewhere a connection was closed;
//! - a connection, permit and all, because one came back to the pool that this waiter came from, or lay idle in it. To close
//!   it only to open another to the same host would be a waste.
//!
//! No wake-up is lost. A thread that makes a connection idle stores its pool's number of idle connections, then loads the
//! number of waiters. A thread that joins the queue stores the number of waiters, then loads the pools' numbers of idle
//! connections. All four are sequentially consistent, so one of the stores comes first, and the other thread's load sees it.
//! `model` tries the interleavings.
//!
//! A permit is returned with no other lock held. Its holder never waits for anything in a pool, because a slot comes first
//! and the permit second. So the permits in use always come back.

use std::sync::Arc;

use super::monitor::{Monitor, Signal};
use super::queue::{Queue, Ticket};
use super::sync::{AtomicUsize, Ordering::SeqCst};
use super::wait_limit::WaitLimit;
use crate::cancel::Stop;

/// The permits of one adapter. `L` is a live connection with its permit.
pub(super) struct Permits<L> {
    total: usize,
    state: Monitor<State<L, Signal>>,
    /// The length of the queue; read without the lock.
    waiting: AtomicUsize,
}

/// The right to have one connection. Dropping it gives it to the next in the queue.
pub(super) struct Permit<L> {
    of: Arc<Permits<L>>,
}

/// A place in the queue.
pub(super) struct Joined {
    pub(super) ticket: Ticket,
    pub(super) signal: Signal,
    /// How many waited then, this one included: a moment later it may have been served already.
    pub(super) waiting: usize,
}

/// What a waiter gets.
pub(super) enum Granted<L> {
    /// `None` if there is no limit.
    Permit(Option<Permit<L>>),
    /// A connection that came back or lay idle, with the slot that it was in.
    Connection(L),
}

/// Why a connection was not taken. To ask who waits only afterwards would be too late: somebody may have come.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Refused<L> {
    NobodyWaits(L),
    /// Who waits longest wants one of another pool.
    OfAnother(L),
}

/// Which pool a waiter wants a connection of.
pub(super) type PoolId = u64;

/// What is ready for a waiter. Here a permit is only a number.
#[derive(Debug, Eq, PartialEq)]
enum Grant<L> {
    Permit,
    Connection(L),
}

/// Plain data: the count and the queue.
struct State<L, W> {
    free: usize,
    queue: Queue<(PoolId, W), Grant<L>>,
}

impl<L> Permits<L> {
    /// `count` permits, but at least one: without any, nobody could ever be served.
    pub(super) fn new(count: usize) -> Arc<Self> {
        let total = count.max(1);
        let state = State { free: total, queue: Queue::new() };
        Arc::new(Self { total, state: Monitor::new(state), waiting: AtomicUsize::new(0) })
    }

    /// Whether anybody waits. Call it after a connection became idle, see above.
    pub(super) fn anyone_waits(&self) -> bool {
        self.waiting.load(SeqCst) > 0
    }

    /// How many there are.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// How many are held, by connections in use and idle ones, or are on their way to who waits.
    pub(super) fn taken(&self) -> usize {
        self.total - self.state.with(|state| state.free)
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(SeqCst)
    }

    /// Takes a permit, or joins the queue; who has joined looks for idle connections next, see above.
    pub(super) fn arrive(self: &Arc<Self>, pool: PoolId) -> Result<Permit<L>, Joined> {
        let arrive = |state: &mut State<L, Signal>| {
            let arrived = state.arrive(pool, Signal::new);
            arrived.map_err(|(ticket, signal)| Joined { ticket, signal, waiting: state.queue.len() })
        };
        self.change(arrive).map(|()| self.permit())
    }

    /// Gives a connection of `pool`, with its slot, to the first in the queue, if that is where they want one.
    pub(super) fn pass(&self, pool: PoolId, live: L) -> Result<(), Refused<L>> {
        self.change(|state| state.pass(pool, live)).map(|signal| signal.wake())
    }

    /// Whether the first in the queue wants a connection of `pool`.
    pub(super) fn first_wants(&self, pool: PoolId) -> bool {
        self.state.with(|state| state.queue.first().is_some_and(|(wanted, _)| *wanted == pool))
    }

    fn permit(self: &Arc<Self>) -> Permit<L> {
        Permit { of: Arc::clone(self) }
    }

    fn change<R>(&self, act: impl FnOnce(&mut State<L, Signal>) -> R) -> R {
        self.state.with(|state| {
            let done = act(state);
            self.waiting.store(state.queue.len(), SeqCst);
            done
        })
    }
}

impl<L: Send + 'static> Permits<L> {
    /// Waits for a permit or a connection, within the limits. The caller has joined the queue.
    pub(super) fn wait(
        self: &Arc<Self>,
        ticket: Ticket,
        signal: &Signal,
        wait: &mut WaitLimit<'_>,
        is_long: impl FnOnce(),
    ) -> Option<Granted<L>> {
        let waiter = || Arc::new(PermitWaiter { of: Arc::clone(self), signal: signal.clone() });
        let grant = wait.sleep(&self.state, signal, waiter, |state| state.queue.collect(ticket), is_long);
        match grant {
            Some(grant) => Some(self.granted(grant)),
            None => self.leave(ticket),
        }
    }

    /// Gives up waiting. What was handed over at the last moment is still theirs.
    pub(super) fn leave(self: &Arc<Self>, ticket: Ticket) -> Option<Granted<L>> {
        self.change(|state| state.queue.leave(ticket)).map(|grant| self.granted(grant))
    }

    fn granted(self: &Arc<Self>, grant: Grant<L>) -> Granted<L> {
        match grant {
            Grant::Permit => Granted::Permit(Some(self.permit())),
            Grant::Connection(live) => Granted::Connection(live),
        }
    }
}

/// A thread that waits for a permit, as a token can wake it.
struct PermitWaiter<L> {
    of: Arc<Permits<L>>,
    signal: Signal,
}

impl<L: Send> Stop for PermitWaiter<L> {
    fn stop(&self) {
        self.of.state.interrupt(&self.signal);
    }
}

impl<L> Drop for Permit<L> {
    fn drop(&mut self) {
        if let Some(signal) = self.of.change(State::release) {
            signal.wake();
        }
    }
}

impl<L, W: Clone> State<L, W> {
    fn arrive(&mut self, pool: PoolId, waiter: impl FnOnce() -> W) -> Result<(), (Ticket, W)> {
        if self.free > 0 {
            // Nobody waits while a permit is free.
            self.free -= 1;
            return Ok(());
        }
        let waiter = waiter();
        Err((self.queue.join((pool, waiter.clone())), waiter))
    }

    fn release(&mut self) -> Option<W> {
        match self.queue.serve(Grant::Permit) {
            Ok((_, waiter)) => Some(waiter),
            Err(_) => {
                self.free += 1;
                None
            }
        }
    }

    fn pass(&mut self, pool: PoolId, live: L) -> Result<W, Refused<L>> {
        match self.queue.first() {
            None => return Err(Refused::NobodyWaits(live)),
            // Nobody pushes in.
            Some((wanted, _)) if *wanted != pool => return Err(Refused::OfAnother(live)),
            Some(_) => {}
        }
        match self.queue.serve(Grant::Connection(live)) {
            Ok((_, waiter)) => Ok(waiter),
            Err(Grant::Connection(live)) => Err(Refused::NobodyWaits(live)),
            Err(Grant::Permit) => unreachable!("what was handed over is a connection"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type TestState = State<&'static str, u32>;

    fn permits(free: usize) -> TestState {
        State { free, queue: Queue::new() }
    }

    fn join(state: &mut TestState, pool: PoolId, waiter: u32) -> Ticket {
        state.arrive(pool, || waiter).expect_err("no permit is free").0
    }

    #[test]
    fn permits_are_had_until_there_is_none_left() {
        let mut state = permits(2);

        assert_eq!(state.arrive(0, || 1), Ok(()));
        assert_eq!(state.arrive(0, || 2), Ok(()));
        join(&mut state, 0, 3);
    }

    #[test]
    fn a_permit_that_is_given_back_goes_to_the_first_in_the_queue() {
        let mut state = permits(0);
        let first = join(&mut state, 0, 1);
        let second = join(&mut state, 0, 2);

        assert_eq!(state.release(), Some(1));
        join(&mut state, 0, 3); // nothing is left for a newcomer

        assert_eq!(state.queue.collect(second), None);
        assert_eq!(state.queue.collect(first), Some(Grant::Permit));
    }

    #[test]
    fn a_permit_that_nobody_waits_for_is_free_again() {
        let mut state = permits(0);
        let ticket = join(&mut state, 0, 1);
        assert_eq!(state.queue.leave(ticket), None);

        assert_eq!(state.release(), None);

        assert_eq!(state.arrive(0, || 2), Ok(()));
    }

    #[test]
    fn a_connection_is_passed_only_to_the_first_and_only_within_its_pool() {
        let mut state = permits(0);
        assert_eq!(state.pass(7, "a"), Err(Refused::NobodyWaits("a")));
        let first = join(&mut state, 8, 1);
        join(&mut state, 7, 2);

        assert_eq!(state.pass(7, "a"), Err(Refused::OfAnother("a")));
        assert_eq!(state.pass(8, "b"), Ok(1));

        assert_eq!(state.queue.collect(first), Some(Grant::Connection("b")));
    }

    #[cfg(not(petition_model))]
    #[test]
    fn who_waits_is_counted_and_the_first_one_wants_a_pool() {
        let permits = Permits::<()>::new(3);
        let held: Vec<_> = (0..3).map(|_| permits.arrive(7).map_err(drop).expect("a permit")).collect();
        assert_eq!((permits.total(), permits.taken()), (3, 3));
        assert_eq!((permits.waiting(), permits.anyone_waits()), (0, false));
        assert!(!permits.first_wants(7));

        let joined = [8, 7].map(|pool| permits.arrive(pool).map(drop).expect_err("no permit is free"));
        assert_eq!(joined.each_ref().map(|joined| joined.waiting), [1, 2]);

        assert_eq!((permits.total(), permits.waiting(), permits.anyone_waits()), (3, 2, true));
        assert!(permits.first_wants(8) && !permits.first_wants(7));
        drop((held, joined));
        assert_eq!((permits.waiting(), permits.taken()), (0, 2), "what was handed over is not free");
    }
}
