//! How many connections all pools of an adapter may have together (`max_connections`).
//!
//! A live connection holds a permit from before it is made until after it is closed, idle or not. Who finds none left
//! joins the line, and stays in it until one of these comes along:
//!
//! - a permit, because somewhere a connection was closed;
//! - a connection, permit and all, because one came back to the pool that this waiter came from. To close it only to open
//!   another to the same host would be a waste.
//!
//! Rule against lost wake-ups: whoever lets a connection lie idle looks at [`Permits::waiting`] *afterwards*, and whoever
//! joins the line looks for idle connections *afterwards*; one of them sees the other. The fences make that true for
//! figures that are read without the lock.
//!
//! A permit is given back with no other lock held. Who holds one never waits for anything in a pool, so the permits in use
//! always come back: a slot comes first, then a permit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use super::line::{Line, Ticket};
use super::monitor::{Monitor, Signal};
use crate::clock::Deadline;

/// The permits of one adapter. `L` is a live connection with its permit.
pub(super) struct Permits<L> {
    queue: Monitor<Queue<L, Signal>>,
    waiting: AtomicUsize,
}

/// The right to have one connection. Dropping it gives it to the next in line.
pub(super) struct Permit<L> {
    of: Arc<Permits<L>>,
}

/// What comes along for a waiter.
pub(super) enum Granted<L> {
    /// `None` where there is no limit.
    Permit(Option<Permit<L>>),
    Connection(L),
}

/// Which pool a waiter wants a connection of.
pub(super) type PoolId = u64;

/// What lies ready for a waiter: a permit is only a figure here.
#[derive(Debug, Eq, PartialEq)]
enum Grant<L> {
    Permit,
    Connection(L),
}

impl<L> From<L> for Grant<L> {
    fn from(live: L) -> Self {
        Self::Connection(live)
    }
}

/// Plain data: the count and the line.
struct Queue<L, W> {
    free: usize,
    line: Line<(PoolId, W), Grant<L>>,
}

impl<L> Permits<L> {
    /// `count` permits. None at all would serve nobody ever, so there is always one.
    pub(super) fn new(count: usize) -> Arc<Self> {
        let queue = Queue { free: count.max(1), line: Line::new() };
        Arc::new(Self { queue: Monitor::new(queue), waiting: AtomicUsize::new(0) })
    }

    /// Whether anybody waits. To be asked after a connection was laid down, see above.
    pub(super) fn anyone_waits(&self) -> bool {
        fence(Ordering::SeqCst);
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Takes a permit, or joins the line; who has joined looks for idle connections next, see above.
    pub(super) fn arrive(self: &Arc<Self>, pool: PoolId) -> Result<Permit<L>, (Ticket, Signal)> {
        match self.change(|queue| queue.arrive(pool, Signal::new)) {
            Ok(()) => Ok(self.permit()),
            Err(joined) => {
                fence(Ordering::SeqCst);
                Err(joined)
            }
        }
    }

    /// Waits for what comes along, until `deadline`. The caller has joined the line.
    pub(super) fn wait(self: &Arc<Self>, ticket: Ticket, signal: &Signal, deadline: Deadline) -> Option<Granted<L>> {
        let grant = self.queue.wait(signal, deadline, |queue| queue.line.collect(ticket));
        let grant = grant.or_else(|| self.change(|queue| queue.line.leave(ticket)))?;
        Some(match grant {
            Grant::Permit => Granted::Permit(Some(self.permit())),
            Grant::Connection(live) => Granted::Connection(live),
        })
    }

    /// Gives a connection that came back to `pool` to the first in line, if that is where they want one.
    pub(super) fn pass(&self, pool: PoolId, live: L) -> Result<(), L> {
        self.change(|queue| queue.pass(pool, live)).map(|signal| signal.wake())
    }

    fn permit(self: &Arc<Self>) -> Permit<L> {
        Permit { of: Arc::clone(self) }
    }

    fn change<R>(&self, act: impl FnOnce(&mut Queue<L, Signal>) -> R) -> R {
        self.queue.with(|queue| {
            let done = act(queue);
            self.waiting.store(queue.line.len(), Ordering::Relaxed);
            done
        })
    }
}

impl<L> Drop for Permit<L> {
    fn drop(&mut self) {
        if let Some(signal) = self.of.change(Queue::release) {
            signal.wake();
        }
    }
}

impl<L, W: Clone> Queue<L, W> {
    fn arrive(&mut self, pool: PoolId, waiter: impl FnOnce() -> W) -> Result<(), (Ticket, W)> {
        if self.free > 0 {
            // Nobody waits while a permit is free.
            self.free -= 1;
            return Ok(());
        }
        let waiter = waiter();
        Err((self.line.join((pool, waiter.clone())), waiter))
    }

    fn release(&mut self) -> Option<W> {
        match self.line.serve(Grant::Permit) {
            Ok((_, waiter)) => Some(waiter),
            Err(_) => {
                self.free += 1;
                None
            }
        }
    }

    fn pass(&mut self, pool: PoolId, live: L) -> Result<W, L> {
        self.line.serve_if(|(wanted, _)| *wanted == pool, live).map(|(_, waiter)| waiter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type TestQueue = Queue<&'static str, u32>;

    fn queue(free: usize) -> TestQueue {
        Queue { free, line: Line::new() }
    }

    fn join(queue: &mut TestQueue, pool: PoolId, waiter: u32) -> Ticket {
        queue.arrive(pool, || waiter).expect_err("no permit is free").0
    }

    #[test]
    fn permits_are_had_until_there_is_none_left() {
        let mut queue = queue(2);

        assert_eq!(queue.arrive(0, || 1), Ok(()));
        assert_eq!(queue.arrive(0, || 2), Ok(()));
        join(&mut queue, 0, 3);
    }

    #[test]
    fn a_permit_that_is_given_back_goes_to_the_first_in_line() {
        let mut queue = queue(0);
        let first = join(&mut queue, 0, 1);
        let second = join(&mut queue, 0, 2);

        assert_eq!(queue.release(), Some(1));
        join(&mut queue, 0, 3); // nothing is left for who comes now

        assert_eq!(queue.line.collect(second), None);
        assert_eq!(queue.line.collect(first), Some(Grant::Permit));
    }

    #[test]
    fn a_permit_that_nobody_waits_for_is_free_again() {
        let mut queue = queue(0);
        let ticket = join(&mut queue, 0, 1);
        assert_eq!(queue.line.leave(ticket), None);

        assert_eq!(queue.release(), None);

        assert_eq!(queue.arrive(0, || 2), Ok(()));
    }

    #[test]
    fn a_connection_is_passed_only_to_the_first_and_only_within_its_pool() {
        let mut queue = queue(0);
        assert_eq!(queue.pass(7, "a"), Err("a"), "nobody waits");
        let first = join(&mut queue, 8, 1);
        join(&mut queue, 7, 2);

        assert_eq!(queue.pass(7, "a"), Err("a"), "the first is of another pool");
        assert_eq!(queue.pass(8, "b"), Ok(1));

        assert_eq!(queue.line.collect(first), Some(Grant::Connection("b")));
    }
}
