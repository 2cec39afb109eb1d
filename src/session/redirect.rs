//! What a redirect asks for: the next request, as a pure function of the last one and its response.
//!
//! RFC 9110 §15.4 and requests' `resolve_redirects`. The session adds cookies, netrc credentials and proxies for the
//! new hop.

use std::borrow::Cow;

use http::{Method, StatusCode};

use crate::error::{Error, ErrorKind, Result};
use crate::message::body::Body;
use crate::message::{PreparedRequest, Response};
use crate::semantics;
use crate::session::strip_auth::strip_auth;
use crate::text::latin1;
use crate::url::Url;

/// The session's settings for redirects.
pub(super) struct Policy<'s> {
    /// Headers that must not be sent to another origin.
    pub(super) sensitive_headers: &'s [String],
    /// Whether a redirect may lead from https to http.
    pub(super) allow_downgrade: bool,
}

/// The request that `response` asks for, or `None` if it is not a redirect that is followed.
pub(super) fn next_hop(
    request: &PreparedRequest,
    response: &Response,
    policy: &Policy<'_>,
) -> Result<Option<PreparedRequest>> {
    if !response.is_redirect() {
        return Ok(None);
    }
    let Some(location) = response.headers().get("location").filter(|location| !location.is_empty()) else {
        return Ok(None);
    };
    let url = response.url().redirect(&utf8(location)?)?;
    if !policy.allow_downgrade && response.url().scheme() == "https" && url.scheme() == "http" {
        let text = format!("redirect from https to {} refused", url.without_user_info());
        return Err(Error::message(ErrorKind::InvalidUrl, text));
    }
    let mut next = request.clone();
    if let Some(headers) = next.extras.unanswered.take() {
        // The answer to a challenge was made for that URL only.
        next.headers = *headers;
    }
    next.method = method(&request.method, response.status_code());
    if semantics::keeps_method(response.status_code().as_u16()) {
        // Checked now rather than when sending: nothing of the new request may be sent (REDIR-05, REDIR-06).
        next.check_replayable("a redirect")?;
    } else {
        next.body = Body::default();
        for name in ["content-length", "content-type", "transfer-encoding"] {
            next.headers.remove(name);
        }
    }
    next.headers.remove("cookie");
    next.headers.remove("proxy-authorization");
    if strip_auth(response.url(), &url) {
        forget_credentials(&mut next, policy);
    } else if !same_origin(response.url(), &url) {
        forget_auth(&mut next, Some("authorization"));
    }
    next.url = url;
    Ok(Some(next))
}

/// A Location's bytes are UTF-8, while header values are decoded as Latin-1.
fn utf8(location: &str) -> Result<Cow<'_, str>> {
    latin1::as_utf8(location)
        .ok_or_else(|| Error::message(ErrorKind::InvalidUrl, "redirect to a location that is not valid UTF-8"))
}

/// The same request for the page that `response` links to, like a redirect that keeps method and headers.
pub(super) fn next_page(response: &Response, link: &str, policy: &Policy<'_>) -> Result<PreparedRequest> {
    let request = response.request();
    let url = response.url().join(link)?;
    let mut next = request.clone();
    next.check_replayable("the next page")?;
    next.headers.remove("cookie");
    if strip_auth(response.url(), &url) {
        // Its host may be reached through another proxy, or none.
        next.headers.remove("proxy-authorization");
        forget_credentials(&mut next, policy);
    }
    next.url = url;
    Ok(next)
}

/// The method after a redirect, as requests changes it.
fn method(method: &Method, status: StatusCode) -> Method {
    match status.as_u16() {
        302 | 303 if *method != Method::HEAD => Method::GET,
        301 if *method == Method::POST => Method::GET,
        _ => method.clone(),
    }
}

/// Removes credentials, what the auth set, and what the program named, because the origin is new.
fn forget_credentials(next: &mut PreparedRequest, policy: &Policy<'_>) {
    next.headers.remove("authorization");
    for name in policy.sensitive_headers {
        next.headers.remove(name);
    }
    forget_auth(next, None);
}

/// Removes the headers that an auth set, except `kept`, and the auth itself, which must not answer another origin.
fn forget_auth(next: &mut PreparedRequest, kept: Option<&str>) {
    for name in std::mem::take(&mut next.extras.auth_headers) {
        if kept.is_some_and(|kept| kept.eq_ignore_ascii_case(&name)) {
            next.extras.auth_headers.push(name);
        } else {
            next.headers.remove(&name);
        }
    }
    next.extras.auth = None;
}

fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host() == b.host() && a.port_or_default() == b.port_or_default()
}
