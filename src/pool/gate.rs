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
//! A pause may begin while the head waits for a slot. Then the slot is put back, and the pause waited for. What is in the
//! slot is not touched before the request leaves, so that nothing was counted, logged or told of that did not happen.
//!
//! All these waits are one to the caller and to whoever listens, see [`wait_limit`](super::wait_limit).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection_pool::NoSlot;
use super::events::WaitReason;
use super::hold_text::{Figures, causes, reason, what};
use super::monitor::{Monitor, Signal};
use super::planted::planted;
use super::queue::{Queue, Ticket};
use super::wait_limit::{ForPace, WaitLimit};
use crate::cancel::{Cancel, Stop};
use crate::clock::{self, Clock, Deadline};
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

    /// The limit that was learnt.
    pub(crate) fn limit(&self) -> Option<usize> {
        self.line.with(|line| line.pace.limit())
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
        let mut entry =
            Entry { gate: self, clock, deadline: Deadline::after(now, wait.limit()), said: None, counted: None };
        let (turn, mut now) = entry.take_turn(now, wait)?;
        loop {
            now = match entry.wait_for_pace(&turn, now, wait) {
                Ok(now) => now,
                Err(held) => {
                    if planted!(TurnKept) {
                        std::mem::forget(turn);
                    }
                    return Err(held);
                }
            };
            // From here on it counts among those that wait for a slot.
            entry.counted = None;
            let early = if planted!(PaidBeforeSlot) { turn.depart(now) } else { None };
            let got = check_out(wait).map_err(|why| turn.held(why, now))?;
            let left = clock.now().max(now);
            if let Some(departure) = early.or_else(|| turn.depart(left)) {
                return Ok((got, Pass { gate: Arc::clone(self), departure }));
            }
            if planted!(SlotLostByPause) {
                std::mem::forget(got);
            } else {
                put_back(got);
            }
            now = left;
        }
    }

    fn waiter(self: &Arc<Self>, signal: &Signal) -> Arc<Waiter> {
        Arc::new(Waiter { gate: Arc::clone(self), signal: signal.clone() })
    }

    /// What the head of the line waits for. If it is free just now, the head has not noticed.
    fn hold(&self, now: Instant) -> Hold {
        self.line.with(|line| Some(line.pace.hold(now)).filter(|by| *by != Hold::Free).unwrap_or(line.holding))
    }

    fn held(&self, why: NoSlot, now: Instant) -> Held {
        let by = self.hold(now);
        Held { why, by, waiting: self.line.with(|line| line.waiting()) }
    }

    /// Warns of a wait that began at `since`, with the usual causes. `now` is by the adapter's clock.
    fn warn(&self, hold: Hold, now: Instant, since: Instant) {
        let (waiting, figures) = self.line.with(|line| (line.waiting(), Figures::of(&line.pace, hold, now)));
        log::warn!(
            target: log_targets::POOL,
            "Still waiting for {}, to send to {} after {:.1?} ({figures}{waiting} waiting). {}",
            what(hold),
            self.peer,
            clock::now().saturating_duration_since(since),
            causes(hold)
        );
    }
}

/// A check-out on its way through the gate.
struct Entry<'a, 'w> {
    gate: &'a Arc<Gate>,
    clock: &'a dyn Clock,
    /// By that clock.
    deadline: Deadline,
    /// What the log says that it waits for.
    said: Option<&'static str>,
    /// It counts among those that wait for a pace.
    counted: Option<ForPace<'w>>,
}

impl<'a, 'w> Entry<'a, 'w> {
    /// Waits for the turn; also returns the time.
    fn take_turn(&mut self, now: Instant, wait: &mut WaitLimit<'w>) -> Result<(Turn<'a>, Instant), Held> {
        let gate = self.gate;
        let Some((ticket, signal)) = gate.line.with(Line::arrive) else { return Ok((Turn { gate }, now)) };
        let mut place = Place { gate, ticket: Some(ticket) };
        let clock = self.clock;
        // The time may be the program's code, and so not under the lock.
        self.begin(wait, || gate.hold(clock.now()));
        let waiter = || gate.waiter(&signal);
        let collect = |line: &mut Line| line.queue.collect(ticket);
        let since = wait.begin(|| WaitReason::Connection);
        let is_long = || {
            let now = clock.now();
            gate.warn(gate.hold(now), now, since);
        };
        let got = wait.sleep(&gate.line, &signal, waiter, collect, is_long);
        place.ticket = None;
        let got = got.or_else(|| gate.line.with(|line| line.queue.leave(ticket)));
        let now = clock.now().max(now);
        match got {
            Some(()) => Ok((Turn { gate }, now)),
            None => Err(gate.held(wait.ended(), now)),
        }
    }

    /// Waits until the pace lets a request go; returns the time.
    fn wait_for_pace(&mut self, turn: &Turn<'_>, mut now: Instant, wait: &mut WaitLimit<'w>) -> Result<Instant, Held> {
        let (gate, clock) = (self.gate, self.clock);
        loop {
            if wait.cancel().is_some_and(Cancel::is_cancelled) {
                return Err(turn.held(NoSlot::Cancelled, now));
            }
            let (hold, signal) = gate.line.with(|line| line.look(now));
            if hold != Hold::Free {
                self.begin(wait, || hold);
            }
            match (hold, signal) {
                (Hold::Paused(until) | Hold::Rate(until), _) => {
                    // It may have come a while ago, and then would sleep for too long.
                    now = clock.now().max(now);
                    if until <= now {
                        continue;
                    }
                    let time = until.saturating_duration_since(now);
                    if let Some(since) = wait.has_become_long() {
                        gate.warn(hold, now, since);
                    }
                    let left = self.deadline.left(now).unwrap_or(Duration::MAX);
                    if left.is_zero() {
                        return Err(turn.held(NoSlot::TimedOut, now));
                    }
                    if !sleep(clock, time.min(left).min(wait.until_long()), wait.cancel()) {
                        return Err(turn.held(NoSlot::Cancelled, now));
                    }
                    now = clock.now().max(now);
                }
                (Hold::Full, Some(signal)) => {
                    let waiter = || gate.waiter(&signal);
                    let has_room = |line: &mut Line| (!line.pace.is_full()).then_some(());
                    let since = wait.begin(|| reason(hold));
                    let is_long = || gate.warn(hold, clock.now().max(now), since);
                    let found = wait.sleep(&gate.line, &signal, waiter, has_room, is_long);
                    now = clock.now().max(now);
                    if found.is_none() {
                        return Err(turn.held(wait.ended(), now));
                    }
                }
                _ => return Ok(now),
            }
        }
    }

    /// It has to wait: counts it, tells of it, and says so in the log where what it waits for is news.
    fn begin(&mut self, wait: &mut WaitLimit<'w>, hold: impl Fn() -> Hold) {
        if self.counted.is_none() {
            self.counted = Some(wait.for_pace());
        }
        wait.begin(|| reason(hold()));
        if !log::log_enabled!(target: log_targets::POOL, log::Level::Debug) {
            return;
        }
        let what = what(hold());
        if self.said.replace(what) != Some(what) {
            let waiting = self.gate.line.with(|line| line.waiting());
            log::debug!(
                target: log_targets::POOL,
                "Waiting for {what}, to send to {} ({waiting} waiting)",
                self.gate.peer
            );
        }
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
        if planted!(PlaceKeptByPanic) {
            return;
        }
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
    /// Lets the request leave, unless the pace has changed meanwhile.
    fn depart(&self, now: Instant) -> Option<Departure> {
        self.gate.line.with(|line| {
            if planted!(PaidTwice) {
                line.pace.depart(now);
            }
            line.pace.depart(now)
        })
    }

    fn held(&self, why: NoSlot, now: Instant) -> Held {
        let waiting = self.gate.line.with(|line| line.queue.len());
        Held { waiting, ..self.gate.held(why, now) }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if planted!(TurnKeptByPanic) && std::thread::panicking() {
            return;
        }
        if let Some(signal) = self.gate.line.with(Line::hand_on) {
            signal.wake();
        }
    }
}

impl Line {
    /// Takes the turn, or joins the queue.
    fn arrive(&mut self) -> Option<(Ticket, Signal)> {
        if !self.taken || planted!(PushesIn) {
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
            line.holder.clone().filter(|_| !line.pace.is_full() && !planted!(EndUnheard))
        });
        if let Some(signal) = wake {
            signal.wake();
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if planted!(EndNotCounted) {
            return;
        }
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

#[cfg(all(test, not(petition_model)))]
mod tests {
    use std::thread;

    use super::super::test_support::{Conn, TestClock, all_logged, key, settings, until};
    use super::super::{Manager, PoolSettings};
    use super::*;
    use crate::clock::SystemClock;
    use crate::pace::{AdaptiveLimit, PaceSettings, RateLimit};

    const LONG: Duration = Duration::from_millis(30);
    const MINUTE: Duration = Duration::from_secs(60);

    /// A pool with one slot, in real time, where a wait is soon a long one.
    fn manager() -> Manager<String, Conn> {
        Manager::new(PoolSettings {
            pool_maxsize: 1,
            pool_block: true,
            long_wait: Some(LONG),
            clock: Arc::new(SystemClock),
            is_real_time: true,
            ..settings()
        })
    }

    fn gate(settings: PaceSettings) -> Arc<Gate> {
        Gate::new("h:80", Pace::new(&settings))
    }

    fn rate(every: Duration) -> PaceSettings {
        PaceSettings { rate: Some(RateLimit::every(every)), ..PaceSettings::default() }
    }

    fn warnings(lines: &[String]) -> Vec<&String> {
        lines.iter().filter(|line| line.starts_with("WARN Still waiting for ")).collect()
    }

    #[test]
    fn a_wait_for_a_pace_is_told_once_and_after_long_once_more_with_its_cause() {
        let adaptive = AdaptiveLimit::between(1, 1);
        for (settings, pause, what, about, cause) in [
            (rate(MINUTE), None, "the rate limit", "one every 60s; 1 waiting", "rate_limit"),
            (PaceSettings::default(), Some(MINUTE), "the end of a pause", "s left; 1 waiting", "Retry-After"),
            (
                PaceSettings { adaptive: Some(adaptive), ..PaceSettings::default() },
                None,
                "an exchange to end",
                "learnt limit 1; 1 waiting",
                "adaptive_limit",
            ),
        ] {
            let (manager, gate) = (manager(), gate(settings));
            let pool = manager.pool(&key("h"));
            let first = pool.check_out_through(&gate, None, None, clock::now()).expect("nobody is there");
            if let Some(pause) = pause {
                assert!(first.pass().expect("by the gate").pause(clock::now(), pause));
            }

            let limit = Some(LONG * 3);
            let (why, lines) = all_logged(|| pool.check_out_through(&gate, limit, None, clock::now()).map(drop));

            assert!(why.is_err_and(|held| held.why == NoSlot::TimedOut && held.by != Hold::Free));
            drop(first);
            assert_eq!(lines[0], format!("DEBUG Waiting for {what}, to send to h:80 (1 waiting)"));
            let warned = warnings(&lines);
            assert_eq!(warned.len(), 1, "{lines:?}");
            let begin = format!("WARN Still waiting for {what}, to send to h:80 after ");
            assert!(
                warned[0].starts_with(&begin) && warned[0].contains(about) && warned[0].contains(cause),
                "{lines:?}"
            );
            assert!(pool.stats().longest_wait() >= LONG * 3);
        }
    }

    #[test]
    fn who_gives_up_is_told_what_holds_the_line_and_else_what_held_its_head() {
        let gate = gate(rate(MINUTE));
        let now = clock::now();
        gate.line.with(|line| {
            assert!(line.pace.depart(now).is_some());
            line.holding = Hold::Full;
        });

        let held = gate.held(NoSlot::TimedOut, now);
        assert_eq!(held, Held { why: NoSlot::TimedOut, by: Hold::Rate(now + MINUTE), waiting: 1 });
        // The head has not noticed yet that it may go.
        assert_eq!(gate.held(NoSlot::TimedOut, now + 2 * MINUTE).by, Hold::Full);
    }

    #[test]
    fn a_thread_that_panics_leaves_its_place_and_hands_on_a_turn_that_it_was_given() {
        let gate = gate(PaceSettings::default());
        assert!(gate.line.with(Line::arrive).is_none(), "the turn was free");
        let place = || Place { gate: &gate, ticket: gate.line.with(Line::arrive).map(|(ticket, _)| ticket) };

        drop(place());
        assert!(gate.line.with(|line| line.queue.is_empty() && line.taken));

        let (served, next) = (place(), place());
        assert!(gate.line.with(Line::hand_on).is_some());
        drop(served);
        assert!(gate.line.with(|line| line.queue.is_empty() && line.taken), "it is the next one's");
        drop(next);
        assert!(gate.is_at_rest(clock::now()));
    }

    #[test]
    fn the_pace_and_the_slot_are_one_wait_that_is_warned_of_once() {
        let (manager, gate) = (manager(), gate(rate(LONG * 2 / 3)));
        let pool = manager.pool(&key("h"));
        drop(pool.check_out_through(&gate, None, None, clock::now()).expect("nobody is there"));
        let holder = pool.check_out(None, None).expect("it was given back");

        // Two thirds of the time go by in the line, and then the slot is waited for.
        let (none, lines) = all_logged(|| {
            pool.check_out_through(&gate, Some(LONG * 3), None, clock::now()).map(drop).expect_err("the slot is kept")
        });

        assert_eq!((none.why, none.by), (NoSlot::TimedOut, Hold::Free));
        let warned = warnings(&lines);
        assert_eq!(warned.len(), 1, "{lines:?}");
        assert!(warned[0].contains("a connection to h:80 after ") && warned[0].contains("streamed"), "{lines:?}");

        // All of it goes by in the line.
        let slow = self::gate(rate(LONG * 20));
        drop(holder);
        drop(pool.check_out_through(&slow, None, None, clock::now()).expect("nobody is there"));
        let _holder = pool.check_out(None, None).expect("it was given back");
        let (_, lines) = all_logged(|| pool.check_out_through(&slow, Some(LONG * 24), None, clock::now()).map(drop));
        let warned = warnings(&lines);
        assert_eq!(warned.len(), 1, "{lines:?}");
        assert!(warned[0].contains("the rate limit, to send to h:80"), "{lines:?}");
    }

    #[test]
    fn who_stands_behind_is_warned_of_what_the_first_waits_for() {
        let (manager, gate) = (manager(), gate(rate(MINUTE)));
        let pool = manager.pool(&key("h"));
        drop(pool.check_out_through(&gate, None, None, clock::now()).expect("nobody is there"));
        let token = Cancel::new();

        thread::scope(|scope| {
            scope.spawn(|| pool.check_out_through(&gate, None, Some(&token), clock::now()).is_err());
            until(|| pool.stats().waiting() == 1);
            let (held, lines) =
                all_logged(|| pool.check_out_through(&gate, Some(LONG * 2), None, clock::now()).map(drop));

            assert!(held.is_err_and(|held| matches!(held.by, Hold::Rate(_))));
            assert_eq!(lines.len(), 2, "{lines:?}");
            assert_eq!(lines[0], "DEBUG Waiting for the rate limit, to send to h:80 (2 waiting)");
            assert!(lines[1].contains("one every 60s; 2 waiting"), "{lines:?}");
            token.cancel();
        });
        assert_eq!(pool.stats().waiting(), 0);
    }

    /// A connection that a late pause costs nothing: it is neither counted nor told of.
    #[test]
    fn what_a_pause_takes_back_was_never_made() {
        let gate = gate(PaceSettings { pause: true, ..PaceSettings::default() });
        // It stands still until somebody sleeps, so that the pause lasts until it is noticed.
        let clock = TestClock::new();
        let manager: Manager<String, Conn> =
            Manager::new(PoolSettings { pool_maxsize: 1, pool_block: true, clock: clock.clone(), ..settings() });
        let pool = manager.pool(&key("h"));
        let holder = pool.check_out_through(&gate, None, None, clock.now()).expect("nobody is there");

        let lines = thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                all_logged(|| pool.check_out_through(&gate, None, None, clock.now()).map(drop).expect("no limit")).1
            });
            until(|| pool.stats().waiting() == 1);
            assert!(holder.pass().expect("by the gate").pause(clock.now(), MINUTE));
            drop(holder);
            waiter.join().expect("no panic")
        });

        assert_eq!(pool.stats().num_connections(), 2);
        let started: Vec<_> = lines.iter().filter(|line| line.contains("Starting new")).collect();
        assert_eq!(started, ["DEBUG Starting new HTTP connection (2): h:80"]);
        assert!(lines.iter().any(|line| line.contains("the end of a pause")), "{lines:?}");
    }
}
