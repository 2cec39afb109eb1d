//! `petition::testing` as a program's tests use it: mocks, recordings, servers with TLS.

use petition::testing::{MockAdapter, MockRequest, Reply, prefix};
#[cfg(any(feature = "json", feature = "native-tls", feature = "rustls"))]
use petition::testing::{TestRequest, TestServer};
use petition::{ErrorKind, Response, Session, Url};

use crate::support::session;

fn over(mock: &MockAdapter) -> Session {
    let mut session = session();
    session.mount_all(mock.clone());
    session
}

fn panic_text(act: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(act).unwrap_err();
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn the_first_rule_that_fits_and_has_answers_left_answers() {
    let mock = MockAdapter::new()
        .on("GET", "http://h/a", Reply::new(201))
        .once()
        .on("get", "http://h/a", Reply::new(202))
        .then(Reply::new(203))
        .on("*", prefix("http://h/"), Reply::new(204))
        .on("PUT", |url: &Url| url.host() == "g", Reply::new(205));
    let session = over(&mock);

    let status = |method: &str, url: &str| session.request(method, url).send().unwrap().status_code().as_u16();
    assert_eq!([(); 4].map(|()| status("GET", "http://h/a?b")), [201, 202, 203, 203]);
    assert_eq!((status("POST", "http://h/a"), status("PUT", "http://g/x")), (204, 205));
    assert_eq!((mock.count("GET", "http://h/a"), mock.count("*", prefix("http://h/"))), (4, 5));
    assert_eq!(mock.count("POST", "/a"), 1);
    mock.assert_all_used();
}

#[test]
fn conditions_look_at_query_header_and_body() {
    let mock = MockAdapter::new()
        .on("POST", "http://h/", Reply::new(201))
        .when_query("q", "a b")
        .when_query("n", 1)
        .on("POST", "http://h/", Reply::new(202))
        .when_header("x-a", 1)
        .on("POST", "http://h/", Reply::new(203))
        .when_body("text")
        .on("POST", "http://h/", Reply::new(204))
        .when(|request: &MockRequest| request.text().starts_with("begin"))
        .otherwise(Reply::new(404));
    let session = over(&mock);

    let post = || session.post("http://h/");
    let requests = [
        post().params([("n", "1"), ("q", "a b")]),
        post().header("X-A", "1"),
        post().data("text"),
        post().data(petition::Body::reader(&b"beginning"[..])),
        post().params([("n", "1")]).header("X-A", "2").data("texts"),
    ];
    let got = requests.map(|request| request.send().unwrap().status_code().as_u16());
    assert_eq!(got, [201, 202, 203, 204, 404]);
    assert_eq!(mock.requests()[3].text(), "beginning");
}

#[test]
fn failures_are_of_any_kind_and_replies_may_be_computed_or_raw() {
    let mock = MockAdapter::new()
        .on("GET", "/slow", ErrorKind::ReadTimeout)
        .on("GET", "/down", (ErrorKind::ConnectTimeout, "no route to h:80"))
        .on("GET", "/echo", |request: &MockRequest| Reply::new(200).body(request.query()))
        .on("GET", "/raw", Reply::raw("HTTP/1.1 299 Odd\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"))
        .on("GET", "/cut", Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"))
        .on("GET", "/no", Reply::raw("nonsense"))
        .on("HEAD", "/head", Reply::new(200).body("long"));
    let session = over(&mock);
    let get = |path: &str| session.get(format!("http://h{path}")).send();

    assert!(get("/slow").unwrap_err().is_timeout());
    let down = get("/down").unwrap_err();
    assert_eq!((down.kind(), down.to_string().as_str()), (ErrorKind::ConnectTimeout, "no route to h:80"));
    assert_eq!(get("/echo?a=b").unwrap().text().unwrap(), "a=b");
    let raw = get("/raw").unwrap();
    assert_eq!((raw.status_code().as_u16(), raw.reason(), raw.text().unwrap()), (299, "Odd", "ab".to_owned()));
    assert_eq!(get("/cut").unwrap_err().kind(), ErrorKind::ChunkedEncodingError);
    assert!(get("/no").is_err());
    let head = session.head("http://h/head").send().unwrap();
    assert_eq!((head.headers().get("content-length"), head.content().unwrap()), (Some("4"), &b""[..]));
}

#[test]
fn a_reply_of_a_mock_has_the_headers_that_a_server_could_send() {
    let mock = MockAdapter::new()
        .on("GET", "/header", Reply::new(200).header("X-A", "a\x01b").body("1"))
        .on("GET", "/raw", Reply::raw("HTTP/1.0 200 OK\r\nX-A: a\x01b\r\nX@: \x7f\r\n\r\n1"))
        .on("GET", "/nul", Reply::new(200).header("X-A", "a\0b"));
    let session = over(&mock);
    let get = |path: &str| session.get(format!("http://h{path}")).send();

    for path in ["/header", "/raw"] {
        let response = get(path).unwrap();
        assert_eq!(
            (response.headers().get("x-a"), response.text().unwrap()),
            (Some("a\x01b"), "1".to_owned()),
            "{path}"
        );
    }
    assert_eq!(get("/raw").unwrap().headers().get("x@"), Some("\x7f"));
    assert_eq!(get("/raw").unwrap().version(), petition::Version::Http10);
    assert_eq!(get("/nul").unwrap_err().kind(), ErrorKind::InvalidHeader);
}

#[test]
fn the_path_of_a_rule_is_prepared_as_that_of_a_request() {
    let mock = MockAdapter::new()
        .on("GET", "/a#top", Reply::new(201))
        .on("GET", "/b c/../d \u{e9}?q=\"", Reply::new(202))
        .on("GET", "/e%2f f", Reply::new(203));
    let session = over(&mock);

    let status = |path: &str| session.get(format!("http://h{path}")).send().unwrap().status_code().as_u16();
    assert_eq!((status("/a"), status("/a?b#end")), (201, 201));
    assert_eq!((status("/d \u{e9}?q=\""), status("/d%20%c3%a9?q=%22"), status("/e%2F%20f")), (202, 202, 203));
    mock.assert_all_used();
}

#[test]
fn what_no_rule_answers_fails_and_says_why() {
    let mock = MockAdapter::new()
        .on("GET", "http://h/a", Reply::new(200))
        .once()
        .on("POST", "http://h/b", Reply::new(200))
        .when_query("n", 1);
    let session = over(&mock);
    session.get("http://h/a").send().unwrap();

    let error = session.get("http://u:secret@h/a").send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::ConnectionError);
    let text = "no response left for request 2: GET http://h/a; GET http://h/a: all its answers are used; POST http://h/b \
                with n=1 in the query: the method is GET";
    assert_eq!(error.to_string(), text);
}

#[test]
fn rules_that_were_not_used_are_shown_with_what_was_asked_for() {
    let mock = MockAdapter::new()
        .on("GET", "http://h/items", Reply::new(200))
        .on("POST", "http://h/items", Reply::new(201))
        .once()
        .on("PUT", "http://h/items", Reply::new(200))
        .then(Reply::new(409))
        .otherwise(Reply::new(404));
    let session = over(&mock);
    for (method, url) in [("GET", "http://h/items"), ("POST", "http://h/item"), ("PUT", "http://h/items")] {
        session.request(method, url).send().unwrap();
    }

    let text = panic_text(std::panic::AssertUnwindSafe(|| mock.assert_all_used()));

    let want = "2 of 3 rules were not used as expected\n  GET http://h/items: used once, expected at least once\n- POST \
                http://h/items: used never, expected once\n- PUT http://h/items: used once, expected at least 2 \
                times\nrequests:\n  GET http://h/items\n+ POST http://h/item\n  PUT http://h/items";
    assert_eq!(text, want);
}

#[test]
fn responses_in_order_still_follow_the_rules() {
    let mock = MockAdapter::new().reply(Response::builder(200).body("one")).on("GET", "/rule", Reply::new(204));
    let session = over(&mock);

    assert_eq!(session.get("http://h/rule").send().unwrap().status_code(), 204);
    let text = panic_text(std::panic::AssertUnwindSafe(|| mock.assert_all_used()));
    assert!(text.contains("1 responses of `reply` and `fail` are left"), "{text}");
    assert_eq!(session.get("http://h/any").send().unwrap().text().unwrap(), "one");
    mock.assert_all_used();
}

#[test]
fn a_change_without_a_rule_and_a_url_that_is_none_are_told_at_once() {
    assert!(panic_text(|| drop(MockAdapter::new().once())).contains("`on` comes first"));
    assert!(panic_text(|| drop(MockAdapter::new().on("GET", "items", Reply::new(200)))).contains("\"items\""));
}

#[cfg(feature = "json")]
#[test]
fn json_is_answered_seen_and_compared() {
    let mock = MockAdapter::new()
        .on("POST", "http://h/", Reply::json(&["a"]))
        .when_json(&serde_json::json!({ "b": [1], "a": null }))
        .otherwise(Reply::json(&1).status(404));
    let session = over(&mock);

    let good = session.post("http://h/").data("{ \"a\": null, \"b\": [1] }").send().unwrap();
    assert_eq!(good.json::<Vec<String>>().unwrap(), ["a"]);
    assert_eq!(session.post("http://h/").data("[]").send().unwrap().status_code(), 404);
    let seen: serde_json::Value = mock.requests()[0].json().unwrap();
    assert_eq!(seen["b"][0], 1);
    assert_eq!(MockRequest::json::<u8>(&mock.requests()[1]).unwrap_err().kind(), ErrorKind::InvalidJson);

    let server = TestServer::http(|request: &TestRequest| {
        let value: serde_json::Value = request.json().unwrap();
        Reply::json(&(request.path(), request.query(), request.text(), value))
    });
    let got = crate::support::session().post(server.url("/p?q")).data("[1]").send().unwrap();
    assert_eq!(got.text().unwrap(), "[\"/p\",\"q\",\"[1]\",[1]]");
}

#[cfg(any(feature = "native-tls", feature = "rustls"))]
#[test]
fn a_server_with_tls_makes_its_own_certificate_and_those_of_its_clients() {
    use petition::testing::serve;
    use petition::{HttpAdapter, TlsBackend};

    for backend in crate::support::backends() {
        let over = |backend: &TlsBackend| {
            crate::support::session_over(HttpAdapter::builder().tls_backend(backend.clone()).build())
        };
        let server = TestServer::https(|request| Reply::new(200).body(request.path()));
        let mut session = over(&backend);
        let port = server.address().port();

        assert_eq!(session.get(server.url("/a")).send().unwrap_err().kind(), ErrorKind::SslError);
        session.verify = server.ca_file().into();
        for url in [server.url("/a"), format!("https://localhost:{port}/a")] {
            assert_eq!(session.get(url).send().unwrap().text().unwrap(), "/a", "{backend:?}");
        }
        assert!(server.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
        let file = server.ca_file();
        drop(server);
        assert!(!file.exists());

        let knows =
            serve(|request: &TestRequest| Reply::new(if request.client_certificate.is_some() { 200 } else { 500 }));
        let server = TestServer::builder().require_client_certificate().start(knows).unwrap();
        let stranger = TestServer::https(|_| Reply::new(200));
        let mut session = over(&backend);
        session.verify = server.ca_file().into();
        assert!(session.get(server.url("/")).send().is_err(), "{backend:?}");
        assert!(session.get(server.url("/")).cert(stranger.client_cert()).send().is_err(), "{backend:?}");
        assert_eq!(session.get(server.url("/")).cert(server.client_cert()).send().unwrap().status_code(), 200);
    }
}

#[test]
fn the_guide_shows_what_a_mock_says_of_a_rule_that_was_not_used() {
    let mock = MockAdapter::new()
        .on("GET", "http://shop.test/items", Reply::new(200))
        .on("POST", "http://shop.test/orders", ErrorKind::ReadTimeout)
        .then(Reply::new(201))
        .otherwise(Reply::new(404));
    let session = over(&mock);
    session.get("http://shop.test/items").send().unwrap();
    session.post("http://shop.test/order").send().unwrap();

    let text = panic_text(std::panic::AssertUnwindSafe(|| mock.assert_all_used()));

    let guide = include_str!("../../docs/testing-your-code.md");
    assert!(guide.contains(&format!("```text\n{text}\n```")), "{text}");
}
