//! Requests and responses of the `http` crate.

use http::Method;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};

use crate::error::{Error, Result};
use crate::message::body::Body;
use crate::message::request::Request;
use crate::message::response::{Response, Version};

/// Method, URI, headers and body. Version and extensions are left out. A body is whatever [`Request::data`] accepts; `()` is
/// none.
///
/// # Examples
/// ```
/// let request = http::Request::post("http://127.0.0.1/items")
///     .header("x-a", "1")
///     .body(b"text".to_vec())?;
///
/// let prepared = petition::Request::try_from(request)?.prepare()?;
///
/// assert_eq!(
///     (prepared.method.as_str(), prepared.body_bytes()),
///     ("POST", Some(&b"text"[..]))
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl<B: Into<Body>> TryFrom<http::Request<B>> for Request {
    type Error = Error;

    fn try_from(request: http::Request<B>) -> Result<Self> {
        let (parts, body) = request.into_parts();
        let mut own = Self::new(parts.method, parts.uri).headers(parts.headers).data(body);
        own.take_error()?;
        Ok(own)
    }
}

/// Like [`Response::into_http`].
impl TryFrom<Response> for http::Response<Vec<u8>> {
    type Error = Error;

    fn try_from(response: Response) -> Result<Self> {
        response.into_http()
    }
}

impl Response {
    /// The response as one of the `http` crate, with its content.
    ///
    /// The headers describe the content as it is now: without a transfer coding, without the content coding that was undone,
    /// and with its length. The answer to a HEAD request, and a 304, keep the headers that describe a content which they do
    /// not have. Values are Latin-1. The reason phrase is left out.
    ///
    /// # Errors
    /// As [`content`](Self::content); [`ErrorKind::InvalidHeader`](crate::ErrorKind::InvalidHeader) if a header has a control
    /// character, which the `http` crate does not allow.
    ///
    /// # Examples
    /// ```
    /// let response = petition::Response::builder(200)
    ///     .header("Transfer-Encoding", "chunked")
    ///     .body("text")
    ///     .build()?;
    ///
    /// let response: http::Response<Vec<u8>> = response.into_http()?;
    ///
    /// assert_eq!(
    ///     (response.body().as_slice(), &response.headers()["content-length"]),
    ///     (&b"text"[..], &"4".parse().unwrap())
    /// );
    /// assert!(!response.headers().contains_key("transfer-encoding"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn into_http(self) -> Result<http::Response<Vec<u8>>> {
        self.content()?;
        let status = self.status_code();
        let mut headers = http::HeaderMap::try_from(self.headers())?;
        headers.remove(TRANSFER_ENCODING);
        let describes_another = self.request().method == Method::HEAD || status == http::StatusCode::NOT_MODIFIED;
        if !describes_another {
            // Nothing was there to decode; an empty content is not what the coding would make of it.
            if self.was_decoded() || self.content()?.is_empty() {
                headers.remove(CONTENT_ENCODING);
            }
            if !matches!(status.as_u16(), 100..=199 | 204) {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(self.content()?.len()));
            }
        }
        let version = match self.version() {
            Version::Http10 => http::Version::HTTP_10,
            _ => http::Version::HTTP_11,
        };
        let mut response = http::Response::new(self.into_content()?);
        *response.status_mut() = status;
        *response.version_mut() = version;
        *response.headers_mut() = headers;
        Ok(response)
    }
}
