//! What a pool tells about itself.

/// A snapshot of one connection pool: who it is for, what it has done, and who holds what.
///
/// # Coming from requests
/// `num_connections` and `num_requests` are the attributes of urllib3's `HTTPConnectionPool`; the rest is what a person asks
/// next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PoolStats {
    pub(super) scheme: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) num_connections: u64,
    pub(super) num_requests: u64,
    pub(super) idle: usize,
    pub(super) in_use: usize,
    pub(super) waiting: usize,
}

impl PoolStats {
    /// The scheme of the connections, `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The host that the pool connects to: the proxy, for requests that are forwarded by one.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port that goes with the host.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connections made so far. One that was closed while the pool kept its place, and is connected again, counts once.
    #[must_use]
    pub fn num_connections(&self) -> u64 {
        self.num_connections
    }

    /// Requests sent so far, each attempt of a retry among them.
    #[must_use]
    pub fn num_requests(&self) -> u64 {
        self.num_requests
    }

    /// Open connections that nobody uses at the moment.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.idle
    }

    /// Connections that a request or an unread response holds.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.in_use
    }

    /// Threads that wait for a connection, because of `pool_block` or `max_connections`.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }
}
