//! Which connections a host may have, and who holds them.
//!
//! `Slots` is plain data: no lock, no clock, no socket. Every transition takes `&mut self` and returns whatever must be
//! closed and whoever must be woken, so the caller can do both after unlocking.
//!
//! The stack is urllib3's: `maxsize` slots, last in, first out. A slot is empty, holds a live connection, or holds a *husk*:
//! a connection that was closed while its place in the pool was kept. The difference shows in the log and in the counts (an
//! empty slot starts a new connection, a husk is connected again), so what is on the stack is handed out strictly from the
//! top. Empty slots lie at the bottom and are only counted.
//!
//! A live connection is worth more than a slot without one. An empty slot that comes back (a failed connect or look-up, a
//! broken exchange, a waiter that was handed a connection by other means) goes beneath the live ones, and where there is no
//! room left, a live connection that comes back takes the place of an empty slot or of a husk. (In urllib3 an empty slot lies
//! on top and keeps a place, so that live connections are thrown away for its sake.)
//!
//! A slot is free when its connection is closed, not before: closing empties the places of the live ones, and each comes back
//! with [`brought_back`](Slots::brought_back); a connection that is given back to a closed pool has to be closed first.
//!
//! Invariants:
//! - with `block`: `leased + stack + untouched == maxsize`, so there are never more connections than that;
//! - without: `stack + untouched <= maxsize`, and any number may be leased;
//! - a live connection finds no room only where `maxsize` others are kept;
//! - nobody waits while a slot could be had: whoever arrives behind a waiter waits as well, and every transition that frees
//!   a slot hands it on.

use std::collections::VecDeque;

use super::planted::planted;
use super::queue::{Queue, Ticket};

/// The slots of one pool. `L` is a live connection, `W` is how to wake a waiter.
pub(super) struct Slots<L, W> {
    maxsize: usize,
    block: bool,
    closed: bool,
    untouched: usize,
    /// The top is at the back. `None`: its connection was [taken away](Self::take_away) for a moment.
    stack: VecDeque<Option<Slot<L>>>,
    /// How many of the stack are live, and how many away.
    live: usize,
    away: usize,
    /// The pool was closed since they were taken away: none of them is used again.
    away_for_good: bool,
    leased: usize,
    queue: Queue<W, Slot<L>>,
}

/// What a slot holds.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Slot<L> {
    /// Nothing. The caller that gets it makes a new connection.
    Empty,
    /// A connection that was closed. The caller that gets it connects again.
    Husk,
    /// A live connection.
    Live(L),
}

/// How an arrival was answered.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Arrival<L, W> {
    Taken(Slot<L>),
    Queued(Ticket, W),
}

/// What a return leaves to do after unlocking.
#[must_use = "someone may have to be woken, something may have to be closed"]
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Returned<L, W> {
    pub(super) wake: Option<W>,
    pub(super) close: Option<L>,
    /// The pool was closed: the slot is still leased, and to be given back once `close` is closed.
    pub(super) again: bool,
    /// The stack was full of live connections: how many are kept. Worth a warning.
    pub(super) full: Option<usize>,
}

impl<L, W> Returned<L, W> {
    /// What was given back lies in its place, as nearly always.
    pub(super) fn leaves_nothing(&self) -> bool {
        self.wake.is_none() && self.close.is_none() && self.full.is_none()
    }
}

/// What bringing a connection back leaves to do.
#[must_use = "someone may have to be woken, something may have to be closed"]
#[derive(Debug, Eq, PartialEq)]
pub(super) struct BroughtBack<L, W> {
    pub(super) wake: Vec<W>,
    /// The pool was closed meanwhile: the place is still kept, and to be brought back once this is closed.
    pub(super) close: Option<L>,
}

/// What closing leaves to do.
#[must_use = "someone may have to be woken, something has to be closed"]
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Closed<L, W> {
    pub(super) wake: Vec<W>,
    /// Connections with the index of their place, to be brought back once they are closed.
    pub(super) close: Vec<(usize, L)>,
}

impl<L, W: Clone> Slots<L, W> {
    /// `maxsize` empty slots, but at least one: without any, nobody could ever be served.
    pub(super) fn new(maxsize: usize, block: bool) -> Self {
        let maxsize = maxsize.max(1);
        Self {
            maxsize,
            block,
            closed: false,
            untouched: maxsize + usize::from(planted!(OffByOne)),
            stack: VecDeque::new(),
            live: 0,
            away: 0,
            away_for_good: false,
            leased: 0,
            queue: Queue::new(),
        }
    }

    /// The number of idle connections that can be taken.
    pub(super) fn idle(&self) -> usize {
        self.live
    }

    /// The idle connections that can be taken.
    pub(super) fn idle_ones(&self) -> impl Iterator<Item = &L> {
        self.stack.iter().filter_map(|place| match place {
            Some(Slot::Live(live)) => Some(live),
            _ => None,
        })
    }

    /// The number of idle connections, including those that are away.
    pub(super) fn kept(&self) -> usize {
        self.live + self.away
    }

    pub(super) fn leased(&self) -> usize {
        self.leased
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Takes the top slot, or joins the queue.
    pub(super) fn arrive(&mut self, waiter: impl FnOnce() -> W) -> Arrival<L, W> {
        if self.queue.is_empty() {
            if let Some(slot) = self.take() {
                return Arrival::Taken(slot);
            }
        }
        let waiter = waiter();
        Arrival::Queued(self.queue.join(waiter.clone()), waiter)
    }

    /// What a waiter was handed, if anything.
    pub(super) fn collect(&mut self, ticket: Ticket) -> Option<Slot<L>> {
        self.queue.collect(ticket)
    }

    /// The waiter's time is up. A slot that was handed over at the last moment is still theirs. Without `block` they get an
    /// extra slot: they only waited for a connection that is away.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Slot<L>> {
        let slot = self.queue.leave(ticket);
        if slot.is_none() && !self.block {
            self.leased += 1;
            return Some(Slot::Empty);
        }
        slot
    }

    /// A lease ends with `slot`: it goes to whoever has waited longest, or back to the stack if there is room.
    pub(super) fn give_back(&mut self, slot: Slot<L>) -> Returned<L, W> {
        let nothing = Returned { wake: None, close: None, again: false, full: None };
        let slot = match slot {
            Slot::Live(live) if self.closed => return Returned { close: Some(live), again: true, ..nothing },
            Slot::Husk if self.closed => Slot::Empty,
            slot => slot,
        };
        let slot = match self.queue.serve(slot) {
            // It stays leased, by another.
            Ok(waiter) => return Returned { wake: Some(waiter), ..nothing },
            Err(slot) => slot,
        };
        self.leased -= 1;
        match self.push(slot) {
            Ok(()) => nothing,
            // A pool that was closed says nothing more.
            Err(_) if self.closed => nothing,
            Err(Slot::Live(live)) => Returned { close: Some(live), full: self.full_of_live(), ..nothing },
            Err(_) => Returned { full: self.full_of_live(), ..nothing },
        }
    }

    /// A slot that was taken without a connection and not used: as `give_back`, but a full stack is no news, and what was a
    /// husk on top of live connections is an empty slot beneath them.
    pub(super) fn put_back(&mut self) -> Returned<L, W> {
        Returned { full: None, ..self.give_back(Slot::Empty) }
    }

    /// Takes the connection that has been idle longest, with its slot; of those above all places that are kept.
    pub(super) fn take_oldest(&mut self) -> Option<L> {
        let from = match self.away {
            0 => 0,
            _ => self.stack.iter().rposition(Option::is_none).map_or(0, |index| index + 1),
        };
        let is_live = |place: &Option<Slot<L>>| matches!(place, Some(Slot::Live(_)));
        let index = from + self.stack.range(from..).position(is_live)?;
        let Some(Some(Slot::Live(live))) = self.stack.remove(index) else { return None };
        self.live -= 1;
        self.leased += 1;
        Some(live)
    }

    /// Takes away the first idle connection at `from` or above that `suits`, the longest idle first; `from` moves on. Its
    /// place is kept until [`brought_back`](Self::brought_back) gets its index.
    ///
    /// A caller that comes to that place meanwhile waits for it, as it would wait for the lock. If it did not, a check from
    /// outside would make callers open connections that are not needed, or one too many.
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

    /// The connection that was taken away from `index` is back; or it was closed, which leaves a husk or an empty slot.
    pub(super) fn brought_back(&mut self, index: usize, slot: Slot<L>) -> BroughtBack<L, W> {
        let slot = match slot {
            Slot::Live(live) if self.away_for_good => return BroughtBack { wake: Vec::new(), close: Some(live) },
            Slot::Husk if self.closed => Slot::Empty,
            slot => slot,
        };
        self.away -= 1;
        self.away_for_good &= self.away > 0;
        self.live += usize::from(matches!(slot, Slot::Live(_)));
        // The index still holds: nothing below a place that is kept is ever moved.
        self.stack[index] = Some(slot);
        self.sink(index);
        BroughtBack { wake: self.hand_on(), close: None }
    }

    /// Empties the stack. Who holds a slot keeps it, and who waits is still served by those slots, in order; but nothing is
    /// kept until the pool is [opened](Self::open) again.
    pub(super) fn close(&mut self) -> Closed<L, W> {
        self.closed = true;
        let mut close = Vec::new();
        for (index, place) in self.stack.iter_mut().enumerate() {
            match place.take() {
                Some(Slot::Live(live)) => close.push((index, live)),
                Some(_) => *place = Some(Slot::Empty),
                None => {}
            }
        }
        self.live = 0;
        self.away += close.len();
        self.away_for_good = self.away > 0;
        self.sink_top();
        Closed { wake: self.hand_on(), close }
    }

    /// Keeps connections again.
    pub(super) fn open(&mut self) {
        self.closed = false;
    }

    /// The connection on top, if there is one and nobody waits: what most who [arrive](Self::arrive) get.
    pub(super) fn take_live(&mut self) -> Option<L> {
        if !self.queue.is_empty() || !matches!(self.stack.back(), Some(Some(Slot::Live(_)))) {
            return None;
        }
        match self.take() {
            Some(Slot::Live(live)) => Some(live),
            _ => unreachable!("a connection is on top"),
        }
    }

    /// The top slot, unless its connection is away; an extra one where the pool does not block.
    fn take(&mut self) -> Option<Slot<L>> {
        let slot = match self.stack.back_mut() {
            Some(place) => {
                let slot = place.take()?;
                self.stack.pop_back();
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

    /// Lays `slot` down: beneath the others if it is empty, else on top. Returns it if there is no room.
    fn push(&mut self, slot: Slot<L>) -> Result<(), Slot<L>> {
        let has_room = self.stack.len() + self.untouched < self.maxsize;
        match slot {
            Slot::Empty if has_room => self.untouched += 1,
            Slot::Husk if has_room => self.stack.push_back(Some(Slot::Husk)),
            Slot::Live(live) if has_room || (self.untouched > 0 && !planted!(LiveGivesWay)) => {
                self.untouched -= usize::from(!has_room);
                self.stack.push_back(Some(Slot::Live(live)));
                self.live += 1;
            }
            Slot::Live(live) => self.displace(live).map_err(Slot::Live)?,
            slot => return Err(slot),
        }
        Ok(())
    }

    /// Puts a live connection in the place of the husk that would be used next; returns it if there is none.
    fn displace(&mut self, live: L) -> Result<(), L> {
        let has_none = |place: &Option<Slot<L>>| matches!(place, Some(Slot::Husk | Slot::Empty));
        // Most often all are live, which need not be looked for.
        let index = match self.full_of_live() {
            Some(_) => None,
            None => self.stack.iter().rposition(has_none),
        };
        let Some(index) = index else { return Err(live) };
        let live = Some(Slot::Live(live));
        if self.is_movable(index) {
            self.stack.remove(index);
            self.stack.push_back(live);
        } else {
            self.stack[index] = live;
        }
        self.live += 1;
        Ok(())
    }

    /// Moves an empty slot to the bottom, if nobody keeps an index of what would move.
    fn sink(&mut self, index: usize) {
        if matches!(self.stack[index], Some(Slot::Empty)) && self.is_movable(index) {
            self.stack.remove(index);
            self.untouched += 1;
            self.sink_top();
        }
    }

    /// Whether nobody keeps an index at `index` or above.
    fn is_movable(&self, index: usize) -> bool {
        self.away == 0 || self.stack.range(index..).all(Option::is_some)
    }

    /// Moves the empty slots on top to the bottom.
    fn sink_top(&mut self) {
        while matches!(self.stack.back(), Some(Some(Slot::Empty))) {
            self.stack.pop_back();
            self.untouched += 1;
        }
    }

    /// How many are kept, if that is all there may be.
    fn full_of_live(&self) -> Option<usize> {
        (self.kept() >= self.maxsize).then_some(self.maxsize)
    }

    /// Gives slots that can be had to those who wait for one.
    fn hand_on(&mut self) -> Vec<W> {
        let mut wake = Vec::new();
        while !self.queue.is_empty() {
            let Some(slot) = self.take() else { break };
            wake.extend(self.queue.serve(slot).ok());
        }
        wake
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type TestSlots = Slots<&'static str, u32>;

    const NOTHING: Returned<&str, u32> = Returned { wake: None, close: None, again: false, full: None };

    fn take(slots: &mut TestSlots) -> Slot<&'static str> {
        match slots.arrive(|| 0) {
            Arrival::Taken(slot) => slot,
            Arrival::Queued(..) => panic!("has to wait"),
        }
    }

    fn queue(slots: &mut TestSlots, waiter: u32) -> Ticket {
        match slots.arrive(|| waiter) {
            Arrival::Queued(ticket, _) => ticket,
            Arrival::Taken(slot) => panic!("got {slot:?}"),
        }
    }

    /// A pool from which `count` empty slots were taken.
    fn with_leased(maxsize: usize, block: bool, count: usize) -> TestSlots {
        let mut slots = Slots::new(maxsize, block);
        for _ in 0..count {
            assert_eq!(take(&mut slots), Slot::Empty);
        }
        slots
    }

    // POOL-12
    #[test]
    fn the_last_connection_returned_is_the_next_one_used() {
        let mut slots = with_leased(3, false, 3);
        for name in ["a", "b", "c"] {
            assert_eq!(slots.give_back(Slot::Live(name)), NOTHING);
        }

        for name in ["c", "b", "a"] {
            assert_eq!(take(&mut slots), Slot::Live(name));
        }
    }

    // POOL-13
    #[test]
    fn slots_start_empty_and_take_no_room() {
        let mut slots = with_leased(usize::MAX, true, 1000);

        assert_eq!(slots.give_back(Slot::Empty), NOTHING);

        assert_eq!(slots.stack.capacity(), 0);
        assert_eq!(slots.leased(), 999);
    }

    // POOL-21: what lies on top counts, not what would be best.
    #[test]
    fn slots_come_from_the_top_and_empty_ones_last() {
        let mut slots = with_leased(4, false, 3);
        assert_eq!(slots.give_back(Slot::Live("a")), NOTHING);
        assert_eq!(slots.give_back(Slot::Husk), NOTHING);
        assert_eq!(slots.give_back(Slot::Empty), NOTHING);

        let taken = [(); 4].map(|()| take(&mut slots));

        assert_eq!(taken, [Slot::Husk, Slot::Live("a"), Slot::Empty, Slot::Empty]);
    }

    // POOL-14
    #[test]
    fn without_block_there_is_always_another_slot() {
        let slots = with_leased(2, false, 50);

        assert_eq!((slots.leased(), slots.waiting()), (50, 0));
    }

    // POOL-15: urllib3 warns whatever a slot holds that finds no room.
    #[test]
    fn what_finds_the_stack_full_of_live_connections_is_closed_and_reported() {
        for (slot, close) in [(Slot::Live("c"), Some("c")), (Slot::Husk, None), (Slot::Empty, None)] {
            let mut slots = with_leased(2, false, 3);
            assert_eq!(slots.give_back(Slot::Live("a")), NOTHING);
            assert_eq!(slots.give_back(Slot::Live("b")), NOTHING);

            assert_eq!(slots.give_back(slot), Returned { close, full: Some(2), ..NOTHING });

            assert_eq!((slots.leased(), slots.idle()), (0, 2));
        }
    }

    #[test]
    fn a_live_connection_takes_the_place_of_one_that_is_empty_or_closed() {
        for (before, after) in [
            ([Slot::Empty, Slot::Live("a")], ["c", "a"]),
            ([Slot::Live("a"), Slot::Empty], ["c", "a"]),
            ([Slot::Husk, Slot::Live("a")], ["c", "a"]),
            ([Slot::Live("a"), Slot::Husk], ["c", "a"]),
        ] {
            let mut slots = with_leased(2, false, 4);
            for slot in before {
                assert_eq!(slots.give_back(slot), NOTHING);
            }

            assert_eq!(slots.give_back(Slot::Live("c")), NOTHING);

            assert_eq!((slots.idle(), slots.leased()), (2, 1));
            let full = Returned { close: Some("d"), full: Some(2), ..NOTHING };
            assert_eq!(slots.give_back(Slot::Live("d")), full, "now it is full of live ones");
            assert_eq!(after.map(|_| take(&mut slots)), after.map(Slot::Live));
        }
    }

    #[test]
    fn empty_slots_keep_no_place_and_say_nothing_while_there_is_one_without_a_connection() {
        for slot in [Slot::Empty, Slot::Husk] {
            let mut slots = with_leased(2, false, 4);
            assert_eq!(slots.give_back(Slot::Live("a")), NOTHING);
            assert_eq!(slots.give_back(Slot::Husk), NOTHING);

            assert_eq!(slots.give_back(slot), NOTHING);

            assert_eq!([(); 2].map(|()| take(&mut slots)), [Slot::Husk, Slot::Live("a")]);
        }
    }

    #[test]
    fn a_connection_that_is_away_finds_its_place_although_another_takes_that_of_a_husk() {
        let mut slots = with_leased(3, false, 4);
        for slot in [Slot::Husk, Slot::Live("a"), Slot::Live("b")] {
            assert_eq!(slots.give_back(slot), NOTHING);
        }
        assert_eq!(slots.take_away(&mut 0, |_| true), Some((1, "a")));

        assert_eq!(slots.give_back(Slot::Live("c")), NOTHING);

        assert_eq!(slots.brought_back(1, Slot::Live("a")), BroughtBack { wake: vec![], close: None });
        assert_eq!([(); 3].map(|()| take(&mut slots)), ["b", "a", "c"].map(Slot::Live));
    }

    #[test]
    fn the_longest_idle_connection_is_taken_with_its_slot_unless_a_place_above_is_kept() {
        let mut slots = with_leased(4, true, 4);
        for slot in [Slot::Husk, Slot::Live("a"), Slot::Live("b"), Slot::Live("c")] {
            assert_eq!(slots.give_back(slot), NOTHING);
        }

        assert_eq!(slots.take_oldest(), Some("a"));
        assert_eq!(slots.take_away(&mut 0, |name| *name == "b"), Some((1, "b")));
        assert_eq!((slots.take_oldest(), slots.leased()), (Some("c"), 2));
        assert_eq!(slots.take_oldest(), None);

        assert_eq!(slots.brought_back(1, Slot::Live("b")), BroughtBack { wake: vec![], close: None });
        assert_eq!(slots.take_oldest(), Some("b"));
        assert_eq!((slots.leased(), slots.idle(), take(&mut slots)), (3, 0, Slot::Husk));
    }

    #[test]
    fn a_place_whose_connection_is_gone_for_good_is_an_empty_slot_beneath_the_others() {
        let mut slots = with_leased(3, true, 3);
        for name in ["a", "b", "c"] {
            assert_eq!(slots.give_back(Slot::Live(name)), NOTHING);
        }
        assert_eq!(slots.take_away(&mut 1, |_| true), Some((1, "b")));

        assert_eq!(slots.brought_back(1, Slot::Empty), BroughtBack { wake: vec![], close: None });

        let taken = [(); 3].map(|()| take(&mut slots));
        assert_eq!(taken, [Slot::Live("c"), Slot::Live("a"), Slot::Empty]);
    }

    #[test]
    fn a_slot_that_was_not_used_goes_back_beneath_the_others_without_a_word() {
        let mut slots = with_leased(2, false, 3);
        assert_eq!(slots.give_back(Slot::Live("a")), NOTHING);
        assert_eq!(slots.put_back(), NOTHING);

        assert_eq!(slots.put_back(), NOTHING);

        assert_eq!([(); 2].map(|()| take(&mut slots)), [Slot::Live("a"), Slot::Empty]);
    }

    #[test]
    fn a_slot_that_was_not_used_finds_a_full_stack_without_a_word() {
        let mut slots = with_leased(2, false, 3);
        assert_eq!(slots.give_back(Slot::Live("a")), NOTHING);
        assert_eq!(slots.give_back(Slot::Live("b")), NOTHING);

        assert_eq!(slots.put_back(), NOTHING);

        assert_eq!((slots.leased(), slots.idle()), (0, 2));
        assert_eq!(slots.idle_ones().collect::<Vec<_>>(), [&"a", &"b"]);
    }

    #[test]
    fn a_connection_that_takes_the_place_of_a_husk_is_used_next_where_no_place_above_is_kept() {
        let mut slots = with_leased(3, false, 4);
        for slot in [Slot::Live("a"), Slot::Husk, Slot::Live("b")] {
            assert_eq!(slots.give_back(slot), NOTHING);
        }
        assert_eq!(slots.take_away(&mut 0, |_| true), Some((0, "a")));

        assert_eq!(slots.give_back(Slot::Live("c")), NOTHING);

        assert_eq!([(); 2].map(|()| take(&mut slots)), ["c", "b"].map(Slot::Live));
    }

    // POOL-16
    #[test]
    fn with_block_whoever_comes_when_all_are_leased_waits_in_the_queue() {
        let mut slots = with_leased(1, true, 1);
        let first = queue(&mut slots, 1);
        let second = queue(&mut slots, 2);

        assert_eq!(slots.give_back(Slot::Live("a")), Returned { wake: Some(1), ..NOTHING });
        queue(&mut slots, 3);

        assert_eq!(slots.collect(second), None);
        assert_eq!(slots.collect(first), Some(Slot::Live("a")));
        assert_eq!((slots.leased(), slots.waiting()), (1, 2));
    }

    #[test]
    fn whoever_gives_up_is_passed_over_and_takes_what_came_at_the_last_moment() {
        let mut slots = with_leased(1, true, 1);
        let first = queue(&mut slots, 1);
        let second = queue(&mut slots, 2);
        assert_eq!(slots.leave(first), None);

        assert_eq!(slots.give_back(Slot::Husk), Returned { wake: Some(2), ..NOTHING });

        assert_eq!(slots.leave(second), Some(Slot::Husk));
        assert_eq!((slots.leased(), slots.waiting()), (1, 0));
    }

    // POOL-03, POOL-37
    #[test]
    fn a_closed_pool_keeps_nothing_and_says_nothing() {
        let mut slots = with_leased(3, false, 6);
        assert_eq!(slots.give_back(Slot::Live("a")), NOTHING);
        assert_eq!(slots.give_back(Slot::Husk), NOTHING);

        assert_eq!(slots.close(), Closed { wake: vec![], close: vec![(0, "a")] });
        assert_eq!(slots.brought_back(0, Slot::Empty), BroughtBack { wake: vec![], close: None });

        assert_eq!(slots.give_back(Slot::Live("b")), Returned { close: Some("b"), again: true, ..NOTHING });
        for _ in 0..2 {
            assert_eq!(slots.give_back(Slot::Empty), NOTHING);
            assert_eq!(slots.give_back(Slot::Husk), NOTHING);
        }
        assert_eq!((slots.idle(), slots.leased()), (0, 0));
        assert_eq!(take(&mut slots), Slot::Empty);
    }

    #[test]
    fn a_closed_pool_keeps_no_husk_as_one_that_would_be_used_first() {
        for away in [false, true] {
            let mut slots = with_leased(3, true, 2);
            assert_eq!(slots.give_back(Slot::Live("a")), NOTHING);
            if away {
                assert_eq!(slots.take_away(&mut 0, |_| true), Some((0, "a")));
            }
            let close = if away { vec![] } else { vec![(0, "a")] };
            assert_eq!(slots.close(), Closed { wake: vec![], close });

            assert_eq!(slots.brought_back(0, Slot::Husk), BroughtBack { wake: vec![], close: None });
            assert_eq!(slots.give_back(Slot::Husk), NOTHING);

            assert_eq!([(); 3].map(|()| take(&mut slots)), [Slot::Empty, Slot::Empty, Slot::Empty]);
        }
    }

    #[test]
    fn a_closed_pool_that_is_full_of_what_is_being_closed_says_nothing() {
        for slot in [Slot::Empty, Slot::Husk] {
            let mut slots = with_leased(2, false, 3);
            for name in ["a", "b"] {
                assert_eq!(slots.give_back(Slot::Live(name)), NOTHING);
            }
            assert_eq!(slots.close(), Closed { wake: vec![], close: vec![(0, "a"), (1, "b")] });

            assert_eq!(slots.give_back(slot), NOTHING);
        }
    }

    #[test]
    fn a_closed_pool_closes_all_that_were_away_and_not_only_the_first_to_come_back() {
        let mut slots = with_leased(2, true, 2);
        for name in ["a", "b"] {
            assert_eq!(slots.give_back(Slot::Live(name)), NOTHING);
        }
        let mut from = 0;
        assert_eq!(slots.take_away(&mut from, |_| true), Some((0, "a")));
        assert_eq!(slots.take_away(&mut from, |_| true), Some((1, "b")));
        assert_eq!(slots.close(), Closed { wake: vec![], close: vec![] });
        slots.open();

        assert_eq!(slots.brought_back(0, Slot::Empty), BroughtBack { wake: vec![], close: None });
        assert_eq!(slots.brought_back(1, Slot::Live("b")), BroughtBack { wake: vec![], close: Some("b") });
        assert_eq!(slots.brought_back(1, Slot::Empty), BroughtBack { wake: vec![], close: None });

        assert_eq!((slots.idle(), slots.kept()), (0, 0));
    }

    #[test]
    fn what_was_empty_when_the_pool_closed_lies_beneath_what_is_being_closed() {
        let mut slots = with_leased(3, true, 3);
        assert_eq!(slots.give_back(Slot::Live("a")), NOTHING);
        assert_eq!(slots.give_back(Slot::Husk), NOTHING);
        assert_eq!(slots.close(), Closed { wake: vec![], close: vec![(0, "a")] });
        slots.open();

        assert_eq!(slots.give_back(Slot::Live("b")), NOTHING);

        assert_eq!(take(&mut slots), Slot::Live("b"));
        let ticket = queue(&mut slots, 1);
        assert_eq!(slots.brought_back(0, Slot::Empty), BroughtBack { wake: vec![1], close: None });
        assert_eq!(slots.collect(ticket), Some(Slot::Empty));
    }

    #[test]
    fn a_pool_that_is_opened_again_keeps_what_comes_back() {
        let mut slots = with_leased(2, true, 2);
        assert_eq!(slots.give_back(Slot::Live("a")), NOTHING);
        assert_eq!(slots.close(), Closed { wake: vec![], close: vec![(0, "a")] });

        slots.open();

        assert_eq!(slots.give_back(Slot::Live("b")), NOTHING, "while a is being closed");
        assert_eq!(slots.brought_back(0, Slot::Empty), BroughtBack { wake: vec![], close: None });
        assert_eq!([(); 2].map(|()| take(&mut slots)), [Slot::Live("b"), Slot::Empty]);
    }

    #[test]
    fn a_slot_is_free_when_its_connection_is_closed_and_not_before() {
        let mut slots = with_leased(2, true, 2);
        assert_eq!(slots.give_back(Slot::Live("a")), NOTHING);
        assert_eq!(slots.close(), Closed { wake: vec![], close: vec![(0, "a")] });
        let ticket = queue(&mut slots, 1);

        assert_eq!(slots.give_back(Slot::Live("b")), Returned { close: Some("b"), again: true, ..NOTHING });
        assert_eq!(slots.collect(ticket), None, "both are open yet");
        assert_eq!(slots.brought_back(0, Slot::Empty), BroughtBack { wake: vec![1], close: None });

        assert_eq!(slots.collect(ticket), Some(Slot::Empty));
    }

    #[test]
    fn a_closed_pool_still_serves_who_waits_for_it() {
        let mut slots = with_leased(1, true, 1);
        let ticket = queue(&mut slots, 1);
        assert_eq!(slots.close(), Closed { wake: vec![], close: vec![] });

        assert_eq!(slots.give_back(Slot::Live("a")), Returned { close: Some("a"), again: true, ..NOTHING });
        assert_eq!(slots.give_back(Slot::Husk), Returned { wake: Some(1), ..NOTHING });

        assert_eq!(slots.collect(ticket), Some(Slot::Empty));
    }

    #[test]
    fn connections_are_taken_away_the_longest_idle_first() {
        let mut slots = with_leased(5, false, 5);
        for slot in [Slot::Live("a"), Slot::Husk, Slot::Live("b"), Slot::Empty, Slot::Live("c")] {
            assert_eq!(slots.give_back(slot), NOTHING);
        }
        let mut from = 0;

        assert_eq!(slots.take_away(&mut from, |name| *name != "a"), Some((2, "b")));
        assert_eq!(slots.take_away(&mut from, |_| true), Some((3, "c")));
        assert_eq!(slots.take_away(&mut from, |_| true), None);

        assert_eq!((slots.idle(), slots.kept()), (1, 3));
    }

    #[test]
    fn whoever_comes_to_a_connection_that_is_away_waits_for_it() {
        for back in [|| Slot::Live("a"), || Slot::Husk] {
            for block in [false, true] {
                let mut slots = with_leased(2, block, 1);
                assert_eq!(slots.give_back(Slot::Live("a")), NOTHING);
                assert_eq!(slots.take_away(&mut 0, |_| true), Some((0, "a")));
                let first = queue(&mut slots, 1);
                let second = queue(&mut slots, 2);

                assert_eq!(slots.brought_back(0, back()), BroughtBack { wake: vec![1, 2], close: None });

                assert_eq!(slots.collect(first), Some(back()));
                assert_eq!(slots.collect(second), Some(Slot::Empty), "the one below");
                assert_eq!((slots.idle(), slots.kept(), slots.waiting()), (0, 0, 0));
            }
        }
    }

    #[test]
    fn without_block_nobody_has_to_wait_for_a_connection_that_is_away() {
        let mut slots = with_leased(1, false, 1);
        assert_eq!(slots.give_back(Slot::Live("a")), NOTHING);
        assert_eq!(slots.take_away(&mut 0, |_| true), Some((0, "a")));
        let ticket = queue(&mut slots, 1);

        assert_eq!(slots.leave(ticket), Some(Slot::Empty));

        assert_eq!(slots.brought_back(0, Slot::Live("a")), BroughtBack { wake: vec![], close: None });
        assert_eq!((slots.leased(), slots.idle()), (1, 1));
    }

    #[test]
    fn a_connection_that_was_away_when_the_pool_closed_is_closed_when_it_is_back() {
        let mut slots = with_leased(1, true, 1);
        assert_eq!(slots.give_back(Slot::Live("a")), NOTHING);
        assert_eq!(slots.take_away(&mut 0, |_| true), Some((0, "a")));
        let ticket = queue(&mut slots, 1);

        for opened in [false, true] {
            assert_eq!(slots.close(), Closed { wake: vec![], close: vec![] });
            if opened {
                slots.open();
            }
            assert_eq!(slots.brought_back(0, Slot::Live("a")), BroughtBack { wake: vec![], close: Some("a") });
            assert_eq!(slots.collect(ticket), None);
        }

        assert_eq!(slots.brought_back(0, Slot::Empty), BroughtBack { wake: vec![1], close: None });
        assert_eq!(slots.collect(ticket), Some(Slot::Empty));
        assert_eq!(slots.kept(), 0);
    }

    #[test]
    fn a_pool_of_no_slots_has_one() {
        let mut slots = with_leased(0, true, 1);

        queue(&mut slots, 1);
    }

    #[test]
    fn whatever_happens_slots_are_conserved_and_served_in_order() {
        for seed in 0..400 {
            let mut random = fastrand::Rng::with_seed(seed);
            Walk::new(random.usize(1..4), random.bool()).run(&mut random);
        }
    }

    /// A random walk over all transitions, and what must be true after each.
    struct Walk {
        slots: Slots<u32, u32>,
        leased: Vec<Slot<u32>>,
        away: Vec<(usize, u32)>,
        waiting: Vec<(Ticket, u32)>,
        made: u32,
        arrived: u32,
        last_woken: u32,
    }

    impl Walk {
        fn new(maxsize: usize, block: bool) -> Self {
            let slots = Slots::new(maxsize, block);
            Self { slots, leased: vec![], away: vec![], waiting: vec![], made: 0, arrived: 0, last_woken: 0 }
        }

        fn run(mut self, random: &mut fastrand::Rng) {
            for _ in 0..200 {
                self.step(random);
                self.check();
            }
        }

        fn step(&mut self, random: &mut fastrand::Rng) {
            match random.u32(0..100) {
                0..40 => {
                    self.arrived += 1;
                    match self.slots.arrive(|| self.arrived) {
                        Arrival::Taken(slot) => self.leased.push(slot),
                        Arrival::Queued(ticket, waiter) => self.waiting.push((ticket, waiter)),
                    }
                }
                40..75 if !self.leased.is_empty() => {
                    self.leased.swap_remove(random.usize(0..self.leased.len()));
                    self.made += 1;
                    let slot = match random.u32(0..4) {
                        0 => Slot::Empty,
                        1 => Slot::Husk,
                        _ => Slot::Live(self.made),
                    };
                    let is_live = matches!(slot, Slot::Live(_));
                    let Returned { wake, close, again, full } =
                        if is_live || random.bool() { self.slots.give_back(slot) } else { self.slots.put_back() };
                    assert!(full.is_none() || !self.slots.block);
                    assert_eq!(again, is_live && self.slots.closed);
                    if again {
                        // A moment in which it is open yet, and holds its slot.
                        self.leased.push(Slot::Empty);
                    } else if close.is_some() || full.is_some() {
                        assert_eq!(self.slots.kept(), self.slots.maxsize, "a live connection had to go for less");
                    }
                    self.woken(wake);
                }
                75..85 => {
                    let mut from = random.usize(0..3);
                    let taken = self.slots.take_away(&mut from, |_| true);
                    self.away.extend(taken);
                }
                85..93 if !self.away.is_empty() => {
                    let (index, live) = self.away.swap_remove(random.usize(0..self.away.len()));
                    let slot = match random.u32(0..4) {
                        0 => Slot::Empty,
                        1 => Slot::Husk,
                        _ => Slot::Live(live),
                    };
                    let BroughtBack { wake, close } = self.slots.brought_back(index, slot);
                    self.woken(wake);
                    self.away.extend(close.map(|live| (index, live)));
                }
                93 => self.leased.extend(self.slots.take_oldest().map(Slot::Live)),
                94..99 if !self.waiting.is_empty() => {
                    let (ticket, _) = self.waiting.swap_remove(random.usize(0..self.waiting.len()));
                    self.leased.extend(self.slots.leave(ticket));
                }
                99 if self.slots.closed => self.slots.open(),
                99 => {
                    let Closed { wake, close } = self.slots.close();
                    self.woken(wake);
                    self.away.extend(close);
                }
                _ => {}
            }
        }

        fn woken(&mut self, wake: impl IntoIterator<Item = u32>) {
            for waiter in wake {
                assert!(waiter > self.last_woken, "served in order of arrival");
                self.last_woken = waiter;
                let index = self.waiting.iter().position(|(_, waiting)| *waiting == waiter).expect("it waits");
                let (ticket, _) = self.waiting.remove(index);
                self.leased.extend(self.slots.collect(ticket));
            }
        }

        fn check(&mut self) {
            let slots = &self.slots;
            assert_eq!(slots.leased, self.leased.len());
            assert_eq!(slots.waiting(), self.waiting.len());
            let there = slots.stack.len() + slots.untouched;
            if slots.block {
                assert_eq!(there + slots.leased, slots.maxsize);
            } else {
                assert!(there <= slots.maxsize);
            }
            assert_eq!(slots.away, self.away.len());
            assert!(slots.away_for_good <= (slots.away > 0));
            let live = |slot: &Option<Slot<u32>>| matches!(slot, Some(Slot::Live(_)));
            assert_eq!(slots.live, slots.stack.iter().filter(|slot| live(slot)).count());
            assert_eq!(slots.away, slots.stack.iter().filter(|slot| slot.is_none()).count());
            if slots.waiting() > 0 {
                assert!(
                    matches!(slots.stack.back(), Some(None)) || (slots.block && there == 0),
                    "nobody waits while a slot could be had"
                );
            }
        }
    }
}
