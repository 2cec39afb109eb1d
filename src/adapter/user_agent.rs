//! The value of `User-Agent`.

/// The name that requests give themselves, unless a `User-Agent` of one's own is set: a session's default, and what goes out
/// where there is none at all.
pub(crate) const USER_AGENT: &str = concat!("petition/", env!("CARGO_PKG_VERSION"));
