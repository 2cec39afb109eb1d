//! URLs (stub until the url branch lands).

use std::fmt;
use std::sync::Arc;

/// A URL.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Url(Arc<str>);

impl Url {
    /// The text without user-info.
    #[must_use]
    pub fn without_user_info(&self) -> std::borrow::Cow<'_, str> {
        (&*self.0).into()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
