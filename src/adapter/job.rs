//! What one `send` is about, for all of its attempts.

use std::borrow::Cow;

use http::Method;

use crate::adapter::SendOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
use crate::message::PreparedRequest;
use crate::message::body::BodyLength;
use crate::net::TlsSettings;
use crate::proxy::Route;
use crate::retry::{Cause, Tried};

/// A request on its route, with its target and framing settled.
pub(super) struct Job<'r> {
    pub(super) request: &'r PreparedRequest,
    pub(super) options: &'r SendOptions,
    pub(super) route: Route,
    pub(super) tls: TlsSettings,
    /// What goes on the request line.
    target: Cow<'r, str>,
    pub(super) sending: Sending,
}

/// How the body goes out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sending {
    Nothing,
    /// As many bytes as Content-Length says.
    Sized(u64),
    Chunked,
}

impl<'r> Job<'r> {
    pub(super) fn new(
        request: &'r PreparedRequest,
        options: &'r SendOptions,
        route: Route,
        tls: TlsSettings,
    ) -> Result<Self> {
        let target = match &route {
            // ADPT-13
            Route::Forward(_) => request.url.absolute_target().into(),
            _ => request.url.target().into(),
        };
        Ok(Self { request, options, route, tls, target, sending: sending(request)? })
    }

    pub(super) fn method(&self) -> &str {
        self.request.method.as_str()
    }

    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// What a forward proxy wants to see in each request (PROXY-16).
    pub(super) fn proxy_authorization(&self) -> Option<&str> {
        match &self.route {
            Route::Forward(proxy) => proxy.authorization.as_deref(),
            _ => None,
        }
    }

    pub(super) fn tried<'a>(&'a self, cause: Cause<'a>, headers: Option<&'a Headers>) -> Tried<'a> {
        Tried { method: self.method(), url: self.request.url.as_str(), target: self.target(), cause, headers }
    }

    /// Refuses to go on with a body that was sent and cannot be sent again (RETRY-25, RETRY-26).
    pub(super) fn check_rewindable(&self, purpose: &str) -> Result<()> {
        self.request.check_replayable(purpose)
    }

    /// Whether sending it twice is the same as once (RFC 9110 §9.2.2).
    pub(super) fn is_idempotent(&self) -> bool {
        let method = &self.request.method;
        [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE, Method::PUT, Method::DELETE].contains(method)
    }
}

/// The body's framing by the headers as they are now; ones that contradict the body are refused.
fn sending(request: &PreparedRequest) -> Result<Sending> {
    let length = match request.headers.get("content-length") {
        None => None,
        Some(value) => {
            let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let length = value.parse::<u64>().ok().filter(|_| digits);
            Some(length.ok_or_else(|| contradiction(format!("Content-Length {value:?} is no length")))?)
        }
    };
    let is_chunked = request.headers.contains("transfer-encoding");
    match (request.body.length(), length) {
        (_, Some(_)) if is_chunked => Err(contradiction("both Content-Length and Transfer-Encoding are set".into())),
        (BodyLength::Empty, Some(1..)) if request.method != Method::HEAD => {
            Err(contradiction(format!("Content-Length is {} and there is no body", length.unwrap_or(0))))
        }
        (BodyLength::Empty, _) if is_chunked => Ok(Sending::Chunked),
        (BodyLength::Empty, _) => Ok(Sending::Nothing),
        (BodyLength::Known(known), Some(set)) if known != set => {
            Err(contradiction(format!("Content-Length is {set} and the body has {known} bytes")))
        }
        (_, Some(set)) => Ok(Sending::Sized(set)),
        (BodyLength::Known(_) | BodyLength::Unknown, None) => Ok(Sending::Chunked),
    }
}

fn contradiction(text: String) -> Error {
    Error::message(ErrorKind::InvalidHeader, text)
}
