//! Limits that hold whatever a peer does meanwhile: one that drips, one that floods, one that takes nothing, and one that the
//! kernel gives up.
//!
//! A wait that began anew with each byte would not end within `SOON`, however fast the machine is.
#![cfg_attr(
    not(all(target_os = "linux", feature = "digest", feature = "native-tls")),
    allow(unused_imports, dead_code, reason = "only some of the tests are built")
)]

#[cfg(feature = "socks")]
use std::io::Read;
use std::io::{self, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use petition::testing::TestServer;
use petition::{Body, Error, ErrorKind, HttpAdapter, Session, Timeout};

#[cfg(target_os = "linux")]
use crate::support::BlackHole;
use crate::support::{
    DRIP, Gate, Tap, answer, bare, bare_on, causes, hold, millis, read_head, refusing, relay, secs, session,
    session_over, silent, timed,
};

/// As long as a limit of half a second may take on a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// Bytes that take longer than `SOON` to drip.
const MANY: usize = 1000;

fn total() -> Timeout {
    Timeout::new().total(0.5)
}

fn stopped<T: std::fmt::Debug>(limit: Duration, act: impl FnOnce() -> petition::Result<T>) -> Error {
    let (result, took) = timed(act);
    assert!(took >= limit.saturating_sub(millis(5)) && took < SOON, "{took:?}");
    result.unwrap_err()
}

/// Reads the head of a request, sends `begin` at once, and `drips` byte by byte, over and over.
fn dripping(begin: &'static str, drips: &'static str) -> String {
    bare(move |stream| {
        read_head(stream);
        drip(stream, begin.as_bytes(), drips.bytes());
    })
}

fn drip(stream: &mut TcpStream, begin: &[u8], drips: impl Iterator<Item = u8> + Clone) {
    let _ = stream.write_all(begin);
    for byte in drips.cycle().take(MANY) {
        thread::sleep(DRIP);
        if stream.write_all(&[byte]).is_err() {
            return;
        }
    }
}

fn has_cause(error: &Error, kind: io::ErrorKind) -> bool {
    causes(error).any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == kind))
}

#[test]
fn what_drips_does_not_outlast_the_total_timeout() {
    for (begin, drips) in [
        ("HTTP/1.1 200 OK\r\nX: ", "x"),
        ("HTTP/1.1 100 Continue\r\nX: ", "x"),
        ("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "x"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;extension=", "x"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: ", "x"),
        ("HTTP/1.1 200 OK\r\n\r\n", "x"),
    ] {
        let server = dripping(begin, drips);
        let session = session();
        let get = || session.get(&server).timeout(total().read(5));

        assert_eq!(stopped(millis(500), || get().send()).kind(), ErrorKind::TotalTimeout, "{begin} {drips}");

        if begin.ends_with("\r\n\r\n") && !begin.is_empty() {
            let mut response = get().stream(true).send().unwrap();
            let read = stopped(Duration::ZERO, || response.copy_to(&mut io::sink()));
            assert_eq!(read.kind(), ErrorKind::TotalTimeout, "{begin} {drips}");
        }
    }
}

#[cfg(feature = "native-tls")]
fn over_tls(backend: petition::TlsBackend) -> Session {
    let mut session = session_over(HttpAdapter::builder().tls_backend(backend).build());
    session.verify = false.into();
    session
}

/// Answers with one record of 16 KB, once the tap drips.
#[cfg(feature = "native-tls")]
fn one_record(tap: &Tap) -> TestServer {
    let tap = tap.clone();
    crate::support::tls_server(&["localhost"], move |peer| {
        while peer.read_request().is_some() {
            tap.drip();
            peer.send(answer(&"x".repeat(10_000)));
        }
    })
}

#[cfg(feature = "native-tls")]
#[test]
fn a_tls_record_that_drips_does_not_outlast_the_total_timeout() {
    for backend in crate::support::backends() {
        let tap = Tap::default();
        let server = one_record(&tap);
        let url = format!("https://{}/", relay(server.address(), &tap, MANY, false));
        let session = over_tls(backend);

        let error = stopped(millis(500), || session.get(url).timeout(total().read(5)).send());

        assert_eq!(error.kind(), ErrorKind::TotalTimeout);
    }
}

// The read timeout is about silence on the socket, not about how long a record takes
#[cfg(feature = "native-tls")]
#[test]
fn a_tls_record_that_drips_is_no_silence_and_one_that_stalls_is() {
    for backend in crate::support::backends() {
        for stalls in [false, true] {
            let tap = Tap::default();
            let server = one_record(&tap);
            let url = format!("https://{}/", relay(server.address(), &tap, 50, stalls));
            let session = over_tls(backend.clone());

            let (sent, took) = timed(|| session.get(url).timeout((60, 2)).send());

            if stalls {
                assert!(took >= secs(4.5) && took < SOON, "{took:?}");
                assert_eq!(sent.unwrap_err().kind(), ErrorKind::ReadTimeout);
            } else {
                assert_eq!(sent.unwrap().content().unwrap().len(), 10_000);
                assert!(took > secs(2.5), "{took:?}");
            }
        }
    }
}

#[cfg(feature = "native-tls")]
#[test]
fn an_https_proxy_that_drips_does_not_outlast_a_limit() {
    for backend in crate::support::backends() {
        let tap = Tap::default();
        let turn = tap.clone();
        let proxy = crate::support::tls_server(&["localhost"], move |peer| {
            peer.read_head();
            turn.drip();
            peer.send("HTTP/1.1 200 Connection established\r\n\r\n");
            peer.wait_for_close();
        });
        let proxy = format!("https://{}", relay(proxy.address(), &tap, MANY, false));
        let session = over_tls(backend);
        for (timeout, kind) in
            [(total(), ErrorKind::TotalTimeout), (Timeout::new().connect(0.5), ErrorKind::ConnectTimeout)]
        {
            for url in ["https://a.test/", "http://a.test/"] {
                if url.starts_with("http:") && kind == ErrorKind::ConnectTimeout {
                    continue; // forwarded: this is the answer, not a tunnel's
                }
                let request = session.get(url).proxies([("all", &proxy)]).timeout(timeout);

                assert_eq!(stopped(millis(500), || request.send()).kind(), kind, "{url}");
            }
        }
    }
}

#[cfg(feature = "native-tls")]
#[test]
fn a_proxy_whose_answer_to_connect_drips_does_not_outlast_a_limit() {
    for (begin, drips) in
        [("HTTP/1.1 200 OK\r\nX: ", "x"), ("", "HTTP/1.1 103 Early Hints\r\n\r\n"), ("HTTP/1.1 403 No\r\n\r\n", "x")]
    {
        let proxy = dripping(begin, drips);
        let session = session();
        for (timeout, kind) in
            [(total(), ErrorKind::TotalTimeout), (Timeout::new().connect(0.5), ErrorKind::ConnectTimeout)]
        {
            let request = session.get("https://a.test/").proxies([("https", &proxy)]).timeout(timeout);
            if begin.contains("403") {
                // The refusal is known; its body is not waited for.
                let (sent, took) = timed(|| request.send());
                assert_eq!(sent.unwrap_err().kind(), ErrorKind::ProxyError);
                assert!(took < SOON, "{took:?}");
            } else {
                assert_eq!(stopped(millis(500), || request.send()).kind(), kind, "{begin} {drips}");
            }
        }
    }
}

#[cfg(feature = "socks")]
#[test]
fn a_socks_proxy_that_drips_does_not_outlast_a_limit() {
    // An answer to the CONNECT command whose name has 255 bytes takes 13 s.
    let proxy = bare(|stream| {
        stream.read_exact(&mut [0; 3]).unwrap();
        stream.write_all(&[5, 0]).unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        drip(stream, &[5, 0, 0, 3, 255], [b'x'].into_iter());
    });
    let session = session();
    let proxy = proxy.replace("http:", "socks5h:");
    for (timeout, kind) in
        [(total(), ErrorKind::TotalTimeout), (Timeout::new().connect(0.5), ErrorKind::ConnectTimeout)]
    {
        let request = session.get("http://a.test/").proxies([("http", &proxy)]).timeout(timeout);

        assert_eq!(stopped(millis(500), || request.send()).kind(), kind);
    }
}

/// A server that sends interim responses for as long as somebody takes them.
fn flooding() -> String {
    bare(|stream| {
        read_head(stream);
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n".repeat(100);
        while stream.write_all(hints.as_bytes()).is_ok() {}
    })
}

#[test]
fn interim_responses_without_end_are_an_error_also_without_a_limit() {
    let server = flooding();
    let mut session = session();
    session.timeout = None.into();

    let (sent, took) = timed(|| session.get(&server).send());
    assert_eq!(sent.unwrap_err().kind(), ErrorKind::ConnectionError);
    assert!(took < SOON, "{took:?}");

    let tunnel = session.get("https://a.test/").proxies([("https", &server)]);
    let (sent, took) = timed(|| tunnel.send());
    if cfg!(any(feature = "native-tls", feature = "rustls")) {
        assert_eq!(sent.unwrap_err().kind(), ErrorKind::ConnectionError);
    }
    assert!(took < SOON, "{took:?}");
}

/// A peer that reads the head of the request and nothing more.
fn full() -> String {
    bare(|stream| {
        read_head(stream);
        hold(stream);
    })
}

// A part that the kernel took long ago is no progress: it was two or three times the limit
#[test]
fn a_stalled_upload_ends_after_the_read_timeout() {
    let server = full();
    let session = session();
    for body in [Body::from(vec![b'x'; 32 << 20]), Body::reader(io::repeat(b'x'))] {
        let (sent, took) = timed(|| session.post(&server).data(body).timeout(2).send());

        let error = sent.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReadTimeout);
        let host = server.trim_start_matches("http://").trim_end_matches('/');
        assert_eq!(error.to_string(), format!("read timed out after 2s while sending the request to {host}"));
        assert!(took >= secs(1.99) && took < secs(3.9), "{took:?}");
    }
}

#[cfg(feature = "native-tls")]
#[test]
fn a_stalled_upload_over_tls_ends_after_the_read_timeout() {
    let gate = Gate::default();
    let kept = gate.clone();
    let server = crate::support::tls_server(&["localhost"], move |peer| {
        peer.read_head();
        kept.wait();
    });
    for backend in crate::support::backends() {
        let session = over_tls(backend);
        for body in [Body::from(vec![b'x'; 32 << 20]), Body::reader(io::repeat(b'x'))] {
            let (sent, took) = timed(|| session.post(server.url("/")).data(body).timeout(2).send());

            assert_eq!(sent.unwrap_err().kind(), ErrorKind::ReadTimeout);
            assert!(took >= secs(1.99) && took < SOON, "{took:?}");
        }
    }
    gate.open();
}

// RFC 8305's head start of 250 ms, scaled to the limit
#[cfg(target_os = "linux")]
#[test]
fn a_small_connect_limit_leaves_each_address_its_turn() {
    let (hole, server) = (BlackHole::new(), crate::support::ok());
    for (limit, holes) in [(0.25, 1), (0.2, 3), (0.1, 1), (0.06, 2)] {
        let mut addresses = vec![hole.address; holes];
        addresses.push(server.address());
        let session = session_over(HttpAdapter::builder().resolver(move |_, _| Ok(addresses.clone())).build());
        let get = || session.get("http://a.test/").header("Connection", "close").timeout((limit, 60)).send();

        // A machine that is busy may miss the moment; a second address that has no turn is never reached.
        assert!((0..50).any(|_| get().is_ok()), "{limit} {holes}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_refusal_is_kept_as_the_cause_where_another_address_is_silent() {
    let hole = BlackHole::new();
    let addresses = vec![refusing(), hole.address];
    let session = session_over(HttpAdapter::builder().resolver(move |_, _| Ok(addresses.clone())).build());

    for (timeout, kind) in
        [(Timeout::new().connect(0.5), ErrorKind::ConnectTimeout), (total(), ErrorKind::TotalTimeout)]
    {
        let error = stopped(millis(500), || session.get("http://a.test/").timeout(timeout).send());

        assert_eq!(error.kind(), kind);
        assert!(has_cause(&error, io::ErrorKind::ConnectionRefused), "{error:?}");
    }
}

/// A session whose kernel gives a peer up that acknowledges nothing for a second, without another limit.
#[cfg(target_os = "linux")]
fn impatient_kernel() -> Session {
    let mut session = session_over(HttpAdapter::builder().tcp_user_timeout(1).build());
    session.timeout = None.into();
    session
}

// TIME: the kernel's ETIMEDOUT. A peer whose window stays closed is one that acknowledges nothing
#[cfg(target_os = "linux")]
#[test]
fn a_peer_that_the_kernel_gives_up_is_a_timeout_of_its_phase() {
    let given_up = |error: &Error| {
        assert!(has_cause(error, io::ErrorKind::TimedOut), "{error:?}");
        assert!(error.is_timeout());
        error.kind()
    };
    let session = impatient_kernel();
    let hole = BlackHole::new();
    let error = stopped(millis(900), || session.get(format!("http://{}/", hole.address)).send());
    assert_eq!(error.kind(), ErrorKind::ConnectTimeout, "{error}");
    assert!(error.is_connect());

    // While sending.
    let server = full();
    let error = stopped(millis(900), || session.post(&server).data(vec![b'x'; 32 << 20]).send());
    assert_eq!(given_up(&error), ErrorKind::ReadTimeout);

    // While waiting for the head, and for the body: what was sent lies in the kernel's buffers.
    for begin in ["", "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\nbegin"] {
        let peer = narrow(move |stream| {
            stream.write_all(begin.as_bytes()).unwrap();
        });
        let error = stopped(millis(900), || session.post(&peer).data(vec![b'x'; 400 << 10]).send());
        assert_eq!(given_up(&error), ErrorKind::ReadTimeout, "{begin} {error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_reused_connection_that_the_kernel_gives_up_is_replaced() {
    let peer = narrow(|stream| stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap());
    let session = impatient_kernel();
    session.get(&peer).send().unwrap();

    let response = session.put(&peer).data(vec![b'x'; 400 << 10]).send().unwrap();

    assert_eq!((response.status_code().as_u16(), response.exchange().reused), (204, false));
}

/// The URL of a server that reads the head of the first request on a connection, does `act`, and reads no further, with
/// little room for what it does not read.
#[cfg(target_os = "linux")]
fn narrow(act: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> String {
    use socket2::{Domain, Socket, Type};

    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.set_recv_buffer_size(4096).unwrap();
    listener.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(8).unwrap();
    bare_on(listener.into(), move |stream| {
        read_head(stream);
        act(stream);
        hold(stream);
    })
}

#[test]
fn the_total_timeout_names_the_phase_that_ran_out() {
    let redirect = TestServer::connections(|peer| {
        peer.read_request();
        peer.send("HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 60\r\n\r\nbegin");
        peer.wait_for_close();
    });
    let session = session();
    for (server, doing) in [(redirect, "reading the body from"), (silent(), "waiting for the response from")] {
        let url = server.url("/");
        let error = stopped(millis(300), || session.get(&url).timeout(Timeout::new().total(0.3)).send());

        assert_eq!(error.kind(), ErrorKind::TotalTimeout);
        assert_eq!(error.to_string(), format!("the total timeout ran out while {doing} {}", server.address()));
    }
}
