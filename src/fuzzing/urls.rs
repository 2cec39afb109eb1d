//! URLs, the references that a server joins to them, and the proxies that the environment names.

use crate::clock;
use crate::proxy::{Environment, LastList, select};
use crate::{Proxies, Url};

/// Invariant: a URL is prepared by the rules of requests, can be sent as it stands and parses to itself; one that is joined to it
/// breaks neither the request line nor the Host header, its host has no delimiter of a URL, and a reference without a scheme and
/// an authority stays at the origin.
pub fn url(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (base, reference) = text.split_once('\u{1}').unwrap_or((&text, "../x?y#z"));
    let parsed = Url::parse(base);
    if let Some(want) = by_requests(base) {
        let got = parsed.as_ref().map(Url::as_str).unwrap_or_else(|error| panic!("{base:?} is refused: {error}"));
        assert_eq!(got, want, "{base:?}");
    }
    let Ok(url) = parsed else { return };
    if !url.is_http() {
        return; // kept as it was written, and not sent by the stock adapter
    }
    // An escaped dot is no dot when segments are resolved, and one afterwards: as in requests, that URL is another when it is
    // prepared again.
    if !base.to_ascii_lowercase().contains("%2e") {
        let again = Url::parse(url.as_str()).map(|again| again.as_str().to_owned());
        assert!(again.is_ok_and(|again| again == url.as_str()), "{url} is another URL when it is parsed again");
    }
    check(&url);
    let is_relative = is_relative(reference);
    // As in requests, a percent sign of a Location that is no escape stays, which `parse` would encode: its text may differ.
    for joined in [url.join(reference), url.redirect(reference)].into_iter().flatten() {
        check(&joined);
        let origin = |url: &Url| (url.scheme().to_owned(), url.host().to_owned(), url.port());
        assert!(!is_relative || origin(&joined) == origin(&url), "{reference:?} leads from {url} to {joined}");
    }
}

/// Whether a reference can have neither a scheme nor an authority.
fn is_relative(reference: &str) -> bool {
    let cleaned: String = reference.trim_start_matches(|c| c <= ' ').split(['\t', '\r', '\n']).collect();
    !cleaned.contains(':') && !cleaned.starts_with("//")
}

/// What requests makes of a URL whose authority is an ASCII name and perhaps a port; `None` for all others. It is held against
/// what requests was recorded to do.
// What is lower case, resolved, encoded and left out (URL-05 to URL-12, URL-16, URL-17).
pub(super) fn by_requests(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return None;
    }
    let (authority, rest) = rest.split_at(rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let is_label = |label: &str| {
        let mut bytes = label.bytes();
        // What begins with a digit may be an address, whose letters keep their case.
        bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && label.len() <= 63
    };
    if !host.split('.').all(is_label) {
        return None;
    }
    let mut out = format!("{scheme}://{}", host.to_ascii_lowercase());
    if let Some(port) = port {
        // A default port stays.
        let port: u16 =
            port.parse().ok().filter(|_| port.bytes().all(|byte| byte.is_ascii_digit()) && port.len() < 6)?;
        out += &if port == 0 { String::new() } else { format!(":{port}") };
    }
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = without_dots(path);
    out += if path.starts_with('/') { "" } else { "/" };
    out += &encoded(&path, "");
    for (mark, part) in [('?', query), ('#', fragment)].into_iter().filter(|(_, part)| !part.is_empty()) {
        out.push(mark);
        out += &encoded(part, "?");
    }
    Some(out)
}

/// urllib3's `_remove_path_dot_segments`.
fn without_dots(path: &str) -> String {
    let mut output: Vec<&str> = Vec::new();
    for segment in path.split('/').filter(|segment| *segment != ".") {
        if segment != ".." {
            output.push(segment);
        } else if !output.is_empty() {
            output.truncate(output.len() - 1);
        }
    }
    if path.starts_with('/') && output.first().is_none_or(|first| !first.is_empty()) {
        output.insert(0, "");
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        output.push("");
    }
    output.join("/")
}

/// A path, or with `also` a query or a fragment, with what requests encodes.
fn encoded(text: &str, also: &str) -> String {
    let hex = |bytes: &[u8]| match bytes {
        [a, b, ..] => {
            u8::from_str_radix(std::str::from_utf8(&[*a, *b]).ok().filter(|text| !text.contains('+'))?, 16).ok()
        }
        _ => None,
    };
    let bytes = text.as_bytes();
    let is_whole = (0..bytes.len()).all(|at| bytes[at] != b'%' || hex(&bytes[at + 1..]).is_some());
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let mut out = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let (byte, escaped) = (bytes[at], if bytes[at] == b'%' { hex(&bytes[at + 1..]) } else { None });
        at += if escaped.is_some() { 3 } else { 1 };
        out += &match escaped {
            Some(escaped) if !is_whole => format!("%25{escaped:02X}"),
            Some(escaped) if is_unreserved(escaped) => char::from(escaped).to_string(),
            Some(escaped) => format!("%{escaped:02X}"),
            None if is_unreserved(byte) || b"!$&'()*+,;=:@/".contains(&byte) || also.as_bytes().contains(&byte) => {
                char::from(byte).to_string()
            }
            None => format!("%{byte:02X}"),
        };
    }
    out
}

fn check(url: &Url) {
    if !url.is_http() {
        return;
    }
    let text = url.as_str();
    // A host that is joined is not checked as one that is parsed, so it need not parse again.
    for part in [url.target(), &url.absolute_target(), &url.host_header(), &url.authority()] {
        assert!(part.bytes().all(|byte| byte.is_ascii_graphic()), "{part:?} cannot be sent");
    }
    assert!(!url.host().is_empty() && !url.host().contains(['/', '@', '?', '#', '\\']), "{text:?}");
    assert!(!url.without_user_info().split(['/', '?', '#']).nth(2).is_some_and(|host| host.contains('@')), "{text:?}");
}

/// Invariant: proxy variables and a list of exceptions lead to a route or to an error that does not show the password.
pub fn proxy_settings(data: &[u8]) {
    const PASSWORD: &str = "c0rrect-h0rse";
    let text = String::from_utf8_lossy(data);
    let mut fields = text.split('\u{1}');
    let mut field = || fields.next().unwrap_or_default().to_owned();
    let (proxy, list, host, other) = (field(), field(), field(), field());
    let Ok(url) = Url::parse(&format!("http://{host}/")) else { return };
    for value in [proxy.clone(), format!("http://user:{PASSWORD}@{proxy}"), format!("user:{PASSWORD}@{proxy}")] {
        let environment = |name: &str| match name {
            "http_proxy" => Some(value.clone()),
            "no_proxy" => Some(list.clone()),
            "ALL_PROXY" => Some(other.clone()),
            _ => None,
        };
        let last = LastList::default();
        let environment = Environment { variable: &environment, list: &last, now: clock::now() };
        match select(&url, None, &Proxies::new(), Some(environment)) {
            Ok(route) => assert!(list.trim() != "*" || matches!(route, crate::proxy::Route::Direct)),
            Err(error) => {
                let text = format!("{error} {error:?}");
                assert!(!text.contains(PASSWORD), "{text}");
                assert!(!error.to_string().chars().any(char::is_control), "{error}");
            }
        }
    }
    let mut set = Proxies::new();
    if set.insert("http", &proxy).is_ok() {
        set.insert("no_proxy", &list).expect("a list of exceptions is any text");
        let _ = select(&url, None, &set, None);
    }
}
