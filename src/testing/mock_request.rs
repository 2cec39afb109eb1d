//! A request as a mock received it.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::ops::Deref;

use crate::error::Result;
use crate::message::PreparedRequest;

/// A request that a [`MockAdapter`](super::MockAdapter) received: a [`PreparedRequest`], to which it dereferences, and the
/// bytes of its body.
#[derive(Clone)]
pub struct MockRequest {
    prepared: PreparedRequest,
    content: Vec<u8>,
}

impl MockRequest {
    /// Reads the body, as sending would: one that can be sent only once is spent.
    pub(super) fn new(prepared: &PreparedRequest) -> Result<Self> {
        let mut content = Vec::new();
        match prepared.body.as_bytes() {
            Some(bytes) => content.extend_from_slice(bytes),
            None => drop(prepared.body.open()?.read_to_end(&mut content)?),
        }
        Ok(Self { prepared: prepared.clone(), content })
    }

    /// The path of the URL, as it is sent.
    #[must_use]
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// The query of the URL, as it is sent; `""` if there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.url.query().unwrap_or_default()
    }

    /// The first value of a header; the name's case does not matter.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// The bytes of the body, wherever they came from.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The body as text. What is not UTF-8 is replaced by U+FFFD.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.content)
    }

    /// The body as JSON (feature `json`).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidJson`](crate::ErrorKind::InvalidJson): it is not JSON, or not of this type.
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        super::request::parse_json(&self.content)
    }
}

impl Deref for MockRequest {
    type Target = PreparedRequest;

    fn deref(&self) -> &PreparedRequest {
        &self.prepared
    }
}

impl From<MockRequest> for PreparedRequest {
    fn from(request: MockRequest) -> Self {
        request.prepared
    }
}

impl fmt::Debug for MockRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.prepared, f)
    }
}

/// Method and URL, without credentials.
impl fmt::Display for MockRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url.without_user_info())
    }
}
