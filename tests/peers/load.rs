//! Many threads over one session, with a pool that has fewer connections than threads.
//!
//! nginx numbers the connections it accepts and does not end one itself (`keepalive_requests` is above the total), so the
//! numbers in its log are all connections there ever were: no more than 8 of them, no more than 8 at once.

use std::thread;

use petition::{HttpAdapter, Session};

use crate::client::session_over;
use crate::nginx::Nginx;

const THREADS: usize = 64;
const CONNECTIONS: usize = 8;
/// By each thread.
const REQUESTS: usize = 1000;

fn get_many(session: &Session, url: &str, requests: usize) -> Result<(), petition::Error> {
    for _ in 0..requests {
        let text = session.get(url).send()?.error_for_status()?.text()?;
        assert_eq!(text, "hi");
    }
    Ok(())
}

// POOL-16, POOL-40
#[test]
fn sixty_four_threads_share_eight_connections_without_an_error() {
    let server = "keepalive_requests 1000000; keepalive_timeout 600s; location / { return 200 hi; }";
    let Some(nginx) = Nginx::start(server) else { return };
    let adapter = HttpAdapter::builder().pool_maxsize(CONNECTIONS).pool_block(true).build();
    let session = session_over(&adapter);
    let url = nginx.url("/");

    let results: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| get_many(&session, &url, REQUESTS))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });

    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let stats = adapter.stats().remove(0);
    assert_eq!(stats.num_requests(), (THREADS * REQUESTS) as u64);
    assert!(stats.num_connections() <= CONNECTIONS as u64, "{stats:?}");
    assert_eq!((stats.in_use(), stats.waiting()), (0, 0));
    let (connections, requests) = nginx.connections();
    assert_eq!(requests, THREADS * REQUESTS);
    assert!(connections.len() <= CONNECTIONS, "nginx saw {} connections", connections.len());
}

// The same where nginx ends connections all the time and reloads besides: slots come back, and nothing is lost. A reload also
// resets new connections whose first request nginx has not read, hence the retries.
#[test]
fn threads_get_every_answer_from_a_server_that_keeps_closing() {
    let Some(nginx) = Nginx::start("keepalive_requests 7; location / { return 200 hi; }") else { return };
    let adapter = HttpAdapter::builder().pool_maxsize(4).pool_block(true).max_retries(3).build();
    let session = session_over(&adapter);
    let url = nginx.url("/");

    let results: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| get_many(&session, &url, 50))).collect();
        (0..3).for_each(|_| nginx.reload());
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });

    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let stats = adapter.stats().remove(0);
    assert_eq!((stats.in_use(), stats.waiting()), (0, 0));
}
