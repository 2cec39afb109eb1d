//! Proxies through the public API: what goes to whom, who is chosen, and what is said when it fails.

#[cfg(feature = "socks")]
use std::net::SocketAddr;

use petition::testing::{Reply, TestServer};
use petition::{ErrorKind, HttpAdapter, Session, StatusCode};

use crate::support::*;

/// A proxy with the names of its origins, a session that trusts them, and what everyone saw.
struct Setup {
    proxy: TestServer,
    journal: Journal,
    dir: TempDir,
}

impl Setup {
    fn new(script: impl Fn(&str, &str) -> String + Send + Sync + 'static) -> Self {
        Self::start(false, script)
    }

    /// `https` makes it a proxy that is spoken to over TLS.
    fn start(https: bool, script: impl Fn(&str, &str) -> String + Send + Sync + 'static) -> Self {
        let (journal, authority, dir) = (Journal::default(), Authority::new("Proxy Tests"), TempDir::new());
        dir.file("ca.pem", &authority.pem);
        let serve = proxy(acceptor(&authority.leaf(&["origin.test", "other.test"])), journal.clone(), script);
        let mut builder = TestServer::builder();
        if https {
            let own = authority.leaf(&["127.0.0.1"]);
            builder = builder.tls(&own.cert, &own.key).unwrap();
        }
        Self { proxy: builder.start(serve).unwrap(), journal, dir }
    }

    fn url(&self, user_info: &str) -> String {
        self.proxy.url("").replacen("://", &format!("://{user_info}"), 1)
    }

    /// Everything through the proxy.
    fn session(&self, user_info: &str) -> Session {
        let mut session = session();
        session.verify = self.dir.path().join("ca.pem").into();
        session.proxies.insert("all", self.url(user_info)).unwrap();
        session
    }
}

const BASIC: &str = "Proxy-Authorization: Basic cHU6cHA="; // pu:pp

// It is the only peer that was there
#[test]
fn a_forward_proxy_that_does_not_answer_is_named() {
    let closing = TestServer::connections(|peer| drop(peer.read_request()));
    let silent = silent();
    for (proxy, kind) in [(&closing, ErrorKind::ConnectionError), (&silent, ErrorKind::ReadTimeout)] {
        let mut session = session();
        let url = proxy.url("").replacen("://", "://user:secret@", 1);
        session.proxies.insert("all", url).unwrap();

        let error = session.get("http://origin.test/").timeout(petition::Timeout::new().read(0.3)).send().unwrap_err();

        assert_eq!(error.kind(), kind);
        let text = error.to_string();
        let end = format!(" (through the proxy {})", proxy.address());
        assert!(text.ends_with(&end) && text.contains("origin.test:80") && !text.contains("secret"), "{text}");
    }
}

// ADPT-13, PROXY-16
#[test]
fn a_forward_proxy_is_asked_for_the_absolute_url_and_gets_its_credentials_last() {
    let setup = Setup::new(|_, _| answer("via"));

    let session = setup.session("pu:pp@");
    let response = session.get("http://u:p@Origin.test:8080/p%41th?q=1#part").send().unwrap();

    assert_eq!(response.text().unwrap(), "via");
    let seen = setup.journal.of("proxy").remove(0);
    let lines: Vec<_> = seen.split("\r\n").collect();
    assert_eq!(lines[0], "GET http://origin.test:8080/pAth?q=1 HTTP/1.1");
    assert_eq!(lines[1], "Host: origin.test:8080");
    assert_eq!(lines[lines.len() - 3], BASIC, "{seen}");
}

// PROXY-16, PROXY-18, PROXY-29, PROXY-30
#[test]
fn a_tunnel_is_opened_once_and_its_credentials_stay_with_the_proxy() {
    let setup = Setup::new(|_, _| answer("secret"));
    let session = setup.session("pu:pp@");

    for _ in 0..2 {
        let response = session.get("https://origin.test/p?q#f").send().unwrap();
        assert_eq!(response.text().unwrap(), "secret");
        assert!(!response.headers().contains("X-Of-The-Proxy"));
    }

    assert_eq!(
        setup.journal.of("proxy"),
        [format!("CONNECT origin.test:443 HTTP/1.1\r\n{BASIC}\r\nHost: origin.test:443\r\n\r\n")]
    );
    let inner = setup.journal.of("origin.test:443");
    assert_eq!(inner.len(), 2);
    for head in inner {
        assert!(head.starts_with("GET /p?q HTTP/1.1\r\nHost: origin.test\r\n"), "{head}");
        assert!(!head.contains("Proxy-Authorization"), "{head}");
    }
}

// PROXY-17: to the proxy that it names, where requests sends it to the origin.
#[test]
fn a_proxy_authorization_of_the_requests_own_goes_into_connect_and_not_to_the_origin() {
    let setup = Setup::new(|_, _| answer(""));
    let session = setup.session("");

    for token in ["one", "two", "one"] {
        session.get("https://origin.test/").header("Proxy-Authorization", token).send().unwrap();
    }

    // What was opened with one is not used with another.
    let connects = setup.journal.of("proxy");
    assert_eq!(connects.len(), 2);
    for (connect, token) in connects.iter().zip(["one", "two"]) {
        assert!(connect.contains(&format!("\r\nProxy-Authorization: {token}\r\n")), "{connect}");
    }
    let inner = setup.journal.of("origin.test:443");
    assert_eq!(inner.len(), 3);
    assert!(inner.iter().all(|head| !head.contains("Proxy-Authorization")), "{inner:?}");
}

// PROXY-16: as for http URLs, the credentials of the proxy's URL are the ones that count.
#[test]
fn credentials_in_the_proxys_url_replace_a_header() {
    let setup = Setup::new(|_, _| answer(""));
    let session = setup.session("pu:pp@");

    for url in ["http://origin.test/", "https://origin.test/"] {
        session.get(url).header("Proxy-Authorization", "own").send().unwrap();
    }

    for head in setup.journal.of("proxy") {
        assert!(head.contains(BASIC) && !head.contains("own"), "{head}");
    }
    assert_eq!(setup.journal.of("proxy").len(), 2);
}

// PROXY-18, PROXY-19
#[test]
fn a_refused_tunnel_is_a_proxy_error_with_status_and_body_and_is_tried_again() {
    for (retries, tries) in [(0, 1), (2, 3)] {
        let proxy = TestServer::connections(|peer| {
            peer.read_request();
            peer.send("HTTP/1.1 407 Proxy Auth Required\r\nContent-Length: 10\r\n\r\nlog in now");
            peer.wait_for_close();
        });
        let mut session = session();
        session.mount("https://", HttpAdapter::builder().max_retries(retries).build());
        session.proxies.insert("https", proxy.url("").replace("://", "://user:hunter2@")).unwrap();

        let error = session.get("https://origin.test/").send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::ProxyError);
        assert!(error.is_connection_error());
        let text = error.to_string();
        assert!(text.contains("tunnel connection failed: 407 Proxy Auth Required: log in now"), "{text}");
        assert!(text.contains("(credentials were sent)"), "{text}");
        assert_eq!(error.status(), Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED));
        assert!(!format!("{error:?} {text}").contains("hunter2"), "{error:?}");
        assert_eq!(proxy.accepted(), tries);
    }
}

// PROXY-20
#[test]
fn an_answer_to_connect_that_is_not_http_is_a_connection_error() {
    let proxy = TestServer::connections(|peer| {
        peer.read_request();
        peer.send("SSH-2.0-OpenSSH_9.6\r\n\r\n");
        peer.wait_for_close();
    });

    let error = session().get("https://origin.test/").proxies([("https", proxy.url(""))]).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::ConnectionError);
    assert!(error.to_string().contains("its answer to CONNECT is not HTTP"), "{error}");
}

// docs/decisions.md#proxy-authorization
#[test]
fn a_proxy_authorization_of_the_programs_own_is_the_same_bytes_wherever_it_goes() {
    for (value, bytes) in
        [("Own caf\u{e9}\u{ff}", &b"Own caf\xe9\xff"[..]), ("Own caf\u{c3}\u{a9}", b"Own caf\xc3\xa9")]
    {
        for url in ["http://origin.test/", "https://origin.test/"] {
            let proxy = TestServer::connections(|peer| {
                peer.read_request();
                peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
                peer.wait_for_close();
            });

            let _ = session().get(url).proxies([("all", proxy.url(""))]).header("Proxy-Authorization", value).send();

            let line = [b"\r\nProxy-Authorization: ", bytes, b"\r\n"].concat();
            let raw = proxy.requests()[0].raw.clone();
            assert!(raw.windows(line.len()).any(|window| window == line), "{url}: {raw:?}");
        }
    }
}

// PROXY-18; docs/decisions.md#control-bytes
#[test]
fn a_control_byte_in_the_answer_to_connect_costs_no_tunnel() {
    let (journal, authority, dir) = (Journal::default(), Authority::new("Odd Proxy"), TempDir::new());
    let acceptor = acceptor(&authority.leaf(&["origin.test"]));
    let proxy = TestServer::connections(move |peer| {
        peer.read_request();
        peer.send("HTTP/1.1 200 O\x01K\r\nVia: \x7f\x1b\r\n\r\n");
        let Ok(mut tls) = acceptor.accept(Inner(peer)) else { return };
        if let Some(head) = read_head(&mut tls) {
            journal.add("origin", head);
            let _ = std::io::Write::write_all(&mut tls, answer("through").as_bytes());
        }
    });
    let mut session = session();
    session.verify = dir.file("ca.pem", &authority.pem).into();

    let response = session.get("https://origin.test/").proxies([("https", proxy.url(""))]).send().unwrap();

    assert_eq!(response.text().unwrap(), "through");
}

// PROXY-21
#[test]
fn a_proxy_that_cannot_be_reached_is_a_proxy_error() {
    let refused = format!("http://{}", refusing());
    for (proxy, text) in [
        (refused.as_str(), "connection refused"),
        ("http://unknown.test:3128", "failed to resolve proxy unknown.test:3128: no such name"),
    ] {
        for url in ["http://origin.test/", "https://origin.test/"] {
            let mut session = session();
            let unknown = |_: &str, _: u16| Err(std::io::Error::other("no such name"));
            session.mount("http", HttpAdapter::builder().resolver(unknown).build());
            session.mount("http://", HttpAdapter::builder().resolver(unknown).build());
            session.mount("https://", HttpAdapter::builder().resolver(unknown).build());

            let error = session.get(url).proxies([("all", proxy)]).send().unwrap_err();

            assert_eq!(error.kind(), ErrorKind::ProxyError, "{proxy} {url}: {error}");
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}

// PROXY-22
#[test]
fn a_proxy_that_speaks_plain_http_is_told_from_one_that_speaks_tls() {
    let plain = TestServer::connections(|peer| {
        peer.read_some(16);
        peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
        peer.wait_for_close();
    });
    let dir = TempDir::new();
    let bundle = dir.file("ca.pem", Authority::new("Nobody's").pem);
    for backend in backends() {
        for url in ["http://origin.test/", "https://origin.test/"] {
            let mut session = session();
            session.verify = (&bundle).into();
            for prefix in ["http://", "https://"] {
                session.mount(prefix, HttpAdapter::builder().tls_backend(backend.clone()).build());
            }

            let proxies = [("all", plain.url("").replace("http:", "https:"))];
            let error = session.get(url).proxies(proxies).send().unwrap_err();

            assert_eq!(error.kind(), ErrorKind::ProxyError, "{error}");
            assert!(error.to_string().contains("the server answered in plain HTTP"), "{error}");
        }
    }
}

// PROXY-23, PROXY-24; docs/decisions.md#proxy-certificates: the proxy's certificate is verified for every target.
#[test]
fn a_proxy_spoken_to_over_tls_is_verified_and_so_is_the_origin_inside() {
    let setup = Setup::start(true, |_, _| answer("deep"));
    let stranger = setup.dir.file("stranger.pem", Authority::new("Stranger").pem);
    for backend in backends() {
        for url in ["http://origin.test/", "https://origin.test/"] {
            let mut session = setup.session("pu:pp@");
            for prefix in ["http://", "https://"] {
                session.mount(prefix, HttpAdapter::builder().tls_backend(backend.clone()).build());
            }
            let before = setup.journal.all().len();

            let error = session.get(url).verify(&stranger).send().unwrap_err();

            assert_eq!(error.kind(), ErrorKind::ProxyError, "{backend:?} {url}");
            assert!(error.to_string().contains("unknown authority"), "{error}");
            assert_eq!(setup.journal.all().len(), before, "it was told something");

            assert_eq!(session.get(url).send().unwrap().text().unwrap(), "deep", "{backend:?} {url}");
        }
        // The proxy is right, the origin's name is not.
        let session = setup.session("");
        let error = session.get("https://wrong.test/").send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SslError);
        assert!(error.to_string().contains("the certificate is not valid for wrong.test"), "{error}");
    }
    // Nothing but the tunnel is for the proxy.
    assert!(setup.journal.of("origin.test:443").iter().all(|head| !head.contains("Proxy-Authorization")));
}

// REDIR-15, REDIR-28, PROXY-16
#[test]
fn a_redirect_chooses_its_proxy_anew_and_takes_no_header_along() {
    let direct = TestServer::http(|_| Reply::new(200).body("direct"));
    let target = direct.url("/end");
    let setup = Setup::new(move |_, head| match head.split(' ').nth(1) {
        Some("http://origin.test/direct") => moved(&target),
        Some("http://origin.test/on") => moved("http://other.test/"),
        Some("http://origin.test/up") => moved("https://origin.test/"),
        _ => answer("proxied"),
    });

    let mut session = setup.session("");
    session.proxies.insert("no_proxy", "127.0.0.1").unwrap();
    let own = session.get("http://origin.test/direct").header("Proxy-Authorization", "mine").send().unwrap();
    assert_eq!(own.text().unwrap(), "direct");
    assert_eq!(direct.requests().len(), 1);
    assert_eq!(direct.requests()[0].header("proxy-authorization"), None);
    assert_eq!(direct.requests()[0].target, "/end");
    session.get("http://origin.test/on").header("Proxy-Authorization", "mine").send().unwrap();
    let heads = setup.journal.of("proxy");
    let with_header: Vec<_> = heads.iter().map(|head| head.contains("mine")).collect();
    assert_eq!(with_header, [true, true, false]);

    // The proxy's own credentials are made again for each hop, and only for it.
    let session = setup.session("pu:pp@");
    let seen = setup.journal.of("proxy").len();
    session.get("http://origin.test/on").send().unwrap();
    session.get("http://origin.test/up").send().unwrap();
    let heads = &setup.journal.of("proxy")[seen..];
    assert_eq!(heads.len(), 4);
    assert!(heads.iter().all(|head| head.contains(BASIC)), "{heads:?}");
    assert!(!setup.journal.of("origin.test:443")[0].contains("Proxy-Authorization"));
}

// PROXY-01, PROXY-04
#[test]
fn the_most_particular_key_chooses_and_an_empty_value_means_direct() {
    let named = |name: &'static str| TestServer::http(move |_| Reply::new(200).body(name));
    let (a, b, c, d, origin) = (named("a"), named("b"), named("c"), named("d"), named("origin"));
    let all =
        [("all", d.url("")), ("all://127.0.0.1", c.url("")), ("http", b.url("")), ("http://127.0.0.1", a.url(""))];

    for (keys, want) in [(4, "a"), (3, "b"), (2, "c"), (1, "d"), (0, "origin")] {
        let mut session = session();
        for (key, url) in &all[..keys] {
            session.proxies.insert(key, url).unwrap();
        }
        assert_eq!(session.get(origin.url("/")).send().unwrap().text().unwrap(), want);
        let direct = session.get(origin.url("/")).proxies([("http://127.0.0.1", "")]).send().unwrap();
        assert_eq!(direct.text().unwrap(), "origin");
    }
}

// POOL-11, PROXY-29
#[test]
fn pools_are_kept_by_route() {
    let one = TestServer::http(|_| Reply::new(200).body("one"));
    let two = TestServer::http(|_| Reply::new(200).body("two"));
    let origin = TestServer::http(|_| Reply::new(200).body("origin"));
    let with = |server: &TestServer, user_info: &str| server.url("").replace("://", &format!("://{user_info}"));
    let session = session();

    for _ in 0..2 {
        for (proxy, want) in [
            (String::new(), "origin"),
            (one.url(""), "one"),
            (two.url(""), "two"),
            (with(&one, "a:b@"), "one"),
            (with(&one, "a:c@"), "one"),
        ] {
            let response = session.get(origin.url("/")).proxies([("http", proxy)]).send().unwrap();
            assert_eq!(response.text().unwrap(), want);
        }
    }
    // All http hosts share a forward proxy's connections.
    session.get("http://elsewhere.test/").proxies([("http", one.url(""))]).send().unwrap();

    assert_eq!((origin.accepted(), one.accepted(), two.accepted()), (1, 3, 1));
}

// PROXY-03
#[test]
fn a_prepared_request_goes_through_the_sessions_proxies() {
    let proxy = TestServer::http(|_| Reply::new(200).body("proxied"));
    let mut session = session();
    session.proxies.insert("http", proxy.url("")).unwrap();

    let prepared = session.prepare_request(petition::Request::new("GET", "http://h.test/x")).unwrap();
    let response = session.send(prepared).unwrap();

    assert_eq!(response.text().unwrap(), "proxied");
    assert!(proxy.requests()[0].raw_text().starts_with("GET http://h.test/x HTTP/1.1\r\n"));
}

// docs/decisions.md#proxy-variables
#[test]
fn a_proxy_variable_is_read_as_curl_reads_it_and_named_where_it_is_wrong() {
    let child = Child::new(|| match Session::new().get("http://origin.test/").send() {
        Ok(response) => response.text().unwrap(),
        Err(error) => format!("{:?}: {error}", error.kind()),
    });
    let proxy =
        TestServer::http(|request| Reply::new(200).body(request.header("proxy-authorization").unwrap_or("none")));
    let port = proxy.address().port();
    for (value, want) in [
        (format!("localhost:{port}"), "none"),
        (format!("  localhost:{port}\t"), "none"),
        (format!("user:pw@localhost:{port}"), "Basic dXNlcjpwdw=="),
        (format!("http://127.0.0.1:{port}/"), "none"),
    ] {
        assert_eq!(child.run(&[("http_proxy", value.as_str())]), want, "{value}");
        assert_eq!(child.run(&[("http_proxy", "  "), ("ALL_PROXY", value.as_str())]), want, "{value}");
    }
    for value in ["user:hunter2@localhost:port", "user:hunter2@", "ftp://user:hunter2@h", "user:hunter2"] {
        let said = child.run(&[("HTTP_PROXY", value)]);
        assert!(said.starts_with("Invalid") && said.contains("HTTP_PROXY"), "{value}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

// PROXY-02, PROXY-05, PROXY-06, PROXY-07
#[test]
fn the_environment_counts_where_it_is_trusted() {
    let child = Child::new(|| {
        let mut session = Session::new();
        if std::env::var_os("TEST_DISTRUST").is_some() {
            session.trust_env = false;
        }
        if let Ok(own) = std::env::var("TEST_SESSION_PROXY") {
            session.proxies.insert("http", own).unwrap();
        }
        let mut request = session.get(std::env::var("TEST_URL").unwrap());
        if let Ok(list) = std::env::var("TEST_NO_PROXY") {
            request = request.proxies([("no_proxy", list)]);
        }
        request.send().unwrap().text().unwrap()
    });
    let named = |name: &'static str| TestServer::http(move |_| Reply::new(200).body(name));
    let (p, q, origin) = (named("p"), named("q"), named("origin"));
    let (p, q, url) = (&*p.url(""), &*q.url(""), origin.url("/"));

    for (variables, want) in [
        (&[][..], "origin"),
        (&[("http_proxy", p)], "p"),
        (&[("HTTP_PROXY", p)], "p"),
        (&[("HTTP_PROXY", p), ("REQUEST_METHOD", "GET")], "origin"),
        (&[("http_proxy", p), ("HTTP_PROXY", q)], "p"),
        (&[("http_proxy", ""), ("HTTP_PROXY", q)], "origin"),
        (&[("https_proxy", p)], "origin"),
        (&[("all_proxy", p)], "p"),
        (&[("http_proxy", p), ("ALL_PROXY", q)], "p"),
        (&[("http_proxy", p), ("no_proxy", "127.0.0.0/8")], "origin"),
        (&[("http_proxy", p), ("NO_PROXY", "*")], "origin"),
        (&[("http_proxy", p), ("NO_PROXY", "x.test")], "p"),
        (&[("http_proxy", p), ("TEST_DISTRUST", "1")], "origin"),
        (&[("http_proxy", p), ("TEST_SESSION_PROXY", q)], "q"),
        (&[("NO_PROXY", "*"), ("TEST_SESSION_PROXY", q)], "q"),
        (&[("http_proxy", p), ("TEST_NO_PROXY", "127.0.0.1")], "origin"),
        (&[("http_proxy", p), ("NO_PROXY", "*"), ("TEST_NO_PROXY", "x.test")], "p"),
    ] {
        let mut variables = variables.to_vec();
        variables.push(("TEST_URL", &url));
        assert_eq!(child.run(&variables), want, "{variables:?}");
    }
}

// PROXY-14
#[test]
fn a_proxy_url_that_cannot_be_used_is_refused_without_its_password() {
    for (url, kind) in [
        ("http://", ErrorKind::InvalidProxyUrl),
        ("ftp://u:hunter2@h", ErrorKind::InvalidUrl),
        ("http://u:hunter2@h:port", ErrorKind::InvalidUrl),
    ] {
        let error = session().get("http://origin.test/").proxies([("http", url)]).send().unwrap_err();

        assert_eq!(error.kind(), kind, "{url}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[cfg(not(feature = "socks"))]
#[test]
fn socks_without_its_feature_is_an_error_that_names_it() {
    let error = session().get("http://origin.test/").proxies([("all", "socks5://127.0.0.1:1080")]).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("`socks`"), "{error}");
}

#[cfg(feature = "socks")]
mod socks {
    use petition::testing::Peer;

    use super::*;

    /// Takes exactly these bytes.
    fn take(peer: &mut Peer, wanted: usize) -> Vec<u8> {
        let mut got = Vec::new();
        while got.len() < wanted {
            let more = peer.read_some(wanted - got.len());
            if more.is_empty() {
                break;
            }
            got.extend(more);
        }
        got
    }

    /// A SOCKS5 proxy that is the origin itself; it tells what it was asked.
    fn socks5(journal: Journal) -> TestServer {
        TestServer::connections(move |peer| {
            let mut greeting = take(peer, 2);
            greeting.extend(take(peer, usize::from(greeting[1])));
            let with_password = greeting[2..].contains(&2);
            journal.add("greeting", format!("{greeting:02x?}"));
            peer.send([5, if with_password { 2 } else { 0 }]);
            if with_password {
                let mut login = take(peer, 2);
                login.extend(take(peer, usize::from(login[1]) + 1));
                login.extend(take(peer, usize::from(*login.last().unwrap())));
                journal.add("login", String::from_utf8_lossy(&login).into_owned());
                peer.send([1, 0]);
            }
            let mut asked = take(peer, 5);
            let rest = if asked[3] == 3 { usize::from(asked[4]) + 2 } else { 5 };
            asked.extend(take(peer, rest));
            journal.add("asked", format!("{asked:02x?}"));
            peer.send([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
            while let Some(request) = peer.read_request() {
                journal.add("origin", request.raw_text());
                peer.send(answer("through"));
            }
        })
    }

    fn resolving(session: &mut Session) {
        let resolver = |host: &str, port: u16| match host {
            "origin.test" => Ok(vec![SocketAddr::from(([10, 1, 2, 3], port))]),
            other => Err(std::io::Error::other(format!("asked for {other}"))),
        };
        session.mount("http://", HttpAdapter::builder().resolver(resolver).build());
    }

    // PROXY-25, PROXY-26, ADPT-13
    #[test]
    fn socks5_resolves_here_and_socks5h_there_and_the_target_is_a_path() {
        for (scheme, asked) in [
            ("socks5", "[05, 01, 00, 01, 0a, 01, 02, 03, 1f, 90]"),
            ("socks5h", "[05, 01, 00, 03, 0b, 6f, 72, 69, 67, 69, 6e, 2e, 74, 65, 73, 74, 1f, 90]"),
        ] {
            for (user_info, greeting) in [("", "[05, 01, 00]"), ("us%40er:p%20w@", "[05, 02, 00, 02]")] {
                let journal = Journal::default();
                let proxy = socks5(journal.clone());
                let mut session = session();
                resolving(&mut session);
                session.proxies.insert("all", format!("{scheme}://{user_info}{}", proxy.address())).unwrap();

                for _ in 0..2 {
                    let response = session.get("http://origin.test:8080/p").send().unwrap();
                    assert_eq!(response.text().unwrap(), "through");
                }

                assert_eq!(journal.of("greeting"), [greeting]);
                assert_eq!(journal.of("asked"), [asked]);
                let login: &[&str] = if user_info.is_empty() { &[] } else { &["\u{1}\u{5}us@er\u{3}p w"] };
                assert_eq!(journal.of("login"), login);
                let heads = journal.of("origin");
                assert_eq!(heads.len(), 2);
                assert!(heads[0].starts_with("GET /p HTTP/1.1\r\nHost: origin.test:8080\r\n"), "{}", heads[0]);
                assert!(!heads[0].contains("p w") && !heads[0].contains("Authorization"), "{}", heads[0]);
            }
        }
    }

    // PROXY-27
    #[test]
    fn a_refusal_is_a_connection_error_and_silence_a_connect_timeout() {
        let refusing = TestServer::connections(|peer| {
            take(peer, 3);
            peer.send([5, 0]);
            take(peer, 10);
            peer.send([5, 5, 0, 1, 0, 0, 0, 0, 0, 0]);
            peer.wait_for_close();
        });
        let silent = TestServer::connections(Peer::wait_for_close);

        for (proxy, connect, kind, text) in [
            (&refusing, 20.0, ErrorKind::ConnectionError, "0x05: Connection refused"),
            (&silent, 0.1, ErrorKind::ConnectTimeout, "timed out after 100ms"),
        ] {
            let error = session()
                .get("http://10.1.2.3:9/")
                .proxies([("http", format!("socks5://{}", proxy.address()))])
                .timeout((connect, 20.0))
                .send()
                .unwrap_err();

            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
