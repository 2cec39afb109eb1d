//! petition against programs that other people wrote: nginx, httpbin under gunicorn, Python's HTTP/1.0 server, squid,
//! microsocks and `openssl s_server`.
//!
//! Each test starts the peer it needs, on a free port of 127.0.0.1 and in a directory of its own, and takes it down at
//! its end. A peer that is not installed skips its tests with a message; with PETITION_REQUIRE_PEERS=1 that is a failure.
//! PETITION_PYTHON names the interpreter that has httpbin and gunicorn.
//!
//! What a test says about the peer's view comes from the peer: its access log, its variables, its status.
#![cfg(unix)]

#[path = "../wire/support/mod.rs"]
mod support;

#[cfg(any(feature = "native-tls", feature = "rustls"))]
mod certificates;
mod client;
mod httpbin;
mod kept;
mod load;
mod nginx;
mod process;
mod proxies;
#[cfg(any(feature = "native-tls", feature = "rustls"))]
mod s_server;
#[cfg(feature = "socks")]
mod socks;
#[cfg(any(feature = "native-tls", feature = "rustls"))]
mod tls;
