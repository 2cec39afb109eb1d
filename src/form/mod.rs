//! The two encodings of a form: URL-encoded text, and multipart with the sources of its parts. And what may be shown of the
//! latter.

pub(crate) mod bytes;
#[cfg(feature = "json")]
pub(crate) mod fields;
pub(crate) mod masked;
pub(crate) mod multipart;
pub(crate) mod part;
pub(crate) mod source;
pub(crate) mod urlencoded;

pub use multipart::Multipart;
pub use part::{IntoPart, Part};
