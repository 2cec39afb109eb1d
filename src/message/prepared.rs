//! The prepared request: everything merged, encoded and in order.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::cookies::{CookieJar, CookieTarget};
use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
use crate::http1::framing;
use crate::message::auth::Auth;
use crate::message::body::Body;
use crate::message::hooks::Hooks;
use crate::message::seldom::{Seldom, Usual};
use crate::text::secret_name::describes_message;
use crate::url::Url;

/// A request as it will be sent. [`Session::prepare_request`](crate::Session::prepare_request) and
/// [`Request::prepare`](crate::Request::prepare) make one. It can be edited, and sent several times if its body can.
///
/// Clones share a body that can be read only once.
///
/// # Examples
/// ```
/// let mut prepared = petition::Request::new("POST", "http://127.0.0.1/a b")
///     .data("text")
///     .prepare()?;
/// prepared.headers.insert("X-Trace", "1")?;
///
/// assert_eq!(prepared.url.as_str(), "http://127.0.0.1/a%20b");
/// assert_eq!(prepared.body_bytes(), Some(&b"text"[..]));
/// # Ok::<(), petition::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
#[doc(alias = "prepped")]
pub struct PreparedRequest {
    /// The method, in upper case.
    pub method: Method,
    /// The URL, prepared as in requests.
    pub url: Url,
    /// The headers, in the order in which they are sent. `Host` is added when the request is sent, and so are `Accept-Encoding`
    /// and `User-Agent` if they are missing and not skipped. With a `Range` header, the codings that a session offers by
    /// default become `identity`.
    pub headers: Headers,
    /// The body. It is sent chunked if its length is unknown, or if `Content-Length` was removed.
    pub body: Body,
    pub(crate) extras: Seldom<Extras>,
}

/// What a prepared request carries for the session.
#[derive(Clone, Default)]
pub(crate) struct Extras {
    pub(crate) hooks: Hooks,
    pub(crate) auth: Option<Arc<dyn Auth>>,
    /// Headers that the auth set, which never go to another origin.
    pub(crate) auth_headers: Vec<AuthHeader>,
    /// Names of headers that the session calls sensitive, so that they are not shown.
    pub(crate) sensitive_headers: Vec<String>,
    /// Cookies of this request only; its hops send them too.
    pub(crate) cookies: Option<CookieJar>,
    pub(crate) skip: Skip,
    /// How long the body waits for a 100 (Continue).
    pub(crate) expect_continue: Option<Duration>,
    /// What an auth's answers to challenges changed.
    pub(crate) answered: Option<Box<Answered>>,
    /// Whether the program set a Cookie header itself.
    pub(crate) own_cookie_header: bool,
    /// The Cookie header that the session set, if the request has an auth: a round may replace this one, and no other.
    pub(crate) session_cookie: Option<Box<str>>,
    /// Whether the program set Accept-Encoding for this request.
    pub(crate) own_accept_encoding: bool,
}

impl Usual for Extras {
    fn usual() -> &'static Self {
        static USUAL: Extras = Extras {
            hooks: Hooks::new(),
            auth: None,
            auth_headers: Vec::new(),
            sensitive_headers: Vec::new(),
            cookies: None,
            skip: Skip { host: false, user_agent: false, accept_encoding: false },
            expect_continue: None,
            answered: None,
            own_cookie_header: false,
            session_cookie: None,
            own_accept_encoding: false,
        };
        &USUAL
    }
}

/// A header that an auth set.
#[derive(Clone, Debug)]
pub(crate) struct AuthHeader {
    pub(crate) name: String,
    /// The value before, which the auth finds when it is called again.
    pub(crate) before: Vec<String>,
    /// The value that the auth set.
    pub(crate) set: Vec<String>,
}

/// The headers of a request that answers a challenge. The answer is for one URL only: a redirect starts from those before it.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    /// Before the first answer.
    pub(crate) before: Headers,
    /// As sent last. The program may have changed the request's since.
    pub(crate) after: Headers,
}

/// Which of the headers that are added when a request is sent must be left out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Skip {
    pub(crate) host: bool,
    pub(crate) user_agent: bool,
    pub(crate) accept_encoding: bool,
}

impl Skip {
    pub(crate) fn name(&mut self, name: &str) {
        if name.eq_ignore_ascii_case("host") {
            self.host = true;
        } else if name.eq_ignore_ascii_case("user-agent") {
            self.user_agent = true;
        } else if name.eq_ignore_ascii_case("accept-encoding") {
            self.accept_encoding = true;
        }
    }
}

impl PreparedRequest {
    /// Refuses to send a body again that can be sent only once; `purpose` is why it would be sent.
    pub(crate) fn check_replayable(&self, purpose: &str) -> Result<()> {
        if self.body.is_spent() {
            let text = format!("the body was sent, and cannot be sent again for {purpose}");
            return Err(Error::message(ErrorKind::UnrewindableBody, text).with_request(self));
        }
        Ok(())
    }

    pub(crate) fn new(method: Method, url: Url, headers: Headers) -> Self {
        Self { method, url, headers, body: Body::default(), extras: Seldom::default() }
    }

    /// The body's bytes if they are in memory. `None` for no body, an empty body, a file, a reader or an iterator.
    #[must_use]
    pub fn body_bytes(&self) -> Option<&[u8]> {
        self.body.as_bytes().filter(|bytes| !bytes.is_empty())
    }

    /// The request as its cookies see it: a Host header of the program's own counts rather than the URL's host, unless it
    /// is empty.
    pub(crate) fn cookie_target(&self) -> CookieTarget<'_> {
        let own = self.headers.get("host").and_then(CookieTarget::host_of_header);
        let host = own.unwrap_or_else(|| self.url.host());
        CookieTarget { host, path: self.url.path(), secure: self.url.is_https() }
    }

    /// Whether a header must not be shown, though its name may not tell: an auth set it, or the session calls it sensitive.
    pub(crate) fn has_secret(&self, header: &str) -> bool {
        let extras = &*self.extras;
        (extras.auth_headers.iter().any(|own| own.name.eq_ignore_ascii_case(header)) && !describes_message(header))
            || extras.sensitive_headers.iter().any(|own| own.eq_ignore_ascii_case(header))
    }

    /// Sets `Content-Length` or `Transfer-Encoding` for the body.
    pub(crate) fn set_framing(&mut self) {
        let field = framing::prepared_field(&self.method, self.body.length(), &self.headers);
        if let Some((name, value)) = field {
            self.headers.set(name, &value);
        }
    }
}

impl fmt::Debug for PreparedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedRequest")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("headers", &self.headers.shown(&|name| self.has_secret(name)))
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
