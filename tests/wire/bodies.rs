//! How bodies are sent: their framing, what happens when they must be sent again, and when their source fails.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use crate::support::{Failing, LONG, TempDir, last_text, ok, one_shot_bodies, own_headers, session, session_over};
use petition::testing::{Reply, TestServer};
use petition::{Body, ErrorKind, HttpAdapter, Multipart, Part, Request, Retry};

/// A file with this content, open, and the directory that it goes with.
fn file(name: &str, content: &[u8]) -> (TempDir, PathBuf, File) {
    let dir = TempDir::new();
    let path = dir.file(name, content);
    let file = File::open(&path).unwrap();
    (dir, path, file)
}

// BODY-02, BODY-03, BODY-05
#[test]
fn text_and_bytes_go_as_they_are_without_a_type_and_empty_data_is_no_body() {
    let server = ok();
    let session = session();

    session.post(server.url("/")).data("dé").send().unwrap();
    session.post(server.url("/")).data(vec![0, 255]).send().unwrap();
    session.post(server.url("/")).data("").send().unwrap();
    let none: [(&str, &str); 0] = [];
    session.post(server.url("/")).data(none).send().unwrap();

    let requests = server.requests();
    for (request, body) in requests.iter().zip([&b"d\xc3\xa9"[..], b"\0\xff", b"", b""]) {
        assert_eq!(own_headers(request), [("Content-Length", body.len().to_string().as_str())]);
        assert_eq!(request.body, body);
    }
}

// CVE-2022-32221 of curl: a POST after a PUT sent what the PUT had been given.
#[test]
fn requests_on_one_connection_have_their_own_bodies_and_none_of_an_earlier_one() {
    let server = ok();
    let session = session();

    session.put(server.url("/")).data(Body::chunks(["of the", " PUT"])).send().unwrap();
    session.post(server.url("/")).data("of the POST").send().unwrap();
    session.post(server.url("/")).send().unwrap();
    session.put(server.url("/")).data(Body::sized(Cursor::new("sized"), 5)).send().unwrap();
    session.get(server.url("/")).send().unwrap();

    let requests = server.requests();
    for (request, (framing, body)) in requests.iter().zip([
        (Some(("Transfer-Encoding", "chunked")), "of the PUT"),
        (Some(("Content-Length", "11")), "of the POST"),
        (Some(("Content-Length", "0")), ""),
        (Some(("Content-Length", "5")), "sized"),
        (None, ""),
    ]) {
        assert_eq!(own_headers(request), Vec::from_iter(framing), "{request:?}");
        assert_eq!((String::from_utf8_lossy(&request.body).as_ref(), request.connection), (body, 0));
    }
    assert_eq!(requests.len(), 5);
}

// BODY-01, BODY-07, BODY-08
#[cfg(feature = "json")]
#[test]
fn data_wins_over_json_unless_it_is_empty_and_only_a_missing_json_is_none() {
    let server = ok();
    let session = session();
    let sent = |request: petition::RequestBuilder<'_>| {
        request.send().unwrap();
        String::from_utf8(server.requests().pop().unwrap().body).unwrap()
    };

    assert_eq!(sent(session.post(server.url("/")).data("d").json(1)), "d");
    assert_eq!(sent(session.post(server.url("/")).json(1).data("")), "1");
    for (value, text) in [
        (serde_json::json!(0), "0"),
        (serde_json::json!(""), "\"\""),
        (serde_json::json!([]), "[]"),
        (serde_json::json!({}), "{}"),
        (serde_json::json!(false), "false"),
        (serde_json::json!(null), "null"),
    ] {
        assert_eq!(sent(session.post(server.url("/")).json(value)), text);
    }

    let before = server.requests().len();
    let error = session.post(server.url("/")).json(f64::NAN).send().unwrap_err();
    assert_eq!((error.kind(), server.requests().len()), (ErrorKind::InvalidJson, before));
}

// BODY-09
#[test]
fn get_head_and_delete_send_a_body_if_they_are_given_one() {
    let server = ok();

    for method in ["GET", "HEAD", "DELETE"] {
        session().request(method, server.url("/")).data("abc").send().unwrap();

        let request = server.requests().pop().unwrap();
        assert_eq!((request.body.as_slice(), request.header("content-length")), (&b"abc"[..], Some("3")), "{method}");
    }
}

// BODY-10, BODY-16
#[test]
fn a_file_is_sent_from_where_it_stands_with_its_length() {
    let server = ok();
    let content: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
    let (_dir, _, mut file) = file("position", &content);
    file.seek(SeekFrom::Start(10)).unwrap();

    session().put(server.url("/")).data(file).send().unwrap();

    let request = &server.requests()[0];
    assert_eq!(own_headers(request), [("Content-Length", "99990")]);
    assert!(request.body == content[10..]);
}

// BODY-11 (deviation: an empty file is no body)
#[test]
fn an_empty_file_says_a_length_of_zero_or_an_empty_chunked_body() {
    let server = ok();
    let (_dir, _, file) = file("empty", b"");

    session().post(server.url("/")).data(file).send().unwrap();

    let request = &server.requests()[0];
    let framing = [("Content-Length", "0")];
    let chunked = [("Transfer-Encoding", "chunked")];
    assert!(own_headers(request) == framing || own_headers(request) == chunked, "{request:?}");
    assert!(request.body.is_empty());
}

// BODY-13, BODY-14
#[test]
fn a_reader_of_unknown_length_goes_chunked_with_lower_case_sizes() {
    let server = ok();

    session().post(server.url("/")).data(Body::reader(Cursor::new(vec![b'x'; 171]))).send().unwrap();

    let text = last_text(&server);
    assert!(text.contains("\r\nTransfer-Encoding: chunked\r\n") && !text.contains("Content-Length"), "{text}");
    let body = text.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(body, format!("ab\r\n{}\r\n0\r\n\r\n", "x".repeat(171)));
}

// BODY-14
#[test]
fn a_long_reader_goes_in_the_chunks_that_requests_sends() {
    let server = ok();
    let content = "x".repeat(100_000);

    session().post(server.url("/")).data(Body::reader(Cursor::new(content.clone()))).send().unwrap();

    assert_eq!(server.requests()[0].body, content.as_bytes());
    let text = last_text(&server);
    let sizes: Vec<&str> = text.split("\r\n").filter(|line| line.len() < 6 && !line.is_empty()).collect();
    assert_eq!(sizes, ["4000", "4000", "4000", "4000", "4000", "4000", "6a0", "0"]);
}

// BODY-15
#[test]
fn a_sized_reader_has_a_content_length() {
    let server = ok();

    session().post(server.url("/")).data(Body::sized(Cursor::new("abcde"), 5)).send().unwrap();

    assert_eq!(own_headers(&server.requests()[0]), [("Content-Length", "5")]);
    assert_eq!(server.requests()[0].body, b"abcde");
}

// BODY-17, BODY-18; docs/decisions.md#framing-headers
#[test]
fn framing_set_by_hand_never_contradicts_the_body() {
    for (name, value, body) in
        [("Content-Length", "99", "abc"), ("Transfer-Encoding", "chunked", "abc"), ("Transfer-Encoding", "gzip", "abc")]
    {
        for chunked in [false, true] {
            let server = ok();
            let data = if chunked { Body::chunks([body]) } else { Body::from(body) };

            let result = session().post(server.url("/")).header(name, value).data(data).send();

            let requests = server.requests();
            match result {
                // The length is the caller's word, and broken: the connection ends before the server has a request.
                Err(error) if chunked && name == "Content-Length" => {
                    assert_eq!((error.kind(), requests.len()), (ErrorKind::Io, 0), "{error}");
                }
                Err(error) => {
                    assert_eq!((error.kind(), requests.len()), (ErrorKind::InvalidHeader, 0), "{name}: {error}");
                }
                Ok(_) => {
                    let request = &requests[0];
                    let length = request.header("content-length").is_some();
                    let coded = request.header("transfer-encoding").is_some();
                    assert!(length != coded, "{name} {value}, chunked {chunked}: {request:?}");
                    assert_eq!(request.body, b"abc", "{name} {value}, chunked {chunked}");
                }
            }
        }
    }
}

// docs/decisions.md#framing-headers
#[test]
fn a_body_that_is_longer_or_shorter_than_declared_never_looks_whole_to_the_server() {
    type Make = fn(usize) -> Body;
    let makes: [(&str, Make); 5] = [
        ("reader", |n| Body::reader(Cursor::new(vec![b'x'; n]))),
        ("one item", |n| Body::chunks([vec![b'x'; n]])),
        ("items of one byte", |n| Body::chunks(vec!["x"; n])),
        ("two items", |n| Body::chunks([vec![b'x'; n / 2], vec![b'x'; n - n / 2]])),
        ("a form", |n| Multipart::new().boundary("B").part("a", Part::reader(Cursor::new(vec![b'x'; n]))).into()),
    ];
    // What is around the content of the form.
    let around = |what| if what == "a form" { 58 } else { 0 };
    for (what, make) in makes {
        let most = if what == "items of one byte" { 10 } else { 200_000 };
        for declared in [0_usize, 1, 10, 65_408, 70_000, 200_000].into_iter().filter(|&declared| declared <= most) {
            for (came, fits) in [(declared, true), (declared + 1, false), (declared * 2 + 9, false)]
                .into_iter()
                .chain(declared.checked_sub(1).map(|less| (less, false)))
            {
                let server = ok();
                let length = declared + around(what);
                let session = session();
                let put = session.put(server.url("/")).header("Content-Length", length.to_string());

                match put.data(make(came)).send() {
                    Ok(_) => {
                        assert!(fits, "{what}: {came} instead of {declared}");
                        assert_eq!(server.requests()[0].body.len(), length, "{what}");
                    }
                    Err(error) => {
                        assert!(!fits, "{what}: {came} instead of {declared}: {error}");
                        assert_eq!(error.kind(), ErrorKind::Io, "{what}: {error}");
                        assert!(error.to_string().contains(&format!("{length} bytes")), "{what}: {error}");
                        assert!(server.requests().is_empty(), "{what}: {came} instead of {declared}");
                    }
                }
            }
        }
    }
    for (declared, came) in [(0, "12345"), (5, "123456"), (5, "1234")] {
        let server = ok();

        let error = session().put(server.url("/")).data(Body::sized(Cursor::new(came), declared)).send().unwrap_err();

        assert_eq!((error.kind(), server.requests().len()), (ErrorKind::Io, 0), "{error}");
    }
}

// BODY-19; docs/decisions.md#multipart-type
#[test]
fn files_together_with_a_text_or_a_stream_are_refused() {
    let server = ok();
    let form = || Multipart::new().text("a", "b");

    for data in [Body::from("raw text"), Body::reader(Cursor::new("stream")), Body::chunks(["x"])] {
        let result = session().post(server.url("/")).data(data).files(form()).send();
        assert!(result.is_err());
    }
    assert!(server.requests().is_empty());
}

// BODY-20, BODY-22, BODY-23, BODY-24, BODY-27, BODY-28
#[test]
fn parts_go_in_order_with_only_what_the_caller_said() {
    let server = ok();
    let form = Multipart::new()
        .boundary("B")
        .text("plain", "dé")
        .part("named \"x\"\r\n", Part::bytes("1").file_name("a\"b\r\nc.txt"))
        .part("typed", Part::bytes("2").file_name("t").mime("text/csv").header("X-Part", "9"));

    session().post(server.url("/")).files(form).send().unwrap();

    let request = &server.requests()[0];
    assert_eq!(request.header("content-type"), Some("multipart/form-data; boundary=B"));
    assert_eq!(
        String::from_utf8(request.body.clone()).unwrap(),
        "--B\r\nContent-Disposition: form-data; name=\"plain\"\r\n\r\ndé\r\n\
         --B\r\nContent-Disposition: form-data; name=\"named %22x%22%0D%0A\"; filename=\"a%22b%0D%0Ac.txt\"\r\n\r\n1\r\n\
         --B\r\nContent-Disposition: form-data; name=\"typed\"; filename=\"t\"\r\nContent-Type: text/csv\r\n\
         X-Part: 9\r\n\r\n2\r\n--B--\r\n"
    );
}

// BODY-21
#[test]
fn a_part_of_a_file_takes_the_files_name() {
    let server = ok();
    let (_dir, path, _) = file("name.txt", b"content");

    session().post(server.url("/")).files([("f", Part::file(&path).unwrap())]).send().unwrap();

    let body = String::from_utf8(server.requests()[0].body.clone()).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(body.contains(&format!("name=\"f\"; filename=\"{name}\"\r\n\r\ncontent\r\n")), "{body}");
}

// BODY-30; docs/decisions.md#multipart-type
#[test]
fn a_content_type_of_the_callers_own_never_hides_the_boundary() {
    let server = ok();

    session()
        .post(server.url("/"))
        .header("Content-Type", "multipart/form-data; boundary=mine")
        .files(Multipart::new().text("a", "b"))
        .send()
        .unwrap();

    let request = &server.requests()[0];
    let boundary = request.header("content-type").unwrap().split_once("boundary=").unwrap().1;
    assert!(request.body.starts_with(format!("--{boundary}\r\n").as_bytes()), "{boundary}");
}

// BODY-31
#[test]
fn files_without_a_part_are_no_files() {
    let server = ok();

    session().post(server.url("/")).data([("a", "b")]).files(Multipart::new()).send().unwrap();

    assert_eq!(server.requests()[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(server.requests()[0].body, b"a=b");
}

// BODY-29 (deviation: streamed)
#[test]
fn a_part_of_unknown_length_makes_the_form_chunked() {
    let server = ok();
    let form = Multipart::new().boundary("B").part("r", Part::reader(Cursor::new("streamed")).file_name("r"));

    session().post(server.url("/")).files(form).send().unwrap();

    let request = &server.requests()[0];
    assert_eq!(request.header("transfer-encoding"), Some("chunked"));
    assert_eq!(
        request.body,
        b"--B\r\nContent-Disposition: form-data; name=\"r\"; filename=\"r\"\r\n\r\nstreamed\r\n--B--\r\n"
    );
}

// BODY-33
#[test]
fn an_answer_that_comes_before_the_body_is_sent_is_returned() {
    let server = TestServer::connections(|peer| {
        if peer.read_head().is_some() {
            peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
            // Not a reset, which might overtake the answer.
            peer.shutdown_write();
            peer.wait_for_close();
        }
    });

    let response = session().post(server.url("/")).data(vec![b'x'; 8 << 20]).send().unwrap();

    assert_eq!((response.status_code().as_u16(), response.text().unwrap().as_str()), (413, "big"));
    assert!(server.wait_for_open(0));
}

// BODY-34
#[test]
fn the_body_follows_the_head_at_once() {
    let server = ok();

    session().post(server.url("/")).data(vec![b'x'; 1 << 20]).send().unwrap();

    assert_eq!(server.requests()[0].header("expect"), None);
    assert_eq!(server.requests()[0].body.len(), 1 << 20);
}

// REDIR-05, REDIR-06; docs/decisions.md#body-once
#[test]
fn a_body_that_can_be_sent_once_is_not_sent_to_a_307_or_308s_target() {
    for status in [307, 308] {
        for (name, body) in one_shot_bodies() {
            let server = TestServer::http(move |request| match request.target.as_str() {
                "/" => Reply::new(status).header("Location", "/next"),
                _ => Reply::new(200),
            });

            let error = session().post(server.url("/")).data(body).send().unwrap_err();

            assert_eq!(error.kind(), ErrorKind::UnrewindableBody, "{status} {name}: {error}");
            assert_eq!(error.response().map(|response| response.status_code().as_u16()), Some(status), "{name}");
            assert_eq!((server.requests().len(), server.accepted()), (1, 1), "{status} {name}");
        }
    }
}

// REDIR-03
#[test]
fn a_body_that_can_be_sent_once_is_no_obstacle_to_a_redirect_that_drops_it() {
    for (name, body) in one_shot_bodies() {
        let server = TestServer::http(|request| match request.target.as_str() {
            "/" => Reply::new(303).header("Location", "/next"),
            _ => Reply::new(200),
        });

        session().post(server.url("/")).data(body).send().unwrap();

        let next = &server.requests()[1];
        assert_eq!((next.method.as_str(), own_headers(next), next.body.len()), ("GET", vec![], 0), "{name}");
    }
}

// AUTH-23; docs/decisions.md#body-once
#[cfg(feature = "digest")]
#[test]
fn a_body_that_can_be_sent_once_is_not_sent_in_answer_to_a_challenge() {
    for (name, body) in one_shot_bodies() {
        let server = TestServer::http(|_| {
            Reply::new(401).header("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"")
        });

        let auth = petition::DigestAuth::new("u", "p");
        let error = session().post(server.url("/")).auth(auth).data(body).send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::UnrewindableBody, "{name}: {error}");
        assert_eq!(server.requests().len(), 1, "{name}");
    }
}

// docs/decisions.md#body-once
#[test]
fn a_prepared_request_with_a_body_that_can_be_sent_once_is_not_sent_twice() {
    for (name, body) in one_shot_bodies() {
        let server = ok();
        let session = session();
        let prepared = Request::new("POST", server.url("/")).data(body).prepare().unwrap();

        session.send(prepared.clone()).unwrap();
        let error = session.send(prepared).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::UnrewindableBody, "{name}: {error}");
        assert_eq!(server.requests().len(), 1, "{name}");
    }
}

// REDIR-04, AUTH-23
#[test]
fn a_file_is_sent_again_from_its_first_position() {
    let (_dir, _, mut file) = file("again", b"0123456789");
    file.seek(SeekFrom::Start(4)).unwrap();
    let server = TestServer::http(|request| match request.target.as_str() {
        "/" => Reply::new(307).header("Location", "/2"),
        "/2" => Reply::new(308).header("Location", "/3"),
        _ => Reply::new(200),
    });

    session().put(server.url("/")).data(file).send().unwrap();

    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert_eq!((request.method.as_str(), request.body.as_slice()), ("PUT", &b"456789"[..]));
        assert_eq!(own_headers(&request), [("Content-Length", "6")]);
    }
}

/// What the server got of the body of a request whose source fails, until the connection closed; there was one connection.
fn broken_upload(body: Body) -> (petition::Error, Vec<u8>) {
    let (over, connections) = mpsc::channel();
    let server = TestServer::connections(move |peer| {
        let mut got = Vec::new();
        if peer.read_head().is_some() {
            loop {
                let bytes = peer.read_some(1 << 16);
                if bytes.is_empty() {
                    break;
                }
                got.extend(bytes);
            }
        }
        over.send(got).unwrap();
    });
    let retry = Retry::new().total(3).any_method().backoff_factor(0);
    let adapter = HttpAdapter::builder().max_retries(retry).build();

    let error = session_over(adapter.clone()).post(server.url("/")).data(body).send().unwrap_err();

    assert!(adapter.stats().iter().all(|pool| (pool.idle(), pool.in_use()) == (0, 0)), "{:?}", adapter.stats());
    let got = connections.recv_timeout(LONG).expect("the connection was closed");
    drop(server);
    assert!(connections.try_recv().is_err(), "another connection was made");
    (error, got)
}

// RETRY-06: what fails on our side is no read error
#[test]
fn a_source_that_fails_in_the_middle_ends_the_connection_and_is_not_tried_again() {
    let chunks = || Body::try_chunks([Ok("ab"), Err("the disk is gone")]);
    for (name, body, sent) in [
        ("reader", Body::reader(Failing(vec![b"ab"])), "2\r\nab\r\n"),
        ("sized", Body::sized(Failing(vec![b"ab"]), 10), "ab"),
        ("chunks", chunks(), "2\r\nab\r\n"),
    ] {
        let (error, got) = broken_upload(body);

        assert_eq!(error.kind(), ErrorKind::Io, "{name}: {error}");
        assert!(format!("{error:?}").contains("the disk is gone"), "{name}: {error:?}");
        let got = String::from_utf8(got).unwrap();
        // The end of the body is never told: neither the last chunk nor all the announced bytes.
        assert!(sent.starts_with(&got), "{name}: {got:?}");
    }
}

// BODY-16
#[test]
fn a_sized_reader_that_is_too_short_or_too_long_is_an_error_and_ends_the_connection() {
    for (length, text) in [(10, "shorter"), (3, "longer")] {
        let (error, got) = broken_upload(Body::sized(Cursor::new("abcde"), length));

        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains(text), "{error}");
        assert!(got.len() < length as usize, "{got:?}");
    }
}

// TBELT
#[test]
fn progress_is_told_up_to_the_whole_length() {
    let server = ok();
    let (seen, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (seen_by, most_by) = (Arc::clone(&seen), Arc::clone(&most));
    let body = Body::sized(std::io::repeat(b'x').take(300_000), 300_000).on_progress(move |sent, length| {
        assert_eq!(length, Some(300_000));
        assert!(sent >= seen_by.swap(sent, Ordering::SeqCst));
        most_by.fetch_max(sent, Ordering::SeqCst);
    });

    session().post(server.url("/")).data(body).send().unwrap();

    assert_eq!((seen.load(Ordering::SeqCst), most.load(Ordering::SeqCst)), (300_000, 300_000));
    assert_eq!(server.requests()[0].body.len(), 300_000);
}

// BODY-10
#[test]
fn a_file_that_grows_while_it_is_sent_keeps_to_its_announced_length() {
    let server = ok();
    let (_dir, path, file) = file("grows", b"12345");
    let prepared = Request::new("POST", server.url("/")).data(file).prepare().unwrap();
    File::options().append(true).open(&path).unwrap().write_all(b"6789").unwrap();

    let session = session();
    let sent = session.send(prepared);
    session.get(server.url("/after")).send().unwrap();

    let requests = server.requests();
    if sent.is_ok() {
        assert_eq!((requests[0].header("content-length"), requests[0].body.as_slice()), (Some("5"), &b"12345"[..]));
    }
    assert_eq!(requests.last().unwrap().target, "/after");
}

// What is behind the announced length would be read as the next request
#[test]
fn what_a_source_gives_behind_its_length_is_never_a_second_request() {
    const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let first = "x".repeat(5);
    let sources: [fn(&str, &str) -> Body; 3] = [
        |first, rest| Body::reader(Cursor::new(format!("{first}{rest}"))),
        |first, rest| Body::chunks([first.to_owned(), rest.to_owned()]),
        |first, rest| Body::sized(Cursor::new(format!("{first}{rest}")), first.len() as u64),
    ];
    for source in sources {
        for session in [session(), session_over(HttpAdapter::builder().max_retries(3).build())] {
            let server = ok();
            let put = session.put(server.url("/")).header("Content-Length", first.len()).data(source(&first, SMUGGLED));

            let error = put.send().unwrap_err();

            assert_eq!(error.kind(), ErrorKind::Io, "{error}");
            assert!(server.wait_for_open(0), "the connection is not used again");
            assert!(server.requests().iter().all(|request| !request.raw_text().contains("smuggled")));
            session.get(server.url("/next")).send().unwrap();
            assert!(server.requests().iter().any(|request| request.target == "/next"));
        }
    }
}
