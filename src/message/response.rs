//! A response: what came back, and its body.
//!
//! A [`Response`] is a handle. What came over the wire is shared by its clones and never changes; what the session adds
//! (history, `next`, elapsed time) is a second part, copied when one of several handles gets more of it. The body is a
//! boxed reader behind the response's own lock: it knows how to read, and what it gives back when it ends is its own
//! affair. Reading happens under that lock, the one exception to "no lock across IO"; see `message/stream`.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use http::{Method, StatusCode};
use parking_lot::{Mutex, MutexGuard};

use crate::cancel::Cancel;
use crate::clock;
use crate::cookies::CookieJar;
use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
pub use crate::http1::head::Version;
use crate::message::charset::{self, TextEncoding};
use crate::message::coding;
use crate::message::history::History;
#[cfg(feature = "json")]
use crate::message::json_text::json_text;
use crate::message::links::Link;
use crate::message::pair::Pair;
use crate::message::prepared::PreparedRequest;
use crate::message::stream::{BodySource, Seen, Stream};
use crate::retry::Retry;
use crate::semantics;
use crate::setting::IntoSetting;
use crate::status::IntoStatus;
use crate::url::{IntoUrl, Url};

/// A response: a handle, whose clones share one body and one connection.
///
/// Unless the request was sent with `stream(true)` the content is already there when `send` returns, and the connection
/// back in its pool.
///
/// # Examples
/// ```
/// let response = petition::Response::builder(404).header("Content-Type", "text/plain").body("no such page").build()?;
///
/// assert_eq!(response.text()?, "no such page");
/// assert!(!response.ok() && response.raise_for_status().is_err());
/// # Ok::<(), petition::Error>(())
/// ```
pub struct Response {
    pub(super) shared: Arc<Received>,
    meta: Arc<Meta>,
    /// What the program set in place of the header's charset.
    encoding: Option<Arc<str>>,
    /// How far `io::Read` has come in content that is kept.
    pub(super) position: usize,
    /// How far this handle has come in a stream.
    pub(super) seen: Seen,
}

/// A handle for another reader: it begins at the start.
impl Clone for Response {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            meta: Arc::clone(&self.meta),
            encoding: self.encoding.clone(),
            position: 0,
            seen: Seen::default(),
        }
    }
}

/// Where a body is.
pub(super) enum Place<'a> {
    Kept(&'a [u8]),
    Stream(MutexGuard<'a, Stream>),
}

/// What came over the wire.
pub(super) struct Received {
    status: StatusCode,
    reason: Cow<'static, str>,
    version: Version,
    headers: Headers,
    pub(super) content: OnceLock<Vec<u8>>,
    stream: Mutex<Stream>,
    /// What ends a read from another thread.
    closer: Option<Cancel>,
    /// It was closed while another thread had the stream.
    closing: AtomicBool,
}

impl Received {
    /// The stream, for one thread at a time. It is held while it is read.
    pub(super) fn stream(&self) -> MutexGuard<'_, Stream> {
        let mut stream = self.stream.lock();
        if self.closing.load(Ordering::Acquire) {
            stream.close();
        }
        stream
    }

    /// The content, once it is kept; else the stream.
    pub(super) fn body(&self) -> Place<'_> {
        if let Some(content) = self.content.get() {
            return Place::Kept(content);
        }
        let stream = self.stream();
        // Another thread may have kept it meanwhile.
        self.content.get().map_or(Place::Stream(stream), |content| Place::Kept(content))
    }

    /// Closes the stream; where another thread is reading it, that read ends, and nobody waits for it.
    pub(super) fn close(&self) {
        if let Some(mut stream) = self.stream.try_lock() {
            return stream.close();
        }
        self.closing.store(true, Ordering::Release);
        if let Some(closer) = &self.closer {
            closer.cancel();
        }
        // The other thread may have been done before it could see that.
        if let Some(mut stream) = self.stream.try_lock() {
            stream.close();
        }
    }
}

/// What is known about it.
#[derive(Clone, Default)]
struct Meta {
    url: Option<Url>,
    request: Option<PreparedRequest>,
    history: History,
    /// Boxed, as most responses have none, and each would make room for one.
    next: Option<Box<PreparedRequest>>,
    elapsed: Duration,
    /// The elapsed time by an adapter's own clock, until the session takes it in place of what it measured.
    measured: Option<Duration>,
    exchange: Exchange,
    retries: Option<Retry>,
    cookies: OnceLock<Box<CookieJar>>,
}

/// How a response was got: which connection, and where the time went.
///
/// Times are zero where the step did not happen: a reused connection has no DNS look-up, connect or TLS handshake.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Exchange {
    /// Whether the connection had served a request before.
    pub reused: bool,
    /// The connection's number in its pool, from 1, as in `Starting new HTTP connection (1)`; 0 without a pool, and for one
    /// that was connected again in its old place, which the log does not number either.
    pub connection: u64,
    /// The peer's address: the proxy's, where there is one.
    pub peer: Option<SocketAddr>,
    /// Waiting for a slot of the pool.
    pub waited: Duration,
    /// Name resolution.
    pub dns: Duration,
    /// TCP connect, and the tunnel where there is one.
    pub connect: Duration,
    /// TLS handshake.
    pub tls: Duration,
    /// From the start of the last attempt to the first byte of the answer.
    pub first_byte: Duration,
    /// Attempts that this response took, retries included.
    pub attempts: u32,
}

/// A response as an adapter makes it.
pub(crate) struct Parts {
    pub(crate) status: StatusCode,
    pub(crate) reason: Cow<'static, str>,
    pub(crate) version: Version,
    pub(crate) headers: Headers,
    pub(crate) limits: coding::DecodeLimits,
    /// `None`: no body, or an empty one.
    pub(crate) body: Option<Box<dyn BodySource>>,
    /// What ends a read of the body from another thread.
    pub(crate) closer: Option<Cancel>,
    pub(crate) exchange: Exchange,
    /// What it took to get here, by the clock of an adapter that has one of its own.
    pub(crate) elapsed: Option<Duration>,
    pub(crate) retries: Option<Retry>,
}

static NO_REQUEST: LazyLock<PreparedRequest> = LazyLock::new(|| {
    let url = Url::parse("http://localhost/").expect("a constant that parses");
    PreparedRequest::new(Method::GET, url, Headers::new())
});

impl Response {
    /// Starts a response of one's own, for adapters, hooks and tests.
    ///
    /// # Examples
    /// ```
    /// let response = petition::Response::builder(200).header("Set-Cookie", "a=1").header("Set-Cookie", "b=2").build()?;
    ///
    /// assert_eq!(response.headers().get_all("set-cookie").count(), 2);
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn builder(status: impl IntoStatus) -> ResponseBuilder {
        ResponseBuilder::new(status.into_status())
    }

    pub(crate) fn from_parts(parts: Parts) -> Self {
        let stream = Stream::new(parts.body, (parts.status, &parts.headers), parts.limits);
        Self {
            shared: Arc::new(Received {
                status: parts.status,
                reason: parts.reason,
                version: parts.version,
                headers: parts.headers,
                content: OnceLock::new(),
                stream: Mutex::new(stream),
                closer: parts.closer,
                closing: AtomicBool::new(false),
            }),
            meta: Arc::new(Meta {
                measured: parts.elapsed,
                exchange: parts.exchange,
                retries: parts.retries,
                ..Meta::default()
            }),
            encoding: None,
            position: 0,
            seen: Seen::default(),
        }
    }

    /// Adds what the session knows: a URL that an adapter gave stays, and so does a time by its own clock.
    pub(crate) fn attach(&mut self, request: PreparedRequest, elapsed: Duration) {
        let meta = Arc::make_mut(&mut self.meta);
        meta.url.get_or_insert_with(|| request.url.clone());
        meta.request = Some(request);
        meta.elapsed = meta.measured.take().unwrap_or(elapsed);
    }

    /// Adds the request, if it is missing: a hook may have made the response.
    pub(crate) fn attach_missing(&mut self, request: &PreparedRequest) {
        if self.meta.request.is_none() {
            self.attach(request.clone(), Duration::ZERO);
        }
    }

    pub(crate) fn set_history(&mut self, history: History) {
        if !history.is_empty() || !self.meta.history.is_empty() {
            Arc::make_mut(&mut self.meta).history = history;
        }
    }

    pub(crate) fn set_next(&mut self, next: PreparedRequest) {
        Arc::make_mut(&mut self.meta).next = Some(Box::new(next));
    }

    /// The status code.
    #[must_use]
    pub fn status_code(&self) -> StatusCode {
        self.shared.status
    }

    /// The reason phrase of the status line, `""` where there was none (FRAME-03).
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.shared.reason
    }

    /// The version of the status line.
    #[must_use]
    pub fn version(&self) -> Version {
        self.shared.version
    }

    /// The headers in order, as written, repeats apart.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.shared.headers
    }

    /// The final URL, with its fragment. Without a request, that of the builder, else that of [`request`](Self::request)'s
    /// stand-in.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.meta.url.as_ref().unwrap_or_else(|| &self.request().url)
    }

    /// The request that was sent last, after redirects and auth rounds.
    ///
    /// A session gives one to every response that it returns. Only a response that was [built](Self::builder) by hand, and
    /// that no session has returned, was made without a request; it gives a stand-in: `GET http://localhost/` without headers
    /// and without a body, whatever the builder's URL.
    ///
    /// # Examples
    /// ```
    /// let response = petition::Response::builder(200).build()?;
    ///
    /// assert_eq!((response.request().method.as_str(), response.request().url.as_str()), ("GET", "http://localhost/"));
    /// assert!(response.request().headers.is_empty());
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[must_use]
    pub fn request(&self) -> &PreparedRequest {
        self.meta.request.as_ref().unwrap_or_else(|| &NO_REQUEST)
    }

    /// The responses before this one, oldest first: redirects, and refusals that an auth answered (RESP-29).
    #[must_use]
    pub fn history(&self) -> &[Response] {
        self.meta.history.as_slice()
    }

    /// The request that a redirect which was not followed would make (RESP-28).
    #[must_use]
    pub fn next(&self) -> Option<&PreparedRequest> {
        self.meta.next.as_deref()
    }

    /// From before the adapter's `send` to the parsed head: retries, their sleeps and waiting for a slot included, the body
    /// not; each hop has its own (RESP-31).
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.meta.elapsed
    }

    /// How it was got: connection, peer, where the time went. New here.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        &self.meta.exchange
    }

    /// The [`Retry`] after this response's retries, with its history; `None` where the adapter does not retry (RETRY-37).
    #[must_use]
    pub fn retries(&self) -> Option<&Retry> {
        self.meta.retries.as_ref()
    }

    /// Whether the status is below 400, or above 599 (RESP-26).
    #[must_use]
    pub fn ok(&self) -> bool {
        !self.shared.status.is_client_error() && !self.shared.status.is_server_error()
    }

    /// Whether it is a redirect that could be followed: 301, 302, 303, 307 or 308 with a Location (RESP-27).
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        semantics::is_redirect(self.shared.status.as_u16()) && self.headers().contains("location")
    }

    /// Whether it is a 301 or 308 with a Location.
    #[must_use]
    pub fn is_permanent_redirect(&self) -> bool {
        semantics::is_permanent_redirect(self.shared.status.as_u16()) && self.headers().contains("location")
    }

    /// The cookies that this response set (RESP-35).
    #[must_use]
    pub fn cookies(&self) -> &CookieJar {
        self.meta.cookies.get_or_init(|| {
            let jar = CookieJar::new();
            self.store_cookies(&jar);
            Box::new(jar)
        })
    }

    /// Stores what this response sets in `jar`.
    pub(crate) fn store_cookies(&self, jar: &CookieJar) {
        if self.headers().contains("set-cookie") {
            let request = self.request();
            jar.absorb(&request.cookie_target(), self.headers().get_all("set-cookie"), clock::wall());
        }
    }

    /// The links of the `Link` headers, in order: see [`Link::parse_header`] (RESP-32).
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        self.headers().get_all("link").flat_map(Link::parse_header).collect()
    }

    /// The response itself if its status is no error, else [`ErrorKind::HttpError`] with the response in it (RESP-25).
    ///
    /// # Errors
    /// The status is 400 to 599: `404 Client Error: Not Found for url: http://…`.
    pub fn raise_for_status(&self) -> Result<&Self> {
        if self.ok() { Ok(self) } else { Err(self.status_error()) }
    }

    /// As [`raise_for_status`](Self::raise_for_status), by value, for chains.
    ///
    /// # Errors
    /// The status is 400 to 599.
    pub fn error_for_status(self) -> Result<Self> {
        if self.ok() { Ok(self) } else { Err(self.status_error()) }
    }

    /// What is wrong with the status, where it is not the one that was hoped for.
    pub(crate) fn status_error(&self) -> Error {
        let code = self.status_code().as_u16();
        let fault = match code {
            400..=499 => "Client Error",
            500..=599 => "Server Error",
            _ => "Unexpected Status",
        };
        // A peer's control bytes must not reach a terminal.
        let reason: Cow<'_, str> = match self.reason() {
            reason if reason.chars().any(char::is_control) => reason.escape_debug().to_string().into(),
            reason => reason.into(),
        };
        let text = format!("{code} {fault}: {reason} for url: {}", self.url().without_user_info());
        Error::message(ErrorKind::HttpError, text).with_url(self.url()).with_response(self.clone())
    }

    /// The charset that [`text`](Self::text) decodes with: what was set, else what the `Content-Type` says or implies:
    /// ISO-8859-1 for `text/*`, UTF-8 for JSON, else `None` (RESP-15).
    ///
    /// The name stands here as it was given, also where it is none that this build decodes:
    /// [`text_encoding`](Self::text_encoding) says whether `text` falls back to UTF-8.
    #[must_use]
    pub fn encoding(&self) -> Option<&str> {
        match &self.encoding {
            Some(set) => Some(set),
            None => self.encoding_from_headers(),
        }
    }

    /// RESP-15. Of several Content-Types the last charset counts, as in requests, which joins them.
    fn encoding_from_headers(&self) -> Option<&str> {
        let mut types = self.headers().get_all("content-type");
        let first = types.next();
        let names_one = |value: &&str| value.to_ascii_lowercase().contains("charset");
        let last =
            types.next().and_then(|second| first.into_iter().chain([second]).chain(types).filter(names_one).last());
        charset::encoding_from_headers(last.or(first))
    }

    /// Sets the charset for this handle; an unknown one counts as UTF-8. `None` forgets what was set, so that the headers
    /// decide again.
    ///
    /// # Coming from requests
    /// `r.encoding = "utf-8"`. There `r.encoding = None` asks for a guess; here
    /// `r.set_encoding(r.apparent_encoding()?)` does.
    pub fn set_encoding(&mut self, encoding: impl IntoSetting<String>) {
        self.encoding = encoding.into_setting().map(Arc::from);
    }

    /// A guess at the charset from the content itself: by feature `charset-detect`, and a plain UTF-8 check without it.
    ///
    /// # Errors
    /// As [`content`](Self::content).
    pub fn apparent_encoding(&self) -> Result<String> {
        Ok(charset::apparent_encoding(self.content()?))
    }

    /// What [`text`](Self::text) decodes the content with, and why: a byte-order mark, [`encoding`](Self::encoding), a
    /// guess, or UTF-8 for want of the encoding that is named. New here.
    ///
    /// # Errors
    /// As [`content`](Self::content).
    ///
    /// # Examples
    /// ```
    /// use petition::{Response, TextEncoding};
    ///
    /// let response = Response::builder(200).header("Content-Type", "text/plain; charset=cp437").body("caf\u{e9}").build()?;
    ///
    /// assert_eq!(response.encoding(), Some("cp437"));
    /// assert_eq!(response.text_encoding()?, TextEncoding::Fallback("cp437".to_owned()));
    /// assert_eq!(response.text_encoding()?.name(), "utf-8");
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn text_encoding(&self) -> Result<TextEncoding> {
        Ok(TextEncoding::of(self.content()?, self.encoding()))
    }

    /// The content as text: decoded by [`encoding`](Self::encoding), or by the apparent one; what does not decode becomes
    /// U+FFFD, a byte-order mark wins and is left out.
    ///
    /// Decoded are UTF-8, UTF-16, UTF-32, Latin-1 and ASCII, and with the feature `charset` the encodings of the web, by its
    /// names or Python's. Python, and so requests, has others, which are read as UTF-8 here, as an unknown name is:
    ///
    /// - the code pages of DOS, except cp866: cp437, cp720, cp737, cp775, cp850 to cp865, cp869, cp1125;
    /// - EBCDIC: cp037, cp273, cp424, cp500, cp875, cp1026, cp1140;
    /// - those of the Macintosh, except `mac_roman` and `mac_cyrillic`;
    /// - UTF-7, HZ, ISO-2022-KR, ISO-2022-JP beyond its first edition, Johab, JIS X 0213 (`shift_jis_2004`, `euc_jis_2004` and
    ///   their like), cp1006, KOI8-T, KZ-1048, PTCP154, HP Roman-8.
    ///
    /// [`text_encoding`](Self::text_encoding) tells; the bytes are in [`content`](Self::content).
    ///
    /// # Errors
    /// As [`content`](Self::content).
    pub fn text(&self) -> Result<String> {
        let content = self.content()?;
        Ok(match self.encoding() {
            Some(encoding) => charset::decode(content, Some(encoding)),
            None => charset::decode(content, Some(&charset::apparent_encoding(content))),
        })
    }

    /// The content as text, without a copy where it is UTF-8 and no other handle shares it.
    ///
    /// # Errors
    /// As [`content`](Self::content).
    pub fn into_text(self) -> Result<String> {
        let encoding = match self.encoding() {
            Some(encoding) => encoding.to_owned(),
            None => charset::apparent_encoding(self.content()?),
        };
        Ok(charset::into_text(self.into_content()?, Some(&encoding)))
    }

    /// The content, parsed as JSON into any type that serde can make.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidJson`]: it is not JSON, or not of that shape; the text says where, and shows the start of what
    /// came. Else as [`content`](Self::content).
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        let text = json_text(self.content()?, self.encoding());
        serde_json::from_str(&text).map_err(|error| {
            let start: String = text.chars().take(40).collect();
            let text = format!("not the json that was asked for: {error}; it begins with {start:?}");
            self.at_peer(Error::message(ErrorKind::InvalidJson, text))
                .with_source(error)
                .with_url(self.url())
                .with_response(self.clone())
        })
    }

    /// An error of reading the body, with the request and where it was sent to.
    pub(super) fn with_context(&self, error: Error) -> Error {
        let error = match &self.meta.request {
            Some(request) => error.with_request(request),
            None => error,
        };
        match error.kind() {
            // What the program or its own reader did wrong has nothing to do with the peer.
            ErrorKind::StreamConsumed | ErrorKind::InvalidSetting | ErrorKind::Io | ErrorKind::Other => error,
            _ => self.at_peer(error),
        }
    }

    /// The same through `io::Error`.
    pub(super) fn io_context(&self, error: io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::Interrupted {
            return error;
        }
        self.with_context(error.into()).into()
    }

    fn at_peer(&self, error: Error) -> Error {
        let url = self.meta.url.as_ref().or(self.meta.request.as_ref().map(|request| &request.url));
        match url {
            Some(url) => error.at(url),
            None => error,
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.shared.status)
            .field("url", &format_args!("{}", self.url().without_user_info()))
            .field("headers", &self.shared.headers)
            .finish_non_exhaustive()
    }
}

/// requests' text form, `<Response [200]>` (RESP-37).
impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Response [{}]>", self.shared.status.as_u16())
    }
}

/// Makes a [`Response`]: see [`Response::builder`].
#[must_use = "a builder does nothing until `build`"]
pub struct ResponseBuilder {
    status: u16,
    reason: Option<String>,
    headers: Headers,
    url: Option<Url>,
    body: Option<Box<dyn BodySource>>,
    error: Option<Error>,
}

impl ResponseBuilder {
    fn new(status: u16) -> Self {
        Self { status, reason: None, headers: Headers::new(), url: None, body: None, error: None }
    }

    /// Appends a header, beside others of its name. The value is text, or anything that has a text form.
    ///
    /// What cannot be a header is [`ErrorKind::InvalidHeader`] at [`build`](Self::build), as in
    /// [`Headers::append`](crate::Headers::append).
    pub fn header(mut self, name: impl AsRef<str>, value: impl fmt::Display) -> Self {
        if let Err(error) = self.headers.append(name, value) {
            self.error.get_or_insert(error);
        }
        self
    }

    /// Appends several headers, as [`header`](Self::header) does.
    pub fn headers<I: IntoIterator<Item: Pair>>(self, headers: I) -> Self {
        headers.into_iter().fold(self, |builder, pair| builder.header(pair.name(), pair.value()))
    }

    /// The reason phrase; the status's own by default, and with `None`.
    pub fn reason(mut self, reason: impl IntoSetting<String>) -> Self {
        self.reason = reason.into_setting();
        self
    }

    /// The URL, where it is not the request's.
    ///
    /// One that is not valid is an error of [`build`](Self::build).
    pub fn url(mut self, url: impl IntoUrl) -> Self {
        match url.resolve(None) {
            Ok(url) => self.url = Some(url),
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
        self
    }

    /// The body, as it would come over the wire: a `Content-Encoding` header says how it is decoded.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        self.reader(std::io::Cursor::new(body.into()))
    }

    /// A body that is read when it is asked for.
    pub fn reader(mut self, reader: impl std::io::Read + Send + 'static) -> Self {
        self.body = Some(Box::new(crate::message::stream::Plain(reader)));
        self
    }

    /// The response.
    ///
    /// # Errors
    /// The first header or URL that is not valid, as [`ErrorKind::InvalidHeader`] or a URL's kind;
    /// [`ErrorKind::InvalidSetting`] for a status below 100 or above 999.
    pub fn build(self) -> Result<Response> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let status = StatusCode::from_u16(self.status).map_err(|_| {
            Error::message(ErrorKind::InvalidSetting, format!("status must be 100 to 999, not {}", self.status))
        })?;
        let reason = self.reason.map_or_else(|| status.canonical_reason().unwrap_or_default().into(), Cow::Owned);
        let mut response = Response::from_parts(Parts {
            status,
            reason,
            version: Version::Http11,
            headers: self.headers,
            limits: coding::DecodeLimits::default(),
            body: self.body,
            closer: None,
            exchange: Exchange::default(),
            elapsed: None,
            retries: None,
        });
        if let Some(url) = self.url {
            Arc::make_mut(&mut response.meta).url = Some(url);
        }
        Ok(response)
    }
}

impl fmt::Debug for ResponseBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBuilder")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
