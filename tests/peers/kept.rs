//! Connections to nginx: kept and used again, closed by either side, replaced where nginx closed one while it was idle.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use petition::testing::FakeClock;
use petition::{ErrorKind, HttpAdapter};

use crate::client::{logged, session, session_over};
use crate::nginx::Nginx;
use crate::process::eventually;

// POOL-12, POOL-25
#[test]
fn nginx_serves_one_connection_for_requests_in_a_row() {
    let Some(nginx) = Nginx::start("location / { return 200 'over $connection_requests'; }") else { return };
    let session = session();

    let texts: Vec<String> = (0..5).map(|_| session.get(nginx.url("/")).send().unwrap().text().unwrap()).collect();

    assert_eq!(texts, ["over 1", "over 2", "over 3", "over 4", "over 5"]);
    let (connections, requests) = nginx.connections();
    assert_eq!((connections.len(), requests), (1, 5));
}

// POOL-25
#[test]
fn nginx_that_says_connection_close_gets_a_new_connection_each_time() {
    let Some(nginx) = Nginx::start("keepalive_timeout 0; location / { return 200 'bye'; }") else { return };
    let adapter = HttpAdapter::new();
    let session = session_over(&adapter);

    for _ in 0..3 {
        let response = session.get(nginx.url("/")).send().unwrap();
        assert_eq!(response.headers().get("connection"), Some("close"));
        assert_eq!(response.text().unwrap(), "bye");
    }

    assert_eq!(adapter.stats()[0].idle(), 0);
    let (connections, requests) = nginx.connections();
    assert_eq!((connections.len(), requests), (3, 3));
}

#[test]
fn nginx_that_ends_each_connection_after_a_few_requests_costs_no_request() {
    let Some(nginx) = Nginx::start("keepalive_requests 3; location / { return 200 hi; }") else { return };
    let session = session();

    for _ in 0..30 {
        assert_eq!(session.get(nginx.url("/")).send().unwrap().text().unwrap(), "hi");
    }

    let (connections, requests) = nginx.connections();
    assert_eq!((connections.len(), requests), (10, 30));
}

// POOL-28, LOG-06: nginx is gone and back; the FIN of the old connection was there before the next request.
#[test]
fn a_connection_that_a_restarted_nginx_closed_is_replaced() {
    let Some(mut nginx) = Nginx::start("location / { return 200 $pid; }") else { return };
    let adapter = HttpAdapter::new();
    let session = session_over(&adapter);
    let before = session.get(nginx.url("/")).send().unwrap().text().unwrap();
    nginx.restart();

    let (after, lines) = logged(|| session.get(nginx.url("/")).send().unwrap().text().unwrap());

    assert_ne!(before, after);
    assert_eq!(lines[0], "Resetting dropped connection: 127.0.0.1");
    assert_eq!((adapter.stats()[0].num_connections(), adapter.stats()[0].num_requests()), (1, 2)); // POOL-32
}

// A worker that was told to end may close a connection between the look at it and the request: that one is replayed.
#[test]
fn no_request_fails_while_nginx_reloads() {
    let Some(nginx) = Nginx::start("location / { return 200 $pid; }") else { return };
    let session = session();
    let worker = || session.get(nginx.url("/")).send().unwrap().text().unwrap();
    let mut seen = BTreeSet::from([worker()]);

    for reloads in 1..=5 {
        nginx.reload();
        let renewed = eventually(|| {
            seen.insert(worker());
            seen.len() > reloads
        });
        assert!(renewed, "no new worker after reload {reloads}");
    }
}

// POOL-28: nginx closes connections that idle for a second. A bare connection that idles since later than petition's tells
// when that has happened.
#[test]
fn a_connection_that_nginx_closed_for_idling_is_replaced() {
    let Some(nginx) = Nginx::start("keepalive_timeout 1s; location / { return 200 hi; }") else { return };
    let session = session();
    session.get(nginx.url("/")).send().unwrap();
    let mut bare = TcpStream::connect(nginx.address()).unwrap();
    bare.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    bare.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    bare.read_to_end(&mut Vec::new()).unwrap();

    let (response, lines) = logged(|| session.get(nginx.url("/")).send().unwrap());

    assert_eq!(response.text().unwrap(), "hi");
    assert_eq!(lines[0], "Resetting dropped connection: 127.0.0.1");
    assert_eq!(nginx.connections().0.len(), 3);
}

#[test]
fn a_connection_is_not_used_past_the_time_that_nginx_announced() {
    let Some(nginx) = Nginx::start("keepalive_timeout 60s 5s; location / { return 200 hi; }") else { return };
    let clock = FakeClock::new();
    let session = session_over(HttpAdapter::builder().clock(clock.clone()).build());

    let first = session.get(nginx.url("/")).send().unwrap();
    clock.advance(Duration::from_secs(3));
    session.get(nginx.url("/")).send().unwrap();
    clock.advance(Duration::from_secs(6));
    session.get(nginx.url("/")).send().unwrap();

    assert_eq!(first.headers().get("keep-alive"), Some("timeout=5"));
    assert_eq!(nginx.connections().0.len(), 2);
}

#[test]
fn a_port_that_nginx_left_is_a_connection_error() {
    let Some(mut nginx) = Nginx::start("location / { return 200 hi; }") else { return };
    let session = session();
    session.get(nginx.url("/")).send().unwrap();
    nginx.quit();

    let error = session.get(nginx.url("/")).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::ConnectionError);
}
