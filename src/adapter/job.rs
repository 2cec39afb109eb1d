//! One `send`: its request with target, framing and route, for all of its attempts.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::adapter::SendOptions;
use crate::adapter::pool_key::Wanted;
use crate::clock::Deadline;
use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
use crate::http1::framing::{self, RequestFraming, Sending};
use crate::message::PreparedRequest;
use crate::net::TlsSettings;
use crate::proxy::{ProxyServer, Route};
use crate::retry::{Cause, Retry, Tried};
use crate::semantics;
use crate::text::authority::host_and_port;
use crate::text::printable::printable;

/// A request to send, with its target and framing decided.
pub(super) struct Job<'r> {
    pub(super) request: &'r PreparedRequest,
    pub(super) options: &'r SendOptions,
    pub(super) route: Route,
    pub(super) tls: Cow<'r, TlsSettings>,
    /// When everything must be over.
    pub(super) deadline: Deadline,
    /// The target of the request line.
    target: Cow<'r, str>,
    pub(super) framing: RequestFraming,
}

/// One of the attempts to send a request.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    /// When it begins.
    pub(super) asked: Instant,
    /// Its number, from 1.
    pub(super) number: u32,
    /// The retries that are left if it is answered.
    pub(super) retry: &'a Arc<Retry>,
}

impl<'r> Job<'r> {
    pub(super) fn new(
        request: &'r PreparedRequest,
        options: &'r SendOptions,
        route: Route,
        tls: Cow<'r, TlsSettings>,
        deadline: Deadline,
    ) -> Result<Self> {
        let route = with_own_authorization(route, request);
        let target = match &route {
            // A forward proxy gets the absolute URL, without user info and fragment (ADPT-13).
            Route::Forward(_) => request.url.absolute_target().into(),
            _ => request.url.target().into(),
        };
        let framing = framing::of_request(&request.method, request.body.length(), &request.headers)
            .map_err(|error| Error::message(ErrorKind::InvalidHeader, error.to_string()))?;
        Ok(Self { request, options, route, tls, deadline, target, framing })
    }

    /// What identifies its pool.
    pub(super) fn pool_key(&self) -> Wanted<'_> {
        let (is_tls, (host, port)) = (self.request.url.is_https(), self.origin());
        Wanted { is_tls, host, port, route: &self.route, tls: &self.tls }
    }

    /// Host and port of the origin.
    pub(super) fn origin(&self) -> (&str, u16) {
        let url = &self.request.url;
        (url.host(), url.port_or_default().unwrap_or(80))
    }

    /// The same for who listens to events: of a Unix socket the path, and no port.
    pub(super) fn told_origin(&self) -> (Cow<'_, str>, u16) {
        let (host, port) = self.origin();
        match &self.route {
            Route::Unix(path) => (printable(path.to_str().unwrap_or(host)), 0),
            _ => (host.into(), port),
        }
    }

    /// `host:port` of the origin, for errors.
    pub(super) fn peer(&self) -> String {
        let url = &self.request.url;
        host_and_port(url.host(), url.port_or_default())
    }

    /// What went wrong on a connection: to the proxy, if that forwards the request.
    pub(super) fn named(&self, error: Error) -> Error {
        let Route::Forward(proxy) = &self.route else { return error };
        error.with_story(&format!(" (through the proxy {})", host_and_port(&proxy.host, Some(proxy.port))))
    }

    /// The value of an automatic Host header.
    pub(super) fn host(&self) -> Cow<'_, str> {
        match &self.route {
            // As requests-unixsocket does: a path is not a host.
            Route::Unix(_) => "localhost".into(),
            // The same as in the target, including the port.
            Route::Forward(_) => self.request.url.authority(),
            Route::Direct | Route::Tunnel(_) | Route::Socks(_) => self.request.url.host_header(),
        }
    }

    pub(super) fn method(&self) -> &str {
        self.request.method.as_str()
    }

    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// The `Proxy-Authorization` of a forward proxy, which each request carries.
    pub(super) fn proxy_authorization(&self) -> Option<&str> {
        match &self.route {
            Route::Forward(proxy) => proxy.authorization.as_deref(),
            _ => None,
        }
    }

    /// Whether a `Proxy-Authorization` header is left out of the request, because the peer of a tunnel is the origin
    /// (RFC 9110 §11.7.2, docs/decisions.md#proxy-authorization).
    pub(super) fn hides_proxy_authorization(&self) -> bool {
        self.request.url.is_https()
    }

    pub(super) fn tried<'a>(&'a self, cause: Cause<'a>, headers: Option<&'a Headers>) -> Tried<'a> {
        Tried { method: self.method(), url: self.request.url.as_str(), target: self.target(), cause, headers }
    }

    /// Refuses to continue with a body that was sent and cannot be sent again (docs/decisions.md#body-once).
    pub(super) fn check_rewindable(&self, purpose: &str) -> Result<()> {
        self.request.check_replayable(purpose)
    }

    /// Whether sending it twice has the same effect as once (RFC 9110 §9.2.2): by its method, or because it has a key by which
    /// the server recognizes a repetition (docs/decisions.md#idempotency-key).
    pub(super) fn is_idempotent(&self) -> bool {
        semantics::is_idempotent(self.method())
            || ["idempotency-key", "x-idempotency-key"].iter().any(|name| self.request.headers.contains(name))
    }

    /// How long the body waits for a 100 (Continue); `None` if there is no body, or no `Expect` was requested.
    pub(super) fn expects_continue(&self) -> Option<Duration> {
        self.request.extras.expect_continue.filter(|_| self.framing.body != Sending::Nothing)
    }

    /// Whether it says `Connection: close`, so that its connection is not used again (RFC 9112 §9.6).
    pub(super) fn closes_connection(&self) -> bool {
        let says_close = |value: &str| value.split(',').any(|option| option.trim().eq_ignore_ascii_case("close"));
        // The usual value, which nearly every request has, is compared first.
        self.request.headers.any("connection", |value| value != "keep-alive" && says_close(value))
    }
}

/// The route with the request's own `Proxy-Authorization`, if it is a tunnel and the proxy's URL has no credentials. It is part
/// of the route and so of the pool key: requests with other credentials do not use that tunnel.
fn with_own_authorization(route: Route, request: &PreparedRequest) -> Route {
    let Route::Tunnel(proxy) = &route else { return route };
    match request.headers.get("proxy-authorization") {
        Some(own) if proxy.authorization.is_none() => {
            Route::Tunnel(Arc::new(ProxyServer { authorization: Some(own.to_owned()), ..(**proxy).clone() }))
        }
        _ => route,
    }
}
