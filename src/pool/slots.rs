//! Which connections a host may have, and who holds them.
//!
//! `Slots` is plain data: no lock, no clock, no socket. Every transition takes `&mut self` and returns whatever must be
//! closed and whoever must be woken, so the caller can do both after unlocking.
//!
//! The stack is urllib3's: `maxsize` slots, last in, first out. A slot is empty, holds a live connection, or holds a *husk*:
//! a connection that was closed while its place in the pool was kept. The difference shows in the log and in the counts (an
//! empty slot starts a new connection, a husk is connected again), so slots are handed out strictly from the top, whatever
//! they hold. The empty ones that were never used lie at the bottom and are only counted.
//!
//! Invariants:
//! - with `block`: `leased + stack + untouched == maxsize`, so there are never more connections than that;
//! - without: `stack + untouched <= maxsize`, and any number may be leased;
//! - nobody waits while a slot could be had: whoever arrives behind a waiter waits as well, and every transition that frees
//!   a slot hands it on.

use std::mem;

use super::line::{Line, Ticket};

/// The slots of one pool: `L` is a live connection, `W` is how to wake whoever waits.
pub(super) struct Slots<L, W> {
    maxsize: usize,
    block: bool,
    closed: bool,
    untouched: usize,
    /// The top is at the end. `None`: its connection was [taken away](Self::take_away) for a moment.
    stack: Vec<Option<Slot<L>>>,
    /// How many of the stack are live, and how many away.
    live: usize,
    away: usize,
    leased: usize,
    line: Line<W, Slot<L>>,
}

/// What is in a slot.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Slot<L> {
    /// Nothing: whoever gets it makes a new connection.
    Empty,
    /// A connection that was closed: whoever gets it connects again.
    Husk,
    /// A live connection.
    Live(L),
}

/// How an arrival ends.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Arrival<L, W> {
    Taken(Slot<L>),
    Queued(Ticket, W),
}

/// What a return leaves to do, outside the lock.
#[must_use = "someone may have to be woken, something may have to be closed"]
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Returned<L, W> {
    pub(super) wake: Option<W>,
    pub(super) close: Option<L>,
    /// The stack was full: the number of slots kept. Worth a warning.
    pub(super) full: Option<usize>,
}

/// What bringing a connection back leaves to do.
#[must_use = "someone may have to be woken, something may have to be closed"]
#[derive(Debug, Eq, PartialEq)]
pub(super) struct BroughtBack<L, W> {
    pub(super) wake: Vec<W>,
    pub(super) close: Option<L>,
}

/// What closing leaves to do.
#[must_use = "someone may have to be woken, something has to be closed"]
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Closed<L, W> {
    pub(super) wake: Vec<W>,
    pub(super) close: Vec<L>,
}

impl<L, W: Clone> Slots<L, W> {
    /// `maxsize` empty slots. None at all would be a pool in which nobody is ever served, so there is always one.
    pub(super) fn new(maxsize: usize, block: bool) -> Self {
        let maxsize = maxsize.max(1);
        Self {
            maxsize,
            block,
            closed: false,
            untouched: maxsize,
            stack: Vec::new(),
            live: 0,
            away: 0,
            leased: 0,
            line: Line::new(),
        }
    }

    /// Connections that lie idle and can be taken.
    pub(super) fn idle(&self) -> usize {
        self.live
    }

    /// Connections that lie idle, those that are away among them.
    pub(super) fn kept(&self) -> usize {
        self.live + self.away
    }

    pub(super) fn leased(&self) -> usize {
        self.leased
    }

    pub(super) fn waiting(&self) -> usize {
        self.line.len()
    }

    /// Takes the top slot, or joins the line.
    pub(super) fn arrive(&mut self, waiter: impl FnOnce() -> W) -> Arrival<L, W> {
        if self.line.is_empty() {
            if let Some(slot) = self.take() {
                return Arrival::Taken(slot);
            }
        }
        let waiter = waiter();
        Arrival::Queued(self.line.join(waiter.clone()), waiter)
    }

    /// What a waiter was handed, if it was.
    pub(super) fn collect(&mut self, ticket: Ticket) -> Option<Slot<L>> {
        self.line.collect(ticket)
    }

    /// The waiter's time is up; a slot that was handed over at the last moment is theirs all the same. Without `block` there
    /// is always an extra one: they waited for a connection that is away, and need not.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Slot<L>> {
        let slot = self.line.leave(ticket);
        if slot.is_none() && !self.block {
            self.leased += 1;
            return Some(Slot::Empty);
        }
        slot
    }

    /// A lease ends with `slot`: it goes to whoever has waited longest, or on top of the stack if there is room.
    pub(super) fn give_back(&mut self, slot: Slot<L>) -> Returned<L, W> {
        let (slot, close) = self.emptied_if_closed(slot);
        let slot = match self.line.serve(slot) {
            // It stays leased, by another.
            Ok(waiter) => return Returned { wake: Some(waiter), close, full: None },
            Err(slot) => slot,
        };
        self.leased -= 1;
        match self.push(slot) {
            Ok(()) => Returned { wake: None, close, full: None },
            // A pool that was closed says nothing more.
            Err(_) if self.closed => Returned { wake: None, close, full: None },
            Err(Slot::Live(live)) => Returned { wake: None, close: Some(live), full: Some(self.maxsize) },
            Err(_) => Returned { wake: None, close, full: Some(self.maxsize) },
        }
    }

    /// A slot that was taken and came to nothing, neither used nor closed: as `give_back`, but a full stack is no news.
    pub(super) fn put_back(&mut self, slot: Slot<L>) -> Returned<L, W> {
        Returned { full: None, ..self.give_back(slot) }
    }

    /// Takes away the first idle connection at `from` or above that `suits`, the longest idle first; `from` moves on. Its
    /// place is kept until [`brought_back`](Self::brought_back) is told its index.
    ///
    /// Whoever comes to that place meanwhile waits for it, as they would wait for the lock: if they could pass by, a look
    /// from outside would make somebody open a connection that is not needed, or one too many.
    pub(super) fn take_away(&mut self, from: &mut usize, suits: impl Fn(&L) -> bool) -> Option<(usize, L)> {
        while let Some(place) = self.stack.get_mut(*from) {
            let index = *from;
            *from += 1;
            if !matches!(place, Some(Slot::Live(live)) if suits(live)) {
                continue;
            }
            if let Some(Slot::Live(live)) = place.take() {
                self.live -= 1;
                self.away += 1;
                return Some((index, live));
            }
        }
        None
    }

    /// The connection that was taken away from `index` is back, or was closed.
    pub(super) fn brought_back(&mut self, index: usize, live: Option<L>) -> BroughtBack<L, W> {
        // The index still holds: nobody takes a slot from below a place that is kept. Only closing the pool clears it, for
        // good.
        let close = match self.stack.get_mut(index) {
            Some(place @ None) => {
                self.away -= 1;
                self.live += usize::from(live.is_some());
                *place = Some(live.map_or(Slot::Husk, Slot::Live));
                None
            }
            _ => live,
        };
        BroughtBack { wake: self.hand_on(), close }
    }

    /// Empties the stack for good. Who holds a slot keeps it, and who waits is still served by those slots, in order; but
    /// what comes back is closed.
    pub(super) fn close(&mut self) -> Closed<L, W> {
        self.closed = true;
        self.live = 0;
        self.away = 0;
        self.untouched += self.stack.len();
        let close = mem::take(&mut self.stack)
            .into_iter()
            .filter_map(|place| match place {
                Some(Slot::Live(live)) => Some(live),
                _ => None,
            })
            .collect();
        Closed { wake: self.hand_on(), close }
    }

    /// The top slot, unless its connection is away; an extra one where the pool does not block.
    fn take(&mut self) -> Option<Slot<L>> {
        let slot = match self.stack.last_mut() {
            Some(place) => {
                let slot = place.take()?;
                self.stack.pop();
                self.live -= usize::from(matches!(slot, Slot::Live(_)));
                slot
            }
            None if self.untouched > 0 => {
                self.untouched -= 1;
                Slot::Empty
            }
            None if self.block => return None,
            None => Slot::Empty,
        };
        self.leased += 1;
        Some(slot)
    }

    /// Puts `slot` on top of the stack; returns it if there is no room.
    fn push(&mut self, slot: Slot<L>) -> Result<(), Slot<L>> {
        if self.stack.len() + self.untouched >= self.maxsize {
            return Err(slot);
        }
        match slot {
            // As good as never used.
            Slot::Empty if self.stack.is_empty() => self.untouched += 1,
            slot => {
                self.live += usize::from(matches!(slot, Slot::Live(_)));
                self.stack.push(Some(slot));
            }
        }
        Ok(())
    }

    /// Gives slots that can be had to those who wait for one.
    fn hand_on(&mut self) -> Vec<W> {
        let mut wake = Vec::new();
        while !self.line.is_empty() {
            let Some(slot) = self.take() else { break };
            wake.extend(self.line.serve(slot).ok());
        }
        wake
    }

    /// In a closed pool a slot keeps nothing.
    fn emptied_if_closed(&self, slot: Slot<L>) -> (Slot<L>, Option<L>) {
        match slot {
            slot if !self.closed => (slot, None),
            Slot::Live(live) => (Slot::Empty, Some(live)),
            Slot::Husk | Slot::Empty => (Slot::Empty, None),
        }
    }
}
