//! Which recorded request an actual one is.

use super::interaction::Sent;
use super::masks::{HOST_MASK, MASK};
use super::url_places::UrlPlaces;
use crate::url::Url;

/// What an actual and a recorded request must have in common: see [`Recorder::match_on`](super::Recorder::match_on).
///
/// Secrets are masked in both before they are compared. If nothing agrees then, what is masked in the recording may have been
/// any text: a secret that only an answer gave away is not known when it is replayed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum MatchOn {
    /// The method.
    Method,
    /// The scheme.
    Scheme,
    /// The host.
    Host,
    /// The port; the scheme's own counts as given.
    Port,
    /// The path.
    Path,
    /// The parameters of the query, in any order.
    Query,
    /// All values of the header of this name.
    Header(String),
    /// The body, byte by byte.
    Body,
}

impl MatchOn {
    /// vcrpy's: everything except headers and body.
    pub(super) fn usual() -> Vec<Self> {
        vec![Self::Method, Self::Scheme, Self::Host, Self::Port, Self::Path, Self::Query]
    }

    /// Whether they have it in common to the letter, masks included.
    pub(super) fn agree(&self, recorded: &Sent, actual: &Sent) -> bool {
        let urls = || Some((Url::parse(&recorded.url).ok()?, Url::parse(&actual.url).ok()?));
        let same = |agree: fn(&Url, &Url) -> bool| urls().is_some_and(|(a, b)| agree(&a, &b));
        match self {
            Self::Method => recorded.method == actual.method,
            Self::Scheme => same(|a, b| a.scheme() == b.scheme()),
            Self::Host => same(|a, b| a.host() == b.host()),
            Self::Port => same(|a, b| a.port_or_default() == b.port_or_default()),
            Self::Path => same(|a, b| a.path() == b.path()),
            Self::Query => same(|a, b| sorted(a) == sorted(b)),
            Self::Header(name) => recorded.header(name).eq(actual.header(name)),
            Self::Body => recorded.body == actual.body,
        }
    }

    /// Whether they may have it in common: a mask in what was recorded stands for any text except none.
    pub(super) fn may_agree(&self, recorded: &Sent, actual: &Sent) -> bool {
        let (own, its) = (&recorded.url, &actual.url);
        let places = || (UrlPlaces::of(own), UrlPlaces::of(its));
        match self {
            Self::Host => {
                let (of_own, of_its) = places();
                let own = own[of_own.host].to_ascii_lowercase().replace(HOST_MASK, MASK);
                fits(own.as_bytes(), its[of_its.host].to_ascii_lowercase().as_bytes())
            }
            Self::Path => {
                let (of_own, of_its) = places();
                fits(own[of_own.path].as_bytes(), its[of_its.path].as_bytes())
            }
            Self::Query => {
                let (of_own, of_its) = places();
                queries_fit(&own[of_own.query], &its[of_its.query])
            }
            Self::Header(name) => {
                let (own, its): (Vec<_>, Vec<_>) = (recorded.header(name).collect(), actual.header(name).collect());
                own.len() == its.len() && own.iter().zip(its).all(|(own, its)| fits(own.as_bytes(), its.as_bytes()))
            }
            Self::Body => fits(&recorded.body, &actual.body),
            // Nothing of these is ever masked.
            Self::Method | Self::Scheme | Self::Port => false,
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::Header(name) => format!("header {name}"),
            other => format!("{other:?}").to_lowercase(),
        }
    }
}

fn sorted(url: &Url) -> Vec<&str> {
    let mut pairs: Vec<&str> = url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    pairs
}

/// Whether each parameter of a recorded query fits one of an actual query, in any order, and none of these is left.
fn queries_fit(recorded: &str, actual: &str) -> bool {
    let pairs = |query: &'_ str| -> Vec<String> {
        query.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect()
    };
    let (mut own, mut its) = (pairs(recorded), pairs(actual));
    // What says most comes first, so that it is not left without the only one that fits it.
    own.sort_by_key(|pair| (pair.contains(MASK), std::cmp::Reverse(pair.len())));
    let all_fit = own.iter().all(|own| {
        let found = its.iter().position(|its| fits(own.as_bytes(), its.as_bytes()));
        found.map(|at| its.swap_remove(at)).is_some()
    });
    // A mask that is no value of a parameter may stand for several of them.
    let spans = own.iter().any(|pair| pair.starts_with(MASK)) && fits(recorded.as_bytes(), actual.as_bytes());
    (all_fit && its.is_empty()) || spans
}

/// Whether `text` may be what was recorded: a mask stands for any text of at least one byte. For a mask it stands alone, or what
/// follows that would be part of the secret.
fn fits(recorded: &[u8], text: &[u8]) -> bool {
    let mut masks = memchr::memmem::find_iter(recorded, MASK);
    let Some(first) = masks.next() else { return recorded == text };
    let Some(mut rest) = text.strip_prefix(&recorded[..first]) else { return false };
    let mut start = first + MASK.len();
    for mask in masks {
        let Some(after) = behind(rest, |rest| memchr::memmem::find(rest, &recorded[start..mask])) else { return false };
        rest = &after[mask - start..];
        start = mask + MASK.len();
    }
    let last = &recorded[start..];
    behind(rest, |rest| rest.len().checked_sub(last.len())).is_some_and(|after| after == last)
}

/// What follows the secret at the start of `text`; `find` says how far on that begins, at least. `None` if there is no secret.
fn behind(text: &[u8], find: impl Fn(&[u8]) -> Option<usize>) -> Option<&[u8]> {
    let (secret, after) = match text.strip_prefix(MASK.as_bytes()) {
        Some(after) if find(after)? == 0 => return Some(after),
        Some(_) => return None,
        None => text.split_at(1 + find(text.get(1..)?)?),
    };
    memchr::memmem::find(secret, MASK.as_bytes()).is_none().then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_stands_for_any_text_except_none() {
        for (recorded, text, want) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("", "", true),
            ("***", "a", true),
            ("***", "***", true),
            ("***", "", false),
            ("a/***/c", "a/b/b/c", true),
            ("a/***/c", "a//c", false),
            ("a/***/c", "a/b/d", false),
            ("a/***/c", "a/c", false),
            ("***a***", "xaay", true),
            ("***a***", "axa", false),
            ("***a***a", "bacada", true),
            ("***a***a", "baa", false),
            ("******", "ab", true),
            ("******", "a", false),
            ("t=***", "t=***", true),
            ("t=***", "t=***&u=1", false),
            ("t=***;u=***;", "t=***;u=a;", true),
            ("t=***;u=***;", "t=a;u=***;", true),
            ("t=***;u=***;", "t=***;v=a;u=b;", false),
            ("t=***;", "t=a;u=***;", false),
        ] {
            assert_eq!(fits(recorded.as_bytes(), text.as_bytes()), want, "{recorded} and {text}");
        }
    }

    #[test]
    fn what_is_masked_in_one_part_of_a_url_stands_for_that_part_only() {
        let sent = |url: &str| Sent { url: url.to_owned(), ..Sent::default() };
        for (recorded, actual, want) in [
            ("http://h/***/x", "http://h/europe/x", true),
            ("http://h/***/x", "http://h/europe/y", false),
            ("http://h/***", "http://h/a?b", false),
            ("http://h/***", "http://g/a", false),
            ("http://h/***", "http://h:81/a", false),
            ("http://h/***", "https://h/a", false),
            ("http://masked.h:81/a", "http://Europe.h:81/a", true),
            ("http://masked.h/a", "http://europe.g/a", false),
            ("http://masked/a", "http://h:80/a", true),
            ("http://h/?lang=***&a=***&b", "http://h/?b&lang=english&a=1", true),
            ("http://h/?lang=***&a=***&b", "http://h/?b&lang=english&c=1", false),
            ("http://h/?lang=***", "http://h/?lang=english&a", false),
            ("http://h/?***", "http://h/?a=1&b=2", true),
            ("http://h/?***&a=1", "http://h/?a=1&a=12", true),
            ("http://h/?***", "http://h/", false),
            ("http://h/?token=***", "http://h/?token=***&page=2", false),
        ] {
            let (recorded, actual) = (sent(recorded), sent(actual));
            let agree = |what: &MatchOn| what.agree(&recorded, &actual) || what.may_agree(&recorded, &actual);
            assert_eq!(MatchOn::usual().iter().all(agree), want, "{} and {}", recorded.url, actual.url);
        }
    }
}
