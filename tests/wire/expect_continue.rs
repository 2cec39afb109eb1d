//! `Expect: 100-continue` as an opt-in: the body waits for leave.
#![cfg_attr(
    not(all(target_os = "linux", feature = "digest", feature = "native-tls")),
    allow(unused_imports, dead_code, reason = "only some of the tests are built")
)]

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use petition::testing::{Peer, TestServer};
use petition::{Body, ErrorKind, HttpAdapter, Session};

use crate::support::{LONG, answer, millis, session, session_over, timed};

const SOON: Duration = Duration::from_secs(10);

/// A source that says how much was read of it.
struct Counted(Arc<AtomicUsize>, usize);

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = out.len().min(self.1);
        out[..read].fill(b'x');
        self.1 -= read;
        self.0.fetch_add(read, Ordering::SeqCst);
        Ok(read)
    }
}

/// A body that can be sent once, and how much was read of it.
fn one_shot(sized: bool) -> (Body, Arc<AtomicUsize>) {
    let read = Arc::new(AtomicUsize::new(0));
    let source = Counted(Arc::clone(&read), 100_000);
    (if sized { Body::sized(source, 100_000) } else { Body::reader(source) }, read)
}

fn each_way(script: impl Fn(&mut Peer) + Clone + Send + Sync + 'static) -> Vec<(TestServer, Session)> {
    let plain = (TestServer::connections(script.clone()), session());
    #[cfg(feature = "native-tls")]
    let over_tls = crate::support::backends().into_iter().map(|backend| {
        let mut session = session_over(HttpAdapter::builder().tls_backend(backend).build());
        session.verify = false.into();
        (crate::support::tls_server(&["localhost"], script.clone()), session)
    });
    #[cfg(not(feature = "native-tls"))]
    let over_tls = std::iter::empty();
    std::iter::once(plain).chain(over_tls).collect()
}

// RFC 9110 §10.1.1
#[test]
fn the_body_follows_on_a_100() {
    let script = |peer: &mut Peer| {
        while let Some(head) = peer.read_head() {
            assert_eq!(head.header("expect"), Some("100-continue"));
            peer.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
            let chunked = head.header("transfer-encoding").is_some();
            let mut body = Vec::new();
            while if chunked { !body.ends_with(b"0\r\n\r\n") } else { body.len() < 100_000 } {
                match peer.read_some(usize::MAX) {
                    more if more.is_empty() => return,
                    more => body.extend(more),
                }
            }
            peer.send(answer(&body.iter().filter(|&&byte| byte == b'x').count().to_string()));
        }
    };
    for (server, session) in each_way(script) {
        for body in [Body::from(vec![b'x'; 100_000]), one_shot(true).0, one_shot(false).0] {
            let (sent, took) = timed(|| session.put(server.url("/")).data(body).expect_continue(LONG).send());

            assert_eq!(sent.unwrap().text().unwrap(), "100000");
            assert!(took < SOON, "{took:?}");
        }
        assert_eq!(server.accepted(), 1, "the connection goes on");
    }
}

#[test]
fn a_final_answer_means_that_the_body_is_not_sent_and_not_read() {
    for status in [417, 413, 401, 200] {
        let script = move |peer: &mut Peer| {
            while peer.read_head().is_some() {
                peer.send(format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nno"));
                // Nothing of a body comes; the connection is given up.
                assert_eq!(peer.read_some(1), b"");
            }
        };
        for (server, session) in each_way(script) {
            for sized in [true, false] {
                let (body, read) = one_shot(sized);

                let sent = session.put(server.url("/")).data(body.clone()).expect_continue(LONG).send();

                let response = sent.unwrap();
                assert_eq!((response.status_code().as_u16(), &*response.text().unwrap()), (status, "no"));
                assert_eq!(read.load(Ordering::SeqCst), 0, "{status}");
                assert!(server.wait_for_open(0));

                // It is still whole: another request may have it.
                let other = crate::support::ok();
                session.put(other.url("/")).data(body).send().unwrap();
                assert_eq!(read.load(Ordering::SeqCst), 100_000);
            }
            let put = session.put(server.url("/")).data("in memory").expect_continue(LONG);
            assert_eq!(put.send().unwrap().status_code(), status);
            assert!(server.wait_for_open(0));
        }
    }
}

#[test]
fn a_one_shot_body_that_was_not_sent_can_follow_a_redirect() {
    let server = TestServer::connections(|peer| {
        if peer.number() == 0 {
            peer.read_head();
            peer.send("HTTP/1.1 307 X\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n");
            return peer.wait_for_close();
        }
        while let Some(request) = peer.read_request() {
            peer.send(answer(&request.body.len().to_string()));
        }
    });
    let session = session();
    let (body, read) = one_shot(true);

    let response = session.put(server.url("/")).data(body).expect_continue(0.5).send().unwrap();

    assert_eq!((response.text().unwrap().as_str(), read.load(Ordering::SeqCst)), ("100000", 100_000));
}

#[test]
fn the_body_follows_when_the_limit_has_passed() {
    let script = |peer: &mut Peer| {
        while let Some(request) = peer.read_request() {
            peer.send(answer(&request.body.len().to_string()));
        }
    };
    for (server, session) in each_way(script) {
        for body in [Body::from(vec![b'x'; 100_000]), one_shot(false).0] {
            let (sent, took) = timed(|| session.put(server.url("/")).data(body).expect_continue(0.3).send());

            assert_eq!(sent.unwrap().text().unwrap(), "100000");
            assert!(took >= millis(295) && took < SOON, "{took:?}");
        }
    }
}

#[test]
fn a_number_that_is_no_limit_waits_for_the_answer_and_none_takes_it_back() {
    let server = TestServer::connections(|peer| {
        while let Some(head) = peer.read_head() {
            if head.header("expect").is_some() {
                peer.send(b"HTTP/1.1 100 Continue\r\n\r\n");
            }
            assert_eq!(peer.read_some(1), b"x");
            peer.send(answer("ok"));
        }
    });
    let session = session();
    let put = || session.put(server.url("/")).data("x");

    for endless in [f64::INFINITY, 1e300] {
        assert_eq!(put().expect_continue(endless).send().unwrap().text().unwrap(), "ok");
    }
    assert_eq!(put().expect_continue(Duration::MAX).send().unwrap().text().unwrap(), "ok");
    assert_eq!(put().expect_continue(1).expect_continue(None).send().unwrap().text().unwrap(), "ok");

    let expected: Vec<_> = server.requests().iter().map(|request| request.header("expect").is_some()).collect();
    assert_eq!(expected, [true, true, true, false]);
}

#[test]
fn without_a_body_nothing_is_expected_and_nobody_waits() {
    let server = crate::support::ok();
    let session = session();

    let (sent, took) = timed(|| session.get(server.url("/")).expect_continue(LONG).send());

    assert!(sent.is_ok() && took < SOON, "{took:?}");
    assert_eq!(server.requests()[0].header("expect"), None);
}

// Other limits hold meanwhile
#[test]
fn the_wait_for_leave_ends_with_the_request() {
    let server = TestServer::connections(|peer| {
        peer.read_head();
        peer.wait_for_close();
    });
    let session = session();
    let put = || session.put(server.url("/")).data("data").expect_continue(LONG);

    let (sent, took) = timed(|| put().timeout(petition::Timeout::new().total(0.3)).send());
    assert_eq!(sent.unwrap_err().kind(), ErrorKind::TotalTimeout);
    assert!(took < SOON, "{took:?}");

    let (sent, took) = timed(|| put().timeout((60, 0.3)).send());
    assert!(sent.is_err_and(|error| error.is_timeout()));
    assert!(took < SOON, "{took:?}");

    for limit in [-1.0, 0.0, f64::NAN] {
        let error = session.put(server.url("/")).data("data").expect_continue(limit).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSetting, "{limit}");
    }
}

#[test]
fn a_connection_that_dies_meanwhile_is_an_error() {
    let server = TestServer::connections(|peer| {
        peer.read_head();
    });

    let error = session().post(server.url("/")).data("data").expect_continue(LONG).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::ConnectionError);
}
