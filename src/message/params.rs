//! Query parameters: what can be one, and what can be a list of them.
//!
//! `None` is a parameter without a value. It is not sent, and takes a session's parameter of its name away, as in requests.

use std::borrow::Cow;
use std::fmt::Display;

mod sealed {
    pub trait Value<M> {}
    pub trait List<M> {}
}

/// Marks a value by its text form.
pub struct Plain;

/// Marks an `Option`.
pub struct Optional;

/// Marks a reference to an `Option`.
pub struct OptionalRef;

/// Marks a list of pairs whose values are of a kind.
pub struct PairsOf<M>(M);

/// Marks a whole query as text.
pub struct Raw;

/// The query parameters of one request.
#[derive(Default)]
pub struct Query {
    /// `None` takes the session's parameters of that name away.
    pub(crate) pairs: Vec<(String, Option<String>)>,
    /// What was given as text, to be sent as it is.
    pub(crate) raw: Option<String>,
}

impl Query {
    pub(crate) fn push<M>(&mut self, name: &str, value: impl IntoParam<M>) {
        self.pairs.push((name.to_owned(), value.into_param()));
    }

    pub(crate) fn push_raw(&mut self, query: &str) {
        match &mut self.raw {
            Some(seen) => {
                seen.push('&');
                seen.push_str(query);
            }
            None => self.raw = Some(query.to_owned()),
        }
    }
}

/// What can be the value of a query parameter: text, a number, or anything else with a text form, or an `Option` of one.
///
/// `None` is left out, and takes the session's parameters of that name away, as in requests. `M` tells the kinds apart; the
/// compiler finds it. The trait is sealed: it cannot be implemented outside this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the value of a parameter",
    label = "it has no text form",
    note = "a value is text, a number, or anything else that implements `Display`, or an `Option` of one",
    note = "for several values of one name, call `.param` for each; for a struct that serde can serialize, use `.query(&value)`"
)]
pub trait IntoParam<M>: sealed::Value<M> {
    #[doc(hidden)]
    fn into_param(self) -> Option<String>;
}

impl<T: Display> sealed::Value<Plain> for T {}
impl<T: Display> IntoParam<Plain> for T {
    fn into_param(self) -> Option<String> {
        Some(self.to_string())
    }
}

impl<T: Display> sealed::Value<Optional> for Option<T> {}
impl<T: Display> IntoParam<Optional> for Option<T> {
    fn into_param(self) -> Option<String> {
        self.map(|value| value.to_string())
    }
}

impl<T: Display> sealed::Value<OptionalRef> for &Option<T> {}
impl<T: Display> IntoParam<OptionalRef> for &Option<T> {
    fn into_param(self) -> Option<String> {
        self.as_ref().map(ToString::to_string)
    }
}

/// What can be a list of query parameters: pairs of names and values in an array, a `Vec`, a map or an iterator, owned or
/// borrowed; or one text, which is a query as it is, as for [`query_string`](crate::Request::query_string).
///
/// Values are as for [`IntoParam`]. `M` tells the kinds apart; the compiler finds it. The trait is sealed: it cannot be
/// implemented outside this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of parameters",
    label = "expected pairs of names and values",
    note = "a list is `[(\"name\", \"value\")]`, a `Vec` of pairs, a map, or an iterator over pairs",
    note = "for a struct that serde can serialize, use `.query(&value)`"
)]
pub trait IntoParams<M>: sealed::List<M> {
    #[doc(hidden)]
    fn add_to(self, query: &mut Query);
}

/// A name and a value.
pub trait NamedParam<M> {
    fn add_to(self, query: &mut Query);
}

impl<K: AsRef<str>, V: IntoParam<M>, M> NamedParam<M> for (K, V) {
    fn add_to(self, query: &mut Query) {
        query.push(self.0.as_ref(), self.1);
    }
}

impl<'a, K: AsRef<str>, V, M> NamedParam<M> for &'a (K, V)
where
    &'a V: IntoParam<M>,
{
    fn add_to(self, query: &mut Query) {
        query.push(self.0.as_ref(), &self.1);
    }
}

impl<I: IntoIterator<Item: NamedParam<M>>, M> sealed::List<PairsOf<M>> for I {}
impl<I: IntoIterator<Item: NamedParam<M>>, M> IntoParams<PairsOf<M>> for I {
    fn add_to(self, query: &mut Query) {
        self.into_iter().for_each(|pair| pair.add_to(query));
    }
}

/// The forms of a text.
pub trait Text {
    fn text(&self) -> &str;
}

macro_rules! texts {
    ($($text:ty)*) => {$(
        impl Text for $text {
            fn text(&self) -> &str {
                self
            }
        }
    )*};
}
texts!(&str String &String Cow<'_, str>);

impl<T: Text> sealed::List<Raw> for T {}
impl<T: Text> IntoParams<Raw> for T {
    fn add_to(self, query: &mut Query) {
        query.push_raw(self.text());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, HashMap};

    fn pairs<M>(list: impl IntoParams<M>) -> Vec<(String, Option<String>)> {
        let mut query = Query::default();
        list.add_to(&mut query);
        assert_eq!(query.raw, None);
        query.pairs
    }

    // URL-23, URL-26
    #[allow(clippy::needless_borrows_for_generic_args)] // borrowed lists are what is tested
    #[test]
    fn every_list_of_pairs_is_one() {
        let owned = vec![(String::from("a"), 1), (String::from("b"), 2)];
        let want = [("a".to_owned(), Some("1".to_owned())), ("b".to_owned(), Some("2".to_owned()))];

        assert_eq!(pairs([("a", "1"), ("b", "2")]), want);
        assert_eq!(pairs(&[("a", 1u8), ("b", 2)]), want);
        assert_eq!(pairs(&owned), want);
        assert_eq!(pairs(owned.iter()), want);
        assert_eq!(pairs(owned.clone()), want);
        assert_eq!(pairs(BTreeMap::from([("a", '1'), ("b", '2')])), want);
        assert_eq!(pairs(&HashMap::from([("a", "1")])), want[..1]);
        assert_eq!(pairs([("a", Some("1")), ("b", Some("2"))]), want);
    }

    #[test]
    fn none_is_a_name_without_a_value() {
        let none = |name: &str| (name.to_owned(), None);
        let list = [("a", Some(1)), ("b", None)];

        assert_eq!(pairs(list)[1], none("b"));
        assert_eq!(pairs(&list)[1], none("b"));
        assert_eq!(pairs(&vec![("c", None::<String>)]), [none("c")]);
    }

    #[test]
    fn a_text_is_a_query_as_it_is() {
        let owned = String::from("c=%20");
        let mut query = Query::default();

        "a=1&b".add_to(&mut query);
        (&owned).add_to(&mut query);
        owned.clone().add_to(&mut query);
        Cow::from("d").add_to(&mut query);

        assert_eq!((query.raw.as_deref(), query.pairs), (Some("a=1&b&c=%20&c=%20&d"), vec![]));
    }
}
