//! A response.

use std::sync::Arc;

use http::StatusCode;

use crate::headers::Headers;
use crate::message::PreparedRequest;

/// A response: a handle, clones share one body.
#[derive(Clone, Debug)]
pub struct Response {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    status: StatusCode,
    headers: Headers,
    request: PreparedRequest,
}

impl Response {
    /// The status code.
    #[must_use]
    pub fn status_code(&self) -> StatusCode {
        self.shared.status
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.shared.headers
    }

    /// The request that was sent last.
    #[must_use]
    pub fn request(&self) -> &PreparedRequest {
        &self.shared.request
    }
}
