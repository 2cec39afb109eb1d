//! Limits, and servers that are slower than them.
//!
//! A server that is slow sleeps: that is its behaviour, not a way to wait for something. A limit that has to run out meets a
//! server that never comes; one that must not run out leaves half a second and more for a machine that is busy.

use std::io::{Cursor, Read};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use petition::testing::{FakeClock, Reply, TestServer};
use petition::{Body, Error, ErrorKind, HttpAdapter, Multipart, Part, Retry, Session, Timeout};

#[cfg(target_os = "linux")]
use crate::support::{BlackHole, Child};
use crate::support::{
    Gate, LONG, answer, connections, millis, refusing, session, session_at, session_over, silent, timed,
};

/// As long as a test here may take: less than any server below would go on.
const SOON: Duration = Duration::from_secs(10);

fn limits() -> Timeout {
    Timeout::new()
}

/// Takes the error of what had to be stopped after `limit`, in time.
fn stopped<T: std::fmt::Debug>(limit: u64, act: impl FnOnce() -> Result<T, Error>) -> Error {
    let (result, took) = timed(act);
    assert!(took >= millis(limit) - millis(5) && took < SOON, "{took:?}");
    let error = result.unwrap_err();
    assert!(error.is_timeout());
    error
}

/// Sends a byte every 50 ms, of the head or of the body behind it, and neither to its end.
fn dripping(in_head: bool) -> TestServer {
    TestServer::connections(move |peer| {
        peer.read_request();
        peer.send("HTTP/1.1 200 OK\r\n");
        if in_head {
            peer.send("X-Long: ");
        } else {
            peer.send("Content-Length: 60\r\n\r\n");
        }
        for _ in 0..12 {
            thread::sleep(millis(50));
            peer.send("x");
        }
        peer.wait_for_close();
    })
}

// TIME-01, SES-12
#[test]
fn no_limit_is_set_by_default() {
    assert_eq!(Session::new().timeout, Timeout::new());
    assert_eq!(Session::new().send_options().timeout, Timeout::new());
    let all = Timeout::new();
    assert_eq!((all.connect_limit(), all.read_limit(), all.total_limit()), (None, None, None));
}

// TIME-01, TIME-06; a timeout of the session is new here
#[test]
fn a_sessions_timeout_holds_unless_the_request_has_its_own() {
    let server = TestServer::connections(|peer| {
        while let Some(request) = peer.read_request() {
            if request.target == "/never" {
                return peer.wait_for_close();
            }
            thread::sleep(millis(250));
            peer.send(answer("late"));
        }
    });
    let mut session = session();
    session.timeout = (LONG.as_secs_f64(), 0.1).into();
    let never = || session.get(server.url("/never"));

    assert_eq!(never().send().unwrap_err().kind(), ErrorKind::ReadTimeout);
    assert_eq!(never().timeout(limits().connect(3)).send().unwrap_err().kind(), ErrorKind::ReadTimeout);
    for longer in [Timeout::from(9), (9, 9.0).into(), None.into(), limits().read(None), Duration::from_secs(9).into()] {
        session.get(server.url("/late")).timeout(longer).send().unwrap();
    }
    assert_eq!(session.send(never().prepare().unwrap()).unwrap_err().kind(), ErrorKind::ReadTimeout);
}

// TIME-02: InvalidSetting here
#[test]
fn limits_that_cannot_be_are_refused_before_anything_is_done() {
    let server = TestServer::http(|_| Reply::new(200));
    let mut session = session();
    for (timeout, text) in [
        (Timeout::from(0), "connect timeout must be more than zero seconds, not 0"),
        (Timeout::from(-1.5), "connect timeout must be more than zero seconds, not -1.5"),
        (Timeout::from((1, 0)), "read timeout must be more than zero seconds, not 0"),
        (limits().total(f64::NAN), "total timeout must be more than zero seconds, not NaN"),
        (limits().pool(Duration::ZERO), "pool timeout must be more than zero seconds, not 0"),
    ] {
        let error = session.get(server.url("/")).timeout(timeout).send().unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::InvalidSetting, text));

        session.timeout = timeout;
        assert_eq!(session.get(server.url("/")).send().unwrap_err().to_string(), text);
        session.timeout = Timeout::new();
    }
    assert_eq!(server.accepted(), 0);
}

// TIME-03, TIME-04: here one limit for all addresses together
#[cfg(target_os = "linux")]
#[test]
fn the_connect_timeout_bounds_all_addresses_together() {
    let hole = BlackHole::new();
    let address = hole.address;
    let session = session_over(HttpAdapter::builder().resolver(move |_, _| Ok(vec![address; 5])).build());

    let error = stopped(200, || session.get("http://a.test/").timeout((0.2, 5)).send());
    assert_eq!(error.kind(), ErrorKind::ConnectTimeout);
    assert_eq!(error.to_string(), "connecting to a.test:80 timed out after 200ms");
    assert!(error.is_connection_error());

    let error = stopped(200, || session.get("http://a.test/").timeout(limits().total(0.2)).send());
    assert_eq!(error.kind(), ErrorKind::TotalTimeout);
    assert_eq!(error.to_string(), "the total timeout ran out during: connecting to a.test:80");
}

// TIME-05
#[test]
fn the_read_timeout_holds_for_each_silence_not_for_the_response() {
    for in_head in [true, false] {
        let server = TestServer::connections(move |peer| {
            peer.read_request();
            for byte in answer("0123456789").bytes() {
                // Before each of eight bytes of the head, or of ten of the body.
                if (in_head && b"/ :".contains(&byte)) || (!in_head && byte.is_ascii_digit()) {
                    thread::sleep(millis(150));
                }
                peer.send([byte]);
            }
        });
        let session = session();

        let (text, took) = timed(|| session.get(server.url("/")).timeout(1).send().unwrap().text().unwrap());

        assert_eq!(text, "0123456789");
        assert!(in_head || took > millis(1500), "{took:?}");
    }
}

// TIME-06
#[test]
fn silence_before_the_answer_is_a_read_timeout() {
    let server = silent();
    let session = session();

    let error = stopped(150, || session.get(server.url("/")).timeout((5, 0.15)).send());

    assert_eq!(error.kind(), ErrorKind::ReadTimeout);
    let host = server.address();
    assert_eq!(error.to_string(), format!("read timed out after 150ms while waiting for the response from {host}"));
    assert!(!error.is_connection_error());
    assert!(server.wait_for_open(0), "the connection is not kept");
}

// TIME-07, FRAME-21: ReadTimeout here
#[test]
fn silence_in_the_body_is_a_read_timeout_however_it_is_read() {
    let server = TestServer::connections(|peer| {
        peer.read_request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        peer.wait_for_close();
    });
    let session = session();
    let open = |stream| session.get(server.url("/")).timeout((5, 0.15)).stream(stream).send();

    let errors = [
        stopped(150, || open(false)),
        stopped(150, || open(true)?.into_content()),
        stopped(150, || open(true)?.iter_content(100).collect::<Result<Vec<_>, _>>()),
        stopped(150, || open(true)?.iter_lines().collect::<Result<Vec<_>, _>>()),
        stopped(150, || Ok(open(true)?.read_to_end(&mut Vec::new())?)),
    ];

    for error in errors {
        assert_eq!(error.kind(), ErrorKind::ReadTimeout);
        let host = server.address();
        assert_eq!(error.to_string(), format!("read timed out after 150ms while reading the body from {host}"));
    }
    let error = open(true).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}

// TIME-08: a timeout here
#[test]
fn an_upload_that_is_not_taken_is_stopped() {
    let over = Gate::default();
    let script_over = over.clone();
    let server = TestServer::connections(move |peer| {
        peer.read_head();
        script_over.wait(); // and reads nothing of the body
    });
    let session = session();
    let large = || vec![b'x'; 32 << 20];
    for body in [|large: Vec<u8>| Body::from(large), |large: Vec<u8>| Body::reader(Cursor::new(large))] {
        let request = session.put(server.url("/")).data(body(large())).timeout((5, 0.2));
        let error = stopped(200, || request.send());
        assert_eq!(error.kind(), ErrorKind::ReadTimeout);
        let host = server.address();
        assert_eq!(error.to_string(), format!("read timed out after 200ms while sending the request to {host}"));

        // By its own clock the total is all left when the wait begins, however long it took to connect.
        let session = session_over(HttpAdapter::builder().clock(FakeClock::new()).build());
        let request = session.put(server.url("/")).data(body(large())).timeout(limits().total(0.2).read(60));
        let error = stopped(200, || request.send());
        assert_eq!(error.kind(), ErrorKind::TotalTimeout);
        assert_eq!(error.to_string(), format!("the total timeout ran out while sending the request to {host}"));
    }
    over.open();
}

/// Gives these pieces, and lets so many seconds pass on this clock before each: one that is slow, and never at rest.
fn giving(
    clock: &FakeClock,
    pieces: impl IntoIterator<Item = (u64, &'static str), IntoIter: Send + 'static>,
) -> Source {
    let clock = clock.clone();
    Source(Box::new(pieces.into_iter().map(move |(pause, piece)| {
        clock.advance(pause);
        piece
    })))
}

struct Source(Box<dyn Iterator<Item = &'static str> + Send>);

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let piece = self.0.next().unwrap_or_default();
        out[..piece.len()].copy_from_slice(piece.as_bytes());
        Ok(piece.len())
    }
}

// TIME-11: a source is the program's own, and cannot be interrupted; the clock is looked at after each of its pieces
#[test]
fn the_total_timeout_ends_an_upload_whose_source_is_slow() {
    let clock = FakeClock::new();
    let slow = || giving(&clock, [(2, "0123456789")].repeat(600));
    let late = || giving(&clock, [(0, "at once"), (100, "LATE")]);
    let late_end = || giving(&clock, [(0, "at once"), (100, "")]);
    let progressing = clock.clone();
    let slow_progress = move |_, _| progressing.advance(30);
    for (what, body) in [
        ("an iterator", Body::chunks(slow().0)),
        ("a reader", Body::reader(slow())),
        ("a sized reader", Body::sized(slow(), 6000)),
        ("a part", Multipart::new().part("name", Part::reader(slow())).into()),
        ("a sized part", Multipart::new().part("name", Part::sized(slow(), 6000)).into()),
        ("one late item", Body::chunks(late().0)),
        ("one late read", Body::sized(late(), 11)),
        ("the first is late", Body::reader(giving(&clock, [(100, "LATE")]))),
        ("a late end", Body::reader(late_end())),
        ("a late end of a known length", Body::sized(late_end(), 7)),
        ("a late end of nothing", Body::sized(giving(&clock, [(100, "")]), 0)),
        ("progress that takes its time", Body::from(vec![b'x'; 2 << 20]).on_progress(slow_progress)),
    ] {
        let (tell, told) = mpsc::channel();
        let server = TestServer::connections(move |peer| {
            let mut all = Vec::new();
            loop {
                match peer.read_some(usize::MAX) {
                    more if more.is_empty() => break,
                    more => all.extend(more),
                }
            }
            tell.send(all).unwrap();
        });

        let session = session_over(HttpAdapter::builder().clock(clock.clone()).build());
        let error = session.post(server.url("/")).data(body).timeout(limits().total(60)).send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::TotalTimeout, "{what}");
        let text = format!("the total timeout ran out while sending the request to {}", server.address());
        assert_eq!(error.to_string(), text, "{what}");
        // What came late is not sent: no end of a chunked body, and no last bytes of another.
        let all = String::from_utf8(told.recv_timeout(LONG).unwrap()).unwrap();
        assert!(!all.ends_with("\r\n0\r\n\r\n") && !all.contains("LATE"), "{what}: {all}");
    }
}

#[test]
fn the_total_timeout_ends_an_upload_that_was_asked_for_and_one_that_was_answered() {
    for answers in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"] {
        let continued = answers.contains("100");
        let server = TestServer::connections(move |peer| {
            peer.read_head();
            peer.send(answers);
            while !peer.read_some(usize::MAX).is_empty() {}
        });
        let clock = FakeClock::new();
        let session = session_over(HttpAdapter::builder().clock(clock.clone()).build());
        let mut source = giving(&clock, [(2, "piece")].repeat(600));
        // What the server says is looked for when a source has been asked for 50 milliseconds.
        let slow = std::iter::from_fn(move || {
            thread::sleep(millis(5));
            source.0.next()
        });
        let post = session.post(server.url("/")).data(Body::chunks(slow));
        let post = if continued { post.expect_continue(60) } else { post };

        let error = post.timeout(limits().total(60)).send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::TotalTimeout);
        assert!(error.to_string().starts_with("the total timeout ran out while sending the request to "), "{error}");
    }
}

// TIME-10
#[test]
fn each_hop_starts_with_a_fresh_read_timeout() {
    let server = TestServer::http(|request| {
        thread::sleep(millis(400));
        match request.target.as_str() {
            "/3" => Reply::new(200),
            "/1" => Reply::new(302).header("Location", "/2"),
            _ => Reply::new(302).header("Location", "/3"),
        }
    });
    let session = session();

    let response = session.get(server.url("/1")).timeout(1).send().unwrap();

    assert_eq!(response.history().len(), 2); // 1.2 seconds in all
}

// TIME-11: the total is one here, body included
#[test]
fn the_total_timeout_stops_what_drips() {
    for (in_head, phase) in [(true, "waiting for the response from"), (false, "reading the body from")] {
        let server = dripping(in_head);
        let session = session();

        let error = stopped(250, || session.get(server.url("/")).timeout(limits().total(0.25).read(5)).send());

        assert_eq!(error.kind(), ErrorKind::TotalTimeout);
        assert_eq!(error.to_string(), format!("the total timeout ran out while {phase} {}", server.address()));
        assert!(server.wait_for_open(0));
    }
}

#[test]
fn the_total_timeout_counts_from_send_for_a_streamed_body_too() {
    let server = dripping(false);
    let session = session();

    let error = stopped(250, || {
        let mut response = session.get(server.url("/")).timeout(limits().total(0.25)).stream(true).send()?;
        for piece in response.iter_content(1) {
            piece?;
        }
        Ok(())
    });

    assert_eq!(error.kind(), ErrorKind::TotalTimeout);
}

#[test]
fn the_total_timeout_holds_while_a_slot_is_waited_for() {
    let server = TestServer::http(|_| Reply::new(200).body("hello"));
    let session = session_over(HttpAdapter::builder().pool_maxsize(1).pool_block(true).build());
    let _held = session.get(server.url("/")).stream(true).send().unwrap();

    for timeout in [limits().total(0.15), limits().total(0.15).pool(60), limits().total(0.15).pool(None)] {
        let error = stopped(150, || session.get(server.url("/")).timeout(timeout).send());
        assert_eq!(error.kind(), ErrorKind::TotalTimeout);
        let held = format!("{} (pool size 1, 1 in use, 0 waiting)", server.address());
        assert_eq!(error.to_string(), format!("the total timeout ran out while waiting for a pool slot for {held}"));
    }
    let error = stopped(100, || session.get(server.url("/")).timeout(limits().total(60).pool(0.1)).send());
    assert_eq!(error.kind(), ErrorKind::PoolTimeout);
}

// TIME-03. A look-up cannot be stopped without a thread; the clock is looked at after it
#[test]
fn a_slow_look_up_counts_and_nothing_is_sent_after_it() {
    let server = TestServer::http(|_| Reply::new(200));
    let address = server.address();
    let slow = HttpAdapter::builder().resolver(move |_, _| {
        thread::sleep(millis(1100));
        Ok(vec![address])
    });
    let session = session_over(slow.build());

    let error = stopped(1100, || session.get("http://a.test/").timeout(limits().total(0.1)).send());

    assert_eq!(error.kind(), ErrorKind::TotalTimeout);
    assert_eq!(error.to_string(), "the total timeout ran out during: resolving a.test:80");
    assert_eq!(server.accepted(), 0);
    session.get("http://a.test/").timeout(limits().connect(1)).send().unwrap(); // TIME-03: not part of connecting
}

// TIME-04, TLS-16: ConnectTimeout here
#[cfg(feature = "native-tls")]
#[test]
fn a_stalled_tls_handshake_is_stopped() {
    let server = TestServer::connections(|peer| peer.wait_for_close());
    let url = server.url("/").replace("http:", "https:");
    let peer = server.address();
    for backend in crate::support::backends() {
        let mut session = session_over(HttpAdapter::builder().tls_backend(backend).build());
        session.verify = false.into(); // whatever authorities this machine has

        let error = stopped(200, || session.get(&url).timeout((0.2, 60)).send());
        assert_eq!(error.kind(), ErrorKind::ConnectTimeout);
        assert_eq!(error.to_string(), format!("tls handshake with {peer} timed out after 200ms"));

        let error = stopped(200, || session.get(&url).timeout(limits().total(0.2)).send());
        assert_eq!(error.kind(), ErrorKind::TotalTimeout);
        assert_eq!(error.to_string(), format!("the total timeout ran out during: tls handshake with {peer}"));
    }
}

// A handshake that drips is as bad as one that stalls
#[cfg(feature = "native-tls")]
#[test]
fn a_tls_handshake_that_drips_is_stopped() {
    let server = TestServer::connections(|peer| {
        peer.read_some(1);
        peer.send([22, 3, 3, 0, 60]); // a handshake record of 60 bytes
        for _ in 0..12 {
            thread::sleep(millis(50));
            peer.send([2]);
        }
        peer.wait_for_close();
    });
    let session = session();
    let url = server.url("/").replace("http:", "https:");

    assert_eq!(stopped(200, || session.get(&url).timeout((0.2, 60)).send()).kind(), ErrorKind::ConnectTimeout);
    assert_eq!(stopped(200, || session.get(&url).timeout(limits().total(0.2)).send()).kind(), ErrorKind::TotalTimeout);
}

// PROXY-19
#[cfg(feature = "native-tls")]
#[test]
fn a_proxy_that_does_not_open_its_tunnel_is_stopped() {
    let proxy = TestServer::connections(|peer| {
        peer.read_head();
        peer.wait_for_close();
    });
    let session = session();
    let peer = proxy.address();
    let request = || session.get("https://a.test/").proxies([("https", proxy.url(""))]);

    let error = stopped(200, || request().timeout((0.2, 60)).send());
    assert_eq!(error.kind(), ErrorKind::ConnectTimeout);
    assert_eq!(error.to_string(), format!("opening a tunnel through proxy {peer} timed out after 200ms"));

    let error = stopped(200, || request().timeout(limits().total(0.2)).send());
    assert_eq!(error.kind(), ErrorKind::TotalTimeout);
}

#[test]
fn the_total_timeout_spans_redirects() {
    let server = TestServer::http(|_| {
        thread::sleep(millis(40));
        Reply::new(302).header("Location", "/again")
    });
    let mut session = session();
    session.max_redirects = 1000;

    let error = stopped(1000, || session.get(server.url("/")).timeout(limits().total(1)).send());

    assert_eq!(error.kind(), ErrorKind::TotalTimeout);
    assert!(server.requests().len() > 2);
}

#[test]
fn the_total_timeout_spans_retries() {
    let server = silent();
    let session = session_over(HttpAdapter::builder().max_retries(100).build());

    let error = stopped(2500, || session.get(server.url("/")).timeout(limits().total(2.5).read(1)).send());

    assert!(server.wait_for_requests(3));
    assert_eq!((error.kind(), server.requests().len()), (ErrorKind::TotalTimeout, 3));
    let text = format!("waiting for the response from {} (3 attempts over ", server.address());
    assert!(error.to_string().starts_with(&format!("the total timeout ran out while {text}")), "{error}");
    assert_eq!(error.retries().unwrap().history().len(), 2);
}

#[test]
fn the_total_timeout_is_over_for_connects_that_fail_too() {
    let session = session_over(HttpAdapter::builder().max_retries(Retry::new().total(1_000_000)).build());
    let url = format!("http://{}/", refusing());

    let error = stopped(100, || session.get(url).timeout(limits().total(0.1)).send());

    assert_eq!(error.kind(), ErrorKind::TotalTimeout);
}

// TIME-12
#[test]
fn a_reused_connection_takes_the_limits_of_its_request() {
    let server = TestServer::connections(|peer| {
        while let Some(request) = peer.read_request() {
            match request.target.as_str() {
                "/never" => return peer.wait_for_close(),
                "/slow" => thread::sleep(millis(1100)),
                _ => {}
            }
            peer.send(answer("hello"));
        }
    });
    let session = session_at(&server);

    session.get("http://a.test/").timeout(1).send().unwrap();
    session.get("http://a.test/slow").timeout(None).send().unwrap();
    session.get("http://a.test/").timeout(limits().total(1)).send().unwrap();
    session.get("http://a.test/slow").timeout(9).send().unwrap();
    let error = session.get("http://a.test/never").timeout(0.1).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::ReadTimeout);
    assert_eq!(connections(&server)[..4], [0; 4]);
}

// A read timeout shorter than what is left in total keeps its name, and the other way round
#[test]
fn the_error_names_the_limit_that_ran_out() {
    let server = silent();
    let session = session();

    for (timeout, kind) in [
        (limits().read(0.1).total(60), ErrorKind::ReadTimeout),
        (limits().read(60).total(0.1), ErrorKind::TotalTimeout),
        (limits().read(None).total(0.1), ErrorKind::TotalTimeout),
        (limits().connect(60).read(0.1), ErrorKind::ReadTimeout),
    ] {
        assert_eq!(stopped(100, || session.get(server.url("/")).timeout(timeout).send()).kind(), kind);
    }
}

/// The system's clock, which looks how many threads there are each time it is looked at.
#[cfg(target_os = "linux")]
#[derive(Clone, Debug, Default)]
struct Counting(std::sync::Arc<std::sync::atomic::AtomicUsize>);

#[cfg(target_os = "linux")]
impl Counting {
    fn threads() -> usize {
        std::fs::read_dir("/proc/self/task").unwrap().count()
    }

    fn count(&self) {
        self.0.fetch_max(Self::threads(), std::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(target_os = "linux")]
impl petition::Clock for Counting {
    fn now(&self) -> std::time::Instant {
        self.count();
        std::time::Instant::now()
    }

    fn wall(&self) -> std::time::SystemTime {
        std::time::SystemTime::now()
    }

    fn sleep(&self, duration: Duration) {
        self.count();
        thread::sleep(duration);
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

// In a process of its own, where no other test starts threads
#[cfg(target_os = "linux")]
#[test]
fn no_limit_needs_a_thread() {
    let child = Child::new(|| {
        let clock = Counting::default();
        let retry = Retry::new().total(2).status_forcelist([503]).backoff_factor(0.01);
        let builder = HttpAdapter::builder().pool_maxsize(1).pool_block(true).max_connections(1);
        let session = session_over(builder.max_retries(retry).clock(clock.clone()).build());
        let url = std::env::var("TEST_URL").unwrap();
        let before = Counting::threads();
        let error = session.get(url).timeout(limits().total(0.25).connect(5).pool(5)).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TotalTimeout);
        assert_eq!((clock.0.load(std::sync::atomic::Ordering::Relaxed), Counting::threads()), (before, before));
        "done"
    });
    let server = dripping(false);

    assert_eq!(child.run(&[("TEST_URL", &server.url("/"))]), "done");

    assert!(server.wait_for_requests(1));
    assert_eq!(server.requests().len(), 1);
}
