//! What is behind an error.

use std::error::Error as StdError;

use petition::Error;

/// The causes of an error, the nearest first.
pub fn causes<'e>(error: &'e Error) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&error| error.source())
}
