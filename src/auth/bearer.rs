//! Bearer tokens (RFC 6750).

use std::fmt;
use std::sync::Arc;

use crate::error::Result;
use crate::message::{Auth, PreparedRequest};

/// Sends a token as `Authorization: Bearer …`.
///
/// # Coming from requests
/// requests-toolbelt's `HTTPBearerAuth`.
///
/// # Examples
/// ```
/// let auth = petition::BearerAuth::new("token");
/// # drop(auth);
/// ```
#[derive(Clone, Eq, PartialEq)]
#[doc(alias = "token")]
pub struct BearerAuth {
    token: String,
}

impl BearerAuth {
    /// A token. If it contains what a header must not contain, sending is
    /// [`ErrorKind::InvalidHeader`](crate::ErrorKind::InvalidHeader).
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self { token: token.into() }
    }

    fn value(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

impl Auth for BearerAuth {
    fn apply(&self, request: &mut PreparedRequest) -> Result<()> {
        request.headers.insert("Authorization", self.value())
    }
}

impl From<BearerAuth> for Arc<dyn Auth> {
    fn from(auth: BearerAuth) -> Self {
        Arc::new(auth)
    }
}

impl fmt::Debug for BearerAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerAuth").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // TBELT-17
    #[test]
    fn the_token_is_sent_as_it_is_and_not_shown() {
        let auth = BearerAuth::new("t0k.en");

        assert_eq!((auth.value().as_str(), format!("{auth:?}").as_str()), ("Bearer t0k.en", "BearerAuth { .. }"));
    }
}
