//! What a [`Url`] is compared with, printed as, and made from.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use super::{Url, prepare};
use crate::error::{Error, Result};

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Url").field(&self.without_user_info()).finish()
    }
}

impl PartialEq for Url {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Url {}

impl PartialEq<str> for Url {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Url {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Hash for Url {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialOrd for Url {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Url {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl AsRef<str> for Url {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for Url {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl From<url::Url> for Url {
    /// Prepares the text. A URL that requests would refuse (such as one with a label of more than 63 characters) is kept
    /// as it is, and fails when a connection to it is made.
    fn from(url: url::Url) -> Self {
        Self::parse(url.as_str()).unwrap_or_else(|_| prepare::as_written(url.as_str()))
    }
}

impl TryFrom<&Url> for url::Url {
    type Error = Error;

    fn try_from(url: &Url) -> Result<Self> {
        url::Url::parse(url.as_str()).map_err(|error| prepare::invalid(error.to_string()).with_url(url))
    }
}

mod sealed {
    pub trait Sealed {}
}

/// What can be a URL: `&str`, `String`, [`Url`], [`http::Uri`], and references to them.
///
/// The trait is sealed: it cannot be implemented outside this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a URL",
    label = "expected text, a `petition::Url` or an `http::Uri`",
    note = "a `url::Url` converts: `petition::Url::from(url)`, or `url.as_str()`",
    note = "parameters go into `.param(name, value)`; `format!` makes one text of several parts"
)]
pub trait IntoUrl: sealed::Sealed {
    /// The URL, joined to `base` if there is one.
    #[doc(hidden)]
    fn resolve(&self, base: Option<&Url>) -> Result<Url>;

    /// The URL as it was given.
    #[doc(hidden)]
    fn text(&self) -> Cow<'_, str>;
}

macro_rules! into_url_from_text {
    ($($text:ty),*) => {$(
        impl sealed::Sealed for $text {}

        impl IntoUrl for $text {
            fn resolve(&self, base: Option<&Url>) -> Result<Url> {
                let text: &str = self.as_ref();
                base.map_or_else(|| Url::parse(text), |base| base.join(text))
            }

            fn text(&self) -> Cow<'_, str> {
                Cow::Borrowed(self.as_ref())
            }
        }
    )*};
}

into_url_from_text!(&str, &&str, String, &String, Cow<'_, str>);

impl sealed::Sealed for Url {}

impl IntoUrl for Url {
    fn resolve(&self, base: Option<&Url>) -> Result<Url> {
        match base {
            // `//h:80/x` is kept as written: it has a colon, and does not begin with "http".
            Some(base) if self.scheme().is_empty() => base.join(self.as_str()),
            _ => Ok(self.clone()),
        }
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.as_str())
    }
}

impl sealed::Sealed for &Url {}

impl IntoUrl for &Url {
    fn resolve(&self, base: Option<&Url>) -> Result<Url> {
        (**self).resolve(base)
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.as_str())
    }
}

impl sealed::Sealed for http::Uri {}

impl IntoUrl for http::Uri {
    fn resolve(&self, base: Option<&Url>) -> Result<Url> {
        self.to_string().resolve(base)
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }
}

impl sealed::Sealed for &http::Uri {}

impl IntoUrl for &http::Uri {
    fn resolve(&self, base: Option<&Url>) -> Result<Url> {
        (**self).resolve(base)
    }

    fn text(&self) -> Cow<'_, str> {
        (**self).text()
    }
}
