//! What a test answers: as bytes for a server, as a response for a mock.

use std::fmt;
use std::io::{self, Cursor, Read};

use http::{Method, StatusCode};

use super::received::received;
use crate::error::{Error, Result};
use crate::http1::RemoteError;
use crate::http1::body_decoder::BodyDecoder;
use crate::http1::framing::Framing;
use crate::http1::response_head::{HeadLimits, HeadParser};
#[cfg(feature = "json")]
use crate::message::Body;
use crate::message::Response;
use crate::message::stream::Plain;
use crate::pair::Pair;
use crate::status::IntoStatus;
use crate::text::shown::Fields;

/// A response of a [`TestServer`](super::TestServer) or a [`MockAdapter`](super::MockAdapter).
///
/// `Debug` shows neither content nor secrets: values of headers whose names tell of one, and user info.
#[derive(Clone)]
#[must_use = "a reply does nothing until it is returned"]
pub struct Reply {
    raw: Option<Vec<u8>>,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    close: bool,
}

impl Reply {
    /// A status with its reason, without a body, and without headers except `Content-Length`.
    pub fn new(status: impl IntoStatus) -> Self {
        Self { raw: None, status: status.into_status(), headers: Vec::new(), body: Vec::new(), close: false }
    }

    /// A 200 with `value` as JSON, and its `Content-Type` (feature `json`).
    ///
    /// # Panics
    /// `value` has no JSON form, as [`Body::json`](crate::Body::json) says.
    ///
    /// # Examples
    /// ```
    /// use petition::testing::{Reply, TestServer};
    ///
    /// let server = TestServer::http(|_| Reply::json(&[1, 2]));
    ///
    /// let direct = [("all", "")]; // whatever proxy the environment names
    /// let response = petition::get(server.url("/")).proxies(direct).send()?;
    /// let numbers: Vec<u32> = response.json()?;
    /// assert_eq!(numbers, [1, 2]);
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[cfg(feature = "json")]
    #[track_caller]
    pub fn json(value: &(impl serde::Serialize + ?Sized)) -> Self {
        match Body::json(value) {
            Ok(body) => {
                let text = body.as_bytes().unwrap_or_default();
                Self::new(StatusCode::OK).header("Content-Type", "application/json").body(text)
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Sets the status.
    pub fn status(mut self, status: impl IntoStatus) -> Self {
        self.status = status.into_status();
        self
    }

    /// A complete response as it is sent over the wire.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { raw: Some(bytes.into()), ..Self::new(StatusCode::OK) }
    }

    /// Adds a header, as it is: a test may send what is no header. The value is text, or anything that has a text form.
    pub fn header(mut self, name: impl AsRef<str>, value: impl fmt::Display) -> Self {
        self.headers.push((name.as_ref().to_owned(), value.to_string()));
        self
    }

    /// Adds several headers, as [`header`](Self::header) does.
    pub fn headers<I: IntoIterator<Item: Pair>>(self, headers: I) -> Self {
        headers.into_iter().fold(self, |reply, pair| reply.header(pair.name(), pair.value()))
    }

    /// Sets the body, with its `Content-Length`.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Closes the connection after the response, without announcing it.
    pub fn then_close(mut self) -> Self {
        self.close = true;
        self
    }

    /// Whether the connection closes after it.
    pub(super) fn closes(&self) -> bool {
        self.close
    }

    /// As it is sent over the wire.
    pub(super) fn bytes(self, head_only: bool) -> Vec<u8> {
        if let Some(raw) = self.raw {
            return raw;
        }
        let reason = StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason.unwrap_or_default());
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        let mut bytes = head.into_bytes();
        if !head_only {
            bytes.extend(self.body);
        }
        bytes
    }

    /// As a client gets it that asked with `method`.
    pub(super) fn response(self, method: &Method) -> Result<Response> {
        let bytes = self.bytes(*method == Method::HEAD);
        let remote = |error: &RemoteError| Error::message(error.kind(), format!("{error} (a reply of the test)"));
        let mut parser = HeadParser::new(HeadLimits::default());
        let mut rest = &bytes[..];
        let head = loop {
            match parser.feed(rest).map_err(|error| remote(&error))? {
                Some((head, used)) => {
                    rest = &rest[used..];
                    if !head.is_interim() {
                        break head;
                    }
                }
                None => return Err(remote(&parser.eof(rest))),
            }
        };
        let mut decoder = BodyDecoder::new(Framing::of_response(method, &head).map_err(|error| remote(&error))?);
        let mut body = vec![0; rest.len()];
        let (mut length, mut fault) = (0, None);
        while !decoder.is_done() && fault.is_none() {
            match decoder.decode(rest, &mut body[length..]) {
                Ok(progress) if progress.used > 0 => {
                    rest = &rest[progress.used..];
                    length += progress.filled;
                }
                Ok(_) => match decoder.eof() {
                    Ok(()) => break,
                    Err(error) => fault = Some(remote(&error)),
                },
                Err(error) => fault = Some(remote(&error)),
            }
        }
        body.truncate(length);
        if body.is_empty() && fault.is_none() {
            return Ok(received(head, None));
        }
        Ok(received(head, Some(Box::new(Plain(Cursor::new(body).chain(Fails(fault)))))))
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Reply");
        if let Some(raw) = &self.raw {
            return out.field("raw", &format_args!("{} bytes", raw.len())).field("close", &self.close).finish();
        }
        out.field("status", &self.status)
            .field("headers", &Fields(&self.headers))
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("close", &self.close)
            .finish()
    }
}

/// The end of a body that breaks.
struct Fails(Option<Error>);

impl Read for Fails {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), |error| Err(error.into()))
    }
}
