//! The main use: one session shared by worker threads, with a blocking pool and retries.
//!
//!     cargo run --example quickstart
//!     cargo run --example quickstart -- https://www.rust-lang.org/
//!
//! Without an argument it uses a local server; with a URL it fetches that. `RUST_LOG=petition=debug` shows the
//! log lines.

use std::collections::HashSet;
use std::process::ExitCode;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Duration;

use petition::testing::{Reply, TestRequest, TestServer};
use petition::{Exchange, HttpAdapter, Retry, Session};

const WORKERS: usize = 8;
const ITEMS: usize = 40;
const CONNECTIONS: usize = 4;

fn main() -> ExitCode {
    env_logger::init();
    let (what, done) = match std::env::args().nth(1) {
        Some(url) => (format!("cannot fetch {url}"), fetch(&url)),
        None => ("cannot fetch the items".to_owned(), work()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {what}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The session of a program: created once, then shared.
fn session() -> (Session, HttpAdapter) {
    let retry = Retry::new().total(3).backoff_factor(0.1).status_forcelist([500, 502, 503, 504]);
    let adapter = HttpAdapter::builder().pool_maxsize(CONNECTIONS).pool_block(true).max_retries(retry).build();

    let mut session = Session::new();
    session.timeout = (3.05, 27).into(); // seconds: connect, read. There is no limit otherwise!
    session.mount("https://", adapter.clone()); // clones share their pools
    session.mount("http://", adapter.clone());
    (session, adapter)
}

fn work() -> petition::Result<()> {
    let server = busy_server();
    let (mut session, adapter) = session();
    session.trust_env = false; // the server is here: by no proxy
    println!("{WORKERS} threads fetch {ITEMS} items from {}", server.url("/"));

    let items = Mutex::new(0..ITEMS);
    let results = thread::scope(|scope| {
        let worker = || {
            let mut results = Vec::new();
            while let Some(item) = next(&items) {
                results.push(get_item(&session, &server, item));
            }
            results
        };
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker does not panic")).collect::<Vec<_>>()
    });

    let exchanges = results.into_iter().collect::<petition::Result<Vec<_>>>()?;
    let reused = exchanges.iter().filter(|exchange| exchange.reused).count();
    let retried = exchanges.iter().filter(|exchange| exchange.attempts > 1).count();
    let waited = exchanges.iter().map(|exchange| exchange.waited).max().unwrap_or_default();
    println!(
        "{} items received, {retried} of them at the second attempt because the server had answered 503",
        exchanges.len()
    );
    println!(
        "{reused} were received over a connection that had been used before; the longest wait for one was {waited:.1?}"
    );
    println!("at most {} connections were open at once", server.most_open());
    for pool in adapter.stats() {
        println!(
            "pool {}://{}:{}: {} connections made, {} requests, {} idle, {} in use",
            pool.scheme(),
            pool.host(),
            pool.port(),
            pool.num_connections(),
            pool.num_requests(),
            pool.idle(),
            pool.in_use()
        );
    }
    Ok(())
}

fn next(items: &Mutex<std::ops::Range<usize>>) -> Option<usize> {
    items.lock().ok()?.next()
}

/// Fetches an item and returns what happened on the wire.
fn get_item(session: &Session, server: &TestServer, item: usize) -> petition::Result<Exchange> {
    let response = session.get(server.url("/item")).params([("id", item)]).send()?;
    response.raise_for_status()?;
    Ok(response.exchange().clone())
}

/// Answers 503 to the first request for every tenth item.
fn busy_server() -> TestServer {
    let asked = Mutex::new(HashSet::new());
    let all_here = Barrier::new(CONNECTIONS);
    TestServer::http(move |request: &TestRequest| {
        let (first, count) = match asked.lock() {
            Ok(mut asked) => (asked.insert(request.target.clone()), asked.len()),
            Err(_) => return Reply::new(500),
        };
        if first && count <= CONNECTIONS {
            all_here.wait(); // the first answers come when as many threads ask as there may be connections
        }
        if first && request.target.ends_with('9') { Reply::new(503) } else { Reply::new(200).body("an item") }
    })
}

fn fetch(url: &str) -> petition::Result<()> {
    let (session, _) = session();
    let response = session.get(url).send()?.error_for_status()?;
    let size = response.content()?.len();

    for hop in response.history() {
        println!(
            "{} {} -> {}",
            hop.status_code().as_u16(),
            hop.url(),
            hop.headers().get("location").unwrap_or_default()
        );
    }
    println!("{} {}", response.status_code(), response.url());
    println!("{size} bytes of {}", response.headers().get("content-type").unwrap_or("an unknown type"));
    let Exchange { dns, connect, tls, first_byte, attempts, .. } = response.exchange();
    println!(
        "dns {dns:.1?}, connect {connect:.1?}, tls {tls:.1?}, first byte after {first_byte:.1?}, attempts: {attempts}"
    );
    println!(
        "{:.1?} in all",
        response.history().iter().map(|hop| hop.elapsed()).sum::<Duration>() + response.elapsed()
    );
    Ok(())
}
