//! Resolving references, as `urllib.parse.urljoin` does, and `Location` headers, as requests does.
//!
//! The target of a redirect is not prepared like a URL from a caller. requests requotes it and keeps the rest, so
//! `http://h?x` gets no slash, and `%2f` stays in lower case in the response's URL. What goes on the wire is encoded
//! nevertheless; `layout.rs` ensures that.

use std::borrow::Cow;

use super::Url;
use super::encode;
use super::host::{self, BadHost};
use super::layout::{self, Demand};
use super::prepare::{self, invalid, refused};
use crate::error::Result;

/// `reference` resolved against `base`, and not yet prepared.
pub(super) fn join(base: &Url, reference: &str) -> String {
    let base_text = base.as_str();
    if reference.is_empty() {
        return base_text.into();
    }
    let cleaned = clean(base_text);
    let from = Pieces::of(&cleaned, "");
    let cleaned = clean(reference);
    let to = Pieces::of(&cleaned, &from.scheme);

    // Python resolves references for a list of schemes. Others that have an authority work in the same way.
    if to.scheme != from.scheme || (from.authority.is_empty() && !has_authority(&from.scheme)) {
        return reference.into();
    }
    if !to.authority.is_empty() {
        return to.to_string();
    }
    let to = Pieces { authority: from.authority, ..to };
    if to.path.is_empty() && to.params.is_empty() {
        let query = if to.query.is_empty() { from.query } else { to.query };
        return Pieces { path: from.path, params: from.params, query, ..to }.to_string();
    }
    let path = resolve(&from.path, &to.path);
    Pieces { path: path.into(), ..to }.to_string()
}

/// The URL that a redirect from `base` leads to.
pub(super) fn redirect(base: &Url, location: &str) -> Result<Url> {
    let location = match location.strip_prefix("//") {
        Some(_) => Cow::Owned(format!("{}:{location}", base.scheme())),
        None => Cow::Borrowed(location),
    };
    let cleaned = clean(&location);
    let mut pieces = Pieces::of(&cleaned, "");
    if pieces.fragment.is_empty() {
        pieces.fragment = base.fragment().unwrap_or_default();
    }
    let relative = pieces.authority.is_empty();
    if !pieces.authority.is_ascii() {
        pieces.authority = ascii_authority(&pieces.authority)?.into();
    }

    let mut text = String::new();
    encode::requote(&mut text, &pieces.to_string());
    if relative {
        text = join(base, &text);
    }
    if layout::scheme_len(&text).is_some_and(|len| matches!(&text[..len], "http" | "https")) {
        let shown = layout::split(&text);
        let rest = text[shown.authority.end..].to_owned();
        let host_port = text[shown.authority].rsplit('@').next().unwrap_or_default();
        if host_port.is_empty() {
            return Err(invalid("Invalid URL in Location: No host supplied"));
        }
        // As in a URL from a caller; no name has these, and a resolver might take them for the end of it.
        let name = host_port.split(':').next().unwrap_or_default();
        if let Err(bad @ BadHost::EscapedControl { .. }) = host::normalize(name) {
            return Err(refused(&bad, &rest));
        }
        layout::lay_out(text, Demand::Http).map_err(|bad| refused(&bad, &rest))
    } else {
        Ok(prepare::as_written(&text))
    }
}

/// The authority with its host in IDNA form, as in a URL from a caller. requests escapes such a name, and then cannot
/// resolve it.
fn ascii_authority(authority: &str) -> Result<String> {
    let (user, host_port) = match authority.rfind('@') {
        Some(at) => authority.split_at(at + 1),
        None => ("", authority),
    };
    let host_end = host_port.rfind(':').unwrap_or(host_port.len());
    let (host, port) = host_port.split_at(host_end);
    let host = host::normalize(host).map_err(|bad| refused(&bad, ""))?;
    Ok([user, &host, port].concat())
}

/// Removes leading control characters and blanks, and all tabs and line ends, as Python does.
fn clean(text: &str) -> Cow<'_, str> {
    let text = text.trim_start_matches(|c| c <= ' ');
    if text.contains(['\t', '\r', '\n']) { text.replace(['\t', '\r', '\n'], "").into() } else { text.into() }
}

/// The six parts of a URL, as in `urlparse`.
struct Pieces<'a> {
    scheme: Cow<'a, str>,
    authority: Cow<'a, str>,
    path: Cow<'a, str>,
    params: &'a str,
    query: &'a str,
    fragment: &'a str,
}

impl<'a> Pieces<'a> {
    fn of(text: &'a str, default_scheme: &str) -> Self {
        let split = layout::split(text);
        let scheme = match &text[split.scheme] {
            "" => default_scheme.to_owned(),
            own => own.to_ascii_lowercase(),
        };
        let path = &text[split.path];
        let name = path.rfind('/').unwrap_or(0);
        let (path, params) = match path[name..].find(';') {
            Some(at) if has_params(&scheme) => (&path[..name + at], &path[name + at + 1..]),
            _ => (path, ""),
        };
        Self {
            scheme: scheme.into(),
            authority: text[split.authority].into(),
            path: path.into(),
            params,
            query: split.query.map_or("", |query| &text[query]),
            fragment: split.fragment.map_or("", |fragment| &text[fragment]),
        }
    }
}

impl std::fmt::Display for Pieces<'_> {
    /// Like `urlunparse`: an empty part loses its delimiter.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.scheme.is_empty() {
            write!(f, "{}:", self.scheme)?;
        }
        if !self.authority.is_empty() || (has_authority(&self.scheme) && !self.path.starts_with("//")) {
            let slash = if self.path.is_empty() || self.path.starts_with('/') { "" } else { "/" };
            write!(f, "//{}{slash}", self.authority)?;
        }
        f.write_str(&self.path)?;
        for (mark, part) in [(';', self.params), ('?', self.query), ('#', self.fragment)] {
            if !part.is_empty() {
                write!(f, "{mark}{part}")?;
            }
        }
        Ok(())
    }
}

/// Whether URLs of the scheme have `//` even if the authority is empty.
fn has_authority(scheme: &str) -> bool {
    matches!(scheme, "http" | "https" | "ftp" | "file" | "ws" | "wss")
}

/// Whether the last segment of URLs of the scheme ends at a `;`, so that `next;` loses it.
fn has_params(scheme: &str) -> bool {
    matches!(scheme, "" | "http" | "https" | "ftp")
}

fn resolve(base: &str, path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    if path.starts_with('/') {
        segments.extend(path.split('/'));
    } else {
        segments.extend(base.split('/'));
        if segments.last().is_some_and(|name| !name.is_empty()) {
            segments.pop();
        }
        segments.extend(path.split('/'));
        let last = segments.len() - 1;
        let mut at = 0;
        segments.retain(|segment| {
            at += 1;
            at == 1 || at == last + 1 || !segment.is_empty()
        });
    }

    let mut resolved: Vec<&str> = Vec::new();
    for segment in &segments {
        match *segment {
            ".." => drop(resolved.pop()),
            "." => {}
            other => resolved.push(other),
        }
    }
    if matches!(segments.last(), Some(&("." | ".."))) {
        resolved.push("");
    }
    let joined = resolved.join("/");
    if joined.is_empty() { "/".into() } else { joined }
}
