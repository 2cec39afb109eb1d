//! Which route a request takes: directly, through a proxy, through SOCKS, or to a Unix socket.
//!
//! Everything is decided from values: the URL, what the program set, and a lookup of environment variables that the
//! caller passes in. Nothing here resolves or connects. What the program sets wins over the environment.

pub(crate) mod environment;
mod no_proxy;
mod proxies;
mod route;
mod select;
mod server;

pub(crate) use environment::{Environment, LastList};
pub use proxies::Proxies;
pub(crate) use route::Route;
pub(crate) use select::select;
pub(crate) use server::{ProxyScheme, ProxyServer, SocksProxy};
#[cfg(any(test, feature = "socks"))]
pub(crate) use server::{SocksResolve, SocksVersion};
