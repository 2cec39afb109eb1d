//! The route to an origin.
//!
//! One value is used everywhere: the session and the Unix adapter choose it, it is part of the pool key, the connector
//! follows it, and it decides the form of the request line.

use std::path::Path;
use std::sync::Arc;

use super::server::{ProxyScheme, ProxyServer, SocksProxy};

/// The route to an origin.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) enum Route {
    /// To the origin itself.
    #[default]
    Direct,
    /// To a proxy, with the absolute URL as target.
    Forward(Arc<ProxyServer>),
    /// Through a proxy, with CONNECT.
    Tunnel(Arc<ProxyServer>),
    /// Through a SOCKS proxy, as if directly.
    Socks(Arc<SocksProxy>),
    /// To a Unix socket instead of the origin's host.
    Unix(Arc<Path>),
}

impl Route {
    /// The proxy to which TLS is used, if there is one.
    pub(crate) fn encrypted_proxy(&self) -> Option<&ProxyServer> {
        match self {
            Self::Forward(proxy) | Self::Tunnel(proxy) if proxy.scheme == ProxyScheme::Https => Some(proxy),
            _ => None,
        }
    }
}
