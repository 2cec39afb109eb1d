//! The secret values that were found, and where they stand in a text, in whatever way they are written there.
//!
//! The values are kept by their first bytes, so that a text is searched once, however many there are.

use std::collections::HashMap;
use std::ops::Range;

use super::written::{View, Writing, undone};
use crate::text::latin1;
use crate::text::secret_name::is_only_a_name;

/// Shorter values are not looked for: they would be found in everything.
pub(super) const SHORTEST: usize = 6;

/// How many values are looked for.
const MOST: usize = 10_000;

/// How often a value may be escaped: in a URL within a URL, or within JSON.
const DEEPEST: usize = 2;

type Start = [u8; SHORTEST];

#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    by_start: HashMap<Start, Vec<Vec<u8>>>,
    count: usize,
    /// Which bytes a value begins with, one bit for each.
    first_bytes: [u128; 2],
    /// Whether one has a blank. Otherwise `+` need not be read as one.
    has_blanks: bool,
}

impl Values {
    /// Looks for this value from now on.
    pub(super) fn insert(&mut self, value: Vec<u8>) {
        let Some(start) = value.first_chunk::<SHORTEST>().filter(|_| self.count < MOST) else { return };
        let of_start = self.by_start.entry(*start).or_default();
        if !of_start.contains(&value) {
            self.count += 1;
            self.has_blanks |= value.contains(&b' ');
            self.first_bytes[usize::from(value[0] >> 7)] |= 1 << (value[0] & 127);
            of_start.push(value);
        }
    }

    /// Where values are in `text`: in order, and none within another.
    pub(super) fn places_in(&self, text: &[u8]) -> Vec<Range<usize>> {
        merged(self.find_in(text))
    }

    /// Where each value is in `text`.
    pub(super) fn find_in(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        if self.count > 0 {
            self.search(text, DEEPEST, &mut found);
        }
        found
    }

    fn search(&self, text: &[u8], deepest: usize, found: &mut Vec<Range<usize>>) {
        for (at, start) in text.windows(SHORTEST).enumerate() {
            if self.first_bytes[usize::from(start[0] >> 7)] >> (start[0] & 127) & 1 == 0 {
                continue;
            }
            let Some(values) = Start::try_from(start).ok().and_then(|start| self.by_start.get(&start)) else {
                continue;
            };
            let here = values.iter().filter(|value| text[at..].starts_with(value)).map(Vec::len).max();
            found.extend(here.map(|length| at..at + length));
        }
        if deepest == 0 {
            return;
        }
        for writing in [Writing::Percent, Writing::Form, Writing::Json, Writing::Html] {
            if writing == Writing::Form && !self.has_blanks {
                continue;
            }
            if let Some(view) = View::of(text, writing) {
                let mut within = Vec::new();
                self.search(&view.text, deepest - 1, &mut within);
                found.extend(within.into_iter().map(|place| view.place(place.start)..view.place(place.end)));
            }
        }
    }
}

/// The places in order, those that overlap as one.
pub(super) fn merged(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_unstable_by_key(|place| (place.start, place.end));
    let mut places: Vec<Range<usize>> = Vec::new();
    for place in found {
        match places.last_mut() {
            Some(last) if place.start < last.end => last.end = last.end.max(place.end),
            _ => places.push(place),
        }
    }
    places
}

/// What to look for once `value` was masked: itself and what it stands for, without quotes around it. Not if it is a word as
/// `password`: that would be found where it is a name.
pub(super) fn forms_of(value: &[u8]) -> Vec<Vec<u8>> {
    let value = value.trim_ascii();
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    let value = value.strip_suffix(b"\"").unwrap_or(value);
    let mut forms = vec![value.to_vec(), undone(value, Writing::Percent), undone(value, Writing::Form)];
    forms.dedup();
    // The bytes of a header are read as Latin-1, and those of a body may be.
    for form in forms.clone() {
        if let Some(text) = std::str::from_utf8(&form).ok().filter(|text| !text.is_ascii()) {
            forms.extend(latin1::to_bytes(text));
        }
        if !form.is_ascii() {
            forms.push(latin1::to_text(&form).into_bytes());
        }
    }
    let is_word = |form: &Vec<u8>| std::str::from_utf8(form).is_ok_and(is_only_a_name);
    forms.retain(|form| form.len() >= SHORTEST && !is_word(form));
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(all: &[&str]) -> Values {
        let mut values = Values::default();
        all.iter().flat_map(|value| forms_of(value.as_bytes())).for_each(|form| values.insert(form));
        values
    }

    fn masked(values: &Values, text: &[u8]) -> String {
        let (mut out, mut copied) = (String::new(), 0);
        for place in values.places_in(text) {
            out.push_str(&String::from_utf8_lossy(&text[copied..place.start]));
            out.push('*');
            copied = place.end;
        }
        out + &String::from_utf8_lossy(&text[copied..])
    }

    #[test]
    fn a_value_is_found_however_it_is_written() {
        let values = values(&["ab/cd+ef=", "blue moon", "caf\u{e9}-au-lait"]);
        for (text, want) in [
            (&b"<ab/cd+ef=>"[..], "<*>"),
            (b"?a=ab%2Fcd%2Bef%3D&b=ab%2fcd%2bef=&c", "?a=*&b=*&c"),
            (b"%61b/cd+ef=", "*"),
            (b"{\"a\":\"ab\\/cd+ef=\",\"b\":\"ab/cd\\u002Bef\\u003d\"}", "{\"a\":\"*\",\"b\":\"*\"}"),
            (b"<a href='ab&#x2F;cd&#43;ef&#x3D;'>", "<a href='*'>"),
            (b"blue%20moon blue+moon blue moon blue\\u0020moon", "* * * *"),
            (b"http%3A%2F%2Fh%2F%3Ft%3Dab%252Fcd%252Bef%253D", "http%3A%2F%2Fh%2F%3Ft%3D*"),
            (b"\"{\\\"t\\\":\\\"ab\\\\\\/cd+ef=\\\"}\"", "\"{\\\"t\\\":\\\"*\\\"}\""),
            (b"http:\\/\\/h\\/?t=ab%2Fcd%2Bef%3D", "http:\\/\\/h\\/?t=*"),
            ("caf\u{e9}-au-lait".as_bytes(), "*"),
            (b"\xff caf\xe9-au-lait", "\u{fffd} *"),
            (b"caf%E9-au-lait caf%C3%A9-au-lait", "* *"),
            ("caf\u{c3}\u{a9}-au-lait".as_bytes(), "*"),
            (b"ab/cd+ef ab cd+ef= blue_moon", "ab/cd+ef ab cd+ef= blue_moon"),
        ] {
            assert_eq!(masked(&values, text), want);
        }
    }

    #[test]
    fn what_a_value_stands_for_is_looked_for_too_and_short_ones_are_not() {
        let values =
            values(&["\"abc%2Fdef\"", " ghi+jkl ", "short", "%41%42%43%44", "password", "api_key", "password1"]);
        for (text, want) in [
            ("password=password1&api_key=", "password=*&api_key="),
            ("abc/def abc%2fdef abc%2Fdef", "* * *"),
            ("ghi+jkl ghi jkl", "* *"),
            ("short ABCD %41%42%43%44", "short ABCD *"),
        ] {
            assert_eq!(masked(&values, text.as_bytes()), want);
        }
    }

    #[test]
    fn values_that_overlap_are_one_and_the_longest_counts() {
        let values = values(&["abcdef", "abcdefgh", "efghij"]);
        for (text, want) in [("abcdef", "*"), ("abcdefgh!", "*!"), ("abcdefghijk", "*k"), ("abcdefabcdef", "**")] {
            assert_eq!(masked(&values, text.as_bytes()), want);
        }
    }
}
