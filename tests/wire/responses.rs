//! What a program sees of an answer: status and headers, text, JSON, links, and how it was got.

use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[cfg(feature = "native-tls")]
use crate::support::session_over;
use crate::support::{fixed, once, session};
#[cfg(feature = "native-tls")]
use petition::HttpAdapter;
use petition::testing::{Reply, TestServer};
use petition::{ErrorKind, Response, StatusCode, adapter_fn};

fn read(answer: &'static str) -> petition::Result<Response> {
    session().get(once(answer).url("/")).send()
}

// FRAME-02, FRAME-03, FRAME-07, FRAME-09, FRAME-22, RESP-01
#[test]
fn status_reason_and_headers_are_as_they_came() {
    for (line, status, reason) in [
        ("HTTP/1.1 200 OK", 200, "OK"),
        ("HTTP/1.1 200", 200, ""),
        ("HTTP/1.1 404  Not  Here ", 404, "Not  Here"),
        ("HTTP/1.0 999 caf\u{e9}", 999, "caf\u{e9}"),
    ] {
        let mut answer: Vec<u8> = line.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        answer.extend(b"\r\nX-A:  1 \r\nSet-Cookie: a=1\r\nx-a: 2\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n");
        let response = session().get(once(answer).url("/")).send().unwrap();

        assert_eq!((response.status_code().as_u16(), response.reason()), (status, reason), "{line}");
        assert_eq!(response.headers().joined("X-a").as_deref(), Some("1, 2"));
        assert_eq!(response.headers().get_all("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert_eq!(response.cookies().len(), 2);
    }
}

#[test]
fn an_adapter_that_looks_at_the_cookies_changes_nothing_for_the_caller() {
    let mut session = session();
    let kept: Arc<Mutex<Option<Response>>> = Arc::default();
    let canned = Arc::clone(&kept);
    session.mount(
        "http://",
        adapter_fn(move |_, _| {
            let mut kept = canned.lock().unwrap();
            let response = match kept.take() {
                Some(response) => response,
                None => Response::builder(200).header("Set-Cookie", "a=1; Domain=h.test").build()?,
            };
            // Without a request it is of no host that could set this.
            assert_eq!(response.cookies().len(), 0);
            *kept = Some(response.clone());
            Ok(response)
        }),
    );

    let get = |url: &str| session.get(url).send().unwrap();
    assert_eq!(get("http://www.h.test/").cookies().len(), 1);
    // The same response to another request.
    assert_eq!(get("http://other.test/").cookies().len(), 0);
    assert_eq!(get("http://h.test/").cookies().len(), 1);
}

// RESP-01
#[test]
fn a_response_knows_what_happened() {
    let server = TestServer::http(|_| {
        Reply::raw(
            "HTTP/1.1 203 So it is\r\nContent-Type: text/plain; charset=utf-8\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nhi",
        )
    });

    let response = session().get(server.url("/p")).send().unwrap();

    assert_eq!((response.status_code().as_u16(), response.reason()), (203, "So it is"));
    assert_eq!((response.headers().get("x-a"), response.encoding()), (Some("1"), Some("utf-8")));
    assert_eq!((response.url().as_str(), response.request().method.as_str()), (&*server.url("/p"), "GET"));
    assert!(response.history().is_empty() && response.cookies().is_empty() && response.next().is_none());
    assert_eq!((response.exchange().attempts, response.exchange().peer), (1, Some(server.address())));
}

// FRAME-10; docs/decisions.md#interim-responses
#[test]
fn interim_answers_are_skipped() {
    let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n\
                  HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok";

    let response = read(answer).unwrap();

    assert_eq!((response.status_code().as_u16(), response.text().unwrap().as_str()), (201, "ok"));
    assert!(response.links().is_empty());
}

// FRAME-11, FRAME-14, FRAME-15, FRAME-18, FRAME-20
#[test]
fn a_body_ends_where_its_framing_says() {
    for (answer, body) in [
        ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", ""),
        ("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", ""),
        ("HTTP/1.1 200 OK\r\n\r\nto the end", "to the end"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "abc"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
            "0123456789",
        ),
        ("HTTP/1.0 200 OK\nContent-Length: 3\n\nabc", "abc"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc", "abc"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nto the end", "to the end"),
    ] {
        assert_eq!(read(answer).unwrap().text().unwrap(), body, "{answer:?}");
    }
}

// FRAME-12, FRAME-14, FRAME-18, FRAME-19; docs/decisions.md#content-length, docs/decisions.md#chunk-size
#[test]
fn framing_that_could_be_read_in_two_ways_is_refused_and_closes_the_connection() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 3;\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: x, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc",
    ] {
        let server = fixed(answer);
        let session = session();

        session.get(server.url("/")).send().unwrap_err();
        session.get(server.url("/")).send().unwrap_err();

        assert_eq!(server.accepted(), 2, "{answer:?}");
    }
}

// FRAME-12; docs/decisions.md#content-length
#[test]
fn chunked_wins_over_a_length_and_is_the_last_on_its_connection() {
    for length in ["3", "4", "999", "0", "x", "3\r\nContent-Length: 4"] {
        for fields in [
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
            format!("Transfer-Encoding: Chunked\r\nContent-Length: {length}"),
        ] {
            let server = TestServer::connections(move |peer| {
                while peer.read_request().is_some() {
                    peer.send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
                }
            });
            let session = session();

            for _ in 0..2 {
                let mut response = session.get(server.url("/")).stream(true).send().unwrap();
                let mut copy = Vec::new();
                response.copy_to(&mut copy).unwrap();
                assert_eq!(copy, b"abc", "{length}");
            }
            assert_eq!(server.accepted(), 2, "{length}");
        }
    }
    // A 304 has no body whatever it says, so nothing is doubtful.
    let server = fixed("HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n");
    session().get(server.url("/")).send().unwrap();
}

// FRAME-02, FRAME-03, FRAME-20; docs/decisions.md#control-bytes
#[test]
fn a_control_byte_never_costs_the_response() {
    let bytes: Vec<u8> = (1..=0x1f).chain([0x7f, 0x80, 0x9f]).filter(|byte| !b"\r\n\t".contains(byte)).collect();
    for byte in bytes {
        let c = char::from(byte);
        let answer = [
            &b"HTTP/1.1 200 O"[..],
            &[byte],
            b"K\r\nX-A: a",
            &[byte],
            b"b\r\nSet-Cookie: waf=",
            &[byte, byte],
            b"; Path=/\r\nX-",
            &[byte],
            b": 1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=",
            &[byte],
            b"\r\nabc\r\n0\r\nT: ",
            &[byte],
            b"\r\n\r\n",
        ]
        .concat();
        let server = TestServer::http(move |_| Reply::raw(answer.clone()));
        let session = session();

        let response = session.get(server.url("/")).send().unwrap();
        session.get(server.url("/")).send().unwrap();

        assert_eq!(response.text().unwrap(), "abc", "{byte:#x}");
        assert_eq!(response.headers().get("x-a"), Some(&*format!("a{c}b")));
        // What Python counts as a blank is not cut off within the reason.
        assert_eq!(response.reason(), format!("O{c}K"));
        let requests = server.requests();
        assert_eq!((requests.len(), server.accepted()), (2, 1), "{byte:#x}");
        assert!(requests[1].raw_text().contains(&format!("\r\nCookie: waf={c}{c}\r\n")), "it goes back as it came");
    }

    for refused in [
        &b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nX-A: a\rb\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0;\0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: \0\r\n\r\n",
    ] {
        let server = TestServer::http(move |_| Reply::raw(refused));
        assert!(session().get(server.url("/")).send().is_err(), "{refused:?}");
    }
}

#[test]
fn a_control_byte_of_a_peer_reaches_no_terminal_and_no_request_line() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/" => Reply::raw("HTTP/1.1 302 Found\r\nLocation: /a\x1bb\x7f\r\nContent-Length: 0\r\n\r\n"),
        _ => Reply::raw("HTTP/1.1 500 \x1b[31mNo\r\nContent-Length: 0\r\n\r\n"),
    });

    let response = session().get(server.url("/")).send().unwrap();

    assert_eq!(server.requests()[1].target, "/a%1Bb%7F");
    let error = response.raise_for_status().unwrap_err();
    assert!(!error.to_string().contains('\x1b') && error.to_string().contains("[31mNo"), "{error}");
}

// FRAME-23
#[cfg(feature = "native-tls")]
#[test]
fn tls_that_ends_without_a_word_ends_a_body_without_a_length_and_no_other() {
    for backend in crate::support::backends() {
        for (head, want) in [
            ("HTTP/1.1 200 OK\r\n\r\nabc", Ok("abc")),
            ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", Err(ErrorKind::ChunkedEncodingError)),
        ] {
            let server = crate::support::tls_server(&["localhost"], move |peer| {
                if peer.read_request().is_some() {
                    peer.send(head);
                    // Of TCP, below TLS: no close_notify goes out.
                    peer.shutdown_write();
                    peer.wait_for_close();
                }
            });
            let session = session_over(HttpAdapter::builder().tls_backend(backend.clone()).build());

            let got = session.get(server.url("/")).verify(false).send().and_then(|response| response.text());

            assert_eq!(got.as_deref().map_err(petition::Error::kind), want, "{backend:?}");
        }
    }
}

// RESP-15, RESP-17, RESP-20
#[cfg(feature = "charset")]
#[test]
fn text_is_decoded_by_the_header_by_a_guess_or_by_what_was_set() {
    for (content_type, body, encoding, text) in [
        ("text/plain", &b"caf\xe9"[..], Some("ISO-8859-1"), "caf\u{e9}"),
        ("text/plain; charset=utf-8", b"caf\xc3\xa9", Some("utf-8"), "caf\u{e9}"),
        ("text/plain; Charset=\"windows-1251\"", b"\xef", Some("windows-1251"), "\u{43f}"),
        ("application/json", b"\"\xc3\xa9\"", Some("utf-8"), "\"\u{e9}\""),
        ("application/octet-stream", b"caf\xc3\xa9", None, "caf\u{e9}"),
        ("text/plain; charset=utf-8", b"a\xffb", Some("utf-8"), "a\u{fffd}b"),
        ("text/plain; charset=no-such", b"\xc3\xa9", Some("no-such"), "\u{e9}"),
    ] {
        let server = TestServer::http(move |_| Reply::new(200).header("Content-Type", content_type).body(body));

        let response = session().get(server.url("/")).send().unwrap();

        assert_eq!(response.encoding(), encoding, "{content_type}");
        assert_eq!(response.text().unwrap(), text, "{content_type}");
        assert_eq!(response.content().unwrap(), body);
        assert_eq!(response.into_text().unwrap(), text, "{content_type}");
    }
    let mut response =
        Response::builder(200).header("Content-Type", "text/plain").body(&b"\xc3\xa9"[..]).build().unwrap();
    assert_eq!(response.apparent_encoding().unwrap().to_ascii_lowercase(), "utf-8");
    response.set_encoding("utf-8");
    assert_eq!(response.text().unwrap(), "\u{e9}");
}

// RESP-20
#[test]
fn the_encoding_can_be_set_before_and_after_reading() {
    let mut response = Response::builder(200).header("Content-Type", "text/plain").body("é").build().unwrap();
    assert_eq!((response.encoding(), response.text().unwrap()), (Some("ISO-8859-1"), "Ã©".to_owned()));

    response.set_encoding("utf-8");

    assert_eq!((response.encoding(), response.text().unwrap()), (Some("utf-8"), "é".to_owned()));
}

// RESP-24: serde_json's rules
#[cfg(feature = "json")]
#[test]
fn json_is_what_the_standard_says_and_nothing_more() {
    for (body, want) in [(&b"[1, 2]"[..], true), (b"NaN", false), (b"[Infinity]", false), (b"{\"a\": 1,}", false)] {
        let response = Response::builder(200).body(body).build().unwrap();

        let read = response.json::<serde_json::Value>();

        assert_eq!(
            read.as_ref().map_err(petition::Error::kind).err(),
            (!want).then_some(ErrorKind::InvalidJson),
            "{body:?}"
        );
    }
}

// RESP-21, RESP-23, ERR-05
#[cfg(feature = "json")]
#[test]
fn json_becomes_a_type_and_an_error_says_where_and_what_came() {
    #[derive(Debug, serde::Deserialize, PartialEq)]
    struct Item {
        id: u32,
    }
    let server = TestServer::http(|request| match request.target.as_str() {
        "/list" => Reply::new(200).body(r#"[{"id": 1}, {"id": 2, "more": null}]"#),
        "/utf16" => Reply::new(200).body("[1]".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
        "/html" => Reply::new(502).body("<html>Bad Gateway</html>"),
        _ => Reply::new(200),
    });
    let session = session();
    let get = |path: &str| session.get(server.url(path)).send().unwrap();

    assert_eq!(get("/list").json::<Vec<Item>>().unwrap(), [Item { id: 1 }, Item { id: 2 }]);
    assert_eq!(get("/utf16").json::<Vec<u8>>().unwrap(), [1]);
    for (path, part) in [("/html", "<html>Bad Gateway"), ("/list", "line 1 column"), ("/empty", "EOF")] {
        let error = get(path).json::<Item>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidJson);
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.response().is_some());
    }
}

// RESP-25, RESP-26, RESP-37, RESP-27
#[test]
fn statuses_from_400_to_599_are_errors_when_asked() {
    for status in [200, 302, 399, 400, 404, 499, 500, 599, 600, 999] {
        let server =
            fixed(format!("HTTP/1.1 {status} Why\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes());
        let url = format!("http://user:secret@{}/p", server.address());
        let is_error = (400..600).contains(&status);

        let response = session().get(url).send().unwrap();

        assert_eq!((response.ok(), response.raise_for_status().is_ok()), (!is_error, !is_error), "{status}");
        assert_eq!(response.to_string(), format!("<Response [{status}]>"));
        if let Err(error) = response.raise_for_status() {
            assert_eq!(error.response().map(|response| response.status_code().as_u16()), Some(status));
        }
        if let Err(error) = response.error_for_status() {
            let side = if status < 500 { "Client" } else { "Server" };
            let address = server.address();
            assert_eq!(error.to_string(), format!("{status} {side} Error: Why for url: http://{address}/p"));
            assert_eq!(error.kind(), ErrorKind::HttpError);
            assert_eq!(error.request().unwrap().url.path(), "/p");
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
            assert_eq!(error.into_response().unwrap().status_code(), status);
        }
    }
}

// RESP-31
#[test]
fn elapsed_and_the_exchange_tell_how_it_was_got() {
    let server = fixed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let session = session();

    let first = session.get(server.url("/")).send().unwrap();
    let second = session.get(server.url("/")).send().unwrap();

    let (one, two) = (first.exchange(), second.exchange());
    assert_eq!((one.reused, one.connection, one.attempts), (false, 1, 1));
    assert_eq!((two.reused, two.connection, two.attempts), (true, 1, 1));
    assert_eq!(one.peer, Some(server.address()));
    assert!(one.connect > Duration::ZERO && one.first_byte > Duration::ZERO);
    assert_eq!((two.connect, two.tls, two.dns), (Duration::ZERO, Duration::ZERO, Duration::ZERO));
    assert!(first.elapsed() >= one.first_byte);
}

// RESP-31
#[test]
fn each_hop_has_its_own_elapsed_time_and_the_body_is_not_in_it() {
    let server = TestServer::http(|request| match request.raw_text().starts_with("GET /1 ") {
        true => Reply::new(302).header("Location", "/2"),
        false => Reply::new(200).body("abc"),
    });
    let started = Instant::now();

    let response = session().get(server.url("/1")).stream(true).send().unwrap();
    let took = started.elapsed();

    let (first, last) = (response.history()[0].elapsed(), response.elapsed());
    assert!(!first.is_zero() && !last.is_zero());
    assert!(first + last <= took, "{first:?} + {last:?} is more than {took:?}");
    response.content().unwrap();
    assert_eq!(response.elapsed(), last);
}

// RESP-32
#[test]
fn links_come_from_all_link_headers() {
    let response = Response::builder(200)
        .header("Link", "<http://h/2>; rel=\"next\"; title=\"a, b\"")
        .header("Link", "</0>")
        .build()
        .unwrap();

    let links = response.links();

    assert_eq!((links[0].url(), links[0].rel()), ("http://h/2", Some("next")));
    assert!(links[0].params().any(|param| param == ("title", "a, b")));
    assert_eq!((links[1].url(), links[1].rel()), ("/0", None));
}

#[test]
fn a_response_of_ones_own_appends_headers_and_keeps_its_first_error() {
    let response =
        Response::builder(299).reason("Mine").header("A", "1").header("a", "2").reader(&b"body"[..]).build().unwrap();
    assert_eq!((response.reason(), response.headers().get_all("a").count()), ("Mine", 2));
    assert_eq!(response.text().unwrap(), "body");

    assert!(Response::builder(99).build().is_err());
    let error = Response::builder(200).header("A", "b\r\nc").header("", "").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidHeader);
}

#[test]
fn a_charset_that_is_unset_leaves_it_to_the_headers_again() {
    let bytes = [0xc3, 0xbc];
    let mut response = Response::builder(200).header("Content-Type", "text/plain").body(bytes).build().unwrap();

    response.set_encoding("utf-8");
    assert_eq!((response.encoding(), response.text().unwrap().as_str()), (Some("utf-8"), "\u{fc}"));

    response.set_encoding(None);
    assert_eq!((response.encoding(), response.text().unwrap().as_str()), (Some("ISO-8859-1"), "\u{c3}\u{bc}"));
}

#[test]
fn a_response_is_built_from_any_form_of_status_header_and_url() {
    let built = Response::builder(StatusCode::CREATED)
        .header("X-Count", 5)
        .headers([("X-Count", "6"), ("X-Other", "7")])
        .reason("Made")
        .reason(None)
        .url("http://h/a b")
        .build()
        .unwrap();

    assert_eq!(
        (built.status_code().as_u16(), built.reason(), built.url().as_str()),
        (201, "Created", "http://h/a%20b")
    );
    assert_eq!(built.headers().get_all("x-count").collect::<Vec<_>>(), ["5", "6"]);
    // Made without a request: a stand-in.
    assert_eq!((built.request().method.as_str(), built.request().url.as_str()), ("GET", "http://localhost/"));

    for (refused, kind) in [
        (Response::builder(200).url("no-scheme.test"), ErrorKind::MissingSchema),
        (Response::builder(200).header("X", "a\nb"), ErrorKind::InvalidHeader),
        (Response::builder(99), ErrorKind::InvalidSetting),
    ] {
        assert_eq!(refused.build().unwrap_err().kind(), kind);
    }
}

#[test]
fn a_reply_of_the_test_server_takes_the_same_forms() {
    let server = TestServer::http(|_| {
        Reply::new(StatusCode::IM_A_TEAPOT).header("X-Count", 5).headers([("X-Count", 6)]).headers(&[("X-Other", "7")])
    });

    let response = session().get(server.url("/")).send().unwrap();

    assert_eq!(response.status_code(), 418);
    assert_eq!(response.headers().get_all("x-count").collect::<Vec<_>>(), ["5", "6"]);
    assert_eq!(response.headers().get("x-other"), Some("7"));
}

// RFC 9112 §7.1
#[test]
fn chunk_data_ends_in_a_line_end_and_in_nothing_else() {
    for (end, good) in [("\r\n", true), ("\rx", false), ("\r0", false), ("\r\r", false), ("x\n", false), ("0\r", false)]
    {
        let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok{end}0\r\n\r\n");
        let server = once(answer);
        let session = session();

        for stream in [false, true] {
            let read = session.get(server.url("/")).stream(stream).send().and_then(|response| response.text());

            match read {
                Ok(text) => assert!(good && text == "ok", "{end:?}"),
                Err(error) => {
                    assert!(!good, "{end:?}: {error}");
                    assert_eq!(error.kind(), ErrorKind::ChunkedEncodingError);
                }
            }
        }
    }
}

// Large reads foresee the framing of regular chunks. Where it is malformed, none of it is content.
#[test]
fn a_malformed_size_after_regular_chunks_is_an_error_however_much_is_read_at_once() {
    let chunk = "x".repeat(4096);
    let regular = format!("1000\r\n{chunk}\r\n").repeat(20);
    for bad in [
        "6zzzz\r\n5\r\nhello\r\n0\r\n\r\n",
        "1000g\r\nhello world\r\n0\r\n\r\n",
        "5;\0abc\r\nhello\r\n0\r\n\r\n",
        "0\n\0abcdefgh\r\n\r\n",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{regular}{bad}");
        for size in [1000, 16 * 1024, 64 * 1024, 1 << 20] {
            let server = once(answer.clone());
            let mut response = session().get(server.url("/")).stream(true).send().unwrap();

            let (mut content, mut piece) = (Vec::new(), vec![0; size]);
            let error = loop {
                match response.read(&mut piece) {
                    Ok(0) => panic!("{bad:?} in reads of {size} is taken for an end after {} bytes", content.len()),
                    Ok(read) => content.extend_from_slice(&piece[..read]),
                    Err(error) => break petition::Error::from(error),
                }
            };

            assert_eq!(error.kind(), ErrorKind::ChunkedEncodingError, "{bad:?}, {size}");
            assert_eq!(content.len(), 20 * 4096, "{bad:?}, {size}");
            assert!(content.iter().all(|byte| *byte == b'x'));
        }
    }
}

// The limit on a line is one on each line
#[test]
fn a_chunks_line_costs_the_next_ones_nothing() {
    let chunk = format!("1;extension={}\r\nx\r\n", "y".repeat(1000));
    let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(3000));
    let server = once(answer);
    let session = session();

    assert_eq!(session.get(server.url("/")).send().unwrap().content().unwrap().len(), 3000);
    let mut streamed = session.get(server.url("/")).stream(true).send().unwrap();
    assert_eq!(streamed.copy_to(&mut std::io::sink()).unwrap(), 3000);
}
