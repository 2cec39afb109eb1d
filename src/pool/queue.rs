//! Who waits, in which order, and what has been handed to them.
//!
//! A `Queue` is plain data. A caller that must wait joins it and gets a ticket. `serve` hands something to the caller that
//! has waited longest, and returns the signal that wakes it; `collect` picks it up. From that moment it belongs to the ticket,
//! and no newcomer can take it. So the order of arrival is the order of service.
//!
//! Rule: whoever joined must `collect` or `leave`. `leave` checks once more, so that what was handed over at the last moment
//! is never lost.

use std::collections::VecDeque;

use super::planted::planted;

/// A queue of `W`s (who waits) for `G`s (what they wait for).
pub(super) struct Queue<W, G> {
    waiting: VecDeque<(Ticket, W)>,
    /// What was handed over and not yet picked up: rarely more than one or two.
    granted: Vec<(Ticket, G)>,
    next: u64,
}

/// A place in a queue. It is never reused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Ticket(u64);

impl<W, G> Queue<W, G> {
    pub(super) fn new() -> Self {
        Self { waiting: VecDeque::new(), granted: Vec::new(), next: 0 }
    }

    /// How many wait, without those that were served.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Goes to the end of the queue.
    pub(super) fn join(&mut self, waiter: W) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.waiting.push_back((ticket, waiter));
        ticket
    }

    /// The one who has waited longest.
    pub(super) fn first(&self) -> Option<&W> {
        self.waiting.front().map(|(_, waiter)| waiter)
    }

    /// Hands `grant` to the first in the queue, who is to be woken; gives it back if nobody waits.
    pub(super) fn serve(&mut self, grant: G) -> Result<W, G> {
        let next = if planted!(LastServedFirst) { self.waiting.pop_back() } else { self.waiting.pop_front() };
        let Some((ticket, waiter)) = next else { return Err(grant) };
        self.granted.push((ticket, grant));
        Ok(waiter)
    }

    /// Picks up what was handed over, if anything.
    pub(super) fn collect(&mut self, ticket: Ticket) -> Option<G> {
        let index = self.granted.iter().position(|(granted, _)| *granted == ticket)?;
        Some(self.granted.swap_remove(index).1)
    }

    /// Gives up waiting. Returns what was handed over in the meantime, which it is too late to refuse.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<G> {
        let grant = self.collect(ticket).filter(|_| !planted!(LateGrantLost));
        if grant.is_none() && !planted!(GrantToLeaver) {
            self.waiting.retain(|(waiting, _)| *waiting != ticket);
        }
        grant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_came_first_is_served_first() {
        let mut queue = Queue::new();
        let tickets = ["a", "b", "c"].map(|name| queue.join(name));

        assert_eq!(queue.serve(1), Ok("a"));
        assert_eq!(queue.serve(2), Ok("b"));

        assert_eq!(queue.len(), 1);
        assert_eq!(queue.collect(tickets[1]), Some(2), "in whatever order they wake up");
        assert_eq!(queue.collect(tickets[0]), Some(1));
        assert_eq!(queue.collect(tickets[2]), None);
    }

    #[test]
    fn serving_an_empty_queue_gives_the_thing_back() {
        let mut queue = Queue::<(), _>::new();

        assert_eq!(queue.serve("thing"), Err("thing"));
    }

    #[test]
    fn the_first_is_who_is_served_next() {
        let mut queue = Queue::<_, i32>::new();
        assert_eq!(queue.first(), None);
        queue.join("a");
        queue.join("b");

        assert_eq!(queue.first(), Some(&"a"));
        assert_eq!(queue.serve(1), Ok("a"));
        assert_eq!(queue.first(), Some(&"b"));
    }

    #[test]
    fn whoever_leaves_is_passed_over() {
        let mut queue = Queue::new();
        let first = queue.join("a");
        let second = queue.join("b");

        assert_eq!(queue.leave(first), None);

        assert_eq!(queue.serve(1), Ok("b"));
        assert_eq!(queue.collect(second), Some(1));
    }

    #[test]
    fn whoever_leaves_too_late_takes_what_was_handed_over() {
        let mut queue = Queue::new();
        let ticket = queue.join("a");
        assert_eq!(queue.serve(1), Ok("a"));

        assert_eq!(queue.leave(ticket), Some(1));
        assert_eq!(queue.collect(ticket), None, "once");
    }
}
