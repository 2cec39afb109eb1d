//! Connections that are kept for the next request, and how many there may be.
//!
//! [`Manager`] keeps one [`ConnectionPool`] per key; a pool hands out a [`Lease`]; the lease gives back what it was given.
//! Nothing here knows a socket or HTTP: a connection is anything [`Pooled`], a key anything that can be looked up.
//!
//! Rules that keep it sound:
//! - no lock is held while a connection is probed, made or closed, while a line is logged, or while another lock is taken:
//!   state is reached through a closure ([`monitor`]), and transitions return what is to be closed;
//! - whoever waits is served in order of arrival, by direct hand-over ([`queue`]);
//! - a lease that is dropped closes its connection; only [`Lease::recycle`] puts one back.

mod connection_pool;
mod lease;
mod lru;
mod manager;
#[cfg(all(test, petition_model))]
mod model;
mod monitor;
mod permits;
mod queue;
mod shared;
mod slots;
mod stats;
mod sync;
#[cfg(test)]
mod test_support;

pub(crate) use connection_pool::{ConnectionPool, Endpoint, NoSlot};
pub(crate) use lease::{Found, Lease};
pub(crate) use manager::{Lookup, Manager, PoolSettings};
pub use stats::PoolStats;

/// What a pool has to know of a connection. Dropping it closes it.
pub(crate) trait Pooled: Send + 'static {
    /// Whether an idle connection is of no more use: the peer closed it, or sent something that nobody asked for.
    fn is_stale(&mut self) -> bool;
}
