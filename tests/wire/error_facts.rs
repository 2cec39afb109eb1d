//! What an error knows: the status, whether anything was sent, how far the exchange came, and what came before.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use petition::testing::{FakeClock, Peer, Reply, TestServer};
use petition::{Auth, Error, ErrorKind, HttpAdapter, PreparedRequest, Response, Result, Retry, Timeout};

use crate::support::{answer, causes, connections, millis, refusing, session, session_over, silent};

#[test]
fn the_status_is_that_of_the_response_or_of_the_proxys_refusal() {
    let server = TestServer::http(|_| Reply::new(404));
    let error = session().get(server.url("/")).send().unwrap().error_for_status().unwrap_err();
    assert_eq!(error.status().unwrap(), 404);
    assert_eq!(error.exchange().unwrap().peer, Some(server.address()));

    let busy = TestServer::http(|_| Reply::new(503));
    let retry = Retry::new().total(1).status_forcelist([503]);
    let session = session_over(HttpAdapter::builder().max_retries(retry).build());
    let error = session.get(busy.url("/")).send().unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::RetryError, 503));

    #[cfg(any(feature = "native-tls", feature = "rustls"))]
    {
        let proxy = TestServer::http(|_| Reply::new(407).then_close());
        let get = crate::support::session().get("https://a.test/").proxies([("https", proxy.url(""))]).send();
        let error = get.unwrap_err();
        assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::ProxyError, 407));
        assert!(error.is_connect());
    }

    let error = session.get(format!("http://{}/", refusing())).send().unwrap_err();
    assert_eq!(error.status(), None);
}

#[test]
fn is_connect_says_that_nothing_was_sent_in_any_attempt() {
    // Nothing was.
    let session = session_over(HttpAdapter::builder().max_retries(2).build());
    let closed = format!("http://{}/", refusing());
    let error = session.post(&closed).data("body").send().unwrap_err();
    assert!(error.is_connect(), "{error:?}");

    // Something may have been, in the first of them.
    let server = TestServer::connections(|peer: &mut Peer| {
        peer.read_request();
    });
    let (there, dead) = (server.address(), refusing());
    let count = std::sync::atomic::AtomicUsize::new(0);
    let resolver = move |_: &str, _: u16| match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => Ok(vec![there]),
        _ => Ok(vec![dead]),
    };
    let session = session_over(HttpAdapter::builder().resolver(resolver).max_retries(1).build());
    let error = session.get("http://a.test/").send().unwrap_err();
    assert!(!error.is_connect(), "{error:?}");

    for timeout in [Timeout::new().read(0.2), Timeout::new().total(0.2)] {
        let error = crate::support::session().get(silent().url("/")).timeout(timeout).send().unwrap_err();
        assert!(!error.is_connect(), "{error:?}");
    }
    let invalid = crate::support::session().get("http://[/").send().unwrap_err();
    assert_ne!(invalid.kind(), ErrorKind::ConnectionError);
}

#[test]
fn what_a_redirect_or_a_challenge_answered_was_sent() {
    let dead = refusing();
    let moved = TestServer::http(move |_| Reply::new(303).header("Location", format!("http://{dead}/")));
    let order = |session: &petition::Session| session.post(moved.url("/orders")).data("one").send().unwrap_err();
    let error = order(&session());
    assert_eq!(error.kind(), ErrorKind::ConnectionError);
    assert!(!error.is_connect(), "the order was placed: {error:?}");
    // The same if nothing is tried, because the request was stopped.
    let token = petition::Cancel::new();
    let stops = token.clone();
    let stopped = session()
        .post(moved.url("/orders"))
        .data("one")
        .cancel(&token)
        .on_response(move |response| {
            stops.cancel();
            Ok(response)
        })
        .send()
        .unwrap_err();
    assert!(stopped.is_cancelled() && !stopped.is_connect(), "{stopped:?}");

    // What a hook, or the answer to a challenge, has sent besides.
    let server = TestServer::http(|request| match request.target.as_str() {
        "/orders" => Reply::new(200),
        _ => Reply::new(401).header("WWW-Authenticate", "Bearer"),
    });
    let lost = move || crate::support::session().get(format!("http://{dead}/")).send();
    assert!(lost().unwrap_err().is_connect());
    let in_hook = session().post(server.url("/orders")).data("one").on_response(move |_| lost()).send().unwrap_err();
    assert!(!in_hook.is_connect(), "{in_hook:?}");
    struct Renewed<F>(F);
    impl<F: Fn() -> Result<Response> + Send + Sync> Auth for Renewed<F> {
        fn apply(&self, _: &mut PreparedRequest) -> Result<()> {
            Ok(())
        }

        fn answer(&self, _: &PreparedRequest, _: &Response, _: u32) -> Result<Option<PreparedRequest>> {
            (self.0)().map(|_| None)
        }
    }
    let in_answer = session().post(server.url("/refused")).data("one").auth(Renewed(lost)).send().unwrap_err();
    assert!(!in_answer.is_connect(), "{in_answer:?}");

    #[cfg(feature = "digest")]
    {
        let challenge = r#"Digest realm="r", nonce="n", qop="auth""#;
        let server = TestServer::http(move |_| Reply::new(401).header("WWW-Authenticate", challenge).then_close());
        let (there, count) = (server.address(), std::sync::atomic::AtomicUsize::new(0));
        let resolver = move |_: &str, _: u16| match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Ok(vec![there]),
            _ => Ok(vec![dead]),
        };
        let session = session_over(HttpAdapter::builder().resolver(resolver).build());
        let auth = petition::DigestAuth::new("user", "password");
        let error = session.post("http://a.test/").data("one").auth(auth).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionError);
        assert!(!error.is_connect(), "{error:?}");
    }
}

#[test]
fn the_exchange_tells_how_far_it_came() {
    let server = silent();
    let resolver = {
        let address = server.address();
        move |_: &str, _: u16| Ok(vec![address])
    };
    let session = session_over(HttpAdapter::builder().resolver(resolver).build());
    let error = session.get("http://a.test/").timeout(Timeout::new().read(0.2)).send().unwrap_err();
    let exchange = error.exchange().unwrap();
    assert_eq!((exchange.peer, exchange.reused, exchange.connection), (Some(server.address()), false, 1));
    assert_eq!(exchange.first_byte, Duration::ZERO);

    // No connection: the wait for a slot is known.
    let adapter = HttpAdapter::builder().pool_maxsize(1).pool_block(true).pool_timeout(0.2).build();
    let session = session_over(&adapter);
    let body = TestServer::connections(|peer: &mut Peer| {
        peer.read_request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        peer.wait_for_close();
    });
    let _held = session.get(body.url("/")).stream(true).send().unwrap();
    let error = session.get(body.url("/")).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PoolTimeout);
    assert!(error.is_connect());
    assert!(error.exchange().unwrap().waited >= millis(195), "{:?}", error.exchange());
    assert_eq!(error.exchange().unwrap().peer, None);

    let error = session.get(format!("http://{}/", refusing())).send().unwrap_err();
    assert_eq!(error.exchange().unwrap().peer, None);
}

// The wait for the next attempt is longer than what is left
#[test]
fn a_total_timeout_that_cuts_off_a_wait_for_a_retry_carries_the_last_response() {
    let server = TestServer::http(|_| Reply::new(503).header("Retry-After", 3600).body("come back"));
    let retry = Retry::new().total(3).status_forcelist([503]);
    let clock = FakeClock::new();
    let session = session_over(HttpAdapter::builder().max_retries(retry).clock(clock.clone()).build());

    let error = session.get(server.url("/")).timeout(Timeout::new().total(60)).send().unwrap_err();

    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::TotalTimeout, 503));
    assert_eq!(error.response().unwrap().text().unwrap(), "come back");
    assert_eq!(error.response().unwrap().headers().get("retry-after"), Some("3600"));
    assert!(!error.is_connect());
    assert_eq!((server.requests().len(), clock.slept()), (1, vec![]));
}

/// Answers one request, and dies of the next with its listener.
fn last_of_its_kind() -> (String, std::thread::JoinHandle<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        crate::support::read_head(&mut stream).unwrap();
        io::Write::write_all(&mut stream, answer("ok").as_bytes()).unwrap();
        // Before the connection dies, so that there is no other.
        drop(listener);
        crate::support::read_head(&mut stream).unwrap();
    });
    (url, serving)
}

// RETRY: it claimed that nothing had been sent, and escaped `allowed_methods`
#[test]
fn a_replay_whose_connection_cannot_be_made_is_a_read_failure_with_the_first_error_as_its_source() {
    let (url, serving) = last_of_its_kind();
    let session = session();
    session.get(&url).send().unwrap();

    let error = session.put(&url).data("body").send().unwrap_err();
    serving.join().unwrap();

    assert_eq!(error.kind(), ErrorKind::ConnectionError);
    assert!(!error.is_connect(), "the request had gone out once");
    let first = causes(&error).find_map(|cause| cause.downcast_ref::<Error>()).expect("the first error");
    assert_eq!(first.kind(), ErrorKind::ConnectionError);
    assert!(error.to_string().contains("refused"), "{error}");
    assert!(error.exchange().unwrap().reused);
    assert!(StdError::source(&error).is_some());
}

#[test]
fn such_a_failure_counts_as_a_read_error_to_a_retry() {
    // A connect error would be tried again whatever the method; a read error only if the method is allowed.
    for (read, attempts) in [(0, 1), (2, 2)] {
        let (url, serving) = last_of_its_kind();
        let retry = Retry::new().total(5).read(read).connect(0);
        let session = session_over(HttpAdapter::builder().max_retries(retry).clock(FakeClock::new()).build());
        session.get(&url).send().unwrap();

        let error = session.put(&url).data("body").send().unwrap_err();
        serving.join().unwrap();

        assert_eq!(error.exchange().unwrap().attempts, attempts, "{error}");
        assert!(!error.is_connect());
    }
    // Nor does a method escape that may not be repeated.
    let (url, serving) = last_of_its_kind();
    let retry = Retry::new().total(5).allowed_methods(["GET"]);
    let session = session_over(HttpAdapter::builder().max_retries(retry).clock(FakeClock::new()).build());
    session.get(&url).send().unwrap();
    let error = session.put(&url).data("body").send().unwrap_err();
    serving.join().unwrap();
    assert_eq!(error.exchange().unwrap().attempts, 1, "{error}");
}

#[test]
fn what_comes_after_a_failed_request_knows_nothing_of_it() {
    let server = TestServer::http(|_| Reply::new(200));
    let session = session();
    session.get(format!("http://{}/", refusing())).send().unwrap_err();

    let response = session.get(server.url("/")).send().unwrap();

    assert_eq!((response.exchange().attempts, connections(&server)), (1, vec![0]));
}
