//! Statistics of a pool.

/// A snapshot of one connection pool: what it connects to, what it has done, and how many connections are in use.
///
/// # Coming from requests
/// `num_connections` and `num_requests` are the attributes of urllib3's `HTTPConnectionPool`. The rest is new here.
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

    /// The host that the pool connects to. For requests that a proxy forwards, this is the proxy.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port that the pool connects to.
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

    /// The number of threads that wait for a connection because of `pool_block` or `max_connections`.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }
}
