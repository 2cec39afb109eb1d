//! The setters of a [`RequestBuilder`] that say what is sent. Those that say how are beside `send`.
//!
//! Each passes its arguments on to the [`Request`], which keeps the first error.

use std::fmt;

use crate::cookies::CookieJar;
use crate::error::Result;
use crate::form::Multipart;
use crate::headers::{IntoHeaderValue, IntoHeaders};
use crate::message::auth::IntoAuth;
use crate::message::body::Body;
use crate::message::{IntoParam, IntoParams, Response};
use crate::session::RequestBuilder;
use crate::timeout::IntoLimit;

impl RequestBuilder<'_> {
    /// Sets a header, replacing those of the same name here and in the session.
    ///
    /// The value is text, a number, or anything else with a text form, or an [`http::HeaderValue`]. A name that is not a
    /// token, or a value with a control character or a character beyond Latin-1, makes [`send`](Self::send) return
    /// [`ErrorKind::InvalidHeader`](crate::ErrorKind::InvalidHeader).
    ///
    /// # Examples
    /// ```
    /// let request = petition::get("http://127.0.0.1/")
    ///     .header("X-Count", 5)
    ///     .header("Accept", "text/html")
    ///     .prepare()?;
    ///
    /// assert_eq!(request.headers.get("x-count"), Some("5"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[doc(alias = "add_header")]
    #[inline]
    pub fn header<M>(self, name: impl AsRef<str>, value: impl IntoHeaderValue<M>) -> Self {
        self.change(|request| request.set_header(name.as_ref(), value))
    }

    /// Sets several headers: pairs, a map, [`Headers`](crate::Headers), or an [`http::HeaderMap`]. A name that is repeated
    /// among them is sent each time; those of the same name in the session are replaced.
    ///
    /// # Examples
    /// ```
    /// let request = petition::get("http://127.0.0.1/")
    ///     .headers([("X-A", "1"), ("X-B", "2")])
    ///     .prepare()?;
    ///
    /// assert_eq!(request.headers.get("x-b"), Some("2"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn headers<M>(self, headers: impl IntoHeaders<M>) -> Self {
        self.map(|request| request.headers(headers))
    }

    /// Removes a header that the session would send: requests' `headers={"Accept": None}`.
    ///
    /// Without `Accept-Encoding`, `identity` is sent, and without `User-Agent` the crate's name;
    /// [`skip_header`](Self::skip_header) sends neither.
    ///
    /// # Examples
    /// ```
    /// let request =
    ///     petition::get("http://127.0.0.1/").remove_header("Accept").prepare()?;
    ///
    /// assert_eq!(request.headers.get("accept"), None);
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn remove_header(self, name: impl AsRef<str>) -> Self {
        self.map(|request| request.remove_header(name))
    }

    /// Leaves a header out, even one that is added when the request is sent: `Host`, `User-Agent`, `Accept-Encoding`
    /// (urllib3's `SKIP_HEADER`).
    pub fn skip_header(self, name: impl AsRef<str>) -> Self {
        self.map(|request| request.skip_header(name))
    }

    /// Adds a query parameter, form-encoded. Parameters keep their order, and a name can be repeated.
    ///
    /// The value is text, a number, or anything else with a text form, or an `Option` of one. A name that is in the session's
    /// [`params`](crate::Session::params) too replaces those; with `None` the name is not sent at all.
    ///
    /// # Coming from requests
    /// `params={"page": 1, "tag": None}`.
    ///
    /// # Examples
    /// ```
    /// let mut session = petition::Session::new();
    /// session.params = vec![("api_key".to_owned(), "secret".to_owned())];
    ///
    /// let with = session.get("http://127.0.0.1/").param("page", 1).prepare()?;
    /// let without = session
    ///     .get("http://127.0.0.1/")
    ///     .param("page", 1)
    ///     .param("api_key", None::<&str>)
    ///     .prepare()?;
    ///
    /// assert_eq!(with.url.query(), Some("api_key=secret&page=1"));
    /// assert_eq!(without.url.query(), Some("page=1"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[doc(alias = "query_param")]
    pub fn param<M>(self, name: impl AsRef<str>, value: impl IntoParam<M>) -> Self {
        self.map(|request| request.param(name, value))
    }

    /// Adds query parameters, in order and form-encoded: pairs in an array, a `Vec`, a map or an iterator. Repeated names are
    /// kept.
    ///
    /// Values are as for [`param`](Self::param), but of one type. One text instead of pairs is a query as it is, as for
    /// [`query_string`](Self::query_string).
    ///
    /// # Examples
    /// ```
    /// let request = petition::get("http://127.0.0.1/")
    ///     .params([("a", "1 2"), ("a", "3")])
    ///     .prepare()?;
    ///
    /// assert_eq!(request.url.query(), Some("a=1+2&a=3"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[doc(alias = "query_pairs")]
    pub fn params<M>(self, params: impl IntoParams<M>) -> Self {
        self.map(|request| request.params(params))
    }

    /// Adds the fields of `value` as query parameters: a struct or a map whose values are scalars, lists of scalars, or
    /// `None`; or a list of pairs. Needs the feature `json`.
    ///
    /// Fields keep their order. A list is one parameter for each item. `None` and an empty list are left out, and take the
    /// session's parameter of that name away. A value that is not flat makes [`send`](Self::send) return
    /// [`ErrorKind::InvalidSetting`](crate::ErrorKind::InvalidSetting).
    ///
    /// # Examples
    /// ```
    /// #[derive(serde::Serialize)]
    /// struct Filter<'a> {
    ///     page: u32,
    ///     tag: Option<&'a str>,
    /// }
    ///
    /// let request = petition::get("http://127.0.0.1/")
    ///     .query(&Filter { page: 1, tag: Some("new") })
    ///     .prepare()?;
    ///
    /// assert_eq!(request.url.query(), Some("page=1&tag=new"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[cfg(feature = "json")]
    pub fn query(self, value: &(impl serde::Serialize + ?Sized)) -> Self {
        self.map(|request| request.query(value))
    }

    /// Adds a query as given: requests' `params="a=b"`. Only characters that must not stand in a URL are encoded.
    /// Without other parameters it takes the place of the session's `params`, as in requests.
    ///
    /// # Examples
    /// ```
    /// let request = petition::get("http://127.0.0.1/")
    ///     .query_string("raw=as%20given")
    ///     .prepare()?;
    ///
    /// assert_eq!(request.url.query(), Some("raw=as%20given"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn query_string(self, query: impl AsRef<str>) -> Self {
        self.map(|request| request.query_string(query))
    }

    /// Sets the body: text, bytes, pairs (form-encoded), a file, or a [`Body`]. It overrides [`json`](Self::json). Empty data
    /// is no body.
    ///
    /// A form that is a struct goes to [`form`](Self::form). Text and bytes have no Content-Type by themselves.
    ///
    /// # Examples
    /// ```
    /// let request = petition::post("http://127.0.0.1/")
    ///     .data([("name", "a b")])
    ///     .prepare()?;
    ///
    /// assert_eq!(request.body_bytes(), Some(&b"name=a+b"[..]));
    /// assert_eq!(
    ///     request.headers.get("content-type"),
    ///     Some("application/x-www-form-urlencoded")
    /// );
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[doc(alias = "body")]
    #[doc(alias = "send_string")]
    #[doc(alias = "send_bytes")]
    pub fn data(self, data: impl Into<Body>) -> Self {
        self.map(|request| request.data(data))
    }

    /// Sets a form as the body, form-encoded with `Content-Type: application/x-www-form-urlencoded`: the fields of `value`,
    /// as for [`query`](Self::query). `None` is left out. Needs the feature `json`; [`data`](Self::data) takes pairs without
    /// it.
    ///
    /// A value that is not flat makes [`send`](Self::send) return
    /// [`ErrorKind::InvalidSetting`](crate::ErrorKind::InvalidSetting).
    ///
    /// # Examples
    /// ```
    /// #[derive(serde::Serialize)]
    /// struct Login<'a> {
    ///     user: &'a str,
    ///     remember: bool,
    /// }
    ///
    /// let request = petition::post("http://127.0.0.1/")
    ///     .form(&Login { user: "a b", remember: true })
    ///     .prepare()?;
    ///
    /// assert_eq!(request.body_bytes(), Some(&b"user=a+b&remember=true"[..]));
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[cfg(feature = "json")]
    #[doc(alias = "send_form")]
    pub fn form(self, value: &(impl serde::Serialize + ?Sized)) -> Self {
        self.map(|request| request.form(value))
    }

    /// Sets a JSON body, compact and in UTF-8, with `Content-Type: application/json`. Needs the feature `json`.
    ///
    /// A value that cannot be serialized as JSON (NaN, a map whose keys are neither text nor numbers) makes
    /// [`send`](Self::send) return [`ErrorKind::InvalidJson`](crate::ErrorKind::InvalidJson).
    ///
    /// # Examples
    /// ```
    /// let request = petition::post("http://127.0.0.1/").json(&[1, 2]).prepare()?;
    ///
    /// assert_eq!(request.body_bytes(), Some(&b"[1,2]"[..]));
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[cfg(feature = "json")]
    #[doc(alias = "send_json")]
    pub fn json(self, value: impl serde::Serialize) -> Self {
        self.map(|request| request.json(value))
    }

    /// Sets files, which are sent as `multipart/form-data` together with the pairs of [`data`](Self::data), and streamed. They
    /// replace earlier ones. An empty form is none.
    ///
    /// # Examples
    /// ```
    /// use petition::Part;
    ///
    /// let part = Part::bytes("a,b\n").file_name("report.csv").mime("text/csv");
    /// let request = petition::post("http://127.0.0.1/")
    ///     .data([("title", "Report")])
    ///     .files([("doc", part)])
    ///     .prepare()?;
    ///
    /// assert!(
    ///     request.headers["content-type"]
    ///         .starts_with("multipart/form-data; boundary=")
    /// );
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[doc(alias = "multipart")]
    pub fn files(self, files: impl Into<Multipart>) -> Self {
        self.map(|request| request.files(files))
    }

    /// Adds a cookie for this request and its redirects to the same host, beside those of [`cookies`](Self::cookies). The
    /// value is text, or anything with a text form. The session does not keep it.
    ///
    /// # Examples
    /// ```
    /// let request = petition::get("http://127.0.0.1/")
    ///     .cookie("a", 1)
    ///     .cookie("b", "x")
    ///     .prepare()?;
    ///
    /// assert_eq!(request.headers.get("cookie"), Some("a=1; b=x"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn cookie(self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.map(|request| request.cookie(name, value))
    }

    /// Sets cookies for this request and its redirects to the same host: pairs, a map, or a [`CookieJar`]. The session does
    /// not keep them. They replace earlier ones. An empty jar is none.
    ///
    /// # Examples
    /// ```
    /// let request = petition::get("http://127.0.0.1/")
    ///     .cookies([("a", "1"), ("b", "2")])
    ///     .prepare()?;
    ///
    /// assert_eq!(request.headers.get("cookie"), Some("a=1; b=2"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn cookies(self, cookies: impl Into<CookieJar>) -> Self {
        self.map(|request| request.cookies(cookies))
    }

    /// Sets credentials: a pair for Basic, or any [`Auth`](crate::Auth). They override the session's, netrc and the URL's
    /// user info. With `None` those apply again.
    ///
    /// # Examples
    /// ```
    /// use petition::BearerAuth;
    ///
    /// let basic = petition::get("http://127.0.0.1/")
    ///     .auth(("user", "password"))
    ///     .prepare()?;
    /// let bearer = petition::get("http://127.0.0.1/")
    ///     .auth(BearerAuth::new("token"))
    ///     .prepare()?;
    ///
    /// assert_eq!(
    ///     basic.headers.get("authorization"),
    ///     Some("Basic dXNlcjpwYXNzd29yZA==")
    /// );
    /// assert_eq!(bearer.headers.get("authorization"), Some("Bearer token"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[doc(alias = "basic_auth")]
    #[doc(alias = "bearer_auth")]
    pub fn auth(self, auth: impl IntoAuth) -> Self {
        self.map(|request| request.auth(auth))
    }

    /// Adds a response hook, which may replace the response. The hooks of a request replace the session's.
    ///
    /// It is called for each response on the way, redirects included, before the session follows them. The response still has its
    /// connection: a request that the hook sends to the same host needs another, for which an adapter with `pool_block` may have
    /// no place until [`Timeout::pool`](crate::Timeout::pool) is over. Read the content first.
    ///
    /// # Examples
    /// ```
    /// # let mut session = petition::Session::new();
    /// # session.mount("mock://", petition::adapter_fn(|_, _| petition::Response::builder(503).build()));
    /// let error = session
    ///     .get("mock://h/")
    ///     .on_response(|response| response.error_for_status())
    ///     .send()
    ///     .unwrap_err();
    ///
    /// assert_eq!(error.status(), Some(petition::StatusCode::SERVICE_UNAVAILABLE));
    /// ```
    pub fn on_response(self, hook: impl Fn(Response) -> Result<Response> + Send + Sync + 'static) -> Self {
        self.map(|request| request.on_response(hook))
    }

    /// Asks the server for leave before a body is sent (`Expect: 100-continue`, RFC 9110 §10.1.1).
    ///
    /// The head goes out alone. The body follows when the server says 100 (Continue), or when `limit` has passed, as
    /// not every server knows the expectation; a usual limit is one second, as curl's. A final answer means that the
    /// body is not sent: a body that can be sent only once is then still unread, and can serve a redirect or the answer
    /// to a challenge. Without a body, nothing is asked. `None` takes it back; that is the default.
    ///
    /// # Coming from requests
    /// New here: requests does not wait for an answer, even with the header set by hand.
    pub fn expect_continue(self, limit: impl IntoLimit) -> Self {
        self.map(|request| request.expect_continue(limit))
    }
}
