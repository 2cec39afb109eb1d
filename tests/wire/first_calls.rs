//! The calls that people write first: parameters one by one, a struct as a query or a form, settings of a session, text and
//! pieces as they arrive, other crates' types.

#[cfg(feature = "json")]
use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::Duration;

use petition::testing::{Reply, TestServer};
use petition::{BearerAuth, ErrorKind, Headers, Proxies, Request, Response, Session, Timeout};

use crate::support::{bare, fixed, ok, once, saying, session, session_at};

fn targets(server: &TestServer) -> Vec<String> {
    server.requests().into_iter().map(|request| request.target).collect()
}

// SES-04, SES-06
#[test]
fn a_parameter_is_added_replaces_the_sessions_or_takes_it_away() {
    let server = ok();
    let mut session = session();
    session.params = vec![("a".into(), "1".into()), ("b".into(), "2".into()), ("a".into(), "3".into())];
    let get = || session.get(server.url("/"));

    get().param("c", 4).param("c", "5 6").param("d", None::<u8>).send().unwrap();
    get().param("a", 'x').send().unwrap();
    get().param("a", None::<&str>).send().unwrap();
    get().param("a", None::<&str>).param("a", Some("y")).param("b", &None::<String>).send().unwrap();
    get().params([("a", None), ("b", Some(7))]).send().unwrap();
    get().params("raw=%20").param("b", None::<&str>).send().unwrap();
    let plain = Request::new("GET", server.url("/")).param("z", None::<&str>).prepare().unwrap();
    session.send(plain).unwrap();

    let want = ["/?a=1&b=2&a=3&c=4&c=5+6", "/?a=x&b=2", "/?b=2", "/?a=y", "/?b=7", "/?a=1&a=3&raw=%20", "/"];
    assert_eq!(targets(&server), want);
}

// URL-26, BODY-04
#[cfg(feature = "json")]
#[test]
fn a_struct_is_a_query_or_a_form() {
    #[derive(serde::Serialize)]
    struct Filter<'a> {
        zone: &'a str,
        page: u32,
        tag: Option<&'a str>,
        kinds: Vec<u8>,
    }
    let server = ok();
    let mut session = session();
    session.params = vec![("tag".into(), "session".into()), ("page".into(), "0".into())];
    let filter = Filter { zone: "a b&", page: 1, tag: None, kinds: vec![1, 2] };

    session.get(server.url("/")).query(&filter).param("last", true).send().unwrap();
    session.get(server.url("/")).query(&[("zone", "x"), ("zone", "y")]).send().unwrap();
    session.get(server.url("/")).query(&HashMap::from([("page", 9)])).send().unwrap();
    session.post(server.url("/")).form(&filter).send().unwrap();
    session.post(server.url("/")).form(&[("a", Some("1")), ("b", None)]).send().unwrap();
    session.post(server.url("/")).form(&()).send().unwrap();

    assert_eq!(
        targets(&server)[..3],
        [
            "/?page=1&zone=a+b%26&kinds=1&kinds=2&last=true",
            "/?tag=session&page=0&zone=x&zone=y",
            "/?tag=session&page=9"
        ]
    );
    let bodies: Vec<_> = server.requests()[3..]
        .iter()
        .map(|request| {
            let kind = request.header("content-type").unwrap_or("none").to_owned();
            (kind, String::from_utf8(request.body.clone()).unwrap())
        })
        .collect();
    let form = "application/x-www-form-urlencoded";
    let want = [(form, "zone=a+b%26&page=1&kinds=1&kinds=2"), (form, "a=1"), ("none", "")];
    assert_eq!(bodies, want.map(|(kind, body)| (kind.to_owned(), body.to_owned())));
}

#[cfg(feature = "json")]
#[test]
fn what_has_no_flat_form_is_refused_before_anything_is_sent() {
    let server = ok();
    let nested = HashMap::from([("a", HashMap::from([("b", 1)]))]);

    for request in [session().get(server.url("/")).query(&nested), session().post(server.url("/")).form(&nested)] {
        assert_eq!(request.send().unwrap_err().kind(), ErrorKind::InvalidSetting);
    }

    assert_eq!(server.requests().len(), 0);
}

// HDR-06
#[test]
fn headers_are_numbers_maps_and_values_of_the_http_crate() {
    let server = ok();
    let mut map = http::HeaderMap::new();
    map.append("x-map", http::HeaderValue::from_static("1"));
    map.append("x-map", http::HeaderValue::from_static("2"));
    let session = session();

    session.get(server.url("/")).header("X-Count", 5).headers(&map).send().unwrap();
    session
        .get(server.url("/"))
        .headers(map)
        .header(http::header::RANGE, http::HeaderValue::from_static("bytes=0-1"))
        .send()
        .unwrap();
    session.get(server.url("/")).headers(Headers::from_pairs([("X-A", 1)]).unwrap()).send().unwrap();

    let requests = server.requests();
    let all = |index: usize, name: &str| -> Vec<String> {
        let named = requests[index].headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.to_owned()).collect()
    };
    assert_eq!((all(0, "x-count"), all(0, "x-map")), (vec!["5".to_owned()], vec!["1".to_owned(), "2".to_owned()]));
    assert_eq!((all(1, "x-map").len(), all(1, "range")), (2, vec!["bytes=0-1".to_owned()]));
    // Who asks for a part gets its bytes.
    assert_eq!((all(1, "accept-encoding"), all(2, "x-a")), (vec!["identity".to_owned()], vec!["1".to_owned()]));
}

// SES-05
#[test]
fn the_setters_of_a_session_are_its_fields() {
    let server = ok();
    let mut session = session();

    session.headers.update([("X-A", "1"), ("ACCEPT", "text/html")]).unwrap();
    let more = Headers::from_pairs([("X-B", "2")]).unwrap();
    session.headers.update(&more).unwrap();
    session.set_auth(("user", "password"));
    session.get(server.url("/")).cookie("a", 1).send().unwrap();
    session.set_auth(BearerAuth::new("token"));
    session.get(server.url("/")).cookies([("a", "1")]).cookie("b", "2").send().unwrap();
    session.set_auth(None);
    session.get(server.url("/")).send().unwrap();

    let requests = server.requests();
    let header = |index: usize, name| requests[index].header(name).map(str::to_owned);
    let accepts = requests[0].headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("accept")).count();
    assert_eq!((header(0, "x-a"), header(0, "x-b"), accepts), (Some("1".into()), Some("2".into()), 1));
    assert_eq!(header(0, "accept").as_deref(), Some("text/html"));
    assert_eq!(header(0, "authorization").as_deref(), Some("Basic dXNlcjpwYXNzd29yZA=="));
    assert_eq!(header(1, "authorization").as_deref(), Some("Bearer token"));
    assert_eq!(header(2, "authorization"), None);
    assert_eq!([0, 1, 2].map(|index| header(index, "cookie")), [Some("a=1".into()), Some("a=1; b=2".into()), None]);
    session.set_timeout((1, 2.5));
    assert_eq!(session.timeout, Timeout::new().connect(1).read(2.5));
    session.set_verify(false);
    assert_eq!(session.verify, petition::Verify::No);
}

// PROXY-02, PROXY-04
#[test]
fn an_empty_proxy_is_a_direct_connection_for_one_request() {
    let (proxy, origin) = (saying("proxy"), saying("origin"));
    let mut session = session();
    session.proxies = Proxies::from_pairs([("http", proxy.url("/")), ("no_proxy", "other.test".to_owned())]).unwrap();

    let through = session.get(origin.url("/")).send().unwrap();
    let direct = session.get(origin.url("/")).proxies([("http", "")]).send().unwrap();

    assert_eq!((through.text().unwrap(), direct.text().unwrap()), ("proxy".to_owned(), "origin".to_owned()));
}

// RESP-11; docs/decisions.md#text-pieces
#[test]
fn text_is_decoded_while_it_arrives() {
    let texts = |size: Option<usize>, kind: &str, body: &[u8], stream: bool| -> Vec<String> {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
        let server = fixed([head.as_bytes(), body].concat());
        let mut response = session().get(server.url("/")).stream(stream).send().unwrap();
        let texts = response.iter_text(size).map(Result::unwrap).collect();
        if !stream {
            assert_eq!(response.text().unwrap(), response.iter_text(3).map(Result::unwrap).collect::<String>());
        }
        texts
    };
    let body = "h\u{e9}\u{20ac}x".as_bytes();
    for stream in [true, false] {
        assert_eq!(texts(Some(2), "text/plain; charset=utf-8", body, stream), ["h", "\u{e9}", "\u{20ac}", "x"]);
        assert_eq!(
            texts(Some(2), "text/plain; charset=latin-1", body, stream),
            ["h\u{c3}", "\u{a9}\u{e2}", "\u{82}\u{ac}", "x"]
        );
        assert_eq!(
            texts(Some(2), "text/plain; charset=utf-8", b"a\xe2\x82z\xff", stream),
            ["a", "\u{fffd}z", "\u{fffd}"]
        );
        assert_eq!(texts(None, "application/octet-stream", b"\xef\xbb\xbfx", stream), ["x"]);
        assert_eq!(texts(Some(1), "text/plain", b"", stream), [""; 0]);
        // A size of zero is an error, and the only item.
        let mut response = session().get(ok().url("/")).stream(stream).send().unwrap();
        let items: Vec<_> = response.iter_text(0).map(|text| text.map_err(|error| error.kind())).collect();
        assert_eq!(items, [Err(ErrorKind::InvalidSetting)]);
    }
}

// RESP-05
#[test]
fn pieces_without_a_size_do_not_wait_for_each_other() {
    let (seen, next) = mpsc::channel();
    let next = std::sync::Mutex::new(next);
    let url = bare(move |stream| {
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n").unwrap();
        for piece in ["hello", "wor", "ld"] {
            stream.write_all(piece.as_bytes()).unwrap();
            // The next one goes out once this one was seen.
            next.lock().unwrap().recv_timeout(Duration::from_secs(20)).unwrap();
        }
    });

    let mut response = session().get(url).stream(true).send().unwrap();
    let mut pieces = Vec::new();
    for piece in response.iter_content(None) {
        pieces.push(String::from_utf8(piece.unwrap()).unwrap());
        seen.send(()).unwrap();
    }

    assert_eq!(pieces, ["hello", "wor", "ld"]);
}

// RESP-05, RESP-07
#[test]
fn pieces_without_a_size_are_the_servers_chunks_or_all_that_is_kept() {
    let server = fixed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    let pieces = |stream: bool| -> Vec<usize> {
        let mut response = session().get(server.url("/")).stream(stream).send().unwrap();
        response.iter_content(None).map(|piece| piece.unwrap().len()).collect()
    };

    assert_eq!((pieces(true), pieces(false)), (vec![5, 6], vec![11]));
}

#[test]
fn a_request_of_the_http_crate_is_sent_as_it_is() {
    let server = ok();
    let request = http::Request::post(server.url("/items?a=1"))
        .header("X-A", "1")
        .header("x-a", "2")
        .body(b"body".to_vec())
        .unwrap();
    let uri: http::Uri = server.url("/uri").parse().unwrap();
    let mut session = session();

    session.send(session.prepare_request(Request::try_from(request).unwrap()).unwrap()).unwrap();
    session.get(&uri).send().unwrap();
    session.get(uri).send().unwrap();
    session.base_url = Some(petition::Url::parse(&server.url("/base/")).unwrap());
    session.get("/x?y".parse::<http::Uri>().unwrap()).send().unwrap();
    let empty = http::Request::get(server.url("/none")).body(()).unwrap();
    session.send(session.prepare_request(Request::try_from(empty).unwrap()).unwrap()).unwrap();

    assert_eq!(targets(&server), ["/items?a=1", "/uri", "/uri", "/x?y", "/none"]);
    let first = &server.requests()[0];
    assert_eq!(
        (first.method.as_str(), first.body.as_slice(), first.header("content-length")),
        ("POST", &b"body"[..], Some("4"))
    );
    assert_eq!(first.headers.iter().filter(|(name, _)| *name == "x-a").count(), 2);
    let refused =
        http::Request::get("http://h/").header("x", http::HeaderValue::from_bytes(b" lead").unwrap()).body("").unwrap();
    assert_eq!(Request::try_from(refused).map(drop).unwrap_err().kind(), ErrorKind::InvalidHeader);
}

/// The headers of a response that has become one of the http crate.
fn length_and_codings(response: &http::Response<Vec<u8>>) -> [Option<&str>; 3] {
    ["content-length", "content-encoding", "transfer-encoding"]
        .map(|name| response.headers().get(name).map(|value| value.to_str().unwrap()))
}

#[test]
fn a_response_for_the_http_crate_says_how_long_it_is_now() {
    let chunked =
        "HTTP/1.1 203 Odd\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\nX-A: caf\u{e9}\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let own = session().get(fixed(chunked.replace('\u{e9}', "e")).url("/")).send().unwrap().into_http().unwrap();
    assert_eq!(
        (own.status(), own.version(), own.body().as_slice()),
        (http::StatusCode::from_u16(203).unwrap(), http::Version::HTTP_11, &b"ok"[..])
    );
    assert_eq!(length_and_codings(&own), [Some("2"), None, None]);
    assert_eq!(own.headers().get_all("x-a").iter().count(), 2);

    let until_close = once("HTTP/1.0 200 OK\r\n\r\nabc");
    let own: http::Response<Vec<u8>> = session().get(until_close.url("/")).send().unwrap().try_into().unwrap();
    assert_eq!((length_and_codings(&own), own.version()), ([Some("3"), None, None], http::Version::HTTP_10));

    let unknown = fixed("HTTP/1.1 200 OK\r\nContent-Encoding: unheard-of\r\nContent-Length: 3\r\n\r\nabc");
    let own = session().get(unknown.url("/")).stream(true).send().unwrap().into_http().unwrap();
    assert_eq!(length_and_codings(&own), [Some("3"), Some("unheard-of"), None]);

    let head = fixed("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1234\r\n\r\n");
    let own = session().head(head.url("/")).send().unwrap().into_http().unwrap();
    assert_eq!((length_and_codings(&own), own.body().len()), ([Some("1234"), Some("gzip"), None], 0));

    for (status, want) in [(204, [None, None, None]), (304, [None, Some("gzip"), None])] {
        let bare = fixed(format!("HTTP/1.1 {status} X\r\nContent-Encoding: gzip\r\n\r\n"));
        let own = session().get(bare.url("/")).send().unwrap().into_http().unwrap();
        assert_eq!(length_and_codings(&own), want, "{status}");
    }

    let control = fixed("HTTP/1.1 200 OK\r\nX-A: a\u{1}b\r\nContent-Length: 0\r\n\r\n");
    let refused = session().get(control.url("/")).send().unwrap().into_http().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidHeader);
}

#[cfg(feature = "gzip")]
#[test]
fn a_response_for_the_http_crate_has_no_coding_that_was_undone() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(b"hello hello hello").unwrap();
    let body = encoder.finish().unwrap();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
    let server = fixed([head.as_bytes(), &body].concat());

    for stream in [false, true] {
        let own = session().get(server.url("/")).stream(stream).send().unwrap().into_http().unwrap();

        assert_eq!(
            (length_and_codings(&own), own.body().as_slice()),
            ([Some("17"), None, None], &b"hello hello hello"[..])
        );
    }
}

// RESP-32
#[test]
fn the_pages_of_a_request_have_its_settings() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/list?n=1" => Reply::new(200).header("Link", "</list?n=2>; rel=next").body("one"),
        "/list?n=2" => Reply::new(200).header("Link", "<http://other.test/list?n=3>; rel=next").body("two"),
        "/list?n=3" => Reply::new(200).header("Link", "</gone>; rel=next").body("three"),
        _ => Reply::new(410).body("gone"),
    });
    let mut session = session_at(&server);
    session.timeout = Timeout::from(1e-9); // what the request sets counts, for each page
    let first =
        || session.get("http://a.test/list").param("n", 1).header("X-A", 1).auth(("u", "p")).timeout(20).stream(true);

    let mut texts = Vec::new();
    let mut last = None;
    for page in first().paginate().unwrap() {
        match page {
            Ok(page) => texts.push(page.into_text().unwrap()),
            Err(error) => last = Some(error),
        }
    }

    assert_eq!(texts, ["one", "two", "three"]);
    let error = last.unwrap();
    assert_eq!((error.kind(), error.status().map(|status| status.as_u16())), (ErrorKind::HttpError, Some(410)));
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.header("x-a") == Some("1")));
    let with_auth: Vec<bool> = requests.iter().map(|request| request.header("authorization").is_some()).collect();
    assert_eq!(with_auth, [true, true, false, false]);
    assert_eq!(first().paginate().unwrap().any_status().filter_map(Result::ok).count(), 4);
}

#[test]
fn the_pages_of_a_one_shot_function_keep_its_session() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/1" => Reply::new(200).header("Link", "</2>; rel=next").header("Set-Cookie", "seen=1"),
        _ => Reply::new(200),
    });

    let pages = petition::get(server.url("/1")).proxies([("http", "")]).timeout(20).paginate().unwrap();

    assert_eq!(pages.map(Result::unwrap).count(), 2);
    assert_eq!(server.requests()[1].header("cookie"), Some("seen=1"));
    assert_eq!(crate::support::connections(&server), [0, 0]);
}

// docs/decisions.md#sensitive-headers
#[test]
fn pages_of_a_request_do_not_lead_to_http_if_that_is_forbidden() {
    let (mut session, mock) = crate::support::mocked([
        Response::builder(200).header("Link", "<http://a.test/2>; rel=next"),
        Response::builder(200),
    ]);
    session.allow_downgrade = false;

    let pages: Vec<_> = session.get("https://a.test/1").paginate().unwrap().collect();

    assert!(
        pages[0].is_ok() && pages[1].as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidUrl),
        "{pages:?}"
    );
    assert_eq!(mock.requests().len(), 1);
}

#[test]
fn an_invalid_setting_of_the_first_page_is_an_error_at_once() {
    let session = Session::new();

    for request in
        [session.get("http://h/").timeout(-1), session.get("http://h/").header("X", "a\nb"), session.get("h")]
    {
        assert!(request.paginate().is_err());
    }
}

// BODY-24
#[test]
fn an_open_file_of_a_form_is_named_after_its_field() {
    let server = ok();
    let dir = crate::support::TempDir::new();
    let file = std::fs::File::open(dir.file("report.csv", "a,b")).unwrap();

    session().post(server.url("/")).files([("doc", file)]).send().unwrap();

    let body = String::from_utf8(server.requests()[0].body.clone()).unwrap();
    assert!(body.contains("Content-Disposition: form-data; name=\"doc\"; filename=\"doc\"\r\n\r\na,b\r\n"), "{body}");
}
