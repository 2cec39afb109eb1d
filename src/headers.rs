//! Header fields in order, spelled as written.
//!
//! Names and values are stored one after another in a single text; an entry holds the positions of its two parts. So a
//! copy is two allocations whatever the number of headers, and a lookup compares slices. Values are Latin-1 on the
//! wire (RFC 9110 §5.5) and text here.
//!
//! What a caller sets is checked on entry. What a peer sent is added by the codec, which has its own rules.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::ops::Range;

use crate::error::{Error, ErrorKind, Result};
use crate::text::latin1;

mod list;
mod value;

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
#[derive(Clone, Default)]
#[doc(alias = "CaseInsensitiveDict")]
#[doc(alias = "HeaderMap")]
pub struct Headers {
    text: String,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    name: (u32, u32),
    value: (u32, u32),
}

impl Headers {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: String::new(), entries: Vec::new() }
    }

    pub(crate) fn with_capacity(entries: usize, text: usize) -> Self {
        Self { text: String::with_capacity(text), entries: Vec::with_capacity(entries) }
    }

    /// Fields within a text that is copied as a whole; `places` are the positions of each name and value.
    pub(crate) fn from_text(text: &str, places: impl ExactSizeIterator<Item = [Range<usize>; 2]>) -> Self {
        let _ = place(0, text.len());
        let mut entries = Vec::with_capacity(places.len());
        // No position is beyond the end of the text, for which 32 bits are enough.
        let narrow = |place: Range<usize>| (place.start as u32, place.end as u32);
        entries.extend(places.map(|[name, value]| Entry { name: narrow(name), value: narrow(value) }));
        Self { text: text.to_owned(), entries }
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
        let entry = self.write_checked(name.as_ref(), &value.into_display())?;
        self.put(entry);
        Ok(())
    }

    /// Appends a field, in addition to others of the same name.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    #[doc(alias = "add")]
    pub fn append<M>(&mut self, name: impl AsRef<str>, value: impl IntoHeaderValue<M>) -> Result<()> {
        let entry = self.write_checked(name.as_ref(), &value.into_display())?;
        self.entries.push(entry);
        Ok(())
    }

    /// Removes all fields of that name; returns whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.entries.len();
        let text = &self.text;
        self.entries.retain(|entry| !slice(text, entry.name).eq_ignore_ascii_case(name));
        let is_gone = before != self.entries.len();
        if is_gone {
            self.compact();
        }
        is_gone
    }

    /// The value of the first field of that name; case is ignored.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.entries.iter().find(|entry| self.is_named(entry, name)).map(|entry| slice(&self.text, entry.value))
    }

    /// The values of all fields of that name, in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.entries.iter().filter(move |entry| self.is_named(entry, name)).map(|entry| slice(&self.text, entry.value))
    }

    /// The values of that name joined by `, `, as requests shows repeated headers.
    #[must_use]
    pub fn joined(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut out: Option<Cow<'_, str>> = None;
        for entry in self.entries.iter().filter(|entry| self.is_named(entry, name)) {
            let value = slice(&self.text, entry.value);
            out = Some(match out {
                None => Cow::Borrowed(value),
                Some(seen) => Cow::Owned(format!("{seen}, {value}")),
            });
        }
        out
    }

    /// Whether there is a field of that name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| self.is_named(entry, name))
    }

    /// Whether any field of that name has a value that `suits`. Cheaper than [`get_all`](Self::get_all) where most fields
    /// are others.
    pub(crate) fn any(&self, name: &str, suits: impl Fn(&str) -> bool) -> bool {
        self.entries.iter().any(|entry| self.is_named(entry, name) && suits(slice(&self.text, entry.value)))
    }

    /// The number of fields, including repeated ones.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes all fields.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.text.clear();
    }

    /// Names and values in order, as written; repeated fields are separate.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { text: &self.text, entries: self.entries.iter() }
    }

    /// Appends all fields to `out` in the format of a head.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.reserve(self.text.len() + 4 * self.entries.len());
        let text = self.text.as_bytes();
        for entry in &self.entries {
            out.extend_from_slice(&text[entry.name.0 as usize..entry.name.1 as usize]);
            out.extend_from_slice(b": ");
            out.extend_from_slice(&text[entry.value.0 as usize..entry.value.1 as usize]);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Sets without a check: for values made in this crate.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let entry = self.store(name, value);
        self.put(entry);
    }

    /// Replaces all fields of the entry's name with the entry, whose text is already stored.
    fn put(&mut self, entry: Entry) {
        let name = slice(&self.text, entry.name);
        let Some(first) = self.entries.iter().position(|own| slice(&self.text, own.name).eq_ignore_ascii_case(name))
        else {
            self.entries.push(entry);
            return;
        };
        self.entries[first] = entry;
        let (text, mut index) = (&self.text, 0);
        self.entries.retain(|entry| {
            index += 1;
            index - 1 <= first || !slice(text, entry.name).eq_ignore_ascii_case(name)
        });
        self.compact();
    }

    /// Appends without a check: for values made in this crate and for what a peer sent.
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        let entry = self.store(name, value);
        self.entries.push(entry);
    }

    /// Appends a field from the wire, where bytes are Latin-1.
    pub(crate) fn push_latin1(&mut self, name: &[u8], value: &[u8]) {
        let name = self.store_latin1(name);
        let value = self.store_latin1(value);
        self.entries.push(Entry { name, value });
    }

    /// [`update`](Self::update) without a check: for fields that were checked, and for what a peer sent.
    pub(crate) fn merge(&mut self, other: &Headers) {
        for (index, (name, value)) in other.iter().enumerate() {
            // A repeated field of `other` is added to the one just set.
            if other.iter().take(index).any(|(seen, _)| seen.eq_ignore_ascii_case(name)) {
                self.push(name, value);
            } else {
                self.set(name, value);
            }
        }
    }

    /// Compares lengths first: most names differ in length, and this does not touch the text. Then last letters: names
    /// of equal length seldom agree in them.
    #[inline]
    fn is_named(&self, entry: &Entry, name: &str) -> bool {
        let (start, end) = (entry.name.0 as usize, entry.name.1 as usize);
        if end - start != name.len() {
            return false;
        }
        let own = &self.text.as_bytes()[start..end];
        match (own.last(), name.as_bytes().last()) {
            (Some(own_last), Some(last)) => own_last | 0x20 == last | 0x20 && own.eq_ignore_ascii_case(name.as_bytes()),
            _ => true,
        }
    }

    /// Stores the text of a caller's field, formatted directly into place. An invalid field leaves nothing behind.
    fn write_checked(&mut self, name: &str, value: &dyn fmt::Display) -> Result<Entry> {
        let start = self.text.len();
        self.text.push_str(name);
        let middle = self.text.len();
        let checked = match write!(self.text, "{value}") {
            Err(_) => Err(Error::message(
                ErrorKind::InvalidHeader,
                format!("header {name:?}: its value cannot be converted to text"),
            )),
            // Positions have 32 bits.
            Ok(()) if u32::try_from(self.text.len()).is_err() => {
                let text = format!("header {name:?} is too large: all headers together can have at most 4 GiB");
                Err(Error::message(ErrorKind::InvalidHeader, text))
            }
            Ok(()) => check(name, &self.text[middle..]),
        };
        if let Err(error) = checked {
            self.text.truncate(start);
            return Err(error);
        }
        Ok(Entry { name: place(start, middle), value: place(middle, self.text.len()) })
    }

    /// Removes text that no entry uses any more once it is the larger part: setting a header again and again must not
    /// increase what each request copies.
    fn compact(&mut self) {
        let width = |(start, end): (u32, u32)| (end - start) as usize;
        let used: usize = self.entries.iter().map(|entry| width(entry.name) + width(entry.value)).sum();
        if self.text.len() < COMPACT_FROM || used > self.text.len() / 2 {
            return;
        }
        let mut packed = Self::with_capacity(self.entries.len(), used);
        for (name, value) in self.iter() {
            packed.push(name, value);
        }
        *self = packed;
    }

    fn store(&mut self, name: &str, value: &str) -> Entry {
        let start = self.text.len();
        self.text.push_str(name);
        let middle = self.text.len();
        self.text.push_str(value);
        Entry { name: place(start, middle), value: place(middle, self.text.len()) }
    }

    fn store_latin1(&mut self, bytes: &[u8]) -> (u32, u32) {
        let start = self.text.len();
        latin1::push(&mut self.text, bytes);
        place(start, self.text.len())
    }
}

/// With less text than this nothing is compacted.
const COMPACT_FROM: usize = 4096;

fn place(start: usize, end: usize) -> (u32, u32) {
    let narrow = |at| u32::try_from(at).expect("headers are limited far below 4 GiB");
    (narrow(start), narrow(end))
}

fn slice(text: &str, (start, end): (u32, u32)) -> &str {
    &text[start as usize..end as usize]
}

/// What requests checks, and more (docs/decisions.md#strict-headers).
fn check(name: &str, value: &str) -> Result<()> {
    if name.is_empty() || !name.bytes().all(is_token) {
        let text = format!("invalid header name {name:?}: it is not a token");
        return Err(Error::message(ErrorKind::InvalidHeader, text));
    }
    let fault = if value.starts_with([' ', '\t']) {
        "it starts with white space"
    } else if value.chars().any(|c| matches!(c, '\0'..='\x08' | '\n'..='\x1f' | '\x7f')) {
        "it contains a control character"
    } else if !latin1::fits(value) {
        "it contains a character beyond Latin-1"
    } else {
        return Ok(());
    };
    // The value may be secret, so it is not shown.
    Err(Error::message(ErrorKind::InvalidHeader, format!("invalid value for header {name:?}: {fault}")))
}

/// A character of a token (RFC 9110 §5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether `Debug` hides the value of this header.
fn is_secret(name: &str) -> bool {
    ["authorization", "proxy-authorization", "cookie", "set-cookie"].iter().any(|own| own.eq_ignore_ascii_case(name))
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (name, if is_secret(name) { "***" } else { value })))
            .finish()
    }
}

/// Equal if the same names have the same values. The case of names and the order of different names do not matter.
impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, _)| self.get_all(name).eq(other.get_all(name)))
    }
}

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
        let mut map = Self::with_capacity(headers.len());
        for (name, value) in headers {
            let invalid =
                || Error::message(ErrorKind::InvalidHeader, format!("header {name:?} cannot be put into a HeaderMap"));
            let bytes = latin1::to_bytes(value).ok_or_else(invalid)?;
            let value = http::HeaderValue::from_bytes(&bytes).map_err(|_| invalid())?;
            map.append(http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?, value);
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
    fn a_header_that_is_set_again_and_again_does_not_grow() {
        let mut own = headers(&[("A", "1"), ("B", "2")]);
        let value = "x".repeat(1000);

        for _ in 0..1000 {
            own.insert("B", &value).unwrap();
            own.append("C", &value).unwrap();
            own.remove("C");
        }

        assert!(own.text.len() < 2 * COMPACT_FROM, "{} bytes", own.text.len());
        assert_eq!(own.iter().collect::<Vec<_>>(), [("A", "1"), ("B", value.as_str())]);
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
        let before = (headers.clone(), headers.text.clone());

        for refused in [
            headers.insert("X-Number", 'ſ'),
            headers.append("X-Number", "a\nb"),
            headers.insert("no token", 1),
            headers.insert("X-Number", Untold),
        ] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidHeader);
        }

        assert_eq!((headers.clone(), headers.text.clone()), before);
        assert_eq!(headers.get_all("X-NUMBER").collect::<Vec<_>>(), ["1.5", "2-3"]);
        headers.insert("x-Number", 4).unwrap();
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("x-Number", "4")]);
    }
}
