//! The one public error type.
//!
//! Inside a layer errors are small enums that say who is to blame. At the layer's edge they become an [`Error`]:
//! opaque, with an [`ErrorKind`] to match on, named after requests' exceptions, and predicates for questions that span
//! kinds. No text made here contains a credential: URLs are shown without user info.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;

use http::StatusCode;

use crate::message::{Exchange, PreparedRequest, Response};
use crate::retry::Retry;
use crate::text::authority::host_and_port;
use crate::text::printable::printable;
use crate::url::Url;

mod system_text;

pub(crate) use system_text::{as_source, system_reason, system_text};

/// `std::result::Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, named after requests' exceptions.
///
/// # Coming from requests
/// Each kind is one exception; the ones that others inherit from (`RequestException`, `Timeout`, `ConnectionError` as a
/// base class) are [`Error`] itself and its predicates [`is_timeout`](Error::is_timeout) and
/// [`is_connection_error`](Error::is_connection_error).
///
/// # Examples
/// ```no_run
/// use petition::ErrorKind;
///
/// match petition::get("https://example.com/").timeout(5).send() {
///     Ok(response) => println!("{response}"),
///     Err(error) if error.is_timeout() => println!("too slow: {error}"),
///     Err(error) => match error.kind() {
///         ErrorKind::SslError => println!("the certificate: {error}"),
///         ErrorKind::ConnectionError => println!("the network: {error}"),
///         _ => return Err(error),
///     },
/// }
/// # Ok::<(), petition::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// `raise_for_status` was called on a 4xx or 5xx response.
    #[doc(alias = "HTTPError")]
    HttpError,
    /// The connection could not be made, or broke before the response head was complete.
    #[doc(alias = "NewConnectionError")]
    #[doc(alias = "ProtocolError")]
    ConnectionError,
    /// An HTTP proxy could not be reached in time, or refused the request. Failures of a SOCKS proxy are `ConnectionError`, as
    /// in requests.
    ProxyError,
    /// The TLS handshake failed, or the certificate could not be verified.
    #[doc(alias = "SSLError")]
    SslError,
    /// No connection was made within the connect timeout. This attempt sent nothing; whether an earlier one did says
    /// [`Error::is_connect`].
    #[doc(alias = "ConnectTimeoutError")]
    ConnectTimeout,
    /// The peer was silent for longer than the read timeout.
    #[doc(alias = "ReadTimeoutError")]
    ReadTimeout,
    /// `pool_block` (or `max_connections`) is set, and no slot became free in time; or the pace of the origin (`rate_limit`,
    /// `pause_on_retry_after`, `adaptive_limit`) let no request through. The text says which. New here.
    #[doc(alias = "EmptyPoolError")]
    PoolTimeout,
    /// The limit on the whole request, [`Timeout::total`](crate::Timeout::total), expired. New here.
    TotalTimeout,
    /// A [`Cancel`](crate::Cancel) ended the request. New here.
    Cancelled,
    /// There were more redirects than `max_redirects`. The error has the last response.
    TooManyRedirects,
    /// No retries are left, and the last response asks for another.
    #[doc(alias = "MaxRetryError")]
    RetryError,
    /// The URL has no scheme.
    MissingSchema,
    /// No adapter is mounted for the URL.
    InvalidSchema,
    /// The URL is invalid; the text says which part.
    #[doc(alias = "InvalidURL")]
    #[doc(alias = "LocationParseError")]
    InvalidUrl,
    /// The proxy's URL is invalid.
    #[doc(alias = "InvalidProxyURL")]
    InvalidProxyUrl,
    /// A header name or value must not be sent, or a response header must not be trusted.
    InvalidHeader,
    /// The body is not the expected JSON, or a value cannot be serialized as JSON.
    #[doc(alias = "JSONDecodeError")]
    InvalidJson,
    /// The body can be sent only once, and would have to be sent again.
    #[doc(alias = "UnrewindableBodyError")]
    UnrewindableBody,
    /// The response body ended early, or its chunks are malformed.
    #[doc(alias = "IncompleteRead")]
    ChunkedEncodingError,
    /// The response body cannot be decoded by its Content-Encoding, or exceeds a limit.
    #[doc(alias = "DecodeError")]
    ContentDecodingError,
    /// The body has already been consumed.
    #[doc(alias = "StreamConsumedError")]
    StreamConsumed,
    /// Several cookies with the same name, on different domains or paths, match.
    #[doc(alias = "CookieConflictError")]
    CookieConflict,
    /// The method is not a token (RFC 9110 §9.1).
    InvalidMethod,
    /// A setting cannot work: a size of zero, a negative or NaN duration, … New here.
    InvalidSetting,
    /// A download is not the one that its checksum describes. New here.
    ChecksumMismatch,
    /// Reading or writing something local failed: a file, or a reader used as a body.
    Io,
    /// The build lacks a feature that this needs; the text names it.
    Unsupported,
    /// An error of the application, from an adapter, an auth or a hook.
    Other,
}

impl ErrorKind {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::HttpError => "error status",
            Self::ConnectionError => "connection failed",
            Self::ProxyError => "proxy failed",
            Self::SslError => "TLS failed",
            Self::ConnectTimeout => "connect timed out",
            Self::ReadTimeout => "read timed out",
            Self::PoolTimeout => "timed out waiting for a pool slot",
            Self::TotalTimeout => "timed out",
            Self::Cancelled => "cancelled",
            Self::TooManyRedirects => "too many redirects",
            Self::RetryError => "no retries left",
            Self::MissingSchema => "URL has no scheme",
            Self::InvalidSchema => "no adapter for this URL",
            Self::InvalidUrl => "invalid URL",
            Self::InvalidProxyUrl => "invalid proxy URL",
            Self::InvalidHeader => "invalid header",
            Self::InvalidJson => "invalid JSON",
            Self::UnrewindableBody => "body cannot be sent again",
            Self::ChunkedEncodingError => "invalid response body",
            Self::ContentDecodingError => "response body cannot be decoded",
            Self::StreamConsumed => "body already consumed",
            Self::CookieConflict => "several cookies with the same name",
            Self::InvalidMethod => "invalid method",
            Self::InvalidSetting => "invalid setting",
            Self::ChecksumMismatch => "checksum does not match",
            Self::Io => "IO failed",
            Self::Unsupported => "not supported by this build",
            Self::Other => "failed",
        }
    }
}

/// The one error type of this crate.
///
/// [`kind`](Self::kind) says what went wrong. [`url`](Self::url), [`request`](Self::request) and
/// [`response`](Self::response) are present if known; `source` is the cause. `Display` is one line, without
/// credentials.
///
/// # Examples
/// ```
/// let error = petition::get("no-scheme.example").send().unwrap_err();
///
/// assert_eq!(error.kind(), petition::ErrorKind::MissingSchema);
/// ```
#[doc(alias = "RequestException")]
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    url: Option<Url>,
    request: Option<PreparedRequest>,
    response: Option<Response>,
    retries: Option<Retry>,
    exchange: Option<Box<Exchange>>,
    /// Whether nothing of the request was sent.
    unsent: bool,
    /// The status with which a proxy refused.
    status: Option<StatusCode>,
}

impl Error {
    /// Creates an error in an adapter, an auth or a hook. `cause` is a text, or any error, which becomes the source.
    ///
    /// # Examples
    /// ```
    /// use petition::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::ConnectionError, "no route");
    ///
    /// assert_eq!(error.to_string(), "no route");
    /// ```
    pub fn new(kind: ErrorKind, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let cause = cause.into();
        // A boxed text has no type worth keeping; an error has.
        if cause.is::<Error>() || cause.source().is_some() || cause.is::<io::Error>() {
            let mut error = Self::message(kind, kind.text());
            error.inner.source = Some(cause);
            error
        } else {
            let text = cause.to_string();
            let mut error = Self::message(kind, kind.text());
            // A program's own text stays as it is.
            error.inner.message = Cow::Owned(text);
            if !is_boxed_text(&*cause) {
                error.inner.message = Cow::Borrowed(kind.text());
                error.inner.source = Some(cause);
            }
            error
        }
    }

    /// An error with a text of the crate. What a peer said can be part of it, so it is made printable.
    pub(crate) fn message(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let message = printable(message);
        Self {
            inner: Box::new(Inner {
                kind,
                message,
                source: None,
                url: None,
                request: None,
                response: None,
                retries: None,
                exchange: None,
                unsent: false,
                status: None,
            }),
        }
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    pub(crate) fn with_url(mut self, url: &Url) -> Self {
        self.inner.url.get_or_insert_with(|| url.clone());
        self
    }

    pub(crate) fn with_request(mut self, request: &PreparedRequest) -> Self {
        if self.inner.request.is_none() {
            self.inner.request = Some(request.clone());
        }
        self
    }

    pub(crate) fn with_response(mut self, response: Response) -> Self {
        self.inner.response = Some(response);
        self
    }

    pub(crate) fn with_retries(mut self, retries: Retry) -> Self {
        self.inner.retries = Some(retries);
        self
    }

    pub(crate) fn with_exchange(mut self, exchange: Exchange) -> Self {
        self.inner.exchange = Some(Box::new(exchange));
        self
    }

    /// Adds after how many attempts the error occurred.
    pub(crate) fn with_attempts(mut self, attempts: u32) -> Self {
        if let Some(exchange) = &mut self.inner.exchange {
            exchange.attempts = attempts;
        }
        self
    }

    /// Sets the status with which a proxy refused.
    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.inner.status = StatusCode::from_u16(status).ok();
        self
    }

    /// Notes that nothing of the request was sent.
    pub(crate) fn unsent(mut self) -> Self {
        self.inner.unsent = true;
        self
    }

    /// Notes that something was sent, if an earlier request of the same call was `answered`: by a redirect or a challenge.
    pub(crate) fn after(mut self, answered: bool) -> Self {
        self.inner.unsent &= !answered;
        self
    }

    /// Adds to the text how the error came about.
    pub(crate) fn with_story(mut self, story: &str) -> Self {
        self.inner.message.to_mut().push_str(&printable(story));
        self
    }

    /// Adds host and port to the text, unless it names them already.
    pub(crate) fn at(self, url: &Url) -> Self {
        let place = host_and_port(url.host(), url.port_or_default());
        if self.inner.message.contains(&place) { self } else { self.with_story(&format!(" ({place})")) }
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The URL of the request, if known.
    #[must_use]
    pub fn url(&self) -> Option<&Url> {
        self.inner.url.as_ref().or_else(|| self.inner.request.as_ref().map(|request| &request.url))
    }

    /// The request that failed, if there is one.
    #[must_use]
    pub fn request(&self) -> Option<&PreparedRequest> {
        self.inner.request.as_ref().or_else(|| self.inner.response.as_ref().map(Response::request))
    }

    /// The response that is the error, or that belongs to it: for `HttpError`, `TooManyRedirects` and `RetryError`.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        self.inner.response.as_ref()
    }

    /// The response, by value.
    #[must_use]
    pub fn into_response(self) -> Option<Response> {
        self.inner.response
    }

    /// The [`Retry`] at the time of giving up, where the attempts of a stock adapter ended in this error; it is there too
    /// where no attempt got a connection. Its history has each attempt that another followed, and the last one if that used
    /// up a count; not if it was not to be retried at all.
    ///
    /// `None` for what is wrong before the first attempt (a URL, a setting, a proxy that is no URL), for errors of a body that
    /// is being read, and for those made of a response (`HttpError`, `TooManyRedirects`, `InvalidJson`), which has its own
    /// [`retries`](Response::retries).
    #[must_use]
    pub fn retries(&self) -> Option<&Retry> {
        self.inner.retries.as_ref()
    }

    /// The status of the response that the error carries, or with which a proxy refused a tunnel.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.response().map(Response::status_code).or(self.inner.status)
    }

    /// How far the request got: the waits and phases of the last attempt; `None` if there was no attempt.
    #[must_use]
    pub fn exchange(&self) -> Option<&Exchange> {
        self.inner.exchange.as_deref().or_else(|| self.response().map(Response::exchange))
    }

    /// The number by which the operating system calls the cause, if it is one of the system's: `errno` on Unix. The message
    /// has its words, so the source has only this number.
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        let mut source = self.source();
        while let Some(cause) = source {
            if let Some(number) = cause.downcast_ref::<io::Error>().and_then(system_text::number_of) {
                return Some(number);
            }
            source = cause.source();
        }
        None
    }

    /// Whether nothing was sent: in no attempt, and before no redirect and no challenge, was there a slot, a connection, a
    /// handshake and a tunnel. Then repeating the request is safe for any method.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        self.inner.unsent
    }

    /// Whether the kind is a timeout: connect, read, pool or total.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        use ErrorKind::{ConnectTimeout, PoolTimeout, ReadTimeout, TotalTimeout};
        matches!(self.kind(), ConnectTimeout | ReadTimeout | PoolTimeout | TotalTimeout)
    }

    /// Whether a [`Cancel`](crate::Cancel) ended the request. That is neither a timeout nor a connection error.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.kind() == ErrorKind::Cancelled
    }

    /// Whether the kind inherits from requests' `ConnectionError`: that itself, proxy, TLS and connect timeout.
    #[must_use]
    pub fn is_connection_error(&self) -> bool {
        use ErrorKind::{ConnectTimeout, ConnectionError, ProxyError, SslError};
        matches!(self.kind(), ConnectionError | ProxyError | SslError | ConnectTimeout)
    }
}

/// Whether `error` was made by `From<&str>` or `From<String>`: a text, whose `Debug` is that of the text.
fn is_boxed_text(error: &(dyn StdError + Send + Sync)) -> bool {
    format!("{error:?}") == format!("{:?}", error.to_string())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.inner.kind).field("message", &self.inner.message);
        if let Some(url) = self.url() {
            out.field("url", &format_args!("{}", printable(url.without_user_info())));
        }
        if let Some(source) = &self.inner.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}

/// An [`Error`] that was converted to `io::Error` comes back unchanged; any other becomes [`ErrorKind::Io`].
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Error>() {
            Ok(own) => own,
            Err(error) => Self::message(ErrorKind::Io, system_text(&error)).with_source(error),
        }
    }
}

/// For reading a response through `io::Read`; the [`Error`] is inside. Timeouts are `TimedOut`. A body that ended early, or
/// whose framing is broken ([`ErrorKind::ChunkedEncodingError`]), is `UnexpectedEof`: what came is not all of it. Content
/// that cannot be decoded ([`ErrorKind::ContentDecodingError`], [`ErrorKind::InvalidJson`]) is `InvalidData`. An
/// [`ErrorKind::Io`] has the kind of the `io::Error` that it was made from. Everything else is `Other`.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Io => match error.inner.source.as_ref().and_then(|source| source.downcast_ref::<io::Error>()) {
                Some(source) => source.kind(),
                None => io::ErrorKind::Other,
            },
            _ if error.is_timeout() => io::ErrorKind::TimedOut,
            ErrorKind::ChunkedEncodingError => io::ErrorKind::UnexpectedEof,
            ErrorKind::ContentDecodingError | ErrorKind::InvalidJson => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_error_comes_back_whole_through_io() {
        let error = Error::new(ErrorKind::ReadTimeout, "read timed out after 5s");

        let through = io::Error::from(error);
        assert_eq!(through.kind(), io::ErrorKind::TimedOut);

        let back = Error::from(through);
        assert_eq!((back.kind(), back.to_string().as_str()), (ErrorKind::ReadTimeout, "read timed out after 5s"));
    }

    #[test]
    fn a_foreign_error_becomes_the_source_and_a_text_the_message() {
        let foreign = Error::new(ErrorKind::Other, "x".parse::<u8>().unwrap_err());
        assert!(StdError::source(&foreign).is_some());

        let text = Error::new(ErrorKind::Other, String::from("just so"));
        assert!(StdError::source(&text).is_none());
        assert_eq!(text.to_string(), "just so");
    }

    // ERR-02, ERR-03
    #[test]
    fn predicates_follow_the_inheritance_of_requests() {
        for (kind, timeout, connection) in [
            (ErrorKind::ConnectTimeout, true, true),
            (ErrorKind::ReadTimeout, true, false),
            (ErrorKind::ConnectionError, false, true),
            (ErrorKind::ProxyError, false, true),
            (ErrorKind::SslError, false, true),
            (ErrorKind::PoolTimeout, true, false),
            (ErrorKind::TotalTimeout, true, false),
            (ErrorKind::RetryError, false, false),
        ] {
            let error = Error::message(kind, "");
            assert_eq!((error.is_timeout(), error.is_connection_error()), (timeout, connection), "{kind:?}");
        }
    }
}
