//! A polite crawler: 2,000 URLs of 40 hosts, at each host's pace, over a bounded number of connections, with retries that
//! cannot become a storm.
//!
//!     cargo run --example polite_crawler
//!
//! One of the hosts asks for a rest, one fails, and one is not there.

mod support;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use petition::testing::{Reply, TestServer};
use petition::{ErrorKind, HttpAdapter, RateLimit, Retry, RetryBudget, Session, Timeout};

const HOSTS: usize = 40;
const PAGES: usize = 50;
const WORKERS: usize = 24;

const PER_SECOND: u32 = 40;
const BURST: u32 = 10;
const CONNECTIONS: usize = 16;

fn main() -> support::Result {
    let web = Web::start();

    // ---- what you would write

    let retry = Retry::new()
        .total(4)
        .status_forcelist([500, 502, 503, 504])
        .backoff_factor(0.05)
        .backoff_jitter(0.05)
        .respect_retry_after_header(false) // the pause heeds it, without keeping a worker
        .raise_on_status(false);
    let adapter = HttpAdapter::builder()
        .rate_limit(RateLimit::per_second(PER_SECOND).burst(BURST)) // to each host
        .pause_on_retry_after(true) // a host that says "later" is left alone by all workers
        .max_retries(retry)
        .retry_budget(RetryBudget::ratio(0.05).min_per_second(2)) // over all workers and hosts
        .max_connections(CONNECTIONS) // over all hosts
        .pool_connections(HOSTS)
        .pool_maxsize(2)
        .pool_block(true)
        .resolver(web.resolver()) // leave this out on the real web
        .build();
    let mut session = Session::new();
    session.trust_env = false;
    // No worker is kept for long by a host whose turn has not come: it takes another URL, and this one again later.
    session.timeout = Timeout::new().connect(3).read(10).pool(0.05);
    session.mount("http://", adapter.clone());
    session.mount("https://", adapter.clone());

    let begin = Instant::now();
    let queue = Mutex::new(urls());
    let results = Mutex::new(Results::default());
    let next = || lock(&queue).pop_front();
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(url) = next() {
                    let answer = session.get(&url).send();
                    let exchange = answer.as_ref().map_or_else(|error| error.exchange(), |page| Some(page.exchange()));
                    lock(&results).count(exchange.map_or(0, |exchange| exchange.attempts as usize));
                    match answer {
                        Ok(page) if page.ok() => lock(&results).fetched += 1,
                        // It was let through to ask, and the host wants a rest: all workers wait for it now.
                        Ok(page) if page.status_code() == 429 => lock(&queue).push_back(url),
                        Ok(_) => lock(&results).failed += 1,
                        Err(error) if error.kind() == ErrorKind::PoolTimeout => {
                            lock(&results).put_off += 1;
                            lock(&queue).push_back(url);
                        }
                        Err(_) => lock(&results).failed += 1,
                    }
                }
            });
        }
    });

    // ---- what came of it

    let Results { fetched, failed, put_off, requests, retries } = *lock(&results);
    println!("{} URLs of {HOSTS} hosts: {fetched} fetched, {failed} failed", HOSTS * PAGES);
    println!("some were put off until later: {}", put_off > 0);
    println!("every host was asked at its pace: {}", web.was_asked_at_its_pace(begin));
    let open: usize = adapter.stats().iter().map(|pool| pool.idle() + pool.in_use()).sum();
    println!("at most {CONNECTIONS} connections are open: {}", open <= CONNECTIONS);
    println!("requests to the host that rested, while it did: at most one: {}", web.count("in the rest of") <= 1);
    let allowed = 0.05 * requests as f64 + 2.0 * (begin.elapsed().as_secs_f64() + 1.0);
    println!("retries are at most a twentieth of the requests and two a second: {}", retries as f64 <= allowed);
    Ok(())
}

#[derive(Default)]
struct Results {
    fetched: usize,
    failed: usize,
    put_off: usize,
    requests: usize,
    retries: usize,
}

impl Results {
    fn count(&mut self, attempts: usize) {
        self.requests += 1;
        self.retries += attempts.saturating_sub(1);
    }
}

/// Page by page over all hosts, so that neighbours in the queue are pages of different hosts.
fn urls() -> VecDeque<String> {
    (0..PAGES).flat_map(|page| (0..HOSTS).map(move |host| format!("http://host{host}.test/{page}"))).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forty hosts on one local server. Host 0 asks for a rest at its twentieth request, host 1 always fails, host 2 has no
/// address.
struct Web {
    server: TestServer,
    seen: Arc<Mutex<HashMap<String, Vec<Instant>>>>,
}

impl Web {
    fn start() -> Self {
        let seen: Arc<Mutex<HashMap<String, Vec<Instant>>>> = Arc::default();
        let log = Arc::clone(&seen);
        let server = TestServer::http(move |request| {
            let host = request.header("Host").unwrap_or_default().to_owned();
            let mut log = lock(&log);
            let requests = log.entry(host.clone()).or_default();
            requests.push(Instant::now());
            let (number, rest) = (requests.len(), requests.get(19).copied());
            match (host.as_str(), number, rest) {
                ("host0.test", 20, _) => Reply::new(429).header("Retry-After", 1),
                ("host0.test", _, Some(rest)) if rest.elapsed() < Duration::from_secs(1) => {
                    log.entry("in the rest of".to_owned()).or_default().push(Instant::now());
                    Reply::new(429).header("Retry-After", 1)
                }
                ("host1.test", ..) => Reply::new(503),
                _ => Reply::new(200).body(format!("{} of {host}", request.target)),
            }
        });
        Self { server, seen }
    }

    fn resolver(&self) -> impl Fn(&str, u16) -> io::Result<Vec<std::net::SocketAddr>> + Send + Sync + 'static {
        let address = self.server.address();
        move |host, _| match host {
            "host2.test" => Err(io::Error::new(io::ErrorKind::NotFound, "no such host")),
            _ => Ok(vec![address]),
        }
    }

    fn count(&self, host: &str) -> usize {
        lock(&self.seen).get(host).map_or(0, Vec::len)
    }

    /// Whether no request came before its token can have been there.
    fn was_asked_at_its_pace(&self, begin: Instant) -> bool {
        lock(&self.seen).iter().all(|(_, requests)| {
            requests.iter().zip(1..).all(|(at, number)| {
                let allowed = f64::from(BURST) + (*at - begin).as_secs_f64() * f64::from(PER_SECOND);
                f64::from(number) <= allowed
            })
        })
    }
}
