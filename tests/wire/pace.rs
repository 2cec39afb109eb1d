//! The pace of an origin: a rate, a pause that the server asked for, and a budget of retries.
//!
//! A fake clock makes waits exact. Where threads race on the real one, what is checked is that nothing came too early.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use petition::testing::{FakeClock, Reply, TestServer};
use petition::{
    AdaptiveLimit, Cancel, Clock, ErrorKind, HttpAdapter, HttpAdapterBuilder, PoolEvent, PoolStats, RateLimit,
    Response, Result, Retry, RetryBudget, Session, Timeout,
};

use crate::support::{
    Gate, everywhere, in_order, logged, millis, ok, refusing, secs, session_over, silent, wait_until,
};

/// A session over an adapter with a clock that stands still until somebody sleeps.
fn faked(clock: &FakeClock, builder: HttpAdapterBuilder) -> (Session, HttpAdapter) {
    let adapter = builder.clock(clock.clone()).build();
    (session_over(&adapter), adapter)
}

fn waiting(adapter: &HttpAdapter) -> usize {
    adapter.stats().iter().map(PoolStats::waiting).sum()
}

/// A server that refuses the first `refusals` with this header, and notes when each request came.
fn refusing_first(refusals: usize, status: u16, retry_after: &'static str) -> (TestServer, Arc<Mutex<Vec<Instant>>>) {
    let came = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&came);
    let server = TestServer::http(move |_| {
        let mut came = noted.lock().unwrap();
        came.push(Instant::now());
        if came.len() <= refusals { Reply::new(status).header("Retry-After", retry_after) } else { Reply::new(200) }
    });
    (server, came)
}

// ---- rate_limit

#[test]
fn requests_of_one_thread_leave_at_the_rate_after_the_burst() {
    let (server, clock) = (ok(), FakeClock::new());
    let (session, _) = faked(&clock, HttpAdapter::builder().rate_limit(RateLimit::per_second(4).burst(2)));

    let waits: Vec<Duration> = (0..5).map(|_| session.get(server.url("/")).send().unwrap().exchange().waited).collect();

    assert_eq!(waits, [0, 0, 250, 250, 250].map(millis));
    assert_eq!(clock.slept(), [250, 250, 250].map(millis));
    clock.advance(60);
    (0..2).for_each(|_| drop(session.get(server.url("/")).send().unwrap()));
    assert_eq!(clock.slept().len(), 3, "a burst was saved, and no more");
    session.get(server.url("/")).send().unwrap();
    assert_eq!(clock.slept().len(), 4);
}

#[test]
fn each_origin_has_a_rate_of_its_own_and_so_has_each_adapter() {
    let (server, clock) = (ok(), FakeClock::new());
    let (session, _) = faked(&clock, everywhere(&server).rate_limit(RateLimit::every(10)));
    let (other, _) = faked(&clock, everywhere(&server).rate_limit(RateLimit::every(10)));

    for url in ["http://a.test/", "http://b.test/", "http://a.test:81/"] {
        session.get(url).send().unwrap();
    }
    other.get("http://a.test/").send().unwrap();
    assert_eq!(clock.slept(), [Duration::ZERO; 0]);
    session.get("http://A.test/x").send().unwrap();
    assert_eq!(clock.slept(), [secs(10.0)]);
}

#[test]
fn retries_and_redirect_hops_pay_too_and_a_replay_does_not() {
    let clock = FakeClock::new();
    let limited = || HttpAdapter::builder().rate_limit(RateLimit::every(1));
    let server = in_order([Reply::new(503), Reply::new(503), Reply::new(200)]);
    let (session, _) = faked(&clock, limited().max_retries(Retry::new().total(3).status_forcelist([503])));
    assert_eq!(session.get(server.url("/")).send().unwrap().exchange().attempts, 3);
    assert_eq!(clock.slept(), [secs(1.0); 2]);

    let server = in_order([Reply::new(302).header("Location", "/b"), Reply::new(200)]);
    let (session, _) = faked(&clock, limited());
    session.get(server.url("/a")).send().unwrap();
    assert_eq!(clock.slept(), [secs(1.0); 3]);

    let server = TestServer::http(|_| Reply::new(200).then_close());
    let (session, adapter) = faked(&clock, limited());
    (0..2).for_each(|_| drop(session.get(server.url("/")).send().unwrap()));
    assert_eq!(clock.slept(), [secs(1.0); 4]);
    assert_eq!(adapter.stats()[0].num_requests() - adapter.stats()[0].replayed(), 2);
}

#[test]
fn threads_together_are_never_over_the_rate() {
    let (server, came) = refusing_first(0, 200, "");
    let adapter = HttpAdapter::builder().pool_maxsize(8).rate_limit(RateLimit::per_second(50).burst(5)).build();
    let session = session_over(&adapter);
    let begin = Instant::now();

    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..4).for_each(|_| drop(session.get(server.url("/")).send().unwrap())));
        }
    });

    let came = came.lock().unwrap();
    assert_eq!(came.len(), 32);
    for (number, at) in came.iter().enumerate().skip(5) {
        let earliest = millis(20) * (number as u32 - 4);
        assert!(*at - begin >= earliest, "{number}: {:?}", *at - begin);
    }
    assert_eq!(waiting(&adapter), 0);
}

/// A clock on which nobody's sleep ends before it is opened.
#[derive(Debug)]
struct Held {
    fake: FakeClock,
    gate: Opened,
}

#[derive(Clone, Default)]
struct Opened(Gate);

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a gate")
    }
}

impl Clock for Held {
    fn now(&self) -> Instant {
        self.fake.now()
    }

    fn wall(&self) -> SystemTime {
        self.fake.wall()
    }

    fn sleep(&self, duration: Duration) {
        self.gate.0.wait();
        self.fake.sleep(duration);
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

#[test]
fn who_came_first_is_let_through_first() {
    let (server, gate) = (ok(), Opened::default());
    let adapter = HttpAdapter::builder()
        .pool_maxsize(1)
        .pool_block(true)
        .rate_limit(RateLimit::every(1))
        .clock(Held { fake: FakeClock::new(), gate: gate.clone() })
        .build();
    let session = session_over(&adapter);
    session.get(server.url("/first")).send().unwrap();

    thread::scope(|scope| {
        for number in 0..6 {
            let (session, url) = (&session, server.url(&format!("/{number}")));
            scope.spawn(move || session.get(url).send().unwrap());
            wait_until("it waits", || waiting(&adapter) == number + 1);
        }
        gate.0.open();
    });

    let targets: Vec<_> = server.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/first", "/0", "/1", "/2", "/3", "/4", "/5"]);
}

#[test]
fn a_wait_that_is_too_long_is_a_pool_timeout_that_says_so_and_costs_no_token() {
    let (server, clock) = (ok(), FakeClock::new());
    let (session, adapter) = faked(&clock, HttpAdapter::builder().rate_limit(RateLimit::every(60)));
    let get = |timeout: Timeout| session.get(server.url("/")).timeout(timeout).send();
    get(Timeout::new()).unwrap();

    let error = get(Timeout::new().pool(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PoolTimeout);
    let text = error.to_string();
    assert!(text.contains("the rate limit after 1s") && text.contains("one every 60s"), "{text}");
    assert!(text.contains(&server.address().to_string()), "{text}");
    let error = get(Timeout::new().total(2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TotalTimeout);
    assert!(error.to_string().contains("waiting for the rate limit"), "{error}");

    assert_eq!(clock.slept(), [secs(1.0), secs(2.0)]);
    clock.advance(57);
    get(Timeout::new().pool(1)).unwrap();
    assert_eq!(clock.slept().len(), 2, "the token was there");
    assert_eq!(server.requests().len(), 2);
    assert_eq!(adapter.stats()[0].in_use(), 0);
}

#[test]
fn pool_timeout_of_the_adapter_limits_the_wait_too() {
    let (server, clock) = (ok(), FakeClock::new());
    let (session, _) = faked(&clock, HttpAdapter::builder().pool_timeout(3).rate_limit(RateLimit::every(60)));
    session.get(server.url("/")).send().unwrap();

    assert_eq!(session.get(server.url("/")).send().unwrap_err().kind(), ErrorKind::PoolTimeout);
    assert_eq!(clock.slept(), [secs(3.0)]);
}

#[test]
fn cancel_ends_the_wait_of_whoever_is_first_and_of_those_behind() {
    let server = ok();
    let adapter = HttpAdapter::builder().rate_limit(RateLimit::every(3600)).build();
    let session = session_over(&adapter);
    session.get(server.url("/")).send().unwrap();
    let tokens = [Cancel::new(), Cancel::new(), Cancel::new()];

    thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|number| {
                let (session, token, url) = (&session, &tokens[number], server.url("/"));
                let thread = scope.spawn(move || session.get(url).cancel(token).send().unwrap_err());
                wait_until("it waits", || waiting(&adapter) == number + 1);
                thread
            })
            .collect();
        for (left, number) in [(2, 1), (1, 0), (0, 2)] {
            tokens[number].cancel();
            wait_until("one less", || waiting(&adapter) == left);
        }
        for thread in threads {
            let error = thread.join().unwrap();
            assert_eq!(error.kind(), ErrorKind::Cancelled);
            assert!(error.to_string().contains("waiting for the rate limit"), "{error}");
        }
    });
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_wait_for_the_pace_is_told_at_debug_and_in_the_statistics() {
    let (server, clock) = (ok(), FakeClock::new());
    let (session, adapter) = faked(&clock, HttpAdapter::builder().rate_limit(RateLimit::every(1)));
    session.get(server.url("/")).send().unwrap();

    let (_, lines) = logged(|| session.get(server.url("/")).send().unwrap());

    let told = format!("Waiting for the rate limit, to send to {} (1 waiting)", server.address());
    assert!(lines.iter().any(|line| line.contains(&told)), "{lines:?}");
    assert_eq!(adapter.stats()[0].limit(), None);
}

/// A proxy that forwards has a pool of its own; the pace is that of the origin behind it.
#[test]
fn who_waits_for_a_pace_behind_a_proxy_counts_at_the_pool_of_the_proxy() {
    let (proxy, gate) = (ok(), Opened::default());
    let adapter = HttpAdapter::builder()
        .rate_limit(RateLimit::every(1))
        .clock(Held { fake: FakeClock::new(), gate: gate.clone() })
        .build();
    let mut session = session_over(&adapter);
    session.proxies = petition::Proxies::from_pairs([("http", proxy.url("/"))]).unwrap();
    session.get("http://a.test/").send().unwrap();

    thread::scope(|scope| {
        for number in 0..3 {
            let session = &session;
            scope.spawn(move || session.get("http://a.test/").send().unwrap());
            wait_until("it waits", || waiting(&adapter) == number + 1);
        }
        session.get("http://b.test/").send().unwrap();
        let stats = &adapter.stats()[0];
        assert_eq!((stats.waiting(), stats.limit()), (3, None), "{stats}");
        gate.0.open();
    });
    assert_eq!(waiting(&adapter), 0);
}

// ---- pause_on_retry_after

#[test]
fn after_a_retry_after_all_requests_to_that_origin_wait() {
    for (status, retry_after, waits) in [
        (429, "7", 7.0),
        (503, "7", 7.0),
        (503, "Thu, 01 Jan 1970 00:00:09 GMT", 9.0),
        (429, "999999", 60.0),
        (429, "0", 0.0),
        (429, "soon", 0.0),
        (413, "7", 0.0),
        (500, "7", 0.0),
        (200, "7", 0.0),
    ] {
        let (server, _) = refusing_first(1, status, retry_after);
        let clock = FakeClock::new().wall_time(SystemTime::UNIX_EPOCH);
        let retry = Retry::new().total(false).retry_after_max(60);
        let (session, _) = faked(&clock, everywhere(&server).pause_on_retry_after(true).max_retries(retry));

        assert_eq!(session.get("http://a.test/").send().unwrap().status_code(), status, "it is returned");
        session.get("http://b.test/").send().unwrap();
        assert_eq!(clock.slept(), [Duration::ZERO; 0], "another origin");
        let waited = session.get("http://a.test/").send().unwrap().exchange().waited;
        assert_eq!(waited, secs(waits), "{status} {retry_after}");
    }
}

#[test]
fn without_the_setting_nobody_waits() {
    let (server, _) = refusing_first(1, 429, "7");
    let clock = FakeClock::new();
    let (session, _) = faked(&clock, HttpAdapter::builder().max_retries(Retry::new().total(false)));
    (0..2).for_each(|_| drop(session.get(server.url("/")).send().unwrap()));
    assert_eq!(clock.slept(), [Duration::ZERO; 0]);
}

#[test]
fn a_retry_waits_for_the_pause_whether_or_not_it_respects_the_header() {
    for respects in [true, false] {
        let (server, came) = refusing_first(1, 429, "5");
        let clock = FakeClock::new();
        let retry = Retry::new().total(2).status_forcelist([429]).respect_retry_after_header(respects);
        let (session, _) = faked(&clock, HttpAdapter::builder().pause_on_retry_after(true).max_retries(retry));

        let response = session.get(server.url("/")).send().unwrap();

        assert_eq!((response.status_code().as_u16(), came.lock().unwrap().len()), (200, 2));
        assert_eq!(clock.slept(), [secs(5.0)], "respects it: {respects}");
    }
}

#[test]
fn a_pause_that_is_too_long_is_a_pool_timeout_that_says_so() {
    let (server, _) = refusing_first(1, 429, "30");
    let clock = FakeClock::new();
    let (session, _) = faked(&clock, HttpAdapter::builder().pause_on_retry_after(true));
    session.get(server.url("/")).send().unwrap();

    let error = session.get(server.url("/")).timeout(Timeout::new().pool(10)).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::PoolTimeout);
    let text = error.to_string();
    assert!(text.contains("a pause that the server asked for with Retry-After after 10s"), "{text}");
    assert!(text.contains("20.0s left"), "{text}");
}

#[test]
fn threads_wait_until_the_pause_is_over_and_do_not_leave_all_at_once() {
    let (server, came) = refusing_first(1, 429, "1");
    let adapter = HttpAdapter::builder().pool_maxsize(12).pause_on_retry_after(true).build();
    let session = session_over(&adapter);
    session.get(server.url("/")).send().unwrap();

    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| session.get(server.url("/")).send().unwrap().error_for_status().unwrap());
        }
    });

    let came = came.lock().unwrap();
    assert_eq!(came.len(), 13);
    let mut earliest = came[0] + secs(1.0);
    for (number, at) in came[1..].iter().enumerate() {
        assert!(*at >= earliest, "{number} is {:?} early", earliest - *at);
        // The refusal was noted here a moment after it was sent.
        earliest += millis(100) / (number as u32 + 1);
    }
}

// The turn is taken to the pool: a pause that begins meanwhile holds.
#[test]
fn who_waits_for_a_slot_when_a_pause_begins_waits_for_its_end_as_well() {
    let (gate, clock) = (Gate::default(), FakeClock::new());
    let held = gate.clone();
    let server = TestServer::http(move |request| match &*request.target {
        "/held" => {
            held.wait();
            Reply::new(429).header("Retry-After", "5")
        }
        _ => Reply::new(200),
    });
    let builder = HttpAdapter::builder().pool_maxsize(1).pool_block(true).pause_on_retry_after(true);
    let (session, adapter) = faked(&clock, builder);

    thread::scope(|scope| {
        let first = scope.spawn(|| session.get(server.url("/held")).send().unwrap());
        wait_until("it is sent", || server.requests().len() == 1);
        let others: Vec<_> =
            (0..3).map(|_| scope.spawn(|| session.get(server.url("/")).send().unwrap().exchange().waited)).collect();
        wait_until("they wait", || waiting(&adapter) == 3);
        gate.open();
        assert_eq!(first.join().unwrap().status_code(), 429);
        for other in others {
            assert!(other.join().unwrap() >= secs(5.0));
        }
    });

    assert_eq!(server.accepted(), 1, "the connection that was put back was used again");
    let stats = adapter.stats();
    assert_eq!((stats[0].num_requests(), stats[0].in_use(), stats[0].waiting()), (4, 0, 0));
}

// ---- retry_budget

fn retrying(total: u32) -> Retry {
    Retry::new().total(total).status_forcelist([503])
}

fn budget(ratio: f64, min: f64) -> HttpAdapterBuilder {
    HttpAdapter::builder().retry_budget(RetryBudget::ratio(ratio).min_per_second(min))
}

#[test]
fn retries_of_all_threads_are_a_share_of_the_requests() {
    let server = TestServer::http(|_| Reply::new(503));
    let clock = FakeClock::new();
    let (session, _) = faked(&clock, budget(0.2, 0.0).pool_maxsize(8).max_retries(retrying(10)));

    let texts: Vec<String> = thread::scope(|scope| {
        let get = || session.get(server.url("/")).send().unwrap_err();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(move || [(); 25].map(|()| get()))).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .map(|error| {
                assert_eq!(
                    (error.kind(), error.response().unwrap().status_code().as_u16()),
                    (ErrorKind::RetryError, 503)
                );
                error.to_string()
            })
            .collect()
    });

    assert_eq!(server.requests().len(), 200 + 40);
    assert!(texts.iter().all(|text| text.starts_with("the retry budget is spent: a 503 error response")), "{texts:?}");
}

#[test]
fn beside_the_share_there_are_a_few_a_second() {
    let server = TestServer::http(|_| Reply::new(503));
    let clock = FakeClock::new();
    let (session, _) = faked(&clock, budget(0.01, 2.0).max_retries(retrying(10)));
    let retries = || {
        let before = server.requests().len();
        session.get(server.url("/")).send().unwrap_err();
        server.requests().len() - before - 1
    };

    assert_eq!([retries(), retries()], [2, 0]);
    clock.advance(0.5);
    assert_eq!([retries(), retries()], [1, 0]);
    clock.advance(60);
    assert_eq!([retries(), retries()], [2, 0]);
}

#[test]
fn when_it_is_spent_the_first_error_or_response_comes_at_once() {
    let clock = FakeClock::new();
    let patient = retrying(5).backoff_factor(10);
    let (session, _) = faked(&clock, budget(0.1, 0.0).max_retries(patient.clone()));
    let refused = format!("http://{}/", refusing());
    let error = session.get(&refused).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionError);
    assert!(error.to_string().contains("(not retried: the retry budget is spent)"), "{error}");
    assert_eq!(error.retries().unwrap().history().len(), 1);

    let server = TestServer::http(|_| Reply::new(503).body("busy"));
    let (session, _) = faked(&clock, budget(0.1, 0.0).max_retries(patient.raise_on_status(false)));
    let response = session.get(server.url("/")).send().unwrap();
    assert_eq!((response.status_code().as_u16(), response.text().unwrap()), (503, "busy".to_owned()));
    assert_eq!((clock.slept(), server.requests().len()), (vec![], 1));
}

#[test]
fn what_is_not_retried_costs_no_token() {
    let clock = FakeClock::new();
    let server = TestServer::http(|request| Reply::new(if request.target == "/503" { 503 } else { 404 }));
    let (session, _) = faked(&clock, budget(0.5, 0.0).max_retries(retrying(1)));
    (0..9).for_each(|_| drop(session.get(server.url("/404")).send().unwrap()));
    session.post(server.url("/503")).send().unwrap();
    let attempts =
        |session: &Session| session.get(server.url("/503")).send().unwrap_err().retries().unwrap().history().len();
    // Eleven requests so far bring five, and each one more a half.
    let seen: Vec<_> = (0..10).map(|_| attempts(&session)).collect();
    assert_eq!(seen, [2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
    assert_eq!((0..4).map(|_| attempts(&session)).filter(|attempts| *attempts == 2).count(), 2);
}

#[test]
fn a_retry_that_would_come_too_late_or_cannot_be_made_costs_no_token() {
    let clock = FakeClock::new();
    let server = TestServer::http(|request| Reply::new(if request.method == "PUT" { 503 } else { 200 }));
    let (session, _) = faked(&clock, budget(0.01, 1.0).max_retries(retrying(1).backoff_factor(1).any_method()));
    let put = || session.put(server.url("/")).timeout(Timeout::new().total(60));
    let once = || petition::Body::reader(&b"once"[..]);

    for _ in 0..3 {
        assert!(!put().data(once()).send().unwrap_err().to_string().contains("budget"));
    }
    assert_eq!(put().send().unwrap_err().retries().unwrap().history().len(), 2, "the token was still there");
    assert!(put().send().unwrap_err().to_string().contains("budget"));
}

// ---- adaptive_limit

fn adaptive(min: usize, max: usize) -> HttpAdapterBuilder {
    HttpAdapter::builder().pool_maxsize(32).pool_block(true).adaptive_limit(AdaptiveLimit::between(min, max))
}

#[test]
fn the_limit_grows_by_one_per_limits_worth_and_a_refusal_takes_a_third() {
    let refuse = Arc::new(AtomicUsize::new(200));
    let status = Arc::clone(&refuse);
    let server = TestServer::http(move |_| Reply::new(status.load(SeqCst) as u16));
    let adapter = adaptive(1, 9).build();
    let session = session_over(&adapter);
    let after = |status: usize, times: usize| {
        refuse.store(status, SeqCst);
        (0..times).for_each(|_| drop(session.get(server.url("/")).send().unwrap()));
        adapter.stats()[0].limit().unwrap()
    };

    assert_eq!([after(200, 1), after(404, 2), after(200, 3), after(301, 4)], [2, 3, 4, 5]);
    assert_eq!([after(200, 5 + 6 + 7 + 8), after(200, 100)], [9, 9], "not above its bound");
    assert_eq!([after(500, 3), after(502, 3)], [9, 9]);
    assert_eq!([after(429, 1), after(503, 1), after(503, 1)], [6, 4, 3]);
    assert_eq!(after(503, 5), 1, "not below its bound");
}

#[test]
fn what_is_refused_or_times_out_lowers_the_limit() {
    let server = ok();
    let address = Arc::new(Mutex::new(server.address()));
    let at = Arc::clone(&address);
    let adapter = adaptive(6, 9).resolver(move |_, _| Ok(vec![*at.lock().unwrap()])).build();
    let session = session_over(&adapter);
    let limit = || adapter.stats()[0].limit().unwrap();
    let get = |read: f64| session.get("http://host.test/").timeout(Timeout::new().read(read)).send();
    let raise = || (0..6 + 7 + 8).for_each(|_| drop(get(20.0).unwrap()));
    raise();
    assert_eq!(limit(), 9);

    adapter.close_idle(Duration::ZERO);
    *address.lock().unwrap() = refusing();
    assert_eq!(get(20.0).unwrap_err().kind(), ErrorKind::ConnectionError);
    assert_eq!(limit(), 6);

    let slow = TestServer::connections(|peer| {
        peer.read_request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        peer.wait_for_close();
    });
    for mute in [silent(), slow] {
        *address.lock().unwrap() = server.address();
        (0..400).for_each(|_| drop(get(20.0).unwrap()));
        assert_eq!(limit(), 9);
        adapter.close_idle(Duration::ZERO);
        *address.lock().unwrap() = mute.address();
        assert_eq!(get(0.05).unwrap_err().kind(), ErrorKind::ReadTimeout);
        assert_eq!(limit(), 6);
    }
}

#[test]
fn no_more_are_under_way_than_the_limit_and_an_unread_response_counts() {
    let server = TestServer::http(|_| Reply::new(200).body("body"));
    let adapter = adaptive(2, 2).build();
    let session = session_over(&adapter);
    let kept: Vec<Response> = (0..2).map(|_| session.get(server.url("/")).stream(true).send().unwrap()).collect();

    let error = session.get(server.url("/")).timeout(Timeout::new().pool(0.05)).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PoolTimeout);
    assert!(error.to_string().contains("a pool slot under the learnt limit"), "{error}");

    thread::scope(|scope| {
        let waiter = scope.spawn(|| session.get(server.url("/")).send().unwrap());
        wait_until("it waits", || waiting(&adapter) == 1);
        drop(kept);
        waiter.join().unwrap();
    });
    let token = Cancel::new();
    let _kept: Vec<Response> = (0..2).map(|_| session.get(server.url("/")).stream(true).send().unwrap()).collect();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| session.get(server.url("/")).cancel(&token).send().unwrap_err());
        wait_until("it waits", || waiting(&adapter) == 1);
        token.cancel();
        assert_eq!(waiter.join().unwrap().kind(), ErrorKind::Cancelled);
    });
}

/// A server that serves `capacity` at a time, each for a while, and refuses the rest.
struct Busy {
    server: TestServer,
    capacity: Arc<AtomicUsize>,
    served: Arc<AtomicUsize>,
    /// The sum over the exchanges served of how many were served with them.
    together: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
}

/// What a run over a number of exchanges came to, for each exchange that was served.
struct Ran {
    /// How many were served at a time, which is the throughput times the time of one.
    together: f64,
    refused: f64,
    /// The mean limit.
    limit: f64,
}

const SERVICE: Duration = Duration::from_millis(10);

impl Busy {
    fn new(capacity: usize) -> Self {
        let [active, capacity, served, together, refused] =
            [0, capacity, 0, 0, 0].map(|number| Arc::new(AtomicUsize::new(number)));
        let (most, all, sum, no) = (capacity.clone(), served.clone(), together.clone(), refused.clone());
        let server = TestServer::http(move |_| {
            let now = active.fetch_add(1, SeqCst) + 1;
            if now > most.load(SeqCst) {
                active.fetch_sub(1, SeqCst);
                no.fetch_add(1, SeqCst);
                return Reply::new(503);
            }
            sum.fetch_add(now, SeqCst);
            thread::sleep(SERVICE);
            all.fetch_add(1, SeqCst);
            active.fetch_sub(1, SeqCst);
            Reply::new(200)
        });
        Self { server, capacity, served, together, refused }
    }

    /// Thirty-two threads send until so many are served. A thread that is refused takes a breath.
    fn run(&self, adapter: &HttpAdapter, exchanges: usize) -> Ran {
        let session = session_over(adapter);
        let limits = AtomicUsize::new(0);
        let counts = || [&self.served, &self.together, &self.refused].map(|count| count.load(SeqCst));
        let before = counts();
        thread::scope(|scope| {
            for _ in 0..32 {
                scope.spawn(|| {
                    while self.served.load(SeqCst) < before[0] + exchanges {
                        if session.get(self.server.url("/")).send().unwrap().status_code() == 503 {
                            thread::sleep(SERVICE / 2);
                        } else {
                            limits.fetch_add(adapter.stats()[0].limit().unwrap_or_default(), SeqCst);
                        }
                    }
                });
            }
        });
        let after = counts();
        let [served, together, refused] = [0, 1, 2].map(|index| (after[index] - before[index]) as f64);
        Ran { together: together / served, refused: refused / served, limit: limits.into_inner() as f64 / served }
    }
}

/// One of five runs has to do, as the machine may be busy with something else; and only where all tests are asked for, as it may
/// be busy all the time.
#[test]
fn threads_settle_at_what_the_server_takes_and_find_the_new_number_after_a_change() {
    if std::env::var_os("PETITION_FULL").is_none_or(|value| value != "1") {
        println!("skipped: takes PETITION_FULL=1");
        return;
    }
    for (capacity, next) in [(2, 6), (6, 20), (20, 2)] {
        let tries: Vec<_> = (0..5).map_while(|_| settle(capacity, next).err()).collect();
        assert!(tries.len() < 5, "{capacity} to {next}: {tries:#?}");
    }
}

/// Says what went wrong.
fn settle(capacity: usize, next: usize) -> Result<(), String> {
    let busy = Busy::new(capacity);
    let adapter = adaptive(1, 32).build();
    let fixed = |size| HttpAdapter::builder().pool_maxsize(size).pool_block(true).build();
    let (best, all) = (busy.run(&fixed(capacity), 20 * capacity), busy.run(&fixed(32), 10 * capacity));

    busy.run(&adapter, capacity * capacity / 2 + 10 * capacity);
    let settled = busy.run(&adapter, 60 * capacity);

    let right = |limit: f64, of: usize| (0.8..=1.2).contains(&(limit / of as f64));
    let checks = [
        (settled.together / best.together >= 0.9, format!("throughput: {} of {}", settled.together, best.together)),
        (right(settled.limit, capacity), format!("limit: {}", settled.limit)),
        (settled.refused * 10.0 <= all.refused, format!("refused: {} of {}", settled.refused, all.refused)),
    ];
    for (holds, what) in checks {
        if !holds {
            return Err(what);
        }
    }

    busy.capacity.store(next, SeqCst);
    busy.run(&adapter, 25 * capacity + next * next / 2 + 10 * next);
    let found = busy.run(&adapter, 40 * next).limit;
    assert!((1..=32).contains(&adapter.stats()[0].limit().unwrap()));
    if right(found, next) { Ok(()) } else { Err(format!("limit after the change: {found}")) }
}

// ---- every kind of wait

/// Something to wait for: an adapter, what makes everybody wait, and how the texts of errors name it.
struct Wait {
    builder: HttpAdapterBuilder,
    /// Whether the first response is kept, and with it a place.
    keeps: bool,
    named: &'static str,
    detail: &'static str,
}

fn waits() -> [Wait; 6] {
    let builder = HttpAdapter::builder;
    let blocking = || builder().pool_maxsize(1).pool_block(true);
    let slot = "a pool slot for ";
    [
        Wait {
            builder: builder().rate_limit(RateLimit::every(3600)),
            keeps: false,
            named: "the rate limit",
            detail: "(one every 3600s; ",
        },
        Wait {
            builder: builder().pause_on_retry_after(true),
            keeps: false,
            named: "the end of a pause that the server asked for with Retry-After",
            detail: "s left, ",
        },
        Wait {
            builder: adaptive(1, 1),
            keeps: true,
            named: "a pool slot under the learnt limit",
            detail: "(pool size 32, 1 in use, ",
        },
        // Behind the gate.
        Wait {
            builder: blocking().rate_limit(RateLimit::every(0.000_001)),
            keeps: true,
            named: slot,
            detail: "(pool size 1, 1 in use, ",
        },
        Wait {
            builder: builder().max_connections(1).pause_on_retry_after(true),
            keeps: true,
            named: slot,
            detail: "; max_connections 1",
        },
        Wait { builder: blocking(), keeps: true, named: slot, detail: "(pool size 1, 1 in use, " },
    ]
}

/// A server that is busy for a while: it asks for a pause only where somebody listens to that.
fn busy_for_long() -> TestServer {
    TestServer::http(|_| Reply::new(503).header("Retry-After", "3600").body("busy"))
}

#[test]
fn every_kind_of_wait_ends_with_its_token_and_leaves_nothing_behind() {
    for Wait { builder, keeps, named, .. } in waits() {
        let server = if keeps { TestServer::http(|_| Reply::new(200).body("kept")) } else { busy_for_long() };
        let told = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&told);
        let adapter = builder
            .max_retries(Retry::new().total(false))
            .on_event(move |event| match event {
                PoolEvent::Waiting { .. } | PoolEvent::Waited { .. } => kept.lock().unwrap().push(event.to_string()),
                _ => {}
            })
            .build();
        let session = session_over(&adapter);
        let first = session.get(server.url("/")).stream(true).send().unwrap();
        let first = keeps.then_some(first);
        let (one, all) = (Cancel::new(), Cancel::new());

        thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|number| {
                    let (session, url, token) = (&session, server.url("/"), if number == 0 { &one } else { &all });
                    let thread = scope.spawn(move || session.get(url).cancel(token).send().unwrap_err());
                    wait_until("it waits", || waiting(&adapter) == number + 1);
                    thread
                })
                .collect();
            one.cancel();
            wait_until("the first has left", || waiting(&adapter) == 3);
            all.cancel();
            for thread in threads {
                let error = thread.join().unwrap();
                assert_eq!((error.kind(), error.is_connect()), (ErrorKind::Cancelled, true), "{named}");
                assert!(error.to_string().contains(&format!("while waiting for {named}")), "{error}");
            }
        });

        let stats = &adapter.stats()[0];
        assert_eq!((stats.waiting(), stats.in_use()), (0, usize::from(keeps)), "{named}");
        let told = std::mem::take(&mut *told.lock().unwrap());
        let waited = told.iter().filter(|event| event.contains(": waited ")).count();
        assert_eq!((told.len(), waited), (8, 4), "{told:?}");
        drop(first);
        if keeps {
            session.get(server.url("/")).timeout(Timeout::new().pool(30)).send().unwrap();
        }
        assert_eq!(server.requests().len(), if keeps { 2 } else { 1 }, "{named}");
    }
}

#[test]
fn every_kind_of_wait_ends_with_its_limit_and_the_error_says_what_it_waited_for() {
    for Wait { builder, keeps, named, detail } in waits() {
        let server = if keeps { TestServer::http(|_| Reply::new(200).body("kept")) } else { busy_for_long() };
        let adapter = builder.max_retries(Retry::new().total(false)).build();
        let session = session_over(&adapter);
        let _first = session.get(server.url("/")).stream(true).send().unwrap();
        if !keeps {
            drop(_first.content());
        }
        for (timeout, kind) in [
            (Timeout::new().pool(0.02), ErrorKind::PoolTimeout),
            (Timeout::new().total(0.02), ErrorKind::TotalTimeout),
            (Timeout::new().total(0.02).pool(60), ErrorKind::TotalTimeout),
        ] {
            let error = session.get(server.url("/")).timeout(timeout).send().unwrap_err();

            let text = error.to_string();
            assert_eq!((error.kind(), error.is_connect(), error.is_timeout()), (kind, true, true), "{text}");
            let says = if kind == ErrorKind::PoolTimeout && named.starts_with("a pool slot for") {
                "no pool slot came free within ".to_owned()
            } else {
                format!("waiting for {named}")
            };
            assert!(text.contains(&says) && text.contains(detail), "{text}");
            assert!(text.contains(&server.address().to_string()), "{text}");
            assert!(!error.exchange().unwrap().waited.is_zero(), "{text}");
        }
        assert_eq!(waiting(&adapter), 0);
    }
}

#[test]
fn a_hop_pays_and_waits_at_the_origin_that_it_leads_to() {
    let clock = FakeClock::new();
    let server = TestServer::http(|request| match &*request.target {
        "/away" => Reply::new(302).header("Location", "http://b.test/"),
        "/busy" => Reply::new(302).header("Location", "http://c.test/503"),
        "/503" => Reply::new(503).header("Retry-After", "100"),
        _ => Reply::new(200),
    });
    let builder = everywhere(&server).rate_limit(RateLimit::every(10).burst(2)).pause_on_retry_after(true);
    let (session, _) = faked(&clock, builder.max_retries(Retry::new().total(false)));
    let get = |url: &str| session.get(url).send().unwrap().exchange().waited;

    assert_eq!([get("http://a.test/away"), get("http://b.test/"), get("http://b.test/")], [0.0, 0.0, 10.0].map(secs));
    assert_eq!(get("http://a.test/busy"), Duration::ZERO);
    assert_eq!(get("http://c.test/"), secs(100.0), "the pause is that of the origin which asked for it");
    assert_eq!(get("http://a.test/"), Duration::ZERO);
}

// ---- all of it

#[test]
fn all_of_it_works_together() {
    let (server, came) = refusing_first(2, 429, "1");
    let adapter = adaptive(1, 8)
        .rate_limit(RateLimit::per_second(200).burst(4))
        .pause_on_retry_after(true)
        .retry_budget(RetryBudget::ratio(0.5).min_per_second(5))
        .max_retries(Retry::new().total(3))
        .build();
    let session = session_over(&adapter);

    let all: Result<Vec<Response>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| session.get(server.url("/")).send())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });

    assert!(all.unwrap().iter().all(Response::ok));
    let came = came.lock().unwrap();
    assert!((17..=18).contains(&came.len()), "{}", came.len());
    let stats = &adapter.stats()[0];
    assert_eq!((stats.in_use(), stats.waiting()), (0, 0));
    assert!(stats.limit().is_some_and(|limit| limit > 1));
}

#[test]
fn what_cannot_work_is_an_invalid_setting_and_none_unsets_it() {
    let server = ok();
    let builder = HttpAdapter::builder;
    let rate = |limit| builder().rate_limit(limit);
    let budget = |budget| builder().retry_budget(budget);
    let limit = |min, max| adaptive(min, max);
    for (invalid, named) in [
        (rate(RateLimit::per_second(0)), "rate_limit"),
        (rate(RateLimit::per_second(-1.5)), "rate_limit"),
        (rate(RateLimit::per_second(f64::NAN)), "rate_limit"),
        (rate(RateLimit::per_second(f64::INFINITY)), "rate_limit"),
        (rate(RateLimit::every(Duration::ZERO)), "rate_limit"),
        (rate(RateLimit::every(-1)), "rate_limit"),
        (rate(RateLimit::per_second(1).burst(0)), "burst"),
        (budget(RetryBudget::ratio(0)), "ratio"),
        (budget(RetryBudget::ratio(-0.1)), "ratio"),
        (budget(RetryBudget::ratio(1.5)), "ratio"),
        (budget(RetryBudget::ratio(f64::NAN)), "ratio"),
        (budget(RetryBudget::ratio(0.1).min_per_second(-1)), "min_per_second"),
        (budget(RetryBudget::ratio(0.1).min_per_second(f64::NAN)), "min_per_second"),
        (limit(0, 4), "adaptive_limit"),
        (limit(5, 4), "adaptive_limit"),
        (limit(1, 33), "pool_maxsize"),
        (limit(1, 4).pool_block(false), "pool_block"),
    ] {
        let error = session_over(invalid.clone().build()).get(server.url("/")).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSetting);
        assert!(error.to_string().contains(named), "{error}");
        let unset = invalid.rate_limit(None).retry_budget(None).adaptive_limit(None).build();
        session_over(unset).get(server.url("/")).send().unwrap();
    }
}
