//! A request as it will be sent.

use http::Method;

use crate::headers::Headers;
use crate::url::Url;

/// A request with everything merged, encoded and in order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PreparedRequest {
    /// The method.
    pub method: Method,
    /// The URL, prepared as requests does it.
    pub url: Url,
    /// The headers, in the order of the wire.
    pub headers: Headers,
}
