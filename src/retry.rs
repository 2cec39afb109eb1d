//! Retries (stub until the retry branch lands).

/// When to try again.
#[derive(Clone, Debug)]
pub struct Retry;
