//! The authority of a URL: what is accepted as host and port, and the form in which a host is stored.
//!
//! The host is checked as in urllib3, which means hardly at all: a name is anything without `[]%:/?#`. Nothing is
//! resolved here, and IPv4 shorthands remain as written.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use super::encode::{self, Undo};
use super::idna;
use crate::text::percent::{self, Set};

/// Why an authority cannot be used. The texts are urllib3's. None contains user info.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum BadHost {
    Character {
        host: String,
        character: char,
    },
    NotAHost(String),
    EscapedControl {
        host: String,
        escape: String,
    },
    Label(String),
    Port(String),
    LabelLength(String),
    /// A leading `*` or `.`.
    Wildcard,
}

impl fmt::Display for BadHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character { host, character } => {
                write!(f, "Failed to parse: Host '{}' contains invalid character {character:?}", host.escape_debug())
            }
            Self::NotAHost(text) => write!(f, "Failed to parse: '{}' is not a valid host or port", text.escape_debug()),
            Self::EscapedControl { host, escape } => write!(
                f,
                "Failed to parse: Host '{}' contains invalid percent-encoded control character '{escape}'",
                host.escape_debug()
            ),
            Self::Label(label) => {
                write!(f, "Failed to parse: Name '{}' is not a valid IDNA label", label.escape_debug())
            }
            Self::Port(port) => write!(f, "Failed to parse: port {port} is above 65535"),
            Self::LabelLength(host) => write!(f, "Failed to parse: '{host}', label empty or too long"),
            Self::Wildcard => f.write_str("URL has an invalid label."),
        }
    }
}

/// Splits `host[:port]`: the host with its brackets, and the port unless it is empty or, as in requests, 0.
pub(super) fn split_port(authority: &str) -> Result<(&str, Option<u16>), BadHost> {
    if let Some(character) = authority.chars().find(|c| matches!(c, '\0'..=' ' | '\u{7f}')) {
        return Err(BadHost::Character { host: authority.into(), character });
    }
    let not_a_host = || BadHost::NotAHost(authority.into());

    let end = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']').map(|at| at + 2).filter(|&end| is_ipv6_literal(&authority[1..end - 1])),
        None => Some(authority.find(':').unwrap_or(authority.len())).filter(|&end| is_name(&authority[..end])),
    };
    let (host, rest) = authority.split_at(end.ok_or_else(not_a_host)?);

    let Some(port) = rest.strip_prefix(':') else {
        return if rest.is_empty() { Ok((host, None)) } else { Err(not_a_host()) };
    };
    let digits = port.trim_start_matches('0');
    if !port.bytes().all(|b| b.is_ascii_digit()) || digits.len() > 5 {
        return Err(not_a_host());
    }
    if digits.is_empty() {
        return Ok((host, None));
    }
    let port = digits.parse().map_err(|_| BadHost::Port(digits.into()))?;
    Ok((host, Some(port)))
}

fn is_name(host: &str) -> bool {
    host.bytes().enumerate().all(|(at, byte)| match byte {
        b'[' | b']' | b':' | b'/' | b'?' | b'#' => false,
        b'%' => percent::escape(&host.as_bytes()[at..]).is_some(),
        _ => true,
    })
}

/// Whether the text between the brackets is valid: an address, optionally with a zone, `%25eth0` (RFC 6874) or `%eth0`.
fn is_ipv6_literal(text: &str) -> bool {
    let (address, zone) = split_zone(text);
    let zone_is_fine = zone.is_none_or(|zone| {
        let zone = zone_name(zone);
        !zone.is_empty()
            && zone.bytes().enumerate().all(|(at, byte)| match byte {
                b'%' => percent::escape(&zone.as_bytes()[at..]).is_some(),
                _ => encode::is_unreserved(byte),
            })
    });
    zone_is_fine && address.parse::<Ipv6Addr>().is_ok()
}

/// The address, and the zone after the `%`.
fn split_zone(text: &str) -> (&str, Option<&str>) {
    match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    }
}

fn zone_name(after_percent: &str) -> &str {
    after_percent.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(after_percent)
}

/// `host` as it appears in a prepared http URL: in lower case, in its IDNA form, without needless escapes.
pub(super) fn normalize(host: &str) -> Result<Cow<'_, str>, BadHost> {
    if host.bytes().all(encode::is_host_byte) || is_ipv4_like(host) {
        return Ok(host.into());
    }
    if let Some(literal) = host.strip_prefix('[') {
        return normalize_ipv6(host, literal.trim_end_matches(']')).map(Cow::Owned);
    }

    let host = undo_escapes(host)?;
    let mut out = String::with_capacity(host.len());
    for (at, label) in host.split('.').enumerate() {
        if at > 0 {
            out.push('.');
        }
        if label.is_ascii() {
            // Escapes keep their upper case. A character that must not stand in a URL is escaped: `a^b` becomes `a%5Eb`.
            let mut bytes = label.as_bytes();
            while let [first, rest @ ..] = bytes {
                match percent::escape(bytes) {
                    Some(decoded) => {
                        percent::push_escape(&mut out, decoded);
                        bytes = &bytes[3..];
                        continue;
                    }
                    None if Set::QUERY.has(*first) => out.push(char::from(first.to_ascii_lowercase())),
                    None => percent::push_escape(&mut out, *first),
                }
                bytes = rest;
            }
        } else {
            out.push_str(&idna::to_ascii(label).ok_or_else(|| BadHost::Label(label.into()))?);
        }
    }
    Ok(out.into())
}

/// requests writes the zone with one `%`, and its last step then escapes every `%` of the URL. The result for the zone is
/// the same here; the rest of the URL is not escaped twice.
fn normalize_ipv6(host: &str, literal: &str) -> Result<String, BadHost> {
    let (address, zone) = split_zone(literal);
    let mut out = format!("[{}", address.to_ascii_lowercase());
    if let Some(zone) = zone {
        let zone = zone_name(zone);
        refuse_escaped_controls(host, zone)?;
        out.push_str("%25");
        encode::encode(&mut out, zone, Set::USER_INFO, Undo::Nothing);
    }
    out.push(']');
    Ok(out)
}

fn refuse_escaped_controls(host: &str, text: &str) -> Result<(), BadHost> {
    for at in memchr::memchr_iter(b'%', text.as_bytes()) {
        if let Some(0..=0x1f | 0x7f) = percent::escape(&text.as_bytes()[at..]) {
            return Err(BadHost::EscapedControl { host: host.into(), escape: text[at..at + 3].into() });
        }
    }
    Ok(())
}

fn undo_escapes(host: &str) -> Result<Cow<'_, str>, BadHost> {
    if memchr::memchr(b'%', host.as_bytes()).is_none() {
        return Ok(host.into());
    }
    refuse_escaped_controls(host, host)?;
    let mut out = String::with_capacity(host.len());
    let mut rest = host;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        match percent::escape(&rest.as_bytes()[at..]) {
            Some(decoded) if encode::is_unreserved(decoded) => out.push(char::from(decoded)),
            Some(decoded) => percent::push_escape(&mut out, decoded),
            None => return Err(BadHost::NotAHost(host.into())),
        }
        rest = &rest[at + 3..];
    }
    out.push_str(rest);
    Ok(out.into())
}

/// Whether a resolver may take the host for an address: `127.1`, `0X7F.1`. Such hosts are kept as written.
fn is_ipv4_like(host: &str) -> bool {
    let mut parts = 0;
    host.split('.').all(|part| {
        parts += 1;
        let digits = part.strip_prefix("0x").or_else(|| part.strip_prefix("0X"));
        let number = match digits {
            Some(hex) => !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit()),
            None => !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()),
        };
        number && parts <= 4
    })
}

/// Refuses a name that cannot be looked up. requests finds out when it connects, and raises urllib3's error; here it is
/// part of preparing.
pub(super) fn check_labels(host: &str) -> Result<(), BadHost> {
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err(BadHost::LabelLength(host.into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // URL-16, URL-17, URL-18
    #[test]
    fn host_and_port_are_cut_and_checked() {
        for (authority, want) in [
            ("h", Ok(("h", None))),
            ("h:", Ok(("h", None))),
            ("h:0", Ok(("h", None))),
            ("h:000", Ok(("h", None))),
            ("h:00080", Ok(("h", Some(80)))),
            ("h:65535", Ok(("h", Some(65535)))),
            ("", Ok(("", None))),
            (":80", Ok(("", Some(80)))),
            ("a_b.%20", Ok(("a_b.%20", None))),
            ("[::1]:8", Ok(("[::1]", Some(8)))),
            ("[::ffff:127.0.0.1]", Ok(("[::ffff:127.0.0.1]", None))),
            ("[fe80::1%25eth0]", Ok(("[fe80::1%25eth0]", None))),
            ("[fe80::1%1]", Ok(("[fe80::1%1]", None))),
        ] {
            assert_eq!(split_port(authority), want, "{authority:?}");
        }
        for (authority, text) in [
            ("[", "Failed to parse: '[' is not a valid host or port"),
            ("[]", "Failed to parse: '[]' is not a valid host or port"),
            ("[::1]x", "Failed to parse: '[::1]x' is not a valid host or port"),
            ("[1.2.3.4]", "Failed to parse: '[1.2.3.4]' is not a valid host or port"),
            ("h:-1", "Failed to parse: 'h:-1' is not a valid host or port"),
            ("h:abc", "Failed to parse: 'h:abc' is not a valid host or port"),
            ("h:80:80", "Failed to parse: 'h:80:80' is not a valid host or port"),
            ("h:123456", "Failed to parse: 'h:123456' is not a valid host or port"),
            ("h:65536", "Failed to parse: port 65536 is above 65535"),
            ("h:٣", "Failed to parse: 'h:٣' is not a valid host or port"),
            ("h%zz", "Failed to parse: 'h%zz' is not a valid host or port"),
            ("h:8 0", "Failed to parse: Host 'h:8 0' contains invalid character ' '"),
            ("h\n", "Failed to parse: Host 'h\\n' contains invalid character '\\n'"),
            ("[fe80::1%]", "Failed to parse: '[fe80::1%]' is not a valid host or port"),
            ("[fe80::1%25a%zz]", "Failed to parse: '[fe80::1%25a%zz]' is not a valid host or port"),
        ] {
            assert_eq!(split_port(authority).unwrap_err().to_string(), text);
        }
    }

    // URL-05, URL-13, URL-18, URL-21
    #[test]
    fn hosts_get_one_form() {
        for (host, want) in [
            ("Host.Example.", "host.example."),
            ("BÜCHER.Example", "xn--bcher-kva.example"),
            ("[FE80::A%25Eth0]", "[fe80::a%25Eth0]"),
            ("[fe80::1%eth0]", "[fe80::1%25eth0]"),
            ("0X7F.1", "0X7F.1"),
            ("127.1", "127.1"),
            ("%6cocalhost", "localhost"),
            ("%4C%c3%bc", "l%C3%BC"),
            ("lo^Cal", "lo%5Ecal"),
            ("a%20b", "a%20b"),
        ] {
            assert_eq!(normalize(host).unwrap(), want, "{host:?}");
        }
        for (host, text) in [
            ("☃.net", "Failed to parse: Name '☃' is not a valid IDNA label"),
            ("h%0a", "Failed to parse: Host 'h%0a' contains invalid percent-encoded control character '%0a'"),
        ] {
            assert_eq!(normalize(host).unwrap_err().to_string(), text);
        }
    }

    // URL-15
    #[test]
    fn labels_that_no_resolver_takes_are_refused() {
        let long = "a".repeat(64);
        for (host, fine) in [
            ("h", true),
            ("h.", true),
            ("h..", false),
            ("a..b", false),
            (".a", false),
            (&long, false),
            (&long[1..], true),
        ] {
            assert_eq!(check_labels(host).is_ok(), fine, "{host:?}");
        }
    }
}
