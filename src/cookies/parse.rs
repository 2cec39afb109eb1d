//! Parses a Set-Cookie line (RFC 6265 §5.2).
//!
//! Only the line matters here: `store` decides whether the host may set such a cookie. Nothing is unquoted or decoded.
//! The last of a repeated attribute counts. An attribute that cannot be parsed is ignored, and so is one that the RFC
//! does not define, such as Version and Port.

use std::time::SystemTime;

use super::cookie::SameSite;
use super::date;

/// What a Set-Cookie line says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct SetCookie<'a> {
    pub name: &'a str,
    pub value: &'a str,
    /// As written, except for one leading dot; never empty.
    pub domain: Option<&'a str>,
    /// Present only if it starts with a slash.
    pub path: Option<&'a str>,
    pub expires: Option<SystemTime>,
    /// Seconds; takes precedence over `expires`.
    pub max_age: Option<i64>,
    pub secure: bool,
    pub http_only: bool,
    pub same_site: Option<SameSite>,
}

/// Parses a line; `None` for one that sets nothing: without `=`, without a name, or with bytes that no header may
/// contain.
pub(super) fn parse(line: &str) -> Option<SetCookie<'_>> {
    if line.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | b'\0')) {
        return None;
    }
    let mut parts = line.split(';');
    let (name, value) = name_and_value(parts.next()?)?;
    let mut cookie = SetCookie { name, value, ..SetCookie::default() };
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        cookie.attribute(trim(key), trim(value));
    }
    Some(cookie)
}

/// The name of the cookie that a line would set, whatever else is wrong with it; `None` if it has none, so that what stands
/// there may be a value.
pub(super) fn name(line: &str) -> Option<&str> {
    let first = line.split(';').next()?;
    name_and_value(first).map(|(name, _)| name)
}

/// The two of a line's first part, which has a `=` and something before it.
fn name_and_value(part: &str) -> Option<(&str, &str)> {
    let (name, value) = part.split_once('=')?;
    Some((trim(name), trim(value))).filter(|(name, _)| !name.is_empty())
}

impl<'a> SetCookie<'a> {
    fn attribute(&mut self, key: &str, value: &'a str) {
        if key.eq_ignore_ascii_case("expires") {
            self.expires = date::parse(value).or(self.expires);
        } else if key.eq_ignore_ascii_case("max-age") {
            self.max_age = whole_number(value).or(self.max_age);
        } else if key.eq_ignore_ascii_case("domain") {
            if !value.is_empty() {
                self.domain = Some(value.strip_prefix('.').unwrap_or(value)).filter(|domain| !domain.is_empty());
            }
        } else if key.eq_ignore_ascii_case("path") {
            self.path = Some(value).filter(|path| path.starts_with('/'));
        } else if key.eq_ignore_ascii_case("secure") {
            self.secure = true;
        } else if key.eq_ignore_ascii_case("httponly") {
            self.http_only = true;
        } else if key.eq_ignore_ascii_case("samesite") {
            self.same_site = SameSite::parse(value);
        }
    }
}

/// Removes white space as the RFC defines it: blanks and tabs.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// An optional minus and digits. A number that is too large becomes the largest one.
fn whole_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX }))
}

#[cfg(test)]
mod tests {
    use super::*;

    // COOK-19, COOK-20
    #[test]
    fn name_and_value_end_at_the_first_semicolon() {
        for (line, want) in [
            ("a=1", Some(("a", "1"))),
            (" \ta = 1 \t", Some(("a", "1"))),
            ("a=", Some(("a", ""))),
            ("a=;", Some(("a", ""))),
            ("a=b=c", Some(("a", "b=c"))),
            ("a==", Some(("a", "="))),
            ("a=1, b=2", Some(("a", "1, b=2"))),
            ("a b=1 2", Some(("a b", "1 2"))),
            ("a,b=1", Some(("a,b", "1"))),
            (r#"a="1 2""#, Some(("a", r#""1 2""#))),
            (r#"a="1;2"; Path=/"#, Some(("a", r#""1"#))),
            (r#"a="q\"x""#, Some(("a", r#""q\"x""#))),
            ("a=\u{c3}\u{a9}", Some(("a", "\u{c3}\u{a9}"))),
            ("a=\u{1}b", Some(("a", "\u{1}b"))),
            ("a=%41", Some(("a", "%41"))),
            // Nothing is set by these.
            ("", None),
            (" ", None),
            (";", None),
            ("a", None),
            ("a; b=1", None),
            ("=1", None),
            (" =1", None),
            ("=", None),
            ("a=1\r\nX: y", None),
            ("a=1; Path=/\n", None),
            ("a=\0", None),
        ] {
            assert_eq!(parse(line).map(|cookie| (cookie.name, cookie.value)), want, "{line:?}");
        }
    }

    #[test]
    fn the_name_is_what_stands_before_the_first_equals_sign() {
        for (line, want) in [
            ("a=1", Some("a")),
            (" \ta = 1; Path=/", Some("a")),
            ("a=\0; Path=/", Some("a")),
            ("a==", Some("a")),
            ("", None),
            ("secret", None),
            ("secret; Path=/", None),
            ("=secret", None),
            (" \t= secret", None),
            ("; a=1", None),
        ] {
            assert_eq!(name(line), want, "{line:?}");
        }
    }

    // COOK-15, COOK-16, COOK-21
    #[test]
    fn attributes_are_read_in_any_case_and_the_last_counts() {
        let bare = || SetCookie { name: "a", value: "1", ..SetCookie::default() };
        let domain = |domain| SetCookie { domain: Some(domain), ..bare() };
        let path = |path| SetCookie { path: Some(path), ..bare() };
        let age = |age| SetCookie { max_age: Some(age), ..bare() };
        for (attributes, want) in [
            ("", bare()),
            ("Secure", SetCookie { secure: true, ..bare() }),
            ("\tSecure\t", SetCookie { secure: true, ..bare() }),
            (" Secure \t=", SetCookie { secure: true, ..bare() }),
            ("sEcUrE=false", SetCookie { secure: true, ..bare() }),
            ("; ;HTTPONLY;;", SetCookie { http_only: true, ..bare() }),
            ("samesite= lax", SetCookie { same_site: Some(SameSite::Lax), ..bare() }),
            ("SameSite=Strict; SameSite=odd", bare()),
            ("Version=1; Port=\"80\"; Comment=x; Discard", bare()),
            ("Domain=h.test", domain("h.test")),
            ("domain = .h.test ", domain("h.test")),
            ("domain=..h.test", domain(".h.test")),
            ("Domain=a.test; Domain=b.test", domain("b.test")),
            ("Domain=a.test; Domain=", domain("a.test")),
            ("Domain", bare()),
            ("Domain=", bare()),
            ("Domain=.", bare()),
            ("Domain=a.test; Domain=.", bare()),
            ("Path=/x", path("/x")),
            ("PATH=/x; path=/y", path("/y")),
            ("path=/a=b", path("/a=b")),
            ("Path=/x; Path=y", bare()),
            ("Path=/x; Path", bare()),
            ("Path=\"/x\"", bare()),
            ("Path=", bare()),
            ("Max-Age=100", age(100)),
            ("max-age= 0", age(0)),
            ("MAX-AGE=-1", age(-1)),
            ("Max-Age=1; Max-Age=2", age(2)),
            ("Max-Age=1; Max-Age=x", age(1)),
            ("Max-Age=99999999999999999999", age(i64::MAX)),
            ("Max-Age=-99999999999999999999", age(i64::MIN)),
            ("Max-Age=abc", bare()),
            ("Max-Age=1.5", bare()),
            ("Max-Age=\"100\"", bare()),
            ("Max-Age=+1", bare()),
            ("Max-Age=-", bare()),
            ("Max-Age", bare()),
            ("Expires=garbage", bare()),
            ("Expires", bare()),
        ] {
            assert_eq!(parse(&format!("a=1;{attributes}")), Some(want), "{attributes:?}");
        }
    }

    #[test]
    fn an_unreadable_expires_leaves_an_earlier_one() {
        let cookie = parse("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Expires=never").unwrap();

        assert_eq!(cookie.expires, Some(SystemTime::UNIX_EPOCH));
    }
}
