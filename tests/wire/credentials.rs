//! No credential reaches a wrong peer: every byte that every peer gets is kept, and searched for every secret, as written
//! and in base64. So is every log line and every error.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use petition::testing::{Peer, TestServer};
use petition::{Auth, HttpAdapter, PreparedRequest, RequestBuilder, Result, Session};

use crate::support::*;

const USER: &str = "alice";
/// For the origin that is asked first.
const ORIGIN_SECRET: &str = "origin-secret-1f0c";
/// For the first proxy.
const PROXY_SECRET: &str = "proxy-secret-77ab";
/// For the second proxy.
const OTHER_SECRET: &str = "other-secret-93de";

/// A secret as it may stand on a wire.
fn needles(secret: &str) -> [String; 2] {
    [secret.to_owned(), BASE64.encode(format!("{USER}:{secret}"))]
}

/// Every byte that every peer got. Clones share it.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Seen {
    fn add(&self, who: &str, bytes: &[u8]) {
        self.0.lock().unwrap().entry(who.to_owned()).or_default().extend_from_slice(bytes);
    }

    /// Who got this secret.
    fn who_saw(&self, secret: &str) -> Vec<String> {
        let needles = needles(secret);
        let peers = self.0.lock().unwrap();
        let told = peers.iter().filter(|(_, bytes)| {
            needles.iter().any(|needle| bytes.windows(needle.len()).any(|part| part == needle.as_bytes()))
        });
        told.map(|(who, _)| who.clone()).collect()
    }

    fn everyone(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }
}

/// A peer's connection, whose every byte is kept under its name.
struct Tap<'a> {
    inner: Inner<'a>,
    seen: &'a Seen,
    who: &'a str,
}

impl Read for Tap<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(out)?;
        self.seen.add(self.who, &out[..got]);
        Ok(got)
    }
}

impl Write for Tap<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends on where the path says: `/to/http/b.test` redirects there.
fn reply(head: &str) -> String {
    let target = head.split(' ').nth(1).unwrap_or_default();
    match target.split_once("/to/").and_then(|(_, to)| to.split_once('/')) {
        Some((scheme, host)) => moved(&format!("{scheme}://{host}/end")),
        None => answer("end"),
    }
}

/// An origin in the plain.
fn origin(name: &'static str, seen: &Seen) -> TestServer {
    let seen = seen.clone();
    TestServer::connections(move |peer| {
        let mut tap = Tap { inner: Inner(peer), seen: &seen, who: name };
        while let Some(head) = read_head(&mut tap) {
            tap.inner.0.send(reply(&head));
        }
    })
}

/// A proxy that forwards, and opens tunnels, at whose end it is the origin itself. An origin behind it gets what a proxy
/// passes on: everything but Proxy-Authorization.
fn tapped_proxy(name: &'static str, acceptor: native_tls::TlsAcceptor, seen: &Seen) -> TestServer {
    let seen = seen.clone();
    TestServer::connections(move |peer: &mut Peer| {
        let mut tap = Tap { inner: Inner(peer), seen: &seen, who: name };
        while let Some(head) = read_head(&mut tap) {
            let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
            if !head.starts_with("CONNECT ") {
                let host = target.split('/').nth(2).unwrap_or_default();
                let passed: String =
                    head.split_inclusive("\r\n").filter(|line| !line.starts_with("Proxy-Authorization:")).collect();
                seen.add(host, passed.as_bytes());
                tap.inner.0.send(reply(&head));
                continue;
            }
            tap.inner.0.send("HTTP/1.1 200 OK\r\n\r\n");
            let Ok(mut tls) = acceptor.accept(tap) else { return };
            let host = target.split(':').next().unwrap_or_default();
            while let Some(head) = read_head(&mut tls) {
                seen.add(host, head.as_bytes());
                if tls.write_all(reply(&head).as_bytes()).is_err() {
                    return;
                }
            }
            return;
        }
    })
}

impl std::fmt::Debug for Tap<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.who)
    }
}

/// Two origins that are reached directly, two that are reached by tunnels, two proxies.
struct World {
    seen: Seen,
    a: TestServer,
    b: TestServer,
    p: TestServer,
    q: TestServer,
}

impl World {
    fn new() -> Self {
        let (acceptor, seen) = (acceptor(&Authority::new("Credentials").leaf(&["s.test", "t.test"])), Seen::default());
        keep();
        Self {
            a: origin("a.test", &seen),
            b: origin("b.test", &seen),
            p: tapped_proxy("p", acceptor.clone(), &seen),
            q: tapped_proxy("q", acceptor, &seen),
            seen,
        }
    }

    /// A session that finds everyone, and trusts them.
    fn session(&self) -> Session {
        let mut session = session();
        session.verify = false.into();
        let hosts = [("a.test", self.a.address()), ("b.test", self.b.address())];
        let resolver = move |host: &str, _: u16| {
            let found: Vec<SocketAddr> = hosts.iter().filter(|(name, _)| *name == host).map(|(_, at)| *at).collect();
            Ok(found)
        };
        for prefix in ["http://", "https://"] {
            session.mount(prefix, HttpAdapter::builder().resolver(resolver).build());
        }
        session
    }

    fn proxy(&self, server: &TestServer, secret: &str) -> String {
        server.url("").replace("://", &format!("://{USER}:{secret}@"))
    }

    /// Exactly these got the secret, and nothing of any secret was logged.
    #[track_caller]
    fn assert_saw(&self, secret: &str, who: &[&str], what: &str) {
        assert_eq!(self.seen.who_saw(secret), who, "{what}: who saw {secret}");
        assert_logs_are_clean();
    }
}

#[track_caller]
fn assert_is_clean(text: &str) {
    for secret in [ORIGIN_SECRET, PROXY_SECRET, OTHER_SECRET] {
        assert!(!needles(secret).iter().any(|needle| text.contains(needle.as_str())), "{text}");
    }
}

/// Of every line of this thread since the world was made, whatever its target and level.
#[track_caller]
fn assert_logs_are_clean() {
    let lines = kept();
    assert!(lines.iter().any(|line| line.target == "petition::connectionpool"), "nothing is logged at all");
    lines.iter().for_each(|line| assert_is_clean(&line.text));
}

/// Signs by a header of its own.
struct Signature;

impl Auth for Signature {
    fn apply(&self, request: &mut PreparedRequest) -> Result<()> {
        request.headers.insert("X-Signature", ORIGIN_SECRET)
    }
}

/// The ways of giving an origin a credential.
fn with_credential<'s>(kind: &str, session: &'s Session, url: &str) -> RequestBuilder<'s> {
    match kind {
        "auth" => session.get(url).auth((USER, ORIGIN_SECRET)),
        "header" => session.get(url).header("Authorization", format!("Bearer {ORIGIN_SECRET}")),
        "user info" => session.get(url.replace("://", &format!("://{USER}:{ORIGIN_SECRET}@"))),
        "signature" => session.get(url).auth(Signature),
        "cookie" => session.get(url).cookies([("sid", ORIGIN_SECRET)]),
        "cookie header" => session.get(url).header("Cookie", format!("sid={ORIGIN_SECRET}")),
        "sensitive header" => session.get(url).header("X-Api-Key", ORIGIN_SECRET),
        other => panic!("{other}"),
    }
}

// REDIR-07, REDIR-08, REDIR-12, REDIR-13, PROXY-16
#[test]
fn what_is_for_one_origin_reaches_no_other() {
    for kind in ["auth", "header", "user info", "signature", "cookie", "cookie header", "sensitive header"] {
        for (start, to, proxied, saw) in [
            ("http://a.test", "http/b.test", false, &["a.test"][..]),
            // A forward proxy reads what it forwards.
            ("http://a.test", "http/b.test", true, &["a.test", "p"]),
            ("http://a.test", "https/t.test", true, &["a.test", "p"]),
            ("https://s.test", "https/t.test", true, &["s.test"]),
            ("https://s.test", "http/b.test", true, &["s.test"]),
        ] {
            let world = World::new();
            let mut session = world.session();
            session.sensitive_headers = vec!["X-Api-Key".into()];
            if proxied {
                session.proxies.insert("all", world.p.url("")).unwrap();
            }

            let response = with_credential(kind, &session, &format!("{start}/to/{to}")).send().unwrap();

            let what = format!("{kind} from {start} to {to}");
            assert_eq!((response.text().unwrap().as_str(), response.history().len()), ("end", 1), "{what}");
            world.assert_saw(ORIGIN_SECRET, saw, &what);
            let end = to.split('/').nth(1).unwrap();
            assert!(world.seen.everyone().iter().any(|who| who == end), "{what}");
        }
    }
}

// PROXY-16, PROXY-17, REDIR-15
#[test]
fn what_is_for_a_proxy_reaches_no_origin_and_no_other_proxy() {
    for (start, to) in [
        ("http://a.test", "http/b.test"),
        ("http://a.test", "https/t.test"),
        ("https://s.test", "https/t.test"),
        ("https://s.test", "http/b.test"),
    ] {
        let path = format!("{start}/to/{to}");
        let first = start.split_once("://").unwrap().1;
        let last = to.split('/').nth(1).unwrap();

        // One proxy for both.
        let world = World::new();
        let mut session = world.session();
        session.proxies.insert("all", world.proxy(&world.p, PROXY_SECRET)).unwrap();
        for _ in 0..2 {
            assert_eq!(session.get(&path).send().unwrap().text().unwrap(), "end");
        }
        world.assert_saw(PROXY_SECRET, &["p"], &path);
        assert_eq!(world.seen.everyone(), {
            let mut all = vec![first, last, "p"];
            all.sort_unstable();
            all
        });

        // Each its own.
        let world = World::new();
        let mut session = world.session();
        session.proxies.insert(format!("all://{first}"), world.proxy(&world.p, PROXY_SECRET)).unwrap();
        session.proxies.insert(format!("all://{last}"), world.proxy(&world.q, OTHER_SECRET)).unwrap();
        session.get(&path).send().unwrap();
        world.assert_saw(PROXY_SECRET, &["p"], &path);
        world.assert_saw(OTHER_SECRET, &["q"], &path);

        // The second without a proxy (b.test alone can be reached so).
        if last == "b.test" {
            let world = World::new();
            let mut session = world.session();
            session.proxies.insert("all", world.proxy(&world.p, PROXY_SECRET)).unwrap();
            session.proxies.insert("no_proxy", last).unwrap();
            session.get(&path).send().unwrap();
            world.assert_saw(PROXY_SECRET, &["p"], &path);
            assert_eq!(world.b.accepted(), 1);
        }

        // By a header of the request's own, which goes to the first proxy only.
        let world = World::new();
        let mut session = world.session();
        session.proxies.insert(format!("all://{first}"), world.p.url("")).unwrap();
        session.proxies.insert(format!("all://{last}"), world.q.url("")).unwrap();
        let token = format!("Basic {}", BASE64.encode(format!("{USER}:{PROXY_SECRET}")));
        session.get(&path).header("Proxy-Authorization", token).send().unwrap();
        world.assert_saw(PROXY_SECRET, &["p"], &path);
    }
}

#[test]
fn both_kinds_together_go_each_to_its_own() {
    let world = World::new();
    let mut session = world.session();
    session.proxies.insert("all", world.proxy(&world.p, PROXY_SECRET)).unwrap();

    session.get("https://s.test/to/https/t.test").auth((USER, ORIGIN_SECRET)).send().unwrap();

    world.assert_saw(ORIGIN_SECRET, &["s.test"], "tunnel");
    world.assert_saw(PROXY_SECRET, &["p"], "tunnel");
}

// PROXY-18, PROXY-21: nobody is asked in the proxy's place.
#[test]
fn a_proxy_that_fails_is_not_gone_around_and_the_error_has_no_secret() {
    let world = World::new();
    let refusing = TestServer::connections(|peer| {
        let request = peer.read_request();
        let echo = request.map(|request| request.raw_text()).unwrap_or_default();
        // A proxy that tells everyone what it was told.
        peer.send(format!("HTTP/1.1 407 Proxy Auth Required\r\nContent-Length: {}\r\n\r\n{echo}", echo.len()));
        peer.wait_for_close();
    });
    let mut session = world.session();
    session.proxies.insert("https", world.proxy(&refusing, PROXY_SECRET)).unwrap();

    let error = session.get("https://a.test/").auth((USER, ORIGIN_SECRET)).send().unwrap_err();

    assert!(error.to_string().contains("407"), "{error}");
    assert_is_clean(&format!("{error} {error:?}"));
    assert_eq!(refusing.accepted(), 1);
    assert_eq!((world.a.accepted(), world.seen.everyone().len()), (0, 0));

    let gone = { TestServer::connections(|_| {}).url("") };
    session.proxies.insert("http", gone.replace("://", &format!("://{USER}:{PROXY_SECRET}@"))).unwrap();
    let url = format!("http://{USER}:{ORIGIN_SECRET}@a.test/");
    let error = session.get(url).send().unwrap_err();
    assert_is_clean(&format!("{error} {error:?}"));
    assert_eq!(world.a.accepted(), 0);
    assert_logs_are_clean();
}

#[cfg(feature = "socks")]
#[test]
fn a_socks_password_goes_to_the_socks_proxy_alone() {
    let world = World::new();
    let seen = world.seen.clone();
    // Takes a login by password, then is the origin.
    let socks = TestServer::connections(move |peer| {
        let mut tap = Tap { inner: Inner(peer), seen: &seen, who: "socks" };
        let mut take = |most: usize, reply: &[u8]| {
            let mut got = vec![0; most];
            let _ = tap.read_exact(&mut got);
            tap.inner.0.send(reply);
            got
        };
        take(4, &[5, 2]);
        take(3 + USER.len() + PROXY_SECRET.len(), &[1, 0]);
        take(4 + 1 + "a.test".len() + 2, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        let mut after = Tap { who: "a.test", ..tap };
        while let Some(head) = read_head(&mut after) {
            after.inner.0.send(reply(&head));
        }
    });
    let mut session = world.session();
    let url = format!("socks5h://{USER}:{PROXY_SECRET}@{}", socks.address());
    session.proxies.insert("all://a.test", url).unwrap();

    let response = session.get("http://a.test/to/http/b.test").auth((USER, ORIGIN_SECRET)).send().unwrap();

    assert_eq!(response.text().unwrap(), "end");
    world.assert_saw(PROXY_SECRET, &["socks"], "socks");
    world.assert_saw(ORIGIN_SECRET, &["a.test"], "socks");
}

// AUTH-02
#[test]
fn netrc_speaks_to_its_machine_alone() {
    let child = Child::new(|| {
        let world = World::new();
        let mut session = world.session();
        session.trust_env = true;
        session.get("http://a.test/to/http/b.test").send().unwrap();
        session.proxies.insert("all", world.p.url("")).unwrap();
        session.get("https://s.test/to/https/t.test").send().unwrap();
        world.assert_saw(ORIGIN_SECRET, &["a.test"], "netrc");
        world.assert_saw(OTHER_SECRET, &["s.test"], "netrc");
        "done"
    });
    let dir = TempDir::new();
    let netrc = dir.file(
        "netrc",
        format!(
            "machine a.test login {USER} password {ORIGIN_SECRET}\nmachine s.test login {USER} password {OTHER_SECRET}\n"
        ),
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&netrc, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert_eq!(child.run(&[("NETRC", netrc.to_str().unwrap())]), "done");
}
