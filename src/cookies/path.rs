//! Cookie paths: which paths of a host a cookie belongs to (RFC 6265 §5.1.4).

use std::borrow::Cow;

use crate::text::latin1;
use crate::text::percent::{self, Set};

/// Whether a cookie with path `own` is sent to the path `request`.
pub(super) fn path_matches(request: &str, own: &str) -> bool {
    // A request without a path is one for `/`.
    let request = if request.is_empty() { "/" } else { request };
    match request.strip_prefix(own) {
        Some(rest) => rest.is_empty() || own.ends_with('/') || rest.starts_with('/'),
        None => false,
    }
}

/// The path of a cookie without a Path attribute: the request's, up to its last slash.
pub(super) fn default_path(request: &str) -> &str {
    match request.rfind('/') {
        Some(end) if end > 0 && request.starts_with('/') => &request[..end],
        _ => "/",
    }
}

/// A Path attribute, encoded like the path of a prepared URL, so that the two can be compared. requests does the same.
pub(super) fn escape_path(path: &str) -> Cow<'_, str> {
    let bytes = path.as_bytes();
    let lower_escape =
        |at: usize| percent::escape(&bytes[at..]).is_some() && bytes[at + 1..at + 3].iter().any(u8::is_ascii_lowercase);
    if (0..bytes.len()).all(|at| is_path_byte(bytes[at]) && !lower_escape(at)) {
        return Cow::Borrowed(path);
    }
    let mut out = String::with_capacity(path.len() + 8);
    let mut escaped = 0;
    for (at, char) in path.char_indices() {
        match latin1::byte(char) {
            Some(b'%') if percent::escape(&bytes[at..]).is_some() => {
                out.push('%');
                escaped = 2;
            }
            Some(_) if escaped > 0 => {
                out.push(char.to_ascii_uppercase());
                escaped -= 1;
            }
            Some(byte) if is_path_byte(byte) => out.push(char),
            // Text from the wire has one character for each byte.
            Some(byte) => percent::push_escape(&mut out, byte),
            None => char.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| percent::push_escape(&mut out, byte)),
        }
    }
    Cow::Owned(out)
}

fn is_path_byte(byte: u8) -> bool {
    byte == b'%' || Set::PATH.has(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    // COOK-07, COOK-08
    #[test]
    fn a_path_matches_itself_and_what_is_below() {
        for (request, own, want) in [
            ("/p", "/p", true),
            ("/p/", "/p", true),
            ("/p/q", "/p", true),
            ("/p/q", "/p/", true),
            ("/p", "/p/", false),
            ("/pq", "/p", false),
            ("/", "/", true),
            ("/any/thing", "/", true),
            ("", "/", true),
            ("/P", "/p", false),
            ("/p", "p", false),
            ("/p", "/p/q", false),
        ] {
            assert_eq!(path_matches(request, own), want, "{request} {own}");
        }
    }

    // COOK-06
    #[test]
    fn the_default_path_ends_before_the_last_slash() {
        for (request, want) in [
            ("/dir/page", "/dir"),
            ("/dir/", "/dir"),
            ("/dir", "/"),
            ("/", "/"),
            ("", "/"),
            ("//x", "/"),
            ("/a/b/c", "/a/b"),
            ("x/y", "/"),
        ] {
            assert_eq!(default_path(request), want, "{request}");
        }
    }

    #[test]
    fn a_path_is_spelled_like_a_url() {
        for (path, want) in [
            ("/dir", "/dir"),
            ("/a b", "/a%20b"),
            ("/we\twant", "/we%09want"),
            ("/dir?x", "/dir%3Fx"),
            ("/a%2fb", "/a%2Fb"),
            ("/a%2Fb", "/a%2Fb"),
            ("%2f", "%2F"),
            ("%2Fb", "%2Fb"),
            ("/100%", "/100%"),
            ("/%zz%e9", "/%zz%E9"),
            ("/caf\u{c3}\u{a9}", "/caf%C3%A9"),
            ("/\u{20ac}", "/%E2%82%AC"),
            ("/;:@&=+$,!~*'()_.-", "/;:@&=+$,!~*'()_.-"),
            ("/\"x\"", "/%22x%22"),
        ] {
            assert_eq!(escape_path(path), want, "{path:?}");
        }
    }
}
