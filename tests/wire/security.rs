//! What docs/security.md says and no other file tests: text that would become another request, URLs that mean another host to
//! somebody else, variables that would switch verification off.

use petition::{BearerAuth, Body, CookieJar, ErrorKind, HttpAdapter, Multipart, Part, RequestBuilder, Session};
#[cfg(any(feature = "native-tls", feature = "rustls"))]
use petition::{
    Verify,
    testing::{Reply, TestServer},
};

use crate::support::{Child, TempDir, ok, session, session_at, session_over};
#[cfg(any(feature = "native-tls", feature = "rustls"))]
use crate::support::{LONG, backends};

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

// What other clients, and other languages, switch verification off with.
#[cfg(any(feature = "native-tls", feature = "rustls"))]
#[test]
fn a_session_verifies_by_default_and_an_environment_cannot_switch_it_off() {
    let child = Child::new(|| {
        assert_eq!(Session::new().verify, Verify::Yes);
        let url = std::env::var("TEST_URL").unwrap();
        let authority = std::env::var("TEST_AUTHORITY").ok();
        let outcomes = backends().into_iter().map(|backend| {
            let mut session = Session::new();
            session.mount("https://", HttpAdapter::builder().tls_backend(backend).build());
            let request = session.get(&url).timeout(LONG);
            let request = match &authority {
                Some(authority) => request.verify(authority),
                None => request,
            };
            match request.send() {
                Ok(response) => response.text().unwrap(),
                Err(error) => format!("{:?}", error.kind()),
            }
        });
        outcomes.collect::<Vec<_>>().join(" ")
    });
    let server = TestServer::https(|_| Reply::new(200).body("ok"));
    let (url, authority) = (server.url("/"), server.ca_file());
    let all = |outcome: &str| vec![outcome; backends().len()].join(" ");
    let variables = [
        ("PYTHONHTTPSVERIFY", "0"),
        ("CURL_CA_BUNDLE", ""),
        ("REQUESTS_CA_BUNDLE", ""),
        ("SSL_CERT_FILE", ""),
        ("SSL_NO_VERIFY", "1"),
        ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
        ("CURL_INSECURE", "1"),
        ("GIT_SSL_NO_VERIFY", "1"),
    ];

    let mut everything = vec![("TEST_URL", url.as_str())];
    for variable in variables {
        assert_eq!(child.run(&[("TEST_URL", &url), variable]), all("SslError"), "{variable:?}");
        everything.push(variable);
    }
    assert_eq!(child.run(&everything), all("SslError"), "all of them");
    // And it is the authority that is missing, not the server.
    everything.push(("TEST_AUTHORITY", authority.to_str().unwrap()));
    assert_eq!(child.run(&everything), all("ok"));
}
