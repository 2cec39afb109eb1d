//! `no_proxy`: the hosts that are reached directly.
//!
//! The rules are those of requests and, underneath, of urllib: a list of names with their sub-domains, addresses and
//! IPv4 networks. In addition `address:port`, IPv6 in brackets, IPv6 networks, a trailing dot, `*.domain` and `/0` are
//! understood. Names are compared, never resolved. A list is parsed once; a request compares its host with the result.

use std::net::Ipv6Addr;

use crate::text::authority::without_brackets;
use crate::url::Url;

/// A parsed list.
#[derive(Debug)]
pub(crate) struct NoProxy {
    /// Whether it means every host.
    all: bool,
    entries: Vec<Entry>,
}

#[derive(Debug)]
enum Entry {
    V4 {
        network: u32,
        mask: u32,
    },
    V6 {
        network: u128,
        mask: u128,
    },
    /// One host and, unless it is an IPv6 address, those below it.
    Host {
        /// Without `*`, and without a dot at either end.
        name: Box<str>,
        v6: Option<Ipv6Addr>,
        port: Option<u16>,
    },
}

impl NoProxy {
    /// An entry that cannot be understood means no host.
    pub(super) fn parse(list: &str) -> Self {
        // A `*` counts only alone (PROXY-09).
        if list.trim() == "*" {
            return Self { all: true, entries: Vec::new() };
        }
        let without_spaces = |entry: &str| entry.trim().replace(' ', "");
        let entries = list.split(',').map(without_spaces).filter(|entry| !entry.is_empty());
        Self { all: false, entries: entries.filter_map(|entry| Entry::parse(&entry)).collect() }
    }

    /// Whether `url` is reached directly.
    pub(super) fn bypasses(&self, url: &Url) -> bool {
        self.all || {
            let host = Host::of(url);
            self.entries.iter().any(|entry| entry.means(&host))
        }
    }
}

impl Entry {
    fn parse(entry: &str) -> Option<Self> {
        if let Some((network, bits)) = entry.split_once('/') {
            return Self::network(network, bits.parse().ok()?);
        }
        let (host, port) = split_port(entry)?;
        let name = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        let name = name.trim_start_matches('.');
        let name = name.strip_suffix('.').unwrap_or(name);
        (!name.is_empty()).then(|| Self::Host { name: name.into(), v6: host.parse().ok(), port })
    }

    fn network(network: &str, bits: u32) -> Option<Self> {
        if let (Some(network), true) = (inet_aton(network), bits <= 32) {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            return Some(Self::V4 { network: network & mask, mask });
        }
        let network = without_brackets(network).parse::<Ipv6Addr>().ok().filter(|_| bits <= 128)?;
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
        Some(Self::V6 { network: u128::from(network) & mask, mask })
    }

    fn means(&self, host: &Host<'_>) -> bool {
        match self {
            Self::V4 { network, mask } => host.v4.is_some_and(|host| host & mask == *network),
            Self::V6 { network, mask } => host.v6.is_some_and(|host| u128::from(host) & mask == *network),
            // As in requests, an implied port is not matched: `h:80` does not match `http://h/`.
            Self::Host { port, .. } if port.is_some() && *port != host.port => false,
            Self::Host { v6, .. } if host.v6.is_some() => *v6 == host.v6,
            // urllib does this for addresses too: `.0.0.1` matches 127.0.0.1 and many others.
            Self::Host { name, .. } => is_or_ends_with(host.text, name),
        }
    }
}

struct Host<'a> {
    /// In lower case, without brackets, zone and trailing dot.
    text: &'a str,
    port: Option<u16>,
    v4: Option<u32>,
    v6: Option<Ipv6Addr>,
}

impl<'a> Host<'a> {
    fn of(url: &'a Url) -> Self {
        let text = url.host();
        let v6: Option<Ipv6Addr> = text.split('%').next().and_then(|address| address.parse().ok());
        let text = text.strip_suffix('.').unwrap_or(text);
        Self { text, port: url.port(), v4: inet_aton(text), v6 }
    }
}

/// Host and port of an entry; `None` if the port is not a number.
fn split_port(entry: &str) -> Option<(&str, Option<u16>)> {
    let (host, rest) = match entry.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None if entry.bytes().filter(|&b| b == b':').count() > 1 => (entry, ""),
        None => entry.split_at(entry.find(':').unwrap_or(entry.len())),
    };
    match rest.strip_prefix(':') {
        Some(port) => Some((host, Some(port.parse().ok()?))),
        None => rest.is_empty().then_some((host, None)),
    }
}

/// Whether `host` is `name` or below it, in any case.
fn is_or_ends_with(host: &str, name: &str) -> bool {
    let (host, name) = (host.as_bytes(), name.as_bytes());
    let Some(start) = host.len().checked_sub(name.len()) else { return false };
    host[start..].eq_ignore_ascii_case(name) && (start == 0 || host[start - 1] == b'.')
}

/// An IPv4 address in any form that the C function of this name accepts: `127.0.0.1`, `127.1`, `0x7f000001`,
/// `017700000001`.
fn inet_aton(text: &str) -> Option<u32> {
    let parts: Vec<u32> = text.split('.').take(5).map(number).collect::<Option<_>>()?;
    let (&last, leading) = parts.split_last()?;
    if leading.len() > 3 || leading.iter().any(|&part| part > 0xff) {
        return None;
    }
    let room = 32 - 8 * leading.len() as u32;
    if u64::from(last) >= 1 << room {
        return None;
    }
    let high = leading.iter().fold(0_u64, |all, &part| (all << 8) | u64::from(part));
    Some((high << room) as u32 | last)
}

fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    // from_str_radix would accept a sign.
    digits.bytes().all(|b| b.is_ascii_alphanumeric()).then(|| u32::from_str_radix(digits, radix).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bypass(list: &str, url: &str) -> bool {
        NoProxy::parse(list).bypasses(&Url::parse(url).unwrap())
    }

    // PROXY-08 to PROXY-12
    #[test]
    fn hosts_are_matched_as_requests_matches_them() {
        #[derive(serde::Deserialize)]
        struct Row {
            no_proxy: String,
            url: String,
            bypass: bool,
        }
        let rows: Vec<Row> = serde_json::from_str(include_str!("testdata/no_proxy.json")).unwrap();
        assert!(rows.len() > 140);
        // Where an entry is understood that requests does not understand.
        let on_purpose = [("172.16.1.1:5000", "http://172.16.1.1:5000/", "an address with its port")];

        for row in rows {
            let differs = on_purpose.iter().any(|(list, url, _)| (*list, *url) == (&*row.no_proxy, &*row.url));
            assert_eq!(bypass(&row.no_proxy, &row.url), row.bypass != differs, "{:?} {:?}", row.no_proxy, row.url);
        }
    }

    // PROXY-08, PROXY-09
    #[test]
    fn names_match_themselves_and_their_sub_domains() {
        for (list, url, want) in [
            ("site.test", "http://www.site.test/", true),
            (".site.test", "http://site.test/", true),
            ("site.test", "http://mysite.test/", false),
            ("site.TEST", "http://WWW.Site.test/", true),
            ("www.site.test", "http://site.test/", false),
            ("site.test:8080", "http://www.site.test:8080/", true),
            ("SITE.test:8080", "http://site.test:8080/", true),
            ("site.test:80", "http://site.test:8080/", false),
            ("site.test:80", "http://site.test/", false),
            ("site.test:x", "http://site.test/", false),
            ("other, site . test ", "http://site.test/", true),
            ("site.test.", "http://site.test/", true),
            ("site.test", "http://site.test./", true),
            ("*.site.test", "http://www.site.test/", true),
            ("*.site.test", "http://site.test/", true),
            ("*site.test", "http://www.site.test/", false),
            ("a,*", "http://h/", false),
            (" * ", "http://h/", true),
            (".", "http://h./", false),
            ("*.", "http://h/", false),
        ] {
            assert_eq!(bypass(list, url), want, "{list:?} {url:?}");
        }
    }

    // PROXY-10, PROXY-11
    #[test]
    fn addresses_match_by_value_network_and_port() {
        for (list, url, want) in [
            ("127.0.0.1", "http://127.0.0.1:8080/", true),
            ("127.0.0.1:8080", "http://127.0.0.1:8080/", true),
            ("127.0.0.1:1", "http://127.0.0.1:8080/", false),
            ("127.0.0.1/32", "http://127.0.0.1/", true),
            ("127.0.0.0/8", "http://127.1/", true),
            ("127.0.0.0/8", "http://0x7f000001/", true),
            ("128.0.0.0/8", "http://127.0.0.1/", false),
            ("127.0.0.0/33", "http://127.0.0.1/", false),
            ("0.0.0.0/0", "http://127.0.0.1/", true),
            ("0.0.0.0/0", "http://[::1]/", false),
            ("127.0.0.0/-8", "http://127.0.0.1/", false),
            ("127.0.0.0/", "http://127.0.0.1/", false),
            ("127", "http://127.0.0.1/", false),
            ("127.*", "http://127.0.0.1/", false),
            (".0.0.1", "http://127.0.0.1/", true),
            ("::1", "http://[::1]:8/", true),
            ("0:0::1", "http://[::1]/", true),
            ("[::1]", "http://[::1]/", true),
            ("[::1]:8", "http://[::1]:8/", true),
            ("[::1]:9", "http://[::1]:8/", false),
            ("[::1]x", "http://[::1]/", false),
            ("[::1", "http://[::1]/", false),
            ("fe80::/10", "http://[fe80::1%25eth0]/", true),
            ("[fd00::]/8", "http://[fd12::1]/", true),
            ("fd00::/8", "http://[fe80::1]/", false),
            ("::/0", "http://[fe80::1]/", true),
            ("::/129", "http://[fe80::1]/", false),
            ("fe80::1", "http://[fe80::1%25eth0]/", true),
            // What looks like a domain in a zone is none (CVE-2025-22870 of Go).
            (".example.com", "http://[fe80::1%25.example.com]/", false),
            ("*.example.com,example.com", "http://[::1%25a.example.com]/", false),
        ] {
            assert_eq!(bypass(list, url), want, "{list:?} {url:?}");
        }
    }

    #[test]
    fn numbers_are_addresses_in_the_forms_of_c() {
        for (text, want) in [
            ("127.0.0.1", Some(0x7f00_0001)),
            ("127.1", Some(0x7f00_0001)),
            ("2130706433", Some(0x7f00_0001)),
            ("0x7f.1", Some(0x7f00_0001)),
            ("0177.0.0.01", Some(0x7f00_0001)),
            ("255.255.255.255", Some(u32::MAX)),
            ("256.0.0.1", None),
            ("1.2.3.4.5", None),
            ("1.2.3", Some(0x0102_0003)),
            ("127.0.0.256", None),
            ("4294967296", None),
            ("", None),
            ("1.", None),
            ("08", None),
            ("0x", None),
            ("+1", None),
            ("h", None),
        ] {
            assert_eq!(inet_aton(text), want, "{text:?}");
        }
    }
}
