//! `application/x-www-form-urlencoded`, exactly as Python's `urlencode` writes it: for params and for bodies.
//!
//! The url crate's form encoding keeps `*` and encodes `~`; Python's does the reverse, and servers sign or compare the
//! text.

use crate::text::percent::{self, Set};

/// Appends `name=value`, preceded by `&` unless it is the first pair. What is appended is ASCII.
pub(crate) fn append_pair(out: &mut Vec<u8>, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
    if !out.is_empty() {
        out.push(b'&');
    }
    encode_component(out, name.as_ref());
    out.push(b'=');
    encode_component(out, value.as_ref());
}

/// Appends one name or value: letters, digits and `_.-~` unchanged, a space as `+`, every other byte as `%XX`.
fn encode_component(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len());
    for &byte in text {
        match byte {
            _ if Set::UNRESERVED.has(byte) => out.push(byte),
            b' ' => out.push(b'+'),
            _ => out.extend_from_slice(&percent::escaped(byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // URL-23, URL-24, URL-27, BODY-04
    #[test]
    fn pairs_are_written_as_requests_writes_them() {
        for (pairs, want) in [
            (&[("z", "1"), ("a", "2"), ("z", "3")][..], "z=1&a=2&z=3"),
            (&[("k", "v w")], "k=v+w"),
            (&[("a", "b+c")], "a=b%2Bc"),
            (&[("a&b", "c&d=e")], "a%26b=c%26d%3De"),
            (&[("ké", "v€")], "k%C3%A9=v%E2%82%AC"),
            (&[("e", "😀")], "e=%F0%9F%98%80"),
            (&[("u", "http://x/y?z=1#f")], "u=http%3A%2F%2Fx%2Fy%3Fz%3D1%23f"),
            (&[("a", "~-._*'()!")], "a=~-._%2A%27%28%29%21"),
            (&[("a", "x\r\ny\tz\0")], "a=x%0D%0Ay%09z%00"),
            (&[("a[]", "\"'<>`^|\\{}")], "a%5B%5D=%22%27%3C%3E%60%5E%7C%5C%7B%7D"),
            (&[("a", ""), ("", "x"), ("", "")], "a=&=x&="),
            (&[("a", "100%20")], "a=100%2520"),
            (&[], ""),
        ] {
            let mut out = Vec::new();
            for (name, value) in pairs {
                append_pair(&mut out, name, value);
            }
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
    }

    // URL-24
    #[test]
    fn bytes_are_encoded_one_by_one() {
        let mut out = Vec::new();
        append_pair(&mut out, b"k", [0xff, b'a', 0x80]);
        assert_eq!(out, b"k=%FFa%80");
    }
}
