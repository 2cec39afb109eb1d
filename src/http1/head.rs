//! The head of a response as a value: version, status, reason, fields.
//!
//! Both parsers of heads produce it, the strict and the lenient; framing and reuse are decided from it.

use std::borrow::Cow;
use std::num::NonZeroU32;

use http::StatusCode;

use crate::headers::Headers;
use crate::text::latin1;

/// The version of a response. Later versions of HTTP/1 count as 1.1.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Version {
    /// HTTP/1.0, or 0.9 if a server claims that.
    Http10,
    /// HTTP/1.1, or a later version of HTTP/1.
    Http11,
}

/// Status line and fields of a response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ResponseHead {
    pub(crate) version: Version,
    pub(crate) status: StatusCode,
    pub(crate) reason: Cow<'static, str>,
    pub(crate) headers: Headers,
    /// The first line that was skipped because it is not a field; worth a warning.
    pub(crate) left_out: Option<LeftOut>,
}

/// Where a line was. What was in it may be a secret, and is not kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct LeftOut {
    /// From 1, which is the status line; so at least 2.
    pub(crate) line: NonZeroU32,
    pub(crate) bytes: u32,
}

impl ResponseHead {
    /// Whether another head follows: any 1xx except 101, which ends HTTP on this connection.
    pub(crate) fn is_interim(&self) -> bool {
        self.status.is_informational() && self.status != StatusCode::SWITCHING_PROTOCOLS
    }
}

/// The reason as text, without an allocation in the common case. requests trims what Python counts as blank, which in
/// Latin-1 is more than in ASCII.
pub(super) fn reason(status: StatusCode, bytes: &[u8]) -> Cow<'static, str> {
    if let Some(usual) = status.canonical_reason().filter(|usual| usual.as_bytes() == bytes) {
        return Cow::Borrowed(usual);
    }
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | 0x85 | 0xa0);
    let Some(start) = bytes.iter().position(|byte| !blank(byte)) else { return Cow::Borrowed("") };
    let end = bytes.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    let bytes = &bytes[start..end];
    match status.canonical_reason() {
        Some(usual) if usual.as_bytes() == bytes => Cow::Borrowed(usual),
        _ => Cow::Owned(latin1::to_text(bytes)),
    }
}
