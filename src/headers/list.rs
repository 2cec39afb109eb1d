//! Lists of headers: what [`Headers`] is filled from.

use http::{HeaderMap, HeaderName};

use super::Headers;
use crate::error::{Error, Result};
use crate::pair::Pair;

/// Marks a list of pairs.
pub struct OfPairs;

/// Marks a map of the `http` crate.
pub struct OfMap;

mod sealed {
    pub trait Sealed<M> {}
}

/// What can be a list of headers: pairs of names and values ([`Pair`]) in an array, a `Vec`, a map or an iterator;
/// [`Headers`]; or an [`http::HeaderMap`], owned or borrowed.
///
/// `M` tells the kinds apart; the compiler finds it. The trait is sealed: it cannot be implemented outside this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of headers",
    label = "expected pairs of names and values, `Headers`, or an `http::HeaderMap`",
    note = "a list of pairs is `[(\"name\", \"value\")]`, a `Vec` of pairs, a map, or an iterator over pairs"
)]
pub trait IntoHeaders<M>: sealed::Sealed<M> {
    /// Appends each header; calls `refused` for each that is invalid.
    #[doc(hidden)]
    fn append_to(self, headers: &mut Headers, refused: &mut dyn FnMut(Error));
}

impl<I: IntoIterator<Item: Pair>> sealed::Sealed<OfPairs> for I {}
impl<I: IntoIterator<Item: Pair>> IntoHeaders<OfPairs> for I {
    fn append_to(self, headers: &mut Headers, refused: &mut dyn FnMut(Error)) {
        for pair in self {
            if let Err(error) = headers.append(pair.name(), pair.shown()) {
                refused(error);
            }
        }
    }
}

/// The two forms of a map.
trait Map {
    fn map(&self) -> &HeaderMap;
}

impl Map for HeaderMap {
    fn map(&self) -> &HeaderMap {
        self
    }
}

impl Map for &HeaderMap {
    fn map(&self) -> &HeaderMap {
        self
    }
}

#[allow(private_bounds)]
impl<T: Map> sealed::Sealed<OfMap> for T {}
#[allow(private_bounds)]
impl<T: Map> IntoHeaders<OfMap> for T {
    fn append_to(self, headers: &mut Headers, refused: &mut dyn FnMut(Error)) {
        for (name, value) in self.map() {
            if let Err(error) = headers.append(HeaderName::as_str(name), value) {
                refused(error);
            }
        }
    }
}

impl Headers {
    /// A list with these headers, in order. A name that is repeated among them occurs each time.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidHeader`](crate::ErrorKind::InvalidHeader): the first one that [`append`](Self::append) refuses.
    ///
    /// # Examples
    /// ```
    /// let headers = petition::Headers::from_pairs([
    ///     ("Accept", "text/html"),
    ///     ("X-Trace", "1"),
    /// ])?;
    ///
    /// assert_eq!(headers.get("x-trace"), Some("1"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn from_pairs<M>(headers: impl IntoHeaders<M>) -> Result<Self> {
        let (mut own, mut fault) = (Self::new(), None);
        headers.append_to(&mut own, &mut |error| {
            fault.get_or_insert(error);
        });
        fault.map_or(Ok(own), Err)
    }

    /// Sets several headers: each name replaces the fields of that name. A name that is repeated among the new ones occurs
    /// each time.
    ///
    /// # Coming from requests
    /// `session.headers.update({...})`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidHeader`](crate::ErrorKind::InvalidHeader): the first one that [`append`](Self::append) refuses.
    /// Nothing is changed then.
    ///
    /// # Examples
    /// ```
    /// let mut session = petition::Session::new();
    /// session.headers.update([("Accept", "application/json"), ("X-Trace", "1")])?;
    ///
    /// assert_eq!(session.headers.get("accept"), Some("application/json"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[doc(alias = "extend")]
    pub fn update<M>(&mut self, headers: impl IntoHeaders<M>) -> Result<()> {
        let headers = Self::from_pairs(headers)?;
        self.merge(&headers);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use http::HeaderValue;
    use std::collections::{BTreeMap, HashMap};

    fn all(headers: &Headers) -> Vec<(&str, &str)> {
        headers.iter().collect()
    }

    #[allow(clippy::needless_borrows_for_generic_args)] // borrowed lists are what is tested
    #[test]
    fn every_list_of_headers_becomes_the_same() {
        let mut map = HeaderMap::new();
        map.append("x-a", HeaderValue::from_static("1"));
        map.append("x-a", HeaderValue::from_bytes(b"caf\xe9").unwrap());
        let owned = vec![(String::from("x-a"), "1"), (String::from("x-a"), "caf\u{e9}")];
        let first = Headers::from_pairs([("x-a", "1"), ("x-a", "caf\u{e9}")]).unwrap();

        for list in [
            Headers::from_pairs(&map),
            Headers::from_pairs(map.clone()),
            Headers::from_pairs(&owned),
            Headers::from_pairs(owned.iter()),
            Headers::from_pairs(owned.clone()),
            Headers::from_pairs(&first),
            Headers::from_pairs(first.clone()),
        ] {
            assert_eq!(all(&list.unwrap()), [("x-a", "1"), ("x-a", "caf\u{e9}")]);
        }
        for list in
            [Headers::from_pairs(HashMap::from([("x-a", 5)])), Headers::from_pairs(&BTreeMap::from([("x-a", 5)]))]
        {
            assert_eq!(all(&list.unwrap()), [("x-a", "5")]);
        }
    }

    // SES-05
    #[test]
    fn update_replaces_by_name_and_changes_nothing_if_one_is_refused() {
        let mut own = Headers::from_pairs([("Accept", "*/*"), ("X-A", "1"), ("x-a", "2")]).unwrap();

        own.update([("X-a", "3"), ("X-B", "4"), ("x-b", "5")]).unwrap();
        let refused = own.update([("Accept", "none"), ("X-C", "a\nb"), ("no token", "1")]).unwrap_err();

        assert_eq!(all(&own), [("Accept", "*/*"), ("X-a", "3"), ("X-B", "4"), ("x-b", "5")]);
        assert_eq!(refused.kind(), ErrorKind::InvalidHeader);
        assert!(refused.to_string().contains("X-C"), "{refused}");
    }

    #[test]
    fn a_value_of_the_http_crate_is_the_same_as_its_text() {
        let mut own = Headers::new();

        own.insert(http::header::RANGE, HeaderValue::from_static("bytes=0-1")).unwrap();
        let value = HeaderValue::from_static("bytes=2-3");
        own.append("range", &value).unwrap();
        assert_eq!(value, "bytes=2-3");

        assert_eq!(all(&own), [("range", "bytes=0-1"), ("range", "bytes=2-3")]);
        assert_eq!(&own["Range"], "bytes=0-1");
        let leading = own.insert("range", HeaderValue::from_bytes(b" x").unwrap()).unwrap_err();
        assert_eq!(leading.kind(), ErrorKind::InvalidHeader);
    }
}
