//! Conversions into cookies and jars.
//!
//! Pairs become cookies without a domain, as a dictionary does in requests.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

use super::cookie::Cookie;
use super::jar::CookieJar;

mod sealed {
    pub trait Sealed {}
}

/// What converts into a cookie: a [`Cookie`], or a pair of name and value, owned or borrowed.
///
/// The trait is sealed: it cannot be implemented outside this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a cookie",
    label = "expected a `Cookie`, or a pair of name and value",
    note = "a cookie is `(\"name\", \"value\")` or `Cookie::new(\"name\", \"value\")`"
)]
pub trait IntoCookie: sealed::Sealed {
    #[doc(hidden)]
    fn into_cookie(self) -> Cookie;
}

impl sealed::Sealed for Cookie {}
impl IntoCookie for Cookie {
    fn into_cookie(self) -> Cookie {
        self
    }
}

impl sealed::Sealed for &Cookie {}
impl IntoCookie for &Cookie {
    fn into_cookie(self) -> Cookie {
        self.clone()
    }
}

impl<N: AsRef<str>, V: Display> sealed::Sealed for (N, V) {}
impl<N: AsRef<str>, V: Display> IntoCookie for (N, V) {
    fn into_cookie(self) -> Cookie {
        Cookie::new(self.0.as_ref(), self.1.to_string())
    }
}

impl<N: AsRef<str>, V: Display> sealed::Sealed for &(N, V) {}
impl<N: AsRef<str>, V: Display> IntoCookie for &(N, V) {
    fn into_cookie(self) -> Cookie {
        Cookie::new(self.0.as_ref(), self.1.to_string())
    }
}

impl<T: IntoCookie> FromIterator<T> for CookieJar {
    fn from_iter<I: IntoIterator<Item = T>>(cookies: I) -> Self {
        let mut jar = Self::new();
        jar.extend(cookies);
        jar
    }
}

impl From<&Self> for CookieJar {
    fn from(jar: &Self) -> Self {
        jar.clone()
    }
}

impl From<Cookie> for CookieJar {
    fn from(cookie: Cookie) -> Self {
        Self::from_iter([cookie])
    }
}

impl<T: IntoCookie, const N: usize> From<[T; N]> for CookieJar {
    fn from(cookies: [T; N]) -> Self {
        cookies.into_iter().collect()
    }
}

impl<'a, T, const N: usize> From<&'a [T; N]> for CookieJar
where
    &'a T: IntoCookie,
{
    fn from(cookies: &'a [T; N]) -> Self {
        cookies.iter().collect()
    }
}

impl<'a, T> From<&'a [T]> for CookieJar
where
    &'a T: IntoCookie,
{
    fn from(cookies: &'a [T]) -> Self {
        cookies.iter().collect()
    }
}

impl<T: IntoCookie> From<Vec<T>> for CookieJar {
    fn from(cookies: Vec<T>) -> Self {
        cookies.into_iter().collect()
    }
}

impl<'a, T> From<&'a Vec<T>> for CookieJar
where
    &'a T: IntoCookie,
{
    fn from(cookies: &'a Vec<T>) -> Self {
        cookies.iter().collect()
    }
}

impl<N: AsRef<str>, V: Display, S> From<HashMap<N, V, S>> for CookieJar {
    fn from(cookies: HashMap<N, V, S>) -> Self {
        cookies.into_iter().collect()
    }
}

impl<N: AsRef<str>, V: Display, S> From<&HashMap<N, V, S>> for CookieJar {
    fn from(cookies: &HashMap<N, V, S>) -> Self {
        cookies.iter().collect()
    }
}

impl<N: AsRef<str>, V: Display> From<BTreeMap<N, V>> for CookieJar {
    fn from(cookies: BTreeMap<N, V>) -> Self {
        cookies.into_iter().collect()
    }
}

impl<N: AsRef<str>, V: Display> From<&BTreeMap<N, V>> for CookieJar {
    fn from(cookies: &BTreeMap<N, V>) -> Self {
        cookies.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // UTIL-08
    #[test]
    fn pairs_in_every_form_become_cookies_without_domain() {
        let want = vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())];
        let owned = want.clone();
        let text = [("a", "1"), ("b", "2")];
        for jar in [
            CookieJar::from(text),
            CookieJar::from(&text),
            CookieJar::from(&text[..]),
            CookieJar::from(text.to_vec()),
            CookieJar::from([&text[0], &text[1]]),
            CookieJar::from([("a", 1), ("b", 2)]),
            CookieJar::from(owned.as_slice()),
            CookieJar::from(&owned),
            CookieJar::from(BTreeMap::from(text)),
            CookieJar::from(&BTreeMap::from(text)),
            CookieJar::from([Cookie::new("a", "1"), Cookie::new("b", "2")]),
            CookieJar::from(&[Cookie::new("a", "1"), Cookie::new("b", "2")]),
            CookieJar::from(&CookieJar::from(owned.clone())),
            text.into_iter().collect(),
        ] {
            assert_eq!(jar.to_pairs(), want);
            assert_eq!(jar.domains(), [""]);
            assert_eq!(jar.paths(), ["/"]);
        }
        assert_eq!(CookieJar::from(HashMap::from(text)).len(), 2);
        assert_eq!(CookieJar::from(&HashMap::from([(String::from("a"), String::from("1"))])).to_pairs(), want[..1]);
        assert_eq!(CookieJar::from(Cookie::new("a", "1")).to_pairs(), want[..1]);
    }
}
