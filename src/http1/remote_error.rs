//! What a peer can do wrong, as a small enum.
//!
//! It knows nothing of sockets: the caller reports resets and timeouts. No text shows the value of a header that may be
//! secret. What is shown of a peer's bytes is short and escaped.

use std::borrow::Cow;
use std::fmt;

use crate::error::ErrorKind;

/// The peer violated the protocol, or closed too early.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum RemoteError {
    /// It closed before the first byte of an answer.
    NoAnswer,
    /// It closed within the head, `got` bytes into the answer, or after only interim responses.
    HeadCut { got: usize },
    /// What came does not begin like an HTTP/1 response; its first bytes, escaped.
    NotHttp(String),
    /// The head, together with the interim responses before it, is longer than the limit.
    HeadTooLarge { limit: usize },
    /// The head has more fields than the limit.
    TooManyHeaders { limit: usize },
    /// A field that must not be trusted: NUL or CR, or framing that contradicts itself.
    InvalidHeader(Cow<'static, str>),
    /// Chunked framing that is malformed.
    BadChunk(&'static str),
    /// It closed before the body had its declared length.
    BodyCut { got: u64, want: u64 },
    /// It closed before the last chunk: after `got` bytes of content, `missing` bytes before the end of a chunk, if
    /// within one.
    ChunkCut { got: u64, missing: Option<u64> },
}

impl RemoteError {
    /// The kind, named after requests' exception.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::NoAnswer
            | Self::HeadCut { .. }
            | Self::NotHttp(_)
            | Self::HeadTooLarge { .. }
            | Self::TooManyHeaders { .. } => ErrorKind::ConnectionError,
            Self::InvalidHeader(_) => ErrorKind::InvalidHeader,
            Self::BadChunk(_) | Self::BodyCut { .. } | Self::ChunkCut { .. } => ErrorKind::ChunkedEncodingError,
        }
    }

    pub(super) fn not_http(bytes: &[u8]) -> Self {
        let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
        Self::NotHttp(shown(line.strip_suffix(b"\r").unwrap_or(line)))
    }
}

/// The first of a peer's bytes, as many as an error may show.
pub(super) fn shown(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(40)].escape_ascii().to_string()
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => f.write_str("connection closed by the peer without a response"),
            Self::HeadCut { got } => write!(f, "connection closed by the peer in the response head, after {got} bytes"),
            Self::NotHttp(start) => write!(f, "response is not HTTP/1.x: it begins with \"{start}\""),
            Self::HeadTooLarge { limit } => write!(f, "response head is longer than {limit} bytes"),
            Self::TooManyHeaders { limit } => write!(f, "response has more than {limit} headers"),
            Self::InvalidHeader(fault) => write!(f, "invalid response header: {fault}"),
            Self::BadChunk(fault) => write!(f, "invalid chunked body: {fault}"),
            Self::BodyCut { got, want } => write!(f, "body ended early: {got} of {want} bytes"),
            Self::ChunkCut { got, missing: Some(missing) } => {
                write!(f, "chunked body ended early: {got} bytes read, {missing} more expected in this chunk")
            }
            Self::ChunkCut { got, missing: None } => {
                write!(f, "chunked body ended early: {got} bytes read, but no last chunk")
            }
        }
    }
}

impl std::error::Error for RemoteError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_a_kind_and_one_line() {
        use ErrorKind::{ChunkedEncodingError, ConnectionError, InvalidHeader};
        for (error, kind, text) in [
            (RemoteError::NoAnswer, ConnectionError, "connection closed by the peer without a response"),
            (
                RemoteError::HeadCut { got: 17 },
                ConnectionError,
                "connection closed by the peer in the response head, after 17 bytes",
            ),
            (
                RemoteError::not_http(b"220 \"FTP\" \x01\r\nmore"),
                ConnectionError,
                r#"response is not HTTP/1.x: it begins with "220 \"FTP\" \x01""#,
            ),
            (RemoteError::HeadTooLarge { limit: 9 }, ConnectionError, "response head is longer than 9 bytes"),
            (RemoteError::TooManyHeaders { limit: 9 }, ConnectionError, "response has more than 9 headers"),
            (RemoteError::InvalidHeader("x".into()), InvalidHeader, "invalid response header: x"),
            (RemoteError::BadChunk("x"), ChunkedEncodingError, "invalid chunked body: x"),
            (
                RemoteError::BodyCut { got: 512, want: 2048 },
                ChunkedEncodingError,
                "body ended early: 512 of 2048 bytes",
            ),
            (
                RemoteError::ChunkCut { got: 3, missing: Some(2) },
                ChunkedEncodingError,
                "chunked body ended early: 3 bytes read, 2 more expected in this chunk",
            ),
            (
                RemoteError::ChunkCut { got: 3, missing: None },
                ChunkedEncodingError,
                "chunked body ended early: 3 bytes read, but no last chunk",
            ),
        ] {
            assert_eq!(error.kind(), kind, "{error}");
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn little_of_an_alien_answer_is_shown() {
        assert_eq!(RemoteError::not_http(&[b'x'; 99]), RemoteError::NotHttp("x".repeat(40)));
    }
}
