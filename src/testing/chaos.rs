//! A proxy that breaks connections on purpose, byte by byte as a plan says.
//!
//! It knows no protocol: what passes may be HTTP or TLS. One thread accepts; two relay each connection, one for each
//! direction, and share its sockets. All of them end when the proxy is dropped: its sockets are shut down, and its sleeps
//! cancelled.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;

use super::fault::Fault;
use super::listening::{Listening, REST};
use crate::cancel::Cancel;
use crate::clock::{Clock, SystemClock};

/// The most that is relayed at a time.
const PIECE: usize = 16 * 1024;

/// How many bytes are duplicated.
const TWICE: usize = 64;

/// How often a read looks whether its connection is over, where a shutdown by another thread would not end it.
const LOOK: Duration = Duration::from_millis(20);

/// A TCP proxy that disturbs the connections to a server: delays, cuts, resets, black holes and other [`Fault`]s, one for each
/// connection.
///
/// It listens on a free port of 127.0.0.1 and passes bytes on; TLS goes through it unopened. Send requests to
/// [`address`](Self::address) in place of the server's. Dropping it closes every connection and waits for its threads.
///
/// # Examples
/// ```
/// use petition::testing::{ChaosProxy, Fault, Reply, TestServer};
/// use petition::{HttpAdapter, Retry, Session};
///
/// let server = TestServer::http(|_| Reply::new(200).body("here I am"));
/// // The first connection is reset before a byte of an answer; the others work.
/// let proxy = ChaosProxy::new(server.address(), |connection| match connection {
///     0 => Fault::Reset(0),
///     _ => Fault::None,
/// });
/// let url = format!("http://{}/", proxy.address());
///
/// let mut session = Session::new();
/// session.trust_env = false; // no proxy of this machine
/// let retry = Retry::new().total(1);
/// session.mount("http://", HttpAdapter::builder().max_retries(retry).build());
///
/// assert_eq!(session.get(url).send()?.text()?, "here I am");
/// assert_eq!(proxy.faults(), [Fault::Reset(0), Fault::None]);
/// # Ok::<(), petition::Error>(())
/// ```
pub struct ChaosProxy {
    listening: Listening,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    plan: Box<dyn Fn(usize) -> Fault + Send + Sync>,
    in_requests: AtomicBool,
    stop: Cancel,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    faults: Vec<Fault>,
    open: Vec<Arc<Line>>,
    relaying: Vec<JoinHandle<()>>,
}

impl ChaosProxy {
    /// A proxy to `server` that asks `plan` for the fault of each connection. Connections are numbered from 0, in the order
    /// in which they are accepted. A `plan` that panics closes its connection, and is asked for the same number again.
    ///
    /// # Panics
    /// No port can be bound on 127.0.0.1.
    #[must_use]
    pub fn new(server: SocketAddr, plan: impl Fn(usize) -> Fault + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on 127.0.0.1");
        let shared = Arc::new(Shared {
            server,
            plan: Box::new(plan),
            in_requests: AtomicBool::new(false),
            stop: Cancel::new(),
            state: Mutex::default(),
        });
        let of = Arc::clone(&shared);
        let listening = Listening::start(listener, move |listener| accept(listener, &of));
        Self { listening: listening.expect("a bound socket has an address"), shared }
    }

    /// A proxy whose faults a seed chooses: [`Fault::seeded`]. The same seed gives the same fault to the connection with the
    /// same number.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    #[must_use]
    pub fn seeded(server: SocketAddr, seed: u64) -> Self {
        Self::new(server, move |connection| Fault::seeded(seed, connection))
    }

    /// Disturbs what clients send. Without it the proxy disturbs what the server sends. Connections that are already open stay
    /// as they are.
    #[must_use]
    pub fn in_requests(self) -> Self {
        self.shared.in_requests.store(true, SeqCst);
        self
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// The faults of the connections that were accepted so far, by their number.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.state.lock().faults.clone()
    }
}

impl fmt::Debug for ChaosProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChaosProxy").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Drop for ChaosProxy {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.listening.end();
        let (open, relaying) = {
            let mut state = self.shared.state.lock();
            (std::mem::take(&mut state.open), std::mem::take(&mut state.relaying))
        };
        open.iter().for_each(|line| line.end());
        drop(open);
        for thread in relaying {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.stop.is_cancelled() {
            return;
        }
        let Ok(client) = client else {
            SystemClock.sleep(REST);
            continue;
        };
        let number = shared.state.lock().faults.len();
        // A plan that panics costs this connection, and not those that come after it.
        let Ok(fault) = panic::catch_unwind(AssertUnwindSafe(|| (shared.plan)(number))) else { continue };
        let mut state = shared.state.lock();
        state.faults.push(fault);
        // Those that have ended are no longer needed; a long run would collect them.
        state.relaying.retain(|thread| !thread.is_finished());
        let of = Arc::clone(shared);
        state.relaying.push(thread::spawn(move || of.serve(client, fault)));
    }
}

impl Shared {
    /// Relays one connection until it is over.
    fn serve(&self, client: TcpStream, fault: Fault) {
        // A client that cannot be served sees the end of its connection.
        let Ok(server) = TcpStream::connect(self.server) else { return };
        let line = Arc::new(Line::new(client, server, fault));
        {
            let mut state = self.state.lock();
            if self.stop.is_cancelled() {
                return;
            }
            state.open.push(Arc::clone(&line));
        }
        let in_requests = self.in_requests.load(SeqCst);
        let (up, down) = if in_requests { (fault, Fault::None) } else { (Fault::None, fault) };
        thread::scope(|scope| {
            scope.spawn(|| line.relay(Direction::Up, up, &self.stop));
            line.relay(Direction::Down, down, &self.stop);
        });
        line.end();
        // The last of its owners closes it, which is when a reset is sent.
        self.state.lock().open.retain(|open| !Arc::ptr_eq(open, &line));
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Direction {
    /// From the client to the server.
    Up,
    Down,
}

/// A connection with both of its sockets.
struct Line {
    client: TcpStream,
    server: TcpStream,
    /// Nothing is relayed any more, and the threads end.
    over: AtomicBool,
    /// Nothing is relayed any more, and the client is left waiting.
    black: AtomicBool,
    resets: AtomicBool,
}

impl Line {
    fn new(client: TcpStream, server: TcpStream, fault: Fault) -> Self {
        // A reset must not be preceded by a shutdown, so the thread that reads has to find out by itself.
        let looks = (!cfg!(unix) || matches!(fault, Fault::Reset(_))).then_some(LOOK);
        for socket in [&client, &server] {
            let _ = socket.set_nodelay(true);
            let _ = socket.set_read_timeout(looks);
            let _ = socket.set_write_timeout(looks);
        }
        let off = || AtomicBool::new(false);
        Self { client, server, over: off(), black: off(), resets: off() }
    }

    /// Ends both directions.
    fn end(&self) {
        self.over.store(true, SeqCst);
        let _ = self.server.shutdown(Shutdown::Both);
        if !self.resets.load(SeqCst) {
            let _ = self.client.shutdown(Shutdown::Both);
        }
    }

    /// Passes on one direction until its end, with a fault.
    fn relay(&self, direction: Direction, fault: Fault, stop: &Cancel) {
        let (from, to) = match direction {
            Direction::Up => (&self.client, &self.server),
            Direction::Down => (&self.server, &self.client),
        };
        let mut disturbed = Disturbed { line: self, to, fault, passed: 0, mute: false, stop };
        let mut buffer = vec![0; PIECE];
        let failed = loop {
            // A fault at the next byte does not wait for it: at byte 0 it happens before anything is said.
            if disturbed.strikes() || self.over.load(SeqCst) {
                break true;
            }
            let mut input = from;
            match input.read(&mut buffer) {
                Ok(0) => break false,
                Ok(n) => {
                    if disturbed.pass(&mut buffer[..n]).is_err() {
                        break true;
                    }
                }
                Err(error) if is_moment(&error) => {}
                Err(_) => break true,
            }
        };
        let in_the_dark = self.black.load(SeqCst);
        if direction == Direction::Up && (failed || in_the_dark)
            || direction == Direction::Down && failed && !in_the_dark
        {
            self.end();
        } else if !in_the_dark {
            let _ = to.shutdown(Shutdown::Write);
        }
    }
}

/// One direction, and how far it has come.
struct Disturbed<'l> {
    line: &'l Line,
    to: &'l TcpStream,
    fault: Fault,
    passed: u64,
    /// What comes is dropped.
    mute: bool,
    stop: &'l Cancel,
}

impl Disturbed<'_> {
    /// Does what ends the direction, if its byte is the next; returns whether the connection is over.
    fn strikes(&mut self) -> bool {
        if self.mute || !self.fault.ends() || self.fault.at() != Some(self.passed) {
            return false;
        }
        match self.fault {
            Fault::BlackHole(_) => self.line.black.store(true, SeqCst),
            Fault::HalfClose(_) => drop(self.to.shutdown(Shutdown::Write)),
            Fault::Reset(_) => {
                let _ = socket2::SockRef::from(&self.line.client).set_linger(Some(Duration::ZERO));
                self.line.resets.store(true, SeqCst);
                return true;
            }
            _ => return true,
        }
        self.mute = true;
        false
    }

    fn pass(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        if self.mute || self.line.black.load(SeqCst) {
            return Ok(());
        }
        // Where in these bytes the fault's is.
        let at = self.fault.at().and_then(|at| usize::try_from(at.checked_sub(self.passed)?).ok());
        let at = at.filter(|at| *at < bytes.len());
        match (self.fault, at) {
            (Fault::Delay(delay), _) => self.sleep(delay)?,
            (Fault::Drip { bytes: count, pause }, _) => {
                let left = count.saturating_sub(self.passed);
                let singly = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                for byte in bytes[..singly].chunks(1) {
                    self.sleep(pause)?;
                    self.write(byte)?;
                }
                return self.write(&bytes[singly..]);
            }
            (Fault::Corrupt(_), Some(at)) => bytes[at] ^= 1,
            (Fault::Duplicate(_), Some(at)) => {
                self.write(bytes)?;
                let end = bytes.len().min(at + TWICE);
                let passed = self.passed;
                self.write(&bytes[at..end])?;
                self.passed = passed;
                return Ok(());
            }
            (fault, Some(at)) if fault.ends() => return self.write(&bytes[..at]),
            _ => {}
        }
        self.write(bytes)
    }

    fn sleep(&self, duration: Duration) -> io::Result<()> {
        if duration.is_zero() || self.stop.sleep(duration) {
            return Ok(());
        }
        Err(io::ErrorKind::Interrupted.into())
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut to = self.to;
            match to.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    self.passed += n as u64;
                    bytes = &bytes[n..];
                }
                Err(error) if is_moment(&error) && !self.line.over.load(SeqCst) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether a call was only interrupted, or looked up from its wait.
fn is_moment(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
