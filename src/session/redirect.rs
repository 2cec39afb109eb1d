//! What a redirect asks for: the next request, as a pure function of the last one and its response.
//!
//! RFC 9110 §15.4 and requests' `resolve_redirects`. The session adds cookies, netrc credentials and proxies for the
//! new hop.

use std::borrow::Cow;

use http::{Method, StatusCode};

use crate::error::{Error, ErrorKind, Result};
use crate::message::body::Body;
use crate::message::prepared::AuthHeader;
use crate::message::{PreparedRequest, Response};
use crate::semantics;
use crate::session::auth_headers;
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

impl Policy<'_> {
    /// Refuses that `what` leads from https to http, if the session says so.
    fn check_downgrade(&self, what: &str, from: &Url, to: &Url) -> Result<()> {
        if self.allow_downgrade || from.scheme() != "https" || to.scheme() != "http" {
            return Ok(());
        }
        let text = format!("{what} from https to {} refused", to.for_errors());
        Err(Error::message(ErrorKind::InvalidUrl, text))
    }
}

/// Where `response` leads to, if it is a redirect that is followed. An empty Location leads nowhere, as in requests.
pub(super) fn location(response: &Response) -> Option<&str> {
    if !response.is_redirect() {
        return None;
    }
    response.headers().get("location").filter(|location| !location.is_empty())
}

/// The request that `response` asks for, or `None` if it is not a redirect that is followed.
pub(super) fn next_hop(
    request: &PreparedRequest,
    response: &Response,
    policy: &Policy<'_>,
) -> Result<Option<PreparedRequest>> {
    let Some(location) = location(response) else { return Ok(None) };
    let url = response.url().redirect(&utf8(location)?)?;
    policy.check_downgrade("redirect", response.url(), &url)?;
    let mut next = started_anew(request);
    next.method = method(&request.method, response.status_code());
    let keeps_body = semantics::keeps_method(response.status_code().as_u16());
    if keeps_body {
        // Checked now rather than when sending: nothing of the new request may be sent (REDIR-05, REDIR-06).
        next.check_replayable("a redirect")?;
    }
    move_to(&mut next, response.url(), url, policy);
    if !keeps_body {
        next.body = Body::default();
        for name in ["content-length", "content-type", "transfer-encoding"] {
            next.headers.remove(name);
        }
    }
    next.headers.remove("proxy-authorization");
    Ok(Some(next))
}

/// A Location's bytes are UTF-8, while header values are decoded as Latin-1.
fn utf8(location: &str) -> Result<Cow<'_, str>> {
    latin1::as_utf8(location)
        .ok_or_else(|| Error::message(ErrorKind::InvalidUrl, "redirect to a location that is not valid UTF-8"))
}

/// The same request for the page that `response` links to, like a redirect that keeps method and headers.
pub(super) fn next_page(response: &Response, link: &str, policy: &Policy<'_>) -> Result<PreparedRequest> {
    let url = linked(response.url(), link)?;
    policy.check_downgrade("link to the next page", response.url(), &url)?;
    let mut next = started_anew(response.request());
    next.check_replayable("the next page")?;
    if strip_auth(response.url(), &url) {
        // Its host may be reached through another proxy, or none.
        next.headers.remove("proxy-authorization");
    }
    move_to(&mut next, response.url(), url, policy);
    Ok(next)
}

/// What a Link header on `page` refers to. Like those of a Location, its bytes are UTF-8 if they can be.
pub(super) fn linked(page: &Url, reference: &str) -> Result<Url> {
    page.join(&latin1::as_utf8(reference).unwrap_or(reference.into()))
}

/// A copy of the request without the answer to a challenge, which was made for its URL only.
fn started_anew(request: &PreparedRequest) -> PreparedRequest {
    let mut next = request.clone();
    if let Some(answered) = next.extras.answered.take() {
        next.headers = auth_headers::without_answer(&next.headers, *answered);
    }
    next
}

/// Changes the URL of the request and removes what was for the old URL only. At the same origin it comes before anything else is
/// removed: where a header that the auth set is missing, the program counts as having changed it.
fn move_to(next: &mut PreparedRequest, from: &Url, to: Url, policy: &Policy<'_>) {
    if same_origin(from, &to) {
        // The auth is applied again: its headers were for the old URL.
        take_back_auth(next);
    } else {
        // It names the first origin, and would decide about cookies (docs/decisions.md#own-host).
        next.headers.remove("host");
        if strip_auth(from, &to) {
            forget_credentials(next, policy);
        } else {
            forget_auth(next, Some("authorization"));
        }
    }
    next.headers.remove("cookie");
    next.extras.own_cookie_header = false;
    next.url = to;
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
    for header in std::mem::take(&mut next.extras.auth_headers) {
        if kept.is_some_and(|kept| kept.eq_ignore_ascii_case(&header.name)) {
            next.extras.auth_headers.push(header);
        } else {
            next.headers.remove(&header.name);
        }
    }
    next.extras.auth = None;
}

/// Restores the headers that an auth set to what they were before. Without an auth, or if the program has changed such a
/// header since, they stay, and nothing is applied again.
pub(super) fn take_back_auth(next: &mut PreparedRequest) {
    let headers = &next.headers;
    let changed = |header: &AuthHeader| !headers.get_all(&header.name).eq(header.set.iter().map(String::as_str));
    if next.extras.auth.is_none() || next.extras.auth_headers.iter().any(changed) {
        next.extras.auth = None;
        return;
    }
    for AuthHeader { name, before, .. } in std::mem::take(&mut next.extras.auth_headers) {
        next.headers.remove(&name);
        for value in before {
            next.headers.push(&name, &value);
        }
    }
}

fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host() == b.host() && a.port_or_default() == b.port_or_default()
}
