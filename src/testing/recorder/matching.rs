//! Which recorded request an actual one is.

use super::interaction::Sent;
use crate::url::Url;

/// What an actual and a recorded request must have in common: see [`Recorder::match_on`](super::Recorder::match_on).
///
/// Secrets are masked in both before they are compared.
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
