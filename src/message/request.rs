//! A request as the program describes it, before a session's settings are merged into it.
//!
//! Setters collect, and keep the first error, which `prepare` returns. `session/prepare.rs` gives the description its meaning
//! (order, encoding, merging).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::cookies::CookieJar;
use crate::error::{Error, ErrorKind, Result};
use crate::form::Multipart;
#[cfg(feature = "json")]
use crate::form::fields::fields;
use crate::headers::{Headers, IntoHeaderValue, IntoHeaders};
use crate::message::auth::{Auth, IntoAuth};
use crate::message::body::Body;
use crate::message::hooks::Hooks;
use crate::message::params::{IntoParam, IntoParams, Query};
use crate::message::prepared::Skip;
use crate::message::response::Response;
use crate::message::seldom::{Seldom, Usual};
use crate::timeout::{IntoLimit, Limit};
use crate::url::{IntoUrl, Url};

mod sealed {
    pub trait Sealed {}
}

/// What can be a method: text in any case, a [`Method`], or a reference to one.
///
/// The trait is sealed: it cannot be implemented outside this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a method",
    label = "expected text or a `petition::Method`",
    note = "the order of the arguments is `request(method, url)`"
)]
pub trait IntoMethod: sealed::Sealed {
    #[doc(hidden)]
    fn into_method(self) -> Result<Method>;
}

/// The method in upper case. What is not a token is refused here; requests finds out when it sends.
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

/// The URL of a request, as far as it is known without a session.
#[derive(Clone)]
pub(crate) enum Destination {
    Ready(Url),
    /// A relative URL, which needs a session's `base_url`.
    Relative(String, Arc<Error>),
}

/// A request as the program describes it, like requests' `Request`.
///
/// # Examples
/// ```
/// let request = petition::Request::new("POST", "http://127.0.0.1/")
///     .header("X-A", "1")
///     .params([("a", "b")])
///     .data("body");
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
    pub(crate) query: Query,
    pub(crate) data: Option<Data>,
    pub(crate) details: Seldom<Details>,
    error: Option<Error>,
}

/// What fewer requests have.
#[derive(Default)]
pub(crate) struct Details {
    /// Names of headers that are removed from those of the session.
    pub(crate) removed: Vec<String>,
    pub(crate) skip: Skip,
    pub(crate) json: Option<Body>,
    pub(crate) files: Option<Multipart>,
    pub(crate) cookies: Option<CookieJar>,
    pub(crate) auth: Option<Arc<dyn Auth>>,
    pub(crate) hooks: Hooks,
    pub(crate) expect_continue: Option<Duration>,
}

impl Usual for Details {
    fn usual() -> &'static Self {
        static USUAL: Details = Details {
            removed: Vec::new(),
            skip: Skip { host: false, user_agent: false, accept_encoding: false },
            json: None,
            files: None,
            cookies: None,
            auth: None,
            hooks: Hooks::new(),
            expect_continue: None,
        };
        &USUAL
    }
}

/// The value of `data`. Pairs are kept separate, because files can be added to them.
pub(crate) type Data = Body;

impl Request {
    /// Creates a request for `url`. Errors in method or URL are returned when it is prepared or sent.
    pub fn new(method: impl IntoMethod, url: impl IntoUrl) -> Self {
        Self::start(method, url, None)
    }

    /// Like [`new`](Self::new), with the URL joined to `base`.
    pub(crate) fn start(method: impl IntoMethod, url: impl IntoUrl, base: Option<&Url>) -> Self {
        let (method, method_error) = match method.into_method() {
            Ok(method) => (method, None),
            Err(error) => (Method::GET, Some(error)),
        };
        let (destination, url_error) = match url.resolve(base) {
            Ok(url) => (Some(Destination::Ready(url)), None),
            Err(error) if error.kind() == ErrorKind::MissingSchema && base.is_none() => {
                (Some(Destination::Relative(url.text().into_owned(), Arc::new(error))), None)
            }
            Err(error) => (None, Some(error)),
        };
        Self {
            method,
            destination,
            headers: Headers::new(),
            query: Query::default(),
            data: None,
            details: Seldom::default(),
            error: method_error.or(url_error),
        }
    }

    pub(crate) fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    pub(crate) fn take_error(&mut self) -> Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// Sets a header, replacing those of the same name here and in the session. [`remove_header`](Self::remove_header)
    /// removes it again.
    ///
    /// The value is text, a number, or anything else with a text form, or an [`http::HeaderValue`]. A name that is not a
    /// token, or a value with a control character or a character beyond Latin-1, is [`ErrorKind::InvalidHeader`] when the
    /// request is prepared.
    ///
    /// # Examples
    /// ```
    /// let request = petition::Request::new("GET", "http://127.0.0.1/")
    ///     .header("X-Count", 5)
    ///     .prepare()?;
    ///
    /// assert_eq!(request.headers.get("x-count"), Some("5"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn header<M>(mut self, name: impl AsRef<str>, value: impl IntoHeaderValue<M>) -> Self {
        self.set_header(name.as_ref(), value);
        self
    }

    pub(crate) fn set_header<M>(&mut self, name: &str, value: impl IntoHeaderValue<M>) {
        if let Err(error) = self.headers.insert(name, value) {
            self.fail(error);
        }
        if let Some(details) = self.details.given() {
            details.removed.retain(|removed| !removed.eq_ignore_ascii_case(name));
        }
    }

    /// Sets several headers: pairs, a map, [`Headers`], or an [`http::HeaderMap`]. A name that is repeated among them is
    /// sent each time.
    ///
    /// # Examples
    /// ```
    /// let request = petition::Request::new("GET", "http://127.0.0.1/")
    ///     .headers([("X-A", "1"), ("X-B", "2")])
    ///     .prepare()?;
    ///
    /// assert_eq!(request.headers.get("x-b"), Some("2"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn headers<M>(mut self, headers: impl IntoHeaders<M>) -> Self {
        let mut given = Headers::new();
        headers.append_to(&mut given, &mut |error| self.fail(error));
        if let Some(details) = self.details.given() {
            details.removed.retain(|removed| !given.contains(removed));
        }
        if self.headers.is_empty() {
            self.headers = given;
        } else {
            self.headers.merge(&given);
        }
        self
    }

    /// Removes a header that the session would send: requests' `headers={"Accept": None}`.
    ///
    /// A request without `Accept-Encoding` is sent with `identity`, and one without `User-Agent` with the crate's name.
    /// [`skip_header`](Self::skip_header) sends neither.
    pub fn remove_header(mut self, name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        self.headers.remove(name);
        self.details.removed.push(name.to_owned());
        self
    }

    /// Leaves a header out, even one that is added when the request is sent: `Host`, `User-Agent`, `Accept-Encoding`
    /// (urllib3's `SKIP_HEADER`).
    pub fn skip_header(mut self, name: impl AsRef<str>) -> Self {
        self.details.skip.name(name.as_ref());
        self.remove_header(name)
    }

    /// Sends `Expect: 100-continue`, and waits for the answer for at most `limit` before the body is sent; see
    /// [`RequestBuilder::expect_continue`](crate::RequestBuilder::expect_continue).
    pub fn expect_continue(mut self, limit: impl IntoLimit) -> Self {
        let takes_back = limit.is_bare_none();
        match limit.into_limit() {
            Limit::Invalid(seconds) => {
                let text = format!("the limit of expect_continue must be more than zero seconds, not {seconds}");
                self.fail(Error::message(ErrorKind::InvalidSetting, text));
            }
            _ if takes_back => self.details.expect_continue = None,
            // More seconds than a duration holds are no limit, and the answer is waited for all the same.
            limit => self.details.expect_continue = Some(limit.duration().unwrap_or(Duration::MAX)),
        }
        self
    }

    /// Adds a query parameter, form-encoded. Parameters keep their order, and a name can be repeated.
    ///
    /// The value is text, a number, or anything else with a text form, or an `Option` of one. A name that is in the session's
    /// `params` too replaces those; with `None` the name is not sent at all.
    ///
    /// # Coming from requests
    /// `params={"page": 1, "tag": None}`.
    ///
    /// # Examples
    /// ```
    /// let tag: Option<&str> = None;
    /// let request = petition::Request::new("GET", "http://127.0.0.1/")
    ///     .param("page", 1)
    ///     .param("tag", tag)
    ///     .prepare()?;
    ///
    /// assert_eq!(request.url.query(), Some("page=1"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn param<M>(mut self, name: impl AsRef<str>, value: impl IntoParam<M>) -> Self {
        self.query.push(name.as_ref(), value);
        self
    }

    /// Adds query parameters, in order and form-encoded: pairs in an array, a `Vec`, a map or an iterator. Repeated names are
    /// kept.
    ///
    /// Values are as for [`param`](Self::param), but of one type. One text instead of pairs is a query as it is, as for
    /// [`query_string`](Self::query_string).
    ///
    /// # Examples
    /// ```
    /// let request = petition::Request::new("GET", "http://127.0.0.1/")
    ///     .params([("a", Some(1)), ("b", None)])
    ///     .prepare()?;
    ///
    /// assert_eq!(request.url.query(), Some("a=1"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn params<M>(mut self, params: impl IntoParams<M>) -> Self {
        params.add_to(&mut self.query);
        self
    }

    /// Adds the fields of `value` as query parameters: a struct or a map whose values are scalars, lists of scalars, or
    /// `None`; or a list of pairs. Needs the feature `json`.
    ///
    /// Fields keep their order. A list is one parameter for each item. `None` and an empty list are left out, and take the
    /// session's parameter of that name away. A value that is not flat is [`ErrorKind::InvalidSetting`] when the request is
    /// prepared.
    ///
    /// # Examples
    /// ```
    /// #[derive(serde::Serialize)]
    /// struct Filter<'a> {
    ///     page: u32,
    ///     tag: Option<&'a str>,
    ///     kinds: [&'a str; 2],
    /// }
    ///
    /// let filter = Filter { page: 1, tag: None, kinds: ["a", "b"] };
    /// let request = petition::Request::new("GET", "http://127.0.0.1/")
    ///     .query(&filter)
    ///     .prepare()?;
    ///
    /// assert_eq!(request.url.query(), Some("page=1&kinds=a&kinds=b"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[cfg(feature = "json")]
    pub fn query(mut self, value: &(impl serde::Serialize + ?Sized)) -> Self {
        match fields(value) {
            Ok(fields) => self.query.pairs.extend(fields),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Adds a query as given: requests' `params="a=b"`. Only characters that must not stand in a URL are encoded.
    /// Without other parameters it takes the place of the session's `params`, as in requests.
    pub fn query_string(mut self, query: impl AsRef<str>) -> Self {
        self.query.push_raw(query.as_ref());
        self
    }

    /// Sets the body: text, bytes, pairs (form-encoded), a file, or a [`Body`]. It overrides [`json`](Self::json). Empty data
    /// is no body.
    pub fn data(mut self, data: impl Into<Body>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Sets a form as the body, form-encoded with `Content-Type: application/x-www-form-urlencoded`: the fields of `value`,
    /// as for [`query`](Self::query). `None` is left out. Needs the feature `json`; [`data`](Self::data) takes pairs without
    /// it.
    ///
    /// A value that is not flat is [`ErrorKind::InvalidSetting`] when the request is prepared.
    ///
    /// # Examples
    /// ```
    /// #[derive(serde::Serialize)]
    /// struct Login<'a> {
    ///     user: &'a str,
    ///     remember: bool,
    /// }
    ///
    /// let login = Login { user: "a b", remember: true };
    /// let request = petition::Request::new("POST", "http://127.0.0.1/")
    ///     .form(&login)
    ///     .prepare()?;
    ///
    /// assert_eq!(request.body_bytes(), Some(&b"user=a+b&remember=true"[..]));
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[cfg(feature = "json")]
    pub fn form(mut self, value: &(impl serde::Serialize + ?Sized)) -> Self {
        match Body::form(value) {
            Ok(body) => self.data = Some(body),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Sets a JSON body, compact and in UTF-8, with `Content-Type: application/json`.
    ///
    /// A value that cannot be serialized as JSON (NaN, a map whose keys are neither text nor numbers) is
    /// [`ErrorKind::InvalidJson`].
    #[cfg(feature = "json")]
    pub fn json(mut self, value: impl serde::Serialize) -> Self {
        match Body::json(&value) {
            Ok(body) => self.details.json = Some(body),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Sets files, which are sent as `multipart/form-data` together with the pairs of [`data`](Self::data), and streamed. They
    /// replace earlier ones. An empty form is none.
    pub fn files(mut self, files: impl Into<Multipart>) -> Self {
        self.details.files = Some(files.into());
        self
    }

    /// Sets cookies for this request and its redirects to the same host. The session does not keep them. They replace earlier
    /// ones. An empty jar is none.
    pub fn cookies(mut self, cookies: impl Into<CookieJar>) -> Self {
        self.details.cookies = Some(cookies.into());
        self
    }

    /// Adds a cookie for this request and its redirects to the same host, beside those of [`cookies`](Self::cookies). The
    /// value is text, or anything with a text form. The session does not keep it.
    ///
    /// # Examples
    /// ```
    /// let request = petition::Request::new("GET", "http://127.0.0.1/")
    ///     .cookie("a", 1)
    ///     .cookie("b", "x")
    ///     .prepare()?;
    ///
    /// assert_eq!(request.headers.get("cookie"), Some("a=1; b=x"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn cookie(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.details.cookies.get_or_insert_default().insert(name, value);
        self
    }

    /// Sets credentials: a pair for Basic, or any [`Auth`]. They override the session's, netrc and the URL's user info. With
    /// `None` those apply again.
    pub fn auth(mut self, auth: impl IntoAuth) -> Self {
        self.details.auth = auth.into_auth();
        self
    }

    /// Adds a response hook. The hooks of a request replace the session's.
    pub fn on_response(mut self, hook: impl Fn(Response) -> Result<Response> + Send + Sync + 'static) -> Self {
        self.details.hooks.on_response(hook);
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown(&|_| false).fmt(f)
    }
}

impl Request {
    /// As `Debug` shows it, also without the headers of which the closure says that they are secret.
    pub(crate) fn shown<'a>(&'a self, is_secret: &'a dyn Fn(&str) -> bool) -> impl fmt::Debug + 'a {
        Shown { request: self, is_secret }
    }
}

struct Shown<'a> {
    request: &'a Request,
    is_secret: &'a dyn Fn(&str) -> bool,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Request");
        out.field("method", &self.request.method);
        if let Some(Destination::Ready(url)) = &self.request.destination {
            out.field("url", url);
        }
        out.field("headers", &self.request.headers.shown(self.is_secret)).finish_non_exhaustive()
    }
}
