//! What order of arrival promises: that no thread waits much longer than another; and what it costs.

use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use petition::testing::{Reply, TestServer};
use petition::{HttpAdapter, Session};

use crate::support::session_over;

const THREADS: usize = 64;
const SLOTS: usize = 4;

/// What threads have waited.
struct Waits {
    /// The total of each thread, sorted.
    totals: Vec<Duration>,
    longest: Duration,
    requests: usize,
    took: Duration,
}

/// So many threads send `each` requests, one after another.
fn run(threads: usize, each: usize, send: impl Fn() -> Duration + Sync) -> Waits {
    let started = Instant::now();
    let waits: Vec<Vec<Duration>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| (0..each).map(|_| send()).collect())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let took = started.elapsed();
    let mut totals: Vec<Duration> = waits.iter().map(|waits| waits.iter().sum()).collect();
    totals.sort();
    let longest = waits.iter().flatten().max().copied().unwrap_or_default();
    Waits { totals, longest, requests: threads * each, took }
}

fn get(session: &Session, url: &str) -> Duration {
    let response = session.get(url).send().unwrap();
    response.exchange().waited
}

/// What a pool without an order would do: whoever comes when a slot is free takes it, however long others have waited.
#[derive(Default)]
struct Unordered {
    used: Mutex<usize>,
    freed: Condvar,
}

impl Unordered {
    fn with<R>(&self, act: impl FnOnce() -> R) -> (R, Duration) {
        let began = Instant::now();
        let mut used = self.freed.wait_while(self.used.lock().unwrap(), |used| *used == SLOTS).unwrap();
        *used += 1;
        drop(used);
        let waited = began.elapsed();
        let done = act();
        *self.used.lock().unwrap() -= 1;
        self.freed.notify_one();
        (done, waited)
    }
}

impl Waits {
    /// How much longer than the median the slowest thread has waited.
    fn show(&self, what: &str) -> f64 {
        let Self { totals, longest, requests, took } = self;
        let (fastest, median, slowest) = (totals[0], totals[totals.len() / 2], totals[totals.len() - 1]);
        let ratio = slowest.as_secs_f64() / median.as_secs_f64();
        println!(
            "{what}: {:.0} requests/s; total wait of a thread: least {fastest:.2?}, median {median:.2?}, most {slowest:.2?}, \
             {ratio:.2} times the median; the longest wait {longest:.1?}",
            *requests as f64 / took.as_secs_f64()
        );
        ratio
    }
}

// docs/pooling.md has the figures of a run with PETITION_FULL=1 and --nocapture.
#[test]
fn the_slowest_thread_waits_at_most_a_fifth_longer_than_the_median() {
    let is_full = std::env::var_os("PETITION_FULL").is_some_and(|value| value == "1");
    let each = if is_full { 20_000_usize.div_ceil(THREADS) } else { 40 };
    let server = TestServer::http(|_| Reply::new(200).body("hello"));
    let url = server.url("/");

    let pool = HttpAdapter::builder().pool_maxsize(SLOTS).pool_block(true).build();
    let session = session_over(&pool);
    let waits = run(THREADS, each, || get(&session, &url));
    let ratio = waits.show("64 threads in order of arrival");

    assert!(ratio <= 1.2, "{ratio}: {:?}", waits.totals);
    assert_eq!(pool.stats()[0].num_requests(), (each * THREADS) as u64);
    if is_full {
        let unordered = Unordered::default();
        let free = session_over(HttpAdapter::builder().pool_maxsize(SLOTS).build());
        run(THREADS, each, || unordered.with(|| get(&free, &url)).1).show("64 threads without an order");
        run(SLOTS, each * THREADS / SLOTS, || get(&session, &url)).show("4 threads");
    }
}
