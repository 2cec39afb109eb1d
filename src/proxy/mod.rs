//! Which way a request goes: directly, through a proxy, through SOCKS, or to a Unix socket.
//!
//! All of it is decided from values: the URL, what the program set, and a look-up for environment variables that the
//! caller passes in. Nothing is resolved and nothing connects. What the program sets wins over the environment.

pub(crate) mod environment;
mod no_proxy;
mod proxies;
mod route;
mod select;
mod server;

pub(crate) use environment::Lookup;
pub use proxies::Proxies;
pub(crate) use route::Route;
pub(crate) use select::select;
pub(crate) use server::{ProxyScheme, ProxyServer, SocksProxy};
#[cfg(any(test, feature = "socks"))]
pub(crate) use server::{SocksResolve, SocksVersion};
