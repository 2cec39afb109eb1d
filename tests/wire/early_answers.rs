//! Servers that answer before they have read the whole request: that close, that stop reading, and that read on.
#![cfg_attr(
    not(all(target_os = "linux", feature = "digest", feature = "native-tls")),
    allow(unused_imports, dead_code, reason = "only some of the tests are built")
)]

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use petition::testing::{Peer, TestServer};
use petition::{Body, DigestAuth, HttpAdapter, Multipart, Part, Session};

use crate::support::{Gate, answer, millis, secs, session, session_over, timed};

/// As long as an answer may take that is heard at all.
const SOON: Duration = Duration::from_secs(20);

/// More than two sockets' buffers take.
const LARGE: usize = 40 << 20;

/// A server with that script and a session for it: in the plain, and over TLS for each backend.
fn each_way(script: impl Fn(&mut Peer) + Clone + Send + Sync + 'static) -> Vec<(String, TestServer, Session)> {
    let plain = ("plain".to_owned(), TestServer::connections(script.clone()), session());
    #[cfg(feature = "native-tls")]
    let over_tls = crate::support::backends().into_iter().map(|backend| {
        let mut session = session_over(HttpAdapter::builder().tls_backend(backend.clone()).build());
        session.verify = false.into();
        (format!("{backend:?}"), crate::support::tls_server(&["localhost"], script.clone()), session)
    });
    #[cfg(not(feature = "native-tls"))]
    let over_tls = std::iter::empty();
    std::iter::once(plain).chain(over_tls).collect()
}

/// Every kind of body, each of them large.
fn bodies() -> [(&'static str, Body); 3] {
    let reader = || std::io::Read::take(std::io::repeat(b'x'), LARGE as u64);
    [
        ("in memory", Body::from(vec![b'x'; LARGE])),
        ("sized reader", Body::sized(reader(), LARGE as u64)),
        ("chunked reader", Body::reader(reader())),
    ]
}

/// Reads one of `bodies` to its end; how many bytes that were on the wire.
fn read_body(peer: &mut Peer, chunked: bool) -> usize {
    let (mut read, mut end) = (0, Vec::new());
    while if chunked { !end.ends_with(b"0\r\n\r\n") } else { read < LARGE } {
        let more = peer.read_some(usize::MAX);
        if more.is_empty() {
            break;
        }
        read += more.len();
        end.extend_from_slice(&more[more.len().saturating_sub(5)..]);
        end.drain(..end.len().saturating_sub(5));
    }
    read
}

fn refusal(status: u16, close: bool) -> String {
    let close = if close { "Connection: close\r\n" } else { "" };
    format!("HTTP/1.1 {status} No\r\n{close}Content-Length: 2\r\n\r\nno")
}

// RFC 9112 §9.3
#[test]
fn a_refusal_of_a_server_that_closes_is_the_response() {
    for status in [413, 401, 429] {
        let script = move |peer: &mut Peer| {
            if peer.read_head().is_some() {
                peer.send(refusal(status, true));
                peer.close(); // on unread bytes: a reset
            }
        };
        for (way, server, session) in each_way(script) {
            for round in 0..3 {
                for (name, body) in bodies() {
                    let (sent, took) = timed(|| session.post(server.url("/")).data(body).send());

                    let response = sent.unwrap_or_else(|error| panic!("{way} {status} {name} {round}: {error:?}"));
                    assert_eq!((response.status_code().as_u16(), &*response.text().unwrap()), (status, "no"));
                    assert!(took < SOON, "{way} {name} {took:?}");
                }
            }
        }
    }
}

#[test]
fn a_refusal_of_a_server_that_stops_reading_is_the_response_and_its_connection_is_not_used_again() {
    for status in [413, 401, 429, 500] {
        let gate = Gate::default();
        let held = gate.clone();
        let script = move |peer: &mut Peer| {
            peer.read_head();
            peer.send(refusal(status, false));
            held.wait();
        };
        let ways = each_way(script);
        for (way, server, session) in &ways {
            for (name, body) in bodies() {
                let before = server.accepted();
                let (sent, took) = timed(|| session.post(server.url("/")).data(body).timeout(30).send());

                let response = sent.unwrap_or_else(|error| panic!("{way} {status} {name}: {error:?}"));
                assert_eq!((response.status_code().as_u16(), &*response.text().unwrap()), (status, "no"));
                assert!(took < SOON, "{way} {name} {took:?}");
                assert_eq!(server.accepted(), before + 1, "{way} {name}");
            }
        }
        gate.open();
    }
}

// A 429 at the start of an upload is seen within the next blocks, not at its end
#[test]
fn a_refusal_of_a_server_that_reads_on_ends_the_upload_within_the_next_blocks() {
    let (tell, told) = mpsc::channel();
    let script = move |peer: &mut Peer| {
        peer.read_head();
        peer.send(refusal(429, false));
        let mut read = 0;
        loop {
            match peer.read_some(usize::MAX).len() {
                0 => break,
                more => read += more,
            }
        }
        tell.send(read).unwrap();
    };
    for (way, server, session) in each_way(script) {
        for (name, body) in bodies() {
            let response = session.post(server.url("/")).data(body).send().unwrap();

            assert_eq!((response.status_code().as_u16(), &*response.text().unwrap()), (429, "no"));
            let read = told.recv().unwrap();
            // What two sockets' buffers hold is on its way before the answer can be.
            assert!(read < LARGE / 2, "{way} {name}: {read} bytes");
        }
    }
}

// RFC 9112 §9.3: only a refusal ends the upload
#[test]
fn an_early_success_or_redirect_of_a_server_that_reads_on_cuts_nothing_off() {
    for begin in [answer("early"), crate::support::moved("/there"), "HTTP/1.1 204 No Content\r\n\r\n".to_owned()] {
        let (tell, told) = mpsc::channel();
        let script = move |peer: &mut Peer| {
            while let Some(head) = peer.read_head() {
                peer.send(&begin);
                tell.send(read_body(peer, head.header("transfer-encoding").is_some())).unwrap();
            }
        };
        for (way, server, session) in each_way(script) {
            for (name, body) in bodies() {
                let response = session.post(server.url("/")).data(body).allow_redirects(false).send().unwrap();

                assert!(response.ok());
                let read = told.recv_timeout(SOON).unwrap();
                assert!(read >= LARGE, "{way} {name}: {read} bytes");
            }
        }
    }
}

#[test]
fn an_early_success_of_a_server_that_stops_reading_is_the_response_after_the_read_timeout() {
    let gate = Gate::default();
    let held = gate.clone();
    let script = move |peer: &mut Peer| {
        peer.read_head();
        peer.send(answer("early"));
        held.wait();
    };
    let ways = each_way(script);
    for (way, server, session) in &ways {
        for (name, body) in bodies() {
            let (sent, took) = timed(|| session.post(server.url("/")).data(body).timeout((60, 0.5)).send());

            assert_eq!(sent.unwrap().text().unwrap(), "early", "{way} {name}");
            assert!(took >= millis(495) && took < SOON, "{took:?}");
        }
    }
    gate.open();
}

// AUTH-23: the challenge is heard, and the body sent again with its answer
#[cfg(feature = "digest")]
#[test]
fn an_early_challenge_is_answered() {
    let script = |peer: &mut Peer| {
        let Some(head) = peer.read_head() else { return };
        if head.header("authorization").is_none() {
            peer.send(
                "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n\
                 Connection: close\r\nContent-Length: 0\r\n\r\n",
            );
            return peer.close();
        }
        let read = read_body(peer, false);
        peer.send(answer(&read.to_string()));
    };
    for (way, server, session) in each_way(script) {
        let post = session.post(server.url("/")).auth(DigestAuth::new("user", "pass")).data(vec![b'x'; LARGE]);

        assert_eq!(post.send().unwrap().text().unwrap(), LARGE.to_string(), "{way}");
        assert_eq!(server.accepted(), 2);
    }
}

// An answer is looked for between the blocks of a source that is slow, too
#[test]
fn a_slow_source_is_not_asked_on_once_the_server_has_refused() {
    let (refused, heard) = mpsc::channel();
    let server = TestServer::connections(move |peer| {
        peer.read_head();
        peer.read_some(1);
        peer.send(refusal(429, false));
        refused.send(()).unwrap();
        peer.wait_for_close();
    });
    let mut blocks = 0;
    let source = std::iter::from_fn(move || {
        blocks += 1;
        if blocks == 2 {
            heard.recv().unwrap();
        }
        // Blocks of a source that never ends: only the answer does.
        Some(vec![b'x'; 16 << 10])
    });

    let (sent, took) = timed(|| session().post(server.url("/")).data(Body::chunks(source)).send());

    assert_eq!(sent.unwrap().status_code(), 429);
    assert!(took < secs(30.0), "{took:?}");
}

/// Gives `count` pieces of ten bytes, one every 20 ms: less in ten seconds than what is sent between two looks, and never at
/// rest.
fn little_by_little(count: usize) -> Slow {
    Slow(Box::new((0..count).map(|_| {
        std::thread::sleep(millis(20));
        *b"0123456789"
    })))
}

struct Slow(Box<dyn Iterator<Item = [u8; 10]> + Send>);

impl std::io::Read for Slow {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let Some(piece) = self.0.next() else { return Ok(0) };
        out[..10].copy_from_slice(&piece);
        Ok(10)
    }
}

/// Every kind of body that a source gives little by little.
fn slow_bodies(count: usize) -> [(&'static str, Body); 4] {
    let part = Part::reader(little_by_little(count));
    [
        ("items", Body::chunks(little_by_little(count).0)),
        ("reader", Body::reader(little_by_little(count))),
        ("sized reader", Body::sized(little_by_little(count), 10 * count as u64)),
        ("part of a form", Multipart::new().part("name", part).into()),
    ]
}

// By the time that the source takes, not only by what it gives
#[test]
fn a_source_that_gives_little_is_not_asked_on_once_the_server_has_refused() {
    let script = |peer: &mut Peer| {
        peer.read_head();
        peer.send(refusal(429, false));
        while !peer.read_some(usize::MAX).is_empty() {}
    };
    for (way, server, session) in each_way(script) {
        for (name, body) in slow_bodies(500) {
            let (sent, took) = timed(|| session.post(server.url("/")).data(body).send());

            assert_eq!(sent.unwrap().text().unwrap(), "no", "{way} {name}");
            assert!(took < secs(5.0), "{way} {name}: {took:?}");
        }
    }
}

#[test]
fn an_early_success_cuts_off_no_source_that_gives_little() {
    let (tell, told) = mpsc::channel();
    let server = TestServer::connections(move |peer| {
        peer.read_head();
        peer.send(answer("early"));
        let mut all = String::new();
        while !all.ends_with("0\r\n\r\n") {
            all.push_str(std::str::from_utf8(&peer.read_some(usize::MAX)).unwrap());
        }
        tell.send(all.matches("0123456789").count()).unwrap();
    });

    let response = session().post(server.url("/")).data(Body::chunks(little_by_little(12).0)).send().unwrap();

    assert_eq!(response.text().unwrap(), "early");
    assert_eq!(told.recv_timeout(SOON).unwrap(), 12);
}

// A source may be slow to say that it has ended. What has come by then is the answer to all of it, and ends nothing
#[test]
fn a_refusal_of_all_that_there_was_keeps_its_connection() {
    let (tell, told) = mpsc::channel();
    let server = TestServer::connections(move |peer| {
        while peer.read_request().is_some() {
            peer.send(refusal(422, false));
            tell.send(()).unwrap();
        }
    });
    let (session, answered) = (session(), Arc::new(Mutex::new(told)));

    for _ in 0..2 {
        let (answered, calls) = (Arc::clone(&answered), AtomicUsize::new(0));
        let slow_at_the_end = move |_, _| {
            if calls.fetch_add(1, SeqCst) == 1 {
                answered.lock().unwrap().recv_timeout(SOON).unwrap();
                std::thread::sleep(millis(60));
            }
        };
        let body = Body::from("all of it").on_progress(slow_at_the_end);

        let response = session.post(server.url("/")).data(body).send().unwrap();

        assert_eq!((response.status_code().as_u16(), &*response.text().unwrap()), (422, "no"));
    }
    assert_eq!(server.accepted(), 1);
}
