//! A request as the program describes it, before a session's settings are merged in.
//!
//! Setters collect and keep the first error; `prepare` returns it. What the description means (order, encoding, merging)
//! is the business of `session/prepare`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::cookies::CookieJar;
use crate::error::{Error, ErrorKind, Result};
use crate::form::Multipart;
use crate::headers::Headers;
use crate::message::auth::{Auth, IntoAuth};
use crate::message::body::Body;
use crate::message::hooks::Hooks;
use crate::message::pair::Pair;
use crate::message::prepared::Skip;
use crate::message::response::Response;
use crate::timeout::{IntoLimit, Limit};
use crate::url::{IntoUrl, Url};

mod sealed {
    pub trait Sealed {}
}

/// What can be a method: a text in any case, a [`Method`], or a reference to one.
///
/// The trait is sealed: it cannot be implemented outside this crate.
pub trait IntoMethod: sealed::Sealed {
    #[doc(hidden)]
    fn into_method(self) -> Result<Method>;
}

/// HDR-14: upper-cased; not a token is refused here, where requests finds out when it sends.
fn parse_method(name: &str) -> Result<Method> {
    let upper: Cow<'_, str> =
        if name.bytes().any(|b| b.is_ascii_lowercase()) { name.to_ascii_uppercase().into() } else { name.into() };
    Method::from_bytes(upper.as_bytes())
        .map_err(|_| Error::message(ErrorKind::InvalidMethod, format!("invalid method {name:?}: not a token")))
}

macro_rules! methods {
    ($($type:ty: $value:ident => $method:expr;)*) => {$(
        impl sealed::Sealed for $type {}
        impl IntoMethod for $type {
            fn into_method(self) -> Result<Method> {
                let $value = self;
                $method
            }
        }
    )*};
}

methods! {
    &str: name => parse_method(name);
    &String: name => parse_method(name);
    String: name => parse_method(&name);
    Method: method => Ok(method);
    &Method: method => Ok(method.clone());
}

/// Where a request goes, as far as it is known without a session.
#[derive(Clone)]
pub(crate) enum Destination {
    Ready(Url),
    /// No URL of its own, but one beside a session's `base_url`.
    Relative(String, Arc<Error>),
}

/// A request as the program describes it: requests' `Request`.
///
/// # Examples
/// ```
/// let request = petition::Request::new("POST", "http://127.0.0.1/").header("X-A", "1").params([("a", "b")]).data("body");
/// let prepared = petition::Session::new().prepare_request(request)?;
///
/// assert_eq!(prepared.url.as_str(), "http://127.0.0.1/?a=b");
/// # Ok::<(), petition::Error>(())
/// ```
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) destination: Option<Destination>,
    pub(crate) headers: Headers,
    /// Names that are taken out of what the session would send.
    pub(crate) removed: Vec<String>,
    pub(crate) skip: Skip,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) raw_query: Option<String>,
    pub(crate) data: Option<Data>,
    pub(crate) json: Option<Body>,
    pub(crate) files: Option<Multipart>,
    pub(crate) cookies: Option<CookieJar>,
    pub(crate) auth: Option<Arc<dyn Auth>>,
    pub(crate) hooks: Hooks,
    pub(crate) expect_continue: Option<Duration>,
    error: Option<Error>,
}

/// What `data` was given; pairs are kept apart, as files may join them (BODY-01).
pub(crate) type Data = Body;

impl Request {
    /// A request for `url`. What is wrong with either is returned when it is prepared or sent.
    pub fn new(method: impl IntoMethod, url: impl IntoUrl) -> Self {
        Self::start(method, url, None)
    }

    /// As [`new`](Self::new), with the URL joined to `base` (TBELT-10).
    pub(crate) fn start(method: impl IntoMethod, url: impl IntoUrl, base: Option<&Url>) -> Self {
        let (method, method_error) = match method.into_method() {
            Ok(method) => (method, None),
            Err(error) => (Method::GET, Some(error)),
        };
        let (destination, url_error) = match url.resolve(base) {
            Ok(url) => (Some(Destination::Ready(url)), None),
            Err(error) if error.kind() == ErrorKind::MissingSchema && base.is_none() => {
                (Some(Destination::Relative(url.text().to_owned(), Arc::new(error))), None)
            }
            Err(error) => (None, Some(error)),
        };
        Self {
            method,
            destination,
            headers: Headers::new(),
            removed: Vec::new(),
            skip: Skip::default(),
            params: Vec::new(),
            raw_query: None,
            data: None,
            json: None,
            files: None,
            cookies: None,
            auth: None,
            hooks: Hooks::new(),
            expect_continue: None,
            error: method_error.or(url_error),
        }
    }

    pub(crate) fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    pub(crate) fn take_error(&mut self) -> Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// Sets a header, in place of one of the same name here and in the session. The value is text, or anything that has a
    /// text form, as in [`headers`](Self::headers); [`remove_header`](Self::remove_header) takes it out again.
    ///
    /// A name that is no token, or a value with a control character or a character beyond Latin-1, is
    /// [`ErrorKind::InvalidHeader`] when the request is prepared.
    pub fn header(mut self, name: impl AsRef<str>, value: impl fmt::Display) -> Self {
        let name = name.as_ref();
        if let Err(error) = self.headers.insert(name, value) {
            self.fail(error);
        }
        self.removed.retain(|removed| !removed.eq_ignore_ascii_case(name));
        self
    }

    /// Sets several headers; a name that is repeated among them is sent as often.
    pub fn headers<I: IntoIterator<Item: Pair>>(mut self, headers: I) -> Self {
        let mut given = Headers::new();
        for pair in headers {
            if let Err(error) = given.append(pair.name(), pair.value()) {
                self.fail(error);
            }
        }
        self.removed.retain(|removed| !given.contains(removed));
        self.headers.update(&given);
        self
    }

    /// Takes out a header that the session would send: requests' `headers={"Accept": None}`.
    ///
    /// Without an `Accept-Encoding` the request says `identity`, without a `User-Agent` the crate names itself (HDR-07);
    /// [`skip_header`](Self::skip_header) sends none at all.
    pub fn remove_header(mut self, name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        self.headers.remove(name);
        self.removed.push(name.to_owned());
        self
    }

    /// Sends no such header at all, not even one that is added when the request is sent: `Host`, `User-Agent`,
    /// `Accept-Encoding` (urllib3's `SKIP_HEADER`).
    pub fn skip_header(mut self, name: impl AsRef<str>) -> Self {
        self.skip.name(name.as_ref());
        self.remove_header(name)
    }

    /// Asks the server for leave before the body is sent, and waits for it no longer than `limit`; see
    /// [`RequestBuilder::expect_continue`](crate::RequestBuilder::expect_continue).
    pub fn expect_continue(mut self, limit: impl IntoLimit) -> Self {
        match limit.into_limit() {
            Limit::Invalid(seconds) => {
                let text = format!("the limit of expect_continue must be more than zero seconds, not {seconds}");
                self.fail(Error::message(ErrorKind::InvalidSetting, text));
            }
            limit => self.expect_continue = limit.duration(),
        }
        self
    }

    /// Adds query parameters, in order, form-encoded; repeats stay. A name that the session's `params` has replaces it.
    pub fn params<I: IntoIterator<Item: Pair>>(mut self, params: I) -> Self {
        self.params.extend(params.into_iter().map(|pair| (pair.name().to_owned(), pair.value().into_owned())));
        self
    }

    /// Adds a query as given: requests' `params="a=b"`. Only characters that cannot stand in a URL are encoded (URL-26).
    pub fn query_string(mut self, query: impl AsRef<str>) -> Self {
        let query = query.as_ref();
        match &mut self.raw_query {
            Some(seen) => {
                seen.push('&');
                seen.push_str(query);
            }
            None => self.raw_query = Some(query.to_owned()),
        }
        self
    }

    /// The body: text, bytes, pairs (form-encoded), a file, or a [`Body`]. Wins over [`json`](Self::json); empty data is no
    /// body (BODY-01, BODY-05).
    pub fn data(mut self, data: impl Into<Body>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// A JSON body, compact and in UTF-8, with `Content-Type: application/json`.
    ///
    /// A value that has no JSON form (NaN, a map with keys that are no texts) is [`ErrorKind::InvalidJson`].
    #[cfg(feature = "json")]
    pub fn json(mut self, value: impl serde::Serialize) -> Self {
        match Body::json(&value) {
            Ok(body) => self.json = Some(body),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Files, and with them the pairs of [`data`](Self::data), as `multipart/form-data`, streamed. They replace those given
    /// before; an empty form is none.
    pub fn files(mut self, files: impl Into<Multipart>) -> Self {
        self.files = Some(files.into());
        self
    }

    /// Cookies for this request and its redirects to the same host; the session does not keep them. They replace those given
    /// before; an empty jar is none.
    pub fn cookies(mut self, cookies: impl Into<CookieJar>) -> Self {
        self.cookies = Some(cookies.into());
        self
    }

    /// Credentials: a pair for Basic, or any [`Auth`]. Wins over the session's, netrc and the URL's user-info; with `None`
    /// those count again.
    pub fn auth(mut self, auth: impl IntoAuth) -> Self {
        self.auth = auth.into_auth();
        self
    }

    /// Adds a response hook; with one the session's hooks do not run (SES-10).
    pub fn on_response(mut self, hook: impl Fn(Response) -> Result<Response> + Send + Sync + 'static) -> Self {
        self.hooks.on_response(hook);
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Request");
        out.field("method", &self.method);
        if let Some(Destination::Ready(url)) = &self.destination {
            out.field("url", url);
        }
        out.field("headers", &self.headers).finish_non_exhaustive()
    }
}
