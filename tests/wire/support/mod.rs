//! What the wire tests share: sessions that look at nothing but the test, the lines that were logged, and points at which
//! a server's script waits for its test.
#![allow(dead_code)] // each test file uses its own share

use std::cell::RefCell;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, Once};
use std::time::{Duration, Instant};

use petition::testing::TestServer;
use petition::{HttpAdapter, HttpAdapterBuilder, Session};

/// Longer than anything here takes; what is not there by then will not come.
pub const LONG: Duration = Duration::from_secs(5);

pub fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

pub fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A session over `adapter` alone, which does not look at the environment; where the code is wrong, it times out.
pub fn session(adapter: &HttpAdapter) -> Session {
    let mut session = Session::new();
    session.trust_env = false;
    session.timeout = LONG.into();
    session.mount("http://", adapter.clone());
    session.mount("https://", adapter.clone());
    session
}

/// An adapter's builder for which every host is `server`.
pub fn everywhere(server: &TestServer) -> HttpAdapterBuilder {
    let address = server.address();
    HttpAdapter::builder().resolver(move |_, _| Ok(vec![address]))
}

/// A whole answer with a body.
pub fn answer(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// An address that refuses connections.
pub fn refusing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// An address at which a connect finds neither yes nor no: its queue is full.
#[cfg(target_os = "linux")]
pub struct BlackHole {
    pub address: SocketAddr,
    _queue: (socket2::Socket, Vec<TcpStream>),
}

#[cfg(target_os = "linux")]
impl BlackHole {
    pub fn new() -> Self {
        let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let connect = |_| TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok();
        let queued = (0..8).map_while(connect).collect();
        Self { address, _queue: (listener, queued) }
    }
}

/// Holds back who waits until it is opened.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Waits until it is open; at most [`LONG`], so that a test which failed ends.
    pub fn wait(&self) {
        drop(self.0.1.wait_timeout_while(self.0.0.lock().unwrap(), LONG, |open| !*open).unwrap());
    }
}

/// Waits for what only shows in a number; panics after [`LONG`].
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < LONG, "in vain: {what}");
        std::thread::yield_now();
    }
}

/// How long `act` took.
pub fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    (act(), begin.elapsed())
}

/// What `act` logged on this thread, as `LEVEL target: text`, and what it returned. `petition::` is left out.
pub fn logged<T>(act: impl FnOnce() -> T) -> (T, Vec<String>) {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        log::set_logger(&ByThread).expect("the only logger of this test binary");
        log::set_max_level(log::LevelFilter::Debug);
    });
    LINES.set(Some(Vec::new()));
    let result = act();
    (result, LINES.take().unwrap_or_default())
}

/// What `act` logged on this thread about connections, without levels and targets.
pub fn pool_lines<T>(act: impl FnOnce() -> T) -> (T, Vec<String>) {
    let (result, lines) = logged(act);
    let text = |line: String| line.split_once(" connectionpool: ").map(|(_, text)| text.to_owned());
    (result, lines.into_iter().filter_map(text).collect())
}

thread_local! {
    static LINES: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Tests run at the same time; the crate has no threads of its own, so that a thread is a test's.
struct ByThread;

impl log::Log for ByThread {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("petition")
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let target = record.target().trim_start_matches("petition::");
        let line = format!("{} {target}: {}", record.level(), record.args());
        let _ = LINES.try_with(|lines| {
            if let Some(lines) = &mut *lines.borrow_mut() {
                lines.push(line);
            }
        });
    }

    fn flush(&self) {}
}

/// A server that gives `replies` in order, over whatever connections; the last one for ever.
pub fn in_order(replies: impl Into<Vec<petition::testing::Reply>>) -> TestServer {
    let replies = replies.into();
    let turn = std::sync::atomic::AtomicUsize::new(0);
    TestServer::http(move |_| {
        let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        replies[turn.min(replies.len() - 1)].clone()
    })
}

/// The connection of each request, in order.
pub fn connections(server: &TestServer) -> Vec<usize> {
    server.requests().iter().map(|request| request.connection).collect()
}
