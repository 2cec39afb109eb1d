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
    /// The host in the value of a Host header, which may be empty (`:80`); `None` for a header without a value, which
    /// counts as no header, as in requests.
    pub(crate) fn host_of_header(value: &'a str) -> Option<&'a str> {
        let value = value.trim_matches([' ', '\t']);
        match value.strip_prefix('[') {
            _ if value.is_empty() => None,
            Some(address) => address.split(']').next(),
            None => value.split(':').next(),
        }
    }

    /// The host as a domain of cookies.
    pub(super) fn canonical_host(&self) -> Cow<'a, str> {
        canonical_host(self.host)
    }
}

/// A host in lower case, or else [`NO_HOST`]. It is never empty, as the empty domain is that of every host.
pub(super) fn canonical_host(host: &str) -> Cow<'_, str> {
    match host {
        "" => NO_HOST.into(),
        host => lower_case(host),
    }
}

/// The domain of a request without a host (`mock:///x`). No host has this name.
pub(super) const NO_HOST: &str = ".";

#[cfg(test)]
mod tests {
    use super::*;

    // COOK-29
    #[test]
    fn a_host_header_names_a_host() {
        for (value, want) in [
            ("h.test", Some("h.test")),
            ("h.test:8080", Some("h.test")),
            (" h.test ", Some("h.test")),
            ("[::1]:80", Some("::1")),
            ("[::1]", Some("::1")),
            ("", None),
            (" \t", None),
            // These name a host, and it has no name.
            (":80", Some("")),
            (":", Some("")),
            ("[", Some("")),
            ("[]:80", Some("")),
        ] {
            assert_eq!(CookieTarget::host_of_header(value), want, "{value:?}");
        }
    }

    #[test]
    fn what_has_no_host_is_not_every_host() {
        for (host, want) in [("H.test", "h.test"), ("h.test", "h.test"), ("", "."), (".", ".")] {
            assert_eq!(canonical_host(host), want, "{host:?}");
        }
    }
}
