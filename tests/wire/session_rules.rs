//! What a session does with the answers of its adapters: hops, hooks, challenges, and what a response says of itself.
//! Most of it needs no network: a mock adapter gives the answers and keeps the requests.

use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Instant;

#[cfg(feature = "digest")]
use petition::DigestAuth;
use petition::testing::{MockAdapter, Reply, TestServer};
use petition::{
    Auth, BasicAuth, Error, ErrorKind, PreparedRequest, ProxyAuth, Response, ResponseBuilder, Result, Session,
    StatusCode,
};

/// A session that trusts nothing of its surroundings, with a mock for everything.
fn mocked(answers: impl IntoIterator<Item = ResponseBuilder>) -> (Session, MockAdapter) {
    let mock = answers.into_iter().fold(MockAdapter::new(), MockAdapter::reply);
    let mut session = Session::new();
    session.trust_env = false;
    session.mount("http://", mock.clone());
    session.mount("https://", mock.clone());
    (session, mock)
}

fn ok() -> ResponseBuilder {
    Response::builder(200)
}

fn redirect(location: &str) -> ResponseBuilder {
    Response::builder(302).header("Location", location)
}

fn authorizations(mock: &MockAdapter) -> Vec<Option<String>> {
    mock.requests().iter().map(|request| request.headers.get("authorization").map(str::to_owned)).collect()
}

// RESP-29, RESP-36, RESP-30, REDIR-26
#[test]
fn history_is_the_way_to_a_response_oldest_first() {
    let (session, mock) = mocked([redirect("/2?own"), redirect("/3#part"), ok()]);

    let response = session.get("http://u:p@a.test/1").params([("k", "v")]).send().unwrap();

    let paths = |history: &[Response]| history.iter().map(|hop| hop.url().path().to_owned()).collect::<Vec<_>>();
    assert_eq!(paths(response.history()), ["/1", "/2"]);
    assert_eq!(paths(response.history()[0].history()), [""; 0]);
    assert_eq!(paths(response.history()[1].history()), ["/1"]);
    let urls: Vec<String> = mock.requests().iter().map(|request| request.url.to_string()).collect();
    assert_eq!(urls[0], "http://u:p@a.test/1?k=v");
    assert!(urls[1].ends_with("a.test/2?own"), "params are not added again: {}", urls[1]);
    assert_eq!(response.url().fragment(), Some("part"));
    assert_eq!(response.request().url, *response.url());
    assert_eq!(response.history()[0].url().to_string(), urls[0]);
}

// REDIR-09
#[test]
fn user_info_of_a_location_stays_in_the_url_and_is_no_credential() {
    let (session, mock) = mocked([redirect("http://x:y@b.test/"), ok()]);

    let response = session.get("http://a.test/").send().unwrap();

    assert_eq!(authorizations(&mock), [None, None]);
    assert_eq!(response.url().as_str(), "http://x:y@b.test/");
}

// REDIR-19, RESP-27, RESP-28
#[test]
fn an_empty_location_ends_the_chain_and_counts_as_a_redirect() {
    let (session, mock) = mocked([redirect("")]);

    let response = session.get("http://a.test/").send().unwrap();

    assert!(response.is_redirect() && response.next().is_none());
    assert_eq!(mock.requests().len(), 1);
}

// RESP-27
#[test]
fn a_redirect_is_one_of_five_statuses_with_a_location() {
    for status in 200..=399 {
        let with = Response::builder(status).header("Location", "/x").build().unwrap();
        let without = Response::builder(status).build().unwrap();

        assert_eq!(with.is_redirect(), [301, 302, 303, 307, 308].contains(&status), "{status}");
        assert_eq!(with.is_permanent_redirect(), [301, 308].contains(&status), "{status}");
        assert!(!without.is_redirect() && !without.is_permanent_redirect(), "{status}");
    }
}

// REDIR-20: the first counts
#[test]
fn of_two_locations_the_first_counts() {
    let (session, mock) = mocked([redirect("/first").header("Location", "/second"), ok()]);

    session.get("http://a.test/").send().unwrap();

    assert_eq!(mock.requests()[1].url.path(), "/first");
}

// REDIR-21, ADPT-05
#[test]
fn a_redirect_to_what_no_adapter_serves_is_an_invalid_schema() {
    let (session, _) = mocked([redirect("mailto:a@b.test")]);

    let error = session.get("http://a.test/").send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::InvalidSchema);
}

// REDIR-24
#[test]
fn each_hop_picks_its_adapter_anew() {
    let (mut session, first) = mocked([redirect("http://b.test/")]);
    let second = MockAdapter::new().reply(ok().body("from b"));
    session.mount("http://b.test/", second.clone());

    let response = session.get("http://a.test/").send().unwrap();

    assert_eq!(response.text().unwrap(), "from b");
    assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
}

// REDIR-08
#[test]
fn credentials_stay_with_their_origin() {
    let (mut session, mock) = mocked([redirect("/same"), redirect("http://b.test/"), ok()]);
    session.auth = Some(BasicAuth::new("u", "p").into());

    session.get("http://a.test/").send().unwrap();

    let basic = Some("Basic dTpw".to_owned());
    assert_eq!(authorizations(&mock), [basic.clone(), basic, None]);
}

// REDIR-10
#[cfg(feature = "digest")]
#[test]
fn a_digest_answers_no_other_origins_challenge() {
    let challenge = Response::builder(401).header("WWW-Authenticate", r#"Digest realm="r", nonce="n", qop="auth""#);
    let (session, mock) = mocked([redirect("http://b.test/"), challenge]);

    let response = session.get("http://a.test/").auth(DigestAuth::new("u", "p")).send().unwrap();

    assert_eq!(response.status_code(), 401);
    assert_eq!(authorizations(&mock), [None, None]);
}

// REDIR-11
#[test]
fn other_headers_go_along_unless_they_are_named_as_sensitive() {
    for (sensitive, want) in [(vec![], Some("k")), (vec!["x-api-key".to_owned()], None)] {
        let (mut session, mock) = mocked([redirect("http://b.test/"), ok()]);
        session.sensitive_headers = sensitive;

        session.get("http://a.test/").header("X-Api-Key", "k").send().unwrap();

        assert_eq!(mock.requests()[1].headers.get("x-api-key"), want);
    }
}

// REDIR-27
#[test]
fn a_way_down_to_http_can_be_refused() {
    let (mut session, mock) = mocked([redirect("http://a.test/"), ok(), redirect("http://a.test/")]);
    assert!(session.get("https://a.test/").send().is_ok());
    assert_eq!(mock.requests()[1].headers.get("referer"), None);

    session.allow_downgrade = false;
    let error = session.get("https://a.test/").send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::InvalidUrl);
    assert_eq!(error.response().map(Response::status_code), Some(StatusCode::FOUND));
}

// REDIR-29, RESP-28
#[test]
fn redirects_can_be_followed_by_hand_by_the_same_rules() {
    let (session, mock) = mocked([redirect("http://b.test/"), ok()]);
    let mut options = session.send_options();
    options.allow_redirects = false;

    let request = session.post("http://a.test/").auth(("u", "p")).data("x").allow_redirects(false);
    let mut response = request.send().unwrap();
    while let Some(next) = response.next() {
        response = session.send_with(next.clone(), options.clone()).unwrap();
    }

    assert_eq!(response.status_code(), 200);
    assert!(response.history().is_empty());
    let last = &mock.requests()[1];
    assert_eq!((last.method.as_str(), last.headers.get("content-length")), ("GET", None));
    assert_eq!(authorizations(&mock)[1], None);
}

type Seen = Arc<Mutex<Vec<String>>>;

fn noting(seen: &Seen, name: &'static str) -> impl Fn(Response) -> Result<Response> + Send + Sync + 'static {
    let seen = Arc::clone(seen);
    move |response| {
        seen.lock().unwrap().push(format!("{name} {}", response.url().path()));
        Ok(response)
    }
}

// HOOK-01, HOOK-05, REDIR-25
#[test]
fn hooks_run_in_order_for_each_hop() {
    let (mut session, _) = mocked([redirect("/2"), ok()]);
    let seen = Seen::default();
    session.hooks.on_response(noting(&seen, "a"));
    session.hooks.on_response(noting(&seen, "b"));

    session.get("http://h.test/1").send().unwrap();

    assert_eq!(*seen.lock().unwrap(), ["a /1", "b /1", "a /2", "b /2"]);
}

// HOOK-09, SES-10
#[test]
fn hooks_of_a_request_replace_those_of_the_session() {
    let (mut session, _) = mocked([ok()]);
    let seen = Seen::default();
    session.hooks.on_response(noting(&seen, "session"));

    session.get("http://h.test/").on_response(noting(&seen, "request")).send().unwrap();

    assert_eq!(*seen.lock().unwrap(), ["request /"]);
}

// HOOK-03
#[test]
fn what_a_hook_returns_is_what_the_next_one_and_the_caller_get() {
    let (mut session, _) = mocked([ok()]);
    let seen = Seen::default();
    session.hooks.on_response(|_| Response::builder(299).body("other").build());
    session.hooks.on_response(noting(&seen, "second"));

    let response = session.get("http://h.test/p").send().unwrap();

    assert_eq!((response.status_code().as_u16(), response.text().unwrap()), (299, "other".to_owned()));
    assert_eq!(response.request().url.path(), "/p");
    assert_eq!(seen.lock().unwrap().len(), 1);
}

// HOOK-06
#[test]
fn an_error_of_a_hook_goes_to_the_caller_as_it_is() {
    let (mut session, _) = mocked([ok()]);
    session.hooks.on_response(|_| Err(Error::new(ErrorKind::Other, "no thanks")));

    let error = session.get("http://h.test/").send().unwrap_err();

    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Other, "no thanks".to_owned()));
}

// COOK-02
#[test]
fn a_cookie_header_of_the_programs_own_is_sent_as_it_is() {
    for on_session in [false, true] {
        let (mut session, mock) = mocked([ok()]);
        session.cookies.insert("jar", "1");
        if on_session {
            session.headers.insert("Cookie", "own=1").unwrap();
        }
        let mut request = session.get("http://h.test/").cookies([("request", "1")]);
        if !on_session {
            request = request.header("Cookie", "own=1");
        }

        request.send().unwrap();

        assert_eq!(mock.requests()[0].headers.get("cookie"), Some("own=1"));
    }
}

// RESP-35, COOK-03
#[test]
fn the_cookies_of_a_response_are_those_that_it_set_itself() {
    let (session, _) = mocked([redirect("/2").header("Set-Cookie", "first=1"), ok().header("Set-Cookie", "second=2")]);

    let response = session.get("http://h.test/").send().unwrap();

    assert_eq!(response.cookies().to_pairs(), [("second".to_owned(), "2".to_owned())]);
    assert_eq!(response.history()[0].cookies().to_pairs(), [("first".to_owned(), "1".to_owned())]);
    assert_eq!(session.cookies.len(), 2);
}

// AUTH-01, SES-08
#[test]
fn the_requests_auth_comes_before_the_sessions_and_that_before_the_urls() {
    let (mut session, mock) = mocked([ok(), ok(), ok(), ok()]);
    session.get("http://url:x@h.test/").send().unwrap();
    session.auth = Some(BasicAuth::new("session", "x").into());
    session.get("http://url:x@h.test/").send().unwrap();
    session.get("http://url:x@h.test/").auth(("request", "x")).send().unwrap();
    session.auth = None;
    session.get("http://h.test/").send().unwrap();

    let sent = authorizations(&mock);

    let basic = |user: &str| {
        let mut request = petition::Request::new("GET", "http://h.test/").prepare().unwrap();
        BasicAuth::new(user, "x").apply(&mut request).unwrap();
        request.headers.get("authorization").map(str::to_owned)
    };
    assert_eq!(sent, [basic("url"), basic("session"), basic("request"), None]);
}

// AUTH-01, AUTH-03, AUTH-04, SES-24
#[test]
fn netrc_comes_before_the_urls_user_info_and_behind_everything_else() {
    const NAME: &str = "netrc_comes_before_the_urls_user_info_and_behind_everything_else";
    const FILE: &str = "PETITION_TEST_NETRC";
    let Some(file) = std::env::var_os(FILE) else {
        // The environment is the process's: another process for another environment.
        let file = std::env::temp_dir().join(format!("petition-netrc-{}", std::process::id()));
        std::fs::write(&file, "machine h.test login netrc password x\n").unwrap();
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let output = child.args(["--exact", NAME]).env("NETRC", &file).env(FILE, &file).output().unwrap();
        std::fs::remove_file(&file).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    };
    assert!(std::fs::exists(file).unwrap());
    let (mut session, mock) = mocked([ok(), ok(), ok(), ok(), ok()]);
    session.trust_env = true;
    let nothing = |_: &mut PreparedRequest| Ok(());
    session.get("http://url:x@h.test/").send().unwrap();
    session.get("http://h.test/").auth(("own", "x")).send().unwrap();
    session.get("http://h.test/").auth(nothing).send().unwrap();
    session.get("http://h.test/").header("Authorization", "own").send().unwrap();
    session.trust_env = false;
    session.get("http://h.test/").send().unwrap();

    let sent = authorizations(&mock);

    let want = [Some("Basic bmV0cmM6eA=="), Some("Basic b3duOng="), None, Some("own"), None];
    assert_eq!(sent.iter().map(Option::as_deref).collect::<Vec<_>>(), want);
}

// AUTH-02
#[test]
fn an_auth_that_was_chosen_replaces_a_header() {
    let (mut session, mock) = mocked([ok()]);
    session.auth = Some(BasicAuth::new("u", "p").into());

    session.get("http://h.test/").header("Authorization", "own").send().unwrap();

    assert_eq!(authorizations(&mock), [Some("Basic dTpw".to_owned())]);
}

// AUTH-08
#[test]
fn proxy_credentials_have_a_header_of_their_own() {
    let (session, mock) = mocked([ok()]);

    session.get("http://h.test/").auth(ProxyAuth::new("u", "p")).send().unwrap();

    let headers = &mock.requests()[0].headers;
    assert_eq!((headers.get("proxy-authorization"), headers.get("authorization")), (Some("Basic dTpw"), None));
}

// AUTH-09
#[test]
fn an_auth_sees_the_finished_request_and_may_give_it_another_body() {
    let (session, mock) = mocked([ok()]);
    let auth = |request: &mut PreparedRequest| {
        assert_eq!(request.headers.get("content-length"), Some("3"));
        assert_eq!((request.method.as_str(), request.body_bytes()), ("POST", Some(&b"abc"[..])));
        request.body = "longer".into();
        request.headers.insert("X-Signed", request.url.path())
    };

    session.post("http://h.test/p").data("abc").auth(auth).send().unwrap();

    let sent = &mock.requests()[0];
    assert_eq!((sent.headers.get("content-length"), sent.headers.get("x-signed")), (Some("6"), Some("/p")));
}

// AUTH-15, AUTH-26, AUTH-14
#[cfg(feature = "digest")]
#[test]
fn a_challenge_is_answered_once_and_hooks_see_the_refusal_alone() {
    let challenge =
        || Response::builder(401).header("WWW-Authenticate", r#"Digest realm="r", nonce="n", qop="auth""#).body("no");
    for (answer, want) in [(ok(), 200), (challenge(), 401)] {
        let (mut session, mock) = mocked([challenge(), answer]);
        session.auth = Some(DigestAuth::new("u", "p").into());
        let seen = Seen::default();
        session.hooks.on_response(noting(&seen, "hook"));

        let response = session.get("http://h.test/p").send().unwrap();

        assert_eq!(response.status_code(), want);
        assert_eq!(mock.requests().len(), 2);
        assert_eq!(response.history().len(), 1);
        assert_eq!(response.history()[0].text().unwrap(), "no");
        assert_eq!(seen.lock().unwrap().len(), 1);
        let sent = authorizations(&mock);
        assert!(sent[0].is_none() && sent[1].as_ref().is_some_and(|value| value.contains("nc=00000001")), "{sent:?}");
    }
}

// AUTH-25
#[cfg(feature = "digest")]
#[test]
fn a_redirect_starts_the_rounds_anew() {
    let challenge = |nonce: &str| {
        Response::builder(401).header("WWW-Authenticate", format!(r#"Digest realm="r", nonce="{nonce}""#))
    };
    let (session, mock) = mocked([challenge("a"), redirect("/2"), challenge("b"), ok()]);

    let response = session.get("http://h.test/1").auth(DigestAuth::new("u", "p")).send().unwrap();

    assert_eq!(response.status_code(), 200);
    assert_eq!(mock.requests().len(), 4);
}

// PROXY-03
#[test]
fn a_prepared_request_goes_through_the_sessions_proxies() {
    let proxy = TestServer::http(|_| Reply::new(200).body("proxied"));
    let mut session = Session::new();
    session.trust_env = false;
    session.proxies.insert("http", proxy.url("")).unwrap();

    let prepared = session.prepare_request(petition::Request::new("GET", "http://h.test/x")).unwrap();
    let response = session.send(prepared).unwrap();

    assert_eq!(response.text().unwrap(), "proxied");
    assert!(proxy.requests()[0].raw_text().starts_with("GET http://h.test/x HTTP/1.1\r\n"));
}

// RESP-25, RESP-26
#[test]
fn a_status_is_an_error_from_400_to_599() {
    for status in [200, 302, 399, 400, 404, 499, 500, 599, 600, 999] {
        let response = Response::builder(status).reason("Why").build().unwrap();
        let is_error = (400..600).contains(&status);

        assert_eq!(response.ok(), !is_error, "{status}");
        match response.raise_for_status() {
            Ok(_) => assert!(!is_error, "{status}"),
            Err(error) => {
                assert!(is_error, "{status}");
                assert_eq!(error.kind(), ErrorKind::HttpError);
                let side = if status < 500 { "Client" } else { "Server" };
                assert!(error.to_string().starts_with(&format!("{status} {side} Error: Why for url: http")), "{error}");
                assert_eq!(error.response().map(|response| response.status_code().as_u16()), Some(status));
            }
        }
    }
}

// RESP-37
#[test]
fn a_response_shows_itself_as_in_requests() {
    let response = Response::builder(200).build().unwrap();

    assert_eq!(response.to_string(), "<Response [200]>");
}

// RESP-20
#[test]
fn the_encoding_can_be_set_before_and_after_reading() {
    let mut response = ok().header("Content-Type", "text/plain").body("é").build().unwrap();
    assert_eq!((response.encoding(), response.text().unwrap()), (Some("ISO-8859-1"), "Ã©".to_owned()));

    response.set_encoding("utf-8");

    assert_eq!((response.encoding(), response.text().unwrap()), (Some("utf-8"), "é".to_owned()));
}

/// A server that answers everything with this body, in two chunks.
fn chunked() -> TestServer {
    TestServer::http(|_| {
        Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
    })
}

fn direct() -> Session {
    let mut session = Session::new();
    session.trust_env = false;
    session
}

// RESP-07, RESP-02
#[test]
fn content_that_is_kept_is_cut_as_often_as_wanted() {
    let server = chunked();
    let mut response = direct().get(server.url("/")).send().unwrap();

    for size in [1, 3, 5, 100] {
        let pieces: Vec<Vec<u8>> = response.iter_content(size).map(Result::unwrap).collect();

        assert_eq!(pieces, b"abcdefg".chunks(size).collect::<Vec<_>>(), "{size}");
    }
    assert_eq!(response.content().unwrap(), b"abcdefg");
    assert_eq!(response.content().unwrap().as_ptr(), response.content().unwrap().as_ptr());
    assert_eq!(server.requests().len(), 1);
}

// RESP-09
#[test]
fn a_streamed_body_comes_in_full_pieces_or_by_its_chunks() {
    let server = TestServer::http(|_| Reply::new(200).body("abcdefg"));
    let mut response = direct().get(server.url("/")).stream(true).send().unwrap();
    assert_eq!(response.iter_content(3).map(Result::unwrap).collect::<Vec<_>>(), [&b"abc"[..], b"def", b"g"]);

    let server = chunked();
    let mut response = direct().get(server.url("/")).stream(true).send().unwrap();
    assert_eq!(response.iter_content(100).map(Result::unwrap).collect::<Vec<_>>(), [&b"abc"[..], b"defg"]);
    let mut response = direct().get(server.url("/")).stream(true).send().unwrap();
    assert_eq!(response.iter_content(2).map(Result::unwrap).collect::<Vec<_>>(), [&b"ab"[..], b"c", b"de", b"fg"]);
}

// RESP-03, RESP-04, RESP-08
#[test]
fn a_stream_that_was_consumed_says_so() {
    let server = chunked();
    let mut response = direct().get(server.url("/")).stream(true).send().unwrap();
    assert_eq!(response.iter_content(100).count(), 2);

    let again = response.iter_content(100).next().unwrap().unwrap_err();
    assert_eq!(again.kind(), ErrorKind::StreamConsumed);
    assert_eq!(response.content().unwrap_err().kind(), ErrorKind::StreamConsumed);

    let mut response = direct().get(server.url("/")).stream(true).send().unwrap();
    response.read_exact(&mut [0; 2]).unwrap();
    assert_eq!(response.content().unwrap_err().kind(), ErrorKind::StreamConsumed);
}

// RESP-06
#[test]
fn a_piece_of_no_size_is_refused() {
    let mut response = ok().body("x").build().unwrap();

    let error = response.iter_content(0).next().unwrap().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::InvalidSetting);
}

// RESP-33
#[test]
fn content_after_closing_an_unread_response_is_an_error() {
    let server = TestServer::http(|_| Reply::new(200).body("abc"));
    let response = direct().get(server.url("/")).stream(true).send().unwrap();

    response.close();
    response.close();

    assert_eq!(response.content().unwrap_err().kind(), ErrorKind::StreamConsumed);
}

// RESP-39, RESP-38, FRAME-16, DEC-15
#[test]
fn a_body_that_breaks_closes_its_connection_and_frees_its_slot() {
    // Eleven bytes are announced and five come: the length is that of the bytes on the wire, coded or not.
    for coding in ["", "Content-Encoding: identity\r\n"] {
        let head = format!("HTTP/1.1 200 OK\r\n{coding}Content-Length: 11\r\n\r\nabcde");
        let server = TestServer::connections(move |peer| {
            if peer.read_request().is_some() {
                peer.send(&head);
                peer.close();
            }
        });
        let mut session = direct();
        session.mount("http://", petition::HttpAdapter::builder().pool_maxsize(1).pool_block(true).build());

        for _ in 0..2 {
            let error = session.get(server.url("/")).send().unwrap_err();

            assert_eq!(error.kind(), ErrorKind::ChunkedEncodingError);
            assert!(error.request().is_some());
        }
        assert_eq!(server.accepted(), 2);
    }
}

// RESP-31
#[test]
fn each_hop_has_its_own_elapsed_time_and_the_body_is_not_in_it() {
    let server = TestServer::http(|request| match request.raw_text().starts_with("GET /1 ") {
        true => Reply::new(302).header("Location", "/2"),
        false => Reply::new(200).body("abc"),
    });
    let started = Instant::now();

    let response = direct().get(server.url("/1")).stream(true).send().unwrap();
    let took = started.elapsed();

    let (first, last) = (response.history()[0].elapsed(), response.elapsed());
    assert!(!first.is_zero() && !last.is_zero());
    assert!(first + last <= took, "{first:?} + {last:?} is more than {took:?}");
    response.content().unwrap();
    assert_eq!(response.elapsed(), last);
}

// RESP-01
#[test]
fn a_response_knows_what_happened() {
    let server = TestServer::http(|_| {
        Reply::raw(
            "HTTP/1.1 203 So it is\r\nContent-Type: text/plain; charset=utf-8\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nhi",
        )
    });

    let response = direct().get(server.url("/p")).send().unwrap();

    assert_eq!((response.status_code().as_u16(), response.reason()), (203, "So it is"));
    assert_eq!((response.headers().get("x-a"), response.encoding()), (Some("1"), Some("utf-8")));
    assert_eq!((response.url().as_str(), response.request().method.as_str()), (&*server.url("/p"), "GET"));
    assert!(response.history().is_empty() && response.cookies().is_empty() && response.next().is_none());
    assert_eq!((response.exchange().attempts, response.exchange().peer), (1, Some(server.address())));
}

// DEC-02, DEC-13
#[cfg(feature = "gzip")]
#[test]
fn a_body_is_decoded_by_what_it_says_and_its_headers_stay() {
    // deflate of "hello", in the zlib format
    let body = b"\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15";
    let server = TestServer::http(move |_| Reply::new(200).header("Content-Encoding", "deflate").body(*body));

    let response = direct().get(server.url("/")).header("Accept-Encoding", "identity").send().unwrap();

    assert_eq!(response.text().unwrap(), "hello");
    assert_eq!(response.headers().get("content-encoding"), Some("deflate"));
    assert_eq!(response.headers().get("content-length"), Some("13"));
}

// DEC-01, DEC-06
#[cfg(feature = "gzip")]
#[test]
fn codings_are_known_in_any_case_deflate_in_both_forms_and_others_leave_the_body() {
    for (coding, body, want) in [
        ("DEFLATE", &b"\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15"[..], &b"hello"[..]),
        ("deflate", b"\xcb\x48\xcd\xc9\xc9\x07\x00", b"hello"),
        ("identity", b"hello", b"hello"),
        ("unheard-of", b"hello", b"hello"),
    ] {
        let body = body.to_vec();
        let server = TestServer::http(move |_| Reply::new(200).header("Content-Encoding", coding).body(body.clone()));

        assert_eq!(direct().get(server.url("/")).send().unwrap().content().unwrap(), want, "{coding}");
    }
}

// FRAME-23
#[cfg(feature = "native-tls")]
#[test]
fn tls_that_ends_without_a_word_ends_a_body_without_a_length_and_no_other() {
    use petition::TlsBackend;

    let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (identity.cert.pem(), identity.signing_key.serialize_pem());
    let backends = [
        TlsBackend::NativeTls,
        #[cfg(feature = "rustls")]
        TlsBackend::Rustls,
    ];
    for backend in backends {
        for (head, want) in [
            ("HTTP/1.1 200 OK\r\n\r\nabc", Ok("abc")),
            ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", Err(ErrorKind::ChunkedEncodingError)),
        ] {
            let server = TestServer::builder().tls(&certificate, &key).unwrap().start(move |peer| {
                if peer.read_request().is_some() {
                    peer.send(head);
                    // Of TCP, below TLS: no close_notify goes out.
                    peer.shutdown_write();
                    peer.wait_for_close();
                }
            });
            let mut session = direct();
            session.mount("https://", petition::HttpAdapter::builder().tls_backend(backend.clone()).build());

            let got = session.get(server.unwrap().url("/")).verify(false).send().and_then(|response| response.text());

            assert_eq!(got.as_deref().map_err(Error::kind), want, "{backend:?}");
        }
    }
}
