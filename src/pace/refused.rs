//! How a setting is refused.

/// What is wrong with a setting: its name, and what it must be.
pub(crate) type Refused = (&'static str, String);
