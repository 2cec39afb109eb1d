//! What cookies know of a request.

use std::borrow::Cow;

use super::domain::lower_case;

/// The parts of a request that matter to cookies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CookieTarget<'a> {
    /// The host that cookies are matched with: the URL's, or that of a Host header set by the program. Without port and
    /// brackets.
    pub host: &'a str,
    /// The URL's path as it is sent, without the query.
    pub path: &'a str,
    /// Whether it is sent over https.
    pub secure: bool,
}

impl<'a> CookieTarget<'a> {
    /// The host in the value of a Host header.
    pub(crate) fn host_of_header(value: &'a str) -> &'a str {
        let value = value.trim_matches([' ', '\t']);
        match value.strip_prefix('[') {
            Some(address) => address.split(']').next().unwrap_or_default(),
            None => value.split(':').next().unwrap_or_default(),
        }
    }

    /// The host in lower case.
    pub(super) fn canonical_host(&self) -> Cow<'a, str> {
        lower_case(self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // COOK-29
    #[test]
    fn a_host_header_names_a_host() {
        for (value, want) in [
            ("h.test", "h.test"),
            ("h.test:8080", "h.test"),
            (" h.test ", "h.test"),
            ("[::1]:80", "::1"),
            ("[::1]", "::1"),
            ("", ""),
        ] {
            assert_eq!(CookieTarget::host_of_header(value), want, "{value:?}");
        }
    }
}
