//! What a pool tells as it happens: which events, in which order, and that a listener that panics does no harm.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use petition::testing::{FakeClock, Reply, TestServer};
use petition::{
    Adapter, AdaptiveLimit, Clock, DiscardReason, HttpAdapter, HttpAdapterBuilder, PoolEvent, PoolStats, RateLimit,
    Response, Retry, Session, WaitReason,
};

use crate::support::{millis, secs, session_over, wait_until};

/// More than an answer takes that comes at all.
const SOON: Duration = Duration::from_secs(10);

/// Answers as its path says.
fn server() -> TestServer {
    let (busy, dies) = (AtomicBool::new(true), AtomicBool::new(true));
    TestServer::http(move |request| match request.target.as_str() {
        "/last" => Reply::new(200).header("Connection", "close").body("the last"),
        "/closes" => Reply::new(200).body("says nothing of it").then_close(),
        "/garbage" => Reply::raw("what is this").then_close(),
        "/broken" => Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nless").then_close(),
        // Without an answer.
        "/dies" if dies.swap(false, SeqCst) => Reply::raw("").then_close(),
        "/busy" if busy.swap(false, SeqCst) => Reply::new(503),
        _ => Reply::new(200).body("hello"),
    })
}

/// What was told, without host and port: the port of a test server is chance.
fn told(events: &Mutex<Vec<String>>) -> Vec<String> {
    let lines = std::mem::take(&mut *events.lock().unwrap());
    lines.into_iter().map(|line| line.split_once(": ").unwrap().1.to_owned()).collect()
}

/// An adapter that keeps what it tells.
fn listening(builder: HttpAdapterBuilder) -> (HttpAdapter, Arc<Mutex<Vec<String>>>) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&events);
    let adapter = builder.on_event(move |event| kept.lock().unwrap().push(event.to_string())).clock(FakeClock::new());
    (adapter.build(), events)
}

fn get(session: &Session, server: &TestServer, path: &str) -> String {
    session.get(server.url(path)).send().unwrap().text().unwrap()
}

fn held(session: &Session, server: &TestServer) -> Response {
    session.get(server.url("/held")).stream(true).send().unwrap()
}

#[test]
fn a_connection_is_made_recycled_reused_and_discarded() {
    let server = server();
    let (adapter, events) = listening(HttpAdapter::builder());
    let session = session_over(&adapter);

    get(&session, &server, "/");
    get(&session, &server, "/");
    get(&session, &server, "/last");
    get(&session, &server, "/");
    session.close();

    assert_eq!(
        told(&events),
        [
            "connection 1 made in 0.0ns",
            "connection 1 recycled",
            "connection 1 reused",
            "connection 1 recycled",
            "connection 1 reused",
            "connection 1 discarded (not reusable)",
            "connection 2 made in 0.0ns, in place of a closed one",
            "connection 2 recycled",
            "connection 2 discarded (pool closed)",
        ]
    );
}

#[test]
fn numbers_go_over_all_hosts_of_an_adapter_and_an_evicted_pool_is_told_of() {
    let (a, b) = (server(), server());
    let (adapter, events) = listening(HttpAdapter::builder().pool_connections(1));
    let session = session_over(&adapter);

    get(&session, &a, "/");
    get(&session, &b, "/");

    assert_eq!(
        told(&events),
        [
            "connection 1 made in 0.0ns",
            "connection 1 recycled",
            "pool evicted",
            "connection 1 discarded (pool closed)",
            "connection 2 made in 0.0ns",
            "connection 2 recycled",
        ]
    );
}

#[test]
fn a_connection_that_the_server_closed_was_dropped() {
    let server = server();
    let (adapter, events) = listening(HttpAdapter::builder());
    let session = session_over(&adapter);

    get(&session, &server, "/closes");
    assert!(server.wait_for_open(0));
    get(&session, &server, "/");

    assert_eq!(
        told(&events),
        [
            "connection 1 made in 0.0ns",
            "connection 1 recycled",
            "connection 1 dropped by the server",
            "connection 2 made in 0.0ns, in place of a closed one",
            "connection 2 recycled",
        ]
    );
}

#[test]
fn a_full_pool_and_a_broken_exchange_discard() {
    let server = server();
    let (adapter, events) = listening(HttpAdapter::builder().pool_maxsize(1));
    let session = session_over(&adapter);

    let two = [held(&session, &server), held(&session, &server)];
    two.into_iter().for_each(|response| assert!(response.content().is_ok()));
    assert!(session.get(server.url("/broken")).send().is_err());

    assert_eq!(
        told(&events),
        [
            "connection 1 made in 0.0ns",
            "connection 2 made in 0.0ns",
            "connection 1 recycled",
            "connection 2 recycled",
            "connection 2 discarded (pool full)",
            "connection 1 reused",
            "connection 1 discarded (not reusable)",
        ]
    );
}

#[test]
fn a_retry_is_told_of_with_its_delay_and_the_attempts_so_far() {
    let server = server();
    let retry = Retry::new().total(3).status_forcelist([503]).backoff_factor(2.0);
    let (adapter, events) = listening(HttpAdapter::builder().max_retries(retry));

    get(&session_over(&adapter), &server, "/busy");

    assert_eq!(
        told(&events),
        [
            "connection 1 made in 0.0ns",
            "connection 1 recycled",
            "retry in 0.0ns after 1 attempt",
            "connection 1 reused",
            "connection 1 recycled",
        ]
    );
}

#[test]
fn a_pause_of_the_origin_is_told_of() {
    let server = TestServer::http(|_| Reply::new(429).header("Retry-After", "7"));
    let (adapter, events) = listening(HttpAdapter::builder().pause_on_retry_after(true));

    assert_eq!(session_over(&adapter).get(server.url("/")).send().unwrap().status_code(), 429);

    assert_eq!(told(&events), ["connection 1 made in 0.0ns", "paused for 7.0s", "connection 1 recycled"]);
}

#[test]
fn who_waits_is_told_once_until_the_wait_is_over() {
    for builder in [HttpAdapter::builder().pool_maxsize(1).pool_block(true), HttpAdapter::builder().max_connections(1)]
    {
        let server = server();
        let events = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&events);
        let told_of = move |event: &PoolEvent<'_>| match event {
            PoolEvent::Waiting { .. } => kept.lock().unwrap().push("waiting"),
            PoolEvent::Waited { elapsed, .. } => {
                assert!(!elapsed.is_zero());
                kept.lock().unwrap().push("waited");
            }
            PoolEvent::Reused { connection: 1, .. } => kept.lock().unwrap().push("reused"),
            _ => {}
        };
        let adapter = builder.pool_timeout(secs(30.0)).on_event(told_of).build();
        let session = session_over(&adapter);

        let holder = held(&session, &server);
        let late = session.get(server.url("/")).timeout(petition::Timeout::new().pool(millis(1))).send();
        assert!(late.is_err());
        assert_eq!(std::mem::take(&mut *events.lock().unwrap()), ["waiting", "waited"]);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| get(&session, &server, "/"));
            wait_until("one waits", || *events.lock().unwrap() == ["waiting"]);
            holder.content().unwrap();
            waiter.join().unwrap();
        });

        assert_eq!(*events.lock().unwrap(), ["waiting", "waited", "reused"]);
    }
}

/// What is told of waits, and of connections, of a thread that waits for a pace.
#[test]
fn who_waits_for_a_pace_is_told_as_one_that_waits_once_and_with_the_reason() {
    let refuses = || TestServer::http(|_| Reply::new(429).header("Retry-After", "7"));
    for (builder, server, what) in [
        (HttpAdapter::builder().rate_limit(RateLimit::every(7)), server(), "waiting for the rate limit"),
        (HttpAdapter::builder().pause_on_retry_after(true), refuses(), "waiting for the end of a pause"),
    ] {
        let (adapter, events) = listening(builder);
        let session = session_over(&adapter);
        get(&session, &server, "/");
        told(&events);

        get(&session, &server, "/");

        let events = told(&events);
        assert_eq!(events[0], what);
        assert!(events[1].starts_with("waited ") && events[1].ends_with(" for a connection"), "{events:?}");
        let paused = if what.contains("pause") { &["paused for 7.0s"][..] } else { &[] };
        assert_eq!(events[2..], [&["connection 1 reused"][..], paused, &["connection 1 recycled"]].concat());
    }
}

#[test]
fn a_wait_for_a_pace_that_ends_early_is_told_as_over() {
    let server = server();
    let (adapter, events) = listening(HttpAdapter::builder().rate_limit(RateLimit::every(7)));
    let session = session_over(&adapter);
    get(&session, &server, "/");
    told(&events);

    assert!(session.get(server.url("/")).timeout(petition::Timeout::new().pool(1)).send().is_err());
    let ended = told(&events);
    assert_eq!(ended.len(), 2, "{ended:?}");
    assert!(ended[0] == "waiting for the rate limit" && ended[1].starts_with("waited "), "{ended:?}");

    let cancel = petition::Cancel::new();
    cancel.cancel();
    assert!(session.get(server.url("/")).cancel(&cancel).send().is_err());
    assert_eq!(told(&events), [""; 0], "it did not wait");
}

/// A pause that begins while somebody waits for a slot: one wait, and of the connection nothing until it is used.
#[test]
fn a_connection_that_a_pause_takes_back_is_not_told_of() {
    let server = TestServer::http(|_| Reply::new(429).header("Retry-After", "7").body("no"));
    let builder = HttpAdapter::builder().pool_maxsize(1).pool_block(true).pause_on_retry_after(true);
    let (adapter, events) = listening(builder);
    let session = session_over(&adapter);
    let lock = adapter.clone();

    // The head of the answer begins the pause, and the body keeps the slot.
    let holder = held(&session, &server);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| get(&session, &server, "/"));
        wait_until("it waits", || lock.stats()[0].waiting() == 1 || waiter.is_finished());
        holder.content().unwrap();
        waiter.join().unwrap();
    });

    let events = told(&events);
    let count = |what: &str| events.iter().filter(|event| event.contains(what)).count();
    assert_eq!((count("waiting for"), count("waited"), count("reused"), count("recycled")), (1, 1, 1, 2), "{events:?}");
    assert_eq!(adapter.stats()[0].num_connections(), 1);
}

/// Who holds a response keeps the pool that it came from, and whoever listens to it.
#[test]
fn the_end_of_a_connection_is_told_of_after_its_session_is_gone() {
    let server = server();
    for read in [true, false] {
        let (adapter, events) = listening(HttpAdapter::builder());
        let session = session_over(&adapter);
        get(&session, &server, "/");
        let (one, other) = (held(&session, &server), held(&session, &server));
        drop((session, adapter));
        if read {
            assert_eq!(one.text().unwrap(), "hello");
        }
        drop(one);
        other.close();

        let events = told(&events);
        assert_eq!(events[..2], ["connection 1 made in 0.0ns", "connection 1 recycled"]);
        assert_eq!(events[2..4], ["connection 1 reused", "connection 2 made in 0.0ns"]);
        for connection in 1..=2 {
            let own = format!("connection {connection} ");
            let last = events.iter().rev().find(|event| event.starts_with(&own)).unwrap();
            assert!(last.contains("discarded"), "{events:?}");
            assert_eq!(events.iter().filter(|event| event.contains(&own) && event.contains("discarded")).count(), 1);
        }
        assert!(server.wait_for_open(0));
    }
}

#[test]
fn a_listener_may_use_the_adapter_as_no_lock_is_held() {
    let server = server();
    let own: Arc<OnceLock<HttpAdapter>> = Arc::default();
    let (adapter, calls) = (Arc::clone(&own), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&calls);
    let looks = move |_: &PoolEvent<'_>| {
        let adapter = adapter.get().expect("set before the first request");
        counted.fetch_add(adapter.stats().len().max(1), SeqCst);
        adapter.close_idle(secs(3600.0));
    };
    let builder = HttpAdapter::builder().pool_maxsize(1).pool_block(true).pool_connections(1).max_connections(2);
    own.set(builder.on_event(looks).build()).unwrap();
    let session = session_over(own.get().unwrap());
    let other = self::server();

    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for path in ["/", "/last", "/", "/closes"] {
                    get(&session, &server, path);
                    get(&session, &other, path);
                }
            });
        }
    });
    session.close();

    assert!(calls.load(SeqCst) > 64);
}

// ---- requests of the listener

/// What a listener that sends a request in answer to the end of a connection is tried with: how the adapter is built, and what
/// ends a connection of the first server.
type Answered = (&'static str, Build, fn(&Answering));

type Build = fn(HttpAdapterBuilder) -> HttpAdapterBuilder;

struct Answering {
    session: Session,
    adapter: HttpAdapter,
    clock: FakeClock,
    servers: [TestServer; 2],
}

impl Answering {
    fn get(&self, server: usize, path: &str) {
        get(&self.session, &self.servers[server], path);
    }
}

const ANSWERED: [Answered; 17] = [
    (
        "close_idle",
        |b| b,
        |stage| {
            stage.get(0, "/");
            assert_eq!(stage.adapter.close_idle(0), 1);
        },
    ),
    ("close_idle, at a bound", bounded, |stage| {
        stage.get(0, "/");
        assert_eq!(stage.adapter.close_idle(0), 1);
    }),
    (
        "close",
        |b| b,
        |stage| {
            stage.get(0, "/");
            stage.session.close();
        },
    ),
    ("close, at a bound", bounded, |stage| {
        stage.get(0, "/");
        stage.session.close();
    }),
    (
        "close of several",
        |b| b.pool_maxsize(3).pool_block(true),
        |stage| {
            let three = [(); 3].map(|()| held(&stage.session, &stage.servers[0]));
            three.into_iter().for_each(|response| assert!(response.content().is_ok()));
            stage.session.close();
        },
    ),
    (
        "evicted",
        |b| b.pool_connections(1),
        |stage| {
            stage.get(0, "/");
            stage.get(1, "/");
        },
    ),
    (
        "reaped",
        |b| b.idle_timeout(60).reap_idle(true).pool_maxsize(1).pool_block(true),
        |stage| {
            stage.get(0, "/");
            stage.clock.advance(61);
        },
    ),
    (
        "expired, as another host is asked",
        |b| b.idle_timeout(60),
        |stage| {
            stage.get(0, "/");
            stage.clock.sleep(secs(61.0));
            stage.get(1, "/");
        },
    ),
    (
        "dropped by the server, as another host is asked",
        |b| b,
        |stage| {
            stage.get(0, "/closes");
            assert!(stage.servers[0].wait_for_open(0));
            stage.clock.sleep(secs(1.0));
            stage.get(1, "/");
        },
    ),
    (
        "expired, as it is wanted",
        |b| b.idle_timeout(60),
        |stage| {
            stage.get(0, "/");
            stage.clock.sleep(secs(61.0));
            stage.get(0, "/");
        },
    ),
    ("failed", |b| b.pool_maxsize(1).pool_block(true), fails),
    ("failed, at a bound", bounded, fails),
    ("failed, under a learnt limit", |b| b.pool_block(true).adaptive_limit(AdaptiveLimit::between(1, 1)), fails),
    ("not reusable, at a bound", bounded, |stage| stage.get(0, "/last")),
    (
        "not reusable, under a learnt limit",
        |b| b.pool_block(true).adaptive_limit(AdaptiveLimit::between(1, 1)),
        |stage| stage.get(0, "/last"),
    ),
    ("closed in flight, at a bound", bounded, |stage| {
        let response = held(&stage.session, &stage.servers[0]);
        stage.session.close();
        response.content().unwrap();
    }),
    (
        "full",
        |b| b.pool_maxsize(1).max_connections(2),
        |stage| {
            let [first, second] = [(); 2].map(|()| held(&stage.session, &stage.servers[0]));
            first.content().unwrap();
            second.content().unwrap();
        },
    ),
];

/// One connection, of one host and over all of them.
fn bounded(builder: HttpAdapterBuilder) -> HttpAdapterBuilder {
    builder.pool_maxsize(1).pool_block(true).max_connections(1)
}

fn fails(stage: &Answering) {
    assert!(stage.session.get(stage.servers[0].url("/garbage")).send().is_err());
}

// It waited for itself, for ever, as what the connection had held was given back only when it returned
#[test]
fn a_listener_may_send_a_request_in_answer_to_the_end_of_a_connection() {
    for (what, build, act) in ANSWERED {
        let (clock, own, is_first) = (FakeClock::new(), Arc::<OnceLock<Session>>::default(), AtomicBool::new(true));
        let (servers, (tell, told)) = ([server(), server()], mpsc::channel());
        let (asks, url) = (Arc::clone(&own), servers[0].url("/in-answer"));
        let answers = move |event: &PoolEvent<'_>| {
            let is_end = matches!(event, PoolEvent::Discarded { .. } | PoolEvent::Dropped { .. });
            if is_end && is_first.swap(false, SeqCst) {
                let session = asks.get().expect("set before the first request");
                tell.send(session.get(&url).send().and_then(|response| response.text())).unwrap();
            }
        };
        let adapter = build(HttpAdapter::builder().clock(clock.clone())).on_event(answers).build();
        own.set(session_over(&adapter)).unwrap();
        let stage = Answering { session: session_over(&adapter), adapter, clock, servers };
        let (ended, end) = mpsc::channel();

        // On a thread of its own, which a failure leaves behind.
        thread::spawn(move || {
            act(&stage);
            ended.send(stage).unwrap();
        });

        let answer = told.recv_timeout(SOON).unwrap_or_else(|_| panic!("{what}: it waits for itself"));
        assert_eq!(answer.unwrap(), "hello", "{what}");
        let stage = end.recv_timeout(SOON).unwrap_or_else(|_| panic!("{what}: it does not end"));
        assert!(stage.adapter.stats().iter().all(|stats| stats.in_use() == 0 && stats.waiting() == 0), "{what}");
    }
}

/// What is told while its thread has what a request of the listener would need: the event, how the adapter is built, and what
/// leads to it.
const HELD: [Answered; 5] = [
    ("reused", bounded, |stage| [(); 2].iter().for_each(|()| stage.get(0, "/"))),
    (
        "waiting for the rate limit",
        |b| b.rate_limit(RateLimit::every(7)),
        |stage| {
            [(); 2].iter().for_each(|()| stage.get(0, "/"));
        },
    ),
    // The end of a connection, too, if its thread goes on with its place.
    (
        "discarded (expired)",
        |b| bounded(b).idle_timeout(60),
        |stage| {
            stage.get(0, "/");
            stage.clock.sleep(secs(61.0));
            stage.get(0, "/");
        },
    ),
    ("dropped by the server", bounded, |stage| {
        stage.get(0, "/closes");
        assert!(stage.servers[0].wait_for_open(0));
        stage.get(0, "/");
    }),
    ("dropped by the server", bounded, |stage| {
        stage.get(0, "/");
        stage.get(0, "/dies");
        assert_eq!(stage.adapter.stats()[0].replayed(), 1);
    }),
];

// It cannot have what its own thread has, but it can say how long it waits
#[test]
fn a_request_of_the_listener_that_waits_for_its_own_thread_ends_with_the_limit_on_that() {
    for (tells_of, build, act) in HELD {
        let (clock, own, is_first) = (FakeClock::new(), Arc::<OnceLock<Session>>::default(), AtomicBool::new(true));
        let (servers, (tell, told)) = ([server(), server()], mpsc::channel());
        let (asks, url) = (Arc::clone(&own), servers[0].url("/in-answer"));
        let asked = move |event: &PoolEvent<'_>| {
            if event.to_string().contains(tells_of) && is_first.swap(false, SeqCst) {
                let request = asks.get().expect("set before the first request").get(&url);
                let late = request.timeout(petition::Timeout::new().pool(millis(50))).send().map(drop);
                tell.send(late.map_err(|error| error.kind())).unwrap();
            }
        };
        let adapter = build(HttpAdapter::builder().clock(clock.clone())).on_event(asked).build();
        own.set(session_over(&adapter)).unwrap();
        let stage = Answering { session: session_over(&adapter), adapter, clock, servers };

        // On a thread of its own, which a failure leaves behind.
        let acts = thread::spawn(move || {
            act(&stage);
            stage
        });

        assert_eq!(told.recv_timeout(SOON).unwrap(), Err(petition::ErrorKind::PoolTimeout), "{tells_of}");
        let stage = acts.join().unwrap();
        assert!(stage.adapter.stats().iter().all(|stats| stats.in_use() == 0 && stats.waiting() == 0), "{tells_of}");
    }
}

// ---- in order

/// Where a connection is, by its events.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    InUse,
    Idle,
    Closed,
}

#[test]
fn the_events_of_each_connection_come_in_order_whatever_threads_do() {
    let servers: [TestServer; 3] = std::array::from_fn(|_| server());
    let states: Arc<Mutex<HashMap<u64, State>>> = Arc::default();
    let open: Arc<Mutex<HashMap<u16, usize>>> = Arc::default();
    let (known, counted) = (Arc::clone(&states), Arc::clone(&open));
    let checks = move |event: &PoolEvent<'_>| {
        let Some(connection) = event.connection() else { return };
        let mut states = known.lock().unwrap();
        let before = states.get(&connection).copied();
        let after = match (before, event) {
            (None, PoolEvent::Connected { .. }) | (Some(State::Idle), PoolEvent::Reused { .. }) => State::InUse,
            (Some(State::InUse), PoolEvent::Recycled { .. }) => State::Idle,
            (Some(State::InUse | State::Idle), PoolEvent::Discarded { .. } | PoolEvent::Dropped { .. }) => {
                State::Closed
            }
            _ => panic!("{event} after {before:?}"),
        };
        states.insert(connection, after);
        let mut open = counted.lock().unwrap();
        let now = open.entry(event.endpoint().1).or_default();
        match after {
            State::InUse if before.is_none() => *now += 1,
            State::Closed => *now -= 1,
            _ => {}
        }
    };
    let builder = HttpAdapter::builder().pool_connections(2).pool_maxsize(2).pool_block(true).max_connections(5);
    let adapter = builder.on_event(checks).build();
    let session = session_over(&adapter);

    thread::scope(|scope| {
        for seed in 0..16 {
            let (session, servers, adapter) = (&session, &servers, &adapter);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed);
                for _ in 0..40 {
                    let server = &servers[random.usize(0..3)];
                    match random.u8(0..16) {
                        0 => drop(get(session, server, "/last")),
                        1 => drop(get(session, server, "/closes")),
                        2 => assert!(session.get(server.url("/broken")).send().is_err()),
                        3 => session.close(),
                        4 => drop(adapter.close_idle(0)),
                        5 => held(session, server).close(),
                        _ => drop(get(session, server, "/")),
                    }
                }
            });
        }
    });
    session.close();

    let states = states.lock().unwrap();
    assert!(states.len() > 16 && states.values().all(|state| *state == State::Closed), "{states:?}");
    assert!((1..=states.len() as u64).all(|number| states.contains_key(&number)), "numbered from 1, without a gap");
    let open = open.lock().unwrap();
    // In between it may be one more than there are, as an end is told when its place is free.
    assert!(open.len() == servers.len() && open.values().all(|now| *now == 0), "{open:?}");
}

// ---- panics

/// What a listener that panics is tried with.
struct Stage {
    session: Session,
    adapter: HttpAdapter,
    clock: FakeClock,
    servers: [TestServer; 2],
    panics: Arc<AtomicUsize>,
}

impl Stage {
    /// Runs `act`, in which the listener has to panic with what its caller gets.
    fn panics<R>(&self, act: impl FnOnce() -> R) {
        let before = self.panics.load(SeqCst);
        let ended = catch_unwind(AssertUnwindSafe(act));
        let payload = ended.err().expect("the panic reaches the caller");
        assert_eq!(payload.downcast_ref(), Some(&"told"));
        assert_eq!(self.panics.load(SeqCst), before + 1);
    }

    fn get(&self, server: usize, path: &str) {
        get(&self.session, &self.servers[server], path);
    }

    fn waiting(&self) -> usize {
        self.adapter.stats().iter().map(PoolStats::waiting).sum()
    }

    /// One thread waits for another that holds the only connection; the listener panics in the waiter.
    fn waits(&self, server: usize) {
        let holder = held(&self.session, &self.servers[0]);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| self.panics(|| self.get(server, "/")));
            wait_until("it waits, or is done", || self.waiting() == 1 || waiter.is_finished());
            holder.content().unwrap();
            waiter.join().unwrap();
        });
    }
}

type Scenario = (&'static str, fn(&PoolEvent<'_>) -> bool, fn(HttpAdapterBuilder) -> HttpAdapterBuilder, fn(&Stage));

fn discarded_for(event: &PoolEvent<'_>, why: DiscardReason) -> bool {
    matches!(event, PoolEvent::Discarded { reason, .. } if *reason == why)
}

const SCENARIOS: [Scenario; 27] = [
    (
        "waiting for a rate",
        |e| matches!(e, PoolEvent::Waiting { reason: WaitReason::RateLimit, .. }),
        |b| b.rate_limit(RateLimit::every(7)),
        |stage| {
            stage.get(0, "/");
            stage.panics(|| stage.get(0, "/"));
        },
    ),
    (
        "waited for a rate",
        |e| matches!(e, PoolEvent::Waited { .. }),
        |b| b.rate_limit(RateLimit::every(7)),
        |stage| {
            stage.get(0, "/");
            stage.panics(|| stage.get(0, "/"));
        },
    ),
    (
        "waiting behind another, under a learnt limit",
        |e| matches!(e, PoolEvent::Waiting { reason: WaitReason::AdaptiveLimit, .. }),
        |b| b.adaptive_limit(AdaptiveLimit::between(1, 1)),
        |stage| stage.waits(0),
    ),
    (
        "paused",
        |e| matches!(e, PoolEvent::Paused { .. }),
        |b| b.pause_on_retry_after(true),
        |stage| {
            let refuses = TestServer::http(|_| Reply::new(429).header("Retry-After", "7"));
            stage.panics(|| stage.session.get(refuses.url("/")).send());
        },
    ),
    ("waiting for a slot", |e| matches!(e, PoolEvent::Waiting { .. }), |b| b, |stage| stage.waits(0)),
    ("waited for a slot", |e| matches!(e, PoolEvent::Waited { .. }), |b| b, |stage| stage.waits(0)),
    ("reused after a wait", |e| matches!(e, PoolEvent::Reused { .. }), |b| b, |stage| stage.waits(0)),
    (
        "waiting for a permit",
        |e| matches!(e, PoolEvent::Waiting { .. }),
        |b| b.max_connections(1),
        |stage| stage.waits(1),
    ),
    (
        "waited for a permit",
        |e| matches!(e, PoolEvent::Waited { .. }),
        |b| b.max_connections(1),
        |stage| stage.waits(1),
    ),
    (
        "waited for a permit and was handed a connection",
        |e| matches!(e, PoolEvent::Waited { .. }),
        |b| b.pool_block(false).max_connections(1),
        |stage| stage.waits(0),
    ),
    (
        "waited in vain",
        |e| matches!(e, PoolEvent::Waited { .. }),
        |b| b.pool_timeout(millis(1)),
        |stage| {
            let holder = held(&stage.session, &stage.servers[0]);
            stage.panics(|| stage.get(0, "/"));
            holder.content().unwrap();
        },
    ),
    ("connected", |e| matches!(e, PoolEvent::Connected { .. }), |b| b, |stage| stage.panics(|| stage.get(0, "/"))),
    (
        "reused",
        |e| matches!(e, PoolEvent::Reused { .. }),
        |b| b,
        |stage| {
            stage.get(0, "/");
            stage.panics(|| stage.get(0, "/"));
        },
    ),
    ("recycled", |e| matches!(e, PoolEvent::Recycled { .. }), |b| b, |stage| stage.panics(|| stage.get(0, "/"))),
    (
        "recycled by a drop",
        |e| matches!(e, PoolEvent::Recycled { .. }),
        |b| b,
        |stage| {
            let response = held(&stage.session, &stage.servers[0]);
            stage.panics(|| drop(response));
        },
    ),
    (
        "not reusable",
        |e| discarded_for(e, DiscardReason::NotReusable),
        |b| b,
        |stage| stage.panics(|| stage.get(0, "/last")),
    ),
    (
        "failed",
        |e| discarded_for(e, DiscardReason::Failed),
        |b| b,
        |stage| {
            let garbage = TestServer::connections(|peer| {
                let _ = peer.read_request();
                peer.send("what is this");
            });
            stage.panics(|| stage.session.get(garbage.url("/")).send());
        },
    ),
    (
        "full",
        |e| discarded_for(e, DiscardReason::Full),
        |b| b.pool_block(false),
        |stage| {
            let two = [0, 0].map(|server| held(&stage.session, &stage.servers[server]));
            let [first, second] = two;
            first.content().unwrap();
            stage.panics(|| second.content());
        },
    ),
    (
        "expired when it was wanted",
        |e| discarded_for(e, DiscardReason::Expired),
        |b| b.idle_timeout(10),
        |stage| {
            stage.get(0, "/");
            stage.clock.sleep(secs(11.0));
            stage.panics(|| stage.get(0, "/"));
        },
    ),
    (
        "expired in another pool",
        |e| discarded_for(e, DiscardReason::Expired),
        |b| b.idle_timeout(10),
        |stage| {
            stage.get(0, "/");
            stage.clock.sleep(secs(11.0));
            stage.panics(|| stage.get(1, "/"));
        },
    ),
    (
        "closed",
        |e| discarded_for(e, DiscardReason::PoolClosed),
        |b| b,
        |stage| {
            stage.get(0, "/");
            stage.get(1, "/");
            stage.panics(|| stage.adapter.close());
        },
    ),
    (
        "closed in flight",
        |e| discarded_for(e, DiscardReason::PoolClosed),
        |b| b,
        |stage| {
            let response = held(&stage.session, &stage.servers[0]);
            stage.adapter.close();
            stage.panics(|| response.content());
        },
    ),
    (
        "close_idle",
        |e| discarded_for(e, DiscardReason::CloseIdle),
        |b| b,
        |stage| {
            stage.get(0, "/");
            stage.panics(|| stage.adapter.close_idle(0));
        },
    ),
    (
        "made room",
        |e| discarded_for(e, DiscardReason::MadeRoom),
        |b| b.max_connections(1),
        |stage| {
            stage.get(0, "/");
            stage.panics(|| stage.get(1, "/"));
        },
    ),
    (
        "dropped",
        |e| matches!(e, PoolEvent::Dropped { .. }),
        |b| b,
        |stage| {
            stage.get(0, "/closes");
            assert!(stage.servers[0].wait_for_open(0));
            stage.panics(|| stage.get(0, "/"));
        },
    ),
    (
        "evicted",
        |e| matches!(e, PoolEvent::Evicted { .. }),
        |b| b.pool_connections(1),
        |stage| {
            stage.get(0, "/");
            stage.panics(|| stage.get(1, "/"));
        },
    ),
    (
        "retry",
        |e| matches!(e, PoolEvent::RetryScheduled { .. }),
        |b| b.max_retries(Retry::new().total(3).status_forcelist([503])),
        |stage| stage.panics(|| stage.get(0, "/busy")),
    ),
];

#[test]
fn a_panic_of_the_listener_loses_no_slot_and_no_permit_and_reaches_the_caller() {
    for (what, is_it, build, act) in SCENARIOS {
        println!("{what}");
        let panics = Arc::new(AtomicUsize::new(0));
        let (counted, clock) = (Arc::clone(&panics), FakeClock::new());
        let builder = HttpAdapter::builder().pool_maxsize(1).pool_block(true).pool_timeout(secs(30.0));
        let adapter = build(builder).clock(clock.clone()).on_event(move |event| {
            if is_it(event) && counted.load(SeqCst) == 0 {
                counted.fetch_add(1, SeqCst);
                std::panic::panic_any("told");
            }
        });
        let adapter = adapter.build();
        let session = session_over(&adapter);
        let stage = Stage { session, adapter, clock, servers: [server(), server()], panics };

        act(&stage);

        assert_eq!(stage.panics.load(SeqCst), 1, "{what}");
        for stats in stage.adapter.stats() {
            assert_eq!((stats.in_use(), stats.waiting()), (0, 0), "{what}: {stats}");
        }
        // What there may be can be had, and comes back: each slot, each permit.
        for server in [0, 1, 0] {
            let response = held(&stage.session, &stage.servers[server]);
            assert_eq!(response.text().unwrap(), "hello", "{what}");
        }
        stage.adapter.close();
        assert!(stage.servers.iter().all(|server| server.wait_for_open(0)), "{what}: a connection is left open");
        assert_eq!(stage.adapter.stats().len(), 0);
    }
}

#[test]
fn a_listener_that_always_panics_while_threads_wait_strands_nobody() {
    let server = server();
    let calls = AtomicUsize::new(0);
    let builder = HttpAdapter::builder().pool_maxsize(2).pool_block(true).max_connections(2).pool_timeout(secs(60.0));
    let armed = Arc::new(AtomicBool::new(true));
    let is_armed = Arc::clone(&armed);
    let adapter = builder.on_event(move |_| {
        if is_armed.load(SeqCst) && calls.fetch_add(1, SeqCst) % 3 == 0 {
            std::panic::panic_any("told");
        }
    });
    let adapter = adapter.build();
    let session = session_over(&adapter);

    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let _ = catch_unwind(AssertUnwindSafe(|| get(&session, &server, "/")));
                }
            });
        }
    });

    armed.store(false, SeqCst);
    for stats in adapter.stats() {
        assert_eq!((stats.in_use(), stats.waiting()), (0, 0), "{stats}");
    }
    let both = [held(&session, &server), held(&session, &server)];
    let third = session.get(server.url("/")).timeout(petition::Timeout::new().pool(millis(1))).send();
    assert!(third.is_err_and(|error| error.kind() == petition::ErrorKind::PoolTimeout));
    drop(both);
}
