//! HTTP over a Unix socket that the URL names.
//!
//! The host of `http+unix://%2Frun%2Fdocker.sock/info` is the socket's path, percent-encoded. Everything else is as in the
//! stock adapter: pools (one for each path), retries, limits. There is no name lookup and no proxy.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::adapter::{Adapter, HttpAdapter, HttpAdapterBuilder, SendOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{PreparedRequest, Response};
use crate::pool::PoolStats;
use crate::proxy::Route;
use crate::text::percent;

/// Sends requests over Unix sockets: `http+unix://%2Frun%2Fdocker.sock/info` is `/info` of `/run/docker.sock`.
///
/// Mount it on `http+unix://`. The host of a URL is the socket's path, percent-encoded. `Host: localhost` is sent, unless the
/// request has a `Host` of its own. Proxies are ignored. A relative Location stays on the socket; one with `http://` leaves
/// it. Clones share their pools.
///
/// On platforms without Unix sockets every `send` is an error of kind [`ErrorKind::Unsupported`].
///
/// # Coming from requests
/// Like the adapter of requests-unixsocket, with the same URLs and the same `Host`.
///
/// # Examples
/// ```
/// use petition::{HttpAdapter, Session, UnixAdapter};
///
/// let mut session = Session::new();
/// session.mount("http+unix://", UnixAdapter::new());
///
/// let settings =
///     HttpAdapter::builder().pool_maxsize(2).pool_block(true).max_retries(3);
/// session.mount("http+unix://%2Frun%2Fbusy.sock", UnixAdapter::from(settings));
/// ```
#[derive(Clone, Default)]
pub struct UnixAdapter {
    http: HttpAdapter,
}

impl UnixAdapter {
    /// Creates an adapter with the defaults of [`HttpAdapter`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Statistics of the pools, the most recently used first. Their host is the socket's path, their port 0.
    #[must_use]
    pub fn stats(&self) -> Vec<PoolStats> {
        self.http.stats()
    }
}

/// Converts a builder. Its settings for pools, retries, limits and the clock apply; those for TCP and TLS do not.
impl From<HttpAdapterBuilder> for UnixAdapter {
    fn from(settings: HttpAdapterBuilder) -> Self {
        Self { http: settings.build() }
    }
}

impl Adapter for UnixAdapter {
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response> {
        let url = &request.url;
        if !url.scheme().eq_ignore_ascii_case(SCHEME) {
            let text = format!("{:?} is not a URL of a Unix socket: its scheme is not {SCHEME}", url.for_errors());
            return Err(Error::message(ErrorKind::InvalidSchema, text));
        }
        let path = path(host(url.as_str()))?;
        self.http.send_by(Route::Unix(path), request, options)
    }

    fn close(&self) {
        self.http.close();
    }

    fn stats(&self) -> Vec<PoolStats> {
        self.http.stats()
    }
}

impl fmt::Debug for UnixAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixAdapter").field("pools", &self.stats()).finish_non_exhaustive()
    }
}

const SCHEME: &str = "http+unix";

/// The host as written. `Url::host` does not keep the case, which matters in a path, and a colon here does not start a port.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// The path that a host stands for.
fn path(host: &str) -> Result<Arc<Path>> {
    let refuse = |what: &str| {
        Error::message(ErrorKind::InvalidUrl, format!("the host {host:?} of the Unix socket URL contains {what}"))
    };
    let bytes = percent::decode_strictly(host).ok_or_else(|| refuse("an invalid percent-escape"))?;
    match bytes.as_slice() {
        [] => Err(refuse("no path")),
        bytes if bytes.contains(&0) => Err(refuse("a NUL byte")),
        _ => native(bytes).ok_or_else(|| refuse("a path that is not UTF-8")),
    }
}

#[cfg(unix)]
fn native(bytes: Vec<u8>) -> Option<Arc<Path>> {
    use std::os::unix::ffi::OsStringExt;
    Some(Path::new(&std::ffi::OsString::from_vec(bytes)).into())
}

#[cfg(not(unix))]
fn native(bytes: Vec<u8>) -> Option<Arc<Path>> {
    Some(Path::new(&String::from_utf8(bytes).ok()?).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_path() {
        for (host, want) in [
            ("%2Frun%2Fdocker.sock", Some("/run/docker.sock")),
            ("%2frun%2FUpper%20case", Some("/run/Upper case")),
            ("relative.sock", Some("relative.sock")),
            ("%2F%C3%BC", Some("/ü")),
            ("", None),
            ("%2", None),
            ("%2Fa%zz", None),
            ("%2Fa%00b", None),
        ] {
            match (path(host), want) {
                (Ok(got), Some(want)) => assert_eq!(&*got, Path::new(want)),
                (Err(error), None) => assert_eq!(error.kind(), ErrorKind::InvalidUrl),
                (got, want) => panic!("{host:?}: {got:?}, not {want:?}"),
            }
        }
    }

    #[test]
    fn the_host_is_taken_as_written() {
        for (url, want) in [
            ("http+unix://%2FUpper.sock/p?q#f", "%2FUpper.sock"),
            ("http+unix://user:pass@%2Fa:b?q", "%2Fa:b"),
            ("http+unix://%2Fa", "%2Fa"),
            ("http+unix:///a", ""),
        ] {
            assert_eq!(host(url), want);
        }
    }

    #[test]
    fn other_schemes_are_refused() {
        let adapter = UnixAdapter::new();
        let mut request = crate::Request::new("GET", "http://h/").prepare().unwrap();

        let error = adapter.send(&mut request, &SendOptions::default()).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::InvalidSchema);
    }
}
