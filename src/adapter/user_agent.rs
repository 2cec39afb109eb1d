//! The value of `User-Agent`.

/// The value that a new session has as a default header, and that is sent if a request has no `User-Agent` at all.
pub(crate) const USER_AGENT: &str = concat!("petition/", env!("CARGO_PKG_VERSION"));
