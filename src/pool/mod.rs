//! Connection pools: connections that are kept for the next request, and how many there may be.
//!
//! [`Manager`] keeps one [`ConnectionPool`] for each key. A pool hands out a [`Lease`], which returns what it was given.
//! Nothing here knows sockets or HTTP: a connection is anything [`Pooled`], a key anything that can be looked up. Where an
//! origin has a pace, requests check out through its [`Gate`].
//!
//! Rules that keep it sound:
//! - No lock is held while a connection is probed, made or closed, while a line is logged, or while another lock is taken:
//!   state is reached through a closure ([`monitor`]), and transitions return what must be closed.
//! - Waiters are served in order of arrival, by direct handover ([`queue`]).
//! - A lease that is dropped closes its connection. Only [`Lease::recycle`] returns one to the pool.
//! - Who listens to what happens ([`events`]) is told with no lock held, and may panic.

mod connection_pool;
mod events;
mod gate;
mod hold_text;
mod lease;
mod lru;
mod manager;
#[cfg(all(test, petition_model))]
mod model;
#[cfg(all(test, petition_model))]
mod model_pace;
mod monitor;
mod permits;
mod planted;
mod queue;
mod reaper;
mod retired;
mod shared;
mod slots;
mod stats;
mod sync;
#[cfg(test)]
mod test_support;
mod wait_limit;
#[cfg(all(test, not(petition_model)))]
mod wakes;

pub(crate) use connection_pool::{ConnectionPool, Endpoint, NoSlot};
pub(crate) use events::Listener;
pub use events::{PoolEvent, WaitReason};
pub(crate) use gate::{Gate, Held, Pass};
pub(crate) use lease::{Found, Lease};
pub(crate) use manager::{Lookup, Manager, PoolSettings};
pub(crate) use shared::LONG_WAIT;
pub(crate) use stats::HostPort;
pub use stats::{DiscardReason, PoolStats};

/// What a pool has to know about a connection. Dropping it closes it.
pub(crate) trait Pooled: Send + 'static {
    /// Whether an idle connection cannot be used any more: the peer closed it, or sent something unasked. This is the probe.
    fn is_stale(&mut self) -> bool;

    /// It is about to be dropped so that its local port can be used again. Nothing is in flight on it.
    fn free_port_at_close(&mut self) {}
}
