//! The two encodings of a form.

pub(crate) mod urlencoded;
