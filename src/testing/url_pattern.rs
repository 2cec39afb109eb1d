//! Which URLs a mock answers: one, those that begin alike, or those that a closure picks.

use std::fmt;
use std::sync::Arc;

use crate::url::Url;

mod sealed {
    pub trait Sealed {}
}

/// What says which URLs are meant: text, a [`Url`], a [`prefix`], or a closure `Fn(&Url) -> bool`.
///
/// Text is a whole URL, or begins with a slash; then it is a path on any host. Without a query it means whatever query there
/// is, with one exactly that. Either is prepared as the URL of a request is, so `/a b` means `/a%20b`. Scheme and host are
/// compared without regard to case, and fragments and user info do not count.
///
/// The trait is sealed: it cannot be implemented outside this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a pattern of URLs",
    label = "expected text, or a closure over the URL"
)]
pub trait IntoUrlPattern: sealed::Sealed {
    #[doc(hidden)]
    fn into_pattern(self) -> UrlPattern;
}

/// The URLs that begin with a text: see [`prefix`].
#[derive(Clone, Debug)]
pub struct Prefix(String);

/// All URLs that begin with `text`, a URL: scheme, host and port must be there, and the path may end anywhere.
///
/// # Examples
/// ```
/// use petition::Session;
/// use petition::testing::{MockAdapter, Reply, prefix};
///
/// let mock =
///     MockAdapter::new().on("GET", prefix("http://h/items/"), Reply::new(204));
/// let mut session = Session::new();
/// session.trust_env = false; // no proxy of this machine
/// session.mount("http://", mock);
///
/// assert_eq!(session.get("http://h/items/7?full=1").send()?.status_code(), 204);
/// assert!(session.get("http://h/users").send().is_err());
/// # Ok::<(), petition::Error>(())
/// ```
///
/// # Panics
/// `text` is no URL.
#[must_use]
#[track_caller]
pub fn prefix(text: impl AsRef<str>) -> Prefix {
    Prefix(comparable(&parse(text.as_ref())))
}

#[doc(hidden)]
#[derive(Clone)]
pub enum UrlPattern {
    Exact(Url),
    /// A path, perhaps with a query, on any host: as it was written, and prepared on some host.
    Path(String, Url),
    Prefix(String),
    Test(Arc<dyn Fn(&Url) -> bool + Send + Sync>),
}

impl UrlPattern {
    pub(super) fn admits(&self, url: &Url) -> bool {
        match self {
            Self::Exact(own) => {
                (own.scheme(), own.host(), own.port_or_default()) == (url.scheme(), url.host(), url.port_or_default())
                    && is_at((own.path(), own.query()), url)
            }
            Self::Path(written, prepared) => {
                // The path of another scheme is not prepared, nor is that of a redirect.
                let without_fragment = written.split('#').next().unwrap_or_default();
                let (path, query) = without_fragment.split_once('?').unwrap_or((without_fragment, ""));
                let query = Some(query).filter(|query| !query.is_empty());
                is_at((prepared.path(), prepared.query()), url) || is_at((path, query), url)
            }
            Self::Prefix(own) => comparable(url).starts_with(own),
            Self::Test(test) => test(url),
        }
    }
}

impl fmt::Display for UrlPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(url) => f.write_str(&url.without_user_info()),
            Self::Path(path, _) => f.write_str(path),
            Self::Prefix(text) => write!(f, "{text}…"),
            Self::Test(_) => f.write_str("(a closure)"),
        }
    }
}

/// Whether a URL has this path, and this query if it is one.
fn is_at((path, query): (&str, Option<&str>), url: &Url) -> bool {
    path == url.path() && (query.is_none() || query == url.query())
}

/// Without what never reaches a server.
fn comparable(url: &Url) -> String {
    let text = url.without_user_info();
    text.split('#').next().unwrap_or_default().to_owned()
}

#[track_caller]
fn parse(text: &str) -> Url {
    Url::parse(text).unwrap_or_else(|error| panic!("a mock needs a whole URL or a path, not {text:?}: {error}"))
}

macro_rules! texts {
    ($($type:ty)*) => {$(
        impl sealed::Sealed for $type {}
        impl IntoUrlPattern for $type {
            #[track_caller]
            fn into_pattern(self) -> UrlPattern {
                let text: &str = self.as_ref();
                if text.starts_with('/') {
                    UrlPattern::Path(text.to_owned(), parse(&format!("http://any{text}")))
                } else {
                    UrlPattern::Exact(parse(text))
                }
            }
        }
    )*};
}

texts!(&str String &String);

impl sealed::Sealed for Url {}
impl IntoUrlPattern for Url {
    fn into_pattern(self) -> UrlPattern {
        UrlPattern::Exact(self)
    }
}

impl sealed::Sealed for &Url {}
impl IntoUrlPattern for &Url {
    fn into_pattern(self) -> UrlPattern {
        UrlPattern::Exact(self.clone())
    }
}

impl sealed::Sealed for Prefix {}
impl IntoUrlPattern for Prefix {
    fn into_pattern(self) -> UrlPattern {
        UrlPattern::Prefix(self.0)
    }
}

impl<F: Fn(&Url) -> bool + Send + Sync + 'static> sealed::Sealed for F {}
impl<F: Fn(&Url) -> bool + Send + Sync + 'static> IntoUrlPattern for F {
    fn into_pattern(self) -> UrlPattern {
        UrlPattern::Test(Arc::new(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_what_its_form_says() {
        for (pattern, url, want) in [
            ("http://h/a".into_pattern(), "http://H:80/a?b=c#d", true),
            ("http://h/a".into_pattern(), "http://user:pw@h/a", true),
            ("http://h/a?b=c".into_pattern(), "http://h/a?b=c", true),
            ("http://h/a?b=c".into_pattern(), "http://h/a?b=d", false),
            ("http://h/a?b=c".into_pattern(), "http://h/a", false),
            ("http://h/a".into_pattern(), "https://h/a", false),
            ("http://h/a".into_pattern(), "http://h:81/a", false),
            ("http://h/a".into_pattern(), "http://h/a/", false),
            ("/a".into_pattern(), "https://any/a?b", true),
            ("/a?b".into_pattern(), "https://any/a?c", false),
            ("/a#top".into_pattern(), "http://h/a", true),
            ("/a?b#top".into_pattern(), "http://h/a?b#end", true),
            ("/a?#top".into_pattern(), "http://h/a?b", true),
            ("/a b/\u{e9}".into_pattern(), "http://h/a b/\u{e9}", true),
            ("/a b".into_pattern(), "http://h/a%20b", true),
            ("/%61?q=%c3%a9 \"".into_pattern(), "http://h/a?q=\u{e9}%20%22", true),
            ("/a/../b/./c".into_pattern(), "http://h/b/c", true),
            ("//a".into_pattern(), "http://h//a", true),
            ("//a".into_pattern(), "http://a/", false),
            ("/a b".into_pattern(), "mock://h/a b", true),
            ("/a b?c d#e".into_pattern(), "mock://h/a b?c d", true),
            ("/a b".into_pattern(), "http://h/ab", false),
            ("http://h/a b#top".into_pattern(), "http://h/a%20b", true),
            (prefix("http://h/a b/../c#top").into_pattern(), "http://h/c/d", true),
            (prefix("http://h").into_pattern(), "http://h/a", true),
            (prefix("http://h").into_pattern(), "http://h.evil/a", false),
            (prefix("http://h/a").into_pattern(), "http://h/ab?c", true),
            ((|url: &Url| url.path().ends_with('7')).into_pattern(), "http://h/7", true),
        ] {
            assert_eq!(pattern.admits(&Url::parse(url).unwrap()), want, "{pattern} and {url}");
        }
    }
}
