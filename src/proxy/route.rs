//! The way from here to an origin.
//!
//! One value says it to everybody: the session and the Unix adapter choose it, the pool key tells connections apart by it,
//! the connector goes it, and the request line follows from it.

use std::path::Path;
use std::sync::Arc;

use super::server::{ProxyScheme, ProxyServer, SocksProxy};

/// The way to an origin.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) enum Route {
    /// To the origin itself.
    #[default]
    Direct,
    /// To a proxy that is asked for the absolute URL.
    Forward(Arc<ProxyServer>),
    /// Through a proxy, by CONNECT.
    Tunnel(Arc<ProxyServer>),
    /// Through a SOCKS proxy, as if directly.
    Socks(Arc<SocksProxy>),
    /// To a Unix socket in place of the origin's host.
    Unix(Arc<Path>),
}

impl Route {
    /// The proxy that is spoken to over TLS, if there is one.
    pub(crate) fn encrypted_proxy(&self) -> Option<&ProxyServer> {
        match self {
            Self::Forward(proxy) | Self::Tunnel(proxy) if proxy.scheme == ProxyScheme::Https => Some(proxy),
            _ => None,
        }
    }
}
