//! Digest authentication (RFC 7616): answers a refusal, and sends later requests with an answer.
//!
//! Pure functions make the header: [`challenge`] parses what the server asks, [`response`] writes the answer. The state
//! is in [`nonce_count`]: for each origin the last challenge and how often it was answered. All threads that share the
//! value share the state. Each answer takes its count under the lock, so that no two requests have the same, and hashes
//! after unlocking. A retry or a replay sends the header of its request again; a server that refuses the count then gets another.

mod challenge;
#[cfg(feature = "digest")]
mod hash;
mod nonce_count;
mod response;

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::{Error, ErrorKind, Result};
use crate::message::{Auth, PreparedRequest, Response};
use challenge::Challenge;
#[cfg(feature = "digest")]
use hash::ALGORITHMS;
use nonce_count::Memory;

/// Without the feature `digest` there are no hashes.
#[cfg(not(feature = "digest"))]
const ALGORITHMS: &[Algorithm] = &[];

/// A hash by its name in a challenge.
struct Algorithm {
    name: &'static str,
    /// The hexadecimal hash of a text.
    digits: fn(&str) -> String,
}

/// Answers `WWW-Authenticate: Digest` challenges with a user and a password.
///
/// The first request to a server is sent without credentials, and its refusal is answered once. Later requests are sent
/// with an answer, with the same nonce and an increasing count. Clones share this state, and so do all threads that
/// share the value.
///
/// Supports MD5, SHA, SHA-256, SHA-512 and SHA-512-256, each also as `-sess`, without `qop` or with `auth`.
///
/// # Coming from requests
/// `HTTPDigestAuth`. The state is per origin, not per thread. A challenge that is incomplete, or that asks for
/// something unsupported (another algorithm, only `auth-int`), is not answered: the 401 is returned. A retry, or a replay on a new
/// connection, sends an answer a second time; if the server refuses that as stale, it is answered once more (RFC 7616, section 3.3).
///
/// # Errors
/// Without the feature `digest` every request is [`ErrorKind::Unsupported`].
///
/// # Examples
/// ```
/// let auth = petition::DigestAuth::new("user", "password");
/// # drop(auth);
/// ```
#[derive(Clone)]
#[doc(alias = "HTTPDigestAuth")]
pub struct DigestAuth {
    user: String,
    password: String,
    memory: Arc<Mutex<Memory>>,
}

impl DigestAuth {
    /// Credentials of a user and a password.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into(), memory: Arc::default() }
    }

    /// The header for a request that has not been refused; `None` before the first challenge.
    fn first(&self, method: &str, place: &Place<'_>, cnonce: &str) -> Option<String> {
        let (challenge, count) = self.memory.lock().again(place.origin)?;
        self.header(&challenge, count, method, place, cnonce)
    }

    /// The header that answers the challenge of a refusal.
    fn second(&self, challenge: Challenge, method: &str, place: &Place<'_>, cnonce: &str) -> Option<String> {
        let (challenge, count) = self.memory.lock().learn(place.origin, challenge);
        self.header(&challenge, count, method, place, cnonce)
    }

    fn header(
        &self,
        challenge: &Challenge,
        count: u64,
        method: &str,
        place: &Place<'_>,
        cnonce: &str,
    ) -> Option<String> {
        let asked = response::Asked { method, target: &place.target, count, cnonce };
        response::header(challenge, &self.user, &self.password, &asked)
    }
}

impl Auth for DigestAuth {
    fn apply(&self, request: &mut PreparedRequest) -> Result<()> {
        check_build()?;
        let url = request.url.without_user_info();
        match self.first(request.method.as_str(), &Place::of(&url), &cnonce()) {
            Some(value) => request.headers.insert("Authorization", &value),
            None => Ok(()),
        }
    }

    fn answer(&self, request: &PreparedRequest, response: &Response, round: u32) -> Result<Option<PreparedRequest>> {
        if !response.status_code().is_client_error() {
            return Ok(None);
        }
        let mut challenges = response.headers().get_all("www-authenticate").flat_map(challenge::parse);
        let Some(challenge) = challenges.find(response::can_answer) else { return Ok(None) };
        // Any 4xx is answered, once (AUTH-14); and once more if the answer was sent twice with the same count, by a retry or a
        // replay, and that is what the server refuses.
        let exchange = response.exchange();
        let was_sent_twice = exchange.attempts > 1 || exchange.replayed;
        if round > 0 && !(round == 1 && challenge.stale && was_sent_twice) {
            return Ok(None);
        }
        let url = request.url.without_user_info();
        let Some(value) = self.second(challenge, request.method.as_str(), &Place::of(&url), &cnonce()) else {
            return Ok(None);
        };
        let mut next = request.clone();
        next.headers.insert("Authorization", &value)?;
        Ok(Some(next))
    }
}

impl From<DigestAuth> for Arc<dyn Auth> {
    fn from(auth: DigestAuth) -> Self {
        Arc::new(auth)
    }
}

/// Compares user and password.
impl PartialEq for DigestAuth {
    fn eq(&self, other: &Self) -> bool {
        self.user == other.user && self.password == other.password
    }
}

impl Eq for DigestAuth {}

impl fmt::Debug for DigestAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestAuth").finish_non_exhaustive()
    }
}

fn check_build() -> Result<()> {
    if ALGORITHMS.is_empty() {
        let text = "digest authentication needs the feature `digest`";
        return Err(Error::message(ErrorKind::Unsupported, text));
    }
    Ok(())
}

/// 16 digits that a server cannot predict: each `RandomState` hashes with another secret of this process.
fn cnonce() -> String {
    format!("{:016x}", RandomState::new().hash_one(fastrand::u64(..)))
}

/// Where a request is sent.
struct Place<'a> {
    /// Scheme, host and port.
    origin: &'a str,
    /// Path and query.
    target: Cow<'a, str>,
}

impl<'a> Place<'a> {
    /// From the text of a URL without user info.
    fn of(url: &'a str) -> Self {
        let authority = url.find("://").map_or(0, |at| at + 3);
        let path = url[authority..].find(['/', '?', '#']).map_or(url.len(), |at| authority + at);
        let target = url[path..].split('#').next().unwrap_or_default();
        // `/` if the path is empty (AUTH-20).
        let target = if target.starts_with('/') { target.into() } else { format!("/{target}").into() };
        Self { origin: &url[..path], target }
    }
}

#[cfg(all(test, not(feature = "digest")))]
mod tests_without {
    use super::*;

    #[test]
    fn the_error_names_the_feature() {
        let error = check_build().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("`digest`"));
    }
}

#[cfg(all(test, feature = "digest"))]
mod tests {
    use super::*;

    const CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    const HERE: &Place<'_> = &here("http://a.test", "/p?q=1");

    const fn here(origin: &'static str, target: &'static str) -> Place<'static> {
        Place { origin, target: Cow::Borrowed(target) }
    }

    /// What a challenge of this origin and nonce is answered with, up to the hash; and the count.
    fn answered(auth: &DigestAuth, value: &str) -> Option<String> {
        second(auth, &[value], HERE, "cccccccccccccccc")
    }

    /// The answer to the first challenge that can be answered.
    fn second(auth: &DigestAuth, values: &[&str], place: &Place<'_>, cnonce: &str) -> Option<String> {
        let challenge = values.iter().copied().flat_map(challenge::parse).find(response::can_answer)?;
        auth.second(challenge, "GET", place, cnonce)
    }

    fn field<'a>(header: &'a str, name: &str) -> Option<&'a str> {
        let at = header.find(&format!(" {name}="))? + name.len() + 2;
        Some(header[at..].split(", ").next().unwrap().trim_matches('"'))
    }

    // AUTH-16, AUTH-19
    #[test]
    fn the_fields_are_those_of_requests_in_their_order() {
        let auth = DigestAuth::new("user", "pass");
        for (challenge, want) in [
            (
                r#"Digest realm="r", nonce="n1", qop="auth""#,
                "Digest username=\"user\", realm=\"r\", nonce=\"n1\", uri=\"/p?q=1\", response=\"<R>\", qop=\"auth\", \
                 nc=00000001, cnonce=\"cccccccccccccccc\"",
            ),
            (
                r#"Digest realm="", nonce="n2", opaque="op", algorithm=md5-Sess, qop="auth,auth-int""#,
                "Digest username=\"user\", realm=\"\", nonce=\"n2\", uri=\"/p?q=1\", response=\"<R>\", opaque=\"op\", \
                 algorithm=\"md5-Sess\", qop=\"auth\", nc=00000001, cnonce=\"cccccccccccccccc\"",
            ),
            (
                r#"Digest realm="r", nonce="n3""#,
                "Digest username=\"user\", realm=\"r\", nonce=\"n3\", uri=\"/p?q=1\", response=\"<R>\"",
            ),
        ] {
            let header = answered(&auth, challenge).unwrap();
            let response = field(&header, "response").unwrap();
            assert_eq!(header.replace(response, "<R>"), want);
        }
    }

    // AUTH-17. MD5 and SHA-256 are the examples of RFC 7616 §3.9.1, the two with another realm those of RFC 2617 §3.5
    // and of RFC 2069 (as corrected by its errata); the rest was worked out with Python's hashlib.
    #[test]
    fn every_algorithm_gives_the_known_answer() {
        let rfc7616 = |algorithm: &str| {
            format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", {algorithm}\
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\""
            )
        };
        let rfc2617 = |qop: &str| {
            format!("Digest realm=\"testrealm@host.com\", {qop}nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"")
        };
        for (password, challenge, cnonce, want) in [
            ("Circle of Life", rfc7616("algorithm=MD5, "), CNONCE, "8ca523f5e9506fed4657c9700eebdbec"),
            ("Circle of Life", rfc7616(""), CNONCE, "8ca523f5e9506fed4657c9700eebdbec"),
            ("Circle of Life", rfc7616("algorithm=\"md5-Sess\", "), CNONCE, "e783283f46242139c486a698fec7211d"),
            ("Circle of Life", rfc7616("algorithm=SHA, "), CNONCE, "e99f244f9069203415f7e8b7bd25b4b2ad3e2a7f"),
            (
                "Circle of Life",
                rfc7616("algorithm=sha-256, "),
                CNONCE,
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
            (
                "Circle of Life",
                rfc7616("algorithm=SHA-256-sess, "),
                CNONCE,
                "2fd51b3a77ad75bad6afad6003e818d767133c46d9e2749e7f5232ae1ea3efd7",
            ),
            (
                "Circle of Life",
                rfc7616("algorithm=SHA-512, "),
                CNONCE,
                "27d9ebedb4e86595d8b99152ce456620c8e47c48afbd771dbc4468bb758ca66e\
                 7312383d49ad044219d4a2c5c218e66c584fa00b2728798bcff9435825eed0ad",
            ),
            ("Circle Of Life", rfc2617("qop=\"auth,auth-int\", "), "0a4f113b", "6629fae49393a05397450978507c4ef1"),
            ("CircleOfLife", rfc2617(""), "unused", "1949323746fe6a43ef61f9606e7febea"),
        ] {
            let auth = DigestAuth::new("Mufasa", password);
            let place = &here("http://a.test", "/dir/index.html");

            let header = second(&auth, &[challenge.as_str()], place, cnonce).unwrap();

            assert_eq!(field(&header, "response"), Some(want), "{challenge}");
        }
    }

    // AUTH-21. Worked out with Python's hashlib, as is the next.
    #[test]
    fn credentials_are_hashed_as_utf8_and_the_user_is_sent_as_latin1_if_it_can_be() {
        let challenge = |realm: &str| format!("Digest realm=\"{realm}\", nonce=\"n1\", qop=auth");
        let place = &here("http://a.test", "/");
        for (user, password, realm, sent, want) in [
            ("us\u{e9}r", "p\u{e4}ss", "r", "us\u{e9}r", "6800cde12ae569ac6d787a4882ef00f2"),
            // The realm in Latin-1, then the same in UTF-8: hashed alike, and sent back as it came.
            ("\u{65e5}", "\u{672c}", "caf\u{e9}", "\u{e6}\u{97}\u{a5}", "d0f7fa545e6b3c73ddec60682d9a4215"),
            ("\u{65e5}", "\u{672c}", "caf\u{c3}\u{a9}", "\u{e6}\u{97}\u{a5}", "d0f7fa545e6b3c73ddec60682d9a4215"),
        ] {
            let auth = DigestAuth::new(user, password);

            let header = second(&auth, &[challenge(realm).as_str()], place, "c").unwrap();

            assert_eq!(field(&header, "username"), Some(sent));
            assert_eq!(field(&header, "realm"), Some(realm));
            assert_eq!(field(&header, "response"), Some(want));
        }
    }

    #[test]
    fn sha_512_256_is_the_hash_of_that_name_and_not_a_cut_sha_512() {
        let auth = DigestAuth::new("J\u{e4}s\u{f8}n Doe", "Secret, or not?");
        let challenge = "Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, charset=UTF-8, \
                         nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\"";
        let place = &here("http://a.test", "/doe.json");

        let header = second(&auth, &[challenge], place, "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm").unwrap();

        let want = "7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c";
        assert_eq!(field(&header, "response"), Some(want));
    }

    #[test]
    fn quotes_cannot_break_out_of_the_header() {
        let auth = DigestAuth::new("a\"b", "p");

        let header = answered(&auth, r#"Digest realm="r\"\\", nonce="n\", x=\"", opaque="\"""#).unwrap();

        assert!(
            header.starts_with(r#"Digest username="a\"b", realm="r\"\\", nonce="n\", x=\"", uri="/p?q=1", response=""#),
            "{header}"
        );
        assert!(header.ends_with(r#", opaque="\"""#), "{header}");
    }

    // AUTH-16
    #[test]
    fn later_requests_go_on_with_the_nonce_and_a_new_nonce_starts_again() {
        let auth = DigestAuth::new("user", "pass");
        let count = |header: Option<String>| {
            let header = header?;
            Some((field(&header, "nonce")?.to_owned(), field(&header, "nc")?.to_owned()))
        };
        let first = || count(auth.first("GET", HERE, "c"));
        let second = |nonce| count(answered(&auth, &format!("Digest realm=r, nonce={nonce}, qop=auth, stale=true")));
        let some = |nonce: &str, count: &str| Some((nonce.to_owned(), count.to_owned()));

        assert_eq!(first(), None);
        assert_eq!(second("n1"), some("n1", "00000001"));
        assert_eq!(first(), some("n1", "00000002"));
        assert_eq!(second("n1"), some("n1", "00000003"), "refused again with the same nonce");
        assert_eq!(second("n2"), some("n2", "00000001"));
        assert_eq!(first(), some("n2", "00000002"));
        assert_eq!(second("n1"), some("n1", "00000004"), "a nonce never sees a count twice");
        assert_eq!(count(auth.clone().first("GET", HERE, "c")), some("n1", "00000005"), "clones share the count");
    }

    #[test]
    fn another_origin_does_not_see_the_nonce() {
        let auth = DigestAuth::new("user", "pass");
        answered(&auth, "Digest realm=r, nonce=n1").unwrap();

        assert!(auth.first("GET", &here("http://b.test", "/p?q=1"), "c").is_none());
        assert!(auth.first("GET", &here("http://a.test", "/other"), "c").unwrap().contains("uri=\"/other\""));
    }

    #[test]
    fn the_memory_is_bounded_and_one_origin_cannot_fill_it() {
        let auth = DigestAuth::new("user", "pass");
        answered(&auth, "Digest realm=r, nonce=n").unwrap();
        let learn = |origin: &str, nonce: usize| {
            let challenge = format!("Digest realm=r, nonce={nonce}");
            second(&auth, &[challenge.as_str()], &Place { origin, target: "/".into() }, "c").unwrap();
        };

        (0..1000).for_each(|nonce| learn("http://b.test", nonce));
        assert!(auth.first("GET", HERE, "c").is_some());

        (0..1000).for_each(|n| learn(&format!("http://{n}.test"), n));
        assert!(auth.first("GET", HERE, "c").is_none());
        assert_eq!(auth.memory.lock().len(), Memory::LIMIT);
    }

    #[test]
    fn threads_never_use_a_count_twice() {
        const THREADS: usize = 8;
        const EACH: usize = 50;
        let auth = DigestAuth::new("user", "pass");
        answered(&auth, "Digest realm=r, nonce=n, qop=auth").unwrap();

        let mut counts = std::thread::scope(|scope| {
            let ask = || (0..EACH).map(|_| auth.first("GET", HERE, "c").unwrap()).collect::<Vec<_>>();
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
            let headers = threads.into_iter().flat_map(|thread| thread.join().unwrap());
            headers.map(|header| u64::from_str_radix(field(&header, "nc").unwrap(), 16).unwrap()).collect::<Vec<_>>()
        });
        counts.sort_unstable();

        assert_eq!(counts, (2..2 + (THREADS * EACH) as u64).collect::<Vec<_>>());
    }

    // AUTH-17, AUTH-18, AUTH-22
    #[test]
    fn what_cannot_be_answered_is_left_to_the_caller() {
        for value in [
            "Basic realm=\"b\"",
            "Digest realm=r, nonce=n, algorithm=MD4",
            "Digest realm=r, nonce=n, algorithm=-sess",
            "Digest realm=r, nonce=n, qop=\"auth-int\"",
            "Digest realm=r, nonce=n, qop=\"AUTH-INT, token\"",
            "Digest nonce=n",
            "Digest realm=r",
            "Digest realm=r, nonce=\"n\u{1}\"",
        ] {
            let auth = DigestAuth::new("user", "pass");
            assert_eq!(answered(&auth, value), None, "{value}");
            assert_eq!(auth.first("GET", HERE, "c"), None, "{value}");
        }
    }

    #[test]
    fn the_first_challenge_that_can_be_answered_is() {
        let auth = DigestAuth::new("user", "pass");
        let values = [
            "Basic realm=\"b\"",
            "Digest realm=r, nonce=n1, algorithm=TIGER, Digest realm=r, nonce=n2, algorithm=SHA-256",
            "Digest realm=r, nonce=n3",
        ];

        let header = second(&auth, &values, HERE, "c").unwrap();

        assert_eq!((field(&header, "nonce"), field(&header, "algorithm")), (Some("n2"), Some("SHA-256")));
    }

    // AUTH-20
    #[test]
    fn the_place_of_a_url_is_its_origin_and_its_target() {
        for (url, origin, target) in [
            ("http://a.test/p/a?q=1#f", "http://a.test", "/p/a?q=1"),
            ("http://a.test", "http://a.test", "/"),
            ("https://[::1]:8443?q=/x", "https://[::1]:8443", "/?q=/x"),
            ("http://a.test/#f", "http://a.test", "/"),
        ] {
            let place = Place::of(url);
            assert_eq!((place.origin, &*place.target), (origin, target), "{url}");
        }
    }

    #[test]
    fn a_cnonce_is_16_hex_digits_and_another_each_time() {
        let one = cnonce();

        assert!(one.len() == 16 && one.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(one, cnonce());
    }

    // AUTH-27
    #[test]
    fn values_are_equal_by_user_and_password_and_show_neither() {
        let auth = DigestAuth::new("user", "pass");
        answered(&auth, "Digest realm=r, nonce=n").unwrap();

        assert!(auth == DigestAuth::new("user", "pass") && auth != DigestAuth::new("user", "other"));
        assert_eq!(format!("{auth:?}"), "DigestAuth { .. }");
    }
}
