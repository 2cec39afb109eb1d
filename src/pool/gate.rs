//! The gate of an origin that has a pace: one line, in order of arrival, before its pools.
//!
//! Whoever is at the head of the line has the *turn*. It waits until the [`Pace`] lets it go, checks out a slot, and pays when
//! it has both; then the next has the turn. So the rate holds for the moment at which requests leave, not for that at which
//! they may wait for a slot; a wait that ends early has paid nothing; and nobody holds a slot, or a permit of
//! `max_connections`, while it waits for a pace.
//!
//! Time is the adapter's clock: the head sleeps on it until the instant that the pace names. All other waits are for a signal,
//! as those of the pool: for the turn, and for an exchange that ends. No wake-up is lost: the turn is granted and an exchange
//! ended under the lock, and the signal comes afterwards (see [`monitor`](super::monitor)).
//!
//! A pause may begin while the head waits for a slot. Then the slot is put back, and the pause waited for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection_pool::NoSlot;
use super::monitor::{Monitor, Signal};
use super::queue::{Queue, Ticket};
use super::wait_limit::WaitLimit;
use crate::cancel::{Cancel, Stop};
use crate::clock::{Clock, Deadline};
use crate::log_targets;
use crate::pace::{Departure, Hold, Outcome, Pace};

/// The line before the pools of one origin.
pub(crate) struct Gate {
    /// Host and port, for the log.
    peer: Box<str>,
    line: Monitor<Line>,
}

/// Plain data: the pace, and who waits.
struct Line {
    pace: Pace,
    /// Whether anybody has the turn.
    taken: bool,
    queue: Queue<Signal, ()>,
    /// What whoever has the turn waits for; and how to wake them, if it is an exchange that ends.
    holding: Hold,
    holder: Option<Signal>,
}

/// How a request left. Dropping it says that its exchange no longer uses a slot.
pub(crate) struct Pass {
    gate: Arc<Gate>,
    departure: Departure,
}

/// Why a request was not let through.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Held {
    pub(crate) why: NoSlot,
    /// What held the head of the line. `Free`: it had to wait for a slot.
    pub(crate) by: Hold,
    /// How many others wait.
    pub(crate) waiting: usize,
}

impl Gate {
    pub(crate) fn new(peer: impl Into<Box<str>>, pace: Pace) -> Arc<Self> {
        let line = Line { pace, taken: false, queue: Queue::new(), holding: Hold::Free, holder: None };
        Arc::new(Self { peer: peer.into(), line: Monitor::new(line) })
    }

    /// How many wait for the pace, and the limit that was learnt.
    pub(crate) fn stats(&self) -> (usize, Option<usize>) {
        self.line.with(|line| (line.waiting(), line.pace.limit()))
    }

    /// Whether the gate can be forgotten: nobody waits, and a new one would let requests through just as well.
    pub(crate) fn is_at_rest(&self, now: Instant) -> bool {
        self.line.with(|line| !line.taken && line.pace.is_at_rest(now))
    }

    #[cfg(test)]
    pub(crate) fn line_for_test<R>(&self, act: impl FnOnce(&mut Pace) -> R) -> R {
        self.line.with(|line| act(&mut line.pace))
    }

    /// Waits for the turn and the pace, and then for what `check_out` gets; `put_back` takes it back if the pace has changed
    /// by then. `now` is when it came, by `clock`.
    pub(super) fn enter<T>(
        self: &Arc<Self>,
        clock: &dyn Clock,
        now: Instant,
        wait: &mut WaitLimit<'_>,
        mut check_out: impl FnMut(&mut WaitLimit<'_>) -> Result<T, NoSlot>,
        put_back: impl Fn(T),
    ) -> Result<(T, Pass), Held> {
        let deadline = Deadline::after(now, wait.limit());
        let (turn, mut now) = self.take_turn(clock, now, wait)?;
        loop {
            now = turn.wait_for_pace(clock, now, deadline, wait)?;
            let got = check_out(wait).map_err(|why| turn.held(why, now))?;
            let left = clock.now().max(now);
            if let Some(departure) = turn.depart(left) {
                return Ok((got, Pass { gate: Arc::clone(self), departure }));
            }
            put_back(got);
            now = left;
        }
    }

    /// Waits for the turn; also returns the time.
    fn take_turn(
        self: &Arc<Self>,
        clock: &dyn Clock,
        mut now: Instant,
        wait: &mut WaitLimit<'_>,
    ) -> Result<(Turn<'_>, Instant), Held> {
        if let Some((ticket, signal)) = self.line.with(Line::arrive) {
            let mut place = Place { gate: self, ticket: Some(ticket) };
            wait.begin();
            let why = || {
                let now = clock.now(); // may be the program's code, and so not under the lock
                self.line.with(|line| (line.pace.hold(now), line.waiting()))
            };
            self.log_wait(why, false);
            let waiter = || self.waiter(&signal);
            let collect = |line: &mut Line| line.queue.collect(ticket);
            let got = wait.sleep(&self.line, &signal, waiter, collect, || self.log_wait(why, true));
            place.ticket = None;
            if got.or_else(|| self.line.with(|line| line.queue.leave(ticket))).is_none() {
                return Err(self.held(wait.ended(), clock.now().max(now)));
            }
            let turn = Turn { gate: self };
            now = clock.now().max(now);
            return Ok((turn, now));
        }
        Ok((Turn { gate: self }, now))
    }

    fn waiter(self: &Arc<Self>, signal: &Signal) -> Arc<Waiter> {
        Arc::new(Waiter { gate: Arc::clone(self), signal: signal.clone() })
    }

    fn held(&self, why: NoSlot, now: Instant) -> Held {
        self.line.with(|line| {
            // If it is free just now, the head of the line has not noticed.
            let by = Some(line.pace.hold(now)).filter(|by| *by != Hold::Free).unwrap_or(line.holding);
            Held { why, by, waiting: line.waiting() }
        })
    }

    fn log_wait(&self, why: impl FnOnce() -> (Hold, usize), still: bool) {
        if !log::log_enabled!(target: log_targets::POOL, log::Level::Debug) {
            return;
        }
        let (hold, waiting) = why();
        let what = match hold {
            Hold::Paused(_) => "the end of a pause",
            Hold::Rate(_) => "the rate limit",
            Hold::Full => "an exchange to end",
            Hold::Free => "a turn",
        };
        let wait = if still { "Still waiting" } else { "Waiting" };
        log::debug!(target: log_targets::POOL, "{wait} for {what}, to send to {} ({waiting} waiting)", self.peer);
    }
}

/// A place in the line. A thread that panics, perhaps in the program's logger or clock, leaves it.
struct Place<'a> {
    gate: &'a Arc<Gate>,
    ticket: Option<Ticket>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        if self.gate.line.with(|line| line.queue.leave(ticket)).is_some() {
            drop(Turn { gate: self.gate });
        }
    }
}

/// The right to wait at the head of the line. Dropping it hands it on.
struct Turn<'a> {
    gate: &'a Arc<Gate>,
}

impl Turn<'_> {
    /// Waits until the pace lets a request go; returns the time.
    fn wait_for_pace(
        &self,
        clock: &dyn Clock,
        mut now: Instant,
        deadline: Deadline,
        wait: &mut WaitLimit<'_>,
    ) -> Result<Instant, Held> {
        let mut is_first = true;
        loop {
            if wait.cancel().is_some_and(Cancel::is_cancelled) {
                return Err(self.held(NoSlot::Cancelled, now));
            }
            let (hold, signal) = self.gate.line.with(|line| line.look(now));
            if std::mem::take(&mut is_first) && hold != Hold::Free {
                wait.begin();
                self.gate.log_wait(|| (hold, self.gate.line.with(|line| line.waiting())), false);
            }
            match (hold, signal) {
                (Hold::Paused(until) | Hold::Rate(until), _) => {
                    let time = until.saturating_duration_since(now);
                    let left = deadline.left(now).unwrap_or(Duration::MAX);
                    if left.is_zero() {
                        return Err(self.held(NoSlot::TimedOut, now));
                    }
                    if !sleep(clock, time.min(left), wait.cancel()) {
                        return Err(self.held(NoSlot::Cancelled, now));
                    }
                    now = clock.now().max(now);
                }
                (Hold::Full, Some(signal)) => {
                    let waiter = || self.gate.waiter(&signal);
                    let has_room = |line: &mut Line| (!line.pace.is_full()).then_some(());
                    let is_long = || self.gate.log_wait(|| (hold, self.gate.line.with(|line| line.waiting())), true);
                    let found = wait.sleep(&self.gate.line, &signal, waiter, has_room, is_long);
                    now = clock.now().max(now);
                    if found.is_none() {
                        return Err(self.held(wait.ended(), now));
                    }
                }
                _ => return Ok(now),
            }
        }
    }

    /// Lets the request leave, unless the pace has changed meanwhile.
    fn depart(&self, now: Instant) -> Option<Departure> {
        self.gate.line.with(|line| line.pace.depart(now))
    }

    fn held(&self, why: NoSlot, now: Instant) -> Held {
        let waiting = self.gate.line.with(|line| line.queue.len());
        Held { waiting, ..self.gate.held(why, now) }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(signal) = self.gate.line.with(Line::hand_on) {
            signal.wake();
        }
    }
}

impl Line {
    /// Takes the turn, or joins the queue.
    fn arrive(&mut self) -> Option<(Ticket, Signal)> {
        if !self.taken {
            self.taken = true;
            return None;
        }
        let signal = Signal::new();
        Some((self.queue.join(signal.clone()), signal))
    }

    /// What whoever has the turn waits for, and a signal if it needs one.
    fn look(&mut self, now: Instant) -> (Hold, Option<Signal>) {
        let hold = self.pace.hold(now);
        self.holding = hold;
        self.holder = (hold == Hold::Full).then(Signal::new);
        (hold, self.holder.clone())
    }

    fn hand_on(&mut self) -> Option<Signal> {
        (self.holding, self.holder) = (Hold::Free, None);
        let next = self.queue.serve(()).ok();
        self.taken = next.is_some();
        next
    }

    fn waiting(&self) -> usize {
        self.queue.len() + usize::from(self.holding != Hold::Free)
    }
}

impl Pass {
    /// The server asked for a pause; false if it is none, or would end before the one that holds already.
    pub(crate) fn pause(&self, now: Instant, time: Duration) -> bool {
        self.gate.line.with(|line| line.pace.pause(now, time))
    }

    /// Says how the exchange went. The limit may be higher then, so that the next may go.
    pub(crate) fn learn(&self, outcome: Outcome) {
        let Departure::Counted(epoch) = self.departure else { return };
        self.gate.change(|pace| pace.learn(epoch, outcome));
    }
}

impl Gate {
    /// Changes what whoever has the turn may wait for.
    fn change(&self, act: impl FnOnce(&mut Pace)) {
        let wake = self.line.with(|line| {
            act(&mut line.pace);
            line.holder.clone().filter(|_| !line.pace.is_full())
        });
        if let Some(signal) = wake {
            signal.wake();
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Departure::Counted(_) = self.departure {
            self.gate.change(Pace::end);
        }
    }
}

/// A thread that waits in the line, as a token can wake it.
struct Waiter {
    gate: Arc<Gate>,
    signal: Signal,
}

impl Stop for Waiter {
    fn stop(&self) {
        self.gate.line.interrupt(&self.signal);
    }
}

/// False if it was cancelled.
fn sleep(clock: &dyn Clock, time: Duration, cancel: Option<&Cancel>) -> bool {
    match cancel {
        Some(cancel) => clock.sleep_or_cancel(time, cancel),
        None => {
            clock.sleep(time);
            true
        }
    }
}
