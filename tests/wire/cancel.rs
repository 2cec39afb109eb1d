//! `Cancel`: every wait ends when somebody else says so, and nothing is lost by it.
//!
//! Nothing here ends by itself within `LONG`, so that what returns was stopped. A test waits until the request has come as
//! far as can be seen from outside, and then cancels; a request that is not quite in its wait yet has to end all the same.
#![cfg_attr(
    not(all(target_os = "linux", feature = "digest", feature = "native-tls")),
    allow(unused_imports, dead_code, reason = "only some of the tests are built")
)]

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use petition::testing::{Peer, Reply, TestServer};
use petition::{
    Body, Cancel, Error, ErrorKind, HttpAdapter, HttpAdapterBuilder, RequestBuilder, Response, Result, Retry, Session,
};

#[cfg(target_os = "linux")]
use crate::support::BlackHole;
use crate::support::{
    Gate, LONG, answer, bare, everywhere, hold, millis, ok, read_head, refusing, session, session_over, timed,
    wait_until,
};

/// As long as a request may go on after it was cancelled, on a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// Cancels `send` once `is_there` has returned, and takes its error.
fn cancelled<T: std::fmt::Debug + Send>(
    cancel: &Cancel,
    send: impl FnOnce() -> Result<T> + Send,
    is_there: impl FnOnce(),
) -> Error {
    thread::scope(|scope| {
        let sending = scope.spawn(send);
        is_there();
        let begin = Instant::now();
        cancel.cancel();
        let error = sending.join().unwrap().unwrap_err();
        assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error:?}");
        assert!(error.is_cancelled() && !error.is_timeout() && !error.is_connection_error());
        assert!(error.to_string().starts_with("the request was cancelled "), "{error}");
        error
    })
}

/// A session whose adapter would try again as often as it may, with one slot.
fn stubborn(change: impl FnOnce(HttpAdapterBuilder) -> HttpAdapterBuilder) -> (HttpAdapter, Session) {
    let builder = HttpAdapter::builder().pool_maxsize(1).pool_block(true).max_retries(100);
    let adapter = change(builder).build();
    (adapter.clone(), session_over(adapter))
}

/// Nothing is in use, and the next request is served.
fn goes_on(adapter: &HttpAdapter, session: &Session) {
    for stats in adapter.stats() {
        assert_eq!((stats.in_use(), stats.waiting()), (0, 0), "{stats:?}");
    }
    let server = ok();
    for _ in 0..2 {
        assert_eq!(session.get(server.url("/")).send().unwrap().text().unwrap(), "ok");
    }
    assert_eq!(server.accepted(), 1);
}

/// A server that says how far each request has come: after its head, after what is sent of the answer, and when its
/// connection has ended.
fn stalling(begin: &'static str) -> (TestServer, mpsc::Receiver<&'static str>) {
    let (tell, told) = mpsc::channel();
    let server = TestServer::connections(move |peer| {
        if peer.read_head().is_none() {
            return;
        }
        peer.send(begin);
        tell.send("begun").unwrap();
        peer.wait_for_close();
        let _ = tell.send("closed");
    });
    (server, told)
}

#[test]
fn a_cancelled_token_fails_requests_at_once() {
    let server = ok();
    let cancel = Cancel::new();
    let mut session = session();
    session.cancel = Some(cancel.clone());
    session.get(server.url("/")).send().unwrap();

    cancel.cancel();

    assert!(cancel.is_cancelled());
    for error in [
        session.get(server.url("/")).send().unwrap_err(),
        session.get(server.url("/")).cancel(&Cancel::new()).send().unwrap_err(),
        crate::support::session().get(server.url("/")).cancel(&cancel.child()).send().unwrap_err(),
        crate::support::session()
            .post(server.url("/"))
            .data(Body::reader(io::empty()))
            .cancel(&cancel)
            .send()
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert_eq!(error.to_string(), "the request was cancelled before it was sent");
        assert!(error.is_connect(), "nothing was sent");
    }
    assert_eq!((server.accepted(), server.requests().len()), (1, 1));
}

#[test]
fn either_token_ends_a_request_and_a_child_ends_alone() {
    for which in 0..3 {
        let (server, told) = stalling("");
        let (own, parent) = (Cancel::new(), Cancel::new());
        let mut session = session();
        session.cancel = Some(parent.child());
        let stop = match which {
            0 => own.clone(),
            1 => parent.clone(),
            _ => session.cancel.clone().unwrap(),
        };

        cancelled(
            &stop,
            || session.get(server.url("/")).cancel(&own).send(),
            || {
                told.recv().unwrap();
            },
        );

        assert_eq!((own.is_cancelled(), parent.is_cancelled()), (which == 0, which == 1));
        assert_eq!(told.recv_timeout(SOON), Ok("closed"));
    }
}

#[test]
fn waiting_for_a_slot_or_a_permit_is_ended_and_the_slot_is_not_lost() {
    type Change = fn(HttpAdapterBuilder) -> HttpAdapterBuilder;
    let changes: [Change; 2] = [|builder| builder, |builder| builder.pool_block(false).max_connections(1)];
    for change in changes {
        let (server, told) = stalling("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        let (adapter, session) = stubborn(change);
        let (held, cancel) = (session.get(server.url("/")).stream(true).send().unwrap(), Cancel::new());
        told.recv().unwrap();

        let error = cancelled(
            &cancel,
            || session.get(server.url("/")).cancel(&cancel).send(),
            || {
                wait_until("the queue", || adapter.stats()[0].waiting() == 1);
            },
        );

        assert!(error.is_connect(), "nothing was sent");
        assert!(error.to_string().contains("pool slot"), "{error}");
        assert_eq!((adapter.stats()[0].waiting(), server.accepted()), (0, 1));
        held.close();
        goes_on(&adapter, &session);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn connecting_is_ended() {
    let hole = BlackHole::new();
    let address = hole.address;
    for addresses in [1, 3] {
        for limit in [None, Some(LONG)] {
            let (tell, told) = mpsc::channel();
            let resolver = move |host: &str, _: u16| {
                if host == "127.0.0.1" {
                    return Err(io::Error::other("no name"));
                }
                tell.send(()).unwrap();
                Ok(vec![address; addresses])
            };
            let (adapter, session) = stubborn(|builder| builder.resolver(resolver));
            let cancel = Cancel::new();

            let get = session.get("http://hole.test/").cancel(&cancel).timeout(petition::Timeout::new().connect(limit));
            let error = cancelled(&cancel, || get.send(), || told.recv().unwrap());

            assert!(error.is_connect());
            goes_on(&adapter, &session);
        }
    }
}

// The caller is let go, the look-up goes on
#[test]
fn a_look_up_is_left_to_itself() {
    let gate = Gate::default();
    let (tell, told) = mpsc::channel();
    let held = gate.clone();
    let resolver = move |_: &str, _: u16| {
        tell.send("begun").unwrap();
        held.wait();
        tell.send("over").unwrap();
        Err(io::Error::other("late"))
    };
    let (adapter, session) = stubborn(|builder| builder.resolver(resolver));
    let cancel = Cancel::new();

    let get = session.get("http://slow.test/").cancel(&cancel);
    cancelled(&cancel, || get.send(), || assert_eq!(told.recv(), Ok("begun")));

    goes_on(&adapter, &session);
    gate.open();
    assert_eq!(told.recv_timeout(SOON), Ok("over"));
    assert_eq!(told.try_recv(), Err(mpsc::TryRecvError::Empty), "no retry");
}

/// A server that hears the beginning of whatever is said to it, and says nothing.
fn mute() -> (TestServer, mpsc::Receiver<()>) {
    let (tell, told) = mpsc::channel();
    let server = TestServer::connections(move |peer| {
        if !peer.read_some(1).is_empty() {
            tell.send(()).unwrap();
            peer.wait_for_close();
        }
    });
    (server, told)
}

#[cfg(feature = "native-tls")]
#[test]
fn a_tls_handshake_is_ended() {
    for backend in crate::support::backends() {
        let (server, told) = mute();
        let (adapter, session) = stubborn(|builder| builder.tls_backend(backend));
        let cancel = Cancel::new();

        let get = session.get(server.url("/").replace("http:", "https:")).verify(false).cancel(&cancel);
        let error = cancelled(&cancel, || get.send(), || told.recv().unwrap());

        assert!(error.is_connect());
        assert!(server.wait_for_open(0));
        goes_on(&adapter, &session);
    }
}

#[cfg(feature = "native-tls")]
#[test]
fn a_talk_with_a_proxy_is_ended() {
    let mut proxies = vec!["http:"];
    if cfg!(feature = "socks") {
        proxies.extend(["socks5h:", "socks4a:"]);
    }
    for scheme in proxies {
        let (server, told) = mute();
        let (adapter, session) = stubborn(|builder| builder);
        let cancel = Cancel::new();

        let proxy = server.url("").replace("http:", scheme);
        let get = session.get("https://a.test/").proxies([("https", proxy)]).cancel(&cancel);
        let error = cancelled(&cancel, || get.send(), || told.recv().unwrap());

        assert!(error.is_connect());
        assert!(server.wait_for_open(0));
        goes_on(&adapter, &session);
    }
}

/// A server with that script, and a session with one slot for it: in the plain, and over TLS for each backend.
fn each_way(script: impl Fn(&mut Peer) + Clone + Send + Sync + 'static) -> Vec<(TestServer, HttpAdapter, Session)> {
    let (adapter, plain) = stubborn(|builder| builder);
    let plain = (TestServer::connections(script.clone()), adapter, plain);
    #[cfg(feature = "native-tls")]
    let over_tls = crate::support::backends().into_iter().map(|backend| {
        let (adapter, mut session) = stubborn(|builder| builder.tls_backend(backend));
        session.verify = false.into();
        (crate::support::tls_server(&["localhost"], script.clone()), adapter, session)
    });
    #[cfg(not(feature = "native-tls"))]
    let over_tls = std::iter::empty();
    std::iter::once(plain).chain(over_tls).collect()
}

#[test]
fn sending_is_ended() {
    let gate = Gate::default();
    let (tell, told) = mpsc::channel();
    let held = gate.clone();
    let script = move |peer: &mut Peer| {
        if peer.read_head().is_some() {
            tell.send(()).unwrap();
            held.wait();
        }
    };
    let ways = each_way(script);
    for (server, adapter, session) in &ways {
        for body in [Body::from(vec![b'x'; 40 << 20]), Body::reader(io::repeat(b'x'))] {
            let cancel = Cancel::new();
            let put = session.put(server.url("/")).data(body).cancel(&cancel);

            let error = cancelled(&cancel, || put.send(), || told.recv().unwrap());

            assert!(!error.is_connect(), "something was sent");
            goes_on(adapter, session);
        }
        assert_eq!(server.accepted(), 2);
    }
    gate.open();
}

#[test]
fn waiting_for_the_head_and_the_body_is_ended_and_the_connection_is_closed() {
    for begin in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        "HTTP/1.1 200 OK\r\n\r\nab",
        "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 5\r\n\r\nab",
    ] {
        let (tell, told) = mpsc::channel();
        let script = move |peer: &mut Peer| {
            if peer.read_head().is_some() {
                peer.send(begin);
                tell.send(()).unwrap();
                peer.wait_for_close();
            }
        };
        for (server, adapter, session) in each_way(script) {
            for timeout in [None, Some(LONG)] {
                let cancel = Cancel::new();
                let get = session.get(server.url("/")).timeout(timeout).cancel(&cancel);

                let error = cancelled(&cancel, || get.send(), || told.recv().unwrap());

                assert!(!error.is_connect(), "{begin}");
                assert!(server.wait_for_open(0), "{begin}");
                goes_on(&adapter, &session);
            }
            assert_eq!(server.accepted(), 2, "never retried");
        }
    }
}

#[test]
fn waiting_for_leave_to_send_is_ended() {
    let (server, told) = stalling("");
    let (adapter, session) = stubborn(|builder| builder);
    let cancel = Cancel::new();

    let put = session.put(server.url("/")).data("data").expect_continue(LONG).cancel(&cancel);
    cancelled(
        &cancel,
        || put.send(),
        || {
            told.recv().unwrap();
        },
    );

    goes_on(&adapter, &session);
}

#[test]
fn a_streamed_response_that_is_read_later_is_ended() {
    type Way = fn(&mut Response) -> Result<()>;
    let ways: [Way; 4] = [
        |response| response.content().map(drop),
        |response| Ok(io::copy(response, &mut io::sink()).map(drop)?),
        |response| response.iter_content(100).try_for_each(|piece| piece.map(drop)),
        |response| response.copy_to(&mut io::sink()).map(drop),
    ];
    for read in ways {
        let (server, told) = stalling("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin");
        let (adapter, session) = stubborn(|builder| builder);
        let cancel = Cancel::new();
        let mut response = session.get(server.url("/")).stream(true).cancel(&cancel).send().unwrap();

        cancelled(&cancel, || read(&mut response), || assert_eq!(told.recv(), Ok("begun")));

        assert_eq!(told.recv_timeout(SOON), Ok("closed"));
        drop(response);
        goes_on(&adapter, &session);
    }
}

// It had come to its end: there is nothing to stop
#[test]
fn what_was_read_stays_and_its_connection_too() {
    let server = ok();
    let (adapter, session) = stubborn(|builder| builder);
    let cancel = Cancel::new();
    let streamed = session.get(server.url("/")).stream(true).cancel(&cancel).send().unwrap();
    assert_eq!(streamed.text().unwrap(), "ok");

    cancel.cancel();

    assert_eq!(streamed.text().unwrap(), "ok");
    assert_eq!(adapter.stats()[0].idle(), 1);
    assert!(session.get(server.url("/")).send().unwrap().exchange().reused);
}

#[test]
fn an_unread_response_is_closed_by_its_token_too() {
    let (server, told) = stalling("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin");
    let (adapter, session) = stubborn(|builder| builder);
    let cancel = Cancel::new();
    let response = session.get(server.url("/")).stream(true).cancel(&cancel).send().unwrap();
    assert_eq!(told.recv(), Ok("begun"));

    cancel.cancel();

    assert_eq!(told.recv_timeout(SOON), Ok("closed"));
    assert_eq!(response.content().unwrap_err().kind(), ErrorKind::Cancelled);
    goes_on(&adapter, &session);
}

#[test]
fn a_drain_is_ended() {
    let (server, told) = stalling("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin");
    let (adapter, session) = stubborn(|builder| builder.drain_timeout(LONG));
    let cancel = Cancel::new();
    let response = session.get(server.url("/")).stream(true).cancel(&cancel).send().unwrap();
    assert_eq!(told.recv(), Ok("begun"));

    let (begin, dropping) = (Arc::new(Barrier::new(2)), cancel.clone());
    let begun = Arc::clone(&begin);
    let dropper = thread::spawn(move || {
        begun.wait();
        timed(|| drop(response)).1
    });
    begin.wait();
    dropping.cancel();

    assert!(dropper.join().unwrap() < SOON);
    assert_eq!(told.recv_timeout(SOON), Ok("closed"));
    goes_on(&adapter, &session);
}

#[test]
fn the_sleep_of_a_retry_is_ended() {
    let server = TestServer::http(|_| Reply::new(503).header("Retry-After", 3600));
    let (adapter, session) = stubborn(|builder| {
        builder.max_retries(Retry::new().total(3).status_forcelist([503]).respect_retry_after_header(true))
    });
    let cancel = Cancel::new();
    let get = session.get(server.url("/")).cancel(&cancel);
    cancelled(&cancel, || get.send(), || assert!(server.wait_for_requests(1)));
    assert_eq!(server.requests().len(), 1);

    // After a failure, too.
    let (adapter, session) = {
        goes_on(&adapter, &session);
        stubborn(|builder| builder.max_retries(Retry::new().total(3).backoff_factor(60)))
    };
    let (cancel, tries) = (Cancel::new(), Arc::new(AtomicUsize::new(0)));
    let (tell, told) = mpsc::channel();
    let closed = bare(move |_| {
        tries.fetch_add(1, Ordering::SeqCst);
        tell.send(()).unwrap();
    });
    let get = session.get(&closed).cancel(&cancel);
    cancelled(
        &cancel,
        || get.send(),
        || {
            told.recv().unwrap();
            told.recv().unwrap(); // the first retry comes at once
        },
    );
    goes_on(&adapter, &session);
}

// Sixteen workers on a session, and a handler that cancels
#[test]
fn sixteen_workers_are_back_within_100_ms() {
    const WORKERS: usize = 16;
    let tries = (0..10).map(|_| {
        let (tell, told) = mpsc::channel();
        // Four hang in a head, four in a body, four in an upload, four wait for a slot.
        let server = bare(move |stream| {
            let head = read_head(stream).unwrap_or_default();
            if head.contains("/body") {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").unwrap();
            }
            tell.send(()).unwrap();
            hold(stream);
        });
        let adapter = HttpAdapter::builder().pool_maxsize(12).pool_block(true).build();
        let mut session = session_over(&adapter);
        let cancel = Cancel::new();
        session.cancel = Some(cancel.clone());
        thread::scope(|scope| {
            let workers: Vec<_> = (0..WORKERS)
                .map(|worker| {
                    let (session, server) = (&session, &server);
                    let send = move |request: RequestBuilder<'_>| {
                        let error = request.send().unwrap_err();
                        (error.kind(), Instant::now())
                    };
                    scope.spawn(move || match worker % 4 {
                        0 => send(session.get(format!("{server}body"))),
                        1 => send(session.post(server).data(vec![b'x'; 40 << 20])),
                        _ => send(session.get(server)),
                    })
                })
                .collect();
            for _ in 0..12 {
                told.recv_timeout(LONG).unwrap();
            }
            wait_until("the queue", || adapter.stats()[0].waiting() == 4);
            let begin = Instant::now();
            cancel.cancel();
            let ends: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
            assert!(ends.iter().all(|(kind, _)| *kind == ErrorKind::Cancelled));
            let stats = &adapter.stats()[0];
            assert_eq!((stats.in_use(), stats.waiting(), stats.idle()), (0, 0, 0));
            ends.iter().map(|(_, at)| at.saturating_duration_since(begin)).max().unwrap()
        })
    });

    // A machine that is busy may take longer now and then; waits that are not stopped never end that soon.
    let took: Vec<_> = tries
        .scan(false, |done, took| {
            let go_on = !*done;
            *done = took <= millis(100);
            go_on.then_some(took)
        })
        .collect();
    assert!(took.iter().any(|took| *took <= millis(100)), "{took:?}");
}

// Whatever the moment, a connection that was stopped serves nobody else
#[test]
fn a_request_that_is_cancelled_just_as_it_ends_breaks_no_other() {
    let server = ok();
    let session = session_over(HttpAdapter::builder().pool_maxsize(1).pool_block(true).build());
    for round in 0..500 {
        let cancel = Cancel::new();
        let stop = cancel.clone();
        let stopper = thread::spawn(move || {
            for _ in 0..round * 20 {
                std::hint::spin_loop();
            }
            stop.cancel();
        });

        let cut = session.get(server.url("/")).cancel(&cancel).send();
        let next = session.post(server.url("/")).send();

        assert!(cut.is_ok() || cut.is_err_and(|error| error.is_cancelled()));
        assert_eq!(next.unwrap().text().unwrap(), "ok", "{round}");
        stopper.join().unwrap();
    }
}

#[test]
fn close_from_another_thread_ends_a_read_and_does_not_wait() {
    for (server, adapter, session) in each_way(|peer: &mut Peer| {
        if peer.read_head().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin");
            peer.wait_for_close();
        }
    }) {
        let mut response = session.get(server.url("/")).stream(true).send().unwrap();
        response.read_exact(&mut [0; 5]).unwrap();
        let closer = response.clone();

        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let read = response.read(&mut [0; 5]);
                Error::from(read.unwrap_err())
            });
            let ((), took) = timed(|| closer.close());
            assert!(took < SOON, "{took:?}");
            assert_eq!(reader.join().unwrap().kind(), ErrorKind::StreamConsumed);
        });

        assert!(server.wait_for_open(0));
        closer.close();
        goes_on(&adapter, &session);
    }
}

#[test]
fn close_ends_content_in_another_thread() {
    let (server, told) = stalling("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin");
    let session = session();
    let response = session.get(server.url("/")).stream(true).send().unwrap();
    assert_eq!(told.recv(), Ok("begun"));

    thread::scope(|scope| {
        let reader = scope.spawn(|| response.content().map(<[u8]>::len));
        response.close();
        assert_eq!(reader.join().unwrap().unwrap_err().kind(), ErrorKind::StreamConsumed);
    });

    assert_eq!(told.recv_timeout(SOON), Ok("closed"));
}

// A token is for whatever a program waits for
#[test]
fn adapters_and_bodies_of_ones_own_are_told() {
    let (mut own, cancel) = (session(), Cancel::new());
    own.mount("mock://", |_: &mut petition::PreparedRequest, options: &petition::SendOptions| {
        let token = options.cancel.clone().expect("the request has one");
        assert!(!token.sleep(LONG), "the sleep is cut short");
        Err(Error::new(ErrorKind::Cancelled, "stopped"))
    });

    let (sent, took) = thread::scope(|scope| {
        let sending = scope.spawn(|| timed(|| own.get("mock://x").cancel(&cancel).send()));
        cancel.cancel();
        sending.join().unwrap()
    });

    assert!(sent.unwrap_err().is_cancelled() && took < SOON);
}

// The adapter's own clock sleeps a slice at a time, so that its sleeps end too
#[test]
fn a_failure_to_connect_is_not_tried_again_once_cancelled() {
    let dead = refusing();
    let cancel = Cancel::new();
    let stop = cancel.clone();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let resolver = move |_: &str, _: u16| {
        if count.fetch_add(1, Ordering::SeqCst) == 2 {
            stop.cancel();
        }
        Ok(vec![dead])
    };
    let (_, session) = stubborn(|builder| builder.resolver(resolver));

    let error = session.get("http://a.test/").cancel(&cancel).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[test]
fn a_cancelled_hop_of_a_redirect_is_the_last() {
    let cancel = Cancel::new();
    let stop = cancel.clone();
    let server = TestServer::http(move |request| {
        if request.target == "/2" {
            stop.cancel();
        }
        let next = request.target[1..].parse::<u32>().unwrap() + 1;
        Reply::new(302).header("Location", format!("/{next}"))
    });
    let session = session_over(everywhere(&server).build());

    let error = session.get("http://a.test/0").cancel(&cancel).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert_eq!(server.requests().len(), 3);
    assert!(answer("").starts_with("HTTP"));
}
