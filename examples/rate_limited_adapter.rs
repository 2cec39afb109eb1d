//! An adapter around `HttpAdapter` that spaces requests, over all threads and all hosts of a session.
//!
//!     cargo run --all-features --example rate_limited_adapter
//!
//! For a limit on each host, petition has one: `HttpAdapter::builder().rate_limit(RateLimit::per_second(10).burst(20))`. It
//! also counts retries, which happen within one `send` of the stock adapter and so are not seen from here, and its waits are
//! under the request's limits on time. Write an adapter when the rule is another one: here one budget for everything, as with
//! an API that is sold by the call.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use petition::testing::{Reply, TestServer};
use petition::{Adapter, Cancel, HttpAdapter, PoolStats, PreparedRequest, Response, Result, SendOptions, Session};

/// At most one request in each `interval`.
struct Spaced<A> {
    inner: A,
    interval: Duration,
    next: Mutex<Instant>,
}

impl<A: Adapter> Spaced<A> {
    fn new(inner: A, interval: Duration) -> Self {
        Self { inner, interval, next: Mutex::new(Instant::now()) }
    }

    /// Takes the next turn; returns how long it is until then. Nobody sleeps with the lock.
    fn turn(&self) -> Duration {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let mine = now.max(*next);
        *next = mine + self.interval;
        mine - now
    }
}

impl<A: Adapter> Adapter for Spaced<A> {
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response> {
        let wait = self.turn();
        match &options.cancel {
            // Returns at once when it is cancelled; then the inner adapter says so.
            Some(cancel) => drop(cancel.sleep(wait)),
            None => thread::sleep(wait),
        }
        self.inner.send(request, options)
    }

    fn close(&self) {
        self.inner.close();
    }

    fn stats(&self) -> Vec<PoolStats> {
        self.inner.stats()
    }
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let servers = [(); 2].map(|()| TestServer::http(|_| Reply::new(200).body("ok")));
    let stop = Cancel::new();
    let mut session = Session::new();
    session.trust_env = false; // the servers are on this machine
    session.timeout = (3.05, 27).into();
    session.cancel = Some(stop.clone());
    session.mount_all(Spaced::new(HttpAdapter::new(), Duration::from_millis(50)));

    let begin = Instant::now();
    let answers: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..5)
            .map(|number| {
                let (session, server) = (&session, &servers[number % 2]);
                scope.spawn(move || (0..2).filter(|_| session.get(server.url("/")).send().is_ok()).count())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
    });
    let took = begin.elapsed();
    println!("{answers} answers from 2 hosts to 5 threads, one request in 50 ms");
    println!("that took 9 intervals or more: {}", took >= Duration::from_millis(9 * 50));

    stop.cancel();
    let asked = session.get(servers[0].url("/")).send();
    println!("a request that is cancelled while it waits: {}", asked.is_err_and(|error| error.is_cancelled()));
    let arrived: usize = servers.iter().map(|server| server.requests().len()).sum();
    println!("requests that arrived: {arrived}");
    Ok(())
}
