//! Why a body cannot be decoded. The reader keeps it, so that every later read returns the same error.

use std::fmt;
use std::io;

use crate::error::{Error, ErrorKind};

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    Corrupt { coding: &'static str, reason: String },
    Truncated { coding: &'static str, after: u64 },
    TooManyCodings { listed: usize, at_most: usize },
    TooLarge { at_most: u64 },
    TooLargeCoded { after: u64 },
    Expands { at_most: u32 },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt { coding, reason } => write!(f, "body cannot be decoded as {coding}: {reason}"),
            Self::Truncated { coding, after } => write!(f, "{coding} body ended early, after {after} bytes"),
            Self::TooManyCodings { listed, at_most } => {
                write!(f, "too many content codings: {listed}, at most {at_most}")
            }
            Self::TooLarge { at_most } => write!(f, "body is larger than max_decoded_bytes: {at_most}"),
            Self::TooLargeCoded { after } => {
                write!(f, "coded body is larger than max_decoded_bytes allows: it has not ended after {after} bytes")
            }
            Self::Expands { at_most } => {
                write!(f, "body grows more than {at_most} times when decoded: see max_expansion_ratio")
            }
        }
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        Error::message(ErrorKind::ContentDecodingError, fault.to_string()).into()
    }
}
