//! How far a request was sent, for the reader of the answer.

use std::io;

use crate::error::{Error, ErrorKind, system_reason};
use crate::net::TlsError;

/// A request that was sent as far as the peer accepted it.
pub(super) enum Sent {
    Whole,
    /// The peer stopped reading. It may have answered before.
    Cut(io::Error),
    /// The peer refused the rest, or did not ask for the body.
    Answered,
}

impl Sent {
    /// The first error: if sending was cut short, that is why there is no answer.
    pub(super) fn blame(&self, error: Error, peer: &str) -> Error {
        let Self::Cut(cut) = self else { return error };
        match TlsError::inside(cut) {
            // An alert is the reason, whether sending or reading found it.
            Some(alert) => Error::message(ErrorKind::SslError, format!("{alert} ({peer})")).with_source(error),
            None if error.kind() == ErrorKind::SslError => error,
            None => {
                let text = format!("connection aborted while sending: {} ({peer})", system_reason(cut));
                Error::message(ErrorKind::ConnectionError, text).with_source(error)
            }
        }
    }
}
