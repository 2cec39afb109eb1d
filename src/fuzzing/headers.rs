//! Headers of a response that make the client act: cookies, challenges, dates, links.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::cookies::CookieTarget;
use crate::text::{http_date, latin1};
use crate::{CookieJar, DigestAuth, Link, Response, Retry, SendOptions, Session};

/// A Friday in November 2023, so that the results do not depend on the day.
const NOW: Duration = Duration::from_secs(1_700_000_000);

/// Invariant: a cookie goes to the host that set it and, with a Domain, below it; never to another site, never from https to
/// http if Secure, and never with a line break; a jar holds no more cookies than lines came.
pub fn set_cookie(data: &[u8]) {
    const HOSTS: [&str; 6] = ["a.example.com", "example.com", "deep.a.example.com", "127.0.0.1", "::1", "localhost"];
    let now = UNIX_EPOCH + NOW;
    let jar = CookieJar::new();
    let mut lines = 0;
    for line in data.split(|byte| *byte == b'\n').take(20) {
        let Some((&place, line)) = line.split_first() else { continue };
        let host = HOSTS[usize::from(place & 0xf) % HOSTS.len()];
        let target = CookieTarget { host, path: "/one/two", secure: place & 0x10 == 0 };
        let text = latin1::to_text(line);
        if text.contains(['\r', '\0']) {
            continue; // refused with the head
        }
        jar.absorb(&target, [text.as_str()], now);
        lines += 1;
    }
    assert!(jar.len() <= lines);
    for cookie in jar.iter() {
        let parent = cookie.domain.strip_prefix('.').unwrap_or(&cookie.domain);
        let covers = |host: &&str| *host == parent || host.strip_suffix(parent).is_some_and(|sub| sub.ends_with('.'));
        assert!(HOSTS.iter().any(covers), "{cookie:?}");
        assert!(!matches!(parent, "com" | ""), "{cookie:?}");
    }
    for host in ["other.test", "b.example.org", "com", "xexample.com", "1.127.0.0.1"] {
        let target = CookieTarget { host, path: "/one/two", secure: true };
        assert_eq!(jar.header_with(None, &target, now).expect("it came off the wire"), None, "{host}");
    }
    for host in HOSTS {
        for secure in [true, false] {
            let target = CookieTarget { host, path: "/one/two", secure };
            let header = jar.header_with(None, &target, now).expect("it came off the wire").unwrap_or_default();
            assert!(!header.contains(['\r', '\n', '\0']), "{header:?}");
            let insecure: usize =
                jar.iter().filter(|cookie| !cookie.secure).map(|own| own.name.len() + own.value.len() + 3).sum();
            assert!(secure || header.len() <= insecure, "a Secure cookie over http: {header:?}");
        }
    }
}

/// Invariant: a challenge is answered at most once, by a header that is one line, and never with the password itself.
pub fn challenge(data: &[u8]) {
    const PASSWORD: &str = "correct-horse-battery";
    let values: Vec<String> = data
        .split(|byte| *byte == b'\n')
        .take(4)
        .map(latin1::to_text)
        .filter(|value| !value.contains(['\r', '\0']))
        .collect();
    let sent = Arc::new(AtomicUsize::new(0));
    let mut session = Session::new();
    session.trust_env = false;
    let seen = Arc::clone(&sent);
    session.mount("http://", move |request: &mut crate::PreparedRequest, _: &SendOptions| {
        let round = seen.fetch_add(1, Ordering::Relaxed);
        let authorization = request.headers.get("authorization");
        assert_eq!(authorization.is_some(), round > 0, "the first goes out without credentials");
        assert!(authorization.is_none_or(|value| !value.contains(['\r', '\n', '\0']) && !value.contains(PASSWORD)));
        let mut response = Response::builder(401);
        for value in &values {
            response = response.header("WWW-Authenticate", value);
        }
        response.build()
    });

    let _ = session.get("http://a.test/p?q=1").auth(DigestAuth::new("user", PASSWORD)).send();

    assert!(sent.load(Ordering::Relaxed) <= 2);
}

/// Invariant: a date is read as a time that can be written and read again, or not at all; a wait is never negative; nothing
/// overflows.
pub fn dates(data: &[u8]) {
    let text = latin1::to_text(data);
    let now = UNIX_EPOCH + NOW;
    if let Some(time) = http_date::parse(&text) {
        let year_9999 = UNIX_EPOCH + Duration::from_secs(253_402_300_800);
        if (UNIX_EPOCH..year_9999).contains(&time) {
            let whole = UNIX_EPOCH + Duration::from_secs(time.duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs()));
            assert_eq!(http_date::parse(&httpdate::fmt_http_date(time)), Some(whole), "{text:?}");
        }
    }
    let wait = Retry::new().retry_after_max(None).retry_after_at(&text, now);
    if let Ok(seconds) = text.trim().parse::<u32>() {
        assert_eq!(wait.is_some(), text.trim().bytes().all(|byte| byte.is_ascii_digit()));
        assert!(wait.is_none_or(|wait| wait == Duration::from_secs(seconds.into())));
    }
    let jar = CookieJar::new();
    let target = CookieTarget { host: "a.test", path: "/", secure: true };
    let clean: String = text.chars().filter(|c| !matches!(c, '\r' | '\n' | '\0')).collect();
    jar.absorb(&target, [format!("a=b; Expires={clean}").as_str(), format!("c=d; Max-Age={clean}").as_str()], now);
    for cookie in jar.iter() {
        assert!(cookie.expires.is_none_or(|at: SystemTime| at > now), "an expired cookie is not kept: {cookie:?}");
    }
}

/// Invariant: the links of a header are parts of it, in order, each with the parameters that it has.
pub fn links(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut length = 0;
    for link in Link::parse_header(&text) {
        length += link.url().len();
        assert!(text.contains(link.url()), "{link:?}");
        for (name, value) in link.params() {
            length += name.len() + value.len();
            assert!(link.param(name).is_some());
        }
        let _ = (link.title(), link.has_rel("next"));
        assert_eq!(link.rel(), link.param("rel").filter(|rel| !rel.is_empty()));
    }
    assert!(length <= text.len(), "links are no longer than the header");
}
