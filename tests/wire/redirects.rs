//! Redirects: methods, bodies, credentials, cookies, limits, and following by hand.

use std::io::Read;
use std::sync::{Arc, Mutex};

use crate::support::{authorizations, mocked, own_headers, session, session_at, session_over};
use petition::testing::{MockAdapter, Reply, TestServer};
use petition::{
    BasicAuth, BearerAuth, Body, CookieJar, ErrorKind, HttpAdapter, PreparedRequest, Request, Response,
    ResponseBuilder, Session, Url,
};

/// Redirects `/` to `/next`, and says 200 to the rest.
fn redirecting(status: u16) -> TestServer {
    TestServer::http(move |request| match request.target.as_str() {
        "/" => Reply::new(status).header("Location", "/next"),
        _ => Reply::new(200).body("there"),
    })
}

fn redirect(location: &str) -> ResponseBuilder {
    Response::builder(302).header("Location", location)
}

/// A session whose first answer is a 302 to `location` and whose second is a 200, whatever the scheme.
fn moved_to(location: &str) -> (Session, MockAdapter) {
    mocked([redirect(location), Response::builder(200).body("there")])
}

// REDIR-01, REDIR-02, REDIR-03
#[test]
fn each_status_and_method_leads_to_the_method_and_body_that_requests_would_send() {
    for (status, method, next, has_body) in [
        (301, "GET", "GET", false),
        (301, "HEAD", "HEAD", false),
        (301, "POST", "GET", false),
        (301, "PUT", "PUT", false),
        (301, "DELETE", "DELETE", false),
        (302, "GET", "GET", false),
        (302, "HEAD", "HEAD", false),
        (302, "POST", "GET", false),
        (302, "PUT", "GET", false),
        (302, "DELETE", "GET", false),
        (303, "GET", "GET", false),
        (303, "HEAD", "HEAD", false),
        (303, "POST", "GET", false),
        (303, "PUT", "GET", false),
        (303, "DELETE", "GET", false),
        (307, "GET", "GET", true),
        (307, "HEAD", "HEAD", true),
        (307, "POST", "POST", true),
        (307, "PUT", "PUT", true),
        (307, "DELETE", "DELETE", true),
        (308, "GET", "GET", true),
        (308, "HEAD", "HEAD", true),
        (308, "POST", "POST", true),
        (308, "PUT", "PUT", true),
        (308, "DELETE", "DELETE", true),
    ] {
        let server = redirecting(status);

        let response = session()
            .request(method, server.url("/"))
            .header("Content-Type", "text/x")
            .header("Content-Language", "eo")
            .data("body")
            .send()
            .unwrap();

        let case = format!("{method} {status}");
        assert_eq!((response.status_code().as_u16(), response.history().len()), (200, 1), "{case}");
        assert_eq!(response.history()[0].status_code(), status, "{case}");
        let request = &server.requests()[1];
        assert_eq!((request.method.as_str(), request.target.as_str()), (next, "/next"), "{case}");
        if has_body {
            assert_eq!(request.body, b"body", "{case}");
            assert_eq!(
                own_headers(request),
                [("Content-Type", "text/x"), ("Content-Language", "eo"), ("Content-Length", "4")],
                "{case}"
            );
        } else {
            assert!(request.body.is_empty(), "{case}");
            // The transport says so, before the caller's headers, where the method expects a body.
            let zero = (next == "PUT").then_some(("Content-Length", "0"));
            let headers: Vec<_> = zero.into_iter().chain([("Content-Language", "eo")]).collect();
            assert_eq!(own_headers(request), headers, "{case}");
        }
        assert_eq!(server.accepted(), 1, "{case}");
    }
}

// REDIR-03
#[test]
fn a_chunked_body_that_is_dropped_takes_its_transfer_encoding_along() {
    let server = redirecting(302);

    session().post(server.url("/")).data(petition::Body::chunks(["a"])).send().unwrap();

    assert_eq!(own_headers(&server.requests()[0]), [("Transfer-Encoding", "chunked")]);
    assert_eq!(own_headers(&server.requests()[1]), []);
}

// REDIR-04
#[test]
fn a_307_sends_a_multipart_body_again_as_it_was() {
    let server = redirecting(307);
    let form = petition::Multipart::new().text("a", "b").part("f", petition::Part::bytes("content").file_name("f"));

    session().post(server.url("/")).files(form).send().unwrap();

    let requests = server.requests();
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!(requests[0].header("content-type"), requests[1].header("content-type"));
    assert!(requests[1].body.len() > 100);
}

// REDIR-01, REDIR-19, RESP-27, RESP-28
#[test]
fn other_statuses_and_an_empty_location_end_the_chain() {
    for (status, location, is_redirect) in [
        (300, Some("/next"), false),
        (304, Some("/next"), false),
        (305, Some("/next"), false),
        (306, Some("/next"), false),
        (201, Some("/next"), false),
        (302, None, false),
        (302, Some(""), true),
    ] {
        let server = TestServer::http(move |_| match location {
            Some(location) => Reply::new(status).header("Location", location),
            None => Reply::new(status),
        });

        let response = session().get(server.url("/")).send().unwrap();

        let case = format!("{status} {location:?}");
        assert_eq!((response.status_code().as_u16(), server.requests().len()), (status, 1), "{case}");
        assert_eq!((response.is_redirect(), response.next().is_none()), (is_redirect, true), "{case}");
    }
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

/// What of the credentials the second host got.
fn sent_along(from: &str, to: &str, change: impl FnOnce(&mut Session)) -> PreparedRequest {
    let (mut session, mock) = moved_to(to);
    change(&mut session);
    session
        .get(from)
        .header("Authorization", "Bearer by-hand")
        .header("X-Api-Key", "key")
        .header("X-Other", "other")
        .send()
        .unwrap();
    mock.requests().swap_remove(1).into()
}

const ORIGINS: [(&str, &str, bool); 13] = [
    ("http://a.test/", "/n", true),
    ("http://a.test/", "http://a.test/n", true),
    ("http://a.test/", "http://a.test:80/n", true),
    ("http://a.test/", "http://A.TEST/n", true),
    ("https://a.test:443/", "https://a.test/n", true),
    // The one exception: from http to https, both on their own ports.
    ("http://a.test/", "https://a.test/n", true),
    ("http://a.test:80/", "https://a.test:443/n", true),
    ("https://a.test/", "http://a.test/n", false),
    ("http://a.test/", "https://a.test:8443/n", false),
    ("http://a.test:8080/", "https://a.test/n", false),
    ("http://a.test/", "http://a.test:81/n", false),
    ("http://a.test/", "http://b.test/n", false),
    ("http://a.test/", "http://sub.a.test/n", false),
];

// REDIR-07, REDIR-11
#[test]
fn authorization_stays_with_its_origin_and_other_headers_go_along() {
    for (from, to, kept) in ORIGINS {
        let next = sent_along(from, to, |_| ());

        assert_eq!(next.headers.get("authorization").is_some(), kept, "{from} -> {to}");
        assert_eq!((next.headers.get("X-Api-Key"), next.headers.get("X-Other")), (Some("key"), Some("other")));
    }
}

// REDIR-07, REDIR-11 (session.sensitive_headers)
#[test]
fn headers_that_the_session_calls_sensitive_stay_with_authorization() {
    for (from, to, kept) in ORIGINS {
        let next = sent_along(from, to, |session| session.sensitive_headers = vec!["x-api-key".into()]);

        assert_eq!(next.headers.get("X-Api-Key").is_some(), kept, "{from} -> {to}");
        assert_eq!(next.headers.get("X-Other"), Some("other"), "{from} -> {to}");
    }
}

// REDIR-08; docs/decisions.md#auth-stays
#[test]
fn headers_that_an_auth_set_never_reach_another_origin() {
    for (from, to, authorization) in ORIGINS {
        let (mut session, mock) = moved_to(to);
        session.auth = Some(BearerAuth::new("session").into());
        let auth = |request: &mut PreparedRequest| {
            request.headers.insert("Authorization", "Token t")?;
            request.headers.insert("X-Signature", "s")
        };

        session.get(from).header("X-Signature", "before").auth(auth).send().unwrap();

        let requests = mock.requests();
        assert_eq!(requests[0].headers.get("X-Signature"), Some("s"));
        let kept = requests[1].headers.get("authorization");
        assert_eq!(kept, authorization.then_some("Token t"), "{from} -> {to}");
        let same_origin = !to.starts_with("https://a.test") || from.starts_with("https:");
        let signed = requests[1].headers.get("X-Signature").is_some();
        assert_eq!(signed, authorization && same_origin, "{from} -> {to}");
    }
}

// docs/decisions.md#auth-stays
#[test]
fn an_auth_is_asked_anew_for_each_hop_of_its_origin() {
    let answers = ["/2", "http://a.test:80/3?q=1", "http://b.test/4", "http://a.test/5"];
    let (session, mock) = mocked(answers.map(redirect).into_iter().chain([Response::builder(200)]));
    let auth = |request: &mut PreparedRequest| {
        request.headers.insert("X-Signed", request.url.as_str())?;
        request.headers.append("X-Each", request.url.path())
    };

    session.get("http://a.test/1").header("X-Each", "own").auth(auth).send().unwrap();

    let requests = mock.requests();
    let signed: Vec<_> = requests.iter().map(|request| request.headers.get("X-Signed").map(str::to_owned)).collect();
    let at = |path: &str| Some(format!("http://a.test{path}"));
    assert_eq!(signed, [at("/1"), at("/2"), at(":80/3?q=1"), None, None]);
    let each: Vec<Vec<_>> = requests.iter().map(|request| request.headers.get_all("X-Each").collect()).collect();
    assert_eq!(each, [vec!["own", "/1"], vec!["own", "/2"], vec!["own", "/3"], vec![], vec![]]);
}

// docs/decisions.md#auth-stays: a redirect removes these headers, whoever set them
#[test]
fn an_auth_sets_anew_at_each_hop_what_a_redirect_removes() {
    const NAMES: [&str; 5] = ["Cookie", "Content-Type", "Proxy-Authorization", "X-Signed", "Content-Length"];
    let auth = |request: &mut PreparedRequest| {
        let said = format!("by {}", request.url.path());
        request.body = said.clone().into();
        NAMES[..4].iter().try_for_each(|name| request.headers.insert(name, &said))?;
        request.headers.insert("Content-Length", said.len())
    };
    for status in [301, 302, 303, 307, 308] {
        let answers = ["/2", "/three", "http://b.test/4"].map(|to| Response::builder(status).header("Location", to));
        let (session, mock) = mocked(answers.into_iter().chain([Response::builder(200)]));
        session.cookies.insert("jar", "1");

        session.post("http://a.test/1").data([("a", "1")]).auth(auth).send().unwrap();

        let requests = mock.requests();
        let has = |request: &PreparedRequest| {
            NAMES.map(|name| request.headers.get_all(name).map(str::to_owned).collect::<Vec<_>>().join(" and "))
        };
        for (request, path) in requests.iter().zip(["/1", "/2", "/three"]) {
            let said = format!("by {path}");
            let want = [&*said, &said, &said, &said, &said.len().to_string()];
            assert_eq!(has(request), want, "{status} {path}");
        }
        assert_eq!(has(&requests[3])[..4], ["jar=1", "", "", ""], "{status}: another origin");
    }
}

#[test]
fn an_auth_that_fails_on_the_way_is_an_error_that_says_where() {
    let (session, mock) = mocked([redirect("/2"), redirect("/3")]);
    let auth = |request: &mut PreparedRequest| match request.url.path() {
        "/2" => Err(petition::Error::new(ErrorKind::Other, "no key")),
        _ => Ok(()),
    };

    let error = session.get("http://a.test/1").auth(auth).send().unwrap_err();

    assert_eq!((error.response().unwrap().status_code().as_u16(), mock.requests().len()), (302, 1));
    // Not followed, it is no error.
    let unfollowed = session.get("http://a.test/1").auth(auth).allow_redirects(false).send().unwrap();
    assert_eq!(unfollowed.next().map(|next| next.url.path()), Some("/3"));
}

#[cfg(feature = "digest")]
#[test]
fn digest_is_made_anew_for_each_hop() {
    let server = TestServer::http(|request| {
        let right = |said: &str| said.contains(&format!("uri=\"{}\"", request.target));
        match (request.header("authorization").is_some_and(right), request.target.as_str()) {
            (false, _) => Reply::new(401).header("WWW-Authenticate", "Digest realm=My Realm, nonce=n, qop=auth"),
            (true, "/1") => Reply::new(303).header("Location", "/2"),
            (true, "/2") => Reply::new(307).header("Location", "/3?q"),
            (true, _) => Reply::new(200).body("in"),
        }
    });

    let auth = petition::DigestAuth::new("u", "p");
    let response = session().post(server.url("/1")).data("x").auth(auth).send().unwrap();

    assert_eq!(response.text().unwrap(), "in");
    let requests = server.requests();
    let said: Vec<_> = requests.iter().map(|request| request.header("authorization").unwrap_or_default()).collect();
    assert_eq!(requests.len(), 4, "refused once, for want of a nonce: {said:?}");
    for (count, said) in said[1..].iter().enumerate() {
        assert!(said.contains(&format!("nc={:08x}", count + 1)) && said.contains("realm=\"My Realm\""), "{said}");
    }
}

// docs/decisions.md#own-host
#[test]
fn a_host_of_the_programs_own_stays_with_its_origin() {
    for (from, to, kept) in ORIGINS {
        let (session, mock) = moved_to(to);

        session.get(from).header("Host", "own.test").send().unwrap();

        // The one exception is for Authorization alone: another scheme is another origin.
        let kept = kept && (!to.starts_with("https://a.test") || from.starts_with("https:"));
        assert_eq!(mock.requests()[1].headers.get("host"), kept.then_some("own.test"), "{from} -> {to}");
    }
}

#[test]
fn a_host_of_the_programs_own_decides_about_cookies_of_its_origin_alone() {
    let server = TestServer::http(|request| match (request.header("host").unwrap(), request.target.as_str()) {
        ("bank.test", "/") => Reply::new(302).header("Location", "/two").header("Set-Cookie", "first=1; Path=/"),
        ("bank.test", "/two") => Reply::new(302).header("Location", "http://evil.test/"),
        _ => Reply::new(302).header("Location", "http://evil.test/end").header("Set-Cookie", "planted=1; Path=/"),
    });
    let mut session = session_at(&server);
    session.max_redirects = 3;
    session.cookies.set(petition::Cookie::new("secret", "1").domain("bank.test"));
    session.cookies.set(petition::Cookie::new("evils", "1").domain("evil.test"));

    session.get("http://first.test/").header("Host", "bank.test").send().unwrap_err();

    let requests = server.requests();
    let seen: Vec<_> =
        requests.iter().map(|request| (request.header("host").unwrap(), request.header("cookie"))).collect();
    assert_eq!(
        seen,
        [
            ("bank.test", Some("secret=1")),
            ("bank.test", Some("secret=1; first=1")),
            ("evil.test", Some("evils=1")),
            ("evil.test", Some("evils=1; planted=1")),
        ]
    );
    session.get("http://bank.test/two").allow_redirects(false).send().unwrap();
    assert_eq!(server.requests()[4].header("cookie"), Some("secret=1; first=1"), "nothing was planted");
}

// REDIR-22: each response has what was before it, and shares it
#[test]
fn a_very_long_way_can_be_gone() {
    let mut session = session();
    session.max_redirects = 3000;
    let adapter = petition::adapter_fn(|request, _| {
        let next = request.url.path()[1..].parse::<u32>().unwrap() + 1;
        redirect(&format!("/{next}")).build()
    });
    session.mount("http://", adapter);

    let error = session.get("http://a.test/0").send().unwrap_err();

    let last = error.response().unwrap();
    assert_eq!(last.history().len(), 3000);
    assert_eq!(last.history()[2999].history()[2998].history().len(), 2998);
}

// REDIR-08
#[test]
fn credentials_that_were_removed_do_not_come_back_on_the_way_home() {
    let server = TestServer::http(|request| match (request.header("host"), request.target.as_str()) {
        (Some("a.test"), "/") => Reply::new(302).header("Location", "http://b.test/"),
        (Some("b.test"), _) => Reply::new(302).header("Location", "http://a.test/home"),
        _ => Reply::new(200),
    });

    let mut session = session_at(&server);
    session.get("http://a.test/").auth(("u", "p")).send().unwrap();
    session.auth = Some(BasicAuth::new("u", "p").into());
    session.get("http://a.test/").send().unwrap();

    let sent: Vec<bool> = server.requests().iter().map(|request| request.header("authorization").is_some()).collect();
    assert_eq!(sent, [true, false, false, true, false, false]);
}

// REDIR-09, RESP-30
#[test]
fn user_info_in_a_location_is_shown_but_is_no_credential() {
    let (session, mock) = moved_to("http://u:p@b.test/n");

    let response = session.get("http://a.test/").send().unwrap();

    assert_eq!(authorizations(&mock), [None, None]);
    assert_eq!(response.url().as_str(), "http://u:p@b.test/n");
}

// REDIR-10 (deviation: it does not follow)
#[cfg(feature = "digest")]
#[test]
fn digest_does_not_answer_another_hosts_challenge() {
    let server = TestServer::http(|request| match request.header("host") {
        Some("a.test") => Reply::new(302).header("Location", "http://b.test/"),
        _ => Reply::new(401).header("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\", qop=\"auth\""),
    });

    let auth = petition::DigestAuth::new("u", "p");
    let response = session_at(&server).get("http://a.test/").auth(auth).send().unwrap();

    assert_eq!(response.status_code(), 401);
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].header("authorization"), None);
}

// REDIR-15
#[test]
fn a_proxy_authorization_header_is_removed_on_every_redirect() {
    let server = redirecting(302);

    session().get(server.url("/")).header("Proxy-Authorization", "Basic x").send().unwrap();

    assert_eq!(server.requests()[0].header("proxy-authorization"), Some("Basic x"));
    assert_eq!(server.requests()[1].header("proxy-authorization"), None);
}

// REDIR-16, REDIR-17, REDIR-18, REDIR-30, RESP-30
#[test]
fn a_location_is_resolved_encoded_and_inherits_the_fragment() {
    for (location, url) in [
        ("n", "http://a.test/d/n#f"),
        ("../n", "http://a.test/n#f"),
        ("/n", "http://a.test/n#f"),
        ("?q=1", "http://a.test/d/p?q=1#f"),
        ("#g", "http://a.test/d/p?x=0#g"),
        ("//b.test/n", "http://b.test/n#f"),
        ("https://b.test", "https://b.test#f"),
        ("/n#", "http://a.test/n#f"),
        ("/n#own", "http://a.test/n#own"),
        ("/a b/\u{c3}\u{a9}?\u{c3}\u{a9}", "http://a.test/a%20b/%C3%A9?%C3%A9#f"),
    ] {
        let server = TestServer::http(move |request| match request.target.as_str() {
            "/d/p?x=0" if request.header("x-first").is_some() => {
                let mut bytes = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation:  ".to_vec();
                bytes.extend(location.chars().map(|c| u8::try_from(u32::from(c)).unwrap()));
                bytes.extend(b"\r\n\r\n");
                Reply::raw(bytes)
            }
            _ => Reply::new(200),
        });
        let mut session = session_at(&server);
        let mock = MockAdapter::new().reply(Response::builder(200));
        session.mount("https://", mock);
        session.max_redirects = 1;

        let result = session.get("http://a.test/d/p?x=0#f").header("X-First", "1").send();

        if location == "#g" {
            // The same page again: only where it leads is of interest.
            let error = result.unwrap_err();
            assert_eq!(error.response().unwrap().url().as_str(), url);
        } else {
            assert_eq!(result.unwrap().url().as_str(), url, "{location}");
        }
        for request in server.requests() {
            assert!(!request.target.contains('#'), "{location}");
        }
    }
}

// REDIR-18; docs/decisions.md#utf8-location
#[test]
fn a_location_that_is_not_utf_8_is_encoded_or_an_error() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/" => Reply::raw(b"HTTP/1.1 302 Found\r\nLocation: /\xe9\r\nContent-Length: 0\r\n\r\n".to_vec()),
        _ => Reply::new(200),
    });

    match session().get(server.url("/")).send() {
        Ok(_) => assert_eq!(server.requests()[1].target, "/%E9"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidUrl);
            assert_eq!(error.response().unwrap().status_code(), 302);
        }
    }
}

// REDIR-20 (deviation: the first counts)
#[test]
fn of_two_locations_the_first_counts() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/" => Reply::new(302).header("Location", "/first").header("Location", "/second"),
        _ => Reply::new(200),
    });

    let response = session().get(server.url("/")).send().unwrap();

    assert_eq!(response.url().path(), "/first");
}

// REDIR-21, ADPT-05
#[test]
fn a_location_without_an_adapter_is_an_invalid_schema() {
    for location in ["ftp://b.test/", "mailto:a@b.test"] {
        let (session, mock) = moved_to(location);

        let error = session.get("http://a.test/").send().unwrap_err();

        assert_eq!((error.kind(), mock.requests().len()), (ErrorKind::InvalidSchema, 1), "{location}");
    }
}

// REDIR-22, RESP-29
#[test]
fn too_many_redirects_is_an_error_with_the_last_response_and_its_history() {
    for (max, redirects, fails) in [(30, 100, true), (30, 30, false), (0, 1, true), (0, 0, false), (2, 2, false)] {
        let server = TestServer::http(move |request| {
            let n: u32 = request.target[1..].parse().unwrap();
            if n < redirects {
                Reply::new(302).header("Location", format!("/{}", n + 1)).body(format!("page {n}"))
            } else {
                Reply::new(200)
            }
        });
        let mut session = session();
        session.max_redirects = max;

        let result = session.get(server.url("/0")).send();

        assert_eq!(server.requests().len() as u32, max.min(redirects) + 1);
        if fails {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TooManyRedirects);
            assert_eq!(error.to_string(), format!("exceeded {max} redirects"));
            assert_eq!(error.request().unwrap().url.path(), format!("/{max}"));
            let response = error.into_response().unwrap();
            assert_eq!((response.status_code().as_u16(), response.history().len() as u32), (302, max));
            assert_eq!(response.text().unwrap(), format!("page {max}"));
        } else {
            let response = result.unwrap();
            assert_eq!(response.history().len() as u32, redirects);
            for (n, past) in response.history().iter().enumerate() {
                assert_eq!((past.history().len(), past.url().path()), (n, format!("/{n}").as_str()));
            }
        }
    }
}

// As in requests: wherever it leads, and whatever it needs.
#[test]
fn one_redirect_too_many_is_that_first() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/invalid" => Reply::new(302).header("Location", "http://[::1"),
        "/again" => Reply::new(307).header("Location", "/b"),
        "/end" => Reply::new(302).header("Location", ""),
        "/to-the-end" => Reply::new(302).header("Location", "/end"),
        _ => Reply::new(302).header("Location", "foo://b/"),
    });
    let mut session = session();
    // REDIR-19: an empty Location is none.
    for (path, limit) in [("/end", 0), ("/end", 1), ("/to-the-end", 1)] {
        session.max_redirects = limit;
        let response = session.get(server.url(path)).send().unwrap();
        assert_eq!(response.status_code(), 302);
        assert_eq!(response.url().path(), "/end");
    }
    session.max_redirects = 0;
    for path in ["/invalid", "/again", "/other"] {
        let error = session.post(server.url(path)).data(Body::reader(&b"once"[..])).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooManyRedirects, "{path}: {error}");
    }
    // What is not followed is none.
    let response = session.get(server.url("/invalid")).allow_redirects(false).send().unwrap();
    assert_eq!(response.status_code(), 302);
}

// The error has the response, and may live for long
#[test]
fn a_redirect_that_cannot_be_followed_gives_its_connection_back_at_once() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/invalid" => Reply::new(302).header("Location", "http://[::/").body("moved"),
        "/again" => Reply::new(307).header("Location", "/b").body("moved"),
        "/signed" => Reply::new(302).header("Location", "/unsigned").body("moved"),
        "/way" => Reply::new(303).header("Location", "/invalid").body("on the way"),
        _ => Reply::new(200).body("there"),
    });
    let auth = |request: &mut PreparedRequest| match request.url.path() {
        "/unsigned" => Err(petition::Error::new(ErrorKind::Other, "no key")),
        _ => Ok(()),
    };
    let session = session_over(HttpAdapter::builder().pool_maxsize(1).pool_block(true).pool_timeout(0.2).build());

    for stream in [false, true] {
        for (path, kind, hops) in [
            ("/invalid", ErrorKind::InvalidUrl, 0),
            ("/again", ErrorKind::UnrewindableBody, 0),
            ("/signed", ErrorKind::Other, 0),
            ("/way", ErrorKind::InvalidUrl, 1),
        ] {
            let once = Body::reader(&b"once"[..]);
            let error = session.post(server.url(path)).data(once).auth(auth).stream(stream).send().unwrap_err();

            assert_eq!(error.kind(), kind, "{path}");
            assert_eq!(session.get(server.url("/b")).send().unwrap().text().unwrap(), "there", "{path}");
            let response = error.response().unwrap();
            assert_eq!((response.text().unwrap().as_str(), response.history().len()), ("moved", hops), "{path}");
        }
    }
    assert_eq!(server.accepted(), 1);
}

// RESP-29, RESP-36, RESP-30, REDIR-26
#[test]
fn history_is_the_way_to_a_response_oldest_first() {
    let (session, mock) = mocked([redirect("/2?own"), redirect("/3#part"), Response::builder(200)]);

    let response = session.post("http://u:p@a.test/1").params([("k", "v")]).data("x").send().unwrap();

    let paths = |history: &[Response]| history.iter().map(|hop| hop.url().path().to_owned()).collect::<Vec<_>>();
    assert_eq!(paths(response.history()), ["/1", "/2"]);
    assert_eq!(paths(response.history()[0].history()), [""; 0]);
    assert_eq!(paths(response.history()[1].history()), ["/1"]);
    let urls: Vec<String> = mock.requests().iter().map(|request| request.url.to_string()).collect();
    assert_eq!(urls[0], "http://u:p@a.test/1?k=v");
    assert!(urls[1].ends_with("a.test/2?own"), "params are not added again: {}", urls[1]);
    assert_eq!(response.url().fragment(), Some("part"));
    assert_eq!((response.request().method.as_str(), &response.request().url), ("GET", response.url()));
    assert_eq!(response.history()[0].request().method, "POST");
    assert_eq!(response.history()[0].request().body_bytes(), Some(&b"x"[..]));
    assert_eq!(response.history()[0].url().to_string(), urls[0]);
}

// REDIR-23
#[test]
fn the_body_of_a_redirect_is_read_so_that_its_connection_is_used_again_even_if_it_does_not_decode() {
    for answer in [
        "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 302 Found\r\nLocation: /next\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        let server = TestServer::http(move |request| match request.target.as_str() {
            "/" => Reply::raw(answer),
            _ => Reply::new(200),
        });

        let response = session().get(server.url("/")).stream(true).send().unwrap();

        assert_eq!(response.history()[0].text().unwrap(), "hello");
        assert_eq!(server.accepted(), 1);
    }
    for answer in [
        "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 302 Found\r\nLocation: /next\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ] {
        let server = TestServer::http(move |request| match request.target.as_str() {
            "/" => Reply::raw(answer).then_close(),
            _ => Reply::new(200),
        });

        assert_eq!(session().get(server.url("/")).send().unwrap().status_code(), 200, "{answer}");
    }
}

// REDIR-24
#[test]
fn stream_concerns_only_the_last_response_and_each_hop_finds_its_own_adapter() {
    let server = TestServer::http(|_| Reply::new(302).header("Location", "mock://there/").body("moved"));
    let mut session = session();
    let there = MockAdapter::new().reply(Response::builder(200).reader(&b"streamed"[..]));
    session.mount("mock://", there.clone());

    let mut response = session.get(server.url("/")).stream(true).send().unwrap();

    assert_eq!(response.history()[0].content().unwrap(), b"moved");
    let mut text = String::new();
    response.read_to_string(&mut text).unwrap();
    assert_eq!(text, "streamed");
    assert_eq!((server.requests().len(), there.requests().len()), (1, 1));
}

// REDIR-26
#[test]
fn params_are_not_added_to_a_location() {
    let server = redirecting(302);
    let mut session = session();
    session.params = vec![("s".into(), "1".into())];
    let response = session.get(server.url("/next")).params([("r", "2")]).send().unwrap();
    assert_eq!(response.url().query(), Some("s=1&r=2"));

    let server = TestServer::http(|request| match request.target.as_str() {
        "/?s=1&r=2" => Reply::new(302).header("Location", "/next"),
        _ => Reply::new(200),
    });
    session.get(server.url("/")).params([("r", "2")]).send().unwrap();
    assert_eq!(server.requests()[1].target, "/next");
}

// REDIR-27
#[test]
fn no_referer_is_sent_and_permanent_redirects_are_not_remembered() {
    let server = redirecting(301);
    let session = session();

    session.get(server.url("/")).send().unwrap();
    session.get(server.url("/")).send().unwrap();

    let requests = server.requests();
    let targets: Vec<&str> = requests.iter().map(|request| request.target.as_str()).collect();
    assert_eq!(targets, ["/", "/next", "/", "/next"]);
    assert!(requests.iter().all(|request| request.header("referer").is_none()));
}

// REDIR-27 (session.allow_downgrade)
#[test]
fn a_redirect_from_https_to_http_is_refused_where_the_session_says_so() {
    let (session, mock) = moved_to("http://a.test/n");
    session.get("https://a.test/").send().unwrap();
    assert_eq!(mock.requests().len(), 2);
    assert_eq!(mock.requests()[1].headers.get("referer"), None);

    let (mut session, mock) = moved_to("http://u:secret@a.test/n?code=secret");
    session.allow_downgrade = false;
    let error = session.get("https://a.test/").send().unwrap_err();
    assert_eq!((error.kind(), mock.requests().len()), (ErrorKind::InvalidUrl, 1));
    assert_eq!(error.response().unwrap().status_code(), 302);
    assert_eq!(error.to_string(), "redirect from https to http://a.test/n refused");
    assert!(!format!("{error:?}").contains("secret"));

    // Not followed, so nothing is refused; but there is no way on either.
    let (mut session, _) = moved_to("http://a.test/n");
    session.allow_downgrade = false;
    let response = session.get("https://a.test/").allow_redirects(false).send().unwrap();
    assert!(response.is_redirect() && response.next().is_none());

    for (from, to) in [("http://a.test/", "https://a.test/"), ("https://a.test/", "https://b.test/")] {
        let (mut session, mock) = moved_to(to);
        session.allow_downgrade = false;
        session.get(from).send().unwrap();
        assert_eq!(mock.requests().len(), 2, "{from} -> {to}");
    }
}

// REDIR-12, REDIR-14, COOK-03
#[test]
fn cookies_are_chosen_anew_on_each_hop_from_what_the_hops_before_set() {
    let server = TestServer::http(|request| match (request.header("host"), request.target.as_str()) {
        (Some("a.test"), "/") => Reply::new(302).header("Set-Cookie", "first=1; Path=/").header("Location", "/two"),
        (Some("a.test"), "/two") => {
            Reply::new(302).header("Set-Cookie", "second=2; Path=/").header("Location", "http://b.test/three")
        }
        (Some("b.test"), _) => Reply::new(302).header("Set-Cookie", "third=3").header("Location", "http://a.test/four"),
        _ => Reply::new(200),
    });
    let session = session_at(&server);

    let response = session.get("http://a.test/").send().unwrap();

    let requests = server.requests();
    let sent: Vec<_> = requests.iter().map(|request| request.header("cookie")).collect();
    assert_eq!(sent, [None, Some("first=1"), None, Some("first=1; second=2")]);
    assert_eq!(session.cookies.len(), 3);
    assert!(response.cookies().is_empty());
    assert_eq!(response.history()[0].cookies().get("first").unwrap().as_deref(), Some("1"));
}

// REDIR-12, COOK-02
#[test]
fn a_cookie_header_set_by_hand_does_not_follow_a_redirect() {
    let server = redirecting(302);
    let session = session();
    session.cookies.insert("jar", "1");

    session.get(server.url("/")).header("Cookie", "hand=1").send().unwrap();

    assert_eq!(server.requests()[0].header("cookie"), Some("hand=1"));
    assert_eq!(server.requests()[1].header("cookie"), Some("jar=1"));
}

// REDIR-13 (deviation: they stay with their host)
#[test]
fn cookies_of_a_request_stay_with_its_host() {
    let server = TestServer::http(|request| match (request.header("host"), request.target.as_str()) {
        (_, "/") => Reply::new(302).header("Location", "/two"),
        (_, "/two") => Reply::new(302).header("Location", "http://b.test/three"),
        _ => Reply::new(200),
    });

    session_at(&server).get("http://a.test/").cookies([("own", "1")]).send().unwrap();

    let sent: Vec<bool> = server.requests().iter().map(|request| request.header("cookie").is_some()).collect();
    assert_eq!(sent, [true, true, false]);
}

// REDIR-29, RESP-28, API-04
#[test]
fn following_by_hand_applies_the_same_rules() {
    let server = TestServer::http(|request| match (request.header("host"), request.target.as_str()) {
        (Some("a.test"), "/") => Reply::new(303).header("Set-Cookie", "c=1; Path=/").header("Location", "/two"),
        (Some("a.test"), "/two") => Reply::new(302).header("Location", "http://b.test/three"),
        _ => Reply::new(200),
    });
    let session = session_at(&server);

    let mut response = session.post("http://a.test/").auth(("u", "p")).data("x").allow_redirects(false).send().unwrap();
    while let Some(next) = response.next() {
        let mut options = session.send_options();
        options.allow_redirects = false;
        response = session.send_with(next.clone(), options).unwrap();
        assert!(response.history().is_empty());
    }

    assert_eq!(response.url().as_str(), "http://b.test/three");
    let requests = server.requests();
    let sent: Vec<_> = requests
        .iter()
        .map(|r| (r.method.as_str(), r.body.len(), r.header("authorization").is_some(), r.header("cookie")))
        .collect();
    assert_eq!(sent, [("POST", 1, true, None), ("GET", 0, true, Some("c=1")), ("GET", 0, false, None)]);
    assert!(requests[1..].iter().all(|request| request.header("content-length").is_none()));
}

// REDIR-24, RESP-31
#[test]
fn a_hop_that_fails_says_which_request_it_was() {
    let server = TestServer::connections(|peer| {
        if peer.read_request().is_some() {
            peer.send("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/gone\r\nContent-Length: 0\r\n\r\n");
        }
    });

    let error = session().get(server.url("/")).send().unwrap_err();

    assert!(error.is_connection_error());
    assert_eq!(error.request().unwrap().url.as_str(), "http://127.0.0.1:1/gone");
}

// REDIR-14
#[test]
fn paginate_follows_links_and_keeps_credentials_with_their_origin() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let server = {
        let seen = Arc::clone(&seen);
        TestServer::http(move |request| {
            let host = request.header("host").unwrap().to_owned();
            seen.lock().unwrap().push((host, request.target.clone(), request.header("authorization").is_some()));
            match request.target.as_str() {
                "/1" => Reply::new(200).header("Link", "</2>; rel=\"next\", </0>; rel=prev").body("one"),
                "/2" => Reply::new(200).header("Link", "<http://b.test/3>; rel=next").body("two"),
                _ => Reply::new(200).header("Link", "</1>; rel=first").body("three"),
            }
        })
    };
    let session = session_at(&server);
    let first = session.prepare_request(Request::new("GET", "http://a.test/1").auth(("u", "p"))).unwrap();

    let pages: Vec<String> = session.paginate(first).map(|page| page.unwrap().text().unwrap()).collect();

    assert_eq!(pages, ["one", "two", "three"]);
    let of = |host: &str, target: &str, sent| (host.to_owned(), target.to_owned(), sent);
    assert_eq!(*seen.lock().unwrap(), [of("a.test", "/1", true), of("a.test", "/2", true), of("b.test", "/3", false)]);
}

// TBELT-10, REDIR-16
#[test]
fn a_relative_location_is_resolved_against_the_response_and_not_the_base_url() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/api/a/b" => Reply::new(302).header("Location", "c"),
        _ => Reply::new(200),
    });
    let mut session = session();
    session.base_url = Some(Url::parse(&server.url("/api/")).unwrap());
    session.cookies = CookieJar::new();

    assert_eq!(session.get("a/b").send().unwrap().url().path(), "/api/a/c");
}
