//! Where the parts of a URL are in its text. A text without a scheme is what a `Location` may be: a path, with or without a host.
//!
//! A URL with masks in it may be no URL that can be parsed, and is not changed by this.

use std::ops::Range;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct UrlPlaces {
    /// Without user info and port. An IPv6 address has its brackets.
    pub(super) host: Range<usize>,
    /// Without its first slash.
    pub(super) path: Range<usize>,
    /// With the fragment, if there is one.
    pub(super) query: Range<usize>,
}

impl UrlPlaces {
    pub(super) fn of(text: &str) -> Self {
        let end_of = |from: usize, ends: &[char]| text[from..].find(ends).map_or(text.len(), |at| from + at);
        let scheme_end = text.find("://").filter(|&end| end > 0 && text[..end].bytes().all(is_of_scheme));
        let start = scheme_end.map(|end| end + 3).or(text.starts_with("//").then_some(2));
        let authority = start.map_or(0..0, |start| start..end_of(start, &['/', '?', '#']));
        let host_start = text[authority.clone()].rfind('@').map_or(authority.start, |at| authority.start + at + 1);
        let host = &text[host_start..authority.end];
        let host_length = host.rfind(':').filter(|&at| !host[at..].contains(']')).unwrap_or(host.len());
        let path_end = end_of(authority.end, &['?', '#']);
        let slash = usize::from(text[authority.end..path_end].starts_with('/'));
        Self {
            host: host_start..host_start + host_length,
            path: authority.end + slash..path_end,
            query: (path_end + 1).min(text.len())..text.len(),
        }
    }
}

fn is_of_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_url_are_found_also_if_it_is_masked_or_relative() {
        for (text, want) in [
            ("http://h/a/b?c=d", ["h", "a/b", "c=d"]),
            ("https://***@h:81", ["h", "", ""]),
            ("http://u:p@[::1]:8/?", ["[::1]", "", ""]),
            ("http://[::1]#f", ["[::1]", "", "f"]),
            ("http://masked.h:80/***?a=***#***", ["masked.h", "***", "a=***#***"]),
            ("//h/a", ["h", "a", ""]),
            ("/a?next=http://h/b", ["", "a", "next=http://h/b"]),
            ("a/b", ["", "a/b", ""]),
            ("://a", ["", "://a", ""]),
            ("***", ["", "***", ""]),
            ("", ["", "", ""]),
        ] {
            let UrlPlaces { host, path, query } = UrlPlaces::of(text);
            assert_eq!([host, path, query].map(|place| &text[place]), want, "{text}");
        }
    }
}
