//! How far a request got, for whoever reads the answer.

use std::io;

use crate::error::{Error, ErrorKind};

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
    pub(super) fn blame(&self, error: Error) -> Error {
        match self {
            Self::Cut(cut) => {
                Error::message(ErrorKind::ConnectionError, format!("connection aborted while sending: {cut}"))
                    .with_source(error)
            }
            Self::Whole | Self::Answered => error,
        }
    }
}
