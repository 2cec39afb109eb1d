//! One cookie, as a program makes and reads it.
//!
//! A `Cookie` is a value without rules: `domain`, `path` and `store` decide whether a host may set it, and where it is
//! sent. `Debug` never shows the value.

use std::fmt;
use std::time::SystemTime;

use crate::timeout::IntoDuration;

/// A cookie: a name, a value, where it is sent, and until when.
///
/// A new cookie has no domain, which means that it is sent to every host, and the path `/`. Set a
/// [`domain`](Self::domain) to limit it to one site.
///
/// Names and values are sent as they are, `;` included. Only line breaks, NUL and characters beyond Latin-1 are
/// refused, with [`ErrorKind::InvalidHeader`](crate::ErrorKind::InvalidHeader) when the request is sent. Encode values
/// that come from an untrusted source.
///
/// # Coming from requests
/// The builder methods are the keyword arguments of `jar.set(name, value, domain=…)`; the fields are the attributes of
/// `http.cookiejar.Cookie`. A domain has no leading dot here; [`host_only`](Self::host_only) distinguishes the two
/// kinds.
///
/// # Examples
/// ```
/// use petition::{Cookie, CookieJar};
///
/// let jar = CookieJar::new();
/// let cookie = Cookie::new("session", "abc").domain("api.example").path("/v1");
/// jar.set(cookie.secure(true));
///
/// assert_eq!(jar.get("session")?.as_deref(), Some("abc"));
/// # Ok::<(), petition::Error>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Cookie {
    /// The name. Name, domain and path identify a cookie. A cookie without a name is sent as its value alone.
    pub name: String,
    /// The value, including its quotes if it has any. A value from a server or a `cookies.txt` file is bytes, decoded as
    /// Latin-1.
    pub value: String,
    /// The host, or the domain whose hosts all receive it, in lower case; empty for "every host". A dot if it came in answer
    /// to a request without a host (`mock:///x`): it is sent to no host.
    pub domain: String,
    /// The path below which it is sent.
    pub path: String,
    /// Whether it is sent over https only.
    pub secure: bool,
    /// Whether it is hidden from scripts; kept and saved, but without effect here.
    pub http_only: bool,
    /// Whether it is sent only to the host in `domain`, and not to its sub-domains, as a cookie that a server set
    /// without a Domain.
    pub host_only: bool,
    /// When it expires; `None` for a session cookie, which lives as long as its jar.
    pub expires: Option<SystemTime>,
    /// The SameSite attribute; kept and saved, but without effect here.
    pub same_site: Option<SameSite>,
}

/// The SameSite attribute of a [`Cookie`]. It is meant for browsers, and has no effect here.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SameSite {
    /// Sent only with requests made by the site itself.
    Strict,
    /// Sent with these, and when a link to the site is followed.
    Lax,
    /// Sent with every request.
    None,
}

impl SameSite {
    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Strict, Self::Lax, Self::None].into_iter().find(|own| own.as_str().eq_ignore_ascii_case(text))
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        }
    }
}

impl Cookie {
    /// A session cookie with the path `/` that is sent to every host.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            domain: String::new(),
            path: String::from("/"),
            secure: false,
            http_only: false,
            host_only: false,
            expires: None,
            same_site: None,
        }
    }

    /// Limits the cookie to this host and its sub-domains; a leading dot is ignored. An address, or a single label such
    /// as `localhost`, has no sub-domains.
    #[must_use = "a cookie has no effect until it is set in a jar"]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = domain.into();
        self
    }

    /// Limits the cookie to this path and the paths below it. With a path that does not start with `/` it is never
    /// sent.
    #[must_use = "a cookie has no effect until it is set in a jar"]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Whether it is sent over https only.
    #[must_use = "a cookie has no effect until it is set in a jar"]
    pub fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// Whether it is marked as hidden from scripts.
    #[must_use = "a cookie has no effect until it is set in a jar"]
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// Whether it is limited to the host in its domain, without the sub-domains. Without effect for a cookie without a
    /// domain.
    #[must_use = "a cookie has no effect until it is set in a jar"]
    pub fn host_only(mut self, host_only: bool) -> Self {
        self.host_only = host_only;
        self
    }

    /// When it expires; `None` for a session cookie.
    #[must_use = "a cookie has no effect until it is set in a jar"]
    pub fn expires(mut self, expires: impl Into<Option<SystemTime>>) -> Self {
        self.expires = expires.into();
        self
    }

    /// Lets it expire after this time, in seconds or as a `Duration`; with zero or less it has expired (RFC 6265
    /// §5.2.2). [`expires(None)`](Self::expires) makes it a session cookie again.
    #[must_use = "a cookie has no effect until it is set in a jar"]
    pub fn max_age(mut self, age: impl IntoDuration) -> Self {
        // A time that the system cannot represent never comes.
        self.expires = crate::clock::wall().checked_add(age.into_duration());
        self
    }

    /// The SameSite attribute.
    #[must_use = "a cookie has no effect until it is set in a jar"]
    pub fn same_site(mut self, same_site: impl Into<Option<SameSite>>) -> Self {
        self.same_site = same_site.into();
        self
    }

    /// Whether it has expired, so that it is no longer sent.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.expires.is_some() && self.is_expired_at(crate::clock::wall())
    }

    pub(super) fn is_expired_at(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookie")
            .field("name", &self.name)
            .field("value", &"***")
            .field("domain", &self.domain)
            .field("path", &self.path)
            .field("secure", &self.secure)
            .field("http_only", &self.http_only)
            .field("host_only", &self.host_only)
            .field("expires", &self.expires)
            .field("same_site", &self.same_site)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn debug_hides_the_value() {
        let shown = format!("{:?}", Cookie::new("a", "hunter2"));

        assert!(shown.contains("\"a\"") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_cookie_ends_at_its_time_and_a_session_cookie_never() {
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        let cookie = Cookie::new("a", "1").expires(end);

        assert!(!cookie.is_expired_at(end - Duration::from_nanos(100)));
        assert!(cookie.is_expired_at(end));
        assert!(cookie.is_expired());
        assert!(!Cookie::new("a", "1").is_expired());
        assert!(!Cookie::new("a", "1").max_age(Duration::from_secs(1000)).is_expired());
        assert!(!Cookie::new("a", "1").max_age(Duration::MAX).is_expired());
        assert!(Cookie::new("a", "1").max_age(Duration::ZERO).is_expired());
        assert!(!Cookie::new("a", "1").max_age(3600).is_expired());
        assert!(Cookie::new("a", "1").max_age(-1).is_expired());
    }

    #[test]
    fn same_site_is_read_in_any_case() {
        assert_eq!(SameSite::parse("lAX"), Some(SameSite::Lax));
        assert_eq!(SameSite::parse("None"), Some(SameSite::None));
        assert_eq!(SameSite::parse("sometimes"), None);
    }
}
