//! Sessions and the one-shot functions: what is merged, what is sent, in which order, and what is closed.

mod support;

use std::io::Read;
use std::sync::{Arc, Mutex};

use petition::testing::{MockAdapter, Reply, TestRequest, TestServer};
use petition::{
    CookieJar, Error, ErrorKind, Headers, HttpAdapter, PoolStats, PreparedRequest, Request, Session, Url, Verify,
};

use support::{connections, session};

fn hello() -> TestServer {
    TestServer::http(|_| Reply::new(200).body("hello"))
}

fn plain() -> Session {
    session(&HttpAdapter::new())
}

fn names(request: &TestRequest) -> Vec<&str> {
    request.headers.iter().map(|(name, _)| name.as_str()).collect()
}

// API-01, API-02
#[test]
fn one_shot_functions_leave_nothing_open() {
    let server = hello();

    for _ in 0..2 {
        assert_eq!(petition::get(server.url("/")).send().unwrap().text().unwrap(), "hello");
        assert!(server.wait_for_open(0));
    }

    assert_eq!(connections(&server), [0, 1]);
    assert!(server.requests().iter().all(|request| request.header("connection") == Some("keep-alive")));
}

// API-01
#[test]
fn one_shot_functions_leave_nothing_open_when_they_fail() {
    let server = TestServer::http(|_| Reply::new(302).header("Location", "/again"));

    let error = petition::get(server.url("/")).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::TooManyRedirects);
    assert!(server.wait_for_open(0));
}

// API-03
#[test]
fn a_streamed_response_outlives_its_hidden_session_and_takes_the_socket_along() {
    let server = TestServer::http(|_| Reply::new(200).body(vec![b'x'; 300_000]));

    let mut response = petition::get(server.url("/")).stream(true).send().unwrap();
    response.read_exact(&mut [0; 100_000]).unwrap();
    assert_eq!(server.open(), 1);
    assert_eq!(response.read_to_end(&mut Vec::new()).unwrap(), 200_000);
    assert!(server.wait_for_open(0));

    drop(petition::get(server.url("/")).stream(true).send().unwrap());
    assert!(server.wait_for_open(0));
}

// API-01, API-04, API-06
#[test]
fn only_head_does_not_follow_redirects() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/" => Reply::new(302).header("Location", "/there"),
        _ => Reply::new(200),
    });
    let url = server.url("/");
    let session = plain();

    for (name, status, sent) in [
        ("head", 302, petition::head(&url).send()),
        ("get", 200, petition::get(&url).send()),
        ("options", 200, petition::options(&url).send()),
        ("post", 200, petition::post(&url).data("x").send()),
        ("put", 200, petition::put(&url).data("x").send()),
        ("patch", 200, petition::patch(&url).data("x").send()),
        ("delete", 200, petition::delete(&url).send()),
        ("request HEAD", 200, petition::request("HEAD", &url).send()),
        ("head, told to", 200, petition::head(&url).allow_redirects(true).send()),
        ("get, told not to", 302, petition::get(&url).allow_redirects(false).send()),
        ("session.head", 302, session.head(&url).send()),
        ("session.request HEAD", 200, session.request("HEAD", &url).send()),
        ("session.send HEAD", 200, session.send(Request::new("HEAD", &url).prepare().unwrap())),
    ] {
        assert_eq!(sent.unwrap().status_code().as_u16(), status, "{name}");
    }
}

// API-05, TLS-21: one that does not exist does not compile; for plain http verify and cert are not looked at
#[test]
fn a_request_takes_every_option_of_requests() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/there" => Reply::new(200).body("hello"),
        _ => Reply::new(307).header("Location", "/there"),
    });
    let session = plain();

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
    let server = hello();
    let text = server.url("/a b");
    let url = Url::parse(&text).unwrap();

    let session = plain();
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

// SES-02
#[test]
fn the_default_headers_come_in_their_order() {
    let server = hello();

    plain().get(server.url("/")).send().unwrap();

    let request = &server.requests()[0];
    assert_eq!(names(request), ["Host", "User-Agent", "Accept-Encoding", "Accept", "Connection"]);
    assert!(request.header("user-agent").unwrap().starts_with("petition/"));
    assert_eq!((request.header("accept"), request.header("connection")), (Some("*/*"), Some("keep-alive")));
}

// SES-03, SES-04, SES-05
#[test]
fn a_requests_header_takes_the_place_of_the_sessions() {
    let server = hello();
    let mut session = plain();
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
    let server = hello();
    let mut session = plain();
    session.params = vec![("a".into(), "1".into()), ("b".into(), "2".into()), ("b".into(), "3".into())];

    session.get(server.url("/")).send().unwrap();
    session.get(server.url("/?x=0")).params([("a", "9"), ("c", "4")]).send().unwrap();
    session.get(server.url("/")).query_string("q=text").send().unwrap();
    session.get(server.url("/")).params([] as [(&str, &str); 0]).send().unwrap();

    let targets: Vec<_> = server.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/?a=1&b=2&b=3", "/?x=0&a=9&b=2&b=3&c=4", "/?q=text", "/?a=1&b=2&b=3"]);
}

// SES-08
#[test]
fn a_requests_auth_comes_before_the_sessions_and_that_before_the_urls() {
    let server = hello();
    let mut session = plain();
    let url = server.url("/").replacen("http://", "http://url:url@", 1);

    session.get(&url).send().unwrap();
    session.auth = Some(Arc::new(petition::BasicAuth::new("session", "session")));
    session.get(&url).send().unwrap();
    session.get(&url).auth(("request", "request")).send().unwrap();

    let sent: Vec<_> =
        server.requests().iter().map(|request| request.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(sent, ["Basic dXJsOnVybA==", "Basic c2Vzc2lvbjpzZXNzaW9u", "Basic cmVxdWVzdDpyZXF1ZXN0"]);
}

// SES-09
#[test]
fn a_requests_cookies_are_sent_with_the_sessions_and_not_kept() {
    let server = hello();
    let session = plain();
    session.cookies.insert("kept", "1");

    session.get(server.url("/")).cookies([("once", "2"), ("kept", "own")]).send().unwrap();
    session.get(server.url("/")).send().unwrap();

    let requests = server.requests();
    let first = requests[0].header("cookie").unwrap();
    assert!(first.contains("once=2") && first.contains("kept=own") && !first.contains("kept=1"), "{first}");
    assert_eq!(requests[1].header("cookie"), Some("kept=1"));
}

// SES-10
#[test]
fn a_requests_hooks_replace_the_sessions() {
    let server = hello();
    let mut session = plain();
    let (seen, kept) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let (of_session, of_request) = (Arc::clone(&seen), Arc::clone(&seen));
    session.hooks.on_response(move |response| {
        of_session.lock().unwrap().push("session");
        Ok(response)
    });

    session.get(server.url("/")).send().unwrap();
    kept.lock().unwrap().append(&mut seen.lock().unwrap());
    let hook = move |response| {
        of_request.lock().unwrap().push("request");
        Ok(response)
    };
    session.get(server.url("/")).on_response(hook).send().unwrap();

    assert_eq!((&**kept.lock().unwrap(), &**seen.lock().unwrap()), (&["session"][..], &["request"][..]));
}

// SES-11, SES-16
#[test]
fn stream_is_the_requests_or_the_sessions() {
    let server = hello();
    let adapter = HttpAdapter::new();
    let mut session = session(&adapter);
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

// SES-13
#[test]
fn a_method_is_sent_in_upper_case() {
    let server = hello();

    plain().request("proPfind", server.url("/")).send().unwrap();

    assert_eq!(server.requests()[0].method, "PROPFIND");
}

// SES-14
#[test]
fn an_auth_sees_the_finished_request() {
    let session = plain();
    session.cookies.insert("id", "1");
    let sign = |request: &mut PreparedRequest| {
        assert_eq!((request.method.as_str(), request.url.query()), ("POST", Some("a=1")));
        assert_eq!((request.headers.get("x-a"), request.headers.get("cookie")), (Some("1"), Some("id=1")));
        assert_eq!((request.headers.get("content-length"), request.body_bytes()), (Some("4"), Some(&b"body"[..])));
        request.headers.insert("X-Signed", "yes")
    };

    let request = session.post("http://a.test/").params([("a", "1")]).header("X-A", "1").data("body").auth(sign);

    assert_eq!(request.prepare().unwrap().headers.get("x-signed"), Some("yes"));
}

// SES-15, HDR-07
#[test]
fn a_request_prepared_without_a_session_has_nothing_of_one() {
    let server = hello();
    let mut session = plain();
    session.headers.insert("X-Session", "1").unwrap();
    session.cookies.insert("id", "1");
    session.auth = Some(Arc::new(petition::BasicAuth::new("user", "pass")));

    session.send(Request::new("GET", server.url("/")).header("X-A", "1").prepare().unwrap()).unwrap();

    let request = &server.requests()[0];
    assert_eq!(names(request), ["Host", "Accept-Encoding", "User-Agent", "X-A"]);
    assert_eq!(request.header("accept-encoding"), Some("identity"));
}

// SES-18, HOOK-04
#[test]
fn hooks_run_after_elapsed_is_set_and_before_cookies_redirects_and_content() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/" => Reply::new(302).header("Location", "/there").header("Set-Cookie", "id=1").body("moved"),
        _ => Reply::new(200).body("hello"),
    });
    let adapter = HttpAdapter::new();
    let session = session(&adapter);
    let cookies = session.cookies.clone(); // a copy: what was there before
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (hook_seen, hook_adapter) = (Arc::clone(&seen), adapter.clone());
    let hook = move |response: petition::Response| {
        assert!(!response.elapsed().is_zero());
        let unread = hook_adapter.stats().iter().map(PoolStats::in_use).sum::<usize>();
        hook_seen.lock().unwrap().push((response.status_code().as_u16(), unread));
        Ok(response)
    };

    session.get(server.url("/")).on_response(hook).send().unwrap();

    assert_eq!(*seen.lock().unwrap(), [(302, 1), (200, 1)]);
    assert!(cookies.is_empty());
    assert_eq!(session.cookies.get("id").unwrap().as_deref(), Some("1"));
    assert_eq!(server.requests()[1].header("cookie"), Some("id=1"));
}

// SES-18
#[test]
fn an_error_of_a_hook_comes_before_cookies_are_stored() {
    let server = TestServer::http(|_| Reply::new(200).header("Set-Cookie", "id=1"));
    let session = plain();

    let refuse = |_| Err(Error::new(ErrorKind::Other, "not this one"));
    let error = session.get(server.url("/")).on_response(refuse).send().unwrap_err();

    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Other, "not this one"));
    assert!(session.cookies.is_empty());
}

// SES-19, RESP-28: here the body stays on its connection
#[test]
fn a_redirect_that_is_not_followed_says_what_would_be_next_and_is_not_read() {
    let server = TestServer::http(|_| Reply::new(303).header("Location", "/there?x=1").body(vec![b'x'; 300_000]));
    let adapter = HttpAdapter::new();
    let session = session(&adapter);

    let response = session.post(server.url("/")).data("x").allow_redirects(false).stream(true).send().unwrap();

    let next = response.next().unwrap();
    assert_eq!((next.method.as_str(), next.url.as_str()), ("GET", server.url("/there?x=1").as_str()));
    assert_eq!(adapter.stats()[0].in_use(), 1);
    assert_eq!((server.requests().len(), response.history().len()), (1, 0));
}

// SES-20
#[test]
fn what_is_wrong_with_a_body_comes_out_of_send_unless_it_is_streamed() {
    let server = TestServer::http(|_| Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").then_close());
    let session = plain();

    assert_eq!(session.get(server.url("/")).send().unwrap_err().kind(), ErrorKind::ChunkedEncodingError);
    let response = session.get(server.url("/")).stream(true).send().unwrap();
    assert_eq!(response.content().unwrap_err().kind(), ErrorKind::ChunkedEncodingError);
}

// SES-23
#[test]
fn a_session_that_is_dropped_closes_its_connections_but_not_those_in_use() {
    let server = hello();
    let session = {
        let mut session = Session::new();
        session.trust_env = false;
        session
    };
    session.get(server.url("/")).send().unwrap();
    let held = session.get(server.url("/")).stream(true).send().unwrap();
    session.get(server.url("/")).send().unwrap();
    assert_eq!(server.open(), 2);

    drop(session);

    assert!(server.wait_for_open(1));
    assert_eq!(held.text().unwrap(), "hello");
    assert!(server.wait_for_open(0));
}

// SES-24; the environment can be set for another process only
#[test]
fn the_environment_counts_where_it_is_trusted() {
    const CHILD: &str = "PETITION_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let direct = HttpAdapter::builder().resolver(|_, _| Err(std::io::Error::other("not by proxy"))).build();
        let mut session = session(&direct);
        session.trust_env = true;
        session.get("http://a.test/").send().unwrap();
        let error = session.get("http://spared.test/").send().unwrap_err();
        assert!(error.to_string().contains("not by proxy"), "{error}");
        session.trust_env = false;
        session.get("http://a.test/").send().unwrap_err();
        return;
    }
    let proxy = hello();
    let netrc = std::env::temp_dir().join(format!("petition-netrc-{}", std::process::id()));
    std::fs::write(&netrc, "machine a.test login user password pass\n").unwrap();

    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "the_environment_counts_where_it_is_trusted"]).env(CHILD, "1").env("NETRC", &netrc);
    child.env("http_proxy", proxy.url("")).env("no_proxy", "spared.test").env_remove("NO_PROXY");
    let output = child.output().unwrap();

    std::fs::remove_file(&netrc).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let requests = proxy.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].target, "http://a.test/");
    assert_eq!(requests[0].header("authorization"), Some("Basic dXNlcjpwYXNz"));
}

// SES-25
#[test]
fn without_the_sessions_headers_the_transports_own_are_sent() {
    let server = hello();
    let mut session = plain();

    session.headers = Headers::new();
    session.get(server.url("/")).send().unwrap();

    assert_eq!(names(&server.requests()[0]), ["Host", "Accept-Encoding", "User-Agent"]);
}

// SES-26
#[test]
fn a_prepared_request_keeps_what_it_has_and_can_be_edited_copied_and_sent_again() {
    let server = hello();
    let mut session = plain();
    session.headers.insert("X-A", "then").unwrap();
    let mut prepared = session.post(server.url("/")).data("body").prepare().unwrap();
    let copy = prepared.clone();

    session.headers.insert("X-A", "later").unwrap();
    session.cookies.insert("id", "1");
    prepared.headers.insert("X-B", "edited").unwrap();
    session.send(prepared.clone()).unwrap();
    session.send(prepared).unwrap();
    session.send(copy).unwrap();

    let requests = server.requests();
    let seen: Vec<_> = requests.iter().map(|request| (request.header("x-a"), request.header("x-b"))).collect();
    assert_eq!(seen, [(Some("then"), Some("edited")), (Some("then"), Some("edited")), (Some("then"), None)]);
    assert!(requests.iter().all(|request| request.body == b"body" && request.header("cookie").is_none()));
}

// SES-27
#[test]
fn one_session_serves_many_threads() {
    let server = TestServer::http(|request| {
        Reply::new(200).header("Set-Cookie", format!("c{}=1", &request.target[1..])).body(request.target.clone())
    });
    let session = plain();

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
    let session = plain();
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
