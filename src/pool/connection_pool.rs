//! The pool of one key: checking connections out and in.
//!
//! It combines the decisions of its neighbours: [`slots`](super::slots) decides who may have a connection,
//! [`permits`](super::permits) how many there may be over all pools, [`shared`](super::shared) how long one may be idle. What
//! takes time happens here, with no lock held: probing, closing, logging, waking.
//!
//! A check-out waits for a slot first and for a permit second. Once it has both, it waits for nothing more. A check-in wakes
//! at most one thread, the one that has waited longest, and what that thread gets is already its own. It would save a context
//! switch per request to let a running thread jump the queue, but then waits would have no bound
//! (docs/decisions.md#fair-pools).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use super::events::{PoolEvent, WaitReason};
use super::gate::{Gate, Held, Pass};
use super::lease::Lease;
use super::monitor::{Monitor, Signal};
use super::permits::{Granted, Joined, Permits, PoolId, Refused};
use super::planted::planted;
use super::queue::Ticket;
use super::shared::{Kept, Shared};
use super::slots::{Arrival, BroughtBack, Closed, Returned, Slot, Slots};
use super::stats::{Counts, DiscardReason, End, HostPort, PoolStats};
use super::sync::{AtomicUsize, Ordering};
use super::wait_limit::{WaitLimit, Waits};
use super::{Found, Pooled};
use crate::cancel::{Cancel, Stop};
use crate::clock;
use crate::log_targets;

/// The connections to one endpoint, all made with the same settings.
pub(crate) struct ConnectionPool<C> {
    id: PoolId,
    endpoint: Endpoint,
    shared: Arc<Shared<C>>,
    slots: Monitor<Slots<Box<Kept<C>>, Signal>>,
    /// Whether the manager has let go of it. Changed under the manager's lock; the slots follow, see [`follow`](Self::follow).
    closed: AtomicBool,
    /// How often the connections that were leased at that time became unwanted. Changed under the manager's lock.
    closings: AtomicU64,
    /// Up to which of the closings the idle connections are closed. Changed under the lock of the slots.
    followed: AtomicU64,
    /// Idle connections that can be taken, as of the last transition: for whoever looks over all pools. Stored before
    /// anybody asks who waits for a permit, see [`permits`](super::permits).
    idle: AtomicUsize,
    waiting_for_permit: AtomicUsize,
    /// Who waits for the pace of the origin, and so for no slot yet.
    waiting_for_pace: AtomicUsize,
    counts: Counts,
}

/// What a pool connects to, as shown in the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Endpoint {
    pub(crate) scheme: Cow<'static, str>,
    /// An IPv6 address has no brackets. Nothing in it acts on a terminal.
    pub(crate) host: String,
    /// 0 if it has none.
    pub(crate) port: u16,
}

/// Host and port as urllib3 writes them: without brackets.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if *port == 0 { f.write_str(host) } else { write!(f, "{host}:{port}") }
    }
}

/// Why a check-out failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NoSlot {
    /// No connection became free in time.
    TimedOut,
    /// The token of the request was cancelled meanwhile.
    Cancelled,
}

impl<C: Pooled> ConnectionPool<C> {
    pub(super) fn new(id: PoolId, endpoint: Endpoint, maxsize: usize, block: bool, shared: Arc<Shared<C>>) -> Self {
        Self {
            id,
            endpoint,
            shared,
            slots: Monitor::new(Slots::new(maxsize, block)),
            closed: AtomicBool::new(false),
            closings: AtomicU64::new(0),
            followed: AtomicU64::new(0),
            idle: AtomicUsize::new(0),
            waiting_for_permit: AtomicUsize::new(0),
            waiting_for_pace: AtomicUsize::new(0),
            counts: Counts::default(),
        }
    }

    pub(super) fn id(&self) -> PoolId {
        self.id
    }

    /// What the pool connects to.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Takes a slot, and the connection in it if it is still usable. If it has to wait, it waits for at most `limit`.
    ///
    /// It writes urllib3's log line. If the lease has no connection, the caller connects. `now` is by the pool's clock, and
    /// becomes the time of the check-out: if nothing has to be waited for, it is the same moment, and no clock is read.
    ///
    /// The handle becomes the lease's, or comes back with the error.
    pub(crate) fn check_out_at(
        self: Arc<Self>,
        now: &mut Instant,
        limit: Option<Duration>,
        cancel: Option<&Cancel>,
    ) -> Result<Lease<C>, (Arc<Self>, NoSlot)> {
        // What most check-outs get. There is nothing to wait for, so the handle itself can go to the lease.
        let Some(idle) = self.change(Slots::take_live) else {
            return self.check_out_another(now, limit, cancel).map_err(|why| (self, why));
        };
        let mut lease = Lease::new(self, *now);
        let expired = lease.hold(idle, *now);
        lease.pool.shared.sweep_if_due(*now);
        lease.probe(expired);
        Ok(lease)
    }

    /// The same, where there may be something to wait for.
    fn check_out_another(
        self: &Arc<Self>,
        now: &mut Instant,
        limit: Option<Duration>,
        cancel: Option<&Cancel>,
    ) -> Result<Lease<C>, NoSlot> {
        let mut wait = self.wait(limit, cancel);
        let obtained = self.obtain(&mut wait, *now);
        if wait.has_begun() {
            *now = self.shared.clock.now();
        }
        match obtained {
            Ok(taken) => Ok(self.use_taken(taken, None, wait)),
            Err(why) => {
                wait.end();
                Err(why)
            }
        }
    }

    /// The same now.
    #[cfg(test)]
    pub(crate) fn check_out(
        self: &Arc<Self>,
        limit: Option<Duration>,
        cancel: Option<&Cancel>,
    ) -> Result<Lease<C>, NoSlot> {
        let lease = Arc::clone(self).check_out_at(&mut self.shared.clock.now(), limit, cancel);
        lease.map_err(|(_, why)| why)
    }

    /// The same through the gate of the origin: in order of arrival, and as its pace allows. `now` is by the pool's clock.
    pub(crate) fn check_out_through(
        self: &Arc<Self>,
        gate: &Arc<Gate>,
        limit: Option<Duration>,
        cancel: Option<&Cancel>,
        now: Instant,
    ) -> Result<Lease<C>, Held> {
        let mut wait = self.wait(limit, cancel);
        let obtain = |wait: &mut WaitLimit<'_>| self.obtain(wait, self.shared.clock.now());
        match gate.enter(&*self.shared.clock, now, &mut wait, obtain, |taken| self.take_untouched(taken)) {
            Ok((taken, pass)) => Ok(self.use_taken(taken, Some(pass), wait)),
            Err(held) => {
                wait.end();
                Err(held)
            }
        }
    }

    fn wait<'a>(&'a self, limit: Option<Duration>, cancel: Option<&'a Cancel>) -> WaitLimit<'a> {
        let waits = Waits {
            listener: &self.shared.listener,
            endpoint: &self.endpoint,
            counts: &self.counts,
            for_pace: &self.waiting_for_pace,
            long: self.shared.long_wait,
            is_real_time: self.shared.is_real_time,
        };
        WaitLimit::new(limit, cancel, waits)
    }

    /// Waits for a slot, and for a permit if it has no connection. Nothing is counted, logged or told of it yet.
    fn obtain(self: &Arc<Self>, wait: &mut WaitLimit<'_>, now: Instant) -> Result<Taken<C>, NoSlot> {
        let slot = self.take_slot(wait).ok_or_else(|| wait.ended())?;
        // From here on the lease answers for the slot, whatever happens.
        let now = if wait.has_begun() { self.shared.clock.now() } else { now };
        let mut lease = Lease::new(Arc::clone(self), now);
        match slot {
            Slot::Live(idle) => {
                let expired = lease.hold(idle, now);
                self.shared.sweep_if_due(now);
                Ok(Taken { lease, what: What::Connection { expired } })
            }
            slot => {
                self.shared.sweep_if_due(now);
                self.admit(lease, slot, wait)
            }
        }
    }

    /// The wait is over, and what was taken is going to be used.
    fn use_taken(&self, taken: Taken<C>, pass: Option<Pass>, mut wait: WaitLimit<'_>) -> Lease<C> {
        let Taken { mut lease, what } = taken;
        if let Some(pass) = pass {
            lease = lease.with_pass(pass);
        }
        let has_waited = wait.has_begun() || lease.pass().is_some();
        wait.end();
        match what {
            What::Connection { expired } => lease.probe(expired),
            What::Untouched => lease.found = Found::New(self.count_connection()),
            What::Husk => self.log_reset(),
        }
        if has_waited && lease.found != Found::Reused {
            lease.begin_to_connect();
        }
        lease
    }

    /// Takes back what nobody has begun to use.
    fn take_untouched(&self, taken: Taken<C>) {
        let Taken { mut lease, what } = taken;
        match what {
            What::Connection { .. } => lease.bring_back(),
            What::Untouched | What::Husk => {
                // Its permit is free after the slot, as the lease is dropped.
                lease.forget();
                self.put_back();
            }
        }
    }

    /// Whether a connection that comes back now can be kept.
    pub(super) fn wants_back(&self, idle: &Kept<C>) -> bool {
        self.closings() == idle.closings && !idle.has_expired(idle.since)
    }

    /// Takes back a connection that is fit for another request; or closes it. [`look_around`](Self::look_around) comes next.
    pub(super) fn take_back(&self, idle: Box<Kept<C>>) -> Option<Ended<'_, C>> {
        if self.closings() != idle.closings && !planted!(ClosedReused) {
            return Some(self.retire(*idle, DiscardReason::PoolClosed));
        }
        if idle.has_expired(idle.since) {
            return Some(self.retire(*idle, DiscardReason::Expired));
        }
        match self.pass_on(idle) {
            Ok(idle) => self.check_in(Slot::Live(idle)),
            Err(ended) => ended,
        }
    }

    /// A lease has ended, and everything that it held is back: looks after who waits for a permit, and after what lies idle.
    pub(super) fn look_around(&self, now: Instant) {
        if !planted!(NoRelieveAtReturn) {
            self.relieve();
        }
        self.shared.sweep_if_due(now);
    }

    /// Closes a connection whose exchange went well, and keeps its slot for the next one: a husk, if the pool was not closed.
    pub(super) fn retire(&self, idle: Kept<C>, reason: DiscardReason) -> Ended<'_, C> {
        let slot = if reason == DiscardReason::PoolClosed { Slot::Empty } else { Slot::Husk };
        self.end(idle, reason, slot)
    }

    /// Closes a connection, and ends its lease with `slot`; then its permit is free.
    fn end(&self, idle: Kept<C>, reason: DiscardReason, slot: Slot<Box<Kept<C>>>) -> Ended<'_, C> {
        let Kept { conn, number, permit, .. } = idle;
        let ended = self.count_end(number, End::Discarded(reason));
        // Dropped from the last to the first, also if something panics: the slot comes back, then the permit.
        let _permit = permit;
        let _returning = Returning::new(self, slot);
        drop(conn);
        ended
    }

    /// Ends a lease with `slot`. A connection that cannot be kept is closed.
    pub(super) fn check_in(&self, slot: Slot<Box<Kept<C>>>) -> Option<Ended<'_, C>> {
        let expires = if let Slot::Live(idle) = &slot { idle.expires } else { None };
        let returned = self.change(|slots| slots.give_back(slot));
        if returned.leaves_nothing() {
            self.shared.lies_idle(expires);
            return None;
        }
        self.settle(returned)
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Counts a connection that is closed next, and then told of.
    pub(super) fn count_end(&self, number: u64, end: End) -> Ended<'_, C> {
        self.counts.ended(end);
        Ended { pool: self, number, end }
    }

    /// Tells of something that happened here, with host, port and `number`. Call it without a lock.
    #[inline]
    pub(super) fn tell<'a>(&'a self, number: u64, event: impl FnOnce(&'a str, u16, u64) -> PoolEvent<'a>) {
        self.shared.listener.tell(|| event(&self.endpoint.host, self.endpoint.port, number));
    }

    fn tell_end(&self, number: u64, end: End) {
        self.tell(number, |host, port, connection| match end {
            End::Discarded(reason) => PoolEvent::Discarded { host, port, connection, reason },
            End::Dropped => PoolEvent::Dropped { host, port, connection },
        });
    }

    /// Says that the manager lets go of the pool, or has it again. Under the manager's lock; [`follow`](Self::follow) comes
    /// after it.
    pub(super) fn mark(&self, closed: bool) {
        self.closed.store(closed, Ordering::Relaxed);
    }

    /// Says that what is leased now is not to be used again, whatever becomes of the pool. Under the manager's lock.
    pub(super) fn renounce(&self) {
        self.closings.fetch_add(1, Ordering::Relaxed);
    }

    /// Does what was marked: a pool that the manager has let go of keeps nothing. Exchanges in flight and waiters are served
    /// to the end.
    ///
    /// Two threads may have marked it, one after the other. Whoever was second sees their own mark here, so that it is what
    /// holds in the end, in whichever order they come.
    pub(super) fn follow(&self) {
        let Closed { wake, close } = self.change(|slots| {
            let (closed, closings) = (self.closed.load(Ordering::Relaxed), self.closings());
            // A pool that was closed and found again at once: what lay idle is not wanted all the same.
            let renounced = self.followed.swap(closings, Ordering::Relaxed) != closings;
            let nothing = Closed { wake: Vec::new(), close: Vec::new() };
            let done = if closed || renounced { slots.close() } else { nothing };
            if !closed {
                slots.open();
            }
            done
        });
        wake.iter().for_each(Signal::wake);
        // All of them at once, so that none stays away if closing one panics; and none is told of while another is away.
        let away: Vec<_> = close.into_iter().map(|(index, idle)| Away::new(self, index, idle)).collect();
        let closed = away.into_iter().map(|away| away.close(End::Discarded(DiscardReason::PoolClosed)));
        drop(closed.collect::<Vec<_>>());
    }

    pub(super) fn has_idle(&self) -> bool {
        self.idle.load(Ordering::SeqCst) > 0
    }

    /// Gives the connection that has been idle longest to the first who waits for a permit if they want one of this pool, or
    /// else closes it; false if there is none.
    pub(super) fn yield_oldest(&self) -> bool {
        let Some(permits) = &self.shared.permits else { return false };
        let Some(idle) = self.change(Slots::take_oldest) else { return false };
        match permits.pass(self.id, idle) {
            Ok(()) => {}
            // As unwanted as one that was never there: nobody is to come to its slot before to those that are live.
            Err(Refused::OfAnother(idle)) => drop(self.end(*idle, DiscardReason::MadeRoom, Slot::Empty)),
            // It came too late to help.
            Err(Refused::NobodyWaits(idle)) => drop(self.check_in(Slot::Live(idle))),
        }
        true
    }

    /// Closes the idle connections that are stale or have expired.
    pub(super) fn sweep(&self, now: Instant) {
        let mut from = 0;
        while self.has_idle() {
            let taken = self.change(|slots| slots.take_away(&mut from, |idle| idle.is_worth_a_look(now)));
            let Some((index, idle)) = taken else { return };
            let _ended = Away::new(self, index, idle).look(now);
            // What is back lies idle anew, see `permits`.
            if !planted!(NoRelieveAfterSweep) {
                self.relieve();
            }
        }
    }

    /// When the first idle connection has to be closed.
    pub(super) fn first_end(&self) -> Option<Instant> {
        self.slots.with(|slots| slots.idle_ones().filter_map(|idle| idle.expires).min())
    }

    /// Closes the connections that have been idle for `age` and longer; how many.
    pub(super) fn close_idle(&self, age: Duration, now: Instant) -> usize {
        self.discard_idle(DiscardReason::CloseIdle, |idle| idle.age(now) >= age, |_| {})
    }

    /// Closes all idle connections, because a connection could not be made: descriptors or `ports` were lacking.
    pub(super) fn give_up_idle(&self, ports: bool) {
        self.discard_idle(
            DiscardReason::MadeRoom,
            |_| true,
            |conn| {
                if ports {
                    conn.free_port_at_close();
                }
            },
        );
    }

    /// Closes the idle connections that suit, each after `prepare`; how many.
    fn discard_idle(&self, why: DiscardReason, suits: impl Fn(&Kept<C>) -> bool, prepare: impl Fn(&mut C)) -> usize {
        let mut from = 0;
        let mut take = || self.change(|slots| slots.take_away(&mut from, |idle| suits(idle)));
        let mut closed = 0;
        while let Some((index, mut idle)) = take() {
            prepare(&mut idle.conn);
            drop(Away::new(self, index, idle).close(End::Discarded(why)));
            closed += 1;
        }
        closed
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let (idle, in_use, waiting) = self.slots.with(|slots| {
            let (in_use, waiting) = self.in_use_and_waiting(slots);
            (slots.kept(), in_use, waiting)
        });
        self.counts.snapshot(self.id, &self.endpoint, idle, in_use, waiting)
    }

    /// Who waits for a permit has a slot, but uses no connection. Who waits for the pace has nothing yet.
    fn in_use_and_waiting(&self, slots: &Slots<Box<Kept<C>>, Signal>) -> (usize, usize) {
        let for_permit = self.waiting_for_permit.load(Ordering::Relaxed);
        let for_pace = self.waiting_for_pace.load(Ordering::Relaxed);
        (slots.leased().saturating_sub(for_permit), slots.waiting() + for_permit + for_pace)
    }

    pub(super) fn shared(&self) -> &Shared<C> {
        &self.shared
    }

    pub(super) fn log_reset(&self) {
        log::debug!(target: log_targets::CONNECTIONPOOL, "Resetting dropped connection: {}", self.endpoint.host);
    }

    pub(super) fn closings(&self) -> u64 {
        self.closings.load(Ordering::Relaxed)
    }

    fn take_slot(self: &Arc<Self>, wait: &mut WaitLimit<'_>) -> Option<Slot<Box<Kept<C>>>> {
        // Counted with the arrival: a moment later this thread may have been served already.
        let mut counted = (0, 0);
        let arrive = |slots: &mut Slots<_, _>| {
            let arrival = slots.arrive(Signal::new);
            if let Arrival::Queued(..) = arrival {
                counted = self.in_use_and_waiting(slots);
            }
            arrival
        };
        match self.change(arrive) {
            Arrival::Taken(slot) => Some(slot),
            Arrival::Queued(ticket, signal) => {
                let mut place = Place { pool: self, ticket, is_taken: true };
                let begun = wait.begin(|| WaitReason::Connection);
                self.log_wait(counted, None);
                let waiter = || Arc::new(SlotWaiter { pool: Arc::clone(self), signal: signal.clone() });
                let slot = wait.sleep(
                    &self.slots,
                    &signal,
                    waiter,
                    |slots| slots.collect(ticket),
                    || self.log_wait(self.slots.with(|slots| self.in_use_and_waiting(slots)), Some(begun)),
                );
                slot.inspect(|_| place.is_taken = false).or_else(|| place.leave())
            }
        }
    }

    /// Says that this thread waits for a slot; or that it still does, and why that may be.
    fn log_wait(&self, (in_use, waiting): (usize, usize), since: Option<Instant>) {
        let host = HostPort(&self.endpoint.host, self.endpoint.port);
        match since {
            None => log::debug!(
                target: log_targets::POOL,
                "Waiting for a connection to {host} ({in_use} in use, {waiting} waiting)"
            ),
            Some(since) => log::warn!(
                target: log_targets::POOL,
                "Still waiting for a connection to {host} after {:.1?} ({in_use} in use, {waiting} waiting). Usual causes: \
                 streamed responses that are kept without being read or closed; a pool_maxsize below the number of threads",
                clock::now().saturating_duration_since(since)
            ),
        }
    }

    /// Sees to it that the holder of a slot without a connection may make one.
    fn admit(
        &self,
        mut lease: Lease<C>,
        slot: Slot<Box<Kept<C>>>,
        wait: &mut WaitLimit<'_>,
    ) -> Result<Taken<C>, NoSlot> {
        match self.obtain_permit(wait) {
            Some(Granted::Permit(permit)) => {
                lease.permit = permit;
                let what = if let Slot::Empty = slot { What::Untouched } else { What::Husk };
                Ok(Taken { lease, what })
            }
            Some(Granted::Connection(idle)) => {
                // It came with the slot of the lease that it was in; the one that was taken for it is not needed.
                if !planted!(SlotKept) {
                    self.put_back();
                }
                let expired = lease.hold(idle, self.shared.clock.now());
                Ok(Taken { lease, what: What::Connection { expired } })
            }
            None => {
                lease.forget();
                self.put_back();
                Err(wait.ended())
            }
        }
    }

    fn obtain_permit(&self, wait: &mut WaitLimit<'_>) -> Option<Granted<Box<Kept<C>>>> {
        let Some(permits) = &self.shared.permits else { return Some(Granted::Permit(None)) };
        let Joined { ticket, signal, waiting } = match permits.arrive(self.id) {
            Ok(permit) => return Some(Granted::Permit(Some(permit))),
            Err(joined) => joined,
        };
        let mut place = PermitPlace::new(self, permits, ticket);
        if !planted!(NoRelieveAtArrival) {
            self.relieve();
        }
        let begun = wait.begin(|| WaitReason::MaxConnections);
        self.log_wait_for_permit(permits.total(), waiting, None);
        let log_long_wait = || self.log_wait_for_permit(permits.total(), permits.waiting(), Some(begun));
        let granted = permits.wait(ticket, &signal, wait, log_long_wait);
        place.is_taken = false;
        granted
    }

    /// As [`log_wait`](Self::log_wait); what is in use is counted over all hosts.
    fn log_wait_for_permit(&self, of: usize, waiting: usize, since: Option<Instant>) {
        let host = HostPort(&self.endpoint.host, self.endpoint.port);
        match since {
            None => log::debug!(
                target: log_targets::POOL,
                "Waiting for a connection to {host} ({of} in use over all hosts, {waiting} waiting)"
            ),
            Some(since) => log::warn!(
                target: log_targets::POOL,
                "Still waiting for a connection to {host} after {:.1?} ({of} in use over all hosts, {waiting} waiting). Usual \
                 causes: streamed responses that are kept without being read or closed; a max_connections below the number \
                 of threads",
                clock::now().saturating_duration_since(since)
            ),
        }
    }

    /// While somebody waits for a permit, gives up what lies idle: here, if this is where they want a connection; else in
    /// other pools first, in this one last.
    fn relieve(&self) {
        let Some(permits) = &self.shared.permits else { return };
        while permits.anyone_waits() {
            if permits.first_wants(self.id) && self.yield_oldest() {
                continue;
            }
            let others = self.shared.pools.upgrade();
            if !others.is_some_and(|others| others.yield_oldest(self.id)) && !self.yield_oldest() {
                return;
            }
        }
    }

    /// Gives a connection that came back to the first who waits for a permit, or closes it for them; returns it if nobody does.
    fn pass_on(&self, idle: Box<Kept<C>>) -> Result<Box<Kept<C>>, Option<Ended<'_, C>>> {
        let Some(permits) = &self.shared.permits else { return Ok(idle) };
        if !permits.anyone_waits() {
            return Ok(idle);
        }
        // Of a closed pool nothing is used again.
        if self.closed.load(Ordering::Relaxed) {
            return Ok(idle);
        }
        match permits.pass(self.id, idle) {
            Ok(()) => Err(None),
            Err(Refused::NobodyWaits(idle)) => Ok(idle),
            // To serve this pool's own waiters first would be to let them push in.
            Err(Refused::OfAnother(idle)) => Err(Some(self.retire(*idle, DiscardReason::MadeRoom))),
        }
    }

    /// Puts back a slot that was taken and not used.
    fn put_back(&self) {
        let returned = self.change(Slots::put_back);
        drop(self.settle(returned));
    }

    /// Does what a return leaves to do. Waking comes first, because somebody waits for it.
    #[inline(never)]
    fn settle(&self, returned: Returned<Box<Kept<C>>, Signal>) -> Option<Ended<'_, C>> {
        let Returned { wake, close, again, full } = returned;
        if let Some(signal) = wake {
            signal.wake();
        }
        if again {
            // The connection, then its slot, then its permit.
            return close.map(|idle| self.retire(*idle, DiscardReason::PoolClosed));
        }
        let closed = close.map(|idle| {
            let Kept { conn, number, permit, .. } = *idle;
            let ended = self.count_end(number, End::Discarded(DiscardReason::Full));
            drop(conn);
            (ended, permit)
        });
        if let Some(kept) = full {
            let host = &self.endpoint.host;
            log::warn!(
                target: log_targets::CONNECTIONPOOL,
                "Connection pool is full, discarding connection: {host}. Connection pool size: {kept}"
            );
        }
        closed.map(|(ended, _permit)| ended)
    }

    fn count_connection(&self) -> u64 {
        let number = self.counts.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let (peer, scheme) = (&self.endpoint, if self.endpoint.scheme == "https" { "HTTPS" } else { "HTTP" });
        log::debug!(target: log_targets::CONNECTIONPOOL, "Starting new {scheme} connection ({number}): {peer}");
        number
    }

    fn change<R>(&self, act: impl FnOnce(&mut Slots<Box<Kept<C>>, Signal>) -> R) -> R {
        self.slots.with(|slots| {
            let done = act(slots);
            self.idle.store(slots.idle(), Ordering::SeqCst);
            done
        })
    }
}

/// What a check-out has got, and nobody has begun to use.
struct Taken<C: Pooled> {
    lease: Lease<C>,
    what: What,
}

enum What {
    /// An idle connection, which is to be probed.
    Connection { expired: bool },
    /// A place for one more.
    Untouched,
    /// The place of one that was closed.
    Husk,
}

/// A connection that was closed, which is told when this is dropped: once all that it held is back, its place, its slot and its
/// permit. So a listener may send a request in answer; it would wait for itself otherwise. A lease that connects again in the same
/// place keeps these.
#[must_use = "it is told of when it is dropped"]
pub(super) struct Ended<'a, C: Pooled> {
    pool: &'a ConnectionPool<C>,
    number: u64,
    end: End,
}

impl<C: Pooled> Drop for Ended<'_, C> {
    fn drop(&mut self) {
        self.pool.tell_end(self.number, self.end);
    }
}

/// A slot that comes back when this is dropped.
pub(super) struct Returning<'a, C: Pooled> {
    pool: &'a ConnectionPool<C>,
    slot: Option<Slot<Box<Kept<C>>>>,
}

impl<'a, C: Pooled> Returning<'a, C> {
    pub(super) fn new(pool: &'a ConnectionPool<C>, slot: Slot<Box<Kept<C>>>) -> Self {
        Self { pool, slot: Some(slot) }
    }
}

impl<C: Pooled> Drop for Returning<'_, C> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            drop(self.pool.check_in(slot));
        }
    }
}

/// A place in the queue for a slot. A thread that panics leaves it.
struct Place<'a, C: Pooled> {
    pool: &'a ConnectionPool<C>,
    ticket: Ticket,
    is_taken: bool,
}

impl<C: Pooled> Place<'_, C> {
    fn leave(&mut self) -> Option<Slot<Box<Kept<C>>>> {
        self.is_taken = false;
        self.pool.change(|slots| slots.leave(self.ticket))
    }
}

impl<C: Pooled> Drop for Place<'_, C> {
    fn drop(&mut self) {
        if self.is_taken {
            if let Some(slot) = self.leave() {
                drop(self.pool.check_in(slot));
            }
        }
    }
}

/// The same in the queue for a permit; it is counted.
struct PermitPlace<'a, C: Pooled> {
    pool: &'a ConnectionPool<C>,
    permits: &'a Arc<Permits<Box<Kept<C>>>>,
    ticket: Ticket,
    is_taken: bool,
}

impl<'a, C: Pooled> PermitPlace<'a, C> {
    fn new(pool: &'a ConnectionPool<C>, permits: &'a Arc<Permits<Box<Kept<C>>>>, ticket: Ticket) -> Self {
        pool.waiting_for_permit.fetch_add(1, Ordering::Relaxed);
        Self { pool, permits, ticket, is_taken: true }
    }
}

impl<C: Pooled> Drop for PermitPlace<'_, C> {
    fn drop(&mut self) {
        self.pool.waiting_for_permit.fetch_sub(1, Ordering::Relaxed);
        if !self.is_taken {
            return;
        }
        if let Some(Granted::Connection(idle)) = self.permits.leave(self.ticket) {
            drop(self.pool.check_in(Slot::Live(idle)));
            self.pool.relieve();
        }
    }
}

/// An idle connection that was taken out of its slot for a moment. It is brought back even if a probe panics.
struct Away<'a, C: Pooled> {
    pool: &'a ConnectionPool<C>,
    index: usize,
    idle: Option<Box<Kept<C>>>,
}

impl<'a, C: Pooled> Away<'a, C> {
    fn new(pool: &'a ConnectionPool<C>, index: usize, idle: Box<Kept<C>>) -> Self {
        Self { pool, index, idle: Some(idle) }
    }

    fn look(mut self, now: Instant) -> Option<Ended<'a, C>> {
        let idle = self.idle.as_mut()?;
        if idle.has_expired(now) {
            self.close(End::Discarded(DiscardReason::Expired))
        } else if idle.conn.is_stale() {
            self.close(End::Dropped)
        } else {
            None
        }
    }

    /// The connection first, then its slot, then its permit.
    fn close(mut self, end: End) -> Option<Ended<'a, C>> {
        let idle = self.idle.take()?;
        let (Kept { conn, number, permit, .. }, pool) = (*idle, self.pool);
        let ended = pool.count_end(number, end);
        // Dropped from the last to the first, also if something panics.
        let _permit = permit;
        let _place = self;
        drop(conn);
        Some(ended)
    }
}

impl<C: Pooled> Drop for Away<'_, C> {
    fn drop(&mut self) {
        // In a pool that was closed it is an empty slot, if the slots know of it yet.
        let expires = self.idle.as_ref().and_then(|idle| idle.expires);
        let slot = self.idle.take().map_or(Slot::Husk, Slot::Live);
        let BroughtBack { wake, close } = self.pool.change(|slots| slots.brought_back(self.index, slot));
        wake.iter().for_each(Signal::wake);
        if let Some(idle) = close {
            drop(Self::new(self.pool, self.index, idle).close(End::Discarded(DiscardReason::PoolClosed)));
        } else {
            self.pool.shared.lies_idle(expires);
        }
    }
}

/// A thread that waits for a slot, as a token can wake it.
struct SlotWaiter<C> {
    pool: Arc<ConnectionPool<C>>,
    signal: Signal,
}

impl<C: Pooled> Stop for SlotWaiter<C> {
    fn stop(&self) {
        self.pool.slots.interrupt(&self.signal);
    }
}

#[cfg(all(test, not(petition_model)))]
mod tests {
    use std::sync::{Barrier, Mutex, mpsc};
    use std::thread;

    use super::super::test_support::{Conn, Live, TestClock, all_logged, key, logged, settings, until};
    use super::super::{Manager, PoolSettings};
    use super::*;
    use crate::clock::Clock;

    fn manager(pool_maxsize: usize, pool_block: bool) -> Manager<String, Conn> {
        Manager::new(PoolSettings { pool_maxsize, pool_block, ..settings() })
    }

    fn connected(pool: &Arc<ConnectionPool<Conn>>, live: &Arc<Live>) -> Lease<Conn> {
        let mut lease = pool.check_out(None, None).expect("there is no limit");
        if lease.connection().is_none() {
            lease.attach(live.open(0));
        }
        lease
    }

    /// A connection that does something when it is looked at.
    struct Looked(Arc<Mutex<Option<Act>>>);

    type Act = Box<dyn FnOnce() + Send>;

    impl Pooled for Looked {
        fn is_stale(&mut self) -> bool {
            if let Some(act) = self.0.lock().unwrap().take() {
                act();
            }
            false
        }
    }

    // The sweep has the connection while the other one looks for an idle one
    #[test]
    fn who_waits_for_a_permit_during_a_sweep_is_served_after_it() {
        for _ in 0..20 {
            let clock = TestClock::new();
            let permits = PoolSettings { max_connections: Some(1), clock: clock.clone(), ..settings() };
            let manager = Manager::<String, Looked>::new(permits);
            let (swept, wanted) = (manager.pool(&key("swept")), manager.pool(&key("wanted")));
            let (hook, (tell, told)) = (Arc::new(Mutex::new(None)), mpsc::channel());
            let mut lease = swept.check_out(None, None).expect("there is no limit");
            lease.attach(Looked(Arc::clone(&hook)));
            lease.recycle(None);
            clock.advance(Duration::from_secs(1));
            let meanwhile = move || {
                let waiter = Arc::clone(&wanted);
                let waiting = thread::spawn(move || waiter.check_out(Some(Duration::from_secs(60)), None).is_ok());
                until(|| wanted.stats().waiting() == 1);
                tell.send(waiting).unwrap();
            };
            *hook.lock().unwrap() = Some(Box::new(meanwhile) as Box<dyn FnOnce() + Send>);

            swept.sweep(clock.now());

            assert!(told.recv().unwrap().join().unwrap());
        }
    }

    // POOL-16
    #[test]
    fn a_blocking_pool_waits_for_a_returned_connection() {
        let manager = manager(1, true);
        let pool = manager.pool(&key("host"));
        let live = Live::new();
        let holder = connected(&pool, &live);

        thread::scope(|scope| {
            let waiter = scope.spawn(|| pool.check_out(None, None).map(|lease| lease.found()));
            until(|| pool.stats().waiting() == 1);
            assert_eq!(pool.stats().in_use(), 1);
            holder.recycle(None);

            assert_eq!(waiter.join().unwrap(), Ok(Found::Reused));
        });
    }

    #[test]
    fn waiters_are_served_in_order_of_arrival() {
        let manager = manager(1, true);
        let pool = manager.pool(&key("host"));
        let live = Live::new();
        let holder = connected(&pool, &live);
        let served = Mutex::new(Vec::new());

        thread::scope(|scope| {
            for turn in 0..16 {
                let (pool, served) = (&pool, &served);
                scope.spawn(move || {
                    let lease = pool.check_out(None, None).expect("there is no limit");
                    served.lock().unwrap().push(turn);
                    lease.recycle(None);
                });
                until(|| pool.stats().waiting() == turn + 1);
            }
            holder.recycle(None);
        });

        assert_eq!(served.into_inner().unwrap(), (0..16).collect::<Vec<_>>());
        assert_eq!(live.most(), 1);
    }

    // POOL-17
    #[test]
    fn waiting_ends_with_the_limit() {
        let manager = manager(1, true);
        let pool = manager.pool(&key("host"));
        let live = Live::new();
        let holder = connected(&pool, &live);

        for limit in [Duration::ZERO, Duration::from_millis(20)] {
            let start = clock::now();
            assert_eq!(pool.check_out(Some(limit), None).map(|lease| lease.found()), Err(NoSlot::TimedOut));
            assert!(clock::now() - start >= limit);
        }

        assert_eq!((pool.stats().waiting(), pool.stats().in_use()), (0, 1));
        holder.recycle(None);
        assert_eq!(pool.check_out(Some(Duration::ZERO), None).map(|lease| lease.found()), Ok(Found::Reused));
    }

    #[test]
    fn one_who_gave_up_does_not_swallow_the_turn_of_the_next() {
        let manager = manager(1, true);
        let pool = manager.pool(&key("host"));
        let live = Live::new();
        let holder = connected(&pool, &live);

        thread::scope(|scope| {
            let impatient = scope.spawn(|| pool.check_out(Some(Duration::from_secs(1)), None).is_err());
            until(|| pool.stats().waiting() == 1);
            let patient = scope.spawn(|| pool.check_out(None, None).map(|lease| lease.found()));
            assert!(impatient.join().unwrap());
            until(|| pool.stats().waiting() == 1);
            holder.recycle(None);

            assert_eq!(patient.join().unwrap(), Ok(Found::Reused));
        });
    }

    #[test]
    fn who_waits_says_so_and_after_long_once_more_with_the_usual_causes() {
        for (max_connections, counted, setting) in [
            (None, "1 in use, 1 waiting", "pool_maxsize"),
            (Some(1), "1 in use over all hosts, 1 waiting", "max_connections"),
        ] {
            let (block, long) = (max_connections.is_none(), Duration::from_millis(20));
            let manager = Manager::<String, Conn>::new(PoolSettings {
                pool_maxsize: 1,
                pool_block: block,
                max_connections,
                long_wait: Some(long),
                ..settings()
            });
            let pool = manager.pool(&key("::1"));
            let live = Live::new();
            let holder = connected(&pool, &live);

            let (none, lines) = all_logged(|| pool.check_out(Some(long * 3), None).err());

            assert_eq!(none, Some(NoSlot::TimedOut));
            assert_eq!(lines.len(), 2, "{lines:?}");
            assert_eq!(lines[0], format!("DEBUG Waiting for a connection to [::1]:80 ({counted})"));
            assert!(lines[1].starts_with("WARN Still waiting for a connection to [::1]:80 after "), "{lines:?}");
            assert!(lines[1].contains(counted) && lines[1].contains("streamed") && lines[1].contains(setting));
            assert!(pool.stats().longest_wait() >= long * 3);

            let (_, lines) = all_logged(|| pool.check_out(Some(Duration::ZERO), None).err());
            assert_eq!(lines.len(), 1, "it did not take long");
            holder.recycle(None);
            let (_, lines) = all_logged(|| pool.check_out(None, None).map(|lease| lease.recycle(None)));
            assert_eq!(lines, [""; 0], "there is no wait");
        }
    }

    // POOL-16, POOL-40
    #[test]
    fn sixty_four_threads_never_have_more_than_maxsize_connections() {
        let manager = manager(8, true);
        let live = Live::new();

        thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        let mut lease = connected(&manager.pool(&key("host")), &live);
                        lease.count_request();
                        lease.recycle(None);
                    }
                });
            }
        });

        let stats = manager.pool(&key("host")).stats();
        assert!(live.most() <= 8, "{} at once", live.most());
        assert_eq!(stats.num_connections() as usize, stats.idle(), "none was made for nothing");
        assert_eq!((stats.num_requests(), stats.in_use(), stats.waiting()), (64_000, 0, 0));
    }

    // POOL-33 and POOL-16 together
    #[test]
    fn failures_and_give_ups_under_load_lose_no_slot() {
        let manager = manager(4, true);
        let pool = manager.pool(&key("host"));
        let live = Live::new();

        thread::scope(|scope| {
            for seed in 0..16 {
                let (pool, live) = (&pool, &live);
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(seed);
                    for _ in 0..500 {
                        let limit = random.bool().then_some(Duration::from_micros(random.u64(0..50)));
                        let Ok(mut lease) = pool.check_out(limit, None) else { continue };
                        if lease.connection().is_none() {
                            let hang_up = lease.attach(live.open(0)).hang_up();
                            hang_up.store(random.u8(0..4) == 0, Ordering::SeqCst);
                        }
                        match random.u8(0..4) {
                            0 => drop(lease),
                            1 => lease.discard(),
                            _ => lease.recycle(None),
                        }
                    }
                });
            }
        });

        assert!(live.most() <= 4);
        let leases: Vec<_> = (0..4).filter_map(|_| pool.check_out(Some(Duration::ZERO), None).ok()).collect();
        assert_eq!(leases.len(), 4, "every slot is there");
        assert!(pool.check_out(Some(Duration::ZERO), None).is_err(), "and none too many");
    }

    // POOL-14, POOL-15, LOG-07
    #[test]
    fn twelve_threads_on_the_default_pool_make_two_warnings() {
        let manager = manager(10, false);
        let pool = manager.pool(&key("host"));
        let live = Live::new();
        let all_have_one = Barrier::new(12);

        let lines: Vec<String> = thread::scope(|scope| {
            let exchange = || {
                let lease = connected(&pool, &live);
                all_have_one.wait();
                logged(|| lease.recycle(None)).1
            };
            let threads: Vec<_> = (0..12).map(|_| scope.spawn(exchange)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });

        let full = "WARN Connection pool is full, discarding connection: host. Connection pool size: 10";
        assert_eq!(lines, [full, full]);
        assert_eq!((live.most(), live.now(), pool.stats().idle()), (12, 10, 10));
        assert_eq!(pool.stats().num_connections(), 12);
    }

    #[test]
    fn what_holds_no_connection_warns_as_well_when_the_pool_is_full() {
        for end in [drop as fn(Lease<Conn>), Lease::discard] {
            let manager = manager(1, false);
            let pool = manager.pool(&key("host"));
            let live = Live::new();
            let (first, second) = (connected(&pool, &live), connected(&pool, &live));
            first.recycle(None);

            let ((), lines) = logged(|| end(second));

            assert_eq!(lines, ["WARN Connection pool is full, discarding connection: host. Connection pool size: 1"]);
        }
    }

    // POOL-40
    #[test]
    fn connections_are_numbered_in_the_log() {
        let manager = manager(10, false);
        let pool = manager.pool(&key("host"));

        let (leases, lines) = logged(|| [(); 3].map(|()| pool.check_out(None, None).unwrap()));

        assert_eq!(leases.each_ref().map(Lease::found), [1, 2, 3].map(Found::New));
        assert_eq!(lines, [1, 2, 3].map(|n| format!("DEBUG Starting new HTTP connection ({n}): host:80")));
    }

    #[test]
    fn a_connection_is_probed_and_closed_with_no_lock_held() {
        /// Asks its pool something on each occasion, which would hang if the lock were held.
        struct Curious(Arc<ConnectionPool<Curious>>, mpsc::Sender<&'static str>);

        impl Pooled for Curious {
            fn is_stale(&mut self) -> bool {
                self.0.stats();
                self.1.send("probed").unwrap();
                true
            }
        }

        impl Drop for Curious {
            fn drop(&mut self) {
                self.0.stats();
                self.1.send("closed").unwrap();
            }
        }

        let manager = Manager::<String, Curious>::new(PoolSettings { pool_maxsize: 1, ..settings() });
        let pool = manager.pool(&key("host"));
        let (tell, told) = mpsc::channel();
        let curious = || Curious(Arc::clone(&pool), tell.clone());
        let [mut first, mut second] = [(); 2].map(|()| pool.check_out(None, None).unwrap());
        first.attach(curious());
        second.attach(curious());

        first.recycle(None);
        second.recycle(None); // no room
        drop(pool.check_out(None, None).unwrap()); // stale
        let mut third = pool.check_out(None, None).unwrap();
        third.attach(curious());
        third.recycle(None);
        manager.close();

        assert_eq!(told.try_iter().collect::<Vec<_>>(), ["closed", "probed", "closed", "closed"]);
    }
}
