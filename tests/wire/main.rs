//! Behaviour on the wire: petition against servers of `std::net`, whose scripts stand in the tests. One file a subject.
//!
//! All of them are one program, whose tests run side by side: what belongs to the process (the logger, the environment) is
//! reached through `support`.

mod support;

mod adapters;
mod advisories;
mod auth;
mod bodies;
mod cancel;
mod connecting;
mod connection_rules;
mod cookies;
#[cfg(feature = "native-tls")]
mod credentials;
mod curl;
mod debug_secrets;
#[cfg(feature = "gzip")]
mod decoding;
mod downloads;
mod drains;
mod early_answers;
mod error_facts;
mod errors;
mod events;
#[cfg(target_os = "linux")]
mod exhaustion;
mod expect_continue;
mod fairness;
mod faults;
mod files;
mod first_calls;
mod hooks;
mod log_lines;
mod mocks;
mod one_shot;
mod pace;
mod pages;
mod pool;
mod pool_bounds;
#[cfg(feature = "native-tls")]
mod proxies;
mod ranges;
mod reading;
mod reaper;
#[cfg(feature = "json")]
mod recordings;
mod redirects;
mod replay;
mod requests;
mod responses;
mod retry;
mod security;
mod session;
mod slow_sources;
mod streaming;
mod terminal;
mod timeouts;
#[cfg(feature = "rustls")]
mod tls;
#[cfg(unix)]
mod unix_sockets;
mod waits;
