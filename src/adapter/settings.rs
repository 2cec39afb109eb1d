//! How a stock adapter is set up.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::http1::response_head::HeadLimits;
use crate::message::coding;
use crate::net::{KeepAlive, Pin, Resolver, SocketOptions, TlsBackend, TlsConfig, TlsVersion};
use crate::retry::Retry;

/// Everything that can be set, as it was set.
#[derive(Clone)]
pub(super) struct AdapterSettings {
    pub(super) pool_connections: usize,
    pub(super) pool_maxsize: usize,
    pub(super) pool_block: bool,
    pub(super) pool_timeout: Option<Duration>,
    pub(super) retry: Retry,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) max_lifetime: Option<Duration>,
    pub(super) max_connections: Option<usize>,
    pub(super) replay_stale: bool,
    pub(super) socket: SocketOptions,
    pub(super) resolver: Option<Resolver>,
    pub(super) tls: TlsConfig,
    pub(super) head: HeadLimits,
    pub(super) drain_limit: u64,
    pub(super) decoding: coding::DecodeLimits,
    /// In place of the system's.
    pub(super) own_clock: Option<Arc<dyn Clock>>,
}

impl Default for AdapterSettings {
    fn default() -> Self {
        Self {
            pool_connections: 10,
            pool_maxsize: 10,
            pool_block: false,
            pool_timeout: None,
            retry: Retry::from(0),
            idle_timeout: Some(Duration::from_secs(60)),
            max_lifetime: None,
            max_connections: None,
            replay_stale: true,
            socket: SocketOptions::default(),
            resolver: None,
            tls: TlsConfig::default(),
            head: HeadLimits::default(),
            drain_limit: 64 * 1024,
            decoding: coding::DecodeLimits::default(),
            own_clock: None,
        }
    }
}

impl AdapterSettings {
    /// The first setting that cannot work (design.md, Decisions): said at each `send`.
    pub(super) fn check(&self) -> Result<()> {
        for (name, size) in [
            ("pool_connections", Some(self.pool_connections)),
            ("pool_maxsize", Some(self.pool_maxsize)),
            ("max_connections", self.max_connections),
            ("max_header_bytes", Some(self.head.max_bytes)),
            ("max_headers", Some(self.head.max_headers)),
        ] {
            if size == Some(0) {
                return Err(Error::message(ErrorKind::InvalidSetting, format!("{name} must be above 0")));
            }
        }
        self.retry.check()
    }
}

/// Settings for an [`HttpAdapter`](crate::HttpAdapter), by requests' names and some of its own. Nothing here fails: a
/// setting that cannot work is [`ErrorKind::InvalidSetting`] at each `send`.
///
/// # Examples
/// ```
/// use petition::{HttpAdapter, Retry};
///
/// let adapter = HttpAdapter::builder()
///     .pool_connections(10)
///     .pool_maxsize(8)
///     .pool_block(true)
///     .max_retries(Retry::new().total(3).backoff_factor(0.5).status_forcelist([500, 502, 503, 504]))
///     .build();
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct HttpAdapterBuilder {
    pub(super) settings: AdapterSettings,
}

impl HttpAdapterBuilder {
    pub(super) fn new() -> Self {
        Self { settings: AdapterSettings::default() }
    }

    fn keepalive(&mut self) -> &mut KeepAlive {
        self.settings.socket.keepalive.get_or_insert_default()
    }

    /// How many pools are kept, one for each host; the least recently used goes first. 10 by default.
    pub fn pool_connections(mut self, pools: usize) -> Self {
        self.settings.pool_connections = pools;
        self
    }

    /// How many connections a pool keeps. 10 by default.
    pub fn pool_maxsize(mut self, connections: usize) -> Self {
        self.settings.pool_maxsize = connections;
        self
    }

    /// Whether no more than `pool_maxsize` connections are open to one host, so that callers wait for one; false by
    /// default: more are opened, and discarded when they come back to a full pool.
    pub fn pool_block(mut self, block: bool) -> Self {
        self.settings.pool_block = block;
        self
    }

    /// How often a request is tried again: a number, or a [`Retry`]. 0 by default.
    pub fn max_retries(mut self, retries: impl Into<Retry>) -> Self {
        self.settings.retry = retries.into();
        self
    }

    /// How long to wait for a slot of a blocking pool; past it the error is [`ErrorKind::PoolTimeout`]. No limit by
    /// default, as in requests (POOL-16). [`Timeout::pool`](crate::Timeout::pool) replaces it for a request.
    pub fn pool_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings.pool_timeout = limit.into();
        self
    }

    /// An idle connection older than this is closed, not used again: 60 s by default, `None` for no limit. New here.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings.idle_timeout = limit.into();
        self
    }

    /// A connection older than this is closed when it comes back. No limit by default. New here.
    pub fn max_lifetime(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings.max_lifetime = limit.into();
        self
    }

    /// How many connections are open at once, over all hosts; callers wait, as for a blocking pool. No limit by default.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.settings.max_connections = Some(connections);
        self
    }

    /// Whether a request is sent once more on a new connection where a reused one died before the first byte of an answer,
    /// if its method is idempotent and its body can be sent again (RFC 9110 §9.2.2). True by default; requests raises.
    pub fn replay_stale(mut self, replay: bool) -> Self {
        self.settings.replay_stale = replay;
        self
    }

    /// TCP keepalive: the silence after which the kernel probes the peer. Off by default (POOL-38).
    pub fn tcp_keepalive(mut self, idle: Duration) -> Self {
        self.keepalive().idle = Some(idle);
        self
    }

    /// The time between keepalive probes, where the platform can set it.
    pub fn tcp_keepalive_interval(mut self, interval: Duration) -> Self {
        self.keepalive().interval = Some(interval);
        self
    }

    /// How many keepalive probes may go unanswered, where the platform can set it.
    pub fn tcp_keepalive_count(mut self, count: u32) -> Self {
        self.keepalive().retries = Some(count);
        self
    }

    /// TCP_NODELAY: true by default (POOL-38).
    pub fn tcp_nodelay(mut self, nodelay: bool) -> Self {
        self.settings.socket.nodelay = nodelay;
        self
    }

    /// TCP_USER_TIMEOUT: how long sent data may stay unacknowledged, where the platform has it.
    pub fn tcp_user_timeout(mut self, timeout: Duration) -> Self {
        self.settings.socket.user_timeout = Some(timeout);
        self
    }

    /// The local address that connections start from (requests-toolbelt's `SourceAddressAdapter`).
    pub fn source_address(mut self, address: IpAddr) -> Self {
        self.settings.socket.source_address = Some(SocketAddr::new(address, 0));
        self
    }

    /// Resolves host names in the system's place. Asked once for each new connection; addresses are tried in its order,
    /// families interleaved.
    pub fn resolver(
        mut self,
        resolve: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        self.settings.resolver = Some(Resolver(Arc::new(resolve)));
        self
    }

    /// The largest head of a response, in bytes: 256 KiB by default.
    pub fn max_header_bytes(mut self, bytes: usize) -> Self {
        self.settings.head.max_bytes = bytes;
        self
    }

    /// The most header lines of a response: 256 by default.
    pub fn max_headers(mut self, lines: usize) -> Self {
        self.settings.head.max_headers = lines;
        self
    }

    /// The most that is read of a body that nobody wants, so that its connection can be used again: a streamed response
    /// that is dropped unread, or one that is retried. 64 KiB by default; 0 always closes.
    pub fn drain_limit(mut self, bytes: u64) -> Self {
        self.settings.drain_limit = bytes;
        self
    }

    /// The most bytes that a body may decode to; past it reading is [`ErrorKind::ContentDecodingError`]. No limit by
    /// default.
    pub fn max_decoded_bytes(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.settings.decoding.max_decoded_bytes = bytes.into();
        self
    }

    /// How many times its coded size a body may decode to: 200 by default, looked at past 64 MiB of output; past it reading
    /// is [`ErrorKind::ContentDecodingError`].
    pub fn max_expansion_ratio(mut self, ratio: impl Into<Option<u32>>) -> Self {
        self.settings.decoding.max_expansion_ratio = ratio.into();
        self
    }

    /// The TLS library to use, where the build has several. By default native-tls, if it is there.
    pub fn tls_backend(mut self, backend: TlsBackend) -> Self {
        self.settings.tls.backend = backend;
        self
    }

    /// The oldest version of TLS to speak. By default 1.2 (TLS-14).
    pub fn min_tls_version(mut self, version: TlsVersion) -> Self {
        self.settings.tls.min_version = Some(version);
        self
    }

    /// The newest version of TLS to speak.
    pub fn max_tls_version(mut self, version: TlsVersion) -> Self {
        self.settings.tls.max_version = Some(version);
        self
    }

    /// Adds a certificate or public key that the server may have; one that is not among those added is refused. The chain
    /// is checked as well, unless `verify` is off.
    pub fn tls_pin(mut self, pin: Pin) -> Self {
        self.settings.tls.pins.push(pin);
        self
    }

    /// The name for SNI and for the certificate's check, in place of the URL's host: for https by an IP address
    /// (requests-toolbelt's `HostHeaderSSLAdapter`).
    pub fn tls_server_name(mut self, name: impl Into<String>) -> Self {
        self.settings.tls.server_name = Some(name.into());
        self
    }

    /// Whether the certificate has to be for the server's name; true by default (urllib3's `assert_hostname`). The chain is
    /// checked either way; [`Verify::No`](crate::Verify::No) switches off both.
    pub fn tls_check_hostname(mut self, check: bool) -> Self {
        self.settings.tls.check_hostname = check;
        self
    }

    /// Time, sleep and jitter, in place of the system's: for tests.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.settings.own_clock = Some(Arc::new(clock));
        self
    }
}

impl Default for HttpAdapterBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for HttpAdapterBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpAdapterBuilder")
            .field("pool_connections", &self.settings.pool_connections)
            .field("pool_maxsize", &self.settings.pool_maxsize)
            .field("pool_block", &self.settings.pool_block)
            .field("max_retries", &self.settings.retry)
            .finish_non_exhaustive()
    }
}
