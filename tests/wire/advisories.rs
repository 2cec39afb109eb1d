//! Attacks from the advisories of other clients that no other file tests; docs/security.md has the list.

use petition::testing::{Reply, TestServer};
use petition::{BearerAuth, ErrorKind};

use crate::support::{Child, TempDir, fixed, moved, secs, session, session_at, timed};

// CVE-2026-56866 of Go: the body of a refused CONNECT is the next request for a server that expects none there, and its answer
// is then taken for somebody else's. docs/decisions.md#refused-connect
#[test]
fn what_follows_connect_is_nobodys_request() {
    for body in [None, Some("GET /evil HTTP/1.1\r\nHost: evil\r\n\r\n")] {
        let server = TestServer::http(|request| match &*request.method {
            "CONNECT" => Reply::new(405).body("no"),
            _ => Reply::new(200).body(request.target.clone()),
        });
        let session = session();
        let request = session.request("CONNECT", server.url("/tunnel"));

        let refused = match body {
            Some(body) => request.data(body).send().unwrap(),
            None => request.send().unwrap(),
        };

        assert_eq!((refused.status_code().as_u16(), refused.text().unwrap().as_str()), (405, "no"));
        assert_eq!(session.get(server.url("/mine")).send().unwrap().text().unwrap(), "/mine");
        assert_eq!(server.accepted(), 2, "{body:?}");
    }
}

// CVE-2026-86414 of curl: a proxy that answers CONNECT as if it were the origin gets the origin's credentials.
#[cfg(all(feature = "native-tls", feature = "digest"))]
#[test]
fn a_proxy_that_asks_in_the_origins_name_gets_none_of_its_credentials() {
    use crate::support::Journal;
    use petition::{BasicAuth, DigestAuth};

    for challenge in [r#"Basic realm="r""#, r#"Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256"#, "Bearer"] {
        for status in ["401 Unauthorized", "407 Proxy Authentication Required"] {
            let journal = Journal::default();
            let seen = journal.clone();
            let proxy = TestServer::connections(move |peer| {
                while let Some(head) = peer.read_head() {
                    seen.add("proxy", head.raw_text());
                    let challenges = format!("WWW-Authenticate: {challenge}\r\nProxy-Authenticate: {challenge}");
                    peer.send(format!("HTTP/1.1 {status}\r\n{challenges}\r\nContent-Length: 0\r\n\r\n"));
                }
            });
            let session = session();
            let get = || session.get("https://origin.test/").proxies([("all", proxy.url(""))]);
            let basic = get().auth(BasicAuth::new("u", "p"));
            let requests = [basic, get().auth(DigestAuth::new("u", "p")), get().auth(BearerAuth::new("t"))];
            for request in requests {
                let error = request.send().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ProxyError, "{error}");
            }
            let connect = "CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n\r\n";
            assert_eq!(journal.of("proxy"), [connect; 3]);
        }
    }
}

// CVE-2026-97044 of Go's IDNA: a label without end, of characters for each of which the others are looked at, keeps a processor
// busy.
#[test]
fn a_location_with_a_label_without_end_is_refused_at_once() {
    for label in ["\u{660}", "\u{6f0}", "\u{30fb}", "\u{fc}"] {
        let server = fixed(moved(&format!("http://{}/", label.repeat(80_000))));

        let (answer, took) = timed(|| session_at(&server).get(server.url("/")).send());

        assert_eq!(answer.unwrap_err().kind(), ErrorKind::InvalidUrl);
        assert!(took < secs(10.0), "{took:?}");
    }
}

// CVE-2026-97688 of urllib3: bytes behind the end of a Deflate stream were decoded again and again.
#[cfg(feature = "gzip")]
#[test]
fn what_follows_a_coded_stream_keeps_no_reader_busy() {
    use std::io::Write;
    use std::sync::mpsc;
    use std::thread;

    use crate::support::LONG;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    let text = "0123456789abcdef".repeat(512);
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::best());
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    for encoder in [&mut raw as &mut dyn Write, &mut zlib, &mut gzip] {
        encoder.write_all(text.as_bytes()).unwrap();
    }
    let coded = [
        ("deflate", raw.finish().unwrap()),
        ("deflate", zlib.finish().unwrap()),
        ("gzip", gzip.finish().unwrap()),
        ("gzip, deflate", Vec::new()),
    ];
    for (coding, stream) in coded {
        for trailing in [&b"x"[..], &[0; 3000], b"\x1f\x8b", &[b'z'; 100_000]] {
            for together in [true, false] {
                let mut body = Vec::new();
                let mut chunk = |bytes: &[u8]| {
                    body.extend(format!("{:x}\r\n", bytes.len()).into_bytes());
                    body.extend(bytes);
                    body.extend(b"\r\n");
                };
                if together {
                    chunk(&[&stream[..], trailing].concat());
                } else {
                    if !stream.is_empty() {
                        chunk(&stream);
                    }
                    chunk(trailing);
                }
                body.extend(b"0\r\n\r\n");
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nTransfer-Encoding: chunked\r\n\r\n");
                let server = crate::support::fixed([head.into_bytes(), body].concat());
                let (tell, told) = mpsc::channel();
                let url = server.url("/");
                thread::spawn(move || {
                    let mut response = session().get(url).stream(true).send().unwrap();
                    let read: Vec<_> = response.iter_content(16).collect();
                    tell.send(read)
                });

                let read = told.recv_timeout(LONG).unwrap_or_else(|_| panic!("{coding}: it never ends"));

                let whole: Vec<u8> = read.iter().flatten().flatten().copied().collect();
                assert!(text.as_bytes().starts_with(&whole), "{coding}: only what was coded");
                match read.last() {
                    Some(Err(error)) => assert_eq!(error.kind(), ErrorKind::ContentDecodingError, "{coding}"),
                    _ => assert!(whole.len() == text.len() || stream.is_empty(), "{coding}: {}", whole.len()),
                }
            }
        }
    }
}

// CVE-2026-97689 of urllib3: the line with a chunk's size was read to its end, however far that was.
#[test]
fn a_chunks_size_line_without_end_is_refused() {
    for line in ["0", "f;x=y", "f;", "f  "] {
        let start = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{line}");
        let more = line[line.len() - 1..].repeat(16 << 10);
        let server = TestServer::connections(move |peer| {
            if peer.read_request().is_some() {
                peer.send(&start);
                // 16 MiB, of which the client takes a fraction.
                for _ in 0..1024 {
                    peer.send(&more);
                }
                peer.wait_for_close();
            }
        });

        let error = session().get(server.url("/")).send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::ChunkedEncodingError, "{line}: {error}");
    }
}

// CVE-2026-3783 of curl: a token went along to a host that has an entry in netrc. CVE-2026-8926: a user of the URL got another
// user's password. CVE-2026-94266: a password showed in the URL of a response.
#[test]
fn an_entry_of_netrc_is_sent_whole_and_nothing_with_it() {
    let child = Child::new(|| {
        let server = TestServer::http(|request| match request.path() {
            "/start" => Reply::new(302).header("Location", "http://other.test/end"),
            _ => Reply::new(200),
        });
        let mut session = session_at(&server);
        session.trust_env = true;

        let followed = session.get("http://first.test/start").auth(BearerAuth::new("token")).send().unwrap();
        let named = session.get("http://ann@other.test/").send().unwrap();

        for response in [&followed, &named] {
            assert!(!response.url().as_str().contains("hunter2"), "{}", response.url());
        }
        let sent =
            server.requests().into_iter().map(|request| request.header("authorization").unwrap_or("none").to_owned());
        sent.collect::<Vec<_>>().join(", ")
    });
    let dir = TempDir::new();
    let file = dir.file("netrc", "machine other.test login bob password hunter2\n");

    let said = child.run(&[("NETRC", file.to_str().unwrap())]);

    // bob:hunter2, twice.
    assert_eq!(said, "Bearer token, Basic Ym9iOmh1bnRlcjI=, Basic Ym9iOmh1bnRlcjI=");
}

// CVE-2026-3784 of curl: a tunnel was used with other credentials than those it had been opened with.
#[cfg(feature = "native-tls")]
#[test]
fn a_tunnel_serves_the_credentials_that_opened_it() {
    use crate::support::{Authority, Journal, acceptor, answer, proxy};

    let (journal, authority, dir) = (Journal::default(), Authority::new("Advisories"), TempDir::new());
    let script = proxy(acceptor(&authority.leaf(&["origin.test"])), journal.clone(), |_, _| answer("deep"));
    let server = TestServer::connections(script);
    let mut session = session();
    session.verify = dir.file("ca.pem", &authority.pem).into();
    let with = |user: &str| server.url("").replacen("://", &format!("://{user}"), 1);

    for _ in 0..2 {
        for user in ["ann:a@", "bob:b@", ""] {
            let response = session.get("https://origin.test/").proxies([("https", with(user))]).send().unwrap();
            assert_eq!(response.text().unwrap(), "deep");
        }
    }

    let asked = journal.of("proxy");
    assert_eq!(asked.len(), 3, "one tunnel for each: {asked:?}");
    for (head, credentials) in asked.iter().zip([Some("YW5uOmE="), Some("Ym9iOmI="), None]) {
        assert_eq!(head.contains("Proxy-Authorization"), credentials.is_some(), "{head}");
        assert!(credentials.is_none_or(|credentials| head.contains(credentials)), "{head}");
    }
    assert_eq!(journal.of("origin.test:443").len(), 6);
}

// CVE-2026-86412 of curl: a server could set a cookie that was saved but not read again, which then cost all the others.
#[test]
fn no_cookie_of_a_server_makes_a_saved_jar_unreadable() {
    let mut cookies: Vec<String> = (1..=0x20u8)
        .chain([0x7f])
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .flat_map(|byte| {
            let odd = char::from(byte);
            [format!("n{odd}m=v"), format!("n{byte}=a{odd}b"), format!("p{byte}=v; Path=/a{odd}b"), format!("{odd}=v")]
        })
        .collect();
    cookies.extend([
        "age=v; Max-Age=99999999999999999999".into(),
        "far=v; Expires=Fri, 31 Dec 9999 23:59:59 GMT".into(),
        "past=v; Expires=Thu, 01 Jan 1601 00:00:00 GMT".into(),
        "#comment=v".into(),
        "#HttpOnly_x=v; HttpOnly".into(),
        "empty=".into(),
        format!("long={}", "x".repeat(4000)),
        format!("{}=long", "x".repeat(4000)),
        "umlaut=\u{e4}\u{2028}\u{feff}".into(),
        "dom=v; Domain=.h.test; Path=//".into(),
    ]);
    let server = TestServer::http(move |_| {
        cookies.iter().fold(Reply::new(200), |reply, cookie| reply.header("Set-Cookie", cookie.as_str()))
    });
    let session = session_at(&server);
    session.cookies.set(petition::Cookie::new("kept", "yes").domain("other.test").path("/"));
    session.get("http://h.test/").send().unwrap();
    assert!(session.cookies.len() > 20, "{}", session.cookies.len());
    let dir = TempDir::new();
    let file = dir.path().join("cookies.txt");

    for _ in 0..2 {
        session.cookies.save_to(&file).unwrap();
        let read = petition::CookieJar::new();
        read.load_from(&file).unwrap();
        assert_eq!(read.get_at("kept", Some("other.test"), Some("/")).unwrap().as_deref(), Some("yes"));
        assert!(read.len() > 10);
        read.save_to(&file).unwrap();
    }
}
