//! Header fields in order, spelled as written.
//!
//! The fields are in [`fields`], as one text, so that a copy is three allocations whatever the number of headers, a lookup
//! compares slices, and a list that was not changed since it was made is sent as one block. Values are Latin-1 on the wire
//! (RFC 9110 §5.5) and text here.
//!
//! A list can be shared: then its clones are handles to it, and copy it when they are changed. A session shares its own, so
//! that a request that adds nothing to it copies nothing.
//!
//! What a caller sets is checked on entry. What a peer sent is added by the codec, which has its own rules.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::text::latin1;
use crate::text::shown::{MASK, header_value};

mod fields;
mod index;
mod list;
mod names;
mod value;

pub(crate) use fields::{Entry, Noted, is_token};
use fields::{Fields, Form, slice};
pub use list::IntoHeaders;
pub use value::IntoHeaderValue;

/// An ordered list of header fields. Names keep their spelling, and lookups ignore case.
///
/// # Coming from requests
/// Like `CaseInsensitiveDict`, but a name can occur several times ([`append`](Self::append),
/// [`get_all`](Self::get_all)). requests' `r.headers["vary"]` is [`joined`](Self::joined).
///
/// # Examples
/// ```
/// let mut headers = petition::Headers::new();
/// headers.insert("X-Trace", "1")?;
/// headers.append("x-trace", "2")?;
///
/// assert_eq!(headers.get("X-TRACE"), Some("1"));
/// assert_eq!(headers.joined("x-trace").as_deref(), Some("1, 2"));
/// # Ok::<(), petition::Error>(())
/// ```
#[doc(alias = "CaseInsensitiveDict")]
#[doc(alias = "HeaderMap")]
#[derive(Default)]
pub struct Headers {
    list: List,
}

/// Behind a pointer, so that moving a request or a response does not move its headers.
#[derive(Default)]
enum List {
    #[default]
    Empty,
    Own(Box<Fields>),
    /// Its clones are handles to it.
    Shared(Arc<Fields>),
}

impl Headers {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self { list: List::Empty }
    }

    pub(crate) fn with_capacity(entries: usize, text: usize) -> Self {
        Self::own(Fields::with_capacity(entries, text))
    }

    fn own(fields: Fields) -> Self {
        Self { list: List::Own(Box::new(fields)) }
    }

    /// The same list, shared: its clones are handles to it.
    pub(crate) fn shared(self) -> Self {
        let mut fields = match self.list {
            List::Empty => Fields::new(),
            List::Own(fields) => *fields,
            List::Shared(_) => return self,
        };
        fields.recognize();
        Self { list: List::Shared(Arc::new(fields)) }
    }

    /// Another list with the same fields, shared like this one. A handle would be less work to make, but threads that use what
    /// they have of it at the same time would contend for its count.
    pub(crate) fn duplicate(&self) -> Self {
        Self { list: List::Shared(Arc::new(self.fields().copy_with_room(&Fields::new()))) }
    }

    #[inline(always)]
    fn fields(&self) -> &Fields {
        static EMPTY: Fields = Fields::new();
        match &self.list {
            List::Empty => &EMPTY,
            List::Own(fields) => fields,
            List::Shared(fields) => fields,
        }
    }

    /// The fields to change. Those that others see too are copied first.
    #[inline]
    fn fields_mut(&mut self) -> &mut Fields {
        match &mut self.list {
            // With room for what a request mostly adds, so that it need not grow.
            List::Empty => *self = Self::with_capacity(8, 256),
            // The copy is shared too, so that a session whose headers were changed goes on sharing them.
            List::Shared(fields) if Arc::strong_count(fields) > 1 => {
                *fields = Arc::new(fields.copy_with_room(&Fields::new()));
            }
            List::Own(_) | List::Shared(_) => {}
        }
        match &mut self.list {
            List::Own(fields) => fields,
            List::Shared(fields) => Arc::get_mut(fields).expect("there is no other handle"),
            List::Empty => unreachable!("it has fields of its own now"),
        }
    }

    /// A clone to which the fields of `other` are to be added.
    pub(crate) fn clone_for(&self, other: &Self) -> Self {
        if other.is_empty() { self.clone() } else { self.copy_with_room(other) }
    }

    fn copy_with_room(&self, other: &Self) -> Self {
        Self::own(self.fields().copy_with_room(other.fields()))
    }

    /// The fields that were noted within a text, which is copied from `start` on.
    pub(crate) fn from_text(text: &str, start: usize, noted: &Noted) -> Self {
        Self { list: List::Own(Fields::from_text(text, start, noted)) }
    }

    /// Sets `name` to one value. The first field of that name keeps its position and takes this spelling and value;
    /// further fields of that name are removed. A new name is appended.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidHeader`]: the name is not a token (RFC 9110 §5.6.2), or the value starts with white space,
    /// contains a control character other than a tab, or a character beyond Latin-1. The fields then remain unchanged.
    ///
    /// # Examples
    /// ```
    /// let mut headers = petition::Headers::new();
    /// headers.insert("X-Attempt", 3)?; // text, or anything that converts to text
    ///
    /// assert_eq!(headers.get("x-attempt"), Some("3"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[doc(alias = "set")]
    pub fn insert<M>(&mut self, name: impl AsRef<str>, value: impl IntoHeaderValue<M>) -> Result<()> {
        let fields = self.fields_mut();
        let entry = fields.write_checked(name.as_ref(), &value.into_display())?;
        fields.put(entry);
        Ok(())
    }

    /// Appends a field, in addition to others of the same name.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    #[doc(alias = "add")]
    pub fn append<M>(&mut self, name: impl AsRef<str>, value: impl IntoHeaderValue<M>) -> Result<()> {
        let fields = self.fields_mut();
        let entry = fields.write_checked(name.as_ref(), &value.into_display())?;
        fields.add(entry);
        Ok(())
    }

    /// Removes all fields of that name; returns whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let is_here = self.contains(name);
        if is_here {
            self.fields_mut().remove(name);
        }
        is_here
    }

    /// The value of the first field of that name; case is ignored.
    #[must_use]
    #[inline]
    pub fn get(&self, name: &str) -> Option<&str> {
        let fields = self.fields();
        fields.find(name).map(|at| fields.value(at))
    }

    /// The values of all fields of that name, in order.
    #[inline]
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.fields().values(name)
    }

    /// The values of that name joined by `, `, as requests shows repeated headers.
    #[must_use]
    pub fn joined(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut out: Option<Cow<'_, str>> = None;
        for value in self.fields().values(name) {
            out = Some(match out {
                None => Cow::Borrowed(value),
                Some(seen) => Cow::Owned(format!("{seen}, {value}")),
            });
        }
        out
    }

    /// Whether there is a field of that name.
    #[must_use]
    #[inline(always)]
    pub fn contains(&self, name: &str) -> bool {
        self.fields().find(name).is_some()
    }

    /// Whether any field of that name has a value that `suits`.
    #[inline]
    pub(crate) fn any(&self, name: &str, suits: impl Fn(&str) -> bool) -> bool {
        self.fields().values(name).any(suits)
    }

    /// The number of fields, including repeated ones.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields().entries.len()
    }

    /// Whether there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields().entries.is_empty()
    }

    /// Removes all fields.
    pub fn clear(&mut self) {
        self.fields_mut().clear();
    }

    /// Names and values in order, as written; repeated fields are separate.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        self.fields().iter()
    }

    /// Whether nothing in it can end a line, and all of it is ASCII. It is known, not looked for.
    pub(crate) fn is_plain(&self) -> bool {
        self.fields().form >= Form::Plain
    }

    /// Appends all fields to `out` in the format of a head.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        self.fields().write(out);
    }

    /// Sets without a check: for values made in this crate.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.fields_mut().set(name, value);
    }

    /// Appends without a check: for values made in this crate and for what a peer sent.
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.fields_mut().push(name, value);
    }

    /// Appends a field from the wire, where bytes are Latin-1.
    pub(crate) fn push_latin1(&mut self, name: &[u8], value: &[u8]) {
        self.fields_mut().push_latin1(name, value);
    }

    /// [`update`](Self::update) without a check: for fields that were checked, and for what a peer sent.
    pub(crate) fn merge(&mut self, other: &Headers) {
        if !other.is_empty() {
            self.fields_mut().merge(other.fields());
        }
    }
}

impl Clone for Headers {
    fn clone(&self) -> Self {
        match &self.list {
            List::Empty => Self::new(),
            List::Own(_) => self.copy_with_room(&Self::new()),
            List::Shared(fields) => Self { list: List::Shared(Arc::clone(fields)) },
        }
    }
}

/// Without the values of headers whose names tell of a secret, and without the user info of URLs.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown(&|_| false).fmt(f)
    }
}

impl Headers {
    /// As `Debug` shows them, also without the values of those of which the closure says that they are secret.
    pub(crate) fn shown<'a>(&'a self, is_secret: &'a dyn Fn(&str) -> bool) -> impl fmt::Debug + 'a {
        Shown { headers: self, is_secret }
    }
}

struct Shown<'a> {
    headers: &'a Headers,
    is_secret: &'a dyn Fn(&str) -> bool,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |name, value| if (self.is_secret)(name) { MASK.into() } else { header_value(name, value) };
        f.debug_map().entries(self.headers.iter().map(|(name, value)| (name, shown(name, value)))).finish()
    }
}

/// Equal if the same names have the same values. The case of names and the order of different names do not matter.
impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        if self.len() != other.len() {
            return false;
        }
        if self.len() < LONG {
            return self.iter().all(|(name, _)| self.get_all(name).eq(other.get_all(name)));
        }
        by_name(self) == by_name(other)
    }
}

/// The fields, sorted, to compare long lists: to look up each name of one in the other would be quadratic. Fields of the same
/// name keep their order, which counts.
fn by_name(headers: &Headers) -> Vec<(String, &str)> {
    let mut fields: Vec<_> = headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    fields
}

/// From here on, lists are sorted to be compared.
const LONG: usize = 64;

impl Eq for Headers {}

/// The value of the first field of that name, as requests' `r.headers["content-type"]`.
///
/// # Panics
/// If there is none. [`get`](Headers::get) returns `None` then.
impl std::ops::Index<&str> for Headers {
    type Output = str;

    fn index(&self, name: &str) -> &str {
        match self.get(name) {
            Some(value) => value,
            None => panic!("no header {name:?}; `get` returns an Option"),
        }
    }
}

/// Iterator over names and values: see [`Headers::iter`].
#[derive(Clone)]
pub struct Iter<'a> {
    text: &'a str,
    entries: std::slice::Iter<'a, Entry>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next()?;
        Some((slice(self.text, entry.name), slice(self.text, entry.value)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("left", &self.len()).finish()
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl IntoIterator for Headers {
    type Item = (String, String);
    type IntoIter = std::vec::IntoIter<(String, String)>;

    fn into_iter(self) -> Self::IntoIter {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        self.iter().map(owned).collect::<Vec<_>>().into_iter()
    }
}

/// Values become Latin-1 bytes. What a `HeaderMap` cannot hold is [`ErrorKind::InvalidHeader`].
impl TryFrom<&Headers> for http::HeaderMap {
    type Error = Error;

    fn try_from(headers: &Headers) -> Result<Self> {
        let too_many = |_| {
            let text = format!("{} headers are more than a HeaderMap can hold", headers.len());
            Error::message(ErrorKind::InvalidHeader, text)
        };
        let mut map = Self::new();
        for (name, value) in headers {
            let invalid =
                || Error::message(ErrorKind::InvalidHeader, format!("header {name:?} cannot be put into a HeaderMap"));
            let bytes = latin1::to_bytes(value).ok_or_else(invalid)?;
            let value = http::HeaderValue::from_bytes(&bytes).map_err(|_| invalid())?;
            let name = http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
            map.try_append(name, value).map_err(too_many)?;
        }
        Ok(map)
    }
}

impl From<&http::HeaderMap> for Headers {
    fn from(map: &http::HeaderMap) -> Self {
        let mut headers = Self::new();
        for (name, value) in map {
            headers.push_latin1(name.as_str().as_bytes(), value.as_bytes());
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.append(name, value).unwrap();
        }
        headers
    }

    // HDR-01, HDR-02, HDR-04, HDR-05
    #[test]
    fn names_are_tokens_and_values_have_no_controls() {
        for (name, value, ok) in [
            ("X", "", true),
            ("X", "a\tb c ", true),
            ("X", "caf\u{e9}", true),
            ("", "v", false),
            ("X:", "v", false),
            (" X", "v", false),
            ("X Y", "v", false),
            ("X\u{e9}", "v", false),
            ("X", " v", false),
            ("X", "\tv", false),
            ("X", "\u{85}v", false),
            ("X", "\u{a0}v", false),
            ("X", "v\u{a0}", true),
            ("X", "a\r\nb", false),
            ("X", "a\nb", false),
            ("X", "a\0b", false),
            ("X", "a\u{7f}b", false),
            ("X", "\u{20ac}", false),
        ] {
            let result = Headers::new().insert(name, value);
            assert_eq!(
                result.as_ref().map_err(Error::kind),
                if ok { Ok(&()) } else { Err(ErrorKind::InvalidHeader) },
                "{name:?}: {value:?}"
            );
        }
    }

    #[test]
    fn an_invalid_value_is_not_shown() {
        let error = Headers::new().insert("Authorization", "secret\n").unwrap_err();

        assert!(!error.to_string().contains("secret"));
    }

    // SES-05, UTIL-03
    #[test]
    fn insert_keeps_the_place_and_takes_the_spelling() {
        let mut own = headers(&[("User-Agent", "a"), ("Accept", "*/*"), ("user-agent", "b")]);

        own.insert("USER-AGENT", "c").unwrap();
        own.insert("X", "1").unwrap();

        assert_eq!(own.iter().collect::<Vec<_>>(), [("USER-AGENT", "c"), ("Accept", "*/*"), ("X", "1")]);
    }

    #[test]
    fn update_replaces_by_name_and_keeps_repeats() {
        let mut own = headers(&[("A", "1"), ("B", "2")]);

        own.merge(&headers(&[("b", "3"), ("B", "4"), ("C", "5")]));

        assert_eq!(own.iter().collect::<Vec<_>>(), [("A", "1"), ("b", "3"), ("B", "4"), ("C", "5")]);
    }

    // FRAME-09, UTIL-04
    #[test]
    fn look_up_removal_and_equality_ignore_case() {
        let mut own = headers(&[("Vary", "a"), ("vary", "b"), ("X", "1")]);

        assert_eq!(own.joined("VARY").as_deref(), Some("a, b"));
        assert_eq!(own.get_all("vary").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(own, headers(&[("x", "1"), ("VARY", "a"), ("Vary", "b")]));
        assert!(own.remove("vARY") && !own.remove("vary"));
        assert_eq!(own.len(), 1);
    }

    #[test]
    fn bytes_from_the_wire_are_latin1() {
        let mut own = Headers::new();
        own.push_latin1(b"X", b"caf\xe9");

        assert_eq!(own.get("x"), Some("caf\u{e9}"));
        assert_eq!(http::HeaderMap::try_from(&own).unwrap()["x"].as_bytes(), b"caf\xe9");
        assert_eq!(Headers::from(&http::HeaderMap::try_from(&own).unwrap()), own);
    }

    #[test]
    fn more_headers_than_a_map_can_hold_are_an_error() {
        let names = |names: usize| {
            let mut list = Headers::new();
            (0..40_000).for_each(|n| list.append(format!("x-{}", n % names), "v").unwrap());
            list
        };

        let error = http::HeaderMap::try_from(&names(40_000)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidHeader);
        assert_eq!(error.to_string(), "40000 headers are more than a HeaderMap can hold");
        // It counts names, not values.
        assert_eq!(http::HeaderMap::try_from(&names(10)).unwrap().len(), 40_000);
    }

    #[test]
    fn a_header_that_is_set_again_and_again_does_not_grow() {
        let mut own = headers(&[("A", "1"), ("B", "2")]);
        let value = "x".repeat(1000);

        for _ in 0..1000 {
            own.insert("B", &value).unwrap();
            own.append("C", &value).unwrap();
            own.remove("C");
        }

        assert!(own.fields().text.len() < 2 * fields::COMPACT_FROM, "{} bytes", own.fields().text.len());
        assert_eq!(own.iter().collect::<Vec<_>>(), [("A", "1"), ("B", value.as_str())]);
    }

    /// A copy that is another list, also where copies share their fields.
    fn unchanged(headers: &Headers) -> Headers {
        let mut copy = headers.clone();
        copy.remove("Nothing");
        copy
    }

    fn block(headers: &Headers) -> String {
        let mut out = Vec::new();
        headers.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_copy_knows_what_the_list_knew_and_is_written_as_it_is() {
        let untouched = headers(&[("A", "1"), ("B", "2")]);
        let mut replaced = untouched.clone();
        replaced.insert("A", "3").unwrap();
        let mut shorter = untouched.clone();
        shorter.remove("A");
        let mut unchecked = untouched.clone();
        unchecked.push("C", "caf\u{e9}");
        let mut wire = Headers::new();
        wire.push_latin1(b"D", b"caf\xe9");

        for (own, plain, text) in [
            (Headers::new(), true, ""),
            (untouched, true, "A: 1\r\nB: 2\r\n"),
            (replaced, true, "A: 3\r\nB: 2\r\n"),
            (shorter, true, "B: 2\r\n"),
            (unchecked, false, "A: 1\r\nB: 2\r\nC: caf\u{e9}\r\n"),
            (wire, false, "D: caf\u{e9}\r\n"),
        ] {
            assert_eq!((own.is_plain(), block(&own)), (plain, text.to_owned()), "{own:?}");
            let copy = own.clone();
            assert_eq!((copy.is_plain(), block(&copy)), (plain, text.to_owned()), "a copy of {own:?}");
            for other in [headers(&[("X", "1")]), headers(&[("X", "\u{e9}")])] {
                let (is_plain, all) = (plain && other.is_plain(), format!("{text}{}", block(&other)));
                for mut merged in [own.clone(), unchanged(&own)] {
                    merged.merge(&other);
                    assert_eq!((merged.is_plain(), block(&merged)), (is_plain, all.clone()), "{own:?} and {other:?}");
                }
                let mut merged = other.clone();
                merged.merge(&own);
                assert_eq!((merged.is_plain(), block(&merged)), (is_plain, format!("{}{text}", block(&other))));
            }
        }
    }

    #[test]
    fn a_value_that_is_set_unchecked_is_looked_at_for_what_the_list_knows() {
        for (value, plain) in
            [("1", true), ("a b\t", true), ("", true), (" 1", false), ("\x01", false), ("\u{e9}", false)]
        {
            let mut own = Headers::new();
            own.set("A", value);
            assert_eq!(own.is_plain(), plain, "{value:?}");
            own.set("A", "1");
            assert_eq!(own.is_plain(), plain, "what was unchecked once stays so");
            own.clear();
            assert!(own.is_plain() && own.is_empty());
        }
    }

    #[test]
    fn a_header_that_is_replaced_by_short_values_does_not_grow() {
        let mut own = headers(&[("A", "1"), ("B", "2")]);

        for n in 0..5000 {
            own.insert("B", n).unwrap();
        }

        assert!(own.fields().text.len() < 2 * fields::COMPACT_FROM, "{} bytes", own.fields().text.len());
        assert_eq!(block(&own), "A: 1\r\nB: 4999\r\n");
    }

    #[test]
    fn two_large_lists_are_one() {
        let value = "x".repeat(70_000);
        let mut own = headers(&[("A", value.as_str())]);

        own.merge(&headers(&[("B", value.as_str())]));

        assert_eq!((own.get("A"), own.get("B")), (Some(value.as_str()), Some(value.as_str())));
    }

    #[test]
    fn equality_asks_for_all_names_and_all_values() {
        let own = headers(&[("A", "1"), ("B", "2")]);

        for (other, same) in [
            (&[("b", "2"), ("a", "1")][..], true),
            (&[("A", "1")], false),
            (&[("A", "1"), ("B", "3")], false),
            (&[("A", "1"), ("C", "2")], false),
            (&[("A", "1"), ("B", "2"), ("B", "2")], false),
            (&[], false),
        ] {
            assert_eq!(own == headers(other), same, "{other:?}");
            assert_eq!(headers(other) == own, same, "{other:?}");
        }

        for count in [LONG - 1, LONG, 3 * LONG] {
            let list = |values: [&'static str; 2]| {
                let mut list: Vec<_> = (0..count - 2).map(|n| (format!("X-{n}"), "v")).collect();
                list.extend(values.map(|value| ("X-Both".to_owned(), value)));
                list
            };
            let mut other_order = list(["1", "2"]);
            other_order[..count - 2].reverse();
            other_order.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
            let own = Headers::from_pairs(list(["1", "2"])).unwrap();
            for (other, same) in [
                (list(["1", "2"]), true),
                (other_order, true),
                (list(["2", "1"]), false),
                (list(["1", "1"]), false),
                (list(["1", "2"])[1..].to_vec(), false),
            ] {
                assert_eq!(own == Headers::from_pairs(&other).unwrap(), same, "{count}: {other:?}");
            }
        }
    }

    #[test]
    fn long_lists_are_merged_with_few_comparisons() {
        for (count, names) in [(500, "Y"), (5000, "Y"), (500, "X"), (5000, "X")] {
            let list = |name: &str| Headers::from_pairs((0..count).map(|n| (format!("{name}-{n}"), n))).unwrap();
            let (mut own, other) = (list("X"), list(names));

            names::COMPARED.set(0);
            own.merge(&other);

            assert!(names::COMPARED.get() < 8 * count, "{count}: {}", names::COMPARED.get());
            assert_eq!(own.len(), if names == "X" { count } else { 2 * count });
        }
    }

    #[test]
    fn an_iterator_knows_how_many_fields_are_left() {
        let own = headers(&[("A", "1"), ("B", "2"), ("C", "3")]);
        let mut fields = own.iter();

        assert_eq!((fields.size_hint(), fields.len()), ((3, Some(3)), 3));
        fields.next();
        assert_eq!((fields.len(), format!("{fields:?}").as_str()), (2, "Iter { left: 2 }"));
        assert!(!own.is_empty() && Headers::new().is_empty());
        assert!(own.any("b", |value| value == "2") && !own.any("b", |value| value == "3") && !own.any("d", |_| true));
    }

    #[test]
    fn names_that_a_list_lacks_are_mostly_known_without_a_comparison() {
        let own = headers(&[("Content-Length", "1"), ("Content-Type", "a/b"), ("Date", "x"), ("Server", "y")]);

        names::COMPARED.set(0);
        for name in [
            "Accept-Charset",
            "Age",
            "Allow",
            "Cookie",
            "Expect",
            "Expires",
            "Link",
            "Via",
            "Warning",
            "X-Nothing-Here",
        ] {
            assert!(!own.contains(name) && own.get(name).is_none() && !own.any(name, |_| true));
        }
        assert_eq!(names::COMPARED.get(), 0);
    }

    #[test]
    fn a_shared_list_takes_no_name_for_one_that_each_request_asks_for() {
        // The first and the last letter, and the length, make a name's place: some of these have that of the usual one.
        let letters = || 'a'..='z';
        let others: Vec<_> = letters().flat_map(|first| letters().map(move |last| format!("{first}-{last}"))).collect();
        for (usual, other) in names::USUAL.into_iter().flat_map(|usual| others.iter().map(move |other| (usual, other)))
        {
            for (first, second) in [(other.as_str(), usual), (usual, other.as_str())] {
                let own = headers(&[(first, "1"), (second, "2")]).shared();

                assert_eq!((own.get(first), own.get(second)), (Some("1"), Some("2")), "{first}, {second}");
                assert_eq!(own.duplicate(), own);
            }
            assert_eq!(headers(&[(other, "1")]).shared().get(usual), None);
        }
    }

    #[test]
    fn a_list_to_which_another_is_added_has_its_own_fields_too() {
        let own = headers(&[("A", "1"), ("B", "2")]);

        for other in [Headers::new(), headers(&[("C", "3")])] {
            for list in [own.clone(), own.clone().shared()] {
                assert_eq!(list.clone_for(&other), own);
            }
        }
    }

    /// What the list does, as simply as it can be said.
    #[derive(Clone, Debug, Default, PartialEq)]
    struct Model(Vec<(String, String)>);

    impl Model {
        fn has(&self, name: &str) -> bool {
            self.0.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
        }

        fn insert(&mut self, name: &str, value: &str) {
            let field = (name.to_owned(), value.to_owned());
            let Some(first) = self.0.iter().position(|(own, _)| own.eq_ignore_ascii_case(name)) else {
                return self.0.push(field);
            };
            self.0[first] = field;
            let mut at = 0;
            self.0.retain(|(own, _)| {
                at += 1;
                at - 1 <= first || !own.eq_ignore_ascii_case(name)
            });
        }

        fn update(&mut self, other: &Model) {
            for (index, (name, value)) in other.0.iter().enumerate() {
                if other.0[..index].iter().any(|(seen, _)| seen.eq_ignore_ascii_case(name)) {
                    self.0.push((name.clone(), value.clone()));
                } else {
                    self.insert(name, value);
                }
            }
        }
    }

    fn pairs(headers: &Headers) -> Model {
        Model(headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    #[test]
    fn a_list_is_the_same_with_an_index_and_without() {
        for (seed, names) in (0..60).flat_map(|seed| [3, 40, 200].map(|names| (seed, names))) {
            let mut random = fastrand::Rng::with_seed(seed);
            let (mut own, mut other) = ((Headers::new(), Model::default()), (Headers::new(), Model::default()));
            for step in 0..400 {
                let number = random.u32(..names);
                let name = format!("{}-{number}", if random.bool() { "X-Name" } else { "x-nAME" });
                let value = "v".repeat(random.usize(..40)) + &step.to_string();
                match random.u32(..100) {
                    0..55 => {
                        own.0.insert(&name, &value).unwrap();
                        own.1.insert(&name, &value);
                    }
                    55..75 => {
                        own.0.append(&name, &value).unwrap();
                        own.1.0.push((name.clone(), value));
                    }
                    75..85 => {
                        let had = own.1.has(&name);
                        own.1.0.retain(|(own, _)| !own.eq_ignore_ascii_case(&name));
                        assert_eq!(own.0.remove(&name), had);
                    }
                    85..92 => std::mem::swap(&mut own, &mut other),
                    92..98 => {
                        own.0.merge(&other.0);
                        own.1.update(&other.1);
                    }
                    98 => own = (own.0.clone(), own.1),
                    _ => {
                        own.0.clear();
                        own.1.0.clear();
                    }
                }
                assert_eq!(pairs(&own.0), own.1, "seed {seed}, {names} names, step {step}");
                assert_eq!(own.0.contains(&name), own.1.has(&name));
                let all = own.1.0.iter().filter(|(own, _)| own.eq_ignore_ascii_case(&name)).map(|(_, value)| value);
                assert!(own.0.get_all(&name.to_uppercase()).eq(all));
            }
        }
    }

    #[test]
    fn a_thousand_headers_are_compared_with_few_of_each_other() {
        let fields: Vec<String> = (0..10_000).map(|n| format!("x-header-{n:05}")).collect();
        let cost = |count: usize| {
            names::COMPARED.set(0);
            let mut own = Headers::new();
            for name in &fields[..count] {
                own.insert(name, "1").unwrap();
            }
            let mut merged = headers(&[("X-Header-00007", "0"), ("Accept", "*/*")]);
            merged.merge(&own);
            for name in &fields[..count] {
                merged.insert(name, "2").unwrap();
            }
            assert_eq!((merged.len(), merged.get("x-header-00999")), (count + 1, Some("2")));
            names::COMPARED.get()
        };

        // One each where the name is there already, and those that share a place.
        assert!(cost(1000) < 6 * 1000, "{}", cost(1000));
        assert!(cost(10_000) < 6 * 10_000, "{}", cost(10_000));
    }

    #[test]
    fn a_shared_list_is_copied_by_whoever_changes_it() {
        let mut session = headers(&[("Accept", "*/*"), ("X", "1")]).shared();
        let before = pairs(&session);

        session.insert("X", 2).unwrap();
        let mut request = session.clone();
        assert!(
            matches!(request.list, List::Shared(_)) && pairs(&request) == pairs(&session) && pairs(&session) != before
        );
        request.append("Y", "3").unwrap();
        assert_eq!((request.len(), session.len()), (3, 2));

        let other = session.clone();
        assert!(session.remove("accept") && !session.remove("accept"));
        assert_eq!((session.len(), other.len(), other.get("ACCEPT")), (1, 2, Some("*/*")));
        assert!(matches!(session.list, List::Shared(_)), "the next request shares it again");
        session.clear();
        assert!(session.is_empty() && session.clone().is_empty());
        session.merge(&other);
        assert_eq!(session, other);
    }

    #[test]
    fn names_that_share_a_place_are_told_apart() {
        // One length, one first letter, and last letters whose places are the same.
        let names: Vec<String> = (0..300).map(|n| format!("x-{n:03}{}", if n % 2 == 0 { 'a' } else { 'A' })).collect();
        for count in [1, 2, 3, 20, 254, 255, 256, 300] {
            let mut own = Headers::new();
            names[..count].iter().enumerate().for_each(|(n, name)| own.push(name, &n.to_string()));
            own.push(&names[0], "again");
            for (n, name) in names.iter().enumerate() {
                let want = (n < count).then(|| n.to_string());
                assert_eq!(own.get(name), want.as_deref(), "{name} of {count}");
                assert_eq!(own.get_all(name).count(), usize::from(n < count) + usize::from(n == 0));
            }
            assert!(own.remove(&names[0]) && !own.contains(&names[0]));
            assert!((1..count).all(|n| own.get(&names[n].to_uppercase()) == Some(&n.to_string())));
        }
    }

    #[test]
    fn debug_hides_credentials() {
        let own = headers(&[("Authorization", "Basic dTpw"), ("X", "1")]);

        assert_eq!(format!("{own:?}"), r#"{"Authorization": "***", "X": "1"}"#);
    }

    #[test]
    fn a_value_is_written_straight_from_its_text_form_or_not_at_all() {
        struct Untold;
        impl fmt::Display for Untold {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("half")?;
                Err(fmt::Error)
            }
        }
        let mut headers = Headers::new();
        headers.insert(String::from("X-Number"), 1.5).unwrap();
        headers.append("x-number", format_args!("{}-{}", 2, 3)).unwrap();
        let before = (headers.clone(), headers.fields().text.clone());

        for refused in [
            headers.insert("X-Number", 'ſ'),
            headers.append("X-Number", "a\nb"),
            headers.insert("no token", 1),
            headers.insert("X-Number", Untold),
        ] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidHeader);
        }

        assert_eq!((headers.clone(), headers.fields().text.clone()), before);
        assert_eq!(headers.get_all("X-NUMBER").collect::<Vec<_>>(), ["1.5", "2-3"]);
        headers.insert("x-Number", 4).unwrap();
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("x-Number", "4")]);
    }
}
