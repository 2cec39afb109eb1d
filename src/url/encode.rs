//! Percent-encoding, by the rules of urllib3 and requests.
//!
//! Bytes in, bytes out: this file encodes the characters of a component, and does not know where a component begins. The
//! sets of characters, and decoding, are in `text/percent.rs`. Two rules differ from the URL standard, which is why they
//! are written here: if one escape of a component is malformed, every `%` in it is escaped; and escapes of unreserved
//! characters are undone.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::text::percent::{Set, all_escapes_hold, escape, push_escape};

pub(super) const fn is_host_byte(byte: u8) -> bool {
    Set::HOST.has(byte)
}

pub(super) fn is_unreserved(byte: u8) -> bool {
    Set::UNRESERVED.has(byte)
}

/// Whether [`encode`] would leave `text` unchanged. `undo` has the same meaning as there.
pub(super) fn is_clean(text: &str, set: Set, undo: Undo) -> bool {
    clean_len(text.as_bytes(), set, undo) == text.len()
}

/// How many bytes at the start are kept as they are.
pub(super) fn clean_len(bytes: &[u8], set: Set, undo: Undo) -> usize {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if set.has(byte) {
            at += 1;
            continue;
        }
        match escape(&bytes[at..]) {
            Some(decoded)
                if !bytes[at + 1..at + 3].iter().any(u8::is_ascii_lowercase)
                    && (undo == Undo::Nothing || !is_unreserved(decoded)) =>
            {
                at += 3;
            }
            _ => break,
        }
    }
    at
}

/// What to do with escapes of characters that need none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Undo {
    /// Keep them, as on the request line.
    Nothing,
    /// Decode those of unreserved characters, as in a prepared URL.
    Unreserved,
}

/// Appends `text` with everything outside `set` percent-encoded, and its escapes in upper case.
pub(super) fn encode(out: &mut String, text: &str, set: Set, undo: Undo) {
    let bytes = text.as_bytes();
    let all_escaped = all_escapes_hold(text);

    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if let Some(decoded) = escape(&bytes[at..]) {
            if !all_escaped {
                // urllib3 writes the digits in upper case before it checks whether this is an escape.
                push_escape(out, b'%');
                let _ = write!(out, "{decoded:02X}");
            } else if undo == Undo::Unreserved && is_unreserved(decoded) {
                out.push(char::from(decoded));
            } else {
                push_escape(out, decoded);
            }
            at += 3;
            continue;
        }
        if set.has(byte) {
            out.push(char::from(byte));
        } else {
            push_escape(out, byte);
        }
        at += 1;
    }
}

/// Appends `text`, which may be a whole URL, as requests' `requote_uri` writes it: escapes of unreserved characters are
/// undone, everything that must not stand in a URL is encoded, reserved characters and other escapes are kept.
///
/// If something looks like an escape and is not one (`%zz`), nothing is undone and every `%` is escaped.
pub(super) fn requote(out: &mut String, text: &str) {
    let looks_wrong = text.split('%').skip(1).any(|after| {
        let mut next = after.chars();
        let (Some(a), Some(b)) = (next.next(), next.next()) else { return false };
        a.is_alphanumeric() && b.is_alphanumeric() && !(a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
    });

    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let kept = bytes[at..].iter().position(|&byte| !Set::WHOLE.has(byte)).unwrap_or(bytes.len() - at);
        if kept > 0 {
            // These are ASCII, so a character begins here.
            out.push_str(&text[at..at + kept]);
        }
        at += kept;
        let Some(&byte) = bytes.get(at) else { break };
        at += match escape(&bytes[at..]) {
            Some(decoded) if !looks_wrong && is_unreserved(decoded) => {
                out.push(char::from(decoded));
                3
            }
            _ if byte == b'%' && !looks_wrong => {
                out.push('%');
                1
            }
            _ => {
                push_escape(out, byte);
                1
            }
        };
    }
}

/// Resolves `.` and `..`. Unlike RFC 3986, urllib3 does so before it decodes anything, so `%2e%2e` is an ordinary
/// segment.
pub(super) fn remove_dot_segments(path: &str) -> Cow<'_, str> {
    if !has_dot_segment(path) {
        return path.into();
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    if path.starts_with('/') && kept.first().is_none_or(|first| !first.is_empty()) {
        kept.insert(0, "");
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        kept.push("");
    }
    kept.join("/").into()
}

/// Whether a segment may be `.` or `..`. A file name such as `.b` counts too: it only takes the slow path.
pub(super) fn has_dot_segment(path: &str) -> bool {
    let path = path.as_bytes();
    memchr::memchr_iter(b'.', path).any(|at| at > 0 && path[at - 1] == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str, set: Set, undo: Undo) -> String {
        let mut out = String::new();
        encode(&mut out, text, set, undo);
        assert_eq!(is_clean(text, set, undo), out == text, "{text:?}: {out:?}");
        out
    }

    // URL-08, URL-09, URL-10, URL-11
    #[test]
    fn one_malformed_escape_makes_every_percent_sign_literal() {
        for (text, want) in [
            ("/a b", "/a%20b"),
            ("/é", "/%C3%A9"),
            ("/%c3%a9%2f", "/%C3%A9%2F"),
            ("/100%", "/100%25"),
            ("/%20%zz", "/%2520%25zz"),
            ("/%7e%zz", "/%257E%25zz"),
            ("/%7Ea%41", "/~aA"),
            ("/%2541", "/%2541"),
            ("/\"<>[]\\^`{|}", "/%22%3C%3E%5B%5D%5C%5E%60%7B%7C%7D"),
            ("/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@"),
            ("/\0\x7f\r\n\t", "/%00%7F%0D%0A%09"),
            ("/a?b", "/a%3Fb"),
            ("/%", "/%25"),
            ("/%4", "/%254"),
        ] {
            assert_eq!(encoded(text, Set::PATH, Undo::Unreserved), want, "{text:?}");
        }
        assert_eq!(encoded("/%7e", Set::PATH, Undo::Nothing), "/%7E");
        assert_eq!(encoded("a?b@c", Set::QUERY, Undo::Nothing), "a?b@c");
        assert_eq!(encoded("u@s:p/", Set::USER_INFO, Undo::Nothing), "u%40s:p%2F");
    }

    #[test]
    fn requoting_keeps_reserved_characters_and_well_formed_escapes() {
        for (text, want) in [
            ("http://h/a b?[x]#f|", "http://h/a%20b?[x]#f%7C"),
            ("/%7e%2f%2E", "/~%2f."),
            ("100%", "100%"),
            ("%2", "%2"),
            ("%zz%20", "%25zz%2520"),
            ("%é1", "%25%C3%A91"),
            ("é", "%C3%A9"),
            ("a%-1", "a%-1"),
        ] {
            let mut out = String::new();
            requote(&mut out, text);
            assert_eq!(out, want, "{text:?}");
        }
    }

    // URL-07
    #[test]
    fn dot_segments_are_resolved() {
        for (path, want) in [
            ("/../x", "/x"),
            ("/a/b/../..", "/"),
            ("/a/./b/.", "/a/b/"),
            ("/...", "/..."),
            ("//", "//"),
            ("/a//../b", "/a/b"),
            ("/..", "/"),
            ("\\/../x", "x"),
            ("/%2e%2e/a", "/%2e%2e/a"),
        ] {
            assert_eq!(remove_dot_segments(path), want, "{path:?}");
        }
    }
}
