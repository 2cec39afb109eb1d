//! The settings of the stock adapters, and their builder.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::adapter::wire_body::DrainLimits;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::http1::response_head::HeadLimits;
use crate::message::coding;
use crate::net::{Allowed, KeepAlive, Pin, Resolver, SocketOptions, TlsBackend, TlsConfig, TlsVersion};
use crate::pace::{AdaptiveLimit, PaceSettings, RateLimit, RetryBudget};
use crate::pool::{Listener, PoolEvent};
use crate::retry::Retry;
use crate::setting::IntoSetting;
use crate::timeout::{IntoDuration, IntoLimit, Limit, saturating_duration};

/// All settings, as they were set.
#[derive(Clone)]
pub(super) struct AdapterSettings {
    pub(super) pool_connections: usize,
    pub(super) pool_maxsize: usize,
    pub(super) pool_block: bool,
    pub(super) pool_timeout: Option<Duration>,
    pub(super) retry: Arc<Retry>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) max_lifetime: Option<Duration>,
    pub(super) max_connections: Option<usize>,
    pub(super) pace: PaceSettings,
    pub(super) reap_idle: bool,
    pub(super) replay_stale: bool,
    pub(super) socket: SocketOptions,
    pub(super) resolver: Option<Resolver>,
    pub(super) allowed: Option<Allowed>,
    pub(super) tls: TlsConfig,
    pub(super) head: HeadLimits,
    pub(super) drain: DrainLimits,
    /// `None` is the default, which is less than a second if the server's limit is short.
    pub(super) keep_alive_margin: Option<Duration>,
    pub(super) decoding: coding::DecodeLimits,
    pub(super) listener: Listener,
    /// The clock to use instead of the system's.
    pub(super) own_clock: Option<Arc<dyn Clock>>,
    /// Limits that cannot be one, by name, and what they must be.
    refused: Vec<(&'static str, String)>,
}

impl Default for AdapterSettings {
    fn default() -> Self {
        Self {
            pool_connections: 10,
            pool_maxsize: 10,
            pool_block: false,
            pool_timeout: None,
            retry: Arc::new(Retry::from(0)),
            idle_timeout: Some(Duration::from_secs(60)),
            max_lifetime: None,
            max_connections: None,
            pace: PaceSettings::default(),
            reap_idle: false,
            replay_stale: true,
            socket: SocketOptions::default(),
            resolver: None,
            allowed: None,
            tls: TlsConfig::default(),
            head: HeadLimits::default(),
            drain: DrainLimits { bytes: 64 * 1024, time: Duration::from_millis(20) },
            keep_alive_margin: None,
            decoding: coding::DecodeLimits::default(),
            listener: Listener::default(),
            own_clock: None,
            refused: Vec::new(),
        }
    }
}

impl AdapterSettings {
    /// The first setting that cannot work (docs/decisions.md#invalid-setting). Each `send` returns it.
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
        let PaceSettings { rate, adaptive, budget, .. } = &self.pace;
        let refused = self.refused.first().cloned();
        let refused = refused.or_else(|| rate.as_ref()?.refused()).or_else(|| budget.as_ref()?.refused());
        let refused = refused.or_else(|| adaptive.as_ref()?.refused(self.pool_maxsize, self.pool_block));
        if let Some((name, must_be)) = refused {
            return Err(Error::message(ErrorKind::InvalidSetting, format!("{name} must be {must_be}")));
        }
        self.retry.check()
    }

    /// The limit as it acts. One that cannot be a limit is kept for `check`, until the same setting gets another.
    fn limit(&mut self, name: &'static str, limit: impl IntoLimit) -> Option<Duration> {
        self.refused.retain(|(refused, _)| *refused != name);
        let limit = limit.into_limit();
        if let Limit::Invalid(seconds) = limit {
            self.refused.push((name, more_than_zero(seconds)));
        }
        limit.duration()
    }

    /// A length of time for the kernel, which counts whole `unit`s up to `longest`. Less than a unit would be none to it,
    /// and more than the longest an error of each connection.
    fn kernel_limit(
        &mut self,
        name: &'static str,
        limit: impl IntoLimit,
        unit: Duration,
        longest: Duration,
    ) -> Option<Duration> {
        let time = self.limit(name, limit)?;
        if time < unit || time > longest {
            self.refused.push((name, format!("from {unit:?} to {longest:?}, not {time:?}")));
            return None;
        }
        Some(round_up(time, unit))
    }

    /// TCP keepalive is on if any part of it is set.
    fn keepalive(&mut self, set: impl FnOnce(&mut KeepAlive)) {
        let mut keepalive = self.socket.keepalive.unwrap_or_default();
        set(&mut keepalive);
        self.socket.keepalive = (keepalive != KeepAlive::default()).then_some(keepalive);
    }
}

/// Builds an [`HttpAdapter`](crate::HttpAdapter). Settings that requests has too have its names.
///
/// No method fails: a setting that cannot work is [`ErrorKind::InvalidSetting`] at each `send`. Limits on time are seconds or a
/// `Duration`, and more than zero. `None` unsets an optional setting. The last call of a setter counts.
///
/// # Examples
/// ```
/// use petition::{HttpAdapter, Retry};
///
/// let retry = Retry::new()
///     .total(3)
///     .backoff_factor(0.5)
///     .status_forcelist([500, 502, 503, 504]);
/// let adapter = HttpAdapter::builder()
///     .pool_connections(10)
///     .pool_maxsize(8)
///     .pool_block(true)
///     .max_retries(retry)
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

    /// How many pools are kept, one for each host. The least recently used is evicted. 10 by default.
    #[doc(alias = "num_pools")]
    pub fn pool_connections(mut self, pools: usize) -> Self {
        self.settings.pool_connections = pools;
        self
    }

    /// How many connections a pool keeps. 10 by default.
    #[doc(alias = "pool_max_idle_per_host")]
    #[doc(alias = "max_idle_connections_per_host")]
    pub fn pool_maxsize(mut self, connections: usize) -> Self {
        self.settings.pool_maxsize = connections;
        self
    }

    /// Whether at most `pool_maxsize` connections are open to one host, so that callers wait for one. False by default: then
    /// more are opened, and discarded when they return to a full pool.
    #[doc(alias = "block")]
    pub fn pool_block(mut self, block: bool) -> Self {
        self.settings.pool_block = block;
        self
    }

    /// How often a request is retried: a number, or a [`Retry`]. 0 by default.
    #[doc(alias = "retries")]
    pub fn max_retries(mut self, retries: impl Into<Retry>) -> Self {
        self.settings.retry = Arc::new(retries.into());
        self
    }

    /// How long to wait for a slot of a blocking pool, and for the pace of the origin, in seconds or as a `Duration`; then
    /// the error is [`ErrorKind::PoolTimeout`]. `None`, no limit, by default, as in requests.
    /// [`Timeout::pool`](crate::Timeout::pool) replaces it for a request.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use petition::HttpAdapter;
    ///
    /// let adapter = HttpAdapter::builder()
    ///     .pool_block(true)
    ///     .pool_timeout(2.5)
    ///     .idle_timeout(Duration::from_secs(30))
    ///     .build();
    /// # drop(adapter);
    /// ```
    pub fn pool_timeout(mut self, limit: impl IntoLimit) -> Self {
        self.settings.pool_timeout = self.settings.limit("pool_timeout", limit);
        self
    }

    /// How long a connection may be idle, in seconds or as a `Duration`, before it is closed. 60 seconds by default; `None`
    /// is no limit. New here.
    ///
    /// It is not used again after that. It is closed when the adapter next sends a request or gets a connection back, also
    /// for another host, or when its time is over, with [`reap_idle`](Self::reap_idle).
    #[doc(alias = "pool_idle_timeout")]
    #[doc(alias = "max_idle_age")]
    pub fn idle_timeout(mut self, limit: impl IntoLimit) -> Self {
        self.settings.idle_timeout = self.settings.limit("idle_timeout", limit);
        self
    }

    /// Whether a thread closes idle connections when their time is over ([`idle_timeout`](Self::idle_timeout),
    /// [`max_lifetime`](Self::max_lifetime), the server's `Keep-Alive: timeout`). False by default: then a process that sends
    /// nothing keeps them open, until the next request or [`close_idle`](crate::HttpAdapter::close_idle). New here.
    ///
    /// There is at most one thread for each adapter, while connections lie idle that have such an end. It does not keep the
    /// adapter alive, and ends when the adapter is dropped or closed.
    pub fn reap_idle(mut self, reap: bool) -> Self {
        self.settings.reap_idle = reap;
        self
    }

    /// How old a connection may be, in seconds or as a `Duration`. An older one is closed when it returns to its pool. `None`,
    /// no limit, by default. New here.
    pub fn max_lifetime(mut self, limit: impl IntoLimit) -> Self {
        self.settings.max_lifetime = self.settings.limit("max_lifetime", limit);
        self
    }

    /// How many connections may be open at once, over all hosts. Callers wait, as for a blocking pool. `None`, no limit, by
    /// default. New here.
    #[doc(alias = "max_idle_connections")]
    pub fn max_connections(mut self, connections: impl Into<Option<usize>>) -> Self {
        self.settings.max_connections = connections.into();
        self
    }

    /// How many requests may start in a time, to each origin (scheme, host and port), over all threads. `None`, no limit, by
    /// default. New here.
    ///
    /// Requests wait for their turn in order of arrival. That wait counts as one for a pool slot:
    /// [`Timeout::pool`](crate::Timeout::pool) and [`pool_timeout`](Self::pool_timeout) limit it, and the error is
    /// [`ErrorKind::PoolTimeout`]; a [`Cancel`](crate::Cancel) ends it; `response.exchange().waited` includes it;
    /// [`PoolStats::waiting`](crate::PoolStats::waiting) counts who waits, [`PoolEvent::Waiting`] tells of it, and after 5 s
    /// there is a warning in the log. A wait that
    /// ends early costs no token. Each attempt of a retry and each hop of a redirect takes a token; a request that is replayed
    /// because its reused connection was dead ([`replay_stale`](Self::replay_stale)) does not take a second one.
    ///
    /// # Examples
    /// ```
    /// use petition::{HttpAdapter, RateLimit};
    ///
    /// let limit = RateLimit::per_second(10).burst(20);
    /// let adapter = HttpAdapter::builder().rate_limit(limit).build();
    /// # drop(adapter);
    /// ```
    pub fn rate_limit(mut self, limit: impl Into<Option<RateLimit>>) -> Self {
        self.settings.pace.rate = limit.into();
        self
    }

    /// Whether a response 429 or 503 with `Retry-After` (RFC 9110 §10.2.3) makes every request of this adapter to that origin
    /// wait until then. False by default: each thread learns by a refusal of its own. New here.
    ///
    /// The pause is at most [`Retry::retry_after_max`], and works without retries too: the response is returned, and the next
    /// requests wait. After the pause they do not leave all at once. The first leaves alone, the second a tenth of the pause
    /// later (but at least 10 ms and at most 1 s), the third after half of that, then a third and so on, until the gaps are
    /// below a millisecond. The wait counts as one for a pool slot, as for [`rate_limit`](Self::rate_limit).
    pub fn pause_on_retry_after(mut self, pause: bool) -> Self {
        self.settings.pace.pause = pause;
        self
    }

    /// How many retries there may be for the requests of this adapter, over all threads and origins. `None`, no limit but
    /// that of each [`Retry`], by default. New here.
    ///
    /// When it is spent, an error that would be retried is returned at once, and says so. A response is
    /// [`ErrorKind::RetryError`] with the response, or is returned as it is with
    /// [`raise_on_status(false)`](Retry::raise_on_status).
    pub fn retry_budget(mut self, budget: impl Into<Option<RetryBudget>>) -> Self {
        self.settings.pace.budget = budget.into();
        self
    }

    /// Learns how many exchanges with an origin may be under way at a time, within bounds. `None`, by default: as many as
    /// `pool_maxsize` allows. New here.
    ///
    /// The limit begins at the lower bound. Each limit's worth of successes adds one. An exchange that ends with 429 or 503,
    /// whose connection is refused, or that times out takes away a third, at most once per round trip; where it was refused,
    /// it stays just below for twenty limits' worth of successes before it tries again. Responses 5xx other than 503 change
    /// nothing. Neither does a connection that is not made for a reason of this machine's own: the name is unknown, no
    /// descriptor or port is left, or the program does not [allow](Self::allow_address) the address. Nor does a total timeout
    /// that was over when the source of the body returned.
    /// [`PoolStats::limit`](crate::PoolStats::limit) tells the limit. The wait counts as one for a pool slot, as for
    /// [`rate_limit`](Self::rate_limit).
    ///
    /// It needs [`pool_block`](Self::pool_block), and an upper bound of at most [`pool_maxsize`](Self::pool_maxsize);
    /// otherwise each `send` is [`ErrorKind::InvalidSetting`].
    pub fn adaptive_limit(mut self, limit: impl Into<Option<AdaptiveLimit>>) -> Self {
        self.settings.pace.adaptive = limit.into();
        self
    }

    /// Whether a request is sent once more, on a new connection, if a reused one died before the first byte of an answer.
    /// Its method must be idempotent (RFC 9110 §9.2.2), or it must have an `Idempotency-Key`, and its body must be repeatable.
    /// True by default. requests raises ConnectionError.
    pub fn replay_stale(mut self, replay: bool) -> Self {
        self.settings.replay_stale = replay;
        self
    }

    /// TCP keepalive: the silence after which the kernel probes the peer, in seconds or as a `Duration`, rounded up to whole
    /// seconds. `None` by default. Less than a second, or more than the system takes (on Linux 32,767 seconds), is
    /// [`ErrorKind::InvalidSetting`].
    ///
    /// Keepalive is on if this, the interval or the count is set; what is not set is the system's.
    pub fn tcp_keepalive(mut self, idle: impl IntoLimit) -> Self {
        let idle = self.settings.kernel_limit("tcp_keepalive", idle, SECOND, KeepAlive::LONGEST);
        self.settings.keepalive(|keepalive| keepalive.idle = idle);
        self
    }

    /// The time between keepalive probes, in seconds or as a `Duration`, rounded up to whole seconds. `None`, the system's, by
    /// default. Its bounds are those of [`tcp_keepalive`](Self::tcp_keepalive). Where the platform cannot set it, connecting
    /// is an error.
    pub fn tcp_keepalive_interval(mut self, interval: impl IntoLimit) -> Self {
        let interval = self.settings.kernel_limit("tcp_keepalive_interval", interval, SECOND, KeepAlive::LONGEST);
        self.settings.keepalive(|keepalive| keepalive.interval = interval);
        self
    }

    /// How many keepalive probes may go unanswered. `None`, the system's number, by default. Zero, or more than the system
    /// takes (on Linux 127), is [`ErrorKind::InvalidSetting`]. Where the platform cannot set it, connecting is an error.
    pub fn tcp_keepalive_count(mut self, count: impl Into<Option<u32>>) -> Self {
        const NAME: &str = "tcp_keepalive_count";
        let count = count.into();
        self.settings.refused.retain(|(refused, _)| *refused != NAME);
        if let Some(count) = count.filter(|count| !(1..=KeepAlive::MOST_RETRIES).contains(count)) {
            self.settings.refused.push((NAME, format!("from 1 to {}, not {count}", KeepAlive::MOST_RETRIES)));
        }
        self.settings.keepalive(|keepalive| keepalive.retries = count);
        self
    }

    /// Whether TCP_NODELAY is set. True by default.
    #[doc(alias = "no_delay")]
    pub fn tcp_nodelay(mut self, nodelay: bool) -> Self {
        self.settings.socket.nodelay = nodelay;
        self
    }

    /// TCP_USER_TIMEOUT: how long sent data may stay unacknowledged, in seconds or as a `Duration`, rounded up to whole
    /// milliseconds. `None`, the system's, by default. Less than a millisecond, or more than 2,147,483,647 of them, is
    /// [`ErrorKind::InvalidSetting`]. Where the platform does not have it, connecting is an error.
    pub fn tcp_user_timeout(mut self, limit: impl IntoLimit) -> Self {
        const MILLISECOND: Duration = Duration::from_millis(1);
        self.settings.socket.user_timeout =
            self.settings.kernel_limit("tcp_user_timeout", limit, MILLISECOND, SocketOptions::LONGEST_USER_TIMEOUT);
        self
    }

    /// The local address that connections start from, like `SourceAddressAdapter` of requests-toolbelt. `None`, the system's
    /// choice, by default.
    ///
    /// Without a source address, the system counts local ports for each peer. With one it chooses the port before it knows the
    /// peer, so that the ports of that address are shared by the connections to all peers. Keep connections, and bound their
    /// number, where there are many.
    #[doc(alias = "local_address")]
    pub fn source_address(mut self, address: impl Into<Option<IpAddr>>) -> Self {
        self.settings.socket.source_address = address.into().map(|address| SocketAddr::new(address, 0));
        self
    }

    /// Resolves host names instead of the system. It is called once for each new connection. Addresses are tried in its
    /// order, with alternating families (Happy Eyeballs, RFC 8305). [`system_resolver`](Self::system_resolver) undoes this.
    ///
    /// An error is one of kind [`ErrorKind::ConnectionError`], which a [`Retry`] repeats as a failure to connect. One of kind
    /// [`io::ErrorKind::PermissionDenied`] says that the program does not want the connection: it is returned at once.
    #[doc(alias = "dns_resolver")]
    pub fn resolver(
        mut self,
        resolve: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        self.settings.resolver = Some(Resolver(Arc::new(resolve)));
        self
    }

    /// Lets the system resolve host names, which is the default. Undoes [`resolver`](Self::resolver).
    pub fn system_resolver(mut self) -> Self {
        self.settings.resolver = None;
        self
    }

    /// Connects only to addresses for which `allow` is true, whether a name led to them or the URL has them. By default all
    /// are allowed. [`any_address`](Self::any_address) undoes this.
    ///
    /// The addresses are those that the connection is made to, after the look-up (the system's or that of
    /// [`resolver`](Self::resolver)), for each new connection and so for each redirect: a name that changes its address
    /// between a check and a request (DNS rebinding) gains nothing. If none is allowed, the error is of kind
    /// [`ErrorKind::ConnectionError`] and nothing was sent; it is returned at once, whatever the [`Retry`], and
    /// [`adaptive_limit`](Self::adaptive_limit) does not take it for a refusal of the server.
    ///
    /// Through a proxy of any kind it is the proxy's address that is checked, and only that one, because the proxy connects to
    /// the origin: also through SOCKS, whether the origin's name is looked up here (`socks5://`, `socks4://`) or there, or the
    /// URL has an address. Set `trust_env` to false, so that the environment names no proxy. Unix sockets have no address.
    ///
    /// # Examples
    /// ```
    /// use std::net::IpAddr;
    /// use petition::{ErrorKind, HttpAdapter, Session};
    ///
    /// let mut session = Session::new();
    /// session.trust_env = false;
    /// let elsewhere = |address: IpAddr| !address.is_loopback();
    /// let adapter = HttpAdapter::builder().allow_address(elsewhere).build();
    /// session.mount("http://", adapter);
    ///
    /// let error = session.get("http://127.0.0.1:8080/admin").send().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::ConnectionError);
    /// ```
    pub fn allow_address(mut self, allow: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        self.settings.allowed = Some(Allowed(Arc::new(allow)));
        self
    }

    /// Connects to any address, which is the default. Undoes [`allow_address`](Self::allow_address).
    pub fn any_address(mut self) -> Self {
        self.settings.allowed = None;
        self
    }

    /// The largest head of a response, in bytes: 256 KiB by default.
    #[doc(alias = "max_response_header_size")]
    pub fn max_header_bytes(mut self, bytes: usize) -> Self {
        self.settings.head.max_bytes = bytes;
        self
    }

    /// The most header lines of a response: 256 by default.
    pub fn max_headers(mut self, lines: usize) -> Self {
        self.settings.head.max_headers = lines;
        self
    }

    /// How many bytes of a body that nobody wants are read off the wire (the drain), so that its connection can be used
    /// again. That applies to a streamed response that is dropped unread, to one that is retried, and to a redirect or a
    /// challenge, whose body is kept up to this size. 64 KiB by default. With 0 the connection is always closed.
    pub fn drain_limit(mut self, bytes: u64) -> Self {
        self.settings.drain.bytes = bytes;
        self
    }

    /// How long the drain may take when a response is dropped or retried. 20 ms by default. If more is left by then, the
    /// connection is closed. For a body of unknown length there is no wait at all.
    pub fn drain_timeout(mut self, limit: impl IntoLimit) -> Self {
        self.settings.drain.time = self.settings.limit("drain_timeout", limit).unwrap_or(Duration::MAX);
        self
    }

    /// How long before the end of the server's `Keep-Alive: timeout` a connection is no longer used, in seconds or as a
    /// `Duration`, because a request that leaves just as the server closes would be lost. By default one second, or half of
    /// the server's timeout if that is less. Zero uses the connection to the end.
    pub fn keep_alive_margin(mut self, margin: impl IntoDuration) -> Self {
        let seconds = margin.into_seconds();
        self.settings.refused.retain(|(refused, _)| *refused != "keep_alive_margin");
        if seconds.is_nan() || seconds < 0.0 {
            self.settings.refused.push(("keep_alive_margin", format!("zero seconds or more, not {seconds}")));
        }
        self.settings.keep_alive_margin = Some(saturating_duration(seconds));
        self
    }

    /// How many bytes a body may decode to; then reading is [`ErrorKind::ContentDecodingError`]. `None`, no limit, by
    /// default.
    pub fn max_decoded_bytes(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.settings.decoding.max_decoded_bytes = bytes.into();
        self
    }

    /// How many times its coded size a body may decode to; then reading is [`ErrorKind::ContentDecodingError`]. 200 by
    /// default, checked after 64 MiB of output. `None` is no limit.
    pub fn max_expansion_ratio(mut self, ratio: impl Into<Option<u32>>) -> Self {
        self.settings.decoding.max_expansion_ratio = ratio.into();
        self
    }

    /// The TLS library to use, if the build has several. By default native-tls, if the build has it.
    #[doc(alias = "use_rustls_tls")]
    #[doc(alias = "use_native_tls")]
    pub fn tls_backend(mut self, backend: TlsBackend) -> Self {
        self.settings.tls.backend = backend;
        self
    }

    /// The oldest TLS version to accept. `None`, which means 1.2, by default.
    #[doc(alias = "min_tls_version")]
    pub fn tls_min_version(mut self, version: impl Into<Option<TlsVersion>>) -> Self {
        self.settings.tls.min_version = version.into();
        self
    }

    /// The newest TLS version to accept. `None`, the newest of the library, by default.
    #[doc(alias = "max_tls_version")]
    pub fn tls_max_version(mut self, version: impl Into<Option<TlsVersion>>) -> Self {
        self.settings.tls.max_version = version.into();
        self
    }

    /// Pins a certificate or public key: a server that has none of those added is refused. The chain is verified as well,
    /// unless `verify` is off.
    ///
    /// Pins are for each server that the adapter connects to. Mount it with [`mount_all`](crate::Session::mount_all) on a
    /// session for that server alone: a prefix is compared with the URL as text, so one of `https://host/` is not for
    /// `https://host:443/`, where a redirect may lead.
    pub fn tls_pin(mut self, pin: Pin) -> Self {
        self.settings.tls.pins.push(pin);
        self
    }

    /// Replaces all pins; see [`tls_pin`](Self::tls_pin). With an empty list, the default, nothing is pinned.
    #[doc(alias = "assert_fingerprint")]
    pub fn tls_pins(mut self, pins: impl IntoIterator<Item = Pin>) -> Self {
        self.settings.tls.pins = pins.into_iter().collect();
        self
    }

    /// The name for SNI and for verifying the certificate, instead of the URL's host. It is for https to an IP address, like
    /// `HostHeaderSSLAdapter` of requests-toolbelt. `None`, the URL's host, by default.
    #[doc(alias = "server_hostname")]
    pub fn tls_server_name(mut self, name: impl IntoSetting<String>) -> Self {
        self.settings.tls.server_name = name.into_setting();
        self
    }

    /// Whether the certificate must be valid for the server's name (urllib3's `assert_hostname`). True by default. The chain is
    /// verified in both cases; [`Verify::No`](crate::Verify::No) disables both checks.
    #[doc(alias = "danger_accept_invalid_hostnames")]
    #[doc(alias = "assert_hostname")]
    pub fn tls_check_hostname(mut self, check: bool) -> Self {
        self.settings.tls.check_hostname = check;
        self
    }

    /// Calls `tell` with each [`PoolEvent`]: a connection was made, reused, returned or closed, a pool was evicted, a thread
    /// waits, a retry is scheduled. None by default. New here.
    ///
    /// It is called on the thread to which it happens, never while the adapter holds a lock, so it may use the adapter. It
    /// should be quick, because the request waits for it. A panic in it does no harm to the pools; it reaches the caller of
    /// whatever led to the event, which may be the drop of a response.
    ///
    /// It may also send requests, from which more events come. What a closed connection held is free when its end is told. But a
    /// thread on its way to send has a connection, or stands in line for one, while it tells what happens: that it waits; that its
    /// connection was found, made, paused or is about to come back; that the one that it was to use has expired or is closed, and
    /// it makes another in its place, which it keeps; or which others were closed on the way. A request to the same adapter that
    /// is sent from there has to do without. By default there are always more connections to be had. With
    /// [`pool_block`](Self::pool_block), [`max_connections`](Self::max_connections) or a pace there may be none until the
    /// callback returns, so that it waits for itself: limit that wait with [`Timeout::pool`](crate::Timeout::pool), or send the
    /// request on another thread or with another adapter.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use petition::{HttpAdapter, PoolEvent, Session};
    ///
    /// let made = Arc::new(AtomicU64::new(0));
    /// let counter = Arc::clone(&made);
    /// let adapter = HttpAdapter::builder()
    ///     .on_event(move |event: &PoolEvent<'_>| match event {
    ///         PoolEvent::Connected { .. } => {
    ///             counter.fetch_add(1, Ordering::Relaxed);
    ///         }
    ///         PoolEvent::Discarded { .. } => println!("{event}"),
    ///         _ => {}
    ///     })
    ///     .build();
    /// let mut session = Session::new();
    /// session.mount("http://", adapter);
    /// ```
    pub fn on_event(mut self, tell: impl Fn(&PoolEvent<'_>) + Send + Sync + 'static) -> Self {
        self.settings.listener = Listener::new(tell);
        self
    }

    /// The source of time, sleep and jitter, for tests. [`SystemClock`](crate::clock::SystemClock) by default.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.settings.own_clock = Some(Arc::new(clock));
        self
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// The next whole number of `unit`s, a second or a part of one.
fn round_up(time: Duration, unit: Duration) -> Duration {
    let unit = unit.as_nanos();
    let left_over = time.subsec_nanos() % u32::try_from(unit).expect("a second is less than 2^32 nanoseconds");
    let rest = if left_over == 0 { 0 } else { unit as u64 - u64::from(left_over) };
    time.saturating_add(Duration::from_nanos(rest))
}

fn more_than_zero(seconds: f64) -> String {
    format!("more than zero seconds, not {seconds}")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(set: impl FnOnce(HttpAdapterBuilder) -> HttpAdapterBuilder) -> AdapterSettings {
        set(HttpAdapterBuilder::new()).settings
    }

    fn problem(set: impl FnOnce(HttpAdapterBuilder) -> HttpAdapterBuilder) -> Option<String> {
        settings(set).check().err().map(|error| error.to_string())
    }

    #[test]
    fn limits_are_seconds_or_durations() {
        let seconds = settings(|b| b.pool_timeout(5).idle_timeout(0.5).max_lifetime(600u64).tcp_user_timeout(1.5f32));
        assert_eq!(
            (seconds.pool_timeout, seconds.idle_timeout),
            (Some(Duration::from_secs(5)), Some(Duration::from_millis(500)))
        );
        assert_eq!(seconds.max_lifetime, Some(Duration::from_secs(600)));
        assert_eq!(seconds.socket.user_timeout, Some(Duration::from_millis(1500)));

        let durations = settings(|b| b.pool_timeout(Duration::from_secs(5)).max_lifetime(Some(Duration::from_secs(6))));
        assert_eq!(
            (durations.pool_timeout, durations.max_lifetime),
            (Some(Duration::from_secs(5)), Some(Duration::from_secs(6)))
        );

        let rounded = settings(|b| {
            b.tcp_keepalive(1.0).tcp_keepalive_interval(1.5).tcp_user_timeout(Duration::from_nanos(1_000_001))
        });
        let keepalive =
            KeepAlive { idle: Some(Duration::from_secs(1)), interval: Some(Duration::from_secs(2)), retries: None };
        assert_eq!(rounded.socket.keepalive, Some(keepalive));
        assert_eq!(rounded.socket.user_timeout, Some(Duration::from_millis(2)));
    }

    #[test]
    fn what_was_set_is_unset_by_none() {
        let set = |b: HttpAdapterBuilder| {
            b.pool_timeout(1)
                .idle_timeout(2)
                .max_lifetime(3)
                .max_connections(4)
                .tcp_keepalive(5)
                .tcp_keepalive_interval(6)
                .tcp_keepalive_count(7)
                .tcp_user_timeout(8)
                .source_address(IpAddr::from([127, 0, 0, 1]))
                .resolver(|_, _| Ok(Vec::new()))
                .max_decoded_bytes(9)
                .max_expansion_ratio(10)
                .tls_min_version(TlsVersion::Tls13)
                .tls_max_version(TlsVersion::Tls13)
                .tls_server_name("name.test")
        };

        let unset = settings(|b| {
            set(b)
                .pool_timeout(None)
                .idle_timeout(None)
                .max_lifetime(None)
                .max_connections(None)
                .tcp_keepalive(None)
                .tcp_keepalive_interval(None)
                .tcp_keepalive_count(None)
                .tcp_user_timeout(None)
                .source_address(None)
                .system_resolver()
                .max_decoded_bytes(None)
                .max_expansion_ratio(None)
                .tls_min_version(None)
                .tls_max_version(None)
                .tls_pins([])
                .tls_server_name(None)
        });

        assert_eq!((unset.pool_timeout, unset.idle_timeout, unset.max_lifetime), (None, None, None));
        assert_eq!((unset.max_connections, unset.socket.keepalive, unset.socket.user_timeout), (None, None, None));
        assert!(unset.socket.source_address.is_none() && unset.resolver.is_none());
        assert_eq!((unset.decoding.max_decoded_bytes, unset.decoding.max_expansion_ratio), (None, None));
        assert_eq!(unset.tls, TlsConfig::default());
    }

    #[test]
    fn keepalive_is_on_while_any_part_of_it_is_set() {
        let interval = Some(Duration::from_secs(6));

        let on = settings(|b| b.tcp_keepalive_interval(6).tcp_keepalive(5).tcp_keepalive(None));

        assert_eq!(on.socket.keepalive, Some(KeepAlive { idle: None, interval, retries: None }));
    }

    #[test]
    fn what_the_kernel_cannot_take_is_refused_by_name() {
        type Setter = fn(HttpAdapterBuilder, Duration) -> HttpAdapterBuilder;
        let times: [(&str, Setter, Duration, Duration); 3] = [
            ("tcp_keepalive", |b, time| b.tcp_keepalive(time), SECOND, KeepAlive::LONGEST),
            ("tcp_keepalive_interval", |b, time| b.tcp_keepalive_interval(time), SECOND, KeepAlive::LONGEST),
            (
                "tcp_user_timeout",
                |b, time| b.tcp_user_timeout(time),
                Duration::from_millis(1),
                SocketOptions::LONGEST_USER_TIMEOUT,
            ),
        ];
        for (name, set, shortest, longest) in times {
            for time in [shortest, shortest * 3 / 2, longest] {
                assert_eq!(problem(|b| set(b, time)), None, "{name} {time:?}");
            }
            let nanosecond = Duration::from_nanos(1);
            for time in [nanosecond, shortest / 1000, shortest - nanosecond, longest + nanosecond, Duration::MAX] {
                let text = format!("{name} must be from {shortest:?} to {longest:?}, not {time:?}");
                assert_eq!(problem(|b| set(b, time)), Some(text));
                assert_eq!(problem(|b| set(set(b, time), longest)), None);
            }
        }
        let most = KeepAlive::MOST_RETRIES;
        for count in [0, most + 1, u32::MAX] {
            let text = format!("tcp_keepalive_count must be from 1 to {most}, not {count}");
            assert_eq!(problem(|b| b.tcp_keepalive_count(count)), Some(text));
            assert_eq!(problem(|b| b.tcp_keepalive_count(count).tcp_keepalive_count(most)), None);
            assert_eq!(problem(|b| b.tcp_keepalive_count(count).tcp_keepalive_count(None)), None);
        }
    }

    #[test]
    fn what_cannot_be_a_limit_is_refused_by_name_until_it_is_set_again() {
        assert_eq!(problem(|b| b).as_deref(), None);
        for (set, text) in [
            (problem(|b| b.pool_timeout(0)), "pool_timeout must be more than zero seconds, not 0"),
            (problem(|b| b.idle_timeout(Duration::ZERO)), "idle_timeout must be more than zero seconds, not 0"),
            (problem(|b| b.max_lifetime(-1)), "max_lifetime must be more than zero seconds, not -1"),
            (problem(|b| b.tcp_keepalive(f64::NAN)), "tcp_keepalive must be more than zero seconds, not NaN"),
            (
                problem(|b| b.tcp_keepalive_interval(-0.5)),
                "tcp_keepalive_interval must be more than zero seconds, not -0.5",
            ),
            (problem(|b| b.tcp_user_timeout(0)), "tcp_user_timeout must be more than zero seconds, not 0"),
            (problem(|b| b.keep_alive_margin(-1)), "keep_alive_margin must be zero seconds or more, not -1"),
            (problem(|b| b.max_connections(0)), "max_connections must be above 0"),
            (problem(|b| b.pool_timeout(5).pool_timeout(-2)), "pool_timeout must be more than zero seconds, not -2"),
        ] {
            assert_eq!(set.as_deref(), Some(text));
        }
        assert_eq!(problem(|b| b.pool_timeout(-1).pool_timeout(5).max_lifetime(0).max_lifetime(None)), None);
    }
}
