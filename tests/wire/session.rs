//! Sessions and the one-shot functions: what is merged, what is sent, in which order, and what is closed.

use std::sync::Arc;

use petition::testing::{MockAdapter, Reply, TestRequest, TestServer};
use petition::{CookieJar, ErrorKind, Headers, HttpAdapter, PoolStats, Request, Session, Url, Verify};

use crate::support::{Child, TempDir, saying, session, session_over};

fn names(request: &TestRequest) -> Vec<&str> {
    request.headers.iter().map(|(name, _)| name.as_str()).collect()
}

// API-05, TLS-21: one that does not exist does not compile; for plain http verify and cert are not looked at
#[test]
fn a_request_takes_every_option_of_requests() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/there" => Reply::new(200).body("hello"),
        _ => Reply::new(307).header("Location", "/there"),
    });
    let session = session();

    let request =
        session.post(server.url("/")).params([("a", "1")]).data("body").header("X-A", "1").headers([("X-B", "2")]);
    let request = request.cookies([("id", "1")]).auth(("user", "pass")).timeout((3, 4)).allow_redirects(true);
    let request =
        request.proxies([("http", "")]).on_response(Ok).stream(true).verify("/no/ca").cert(("/no/c", "/no/k"));
    let response = request.send().unwrap();

    assert_eq!(response.text().unwrap(), "hello");
    let requests = server.requests();
    assert_eq!((requests[0].target.as_str(), requests[1].target.as_str()), ("/?a=1", "/there"));
    for request in requests {
        assert_eq!((request.method.as_str(), &*request.body), ("POST", &b"body"[..]));
        for name in ["x-a", "x-b", "cookie", "authorization"] {
            assert!(request.header(name).is_some(), "{name}");
        }
    }
}

// API-07
#[test]
fn a_url_is_text_or_a_url() {
    let server = saying("hello");
    let text = server.url("/a b");
    let url = Url::parse(&text).unwrap();

    let session = session();
    session.get(&*text).send().unwrap();
    session.get(text.clone()).send().unwrap();
    session.get(&url).send().unwrap();
    session.get(url).send().unwrap();

    assert!(server.requests().iter().all(|request| request.target == "/a%20b"));
    assert_eq!(server.requests().len(), 4);
}

// SES-01
#[test]
fn a_new_session_has_the_defaults_of_requests() {
    let session = Session::new();

    assert!(session.auth.is_none() && session.cert.is_none() && session.base_url.is_none());
    assert!(session.params.is_empty() && session.hooks.is_empty() && session.cookies.is_empty());
    assert_eq!(session.proxies.get("http"), None);
    assert_eq!((session.stream, session.trust_env, session.max_redirects), (false, true, 30));
    assert_eq!(session.verify, Verify::Yes);
    for url in ["http://a.test/", "https://a.test/"] {
        assert!(session.get_adapter(url).is_ok());
    }
}

// SES-03, SES-04, SES-05, HDR-06, HDR-11
#[test]
fn a_requests_header_takes_the_place_of_the_sessions() {
    let server = saying("hello");
    let mut session = session();
    session.headers.insert("X-First", "session").unwrap();
    session.headers.insert("X-Second", "session").unwrap();

    let request = session.get(server.url("/")).header("x-FIRST", "request").header("X-New", "1");
    request.remove_header("accept").send().unwrap();
    session.get(server.url("/")).send().unwrap();

    let requests = server.requests();
    assert_eq!(
        names(&requests[0]),
        ["Host", "User-Agent", "Accept-Encoding", "Connection", "x-FIRST", "X-Second", "X-New"]
    );
    assert_eq!(requests[0].header("x-first"), Some("request"));
    assert_eq!(requests[1].header("x-first"), Some("session"));
    assert_eq!(requests[1].header("x-new"), None);
}

// SES-06; SES-07: a session's params are a list here, and are sent
#[test]
fn params_merge_by_name_and_a_query_given_as_text_replaces_them() {
    let server = saying("hello");
    let mut session = session();
    session.params = vec![("a".into(), "1".into()), ("b".into(), "2".into()), ("b".into(), "3".into())];

    session.get(server.url("/")).send().unwrap();
    session.get(server.url("/?x=0")).params([("a", "9"), ("c", "4")]).send().unwrap();
    session.get(server.url("/")).query_string("q=text").send().unwrap();
    session.get(server.url("/")).params([] as [(&str, &str); 0]).send().unwrap();

    let targets: Vec<_> = server.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/?a=1&b=2&b=3", "/?x=0&a=9&b=2&b=3&c=4", "/?q=text", "/?a=1&b=2&b=3"]);
}

// SES-11, SES-16
#[test]
fn stream_is_the_requests_or_the_sessions() {
    let server = saying("hello");
    let adapter = HttpAdapter::new();
    let mut session = session_over(&adapter);
    session.stream = true;
    let in_use = || adapter.stats().iter().map(PoolStats::in_use).sum::<usize>();

    let response = session.get(server.url("/")).send().unwrap();
    assert_eq!(in_use(), 1);
    response.close();
    let prepared = session.get(server.url("/")).prepare().unwrap();
    let response = session.send(prepared).unwrap();
    assert_eq!(in_use(), 1);
    response.close();
    let response = session.get(server.url("/")).stream(false).send().unwrap();
    assert_eq!(in_use(), 0);
    assert_eq!(response.text().unwrap(), "hello");
}

// SES-15, HDR-07
#[test]
fn a_request_prepared_without_a_session_has_nothing_of_one() {
    let server = saying("hello");
    let mut session = session();
    session.headers.insert("X-Session", "1").unwrap();
    session.cookies.insert("id", "1");
    session.auth = Some(Arc::new(petition::BasicAuth::new("user", "pass")));

    session.send(Request::new("GET", server.url("/")).header("X-A", "1").prepare().unwrap()).unwrap();

    let request = &server.requests()[0];
    assert_eq!(names(request), ["Host", "Accept-Encoding", "User-Agent", "X-A"]);
    assert_eq!(request.header("accept-encoding"), Some("identity"));
}

// SES-19, RESP-28: here the body stays on its connection
#[test]
fn a_redirect_that_is_not_followed_says_what_would_be_next_and_is_not_read() {
    let server = TestServer::http(|_| Reply::new(303).header("Location", "/there?x=1").body(vec![b'x'; 300_000]));
    let adapter = HttpAdapter::new();
    let session = session_over(&adapter);

    let response = session.post(server.url("/")).data("x").allow_redirects(false).stream(true).send().unwrap();

    let next = response.next().unwrap();
    assert_eq!((next.method.as_str(), next.url.as_str()), ("GET", server.url("/there?x=1").as_str()));
    assert_eq!(adapter.stats()[0].in_use(), 1);
    assert_eq!((server.requests().len(), response.history().len()), (1, 0));
}

// SES-23
#[test]
fn a_session_that_is_dropped_closes_its_connections_but_not_those_in_use() {
    let server = saying("hello");
    let session = session();
    session.get(server.url("/")).send().unwrap();
    let held = session.get(server.url("/")).stream(true).send().unwrap();
    session.get(server.url("/")).send().unwrap();
    assert_eq!(server.open(), 2);

    drop(session);

    assert!(server.wait_for_open(1));
    assert_eq!(held.text().unwrap(), "hello");
    assert!(server.wait_for_open(0));
}

// SES-24
#[test]
fn the_environment_counts_where_it_is_trusted() {
    let child = Child::new(|| {
        let direct = HttpAdapter::builder().resolver(|_, _| Err(std::io::Error::other("not by proxy"))).build();
        let mut session = session_over(&direct);
        session.trust_env = true;
        session.get("http://a.test/").send().unwrap();
        let error = session.get("http://spared.test/").send().unwrap_err();
        assert!(error.to_string().contains("not by proxy"), "{error}");
        session.trust_env = false;
        session.get("http://a.test/").send().unwrap_err();
        "done"
    });
    let (proxy, dir) = (saying("hello"), TempDir::new());
    let netrc = dir.file("netrc", "machine a.test login user password pass\n");
    let proxy_url = proxy.url("");

    let variables = [("NETRC", netrc.to_str().unwrap()), ("http_proxy", &proxy_url), ("no_proxy", "spared.test")];
    assert_eq!(child.run(&variables), "done");

    let requests = proxy.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].target, "http://a.test/");
    assert_eq!(requests[0].header("authorization"), Some("Basic dXNlcjpwYXNz"));
}

// SES-25
#[test]
fn without_the_sessions_headers_the_transports_own_are_sent() {
    let server = saying("hello");
    let mut session = session();

    session.headers = Headers::new();
    session.get(server.url("/")).send().unwrap();

    assert_eq!(names(&server.requests()[0]), ["Host", "Accept-Encoding", "User-Agent"]);
}

// SES-27
#[test]
fn one_session_serves_many_threads() {
    let server = TestServer::http(|request| {
        Reply::new(200).header("Set-Cookie", format!("c{}=1", &request.target[1..])).body(request.target.clone())
    });
    let session = session();

    std::thread::scope(|scope| {
        for worker in 0..8 {
            let (session, server) = (&session, &server);
            scope.spawn(move || {
                for turn in 0..10 {
                    let path = format!("/{worker}x{turn}");
                    assert_eq!(session.get(server.url(&path)).send().unwrap().text().unwrap(), path);
                }
            });
        }
    });

    assert_eq!((server.requests().len(), session.cookies.len()), (80, 80));
}

// SES-09: a jar of the program's own is copied in, not shared
#[test]
fn a_jar_given_to_a_request_is_not_changed_by_the_answer() {
    let server = TestServer::http(|_| Reply::new(200).header("Set-Cookie", "new=1"));
    let session = session();
    let jar = CookieJar::new();
    jar.insert("own", "1");

    session.get(server.url("/")).cookies(jar.clone()).send().unwrap();

    assert_eq!((jar.len(), session.cookies.len()), (1, 1));
    assert!(session.cookies.contains("new") && !session.cookies.contains("own"));
}

// What is wrong with a setting comes out of send, the first one first, and nothing is sent
#[test]
fn a_builder_keeps_its_first_error_for_send() {
    let mock = MockAdapter::new();
    let mut session = Session::new();
    session.mount("http://", mock.clone());

    let request = session.get("http://a.test/").header("bad name", "x").header("X-A", "bad\nvalue").timeout(-1);
    let error = request.send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::InvalidHeader);
    assert!(error.to_string().contains("bad name"), "{error}");
    assert!(mock.requests().is_empty());
}
