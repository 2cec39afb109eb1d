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
/// is, with one exactly that. Scheme and host are compared without regard to case, and fragments and user info do not count.
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
    /// A path, perhaps with a query, on any host.
    Path(String),
    Prefix(String),
    Test(Arc<dyn Fn(&Url) -> bool + Send + Sync>),
}

impl UrlPattern {
    pub(super) fn admits(&self, url: &Url) -> bool {
        match self {
            Self::Exact(own) => {
                (own.scheme(), own.host(), own.port_or_default()) == (url.scheme(), url.host(), url.port_or_default())
                    && own.path() == url.path()
                    && (own.query().is_none() || own.query() == url.query())
            }
            Self::Path(own) => match own.split_once('?') {
                Some((path, query)) => (path, Some(query)) == (url.path(), url.query()),
                None => own == url.path(),
            },
            Self::Prefix(own) => comparable(url).starts_with(own),
            Self::Test(test) => test(url),
        }
    }
}

impl fmt::Display for UrlPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(url) => f.write_str(&url.without_user_info()),
            Self::Path(path) => f.write_str(path),
            Self::Prefix(text) => write!(f, "{text}…"),
            Self::Test(_) => f.write_str("(a closure)"),
        }
    }
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
                if text.starts_with('/') { UrlPattern::Path(text.to_owned()) } else { UrlPattern::Exact(parse(text)) }
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
            (prefix("http://h").into_pattern(), "http://h/a", true),
            (prefix("http://h").into_pattern(), "http://h.evil/a", false),
            (prefix("http://h/a").into_pattern(), "http://h/ab?c", true),
            ((|url: &Url| url.path().ends_with('7')).into_pattern(), "http://h/7", true),
        ] {
            assert_eq!(pattern.admits(&Url::parse(url).unwrap()), want, "{pattern} and {url}");
        }
    }
}
