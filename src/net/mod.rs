//! From a plan (which host, which way, which TLS) to an open connection.
//!
//! It knows sockets, TLS and the protocols of proxies, and nothing about requests, responses, retries or pools. Every step
//! has a limit. Every failure says which step it was and who is to blame. No text contains a credential.

mod connector;
mod error;
mod exhausted;
mod happy_eyeballs;
#[cfg(all(feature = "testing", any(test, fuzzing)))]
pub(crate) mod invariants;
mod limits;
mod refusal;
mod resolve;
mod socket;
mod socket_options;
#[cfg(feature = "socks")]
mod socks;
#[cfg(test)]
mod testing;
mod tls;
mod transport;
mod tunnel;
#[cfg(unix)]
mod unix;
mod wait;

pub(crate) use connector::{Connected, Connector, Plan};
pub(crate) use error::{ConnectError, ConnectErrorKind, Phase};
pub(crate) use limits::Limits;
pub(crate) use resolve::{Allowed, Resolver};
pub(crate) use socket_options::{KeepAlive, SocketOptions};
#[cfg(all(test, any(feature = "native-tls", feature = "rustls")))]
pub(crate) use tls::TlsErrorKind;
pub use tls::{Pin, TlsBackend, TlsVersion};
pub(crate) use tls::{TlsConfig, TlsError, TlsSettings};
pub(crate) use transport::{Ready, Transport, is_timeout};
pub(crate) use wait::{RanOut, Wait};
