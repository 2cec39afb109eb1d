//! A server on a std listener, scripted by a closure.
//!
//! One thread accepts, one serves each connection. Everything is recorded: connections accepted and open, and requests
//! as they came. Dropping the server closes every connection and waits for its threads.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::authority::Leaf;
use super::listening::{Listening, REST};
use super::own_authority::OwnAuthority;
use super::reply::Reply;
use super::request::TestRequest;
use super::tls::Acceptor;
use crate::clock::{Clock, SystemClock};
use crate::verify::ClientCert;

type Script = dyn Fn(&mut Peer) + Send + Sync;

/// A server on 127.0.0.1, on a free port.
///
/// # Examples
/// ```
/// use petition::Session;
/// use petition::testing::{Reply, TestServer};
///
/// let server =
///     TestServer::http(|request| Reply::new(200).body(request.target.clone()));
///
/// let mut session = Session::new();
/// session.trust_env = false; // no proxy of this machine
/// let response = session.get(server.url("/path?x=1")).send()?;
/// assert_eq!(response.text()?, "/path?x=1");
/// assert_eq!((server.accepted(), server.requests().len()), (1, 1));
/// # Ok::<(), petition::Error>(())
/// ```
pub struct TestServer {
    listening: Listening,
    is_tls: bool,
    /// The one that signed its certificate, if it made that itself.
    authority: Option<OwnAuthority>,
    shared: Arc<Watched>,
}

#[derive(Default)]
struct Watched {
    record: Mutex<Record>,
    changed: Condvar,
}

#[derive(Default)]
struct Record {
    stopped: bool,
    accepted: usize,
    open: usize,
    most_open: usize,
    requests: Vec<TestRequest>,
    /// The open sockets, by the connection's number, to close them when the server is dropped.
    sockets: Vec<(usize, TcpStream)>,
    serving: Vec<JoinHandle<()>>,
}

/// Builds a [`TestServer`] with other than the default settings.
#[must_use = "a builder does nothing until `start`"]
pub struct TestServerBuilder {
    address: String,
    tls: Tls,
    wants_client: bool,
}

enum Tls {
    None,
    /// Certificate and key of the program.
    Pem(String, String),
    /// A certificate that is made when the server starts.
    Own,
}

impl TestServerBuilder {
    /// Sets the address to listen on, such as `[::1]:0` or `127.0.0.2:0`.
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    /// Uses TLS, with a certificate (and its chain) and a PKCS#8 key in PEM.
    ///
    /// # Errors
    /// The TLS library refuses the pair.
    pub fn tls(mut self, certificate: &str, key: &str) -> io::Result<Self> {
        Acceptor::new(certificate, key, None)?;
        self.tls = Tls::Pem(certificate.to_owned(), key.to_owned());
        Ok(self)
    }

    /// Uses TLS, with a new certificate for `localhost`, 127.0.0.1 and \[::1\], which an authority of the server's own has
    /// signed: see [`TestServer::ca_file`].
    pub fn https(mut self) -> Self {
        self.tls = Tls::Own;
        self
    }

    /// Uses TLS as [`https`](Self::https), and refuses clients that have no certificate of the server's own authority:
    /// see [`TestServer::client_cert`]. A handler finds the certificate in [`TestRequest::client_certificate`].
    pub fn require_client_certificate(mut self) -> Self {
        self.tls = Tls::Own;
        self.wants_client = true;
        self
    }

    /// Starts a server that runs `script` for each connection, each on its own thread.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn start(self, script: impl Fn(&mut Peer) + Send + Sync + 'static) -> io::Result<TestServer> {
        let listener = TcpListener::bind(&self.address)?;
        let shared = Arc::new(Watched::default());
        let (acceptor, authority) = match &self.tls {
            Tls::None => (None, None),
            Tls::Pem(certificate, key) => (Some(Acceptor::new(certificate, key, None)?), None),
            Tls::Own => {
                let authority = OwnAuthority::new();
                let Leaf { cert, key, .. } = authority.server();
                let clients_of = self.wants_client.then(|| authority.der());
                (Some(Acceptor::new(&cert, &key, clients_of)?), Some(authority))
            }
        };
        let is_tls = acceptor.is_some();
        let listening = {
            let shared = Arc::clone(&shared);
            let script: Arc<Script> = Arc::new(script);
            Listening::start(listener, move |listener| accept(listener, acceptor.as_ref(), &shared, &script))?
        };
        Ok(TestServer { listening, is_tls, authority, shared })
    }
}

fn accept(listener: &TcpListener, acceptor: Option<&Acceptor>, shared: &Arc<Watched>, script: &Arc<Script>) {
    for stream in listener.incoming() {
        let mut record = shared.record.lock();
        if record.stopped {
            return;
        }
        let Ok((socket, stream)) = stream.and_then(|stream| Ok((stream.try_clone()?, stream))) else {
            drop(record);
            SystemClock.sleep(REST);
            continue;
        };
        let number = record.accepted;
        record.sockets.push((number, socket));
        record.accepted += 1;
        record.open += 1;
        record.most_open = record.most_open.max(record.open);
        shared.changed.notify_all();
        let (shared, script, acceptor) = (Arc::clone(shared), Arc::clone(script), acceptor.cloned());
        record.serving.push(thread::spawn(move || {
            // Also if the script panics: its client sees the end of the connection, and no test waits for ever.
            let _ending = Ending { shared: Arc::clone(&shared), number };
            let _ = stream.set_nodelay(true);
            let stream = Waking::new(stream, &shared);
            let (end, client): (Box<dyn Duplex>, _) = match acceptor {
                None => (Box::new(stream), None),
                Some(acceptor) => match acceptor.accept(stream) {
                    Some(accepted) => (Box::new(accepted.stream), accepted.client),
                    // The test checks how the client reacts.
                    None => return,
                },
            };
            let mut peer = Peer { end: Some(end), number, shared, unread: Vec::new(), client };
            script(&mut peer);
            peer.close();
        }));
    }
}

/// Ends a connection when its thread ends.
struct Ending {
    shared: Arc<Watched>,
    number: usize,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.shared.with_socket(self.number, |socket| socket.shutdown(Shutdown::Both));
        self.shared.closed(self.number);
    }
}

impl fmt::Debug for TestServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestServerBuilder").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Watched {
    fn closed(&self, number: usize) {
        let mut record = self.record.lock();
        record.open -= 1;
        record.sockets.retain(|(own, _)| *own != number);
        drop(record);
        self.changed.notify_all();
    }

    /// Runs `act` on the socket of a connection that is still open.
    fn with_socket(&self, number: usize, act: impl FnOnce(&TcpStream) -> io::Result<()>) {
        if let Some((_, socket)) = self.record.lock().sockets.iter().find(|(own, _)| *own == number) {
            // The client may have closed; the test checks how it reacts.
            let _ = act(socket);
        }
    }
}

impl TestServer {
    /// A builder, to change settings before the start.
    pub fn builder() -> TestServerBuilder {
        TestServerBuilder { address: "127.0.0.1:0".to_owned(), tls: Tls::None, wants_client: false }
    }

    /// A server that answers each request with `handler`, and keeps connections open. A handler that panics closes its
    /// connection.
    ///
    /// # Panics
    /// No port can be bound on 127.0.0.1.
    #[must_use]
    pub fn http(handler: impl Fn(&TestRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self::connections(serve(handler))
    }

    /// A server that answers each request with `handler` over TLS, with a certificate of its own for `localhost`, 127.0.0.1
    /// and \[::1\].
    ///
    /// A client has to trust the authority that signed it: [`ca_file`](Self::ca_file) or [`ca_pem`](Self::ca_pem). For client
    /// certificates see [`TestServerBuilder::require_client_certificate`].
    ///
    /// # Panics
    /// No port can be bound on 127.0.0.1.
    ///
    /// # Examples
    #[cfg_attr(any(feature = "native-tls", feature = "rustls"), doc = "```")]
    #[cfg_attr(not(any(feature = "native-tls", feature = "rustls")), doc = "```no_run")]
    /// use petition::Session;
    /// use petition::testing::{Reply, TestServer};
    ///
    /// let server = TestServer::https(|_| Reply::new(200).body("private"));
    ///
    /// let mut session = Session::new();
    /// session.trust_env = false; // no proxy of this machine
    /// session.verify = server.ca_file().into();
    /// assert_eq!(session.get(server.url("/")).send()?.text()?, "private");
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[must_use]
    pub fn https(handler: impl Fn(&TestRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self::builder().https().start(serve(handler)).expect("a port on 127.0.0.1")
    }

    /// A server that runs `script` for each connection; the connection closes when it returns.
    ///
    /// # Panics
    /// No port can be bound on 127.0.0.1.
    #[must_use]
    pub fn connections(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Self {
        Self::builder().start(script).expect("a port on 127.0.0.1")
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// A URL on this server; `path` starts with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address())
    }

    /// The certificate of the authority that signed the server's own, in PEM.
    ///
    /// # Panics
    /// The server did not make its certificate itself: it was not started with `https`.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.own_authority().pem()
    }

    /// The same as a file, for [`Session::verify`](crate::Session::verify) and other programs. It is deleted with the server.
    ///
    /// # Panics
    /// As [`ca_pem`](Self::ca_pem), and if the file cannot be written to the folder for temporary files.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.own_authority().file()
    }

    /// A new certificate that identifies a client to this server, signed by the server's own authority.
    ///
    /// # Panics
    /// As [`ca_pem`](Self::ca_pem).
    ///
    /// # Examples
    #[cfg_attr(any(feature = "native-tls", feature = "rustls"), doc = "```")]
    #[cfg_attr(not(any(feature = "native-tls", feature = "rustls")), doc = "```no_run")]
    /// use petition::Session;
    /// use petition::testing::{Reply, TestServer, serve};
    ///
    /// let handler = serve(|request| Reply::new(200).body(request.client_certificate.clone().unwrap_or_default()));
    /// let server = TestServer::builder().require_client_certificate().start(handler)?;
    ///
    /// let mut session = Session::new();
    /// session.trust_env = false; // no proxy of this machine
    /// session.verify = server.ca_file().into();
    /// assert!(session.get(server.url("/")).send().is_err());
    ///
    /// session.cert = Some(server.client_cert());
    /// assert!(!session.get(server.url("/")).send()?.content()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn client_cert(&self) -> ClientCert {
        let Leaf { cert, key, .. } = self.own_authority().client();
        ClientCert::pem_bytes(cert, key)
    }

    #[track_caller]
    fn own_authority(&self) -> &OwnAuthority {
        self.authority.as_ref().expect("the server was started with `https`")
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.shared.record.lock().accepted
    }

    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.shared.record.lock().open
    }

    /// The most connections that were open at once.
    #[must_use]
    pub fn most_open(&self) -> usize {
        self.shared.record.lock().most_open
    }

    /// The requests so far, in the order in which they were complete.
    #[must_use]
    pub fn requests(&self) -> Vec<TestRequest> {
        self.shared.record.lock().requests.clone()
    }

    /// Waits at most five seconds until the number of open connections is `open`; returns whether it is.
    #[must_use]
    pub fn wait_for_open(&self, open: usize) -> bool {
        self.wait_for(|record| record.open == open)
    }

    /// Waits at most five seconds until `requests` requests have come; returns whether they have.
    #[must_use]
    pub fn wait_for_requests(&self, requests: usize) -> bool {
        self.wait_for(|record| record.requests.len() >= requests)
    }

    fn wait_for(&self, wanted: impl Fn(&Record) -> bool) -> bool {
        let mut record = self.shared.record.lock();
        !self.shared.changed.wait_while_for(&mut record, |record| !wanted(record), Duration::from_secs(5)).timed_out()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let sockets = {
            let mut record = self.shared.record.lock();
            record.stopped = true;
            std::mem::take(&mut record.sockets)
        };
        for (_, socket) in sockets {
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.listening.end();
        let serving = std::mem::take(&mut self.shared.record.lock().serving);
        for thread in serving {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for TestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestServer").field("address", &self.address()).finish_non_exhaustive()
    }
}

/// The script of [`TestServer::http`], for a builder's `start`.
pub fn serve(
    handler: impl Fn(&TestRequest) -> Reply + Send + Sync + 'static,
) -> impl Fn(&mut Peer) + Send + Sync + 'static {
    move |peer| {
        while let Some(request) = peer.read_request() {
            let reply = handler(&request);
            let close = reply.closes();
            peer.send(reply.bytes(request.method == "HEAD"));
            if close {
                return;
            }
        }
    }
}

/// A socket whose reads end when its server does.
///
/// On Unix a shutdown ends a read that is under way in another thread. On Windows that is not promised, and under Wine
/// it does not happen while the client keeps its end open, so a read looks now and then whether the server has stopped.
pub(super) struct Waking {
    stream: TcpStream,
    shared: Arc<Watched>,
}

impl Waking {
    fn new(stream: TcpStream, shared: &Arc<Watched>) -> Self {
        if cfg!(not(unix)) {
            let _ = stream.set_read_timeout(Some(Duration::from_millis(50)));
        }
        Self { stream, shared: Arc::clone(shared) }
    }

    pub(super) fn shutdown_write(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

impl Read for Waking {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(out) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut && !self.shared.record.lock().stopped => {}
                result => return result,
            }
        }
    }
}

impl Write for Waking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

trait Duplex: Read + Write + Send {}
impl<T: Read + Write + Send> Duplex for T {}

/// A connection to a client, as a script sees it. When something fails because the client has closed, reading ends and
/// the failure is otherwise ignored: the test checks how the client reacts.
pub struct Peer {
    end: Option<Box<dyn Duplex>>,
    number: usize,
    shared: Arc<Watched>,
    unread: Vec<u8>,
    /// The client's certificate, in DER.
    client: Option<Vec<u8>>,
}

impl Peer {
    /// Which connection this is, from 0.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// Reads one request, body included, and records it; `None` when the client has closed.
    pub fn read_request(&mut self) -> Option<TestRequest> {
        let mut request = self.read_head_bytes()?;
        let length = request.header("content-length").and_then(|value| value.parse::<usize>().ok());
        if request.header("transfer-encoding").is_some() {
            self.read_chunks(&mut request)?;
        } else if let Some(length) = length {
            while self.unread.len() < length {
                self.fill()?;
            }
            request.body = self.unread.drain(..length).collect();
            request.raw.extend_from_slice(&request.body);
        }
        self.record(&request);
        Some(request)
    }

    /// Reads a request's head, and leaves its body unread.
    pub fn read_head(&mut self) -> Option<TestRequest> {
        let request = self.read_head_bytes()?;
        self.record(&request);
        Some(request)
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        if let Some(end) = &mut self.end {
            let _ = end.write_all(bytes.as_ref()).and_then(|()| end.flush());
        }
    }

    /// Reads what comes next, at most `most` bytes; empty when the client has closed.
    pub fn read_some(&mut self, most: usize) -> Vec<u8> {
        if self.unread.is_empty() && self.fill().is_none() {
            return Vec::new();
        }
        self.unread.drain(..most.min(self.unread.len())).collect()
    }

    /// Waits until the client closes, reading what it sends.
    pub fn wait_for_close(&mut self) {
        while self.fill().is_some() {
            self.unread.clear();
        }
    }

    /// Closes this side for writing; the client sees an end of stream.
    pub fn shutdown_write(&mut self) {
        self.shared.with_socket(self.number, |socket| socket.shutdown(Shutdown::Write));
    }

    /// Closes the connection.
    pub fn close(&mut self) {
        self.end = None;
        self.shared.with_socket(self.number, |socket| socket.shutdown(Shutdown::Both));
    }

    /// Closes the connection so that the client sees a reset.
    pub fn reset(&mut self) {
        self.shared.with_socket(self.number, |socket| socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO)));
        self.end = None;
        // The reset is sent when the last copy of the socket is closed.
        self.shared.record.lock().sockets.retain(|(own, _)| *own != self.number);
    }

    fn record(&self, request: &TestRequest) {
        self.shared.record.lock().requests.push(request.clone());
        self.shared.changed.notify_all();
    }

    fn fill(&mut self) -> Option<()> {
        let mut buf = [0; 16 * 1024];
        let n = loop {
            match self.end.as_mut()?.read(&mut buf) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.ok()?,
            }
        };
        self.unread.extend_from_slice(&buf[..n]);
        (n > 0).then_some(())
    }

    fn read_line(&mut self, raw: &mut Vec<u8>) -> Option<String> {
        loop {
            if let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                raw.extend_from_slice(&line);
                let text: String = line.iter().map(|&byte| char::from(byte)).collect();
                return Some(text.trim_end_matches(['\r', '\n']).to_owned());
            }
            self.fill()?;
        }
    }

    fn read_head_bytes(&mut self) -> Option<TestRequest> {
        let mut request =
            TestRequest { connection: self.number, client_certificate: self.client.clone(), ..TestRequest::default() };
        let mut raw = Vec::new();
        let line = self.read_line(&mut raw)?;
        let mut words = line.splitn(3, ' ').map(str::to_owned);
        (request.method, request.target) = (words.next()?, words.next().unwrap_or_default());
        loop {
            let line = self.read_line(&mut raw)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            request.headers.push((name.to_owned(), value.trim().to_owned()));
        }
        request.raw = raw;
        Some(request)
    }

    fn read_chunks(&mut self, request: &mut TestRequest) -> Option<()> {
        loop {
            let mut raw = Vec::new();
            let line = self.read_line(&mut raw)?;
            let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
            while self.unread.len() < size {
                self.fill()?;
            }
            let data: Vec<u8> = self.unread.drain(..size).collect();
            raw.extend_from_slice(&data);
            request.body.extend_from_slice(&data);
            self.read_line(&mut raw)?;
            request.raw.extend_from_slice(&raw);
            if size == 0 {
                return Some(());
            }
        }
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("number", &self.number).finish_non_exhaustive()
    }
}
