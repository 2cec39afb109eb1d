//! Credentials on the wire: Basic, Bearer, Digest against a server that checks the hash, netrc.

use std::sync::{Arc, Mutex};

use crate::support::{Child, TempDir, authorizations, mocked, ok, session};
use petition::testing::{MockAdapter, Reply, TestServer};
use petition::{
    Auth, BasicAuth, BearerAuth, Cookie, PreparedRequest, ProxyAuth, Response, ResponseBuilder, Result, Session,
};

// AUTH-01, AUTH-07, SES-08
#[test]
fn the_requests_auth_wins_over_the_sessions_and_that_over_user_info() {
    let server = ok();
    let url = format!("http://us%20er:p%40w@{}/", server.address());
    let mut session = session();
    let sent = |session: &Session, own: bool| {
        let request = session.get(&url);
        if own { request.auth(("own", "1")) } else { request }.send().unwrap();
        server.requests().pop().unwrap().header("authorization").unwrap().to_owned()
    };

    assert_eq!(sent(&session, false), "Basic dXMgZXI6cEB3");
    session.auth = Some(BearerAuth::new("session").into());
    assert_eq!(sent(&session, false), "Bearer session");
    assert_eq!(sent(&session, true), "Basic b3duOjE=");
    session.auth = None;
    session.get(server.url("/")).send().unwrap();
    assert_eq!(server.requests().pop().unwrap().header("authorization"), None);
}

// AUTH-07: `user@h` sends nothing, `user:@h` an empty password
#[test]
fn user_info_without_a_colon_is_no_credential() {
    let server = ok();

    session().get(format!("http://user@{}/", server.address())).send().unwrap();
    session().get(format!("http://user:@{}/", server.address())).send().unwrap();

    let requests = server.requests();
    let sent: Vec<_> = requests.iter().map(|request| request.header("authorization")).collect();
    assert_eq!(sent, [None, Some("Basic dXNlcjo=")]);
}

// AUTH-09, SES-14
#[test]
fn an_auth_of_ones_own_sees_the_finished_request_and_may_change_it_and_its_body() {
    let server = ok();
    let session = session();
    session.cookies.insert("id", "1");
    let auth = |request: &mut PreparedRequest| {
        assert_eq!((request.method.as_str(), request.url.path(), request.url.query()), ("POST", "/p", Some("a=1")));
        assert_eq!((request.headers.get("x-a"), request.headers.get("cookie")), (Some("1"), Some("id=1")));
        assert_eq!((request.headers.get("content-length"), request.body_bytes()), (Some("1"), Some(&b"x"[..])));
        request.body = "longer".into();
        request.headers.insert("X-Signed", request.url.path())
    };

    let request = session.post(server.url("/p")).params([("a", "1")]).header("X-A", "1").data("x").auth(auth);
    assert_eq!(request.prepare().unwrap().headers.get("x-signed"), Some("/p"));
    session.post(server.url("/p")).params([("a", "1")]).header("X-A", "1").data("x").auth(auth).send().unwrap();

    let request = &server.requests()[0];
    assert_eq!((request.header("content-length"), request.body.as_slice()), (Some("6"), &b"longer"[..]));
    assert_eq!(request.header("x-signed"), Some("/p"));
}

// AUTH-02
#[test]
fn an_auth_that_was_chosen_replaces_a_header() {
    let (mut session, mock) = mocked([Response::builder(200)]);
    session.auth = Some(BasicAuth::new("u", "p").into());

    session.get("http://h.test/").header("Authorization", "own").send().unwrap();

    assert_eq!(authorizations(&mock), [Some("Basic dTpw".to_owned())]);
}

// AUTH-08
#[test]
fn proxy_credentials_have_a_header_of_their_own() {
    let (session, mock) = mocked([Response::builder(200)]);

    session.get("http://h.test/").auth(ProxyAuth::new("u", "p")).send().unwrap();

    let headers = &mock.requests()[0].headers;
    assert_eq!((headers.get("proxy-authorization"), headers.get("authorization")), (Some("Basic dTpw"), None));
}

#[cfg(feature = "digest")]
mod digest {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fmt::Write;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::sync::{Arc, Mutex};

    use md5::{Digest, Md5};
    use petition::testing::{Peer, TestRequest};
    use petition::{DigestAuth, HttpAdapter, Retry};
    use sha2::Sha256;

    use super::*;
    use crate::support::session_over;

    fn hash(algorithm: &str, text: &str) -> String {
        let bytes =
            if algorithm.starts_with("SHA-256") { Sha256::digest(text).to_vec() } else { Md5::digest(text).to_vec() };
        bytes.iter().fold(String::new(), |mut out, byte| {
            write!(out, "{byte:02x}").unwrap();
            out
        })
    }

    fn fields(header: &str) -> BTreeMap<String, String> {
        let list = header.strip_prefix("Digest ").expect("a digest header");
        let pairs = list.split(", ").map(|pair| pair.split_once('=').unwrap());
        pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect()
    }

    /// RFC 7616 §3.4.1, for `user` and `secret` in `realm`.
    fn is_right(request: &TestRequest, algorithm: &str) -> bool {
        let Some(header) = request.header("authorization") else { return false };
        let got = fields(header);
        let mut one = hash(algorithm, "user:realm:secret");
        if algorithm.ends_with("-sess") {
            one = hash(algorithm, &format!("{one}:{}:{}", got["nonce"], got["cnonce"]));
        }
        let two = hash(algorithm, &format!("{}:{}", request.method, request.target));
        let middle = match got.get("qop") {
            Some(qop) => format!("{}:{}:{}:{qop}", got["nonce"], got["nc"], got["cnonce"]),
            None => got["nonce"].clone(),
        };
        got["uri"] == request.target
            && got["username"] == "user"
            && got["response"] == hash(algorithm, &format!("{one}:{middle}:{two}"))
    }

    fn guarded(algorithm: &'static str, rest: &'static str) -> TestServer {
        TestServer::http(move |request| {
            if is_right(request, algorithm) {
                Reply::new(200).body("in")
            } else {
                let algorithm = if algorithm.is_empty() { String::new() } else { format!(", algorithm={algorithm}") };
                let challenge = format!("Digest realm=\"realm\", nonce=\"abc\"{algorithm}{rest}");
                Reply::new(401).header("WWW-Authenticate", &challenge).header("Set-Cookie", "seen=1").body("refused")
            }
        })
    }

    // AUTH-14, AUTH-15, AUTH-17, AUTH-18, AUTH-20, COOK-32
    #[test]
    fn a_challenge_is_answered_on_the_same_connection_with_the_hash_that_the_server_expects() {
        for (algorithm, rest) in [
            ("", ""),
            ("MD5", ", qop=\"auth\", opaque=\"o\""),
            ("MD5-sess", ", qop=\"auth,auth-int\""),
            ("SHA-256", ", qop=\"auth\""),
        ] {
            let server = guarded(algorithm, rest);

            let auth = DigestAuth::new("user", "secret");
            let response = session().post(server.url("/p/q?x=1#f")).auth(auth).data("body").send().unwrap();

            assert_eq!(
                (response.status_code().as_u16(), response.text().unwrap().as_str()),
                (200, "in"),
                "{algorithm}"
            );
            assert_eq!(response.history().len(), 1);
            assert_eq!(response.history()[0].status_code(), 401);
            assert_eq!(response.history()[0].text().unwrap(), "refused");
            let requests = server.requests();
            assert_eq!((requests.len(), server.accepted()), (2, 1), "{algorithm}");
            assert_eq!(requests[0].header("authorization"), None);
            assert_eq!(requests[1].header("cookie"), Some("seen=1"));
            assert!(requests.iter().all(|request| request.body == b"body"));
        }
    }

    // AUTH-14, AUTH-17, AUTH-18, AUTH-22
    #[test]
    fn a_second_refusal_and_a_challenge_that_cannot_be_answered_are_returned() {
        for (challenge, requests) in [
            ("Digest realm=\"other\", nonce=\"n\", qop=\"auth\"", 2),
            ("Digest realm=\"r\", nonce=\"n\", algorithm=WHIRLPOOL", 1),
            ("Digest realm=\"r\"", 1),
            ("Basic realm=\"r\"", 1),
        ] {
            let server = TestServer::http(move |_| Reply::new(401).header("WWW-Authenticate", challenge));

            let response = session().get(server.url("/")).auth(DigestAuth::new("user", "secret")).send().unwrap();

            assert_eq!(response.status_code(), 401, "{challenge}");
            assert_eq!(server.requests().len(), requests, "{challenge}");
        }
    }

    // AUTH-15, AUTH-26, AUTH-14
    #[test]
    fn a_challenge_is_answered_once_and_hooks_see_what_came_of_it() {
        let challenge = || {
            Response::builder(401).header("WWW-Authenticate", r#"Digest realm="r", nonce="n", qop="auth""#).body("no")
        };
        for (answer, want) in [(Response::builder(200), 200), (challenge(), 401)] {
            let (mut session, mock) = mocked([challenge(), answer]);
            session.auth = Some(DigestAuth::new("u", "p").into());
            let seen = Arc::new(Mutex::new(Vec::new()));
            let in_hook = Arc::clone(&seen);
            session.hooks.on_response(move |response| {
                let refused =
                    response.history().iter().map(|refused| refused.status_code().as_u16()).collect::<Vec<_>>();
                let authorized = response.request().headers.contains("authorization");
                in_hook.lock().unwrap().push((response.status_code().as_u16(), refused, authorized));
                Ok(response)
            });

            let response = session.get("http://h.test/p").send().unwrap();

            assert_eq!(response.status_code(), want);
            assert_eq!(mock.requests().len(), 2);
            assert_eq!(response.history().len(), 1);
            assert_eq!(response.history()[0].text().unwrap(), "no");
            assert_eq!(*seen.lock().unwrap(), [(want, vec![401], true)]);
            let sent = authorizations(&mock);
            assert!(
                sent[0].is_none() && sent[1].as_ref().is_some_and(|value| value.contains("nc=00000001")),
                "{sent:?}"
            );
        }
    }

    // RFC 7616 §3.3; docs/decisions.md#digest-memory
    #[test]
    fn a_count_that_a_retry_or_a_replay_has_sent_twice_is_replaced_once() {
        const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nin";
        /// Its second request, the first with credentials, is answered with `second`, or not at all.
        fn counting(second: Option<&'static str>, keeps_alive: bool, is_right: bool) -> TestServer {
            let (number, counts) = (AtomicUsize::new(0), Mutex::new(BTreeSet::new()));
            TestServer::connections(move |peer: &mut Peer| {
                while let Some(request) = peer.read_request() {
                    let number = number.fetch_add(1, SeqCst);
                    let count = request.header("authorization").map(|header| fields(header)["nc"].clone());
                    let is_new = count.is_some_and(|count| counts.lock().unwrap().insert(count));
                    match second {
                        None if number == 1 => return,
                        Some(answer) if number == 1 => peer.send(answer),
                        _ if is_new && is_right => peer.send(FINE),
                        _ => peer.send(format!(
                            "HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: Digest realm=\"realm\", \
                             nonce=\"abc\", qop=\"auth\"{}\r\n\r\n",
                            if is_right { ", stale=true" } else { "" }
                        )),
                    }
                    if !keeps_alive {
                        return;
                    }
                }
            })
        }

        let busy = Some("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
        let thrice = Retry::new().total(3).status_forcelist([503]).backoff_factor(0.0);
        for (second, keeps_alive, retry, by_replay) in [
            (busy, true, thrice.clone(), false),
            (busy, false, thrice.clone(), false),
            (None, false, thrice, false),
            (None, true, Retry::new().total(0), true),
        ] {
            let session = session_over(HttpAdapter::builder().max_retries(retry).build());
            for is_right in [true, false] {
                let server = counting(second, keeps_alive, is_right);

                let response = session.get(server.url("/")).auth(DigestAuth::new("user", "secret")).send().unwrap();

                let requests = server.requests();
                let sent = requests.iter().filter_map(|request| request.header("authorization"));
                let counts: Vec<_> = sent.map(|header| fields(header)["nc"].clone()).collect();
                let case = format!("{second:?}, {keeps_alive}, {is_right}: {counts:?}");
                if is_right {
                    assert_eq!(response.status_code(), 200, "{case}");
                    assert_eq!(counts, ["00000001", "00000001", "00000002"], "{case}");
                    let refused = response.history().last().unwrap().exchange();
                    assert!(if by_replay { refused.replayed } else { refused.attempts > 1 }, "{case}");
                } else {
                    assert_eq!((response.status_code().as_u16(), counts.len()), (401, 2), "{case}");
                }
            }
        }
    }

    // AUTH-25
    #[test]
    fn a_redirect_starts_the_rounds_anew() {
        let challenge = |nonce: &str| {
            Response::builder(401).header("WWW-Authenticate", format!(r#"Digest realm="r", nonce="{nonce}""#))
        };
        let moved = Response::builder(302).header("Location", "/2");
        let (session, mock) = mocked([challenge("a"), moved, challenge("b"), Response::builder(200)]);

        let response = session.get("http://h.test/1").auth(DigestAuth::new("u", "p")).send().unwrap();

        assert_eq!(response.status_code(), 200);
        assert_eq!(mock.requests().len(), 4);
    }

    // AUTH-16, AUTH-24 (deviation: the state is shared by threads)
    #[test]
    fn threads_share_a_nonce_and_never_use_a_count_twice() {
        let server = guarded("MD5", ", qop=\"auth\"");
        let mut session = session_over(HttpAdapter::builder().pool_maxsize(8).build());
        session.auth = Some(DigestAuth::new("user", "secret").into());
        session.get(server.url("/first")).send().unwrap();

        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        assert_eq!(session.get(server.url("/")).send().unwrap().status_code(), 200);
                    }
                });
            }
        });

        let requests = server.requests();
        assert_eq!(requests.len(), 82);
        let counts: BTreeSet<u32> = requests
            .iter()
            .filter_map(|request| request.header("authorization"))
            .map(|header| u32::from_str_radix(&fields(header)["nc"], 16).unwrap())
            .collect();
        assert_eq!(counts, (1..=81).collect());
    }
}

// AUTH-01, AUTH-03, AUTH-04, AUTH-11, AUTH-12, REDIR-08, SES-24; docs/decisions.md#program-first: an Authorization header wins
#[test]
fn netrc_gives_credentials_by_host_unless_the_program_has_its_own() {
    let child = Child::new(|| {
        let server = TestServer::http(|request| match request.target.as_str() {
            "/moved" => {
                let port = request.header("host").unwrap().rsplit_once(':').unwrap().1.to_owned();
                Reply::new(302).header("Location", format!("http://localhost:{port}/there"))
            }
            _ => Reply::new(200),
        });
        let mut session = Session::new();
        let sent = || server.requests().pop().unwrap().header("authorization").map(str::to_owned);
        let (net, local) = (Some("Basic bmV0OnJj".to_owned()), Some("Basic bG9jYWw6cHc=".to_owned()));

        session.get(server.url("/")).send().unwrap();
        assert_eq!(sent(), net);
        session.get(format!("http://u:p@{}/", server.address())).send().unwrap();
        assert_eq!(sent(), net);
        session.get(server.url("/moved")).send().unwrap();
        assert_eq!(sent(), local);
        session.get(server.url("/")).auth(("own", "x")).send().unwrap();
        assert_eq!(sent().as_deref(), Some("Basic b3duOng="));
        session.get(server.url("/")).header("Authorization", "mine").send().unwrap();
        assert_eq!(sent().as_deref(), Some("mine"));
        session.get(server.url("/")).auth(|_: &mut PreparedRequest| Ok(())).send().unwrap();
        assert_eq!(sent(), None);
        session.trust_env = false;
        session.get(server.url("/")).send().unwrap();
        assert_eq!(sent(), None);
        "done"
    });
    let dir = TempDir::new();
    let netrc =
        dir.file("netrc", "machine 127.0.0.1 login net password rc\nmachine localhost login local password pw\n");

    assert_eq!(child.run(&[("NETRC", netrc.to_str().unwrap())]), "done");
}

// AUTH-11: NETRC names the file, also where its path is no text; no file of the home takes its place
#[cfg(unix)]
#[test]
fn netrc_is_the_file_that_is_named_also_by_bytes_that_are_no_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::process::Command;

    let child = Child::new(|| {
        let server = TestServer::http(|_| Reply::new(200));
        Session::new().get(server.url("/")).send().unwrap();
        let requests = server.requests();
        requests[0].header("authorization").unwrap_or("none").to_owned()
    });
    let home = TempDir::new();
    home.file(".netrc", "machine 127.0.0.1 login home password x");
    let named = home.path().join(OsStr::from_bytes(b"caf\xe9"));
    let said = || {
        let mut setting = std::ffi::OsString::from("NETRC=");
        setting.push(&named);
        let mut command = Command::new("env");
        command.arg(setting).arg(std::env::current_exe().unwrap());
        child.run_by(command, &[("HOME", home.path().to_str().unwrap())])
    };

    assert_eq!(said(), "none");
    // Not every file system takes such a name.
    if std::fs::write(&named, "machine 127.0.0.1 login net password rc").is_ok() {
        assert_eq!(said(), "Basic bmV0OnJj");
    }
}

// AUTH-09: "called last in preparation", so that what is signed is what is sent
#[test]
fn an_auth_sees_the_codings_that_are_asked_for() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/way" => Reply::new(302).header("Location", "/there"),
        _ => Reply::new(200).body("ok"),
    });
    let session = session();
    let auth = |request: &mut PreparedRequest| {
        let seen = request.headers.get("accept-encoding").unwrap_or("nothing").to_owned();
        request.headers.insert("X-Seen", seen)
    };
    let (url, way, folder) = (server.url("/"), server.url("/way"), TempDir::new());
    let path = folder.path().join("f");

    session.get(&url).auth(auth).send().unwrap();
    session.get(&url).header("Range", "bytes=0-9").auth(auth).send().unwrap();
    session.get(&way).header("Range", "bytes=0-9").auth(auth).send().unwrap();
    session.get(&url).auth(auth).download(&path).run().unwrap();
    session.get(&way).auth(auth).download(&path).run().unwrap();
    session.get(&url).remove_header("Accept-Encoding").auth(auth).download(&path).run().unwrap();
    session.get(&url).header("Accept-Encoding", "br").auth(auth).download(&path).run().unwrap();

    let requests = server.requests();
    let sent: Vec<_> = requests.iter().map(|request| request.header("accept-encoding").unwrap()).collect();
    let seen: Vec<_> = requests.iter().map(|request| request.header("x-seen").unwrap()).collect();
    assert_eq!(seen, sent);
    assert!(seen[1..8].iter().all(|codings| *codings == "identity"), "{seen:?}");
    assert_eq!((seen.len(), seen[8]), (9, "br"));

    // An auth may ask for a part itself. Its hops, where it does not, are as if it never had.
    let part = |request: &mut PreparedRequest| match request.url.path() {
        "/way" => request.headers.insert("Range", "bytes=0-9"),
        _ => Ok(()),
    };
    let prepared = session.get(&way).auth(part).prepare().unwrap();
    assert_eq!(prepared.headers.get("accept-encoding"), Some("identity"));
    session.send(prepared).unwrap();
    let last = server.requests().pop().unwrap();
    assert_eq!((last.header("range"), last.header("accept-encoding")), (None, Some(sent[0])));
}

type Change = fn(&mut PreparedRequest) -> Result<()>;

/// A scheme that does one thing to each request and another to what answers the first challenges.
struct Scheme {
    rounds: u32,
    apply: Change,
    answer: Change,
}

impl Auth for Scheme {
    fn apply(&self, request: &mut PreparedRequest) -> Result<()> {
        (self.apply)(request)
    }

    fn answer(&self, request: &PreparedRequest, _: &Response, round: u32) -> Result<Option<PreparedRequest>> {
        let mut next = request.clone();
        (self.answer)(&mut next)?;
        Ok(Some(next).filter(|_| round < self.rounds))
    }
}

// In requests too the hooks are those of the session, whatever request a handler sends.
#[test]
fn an_answer_that_is_a_request_of_its_own_goes_to_the_hooks_and_a_redirect_of_it_to_the_auth() {
    struct Fresh;
    impl Auth for Fresh {
        fn apply(&self, request: &mut PreparedRequest) -> Result<()> {
            request.headers.insert("X-Applied", request.url.path())
        }

        fn answer(&self, request: &PreparedRequest, _: &Response, round: u32) -> Result<Option<PreparedRequest>> {
            let fresh = petition::Request::new("GET", request.url.as_str()).header("Authorization", "Own");
            if round > 0 { Ok(None) } else { fresh.prepare().map(Some) }
        }
    }
    let server = TestServer::http(|request| match (request.target.as_str(), request.header("authorization")) {
        ("/end", _) => Reply::new(200),
        (_, None) => Reply::new(401).header("WWW-Authenticate", "Own"),
        (_, Some(_)) => Reply::new(302).header("Location", "/end"),
    });
    let mut session = session();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let in_hook = Arc::clone(&seen);
    session.hooks.on_response(move |response| {
        in_hook.lock().unwrap().push(response.status_code().as_u16());
        Ok(response)
    });

    session.get(server.url("/start")).auth(Fresh).send().unwrap();

    assert_eq!(*seen.lock().unwrap(), [302, 200]);
    let sent: Vec<_> = server.requests().iter().map(|request| request.header("x-applied").map(str::to_owned)).collect();
    assert_eq!(sent, [Some("/start".to_owned()), None, Some("/end".to_owned())]);
}

// As in requests, a request that was sent can be changed and sent again (docs/decisions.md#auth-stays)
#[test]
fn what_is_changed_in_a_request_that_answered_a_challenge_stays_through_redirects_and_rounds() {
    let sign = |request: &mut PreparedRequest| {
        request.headers.insert("X-Replaced", "by the answer")?;
        request.headers.insert("Authorization", request.url.path())
    };
    let auth = Scheme { rounds: 1, apply: nothing, answer: sign };
    let server = TestServer::http(|request| {
        let is_right = request.header("authorization") == Some(&request.target);
        match request.target.as_str() {
            "/moved" if is_right => Reply::new(302).header("Location", "/end"),
            _ if is_right => Reply::new(200),
            _ => Reply::new(401).header("WWW-Authenticate", "Signed"),
        }
    });
    let session = session();
    let first = session.get(server.url("/first")).header("X-Old", "1").header("X-Replaced", "0").auth(auth).send();
    let mut again = first.unwrap().request().clone();
    again.url = server.url("/moved").parse().unwrap();
    again.headers.remove("X-Old");
    again.headers.insert("X-New", "1").unwrap();
    let before = server.requests().len();

    let response = session.send(again).unwrap();

    assert_eq!(response.status_code(), 200);
    assert_eq!(response.url().path(), "/end");
    let requests = server.requests();
    let sent: Vec<_> = requests[before..]
        .iter()
        .map(|request| (request.target.as_str(), request.header("authorization"), request.header("x-replaced")))
        .collect();
    assert_eq!(
        sent,
        [
            ("/moved", Some("/first"), Some("by the answer")),
            ("/moved", Some("/moved"), Some("by the answer")),
            ("/end", None, Some("0")),
            ("/end", Some("/end"), Some("by the answer")),
        ]
    );
    for request in &requests[before..] {
        assert_eq!((request.header("x-old"), request.header("x-new")), (None, Some("1")), "{request:?}");
    }
}

fn nothing(_: &mut PreparedRequest) -> Result<()> {
    Ok(())
}

fn login(request: &mut PreparedRequest) -> Result<()> {
    request.headers.insert("Cookie", "login=1")
}

fn token(request: &mut PreparedRequest) -> Result<()> {
    request.headers.insert("Authorization", "Own")
}

/// A challenge that sets a cookie.
fn refusal(cookie: &str) -> ResponseBuilder {
    Response::builder(401).header("WWW-Authenticate", "Own").header("Set-Cookie", cookie)
}

/// What a mock was sent as cookies.
fn cookies(mock: &MockAdapter) -> Vec<Vec<String>> {
    mock.requests().iter().map(|request| request.headers.get_all("cookie").map(str::to_owned).collect()).collect()
}

// COOK-02: requests never replaces a Cookie header that is there
#[test]
fn a_cookie_header_that_the_session_did_not_set_stays_through_a_round() {
    for (jar, own) in [(false, false), (true, false), (false, true), (true, true)] {
        // What each does; what the program sets once it is prepared; what the answer has.
        let cases: [(Change, Change, Option<&str>, &str); 6] = [
            (nothing, login, None, "login=1"),
            (login, token, None, "login=1"),
            (login, login, None, "login=1"),
            (nothing, token, Some("mine=1"), "mine=1"),
            (nothing, login, Some("mine=1"), "login=1"),
            (login, token, Some("mine=1"), "mine=1"),
        ];
        for (number, (apply, answer, later, want)) in cases.into_iter().enumerate() {
            let (session, mock) = mocked([refusal("theirs=1"), Response::builder(200)]);
            if jar {
                session.cookies.insert("jar", "1");
            }
            let mut get = session.get("http://h.test/").auth(Scheme { rounds: 1, apply, answer });
            if own {
                get = get.cookie("own", "1");
            }
            let mut prepared = get.prepare().unwrap();
            if let Some(later) = later {
                prepared.headers.insert("Cookie", later).unwrap();
            }

            assert_eq!(session.send(prepared).unwrap().status_code(), 200);

            assert_eq!(cookies(&mock)[1], [want], "{number}, jar {jar}, own {own}");
        }
    }
}

#[test]
fn the_sessions_cookies_are_those_of_each_round() {
    let (session, mock) = mocked([
        refusal("theirs=1"),
        refusal("theirs=2; Path=/"),
        refusal("jar=; Max-Age=0; Path=/"),
        refusal("theirs=; Max-Age=0; Path=/"),
        Response::builder(200),
    ]);
    session.cookies.set(Cookie::new("jar", "1").domain("h.test"));

    session.get("http://h.test/").auth(Scheme { rounds: 9, apply: token, answer: nothing }).send().unwrap();

    assert_eq!(
        cookies(&mock),
        [vec!["jar=1"], vec!["jar=1; theirs=1"], vec!["jar=1; theirs=2"], vec!["theirs=2"], vec![]]
    );
}

// HDR-06: behind the cookies, with all its values, and nothing for what it removes
#[test]
fn what_an_answer_adds_comes_last_and_whole() {
    let answer = |request: &mut PreparedRequest| {
        request.headers.remove("X-Gone");
        request.headers.append("X-Sig", "1")?;
        token(request)?;
        request.headers.append("x-sig", "2")
    };
    let (session, mock) = mocked([refusal("theirs=1"), Response::builder(200)]);

    let get = session.get("http://h.test/").header("X-Gone", "1").header("X-Kept", "1");
    get.auth(Scheme { rounds: 1, apply: nothing, answer }).send().unwrap();

    let sent = &mock.requests()[1].headers;
    let last: Vec<_> = sent.iter().skip_while(|(name, _)| *name != "X-Kept").collect();
    let want = [("X-Kept", "1"), ("Cookie", "theirs=1"), ("X-Sig", "1"), ("x-sig", "2"), ("Authorization", "Own")];
    assert_eq!(last, want);
    assert!(!sent.contains("X-Gone"));
}

// docs/decisions.md#auth-stays: a hop starts from before the answer, whatever the rounds have changed
#[test]
fn an_auth_whose_answers_set_cookies_is_asked_anew_for_each_hop() {
    let moved = Response::builder(302).header("Location", "/2");
    let last = Response::builder(200);
    let (session, mock) = mocked([refusal("theirs=1"), refusal("theirs=2"), moved, refusal("theirs=3"), last]);
    let apply = |request: &mut PreparedRequest| {
        let path = request.url.path().to_owned();
        request.headers.insert("X-Signed", path)
    };
    let answer = |request: &mut PreparedRequest| {
        let rounds = request.headers.get("x-rounds").map_or(0, str::len);
        request.headers.insert("X-Rounds", "x".repeat(rounds + 1))?;
        if rounds == 1 { login(request) } else { Ok(()) }
    };

    session.get("http://h.test/1").auth(Scheme { rounds: 2, apply, answer }).send().unwrap();

    let requests = mock.requests();
    let signed: Vec<_> = requests.iter().map(|request| request.headers.get("x-signed").unwrap()).collect();
    assert_eq!(signed, ["/1", "/1", "/1", "/2", "/2"]);
    let sent: Vec<_> = requests.iter().map(|request| request.headers.get("cookie").unwrap_or_default()).collect();
    assert_eq!(sent, ["", "theirs=1", "login=1", "theirs=2", "theirs=3"]);
}

// COOK-02: what the program set stays, whatever the refusal sets
#[cfg(feature = "digest")]
#[test]
fn a_cookie_header_of_the_programs_own_stays_through_a_round() {
    let server = TestServer::http(|request| match request.header("authorization") {
        None => Reply::new(401)
            .header("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"")
            .header("Set-Cookie", "theirs=1"),
        Some(_) => Reply::new(200),
    });
    for (own, sent) in [(Some("mine=1"), vec![Some("mine=1"); 2]), (None, vec![None, Some("theirs=1")])] {
        let session = session();
        let before = server.requests().len();
        let mut get = session.get(server.url("/")).auth(petition::DigestAuth::new("user", "pass"));
        if let Some(own) = own {
            get = get.header("Cookie", own);
        }

        assert_eq!(get.send().unwrap().status_code(), 200);

        let requests = server.requests();
        let cookies: Vec<_> = requests[before..].iter().map(|request| request.header("cookie")).collect();
        assert_eq!(cookies, sent);
    }
}
