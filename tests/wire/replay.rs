//! A reused connection that dies before the first byte of an answer: when the request is sent once more, and when never.

use std::io::Cursor;

use petition::testing::{Peer, Reply, TestServer};
use petition::{Body, ErrorKind, HttpAdapter, RequestBuilder, Retry, Session};

use crate::support::{LONG, answer, connections, millis, pool_lines, session, session_over};

/// How a connection dies when a request has come over it.
#[derive(Clone, Copy, Debug)]
enum Death {
    Close,
    Reset,
    /// After the first byte of an answer.
    FirstByte,
    /// Not at all: nothing comes.
    Silence,
}

impl Death {
    fn act(self, peer: &mut Peer) {
        match self {
            Self::Close => peer.close(),
            Self::Reset => peer.reset(),
            Self::FirstByte => {
                peer.send("H");
                peer.close();
            }
            Self::Silence => peer.wait_for_close(),
        }
    }
}

/// Answers `good[n]` requests over connection n, then reads one more and dies; over later ones it answers all.
fn mortal(good: &'static [usize], death: Death) -> TestServer {
    TestServer::connections(move |peer| {
        let good = good.get(peer.number()).copied().unwrap_or(usize::MAX);
        for _ in 0..good {
            let Some(request) = peer.read_request() else { return };
            peer.send(answer(if request.method == "HEAD" { "" } else { "alive" }));
        }
        if peer.read_request().is_some() {
            death.act(peer);
        }
    })
}

/// A request that is answered, so that its connection is there to be reused.
fn warm_up(session: &Session, server: &TestServer) {
    session.get(server.url("/first")).send().unwrap();
}

// POOL-29, RETRY-44: replayed here, if it is harmless
#[test]
fn an_idempotent_request_goes_out_once_more_and_costs_no_retry() {
    type Send = fn(RequestBuilder<'_>) -> RequestBuilder<'_>;
    let bytes: Send = |request| request.data("the body");
    let plain: Send = |request| request;
    for death in [Death::Close, Death::Reset] {
        for (method, build) in [
            ("GET", plain),
            ("HEAD", plain),
            ("OPTIONS", plain),
            ("DELETE", plain),
            ("DELETE", bytes),
            ("PUT", bytes),
            ("PUT", |request| request.data(vec![b'x'; 100_000])),
            ("PUT", |request| request.data(Body::seekable(Cursor::new("the body")).unwrap())),
        ] {
            let server = mortal(&[1], death);
            let session = session_over(HttpAdapter::builder().pool_maxsize(1).pool_block(true).build());
            warm_up(&session, &server);

            let (response, lines) = pool_lines(|| build(session.request(method, server.url("/"))).send().unwrap());

            let requests = server.requests();
            assert_eq!(connections(&server), [0, 0, 1], "{method} {death:?}");
            assert_eq!(requests[1].raw, requests[2].raw, "the same bytes again");
            assert_eq!(lines[0], "Resetting dropped connection: 127.0.0.1");
            assert_eq!(lines.len(), 2, "{lines:?}");
            assert!(lines[1].contains(&format!("\"{method} / HTTP/1.1\" 200")), "{lines:?}");
            assert!(response.retries().unwrap().history().is_empty());
            assert_eq!((response.exchange().attempts, response.exchange().reused), (1, false));
        }
    }
}

#[test]
fn a_request_that_may_not_be_repeated_is_never_sent_twice() {
    for death in [Death::Close, Death::Reset] {
        for method in ["POST", "PATCH", "PROPPATCH"] {
            let server = mortal(&[1], death);
            let session = session();
            warm_up(&session, &server);

            let error = session.request(method, server.url("/")).data("the body").send().unwrap_err();

            assert_eq!(error.kind(), ErrorKind::ConnectionError, "{method} {death:?}: {error}");
            assert_eq!(server.accepted(), 1, "{method} {death:?}");
            assert_eq!(server.requests()[1].body, b"the body");
        }
    }
}

// The peer goes away while the body is on its way: what was written may have been read
#[test]
fn a_request_that_was_cut_short_is_sent_again_only_if_it_may_be() {
    for (method, used) in [("PUT", vec![0, 0, 1]), ("POST", vec![0, 0])] {
        let server = TestServer::connections(|peer| {
            if peer.read_request().is_none() {
                return;
            }
            peer.send(answer("alive"));
            if peer.number() == 0 && peer.read_head().is_some() {
                peer.reset();
            }
            while peer.read_request().is_some() {
                peer.send(answer("alive"));
            }
        });
        let session = session();
        warm_up(&session, &server);

        let sent = session.request(method, server.url("/")).data(vec![b'x'; 16 << 20]).send();

        assert_eq!(connections(&server), used, "{method}");
        match sent {
            Ok(response) => assert_eq!((method, response.text().unwrap().as_str()), ("PUT", "alive")),
            Err(error) => assert_eq!((method, error.kind()), ("POST", ErrorKind::ConnectionError)),
        }
    }
}

#[test]
fn a_post_without_a_body_is_not_sent_twice_either() {
    let server = mortal(&[1], Death::Close);
    let session = session();
    warm_up(&session, &server);

    let error = session.post(server.url("/")).send().unwrap_err();

    assert_eq!((error.kind(), server.accepted()), (ErrorKind::ConnectionError, 1));
}

#[test]
fn a_body_that_was_read_from_a_reader_is_not_sent_twice() {
    for body in [Body::reader(Cursor::new("once")), Body::sized(Cursor::new("once"), 4), Body::chunks(["once"])] {
        let server = mortal(&[1], Death::Close);
        let session = session();
        warm_up(&session, &server);

        let error = session.put(server.url("/")).data(body).send().unwrap_err();

        assert_eq!((error.kind(), server.accepted()), (ErrorKind::ConnectionError, 1), "{error}");
        assert_eq!(server.requests()[1].body, b"once");
    }
}

#[test]
fn nothing_is_replayed_on_a_fresh_connection() {
    for death in [Death::Close, Death::Reset] {
        let server = mortal(&[0, 0], death);
        let session = session();

        let error = session.get(server.url("/")).send().unwrap_err();

        assert_eq!((error.kind(), connections(&server)), (ErrorKind::ConnectionError, vec![0]), "{death:?}");
    }
}

#[test]
fn nothing_is_replayed_twice() {
    let server = mortal(&[1, 0], Death::Close);
    let session = session();
    warm_up(&session, &server);

    let error = session.get(server.url("/")).send().unwrap_err();

    assert_eq!((error.kind(), connections(&server)), (ErrorKind::ConnectionError, vec![0, 0, 1]));
}

// Two stale connections lie in the pool: the replay goes out on a new one, not on the other
#[test]
fn a_replay_uses_a_new_connection() {
    let server = mortal(&[1, 1], Death::Close);
    let session = session();
    let first = session.get(server.url("/")).stream(true).send().unwrap();
    let second = session.get(server.url("/")).stream(true).send().unwrap();
    drop((first, second));

    session.get(server.url("/")).send().unwrap();

    assert_eq!(connections(&server).last(), Some(&2));
}

#[test]
fn one_byte_of_an_answer_or_a_timeout_is_no_reason_to_replay() {
    for (death, limit, kind) in
        [(Death::FirstByte, LONG, ErrorKind::ConnectionError), (Death::Silence, millis(150), ErrorKind::ReadTimeout)]
    {
        let server = mortal(&[1], death);
        let session = session();
        warm_up(&session, &server);

        let error = session.get(server.url("/")).timeout(limit).send().unwrap_err();

        assert_eq!((error.kind(), server.accepted()), (kind, 1), "{death:?}: {error}");
    }
}

// POOL-29
#[test]
fn replay_can_be_switched_off() {
    let server = mortal(&[1], Death::Close);
    let session = session_over(HttpAdapter::builder().replay_stale(false).build());
    warm_up(&session, &server);

    let error = session.get(server.url("/")).send().unwrap_err();

    assert_eq!((error.kind(), server.accepted()), (ErrorKind::ConnectionError, 1));
}

// RETRY-44
#[test]
fn what_happens_to_a_replay_counts_as_a_read_error() {
    let server = mortal(&[1, 0], Death::Close);
    let session = session_over(HttpAdapter::builder().max_retries(Retry::new().total(1)).build());
    warm_up(&session, &server);

    let response = session.get(server.url("/")).send().unwrap();

    assert_eq!(connections(&server), [0, 0, 1, 2]);
    assert_eq!(response.retries().unwrap().history().len(), 1);
}

// POOL-28: whatever the method, as nothing was written
#[test]
fn a_post_on_a_connection_that_is_found_dead_goes_out_on_a_new_one() {
    for (method, body) in [("POST", Body::from("body")), ("PATCH", Body::reader(Cursor::new("body")))] {
        let server = TestServer::http(|_| Reply::new(200).then_close());
        let session = session_over(HttpAdapter::builder().replay_stale(false).build());
        warm_up(&session, &server);
        assert!(server.wait_for_open(0));

        let (_, lines) = pool_lines(|| session.request(method, server.url("/")).data(body).send().unwrap());

        assert_eq!(connections(&server), [0, 1]);
        assert_eq!(lines[0], "Resetting dropped connection: 127.0.0.1");
        assert_eq!(server.requests()[1].body, b"body");
    }
}
