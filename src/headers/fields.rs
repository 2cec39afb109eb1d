//! The fields of a list of headers: their text, and where each of them is in it.
//!
//! Names and values are stored one after another in a single text, as they are sent: `Name: value` and CRLF. An entry holds the
//! positions of its two parts. What is in the list by name is known in two ways: by [`Places`], which are always there and find
//! nearly every name at once, and by an [`Index`] once a long list is changed.

use std::fmt::{self, Write};
use std::ops::Range;

use super::Iter;
use super::index::{self, Index};
use super::names::{self, Candidate, Places};
use crate::error::{Error, ErrorKind, Result};
use crate::text::latin1;

/// The fields, in order.
pub(super) struct Fields {
    pub(super) text: String,
    pub(super) entries: Vec<Entry>,
    places: Places,
    /// Where the names are, once a long list was searched to be changed.
    index: Option<Box<Index>>,
    /// About how many bytes of the text no entry uses any more: what came off the wire may have had less between its parts.
    unused: usize,
    pub(super) form: Form,
}

/// What is known about the text of a list.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Form {
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
    pub(super) name: (u32, u32),
    pub(super) value: (u32, u32),
}

/// The fields that a parser finds in a text, one by one.
pub(crate) struct Noted {
    /// Mostly these are all. They are copied once the number is known, to memory of that size.
    few: [Entry; Self::FEW],
    /// How many of the few.
    count: usize,
    /// The fields before the few.
    before: Vec<Entry>,
    places: Places,
}

impl Noted {
    const FEW: usize = 48;

    #[inline]
    pub(crate) fn new() -> Self {
        Self { few: [Entry::default(); Self::FEW], count: 0, before: Vec::new(), places: Places::NONE }
    }

    /// Notes a field of that name.
    #[inline]
    pub(crate) fn add(&mut self, name: &[u8], entry: Entry) {
        self.places.add(name, self.len());
        if self.count == Self::FEW {
            self.before.extend_from_slice(&self.few);
            self.count = 0;
        }
        self.few[self.count] = entry;
        self.count += 1;
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.before.len() + self.count
    }

    /// The fields, within what begins at `start` of the text.
    fn entries(&self, start: usize) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(self.len());
        entries.extend(self.before.iter().chain(&self.few[..self.count]).map(|entry| entry.after(start)));
        entries
    }
}

impl Fields {
    pub(super) const fn new() -> Self {
        Self {
            text: String::new(),
            entries: Vec::new(),
            places: Places::NONE,
            index: None,
            unused: 0,
            form: Form::Block,
        }
    }

    pub(super) fn with_capacity(entries: usize, text: usize) -> Self {
        Self { text: String::with_capacity(text), entries: Vec::with_capacity(entries), ..Self::new() }
    }

    /// A copy with room for the fields of `other` too.
    pub(super) fn copy_with_room(&self, other: &Self) -> Self {
        let mut copy =
            Self::with_capacity(self.entries.len() + other.entries.len(), self.text.len() + other.text.len());
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

    /// The fields that were noted within a text, which is copied from `start` on.
    pub(super) fn from_text(text: &str, start: usize, noted: &Noted) -> Box<Self> {
        let mut fields = Box::new(Self { places: noted.places, form: Form::Any, ..Self::new() });
        fields.text = text[start..].to_owned();
        fields.entries = noted.entries(start);
        fields
    }

    /// Finds the names that each request asks for, so that nobody need compare them again.
    pub(super) fn recognize(&mut self) {
        for name in names::USUAL {
            if self.find(name).is_some_and(|at| self.places.find(name.as_bytes()).is_some_and(|found| found.at == at)) {
                self.places.be_certain(name.as_bytes());
            }
        }
    }

    pub(super) fn iter(&self) -> Iter<'_> {
        Iter { text: &self.text, entries: self.entries.iter() }
    }

    pub(super) fn value(&self, at: usize) -> &str {
        slice(&self.text, self.entries[at].value)
    }

    /// The position of the first field of that name. Inlined: where the name is a constant, to find that there is none takes a
    /// few instructions.
    #[inline(always)]
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        match self.places.find(name.as_bytes()) {
            Some(Candidate { at, is_certain: true, .. }) => Some(at),
            Some(candidate) => self.confirm(name.as_bytes(), candidate),
            None => None,
        }
    }

    #[inline(never)]
    fn confirm(&self, name: &[u8], candidate: Candidate) -> Option<usize> {
        let Candidate { at, is_only, .. } = candidate;
        if is_named(&self.text, &self.entries[at], name) {
            return Some(at);
        }
        if is_only { None } else { self.search(name, at + 1) }
    }

    #[cold]
    fn search(&self, name: &[u8], from: usize) -> Option<usize> {
        let is = |at: usize| is_named(&self.text, &self.entries[at], name);
        match &self.index {
            Some(index) => index.find(name, is).ok(),
            None => (from..self.entries.len()).find(|at| is(*at)),
        }
    }

    /// The values of that name. Inlined for the same reason.
    #[inline(always)]
    pub(super) fn values<'a, 'n>(&'a self, name: &'n str) -> Values<'a, 'n> {
        let next = self.find(name);
        let has_more = next.is_some() && self.places.find(name.as_bytes()).is_some_and(|place| !place.is_only);
        Values { fields: self, name: name.as_bytes(), next, has_more }
    }

    /// Sets without a check.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        let entry = self.store(name, value);
        self.put(entry);
    }

    /// Appends without a check.
    pub(super) fn push(&mut self, name: &str, value: &str) {
        let entry = self.store(name, value);
        self.add(entry);
    }

    /// Appends bytes that are Latin-1.
    pub(super) fn push_latin1(&mut self, name: &[u8], value: &[u8]) {
        self.form = Form::Any;
        let name = self.store_latin1(name);
        let value = self.store_latin1(value);
        self.add(Entry { name, value });
    }

    /// Appends all fields to `out` in the format of a head.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        if self.form == Form::Block {
            return out.extend_from_slice(self.text.as_bytes());
        }
        out.reserve(self.text.len() + 4 * self.entries.len());
        let text = self.text.as_bytes();
        for entry in &self.entries {
            out.extend_from_slice(&text[entry.name.0 as usize..entry.name.1 as usize]);
            out.extend_from_slice(b": ");
            out.extend_from_slice(&text[entry.value.0 as usize..entry.value.1 as usize]);
            out.extend_from_slice(b"\r\n");
        }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.text.clear();
        (self.places, self.index, self.unused, self.form) = (Places::NONE, None, 0, Form::Block);
    }

    /// Removes all fields of that name.
    pub(super) fn remove(&mut self, name: &str) {
        self.retain(|text, entry| !is_named(text, entry, name.as_bytes()));
        self.compact();
    }

    /// Replaces all fields of the entry's name with the entry, whose text is already stored.
    pub(super) fn put(&mut self, entry: Entry) {
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
                index - 1 <= first || !is_named(text, own, entry.name_in(text))
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
    pub(super) fn add(&mut self, entry: Entry) {
        let name = entry.name_in(&self.text);
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
        self.places.add(entry.name_in(&self.text), self.entries.len());
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

    #[cold]
    fn new_index(&self) -> Box<Index> {
        let mut index = Box::new(Index::with_room(self.entries.len()));
        for (at, entry) in self.entries.iter().enumerate() {
            let name = entry.name_in(&self.text);
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
                self.places.add(entry.name_in(text), at);
            }
        }
    }

    /// Sets the fields of `other`, and adds those that it repeats.
    pub(super) fn merge(&mut self, other: &Self) {
        if other.entries.len() >= index::FROM {
            self.make_index();
        }
        // The names of the shorter list are looked up in the other, for a look-up seldom depends on its length; but if both
        // are long, here, where there is an index.
        let here = self.index.is_some() || self.entries.len() >= other.entries.len();
        let (few, many) = if here { (other, &*self) } else { (&*self, other) };
        if !few.entries.iter().any(|entry| many.find(slice(&few.text, entry.name)).is_some()) {
            return self.append_all(other);
        }
        // What is merged is stored behind everything that was here, and so shows by its position.
        let start = self.text.len();
        let is_new = |entry: &Entry| entry.name.0 as usize >= start;
        let mut has_replaced = false;
        for (name, value) in other.iter() {
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
    fn append_all(&mut self, other: &Self) {
        // It is made again where it is needed: most lists are not changed any more after this.
        self.index = None;
        for (at, entry) in other.entries.iter().enumerate() {
            self.places.add(entry.name_in(&other.text), self.entries.len() + at);
        }
        if self.form == Form::Block && other.form == Form::Block {
            let by = self.text.len();
            let _ = place(0, by + other.text.len());
            self.text.push_str(&other.text);
            self.entries.extend(other.entries.iter().map(|entry| entry.moved(by)));
            return;
        }
        self.form = self.form.min(other.form);
        for (name, value) in other.iter() {
            let entry = self.store_unchecked(name, value);
            self.entries.push(entry);
        }
    }

    /// Stores the text of a caller's field, formatted directly into place. An invalid field leaves nothing behind.
    pub(super) fn write_checked(&mut self, name: &str, value: &dyn fmt::Display) -> Result<Entry> {
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
            Ok(()) if !has_room_for_end(self.text.len()) => {
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

/// Whether a field that ends there can be stored. Positions have 32 bits.
fn has_room_for_end(end: usize) -> bool {
    end.checked_add(CRLF.len()).is_some_and(|end| u32::try_from(end).is_ok())
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

    /// The name in its text. As bytes: text would be looked at, whether it is cut between two characters.
    #[inline(always)]
    fn name_in<'a>(&self, text: &'a str) -> &'a [u8] {
        &text.as_bytes()[self.name.0 as usize..self.name.1 as usize]
    }

    /// The same field of what begins at `start` of its text.
    #[inline]
    fn after(&self, start: usize) -> Self {
        let moved = |(from, to): (u32, u32)| (from - start as u32, to - start as u32);
        Self { name: moved(self.name), value: moved(self.value) }
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
    (entry.name.1 - entry.name.0) as usize == name.len() && names::same(entry.name_in(text), name)
}

/// The values of one name.
pub(super) struct Values<'a, 'n> {
    fields: &'a Fields,
    name: &'n [u8],
    /// The position of the next one, which was found already.
    next: Option<usize>,
    /// Whether there may be others behind it.
    has_more: bool,
}

impl Values<'_, '_> {
    fn seek(&mut self, from: usize) {
        let Fields { text, entries, .. } = self.fields;
        self.next = (from..entries.len()).find(|&at| is_named(text, &entries[at], self.name));
    }
}

impl<'a> Iterator for Values<'a, '_> {
    type Item = &'a str;

    #[inline(always)]
    fn next(&mut self) -> Option<&'a str> {
        let at = self.next.take()?;
        if self.has_more {
            self.seek(at + 1);
        }
        Some(self.fields.value(at))
    }
}

const CRLF: &str = "\r\n";

/// With less text than this nothing is compacted.
pub(super) const COMPACT_FROM: usize = 4096;

fn place(start: usize, end: usize) -> (u32, u32) {
    let narrow = |at| u32::try_from(at).expect("headers are limited far below 4 GiB");
    (narrow(start), narrow(end))
}

pub(super) fn slice(text: &str, (start, end): (u32, u32)) -> &str {
    &text[start as usize..end as usize]
}

/// What requests checks, and more (docs/decisions.md#strict-headers). Returns what is known about a field that passes.
fn check(name: &str, value: &str) -> Result<Form> {
    if name.is_empty() || !names::is_plain_name(name.as_bytes()) && !name.bytes().all(is_token) {
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
    // Of Latin-1; what Python calls white space.
    let fault = if value.starts_with([' ', '\t', '\u{85}', '\u{a0}']) {
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

#[cfg(test)]
mod tests {
    use super::*;

    // What it takes to see that in a list is a text of 4 GiB
    #[test]
    fn a_field_ends_where_a_position_of_32_bits_still_counts() {
        assert!(has_room_for_end(0) && has_room_for_end((u32::MAX - 2) as usize));
        assert!(!has_room_for_end(usize::MAX));
        #[cfg(target_pointer_width = "64")]
        assert!(!has_room_for_end((u32::MAX - 1) as usize));
    }
}
