//! A connection checked out: who holds a lease holds a slot of a pool, and the connection in it.
//!
//! The lease owns the connection, so that the order is always the same: first the connection is closed, then its slot is
//! free, then its permit. Dropping it is what happens after an error or a panic: the connection is closed and the slot comes
//! back empty. Only [`recycle`](Lease::recycle) makes a connection idle, and only who saw the last byte of a reusable
//! exchange calls it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection_pool::ConnectionPool;
use super::permits::Permit;
use super::shared::Idle;
use super::slots::Slot;
use super::{Endpoint, Pooled};

/// A slot of a pool, and the connection in it.
#[must_use = "a lease that is dropped closes its connection"]
pub(crate) struct Lease<C: Pooled> {
    pool: Arc<ConnectionPool<C>>,
    conn: Option<C>,
    pub(super) permit: Option<Permit<Idle<C>>>,
    pub(super) found: Found,
    born: Instant,
    /// False when the slot was given back, or passed to another.
    holds_slot: bool,
}

/// What a check-out found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// An idle connection that is still good.
    Reused,
    /// A connection that was closed, or that the peer has dropped: to be connected again, and not to be counted.
    Reconnect,
    /// Nothing: the connection to be made is the pool's n-th.
    New(u64),
}

impl<C: Pooled> Lease<C> {
    pub(super) fn new(pool: Arc<ConnectionPool<C>>, now: Instant) -> Self {
        Self { pool, conn: None, permit: None, found: Found::Reconnect, born: now, holds_slot: true }
    }

    /// What the check-out found; after [`reset`](Self::reset), that the connection has to be made again.
    pub(crate) fn found(&self) -> Found {
        self.found
    }

    /// The connection: there is one if it was reused, or once it was attached.
    pub(crate) fn connection(&mut self) -> Option<&mut C> {
        self.conn.as_mut()
    }

    /// Puts the connection that was made into the slot.
    pub(crate) fn attach(&mut self, conn: C) -> &mut C {
        self.born = self.pool.shared().clock.now();
        self.conn.insert(conn)
    }

    /// What the pool connects to.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.pool.endpoint()
    }

    /// Counts a request that is about to be sent.
    pub(crate) fn count_request(&self) {
        self.pool.count_request();
    }

    /// A reused connection proved to be dead. Closes it and says so in the log; the slot stays, to be connected again.
    pub(crate) fn reset(&mut self) {
        drop(self.conn.take());
        self.found = Found::Reconnect;
        self.pool.log_reset();
    }

    /// Gives the connection back, to be used again; for at most `keep_alive`, if the server said so.
    pub(crate) fn recycle(mut self, keep_alive: Option<Duration>) {
        let Some(conn) = self.conn.take() else { return };
        self.holds_slot = false;
        let shared = self.pool.shared();
        let since = shared.clock.now();
        let expires = shared.expires(self.born, since, keep_alive);
        self.pool.take_back(Idle { conn, permit: self.permit.take(), born: self.born, since, expires });
    }

    /// Closes the connection of an exchange that ended as it should, but for good: `Connection: close`, or a body that is
    /// not read to its end. The slot remembers that there was one.
    pub(crate) fn discard(mut self) {
        let Some(conn) = self.conn.take() else { return };
        self.holds_slot = false;
        self.pool.retire(conn, self.permit.take());
    }

    /// Takes over an idle connection, unless it has come to its end.
    pub(super) fn hold(&mut self, idle: Idle<C>, now: Instant) {
        let expired = idle.has_expired(now);
        self.permit = idle.permit;
        self.born = idle.born;
        self.found = Found::Reused;
        let conn = self.conn.insert(idle.conn);
        if expired || conn.is_stale() {
            self.reset();
        }
    }

    /// The slot has been seen to.
    pub(super) fn forget(&mut self) {
        self.holds_slot = false;
    }
}

impl<C: Pooled> Drop for Lease<C> {
    fn drop(&mut self) {
        drop(self.conn.take());
        if self.holds_slot {
            self.pool.check_in(Slot::Empty);
        }
        // The permit goes last, with the fields.
    }
}

impl<C: Pooled> fmt::Debug for Lease<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("endpoint", self.endpoint()).field("found", &self.found).finish_non_exhaustive()
    }
}
