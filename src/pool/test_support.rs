//! What the pool's tests share: a connection that counts, a clock that stands still, keys and settings.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant, SystemTime};

use super::{Endpoint, Listener, Lookup, PoolSettings, Pooled};
use crate::clock::{self, Clock};
use crate::log_targets;

/// A connection. Its `Live` counters know whether it is open.
pub(super) struct Conn {
    pub(super) name: u32,
    of: Vec<Arc<Live>>,
    stale: Arc<AtomicBool>,
    probed: Arc<AtomicUsize>,
}

/// How many connections are open, and how many were at most.
#[derive(Default)]
pub(super) struct Live {
    now: AtomicUsize,
    most: AtomicUsize,
    closed: Mutex<Vec<u32>>,
}

impl Live {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(super) fn now(&self) -> usize {
        self.now.load(SeqCst)
    }

    pub(super) fn most(&self) -> usize {
        self.most.load(SeqCst)
    }

    /// The names of those that were closed, in order.
    pub(super) fn closed(&self) -> Vec<u32> {
        self.closed.lock().unwrap().clone()
    }

    /// A connection that is usable until [`Conn::hang_up`] is used.
    pub(super) fn open(self: &Arc<Self>, name: u32) -> Conn {
        let mut conn = Conn::counted([Arc::clone(self)], false);
        conn.name = name;
        conn
    }
}

impl Conn {
    pub(super) fn counted(of: impl Into<Vec<Arc<Live>>>, stale: bool) -> Self {
        let of = of.into();
        for live in &of {
            live.most.fetch_max(live.now.fetch_add(1, SeqCst) + 1, SeqCst);
        }
        Self { name: 0, of, stale: Arc::new(AtomicBool::new(stale)), probed: Arc::default() }
    }

    /// A switch for the peer's end: set, the connection is stale.
    pub(super) fn hang_up(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stale)
    }

    /// How often it was probed.
    pub(super) fn probed(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.probed)
    }
}

impl Pooled for Conn {
    fn is_stale(&mut self) -> bool {
        self.probed.fetch_add(1, SeqCst);
        self.stale.load(SeqCst)
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        for live in &self.of {
            live.now.fetch_sub(1, SeqCst);
            live.closed.lock().unwrap().push(self.name);
        }
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub(super) struct TestClock {
    start: Instant,
    nanos: AtomicU64,
}

impl TestClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { start: clock::now(), nanos: AtomicU64::new(0) })
    }

    pub(super) fn advance(&self, by: Duration) {
        self.nanos.fetch_add(by.as_nanos() as u64, SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        self.start + Duration::from_nanos(self.nanos.load(SeqCst))
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

/// Asks for the pool of a host.
#[derive(Hash)]
pub(super) struct Key<'a>(&'a str);

pub(super) fn key(host: &str) -> Key<'_> {
    Key(host)
}

impl Lookup<String> for Key<'_> {
    fn is(&self, key: &String) -> bool {
        key == self.0
    }

    fn to_key(&self) -> String {
        self.0.to_owned()
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint { scheme: "http".into(), host: self.0.to_owned(), port: 80 }
    }
}

/// urllib3's defaults, without limits on time; the clock stands still.
pub(super) fn settings() -> PoolSettings {
    PoolSettings {
        pool_connections: 10,
        pool_maxsize: 10,
        pool_block: false,
        idle_timeout: None,
        max_lifetime: None,
        max_connections: None,
        reap_idle: false,
        long_wait: None,
        listener: Listener::default(),
        clock: TestClock::new(),
        is_real_time: false,
    }
}

/// What this thread logs to `petition::connectionpool` while `act` runs, as `level text`.
pub(super) fn logged<R>(act: impl FnOnce() -> R) -> (R, Vec<String>) {
    let (done, lines) = kept(act);
    let of_urllib3 = lines.into_iter().filter(|(target, _)| *target == log_targets::CONNECTIONPOOL);
    (done, of_urllib3.map(|(_, line)| line).collect())
}

/// The same, with the lines of `petition::pool`.
pub(super) fn all_logged<R>(act: impl FnOnce() -> R) -> (R, Vec<String>) {
    let (done, lines) = kept(act);
    (done, lines.into_iter().map(|(_, line)| line).collect())
}

fn kept<R>(act: impl FnOnce() -> R) -> (R, Vec<(&'static str, String)>) {
    static START: Once = Once::new();
    START.call_once(|| {
        log::set_logger(&ByThread).expect("the only logger of the unit tests");
        log::set_max_level(log::LevelFilter::Trace);
    });
    LINES.with_borrow_mut(Vec::clear);
    let done = act();
    (done, LINES.take())
}

thread_local! {
    static LINES: RefCell<Vec<(&'static str, String)>> = const { RefCell::new(Vec::new()) };
}

struct ByThread;

impl log::Log for ByThread {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        for target in [log_targets::CONNECTIONPOOL, log_targets::POOL] {
            if record.target() == target {
                let line = format!("{} {}", record.level(), record.args());
                LINES.with_borrow_mut(|lines| lines.push((target, line)));
            }
        }
    }

    fn flush(&self) {}
}

/// Lets other threads run until `true_at_last` returns true.
pub(super) fn until(true_at_last: impl Fn() -> bool) {
    while !true_at_last() {
        std::thread::yield_now();
    }
}
