//! The loop of retries, on a clock that does not wait.

use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use petition::testing::{FakeClock, Reply, TestServer};
use petition::{Body, Clock, ErrorKind, HttpAdapter, Retry, Session, Timeout};

use crate::support::{
    answer, connections, fixed, in_order, logged, millis, one_shot_bodies, pool_lines, refusing, secs, session,
    session_over,
};

/// A session that retries, and the clock it sleeps on.
fn retrying(retry: impl Into<Retry>) -> (Session, FakeClock) {
    let clock = FakeClock::new();
    let adapter = HttpAdapter::builder().max_retries(retry).clock(clock.clone()).build();
    (session_over(&adapter), clock)
}

/// A session for which connects are refused, but for those of the given numbers (from 0), which find `server`.
fn refused_but(server: &TestServer, good: &'static [usize], retry: impl Into<Retry>) -> (Session, FakeClock) {
    let clock = FakeClock::new();
    let (dead, alive, turn) = (refusing(), server.address(), AtomicUsize::new(0));
    let resolve = move |_: &str, _: u16| -> std::io::Result<Vec<SocketAddr>> {
        let turn = turn.fetch_add(1, Ordering::Relaxed);
        Ok(vec![if good.contains(&turn) { alive } else { dead }])
    };
    let adapter = HttpAdapter::builder().resolver(resolve).max_retries(retry).clock(clock.clone()).build();
    (session_over(&adapter), clock)
}

/// A server that reads a request on each connection and closes it, but for connections from `good` on.
fn dropping(good: usize) -> TestServer {
    TestServer::connections(move |peer| {
        while peer.read_request().is_some() && peer.number() >= good {
            peer.send(answer("at last"));
        }
    })
}

fn statuses(statuses: &[u16]) -> TestServer {
    in_order(statuses.iter().map(|&status| Reply::new(status).body(status.to_string())).collect::<Vec<_>>())
}

// RETRY-04, RETRY-09, RETRY-17, RETRY-19, RETRY-37, POOL-35
#[test]
fn a_listed_status_is_retried_over_the_same_connection_with_backoff_that_doubles() {
    let server = statuses(&[503, 500, 503, 503, 200]);
    let (session, clock) = retrying(Retry::new().total(4).status_forcelist([500, 503]).backoff_factor(0.5));

    let response = session.get(server.url("/x?y=1")).send().unwrap();

    assert_eq!(response.text().unwrap(), "200");
    assert_eq!(clock.slept(), [secs(1.0), secs(2.0), secs(4.0)]);
    assert_eq!(connections(&server), [0; 5]);
    assert_eq!(response.exchange().attempts, 5);
    let retries = response.retries().unwrap();
    let seen: Vec<_> = retries.history().iter().map(|past| (past.method(), past.url(), past.status())).collect();
    assert_eq!(seen[..2], [("GET", "/x?y=1", Some(503)), ("GET", "/x?y=1", Some(500))]);
    assert_eq!(seen.len(), 4);
}

// RETRY-18
#[test]
fn jitter_is_added_from_the_second_retry_on_and_cut_by_the_longest_backoff() {
    let server = statuses(&[503]);
    let clock = FakeClock::new().jitter(0.5);
    let retry = Retry::new().total(4).status_forcelist([503]).raise_on_status(false);
    let retry = retry.backoff_factor(1).backoff_jitter(3).backoff_max(6);
    let session = session_over(HttpAdapter::builder().max_retries(retry).clock(clock.clone()).build());

    session.get(server.url("/")).send().unwrap();

    assert_eq!(clock.slept(), [secs(3.5), secs(5.5), secs(6.0)]);
}

// RETRY-19, RETRY-20, RETRY-21; RETRY-22: what is malformed is passed over
#[test]
fn retry_after_comes_before_backoff() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_480 - 90); // 90 s before the date below
    for (retry_after, slept) in [
        ("7", secs(7.0)),
        (" 7 ", secs(7.0)),
        ("999999", secs(21600.0)),
        ("Wed, 21 Oct 2015 07:28:00 GMT", secs(90.0)),
        ("0", secs(20.0)),
        ("Wed, 21 Oct 2015 07:00:00 GMT", secs(20.0)),
        ("soon", secs(20.0)),
        ("-5", secs(20.0)),
        ("1.5", secs(20.0)),
    ] {
        let replies = [Reply::new(500), Reply::new(500).header("Retry-After", retry_after), Reply::new(200)];
        let server = in_order(replies);
        let clock = FakeClock::new().wall_time(now);
        let retry = Retry::new().total(3).status_forcelist([500]).backoff_factor(10);
        let session = session_over(HttpAdapter::builder().max_retries(retry).clock(clock.clone()).build());

        let response = session.get(server.url("/")).send().unwrap();

        assert_eq!((response.status_code().as_u16(), clock.slept()), (200, vec![slept]), "{retry_after}");
    }
}

// RETRY-09, RETRY-11, RETRY-23, RETRY-32
#[test]
fn retry_after_alone_asks_for_a_retry_and_never_for_an_error() {
    for (retry, status, requests) in [
        (Retry::from(2), 429, 3),
        (Retry::from(2), 413, 3),
        (Retry::from(2), 503, 3),
        (Retry::from(2), 502, 1),
        (Retry::from(0), 503, 1),
        (Retry::new().total(None), 503, 1),
        (Retry::new().total(2).respect_retry_after_header(false), 503, 1),
    ] {
        let server = in_order([Reply::new(status).header("Retry-After", "3").body("busy")]);
        let (session, clock) = retrying(retry);

        let response = session.get(server.url("/")).send().unwrap();

        assert_eq!((response.status_code().as_u16(), response.text().unwrap().as_str()), (status, "busy"));
        assert_eq!(server.requests().len(), requests, "{status}");
        assert_eq!(clock.slept(), vec![secs(3.0); requests - 1]);
    }
}

// RETRY-10, RETRY-12, RETRY-13, RETRY-29: here the response is on the error
#[test]
fn retries_used_up_by_status_are_a_retry_error_that_tells_the_story() {
    let server = statuses(&[500, 503]);
    let (session, clock) = retrying(Retry::new().total(3).status_forcelist([500, 503]).backoff_factor(0.5));

    let error = session.get(server.url("/x")).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::RetryError);
    let text = format!("too many 503 error responses from {} (4 attempts over 3.0s)", server.address());
    assert_eq!(error.to_string(), format!("max retries exceeded: {text}"));
    assert_eq!(clock.slept(), [secs(1.0), secs(2.0)]);
    let history: Vec<_> = error.retries().unwrap().history().iter().map(|past| past.status()).collect();
    assert_eq!(history, [Some(500), Some(503), Some(503), Some(503)]);
    assert_eq!(error.request().unwrap().url.path(), "/x");
    let response = error.into_response().unwrap();
    assert_eq!((response.status_code().as_u16(), response.text().unwrap().as_str()), (503, "503"));
    assert_eq!(connections(&server), [0; 4]);
}

// RETRY-13
#[test]
fn without_retries_a_listed_status_is_a_retry_error_at_once() {
    for total in [petition::retry::Count::from(0), false.into()] {
        let server = statuses(&[503]);
        let (session, _) = retrying(Retry::new().total(total).status_forcelist([503]));

        let error = session.get(server.url("/")).send().unwrap_err();

        assert_eq!((error.kind(), server.requests().len()), (ErrorKind::RetryError, 1));
        let text = format!("max retries exceeded: too many 503 error responses from {}", server.address());
        assert_eq!(error.to_string(), text);
    }
}

// RETRY-12
#[test]
fn with_raise_on_status_off_the_last_response_is_returned() {
    for stream in [false, true] {
        let server = statuses(&[500, 502, 503]);
        let retry = Retry::new().total(2).status_forcelist([500, 502, 503]).raise_on_status(false);
        let (session, _) = retrying(retry);

        let response = session.get(server.url("/")).stream(stream).send().unwrap();

        assert_eq!((response.status_code().as_u16(), response.text().unwrap().as_str()), (503, "503"));
        assert_eq!(response.retries().unwrap().history().len(), 3);
        assert_eq!(response.exchange().attempts, 3);
    }
}

// RETRY-14, ADPT-15
#[test]
fn a_listed_redirect_counts_against_redirects() {
    let server = in_order([Reply::new(302).header("Location", "/there")]);
    let (session, _) = retrying(Retry::new().total(5).redirect(1).status_forcelist([302]));

    let error = session.get(server.url("/")).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::RetryError);
    assert!(error.to_string().starts_with("max retries exceeded: too many redirects"), "{error}");
    assert!(server.requests().iter().all(|request| request.target == "/"));
    assert_eq!(server.requests().len(), 2);
    assert_eq!(error.retries().unwrap().history()[0].redirect_location(), Some("/there"));
}

// ADPT-15
#[test]
fn redirects_that_are_not_listed_are_the_sessions_business() {
    let server = in_order([Reply::new(302).header("Location", "/there"), Reply::new(200)]);
    let (session, _) = retrying(Retry::new().total(0).redirect(0).raise_on_redirect(true));

    let response = session.get(server.url("/")).send().unwrap();

    assert_eq!((response.status_code().as_u16(), response.history().len()), (200, 1));
}

// RETRY-15, RETRY-16
#[test]
fn a_status_is_retried_for_allowed_methods_only() {
    let listed = || Retry::new().total(1).status_forcelist([503]);
    for (retry, requests) in [
        (listed(), 1),
        (listed().allowed_methods(["POST"]), 2),
        (listed().allowed_methods(["post"]), 1),
        (listed().any_method(), 2),
    ] {
        let server = statuses(&[503, 200]);
        let (session, _) = retrying(retry);

        let response = session.post(server.url("/")).data("the body").send().unwrap();

        assert_eq!(response.status_code().as_u16(), if requests == 1 { 503 } else { 200 });
        assert_eq!(server.requests().len(), requests);
        assert!(server.requests().iter().all(|request| request.body == b"the body"));
    }
}

// RETRY-02
#[test]
fn each_hop_starts_with_the_configured_retries() {
    let server = in_order([
        Reply::new(503),
        Reply::new(302).header("Location", "/there"),
        Reply::new(503),
        Reply::new(200),
        Reply::new(503),
        Reply::new(200),
    ]);
    let (session, _) = retrying(Retry::new().total(1).status_forcelist([503]));

    session.get(server.url("/")).send().unwrap();
    session.get(server.url("/")).send().unwrap();

    assert_eq!(server.requests().len(), 6);
}

/// Sleeps by sending a request through the adapter whose retries sleep on it.
#[derive(Debug)]
struct BusyClock {
    fake: FakeClock,
    adapter: OnceLock<HttpAdapter>,
    url: Mutex<String>,
    served: AtomicUsize,
}

impl Clock for BusyClock {
    fn now(&self) -> Instant {
        self.fake.now()
    }

    fn wall(&self) -> SystemTime {
        self.fake.wall()
    }

    fn sleep(&self, duration: Duration) {
        let adapter = self.adapter.get().unwrap();
        assert_eq!(adapter.stats()[0].in_use(), 0);
        let response = session_over(adapter).get(&*self.url.lock().unwrap()).send();
        self.served.fetch_add(usize::from(response.is_ok()), Ordering::Relaxed);
        self.fake.sleep(duration);
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

// POOL-34: here the slot is free after a connection error too
#[test]
fn no_connection_is_held_while_a_retry_sleeps() {
    for (first, second) in [("status", "status"), ("drop", "drop"), ("status", "drop"), ("drop", "status")] {
        let turn = AtomicUsize::new(0);
        let server = TestServer::connections(move |peer| {
            while let Some(request) = peer.read_request() {
                let turn = if request.target == "/" { turn.fetch_add(1, Ordering::Relaxed) } else { 9 };
                match [first, second].get(turn) {
                    Some(&"drop") => return,
                    Some(_) => peer.send("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"),
                    None => peer.send(answer("ok")),
                }
            }
        });
        let clock = Arc::new(BusyClock {
            fake: FakeClock::new(),
            adapter: OnceLock::new(),
            url: Mutex::new(server.url("/meanwhile")),
            served: AtomicUsize::new(0),
        });
        let retry = Retry::new().total(3).status_forcelist([503]).backoff_factor(1);
        let builder = HttpAdapter::builder().pool_maxsize(1).pool_block(true).pool_timeout(millis(50));
        let adapter = builder.max_retries(retry).replay_stale(false).clock(ByArc(Arc::clone(&clock))).build();
        clock.adapter.set(adapter.clone()).unwrap();

        let response = session_over(&adapter).get(server.url("/")).send().unwrap();

        assert_eq!(response.text().unwrap(), "ok");
        assert_eq!(clock.fake.slept(), [secs(2.0)]);
        assert_eq!(clock.served.load(Ordering::Relaxed), 1, "{first}, then {second}");
    }
}

#[derive(Debug)]
struct ByArc(Arc<BusyClock>);

impl Clock for ByArc {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn wall(&self) -> SystemTime {
        self.0.wall()
    }

    fn sleep(&self, duration: Duration) {
        self.0.sleep(duration);
    }

    fn jitter(&self) -> f64 {
        self.0.jitter()
    }
}

// POOL-35: within a bound
#[test]
fn a_retried_response_is_drained_within_a_bound() {
    for (size, used) in [(1000, [0, 0]), (100_000, [0, 1])] {
        let server = in_order([Reply::new(503).body(vec![b'x'; size]), Reply::new(200)]);
        let retry = Retry::new().total(1).status_forcelist([503]);
        let session = session_over(HttpAdapter::builder().max_retries(retry).drain_limit(10_000).build());

        session.get(server.url("/")).send().unwrap();

        assert_eq!(connections(&server), used, "{size}");
    }
}

// RETRY-24
#[test]
fn a_body_is_sent_again_from_where_it_began() {
    let begun = || {
        let mut cursor = Cursor::new("--the body");
        cursor.set_position(2);
        Body::seekable(cursor).unwrap()
    };
    let bodies: [fn() -> Body; 3] =
        [|| Body::from("the body"), || Body::from(b"the body".to_vec()), || Body::from(String::from("the body"))];
    for body in bodies.iter().map(|body| body()).chain([begun()]) {
        let server = statuses(&[503, 200]);
        let (session, _) = retrying(Retry::new().total(1).status_forcelist([503]));
        session.put(server.url("/")).data(body.clone()).send().unwrap();

        let dropped = dropping(1);
        let (session, _) = retrying(1);
        session.put(dropped.url("/")).data(body).send().unwrap();

        for server in [server, dropped] {
            let bodies: Vec<_> = server.requests().into_iter().map(|request| request.body).collect();
            assert_eq!(bodies, [b"the body", b"the body"]);
        }
    }
}

// RETRY-25, RETRY-26: here every body that cannot be rewound is refused, and as petition's own error
#[test]
fn a_body_that_can_be_sent_once_is_never_sent_again() {
    for (name, body) in one_shot_bodies() {
        let server = statuses(&[503, 200]);
        let retry = Retry::new().total(2).status_forcelist([503]).backoff_factor(1);
        let (session, clock) = retrying(retry.clone());
        let error = session.put(server.url("/")).data(body).send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::UnrewindableBody, "{name}: {error}");
        assert_eq!((server.requests().len(), clock.slept()), (1, vec![]));
        assert_eq!(error.retries().unwrap().history()[0].status(), Some(503));
    }

    let server = dropping(1);
    let (session, _) = retrying(2);
    let error = session.put(server.url("/")).data(Body::reader(Cursor::new("once"))).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::UnrewindableBody, "{error}");
    let cause = std::error::Error::source(&error).unwrap().downcast_ref::<petition::Error>().unwrap();
    assert_eq!(cause.kind(), ErrorKind::ConnectionError);
    assert_eq!(server.requests().len(), 1);
}

// RETRY-05: nothing of the body was read when no connection was made
#[test]
fn a_body_that_can_be_sent_once_survives_a_refused_connect() {
    let server = statuses(&[200]);
    let (session, _) = refused_but(&server, &[2], 2);

    session.post("http://a.test/").data(Body::reader(Cursor::new("once"))).send().unwrap();

    assert_eq!(server.requests()[0].body, b"once");
}

// RETRY-04, RETRY-05, RETRY-28, RETRY-29, RETRY-33, LOG-13
#[test]
fn a_refused_connect_is_retried_for_any_method_and_the_error_says_how_often() {
    for method in ["GET", "POST"] {
        let server = statuses(&[200]);
        let (session, clock) = refused_but(&server, &[], Retry::new().total(3).backoff_factor(0.5));

        let error = session.request(method, "http://a.test/").data("x").send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::ConnectionError);
        assert_eq!(error.to_string(), "failed to connect to a.test:80: connection refused (4 attempts over 3.0s)");
        assert_eq!(clock.slept(), [secs(1.0), secs(2.0)]);
        let history = error.retries().unwrap().history();
        assert_eq!(history.len(), 4);
        assert_eq!(history[0].error_kind(), Some(ErrorKind::ConnectionError));
    }
}

// RETRY-05
#[test]
fn a_connect_that_succeeds_in_the_end_is_as_good_as_any() {
    let server = statuses(&[200]);
    let (session, _) = refused_but(&server, &[2], Retry::new().total(None).connect(2));

    let response = session.post("http://a.test/").data("x").send().unwrap();

    assert_eq!((response.exchange().attempts, response.retries().unwrap().history().len()), (3, 2));
}

// RETRY-06, RETRY-32, RETRY-33
#[test]
fn a_broken_exchange_is_retried_for_allowed_methods_only() {
    for (method, attempts) in [("GET", 3), ("PUT", 3), ("DELETE", 3), ("HEAD", 3), ("OPTIONS", 3), ("POST", 1)] {
        let server = dropping(usize::MAX);
        let (session, _) = retrying(2);

        let error = session.request(method, server.url("/")).data("x").send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::ConnectionError);
        assert_eq!(server.requests().len(), attempts, "{method}");
        let text = error.to_string();
        assert_eq!(text.contains("(3 attempts over "), attempts == 3, "{text}");
    }
}

// RETRY-06
#[test]
fn an_answer_that_is_cut_short_in_its_head_is_a_broken_exchange() {
    let server = in_order([Reply::raw("HTTP/1.1 200 OK\r\nContent-L").then_close(), Reply::new(200)]);
    let (session, _) = retrying(1);

    assert_eq!(session.get(server.url("/")).send().unwrap().exchange().attempts, 2);
}

// RETRY-08, RETRY-31, RETRY-34
#[test]
fn what_is_switched_off_is_raised_at_once() {
    let careful = || Retry::new().total(3).read(false).other(0).respect_retry_after_header(false);
    for (retry, connects, exchanges) in [
        (Retry::new().connect(false), 1, 2),
        (Retry::new().read(false), 2, 1),
        (Retry::new().total(false), 1, 1),
        (Retry::from(0), 1, 1),
        (careful(), 2, 1),
    ] {
        let server = statuses(&[200]);
        let (session, _) = refused_but(&server, &[1], retry.clone());
        let response = session.get("http://a.test/").send();
        assert_eq!(response.map_or(1, |response| response.exchange().attempts), connects, "{retry:?}");

        let server = dropping(1);
        let (session, _) = retrying(retry.clone());
        let response = session.get(server.url("/")).send();
        assert_eq!(response.map_or(1, |response| response.exchange().attempts), exchanges, "{retry:?}");
        assert_eq!(server.requests().len(), exchanges as usize, "{retry:?}");
    }
}

// RETRY-27
#[test]
fn a_body_that_breaks_is_never_retried() {
    for stream in [false, true] {
        let server = in_order([Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").then_close()]);
        let (session, _) = retrying(3);

        let sent = session.get(server.url("/")).stream(stream).send();
        let error = sent.and_then(|response| response.into_content()).unwrap_err();

        assert_eq!((error.kind(), server.requests().len()), (ErrorKind::ChunkedEncodingError, 1));
    }
}

// RETRY-29, RETRY-30: ReadTimeout here, whether or not retries were used up
#[test]
fn read_timeouts_that_use_up_the_retries_are_read_timeouts() {
    let server = TestServer::connections(|peer| {
        peer.read_request();
        peer.wait_for_close();
    });
    for (retries, attempts) in [(0, 1), (1, 2)] {
        let (session, _) = retrying(retries);
        let before = server.requests().len();

        let error = session.get(server.url("/")).timeout((5, 0.1)).send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::ReadTimeout);
        assert!(server.wait_for_requests(before + attempts));
        assert_eq!(server.requests().len() - before, attempts);
        assert_eq!(error.to_string().contains("2 attempts"), attempts == 2, "{error}");
        assert!(error.is_timeout() && !error.is_connection_error());
    }
}

// RETRY-07: as in requests the method is not asked; a certificate that does not verify is not retried
#[cfg(feature = "native-tls")]
#[test]
fn tls_that_breaks_is_retried_and_a_wrong_certificate_is_not() {
    let server = TestServer::connections(|peer| {
        peer.read_some(1);
        peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let (session, _) = retrying(2);
    let url = server.url("/").replace("http:", "https:");
    let error = session.post(&url).data("x").send().unwrap_err();
    assert_eq!((error.kind(), server.accepted()), (ErrorKind::SslError, 3));

    let server = crate::support::tls_server(&["127.0.0.1"], |peer| peer.wait_for_close());
    let error = session.get(server.url("/")).send().unwrap_err();
    assert_eq!((error.kind(), server.accepted()), (ErrorKind::SslError, 1));
}

// RETRY-42
#[test]
fn hooks_cookies_and_history_see_the_last_response_only() {
    let server =
        in_order([Reply::new(503).header("Set-Cookie", "lost=1"), Reply::new(200).header("Set-Cookie", "kept=1")]);
    let (mut session, _) = retrying(Retry::new().total(1).status_forcelist([503]));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let hook_seen = Arc::clone(&seen);
    session.hooks.on_response(move |response| {
        hook_seen.lock().unwrap().push(response.status_code().as_u16());
        Ok(response)
    });

    let response = session.get(server.url("/")).send().unwrap();

    assert_eq!(*seen.lock().unwrap(), [200]);
    assert_eq!((session.cookies.get("kept").unwrap(), session.cookies.get("lost").unwrap()), (Some("1".into()), None));
    assert!(response.history().is_empty());
    assert_eq!(server.requests()[1].header("cookie"), None);
}

// RETRY-43: here a sleep knows the limit on everything
#[test]
fn a_sleep_that_would_outlast_the_total_timeout_is_not_begun() {
    let server = in_order([Reply::new(503).header("Retry-After", "60")]);
    let (session, clock) = retrying(Retry::new().total(3).status_forcelist([503]));

    let error = session.get(server.url("/")).timeout(Timeout::new().total(30)).send().unwrap_err();

    assert_eq!((error.kind(), clock.slept()), (ErrorKind::TotalTimeout, vec![]));
    let text = format!("the next attempt at {}, which would wait 60s", server.address());
    assert_eq!(error.to_string(), format!("the total timeout leaves no time for {text}"));
    assert_eq!(error.retries().unwrap().history()[0].status(), Some(503));
    assert_eq!(server.requests().len(), 1);
}

// RETRY-43, TIME-10
#[test]
fn sleeps_count_against_the_total_timeout() {
    let server = dropping(usize::MAX);
    let (session, clock) = retrying(Retry::new().total(10).backoff_factor(1));

    let error = session.get(server.url("/")).timeout(Timeout::new().total(10)).send().unwrap_err();

    // 0, 2 and 4 seconds; 8 more would be too many.
    assert_eq!((error.kind(), clock.slept()), (ErrorKind::TotalTimeout, vec![secs(2.0), secs(4.0)]));
    let text = format!("the next attempt at {}, which would wait 8s (4 attempts over 6.0s)", server.address());
    assert_eq!(error.to_string(), format!("the total timeout leaves no time for {text}"));
    assert_eq!(error.retries().unwrap().history().len(), 4);
    let cause = std::error::Error::source(&error).unwrap().downcast_ref::<petition::Error>().unwrap();
    assert_eq!(cause.kind(), ErrorKind::ConnectionError);
}

// The limit on everything is measured by the clock that the sleeps are on, over all hops
#[test]
fn the_total_timeout_goes_by_the_adapters_clock() {
    let server = in_order([
        Reply::new(503).header("Retry-After", "20"),
        Reply::new(302).header("Location", "/there"),
        Reply::new(503).header("Retry-After", "20"),
        Reply::new(200),
    ]);
    let (session, clock) = retrying(Retry::new().total(3).status_forcelist([503]));
    clock.advance(Duration::from_secs(3600));

    let error = session.get(server.url("/")).timeout(Timeout::new().total(30)).send().unwrap_err();

    assert_eq!((error.kind(), clock.slept()), (ErrorKind::TotalTimeout, vec![secs(20.0)]));
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn retry_if_is_told_everything_and_can_say_no() {
    type Seen = (String, String, Option<u16>, Option<String>, Option<ErrorKind>, Option<u32>, usize);
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let turn = AtomicUsize::new(0);
    let server = TestServer::connections(move |peer| {
        while peer.read_request().is_some() {
            match turn.fetch_add(1, Ordering::Relaxed) {
                0 => return,
                turn => peer.send(format!("HTTP/1.1 403 No\r\nX-Turn: {turn}\r\nContent-Length: 2\r\n\r\nno")),
            }
        }
    });
    let told = Arc::clone(&seen);
    let retry = Retry::new().total(5).status(3).status_forcelist([403]).retry_if(move |attempt| {
        told.lock().unwrap().push((
            attempt.method().to_owned(),
            attempt.url().to_owned(),
            attempt.status(),
            attempt.headers().and_then(|headers| headers.get("x-turn")).map(str::to_owned),
            attempt.error().map(petition::Error::kind),
            attempt.retries_left(),
            attempt.number(),
        ));
        attempt.number() < 3
    });
    let (session, _) = retrying(retry);

    let response = session.get(server.url("/x?y=1")).send().unwrap();

    assert_eq!((response.status_code().as_u16(), response.text().unwrap().as_str()), (403, "no"));
    let url = server.url("/x?y=1");
    let get = || ("GET".to_owned(), url.clone());
    let ((m0, u0), (m1, u1), (m2, u2)) = (get(), get(), get());
    assert_eq!(
        *seen.lock().unwrap(),
        [
            (m0, u0, None, None, Some(ErrorKind::ConnectionError), Some(5), 1),
            (m1, u1, Some(403), Some("1".to_owned()), None, Some(3), 2),
            (m2, u2, Some(403), Some("2".to_owned()), None, Some(2), 3),
        ]
    );
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn an_error_that_retry_if_refuses_is_raised_as_it_is() {
    let server = dropping(usize::MAX);
    let (session, _) = retrying(Retry::new().total(5).retry_if(|_| false));

    let error = session.get(server.url("/")).send().unwrap_err();

    assert_eq!((error.kind(), server.requests().len()), (ErrorKind::ConnectionError, 1));
}

// LOG-08, LOG-09, LOG-10, LOG-12, LOG-13, RETRY-38
#[test]
fn retries_are_logged_word_for_word() {
    let server = statuses(&[500, 200]);
    let port = server.address().port();
    let (session, _) = retrying(Retry::new().total(2).status_forcelist([500]));
    let (_, lines) = logged(|| session.get(server.url("/x?y=1")).send().unwrap());
    assert_eq!(
        lines,
        [
            format!("DEBUG connectionpool: Starting new HTTP connection (1): 127.0.0.1:{port}"),
            format!("DEBUG connectionpool: http://127.0.0.1:{port} \"GET /x?y=1 HTTP/1.1\" 500 3"),
            "DEBUG retry: Incremented Retry for (url='/x?y=1'): \
             Retry(total=1, connect=None, read=None, redirect=None, status=None)"
                .to_owned(),
            "DEBUG connectionpool: Retry: /x?y=1".to_owned(),
            format!("DEBUG connectionpool: http://127.0.0.1:{port} \"GET /x?y=1 HTTP/1.1\" 200 3"),
        ]
    );

    let (session, _) = refused_but(&server, &[1], 1);
    let (_, lines) = logged(|| session.get("http://a.test/").send().unwrap());
    let next = "Retry(total=0, connect=None, read=None, redirect=None, status=None)";
    let error = "failed to connect to a.test:80: connection refused";
    assert_eq!(
        lines,
        [
            "DEBUG connectionpool: Starting new HTTP connection (1): a.test:80".to_owned(),
            format!("DEBUG retry: Incremented Retry for (url='/'): {next}"),
            format!("WARN connectionpool: Retrying ({next}) after connection broken by '{error}': /"),
            "DEBUG connectionpool: Starting new HTTP connection (2): a.test:80".to_owned(),
            "DEBUG connectionpool: http://a.test:80 \"GET / HTTP/1.1\" 200 3".to_owned(),
        ]
    );
}

// LOG-10
#[test]
fn the_last_failure_logs_no_increment() {
    let server = statuses(&[500]);
    let (session, _) = retrying(Retry::new().total(1).status_forcelist([500]));

    let (_, lines) = logged(|| session.get(server.url("/")).send().unwrap_err());

    assert_eq!(lines.iter().filter(|line| line.contains("Incremented")).count(), 1, "{lines:?}");
    assert!(lines.last().unwrap().ends_with("500 3"), "{lines:?}");
}

// LOG-11, ADPT-10
#[test]
fn a_number_above_zero_logs_its_conversion_when_the_adapter_is_built() {
    let built = |retries: Retry| HttpAdapter::builder().max_retries(retries).build();

    let (_, lines) = logged(|| built(3.into()));
    let text = "DEBUG retry: Converted retries value: 3 -> \
                Retry(total=3, connect=None, read=None, redirect=None, status=None)";
    assert_eq!(lines, [text]);
    assert_eq!(logged(|| built(0.into())).1, [""; 0]);
    assert_eq!(logged(|| built(Retry::new())).1, [""; 0]);
}

// ADPT-09, RETRY-31
#[test]
fn by_default_nothing_is_retried() {
    let server = in_order([Reply::new(503).header("Retry-After", "1")]);
    let response = session().get(server.url("/")).send().unwrap();
    assert_eq!((response.status_code().as_u16(), server.requests().len()), (503, 1));

    let server = dropping(1);
    let (sent, lines) = pool_lines(|| session().get(server.url("/")).send());
    assert_eq!(sent.unwrap_err().kind(), ErrorKind::ConnectionError);
    assert_eq!((server.requests().len(), lines.len()), (1, 1));
}

#[test]
fn a_retry_that_cannot_work_is_refused_by_each_send() {
    let server = statuses(&[200]);
    for retry in [Retry::new().backoff_factor(-1), Retry::new().backoff_max(f64::NAN)] {
        let (session, _) = retrying(retry);
        for _ in 0..2 {
            assert_eq!(session.get(server.url("/")).send().unwrap_err().kind(), ErrorKind::InvalidSetting);
        }
    }
    assert_eq!(server.accepted(), 0);
}

// A head that is accepted is accepted under a Retry too
#[test]
fn a_control_byte_in_a_head_costs_no_response_under_a_retry() {
    for value in ["\u{1}", "a\u{7f}b", "\u{1b}[31m"] {
        let head = format!("HTTP/1.1 503 Busy\r\nX-Odd: {value}\r\nRetry-After: 0\r\nContent-Length: 4\r\n\r\nbusy");
        let server = fixed(head);
        let retry = Retry::new().total(2).status_forcelist([503]).raise_on_status(false);
        let session = session_over(HttpAdapter::builder().max_retries(retry).build());

        let response = session.get(server.url("/")).send().unwrap();

        assert_eq!((response.status_code().as_u16(), response.text().unwrap().as_str()), (503, "busy"));
        assert_eq!(response.headers().get("x-odd"), Some(value));
        assert_eq!(server.requests().len(), 3, "{value:?}");
    }
}
