//! One cookie, as a program makes and reads it.
//!
//! A `Cookie` is a value without rules: whether a host may set it, and where it is sent, is for `domain`, `path` and `store`
//! to say. `Debug` never shows the value.

use std::fmt;
use std::time::SystemTime;

use crate::timeout::IntoDuration;

/// A cookie: a name, a value, and where and until when it is sent.
///
/// A cookie made by a program starts without a domain, which means that it is sent to every host (COOK-05), and with the path
/// `/`. Give it a [`domain`](Self::domain) to keep it to one site.
///
/// Names and values are sent as they are, `;` included: only line breaks, NUL and characters beyond Latin-1 are refused, when
/// the request is sent, as [`ErrorKind::InvalidHeader`](crate::ErrorKind::InvalidHeader). So a value that comes from
/// somebody else must be encoded first.
///
/// # Coming from requests
/// The builder methods are the keyword arguments of `jar.set(name, value, domain=…)`; the fields are the attributes of
/// `http.cookiejar.Cookie`. A domain has no leading dot here; [`host_only`](Self::host_only) tells the two kinds apart.
///
/// # Examples
/// ```
/// use petition::{Cookie, CookieJar};
///
/// let jar = CookieJar::new();
/// jar.set(Cookie::new("session", "abc").domain("api.example").path("/v1").secure(true));
///
/// assert_eq!(jar.get("session")?.as_deref(), Some("abc"));
/// # Ok::<(), petition::Error>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Cookie {
    /// The name. Together with domain and path it says which cookie this is.
    pub name: String,
    /// The value, quotes included where it has them. One from the wire is Latin-1 read as text.
    pub value: String,
    /// The host, or the domain whose hosts all get it, in lower case; empty for "every host".
    pub domain: String,
    /// The path under which it is sent.
    pub path: String,
    /// Sent over https only.
    pub secure: bool,
    /// Not meant for scripts; kept and saved, without an effect here.
    pub http_only: bool,
    /// Sent to the host that `domain` names and not to its sub-domains: so for what a server set without a Domain.
    pub host_only: bool,
    /// When it ends; `None` for a session cookie, which lives as long as its jar.
    pub expires: Option<SystemTime>,
    /// The SameSite attribute; kept and saved, without an effect here.
    pub same_site: Option<SameSite>,
}

/// The SameSite attribute of a [`Cookie`]. It is for browsers, and has no effect here.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SameSite {
    /// Only requests that the site itself makes.
    Strict,
    /// Those, and following a link to the site.
    Lax,
    /// Every request.
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
    /// A session cookie with the path `/` that goes to every host.
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

    /// Keeps the cookie to this host and its sub-domains; a leading dot does not matter. An address, or a name of a single
    /// label such as `localhost`, has no sub-domains.
    #[must_use = "a cookie has no effect until it is set in a jar"]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = domain.into();
        self
    }

    /// Keeps the cookie to this path and those below it. One that does not start with `/` is never sent.
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

    /// Whether it is marked as not meant for scripts.
    #[must_use = "a cookie has no effect until it is set in a jar"]
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// Whether it stays with the host that its domain names, without the sub-domains. Nothing for a cookie without domain.
    #[must_use = "a cookie has no effect until it is set in a jar"]
    pub fn host_only(mut self, host_only: bool) -> Self {
        self.host_only = host_only;
        self
    }

    /// When it ends; `None` for a session cookie.
    #[must_use = "a cookie has no effect until it is set in a jar"]
    pub fn expires(mut self, expires: impl Into<Option<SystemTime>>) -> Self {
        self.expires = expires.into();
        self
    }

    /// Ends it this long from now, in seconds or as a `Duration`; with zero or less it has ended (RFC 6265 §5.2.2).
    /// [`expires(None)`](Self::expires) makes it a session cookie again.
    #[must_use = "a cookie has no effect until it is set in a jar"]
    pub fn max_age(mut self, age: impl IntoDuration) -> Self {
        // What lies beyond the end of time never comes.
        self.expires = crate::clock::wall().checked_add(age.into_duration());
        self
    }

    /// The SameSite attribute.
    #[must_use = "a cookie has no effect until it is set in a jar"]
    pub fn same_site(mut self, same_site: impl Into<Option<SameSite>>) -> Self {
        self.same_site = same_site.into();
        self
    }

    /// Whether its time is over, so that it is not sent any more.
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
