//! Waits in a process whose signal handler runs every 50 ms: no limit may begin anew with each signal.
//!
//! The handler does nothing, as that of a profiler or a terminal's resize. The kernel gives a signal for a process to its
//! first thread if that does not block it, so the requests are made there, and this program has no test harness, whose
//! tests run on other threads. The handler is installed with SA_RESTART: what has a timeout, and every `poll`, is interrupted
//! all the same (signal(7)).
//!
//! Arguments choose the tests whose names contain one of them.
#![allow(unexpected_cfgs)]

#[cfg(not(target_os = "linux"))]
fn main() {
    // Which thread gets a signal is known of Linux only.
}

#[cfg(target_os = "linux")]
#[path = "wire/support/mod.rs"]
mod support;

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use petition::testing::TestServer;
    use petition::{Body, Cancel, Error, ErrorKind, HttpAdapter, Response, Result, Retry, Timeout};
    use rustix::process::{Signal, getpid, kill_process};

    use crate::support::{BlackHole, millis, session, session_over, silent, timed};

    const EVERY: Duration = Duration::from_millis(50);

    /// Each limit below: long enough for a number of signals.
    const LIMIT: Duration = Duration::from_millis(500);

    /// What a limit that holds takes on a busy machine.
    const SOON: Duration = Duration::from_secs(10);

    /// Who has not ended by then never will.
    const NEVER: Duration = Duration::from_secs(60);

    static HANDLED: AtomicUsize = AtomicUsize::new(0);

    const TESTS: &[(&str, fn())] = &[
        ("a_connect_ends", a_connect_ends),
        #[cfg(any(feature = "native-tls", feature = "rustls"))]
        ("a_tls_handshake_ends", a_tls_handshake_ends),
        #[cfg(any(feature = "native-tls", feature = "rustls"))]
        ("a_tunnel_that_is_not_opened_ends", a_tunnel_that_is_not_opened_ends),
        ("a_wait_for_the_head_ends", a_wait_for_the_head_ends),
        ("a_wait_for_the_body_ends", a_wait_for_the_body_ends),
        #[cfg(any(feature = "native-tls", feature = "rustls"))]
        ("a_wait_over_tls_ends", a_wait_over_tls_ends),
        ("an_upload_that_nobody_reads_ends", an_upload_that_nobody_reads_ends),
        #[cfg(any(feature = "native-tls", feature = "rustls"))]
        ("an_upload_over_tls_that_nobody_reads_ends", an_upload_over_tls_that_nobody_reads_ends),
        ("a_drain_ends", a_drain_ends),
        ("a_redirects_body_is_not_waited_for", a_redirects_body_is_not_waited_for),
        ("a_wait_for_a_slot_ends", a_wait_for_a_slot_ends),
        ("a_wait_for_a_100_ends", a_wait_for_a_100_ends),
        ("sleeps_last_as_long_as_they_are", sleeps_last_as_long_as_they_are),
    ];

    pub fn main() {
        let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
        let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
        if std::env::args().any(|argument| argument == "--list") {
            TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
            return;
        }
        send_signals();
        for (name, test) in TESTS.iter().copied().filter(|(name, _)| is_wanted(name)) {
            let over = watch(name);
            let before = HANDLED.load(Ordering::SeqCst);
            test();
            over.store(true, Ordering::SeqCst);
            let signals = HANDLED.load(Ordering::SeqCst) - before;
            assert!(signals >= 3, "{name}: {signals} signals came");
            println!("test {name} ... ok");
        }
    }

    /// Has this process sent a signal every 50 ms, to the thread that called `main`.
    fn send_signals() {
        let handled = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGALRM, Arc::clone(&handled)).unwrap();
        thread::spawn(move || {
            loop {
                kill_process(getpid(), Signal::ALARM).unwrap();
                thread::sleep(EVERY);
                HANDLED.fetch_add(usize::from(handled.swap(false, Ordering::SeqCst)), Ordering::SeqCst);
            }
        });
    }

    /// Ends the process if the test does not end.
    fn watch(name: &'static str) -> Arc<AtomicBool> {
        let over = Arc::new(AtomicBool::new(false));
        let looked_at = Arc::clone(&over);
        thread::spawn(move || {
            thread::sleep(NEVER);
            if !looked_at.load(Ordering::SeqCst) {
                eprintln!("test {name} does not end");
                std::process::exit(101);
            }
        });
        over
    }

    /// The error of what had to be stopped by a limit of [`LIMIT`].
    fn stopped<T: std::fmt::Debug>(act: impl FnOnce() -> Result<T>) -> Error {
        let (result, took) = timed(act);
        assert!(took >= LIMIT - millis(5) && took < SOON, "{took:?}");
        result.unwrap_err()
    }

    fn total() -> Timeout {
        Timeout::new().total(LIMIT)
    }

    fn read() -> Timeout {
        Timeout::new().read(LIMIT)
    }

    #[cfg(any(feature = "native-tls", feature = "rustls"))]
    fn https(server: &TestServer) -> String {
        server.url("/").replace("http:", "https:")
    }

    fn a_connect_ends() {
        let hole = BlackHole::new();
        let url = format!("http://{}/", hole.address);
        for (timeout, kind) in
            [(Timeout::new().connect(LIMIT), ErrorKind::ConnectTimeout), (total(), ErrorKind::TotalTimeout)]
        {
            assert_eq!(stopped(|| session().get(&url).timeout(timeout).send()).kind(), kind);
        }
    }

    #[cfg(any(feature = "native-tls", feature = "rustls"))]
    fn a_tls_handshake_ends() {
        let server = TestServer::connections(|peer| peer.wait_for_close());
        for backend in crate::support::backends() {
            let session = session_over(HttpAdapter::builder().tls_backend(backend).build());
            for (timeout, kind) in
                [(Timeout::new().connect(LIMIT), ErrorKind::ConnectTimeout), (total(), ErrorKind::TotalTimeout)]
            {
                let error = stopped(|| session.get(https(&server)).timeout(timeout).verify(false).send());
                assert_eq!(error.kind(), kind, "{error}");
            }
        }
    }

    #[cfg(any(feature = "native-tls", feature = "rustls"))]
    fn a_tunnel_that_is_not_opened_ends() {
        let proxy = silent();
        for timeout in [Timeout::new().connect(LIMIT), total()] {
            let session = session();
            let request = session.get("https://a.test/").proxies([("https", proxy.url(""))]).timeout(timeout);
            assert!(stopped(|| request.send()).is_timeout());
        }
    }

    fn a_wait_for_the_head_ends() {
        let server = silent();
        for (timeout, kind) in [(read(), ErrorKind::ReadTimeout), (total(), ErrorKind::TotalTimeout)] {
            assert_eq!(stopped(|| session().get(server.url("/")).timeout(timeout).send()).kind(), kind);
        }
        // With a token, and over a reused connection, nothing is different.
        let cancel = Cancel::new();
        assert!(stopped(|| session().get(server.url("/")).cancel(&cancel).timeout(read()).send()).is_timeout());
    }

    fn a_wait_for_the_body_ends() {
        for head in ["Content-Length: 60\r\n\r\nbegin", "Transfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n"] {
            let server = TestServer::connections(move |peer| {
                peer.read_request();
                peer.send("HTTP/1.1 200 OK\r\n");
                peer.send(head);
                peer.wait_for_close();
            });
            for (timeout, kind) in [(read(), ErrorKind::ReadTimeout), (total(), ErrorKind::TotalTimeout)] {
                assert_eq!(stopped(|| session().get(server.url("/")).timeout(timeout).send()).kind(), kind);
            }
        }
    }

    #[cfg(any(feature = "native-tls", feature = "rustls"))]
    fn a_wait_over_tls_ends() {
        for begin in ["", "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\nbegin"] {
            let server = crate::support::tls_server(&["localhost"], move |peer| {
                peer.read_request();
                peer.send(begin);
                peer.wait_for_close();
            });
            for backend in crate::support::backends() {
                let session = session_over(HttpAdapter::builder().tls_backend(backend).build());
                for (timeout, kind) in [(read(), ErrorKind::ReadTimeout), (total(), ErrorKind::TotalTimeout)] {
                    let error = stopped(|| session.get(server.url("/")).verify(false).timeout(timeout).send());
                    assert_eq!(error.kind(), kind, "{error}");
                }
            }
        }
    }

    /// More than two sockets' buffers take.
    fn large() -> Vec<u8> {
        vec![b'x'; 32 << 20]
    }

    fn an_upload_that_nobody_reads_ends() {
        let server = TestServer::connections(|peer| {
            peer.read_head();
            thread::park();
        });
        for (timeout, kind) in [(read(), ErrorKind::ReadTimeout), (total(), ErrorKind::TotalTimeout)] {
            for body in [Body::from(large()), Body::reader(std::io::repeat(b'x'))] {
                let error = stopped(|| session().post(server.url("/")).data(body).timeout(timeout).send());
                assert_eq!(error.kind(), kind, "{error}");
            }
        }
        // The server's threads are parked: they end with the process.
        std::mem::forget(server);
    }

    #[cfg(any(feature = "native-tls", feature = "rustls"))]
    fn an_upload_over_tls_that_nobody_reads_ends() {
        let server = crate::support::tls_server(&["localhost"], |peer| {
            peer.read_head();
            thread::park();
        });
        for backend in crate::support::backends() {
            let session = session_over(HttpAdapter::builder().tls_backend(backend).build());
            for (timeout, kind) in [(read(), ErrorKind::ReadTimeout), (total(), ErrorKind::TotalTimeout)] {
                let post = session.post(server.url("/")).data(large()).verify(false).timeout(timeout);
                let error = stopped(|| post.send());
                assert_eq!(error.kind(), kind, "{error}");
            }
        }
        std::mem::forget(server);
    }

    /// A server whose answer has a body of 60 bytes of which only five come.
    fn stalling(head: &'static str) -> TestServer {
        TestServer::connections(move |peer| {
            while let Some(request) = peer.read_request() {
                if request.target == "/there" {
                    peer.send("HTTP/1.1 204 No Content\r\n\r\n");
                    continue;
                }
                peer.send(head);
                peer.send("Content-Length: 60\r\n\r\nbegin");
            }
        })
    }

    fn a_drain_ends() {
        let server = stalling("HTTP/1.1 200 OK\r\n");
        let session = session_over(HttpAdapter::builder().drain_timeout(LIMIT).build());
        let response: Response = session.get(server.url("/")).stream(true).send().unwrap();

        let ((), took) = timed(|| drop(response));

        assert!(took >= LIMIT - millis(5) && took < SOON, "{took:?}");
        assert!(server.wait_for_open(0));
    }

    fn a_redirects_body_is_not_waited_for() {
        let server = stalling("HTTP/1.1 302 Found\r\nLocation: /there\r\n");

        let (response, took) = timed(|| session().get(server.url("/")).send().unwrap());

        assert_eq!(response.status_code(), 204);
        assert!(took < SOON, "{took:?}");
    }

    fn a_wait_for_a_slot_ends() {
        let server = silent();
        for builder in
            [HttpAdapter::builder().pool_block(true).pool_maxsize(1), HttpAdapter::builder().max_connections(1)]
        {
            let session = session_over(builder.pool_timeout(LIMIT).build());
            let (tell, told) = std::sync::mpsc::channel();
            let cancel = Cancel::new();
            thread::scope(|scope| {
                scope.spawn(|| {
                    let sent = session.get(server.url("/")).cancel(&cancel).send();
                    tell.send(sent.unwrap_err().kind()).unwrap();
                });
                assert!(server.wait_for_open(1));
                assert_eq!(stopped(|| session.get(server.url("/")).send()).kind(), ErrorKind::PoolTimeout);
                cancel.cancel();
            });
            assert_eq!(told.recv().unwrap(), ErrorKind::Cancelled);
            assert!(server.wait_for_open(0));
        }
    }

    fn a_wait_for_a_100_ends() {
        let server = TestServer::connections(|peer| {
            peer.read_request();
            peer.send("HTTP/1.1 204 No Content\r\n\r\n");
        });

        let (sent, took) = timed(|| session().put(server.url("/")).data("data").expect_continue(LIMIT).send());

        assert_eq!(sent.unwrap().status_code(), 204);
        assert!(took >= LIMIT - millis(5) && took < SOON, "{took:?}");
    }

    fn sleeps_last_as_long_as_they_are() {
        let server = TestServer::http(|_| petition::testing::Reply::new(503));
        let retry =
            Retry::new().total(1).status_forcelist([503]).backoff_factor(LIMIT.as_secs_f64()).raise_on_status(false);
        let cancel = Cancel::new();
        for token in [None, Some(&cancel)] {
            let session = session_over(
                HttpAdapter::builder().max_retries(retry.clone().respect_retry_after_header(false)).build(),
            );
            let mut get = session.get(server.url("/"));
            if let Some(token) = token {
                get = get.cancel(token);
            }
            let (sent, took) = timed(|| get.send());
            assert_eq!(sent.unwrap().status_code(), 503);
            assert!(took < SOON, "{took:?}");
        }
        let (whole, took) = timed(|| cancel.sleep(LIMIT));
        assert!(whole && took >= LIMIT && took < SOON, "{took:?}");
    }
}
