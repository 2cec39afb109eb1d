//! A response and its body.
//!
//! A [`Response`] is a handle. What came over the wire is shared by its clones and never changes. What the session adds
//! (the request, history, `next`, elapsed time) is a second part, which is copied when one of several handles changes it. It
//! is there before the response: the request is prepared in it, and not moved while it is sent. The body is a
//! boxed reader behind the response's own lock. Reading happens under that lock, which is the one exception to "no lock across
//! IO"; see `message/stream.rs`.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use parking_lot::{Mutex, MutexGuard};

use crate::cancel::Cancel;
use crate::clock;
use crate::cookies::CookieJar;
use crate::error::{Error, ErrorKind, Result};
use crate::headers::{Headers, IntoHeaderValue, IntoHeaders};
use crate::http1::framing;
pub use crate::http1::head::Version;
#[cfg(feature = "json")]
use crate::message::body::Body;
use crate::message::charset::{self, TextEncoding};
use crate::message::coding;
use crate::message::history::History;
#[cfg(feature = "json")]
use crate::message::json_text::{inert, json_text};
use crate::message::links::Link;
use crate::message::prepared::PreparedRequest;
use crate::message::seldom::{Seldom, Usual};
use crate::message::stream::{BodySource, Seen, Stream};
use crate::retry::Retry;
use crate::semantics;
use crate::setting::IntoSetting;
use crate::status::IntoStatus;
use crate::text::printable::printable;
use crate::url::{IntoUrl, Url};

/// A response. It is a handle: clones share one body and one connection.
///
/// Unless the request was sent with `stream(true)`, the content has been read when `send` returns, and the connection is back
/// in its pool.
///
/// # Examples
/// ```
/// let response = petition::Response::builder(404)
///     .header("Content-Type", "text/plain")
///     .body("no such page")
///     .build()?;
///
/// assert_eq!(response.text()?, "no such page");
/// assert!(!response.ok() && response.raise_for_status().is_err());
/// # Ok::<(), petition::Error>(())
/// ```
pub struct Response {
    pub(super) shared: Arc<Received>,
    /// `None` until a session adds something.
    meta: Option<Arc<Meta>>,
    pub(super) own: Seldom<Own>,
}

/// What a handle has for itself, once it was read from, or told of an encoding.
#[derive(Default)]
pub(super) struct Own {
    /// The encoding that the program set instead of the header's charset.
    encoding: Option<Arc<str>>,
    /// How far `io::Read` has read content that is kept.
    pub(super) position: usize,
    /// How far this handle has read a stream.
    pub(super) seen: Seen,
}

impl Usual for Own {
    fn usual() -> &'static Self {
        static USUAL: Own = Own { encoding: None, position: 0, seen: Seen::NONE };
        &USUAL
    }
}

/// A handle for another reader: it begins at the start.
impl Clone for Response {
    fn clone(&self) -> Self {
        let mut own = Seldom::default();
        if let Some(encoding) = &self.own.encoding {
            own = Seldom::new(Own { encoding: Some(Arc::clone(encoding)), ..Own::default() });
        }
        Self { shared: Arc::clone(&self.shared), meta: self.meta.clone(), own }
    }
}

/// Where the body is.
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
    /// The content that came with the head. It is there from the start, so that nobody has to wait for it.
    pub(super) whole: Option<Vec<u8>>,
    /// Other content, once it was read.
    pub(super) content: OnceLock<Vec<u8>>,
    stream: Mutex<Stream>,
    exchange: Exchange,
    /// When the head had arrived, by the system's clock.
    answered: Option<Instant>,
    /// The elapsed time by an adapter's own clock, which the session uses instead of its own measurement.
    measured: Option<Duration>,
    retries: Option<Arc<Retry>>,
    /// What it set, as far as that can be said without a request: for a program's own response, or an adapter that looks.
    cookies: OnceLock<Box<CookieJar>>,
    /// What ends a read from another thread.
    closer: Option<Cancel>,
    /// Whether it was closed while another thread had the stream.
    closing: AtomicBool,
}

impl Received {
    /// The stream, for one thread at a time. The lock is held while reading.
    pub(super) fn stream(&self) -> MutexGuard<'_, Stream> {
        let mut stream = self.stream.lock();
        if self.closing.load(Ordering::Acquire) {
            stream.close();
        }
        stream
    }

    /// The content, if it was read.
    #[inline]
    pub(super) fn kept(&self) -> Option<&Vec<u8>> {
        self.whole.as_ref().or_else(|| self.content.get())
    }

    /// The content, once it is kept; otherwise the stream.
    pub(super) fn body(&self) -> Place<'_> {
        if let Some(content) = self.kept() {
            return Place::Kept(content);
        }
        let stream = self.stream();
        // Another thread may have kept it meanwhile.
        self.content.get().map_or(Place::Stream(stream), |content| Place::Kept(content))
    }

    /// Closes the stream. If another thread is reading it, that read ends, and this call does not wait for it.
    pub(super) fn close(&self) {
        if let Some(mut stream) = self.stream.try_lock() {
            return stream.close();
        }
        self.closing.store(true, Ordering::Release);
        if let Some(closer) = &self.closer {
            closer.cancel();
        }
        // The other thread may have finished before it could see the flag.
        if let Some(mut stream) = self.stream.try_lock() {
            stream.close();
        }
    }
}

/// What the session knows about the response.
#[derive(Clone, Default)]
struct Meta {
    request: Option<PreparedRequest>,
    /// Boxed, because most responses have nothing of it.
    seldom: Option<Box<SeldomMeta>>,
    elapsed: Elapsed,
    /// What it set, by the rules for the request's host.
    cookies: OnceLock<Box<CookieJar>>,
}

#[derive(Clone, Default)]
struct SeldomMeta {
    /// If it is not the request's. Boxed once more, because redirects have histories, and no URL here.
    url: Option<Box<Url>>,
    history: History,
    next: Option<Box<PreparedRequest>>,
}

impl Meta {
    fn url(&self) -> Option<&Url> {
        self.seldom.as_ref()?.url.as_deref()
    }

    fn seldom_mut(&mut self) -> &mut SeldomMeta {
        self.seldom.get_or_insert_default()
    }
}

/// How long an answer took. Two times are kept as they are, because to subtract them costs more, and few programs ask.
#[derive(Clone, Copy)]
pub(crate) enum Elapsed {
    Is(Duration),
    Between(Instant, Instant),
}

impl Elapsed {
    fn get(self) -> Duration {
        match self {
            Self::Is(elapsed) => elapsed,
            Self::Between(began, ended) => ended.saturating_duration_since(began),
        }
    }
}

impl Default for Elapsed {
    fn default() -> Self {
        Self::Is(Duration::ZERO)
    }
}

/// A request on its way, where the response will have it.
pub(crate) struct Outgoing {
    meta: Arc<Meta>,
}

impl Outgoing {
    pub(crate) fn new(request: PreparedRequest) -> Self {
        // Each field by name: taking the others out of a default would copy the request once more.
        let (seldom, elapsed, cookies) = (None, Elapsed::default(), OnceLock::new());
        Self { meta: Arc::new(Meta { request: Some(request), seldom, elapsed, cookies }) }
    }

    pub(crate) fn request(&self) -> &PreparedRequest {
        self.meta.request.as_ref().expect("it is made with a request")
    }

    pub(crate) fn request_mut(&mut self) -> &mut PreparedRequest {
        let meta = Arc::get_mut(&mut self.meta).expect("it has the only handle");
        meta.request.as_mut().expect("it is made with a request")
    }

    pub(crate) fn into_request(self) -> PreparedRequest {
        let meta = Arc::into_inner(self.meta).expect("it has the only handle");
        meta.request.expect("it is made with a request")
    }
}

/// What happened on the wire: which connection was used, and where the time went.
///
/// A time is zero if its step did not happen: a reused connection has no DNS lookup, connect or TLS handshake.
///
/// # Examples
/// ```no_run
/// let response = petition::get("https://example.com/").send()?;
///
/// let exchange = response.exchange();
/// println!(
///     "connected in {:?}, answered in {:?}",
///     exchange.connect + exchange.tls,
///     exchange.first_byte
/// );
/// # Ok::<(), petition::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
#[doc(alias = "metrics")]
pub struct Exchange {
    /// Whether the connection had already served a request.
    pub reused: bool,
    /// The number of the connection in its pool, from 1, as in `Starting new HTTP connection (1)`. 0 without a pool, and for a
    /// slot that was connected again, which the log does not number either.
    pub connection: u64,
    /// The peer's address; the proxy's if there is one.
    #[doc(alias = "remote_addr")]
    pub peer: Option<SocketAddr>,
    /// The wait for a slot of the pool, and for the pace of the origin.
    pub waited: Duration,
    /// Name resolution.
    pub dns: Duration,
    /// TCP connect, and the tunnel if there is one.
    pub connect: Duration,
    /// TLS handshake.
    pub tls: Duration,
    /// From when the last attempt had its connection, so without the wait for it and without what it took to make it, to the
    /// first byte of the answer: sending the request and waiting for the server.
    pub first_byte: Duration,
    /// The number of attempts, including retries.
    pub attempts: u32,
    /// Whether the last attempt sent the request twice, because the reused connection had been closed; see
    /// [`replay_stale`](crate::HttpAdapterBuilder::replay_stale).
    pub replayed: bool,
}

/// The parts of which an adapter makes a response.
pub(crate) struct Parts {
    pub(crate) status: StatusCode,
    pub(crate) reason: Cow<'static, str>,
    pub(crate) version: Version,
    pub(crate) headers: Headers,
    pub(crate) limits: coding::DecodeLimits,
    /// `None`: no body, or an empty one.
    pub(crate) body: Option<Box<dyn BodySource>>,
    /// The content, if it came with the head and is kept at once; then there is no `body`.
    pub(crate) content: Option<Vec<u8>>,
    /// What ends a read of the body from another thread.
    pub(crate) closer: Option<Cancel>,
    pub(crate) exchange: Exchange,
    /// When the head had arrived, if that was measured by the system's clock.
    pub(crate) answered: Option<Instant>,
    pub(crate) retries: Option<Arc<Retry>>,
}

static NO_REQUEST: LazyLock<PreparedRequest> = LazyLock::new(|| {
    let url = Url::parse("http://localhost/").expect("a constant that parses");
    PreparedRequest::new(Method::GET, url, Headers::new())
});

impl Response {
    /// Starts to build a response, for adapters, hooks and tests.
    ///
    /// # Examples
    /// ```
    /// let response = petition::Response::builder(200)
    ///     .header("Set-Cookie", "a=1")
    ///     .header("Set-Cookie", "b=2")
    ///     .build()?;
    ///
    /// assert_eq!(response.headers().get_all("set-cookie").count(), 2);
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn builder(status: impl IntoStatus) -> ResponseBuilder {
        ResponseBuilder::new(status.into_status())
    }

    #[inline]
    pub(crate) fn from_parts(parts: Parts) -> Self {
        // A body that is still to come is mostly read through this handle, and reading allocates nothing.
        let own = if parts.body.is_some() { Seldom::new(Own::default()) } else { Seldom::default() };
        let stream = Stream::new(parts.body, (parts.status, &parts.headers), parts.limits);
        Self {
            shared: Arc::new(Received {
                status: parts.status,
                reason: parts.reason,
                version: parts.version,
                headers: parts.headers,
                whole: parts.content,
                content: OnceLock::new(),
                stream: Mutex::new(stream),
                exchange: parts.exchange,
                answered: parts.answered,
                measured: None,
                retries: parts.retries,
                cookies: OnceLock::new(),
                closer: parts.closer,
                closing: AtomicBool::new(false),
            }),
            meta: None,
            own,
        }
    }

    /// Puts something between a body that nobody has read and its reader; it is told the limits of that.
    #[cfg(all(feature = "testing", feature = "json"))]
    pub(crate) fn wrap_body(
        &self,
        wrap: impl FnOnce(Box<dyn BodySource>, coding::DecodeLimits) -> Box<dyn BodySource>,
    ) {
        self.shared.stream().wrap(wrap);
    }

    /// Adds what the session knows. A URL and an elapsed time from the adapter are kept.
    pub(crate) fn attach(&mut self, request: Outgoing, elapsed: Elapsed) {
        match &mut self.meta {
            None => {
                let mut meta = request.meta;
                if let Some(new) = Arc::get_mut(&mut meta) {
                    new.elapsed = self.shared.measured.map_or(elapsed, Elapsed::Is);
                }
                self.meta = Some(meta);
            }
            // The adapter has a session of its own, or made the response with a URL.
            Some(meta) => {
                let meta = Arc::make_mut(meta);
                let inner = meta.request.replace(request.into_request());
                meta.cookies = OnceLock::new();
                if let Some(inner) = inner.filter(|_| meta.url().is_none()) {
                    meta.seldom_mut().url = Some(Box::new(inner.url));
                }
                meta.elapsed = elapsed;
            }
        }
    }

    /// Adds the request if it is missing, as in a response that a hook made.
    pub(crate) fn attach_missing(&mut self, request: &PreparedRequest) {
        if self.meta.as_ref().is_none_or(|meta| meta.request.is_none()) {
            self.attach(Outgoing::new(request.clone()), Elapsed::default());
        }
    }

    /// When the head had arrived, if it came from an engine that uses the system's clock.
    pub(crate) fn answered(&self) -> Option<Instant> {
        self.shared.answered
    }

    /// Adds the elapsed time by an adapter's own clock.
    pub(crate) fn set_measured(&mut self, elapsed: Duration) {
        self.received_mut().measured = Some(elapsed);
    }

    /// Replaces what [`retries`](Self::retries) returns.
    pub(crate) fn set_retries(&mut self, retries: Retry) {
        self.received_mut().retries = Some(Arc::new(retries));
    }

    fn received_mut(&mut self) -> &mut Received {
        Arc::get_mut(&mut self.shared).expect("an engine that changes its response has the only handle")
    }

    pub(crate) fn set_history(&mut self, history: History) {
        if !history.is_empty() || !self.history().is_empty() {
            self.meta_mut().seldom_mut().history = history;
        }
    }

    pub(crate) fn set_next(&mut self, next: PreparedRequest) {
        self.meta_mut().seldom_mut().next = Some(Box::new(next));
    }

    fn meta_mut(&mut self) -> &mut Meta {
        Arc::make_mut(self.meta.get_or_insert_default())
    }

    /// The status code.
    #[must_use]
    #[doc(alias = "status")]
    pub fn status_code(&self) -> StatusCode {
        self.shared.status
    }

    /// The reason phrase of the status line; `""` if there was none.
    #[must_use]
    #[doc(alias = "status_text")]
    pub fn reason(&self) -> &str {
        &self.shared.reason
    }

    /// The version of the status line.
    #[must_use]
    #[doc(alias = "http_version")]
    pub fn version(&self) -> Version {
        self.shared.version
    }

    /// The headers, in order and as written; repeated headers are separate.
    #[must_use]
    #[doc(alias = "header_map")]
    pub fn headers(&self) -> &Headers {
        &self.shared.headers
    }

    /// The length of the body on the wire as `Content-Length` states it; `None` if it is absent or no length, or if a transfer
    /// coding overrides it (RFC 9112 §6.3).
    ///
    /// With a content coding it is the coded length. The answer to a HEAD request states the length that a GET would have.
    ///
    /// # Examples
    /// ```
    /// let response = petition::Response::builder(200)
    ///     .header("Content-Length", 4)
    ///     .body("text")
    ///     .build()?;
    ///
    /// assert_eq!(response.content_length(), Some(4));
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        framing::stated_length(self.headers())
    }

    /// Whether a content coding was undone, once the content is kept.
    pub(super) fn was_decoded(&self) -> bool {
        !self.shared.stream().is_as_it_came()
    }

    /// The final URL, with its fragment. Without a request it is that of the builder, otherwise that of the placeholder which
    /// [`request`](Self::request) returns.
    #[must_use]
    #[doc(alias = "get_url")]
    #[doc(alias = "final_url")]
    pub fn url(&self) -> &Url {
        let own = self.meta.as_ref().and_then(|meta| meta.url());
        own.unwrap_or_else(|| &self.request().url)
    }

    /// The request that was sent last, after redirects and auth rounds.
    ///
    /// Every response from a session has one. A response that was [built](Self::builder) by hand and did not come from a
    /// session has none, and returns a placeholder: `GET http://localhost/` without headers and body, whatever the builder's
    /// URL.
    ///
    /// # Examples
    /// ```
    /// let response = petition::Response::builder(200).build()?;
    ///
    /// assert_eq!(
    ///     (response.request().method.as_str(), response.request().url.as_str()),
    ///     ("GET", "http://localhost/")
    /// );
    /// assert!(response.request().headers.is_empty());
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[must_use]
    pub fn request(&self) -> &PreparedRequest {
        self.own_request().unwrap_or_else(|| &NO_REQUEST)
    }

    fn own_request(&self) -> Option<&PreparedRequest> {
        self.meta.as_ref()?.request.as_ref()
    }

    /// The responses before this one, oldest first: redirects, and challenges that an auth answered.
    #[must_use]
    #[doc(alias = "redirect_history")]
    pub fn history(&self) -> &[Response] {
        let seldom = self.meta.as_ref().and_then(|meta| meta.seldom.as_ref());
        seldom.map_or(&[], |seldom| seldom.history.as_slice())
    }

    /// The request that would follow a redirect that was not followed.
    #[must_use]
    pub fn next(&self) -> Option<&PreparedRequest> {
        self.meta.as_ref()?.seldom.as_ref()?.next.as_deref()
    }

    /// The time from before the adapter's `send` until the head was parsed. It includes retries, their sleeps and the wait for
    /// a slot, but not the body. Each hop has its own.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.meta.as_ref().map_or(Duration::ZERO, |meta| meta.elapsed.get())
    }

    /// What happened on the wire: connection, peer, where the time went. New here.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        &self.shared.exchange
    }

    /// The [`Retry`] after this response's retries, with its history; `None` if the adapter does not retry.
    #[must_use]
    pub fn retries(&self) -> Option<&Retry> {
        self.shared.retries.as_deref()
    }

    /// Whether the status is below 400 or above 599.
    #[must_use]
    pub fn ok(&self) -> bool {
        !self.shared.status.is_client_error() && !self.shared.status.is_server_error()
    }

    /// Whether it is a redirect that can be followed: 301, 302, 303, 307 or 308 with a Location.
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        semantics::is_redirect(self.shared.status.as_u16()) && self.headers().contains("location")
    }

    /// Whether it is a 301 or 308 with a Location.
    #[must_use]
    pub fn is_permanent_redirect(&self) -> bool {
        semantics::is_permanent_redirect(self.shared.status.as_u16()) && self.headers().contains("location")
    }

    /// The cookies that this response set.
    #[must_use]
    pub fn cookies(&self) -> &CookieJar {
        let kept = self.meta.as_ref().map_or(&self.shared.cookies, |meta| &meta.cookies);
        kept.get_or_init(|| {
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

    /// The links of the `Link` headers, in order: see [`Link::parse_header`].
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        self.headers().get_all("link").flat_map(Link::parse_header).collect()
    }

    /// Returns the response if its status is not an error, otherwise [`ErrorKind::HttpError`], which has the response.
    ///
    /// # Errors
    /// If the status is 400 to 599: `404 Client Error: Not Found for url: http://…`.
    ///
    /// # Examples
    /// ```
    /// # let mut session = petition::Session::new();
    /// # session.mount("mock://", petition::adapter_fn(|_, _| petition::Response::builder(404).body("no such page").build()));
    /// let response = session.get("mock://h/").send()?;
    ///
    /// let error = response.raise_for_status().unwrap_err();
    ///
    /// assert_eq!(
    ///     error.to_string(),
    ///     "404 Client Error: Not Found for url: mock://h/"
    /// );
    /// assert_eq!(error.into_response().unwrap().text()?, "no such page");
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[doc(alias = "error_for_status_ref")]
    pub fn raise_for_status(&self) -> Result<&Self> {
        if self.ok() { Ok(self) } else { Err(self.status_error(&self.url().without_user_info())) }
    }

    /// Returns the response if its status is not an error, otherwise [`ErrorKind::HttpError`]: by value, for chains.
    ///
    /// [`raise_for_status`](Self::raise_for_status) does the same by reference.
    ///
    /// # Errors
    /// If the status is 400 to 599.
    ///
    /// # Examples
    /// ```
    /// # let mut session = petition::Session::new();
    /// # session.mount("mock://", petition::adapter_fn(|_, _| petition::Response::builder(503).build()));
    /// use petition::Response;
    ///
    /// let sent = session.get("mock://h/").send();
    /// let error = sent.and_then(Response::error_for_status).unwrap_err();
    ///
    /// assert_eq!(error.status().unwrap(), 503);
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn error_for_status(self) -> Result<Self> {
        if self.ok() { Ok(self) } else { Err(self.status_error(&self.url().without_user_info())) }
    }

    /// What is wrong with the status, where it is not the one that was hoped for, with the URL as it is shown.
    pub(crate) fn status_error(&self, shown: &str) -> Error {
        let code = self.status_code().as_u16();
        let fault = match code {
            400..=499 => "Client Error",
            500..=599 => "Server Error",
            _ => "Unexpected Status",
        };
        // Control bytes from a peer must not reach a terminal.
        let reason: Cow<'_, str> = match self.reason() {
            reason if reason.chars().any(char::is_control) => reason.escape_debug().to_string().into(),
            reason => reason.into(),
        };
        let text = format!("{code} {fault}: {reason} for url: {shown}");
        Error::message(ErrorKind::HttpError, text).with_url(self.url()).with_response(self.clone())
    }

    /// The encoding for [`text`](Self::text): the one that was set, or the one that `Content-Type` names or implies
    /// (ISO-8859-1 for `text/*`, UTF-8 for JSON); otherwise `None`.
    ///
    /// It is the name as given, even if this build does not decode it. [`text_encoding`](Self::text_encoding) says whether
    /// `text` falls back to UTF-8.
    #[must_use]
    #[doc(alias = "charset")]
    #[doc(alias = "text_with_charset")]
    pub fn encoding(&self) -> Option<&str> {
        match &self.own.encoding {
            Some(set) => Some(set),
            None => self.encoding_from_headers(),
        }
    }

    /// The encoding by the headers. The last charset of several Content-Types counts, as in requests, which joins them.
    fn encoding_from_headers(&self) -> Option<&str> {
        // Spelled as most servers do, which is compared fastest.
        let mut types = self.headers().get_all("Content-Type");
        let first = types.next();
        let names_one = |value: &&str| value.to_ascii_lowercase().contains("charset");
        let last =
            types.next().and_then(|second| first.into_iter().chain([second]).chain(types).filter(names_one).last());
        charset::encoding_from_headers(last.or(first))
    }

    /// Sets the encoding for this handle. An unknown one counts as UTF-8. With `None` the headers decide again.
    ///
    /// # Coming from requests
    /// `r.encoding = "utf-8"`. In requests `r.encoding = None` asks for a guess; here
    /// `r.set_encoding(r.apparent_encoding()?)` does.
    pub fn set_encoding(&mut self, encoding: impl IntoSetting<String>) {
        self.own.encoding = encoding.into_setting().map(Arc::from);
    }

    /// The encoding guessed from the content, with the feature `charset-detect`. Without it, only ASCII, UTF-8 and ISO-8859-1
    /// are distinguished.
    ///
    /// # Errors
    /// As [`content`](Self::content).
    #[doc(alias = "chardet")]
    pub fn apparent_encoding(&self) -> Result<String> {
        Ok(charset::apparent_encoding(self.content()?))
    }

    /// The encoding that [`text`](Self::text) uses, and why: a byte-order mark, [`encoding`](Self::encoding), a guess, or UTF-8
    /// because this build does not decode the named encoding. New here.
    ///
    /// # Errors
    /// As [`content`](Self::content).
    ///
    /// # Examples
    /// ```
    /// use petition::{Response, TextEncoding};
    ///
    /// let response = Response::builder(200)
    ///     .header("Content-Type", "text/plain; charset=cp437")
    ///     .body("caf\u{e9}")
    ///     .build()?;
    ///
    /// assert_eq!(response.encoding(), Some("cp437"));
    /// assert_eq!(
    ///     response.text_encoding()?,
    ///     TextEncoding::Fallback("cp437".to_owned())
    /// );
    /// assert_eq!(response.text_encoding()?.name(), "utf-8");
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn text_encoding(&self) -> Result<TextEncoding> {
        Ok(TextEncoding::of(self.content()?, self.encoding()))
    }

    /// The content as text, decoded with [`encoding`](Self::encoding), or with the apparent one. Invalid bytes become U+FFFD. A
    /// byte-order mark overrides the encoding and is removed.
    ///
    /// UTF-8, UTF-16, UTF-32, Latin-1 and ASCII are always decoded, and with the feature `charset` also the encodings of the
    /// web, by its names or Python's. Python, and so requests, has others, which are read as UTF-8 here, like an unknown name:
    ///
    /// - the code pages of DOS, except cp866: cp437, cp720, cp737, cp775, cp850 to cp865, cp869, cp1125;
    /// - EBCDIC: cp037, cp273, cp424, cp500, cp875, cp1026, cp1140;
    /// - those of the Macintosh, except `mac_roman` and `mac_cyrillic`;
    /// - UTF-7, HZ, ISO-2022-KR, ISO-2022-JP beyond its first edition, Johab, JIS X 0213 (`shift_jis_2004`, `euc_jis_2004` and
    ///   their like), cp1006, KOI8-T, KZ-1048, PTCP154, HP Roman-8.
    ///
    /// [`text_encoding`](Self::text_encoding) reports this; [`content`](Self::content) has the bytes.
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

    /// The content as text, by value. UTF-8 is not copied unless another handle shares it.
    ///
    /// # Errors
    /// As [`content`](Self::content).
    #[doc(alias = "into_string")]
    pub fn into_text(self) -> Result<String> {
        let encoding = match self.encoding() {
            Some(encoding) => encoding.to_owned(),
            None => charset::apparent_encoding(self.content()?),
        };
        Ok(charset::into_text(self.into_content()?, Some(&encoding)))
    }

    /// The content, parsed as JSON into any type that serde can deserialize. Needs the feature `json`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidJson`] if it is not JSON, is nested deeper than 127 levels, or does not fit the type. The text says
    /// where, and shows the beginning of the content. Otherwise as [`content`](Self::content).
    ///
    /// # Examples
    /// ```
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Item {
    ///     name: String,
    /// }
    ///
    /// # let response = petition::Response::builder(200).body(r#"{"name": "pen"}"#).build()?;
    /// let item: Item = response.json()?;
    /// assert_eq!(item.name, "pen");
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[cfg(feature = "json")]
    #[doc(alias = "into_json")]
    #[doc(alias = "read_json")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        let text = json_text(self.content()?, self.encoding());
        serde_json::from_str(&text).map_err(|error| {
            let start: String = text.chars().take(40).collect();
            let text = format!("body is not the expected JSON: {error}; it begins with {start:?}");
            self.at_peer(Error::message(ErrorKind::InvalidJson, text))
                .with_source(inert(error))
                .with_url(self.url())
                .with_response(self.clone())
        })
    }

    /// An error while reading the body, with the request and the peer.
    pub(super) fn with_context(&self, error: Error) -> Error {
        let error = match self.own_request() {
            Some(request) => error.with_request(request),
            None => error,
        };
        match error.kind() {
            // Errors of the program or of its own reader are not about the peer.
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
        let own = self.meta.as_ref().and_then(|meta| meta.url());
        match own.or(self.own_request().map(|request| &request.url)) {
            Some(url) => error.at(url),
            None => error,
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.shared.status)
            .field("url", &format_args!("{}", printable(self.url().without_user_info())))
            .field("headers", &self.shared.headers)
            .finish_non_exhaustive()
    }
}

/// requests' text form, `<Response [200]>`.
impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Response [{}]>", self.shared.status.as_u16())
    }
}

/// Builds a [`Response`]: see [`Response::builder`].
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

    /// Appends a header, in addition to others of its name. The value is text, or anything with a text form.
    ///
    /// An invalid header is [`ErrorKind::InvalidHeader`] at [`build`](Self::build), as in
    /// [`Headers::append`](crate::Headers::append).
    pub fn header<M>(mut self, name: impl AsRef<str>, value: impl IntoHeaderValue<M>) -> Self {
        if let Err(error) = self.headers.append(name, value) {
            self.error.get_or_insert(error);
        }
        self
    }

    /// Appends several headers, as [`header`](Self::header) does.
    pub fn headers<M>(mut self, headers: impl IntoHeaders<M>) -> Self {
        headers.append_to(&mut self.headers, &mut |error| {
            self.error.get_or_insert(error);
        });
        self
    }

    /// Sets the reason phrase. With `None`, the default, it is the status's own.
    pub fn reason(mut self, reason: impl IntoSetting<String>) -> Self {
        self.reason = reason.into_setting();
        self
    }

    /// Sets the URL, if it is not the request's.
    ///
    /// An invalid one is an error of [`build`](Self::build).
    pub fn url(mut self, url: impl IntoUrl) -> Self {
        match url.resolve(None) {
            Ok(url) => self.url = Some(url),
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
        self
    }

    /// Sets the body as it would come over the wire: it is decoded by the `Content-Encoding` header.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        self.reader(std::io::Cursor::new(body.into()))
    }

    /// Sets JSON as the body, and `Content-Type: application/json` unless there is a type.
    ///
    /// A value that cannot be serialized as JSON is [`ErrorKind::InvalidJson`] at [`build`](Self::build).
    ///
    /// # Examples
    /// ```
    /// let response = petition::Response::builder(200).json(&[1, 2]).build()?;
    ///
    /// assert_eq!(response.json::<Vec<u32>>()?, [1, 2]);
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[cfg(feature = "json")]
    pub fn json(mut self, value: &(impl serde::Serialize + ?Sized)) -> Self {
        let body = match Body::json(value) {
            Ok(body) => body,
            Err(error) => {
                self.error.get_or_insert(error);
                return self;
            }
        };
        if !self.headers.contains("content-type") {
            self.headers.push("Content-Type", "application/json");
        }
        self.body(body.as_bytes().unwrap_or_default())
    }

    /// Sets a reader as the body, which is read on demand.
    pub fn reader(mut self, reader: impl std::io::Read + Send + 'static) -> Self {
        self.body = Some(Box::new(crate::message::stream::Plain(reader)));
        self
    }

    /// Builds the response.
    ///
    /// # Errors
    /// The first invalid header or URL, as [`ErrorKind::InvalidHeader`] or a URL's kind; [`ErrorKind::InvalidSetting`] for a
    /// status below 100 or above 999.
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
            content: None,
            closer: None,
            exchange: Exchange::default(),
            answered: None,
            retries: None,
        });
        if let Some(url) = self.url {
            response.meta_mut().seldom_mut().url = Some(Box::new(url));
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
