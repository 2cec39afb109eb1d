//! What a pool tells as it happens: one callback with borrowed events.
//!
//! Rules that keep it sound:
//! - It is never called under a lock.
//! - The end of a connection is told when its slot and its permit are back, and so is what its exchange held at a gate: a
//!   listener that sends a request in answer must not wait for the thread that it is called on. Where that thread goes on with
//!   the slot (to connect in the place of a connection that it found expired or closed, too), or stands in line for one, it cannot
//!   be helped: `HttpAdapterBuilder::on_event` says which events these are.
//! - What changes the state of a pool is done or guarded before the callback runs, so that a panic in it loses neither a slot
//!   nor a permit, and reaches the caller.
//! - An event of a connection is told while nobody else can have the connection, so that the events of each connection come
//!   in order.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::stats::{DiscardReason, HostPort};

/// Something that happened to a connection, a pool or a request, as
/// [`HttpAdapterBuilder::on_event`](crate::HttpAdapterBuilder::on_event) tells it.
///
/// `host` and `port` are what the pool connects to: for requests that a proxy forwards, the proxy. For a Unix socket, `host` is
/// its path, with control characters escaped, and `port` is 0. `connection` numbers the connections of an adapter, over all
/// its hosts, from 1; no number is used twice.
///
/// The events of one connection come in this order: `Connected`, then `Recycled` and `Reused` in turn, then `Discarded` or
/// `Dropped`, once. A connection serves a request from `Connected` or `Reused` until the next event that names it. The thread
/// that an event is about is the one that it is told on, except that an idle connection may be closed by any thread.
///
/// `Display` shows an event in one line.
///
/// # Examples
/// ```
/// use petition::{HttpAdapter, PoolEvent};
///
/// let adapter = HttpAdapter::builder().on_event(|event| {
///     if let PoolEvent::Discarded { connection, reason, .. } = event {
///         println!("connection {connection} was closed: {reason:?}");
///     }
/// });
/// # drop(adapter.build());
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PoolEvent<'a> {
    /// The thread has to wait before it can send: for a connection, because of `pool_block` or `max_connections`, or for the
    /// pace of the origin. It is told once, although there may be several reasons, one after another. The thread stands in line
    /// while it is told, so a request to the same host that is sent from the callback waits for this one, which waits for the
    /// callback: see [`on_event`](crate::HttpAdapterBuilder::on_event).
    #[non_exhaustive]
    Waiting {
        /// What it wants to connect to.
        host: &'a str,
        /// Its port.
        port: u16,
        /// What it waits for at first.
        reason: WaitReason,
    },
    /// The wait of the thread is over. Either `Reused` or an attempt to connect follows, or an error: the time was up, or the
    /// request was cancelled.
    #[non_exhaustive]
    Waited {
        /// What it wants to connect to.
        host: &'a str,
        /// Its port.
        port: u16,
        /// How long the wait was, by the system's clock.
        elapsed: Duration,
    },
    /// A connection was made, and serves a request now.
    #[non_exhaustive]
    Connected {
        /// What it is connected to.
        host: &'a str,
        /// Its port.
        port: u16,
        /// The number of the connection.
        connection: u64,
        /// How long that took: look-up, connect, proxy and TLS, by the clock of the adapter.
        elapsed: Duration,
        /// Whether it takes the place of one that was closed. The log says `Resetting dropped connection` then, and
        /// [`PoolStats::num_connections`](crate::PoolStats::num_connections) does not count it.
        again: bool,
    },
    /// An idle connection serves another request.
    #[non_exhaustive]
    Reused {
        /// What it is connected to.
        host: &'a str,
        /// Its port.
        port: u16,
        /// The number of the connection.
        connection: u64,
    },
    /// An exchange is over, and its connection came back to its pool. If the pool has no room for it, or closes it in favour of
    /// another host, `Discarded` follows at once.
    #[non_exhaustive]
    Recycled {
        /// What it is connected to.
        host: &'a str,
        /// Its port.
        port: u16,
        /// The number of the connection.
        connection: u64,
    },
    /// A connection was closed on this side. Its place is free already, so another thread's `Connected` may be told before. An
    /// exception is a connection that this thread was to send over, and that has expired, or whose pool was closed: the thread
    /// makes another in its place, which it keeps, so that a request that is sent from the callback may have to wait for it. See
    /// [`on_event`](crate::HttpAdapterBuilder::on_event).
    #[non_exhaustive]
    Discarded {
        /// What it was connected to.
        host: &'a str,
        /// Its port.
        port: u16,
        /// The number of the connection.
        connection: u64,
        /// Why it was closed.
        reason: DiscardReason,
    },
    /// A connection turned out to be closed by the server while it was idle, or just as a request went out. A thread that was to
    /// send over it makes another in its place, which it keeps, as for `Discarded`. Of one that nobody was to use, the place is
    /// free.
    #[non_exhaustive]
    Dropped {
        /// What it was connected to.
        host: &'a str,
        /// Its port.
        port: u16,
        /// The number of the connection.
        connection: u64,
    },
    /// A pool had to go for another one, because of `pool_connections`. `Discarded` follows for each of its idle connections.
    #[non_exhaustive]
    Evicted {
        /// What the pool connects to.
        host: &'a str,
        /// Its port.
        port: u16,
    },
    /// A request is sent again after `delay`. `host` and `port` are those of its URL.
    #[non_exhaustive]
    RetryScheduled {
        /// The host of the request.
        host: &'a str,
        /// Its port.
        port: u16,
        /// How many attempts there were so far, from 1.
        attempts: u32,
        /// How long the thread sleeps before the next.
        delay: Duration,
    },
    /// An answer asked to wait, and from now on all requests to its origin do, for `duration`
    /// ([`pause_on_retry_after`](crate::HttpAdapterBuilder::pause_on_retry_after)). `host` and `port` are those of the origin.
    #[non_exhaustive]
    Paused {
        /// The host of the requests.
        host: &'a str,
        /// Its port.
        port: u16,
        /// How long they wait from now on.
        duration: Duration,
    },
}

impl<'a> PoolEvent<'a> {
    /// What it is about, as host and port.
    #[must_use]
    pub fn endpoint(&self) -> (&'a str, u16) {
        match *self {
            Self::Waiting { host, port, .. }
            | Self::Waited { host, port, .. }
            | Self::Connected { host, port, .. }
            | Self::Reused { host, port, .. }
            | Self::Recycled { host, port, .. }
            | Self::Discarded { host, port, .. }
            | Self::Dropped { host, port, .. }
            | Self::Evicted { host, port }
            | Self::RetryScheduled { host, port, .. }
            | Self::Paused { host, port, .. } => (host, port),
        }
    }

    /// The number of the connection that it is about, if it is about one.
    #[must_use]
    pub fn connection(&self) -> Option<u64> {
        match *self {
            Self::Connected { connection, .. }
            | Self::Reused { connection, .. }
            | Self::Recycled { connection, .. }
            | Self::Discarded { connection, .. }
            | Self::Dropped { connection, .. } => Some(connection),
            Self::Waiting { .. }
            | Self::Waited { .. }
            | Self::Evicted { .. }
            | Self::RetryScheduled { .. }
            | Self::Paused { .. } => None,
        }
    }
}

/// As in `h:443: connection 3 discarded (pool full)`.
impl fmt::Display for PoolEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = self.endpoint();
        write!(f, "{}: ", HostPort(host, port))?;
        match self {
            Self::Waiting { reason, .. } => write!(f, "waiting for {reason}"),
            Self::Waited { elapsed, .. } => write!(f, "waited {elapsed:.1?} for a connection"),
            Self::Connected { connection, elapsed, again: false, .. } => {
                write!(f, "connection {connection} made in {elapsed:.1?}")
            }
            Self::Connected { connection, elapsed, .. } => {
                write!(f, "connection {connection} made in {elapsed:.1?}, in place of a closed one")
            }
            Self::Reused { connection, .. } => write!(f, "connection {connection} reused"),
            Self::Recycled { connection, .. } => write!(f, "connection {connection} recycled"),
            Self::Discarded { connection, reason, .. } => write!(f, "connection {connection} discarded ({reason})"),
            Self::Dropped { connection, .. } => write!(f, "connection {connection} dropped by the server"),
            Self::Evicted { .. } => write!(f, "pool evicted"),
            Self::RetryScheduled { attempts, delay, .. } => {
                write!(f, "retry in {delay:.1?} after {attempts} attempt{}", if *attempts == 1 { "" } else { "s" })
            }
            Self::Paused { duration, .. } => write!(f, "paused for {duration:.1?}"),
        }
    }
}

/// What a thread waits for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum WaitReason {
    /// A connection of its pool that another thread has, because of
    /// [`pool_block`](crate::HttpAdapterBuilder::pool_block). Also who stands in line behind a thread that waits for one.
    Connection,
    /// A connection of any pool, because of [`max_connections`](crate::HttpAdapterBuilder::max_connections).
    MaxConnections,
    /// Its turn under the [`rate_limit`](crate::HttpAdapterBuilder::rate_limit).
    RateLimit,
    /// The end of a pause that the server asked for
    /// ([`pause_on_retry_after`](crate::HttpAdapterBuilder::pause_on_retry_after)), or its turn after it.
    Pause,
    /// An exchange that ends, because as many are under way as
    /// [`adaptive_limit`](crate::HttpAdapterBuilder::adaptive_limit) has learnt.
    AdaptiveLimit,
}

/// A few words, as in `the rate limit`.
impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connection | Self::MaxConnections => "a connection",
            Self::RateLimit => "the rate limit",
            Self::Pause => "the end of a pause",
            Self::AdaptiveLimit => "an exchange to end",
        })
    }
}

/// Who is told, if anybody.
#[derive(Clone, Default)]
pub(crate) struct Listener(Option<Arc<Callback>>);

type Callback = dyn Fn(&PoolEvent<'_>) + Send + Sync;

impl Listener {
    pub(crate) fn new(tell: impl Fn(&PoolEvent<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    /// Tells of an event, which is made only if anybody listens. Call it without a lock, and see the rules above.
    #[inline]
    pub(crate) fn tell<'a>(&self, event: impl FnOnce() -> PoolEvent<'a>) {
        if let Some(callback) = &self.0 {
            call(&**callback, &event());
        }
    }
}

fn call(callback: &Callback, event: &PoolEvent<'_>) {
    if thread::panicking() {
        // A lease that is dropped by a panic. A second one would end the process; the first is what the caller gets.
        let _ = catch_unwind(AssertUnwindSafe(|| callback(event)));
    } else {
        callback(event);
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Listener" } else { "nobody" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_that_a_person_would_print() {
        let (host, port, connection) = ("h", 443, 3);
        let (elapsed, duration, delay) = (Duration::from_millis(12), Duration::from_secs(2), Duration::from_secs(1));
        let waiting = |reason| PoolEvent::Waiting { host, port, reason };
        for (event, line, about) in [
            (waiting(WaitReason::Connection), "h:443: waiting for a connection", None),
            (waiting(WaitReason::MaxConnections), "h:443: waiting for a connection", None),
            (waiting(WaitReason::RateLimit), "h:443: waiting for the rate limit", None),
            (waiting(WaitReason::Pause), "h:443: waiting for the end of a pause", None),
            (waiting(WaitReason::AdaptiveLimit), "h:443: waiting for an exchange to end", None),
            (PoolEvent::Waited { host, port, elapsed }, "h:443: waited 12.0ms for a connection", None),
            (
                PoolEvent::Connected { host, port, connection, elapsed, again: false },
                "h:443: connection 3 made in 12.0ms",
                Some(3),
            ),
            (
                PoolEvent::Connected { host, port, connection, elapsed, again: true },
                "h:443: connection 3 made in 12.0ms, in place of a closed one",
                Some(3),
            ),
            (PoolEvent::Reused { host, port, connection }, "h:443: connection 3 reused", Some(3)),
            (PoolEvent::Recycled { host: "::1", port, connection }, "[::1]:443: connection 3 recycled", Some(3)),
            (
                PoolEvent::Discarded { host, port, connection, reason: DiscardReason::Full },
                "h:443: connection 3 discarded (pool full)",
                Some(3),
            ),
            (PoolEvent::Dropped { host, port, connection }, "h:443: connection 3 dropped by the server", Some(3)),
            (PoolEvent::Evicted { host, port }, "h:443: pool evicted", None),
            (
                PoolEvent::RetryScheduled { host, port, attempts: 1, delay },
                "h:443: retry in 1.0s after 1 attempt",
                None,
            ),
            (
                PoolEvent::RetryScheduled { host, port, attempts: 2, delay },
                "h:443: retry in 1.0s after 2 attempts",
                None,
            ),
            (PoolEvent::Paused { host, port, duration }, "h:443: paused for 2.0s", None),
        ] {
            assert_eq!((event.to_string().as_str(), event.connection()), (line, about));
            assert_eq!(event.endpoint().1, port);
        }
    }

    #[test]
    fn a_listener_that_panics_while_the_thread_does_is_not_the_end_of_the_process() {
        struct Tells(Listener);
        impl Drop for Tells {
            fn drop(&mut self) {
                self.0.tell(|| PoolEvent::Evicted { host: "h", port: 80 });
            }
        }

        let ended = catch_unwind(|| {
            let _tells = Tells(Listener::new(|_| panic!("the second")));
            panic!("the first");
        });

        assert_eq!(ended.unwrap_err().downcast_ref(), Some(&"the first"));
    }
}
