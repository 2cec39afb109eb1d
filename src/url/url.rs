//! [`Url`]: its parts, and those forms of it that go on the wire.

use std::borrow::Cow;
use std::sync::Arc;

use super::layout::{Kind, Parts, Span};
use super::{encode, join, layout, prepare};
use crate::error::Result;
use crate::text::authority;

/// A URL, prepared the way requests prepares it; cheap to clone.
///
/// Scheme and host are in lower case, the path is at least `/` and has no dot segments, everything that must not stand
/// in a URL is percent-encoded, and hosts beyond ASCII are in their IDNA form. As in requests, the rest is kept: an
/// explicit default port, `'` in a query, `127.1`, an IPv6 zone, the fragment, and user info.
///
/// Only http and https URLs are prepared. A URL of another scheme is kept as written, for the adapter that is mounted for
/// it, and has those parts that can be found in it.
///
/// `Display` writes the whole text, user info included. `Debug` and errors leave user info out.
///
/// # Examples
/// ```
/// use petition::Url;
///
/// let url = Url::parse("HTTP://Bücher.example/a b/../c?q=é")?;
/// assert_eq!(url.as_str(), "http://xn--bcher-kva.example/c?q=%C3%A9");
/// assert_eq!(url.host(), "xn--bcher-kva.example");
/// assert_eq!((url.path(), url.query()), ("/c", Some("q=%C3%A9")));
///
/// assert_eq!(url.join("../d?x")?.as_str(), "http://xn--bcher-kva.example/d?x");
/// # Ok::<(), petition::Error>(())
/// ```
#[derive(Clone)]
pub struct Url {
    pub(super) buffer: Arc<str>,
    pub(super) parts: Parts,
}

impl Url {
    /// Prepares `text`.
    ///
    /// # Errors
    /// [`ErrorKind::MissingSchema`](crate::ErrorKind::MissingSchema) if there is no scheme,
    /// [`ErrorKind::InvalidUrl`](crate::ErrorKind::InvalidUrl) if there is no host, or if host or port are invalid.
    pub fn parse(text: &str) -> Result<Self> {
        prepare::prepare(text)
    }

    /// The whole text, user info and fragment included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.buffer[..self.parts.len]
    }

    /// The scheme, in lower case. Empty only for a URL that was kept as written.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.slice(self.parts.scheme)
    }

    /// The host, in lower case: a name or an address. An IPv6 address has no brackets; its zone follows as `%25eth0`.
    #[must_use]
    pub fn host(&self) -> &str {
        self.slice(self.parts.host)
    }

    /// The port, if the URL has one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// The path; at least `/` for an http URL.
    #[must_use]
    pub fn path(&self) -> &str {
        self.slice(self.parts.path)
    }

    /// The query, without its `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.parts.query.map(|query| self.slice(query))
    }

    /// The fragment, without its `#`. It is never sent.
    #[must_use]
    pub fn fragment(&self) -> Option<&str> {
        self.parts.fragment.map(|fragment| self.slice(fragment))
    }

    /// The user name, percent-decoded.
    #[must_use]
    pub fn username(&self) -> Option<Cow<'_, str>> {
        self.credentials().map(|(user, _)| user)
    }

    /// The password, percent-decoded. `None` without a colon, empty if nothing follows the colon.
    #[must_use]
    pub fn password(&self) -> Option<Cow<'_, str>> {
        self.credentials().and_then(|(_, password)| password)
    }

    /// Resolves `reference` against this URL, like `urllib.parse.urljoin`; then prepares the result.
    ///
    /// # Examples
    /// ```
    /// let base = petition::Url::parse("http://h/api/v1/users?page=2")?;
    ///
    /// assert_eq!(base.join("groups")?.as_str(), "http://h/api/v1/groups");
    /// assert_eq!(base.join("../v2/")?.as_str(), "http://h/api/v2/");
    /// assert_eq!(base.join("/status")?.as_str(), "http://h/status");
    /// assert_eq!(base.join("?page=3")?.as_str(), "http://h/api/v1/users?page=3");
    /// assert_eq!(base.join("//other/x")?.as_str(), "http://other/x");
    /// # Ok::<(), petition::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn join(&self, reference: &str) -> Result<Self> {
        Self::parse(&join::join(self, reference))
    }

    /// Where a redirect from here leads. `location` is the value of the header, as text.
    pub(crate) fn redirect(&self, location: &str) -> Result<Self> {
        join::redirect(self, location)
    }

    /// This URL with `extra`, which is encoded or raw query text, appended to its query.
    pub(crate) fn with_query(&self, extra: &str) -> Result<Self> {
        if extra.is_empty() || !prepare::is_http_like(self.as_str()) {
            return Ok(self.clone());
        }
        let text = self.as_str();
        let end = text.find('#').unwrap_or(text.len());
        let mut out = String::with_capacity(text.len() + extra.len() + 1);
        out.push_str(&text[..end]);
        out.push(if self.query().is_some_and(|query| !query.is_empty()) { '&' } else { '?' });
        encode::requote(&mut out, extra);
        out.push_str(&text[end..]);
        if self.is_http() {
            layout::lay_out(out, layout::Demand::Http).map_err(|bad| prepare::refused(&bad, ""))
        } else {
            Ok(prepare::as_written(&out))
        }
    }

    /// Whether this is an http or https URL, which means that it is prepared and can be sent.
    pub(crate) fn is_http(&self) -> bool {
        self.parts.kind != Kind::Other
    }

    pub(crate) fn is_https(&self) -> bool {
        self.parts.kind == Kind::Https
    }

    /// The port to connect to; `None` if there is none and the scheme is neither http nor https.
    pub(crate) fn port_or_default(&self) -> Option<u16> {
        self.port().or_else(|| self.default_port())
    }

    /// The default port of the scheme; `None` unless it is http or https.
    pub(crate) fn default_port(&self) -> Option<u16> {
        match self.parts.kind {
            Kind::Http => Some(80),
            Kind::Https => Some(443),
            Kind::Other => None,
        }
    }

    /// The text before the `@`, as written.
    pub(crate) fn user_info(&self) -> Option<&str> {
        self.parts.user_info.map(|user_info| self.slice(user_info))
    }

    fn credentials(&self) -> Option<(Cow<'_, str>, Option<Cow<'_, str>>)> {
        self.user_info().map(authority::user_info)
    }

    /// The text for errors: without user info, query and fragment, each of which may be secret.
    pub(crate) fn for_errors(&self) -> Cow<'_, str> {
        let shown = self.without_user_info();
        // `user:pass?word@host` has a query, if it is read by the rules.
        let start = match shown.rfind('@') {
            Some(at) if self.host().is_empty() && self.scheme() != "mailto" => at + 1,
            _ => 0,
        };
        let end = shown[start..].find(['?', '#']).map_or(shown.len(), |len| start + len);
        match shown {
            Cow::Borrowed(text) => text[start..end].into(),
            Cow::Owned(text) => text[start..end].to_owned().into(),
        }
    }

    /// The text for logs.
    pub(crate) fn without_user_info(&self) -> Cow<'_, str> {
        let text = self.as_str();
        if let Some(user_info) = self.parts.user_info {
            let user_info = user_info.range();
            return [&text[..user_info.start], &text[user_info.end + 1..]].concat().into();
        }
        // `user:password@host` is a scheme and a path if it is read by the rules.
        let end = text.find(['/', '?', '#']).unwrap_or(text.len());
        match text[..end].rfind('@') {
            Some(at) if !self.is_http() && self.scheme() != "mailto" => text[at + 1..].into(),
            _ => text.into(),
        }
    }

    /// The target of the request line: path and query, encoded, without fragment.
    pub(crate) fn target(&self) -> &str {
        self.slice(self.parts.target)
    }

    /// The target for a forward proxy: the whole URL without user info and fragment.
    pub(crate) fn absolute_target(&self) -> String {
        let (scheme, authority, target) = (self.scheme(), self.authority(), self.target());
        [scheme, "://", &authority, target].concat()
    }

    /// Host and port as in the text, an IPv6 address in brackets and without its zone. With an absolute target this is
    /// the value of Host.
    pub(crate) fn authority(&self) -> Cow<'_, str> {
        let (host, zone) = self.host_and_zone();
        let written = self.slice(self.parts.authority);
        if zone.is_none() && (self.port().is_some() || !written.contains(':')) && self.host_is_as_written() {
            return written.into();
        }
        authority::host_and_port(host, self.port()).into()
    }

    /// The value of an automatic Host header: without the scheme's default port, a trailing dot or a zone.
    pub(crate) fn host_header(&self) -> Cow<'_, str> {
        let port = self.port().filter(|&port| Some(port) != self.default_port());
        let written = self.slice(self.parts.authority);
        if self.parts.host_is_plain {
            return if port.is_some() { written } else { self.host() }.into();
        }
        let (mut host, zone) = self.host_and_zone();
        while let Some(shorter) = host.strip_suffix('.') {
            host = shorter;
        }
        if port.is_none() && !host.contains(':') {
            return host.into();
        }
        let as_written = zone.is_none() && host.len() == self.host().len() && self.host_is_as_written();
        if as_written && port.is_some() { written.into() } else { authority::host_and_port(host, port).into() }
    }

    fn host_and_zone(&self) -> (&str, Option<&str>) {
        let host = self.host();
        // Only an IPv6 address has colons, and only an IPv6 address can have a zone.
        if !host.bytes().any(|byte| byte == b':') {
            return (host, None);
        }
        match host.split_once('%') {
            Some((address, zone)) if address.contains(':') => (address, Some(zone)),
            _ => (host, None),
        }
    }

    /// Whether the text has the host in lower case.
    fn host_is_as_written(&self) -> bool {
        self.parts.host.range().end <= self.parts.len
    }

    fn slice(&self, span: Span) -> &str {
        span.of(&self.buffer)
    }
}
