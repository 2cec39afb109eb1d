//! Which way a request goes: directly, through a proxy, or through SOCKS.
//!
//! All of it is decided from values: the URL, what the program set, and a look-up for environment variables that the
//! caller passes in. Nothing is resolved and nothing connects. What the program sets wins over the environment.

pub(crate) mod environment;
mod no_proxy;
mod route;
mod settings;

pub(crate) use environment::Lookup;
pub(crate) use route::{Route, select};
pub use settings::Proxies;
pub(crate) use settings::{ProxyScheme, ProxyServer, SocksProxy, SocksResolve, SocksVersion};
