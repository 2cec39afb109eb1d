//! Recordings: that a replay is what was recorded, and that the file is readable and has no secrets.

#[cfg(feature = "gzip")]
use std::io::Read;
use std::path::Path;

#[cfg(feature = "gzip")]
use petition::SendOptions;
use petition::testing::{MatchOn, MockAdapter, MockRequest, Recorder, Reply, TestServer};
use petition::{ErrorKind, HttpAdapter, Multipart, PreparedRequest, Response, Session};

#[cfg(feature = "gzip")]
use crate::support::logged;
use crate::support::{TempDir, session};

fn over(recorder: Recorder) -> Session {
    let mut session = session();
    session.mount_all(recorder);
    session
}

/// What a program sees of a response.
fn seen(response: &Response) -> (u16, Vec<u8>, usize, Vec<String>) {
    let cookies = response.headers().get_all("set-cookie").map(str::to_owned).collect();
    (response.status_code().as_u16(), response.content().unwrap().to_vec(), response.history().len(), cookies)
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_replay_is_what_was_recorded_without_the_server() {
    let binary: Vec<u8> = (0..=255).collect();
    let body = binary.clone();
    let server = TestServer::http(move |request| match request.path() {
        "/redirect" => Reply::new(302).header("Location", "/text").header("Set-Cookie", "a=1; Path=/"),
        "/text" => Reply::new(200).body(format!("gr\u{fc}\u{df}e, {}", request.header("cookie").is_some())),
        "/binary" => Reply::new(200).body(body.clone()),
        "/chunked" => {
            Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        }
        "/post" => Reply::new(201).body(request.body.clone()),
        _ => Reply::new(404).body("no"),
    });
    let folder = TempDir::new();
    let path = folder.path().join("cassettes/all.json");
    let base = server.url("");
    let run = |recorder: Recorder| {
        let session = over(recorder);
        let get = |path: &str| seen(&session.get(format!("{base}{path}")).send().unwrap());
        let mut all = vec![get("/redirect"), get("/binary"), get("/binary"), get("/else"), get("/chunked")];
        for body in [petition::Body::from("in memory"), petition::Body::reader(&b"streamed"[..])] {
            all.push(seen(&session.post(format!("{base}/post")).data(body).send().unwrap()));
        }
        let mut streamed = session.get(format!("{base}/chunked")).stream(true).send().unwrap();
        let pieces: Vec<u8> = streamed.iter_content(2).flat_map(Result::unwrap).collect();
        all.push((0, pieces, 0, Vec::new()));
        assert!(session.get(format!("{base}/text")).stream(true).send().is_ok(), "nobody reads its body");
        all
    };

    let recorder = Recorder::auto(&path);
    assert!(recorder.is_recording());
    let recorded = run(recorder);
    drop(server);
    let recorder = Recorder::auto(&path);
    assert!(!recorder.is_recording());
    let replayed = run(recorder.clone());

    assert_eq!(recorder.left(), 0);
    assert_eq!(replayed, recorded);
    assert_eq!((recorded[0].2, recorded[1].1.clone()), (1, binary));
    let file = text(&path);
    assert!(file.contains("\"body\": \"gr\u{fc}\u{df}e, true\"") && file.contains("\"base64\": \"AAEC"), "{file}");
    assert!(file.contains("\"body\": \"streamed\"") && file.contains("Set-Cookie: a=***; Path=/"), "{file}");
}

#[cfg(feature = "gzip")]
#[test]
fn a_coded_body_is_text_in_the_file() {
    // printf '{"password":"hush-hush"}' is what it decodes to.
    let gzip = gzip(br#"{"password":"hush-hush","a":1}"#);
    let server = TestServer::http(move |_| Reply::new(200).header("Content-Encoding", "gzip").body(gzip.clone()));
    let folder = TempDir::new();
    let path = folder.path().join("f.json");
    let url = server.url("/");

    let live = over(Recorder::record(&path)).get(&url).send().unwrap();
    assert_eq!(live.text().unwrap(), r#"{"password":"hush-hush","a":1}"#);
    let replayed = over(Recorder::replay(&path)).get(&url).send().unwrap();

    assert_eq!(replayed.text().unwrap(), r#"{"password":"***","a":1}"#);
    assert_eq!(replayed.headers().get("content-length"), Some("24"));
    assert!(!text(&path).contains("hush") && !text(&path).contains("base64"));
}

/// One stored block: no compression, and no library.
#[cfg(feature = "gzip")]
fn gzip(content: &[u8]) -> Vec<u8> {
    let mut crc = u32::MAX;
    for byte in content {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let length = content.len() as u16;
    let mut out = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x01".to_vec();
    out.extend([length.to_le_bytes(), (!length).to_le_bytes()].concat());
    out.extend(content);
    out.extend([(!crc).to_le_bytes(), u32::from(length).to_le_bytes()].concat());
    out
}

#[test]
fn no_secret_reaches_the_file() {
    let server = TestServer::http(|request| {
        let echo = request.raw_text();
        Reply::new(200)
            .header("Set-Cookie", "sid=cookie-secret-1; HttpOnly")
            .header("X-Auth-Token", "answer-secret-2")
            .header("Link", "</next?api_key=query-secret-3>; rel=next")
            .body(format!("{echo} cookie-secret-1"))
    });
    let folder = TempDir::new();
    let path = folder.path().join("f.json");
    let session = over(Recorder::record(&path).mask(["X-Own"]));
    let url = server.url("/a?api_key=query-secret-3&page=1").replace("http://", "http://user:user-secret-4@");

    session.get(&url).header("X-Own", "own-secret-5").send().unwrap();
    session.post(server.url("/login")).data([("user", "me"), ("password", "form-secret-6")]).send().unwrap();
    let json = r#"{"client_secret": "json-secret-7", "x": "seen"}"#;
    session.post(server.url("/j")).auth(petition::BearerAuth::new("bearer-secret-8")).data(json).send().unwrap();
    session.post(server.url("/again")).data("bearer-secret-8 and form-secret-6").send().unwrap();

    let file = text(&path);
    assert!(!file.contains("-secret-"), "{file}");
    assert!(!file.contains("dXNlcjp1c2VyLXNlY3JldC00"), "the Basic credentials: {file}");
    for kept in ["page=1", "sid=***; HttpOnly", "user=me&password=***", "Bearer ***", "seen", "X-Own: ***"] {
        assert!(file.contains(kept), "{kept}: {file}");
    }
    // With other secrets it is the same request.
    drop(server);
    let session = over(Recorder::replay(&path).mask(["X-Own"]));
    assert_eq!(session.get(url.replace("query-secret-3", "other")).send().unwrap().status_code(), 200);
}

#[test]
fn what_a_program_keeps_is_in_the_file() {
    let server = TestServer::http(|_| Reply::new(200).header("Set-Cookie", "theme=dark-and-long").body("x"));
    let folder = TempDir::new();
    let path = folder.path().join("f.json");

    let session = over(Recorder::record(&path).keep(["theme", "page_token"]));
    session.get(server.url("/?page_token=p2&token=hidden")).send().unwrap();

    assert!(text(&path).contains("theme=dark-and-long") && text(&path).contains("page_token=p2&token=***"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
    }
}

#[test]
fn each_recorded_answer_is_given_once_in_order() {
    let folder = TempDir::new();
    let path = folder.path().join("f.json");
    let mock = MockAdapter::new().on("GET", "/", Reply::new(200).body("1")).then(Reply::new(200).body("2"));
    let session = over(Recorder::record(&path).inner(mock));
    session.get("http://h/?a=1&b=2").send().unwrap();
    session.get("http://h/?a=1&b=2").send().unwrap();
    session.close();

    let session = over(Recorder::replay(&path));
    let get = |url: &str| session.get(url).send().map(|response| response.text().unwrap());
    let other = get("http://h/other?a=1&b=2").unwrap_err();
    assert_eq!(
        (get("http://h:80/?b=2&a=1").unwrap(), get("http://h/?a=1&b=2").unwrap()),
        ("1".to_owned(), "2".to_owned())
    );
    let spent = get("http://h/?a=1&b=2").unwrap_err();

    assert_eq!((other.kind(), spent.kind()), (ErrorKind::Other, ErrorKind::Other));
    let text = other.to_string();
    assert!(text.contains("GET http://h/other?a=1&b=2") && text.contains("f.json"), "{text}");
    assert!(text.contains("of 2 that are left the nearest is GET http://h/?a=1&b=2, which differs in: path"), "{text}");
    assert!(spent.to_string().contains("it was recorded 2 times, and replayed as often"), "{spent}");
}

#[test]
fn what_must_match_can_be_chosen() {
    let folder = TempDir::new();
    let path = folder.path().join("f.json");
    let mock = MockAdapter::new().on("POST", "/", Reply::new(200).body("1")).then(Reply::new(200).body("2"));
    let session = over(Recorder::record(&path).inner(mock));
    session.post("http://h/").header("X-A", "a").data("one").send().unwrap();
    session.post("http://h/").header("X-A", "b").data("two").send().unwrap();

    let by_body = over(Recorder::replay(&path).match_on([MatchOn::Method, MatchOn::Body]));
    assert_eq!(by_body.post("https://elsewhere/x").data("two").send().unwrap().text().unwrap(), "2");
    assert!(by_body.post("http://h/").data("three").send().is_err());
    let by_header = over(Recorder::replay(&path).match_on([MatchOn::Header("x-a".to_owned())]));
    assert_eq!(by_header.post("http://h/").header("X-A", "b").send().unwrap().text().unwrap(), "2");
}

#[test]
fn failures_are_passed_on_and_not_recorded() {
    let server = TestServer::http(|_| Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").then_close());
    let folder = TempDir::new();
    let path = folder.path().join("f.json");
    let mock = MockAdapter::new().on("GET", "/", ErrorKind::ReadTimeout);

    assert!(over(Recorder::record(&path).inner(mock)).get("http://h/").send().unwrap_err().is_timeout());
    let broken = over(Recorder::record(&path)).get(server.url("/")).send().unwrap_err();

    assert_eq!(broken.kind(), ErrorKind::ChunkedEncodingError);
    assert!(folder.names().is_empty());
}

#[test]
fn a_file_that_cannot_be_replayed_or_written_is_an_error_that_names_it() {
    let folder = TempDir::new();
    for (name, content) in [
        ("json", "{"),
        ("version", "{\"recording\": 2, \"interactions\": []}"),
        ("list", "{\"recording\": 1}"),
        ("entry", "{\"recording\": 1, \"interactions\": [{\"request\": {}, \"response\": {}}]}"),
    ] {
        let path = folder.file(name, content);
        for recorder in [Recorder::auto(&path), Recorder::replay(&path)] {
            let error = over(recorder).get("http://127.0.0.1:9/").send().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidJson, "{error}");
            assert!(error.to_string().contains(name), "{error}");
        }
        assert_eq!(text(&path), content);
    }
    let missing = over(Recorder::replay(folder.path().join("missing"))).get("http://h/").send().unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Io, "{missing}");

    let mock = MockAdapter::new().on("GET", "/", Reply::new(200));
    let recorder = Recorder::record(folder.path().join("json/below-a-file")).inner(mock);
    let session = over(recorder.clone());
    session.get("http://h/").send().unwrap();
    assert_eq!(recorder.save().unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn a_large_recording_is_written_seldom_and_completely() {
    let folder = TempDir::new();
    let path = folder.path().join("f.json");
    let mock = MockAdapter::new().on("GET", "/", Reply::new(200).body("x".repeat(100_000)));
    let session = over(Recorder::record(&path).inner(mock));
    for _ in 0..50 {
        session.get("http://h/").send().unwrap();
    }
    let before = text(&path).len();
    drop(session);

    assert!(before < text(&path).len(), "the last ones were not written yet");
    let recorder = Recorder::replay(&path);
    assert_eq!(recorder.left(), 50);
}

#[test]
fn retries_and_statistics_are_those_of_the_inner_adapter() {
    let server = TestServer::http(|_| Reply::new(200));
    let folder = TempDir::new();
    let recorder = Recorder::record(folder.path().join("f.json")).inner(HttpAdapter::builder().max_retries(2).build());
    let session = over(recorder);

    let response = session.get(server.url("/")).send().unwrap();

    assert!(response.retries().is_some() && response.exchange().peer == Some(server.address()));
    assert_eq!(session.stats().len(), 1);
}

#[test]
fn a_request_is_replayed_whatever_of_its_url_only_an_answer_masks() {
    let mock = MockAdapter::new()
        .on("GET", "/europe/x", Reply::new(200).header("Set-Cookie", "region=europe").body("1"))
        .on("GET", "/docs/english", Reply::new(200).body("2"))
        .on("GET", "http://h/", |request: &MockRequest| {
            Reply::new(200).header("Set-Cookie", "lang=english").body(request.query())
        })
        .on("GET", "http://contoso.h/", Reply::new(200).header("Set-Cookie", "tenant=contoso").body("3"))
        .on("GET", "http://contoso.h/go", Reply::new(302).header("Location", "http://contoso.h/page"))
        .on(
            "GET",
            "http://contoso.h/page",
            Reply::new(200).header("Set-Cookie", "last=http://contoso.h/page").body("4"),
        );
    let folder = TempDir::new();
    let path = folder.path().join("f.json");
    let run = |recorder: Recorder| {
        let session = over(recorder);
        let urls = [
            "http://h/europe/x",
            "http://h/docs/english",
            "http://h/?l=english&n=1",
            "http://h/docs/english",
            "http://contoso.h/go",
            "http://contoso.h/",
            "http://contoso.h/go",
            "http://contoso.h/page",
        ];
        urls.map(|url| session.get(url).send().unwrap().text().unwrap().replace("english", "***"))
    };

    let recorded = run(Recorder::record(&path).inner(mock));
    let recorder = Recorder::replay(&path);
    let replayed = run(recorder.clone());

    assert_eq!(recorded, replayed);
    assert_eq!(recorder.left(), 0);
    let file = text(&path);
    assert!(file.contains("http://h/***/x") && file.contains("http://masked.h/"), "{file}");
    assert!(!file.contains("europe") && file.matches("english").count() == 1, "{file}");
}

#[test]
fn a_token_of_an_answer_is_masked_in_later_urls_and_they_are_replayed() {
    let server = TestServer::http(|request| match request.path() {
        "/login" => Reply::new(200).header("Content-Type", "application/json").body(r#"{"token":"abc\/def+123"}"#),
        _ => Reply::new(200).body(format!("{} \"abc\\/def\\u002b123\"", request.target)),
    });
    let folder = TempDir::new();
    let path = folder.path().join("f.json");
    let base = server.url("");
    let run = |recorder: Recorder| {
        let session = over(recorder);
        let get = |path: &str| session.get(format!("{base}{path}")).send().unwrap();
        let answer: serde_json::Value = get("/login").json().unwrap();
        let token = answer["token"].as_str().unwrap().replace('/', "%2f").replace('+', "%2B");
        let bodies = [get(&format!("/reset/{token}")), get(&format!("/x?q={token}&n=1"))];
        bodies.map(|response| response.text().unwrap())
    };

    let live = run(Recorder::record(&path));
    drop(server);
    let recorder = Recorder::replay(&path);
    let replayed = run(recorder.clone());

    assert!(live[0].starts_with("/reset/abc%2Fdef%2B123 "), "{live:?}");
    assert_eq!(replayed, ["/reset/*** \"***\"", "/x?q=***&n=1 \"***\""]);
    assert_eq!(recorder.left(), 0);
    assert!(!text(&path).contains("abc"), "{}", text(&path));
}

#[test]
fn a_request_that_is_the_same_answers_before_one_that_a_mask_fits() {
    let folder = TempDir::new();
    let mock = MockAdapter::new()
        .on("GET", "/europe", Reply::new(200).header("Set-Cookie", "region=europe").body("1"))
        .on("GET", "/other", Reply::new(200).body("2"))
        .on("POST", "/", Reply::new(200).body("3"));
    let path = folder.path().join("f.json");
    let session = over(Recorder::record(&path).inner(mock));
    session.get("http://h/europe").send().unwrap();
    session.get("http://h/other").send().unwrap();
    session.post("http://h/").header("X-A", "in europe").data("to europe").send().unwrap();
    session.close();

    let session = over(Recorder::replay(&path));
    let get = |url: &str| session.get(url).send().map(|response| response.text().unwrap());
    assert_eq!((get("http://h/other").unwrap(), get("http://h/europe").unwrap()), ("2".to_owned(), "1".to_owned()));
    let spent = get("http://h/other").unwrap_err();
    assert!(spent.to_string().contains("it was recorded once, and replayed as often"), "{spent}");

    let all = [MatchOn::Method, MatchOn::Header("x-a".to_owned()), MatchOn::Body];
    let session = over(Recorder::replay(&path).match_on(all));
    let post = |header: &str, body: &str| session.post("http://h/").header("X-A", header).data(body.to_owned()).send();
    for (header, body) in [("in europe", "from europe"), ("europe", "to europe"), ("in europe", "to ")] {
        let error = post(header, body).unwrap_err();
        assert!(error.to_string().contains("differs in: "), "{error}");
    }
    assert_eq!(post("in europe", "to europe").unwrap().text().unwrap(), "3");
}

#[cfg(feature = "gzip")]
#[test]
fn headers_that_only_a_peer_can_have_are_recorded_and_replayed() {
    let gzip = gzip(b"content");
    let server = TestServer::http(move |_| {
        let head = "HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nX@: c\x7f\r\nContent-Encoding: gzip\r\n";
        let length = format!("Content-Length: {}\r\n\r\n", gzip.len());
        Reply::raw([head.as_bytes(), length.as_bytes(), &gzip[..]].concat())
    });
    let folder = TempDir::new();
    let path = folder.path().join("f.json");
    let url = server.url("/");
    let seen = |recorder: Recorder| {
        let response = over(recorder).get(&url).send().unwrap();
        let header = |name: &str| response.headers().get(name).map(str::to_owned);
        (header("x-a"), header("x@"), response.text().unwrap())
    };

    let live = seen(Recorder::record(&path));
    let replayed = seen(Recorder::replay(&path));

    assert_eq!(live, (Some("a\u{1}b".to_owned()), Some("c\u{7f}".to_owned()), "content".to_owned()));
    assert_eq!(replayed, live);
    std::fs::write(&path, text(&path).replace("X@: c\u{7f}", "X@: c\\r\\nX-B: d")).unwrap();
    let error = over(Recorder::replay(&path)).get(&url).send().unwrap_err();
    assert!(error.to_string().contains("interaction 1 has no valid response.headers"), "{error}");
}

#[cfg(feature = "gzip")]
#[test]
fn a_body_that_the_adapter_has_decoded_is_recorded_as_it_is() {
    let folder = TempDir::new();
    let path = folder.path().join("f.json");
    let recorder = Recorder::record(&path).inner(|_: &mut PreparedRequest, _: &SendOptions| {
        let response = Response::builder(200).header("Content-Encoding", "gzip").body(gzip(b"content")).build()?;
        response.content()?;
        Ok(response)
    });

    over(recorder).get("http://h/").send().unwrap();

    assert_eq!(over(Recorder::replay(&path)).get("http://h/").send().unwrap().text().unwrap(), "content");
}

#[test]
fn recording_changes_no_piece_of_a_stream() {
    let server = TestServer::http(|_| {
        Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    });
    let folder = TempDir::new();
    let path = folder.path().join("f.json");
    let pieces = |session: Session| -> Vec<Vec<u8>> {
        let mut response = session.get(server.url("/")).stream(true).send().unwrap();
        response.iter_content(10_000).map(Result::unwrap).collect()
    };

    let recorded = pieces(over(Recorder::record(&path)));

    assert_eq!(recorded, pieces(session()));
    assert_eq!(recorded, [b"abc".to_vec(), b"de".to_vec()]);
    assert!(text(&path).contains("\"abcde\""));
}

#[test]
fn a_form_is_read_by_the_type_that_an_auth_gave_it() {
    let folder = TempDir::new();
    let path = folder.path().join("f.json");
    let json = || Reply::new(200).header("Content-Type", "application/json").body("{}");
    let mock = MockAdapter::new().on("POST", "http://h/", json());
    let session = over(Recorder::record(&path).inner(mock));
    let typed = |kind: &'static str| {
        move |request: &mut PreparedRequest| {
            request.headers.insert("X-Team", "team-secret-1")?;
            request.headers.insert("Content-Type", kind)
        }
    };

    let form = "application/x-www-form-urlencoded; charset=utf-8";
    session.post("http://h/").data([("password", "form-secret-2")]).auth(typed(form)).send().unwrap();
    session.post("http://h/").data("{\"token\":\"json-secret-3\"}").auth(typed("application/json")).send().unwrap();
    let part = Multipart::new().text("payload_json", "{\"token\":\"part-secret-4\"}");
    session.post("http://h/").files(part).send().unwrap();
    session.close();

    let file = text(&path);
    assert!(!file.contains("-secret-") && file.contains("X-Team: ***"), "{file}");
    assert!(file.contains(&format!("Content-Type: {form}")) && file.contains("password=***"), "{file}");
    assert_eq!(file.matches("Content-Type: application/json").count(), 4, "{file}");
}

#[test]
fn a_range_that_an_auth_asks_for_makes_no_other_header_a_secret() {
    let folder = TempDir::new();
    let path = folder.path().join("f.json");
    let mock = MockAdapter::new().on("GET", "http://h/", Reply::new(206).header("Vary", "identity").body("identity"));
    let session = over(Recorder::record(&path).inner(mock));

    let auth = |request: &mut PreparedRequest| request.headers.insert("Range", "bytes=0-7");
    session.get("http://h/").auth(auth).send().unwrap();
    session.close();

    let file = text(&path);
    for shown in ["Range: bytes=0-7", "Accept-Encoding: identity", "Vary: identity", "\"body\": \"identity\""] {
        assert!(file.contains(shown), "{shown}: {file}");
    }
}

#[test]
fn json_with_a_masked_number_is_json_in_a_replay() {
    let folder = TempDir::new();
    let path = folder.path().join("f.json");
    let body = r#"{"user_id":1234567,"bytes":91234567,"name":"a"}"#;
    let mock =
        MockAdapter::new().on("GET", "http://h/", Reply::new(200).header("Set-Cookie", "uid=1234567").body(body));
    over(Recorder::record(&path).inner(mock)).get("http://h/").send().unwrap();

    let replayed = over(Recorder::replay(&path)).get("http://h/").send().unwrap();

    let value: serde_json::Value = replayed.json().unwrap();
    assert_eq!(value, serde_json::json!({"user_id": 0, "bytes": 0, "name": "a"}));
    assert!(!text(&path).contains("1234567"), "{}", text(&path));
}

#[test]
fn cookies_and_links_of_a_masked_host_or_path_work_in_a_replay() {
    let region = Reply::new(200)
        .header("Set-Cookie", "tenant=contoso; Domain=contoso.test")
        .header("Set-Cookie", "region=europe; Path=/europe")
        .header("Link", "<//contoso.test/europe/2?next=http%3A%2F%2Fcontoso.test%2F>; rel=next");
    let mock = MockAdapter::new().on("GET", "http://contoso.test/europe/1", region).on(
        "GET",
        "http://contoso.test/europe/2",
        Reply::new(200).body("2"),
    );
    let folder = TempDir::new();
    let path = folder.path().join("f.json");
    let run = |recorder: Recorder| {
        let session = over(recorder);
        let first = session.get("http://contoso.test/europe/1").send().unwrap();
        let next = first.url().join(first.links()[0].url()).unwrap();
        let cookies = session.cookies.len();
        let second = session.get(&next).send().unwrap();
        let sent = session.get("http://contoso.test/europe/2").prepare().unwrap();
        let sent = sent.headers.get("cookie").unwrap().split("; ").count();
        (cookies, sent, second.text().unwrap(), next.host().to_owned(), next.query().unwrap().to_owned())
    };

    let recorded = run(Recorder::record(&path).inner(mock));
    let replayed = run(Recorder::replay(&path));

    let query = |host: &str| format!("next=http%3A%2F%2F{host}.test%2F");
    assert_eq!(recorded, (2, 2, "2".to_owned(), "contoso.test".to_owned(), query("contoso")));
    assert_eq!(replayed, (2, 2, "2".to_owned(), "masked.test".to_owned(), query("masked")));
}

#[cfg(feature = "gzip")]
#[test]
fn what_was_read_of_a_coded_body_is_in_the_file_and_what_cannot_be_decoded_is_told() {
    let content = "{\"password\":\"hush-hush\"} ".repeat(1000);
    let coded = gzip(content.as_bytes());
    let all = coded.clone();
    let server = TestServer::http(move |request| {
        let body = if request.path() == "/broken" { b"hush-hush".to_vec() } else { all.clone() };
        Reply::new(200).header("Content-Encoding", "gzip").body(body)
    });
    let folder = TempDir::new();
    let path = folder.path().join("f.json");
    let record = |path: &Path| {
        over(Recorder::record(path).inner(HttpAdapter::builder().max_decoded_bytes(content.len() as u64).build()))
    };
    let stream = |session: &Session, path: &str| session.get(server.url(path)).stream(true).send().unwrap();

    let mut read = vec![0; 100];
    let ((), lines) = logged(|| stream(&record(&path), "/").read_exact(&mut read).unwrap());
    assert!(lines.iter().all(|line| !line.contains("recording")), "{lines:?}");
    let replayed = over(Recorder::replay(&path)).get(server.url("/")).send().unwrap();
    let text_of = |path: &Path| text(path);
    assert!(replayed.text().unwrap().starts_with("{\"password\":\"***\"} {\"password\""), "{}", text_of(&path));

    let small = |path: &Path| over(Recorder::record(path).inner(HttpAdapter::builder().max_decoded_bytes(9).build()));
    for (what, session, target) in [("broken", record(&path), "/broken"), ("too large", small(&path), "/")] {
        let (raw, lines) = logged(|| {
            let mut raw = Vec::new();
            stream(&session, target).raw().read_to_end(&mut raw).unwrap();
            raw
        });
        let told = format!("WARN adapter: A body was left out of the recording {}: ", path.display());
        assert_eq!(lines.iter().filter(|line| line.starts_with(&told)).count(), 1, "{what}: {lines:?}");
        assert!(raw == b"hush-hush" || raw == coded, "{what}");
        assert!(over(Recorder::replay(&path)).get(server.url(target)).send().unwrap().content().unwrap().is_empty());
        assert!(!text(&path).contains("hush"), "{what}: {}", text(&path));
    }
}

/// Some headers are left out in the guide.
#[test]
fn the_guide_shows_what_a_recording_looks_like() {
    let folder = TempDir::new();
    let path = folder.path().join("cassettes").join("items.json");
    let server = TestServer::http(|_| Reply::json(&["tea", "cups"]));
    for _ in 0..2 {
        let response = over(Recorder::auto(&path)).get(server.url("/items?api_key=s3cr3t")).send().unwrap();
        assert_eq!(response.json::<Vec<String>>().unwrap(), ["tea", "cups"]);
    }

    let guide = include_str!("../../docs/testing-your-code.md");
    let shown = guide.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let recorded = text(&path).replace(&server.address().to_string(), "shop.test");
    let mut rest = recorded.lines();
    for line in shown.lines() {
        let plain = |line: &str| line.trim_end_matches(',').to_owned();
        assert!(rest.any(|recorded| plain(recorded) == plain(line)), "{line:?} is not in {recorded}");
    }
}
