//! Which connection a request may use and leave behind: who says that it is the last one, how long an idle one is good,
//! what counts as dead, and what may be sent over a second one.

use std::sync::mpsc;
use std::time::Duration;

use petition::testing::{FakeClock, Peer, Reply, TestServer};
use petition::{Body, ErrorKind, HttpAdapter, Retry, Session};

use crate::support::{answer, connections, ok, session, session_over};

// RFC 9112 §9.6
#[test]
fn a_request_that_says_close_is_the_last_on_its_connection() {
    for (value, last) in [
        ("close", true),
        ("Close", true),
        ("keep-alive, CLOSE", true),
        ("te , close", true),
        ("keep-alive", false),
        ("closed", false),
        ("not-close", false),
    ] {
        let server = ok();
        let session = session();
        for _ in 0..2 {
            session.get(server.url("/")).header("Connection", value).send().unwrap();
        }
        assert_eq!(connections(&server), [0, usize::from(last)], "{value}");
        assert_eq!(server.requests()[0].header("connection"), Some(value));
    }
}

// RFC 9112 §6.3, docs/decisions.md#framing-headers: to the server, the declared body is the beginning of the next request
#[test]
fn a_head_that_declares_a_body_is_the_last_on_its_connection() {
    for (length, last) in [(Some("5"), true), (Some("0"), false), (None, false)] {
        let server = TestServer::connections(|peer| {
            while peer.read_head().is_some() {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
            }
        });
        let session = session();

        for _ in 0..2 {
            let head = session.head(server.url("/"));
            length.into_iter().fold(head, |head, length| head.header("Content-Length", length)).send().unwrap();
        }

        assert_eq!(server.accepted(), if last { 2 } else { 1 }, "{length:?}");
        assert!(server.requests().iter().all(|head| head.header("content-length") == length));
    }
}

// What follows an answer to HEAD is the body that it must not have, or the beginning of another answer
#[test]
fn a_body_in_answer_to_head_is_passed_over_only_where_its_length_is_one() {
    for (length, kept) in [("5", true), ("05", true), ("5, 5", true), ("+5", false), ("4", false), ("5, 6", false)] {
        let server = TestServer::connections(move |peer| {
            while peer.read_head().is_some() {
                peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nhello"));
            }
        });
        let session = session();

        for _ in 0..2 {
            assert!(session.head(server.url("/")).send().unwrap().content().unwrap().is_empty());
        }

        assert_eq!(server.accepted(), if kept { 1 } else { 2 }, "{length}");
    }
}

#[test]
fn a_streamed_response_to_a_request_that_says_close_leaves_nothing_behind() {
    let server = ok();
    let session = session();
    let get = || session.get(server.url("/")).header("Connection", "close").stream(true).send().unwrap();

    assert_eq!(get().text().unwrap(), "ok");
    assert!(server.wait_for_open(0));
    drop(get());
    assert!(server.wait_for_open(0));
}

// The server's own Keep-Alive: timeout, less a margin
#[test]
fn a_connection_is_not_used_in_the_last_second_before_its_server_closes_it() {
    for (timeout, margin, waited, reused) in [
        (5, None, 3.9, true),
        (5, None, 4.0, false),
        (5, Some(2.0), 2.9, true),
        (5, Some(2.0), 3.0, false),
        (5, Some(0.0), 4.9, true),
        (5, Some(0.0), 5.0, false),
        (5, Some(5.0), 0.0, false),
        (5, Some(60.0), 0.0, false),
    ] {
        let server =
            TestServer::http(move |_| Reply::new(200).header("Keep-Alive", format!("timeout={timeout}, max=9")));
        let clock = FakeClock::new();
        let builder = HttpAdapter::builder().clock(clock.clone());
        let builder = match margin {
            Some(margin) => builder.keep_alive_margin(margin),
            None => builder,
        };
        let session = session_over(builder.build());

        session.get(server.url("/")).send().unwrap();
        clock.advance(waited);
        session.get(server.url("/")).send().unwrap();

        assert_eq!(connections(&server), [0, usize::from(!reused)], "{timeout} {margin:?} {waited}");
    }
}

#[test]
fn a_margin_that_is_none_is_refused() {
    for margin in [-1.0, f64::NAN] {
        let session = session_over(HttpAdapter::builder().keep_alive_margin(margin).build());

        let error = session.get("http://127.0.0.1:9/").send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::InvalidSetting, "{error}");
    }
}

/// Answers the first request of its first connection, and later ones there with a 408; all others with 200.
fn impatient() -> TestServer {
    TestServer::connections(|peer: &mut Peer| {
        let mut count = 0;
        while let Some(request) = peer.read_request() {
            count += 1;
            if peer.number() == 0 && count > 1 {
                peer.send("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate");
                return;
            }
            peer.send(answer(if request.method == "HEAD" { "" } else { "ok" }));
        }
    })
}

// RFC 9110 §15.5.9: the server gave up on the idle connection as the request went out
#[test]
fn a_408_on_a_reused_connection_is_a_stale_connection() {
    let key = |name: &'static str| Some((name, "8e03978e"));
    for (method, body, header, replayed) in [
        ("GET", None, None, true),
        ("PUT", Some(Body::from("body")), None, true),
        ("PUT", Some(Body::reader(std::io::Cursor::new("body"))), None, false),
        ("POST", Some(Body::from("body")), None, false),
        ("PATCH", Some(Body::from("body")), None, false),
        ("POST", Some(Body::from("body")), key("Idempotency-Key"), true),
        ("PATCH", Some(Body::from("body")), key("X-Idempotency-Key"), true),
        ("POST", Some(Body::from("body")), key("idempotency-key"), true),
        ("POST", Some(Body::reader(std::io::Cursor::new("body"))), key("Idempotency-Key"), false),
        ("POST", Some(Body::from("body")), key("X-Other-Key"), false),
    ] {
        let server = impatient();
        let adapter = HttpAdapter::new();
        let session = session_over(&adapter);
        session.get(server.url("/")).send().unwrap();

        let mut request = session.request(method, server.url("/")).headers(header);
        if let Some(body) = body {
            request = request.data(body);
        }
        let response = request.send().unwrap();

        let case = format!("{method} {header:?}");
        assert_eq!(response.status_code(), if replayed { 200 } else { 408 }, "{case}");
        assert_eq!(server.accepted(), 1 + usize::from(replayed), "{case}");
        assert_eq!(response.exchange().reused, !replayed);
    }
}

#[test]
fn a_408_on_a_fresh_connection_is_an_answer_and_so_it_is_where_nothing_is_replayed() {
    let server = TestServer::http(|_| Reply::new(408).then_close());
    assert_eq!(session().get(server.url("/")).send().unwrap().status_code(), 408);
    assert_eq!(server.accepted(), 1);

    let server = impatient();
    let session = session_over(HttpAdapter::builder().replay_stale(false).build());
    session.get(server.url("/")).send().unwrap();
    let response = session.get(server.url("/")).send().unwrap();
    assert_eq!((response.status_code().as_u16(), response.text().unwrap().as_str()), (408, "late"));
    assert_eq!(server.accepted(), 1);
}

/// Answers the first request of its first connection and dies of the second; all other connections are fine.
fn mortal() -> TestServer {
    TestServer::connections(|peer: &mut Peer| {
        let mut count = 0;
        while peer.read_request().is_some() {
            count += 1;
            if peer.number() == 0 && count > 1 {
                return;
            }
            peer.send(answer("ok"));
        }
    })
}

#[test]
fn a_key_makes_a_post_replayable_on_a_dead_connection() {
    for (method, key, replayed) in [
        ("POST", "Idempotency-Key", true),
        ("PATCH", "Idempotency-Key", true),
        ("POST", "X-Idempotency-Key", true),
        ("POST", "X-IDEMPOTENCY-KEY", true),
        ("POST", "X-Idempotency", false),
    ] {
        let server = mortal();
        let session = session();
        session.get(server.url("/")).send().unwrap();

        let sent = session.request(method, server.url("/")).data("body").header(key, "k").send();

        assert_eq!(sent.is_ok(), replayed, "{method} {key}");
        assert_eq!(connections(&server), if replayed { vec![0, 0, 1] } else { vec![0, 0] });
    }
}

// Only the one replay on a dead reused connection; `allowed_methods` stays what it is
#[test]
fn a_key_is_no_leave_to_retry() {
    let server = TestServer::connections(|peer: &mut Peer| {
        peer.read_request();
    });
    let session = session_over(HttpAdapter::builder().max_retries(Retry::new().total(3)).build());
    let post = session.post(server.url("/")).data("body").header("Idempotency-Key", "k");
    assert_eq!(post.send().unwrap_err().kind(), ErrorKind::ConnectionError);
    assert_eq!(server.requests().len(), 1);

    let busy = TestServer::http(|_| Reply::new(503));
    let session =
        session_over(HttpAdapter::builder().max_retries(Retry::new().total(3).status_forcelist([503])).build());
    let post = session.post(busy.url("/")).data("body").header("Idempotency-Key", "k");
    assert_eq!(post.send().unwrap().status_code(), 503);
    assert_eq!(busy.requests().len(), 1);
}

fn idle(adapter: &HttpAdapter) -> usize {
    adapter.stats().iter().map(|pool| pool.idle()).sum()
}

#[test]
fn close_idle_closes_what_has_been_idle_for_that_long_in_all_pools() {
    let servers = [ok(), ok()];
    let clock = FakeClock::new();
    let adapter = HttpAdapter::builder().clock(clock.clone()).idle_timeout(None).build();
    let session = session_over(&adapter);
    let get = |server: &TestServer| session.get(server.url("/")).stream(true).send().unwrap();
    let held = [get(&servers[0]), get(&servers[0])];
    held.iter().for_each(|response| drop(response.text().unwrap()));
    clock.advance(10);
    get(&servers[1]).text().unwrap();

    assert_eq!(adapter.close_idle(11), 0);
    assert_eq!(adapter.close_idle(Duration::from_secs(10)), 2);
    assert!(servers[0].wait_for_open(0));
    assert_eq!((idle(&adapter), servers[1].open()), (1, 1));
    assert_eq!(adapter.close_idle(Duration::ZERO), 1);
    assert!(servers[1].wait_for_open(0));
    assert_eq!(adapter.close_idle(0), 0);

    // The pools go on.
    get(&servers[0]).text().unwrap();
    assert_eq!((idle(&adapter), servers[0].accepted()), (1, 3));
}

#[test]
fn close_idle_leaves_what_is_in_use_and_lets_waiters_in() {
    let (tell, told) = mpsc::channel::<()>();
    let told = std::sync::Mutex::new(told);
    let server = TestServer::connections(move |peer| {
        while peer.read_request().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
            let _ = told.lock().unwrap().recv();
            peer.send("ok");
        }
    });
    let (adapter, other) = (HttpAdapter::builder().max_connections(2).build(), ok());
    let session = session_over(&adapter);
    let streamed = session.get(server.url("/")).stream(true).send().unwrap();
    session.get(other.url("/")).send().unwrap();

    assert_eq!(adapter.close_idle(0), 1);

    tell.send(()).unwrap();
    assert_eq!(streamed.text().unwrap(), "ok");
    // Its permit is free again.
    let third: Session = session_over(&adapter);
    third.get(other.url("/")).send().unwrap();
    assert_eq!((server.accepted(), other.accepted()), (1, 2));
    drop(tell);
}
