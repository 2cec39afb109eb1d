//! Faults of the machine and of the program's own code: a full disk, an announced size that no machine has, a clock that jumps,
//! callbacks that panic, a program that is started. The table is in `docs/testing.md`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::support::{LONG, answer, bare, everywhere, fixed, in_order, ok, once, read_head, session, session_over};
use petition::testing::{ChaosProxy, FakeClock, Fault, Reply, TestServer};
use petition::{
    AdaptiveLimit, Auth, Body, Cancel, Clock, ErrorKind, HttpAdapter, PreparedRequest, Response, Retry, SendOptions,
    Session,
};

/// Fails as a program may.
fn fail() -> ! {
    panic!("as a program may")
}

/// Reads a little, then panics.
struct PanickingReader(usize);

impl io::Read for PanickingReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0 += 1;
        if self.0 > 2 {
            fail();
        }
        out[..10].fill(b'x');
        Ok(10)
    }
}

#[derive(Debug)]
struct PanickingClock(FakeClock);

impl Clock for PanickingClock {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn wall(&self) -> SystemTime {
        self.0.wall()
    }

    fn sleep(&self, _: Duration) {
        fail()
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

/// An auth that is well until it is challenged.
struct PanickingAnswer;

impl Auth for PanickingAnswer {
    fn apply(&self, _: &mut PreparedRequest) -> petition::Result<()> {
        Ok(())
    }

    fn answer(&self, _: &PreparedRequest, _: &Response, _: u32) -> petition::Result<Option<PreparedRequest>> {
        fail()
    }
}

type Act = Box<dyn Fn(&Session, &str)>;

#[test]
fn a_panic_in_a_callback_costs_its_request_and_neither_a_slot_nor_the_session() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/busy" => Reply::new(503),
        "/challenge" => Reply::new(401).header("WWW-Authenticate", "Own"),
        _ => Reply::new(200).body("x".repeat(100_000)),
    });
    let address = server.address();
    let odd = SocketAddr::from(([127, 0, 0, 2], address.port()));
    let resolve = move |host: &str, _: u16| match host {
        "panics.test" => fail(),
        "odd.test" => Ok(vec![odd]),
        _ => Ok(vec![address]),
    };
    let retry = || Retry::new().total(1).status_forcelist([503]);
    let settings = || {
        let allow = move |ip| if ip == odd.ip() { fail() } else { true };
        let pool = HttpAdapter::builder().pool_maxsize(1).pool_block(true).pool_timeout(5);
        pool.resolver(resolve).allow_address(allow)
    };
    let adapter = settings().max_retries(retry().retry_if(|attempt| attempt.status() == Some(503) && fail())).build();
    let sleepless =
        settings().max_retries(retry().total(2).backoff_factor(1)).clock(PanickingClock(FakeClock::new())).build();
    let mut session = session_over(&adapter);
    session.mount("http://sleepless.test", sleepless.clone());
    session.mount("http://adapter.test", |_: &mut PreparedRequest, _: &SendOptions| -> petition::Result<Response> {
        fail()
    });

    let acts: Vec<(&str, Act)> = vec![
        ("hook", Box::new(|session, url| drop(session.get(url).on_response(|_| fail()).send()))),
        (
            "hook of a stream",
            Box::new(|session, url| drop(session.get(url).stream(true).on_response(|_| fail()).send())),
        ),
        ("auth", Box::new(|session, url| drop(session.get(url).auth(|_: &mut PreparedRequest| fail()).send()))),
        (
            "answer of an auth",
            Box::new(|session, url| {
                drop(session.get(format!("{url}challenge")).auth(PanickingAnswer).send());
            }),
        ),
        (
            "answer of an auth, of a stream",
            Box::new(|session, url| {
                drop(session.get(format!("{url}challenge")).auth(PanickingAnswer).stream(true).send());
            }),
        ),
        ("body", Box::new(|session, url| drop(session.post(url).data(Body::reader(PanickingReader(0))).send()))),
        (
            "body of known length",
            Box::new(|session, url| drop(session.post(url).data(Body::sized(PanickingReader(0), 99)).send())),
        ),
        (
            "progress of a body",
            Box::new(|session, url| {
                let body = Body::reader(io::Cursor::new("x".repeat(50_000))).on_progress(|_, _| fail());
                drop(session.post(url).data(body).send());
            }),
        ),
        (
            "part of a form",
            Box::new(|session, url| {
                let form = petition::Multipart::new().part("a", petition::Part::reader(PanickingReader(0)));
                drop(session.post(url).files(form).send());
            }),
        ),
        (
            "progress",
            Box::new(|session, url| {
                let mut response = session.get(url).stream(true).send().unwrap();
                let path = std::env::temp_dir().join(format!("petition-panic-{}", std::process::id()));
                drop(response.save_to_with(path, |_, _| fail()));
            }),
        ),
        (
            "writer",
            Box::new(|session, url| {
                struct Panicking;
                impl io::Write for Panicking {
                    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                        fail()
                    }
                    fn flush(&mut self) -> io::Result<()> {
                        fail()
                    }
                }
                drop(session.get(url).stream(true).send().unwrap().copy_to(&mut Panicking));
            }),
        ),
        ("resolver", Box::new(|session, _| drop(session.get("http://panics.test/").send()))),
        ("allow_address", Box::new(|session, _| drop(session.get("http://odd.test/").send()))),
        ("adapter", Box::new(|session, _| drop(session.get("http://adapter.test/").send()))),
        ("retry_if", Box::new(|session, _| drop(session.get("http://one.test/busy").send()))),
        ("sleep", Box::new(|session, _| drop(session.get("http://sleepless.test/busy").send()))),
        (
            "on_cancel",
            Box::new(|session, url| {
                let cancel = Cancel::new();
                let _guard = cancel.on_cancel(|| fail());
                let response = session.get(url).cancel(&cancel).stream(true).send().unwrap();
                cancel.cancel();
                drop(response);
            }),
        ),
    ];
    for (name, act) in acts {
        let result = catch_unwind(AssertUnwindSafe(|| act(&session, "http://one.test/")));
        assert!(result.is_err(), "{name} did not panic");

        for adapter in [&adapter, &sleepless] {
            assert!(
                adapter.stats().iter().all(|pool| pool.in_use() == 0),
                "{name} keeps a slot: {:?}",
                adapter.stats()
            );
        }
        let after = session.get("http://one.test/").timeout(LONG).send();
        let after = after.unwrap_or_else(|error| panic!("after {name}: {error}"));
        assert_eq!(after.content().unwrap().len(), 100_000, "after {name}");
    }
    // The thread that looks up for a request that can be cancelled dies alone.
    let error = session.get("http://panics.test/").cancel(&Cancel::new()).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionError);
    let _ = std::fs::remove_file(std::env::temp_dir().join(format!("petition-panic-{}", std::process::id())));
}

#[test]
fn a_handler_that_panics_ends_its_connection_and_not_the_test_server() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/" => Reply::new(200).body("well"),
        _ => fail(),
    });
    let session = session();

    let error = session.get(server.url("/panics")).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionError, "{error}");
    assert!(server.wait_for_open(0));
    assert_eq!(session.get(server.url("/")).send().unwrap().text().unwrap(), "well");

    #[cfg(any(feature = "native-tls", feature = "rustls"))]
    {
        let server = TestServer::https(|_| fail());
        let session = crate::support::session();
        let error = session.get(server.url("/")).verify(server.ca_file()).send().unwrap_err();
        assert!(error.is_connection_error(), "{error}");
        assert!(server.wait_for_open(0));
    }
}

#[test]
fn a_plan_that_panics_ends_its_connection_and_not_the_proxy() {
    let server = ok();
    let asked = Arc::new(AtomicU64::new(0));
    let proxy = {
        let asked = Arc::clone(&asked);
        ChaosProxy::new(server.address(), move |connection| {
            assert_eq!(connection, 0);
            if asked.fetch_add(1, Ordering::SeqCst) == 0 { fail() } else { Fault::None }
        })
    };
    let url = format!("http://{}/", proxy.address());
    let session = session();

    assert_eq!(session.get(&url).send().unwrap_err().kind(), ErrorKind::ConnectionError);
    assert_eq!(session.get(&url).send().unwrap().status_code(), 200);
    assert_eq!(proxy.faults(), [Fault::None]);
}

#[test]
fn a_thread_that_panics_with_a_response_in_its_hands_gives_the_slot_back() {
    let server = fixed(answer("whole"));
    let adapter = HttpAdapter::builder().pool_maxsize(1).pool_block(true).pool_timeout(5).build();
    let session = session_over(&adapter);

    for _ in 0..3 {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let _response = session.get(server.url("/")).stream(true).send().unwrap();
                fail()
            });
            assert!(thread.join().is_err());
        });
        assert_eq!(session.get(server.url("/")).send().unwrap().text().unwrap(), "whole");
    }
}

#[test]
fn a_size_that_no_machine_has_is_announced_for_nothing() {
    for head in [
        "Content-Length: 9223372036854775807",
        "Content-Length: 18446744073709551615",
        "Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff",
    ] {
        let server = once(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\na few bytes"));

        let error = session().get(server.url("/")).send().unwrap_err();

        let kinds = [ErrorKind::ConnectionError, ErrorKind::ChunkedEncodingError];
        assert!(kinds.contains(&error.kind()), "{head}: {error:?}");
    }
}

#[test]
fn a_body_without_end_ends_at_the_limit() {
    let url = bare(|stream| {
        read_head(stream);
        io::Write::write_all(stream, b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        while io::Write::write_all(stream, &[b'x'; 65_536]).is_ok() {}
    });
    let session = session_over(HttpAdapter::builder().max_decoded_bytes(1_000_000).build());

    let error = session.get(url).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::ContentDecodingError);
}

/// A clock whose time of day is what was set, while its monotonic time goes on.
#[derive(Debug)]
struct Wall {
    clock: FakeClock,
    seconds: AtomicU64,
}

impl Clock for Wall {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.seconds.load(Ordering::Relaxed))
    }

    fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration);
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

#[test]
fn a_time_of_day_that_jumps_changes_dates_and_nothing_else() {
    const DATE: &str = "Tue, 14 Nov 2023 22:14:20 GMT";
    const THEN: u64 = 1_700_000_060;
    let server = TestServer::http(|request| match request.target.as_str() {
        "/busy" => Reply::new(503).header("Retry-After", DATE),
        _ => Reply::new(200).body("ok"),
    });
    let wall = Arc::new(Wall { clock: FakeClock::new(), seconds: AtomicU64::new(THEN) });
    let retry = Retry::new().total(1).status_forcelist([503]).retry_after_max(3600).raise_on_status(false);
    let adapter = HttpAdapter::builder().max_retries(retry).clock(Arc::clone(&wall)).idle_timeout(600).build();
    let session = session_over(&adapter);

    let mut slept = 0;
    for (now, want) in [
        (THEN - 60, Some(60)),
        // Set back by a year: the limit on waiting holds.
        (THEN - 365 * 86_400, Some(3600)),
        (0, Some(3600)),
        // Set forward by a year, and by more than dates have: no wait.
        (THEN + 365 * 86_400, None),
        (1 << 38, None),
    ] {
        wall.seconds.store(now, Ordering::Relaxed);
        assert_eq!(session.get(server.url("/busy")).send().unwrap().status_code(), 503);
        let all = wall.clock.slept();
        let new: Vec<_> = all[slept..].iter().map(Duration::as_secs).filter(|seconds| *seconds > 0).collect();
        assert_eq!(new, want.into_iter().collect::<Vec<_>>(), "{now}");
        slept = all.len();

        // Idle connections live by the monotonic time.
        assert_eq!(session.get(server.url("/")).send().unwrap().text().unwrap(), "ok");
    }
    assert_eq!(server.accepted(), 3, "two waits of an hour let a connection go, and nothing else did");
}

#[test]
fn an_answer_from_another_time_sets_and_removes_cookies_by_this_ones_clock() {
    let replies = [
        Reply::new(200).header("Date", "Fri, 01 Jan 1999 00:00:00 GMT").header("Set-Cookie", "a=1; Max-Age=3600"),
        Reply::new(200).header("Date", "Fri, 31 Dec 9999 23:59:59 GMT").header("Set-Cookie", "b=2; Max-Age=3600"),
        Reply::new(200).header("Set-Cookie", "c=3; Expires=Fri, 31 Dec 9999 23:59:59 GMT"),
        Reply::new(200).header("Set-Cookie", "d=4; Expires=Fri, 01 Jan 1999 00:00:00 GMT"),
        Reply::new(200).header("Set-Cookie", "e=5; Max-Age=99999999999999999999"),
        Reply::new(200).header("Set-Cookie", "a=1; Max-Age=-99999999999999999999"),
    ];
    let server = in_order(replies);
    let session = session();
    for _ in 0..6 {
        session.get(server.url("/")).send().unwrap();
    }
    let mut names: Vec<_> = session.cookies.iter().map(|cookie| cookie.name).collect();
    names.sort();
    assert_eq!(names, ["b", "c", "e"]);
}

#[test]
fn a_name_that_moves_between_two_look_ups_reaches_only_what_is_allowed() {
    let (inside, outside) = (fixed(answer("inside")), fixed(answer("outside")));
    let turn = AtomicU64::new(0);
    let (private, public): (SocketAddr, SocketAddr) = (inside.address(), outside.address());
    let resolve = move |_: &str, _: u16| {
        // The public one first, the private one ever after.
        Ok(vec![if turn.fetch_add(1, Ordering::Relaxed) == 0 { public } else { private }])
    };
    // Both are loopback here: what tells them apart is looked up by port, so the rule is asked by address alone.
    let asked = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&asked);
    let allow = move |_| seen.fetch_add(1, Ordering::Relaxed) == 0;
    let adapter = HttpAdapter::builder().resolver(resolve).allow_address(allow).build();
    let session = session_over(adapter);

    let first = session.get("http://rebinding.test/").header("Connection", "close").send().unwrap();
    let error = session.get("http://rebinding.test/").send().unwrap_err();

    assert_eq!(first.text().unwrap(), "outside");
    assert_eq!(error.kind(), ErrorKind::ConnectionError);
    assert!(error.to_string().contains("the address 127.0.0.1 is not allowed"), "{error}");
    assert!(inside.requests().is_empty());
    assert_eq!(asked.load(Ordering::Relaxed), 2, "one question for each connection");
}

// docs/decisions.md#allowed-addresses: what the program has decided is neither tried again nor the server's refusal.
#[test]
fn what_the_program_does_not_allow_is_raised_at_once_and_lowers_no_limit() {
    let server = ok();
    for by_resolver in [false, true] {
        let (asked, no) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let [refuses, denies] = [&no, &no].map(Arc::clone);
        let counted = Arc::clone(&asked);
        let count = move || {
            counted.fetch_add(1, Ordering::Relaxed);
        };
        let clock = FakeClock::new();
        let to = server.address();
        let resolve = move |_: &str, _: u16| match by_resolver && denies.load(Ordering::Relaxed) {
            true => Err(io::Error::new(io::ErrorKind::PermissionDenied, "the name is not allowed")),
            false => Ok(vec![to]),
        };
        let adapter = HttpAdapter::builder()
            .resolver(move |host, port| resolve(host, port).inspect_err(|_| count()))
            .pool_block(true)
            .adaptive_limit(AdaptiveLimit::between(4, 9))
            .max_retries(Retry::new().total(5).backoff_factor(1))
            .clock(clock.clone());
        let counted = Arc::clone(&asked);
        let allow = move |_| {
            let no = !by_resolver && refuses.load(Ordering::Relaxed);
            counted.fetch_add(u64::from(no), Ordering::Relaxed);
            !no
        };
        let adapter = adapter.allow_address(allow).build();
        let session = session_over(&adapter);
        let learnt = |requests: usize| {
            (0..requests).for_each(|_| drop(session.get("http://a.test/").send().unwrap()));
            adapter.stats()[0].limit()
        };
        assert_eq!(learnt(4 + 5 + 6), Some(7));
        adapter.close_idle(Duration::ZERO);
        no.store(true, Ordering::Relaxed);

        let error = session.get("http://a.test/").send().unwrap_err();

        assert_eq!((error.kind(), error.is_connect()), (ErrorKind::ConnectionError, true));
        assert!(error.to_string().ends_with("is not allowed"), "{error}");
        assert_eq!((asked.load(Ordering::Relaxed), clock.slept()), (1, vec![]), "it is asked once");
        no.store(false, Ordering::Relaxed);
        assert_eq!(learnt(0), Some(7), "it is no refusal of the server");
        assert_eq!(learnt(1), Some(7));
        assert_eq!((adapter.stats()[0].in_use(), adapter.stats()[0].waiting()), (0, 0));
    }
}

#[test]
fn a_name_that_cannot_be_looked_up_is_tried_again_and_lowers_no_limit() {
    let (server, fails) = (ok(), Arc::new(AtomicBool::new(false)));
    let (to, unknown, asked) = (server.address(), Arc::clone(&fails), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&asked);
    let resolve = move |_: &str, _: u16| {
        counted.fetch_add(1, Ordering::Relaxed);
        if unknown.load(Ordering::Relaxed) { Err(io::Error::other("no such name")) } else { Ok(vec![to]) }
    };
    let limit = AdaptiveLimit::between(1, 9);
    let builder = HttpAdapter::builder().resolver(resolve).pool_block(true).adaptive_limit(limit);
    let adapter = builder.max_retries(Retry::new().total(2)).build();
    let session = session_over(&adapter);
    (0..10).for_each(|_| drop(session.get("http://a.test/").send().unwrap()));
    let before = adapter.stats()[0].limit();
    adapter.close_idle(Duration::ZERO);
    fails.store(true, Ordering::Relaxed);

    assert_eq!(session.get("http://a.test/").send().unwrap_err().kind(), ErrorKind::ConnectionError);

    assert_eq!((asked.load(Ordering::Relaxed), adapter.stats()[0].limit()), (1 + 3, before));
}

// CVE-2021-29923 of Go: what was checked was read as decimal, and what was connected to as octal.
#[test]
fn a_number_that_is_no_plain_address_is_checked_as_the_address_that_the_system_makes_of_it() {
    let inside = ok();
    for host in ["0177.0.0.1", "0177.1", "127.1", "0x7f.0.0.1", "2130706433", "017700000001"] {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        // Nothing is allowed, so that nothing is reached if it is read in another way.
        let allow = move |address: IpAddr| {
            seen.lock().unwrap().push(address);
            false
        };
        let session = session_over(HttpAdapter::builder().allow_address(allow).build());

        let error = session.get(format!("http://{host}:{}/", inside.address().port())).send().unwrap_err();

        let asked = asked.lock().unwrap();
        // A system may know no such spelling.
        let is_unknown =
            asked.is_empty() && error.to_string().contains("failed to resolve") && !cfg!(target_os = "linux");
        assert!(
            is_unknown || asked.iter().all(|address| *address == Ipv4Addr::LOCALHOST),
            "{host}: {asked:?}, {error}"
        );
        assert!(is_unknown || error.to_string().contains("the address 127.0.0.1 is not allowed"), "{host}: {error}");
    }
}

#[test]
fn an_address_in_a_url_and_one_behind_a_redirect_are_checked_like_a_name() {
    let inside = fixed(answer("inside"));
    let outside =
        fixed(format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", inside.url("/admin")));
    let first = AtomicU64::new(0);
    let adapter = everywhere(&outside).allow_address(move |_| first.fetch_add(1, Ordering::Relaxed) == 0).build();
    let session = session_over(adapter);

    let error = session.get("http://outside.test/").send().unwrap_err();

    assert!(error.to_string().contains("is not allowed"), "{error}");
    assert_eq!((outside.requests().len(), inside.requests().len()), (1, 0));
}

#[cfg(target_os = "linux")]
mod on_linux {
    use std::fs;
    use std::process::Command;

    use super::*;
    use crate::support::{Child, TempDir};

    #[test]
    fn a_full_disk_is_an_error_that_leaves_the_old_file_and_the_session() {
        // The limit on the size of a file belongs to the process; beyond it the kernel sends a signal, whose handler makes it
        // an error, as a full disk is.
        let child = Child::new(|| {
            signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default()).unwrap();
            let small = rustix::process::Rlimit { current: Some(10_000), maximum: Some(10_000) };
            rustix::process::setrlimit(rustix::process::Resource::Fsize, small).unwrap();

            let dir = TempDir::new();
            let old = dir.file("old", "old");
            let server = fixed(answer(&"x".repeat(50_000)));
            let adapter = HttpAdapter::builder().pool_maxsize(1).pool_block(true).pool_timeout(5).build();
            let session = session_over(&adapter);
            for (path, stream) in [(&old, true), (&old, false), (&dir.path().join("new"), true)] {
                let mut response = session.get(server.url("/")).stream(stream).send().unwrap();
                let error = response.save_to(path).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Io, "{error:?}");
                assert!(error.to_string().starts_with(&format!("cannot write {}: ", path.display())), "{error}");
                drop(response);
                assert!(adapter.stats().iter().all(|pool| pool.in_use() == 0));
            }
            for number in 0..1000 {
                session.cookies.insert(format!("name{number}"), "a value");
            }
            let error = session.cookies.save_to(&old).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Io, "{error:?}");

            assert_eq!((dir.names(), fs::read(&old).unwrap()), (vec!["old".to_owned()], b"old".to_vec()));
            assert_eq!(session.get(server.url("/")).send().unwrap().content().unwrap().len(), 50_000);
            "done"
        });
        assert_eq!(child.run(&[]), "done");
    }

    #[test]
    fn a_device_without_room_is_an_error_with_its_number() {
        let server = fixed(answer(&"x".repeat(50_000)));
        for stream in [true, false] {
            let mut response = session().get(server.url("/")).stream(stream).send().unwrap();

            let error = response.save_to("/dev/full").unwrap_err();

            assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::Io, Some(28)), "{error:?}");
        }
        let mut full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut response = session().get(server.url("/")).stream(true).send().unwrap();
        let error = response.copy_to(&mut full).unwrap_err();
        assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::Io, Some(28)), "{error:?}");
    }

    // Two processes on one TLS connection would break it, and what one reads the other misses.
    #[test]
    fn a_program_that_is_started_inherits_no_connection() {
        let child = Child::new(|| {
            let server = fixed(answer("ok"));
            let session = session();
            let streamed = session.get(server.url("/")).stream(true).send().unwrap();
            session.get(server.url("/")).send().unwrap();
            let sockets =
                || fs::read_dir("/proc/self/fd").unwrap().flatten().filter_map(|fd| fs::read_link(fd.path()).ok());
            assert!(sockets().any(|to| to.to_string_lossy().starts_with("socket:")), "there are some here");

            let listed = Command::new("ls").args(["-l", "/proc/self/fd"]).output().unwrap();

            let listed = String::from_utf8(listed.stdout).unwrap();
            assert!(listed.contains("->") && !listed.contains("socket:"), "{listed}");
            drop(streamed);
            "done"
        });
        assert_eq!(child.run(&[]), "done");
    }
}
