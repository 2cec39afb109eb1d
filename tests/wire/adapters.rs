//! Mounting, and what an adapter gets to see.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use petition::testing::{FakeClock, MockAdapter, Reply, TestServer};
use petition::{
    Adapter, ErrorKind, HttpAdapter, PreparedRequest, Response, Result, Retry, SendOptions, Session, Timeout, Verify,
    adapter_fn,
};

use crate::support::{connections, everywhere, secs, session, session_over};

/// An adapter that answers by its name, and counts how often it was closed.
#[derive(Clone)]
struct Named {
    name: &'static str,
    closed: Arc<AtomicUsize>,
}

impl Named {
    fn new(name: &'static str) -> Self {
        Self { name, closed: Arc::default() }
    }
}

impl Adapter for Named {
    fn send(&self, _: &mut PreparedRequest, _: &SendOptions) -> Result<Response> {
        Response::builder(200).body(self.name).build()
    }

    fn close(&self) {
        self.closed.fetch_add(1, Ordering::Relaxed);
    }
}

fn served_by(session: &Session, url: &str) -> String {
    session.get(url).send().unwrap().into_text().unwrap()
}

// ADPT-01, ADPT-02, ADPT-03, ADPT-06
#[test]
fn the_longest_prefix_wins_compared_as_text_without_case() {
    let mut session = session();
    for prefix in ["http", "http://", "http://example.com", "HTTP://Example.com/API", "https://"] {
        session.mount(prefix, Named::new(prefix));
    }

    for (url, adapter) in [
        ("http://example.org/", "http://"),
        ("http://example.com/", "http://example.com"),
        ("HTTP://EXAMPLE.com/api/x", "HTTP://Example.com/API"),
        ("http://example.com.evil/", "http://example.com"),
        ("http://example.com:8080/", "http://example.com"),
        ("https://example.com/", "https://"),
        ("httpx://example.com/", "http"),
    ] {
        assert_eq!(served_by(&session, url), adapter, "{url}");
    }
}

// ADPT-06
#[test]
fn the_empty_prefix_takes_what_nothing_else_does() {
    let mut session = session();
    session.mount("", Named::new("rest"));
    session.mount("http://", Named::new("http"));

    assert_eq!(served_by(&session, "anything:at-all"), "rest");
    assert_eq!(served_by(&session, "http://a.test/"), "http");
}

// ADPT-04, ADPT-17, SES-21
#[test]
fn mounting_again_replaces_and_does_not_close_and_close_closes_what_is_mounted() {
    let (old, new) = (Named::new("old"), Named::new("new"));
    let mut session = session();
    session.mount("mock://", old.clone());
    session.mount("mock://", new.clone());

    assert_eq!(served_by(&session, "mock://x"), "new");
    assert_eq!(old.closed.load(Ordering::Relaxed), 0);
    session.close();

    assert_eq!((old.closed.load(Ordering::Relaxed), new.closed.load(Ordering::Relaxed)), (0, 1));
    assert_eq!(served_by(&session, "mock://x"), "new");
}

// ADPT-05
#[test]
fn a_url_without_an_adapter_is_an_invalid_schema_first_or_by_a_redirect() {
    let server = TestServer::http(|_| Reply::new(302).header("Location", "mailto:someone@example.test"));
    let session = session();

    for url in ["ftp://example.test/", "localhost:80/x", "file:///etc/hosts", &server.url("/")] {
        let error = session.get(url).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSchema, "{url}: {error}");
        assert!(error.request().is_some());
    }
    let text = session.get("ftp://user:hunter2@example.test/").send().unwrap_err().to_string();
    assert!(text.contains("ftp://example.test/"), "{text}");
    assert!(session.get_adapter("ftp://example.test/").is_err() && session.get_adapter("http://x.test/").is_ok());
}

// ADPT-07
#[test]
fn an_adapter_of_another_scheme_gets_the_url_as_it_was_written() {
    let mock = MockAdapter::new().reply(Response::builder(200));
    let mut session = session();
    session.mount("foo://", mock.clone());

    session.get("foo://Host:080/a b/../c?q").params([("added", "no")]).send().unwrap();

    assert_eq!(mock.requests()[0].url.as_str(), "foo://Host:080/a b/../c?q");
}

// ADPT-08, SES-16
#[test]
fn an_adapter_is_told_how_to_send() {
    let mut session = session();
    session.trust_env = false;
    session.mount(
        "https://",
        adapter_fn(|request, options: &SendOptions| {
            assert_eq!((request.method.as_str(), request.body_bytes()), ("PUT", Some(&b"x"[..])));
            assert!(options.stream);
            assert_eq!(options.timeout, Timeout::new().connect(1).read(2).total(30));
            assert_eq!(options.verify, Verify::No);
            assert!(options.cert.is_some());
            assert_eq!(options.proxies.get("https"), Some("http://proxy.test:3128"));
            Response::builder(200).build()
        }),
    );
    session.timeout = Timeout::new().total(30);
    session.verify = false.into();

    let request = session.put("https://a.test/").data("x").stream(true).timeout((1, 2)).cert(("c.pem", "k.pem"));
    request.proxies([("https", "http://proxy.test:3128")]).send().unwrap();
}

// ADPT-08: an adapter may change what it sends, and be any closure, Arc or Box
#[test]
fn adapters_nest() {
    let server = TestServer::http(|request| Reply::new(200).body(request.header("x-added").unwrap_or("").to_owned()));
    let inner: Arc<dyn Adapter> = Arc::new(HttpAdapter::new());
    let mut session = session();
    session.mount(
        "http://",
        adapter_fn(move |request, options| {
            request.headers.insert("X-Added", "yes")?;
            inner.send(request, options)
        }),
    );

    assert_eq!(served_by(&session, &server.url("/")), "yes");
}

// ADPT-09; `pool.rs` has the pool's size, `retry.rs` that nothing is retried
#[test]
fn ten_pools_are_kept_by_default() {
    let server = TestServer::http(|_| Reply::new(200));
    let adapter = everywhere(&server).build();
    let session = session_over(&adapter);

    for host in 0..12 {
        session.get(format!("http://h{host}.test/")).send().unwrap();
    }

    let hosts: Vec<_> = adapter.stats().iter().map(|stats| stats.host().to_owned()).collect();
    assert_eq!(hosts, (2..12).rev().map(|host| format!("h{host}.test")).collect::<Vec<_>>());
    assert!(server.wait_for_open(10));
}

// ADPT-11: the pools of proxies count with the others here, so that an adapter keeps no more than it was told
#[test]
fn what_goes_through_a_proxy_has_a_pool_of_its_own_and_one_limit_holds_for_all() {
    let (server, proxy) = (TestServer::http(|_| Reply::new(200)), TestServer::http(|_| Reply::new(200)));
    for (limit, expected) in [(2, vec![0, 0]), (1, vec![0, 1])] {
        let adapter = HttpAdapter::builder().pool_connections(limit).build();
        let session = session_over(&adapter);
        let (server_before, proxy_before) = (server.accepted(), proxy.accepted());

        for _ in 0..2 {
            session.get(server.url("/")).send().unwrap();
            session.get(server.url("/")).proxies([("http", proxy.url(""))]).send().unwrap();
        }

        assert_eq!(adapter.stats().len(), limit);
        for (own, before) in [(&server, server_before), (&proxy, proxy_before)] {
            let used = connections(own).into_iter().filter_map(|number| number.checked_sub(before));
            assert_eq!(used.collect::<Vec<_>>(), expected);
        }
    }
}

// ADPT-10
#[test]
fn max_retries_is_a_number_or_a_retry() {
    let text = |total, read| format!("Retry(total={total}, connect=None, read={read}, redirect=None, status=None)");
    for (retry, shown) in [
        (Retry::from(0), text("0", "False")),
        (Retry::from(3), text("3", "None")),
        (Retry::new().total(7).read(1), text("7", "1")),
    ] {
        let server = TestServer::http(|_| Reply::new(200));
        let session = session_over(HttpAdapter::builder().max_retries(retry).clock(FakeClock::new()).build());

        let response = session.get(server.url("/")).send().unwrap();

        assert_eq!(format!("{:?}", response.retries().unwrap()), shown);
    }
}

// ADPT-12
#[test]
fn an_adapter_on_two_prefixes_shares_its_pools_and_two_adapters_share_nothing() {
    let server = TestServer::http(|_| Reply::new(200));
    let shared = HttpAdapter::new();
    let mut session = session_over(&shared);
    session.mount(server.url("/api/"), shared.clone());
    session.mount(server.url("/other/"), HttpAdapter::new());

    for path in ["/", "/api/x", "/other/x", "/api/x"] {
        session.get(server.url(path)).send().unwrap();
    }

    assert_eq!(connections(&server), [0, 0, 1, 0]);
}

// ADPT-14
#[test]
fn a_body_without_its_content_length_goes_out_chunked() {
    let server = TestServer::http(|_| Reply::new(200));
    let session = session();
    let mut prepared = session.post(server.url("/")).data("hello").prepare().unwrap();
    prepared.headers.remove("content-length");

    session.send(prepared).unwrap();

    let request = &server.requests()[0];
    assert_eq!(request.header("transfer-encoding"), Some("chunked"));
    assert!(request.raw_text().ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), "{}", request.raw_text());
}

// A stock adapter on a scheme that it cannot speak
#[test]
fn the_stock_adapter_refuses_what_is_not_http() {
    let mut session = session();
    session.mount("foo://", HttpAdapter::new());

    assert_eq!(session.get("foo://a.test/").send().unwrap_err().kind(), ErrorKind::InvalidSchema);
}

/// An adapter around another, as anybody writes one: it knows `send` and no more.
struct Around<A>(A);

impl<A: Adapter> Adapter for Around<A> {
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response> {
        let mut options = options.clone();
        options.stream = true;
        self.0.send(request, &options)
    }
}

// TIME-04: by the adapter's clock, whoever holds the adapter
#[test]
fn the_total_timeout_and_the_elapsed_time_go_by_the_clock_that_was_set() {
    let clock = FakeClock::new();
    // Each hop takes two seconds, by that clock alone.
    let passing = clock.clone();
    let server = TestServer::http(move |request| {
        passing.advance(secs(2.0));
        match request.target.trim_start_matches('/').parse::<u32>() {
            Ok(0) | Err(_) => Reply::new(200),
            Ok(n) => Reply::new(302).header("Location", format!("/{}", n - 1)),
        }
    });
    // Far from the system's time.
    clock.advance(secs(3600.0));
    let adapter = HttpAdapter::builder().clock(clock.clone()).build();
    let mut around = session_over(&adapter);
    around.mount("http://", Around(Arc::new(Around(adapter.clone()))));

    for session in [session_over(&adapter), around] {
        let response = session.get(server.url("/1")).timeout(Timeout::new().total(5)).send().unwrap();
        assert_eq!(response.elapsed(), secs(2.0));
        assert_eq!(response.history()[0].elapsed(), secs(2.0));

        let error = session.get(server.url("/9")).timeout(Timeout::new().total(5)).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TotalTimeout, "{error}");
        // The third hop crosses the limit; whether it is stopped then or the fourth is not begun is the server's race.
        assert!(error.request().unwrap().url.as_str().ends_with(['7', '6']), "{error:?}");
    }
}

// Without a session nobody has begun it before.
#[test]
fn the_total_timeout_begins_with_an_adapter_that_is_asked_directly() {
    let clock = FakeClock::new();
    let passing = clock.clone();
    let server = TestServer::http(move |_| {
        passing.advance(secs(6.0));
        Reply::new(503)
    });
    let retry = Retry::new().total(3).status_forcelist([503]);
    let adapter = HttpAdapter::builder().clock(clock.clone()).max_retries(retry).build();
    let mut options = SendOptions::default();
    options.timeout = Timeout::new().total(5);
    let mut request = petition::Request::new("GET", server.url("/")).prepare().unwrap();

    let error = adapter.send(&mut request, &options).unwrap_err();

    assert_eq!((error.kind(), server.requests().len()), (ErrorKind::TotalTimeout, 1), "{error}");
}

/// The model of docs/architecture.md, as a program outside the crate has it.
struct WithKey<A> {
    inner: A,
    key: String,
}

impl<A: Adapter> Adapter for WithKey<A> {
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response> {
        let mut request = request.clone();
        request.headers.insert("X-Api-Key", &self.key)?;
        self.inner.send(&mut request, options)
    }

    fn close(&self) {
        self.inner.close();
    }
}

#[test]
fn a_wrapped_adapter_keeps_its_retries_and_what_is_added_stays_with_it() {
    let elsewhere = TestServer::http(|_| Reply::new(200).body("elsewhere"));
    let target = elsewhere.url("/new");
    let busy = AtomicUsize::new(1);
    let server = TestServer::http(move |_| match busy.fetch_sub(1, Ordering::Relaxed) {
        1 => Reply::new(503),
        _ => Reply::new(302).header("Location", &target),
    });
    let inner = HttpAdapter::builder().max_retries(Retry::new().status_forcelist([503])).build();
    let mut session = Session::new();
    session.trust_env = false;
    session.mount(server.url("/"), WithKey { inner: inner.clone(), key: "secret".to_owned() });

    let response = session.get(server.url("/old")).data("body").send().unwrap();

    assert_eq!(response.text().unwrap(), "elsewhere");
    let sent: Vec<_> = server.requests().iter().map(|request| request.header("X-Api-Key").map(str::to_owned)).collect();
    assert_eq!(sent, [Some("secret".to_owned()), Some("secret".to_owned())]);
    assert_eq!(elsewhere.requests()[0].header("X-Api-Key"), None);
    assert_eq!(inner.stats()[0].num_requests(), 2);

    assert_eq!(inner.stats()[0].idle(), 1);
    session.close();
    assert_eq!(inner.stats().iter().map(petition::PoolStats::idle).sum::<usize>(), 0);
}

#[test]
fn an_adapter_is_unmounted_by_its_exact_prefix_and_left_open() {
    let mut session = Session::new();
    let named = Named::new("own");
    session.mount("http://h/", named.clone());

    assert!(!session.unmount("http://H/") && !session.unmount("http://h"));
    assert_eq!(served_by(&session, "http://h/"), "own");
    assert!(session.unmount("http://h/") && !session.unmount("http://h/"));

    assert!(session.unmount("http://"));
    assert_eq!(session.get("http://h/").send().unwrap_err().kind(), ErrorKind::InvalidSchema);
    assert_eq!(named.closed.load(Ordering::Relaxed), 0);
}
