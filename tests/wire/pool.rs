//! Connections and their pools, seen from the peer.

use std::io::Read;
use std::thread;
use std::time::Duration;

use petition::testing::{FakeClock, Reply, TestServer};
use petition::{ErrorKind, HttpAdapter, PoolStats, Timeout};

use crate::support::{
    Gate, LONG, answer, connections, everywhere, logged, millis, pool_lines, saying, secs, session, session_over,
    timed, wait_until,
};
#[cfg(feature = "native-tls")]
use crate::support::{say_ok, tls_server, tunnels};

fn counts(adapter: &HttpAdapter) -> (usize, usize, usize) {
    let stats = adapter.stats();
    let sum = |number: fn(&PoolStats) -> usize| stats.iter().map(number).sum();
    (sum(PoolStats::idle), sum(PoolStats::in_use), sum(PoolStats::waiting))
}

// POOL-01, POOL-02, LOG-20
#[test]
fn the_least_recently_used_pool_goes_with_its_connections() {
    let server = saying("hello");
    let adapter = everywhere(&server).pool_connections(2).build();
    let session = session_over(&adapter);

    for host in ["a", "b", "a", "c"] {
        session.get(format!("http://{host}.test/")).send().unwrap();
    }
    assert!(server.wait_for_open(2), "b's connection is closed");

    let (_, lines) = pool_lines(|| session.get("http://a.test/").send().unwrap());
    assert_eq!(lines, ["http://a.test:80 \"GET / HTTP/1.1\" 200 5"]);
    let (_, lines) = pool_lines(|| session.get("http://b.test/").send().unwrap());
    assert_eq!(lines[0], "Starting new HTTP connection (1): b.test:80");
    assert_eq!(connections(&server), [0, 1, 0, 2, 0, 3]);
}

// POOL-03, POOL-37
#[test]
fn an_exchange_in_flight_survives_the_eviction_of_its_pool() {
    let server = saying("hello");
    let adapter = everywhere(&server).pool_connections(1).build();
    let session = session_over(&adapter);

    let streamed = session.get("http://a.test/").stream(true).send().unwrap();
    session.get("http://b.test/").send().unwrap();
    assert_eq!(server.open(), 2);
    let (text, lines) = logged(|| streamed.text().unwrap());

    assert_eq!((text.as_str(), lines), ("hello", vec![]));
    assert!(server.wait_for_open(1), "a's connection is not kept");
    session.get("http://a.test/").send().unwrap();
    assert_eq!(connections(&server), [0, 1, 2]);
}

// POOL-04, POOL-18: refused (docs/decisions.md#invalid-setting)
#[test]
fn pools_of_no_size_are_refused() {
    let server = saying("hello");
    for (builder, name) in [
        (HttpAdapter::builder().pool_connections(0), "pool_connections must be above 0"),
        (HttpAdapter::builder().pool_maxsize(0), "pool_maxsize must be above 0"),
        (HttpAdapter::builder().pool_maxsize(0).pool_block(true), "pool_maxsize must be above 0"),
        (HttpAdapter::builder().max_connections(0), "max_connections must be above 0"),
    ] {
        let error = session_over(builder.build()).get(server.url("/")).send().unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::InvalidSetting, name));
    }
    assert_eq!(server.accepted(), 0);
}

// POOL-07, TIME-12
#[test]
fn timeouts_auth_cookies_and_headers_do_not_split_pools() {
    let server = saying("hello");
    let session = session();

    session.get(server.url("/")).send().unwrap();
    session.get(server.url("/")).timeout((1, 2)).send().unwrap();
    session.get(server.url("/")).auth(("user", "pass")).send().unwrap();
    session.get(server.url("/")).cookies([("a", "1")]).send().unwrap();
    session.get(server.url("/")).header("X-A", "1").send().unwrap();

    assert_eq!(connections(&server), [0; 5]);
}

// POOL-05, POOL-08
#[test]
fn hosts_are_compared_without_case_and_ports_filled_in_but_a_dot_is_another_host() {
    let server = saying("hello");
    let session = session_over(everywhere(&server).build());

    for url in ["http://h.test/", "HTTP://H.Test:80/", "http://h.test./", "http://h.test:81/"] {
        session.get(url).send().unwrap();
    }

    assert_eq!(connections(&server), [0, 0, 1, 2]);
}

// POOL-09
#[test]
fn verify_splits_the_pools_of_plain_http_too() {
    let server = saying("hello");
    let session = session();

    session.get(server.url("/")).send().unwrap();
    session.get(server.url("/")).verify(false).send().unwrap();
    session.get(server.url("/")).send().unwrap();

    assert_eq!(connections(&server), [0, 1, 0]);
}

// POOL-10, TLS-17
#[cfg(feature = "native-tls")]
#[test]
fn an_unverified_connection_is_never_used_for_a_verified_request() {
    let server = tls_server(&["localhost"], say_ok);
    let session = session_over(everywhere(&server).build());

    assert_eq!(session.get("https://localhost/").verify(false).send().unwrap().text().unwrap(), "ok");
    let error = session.get("https://localhost/").send().unwrap_err();
    session.get("https://localhost/").verify(false).send().unwrap();

    assert_eq!(error.kind(), ErrorKind::SslError);
    assert_eq!(connections(&server), [0, 0]);
}

// POOL-11, ADPT-13, LOG-15
#[test]
fn through_a_forward_proxy_all_hosts_share_the_proxys_pool() {
    let proxy = saying("hello");
    let adapter = HttpAdapter::new();
    let session = session_over(&adapter);
    let through = [("http", proxy.url(""))];

    let (_, lines) = pool_lines(|| {
        session.get("http://user:pass@a.test/x?y=1#z").proxies(through.clone()).send().unwrap();
        session.get("http://b.test/").proxies(through.clone()).send().unwrap();
    });

    let port = proxy.address().port();
    assert_eq!(
        lines,
        [
            format!("Starting new HTTP connection (1): 127.0.0.1:{port}"),
            format!("http://127.0.0.1:{port} \"GET http://a.test/x?y=1 HTTP/1.1\" 200 5"),
            format!("http://127.0.0.1:{port} \"GET http://b.test/ HTTP/1.1\" 200 5"),
        ]
    );
    assert_eq!(connections(&proxy), [0, 0]);
    assert_eq!(adapter.stats().len(), 1);
}

// POOL-11, POOL-41, LOG-03
#[cfg(feature = "native-tls")]
#[test]
fn a_tunnel_is_opened_once_for_each_connection_and_serves_one_origin() {
    let serve = |peer: &mut petition::testing::Peer| {
        while let Some(request) = peer.read_request() {
            peer.send(answer("hello"));
            if request.target == "/last" {
                return;
            }
        }
    };
    let (one, other) = (tls_server(&["127.0.0.1"], serve), tls_server(&["127.0.0.1"], serve));
    let (address, asked) = tunnels(|target| target.parse().ok());
    let proxy = format!("http://{address}");
    let session = session();
    let get = |url: String| session.get(url).verify(false).proxies([("https", &*proxy)]).send().unwrap();

    let (_, lines) = pool_lines(|| {
        get(one.url("/"));
        get(one.url("/last"));
        assert!(one.wait_for_open(0));
        get(one.url("/again"));
        get(other.url("/"));
    });

    let connect = |server: &TestServer| format!("CONNECT {} HTTP/1.1", server.address());
    let asked: Vec<_> = asked.try_iter().filter_map(|head| head.lines().next().map(str::to_owned)).collect();
    assert_eq!(asked, [connect(&one), connect(&one), connect(&other)]);
    assert_eq!(lines[0], format!("Starting new HTTPS connection (1): 127.0.0.1:{}", one.address().port()));
    assert_eq!(lines[3], "Resetting dropped connection: 127.0.0.1");
    assert_eq!(lines[5], format!("Starting new HTTPS connection (1): 127.0.0.1:{}", other.address().port()));
    assert_eq!(lines.len(), 7, "{lines:?}");
}

// POOL-12
#[test]
fn the_connection_that_came_back_last_is_used_next() {
    let server = saying("hello");
    let session = session();

    let first = session.get(server.url("/")).stream(true).send().unwrap();
    let second = session.get(server.url("/")).stream(true).send().unwrap();
    let third = session.get(server.url("/")).stream(true).send().unwrap();
    for response in [first, third, second] {
        response.content().unwrap();
    }
    let held = session.get(server.url("/")).stream(true).send().unwrap();
    session.get(server.url("/")).send().unwrap();
    drop(held);

    assert_eq!(connections(&server), [0, 1, 2, 1, 2]);
}

// POOL-13, POOL-32
#[test]
fn connections_are_made_when_they_are_needed() {
    let server = saying("hello");
    let adapter = HttpAdapter::new();
    let session = session_over(&adapter);
    assert!(adapter.stats().is_empty());
    assert_eq!(server.accepted(), 0);

    let streamed = session.get(server.url("/")).stream(true).send().unwrap();

    let stats = &adapter.stats()[0];
    assert_eq!((stats.scheme(), stats.host(), stats.port()), ("http", "127.0.0.1", server.address().port()));
    assert_eq!((stats.num_connections(), stats.num_requests()), (1, 1));
    assert_eq!(counts(&adapter), (0, 1, 0));
    streamed.content().unwrap();
    assert_eq!(counts(&adapter), (1, 0, 0));
}

// ADPT-09, POOL-14, POOL-15, LOG-07
#[test]
fn more_connections_than_the_pool_keeps_are_opened_and_discarded_with_a_warning() {
    let server = saying("hello");
    let session = session();

    let responses: Vec<_> = (0..12).map(|_| session.get(server.url("/")).stream(true).send().unwrap()).collect();
    assert_eq!(server.open(), 12);
    let (texts, lines) =
        logged(|| responses.into_iter().map(|response| response.into_text().unwrap()).collect::<Vec<_>>());

    assert_eq!(texts, ["hello"; 12]);
    let warning =
        "WARN connectionpool: Connection pool is full, discarding connection: 127.0.0.1. Connection pool size: 10";
    assert_eq!(lines, [warning; 2]);
    assert!(server.wait_for_open(10));
}

// ADPT-16, POOL-16, TIME-09
#[test]
fn a_blocking_pool_makes_callers_wait_and_the_requests_timeout_does_not_bound_it() {
    let server = saying("hello");
    let adapter = HttpAdapter::builder().pool_maxsize(1).pool_block(true).build();
    let session = session_over(&adapter);

    let held = session.get(server.url("/held")).stream(true).send().unwrap();
    let waited = thread::scope(|scope| {
        let waiter = scope.spawn(|| session.get(server.url("/waiter")).timeout(secs(1.0)).send().unwrap());
        wait_until("a waiter", || counts(&adapter) == (0, 1, 1));
        thread::sleep(millis(1100)); // longer than the waiter's timeout: that it does not matter is what is tested
        held.content().unwrap();
        waiter.join().unwrap().exchange().waited
    });

    assert!(waited >= millis(1100), "{waited:?}");
    assert_eq!((connections(&server), server.most_open()), (vec![0, 0], 1));
}

// POOL-16
#[test]
fn waiters_are_served_in_the_order_in_which_they_came() {
    let server = saying("hello");
    let adapter = HttpAdapter::builder().pool_maxsize(1).pool_block(true).build();
    let session = session_over(&adapter);

    let held = session.get(server.url("/0")).stream(true).send().unwrap();
    thread::scope(|scope| {
        for number in 1..=4 {
            let (session, url) = (&session, server.url(&format!("/{number}")));
            scope.spawn(move || session.get(url).send().unwrap());
            wait_until("the next waiter", || counts(&adapter).2 == number);
        }
        held.content().unwrap();
    });

    let targets: Vec<_> = server.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/0", "/1", "/2", "/3", "/4"]);
    assert_eq!(server.accepted(), 1);
}

// POOL-17
#[test]
fn the_wait_for_a_slot_can_be_bounded() {
    let server = saying("hello");
    let adapter = HttpAdapter::builder().pool_maxsize(1).pool_block(true).pool_timeout(millis(30)).build();
    let session = session_over(&adapter);

    let _held = session.get(server.url("/")).stream(true).send().unwrap();
    let by_adapter = session.get(server.url("/")).send().unwrap_err();
    let by_request = session.get(server.url("/")).timeout(Timeout::new().pool(millis(40))).send().unwrap_err();

    for (error, limit) in [(by_adapter, "30ms"), (by_request, "40ms")] {
        let held = format!("{} (pool size 1, 1 in use, 0 waiting)", server.address());
        assert_eq!(error.to_string(), format!("no pool slot came free within {limit} for {held}"));
        assert_eq!(error.kind(), ErrorKind::PoolTimeout);
        assert!(error.is_timeout() && error.request().is_some());
    }
    assert_eq!(server.requests().len(), 1);
    assert_eq!(counts(&adapter), (0, 1, 0));
}

// POOL-19, POOL-33
#[test]
fn a_slot_comes_back_however_its_exchange_ends() {
    let server = TestServer::connections(|peer| {
        while let Some(request) = peer.read_request() {
            match request.target.as_str() {
                "/cut-head" => return peer.send("HTTP/1.1 200 OK\r\nContent-Le"),
                "/cut-body" => return peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
                "/bad-coding" => peer.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nhalf"),
                "/codings" => peer.send(
                    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip, gzip, gzip, gzip, gzip\r\nContent-Length: 4\r\n\r\nhalf",
                ),
                _ => peer.send(answer("hello")),
            }
        }
    });
    let adapter = HttpAdapter::builder().pool_maxsize(1).pool_block(true).pool_timeout(LONG).build();
    let session = session_over(&adapter);
    let free = || assert_eq!(counts(&adapter).1, 0, "no slot is held");

    assert_eq!(session.get(server.url("/cut-head")).send().unwrap_err().kind(), ErrorKind::ConnectionError);
    free();
    let (_, lines) = pool_lines(|| session.get(server.url("/cut-body")).send().unwrap_err());
    assert!(lines[0].starts_with("Starting new HTTP connection (2)"), "{lines:?}");
    free();
    let (_, lines) = pool_lines(|| session.get(server.url("/")).stream(true).send().unwrap().content().unwrap().len());
    assert_eq!(lines[0], "Resetting dropped connection: 127.0.0.1", "a body that breaks leaves a husk");
    free();
    session.get(server.url("/")).stream(true).send().unwrap().close();
    free();
    session.get(server.url("/")).on_response(|_| Err(petition::Error::new(ErrorKind::Other, "no"))).send().unwrap_err();
    free();
    drop(session.get(server.url("/")).stream(true).send().unwrap());
    free();
    // CVE-2026-64607 of Apache HttpClient: a connection was lost with each response whose coding could not be undone.
    if cfg!(feature = "gzip") {
        for target in ["/bad-coding", "/codings"] {
            let error = session.get(server.url(target)).send().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ContentDecodingError, "{target}");
            drop(error);
            free();
            let error = session.get(server.url(target)).stream(true).send().and_then(|response| response.text());
            assert!(error.is_err(), "{target}");
            drop(error);
            free();
        }
    }
}

// POOL-20: here the slot is freed
#[test]
fn a_dropped_response_gives_its_connection_back_if_little_is_left_and_else_its_slot() {
    let sized = |size| Reply::new(200).body(vec![b'x'; size]);
    let chunked = |size: usize| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked";
        Reply::raw(format!("{head}\r\n\r\n{size:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(size)))
    };
    for (reply, limit, connections_used) in [
        (sized(1000), None, [0, 0]),
        (sized(1 << 20), None, [0, 1]),
        (sized(1000), Some(2000), [0, 0]),
        (sized(2000), Some(2000), [0, 0]),
        (sized(3000), Some(2000), [0, 1]),
        (sized(3_000_000), Some(2000), [0, 1]),
        (sized(1), Some(0), [0, 1]),
        (chunked(1000), Some(2000), [0, 0]),
        (chunked(3000), Some(2000), [0, 1]),
        (chunked(1), Some(0), [0, 1]),
    ] {
        let shown = format!("{reply:.40?} {limit:?}");
        let server = TestServer::http(move |_| reply.clone());
        let builder = HttpAdapter::builder().pool_maxsize(1).pool_block(true).pool_timeout(LONG);
        let builder = match limit {
            Some(limit) => builder.drain_limit(limit),
            None => builder,
        };
        let session = session_over(builder.build());

        drop(session.get(server.url("/")).stream(true).send().unwrap());
        session.get(server.url("/")).send().unwrap();

        assert_eq!(connections(&server), connections_used, "{shown}");
    }
}

// POOL-20
#[test]
fn dropping_a_response_does_not_wait_for_a_body_that_does_not_come() {
    let server = TestServer::connections(|peer| {
        peer.read_request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        peer.wait_for_close();
    });
    let session = session();
    let response = session.get(server.url("/")).stream(true).send().unwrap();

    let ((), took) = timed(|| drop(response));

    assert!(took < secs(5.0), "{took:?}");
    assert!(server.wait_for_open(0));
}

// POOL-21, LOG-06
#[test]
fn a_response_closed_unread_leaves_a_husk_that_is_reconnected() {
    let server = TestServer::http(|_| Reply::new(200).body(vec![b'x'; 100_000]));
    let adapter = HttpAdapter::new();
    let session = session_over(&adapter);

    let response = session.get(server.url("/")).stream(true).send().unwrap();
    response.close();
    response.close();
    assert!(server.wait_for_open(0));
    let (_, lines) = pool_lines(|| session.get(server.url("/")).send().unwrap());

    let port = server.address().port();
    assert_eq!(
        lines,
        [
            "Resetting dropped connection: 127.0.0.1".to_owned(),
            format!("http://127.0.0.1:{port} \"GET / HTTP/1.1\" 200 100000"),
        ]
    );
    let stats = &adapter.stats()[0];
    assert_eq!((stats.num_connections(), stats.num_requests()), (1, 2));
}

// POOL-22: here a response without a body gives its connection back at once
#[test]
fn a_streamed_response_without_a_body_holds_no_connection() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/304" => Reply::raw("HTTP/1.1 304 Not Modified\r\nContent-Length: 20\r\n\r\n"),
        "/204" => Reply::raw("HTTP/1.1 204 No Content\r\n\r\n"),
        _ => Reply::new(200).body(if request.method == "HEAD" { "hello" } else { "" }),
    });
    let adapter = HttpAdapter::new();
    let session = session_over(&adapter);

    for (method, path) in [("HEAD", "/"), ("GET", "/204"), ("GET", "/304"), ("GET", "/empty")] {
        let response = session.request(method, server.url(path)).stream(true).send().unwrap();
        assert_eq!(counts(&adapter), (1, 0, 0), "{method} {path}");
        response.close();
        assert_eq!(response.content().unwrap(), b"", "{method} {path}");
    }

    assert_eq!(connections(&server), [0; 4]);
}

// POOL-25, POOL-26
#[test]
fn the_response_decides_whether_its_connection_is_kept() {
    for (head, kept) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2", true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: CLOSE", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive, close", false),
        ("HTTP/1.1 200 OK", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive", true),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\nProxy-Connection: keep-alive", true),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=5", true),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive", false),
    ] {
        let body = if head.contains("chunked") { "2\r\nok\r\n0\r\n\r\n" } else { "ok" };
        let ends_with_body = !head.contains("Length") && !head.contains("chunked");
        let server = TestServer::http(move |_| {
            let reply = Reply::raw(format!("{head}\r\n\r\n{body}"));
            if ends_with_body { reply.then_close() } else { reply }
        });
        let session = session();

        for _ in 0..2 {
            let response = session.get(server.url("/")).send().unwrap();
            assert_eq!(response.text().unwrap(), "ok", "{head}");
        }

        assert_eq!(connections(&server), if kept { [0, 0] } else { [0, 1] }, "{head}");
    }
}

// POOL-28, LOG-06
#[test]
fn an_idle_connection_that_became_readable_is_replaced_before_it_is_used() {
    for late in ["", "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"] {
        let (ready, sent) = (Gate::default(), Gate::default());
        let script_gates = (ready.clone(), sent.clone());
        let server = TestServer::connections(move |peer| {
            let (ready, sent) = &script_gates;
            peer.read_request();
            peer.send(answer("hello"));
            if peer.number() == 0 {
                ready.wait();
                peer.send(late);
                if late.is_empty() {
                    peer.shutdown_write();
                }
                sent.open();
            }
            peer.wait_for_close();
        });
        let session = session();

        session.post(server.url("/")).data("x").send().unwrap();
        ready.open();
        sent.wait();
        let (response, lines) = pool_lines(|| session.post(server.url("/")).data("x").send().unwrap());

        assert_eq!(response.text().unwrap(), "hello");
        assert_eq!(lines[0], "Resetting dropped connection: 127.0.0.1", "{lines:?}");
        assert_eq!(lines.len(), 2);
        assert_eq!(connections(&server), [0, 1]);
        assert!(!response.exchange().reused);
    }
}

// POOL-30, FRAME-17
#[test]
fn bytes_behind_a_response_are_not_taken_for_the_next_one() {
    for (head, body) in [("Content-Length: 2", "ok"), ("Transfer-Encoding: chunked", "2\r\nok\r\n0\r\n\r\n")] {
        let server = TestServer::http(move |request| {
            let smuggled = if request.connection == 0 { answer("smuggled") } else { String::new() };
            Reply::raw(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}{smuggled}"))
        });
        let session = session();

        for _ in 0..2 {
            assert_eq!(session.get(server.url("/")).send().unwrap().text().unwrap(), "ok");
        }

        assert_eq!(connections(&server), [0, 1]);
    }
}

// POOL-31: better than requests
#[test]
fn idle_connections_are_closed_when_they_have_been_idle_too_long() {
    for (limit, header, seconds, reused) in [
        (None, None, 59.0, true),
        (None, None, 61.0, false),
        (Some(5.0), None, 4.0, true),
        (Some(5.0), None, 6.0, false),
        (None, Some("timeout=10"), 8.0, true),
        (None, Some("timeout=10"), 11.0, false),
        (Some(5.0), Some("timeout=10"), 6.0, false),
    ] {
        let server = TestServer::http(move |_| match header {
            Some(value) => Reply::new(200).header("Keep-Alive", value),
            None => Reply::new(200),
        });
        let clock = FakeClock::new();
        let mut builder = HttpAdapter::builder().clock(clock.clone());
        if let Some(limit) = limit {
            builder = builder.idle_timeout(secs(limit));
        }
        let session = session_over(builder.build());

        session.get(server.url("/")).send().unwrap();
        clock.advance(secs(seconds));
        let (_, lines) = pool_lines(|| session.get(server.url("/")).send().unwrap());

        assert_eq!(connections(&server), if reused { [0, 0] } else { [0, 1] }, "{limit:?} {header:?} {seconds}");
        assert_eq!(lines[0].starts_with("Resetting dropped connection"), !reused, "{lines:?}");
    }
}

// POOL-31: better than requests
#[test]
fn without_an_idle_timeout_a_connection_is_kept_for_ever() {
    let server = saying("hello");
    let clock = FakeClock::new();
    let session = session_over(HttpAdapter::builder().clock(clock.clone()).idle_timeout(None).build());

    session.get(server.url("/")).send().unwrap();
    clock.advance(Duration::from_secs(1_000_000));
    session.get(server.url("/")).send().unwrap();

    assert_eq!(connections(&server), [0, 0]);
}

// POOL-31: better than requests
#[test]
fn a_connection_past_its_lifetime_is_closed_however_busy_it_was() {
    let server = saying("hello");
    let clock = FakeClock::new();
    let session = session_over(HttpAdapter::builder().clock(clock.clone()).max_lifetime(secs(30.0)).build());

    for _ in 0..4 {
        session.get(server.url("/")).send().unwrap();
        clock.advance(secs(12.0));
    }

    assert_eq!(connections(&server), [0, 0, 0, 1]);
}

// POOL-31: better than requests
#[test]
fn what_rots_in_one_pool_is_closed_by_the_traffic_of_another() {
    let server = saying("hello");
    let clock = FakeClock::new();
    let session = session_over(everywhere(&server).clock(clock.clone()).build());

    session.get("http://a.test/").send().unwrap();
    clock.advance(secs(61.0));
    session.get("http://b.test/").send().unwrap();

    assert!(server.wait_for_open(1), "a's connection is closed");
}

// POOL-32
#[test]
fn requests_and_connections_are_counted_retries_included() {
    let server = TestServer::http(|request| Reply::new(if request.target == "/503" { 503 } else { 200 }));
    let clock = FakeClock::new();
    let retry = petition::Retry::new().total(2).status_forcelist([503]).raise_on_status(false);
    let adapter = HttpAdapter::builder().max_retries(retry).clock(clock).build();
    let session = session_over(&adapter);

    session.get(server.url("/503")).send().unwrap();
    session.get(server.url("/")).send().unwrap();

    let stats = &adapter.stats()[0];
    assert_eq!((stats.num_connections(), stats.num_requests()), (1, 4));
    assert_eq!((stats.idle(), stats.in_use(), stats.waiting()), (1, 0, 0));
}

// POOL-35, REDIR-23
#[test]
fn a_redirect_goes_on_over_the_same_connection_if_its_body_is_short() {
    for (size, used) in [(20_000, [0, 0]), (200_000, [0, 1])] {
        let server = TestServer::http(move |request| match request.target.as_str() {
            "/" => Reply::new(302).header("Location", "/there").body(vec![b'x'; size]),
            _ => Reply::new(200),
        });
        let session = session();

        let response = session.get(server.url("/")).stream(true).send().unwrap();

        assert_eq!(connections(&server), used);
        let kept = response.history()[0].content();
        match used {
            [0, 0] => assert_eq!(kept.unwrap().len(), size),
            _ => assert_eq!(kept.unwrap_err().kind(), ErrorKind::StreamConsumed),
        }
    }
}

// POOL-27
#[test]
fn a_request_that_says_close_is_the_last_on_its_connection() {
    for value in ["close", "Keep-Alive, Close"] {
        let server = TestServer::http(|_| Reply::new(200).body("ok"));
        let session = session();

        for _ in 0..2 {
            session.get(server.url("/")).header("Connection", value).send().unwrap();
        }

        assert_eq!(connections(&server), [0, 1], "{value}");
    }
}

// POOL-03, POOL-36, POOL-37, SES-21, SES-22, ADPT-17
#[test]
fn close_empties_the_pools_lets_exchanges_finish_and_the_session_goes_on() {
    let server = saying("hello");
    let adapter = HttpAdapter::new();
    let session = session_over(&adapter);
    let streamed = session.get(server.url("/")).stream(true).send().unwrap();
    session.get(server.url("/")).send().unwrap();
    assert_eq!(server.open(), 2);

    session.close();

    assert!(server.wait_for_open(1), "the idle one is closed");
    let (text, lines) = logged(|| streamed.text().unwrap());
    assert_eq!((text.as_str(), lines), ("hello", vec![]));
    assert!(server.wait_for_open(0), "the other is not kept");
    let (_, lines) = pool_lines(|| session.get(server.url("/")).send().unwrap());
    assert!(lines[0].starts_with("Starting new HTTP connection (1)"), "{lines:?}");
}

// POOL-03, POOL-36
#[test]
fn who_waits_for_a_slot_is_served_though_the_pool_was_closed_or_evicted() {
    for evict in [false, true] {
        let server = saying("hello");
        let adapter = everywhere(&server).pool_connections(1).pool_maxsize(1).pool_block(true).build();
        let session = session_over(&adapter);

        let held = session.get("http://a.test/").stream(true).send().unwrap();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| session.get("http://a.test/").send().unwrap().text().unwrap());
            wait_until("a waiter", || counts(&adapter).2 == 1);
            if evict {
                session.get("http://b.test/").send().unwrap();
            } else {
                session.close();
            }
            held.content().unwrap();
            assert_eq!(waiter.join().unwrap(), "hello");
        });

        assert!(server.wait_for_open(usize::from(evict)), "nothing of the old pool is kept");
    }
}

// POOL-17
#[test]
fn a_waiter_that_gave_up_leaves_its_place_to_the_next() {
    let server = saying("hello");
    let adapter = HttpAdapter::builder().pool_maxsize(1).pool_block(true).build();
    let session = session_over(&adapter);

    let held = session.get(server.url("/")).stream(true).send().unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| session.get(server.url("/")).timeout(Timeout::new().pool(1)).send().unwrap_err());
        wait_until("the first waiter", || counts(&adapter).2 == 1);
        let second = scope.spawn(|| session.get(server.url("/")).send().unwrap());
        assert_eq!(first.join().unwrap().kind(), ErrorKind::PoolTimeout);
        wait_until("only the second waiter", || counts(&adapter) == (0, 1, 1));
        held.content().unwrap();
        second.join().unwrap();
    });

    assert_eq!(connections(&server), [0, 0]);
}

// POOL-40, SES-27
#[test]
fn as_many_threads_as_the_pool_is_large_share_its_connections() {
    let server = saying("hello");
    let adapter = HttpAdapter::builder().pool_maxsize(4).build();
    let session = session_over(&adapter);

    let lines: Vec<String> = thread::scope(|scope| {
        let work = || {
            let ((), lines) = pool_lines(|| {
                for _ in 0..10 {
                    assert_eq!(session.get(server.url("/")).send().unwrap().text().unwrap(), "hello");
                }
            });
            lines
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });

    let mut started: Vec<_> = lines.iter().filter(|line| line.starts_with("Starting")).cloned().collect();
    started.sort();
    let port = server.address().port();
    let counted = |number| format!("Starting new HTTP connection ({number}): 127.0.0.1:{port}");
    assert_eq!(started, (1..=started.len()).map(counted).collect::<Vec<_>>());
    assert!(server.accepted() <= 4 && server.accepted() == started.len());
    assert_eq!(server.requests().len(), 40);
    assert!(!lines.iter().any(|line| line.contains("pool is full")));
}

// POOL-16, POOL-40
#[test]
fn a_blocking_pool_never_opens_more_than_its_size_whatever_the_threads_do() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/close" => Reply::new(200).header("Connection", "close").body("hello"),
        _ => Reply::new(200).body("hello"),
    });
    let adapter = HttpAdapter::builder().pool_maxsize(2).pool_block(true).build();
    let session = session_over(&adapter);

    thread::scope(|scope| {
        for worker in 0..6 {
            let (session, server) = (&session, &server);
            scope.spawn(move || {
                for turn in 0..10 {
                    let path = if turn % 4 == 3 { "/close" } else { "/" };
                    let mut response = session.get(server.url(path)).stream(turn % 2 == 0).send().unwrap();
                    if worker % 3 == 0 {
                        response.read_exact(&mut [0; 2]).unwrap(); // and dropped half read
                    } else {
                        response.content().unwrap();
                    }
                }
            });
        }
    });

    assert_eq!(server.requests().len(), 60);
    assert_eq!((counts(&adapter).1, counts(&adapter).2), (0, 0));
    assert!(adapter.stats()[0].idle() <= 2);
}

// New here: a limit over all hosts
#[test]
fn max_connections_bounds_all_hosts_together() {
    let server = saying("hello");
    let adapter = everywhere(&server).max_connections(2).pool_timeout(millis(30)).build();
    let session = session_over(&adapter);

    let a = session.get("http://a.test/").stream(true).send().unwrap();
    let b = session.get("http://b.test/").stream(true).send().unwrap();
    assert_eq!(session.get("http://c.test/").send().unwrap_err().kind(), ErrorKind::PoolTimeout);
    a.content().unwrap();
    // a's connection is idle now, and gives way.
    assert_eq!(session.get("http://c.test/").send().unwrap().text().unwrap(), "hello");
    b.content().unwrap();

    assert!(server.wait_for_open(2));
    assert_eq!(counts(&adapter).1, 0);
}

// New here: who waits for a connection gets it when another host's comes back
#[test]
fn a_waiter_for_max_connections_goes_on_when_another_host_is_done() {
    let server = saying("hello");
    let adapter = everywhere(&server).max_connections(1).pool_timeout(LONG).build();
    let session = session_over(&adapter);

    let held = session.get("http://a.test/").stream(true).send().unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| session.get("http://b.test/").send().unwrap().text().unwrap());
        wait_until("a waiter", || counts(&adapter).2 == 1);
        held.content().unwrap();
        assert_eq!(waiter.join().unwrap(), "hello");
    });

    assert_eq!(server.accepted(), 2);
    assert!(server.wait_for_open(1));
}

// POOL-16: nobody is forgotten, and nothing is left over, whatever ends an exchange
#[test]
fn many_threads_hosts_and_ends_share_few_connections() {
    let server = TestServer::connections(|peer| {
        while let Some(request) = peer.read_request() {
            match request.target.as_str() {
                "/close" => peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"),
                "/cut" => return peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
                "/drop" => return,
                _ => peer.send(answer(&"x".repeat(5000))),
            }
        }
    });
    let builder = everywhere(&server).max_connections(2).pool_maxsize(1).pool_block(true).pool_connections(3);
    let adapter = builder.drain_limit(1000).build();
    let session = session_over(&adapter);

    thread::scope(|scope| {
        for worker in 0..8 {
            let session = &session;
            scope.spawn(move || {
                for turn in 0..12 {
                    let path = ["", "close", "cut", "drop", ""][(worker + turn) % 5];
                    let url = format!("http://h{}.test/{path}", (worker * turn) % 4);
                    let Ok(mut response) = session.get(url).stream(true).send() else {
                        assert_eq!(path, "drop");
                        continue;
                    };
                    match turn % 3 {
                        0 => drop(response.content().map(<[u8]>::len)),
                        1 => drop(response.read(&mut [0; 100])),
                        _ => response.close(),
                    }
                }
            });
        }
    });

    assert_eq!((counts(&adapter).1, counts(&adapter).2), (0, 0));
    wait_until("at most two connections", || server.open() <= 2);
    session.close();
    assert!(server.wait_for_open(0));
}
