//! What the tests of `net/` share: peers that answer by a script, connectors, limits.
//!
//! Every peer is a thread with a listener of its own on port 0. It ends with its connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::{ConnectError, Connected, Connector, Limits, Plan, Resolver, TlsSettings, Transport, Wait};
use crate::clock::{self, Deadline, SystemClock};
use crate::proxy::{ProxyScheme, ProxyServer, Route};
pub(super) use crate::temp_dir::TempDir;

/// Serves each connection on a thread of its own.
pub(super) fn serve(peer: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    serve_on("127.0.0.1:0", peer).unwrap()
}

pub(super) fn serve_on(address: &str, peer: impl Fn(TcpStream) + Send + Sync + 'static) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    let peer = Arc::new(peer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let peer = Arc::clone(&peer);
            thread::spawn(move || peer(stream));
        }
    });
    Ok(address)
}

/// Echoes until the end.
pub(super) fn echo(mut stream: impl Read + Write) {
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..read]).and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}

/// Reads everything and never answers.
pub(super) fn silence(mut stream: impl Read) {
    let mut buffer = [0; 1024];
    while let Ok(1..) = stream.read(&mut buffer) {}
}

/// Reads up to the empty line of a head.
pub(super) fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// An address where nobody listens.
pub(super) fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// What this system says about a connection to such an address, as our errors quote it.
pub(super) fn refusal() -> String {
    if cfg!(unix) {
        return "connection refused".to_owned();
    }
    // Windows says it in the user's language, and Wine in words of its own.
    let error = TcpStream::connect(closed_port()).unwrap_err().to_string();
    let said = error.split(" (os error").next().unwrap_or_default().trim_end_matches('.');
    said[..1].to_lowercase() + &said[1..]
}

/// An address that neither accepts nor refuses a connection, because its queue is full.
#[cfg(target_os = "linux")]
pub(super) struct BlackHole {
    pub(super) address: SocketAddr,
    _listener: socket2::Socket,
    _waiting: Vec<TcpStream>,
}

#[cfg(target_os = "linux")]
impl BlackHole {
    pub(super) fn new() -> Self {
        use socket2::{Domain, SockAddr, Socket, Type};

        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&SockAddr::from(SocketAddr::from(([127, 0, 0, 1], 0)))).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            waiting.push(stream);
            assert!(waiting.len() < 100, "the queue never fills");
        }
        Self { address, _listener: listener, _waiting: waiting }
    }
}

pub(super) const CLOCK: SystemClock = SystemClock;

/// No limits, except one that keeps a broken test from hanging.
pub(super) fn patient() -> Limits<'static> {
    limits(Some(Duration::from_secs(20)), None)
}

pub(super) fn limits(connect: Option<Duration>, total: Option<Duration>) -> Limits<'static> {
    Limits { connect, total: Deadline::after(clock::now(), total), clock: &CLOCK, cancel: None }
}

pub(super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A connector for which every name has these addresses.
pub(super) fn connector_to(addresses: impl Into<Vec<SocketAddr>>) -> Connector {
    let addresses = addresses.into();
    let resolver = Resolver(Arc::new(move |_: &str, _| Ok(addresses.clone())));
    Connector { resolver: Some(resolver), ..Connector::default() }
}

pub(super) fn direct<'a>(host: &'a str, tls: Option<&'a TlsSettings>) -> Plan<'a> {
    Plan { host, port: 443, tls, route: &Route::Direct, proxy_tls: None }
}

/// An HTTP proxy at port 3128.
pub(super) fn proxy_server(host: &str, authorization: Option<&str>) -> Arc<ProxyServer> {
    let authorization = authorization.map(str::to_owned);
    Arc::new(ProxyServer { scheme: ProxyScheme::Http, host: host.into(), port: 3128, authorization })
}

/// A plain connection to a peer.
pub(super) fn plain(address: SocketAddr) -> Transport {
    connector_to([address]).connect(&direct("peer.test", None), &patient()).unwrap().transport
}

/// Connects, and measures the time.
pub(super) fn timed(
    connector: &Connector,
    plan: &Plan<'_>,
    limits: &Limits<'_>,
) -> (Result<Connected, ConnectError>, Duration) {
    let start: Instant = clock::now();
    let result = connector.connect(plan, limits);
    (result, start.elapsed())
}

/// Sends a word and reads it back.
pub(super) fn assert_echo(transport: &mut Transport) {
    transport.set_wait(Wait { silence: Some(Duration::from_secs(20)), until: Deadline::NONE });
    transport.write_all(b"echo?").unwrap();
    transport.flush().unwrap();
    let mut answer = [0; 5];
    transport.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"echo?");
}

/// Waits until something has happened to the socket.
pub(super) fn wait_until_stale(transport: &mut Transport) {
    let give_up = clock::now() + Duration::from_secs(20);
    while !transport.is_stale() {
        assert!(clock::now() < give_up, "nothing happened");
        thread::yield_now();
    }
}
