//! What a request looks like on the wire, byte for byte, and what a session adds to it.

use crate::support::{Child, expected, last_text, ok, own_headers, say_ok, session, session_at};
#[cfg(feature = "native-tls")]
use crate::support::{tls_server, tunnels};
use petition::testing::{Reply, TestServer};
use petition::{BearerAuth, Body, Cookie, ErrorKind, Multipart, Part, Request, Response, Result, Session, Url};

// The four headers of a session that has no others, with the Host that comes before them.
const HEAD: &str = "Host: {host}\nUser-Agent: {ua}\nAccept-Encoding: {ae}\nAccept: */*\nConnection: keep-alive\n";

// SES-02, HDR-15
#[test]
fn a_new_session_names_itself_and_the_codings_of_the_build() {
    let headers = Session::new().headers;

    let names: Vec<&str> = headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["User-Agent", "Accept-Encoding", "Accept", "Connection"]);
    assert_eq!(headers.get("User-Agent"), Some(concat!("petition/", env!("CARGO_PKG_VERSION"))));
    for coding in headers.get("Accept-Encoding").unwrap().split(", ") {
        assert!(["gzip", "deflate", "br", "zstd", "identity"].contains(&coding), "{coding}");
    }
}

// WIRE-01, URL-12, URL-23, URL-24, URL-25, SES-02
#[test]
fn wire_01_a_get_with_params_and_a_fragment() {
    let server = ok();

    session().get(server.url("/a/b?x=1#frag")).params([("k", "v w")]).params([("l", 1), ("l", 2)]).send().unwrap();

    assert_eq!(last_text(&server), expected(&server, &format!("GET /a/b?x=1&k=v+w&l=1&l=2 HTTP/1.1\n{HEAD}"), ""));
}

// WIRE-02, BODY-06 (deviation: compact, UTF-8)
#[cfg(feature = "json")]
#[test]
fn wire_02_a_json_body_is_compact_and_in_utf_8() {
    let server = ok();

    let body = serde_json::json!({"a": 1, "b": "é"});
    session().post(server.url("/j")).json(&body).send().unwrap();

    let head = format!("POST /j HTTP/1.1\n{HEAD}Content-Length: 16\nContent-Type: application/json\n");
    assert_eq!(last_text(&server), expected(&server, &head, "{\"a\":1,\"b\":\"é\"}"));
}

// WIRE-03, BODY-04
#[test]
fn wire_03_a_form() {
    let server = ok();

    session().post(server.url("/f")).data([("a", "1 2"), ("b", "x"), ("b", "y")]).send().unwrap();

    let head = format!("POST /f HTTP/1.1\n{HEAD}Content-Length: 13\nContent-Type: application/x-www-form-urlencoded\n");
    assert_eq!(last_text(&server), expected(&server, &head, "a=1+2&b=x&b=y"));
}

// WIRE-04, BODY-24, BODY-25, BODY-26
#[test]
fn wire_04_a_field_and_a_file() {
    let server = ok();

    let part = Part::bytes("hello").file_name("h.txt").mime("text/plain");
    session().post(server.url("/m")).data([("f", "v")]).files([("up", part)]).send().unwrap();

    let sent = last_text(&server);
    let (_, rest) = sent.split_once("boundary=").unwrap();
    let boundary = &rest[..32];
    assert!(boundary.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)), "{boundary}");
    let head = format!(
        "POST /m HTTP/1.1\n{HEAD}Content-Length: 253\nContent-Type: multipart/form-data; boundary={boundary}\n"
    );
    let body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nv\r\n--{boundary}\r\nContent-Disposition: \
         form-data; name=\"up\"; filename=\"h.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--{boundary}--\r\n"
    );
    assert_eq!(sent, expected(&server, &head, &body));
}

// WIRE-05, BODY-13, BODY-14
#[test]
fn wire_05_an_iterator_goes_chunk_by_chunk() {
    let server = ok();

    session().post(server.url("/g")).data(Body::chunks(["abc", "", "dé"])).send().unwrap();

    let head = format!("POST /g HTTP/1.1\n{HEAD}Transfer-Encoding: chunked\n");
    assert_eq!(last_text(&server), expected(&server, &head, "3\r\nabc\r\n3\r\ndé\r\n0\r\n\r\n"));
}

// WIRE-06, HDR-13
#[test]
fn wire_06_a_head() {
    let server = ok();

    session().head(server.url("/h")).send().unwrap();

    assert_eq!(last_text(&server), expected(&server, &format!("HEAD /h HTTP/1.1\n{HEAD}"), ""));
}

// WIRE-07, URL-19
#[test]
fn wire_07_a_get_through_a_proxy() {
    let proxy = ok();

    session()
        .get("http://u:p@example.test:8080/a?b=1#f")
        .proxies([("http", format!("http://pu:pp@{}", proxy.address()))])
        .send()
        .unwrap();

    let head = format!(
        "GET http://example.test:8080/a?b=1 HTTP/1.1\n{}Authorization: Basic dTpw\nProxy-Authorization: Basic \
         cHU6cHA=\n",
        HEAD.replace("{host}", "example.test:8080")
    );
    assert_eq!(last_text(&proxy), expected(&proxy, &head, ""));
}

// WIRE-08, HDR-10
#[cfg(feature = "native-tls")]
#[test]
fn wire_08_a_tunnel_and_what_goes_through_it() {
    let server = tls_server(&["localhost"], say_ok);
    let place = server.address();
    let (proxy, asked) = tunnels(move |_| Some(place));

    let session = session();
    let response = session
        .get("https://localhost:8443/x?y")
        .proxies([("https", format!("http://pu:pp@{proxy}"))])
        .verify(false)
        .send()
        .unwrap();
    assert_eq!(response.text().unwrap(), "ok");

    assert_eq!(
        asked.try_iter().collect::<Vec<_>>(),
        ["CONNECT localhost:8443 HTTP/1.1\r\nProxy-Authorization: Basic cHU6cHA=\r\nHost: localhost:8443\r\n\r\n"]
    );
    let head = format!("GET /x?y HTTP/1.1\n{}", HEAD.replace("{host}", "localhost:8443"));
    assert_eq!(last_text(&server), expected(&server, &head, ""));
}

// WIRE-09, AUTH-06
#[test]
fn wire_09_basic_credentials() {
    let server = ok();

    session().get(server.url("/b")).auth(("us", "pw")).send().unwrap();

    let head = format!("GET /b HTTP/1.1\n{HEAD}Authorization: Basic dXM6cHc=\n");
    assert_eq!(last_text(&server), expected(&server, &head, ""));
}

// WIRE-10
#[test]
fn wire_10_cookies_of_a_request() {
    let server = ok();

    session().get(server.url("/c")).cookies([("a", "1"), ("b", "2")]).send().unwrap();

    let head = format!("GET /c HTTP/1.1\n{HEAD}Cookie: a=1; b=2\n");
    assert_eq!(last_text(&server), expected(&server, &head, ""));
}

// WIRE-11, HDR-06
#[cfg(feature = "json")]
#[test]
fn wire_11_everything_at_once() {
    let server = ok();

    session()
        .post(server.url("/e"))
        .json(serde_json::json!({"a": 1}))
        .auth(("a", "b"))
        .cookies([("k", "v")])
        .header("X-A", "1")
        .header("Content-Type", "application/x")
        .send()
        .unwrap();

    let head = format!(
        "POST /e HTTP/1.1\n{HEAD}X-A: 1\nContent-Type: application/x\nCookie: k=v\nContent-Length: 7\nAuthorization: \
         Basic YTpi\n"
    );
    assert_eq!(last_text(&server), expected(&server, &head, "{\"a\":1}"));
}

// WIRE-12, HDR-08, HDR-09, HDR-11, HDR-16
#[test]
fn wire_12_a_host_of_ones_own_a_header_replaced_and_one_removed() {
    let server = ok();

    session()
        .get(server.url("/e"))
        .header("Host", "h.example")
        .header("user-agent", "zz")
        .remove_header("Accept")
        .remove_header("X-Never-Set")
        .header("X", "1")
        .send()
        .unwrap();

    let head =
        "GET /e HTTP/1.1\nuser-agent: zz\nAccept-Encoding: {ae}\nConnection: keep-alive\nHost: h.example\nX: 1\n";
    assert_eq!(last_text(&server), expected(&server, head, ""));
}

// WIRE-13, HDR-07
#[test]
fn wire_13_nothing_merged_and_everything_removed_look_the_same() {
    let server = ok();
    let session = session();
    let head = "GET / HTTP/1.1\nHost: {host}\nAccept-Encoding: identity\nUser-Agent: {ua}\n";

    session.send(Request::new("GET", server.url("")).prepare().unwrap()).unwrap();
    assert_eq!(last_text(&server), expected(&server, head, ""));

    let bare = ["User-Agent", "accept-encoding", "Accept", "Connection"]
        .into_iter()
        .fold(session.get(server.url("/")), |request, name| request.remove_header(name));
    bare.send().unwrap();
    assert_eq!(last_text(&server), expected(&server, head, ""));
}

// HDR-07
#[test]
fn a_skipped_header_is_not_sent_at_all() {
    let server = ok();

    let names = ["User-Agent", "Accept-Encoding", "Accept", "Connection", "Host"];
    names.into_iter().fold(session().get(server.url("/")), |request, name| request.skip_header(name)).send().unwrap();

    assert_eq!(last_text(&server), "GET / HTTP/1.1\r\n\r\n");
}

// WIRE-14, HDR-13
#[test]
fn wire_14_a_method_without_a_body_says_so_unless_it_is_get_or_head() {
    let server = ok();

    for method in ["POST", "DELETE", "PUT", "PATCH", "OPTIONS", "PROPFIND"] {
        session().request(method, server.url("/e")).send().unwrap();

        let head = format!("{method} /e HTTP/1.1\n{HEAD}Content-Length: 0\n");
        assert_eq!(last_text(&server), expected(&server, &head, ""));
    }
}

// HDR-13
#[test]
fn a_content_length_of_the_callers_own_stays_where_there_is_no_body() {
    let prepared = Request::new("POST", "http://h/").header("Content-Length", "0").header("X", "1").prepare().unwrap();

    let names: Vec<&str> = prepared.headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["Content-Length", "X"]);
}

// HDR-12
#[test]
fn the_length_of_a_known_body_wins_over_the_callers_in_the_callers_place() {
    let server = ok();

    session().post(server.url("/")).header("content-length", "99").header("X", "1").data("abc").send().unwrap();

    assert_eq!(own_headers(&server.requests()[0]), [("Content-Length", "3"), ("X", "1")]);
    assert_eq!(server.requests()[0].body, b"abc");
}

// HDR-14, SES-13
#[test]
fn a_method_goes_out_in_upper_case_and_one_that_is_no_token_never_does() {
    let server = ok();

    session().request("propFind", server.url("/")).send().unwrap();
    assert_eq!(server.requests()[0].method, "PROPFIND");

    for bad in ["", "GET /x", "G\r\nT", "G(T", "GÉT"] {
        let error = session().request(bad, server.url("/")).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMethod, "{bad:?}");
    }
    assert_eq!(server.requests().len(), 1);
}

// HDR-05
#[test]
fn header_values_go_out_as_latin_1_and_anything_beyond_is_refused_before_a_connection() {
    let server = ok();

    session().get(server.url("/")).header("X", "caf\u{e9}").send().unwrap();
    assert!(server.requests()[0].raw.windows(9).any(|window| window == b"X: caf\xe9\r\n"));

    let error = session().get(server.url("/")).header("X", "\u{20ac}").send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidHeader);
    assert_eq!(server.requests().len(), 1);
}

// HDR-10, URL-05, URL-22
#[test]
fn the_automatic_host_has_a_port_only_where_it_is_not_the_schemes_own() {
    let server = ok();
    let session = session_at(&server);

    for (url, host) in [
        ("http://a.test/", "a.test"),
        ("http://a.test:80/", "a.test"),
        ("http://A.Test:81/", "a.test:81"),
        ("http://a.test:443/", "a.test:443"),
        ("http://a.test./", "a.test"),
        ("http://u:p@a.test/", "a.test"),
        ("http://b\u{fc}cher.test/", "xn--bcher-kva.test"),
    ] {
        session.get(url).send().unwrap();
        assert_eq!(server.requests().pop().unwrap().header("host"), Some(host), "{url}");
    }
}

// HDR-10, URL-18
#[test]
fn the_host_of_an_ipv6_address_has_its_brackets() {
    // A machine without IPv6 cannot say.
    let Ok(server) = TestServer::builder().address("[::1]:0").start(say_ok) else { return };

    session().get(server.url("/")).send().unwrap();

    let host = format!("[::1]:{}", server.address().port());
    assert_eq!(server.requests()[0].header("host"), Some(host.as_str()));
}

// URL-02, URL-06 to URL-12, ADPT-13, URL-16, URL-19, URL-20, URL-25, URL-26
#[test]
fn the_target_is_encoded_as_requests_does_and_never_has_a_fragment_or_user_info() {
    let server = ok();
    let session = session_at(&server);

    for (url, target) in [
        ("http://h", "/"),
        ("http://user:pass@h/p/a?b=c#frag", "/p/a?b=c"),
        ("http://h?a", "/?a"),
        ("http://h/?", "/"),
        ("http://h#f", "/"),
        ("  http://h/p", "/p"),
        ("http://h/p ", "/p%20"),
        ("http://h/a/../b/./c", "/b/c"),
        ("http://h/../x", "/x"),
        ("http://h/a b?c d", "/a%20b?c%20d"),
        ("http://h/\u{e9}?\u{e9}", "/%C3%A9?%C3%A9"),
        ("http://h/%2f%7E", "/%2F~"),
        ("http://h/100%", "/100%25"),
        ("http://h/?a=%20%zz", "/?a=%2520%25zz"),
        ("http://h/<>\"[]\\^{}`|", "/%3C%3E%22%5B%5D%5C%5E%7B%7D%60%7C"),
        ("http://h/!$&'()*+,;=:@", "/!$&'()*+,;=:@"),
        ("http://h/a\tb\r\nc", "/a%09b%0D%0Ac"),
        ("http://u:p@x@h/p#f", "/p"),
        ("http://h\\@evil.test/", "/%5C@evil.test/"),
    ] {
        session.get(url).send().unwrap_or_else(|error| panic!("{url:?}: {error}"));
        let request = server.requests().pop().unwrap();
        assert_eq!((request.target.as_str(), request.header("host")), (target, Some("h")), "{url:?}");
    }
}

// URL-23, URL-24, URL-25, URL-26, URL-27
#[test]
fn params_are_appended_form_encoded_and_a_query_text_as_it_is() {
    let server = ok();
    let url = server.url("/p");
    let target = |request: petition::RequestBuilder<'_>| {
        request.send().unwrap();
        server.requests().pop().unwrap().target
    };
    let session = session();

    let pairs = [("b", "2 &=\u{e9}"), ("a", ""), ("", "x"), ("p", "50%25"), ("s", "_.-~*'")];
    assert_eq!(target(session.get(&url).params(pairs)), "/p?b=2+%26%3D%C3%A9&a=&=x&p=50%2525&s=_.-~%2A%27");
    assert_eq!(target(session.get(&url).params([("t", true)]).params([("n", 1.5)])), "/p?t=true&n=1.5");
    assert_eq!(target(session.get(format!("{url}?x=1#f")).params([("y", 2)])), "/p?x=1&y=2");
    assert_eq!(target(session.get(&url).query_string("a b=%41&c")), "/p?a%20b=A&c");
    assert_eq!(target(session.get(&url).query_string("?a=1")), "/p??a=1");
    assert_eq!(target(session.get(format!("{url}?x")).query_string("&a=1")), "/p?x&&a=1");
    let none: [(&str, &str); 0] = [];
    assert_eq!(target(session.get(&url).params(none)), "/p");
}

// URL-29
#[test]
fn a_prepared_request_whose_url_was_replaced_goes_to_the_new_one() {
    let server = ok();
    let session = session();
    let mut prepared = session.prepare_request(Request::new("GET", server.url("/old"))).unwrap();

    prepared.url = Url::parse(&server.url("/new path?q#f")).unwrap();
    let response = session.send(prepared).unwrap();

    assert_eq!(server.requests()[0].target, "/new%20path?q");
    assert_eq!(response.url().as_str(), server.url("/new%20path?q#f"));
}

// URL-01, URL-03, URL-04, URL-16, URL-17, ADPT-20
#[test]
fn a_url_that_cannot_be_used_fails_before_any_connection() {
    for (url, kind) in [
        ("h/p", ErrorKind::MissingSchema),
        ("//h/p", ErrorKind::MissingSchema),
        ("", ErrorKind::MissingSchema),
        ("http://", ErrorKind::InvalidUrl),
        ("http:///p", ErrorKind::InvalidUrl),
        ("http://a b/", ErrorKind::InvalidUrl),
        ("http://a\r\nb/", ErrorKind::InvalidUrl),
        ("http://h:99999/", ErrorKind::InvalidUrl),
        ("http://h:x/", ErrorKind::InvalidUrl),
        ("http://*.h/", ErrorKind::InvalidUrl),
        ("http://[::1/", ErrorKind::InvalidUrl),
        ("http://.h/", ErrorKind::InvalidUrl),
        ("ftp://h/", ErrorKind::InvalidSchema),
        ("mailto:a@b", ErrorKind::InvalidSchema),
        ("localhost:3128", ErrorKind::InvalidSchema),
    ] {
        let error = session().get(url).send().unwrap_err();
        assert_eq!(error.kind(), kind, "{url:?}: {error}");
    }
}

type Route = Box<dyn Fn(&Session, &TestServer) -> Result<Response>>;

fn route(send: impl Fn(&Session, &TestServer) -> Result<Response> + 'static) -> Route {
    Box::new(send)
}

/// Every way by which a program's text gets into a request head or a part's head, with a text that would end it.
fn routes(evil: &'static str) -> Vec<(&'static str, Route)> {
    let form = |change: fn(Part, &str) -> Part| {
        route(move |session, server| {
            session.post(server.url("/")).files([("f", change(Part::bytes("x"), evil))]).send()
        })
    };
    vec![
        ("method", route(move |s, server| s.request(format!("GET{evil}"), server.url("/")).send())),
        ("path", route(move |s, server| s.get(server.url(&format!("/a{evil}b"))).send())),
        ("query", route(move |s, server| s.get(server.url(&format!("/?a{evil}b"))).send())),
        ("fragment", route(move |s, server| s.get(server.url(&format!("/#a{evil}b"))).send())),
        ("host", route(move |s, _| s.get(format!("http://a{evil}b/")).send())),
        ("port", route(move |s, _| s.get(format!("http://h:80{evil}/")).send())),
        ("user-info", route(move |s, server| s.get(format!("http://u{evil}:p{evil}@{}/", server.address())).send())),
        ("param name", route(move |s, server| s.get(server.url("/")).params([(evil, "v")]).send())),
        ("param value", route(move |s, server| s.get(server.url("/")).params([("n", evil)]).send())),
        ("query text", route(move |s, server| s.get(server.url("/")).query_string(evil).send())),
        ("header name", route(move |s, server| s.get(server.url("/")).header(format!("X{evil}"), "v").send())),
        ("header value", route(move |s, server| s.get(server.url("/")).header("X", format!("v{evil}")).send())),
        ("headers", route(move |s, server| s.get(server.url("/")).headers([("X", format!("v{evil}"))]).send())),
        ("host header", route(move |s, server| s.get(server.url("/")).header("Host", format!("h{evil}")).send())),
        ("removed header", route(move |s, server| s.get(server.url("/")).remove_header(evil).send())),
        (
            "prepared header",
            route(move |s, server| {
                let mut prepared = Request::new("GET", server.url("/")).prepare()?;
                prepared.headers.insert("X", format!("v{evil}"))?;
                s.send(prepared)
            }),
        ),
        (
            "appended header",
            route(move |s, server| {
                let mut prepared = Request::new("GET", server.url("/")).prepare()?;
                prepared.headers.append(format!("X{evil}"), "v")?;
                s.send(prepared)
            }),
        ),
        ("cookie name", route(move |s, server| s.get(server.url("/")).cookies([(format!("n{evil}"), "v")]).send())),
        ("cookie value", route(move |s, server| s.get(server.url("/")).cookies([("n", format!("v{evil}"))]).send())),
        (
            "session cookie",
            route(move |s, server| {
                s.cookies.insert("n", format!("v{evil}"));
                s.get(server.url("/")).send()
            }),
        ),
        (
            "cookie with a domain",
            route(move |s, server| {
                s.cookies.set(Cookie::new(format!("n{evil}"), "v").domain("127.0.0.1").path("/"));
                s.get(server.url("/")).send()
            }),
        ),
        ("basic user", route(move |s, server| s.get(server.url("/")).auth((evil, evil)).send())),
        ("bearer token", route(move |s, server| s.get(server.url("/")).auth(BearerAuth::new(evil)).send())),
        ("form field in a form", route(move |s, server| s.post(server.url("/")).data([(evil, evil)]).send())),
        (
            "multipart field",
            route(move |s, server| s.post(server.url("/")).files(Multipart::new().text(evil, "v")).send()),
        ),
        ("file name", form(|part, evil| part.file_name(format!("f{evil}")))),
        ("mime", form(|part, evil| part.mime(format!("text/plain{evil}")))),
        ("part header name", form(|part, evil| part.header(format!("X{evil}"), "v"))),
        ("part header value", form(|part, evil| part.header("X", format!("v{evil}")))),
        (
            "boundary",
            route(move |s, server| {
                s.post(server.url("/")).files(Multipart::new().boundary(format!("b{evil}")).text("a", "b")).send()
            }),
        ),
        (
            "proxy credentials",
            route(move |s, server| {
                let proxy = format!("http://u{evil}:p@{}", server.address());
                s.get("http://target.test/").proxies([("http", proxy)]).send()
            }),
        ),
        (
            "auth of one's own",
            route(move |s, server| {
                let auth =
                    move |request: &mut petition::PreparedRequest| request.headers.insert("X-Auth", format!("v{evil}"));
                s.get(server.url("/")).auth(auth).send()
            }),
        ),
    ]
}

// HDR-01, HDR-02, HDR-14, URL-16, BODY-27, COOK-30; docs/decisions.md#strict-headers
#[test]
fn no_text_of_the_programs_ends_a_line_of_the_request_by_any_route() {
    for evil in [
        "\r\nX-Evil: 1",
        "\nX-Evil: 1",
        "\rX-Evil: 1",
        "\0X-Evil: 1",
        "\r\n\r\nGET /evil HTTP/1.1\r\nX-Evil: 1\r\n\r\n",
    ] {
        for (name, send) in routes(evil) {
            let server = ok();
            let session = session();

            let result = send(&session, &server);
            let sent = server.requests().len();
            // What was smuggled in would be taken for a request before this one.
            session.cookies.clear();
            session.get(server.url("/after")).send().unwrap();

            let requests = server.requests();
            assert_eq!(requests.len(), sent + 1, "{name} {evil:?}");
            match result {
                Ok(_) => assert_eq!(sent, 1, "{name} {evil:?}"),
                Err(error) => {
                    assert_eq!(sent, 0, "{name} {evil:?}: {error}");
                    let refused = matches!(
                        error.kind(),
                        ErrorKind::InvalidHeader
                            | ErrorKind::InvalidUrl
                            | ErrorKind::InvalidProxyUrl
                            | ErrorKind::InvalidMethod
                            | ErrorKind::InvalidSetting
                    );
                    assert!(refused, "{name} {evil:?}: {error:?}");
                }
            }
            for request in requests {
                let raw = request.raw_text().replace("\r\n", "\u{2028}");
                assert!(!raw.contains(['\r', '\n', '\0']), "{name} {evil:?}: {raw:?}");
                let injected =
                    raw.split('\u{2028}').any(|line| line.starts_with("X-Evil") || line.starts_with("GET /evil"));
                assert!(!injected, "{name} {evil:?}: {raw:?}");
            }
        }
    }
}

// HDR-12; docs/decisions.md#framing-headers
#[test]
fn framing_that_is_set_by_hand_in_two_ways_is_refused() {
    let server = ok();
    let session = session();
    let reader = || petition::Body::reader(&b"hello"[..]);
    type Fields = &'static [(&'static str, &'static str)];
    let table: &[(Fields, bool)] = &[
        (&[("Content-Length", "5"), ("Content-Length", "6")], false),
        (&[("Content-Length", "6"), ("content-length", "5")], false),
        (&[("Content-Length", "5"), ("Content-Length", "5")], false),
        (&[("Content-Length", "5"), ("CONTENT-LENGTH", "")], false),
        (&[("Content-Length", "5"), ("Transfer-Encoding", "chunked")], false),
        (&[("transfer-encoding", "Chunked"), ("Content-Length", "5")], false),
        (&[("TRANSFER-ENCODING", "identity"), ("Content-Length", "5")], false),
        (&[("Content-Length", "5"), ("Transfer-Encoding", "x\tchunked")], false),
        (&[("Content-Length", "5"), ("Transfer-Encoding", "")], false),
        (&[("Transfer-Encoding", "identity")], false),
        (&[("Transfer-Encoding", "chunked, identity")], false),
        (&[("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")], false),
        (&[("Transfer-Encoding", "Chunked")], true),
        (&[("Content-Length", "5")], true),
    ];
    for (fields, fine) in table {
        for body in [petition::Body::from("hello"), reader()] {
            let mut edited = session.post(server.url("/")).data(body).prepare().unwrap();
            edited.headers.remove("content-length");
            edited.headers.remove("transfer-encoding");
            for (name, value) in *fields {
                edited.headers.append(name, value).unwrap();
            }
            let sent = session.send(edited).map(|_| ()).map_err(|error| error.kind());
            assert_eq!(sent, if *fine { Ok(()) } else { Err(ErrorKind::InvalidHeader) }, "{fields:?}");
        }
    }
    // In the session's headers, where a body would have set one right.
    let mut twice = crate::support::session();
    twice.headers.append("Content-Length", "5").unwrap();
    twice.headers.append("Content-Length", "6").unwrap();
    assert_eq!(twice.post(server.url("/")).data("hello").send().unwrap_err().kind(), ErrorKind::InvalidHeader);
    assert_eq!(server.requests().len(), 4, "nothing of a refused request goes out");
}

// AUTH-21; docs/decisions.md#control-bytes: a bare CR inside a value
#[cfg(feature = "digest")]
#[test]
fn what_a_server_says_never_ends_a_line_of_the_next_request() {
    for answer in [
        "HTTP/1.1 302 Found\r\nLocation: /n\rX-Evil: 1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /n%0d%0aX-Evil:%201\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /n\r\nSet-Cookie: a=b\rX-Evil: 1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /n\r\nSet-Cookie: a=b\0c\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"a\rX-Evil: 1\", nonce=\"n\"\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"n\rX-Evil: 1\"\r\nContent-Length: 0\r\n\r\n",
    ] {
        let server = TestServer::http(move |request| {
            if request.target == "/" && request.header("authorization").is_none() {
                Reply::raw(answer)
            } else {
                Reply::new(200)
            }
        });

        // An answer that is refused is as good as one that is cleaned.
        let _ = session().get(server.url("/")).auth(petition::DigestAuth::new("u", "p")).send();

        let requests = server.requests();
        assert!((1..=2).contains(&requests.len()), "{answer:?}");
        for request in requests {
            let raw = request.raw_text().replace("\r\n", "\u{2028}");
            assert!(!raw.contains(['\r', '\n', '\0']), "{answer:?}: {raw:?}");
            assert!(!raw.contains("\u{2028}X-Evil"), "{answer:?}: {raw:?}");
        }
    }
}

// SES-09, COOK-04
#[test]
fn cookies_of_a_request_are_merged_over_the_sessions_and_not_kept() {
    let server = ok();
    let session = session();
    session.cookies.insert("a", "session");
    session.cookies.insert("b", "session");

    session.get(server.url("/")).cookies([("b", "request"), ("c", "request")]).send().unwrap();
    session.get(server.url("/")).send().unwrap();

    let requests = server.requests();
    assert_eq!(requests[0].header("cookie"), Some("a=session; b=request; c=request"));
    assert_eq!(requests[1].header("cookie"), Some("a=session; b=session"));
}

// TBELT-10
#[test]
fn a_relative_url_is_joined_to_the_base_url_and_an_absolute_one_is_not() {
    let server = ok();
    let mut session = session();
    session.base_url = Some(Url::parse(&server.url("/api/v1/")).unwrap());

    for (url, target) in [
        ("items", "/api/v1/items"),
        ("items?x=1", "/api/v1/items?x=1"),
        ("../v2/items", "/api/v2/items"),
        ("/root", "/root"),
        ("?q=1", "/api/v1/?q=1"),
        ("", "/api/v1/"),
        (&server.url("/abs"), "/abs"),
    ] {
        session.get(url).send().unwrap();
        assert_eq!(server.requests().pop().unwrap().target, target, "{url:?}");
    }
    session.send(session.prepare_request(Request::new("GET", "by-hand")).unwrap()).unwrap();
    assert_eq!(server.requests().pop().unwrap().target, "/api/v1/by-hand");
}

// SES-14, SES-26, ADPT-14
#[test]
fn a_prepared_request_can_be_changed_and_sent_again() {
    let server = ok();
    let mut session = session();
    session.headers.insert("X-S", "1").unwrap();
    let mut prepared =
        session.prepare_request(Request::new("POST", server.url("/")).data("body").params([("a", "b")])).unwrap();
    assert_eq!(prepared.body_bytes(), Some(&b"body"[..]));
    let copy = prepared.clone();
    session.headers.insert("X-S", "2").unwrap();
    session.cookies.insert("id", "1");

    prepared.headers.insert("X-Own", "3").unwrap();
    session.send(prepared.clone()).unwrap();
    session.send(prepared).unwrap();
    session.send(copy).unwrap();

    let requests = server.requests();
    assert!(requests.iter().all(|request| request.target == "/?a=b" && request.body == b"body"));
    let as_prepared = [("X-S", "1"), ("Content-Length", "4")];
    let edited = [("X-S", "1"), ("Content-Length", "4"), ("X-Own", "3")];
    let sent: Vec<_> = requests.iter().map(own_headers).collect();
    assert_eq!(sent, [&edited[..], &edited, &as_prepared]);
}

// SES-13, SES-18
#[test]
fn send_takes_the_sessions_settings_and_send_with_its_own() {
    let server = TestServer::http(|request| {
        if request.target == "/" { Reply::new(302).header("Location", "/next") } else { Reply::new(200).body("x") }
    });
    let mut session = session();
    session.stream = true;
    let prepared = session.prepare_request(Request::new("GET", server.url("/"))).unwrap();

    let followed = session.send(prepared.clone()).unwrap();
    assert_eq!((followed.status_code().as_u16(), followed.history().len()), (200, 1));
    let mut options = session.send_options();
    assert!(options.stream);
    options.allow_redirects = false;
    let alone = session.send_with(prepared, options).unwrap();

    assert_eq!((alone.status_code().as_u16(), alone.history().len()), (302, 0));
    assert_eq!(alone.next().unwrap().url.as_str(), server.url("/next"));
}

// SES-15
#[test]
fn a_request_prepared_without_a_session_has_only_what_it_says() {
    let prepared = Request::new("GET", "http://u:p@h/").cookies([("a", "1")]).prepare().unwrap();

    let headers: Vec<(&str, &str)> = prepared.headers.iter().collect();
    assert_eq!(headers, [("Cookie", "a=1"), ("Authorization", "Basic dTpw")]);
}

// A query may have a token in it: no text of an error shows one, wherever the URL came from
#[test]
fn an_error_about_a_url_shows_no_user_info_and_no_query() {
    let mut session = session();
    session.mount("foo://", petition::HttpAdapter::new());
    for (url, shown) in [
        ("h/p?token=secret", "Invalid URL 'h/p': No scheme supplied. Perhaps you meant https://h/p?"),
        ("user@h/p?secret#secret", "Invalid URL 'h/p': No scheme supplied. Perhaps you meant https://h/p?"),
        ("http://user:secret@?secret", "Invalid URL 'http://': No host supplied"),
        ("http:///user:secret@h/p?secret", "Invalid URL 'http:///h/p': No host supplied"),
        ("ftp://user:secret@h/p?token=secret#secret", "no adapter is mounted for \"ftp://h/p\""),
        ("user:secret@h/p?secret", "no adapter is mounted for \"h/p\""),
        ("user:sec?secret@h/p", "no adapter is mounted for \"h/p\""),
        ("foo://user:secret@h/p?token=secret", "\"foo://h/p\" is not an http or https URL"),
    ] {
        let error = session.get(url).send().unwrap_err();

        assert_eq!(error.to_string(), shown);
    }
}

// PROXY-05, also on Windows, where HTTP_PROXY and http_proxy are one variable
#[test]
fn a_cgi_program_takes_no_proxy_from_the_header_of_a_stranger() {
    let child = Child::new(|| {
        let server = TestServer::http(|_| Reply::new(200).body("origin"));
        Session::new().get(server.url("/")).send().unwrap().text().unwrap()
    });
    let proxy = TestServer::http(|_| Reply::new(200).body("proxy"));
    let url = &*proxy.url("");

    assert_eq!(child.run(&[("HTTP_PROXY", url)]), "proxy");
    assert_eq!(child.run(&[("HTTP_PROXY", url), ("REQUEST_METHOD", "GET")]), "origin");
    let lower_case = child.run(&[("http_proxy", url), ("REQUEST_METHOD", "GET")]);
    assert_eq!(lower_case, if cfg!(windows) { "origin" } else { "proxy" });
}

#[test]
fn the_bytes_of_a_body_are_there_where_there_is_a_body_in_memory() {
    let prepare = |request: Request| request.prepare().unwrap();
    let request = |method| Request::new(method, "http://127.0.0.1/");
    for none in [
        prepare(request("GET")),
        prepare(request("POST")),
        prepare(request("POST").data("")),
        prepare(request("POST").data(Vec::<u8>::new())),
        prepare(request("POST").data(Vec::<(String, String)>::new())),
        prepare(request("POST").data(Body::reader(&b"x"[..]))),
        session().prepare_request(request("PUT")).unwrap(),
    ] {
        assert_eq!(none.body_bytes(), None, "{none:?}");
    }
    for some in [prepare(request("GET").data("x")), session().prepare_request(request("POST").data(b"x")).unwrap()] {
        assert_eq!(some.body_bytes(), Some(&b"x"[..]), "{some:?}");
    }
}
