//! Cookies between a session and hosts: what is kept, and where it goes.

use crate::support::{TempDir, ok, own_headers, session, session_at};
use petition::testing::{Reply, TestServer};
use petition::{Cookie, ErrorKind, PreparedRequest, Response, SendOptions};

/// Sets what the request's `X-Set` says.
fn setting() -> TestServer {
    TestServer::http(|request| match request.header("x-set") {
        Some(cookie) => Reply::new(200).header("Set-Cookie", cookie),
        None => Reply::new(200),
    })
}

// COOK-06, COOK-07, COOK-08, COOK-09, COOK-11 (deviation: host only), COOK-12, COOK-14, COOK-16, COOK-19, COOK-20
#[test]
fn a_cookie_goes_back_where_its_domain_and_path_say() {
    for (from, set, to, sent) in [
        ("http://a.test/dir/page", "k=v", "http://a.test/dir/other", Some("k=v")),
        ("http://a.test/dir/page", "k=v", "http://a.test/dir", Some("k=v")),
        ("http://a.test/dir/page", "k=v", "http://a.test/direct", None),
        ("http://a.test/dir/page", "k=v", "http://a.test/", None),
        ("http://a.test/", "k=v; Path=/p", "http://a.test/p/q", Some("k=v")),
        ("http://a.test/", "k=v; Path=/p", "http://a.test/pq", None),
        ("http://a.test/", "k=v", "http://a.test:8080/", Some("k=v")),
        ("http://a.test/", "k=v", "http://b.test/", None),
        ("http://a.test/", "k=v", "http://sub.a.test/", None),
        ("http://sub.a.test/", "k=v; Domain=a.test", "http://a.test/", Some("k=v")),
        ("http://sub.a.test/", "k=v; Domain=.a.test", "http://x.a.test/", Some("k=v")),
        ("http://a.test/", "k=v; Domain=sub.a.test", "http://sub.a.test/", None),
        ("http://evila.test/", "k=v; Domain=a.test", "http://a.test/", None),
        ("http://a.test/", "k=v; Domain=test", "http://b.test/", None),
        ("http://a.test/", "k=v; Secure", "http://a.test/", None),
        ("http://a.test/", "k=v; Max-Age=0", "http://a.test/", None),
        ("http://a.test/", "k=v; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "http://a.test/", Some("k=v")),
        ("http://a.test/", "k=v; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "http://a.test/", None),
        ("http://a.test/", "k=a=b,c; HttpOnly; SameSite=Lax", "http://a.test/", Some("k=a=b,c")),
        ("http://a.test/", "k=\"q\"", "http://a.test/", Some("k=\"q\"")),
        ("http://a.test/", "=1", "http://a.test/", None),
        ("http://localhost/", "k=v", "http://localhost/", Some("k=v")),
    ] {
        let server = setting();
        let session = session_at(&server);

        session.get(from).header("X-Set", set).send().unwrap();
        session.get(to).send().unwrap();

        assert_eq!(server.requests()[1].header("cookie"), sent, "{set} of {from} to {to}");
    }
}

// docs/decisions.md#control-bytes
#[test]
fn control_bytes_of_a_set_cookie_go_back_as_they_came_also_to_a_host_beside() {
    let cookie = "k=a\u{1}\u{1b}\u{7f}b";
    let server = TestServer::http(move |request| match request.header("cookie") {
        None => {
            Reply::raw(format!("HTTP/1.1 200 OK\r\nSet-Cookie: {cookie}; Domain=a.test\r\nContent-Length: 0\r\n\r\n"))
        }
        // As many servers answer a control byte.
        Some(_) => Reply::new(400),
    });
    let session = session_at(&server);

    session.get("http://x.a.test/").send().unwrap();
    let beside = session.get("http://y.a.test/").send().unwrap();

    assert_eq!(beside.status_code(), 400);
    assert_eq!(server.requests()[1].header("cookie"), Some(cookie));
    assert!(session.cookies.remove("k"), "the program can remove it");
    assert_eq!(session.get("http://y.a.test/").send().unwrap().status_code(), 200);
}

// COOK-01, COOK-22
#[test]
fn cookies_go_in_one_header_longest_path_first_and_the_same_one_is_overwritten() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/p/" => Reply::new(200)
            .header("Set-Cookie", "root=1; Path=/")
            .header("Set-Cookie", "deep=2; Path=/p/")
            .header("Set-Cookie", "other=3; Path=/"),
        "/p/again" => Reply::new(200).header("Set-Cookie", "root=new; Path=/"),
        _ => Reply::new(200),
    });
    let session = session();

    for path in ["/p/", "/p/again", "/p/last"] {
        session.get(server.url(path)).send().unwrap();
    }

    let requests = server.requests();
    assert_eq!(requests[1].header("cookie"), Some("deep=2; root=1; other=3"));
    assert_eq!(own_headers(&requests[2]), [("Cookie", "deep=2; root=new; other=3")]);
}

// COOK-02
#[test]
fn a_cookie_header_of_the_programs_own_keeps_the_jar_out() {
    let server = ok();
    let mut session = session();
    session.cookies.insert("jar", "1");

    session.get(server.url("/")).header("cookie", "hand=1").cookies([("own", "2")]).send().unwrap();
    assert_eq!(own_headers(&server.requests()[0]), [("cookie", "hand=1")]);

    session.headers.insert("Cookie", "session=1").unwrap();
    session.get(server.url("/")).send().unwrap();
    assert_eq!(own_headers(&server.requests()[1]), [("Cookie", "session=1")]);
}

// COOK-03, COOK-23, RESP-35, ERR-06
#[test]
fn a_responses_cookies_are_its_own_and_a_name_on_two_paths_is_a_conflict() {
    let server = setting();
    let session = session();

    session.get(server.url("/a/x")).header("X-Set", "k=1").send().unwrap();
    let response = session.get(server.url("/b/x")).header("X-Set", "k=2").send().unwrap();

    assert_eq!(response.cookies().get("k").unwrap().as_deref(), Some("2"));
    assert_eq!(session.cookies.get("k").unwrap_err().kind(), ErrorKind::CookieConflict);
    assert_eq!(session.cookies.get_at("k", None, Some("/a")).unwrap().as_deref(), Some("1"));
}

// COOK-05, COOK-24
#[test]
fn a_cookie_set_by_hand_goes_everywhere_unless_it_has_a_domain() {
    let server = ok();
    let session = session_at(&server);
    session.cookies.insert("all", "1");
    session.cookies.set(Cookie::new("a", "2").domain("a.test").path("/"));

    for host in ["a.test", "b.test"] {
        session.get(format!("http://{host}/")).send().unwrap();
    }

    let requests = server.requests();
    let sent: Vec<_> = requests.iter().map(|request| request.header("cookie").unwrap()).collect();
    assert_eq!(sent, ["all=1; a=2", "all=1"]);
}

// COOK-29
#[test]
fn a_host_header_of_the_programs_own_decides_about_cookies() {
    let server = setting();
    let session = session_at(&server);

    session.get("http://a.test/").header("Host", "b.test").header("X-Set", "k=v").send().unwrap();
    session.get("http://b.test/").send().unwrap();
    session.get("http://a.test/").send().unwrap();

    let requests = server.requests();
    assert_eq!((requests[1].header("cookie"), requests[2].header("cookie")), (Some("k=v"), None));
}

// COOK-29: a header without a value is none, as in requests; where a host without a name is meant, none is meant
#[test]
fn a_host_header_without_a_host_gives_cookies_to_no_other_host() {
    for (host, sent_to_a) in [("", Some("sid=secret")), (":80", None), (":", None), ("[", None), ("[]:80", None)] {
        let server = setting();
        let session = session_at(&server);

        let first = session.get("http://a.test/").header("Host", host).header("X-Set", "sid=secret");
        // What a request brings along stays with it.
        let response = first.cookies([("own", "secret")]).send().unwrap();
        for url in ["http://b.test/", "http://localhost/", &server.url("/"), "http://a.test/"] {
            session.get(url).send().unwrap();
        }
        session.cookies.update(response.cookies());
        session.get("http://b.test/").send().unwrap();

        let requests = server.requests();
        assert_eq!(requests[0].header("cookie"), Some("own=secret"), "{host:?}");
        let sent: Vec<_> = requests[1..].iter().map(|request| request.header("cookie")).collect();
        assert_eq!(sent, [None, None, None, sent_to_a, None], "{host:?}");
    }
}

// as in requests
#[test]
fn a_cookie_from_a_url_without_a_host_goes_back_to_such_a_url_alone() {
    let server = ok();
    let mut session = session_at(&server);
    session.mount("mock://", |request: &mut PreparedRequest, _: &SendOptions| {
        let sent = request.headers.get("cookie").unwrap_or("none").to_owned();
        Response::builder(200).header("Set-Cookie", "sid=secret").body(sent).build()
    });

    assert_eq!(session.get("mock:///x").send().unwrap().text().unwrap(), "none");
    assert_eq!(session.get("mock:///x").send().unwrap().text().unwrap(), "sid=secret");
    session.get("http://a.test/").send().unwrap();

    assert_eq!(server.requests()[0].header("cookie"), None);
}

// docs/decisions.md#cookie-files: the bytes of the file are those on the wire, and the other way round
#[test]
fn a_cookie_file_keeps_bytes_from_the_wire_and_to_it() {
    let server = TestServer::connections(|peer| {
        while peer.read_request().is_some() {
            peer.send(b"HTTP/1.1 200 OK\r\nSet-Cookie: wire=\xc3\xa9\xff\x01\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let folder = TempDir::new();
    let file = folder.file(
        "cookies.txt",
        b"\xef\xbb\xbf127.0.0.1\tFALSE\t/\tFALSE\t0\tfile\t\xc3\xa9\x80\r127.0.0.1\tFALSE\t/\tFALSE\t4e9\t\talone\r",
    );
    let session = session();

    assert_eq!(session.cookies.load_from(&file).unwrap(), 2);
    session.get(server.url("/")).send().unwrap();
    session.cookies.save_to(&file).unwrap();

    let sent = server.requests()[0].raw.clone();
    assert!(contains(&sent, b"\r\nCookie: file=\xc3\xa9\x80; alone\r\n"), "{}", String::from_utf8_lossy(&sent));
    let saved = std::fs::read(&file).unwrap();
    for line in [&b"\t0\twire\t\xc3\xa9\xff\x01\n"[..], b"\t0\tfile\t\xc3\xa9\x80\n", b"\t4000000000\t\talone\n"] {
        assert!(contains(&saved, line), "{}", String::from_utf8_lossy(&saved));
    }
    assert_eq!(folder.names(), ["cookies.txt"]);
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_cookie_without_a_name_is_its_value_alone_by_every_way_in() {
    let server = ok();
    let session = session_at(&server);
    let mut ways = 0;
    let mut sent = |session: &petition::Session| {
        session.get("http://a.test/").send().unwrap();
        ways += 1;
        server.requests()[ways - 1].header("cookie").map(str::to_owned)
    };

    session.cookies.insert("", "v");
    assert_eq!(sent(&session).as_deref(), Some("v"));
    session.cookies.insert("a", "1");
    assert_eq!(sent(&session).as_deref(), Some("v; a=1"));
    session.cookies.insert("", "");
    assert_eq!(sent(&session).as_deref(), Some("a=1"));
    session.cookies.clear();
    session.cookies.load(&b"a.test\tFALSE\t/\tFALSE\t0\t\tv=w\n"[..]).unwrap();
    assert_eq!(sent(&session).as_deref(), Some("v=w"));

    session.get("http://b.test/").cookies([("", "own")]).send().unwrap();
    assert_eq!(server.requests().last().unwrap().header("cookie"), Some("own"));
}

#[test]
fn a_cookie_that_cannot_be_sent_is_found_in_its_file_and_blocks_no_host() {
    let server = ok();
    let session = session_at(&server);
    let file = b"a.test\tFALSE\t/\tFALSE\t0\ta\t1\na.test\tFALSE\t/\tFALSE\t0\tb\tsecret\0\n";

    let error = session.cookies.load(&file[..]).unwrap_err();
    session.get("http://a.test/").send().unwrap();

    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("line 2") && !error.to_string().contains("secret"), "{error}");
    assert_eq!(server.requests()[0].header("cookie"), None);
}
