//! HTTP/1.1 as bytes: heads, framing and bodies, and whether a connection can be used again.
//!
//! Nothing in this folder reads, writes, waits or knows the time: the caller supplies bytes and takes bytes. A decoder
//! is told what arrived and reports how far it got. Input cut at any byte gives the same result with more calls.

pub(crate) mod body_decoder;
pub(crate) mod chunk_encoder;
pub(crate) mod framing;
pub(crate) mod head;
pub(crate) mod remote_error;
pub(crate) mod request_head;
pub(crate) mod response_head;
pub(crate) mod reuse;

mod chunk_decoder;
#[cfg(any(test, fuzzing))]
pub(crate) mod invariants;
mod lenient_head;
mod octets;
mod plain_head;
#[cfg(test)]
mod recorded;
mod strict_head;
#[cfg(test)]
mod torn;

pub(crate) use remote_error::RemoteError;
