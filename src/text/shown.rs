//! What `Debug` shows of texts that may carry a secret: the values of headers, by their names, and URLs.
//!
//! Pure. What is no URL, or a text with several, loses what would be user info in one: rather too much is hidden than too
//! little, as nothing depends on what is shown.

use std::borrow::Cow;
#[cfg(any(test, feature = "testing"))]
use std::fmt;

use super::secret_name::may_be_secret;

/// What is shown of a secret.
pub(crate) const MASK: &str = "***";

/// The value of a header: a mask if the name tells of a secret; otherwise without the user info of URLs.
pub(crate) fn header_value<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if may_be_secret(name) {
        MASK.into()
    } else if ["location", "content-location", "referer"].iter().any(|own| own.eq_ignore_ascii_case(name)) {
        without_user_info(value)
    } else {
        within(value)
    }
}

/// Headers as they are shown.
#[cfg(any(test, feature = "testing"))]
pub(crate) struct Fields<'a>(pub(crate) &'a [(String, String)]);

#[cfg(any(test, feature = "testing"))]
impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, value)| (name, header_value(name, value)))).finish()
    }
}

/// A URL, or what should be one, without user info.
pub(crate) fn without_user_info(text: &str) -> Cow<'_, str> {
    // `user:password@host` is a scheme and a path if it is read by the rules.
    let end = text.find(ENDS).unwrap_or(text.len());
    let is_mail = text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("mailto:"));
    match text[..end].rfind('@').filter(|_| !is_mail) {
        Some(at) => within(&text[at + 1..]),
        None => within(text),
    }
}

/// A text without the user info of URLs in it.
fn within(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    // Up to where it is copied, and up to where it is searched.
    let (mut copied, mut searched) = (0, 0);
    while let Some(slash) = text[searched..].find(SLASHES).map(|at| searched + at) {
        let start = text.len() - text[slash..].trim_start_matches(SLASHES).len();
        searched = start;
        // There may be too few slashes, or too many.
        if start - slash == 1 && !text[..slash].ends_with(':') {
            continue;
        }
        let authority = &text[start..text[start..].find(ENDS).map_or(text.len(), |len| start + len)];
        // What is no port is a password, one of whose characters has ended the authority too early.
        let host = authority.rsplit('@').next().unwrap_or_default();
        let is_cut = host
            .rsplit_once(':')
            .is_some_and(|(_, port)| !port.ends_with(']') && !port.bytes().all(|byte| byte.is_ascii_digit()));
        let within = if is_cut { &text[start..] } else { authority };
        if let Some(at) = within.rfind('@') {
            out.push_str(&text[copied..start]);
            copied = start + at + 1;
            searched = copied;
        }
    }
    if copied == 0 {
        return text.into();
    }
    out.push_str(&text[copied..]);
    out.into()
}

const SLASHES: [char; 2] = ['/', '\\'];
const ENDS: [char; 4] = ['/', '\\', '?', '#'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shown_without_the_user_info_of_its_urls() {
        for (text, want) in [
            ("http://user:secret@h.test:80/x?a@b#c@d", "http://h.test:80/x?a@b#c@d"),
            ("http://secret@h", "http://h"),
            ("http://us@er:sec:ret@h/", "http://h/"),
            ("//user:secret@h/x", "//h/x"),
            ("http:/user:secret@h/x", "http:/h/x"),
            ("http:\\\\user:secret@h/x", "http:\\\\h/x"),
            ("http:///user:secret@h/x", "http:///h/x"),
            ("user:secret@h/x", "h/x"),
            ("http:user:secret@h/x", "h/x"),
            // A slash, a question mark or a hash in a password.
            ("http://user:sec/ret@h/x", "http://h/x"),
            ("http://us@er:sec/ret@h/x", "http://h/x"),
            ("http://user:sec?ret@h/x", "http://h/x"),
            ("http://user:sec ret@h/x", "http://h/x"),
            ("http://user:gr\u{fc}n@h/x", "http://h/x"),
            ("http://h/@x", "http://h/@x"),
            ("http://h:80/@x", "http://h:80/@x"),
            ("http://[::1]/@x", "http://[::1]/@x"),
            ("http://[::1]:80/@x", "http://[::1]:80/@x"),
            ("mailto:a@b", "mailto:a@b"),
            ("/a/b@c", "/a/b@c"),
            ("/login?to=http://user:secret@h/", "/login?to=http://h/"),
            ("plain", "plain"),
            ("", ""),
        ] {
            assert_eq!(without_user_info(text), want, "{text}");
        }
    }

    #[test]
    fn a_header_is_shown_unless_its_name_tells_of_a_secret() {
        for (name, value, want) in [
            ("Authorization", "Basic secret", "***"),
            ("proxy-authorization", "secret", "***"),
            ("Cookie", "id=secret", "***"),
            ("Set-Cookie", "id=secret; HttpOnly", "***"),
            ("X-Api-Key", "secret", "***"),
            ("X-Auth-Token", "secret", "***"),
            ("X-Own-Key", "secret", "***"),
            ("Location", "http://user:secret@h/", "http://h/"),
            ("Location", "user:secret@h", "h"),
            (
                "Link",
                "<http://user:secret@a/>; rel=next, <http://user:secret@b/>",
                "<http://a/>; rel=next, <http://b/>",
            ),
            ("Refresh", "0; url=http://user:secret@h/", "0; url=http://h/"),
            ("From", "me@h.test", "me@h.test"),
            ("Content-Type", "text/plain", "text/plain"),
        ] {
            assert_eq!(header_value(name, value), want, "{name}: {value}");
        }
    }
}
