//! Credentials on the wire: Basic, Bearer, Digest against a server that checks the hash, netrc.

use crate::support::{Child, TempDir, authorizations, mocked, ok, session};
use petition::testing::{Reply, TestServer};
use petition::{BasicAuth, BearerAuth, PreparedRequest, ProxyAuth, Response, Session};

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
    use std::sync::{Arc, Mutex};

    use md5::{Digest, Md5};
    use petition::testing::TestRequest;
    use petition::{DigestAuth, HttpAdapter};
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
    fn a_challenge_is_answered_once_and_hooks_see_the_refusal_alone() {
        let challenge = || {
            Response::builder(401).header("WWW-Authenticate", r#"Digest realm="r", nonce="n", qop="auth""#).body("no")
        };
        for (answer, want) in [(Response::builder(200), 200), (challenge(), 401)] {
            let (mut session, mock) = mocked([challenge(), answer]);
            session.auth = Some(DigestAuth::new("u", "p").into());
            let seen = Arc::new(Mutex::new(Vec::new()));
            let in_hook = Arc::clone(&seen);
            session.hooks.on_response(move |response| {
                in_hook.lock().unwrap().push(response.status_code().as_u16());
                Ok(response)
            });

            let response = session.get("http://h.test/p").send().unwrap();

            assert_eq!(response.status_code(), want);
            assert_eq!(mock.requests().len(), 2);
            assert_eq!(response.history().len(), 1);
            assert_eq!(response.history()[0].text().unwrap(), "no");
            assert_eq!(*seen.lock().unwrap(), [401]);
            let sent = authorizations(&mock);
            assert!(
                sent[0].is_none() && sent[1].as_ref().is_some_and(|value| value.contains("nc=00000001")),
                "{sent:?}"
            );
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
