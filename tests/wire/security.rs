//! What docs/security.md says and no other file tests: secrets in `Debug`, text that would become another request, URLs that
//! mean another host to somebody else.

use petition::{
    BasicAuth, BearerAuth, Body, Cancel, ClientCert, Cookie, CookieJar, DigestAuth, ErrorKind, Headers, HttpAdapter,
    Multipart, Part, Proxies, ProxyAuth, Request, RequestBuilder, Response, Retry, Session, Timeout, UnixAdapter, Url,
    Verify,
};

use crate::support::{Child, TempDir, everywhere, fixed, logged, ok, session, session_at, session_over};

const SECRET: &str = "hunter2-secret";

#[test]
fn debug_of_no_public_type_shows_a_secret() {
    let server = fixed(format!("HTTP/1.1 401 No\r\nSet-Cookie: id={SECRET}\r\nContent-Length: 0\r\n\r\n"));
    let url = server.url("/").replace("http://", &format!("http://user:{SECRET}@"));
    let mut session = session();
    session.auth = Some(BasicAuth::new("user", SECRET).into());
    session.proxies.insert("https", format!("http://user:{SECRET}@proxy.test:3128")).unwrap();
    session.cookies.insert("id", SECRET);
    session.cert = Some(ClientCert::pem_bytes(SECRET, SECRET).passphrase(SECRET));
    let cert = || ClientCert::pkcs12_bytes(SECRET, SECRET);
    let builder = session
        .post(&url)
        .header("Authorization", format!("Bearer {SECRET}"))
        .header("Proxy-Authorization", SECRET)
        .header("Cookie", format!("id={SECRET}"))
        .auth(DigestAuth::new("user", SECRET));
    let prepared = session.post(&url).header("Authorization", SECRET).header("Cookie", SECRET).prepare().unwrap();
    let response = session.get(&url).send().unwrap();
    let mut headers = Headers::new();
    for name in ["Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie"] {
        headers.insert(name, SECRET).unwrap();
    }
    let mut proxies = Proxies::new();
    proxies.insert("all", format!("socks5://user:{SECRET}@proxy.test")).unwrap();
    let jar = CookieJar::new();
    jar.set(Cookie::new("id", SECRET));
    let error = response.raise_for_status().unwrap_err();
    let refused = proxies.insert("http", format!("ftp://user:{SECRET}@proxy.test")).unwrap_err();

    let shown: Vec<(&str, String)> = vec![
        ("Session", format!("{session:?} {session:#?}")),
        ("RequestBuilder", format!("{builder:?}")),
        ("PreparedRequest", format!("{prepared:?}")),
        ("Request", format!("{:?}", Request::new("GET", url.as_str()).auth(("user", SECRET)))),
        ("Response", format!("{response:?} {response}")),
        ("Headers", format!("{headers:?}")),
        ("Error", format!("{error:?} {error} {refused:?} {refused}")),
        ("Url", format!("{:?}", Url::parse(&url).unwrap())),
        ("Proxies", format!("{proxies:?}")),
        ("CookieJar", format!("{jar:?} {:?}", session.cookies)),
        ("Cookie", format!("{:?}", Cookie::new("id", SECRET))),
        ("BasicAuth", format!("{:?}", BasicAuth::new("user", SECRET))),
        ("BearerAuth", format!("{:?}", BearerAuth::new(SECRET))),
        ("DigestAuth", format!("{:?}", DigestAuth::new("user", SECRET))),
        ("ProxyAuth", format!("{:?}", ProxyAuth::new("user", SECRET))),
        ("ClientCert", format!("{:?} {:?}", session.cert, cert())),
        ("Body", format!("{:?} {:?}", Body::from(SECRET), Body::from([("password", SECRET)]))),
        ("Multipart", format!("{:?}", Multipart::new().text("password", SECRET))),
        ("Part", format!("{:?}", Part::text(SECRET))),
        ("HttpAdapter", format!("{:?} {:?}", HttpAdapter::builder(), HttpAdapter::new())),
        ("UnixAdapter", format!("{:?}", UnixAdapter::new())),
        ("Retry", format!("{:?}", Retry::new().total(3))),
        ("others", format!("{:?} {:?} {:?}", Verify::Yes, Timeout::new(), Cancel::new())),
    ];
    for (name, text) in shown {
        assert!(!text.contains(SECRET), "{name}: {text}");
        // Basic credentials are the same in another alphabet: "user:hunter2-secret".
        assert!(
            !text.contains("aHVudGVyMi1zZWNyZXQ") && !text.contains("dXNlcjpodW50ZXIyLXNlY3JldA"),
            "{name}: {text}"
        );
    }
}

#[test]
fn nothing_that_a_program_passes_on_makes_a_second_request_or_another_header() {
    const BREAKS: [&str; 4] =
        ["\r\nX-Evil: 1\r\n\r\nGET /evil HTTP/1.1\r\nHost: evil\r\n\r\n", "\nX-Evil: 1", "\rX-Evil: 1", "\0X-Evil: 1"];
    type Put = for<'s> fn(&'s Session, &str, &str) -> RequestBuilder<'s>;
    let ways: [(&str, Put); 14] = [
        ("path", |session, url, text| session.get(format!("{url}a{text}b"))),
        ("query", |session, url, text| session.get(format!("{url}?a={text}b"))),
        ("query string", |session, url, text| session.get(url).query_string(text)),
        ("param", |session, url, text| session.get(url).params([(text, text)])),
        ("user info", |session, url, text| session.get(url.replace("http://", &format!("http://us{text}er:pass@")))),
        ("method", |session, url, text| session.request(format!("GET{text}").as_str(), url)),
        ("header name", |session, url, text| session.get(url).header(format!("X{text}"), "v")),
        ("header value", |session, url, text| session.get(url).header("X-Own", format!("v{text}"))),
        ("host", |session, url, text| session.get(url).header("Host", format!("a{text}"))),
        ("cookie", |session, url, text| {
            session.get(url).cookies(CookieJar::from([(format!("a{text}"), format!("b{text}"))]))
        }),
        ("basic auth", |session, url, text| session.get(url).auth((format!("u{text}"), format!("p{text}")))),
        ("bearer auth", |session, url, text| session.get(url).auth(BearerAuth::new(text))),
        ("form", |session, url, text| session.post(url).data(Body::from([(text.to_owned(), text.to_owned())]))),
        ("multipart", |session, url, text| {
            let part = Part::text("content").file_name(text.to_owned());
            session.post(url).files(Multipart::new().part(text, part))
        }),
    ];
    let mut sent = 0;
    for (name, put) in ways {
        for text in BREAKS {
            let server = ok();
            let session = session();

            let result = put(&session, &server.url("/"), text).send();

            let requests = server.requests();
            assert!(requests.len() <= 1, "{name} {text:?}: {requests:?}");
            assert_eq!(requests.len(), usize::from(result.is_ok()), "{name} {text:?}: {result:?}");
            for request in requests {
                sent += 1;
                let head = request.raw_text();
                let head = head.split("\r\n\r\n").next().unwrap_or_default();
                let evil = head.lines().any(|line| line.to_ascii_lowercase().starts_with("x-evil"));
                assert!(
                    !evil && !head.contains('\0') && !head.replace("\r\n", "").contains(['\r', '\n']),
                    "{name}: {head:?}"
                );
            }
            // And the connection is still in step.
            assert_eq!(session.get(server.url("/")).send().unwrap().text().unwrap(), "ok", "{name} {text:?}");
        }
    }
    assert!(sent > 10, "some of them can be encoded and are sent: {sent}");
}

#[test]
fn a_url_goes_to_the_host_that_it_shows() {
    for (text, host) in [
        ("http://good.test:@evil.test/", "evil.test"),
        ("http://good.test:80@evil.test/", "evil.test"),
        // An escape is never undone, so it cannot end the host (CVE-2022-27780 of curl).
        ("http://good.test%40evil.test/", "good.test%40evil.test"),
        ("http://good.test%2fevil.test/", "good.test%2Fevil.test"),
        ("http://good.test#@evil.test/", "good.test"),
        ("http://good.test?@evil.test/", "good.test"),
        ("http://good.test/@evil.test/", "good.test"),
        ("http://a@b@good.test/", "good.test"),
        ("http://good.test./", "good.test"),
        // As in requests and in browsers.
        (r"http://good.test\@evil.test/", "good.test"),
    ] {
        let server = ok();
        session_at(&server).get(text).send().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(server.requests()[0].header("host"), Some(host), "{text}");
    }
}

// CVE-2024-47081 of requests: the entry was looked up by what stands before the last colon.
#[test]
fn netrc_is_asked_for_the_host_that_is_connected_to() {
    let child = Child::new(|| {
        let server = ok();
        let mut session = session_at(&server);
        session.trust_env = true;
        for url in [
            "http://good.test:@evil.test/",
            "http://good.test:80@evil.test/",
            "http://good.test@evil.test/",
            "http://good.test/",
        ] {
            session.get(url).send().unwrap();
        }
        let sent =
            server.requests().into_iter().map(|request| request.header("authorization").unwrap_or("none").to_owned());
        sent.collect::<Vec<_>>().join(" ")
    });
    let dir = TempDir::new();
    let file = dir.file("netrc", "machine good.test login user password hunter2-secret\n");

    let said = child.run(&[("NETRC", file.to_str().unwrap())]);

    // What stands before the `@` is a user and perhaps a password, and goes where the URL says.
    assert_eq!(said, "Basic Z29vZC50ZXN0Og== Basic Z29vZC50ZXN0Ojgw none Basic dXNlcjpodW50ZXIyLXNlY3JldA==");
}

#[test]
fn a_host_of_a_url_is_a_name_or_an_address_and_nothing_else() {
    for text in [
        "http://a b/",
        "http://[::1/",
        "http://[::1]evil.test/",
        "http://a:b/",
        "http://a:99999/",
        "http://[v1.x]/",
        "http://[1.2.3.4]/",
        "http:///",
        "http://:80/",
    ] {
        let error = session_over(HttpAdapter::builder().resolver(|host, _| panic!("looked up {host:?}")).build())
            .get(text)
            .send();
        let error = error.map(|response| response.status_code()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidUrl), "{text}: {error:?}");
    }
}

#[test]
fn heads_without_end_and_too_many_of_them_are_refused() {
    let line = "X-Filler: 0123456789012345678901234567890123456789\r\n";
    for head in [
        format!("HTTP/1.1 200 OK\r\n{}\r\n", line.repeat(300)),
        format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(300_000)),
        format!("HTTP/1.1 200 {}\r\n\r\n", "x".repeat(300_000)),
        format!("HTTP/1.1 103 Early Hints\r\n{line}\r\n").repeat(10_000),
        "\r\n".repeat(300_000),
    ] {
        let server = crate::support::once(head);
        let error = session().get(server.url("/")).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionError, "{error}");
    }
}

#[test]
fn a_session_verifies_by_default_and_an_environment_cannot_switch_it_off() {
    assert_eq!(Session::new().verify, Verify::Yes);
    let adapter = format!("{:?}", everywhere(&ok()));
    assert!(!adapter.contains("verify: No"), "{adapter}");
    // No line of the log says that something is not verified where everything is.
    let server = ok();
    let (_, lines) = logged(|| session().get(server.url("/")).send().unwrap());
    assert!(!lines.iter().any(|line| line.contains("Unverified")), "{lines:?}");
    let _: Response = Response::builder(200).build().unwrap();
}
