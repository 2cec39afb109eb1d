//! The steps of one connect, in order, each with its limit and its name in the error.
//!
//! The steps are: resolve, connect, ask the proxy, TLS handshake. Each is in a file of its own; this file decides which of
//! them a [`Plan`] needs. Nothing is kept between two connects except the options.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::error::{ConnectError, ConnectErrorKind, Phase, ProxyFailure, ProxyStop};
use super::exhausted::Exhausted;
use super::happy_eyeballs::dial;
use super::limits::{Bounded, Limits, Stopped};
use super::resolve::{self, Allowed, Resolver, interleave, resolve};
use super::socket_options::SocketOptions;
use super::tls::{self, TlsErrorKind, TlsSettings};
use super::transport::{Transport, is_dead_peer};
use super::tunnel;
use crate::cancel::Registration;
use crate::proxy::{ProxyServer, Route, SocksProxy};
use crate::text::authority::host_and_port;

/// Makes connections, all with the same socket options and the same resolver.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connector {
    pub(crate) options: SocketOptions,
    /// The resolver to use instead of the operating system's.
    pub(crate) resolver: Option<Resolver>,
    /// Which addresses may be connected to, if not all.
    pub(crate) allowed: Option<Allowed>,
}

/// Where to connect, by which route, and whether with TLS. Hosts are names or IP literals without brackets. There is no
/// `Debug`, because it holds credentials.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    /// TLS with the origin. Ignored on the route [`Route::Forward`], where the proxy talks to the origin.
    pub(crate) tls: Option<&'a TlsSettings>,
    pub(crate) route: &'a Route,
    /// TLS with the proxy of the route.
    pub(crate) proxy_tls: Option<&'a TlsSettings>,
}

/// An open connection, and how it was made.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) transport: Transport,
    pub(crate) report: Report,
}

/// How long the steps took, by the clock of the limits, and the address that the socket is connected to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Report {
    pub(crate) dns: Duration,
    pub(crate) connect: Duration,
    /// CONNECT or SOCKS.
    pub(crate) tunnel: Duration,
    /// All handshakes: with an `https://` proxy and with the origin.
    pub(crate) tls: Duration,
    pub(crate) peer: Option<SocketAddr>,
}

impl Connector {
    /// Makes one connection.
    ///
    /// The connect limit applies to all addresses of the host together, and then again to each TLS handshake, to the proxy's
    /// tunnel, and to each step of SOCKS. The total applies to everything. The operating system's name lookup cannot be
    /// interrupted, so the total is checked when it returns.
    pub(crate) fn connect(&self, plan: &Plan<'_>, limits: &Limits<'_>) -> Result<Connected, ConnectError> {
        let mut run = Run { connector: self, limits, report: Report::default() };
        let transport = run.route(plan)?;
        run.report.peer = transport.peer_addr();
        Ok(Connected { transport, report: run.report })
    }
}

/// A connect in progress.
struct Run<'a> {
    connector: &'a Connector,
    limits: &'a Limits<'a>,
    report: Report,
}

/// The peer of a step, for its error.
#[derive(Clone, Copy)]
struct Peer<'a> {
    host: &'a str,
    port: u16,
    is_proxy: bool,
}

impl Run<'_> {
    fn route(&mut self, plan: &Plan<'_>) -> Result<Transport, ConnectError> {
        let origin = Peer { host: plan.host, port: plan.port, is_proxy: false };
        if let Route::Forward(proxy) = plan.route {
            return self.proxy(plan, proxy);
        }
        // First, so that a bad file costs no connection, and reading files takes nothing from the handshake's limit.
        let tls = self.prepare(plan.tls, origin)?;
        let transport = match plan.route {
            Route::Direct => self.open(origin)?,
            Route::Forward(proxy) => self.proxy(plan, proxy)?,
            Route::Tunnel(proxy) => {
                let transport = self.proxy(plan, proxy)?;
                self.tunnel(transport, plan, proxy)?
            }
            Route::Socks(proxy) => self.socks(plan, proxy)?,
            Route::Unix(path) => self.unix(path)?,
        };
        self.encrypt(transport, tls, origin)
    }

    /// A connection to the HTTP proxy itself.
    fn proxy(&mut self, plan: &Plan<'_>, proxy: &ProxyServer) -> Result<Transport, ConnectError> {
        let peer = Peer { host: &proxy.host, port: proxy.port, is_proxy: true };
        let tls = self.prepare(plan.proxy_tls, peer)?;
        let transport = self.open(peer)?;
        self.encrypt(transport, tls, peer)
    }

    fn prepare<'t>(
        &self,
        settings: Option<&'t TlsSettings>,
        peer: Peer<'_>,
    ) -> Result<Option<tls::Ready<'t>>, ConnectError> {
        settings.map(tls::prepare).transpose().map_err(|error| peer.error(Phase::Tls, ConnectErrorKind::Tls(error)))
    }

    /// A TCP connection.
    fn open(&mut self, peer: Peer<'_>) -> Result<Transport, ConnectError> {
        let options = &self.connector.options;
        options.check().map_err(|what| peer.error(Phase::Connect, ConnectErrorKind::Unsupported(what.into())))?;
        let addresses = self.resolve(peer, peer.host, peer.port)?;
        // What is checked is what is connected to: there is no other look-up afterwards.
        let addresses = match &self.connector.allowed {
            None => addresses,
            Some(allowed) => allowed
                .those_of(addresses)
                .map_err(|why| peer.error(Phase::Connect, ConnectErrorKind::NotAllowed(why)))?,
        };
        let bound = self.limits.bound();
        let start = self.limits.clock.now();
        let dialled = dial(&interleave(addresses), options, &bound);
        self.report.connect += self.since(start);
        let (socket, address) =
            dialled.map_err(|stopped| peer.error(Phase::Connect, self.kind(stopped, ConnectErrorKind::Connect)))?;
        Ok(Transport::new(socket, Some(address)))
    }

    fn resolve(&mut self, peer: Peer<'_>, host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
        let start = self.limits.clock.now();
        let own = self.connector.resolver.as_ref();
        let addresses = resolve(host, port, own, self.limits.cancel);
        self.report.dns += self.since(start);
        // A literal is not looked up, so no limit can have run out meanwhile.
        if !resolve::is_literal(host) && self.limits.total.has_passed(self.limits.clock.now()) {
            return Err(peer.error(Phase::Resolve, ConnectErrorKind::TotalTimeout(None)));
        }
        let looked_up = Peer { host, port, ..peer };
        // By a resolver of the program that is a decision, as that of `allow_address` is.
        let unresolved = |error: io::Error| match error.kind() {
            io::ErrorKind::PermissionDenied if own.is_some() => ConnectErrorKind::NotAllowed(error),
            _ => ConnectErrorKind::Resolve(error),
        };
        addresses.map_err(|stopped| looked_up.error(Phase::Resolve, self.kind(stopped, unresolved)))
    }

    fn encrypt(
        &mut self,
        transport: Transport,
        tls: Option<tls::Ready<'_>>,
        peer: Peer<'_>,
    ) -> Result<Transport, ConnectError> {
        let Some(tls) = tls else { return Ok(transport) };
        let bound = self.limits.bound();
        let start = self.limits.clock.now();
        let stopped = |stopped| peer.error(Phase::Tls, self.kind(stopped, ConnectErrorKind::Connect));
        let registration = bound.register_transport(&transport).map_err(stopped)?;
        let shaken = tls.handshake(peer.host, transport, &bound);
        if registration.is_some_and(Registration::end) {
            return Err(stopped(Stopped::Cancelled));
        }
        self.report.tls += self.since(start);
        shaken.map_err(|error| match error.kind() {
            TlsErrorKind::Expiry => peer.error(Phase::Tls, self.kind(bound.expired(), ConnectErrorKind::Connect)),
            _ => peer.error(Phase::Tls, ConnectErrorKind::Tls(error)),
        })
    }

    fn tunnel(
        &mut self,
        mut transport: Transport,
        plan: &Plan<'_>,
        proxy: &ProxyServer,
    ) -> Result<Transport, ConnectError> {
        let start = self.limits.clock.now();
        let peer = Peer { host: &proxy.host, port: proxy.port, is_proxy: true };
        let bound = self.limits.bound();
        let stopped = |stopped| self.refused(stopped, peer, Phase::Tunnel);
        let registration = bound.register_transport(&transport).map_err(|cancelled| stopped(cancelled.into()))?;
        let mut bounded = Bounded { transport: &mut transport, bound };
        let opened = tunnel::open(&mut bounded, plan.host, plan.port, proxy.authorization.as_deref());
        if registration.is_some_and(Registration::end) {
            return Err(stopped(Stopped::Cancelled.into()));
        }
        self.report.tunnel += self.since(start);
        opened.map_err(|stop| self.refused(stop, peer, Phase::Tunnel))?;
        Ok(transport)
    }

    #[cfg(feature = "socks")]
    fn socks(&mut self, plan: &Plan<'_>, proxy: &SocksProxy) -> Result<Transport, ConnectError> {
        use super::socks::{Target, negotiate};
        use crate::proxy::SocksResolve;

        let peer = Peer { host: &proxy.host, port: proxy.port, is_proxy: false };
        let target = match Target::literal(plan.host) {
            Some(target) => target,
            None if proxy.resolve == SocksResolve::AtProxy => Target::Name(plan.host),
            // Which addresses are allowed is not asked, as it is not for a literal: the proxy connects to this one.
            None => {
                let addresses = self.resolve(peer, plan.host, plan.port)?;
                Target::choose(&addresses, proxy.version).ok_or_else(|| {
                    let error =
                        io::Error::new(io::ErrorKind::NotFound, "the name has no IPv4 address, as SOCKS4 needs");
                    Peer { host: plan.host, port: plan.port, ..peer }
                        .error(Phase::Resolve, ConnectErrorKind::Resolve(error))
                })?
            }
        };
        let mut transport = self.open(peer)?;
        let start = self.limits.clock.now();
        let stopped = |stopped| self.refused(stopped, peer, Phase::Socks);
        let registration =
            self.limits.bound().register_transport(&transport).map_err(|cancelled| stopped(cancelled.into()))?;
        let agreed = negotiate(&mut transport, self.limits, proxy, target, plan.port);
        if registration.is_some_and(Registration::end) {
            return Err(stopped(Stopped::Cancelled.into()));
        }
        self.report.tunnel += self.since(start);
        agreed.map_err(|stop| self.refused(stop, peer, Phase::Socks))?;
        Ok(transport)
    }

    #[cfg(not(feature = "socks"))]
    fn socks(&mut self, _: &Plan<'_>, proxy: &SocksProxy) -> Result<Transport, ConnectError> {
        let peer = Peer { host: &proxy.host, port: proxy.port, is_proxy: false };
        let what = "SOCKS proxies need the feature `socks`";
        Err(peer.error(Phase::Socks, ConnectErrorKind::Unsupported(what.into())))
    }

    #[cfg(unix)]
    fn unix(&mut self, path: &Path) -> Result<Transport, ConnectError> {
        let start = self.limits.clock.now();
        let connected = super::unix::connect(path, &self.limits.bound());
        self.report.connect += self.since(start);
        connected.map_err(|stopped| ConnectError {
            kind: self.kind(stopped, ConnectErrorKind::Connect),
            phase: Phase::Connect,
            peer: path.display().to_string(),
            is_proxy: false,
        })
    }

    #[cfg(not(unix))]
    fn unix(&mut self, path: &Path) -> Result<Transport, ConnectError> {
        Err(ConnectError {
            kind: ConnectErrorKind::Unsupported("this platform has no Unix sockets".into()),
            phase: Phase::Connect,
            peer: path.display().to_string(),
            is_proxy: false,
        })
    }

    fn since(&self, start: std::time::Instant) -> Duration {
        self.limits.clock.now().saturating_duration_since(start)
    }

    fn refused(&self, stop: ProxyStop, peer: Peer<'_>, phase: Phase) -> ConnectError {
        let kind = match stop {
            ProxyStop::Stopped(stopped) => self.kind(stopped, |error| ConnectErrorKind::Proxy(ProxyFailure::Io(error))),
            ProxyStop::Failure(failure) => ConnectErrorKind::Proxy(failure),
        };
        peer.error(phase, kind)
    }

    fn kind(&self, stopped: Stopped, broken: impl FnOnce(io::Error) -> ConnectErrorKind) -> ConnectErrorKind {
        match stopped {
            Stopped::Expired { by_total: true, refused } => ConnectErrorKind::TotalTimeout(refused),
            Stopped::Expired { by_total: false, refused } => ConnectErrorKind::Timeout(self.limits.connect, refused),
            Stopped::Cancelled => ConnectErrorKind::Cancelled,
            Stopped::Exhausted(what, error) => ConnectErrorKind::Exhausted(what, error),
            // No limit of ours.
            Stopped::Io(error) if is_dead_peer(&error) => ConnectErrorKind::Timeout(None, Some(error.into())),
            Stopped::Io(error) => match Exhausted::of_descriptors(&error) {
                Some(what) => ConnectErrorKind::Exhausted(what, error),
                None => broken(error),
            },
        }
    }
}

impl Peer<'_> {
    fn error(&self, phase: Phase, kind: ConnectErrorKind) -> ConnectError {
        let peer = host_and_port(self.host, self.port);
        ConnectError { kind, phase, peer, is_proxy: self.is_proxy }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::time::{Instant, SystemTime};

    use super::*;
    use crate::clock::{self, Clock, Deadline};
    use crate::error::{Error, ErrorKind};
    use crate::net::testing::*;

    /// A clock that moves only when told.
    #[derive(Clone, Debug)]
    struct Told(Arc<Mutex<Instant>>);

    impl Told {
        fn pass(&self, time: Duration) {
            *self.0.lock().unwrap() += time;
        }
    }

    impl Clock for Told {
        fn now(&self) -> Instant {
            *self.0.lock().unwrap()
        }

        fn wall(&self) -> SystemTime {
            clock::wall()
        }

        fn sleep(&self, time: Duration) {
            self.pass(time);
        }

        fn jitter(&self) -> f64 {
            0.0
        }
    }

    fn told() -> Told {
        Told(Arc::new(Mutex::new(clock::now())))
    }

    /// A resolver that takes three seconds of `clock`.
    fn slow(clock: &Told, answer: Vec<SocketAddr>) -> Connector {
        let clock = clock.clone();
        let lookup = move |_: &str, _| {
            clock.pass(Duration::from_secs(3));
            Ok(answer.clone())
        };
        Connector { resolver: Some(Resolver(Arc::new(lookup))), ..Connector::default() }
    }

    #[test]
    fn transports_go_from_thread_to_thread() {
        fn send<T: Send>() {}
        send::<Transport>();
        send::<ConnectError>();
        fn shared<T: Send + Sync>() {}
        shared::<Connector>();
        shared::<TlsSettings>();
    }

    #[test]
    fn a_new_connection_is_one_look_up() {
        let count = Arc::new(AtomicUsize::new(0));
        let (peer, counted) = (serve(echo), Arc::clone(&count));
        let lookup = move |host: &str, port: u16| {
            assert_eq!((host, port), ("api.test", 443));
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(vec![closed_port(), peer])
        };
        let connector = Connector { resolver: Some(Resolver(Arc::new(lookup))), ..Connector::default() };

        connector.connect(&direct("api.test", None), &patient()).unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 1);

        let literal = Plan { host: "127.0.0.1", port: peer.port(), ..direct("", None) };
        connector.connect(&literal, &patient()).unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn the_report_has_times_by_the_callers_clock_and_the_peer() {
        let (clock, peer) = (told(), serve(echo));
        let limits = Limits { connect: None, total: Deadline::NONE, clock: &clock, cancel: None };

        let connected = slow(&clock, vec![peer]).connect(&direct("h", None), &limits).unwrap();

        let report = Report { dns: Duration::from_secs(3), peer: Some(peer), ..Report::default() };
        assert_eq!(connected.report, report);
    }

    #[test]
    fn a_look_up_counts_for_the_total_and_not_for_the_connect_limit() {
        let (clock, peer) = (told(), serve(echo));
        let second = Duration::from_secs(1);
        let limits = |connect, total: Option<Duration>| Limits {
            connect,
            total: Deadline::after(clock.now(), total),
            clock: &clock,
            cancel: None,
        };

        let connector = slow(&clock, vec![peer]);
        assert!(connector.connect(&direct("h", None), &limits(Some(second), Some(second * 20))).is_ok());

        for answer in [vec![peer], vec![]] {
            let connector = slow(&clock, answer);
            let error = connector.connect(&direct("h.test", None), &limits(None, Some(second))).unwrap_err();
            assert_eq!((error.kind(), error.phase), (ErrorKind::TotalTimeout, Phase::Resolve));
            assert_eq!(error.to_string(), "the total timeout ran out during: resolving h.test:443");
        }
    }

    // ERR-12, PROXY-21
    #[test]
    fn a_name_without_an_address_is_whose_name_it_is() {
        let lookup = |name: &str, _| Err(io::Error::other(format!("nothing known of {name}")));
        let connector = Connector { resolver: Some(Resolver(Arc::new(lookup))), ..Connector::default() };

        for (route, kind, text) in [
            (Route::Direct, ErrorKind::ConnectionError, "failed to resolve a.test:80: nothing known of a.test"),
            (
                Route::Forward(proxy_server("proxy.test", None)),
                ErrorKind::ProxyError,
                "failed to resolve proxy proxy.test:3128: nothing known of proxy.test",
            ),
        ] {
            let plan = Plan { host: "a.test", port: 80, tls: None, route: &route, proxy_tls: None };

            let error = connector.connect(&plan, &patient()).unwrap_err();

            assert!(matches!(&error.kind, ConnectErrorKind::Resolve(_)));
            let error = Error::from(error);
            assert_eq!((error.kind(), error.to_string().as_str()), (kind, text));
            assert!(std::error::Error::source(&error).is_some());
        }
    }

    #[test]
    fn a_forward_proxy_is_connected_to_and_asked_nothing() {
        let peer = serve(|mut stream| {
            stream.write_all(b"hello").unwrap();
            echo(stream);
        });
        let route = Route::Forward(proxy_server("proxy.test", None));
        let plan = Plan { host: "a.test", port: 80, tls: None, route: &route, proxy_tls: None };

        let mut connected = connector_to([peer]).connect(&plan, &patient()).unwrap();

        let mut hello = [0; 5];
        io::Read::read_exact(&mut connected.transport, &mut hello).unwrap();
        assert_echo(&mut connected.transport);
        assert_eq!(connected.report.peer, Some(peer));
    }

    #[test]
    fn an_ipv6_peer_is_shown_in_brackets() {
        let peer = Peer { host: "::1", port: 80, is_proxy: false };

        let error = peer.error(Phase::Connect, ConnectErrorKind::TotalTimeout(None));

        assert_eq!(error.peer, "[::1]:80");
    }

    #[cfg(not(feature = "socks"))]
    #[test]
    fn socks_without_its_feature_is_an_error_that_names_it() {
        use crate::proxy::{SocksResolve, SocksVersion};

        let route = Route::Socks(Arc::new(SocksProxy {
            version: SocksVersion::V5,
            resolve: SocksResolve::AtProxy,
            host: "127.0.0.1".into(),
            port: 1,
            credentials: Some(("me".into(), "secret".into())),
        }));
        let plan = Plan { route: &route, ..direct("a.test", None) };

        let error = Connector::default().connect(&plan, &patient()).unwrap_err();

        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::Unsupported, "SOCKS proxies need the feature `socks`")
        );
    }

    #[cfg(not(any(feature = "native-tls", feature = "rustls")))]
    #[test]
    fn tls_without_a_backend_is_an_error_that_names_both() {
        let settings = TlsSettings::default();

        let error = connector_to([closed_port()]).connect(&direct("a.test", Some(&settings)), &patient()).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().ends_with("TLS needs the feature `native-tls` or `rustls`"), "{error}");
    }
}
