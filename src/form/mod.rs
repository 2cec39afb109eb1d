//! The two encodings of a form: url-encoded text, and multipart with what its parts are read from.

pub(crate) mod bytes;
pub(crate) mod multipart;
pub(crate) mod part;
pub(crate) mod source;
pub(crate) mod urlencoded;

pub use multipart::Multipart;
pub use part::Part;
