//! How far a request got, for whoever reads the answer.

use std::io;

use crate::error::{Error, ErrorKind, system_reason};
use crate::net::TlsError;

/// A request that went out as far as the peer took it.
pub(super) enum Sent {
    Whole,
    /// The peer stopped reading; it may have answered before it did (BODY-33).
    Cut(io::Error),
    /// The peer answered, and what it said makes the rest pointless, or it did not ask for the body.
    Answered,
}

impl Sent {
    /// What went wrong first: where sending was cut short, that is why there is no answer.
    pub(super) fn blame(&self, error: Error, peer: &str) -> Error {
        let Self::Cut(cut) = self else { return error };
        match TlsError::inside(cut) {
            // An alert says why, whichever side of the connection met it.
            Some(alert) => Error::message(ErrorKind::SslError, format!("{alert} ({peer})")).with_source(error),
            None if error.kind() == ErrorKind::SslError => error,
            None => {
                let text = format!("connection aborted while sending: {} ({peer})", system_reason(cut));
                Error::message(ErrorKind::ConnectionError, text).with_source(error)
            }
        }
    }
}
