//! The stock adapter: pools, a connector, and the way from a request to one of them.

use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::adapter::connection::Connection;
use crate::adapter::job::{Job, Way};
use crate::adapter::settings::Settings;
use crate::adapter::{Adapter, HttpAdapterBuilder, SendOptions};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{PreparedRequest, Response};
use crate::net;
use crate::net::{ConnectError, Connected, Connector, Limits, Plan, ProxyHop, SocksHop, SocksVersion, TlsSettings};
use crate::pool::{self, ConnectionPool, Endpoint, Lookup, Manager, PoolStats};
use crate::proxy::{self, ProxyScheme, ProxyServer, Route, SocksProxy, SocksResolve};
use crate::verify::Verify;

/// Sends requests over pooled connections: requests' `HTTPAdapter`.
///
/// Clones share one set of pools, so one adapter can be mounted on several prefixes (ADPT-12).
///
/// # Examples
/// ```
/// use petition::{HttpAdapter, Session};
///
/// let mut session = Session::new();
/// let adapter = HttpAdapter::builder().pool_maxsize(4).pool_block(true).max_retries(3).build();
/// session.mount("https://", adapter.clone());
/// session.mount("http://", adapter);
/// ```
#[derive(Clone)]
pub struct HttpAdapter {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) settings: Settings,
    /// What is wrong with the settings, if anything.
    problem: Option<(ErrorKind, String)>,
    manager: Manager<Key, Connection>,
    connector: Connector,
    /// For the default `verify` and `cert`, so that most requests make none of their own.
    tls: TlsSettings,
    /// The last that were not: the next request mostly has the same, a bundle that the environment names above all.
    last_tls: Mutex<TlsSettings>,
    /// Hosts that were warned of (deviations.md: once per adapter).
    unverified: Mutex<HashSet<String>>,
}

impl HttpAdapter {
    /// An adapter with requests' defaults (ADPT-09).
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Settings first.
    pub fn builder() -> HttpAdapterBuilder {
        HttpAdapterBuilder::new()
    }

    pub(super) fn from_settings(settings: Settings) -> Self {
        let problem = settings.check().err().map(|error| (error.kind(), error.to_string()));
        let manager = Manager::new(pool::Settings {
            pool_connections: settings.pool_connections,
            pool_maxsize: settings.pool_maxsize,
            pool_block: settings.pool_block,
            idle_timeout: settings.idle_timeout,
            max_lifetime: settings.max_lifetime,
            max_connections: settings.max_connections,
            clock: Arc::clone(&settings.clock),
        });
        let connector = Connector { options: settings.socket.clone(), resolver: settings.resolver.clone() };
        let tls = TlsSettings::new(settings.tls.clone());
        let unverified = Mutex::new(HashSet::new());
        Self {
            shared: Arc::new(Shared {
                settings,
                problem,
                manager,
                connector,
                last_tls: Mutex::new(tls.clone()),
                tls,
                unverified,
            }),
        }
    }

    /// Sends over a connection that is made that way.
    pub(super) fn send_by(&self, way: Way, request: &PreparedRequest, options: &SendOptions) -> Result<Response> {
        let shared = &*self.shared;
        if let Some((kind, text)) = &shared.problem {
            return Err(Error::message(*kind, text.clone()));
        }
        options.timeout.check()?;
        let tls = shared.tls_for(options);
        shared.attempts(&Job::new(request, options, way, tls)?)
    }

    /// What the pools are doing, the most recently used first. New here.
    #[must_use]
    pub fn stats(&self) -> Vec<PoolStats> {
        self.shared.manager.stats()
    }
}

impl Default for HttpAdapter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HttpAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAdapter").field("pools", &self.stats()).finish_non_exhaustive()
    }
}

impl Adapter for HttpAdapter {
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response> {
        if !request.url.is_http() {
            let text = format!("{:?} is no URL that HTTP can be spoken to", request.url.without_user_info());
            return Err(Error::message(ErrorKind::InvalidSchema, text));
        }
        let route = match &options.route {
            Some(route) => route.clone(),
            None => proxy::select(&request.url, None, &options.proxies, None)?,
        };
        self.send_by(Way::Net(route), request, options)
    }

    fn close(&self) {
        self.shared.manager.close();
    }

    fn now(&self) -> Instant {
        self.shared.clock().now()
    }
}

impl Shared {
    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.settings.clock
    }

    /// The pool for the job's host, route and TLS settings.
    pub(super) fn pool(&self, job: &Job<'_>) -> Arc<ConnectionPool<Connection>> {
        let url = &job.request.url;
        let (host, port) = (url.host(), url.port_or_default().unwrap_or(80));
        self.manager.pool(&Wanted { is_tls: url.is_https(), host, port, way: &job.way, tls: &job.tls })
    }

    fn tls_for(&self, options: &SendOptions) -> TlsSettings {
        let (verify, cert) = (&options.verify, options.cert.as_ref());
        if self.tls.has(verify, cert) {
            return self.tls.clone();
        }
        let mut last = self.last_tls.lock();
        if !last.has(verify, cert) {
            *last = self.tls.with(verify, cert);
        }
        last.clone()
    }

    /// Opens a connection for the job.
    pub(super) fn open(&self, job: &Job<'_>) -> Result<Connected, ConnectError> {
        let url = &job.request.url;
        let encrypted_proxy = job.way.encrypted_proxy();
        let proxy_tls = encrypted_proxy.map(|_| job.tls.for_proxy());
        if job.tls.config().verify == Verify::No {
            let proxy = encrypted_proxy.map(|proxy| proxy.host.as_str());
            proxy.into_iter().chain(url.is_https().then(|| url.host())).for_each(|host| self.warn_unverified(host));
        }
        let route = match &job.way {
            Way::Unix(path) => net::Route::Unix(path),
            Way::Net(Route::Direct) => net::Route::Direct,
            Way::Net(Route::Forward(proxy)) => net::Route::Forward(hop(proxy, proxy_tls.as_ref())),
            Way::Net(Route::Tunnel(proxy)) => net::Route::Tunnel {
                proxy: hop(proxy, proxy_tls.as_ref()),
                authorization: proxy.authorization.as_deref(),
            },
            Way::Net(Route::Socks(proxy)) => net::Route::Socks(socks_hop(proxy)),
        };
        let plan = Plan {
            host: url.host(),
            port: url.port_or_default().unwrap_or(80),
            tls: url.is_https().then_some(&job.tls),
            route,
        };
        let limits =
            Limits { connect: job.options.timeout.connect_limit(), total: job.options.deadline, clock: self.clock() };
        self.connector.connect(&plan, &limits)
    }

    /// TLS-04, LOG-19: requests warns of each request; here once for each host.
    fn warn_unverified(&self, host: &str) {
        let is_new = self.unverified.lock().insert(host.to_owned());
        if is_new {
            log::warn!(
                target: "petition::tls",
                "Unverified HTTPS request is being made to host '{host}'. Adding certificate verification is strongly advised."
            );
        }
    }
}

fn hop<'a>(proxy: &'a ProxyServer, tls: Option<&'a TlsSettings>) -> ProxyHop<'a> {
    ProxyHop { host: &proxy.host, port: proxy.port, tls }
}

fn socks_hop(proxy: &SocksProxy) -> SocksHop<'_> {
    let credentials = proxy.credentials.as_ref();
    SocksHop {
        version: match proxy.version {
            proxy::SocksVersion::V4 => SocksVersion::V4,
            proxy::SocksVersion::V5 => SocksVersion::V5,
        },
        host: &proxy.host,
        port: proxy.port,
        user: credentials.map(|(user, _)| user.as_str()),
        password: credentials.map(|(_, password)| password.as_str()),
        remote_dns: proxy.resolve == SocksResolve::AtProxy,
    }
}

/// What makes two connections different (POOL-05 to POOL-11).
struct Key {
    is_tls: bool,
    host: String,
    port: u16,
    way: Way,
    tls: TlsSettings,
}

/// A [`Key`] that is looked for, by reference.
struct Wanted<'a> {
    is_tls: bool,
    host: &'a str,
    port: u16,
    way: &'a Way,
    tls: &'a TlsSettings,
}

impl Wanted<'_> {
    /// Through a forward proxy all hosts share the proxy's pool (POOL-11).
    fn peer(&self) -> (bool, &str, u16) {
        match self.way {
            Way::Net(Route::Forward(proxy)) => (proxy.scheme == ProxyScheme::Https, &proxy.host, proxy.port),
            // Two spellings of one path are one pool.
            Way::Unix(path) => (false, path.to_str().unwrap_or(self.host), self.port),
            Way::Net(_) => (self.is_tls, self.host, self.port),
        }
    }
}

impl Hash for Wanted<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (is_tls, host, port) = self.peer();
        state.write(host.as_bytes());
        state.write_u32(u32::from(port) << 1 | u32::from(is_tls));
    }
}

impl Lookup<Key> for Wanted<'_> {
    fn is(&self, key: &Key) -> bool {
        self.peer() == (key.is_tls, key.host.as_str(), key.port) && *self.way == key.way && *self.tls == key.tls
    }

    fn to_key(&self) -> Key {
        let (is_tls, host, port) = self.peer();
        Key { is_tls, host: host.to_owned(), port, way: self.way.clone(), tls: self.tls.clone() }
    }

    fn endpoint(&self) -> Endpoint {
        let (is_tls, host, port) = self.peer();
        Endpoint { scheme: if is_tls { "https" } else { "http" }.into(), host: host.to_owned(), port }
    }
}
