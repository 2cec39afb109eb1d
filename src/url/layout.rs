//! Where the parts of a URL are.
//!
//! A [`Url`] is one buffer: the text that people see, followed by those parts whose form on the wire differs from the
//! text (a host in capitals, a target that still has to be encoded). So every accessor returns a slice, and for most URLs
//! nothing follows the text. Spans are made only here, from offsets into the buffer they belong to.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::Url;
use super::encode::{self, Undo};
use super::host::{self, BadHost};
use crate::text::percent::Set;

#[derive(Clone, Copy, Default)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl From<Range<usize>> for Span {
    /// Lossless below [`MAX_LEN`], which callers check.
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start as u32, end: range.end as u32 }
    }
}

impl Span {
    pub(super) fn of(self, buffer: &str) -> &str {
        &buffer[self.start as usize..self.end as usize]
    }

    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

#[derive(Clone, Copy, Default)]
pub(super) struct Parts {
    /// How much of the buffer is the URL's text.
    pub(super) len: usize,
    /// In lower case.
    pub(super) scheme: Span,
    pub(super) kind: Kind,
    /// Whether the host is in the text as it is sent: neither an IPv6 address, nor with a dot at its end, nor with capitals.
    pub(super) host_is_plain: bool,
    pub(super) user_info: Option<Span>,
    /// Host and port as the text has them.
    pub(super) authority: Span,
    /// In lower case, without brackets.
    pub(super) host: Span,
    pub(super) port: Option<u16>,
    /// Never empty for an http URL.
    pub(super) path: Span,
    pub(super) query: Option<Span>,
    pub(super) fragment: Option<Span>,
    /// Path and query, as sent.
    pub(super) target: Span,
}

/// The schemes that this crate speaks, so that they need not be compared again and again.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Kind {
    Http,
    Https,
    #[default]
    Other,
}

impl Kind {
    fn of(scheme: &str) -> Self {
        match scheme {
            "http" => Self::Http,
            "https" => Self::Https,
            _ => Self::Other,
        }
    }
}

/// Encoding can triple the length of the target, and spans are 32 bits wide.
pub(super) const MAX_LEN: usize = u32::MAX as usize / 8;

/// What a text has to fulfil.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Demand {
    /// It has a host that can be connected to, and a target that can be sent.
    Http,
    /// Nothing: a URL of another scheme is left to its adapter.
    None,
}

/// Finds the parts of `text`, which is complete except for what has to be different on the wire.
pub(super) fn lay_out(text: String, demand: Demand) -> Result<Url, BadHost> {
    if text.len() > MAX_LEN {
        // Spans cannot reach so far; the URL has its text only.
        let parts = Parts { len: text.len(), ..Parts::default() };
        return Ok(Url { buffer: text.into(), parts });
    }
    let split = split(&text);
    let mut buffer = Cow::Borrowed(text.as_str());

    let scheme = in_lower_case(&mut buffer, split.scheme.clone(), &text);
    let at = text[split.authority.clone()].rfind('@').map(|at| split.authority.start + at);
    let authority = at.map_or(split.authority.start, |at| at + 1)..split.authority.end;
    let written = &text[authority.clone()];
    let (host_text, port) = match demand {
        Demand::Http => host::split_port(written)?,
        Demand::None => split_port_leniently(written),
    };
    let opened = host_text.strip_prefix('[').unwrap_or(host_text);
    let unbracketed = opened.strip_suffix(']').unwrap_or(opened);
    let offset = authority.start + (host_text.len() - opened.len());
    let host = in_lower_case(&mut buffer, offset..offset + unbracketed.len(), &text);
    if demand == Demand::Http {
        host::check_labels(unbracketed)?;
    }

    let path = &text[split.path.clone()];
    let query = split.query.clone().map_or("", |query| &text[query]);
    let in_place = !path.is_empty()
        && split.query.as_ref().is_none_or(|query| !query.is_empty())
        && (demand == Demand::None
            || (encode::is_clean(path, Set::PATH, Undo::Nothing)
                && encode::is_clean(query, Set::QUERY, Undo::Nothing)));
    let target: Span = if in_place {
        (split.path.start..split.query.as_ref().map_or(split.path.end, |query| query.end)).into()
    } else {
        append(&mut buffer, &target(path, query, demand))
    };
    let path: Span = if path.is_empty() && demand == Demand::Http {
        let root = target.range().start;
        (root..root + 1).into()
    } else {
        split.path.into()
    };

    let parts = Parts {
        len: text.len(),
        scheme,
        kind: Kind::of(scheme.of(&buffer)),
        host_is_plain: host.range().end <= text.len() && !unbracketed.ends_with('.') && !unbracketed.contains(':'),
        user_info: at.map(|at| (split.authority.start..at).into()),
        authority: authority.into(),
        host,
        port,
        path,
        query: split.query.map(Span::from),
        fragment: split.fragment.map(Span::from),
        target,
    };
    Ok(Url { buffer: Arc::from(buffer), parts })
}

fn append(buffer: &mut Cow<'_, str>, more: &str) -> Span {
    let start = buffer.len();
    buffer.to_mut().push_str(more);
    (start..buffer.len()).into()
}

/// The span of `range`, or of its lower-case form after the text. Escapes and an IPv6 zone keep their case.
fn in_lower_case(buffer: &mut Cow<'_, str>, range: Range<usize>, text: &str) -> Span {
    let part = &text[range.clone()];
    let end = memchr::memchr(b'%', part.as_bytes()).filter(|_| part.contains(':')).unwrap_or(part.len());
    let is_in_escape = |at: usize| part.as_bytes()[at.saturating_sub(2)..at].contains(&b'%');
    let is_capital = |at: usize| part.as_bytes()[at].is_ascii_uppercase() && !is_in_escape(at);
    if !(0..end).any(is_capital) {
        return range.into();
    }
    let lower: String = part
        .char_indices()
        .map(|(at, c)| if at < end && is_capital(at) { c.to_ascii_lowercase() } else { c })
        .collect();
    append(buffer, &lower)
}

fn target(path: &str, query: &str, demand: Demand) -> String {
    let mut out = String::with_capacity(path.len() + query.len() + 2);
    let mut put = |text: &str, set: Set| match demand {
        Demand::Http => encode::encode(&mut out, text, set, Undo::Nothing),
        Demand::None => out.push_str(text),
    };
    put(if path.is_empty() { "/" } else { path }, Set::PATH);
    if !query.is_empty() {
        put("?", Set::QUERY);
        put(query, Set::QUERY);
    }
    out
}

fn split_port_leniently(authority: &str) -> (&str, Option<u16>) {
    let end = match authority.rfind(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(end);
    (host, rest.strip_prefix(':').and_then(|port| port.parse().ok()).filter(|&port| port != 0))
}

/// The five parts of any URL, as offsets.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Split {
    /// Empty if there is none.
    pub(super) scheme: Range<usize>,
    /// Empty if there is none; `//` precedes it.
    pub(super) authority: Range<usize>,
    pub(super) path: Range<usize>,
    pub(super) query: Option<Range<usize>>,
    pub(super) fragment: Option<Range<usize>>,
}

/// Splits `text` as `urllib.parse.urlsplit` does.
pub(super) fn split(text: &str) -> Split {
    let scheme = 0..scheme_len(text).unwrap_or(0);
    let mut at = if scheme.is_empty() { 0 } else { scheme.end + 1 };

    let mut authority = at..at;
    if text[at..].starts_with("//") {
        at += 2;
        let end = text[at..].find(['/', '?', '#']).map_or(text.len(), |len| at + len);
        authority = at..end;
        at = end;
    }

    let hash = memchr::memchr(b'#', &text.as_bytes()[at..]).map(|len| at + len);
    let end = hash.unwrap_or(text.len());
    let mark = memchr::memchr(b'?', &text.as_bytes()[at..end]).map(|len| at + len);
    Split {
        scheme,
        authority,
        path: at..mark.unwrap_or(end),
        query: mark.map(|mark| mark + 1..end),
        fragment: hash.map(|hash| hash + 1..text.len()),
    }
}

/// The length of the scheme, if `text` begins with a scheme and a colon.
pub(super) fn scheme_len(text: &str) -> Option<usize> {
    let colon = memchr::memchr(b':', text.as_bytes())?;
    let scheme = &text.as_bytes()[..colon];
    let fine = scheme.first()?.is_ascii_alphabetic()
        && scheme.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    fine.then_some(colon)
}
