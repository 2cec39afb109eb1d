//! Bytes in memory, whatever type they came in.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

/// Bytes that clones share.
#[derive(Clone)]
pub(crate) enum Bytes {
    None,
    /// A `String` or `Vec` is not copied.
    Owned(Arc<Vec<u8>>),
    Slice(Arc<[u8]>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::None => &[],
            Self::Owned(bytes) => bytes,
            Self::Slice(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Owned(Arc::new(bytes))
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self::Slice(bytes.into())
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<Arc<[u8]>> for Bytes {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self::Slice(bytes)
    }
}

impl From<Cow<'_, str>> for Bytes {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_their_bytes() {
        for bytes in [Bytes::from("abc"), Bytes::from(String::from("abc")), Bytes::from(Arc::<[u8]>::from(*b"abc"))] {
            assert_eq!(bytes.as_ptr(), bytes.clone().as_ptr());
        }
    }
}
