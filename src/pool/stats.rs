//! What a pool tells about itself: the counts that it keeps, and the snapshot that a program gets.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::Endpoint;
use super::permits::PoolId;

/// What a pool counts. Figures of one snapshot may be some requests apart.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) connections: AtomicU64,
    /// Requests over a new connection. Those over a reused one are counted apart, so that each request counts once.
    pub(super) fresh: AtomicU64,
    pub(super) reused: AtomicU64,
    pub(super) replayed: AtomicU64,
    dropped: AtomicU64,
    discarded: [AtomicU64; DiscardReason::ALL.len()],
    /// In nanoseconds.
    longest_wait: AtomicU64,
}

/// Why a connection was closed that was in a pool's hands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    Discarded(DiscardReason),
    /// The server had closed it.
    Dropped,
}

/// Why a pool, or who had a connection of it, closed the connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum DiscardReason {
    /// The pool kept `pool_maxsize` others already.
    Full,
    /// It was past `idle_timeout`, `max_lifetime`, or what the server's `Keep-Alive` header allows.
    Expired,
    /// The pool was closed, or evicted because of `pool_connections`.
    PoolClosed,
    /// [`HttpAdapter::close_idle`](crate::HttpAdapter::close_idle) closed it.
    CloseIdle,
    /// It lay idle and made room for another one, because of `max_connections`, or because descriptors or local ports had run
    /// out.
    MadeRoom,
    /// The exchange ended without an error, but the connection could not serve another: one side said `Connection: close`,
    /// or the response was not read to its end.
    NotReusable,
    /// The exchange failed.
    Failed,
}

impl DiscardReason {
    const ALL: [Self; 7] =
        [Self::Full, Self::Expired, Self::PoolClosed, Self::CloseIdle, Self::MadeRoom, Self::NotReusable, Self::Failed];
}

/// A few words, as in `pool full`.
impl fmt::Display for DiscardReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "pool full",
            Self::Expired => "expired",
            Self::PoolClosed => "pool closed",
            Self::CloseIdle => "closed on demand",
            Self::MadeRoom => "made room",
            Self::NotReusable => "not reusable",
            Self::Failed => "failed",
        })
    }
}

impl Counts {
    pub(super) fn ended(&self, end: End) {
        let count = match end {
            End::Discarded(reason) => &self.discarded[reason as usize],
            End::Dropped => &self.dropped,
        };
        count.fetch_add(1, Relaxed);
    }

    pub(super) fn waited(&self, wait: Duration) {
        self.longest_wait.fetch_max(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// A snapshot, with who holds what.
    pub(super) fn snapshot(&self, id: PoolId, to: &Endpoint, idle: usize, in_use: usize, waiting: usize) -> PoolStats {
        let reused = self.reused.load(Relaxed);
        PoolStats {
            id,
            scheme: to.scheme.to_string(),
            host: to.host.clone(),
            port: to.port,
            num_connections: self.connections.load(Relaxed),
            num_requests: self.fresh.load(Relaxed) + reused,
            reused,
            replayed: self.replayed.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            discarded: self.discarded.each_ref().map(|count| count.load(Relaxed)),
            longest_wait: Duration::from_nanos(self.longest_wait.load(Relaxed)),
            idle,
            in_use,
            waiting,
            limit: None,
        }
    }
}

/// A snapshot of one connection pool: what it connects to, what it has done, and how many connections are in use.
///
/// # Coming from requests
/// `num_connections` and `num_requests` are the attributes of urllib3's `HTTPConnectionPool`; the rest is what a person asks
/// next.
///
/// `Display` shows all of it in one line.
///
/// # Examples
/// ```
/// use petition::{HttpAdapter, Session};
///
/// let adapter = HttpAdapter::new();
/// let mut session = Session::new();
/// session.mount_all(adapter.clone());
/// // requests…
/// for pool in adapter.stats() {
///     println!("{}: {} in use", pool.host(), pool.in_use());
/// }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[doc(alias = "HTTPConnectionPool")]
pub struct PoolStats {
    id: PoolId,
    scheme: String,
    host: String,
    port: u16,
    num_connections: u64,
    num_requests: u64,
    reused: u64,
    replayed: u64,
    dropped: u64,
    discarded: [u64; DiscardReason::ALL.len()],
    longest_wait: Duration,
    idle: usize,
    in_use: usize,
    waiting: usize,
    limit: Option<usize>,
}

impl PoolStats {
    /// The scheme of the connections, `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The host that the pool connects to. For requests that a proxy forwards, this is the proxy; for a Unix socket, its path,
    /// in which control characters are escaped.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port that the pool connects to; 0 for a Unix socket.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The number of connections made so far. One that was closed while its slot was kept, and was connected again, counts
    /// once.
    #[must_use]
    pub fn num_connections(&self) -> u64 {
        self.num_connections
    }

    /// The number of requests sent so far, including each attempt of a retry.
    #[must_use]
    pub fn num_requests(&self) -> u64 {
        self.num_requests
    }

    /// The number of open connections that are not in use.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.idle
    }

    /// The number of connections that a request or an unread response holds.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.in_use
    }

    /// The number of threads that wait for a connection because of `pool_block` or `max_connections`, or because of the pace
    /// of the origin: `rate_limit`, `pause_on_retry_after` or `adaptive_limit`.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How often a request was sent over a connection that had served another before.
    #[must_use]
    pub fn reused(&self) -> u64 {
        self.reused
    }

    /// Connections that were closed on this side, for whatever reason; [`dropped`](Self::dropped) has the others.
    #[must_use]
    pub fn discarded(&self) -> u64 {
        self.discarded.iter().sum()
    }

    /// Connections that were closed on this side for that reason.
    #[must_use]
    pub fn discarded_for(&self, reason: DiscardReason) -> u64 {
        self.discarded[reason as usize]
    }

    /// Connections that the server closed while they were idle, or just as a request went out. The log says `Resetting
    /// dropped connection` where one of them was wanted.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Requests that were sent once more, on a new connection, because the reused one turned out to be dead.
    #[must_use]
    pub fn replayed(&self) -> u64 {
        self.replayed
    }

    /// The longest that a request has waited for a connection so far, for the same reasons as
    /// [`waiting`](Self::waiting) ones do, whether or not it got one in the end. Waits that are not over do not count yet.
    #[must_use]
    pub fn longest_wait(&self) -> Duration {
        self.longest_wait
    }

    /// How many connections may be in use at a time, where that is learnt from the server's answers
    /// ([`adaptive_limit`](crate::HttpAdapterBuilder::adaptive_limit)). `None` where it is not: then the bound is
    /// `pool_maxsize` with `pool_block`, and none without. `None` also for a pool of a forward proxy, which has many origins.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// Adds the limit that was learnt for its origin.
    pub(crate) fn with_limit(mut self, limit: Option<usize>) -> Self {
        self.limit = limit;
        self
    }

    /// Which pool of this process it is about.
    pub(crate) fn id(&self) -> PoolId {
        self.id
    }
}

/// One line: `https://h:443: 2 in use, 1 idle, 3 waiting; 40 requests, 37 over a reused connection; …`. What has not happened
/// is left out.
impl fmt::Display for PoolStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}: ", self.scheme, HostPort(&self.host, self.port))?;
        write!(f, "{} in use, {} idle", self.in_use, self.idle)?;
        if self.waiting > 0 {
            write!(f, ", {} waiting", self.waiting)?;
        }
        if let Some(limit) = self.limit {
            write!(f, ", learnt limit {limit}")?;
        }
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let (requests, made) = (self.num_requests, self.num_connections);
        write!(f, "; {requests} request{}, {} over a reused connection", plural(requests), self.reused)?;
        if self.replayed > 0 {
            write!(f, ", {} sent twice", self.replayed)?;
        }
        write!(f, "; {made} connection{} made", plural(made))?;
        if self.dropped > 0 {
            write!(f, ", {} dropped by the server", self.dropped)?;
        }
        if self.discarded() > 0 {
            write!(f, ", {} discarded", self.discarded())?;
            let reasons = DiscardReason::ALL.iter().filter(|reason| self.discarded_for(**reason) > 0);
            for (number, reason) in reasons.enumerate() {
                let before = if number == 0 { " (" } else { ", " };
                write!(f, "{before}{} {reason}", self.discarded_for(*reason))?;
            }
            f.write_str(")")?;
        }
        if !self.longest_wait.is_zero() {
            write!(f, "; longest wait {:.1?}", self.longest_wait)?;
        }
        Ok(())
    }
}

/// `h:443`, with brackets around an IPv6 address. Only the host if the port is 0, which is none: the path of a Unix socket.
pub(crate) struct HostPort<'a>(pub(crate) &'a str, pub(crate) u16);

impl fmt::Display for HostPort<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(host, port) = self;
        if *port == 0 {
            f.write_str(host)
        } else if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_count_of_its_own() {
        let counts = Counts::default();

        for (times, reason) in DiscardReason::ALL.into_iter().enumerate() {
            (0..=times).for_each(|_| counts.ended(End::Discarded(reason)));
        }
        counts.ended(End::Dropped);

        let to = Endpoint { scheme: "http".into(), host: "h".to_owned(), port: 80 };
        let stats = counts.snapshot(0, &to, 0, 0, 0);
        assert_eq!(DiscardReason::ALL.map(|reason| stats.discarded_for(reason)), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!((stats.discarded(), stats.dropped()), (28, 1));
    }

    #[test]
    fn a_snapshot_is_one_line_that_a_person_would_print() {
        let counts = Counts::default();
        let to = |host: &str| Endpoint { scheme: "https".into(), host: host.to_owned(), port: 443 };
        assert_eq!(
            counts.snapshot(0, &to("h"), 0, 0, 0).to_string(),
            "https://h:443: 0 in use, 0 idle; 0 requests, 0 over a reused connection; 0 connections made"
        );

        counts.fresh.store(4, Relaxed);
        counts.reused.store(36, Relaxed);
        counts.replayed.store(1, Relaxed);
        counts.connections.store(4, Relaxed);
        counts.ended(End::Dropped);
        counts.ended(End::Discarded(DiscardReason::Full));
        counts.ended(End::Discarded(DiscardReason::Failed));
        counts.waited(Duration::from_millis(1250));
        counts.waited(Duration::from_millis(3));
        assert_eq!(
            counts.snapshot(0, &to("::1"), 1, 2, 3).to_string(),
            "https://[::1]:443: 2 in use, 1 idle, 3 waiting; 40 requests, 36 over a reused connection, 1 sent twice; 4 \
             connections made, 1 dropped by the server, 2 discarded (1 pool full, 1 failed); longest wait 1.2s"
        );
        let one = Counts::default();
        one.fresh.store(1, Relaxed);
        one.connections.store(1, Relaxed);
        assert_eq!(
            one.snapshot(0, &to("h"), 1, 0, 0).to_string(),
            "https://h:443: 0 in use, 1 idle; 1 request, 0 over a reused connection; 1 connection made"
        );
        let paced = Counts::default().snapshot(0, &to("h"), 0, 1, 3).with_limit(Some(6));
        assert!(
            paced.to_string().starts_with("https://h:443: 1 in use, 0 idle, 3 waiting, learnt limit 6; "),
            "{paced}"
        );
    }
}
