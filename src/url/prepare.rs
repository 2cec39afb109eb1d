//! Preparing a URL: from the text that a caller gives to the text that is sent. This is requests' `prepare_url` on top of
//! urllib3's `parse_url`.
//!
//! Only http URLs are prepared, and text without a colon (which then lacks a scheme). Any other URL stays as written for
//! the adapter that knows its scheme. Most URLs need no change: one pass over the bytes finds that out, and the text is
//! copied once.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::Url;
use super::encode::{self, Undo};
use super::host::{self, BadHost};
use super::layout::{self, Demand, Kind, MAX_LEN, Parts};
use crate::error::{Error, ErrorKind, Result};
use crate::text::authority;
use crate::text::percent::{self, Set};

pub(super) fn prepare(text: &str) -> Result<Url> {
    // Leading white space goes, as in requests; trailing white space is encoded (URL-02).
    let text = if text.starts_with('h') { text } else { text.trim_start_matches(is_python_space) };
    if text.len() > MAX_LEN {
        return Err(invalid("URL is too long"));
    }
    if let Some(url) = already_prepared(text) {
        return Ok(url);
    }
    // A URL of another scheme is left as written (URL-01).
    if text.contains(':') && !is_http_like(text) {
        return Ok(as_written(text));
    }

    let parsed = dissect(text)?;
    let Some(scheme) = parsed.scheme else {
        let shown = for_errors(text, None);
        return Err(Error::message(
            ErrorKind::MissingSchema,
            format!("Invalid URL '{shown}': No scheme supplied. Perhaps you meant https://{shown}?"),
        ));
    };
    if parsed.host.is_empty() {
        return Err(invalid(format!("Invalid URL '{}': No host supplied", for_errors(text, Some(scheme)))));
    }
    if parsed.host.starts_with(['*', '.']) {
        return Err(refused(&BadHost::Wildcard, parsed.rest));
    }

    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&scheme.to_ascii_lowercase());
    out.push_str("://");
    if is_http(scheme) {
        write_http(&mut out, &parsed);
        layout::lay_out(out, Demand::Http).map_err(|bad| refused(&bad, parsed.rest))
    } else {
        write_other(&mut out, &parsed)?;
        Ok(as_written(&out))
    }
}

fn write_http(out: &mut String, parsed: &Parsed<'_>) {
    if let Some(user_info) = parsed.user_info {
        encode::encode(out, user_info, Set::USER_INFO, Undo::Unreserved);
        out.push('@');
    }
    out.push_str(&parsed.host);
    if let Some(port) = parsed.port {
        // Writing to a String does not fail.
        let _ = write!(out, ":{port}");
    }
    let path = encode::remove_dot_segments(parsed.path);
    if !path.starts_with('/') {
        // Also what follows a backslash, because a backslash ends the authority.
        out.push('/');
    }
    encode::encode(out, &path, Set::PATH, Undo::Unreserved);
    for (mark, part) in [('?', parsed.query), ('#', parsed.fragment)] {
        if let Some(part) = part.filter(|part| !part.is_empty()) {
            out.push(mark);
            encode::encode(out, part, Set::QUERY, Undo::Unreserved);
        }
    }
}

/// For `http+unix://…` and the like: splits the URL, joins its parts again and requotes it, without normalizing it.
fn write_other(out: &mut String, parsed: &Parsed<'_>) -> Result<()> {
    let host = if parsed.host.is_ascii() {
        Cow::Borrowed(&*parsed.host)
    } else {
        match url::Host::parse(&parsed.host) {
            Ok(url::Host::Domain(ascii)) => Cow::Owned(ascii),
            _ => return Err(refused(&BadHost::Wildcard, parsed.rest)),
        }
    };
    let mut rest = String::new();
    if let Some(user_info) = parsed.user_info {
        rest.push_str(user_info);
        rest.push('@');
    }
    rest.push_str(&host);
    if let Some(port) = parsed.port {
        let _ = write!(rest, ":{port}");
    }
    if !parsed.path.starts_with('/') {
        rest.push('/');
    }
    rest.push_str(parsed.path);
    for (mark, part) in [('?', parsed.query), ('#', parsed.fragment)] {
        if let Some(part) = part.filter(|part| !part.is_empty()) {
            rest.push(mark);
            rest.push_str(part);
        }
    }
    encode::requote(out, &rest);
    Ok(())
}

/// What urllib3's `parse_url` finds in a text. Host and port have been checked; the rest is as written.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    pub(crate) scheme: Option<&'a str>,
    /// Never empty.
    pub(crate) user_info: Option<&'a str>,
    /// With brackets. Normalized for http, and without a scheme. Empty if there is none.
    pub(crate) host: Cow<'a, str>,
    pub(crate) port: Option<u16>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
    /// Everything after the authority.
    rest: &'a str,
}

pub(crate) fn dissect(text: &str) -> Result<Parsed<'_>> {
    // Narrower than RFC 3986: with a dot before the colon it is a host and a port, as in `example.com:80/x`.
    let scheme = layout::scheme_len(text).map(|len| &text[..len]).filter(|scheme| !scheme.contains('.'));
    let rest = scheme.map_or(text, |scheme| &text[scheme.len() + 1..]);
    let authority_at = if rest.starts_with("//") {
        Some(2)
    } else if scheme.is_none() && !rest.starts_with('/') {
        Some(0)
    } else {
        None
    };

    // As in urllib3, a backslash ends the authority too.
    let (authority, rest) = match authority_at {
        Some(at) => {
            let rest = &rest[at..];
            rest.split_at(rest.find(['\\', '/', '?', '#']).unwrap_or(rest.len()))
        }
        None => ("", rest),
    };
    let (before, fragment) = cut(rest, '#');
    let (path, query) = cut(before, '?');

    // As in urllib3, the last `@` counts.
    let (user_info, host_port) =
        authority.rsplit_once('@').map_or((None, authority), |(user, rest)| (Some(user), rest));
    let (host, port) = host::split_port(host_port).map_err(|bad| refused(&bad, rest))?;
    let host = if scheme.is_none_or(is_http) {
        host::normalize(host).map_err(|bad| refused(&bad, rest))?
    } else {
        host.into()
    };
    Ok(Parsed { scheme, user_info: user_info.filter(|user| !user.is_empty()), host, port, path, query, fragment, rest })
}

impl Parsed<'_> {
    /// User and password, percent-decoded; the password is `None` without a colon.
    pub(crate) fn credentials(&self) -> Option<(Cow<'_, str>, Option<Cow<'_, str>>)> {
        let text = self.user_info?;
        // In an http URL one malformed escape makes every `%` literal, as when the URL is prepared.
        let literal = self.scheme.is_none_or(is_http) && !percent::all_escapes_hold(text);
        if literal {
            let (user, password) = authority::split_user_info(text);
            return Some((user.into(), password.map(Cow::Borrowed)));
        }
        Some(authority::user_info(text))
    }
}

fn cut(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn is_http(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// Whether requests prepares such a URL.
pub(super) fn is_http_like(text: &str) -> bool {
    text.as_bytes().get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"http"))
}

/// White space as in Python's `str.isspace`, which has four control characters that Unicode's White_Space lacks.
fn is_python_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

pub(super) fn as_written(text: &str) -> Url {
    layout::lay_out(text.into(), Demand::None).expect("without demands nothing is refused")
}

pub(super) fn invalid(text: impl Into<Cow<'static, str>>) -> Error {
    Error::message(ErrorKind::InvalidUrl, text)
}

/// The error for a bad host. `rest` is what follows the authority. If it has an `@`, a character of a password may have
/// ended the authority too early, and what looks like the host is part of a secret.
pub(super) fn refused(bad: &BadHost, rest: &str) -> Error {
    if rest.contains('@') {
        invalid("Failed to parse: invalid host or port (percent-encode `/`, `?` and `#` in a user name or password)")
    } else {
        invalid(bad.to_string())
    }
}

/// The text without user info, query and fragment, each of which may be secret. Where a user name would be is guessed: there
/// may be too few slashes, or too many.
fn for_errors(text: &str, scheme: Option<&str>) -> String {
    const SLASHES: [char; 2] = ['/', '\\'];
    let start = scheme.map_or(0, |scheme| scheme.len() + 1);
    let start = text.len() - text[start..].trim_start_matches(SLASHES).len();
    let end = text[start..].find(['\\', '/', '?', '#']).map_or(text.len(), |len| start + len);
    let (authority, rest) = (&text[start..end], &text[end..]);
    // A character of a user name or password may have ended the authority too early. Behind slashes too many, any `@` may end
    // user info; without a scheme, what has a colon.
    if rest.rfind('@').is_some_and(|at| scheme.is_some() || text[start..end + at].contains(':')) {
        return "...".to_owned();
    }
    let host = authority.rfind('@').map_or(authority, |at| &authority[at + 1..]);
    let path = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
    [&text[..start], host, path].concat()
}

/// Recognizes in one pass what preparing would not change: lower case, no user info, a path, nothing to encode.
fn already_prepared(text: &str) -> Option<Url> {
    let bytes = text.as_bytes();
    let scheme = if bytes.starts_with(b"http://") {
        4
    } else if bytes.starts_with(b"https://") {
        5
    } else {
        return None;
    };

    let authority = scheme + 3;
    let (mut host_end, mut label) = (authority, 0);
    for &byte in bytes[authority..].iter().take_while(|&&byte| encode::is_host_byte(byte)) {
        if byte == b'.' && !matches!(label, 1..=63) {
            return None;
        }
        label = if byte == b'.' { 0 } else { label + 1 };
        host_end += 1;
    }
    if host_end == authority || label > 63 {
        return None;
    }

    let mut at = host_end;
    let mut port = None;
    if bytes.get(at) == Some(&b':') {
        let mut number = 0_u16;
        at += 1;
        while let Some(digit) = bytes.get(at).filter(|byte| byte.is_ascii_digit()) {
            number = number.checked_mul(10)?.checked_add(u16::from(digit - b'0'))?;
            // With a zero in front it is written without.
            if number == 0 {
                return None;
            }
            at += 1;
        }
        port = Some(number).filter(|&number| number > 0);
        port?;
    }
    if bytes.get(at) != Some(&b'/') {
        return None;
    }

    let path = at;
    // Most paths have neither a dot nor an escape, and need no closer look.
    let plain = bytes[path..].iter().take_while(|&&byte| Set::PATH_WITHOUT_DOTS.has(byte)).count();
    let mut path_end = path + plain;
    if matches!(bytes.get(path_end), Some(b'.' | b'%')) {
        path_end += encode::clean_len(&bytes[path_end..], Set::PATH, Undo::Unreserved);
        if encode::has_dot_segment(&text[path..path_end]) {
            return None;
        }
    }
    let mut end = path_end;
    let mut query = None;
    if bytes.get(end) == Some(&b'?') {
        let start = end + 1;
        end = start + encode::clean_len(&bytes[start..], Set::QUERY, Undo::Unreserved);
        query = Some((start..end).into()).filter(|_| end > start);
        query?;
    }
    let target = path..end;
    let mut fragment = None;
    if bytes.get(end) == Some(&b'#') {
        let start = end + 1;
        end = start + encode::clean_len(&bytes[start..], Set::QUERY, Undo::Unreserved);
        fragment = Some((start..end).into()).filter(|_| end > start);
        fragment?;
    }
    if end != bytes.len() {
        return None;
    }

    let parts = Parts {
        len: bytes.len(),
        scheme: (0..scheme).into(),
        host_is_plain: label > 0,
        kind: if scheme == 4 { Kind::Http } else { Kind::Https },
        user_info: None,
        authority: (authority..path).into(),
        host: (authority..host_end).into(),
        port,
        path: (path..path_end).into(),
        query,
        fragment,
        target: target.into(),
    };
    Some(Url { buffer: text.into(), parts })
}
