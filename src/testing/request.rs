//! A request as a test server received it.

use std::borrow::Cow;
use std::fmt;

#[cfg(feature = "json")]
use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "json")]
use crate::message::json_text::inert;
use crate::text::shown::{Fields, without_user_info};

/// A request as the server received it.
///
/// `Debug` shows neither body nor secrets: values of headers whose names tell of one, and user info. The fields have all of it.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct TestRequest {
    /// Which connection it came over, from 0 in the order of acceptance.
    pub connection: usize,
    /// The method.
    pub method: String,
    /// The target, as in the request line.
    pub target: String,
    /// The headers, as written (Latin-1).
    pub headers: Vec<(String, String)>,
    /// The body, without chunk framing.
    pub body: Vec<u8>,
    /// The bytes of head and body as they came.
    pub raw: Vec<u8>,
    /// The certificate of the client in DER, if the server asked for one.
    pub client_certificate: Option<Vec<u8>>,
}

impl TestRequest {
    /// The first value of a header; the name's case does not matter.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The path of the target, as it was sent; of a target that is a whole URL, as a proxy gets it, the path of that.
    #[must_use]
    pub fn path(&self) -> &str {
        split_target(&self.target).0
    }

    /// The query of the target, as it was sent; `""` if there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        split_target(&self.target).1
    }

    /// The body as text. What is not UTF-8 is replaced by U+FFFD.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as JSON (feature `json`).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidJson`](crate::ErrorKind::InvalidJson): it is not JSON, or not of this type.
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        parse_json(&self.body)
    }

    /// The bytes as they came, as Latin-1 text.
    #[must_use]
    pub fn raw_text(&self) -> String {
        self.raw.iter().map(|&byte| char::from(byte)).collect()
    }
}

impl fmt::Debug for TestRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestRequest")
            .field("connection", &self.connection)
            .field("method", &self.method)
            .field("target", &without_user_info(&self.target))
            .field("headers", &Fields(&self.headers))
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish_non_exhaustive()
    }
}

/// Path and query of a target in any form (RFC 9112 §3.2).
fn split_target(target: &str) -> (&str, &str) {
    let target = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => match rest.find(['/', '?']) {
            Some(start) => &rest[start..],
            None => "",
        },
        _ => target,
    };
    target.split_once('?').unwrap_or((target, ""))
}

#[cfg(feature = "json")]
pub(super) fn parse_json<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        let start: String = String::from_utf8_lossy(body).chars().take(40).collect();
        let text = format!("the request's body is not the expected JSON: {error}; it begins with {start:?}");
        Error::message(ErrorKind::InvalidJson, text).with_source(inert(error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_query_are_those_of_any_target() {
        for (target, want) in [
            ("/a/b?c=d?e", ("/a/b", "c=d?e")),
            ("/a?u=http://h/b", ("/a", "u=http://h/b")),
            ("http://h:1/a?b", ("/a", "b")),
            ("http://h?b", ("", "b")),
            ("h:443", ("h:443", "")),
            ("*", ("*", "")),
        ] {
            assert_eq!(split_target(target), want, "{target}");
        }
    }
}
