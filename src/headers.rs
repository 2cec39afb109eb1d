//! Header fields in order, spelled as written.
//!
//! Names and values are stored one after another in a single text, as they are sent: `Name: value` and CRLF. An entry holds
//! the positions of its two parts. So a copy is two allocations whatever the number of headers, a lookup compares slices, and
//! a list that was not changed since it was made is sent as one block. Values are Latin-1 on the wire (RFC 9110 §5.5) and
//! text here.
//!
//! A list can be shared: then its clones are handles to it, and copy it when they are changed. A session shares its own, so
//! that a request that adds nothing to it copies nothing.
//!
//! What a caller sets is checked on entry. What a peer sent is added by the codec, which has its own rules.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::text::latin1;

mod index;
mod list;
mod names;
mod value;

use index::Index;
pub use list::IntoHeaders;
use names::{Candidate, Places};
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
pub struct Headers {
    text: String,
    entries: Vec<Entry>,
    places: Places,
    /// Where the names are, once a long list was searched to be changed.
    index: Option<Box<Index>>,
    /// About how many bytes of the text no entry uses any more: what came off the wire may have had less between its parts.
    unused: usize,
    form: Form,
    /// The list in place of this one, if it is shared.
    shared: Option<Arc<Headers>>,
}

/// What is known about the text of a list.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
enum Form {
    /// Nothing.
    Any,
    /// Each name is a token, and each value consists of printable ASCII and tabs: nothing in it can end a line.
    Plain,
    /// The same, and the text is all fields in their order, as they are sent.
    #[default]
    Block,
}

/// The positions of a name and its value.
#[derive(Clone, Copy, Default)]
pub(crate) struct Entry {
    name: (u32, u32),
    value: (u32, u32),
}

impl Headers {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            text: String::new(),
            entries: Vec::new(),
            places: Places::NONE,
            index: None,
            unused: 0,
            form: Form::Block,
            shared: None,
        }
    }

    pub(crate) fn with_capacity(entries: usize, text: usize) -> Self {
        Self { text: String::with_capacity(text), entries: Vec::with_capacity(entries), ..Self::new() }
    }

    /// The same list, shared: its clones are handles to it.
    pub(crate) fn shared(self) -> Self {
        Self { shared: Some(Arc::new(self)), ..Self::new() }
    }

    /// The list to look at.
    #[inline(always)]
    fn list(&self) -> &Self {
        self.shared.as_deref().unwrap_or(self)
    }

    /// The list to change. One that others see too is copied first.
    #[inline]
    fn list_mut(&mut self) -> &mut Self {
        if self.shared.as_mut().is_some_and(|shared| Arc::get_mut(shared).is_none()) {
            *self = self.list().copy_with_room(&Self::new());
        }
        if self.shared.is_none() {
            return self;
        }
        let only = self.shared.as_mut().and_then(Arc::get_mut);
        only.expect("a list that others see is not shared any more")
    }

    /// A clone to which the fields of `other` are to be added.
    pub(crate) fn clone_for(&self, other: &Self) -> Self {
        if other.is_empty() { self.clone() } else { self.list().copy_with_room(other.list()) }
    }

    fn copy_with_room(&self, other: &Self) -> Self {
        let mut copy = Self::with_capacity(self.len() + other.len(), self.text.len() + other.text.len());
        if self.form == Form::Plain {
            // So the copy is a block. Its fields need not be checked again.
            copy.form = Form::Any;
            self.iter().for_each(|(name, value)| copy.push(name, value));
            return Self { form: Form::Block, ..copy };
        }
        copy.text.push_str(&self.text);
        copy.entries.extend_from_slice(&self.entries);
        // The index is not copied: it is for changing a list, and a copy is seldom changed much.
        Self { places: self.places, unused: self.unused, form: self.form, ..copy }
    }

    /// Fields within a text that is copied as a whole: each with its name, which is read only for its place.
    pub(crate) fn from_text<'a>(text: &str, fields: impl ExactSizeIterator<Item = (&'a str, Entry)>) -> Self {
        let mut headers = Self { text: text.to_owned(), form: Form::Any, ..Self::new() };
        headers.entries.reserve_exact(fields.len());
        let places = &mut headers.places;
        headers.entries.extend(fields.enumerate().map(|(at, (name, entry))| {
            places.add(name.as_bytes(), at);
            entry
        }));
        headers
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
        let list = self.list_mut();
        let entry = list.write_checked(name.as_ref(), &value.into_display())?;
        list.put(entry);
        Ok(())
    }

    /// Appends a field, in addition to others of the same name.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    #[doc(alias = "add")]
    pub fn append<M>(&mut self, name: impl AsRef<str>, value: impl IntoHeaderValue<M>) -> Result<()> {
        let list = self.list_mut();
        let entry = list.write_checked(name.as_ref(), &value.into_display())?;
        list.add(entry);
        Ok(())
    }

    /// Removes all fields of that name; returns whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        if !self.contains(name) {
            return false;
        }
        let list = self.list_mut();
        list.retain(|text, entry| !is_named(text, entry, name.as_bytes()));
        list.compact();
        true
    }

    /// The value of the first field of that name; case is ignored.
    #[must_use]
    #[inline]
    pub fn get(&self, name: &str) -> Option<&str> {
        let list = self.list();
        list.find(name).map(|at| slice(&list.text, list.entries[at].value))
    }

    /// The values of all fields of that name, in order.
    #[inline]
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.values(name)
    }

    #[inline]
    fn values<'a, 'n>(&'a self, name: &'n str) -> Values<'a, 'n> {
        let list = self.list();
        let next = list.find(name);
        let has_more = next.is_some() && list.places.find(name.as_bytes()).is_some_and(|place| !place.is_only);
        Values { list, name: name.as_bytes(), next, has_more }
    }

    /// The position of the first field of that name. Inlined: where the name is a constant, to find that there is none takes a
    /// few instructions.
    #[inline(always)]
    fn find(&self, name: &str) -> Option<usize> {
        match self.places.find(name.as_bytes()) {
            Some(candidate) => self.confirm(name.as_bytes(), candidate),
            None => None,
        }
    }

    #[inline(never)]
    fn confirm(&self, name: &[u8], candidate: Candidate) -> Option<usize> {
        let is = |at: usize| is_named(&self.text, &self.entries[at], name);
        if is(candidate.at) {
            return Some(candidate.at);
        }
        match &self.index {
            _ if candidate.is_only => None,
            Some(index) => index.find(name, is).ok(),
            None => (candidate.at + 1..self.entries.len()).find(|at| is(*at)),
        }
    }

    /// The values of that name joined by `, `, as requests shows repeated headers.
    #[must_use]
    pub fn joined(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut out: Option<Cow<'_, str>> = None;
        for value in self.values(name) {
            out = Some(match out {
                None => Cow::Borrowed(value),
                Some(seen) => Cow::Owned(format!("{seen}, {value}")),
            });
        }
        out
    }

    /// Whether there is a field of that name.
    #[must_use]
    #[inline]
    pub fn contains(&self, name: &str) -> bool {
        self.list().find(name).is_some()
    }

    /// Whether any field of that name has a value that `suits`.
    #[inline]
    pub(crate) fn any(&self, name: &str, suits: impl Fn(&str) -> bool) -> bool {
        self.values(name).any(suits)
    }

    /// The number of fields, including repeated ones.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list().entries.len()
    }

    /// Whether there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list().entries.is_empty()
    }

    /// Removes all fields.
    pub fn clear(&mut self) {
        let list = self.list_mut();
        list.entries.clear();
        list.text.clear();
        (list.places, list.index, list.unused, list.form) = (Places::NONE, None, 0, Form::Block);
    }

    /// Names and values in order, as written; repeated fields are separate.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        let list = self.list();
        Iter { text: &list.text, entries: list.entries.iter() }
    }

    /// Whether nothing in it can end a line, and all of it is ASCII. It is known, not looked for.
    pub(crate) fn is_plain(&self) -> bool {
        self.list().form >= Form::Plain
    }

    /// Appends all fields to `out` in the format of a head.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let list = self.list();
        if list.form == Form::Block {
            return out.extend_from_slice(list.text.as_bytes());
        }
        out.reserve(list.text.len() + 4 * list.entries.len());
        let text = list.text.as_bytes();
        for entry in &list.entries {
            out.extend_from_slice(&text[entry.name.0 as usize..entry.name.1 as usize]);
            out.extend_from_slice(b": ");
            out.extend_from_slice(&text[entry.value.0 as usize..entry.value.1 as usize]);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Sets without a check: for values made in this crate.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let list = self.list_mut();
        let entry = list.store(name, value);
        list.put(entry);
    }

    /// Replaces all fields of the entry's name with the entry, whose text is already stored.
    fn put(&mut self, entry: Entry) {
        self.make_index();
        let name = slice(&self.text, entry.name);
        let found = match &self.index {
            Some(index) => index.find(name.as_bytes(), |at| is_named(&self.text, &self.entries[at], name.as_bytes())),
            None => self.find(name).ok_or(0),
        };
        let first = match found {
            Ok(first) => first,
            Err(free) => return self.add_first(entry, free),
        };
        let has_repeats = self.index.as_ref().is_none_or(|index| index.has_repeats);
        self.replace(first, entry);
        if has_repeats {
            let mut index = 0;
            self.retain(|text, own| {
                index += 1;
                index - 1 <= first || !is_named(text, own, slice(text, entry.name).as_bytes())
            });
        }
        self.compact();
    }

    /// Puts `entry` in the place of another of its name.
    fn replace(&mut self, at: usize, entry: Entry) {
        let old = std::mem::replace(&mut self.entries[at], entry);
        self.unused += old.width();
        self.form = self.form.min(Form::Plain);
    }

    /// Appends an entry whose text is already stored.
    fn add(&mut self, entry: Entry) {
        let name = slice(&self.text, entry.name).as_bytes();
        let found = match &self.index {
            Some(index) => index.find(name, |at| is_named(&self.text, &self.entries[at], name)),
            None => Err(0),
        };
        match (found, &mut self.index) {
            (Ok(_), Some(index)) => {
                index.has_repeats = true;
                self.places.add(name, self.entries.len());
                self.entries.push(entry);
            }
            (found, _) => self.add_first(entry, found.unwrap_or_else(|free| free)),
        }
    }

    /// The same for a name that is not there yet, and has a `free` place in the index, if there is one. Without an index it
    /// may be there.
    fn add_first(&mut self, entry: Entry, free: usize) {
        self.places.add(slice(&self.text, entry.name).as_bytes(), self.entries.len());
        match &mut self.index {
            Some(index) if index.has_room() => index.fill(free, self.entries.len()),
            // It is made anew, and larger, when it is needed again.
            _ => self.index = None,
        }
        self.entries.push(entry);
    }

    /// Makes the index of a list that is about to be changed, if it is long.
    #[inline]
    fn make_index(&mut self) {
        if self.entries.len() >= index::FROM && self.index.is_none() {
            self.index = Some(self.new_index());
        }
    }

    fn new_index(&self) -> Box<Index> {
        let mut index = Box::new(Index::with_room(self.entries.len()));
        for (at, entry) in self.entries.iter().enumerate() {
            let name = slice(&self.text, entry.name).as_bytes();
            match index.find(name, |at| is_named(&self.text, &self.entries[at], name)) {
                Ok(_) => index.has_repeats = true,
                Err(free) => index.fill(free, at),
            }
        }
        index
    }

    /// Removes the fields that are not to be `kept`.
    fn retain(&mut self, mut kept: impl FnMut(&str, &Entry) -> bool) {
        let (text, unused, before) = (&self.text, &mut self.unused, self.entries.len());
        self.entries.retain(|entry| {
            let is_kept = kept(text, entry);
            *unused += if is_kept { 0 } else { entry.width() };
            is_kept
        });
        if self.entries.len() < before {
            self.index = None;
            self.form = self.form.min(Form::Plain);
            // Those behind have moved.
            self.places = Places::NONE;
            for (at, entry) in self.entries.iter().enumerate() {
                self.places.add(slice(text, entry.name).as_bytes(), at);
            }
        }
    }

    /// Appends without a check: for values made in this crate and for what a peer sent.
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        let list = self.list_mut();
        let entry = list.store(name, value);
        list.add(entry);
    }

    /// Appends a field from the wire, where bytes are Latin-1.
    pub(crate) fn push_latin1(&mut self, name: &[u8], value: &[u8]) {
        let list = self.list_mut();
        list.form = Form::Any;
        let name = list.store_latin1(name);
        let value = list.store_latin1(value);
        list.add(Entry { name, value });
    }

    /// [`update`](Self::update) without a check: for fields that were checked, and for what a peer sent.
    pub(crate) fn merge(&mut self, other: &Headers) {
        if !other.is_empty() {
            self.list_mut().merge_list(other.list());
        }
    }

    fn merge_list(&mut self, other: &Headers) {
        let is_here = |entry: &Entry| self.find(slice(&other.text, entry.name)).is_some();
        if !other.entries.iter().any(is_here) {
            return self.append_all(other);
        }
        // What is merged is stored behind everything that was here, and so shows by its position.
        let start = self.text.len();
        let is_new = |entry: &Entry| entry.name.0 as usize >= start;
        let mut has_replaced = false;
        for (name, value) in other {
            self.make_index();
            let entry = self.store(name, value);
            match self.find(name) {
                // A repeated field of `other` is added to the one just set.
                Some(first) if !is_new(&self.entries[first]) => {
                    self.replace(first, entry);
                    has_replaced = true;
                }
                _ => self.add(entry),
            }
        }
        if !has_replaced {
            return;
        }
        // Repeats of a name that was replaced are left.
        let is_left = |entry: &Entry| {
            let first = self.find(slice(&self.text, entry.name));
            !is_new(entry) && first.is_some_and(|first| is_new(&self.entries[first]))
        };
        let left: Vec<bool> = match self.entries.iter().any(is_left) {
            true => self.entries.iter().map(is_left).collect(),
            false => Vec::new(),
        };
        if !left.is_empty() {
            let mut left = left.into_iter();
            self.retain(|_, _| left.next() != Some(true));
        }
        self.compact();
    }

    /// Appends all fields of `other`, of whose names none is here.
    fn append_all(&mut self, other: &Headers) {
        // It is made again where it is needed: most lists are not changed any more after this.
        self.index = None;
        for (at, entry) in other.entries.iter().enumerate() {
            self.places.add(slice(&other.text, entry.name).as_bytes(), self.entries.len() + at);
        }
        if self.form == Form::Block && other.form == Form::Block {
            let by = self.text.len();
            let _ = place(0, by + other.text.len());
            self.text.push_str(&other.text);
            self.entries.extend(other.entries.iter().map(|entry| entry.moved(by)));
            return;
        }
        self.form = self.form.min(other.form);
        for (name, value) in other {
            let entry = self.store_unchecked(name, value);
            self.entries.push(entry);
        }
    }

    /// Stores the text of a caller's field, formatted directly into place. An invalid field leaves nothing behind.
    fn write_checked(&mut self, name: &str, value: &dyn fmt::Display) -> Result<Entry> {
        let start = self.text.len();
        // Until the value is checked: writing it runs the program's code, which may panic.
        let form = std::mem::replace(&mut self.form, Form::Any);
        self.text.push_str(name);
        self.text.push_str(": ");
        let middle = self.text.len();
        let checked = match write!(self.text, "{value}") {
            Err(_) => Err(Error::message(
                ErrorKind::InvalidHeader,
                format!("header {name:?}: its value cannot be converted to text"),
            )),
            // Positions have 32 bits.
            Ok(()) if u32::try_from(self.text.len() + CRLF.len()).is_err() => {
                let text = format!("header {name:?} is too large: all headers together can have at most 4 GiB");
                Err(Error::message(ErrorKind::InvalidHeader, text))
            }
            Ok(()) => check(name, &self.text[middle..]),
        };
        match checked {
            Ok(new) => self.form = form.min(new),
            Err(error) => {
                self.text.truncate(start);
                self.form = form;
                return Err(error);
            }
        }
        let entry = Entry::new(start..start + name.len(), middle..self.text.len());
        self.text.push_str(CRLF);
        Ok(entry)
    }

    /// Removes text that no entry uses any more once it is the larger part: setting a header again and again must not
    /// increase what each request copies.
    fn compact(&mut self) {
        if self.text.len() < COMPACT_FROM || self.unused <= self.text.len() / 2 {
            return;
        }
        let mut packed = Self::with_capacity(self.entries.len(), self.text.len().saturating_sub(self.unused));
        for (name, value) in self.iter() {
            packed.push(name, value);
        }
        // No entry has moved among the others.
        packed.index = self.index.take();
        *self = packed;
    }

    fn store(&mut self, name: &str, value: &str) -> Entry {
        if self.form > Form::Any && check(name, value).ok() != Some(Form::Block) {
            self.form = Form::Any;
        }
        self.store_unchecked(name, value)
    }

    /// The same, where the caller knows what the field does to the form.
    fn store_unchecked(&mut self, name: &str, value: &str) -> Entry {
        let start = self.text.len();
        self.text.push_str(name);
        self.text.push_str(": ");
        let middle = self.text.len();
        self.text.push_str(value);
        let end = self.text.len();
        self.text.push_str(CRLF);
        Entry::new(start..start + name.len(), middle..end)
    }

    fn store_latin1(&mut self, bytes: &[u8]) -> (u32, u32) {
        let start = self.text.len();
        latin1::push(&mut self.text, bytes);
        place(start, self.text.len())
    }
}

impl Entry {
    /// The positions within a text of less than 4 GiB: every head has a limit far below.
    #[inline]
    pub(crate) fn new(name: Range<usize>, value: Range<usize>) -> Self {
        debug_assert!(value.end <= u32::MAX as usize, "positions have 32 bits");
        Self { name: (name.start as u32, name.end as u32), value: (value.start as u32, value.end as u32) }
    }

    /// The same field of a text that stands `by` bytes further on in another.
    fn moved(&self, by: usize) -> Self {
        let moved = |(start, end): (u32, u32)| start as usize + by..end as usize + by;
        Self::new(moved(self.name), moved(self.value))
    }

    /// How much text it uses.
    fn width(&self) -> usize {
        let width = |(start, end): (u32, u32)| (end - start) as usize;
        width(self.name) + ": ".len() + width(self.value) + CRLF.len()
    }
}

/// Compares lengths first: most names differ in length, and this does not touch the text.
#[inline(always)]
fn is_named(text: &str, entry: &Entry, name: &[u8]) -> bool {
    let (start, end) = (entry.name.0 as usize, entry.name.1 as usize);
    end - start == name.len() && names::same(&text.as_bytes()[start..end], name)
}

/// The values of one name.
struct Values<'a, 'n> {
    list: &'a Headers,
    name: &'n [u8],
    /// The position of the next one, which was found already.
    next: Option<usize>,
    /// Whether there may be others behind it.
    has_more: bool,
}

impl<'a> Iterator for Values<'a, '_> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let at = self.next.take()?;
        let Headers { text, entries, .. } = self.list;
        if self.has_more {
            self.next = (at + 1..entries.len()).find(|&at| is_named(text, &entries[at], self.name));
        }
        Some(slice(text, entries[at].value))
    }
}

impl Default for Headers {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Headers {
    fn clone(&self) -> Self {
        match &self.shared {
            Some(shared) => Self { shared: Some(Arc::clone(shared)), ..Self::new() },
            None => self.copy_with_room(&Self::new()),
        }
    }
}

const CRLF: &str = "\r\n";

/// With less text than this nothing is compacted.
const COMPACT_FROM: usize = 4096;

fn place(start: usize, end: usize) -> (u32, u32) {
    let narrow = |at| u32::try_from(at).expect("headers are limited far below 4 GiB");
    (narrow(start), narrow(end))
}

fn slice(text: &str, (start, end): (u32, u32)) -> &str {
    &text[start as usize..end as usize]
}

/// What requests checks, and more (docs/decisions.md#strict-headers). Returns what is known about a field that passes.
fn check(name: &str, value: &str) -> Result<Form> {
    if name.is_empty() || !name.bytes().all(is_token) {
        let text = format!("invalid header name {name:?}: it is not a token");
        return Err(Error::message(ErrorKind::InvalidHeader, text));
    }
    // Nearly all values, eight bytes at a time.
    if !value.starts_with(' ') && names::is_printable(value.as_bytes()) {
        return Ok(Form::Block);
    }
    if !value.starts_with([' ', '\t']) && value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
        return Ok(Form::Block);
    }
    let fault = if value.starts_with([' ', '\t']) {
        "it starts with white space"
    } else if value.chars().any(|c| matches!(c, '\0'..='\x08' | '\n'..='\x1f' | '\x7f')) {
        "it contains a control character"
    } else if !latin1::fits(value) {
        "it contains a character beyond Latin-1"
    } else {
        return Ok(Form::Any);
    };
    // The value may be secret, so it is not shown.
    Err(Error::message(ErrorKind::InvalidHeader, format!("invalid value for header {name:?}: {fault}")))
}

/// A character of a token (RFC 9110 §5.6.2).
#[inline]
pub(crate) fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let marks = b"!#$%&'*+-.^_`|~";
    let mut at = 0;
    while at < marks.len() {
        table[marks[at] as usize] = true;
        at += 1;
    }
    table
};

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
        assert!(request.shared.is_some() && pairs(&request) == pairs(&session) && pairs(&session) != before);
        request.append("Y", "3").unwrap();
        assert_eq!((request.len(), session.len()), (3, 2));

        let other = session.clone();
        assert!(session.remove("accept") && !session.remove("accept"));
        assert_eq!((session.len(), other.len(), other.get("ACCEPT")), (1, 2, Some("*/*")));
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
