//! The parts of `user:password@host:port` (RFC 3986 §3.2): splitting user info, and brackets around IPv6 addresses.
//!
//! Hosts are stored without brackets everywhere in this crate. Brackets are added where a host is written before a
//! port.

use std::borrow::Cow;

use super::percent;

/// `host:port`, or only the host; an IPv6 address gets brackets.
pub(crate) fn host_and_port(host: &str, port: impl Into<Option<u16>>) -> String {
    let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
    match port.into() {
        Some(port) => format!("{open}{host}{close}:{port}"),
        None => [open, host, close].concat(),
    }
}

/// An IPv6 address without its brackets; any other host unchanged.
pub(crate) fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

/// User and password as written; the password is `None` without a colon.
pub(crate) fn split_user_info(text: &str) -> (&str, Option<&str>) {
    text.split_once(':').map_or((text, None), |(user, password)| (user, Some(password)))
}

/// User and password, percent-decoded; the password is `None` without a colon.
pub(crate) fn user_info(text: &str) -> (Cow<'_, str>, Option<Cow<'_, str>>) {
    let (user, password) = split_user_info(text);
    (percent::decode(user), password.map(percent::decode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ipv6_addresses_have_brackets() {
        for (host, port, want) in [
            ("h.test", Some(80), "h.test:80"),
            ("h.test", None, "h.test"),
            ("127.0.0.1", Some(8080), "127.0.0.1:8080"),
            ("::1", Some(443), "[::1]:443"),
            ("fe80::1%25eth0", None, "[fe80::1%25eth0]"),
        ] {
            assert_eq!(host_and_port(host, port), want);
        }
        for (text, want) in [("[::1]", "::1"), ("::1", "::1"), ("h", "h"), ("[h", "[h"), ("h]", "h]"), ("", "")] {
            assert_eq!(without_brackets(text), want);
        }
    }

    #[test]
    fn user_info_is_cut_at_the_first_colon_and_then_decoded() {
        for (text, user, password) in [
            ("user", "user", None),
            ("user:", "user", Some("")),
            (":pass", "", Some("pass")),
            ("u%3Aser:pa:s%2Fs", "u:ser", Some("pa:s/s")),
            ("", "", None),
        ] {
            let (got_user, got_password) = user_info(text);
            assert_eq!((&*got_user, got_password.as_deref()), (user, password), "{text}");
        }
    }
}
