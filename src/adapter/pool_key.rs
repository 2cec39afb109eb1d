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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::Url;

    // CVE-2022-27775 of curl: the zone was not compared.
    #[test]
    fn zones_of_one_address_share_no_connection() {
        let (route, tls) = (Route::Direct, TlsSettings::default());
        let is_shared = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|host| Url::parse(&format!("http://{host}/")).unwrap());
            let wanted = |url| Wanted { is_tls: false, host: Url::host(url), port: 80, route: &route, tls: &tls };
            wanted(&one).is(&wanted(&other).to_key())
        };

        assert!(is_shared("[fe80::1%251]", "[FE80::1%1]"), "two spellings of one zone");
        for (one, other) in [
            ("[fe80::1%251]", "[fe80::1%252]"),
            ("[fe80::1%25eth0]", "[fe80::1%25eth1]"),
            ("[fe80::1%251]", "[fe80::1]"),
            ("[fe80::1]", "[fe80::1%251]"),
        ] {
            assert!(!is_shared(one, other), "{one} {other}");
        }
    }
}
