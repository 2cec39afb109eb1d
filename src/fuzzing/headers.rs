//! Headers of a response that make the client act: cookies, challenges, dates, links.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::cookies::CookieTarget;
use crate::text::{http_date, latin1};
use crate::{CookieJar, DigestAuth, Link, Response, Retry, SendOptions, Session};

/// A Friday in November 2023, so that the results do not depend on the day.
const NOW: Duration = Duration::from_secs(1_700_000_000);

/// A line of a Set-Cookie header as RFC 6265 §5.2 reads it, written once more and for this only.
struct Told {
    host: &'static str,
    /// As it stands in a Cookie header.
    pair: String,
    /// The last Domain that has a value, in lower case and without its dot.
    domain: Option<String>,
    is_secure: bool,
}

impl Told {
    fn new(host: &'static str, line: &str) -> Option<Self> {
        let blanks = [' ', '\t'];
        let mut parts = line.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let mut told = Self {
            host,
            pair: format!("{}={}", name.trim_matches(blanks), value.trim_matches(blanks)),
            domain: None,
            is_secure: false,
        };
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim_matches(blanks).to_ascii_lowercase();
            match key.trim_matches(blanks).to_ascii_lowercase().as_str() {
                "domain" if !value.is_empty() => {
                    told.domain = Some(value.strip_prefix('.').unwrap_or(&value).to_owned());
                }
                "secure" => told.is_secure = true,
                _ => {}
            }
        }
        Some(told)
    }

    /// Whether `host` may be sent this cookie: it set it, or both are within the Domain that came with it. Of the hosts here,
    /// only those of two domains share any.
    fn may_reach(&self, host: &str) -> bool {
        let is_within = |domain: &str| match domain {
            "example.com" => ["example.com", "a.example.com", "deep.a.example.com"].as_slice(),
            "a.example.com" => &["a.example.com", "deep.a.example.com"],
            _ => &[],
        };
        let within = self.domain.as_deref().map(is_within).unwrap_or_default();
        self.host == host || within.contains(&self.host) && within.contains(&host)
    }
}

/// Invariant: a cookie goes to the host that set it and, with a Domain, to those below that Domain, and to no other; never over
/// http if Secure, and never with a line break; a jar holds no more cookies than lines came.
pub fn set_cookie(data: &[u8]) {
    const HOSTS: [&str; 6] = ["a.example.com", "example.com", "deep.a.example.com", "127.0.0.1", "::1", "localhost"];
    let now = UNIX_EPOCH + NOW;
    let jar = CookieJar::new();
    let (mut lines, mut all_told) = (0, Vec::new());
    let mut last = None;
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
        let told = Told::new(host, &text);
        // One without attributes and without a promise in its name is kept, whatever came before; over https, that is.
        let is_plain = !text.contains(';') && !text.contains("__") && text.len() < 4096 && target.secure;
        last =
            told.as_ref().filter(|told| is_plain && !told.pair.starts_with('=')).map(|told| (host, told.pair.clone()));
        all_told.extend(told);
    }
    assert!(jar.len() <= lines);
    for host in ["other.test", "b.example.org", "com", "xexample.com", "1.127.0.0.1", "sub.localhost"] {
        let target = CookieTarget { host, path: "/one/two", secure: true };
        assert_eq!(jar.header_with(None, &target, now).expect("it came off the wire"), None, "{host}");
    }
    for host in HOSTS {
        for secure in [true, false] {
            let target = CookieTarget { host, path: "/one/two", secure };
            let header = jar.header_with(None, &target, now).expect("it came off the wire").unwrap_or_default();
            assert!(!header.contains(['\r', '\n', '\0']), "{header:?}");
            // No pair has a semicolon in it.
            for pair in header.split("; ").filter(|pair| !pair.is_empty()) {
                let may_be = |told: &Told| told.pair == pair && told.may_reach(host) && (secure || !told.is_secure);
                assert!(all_told.iter().any(may_be), "{pair:?} goes to {host}, https: {secure}");
            }
            if let Some((_, pair)) = last.as_ref().filter(|(own, _)| secure && *own == host) {
                assert!(header.split("; ").any(|sent| sent == pair), "{pair:?} does not go back to {host}");
            }
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
