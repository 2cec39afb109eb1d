//! The pool key: what makes two connections different. It is the origin, the route with its credentials, and the TLS settings.
//!
//! Requests with equal keys share a pool. Keys are looked up by reference, so that a request that finds its pool copies
//! nothing.

use std::hash::{Hash, Hasher};

use crate::net::TlsSettings;
use crate::pool::{Endpoint, Lookup};
use crate::proxy::{ProxyScheme, Route};
use crate::text::printable::printable;

/// What makes two connections different.
pub(super) struct Key {
    is_tls: bool,
    host: String,
    port: u16,
    route: Route,
    tls: TlsSettings,
}

/// A lookup of a [`Key`], by reference.
pub(super) struct Wanted<'a> {
    pub(super) is_tls: bool,
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) route: &'a Route,
    pub(super) tls: &'a TlsSettings,
}

impl Wanted<'_> {
    /// What a request's connections connect to. Through a forward proxy all hosts share the proxy's pool.
    fn peer(&self) -> (bool, &str, u16) {
        match self.route {
            Route::Forward(proxy) => (proxy.scheme == ProxyScheme::Https, &proxy.host, proxy.port),
            // Different spellings of one path share a pool. A socket has no port.
            Route::Unix(path) => (false, path.to_str().unwrap_or(self.host), 0),
            Route::Direct | Route::Tunnel(_) | Route::Socks(_) => (self.is_tls, self.host, self.port),
        }
    }
}

impl Hash for Wanted<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (is_tls, host, port) = self.peer();
        state.write(host.as_bytes());
        state.write_u32(u32::from(port) << 1 | u32::from(is_tls));
    }
}

impl Lookup<Key> for Wanted<'_> {
    fn is(&self, key: &Key) -> bool {
        self.peer() == (key.is_tls, key.host.as_str(), key.port) && *self.route == key.route && *self.tls == key.tls
    }

    fn to_key(&self) -> Key {
        let (is_tls, host, port) = self.peer();
        Key { is_tls, host: host.to_owned(), port, route: self.route.clone(), tls: self.tls.clone() }
    }

    fn endpoint(&self) -> Endpoint {
        let (is_tls, host, port) = self.peer();
        // A redirect may have chosen the path of a socket, and a path may have any character.
        Endpoint { scheme: if is_tls { "https" } else { "http" }.into(), host: printable(host).into_owned(), port }
    }
}
