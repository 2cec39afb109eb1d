//! Basic authentication (RFC 7617), for a server and for a proxy.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::Result;
use crate::message::{Auth, IntoAuth, PreparedRequest};

/// Sends a user and a password as `Authorization: Basic …`.
///
/// `.auth(("user", "password"))` is the same.
///
/// # Coming from requests
/// `HTTPBasicAuth`: in Latin-1, as there; what has characters beyond that, where requests fails, goes as UTF-8.
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
pub struct BasicAuth {
    user: String,
    password: String,
}

impl BasicAuth {
    /// These credentials. The password may be empty; a colon in the user name cannot be told from the one that ends it.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into() }
    }

    /// The user-info of a URL, percent-decoded; `None` without a colon, or with nothing around it (AUTH-07).
    pub(crate) fn from_user_info(user_info: &str) -> Option<Self> {
        let (user, password) = user_info.split_once(':')?;
        if user.is_empty() && password.is_empty() {
            return None;
        }
        Some(Self::new(percent_decode(user), percent_decode(password)))
    }

    fn value(&self) -> String {
        basic_value(&self.user, &self.password)
    }
}

/// The header value for these credentials (AUTH-06).
fn basic_value(user: &str, password: &str) -> String {
    let text = format!("{user}:{password}");
    let latin1 = text.chars().map(|c| u8::try_from(u32::from(c))).collect::<Result<Vec<u8>, _>>();
    format!("Basic {}", STANDARD.encode(latin1.unwrap_or_else(|_| text.into_bytes())))
}

/// Python's `unquote`: what is no escape stays, what is not UTF-8 is replaced.
fn percent_decode(text: &str) -> String {
    let hex = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let escaped = match (byte, tail) {
            (b'%', [high, low, after @ ..]) => hex(high).zip(hex(low)).map(|(high, low)| (high << 4 | low, after)),
            _ => None,
        };
        match escaped {
            Some((byte, after)) => {
                out.push(byte);
                rest = after;
            }
            None => out.push(*byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Auth for BasicAuth {
    fn apply(&self, request: &mut PreparedRequest) -> Result<()> {
        request.headers.insert("Authorization", &self.value())
    }
}

impl<U: Into<String>, P: Into<String>> IntoAuth for (U, P) {
    fn into_auth(self) -> Arc<dyn Auth> {
        Arc::new(BasicAuth::new(self.0, self.1))
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

/// Sends a user and a password as `Proxy-Authorization: Basic …` with the request itself.
///
/// User-info in the URL of a proxy does this for that proxy alone, and reaches a tunnel's CONNECT too; prefer it.
///
/// # Coming from requests
/// `HTTPProxyAuth`.
#[derive(Clone, Eq, PartialEq)]
pub struct ProxyAuth(BasicAuth);

impl ProxyAuth {
    /// These credentials.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self(BasicAuth::new(user, password))
    }
}

// AUTH-08
impl Auth for ProxyAuth {
    fn apply(&self, request: &mut PreparedRequest) -> Result<()> {
        request.headers.insert("Proxy-Authorization", &self.0.value())
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

    // AUTH-06
    #[test]
    fn credentials_are_latin1_if_they_can_be_and_else_utf8() {
        for (user, password, want) in [
            ("user", "pass", "Basic dXNlcjpwYXNz"),
            ("user", "", "Basic dXNlcjo="),
            ("", "", "Basic Og=="),
            ("user", "pa:ss", "Basic dXNlcjpwYTpzcw=="),
            ("a b", " c ", "Basic YSBiOiBjIA=="),
            ("us\u{e9}r", "p\u{e4}ss", "Basic dXPpcjpw5HNz"),
            ("\u{65e5}", "\u{672c}", "Basic 5pelOuacrA=="),
            ("\u{e9}", "\u{672c}", "Basic w6k65pys"),
        ] {
            assert_eq!(BasicAuth::new(user, password).value(), want, "{user}:{password}");
        }
    }

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
            ("user", "pass").into_auth(),
            (&owned, owned.clone()).into_auth(),
            BasicAuth::new("user", "pass").into_auth(),
        ];
    }

    #[test]
    fn debug_shows_no_credentials() {
        let shown = format!("{:?} {:?}", BasicAuth::new("user", "pass"), ProxyAuth::new("user", "pass"));

        assert_eq!(shown, "BasicAuth { .. } ProxyAuth { .. }");
    }
}
