//! Basic authentication (RFC 7617), for a server and for a proxy.

use std::fmt;
use std::sync::Arc;

use crate::error::Result;
use crate::message::auth::sealed::Sealed;
use crate::message::{Auth, IntoAuth, PreparedRequest};
use crate::text::{authority, basic};

/// Sends a user and a password as `Authorization: Basic …`.
///
/// `.auth(("user", "password"))` is the same.
///
/// # Coming from requests
/// `HTTPBasicAuth`. Credentials are sent in Latin-1, as in requests; with characters beyond Latin-1, for which requests
/// fails, they are sent in UTF-8.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use petition::{Auth, BasicAuth};
///
/// let auth: Arc<dyn Auth> = BasicAuth::new("user", "password").into();
/// # drop(auth);
/// ```
#[derive(Clone, Eq, PartialEq)]
#[doc(alias = "HTTPBasicAuth")]
pub struct BasicAuth {
    user: String,
    password: String,
}

impl BasicAuth {
    /// Credentials of a user and a password, which can be empty. A colon in the user name cannot be distinguished from
    /// the one that ends it.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into() }
    }

    /// The user info of a URL, percent-decoded; `None` without a colon, or with nothing around it.
    pub(crate) fn from_user_info(user_info: &str) -> Option<Self> {
        let (user, password) = authority::user_info(user_info);
        let password = password?;
        if user.is_empty() && password.is_empty() {
            return None;
        }
        Some(Self::new(user, password))
    }

    fn value(&self) -> String {
        basic::credentials(&self.user, &self.password)
    }
}

impl Auth for BasicAuth {
    fn apply(&self, request: &mut PreparedRequest) -> Result<()> {
        request.headers.insert("Authorization", self.value())
    }
}

impl<U: Into<String>, P: Into<String>> Sealed for (U, P) {}
impl<U: Into<String>, P: Into<String>> IntoAuth for (U, P) {
    fn into_auth(self) -> Option<Arc<dyn Auth>> {
        Some(Arc::new(BasicAuth::new(self.0, self.1)))
    }
}

impl From<BasicAuth> for Arc<dyn Auth> {
    fn from(auth: BasicAuth) -> Self {
        Arc::new(auth)
    }
}

impl fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuth").finish_non_exhaustive()
    }
}

/// Sends a user and a password as `Proxy-Authorization: Basic …` with the request.
///
/// User info in the URL of a proxy does this for that proxy only, and is also used for the CONNECT of a tunnel; prefer
/// it.
///
/// # Coming from requests
/// `HTTPProxyAuth`.
#[derive(Clone, Eq, PartialEq)]
#[doc(alias = "HTTPProxyAuth")]
pub struct ProxyAuth(BasicAuth);

impl ProxyAuth {
    /// Credentials of a user and a password.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self(BasicAuth::new(user, password))
    }
}

// The same value as Basic, in another header (AUTH-08).
impl Auth for ProxyAuth {
    fn apply(&self, request: &mut PreparedRequest) -> Result<()> {
        request.headers.insert("Proxy-Authorization", self.0.value())
    }
}

impl From<ProxyAuth> for Arc<dyn Auth> {
    fn from(auth: ProxyAuth) -> Self {
        Arc::new(auth)
    }
}

impl fmt::Debug for ProxyAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyAuth").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // AUTH-07
    #[test]
    fn user_info_counts_with_a_colon_only_and_is_decoded() {
        for (user_info, want) in [
            ("user:pass", Some(("user", "pass"))),
            ("user:", Some(("user", ""))),
            (":pass", Some(("", "pass"))),
            ("user", None),
            ("", None),
            (":", None),
            ("us%40er:p%3Aa%25ss", Some(("us@er", "p:a%ss"))),
            ("u:p:q", Some(("u", "p:q"))),
            ("%C3%A9:%zz%4", Some(("\u{e9}", "%zz%4"))),
            ("a+b:%e9", Some(("a+b", "\u{fffd}"))),
        ] {
            let want = want.map(|(user, password)| BasicAuth::new(user, password));
            assert!(BasicAuth::from_user_info(user_info) == want, "{user_info}");
        }
    }

    // AUTH-27
    #[test]
    fn values_are_equal_by_user_and_password() {
        assert!(BasicAuth::new("a", "b") == BasicAuth::new(String::from("a"), "b"));
        assert!(BasicAuth::new("a", "b") != BasicAuth::new("a", "c"));
        assert!(ProxyAuth::new("a", "b") == ProxyAuth::new("a", "b"));
    }

    // AUTH-05
    #[test]
    fn a_pair_is_basic_whatever_texts_it_is_of() {
        let owned = String::from("user");

        let _: [Arc<dyn Auth>; 3] = [
            ("user", "pass").into_auth().unwrap(),
            (&owned, owned.clone()).into_auth().unwrap(),
            BasicAuth::new("user", "pass").into_auth().unwrap(),
        ];
    }

    #[test]
    fn debug_shows_no_credentials() {
        let shown = format!("{:?} {:?}", BasicAuth::new("user", "pass"), ProxyAuth::new("user", "pass"));

        assert_eq!(shown, "BasicAuth { .. } ProxyAuth { .. }");
    }
}
