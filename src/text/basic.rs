//! Basic credentials (RFC 7617), as the value of `Authorization` or `Proxy-Authorization`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::latin1;

/// The value for this user and password: in Latin-1, as in requests, or in UTF-8 if there are characters beyond
/// Latin-1, for which requests fails.
pub(crate) fn credentials(user: &str, password: &str) -> String {
    let text = format!("{user}:{password}");
    format!("Basic {}", STANDARD.encode(latin1::to_bytes(&text).unwrap_or_else(|| text.into_bytes())))
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
            assert_eq!(credentials(user, password), want);
        }
    }
}
