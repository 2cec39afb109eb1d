//! How a part of a file is asked for so that it comes from the same file (RFC 9110 §13.1.5).
//!
//! No IO. Only a strong validator will do: with a weak one two parts need not fit together, byte by byte.

use std::time::{Duration, SystemTime};

use crate::headers::Headers;
use crate::text::http_date;

/// What identifies one state of a file on a server, as its header has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Validator {
    /// A strong ETag, with its quotes.
    Tag(String),
    /// A Last-Modified that is old enough.
    Date(String),
}

impl Validator {
    /// The strong validator of a complete answer that came at `now`; `None` if there is none.
    pub(super) fn of_answer(headers: &Headers, now: SystemTime) -> Option<Self> {
        // Where there is an ETag, the date must not be used, also if the ETag is weak (RFC 9110 §13.1.5).
        if let Some(tag) = headers.get("etag") {
            return is_strong(tag.trim()).then(|| Self::Tag(tag.trim().to_owned()));
        }
        let modified = headers.get("last-modified")?.trim();
        let at = httpdate::parse_http_date(modified).ok()?;
        // The file must not have been changed again in the second in which it was sent (RFC 9110 §8.8.2.2).
        let settled = match headers.get("date").and_then(http_date::parse) {
            Some(sent) => at.checked_add(ONE_CLOCK)? <= sent,
            // Without a Date it is the time of arrival (§6.6.1). That is another clock, and clocks differ.
            None => at.checked_add(TWO_CLOCKS)? <= now,
        };
        settled.then(|| Self::Date(modified.to_owned()))
    }

    /// The value of `If-Range`.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Tag(text) | Self::Date(text) => text,
        }
    }

    /// Whether a part belongs to this state. A part may leave out what `If-Range` had said.
    pub(super) fn admits(&self, part: &Headers) -> bool {
        let (name, own) = match self {
            Self::Tag(tag) => ("etag", tag),
            Self::Date(date) => ("last-modified", date),
        };
        part.get(name).is_none_or(|other| other.trim() == own)
    }
}

/// How far Date is after Last-Modified at least, if one clock has made both.
const ONE_CLOCK: Duration = Duration::from_secs(1);

/// The same with the clock of this machine.
const TWO_CLOCKS: Duration = Duration::from_secs(60);

/// Whether it is a strong entity tag (RFC 9110 §8.8.3), of characters that can be sent back.
pub(super) fn is_strong(tag: &str) -> bool {
    let inner = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| {
        inner.chars().all(|c| c == '!' || ('#'..='~').contains(&c) || ('\u{80}'..='\u{ff}').contains(&c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strong_validators_are_used() {
        let tag = |text: &str| Some(Validator::Tag(text.to_owned()));
        let date = |text: &str| Some(Validator::Date(text.to_owned()));
        let (old, next, later) =
            ("Tue, 14 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 2023 22:13:21 GMT", "Tue, 14 Nov 2023 22:14:20 GMT");
        let now = httpdate::parse_http_date(later).unwrap();
        for (headers, want) in [
            (&[][..], None),
            (&[("ETag", "\"a\"")], tag("\"a\"")),
            (&[("ETag", "\"\"")], tag("\"\"")),
            (&[("ETag", "W/\"a\"")], None),
            (&[("ETag", "w/\"a\"")], None),
            (&[("ETag", "a")], None),
            (&[("ETag", "\"")], None),
            (&[("ETag", "\"a\"b\"")], None),
            (&[("ETag", "\"a b\"")], None),
            (&[("ETag", "W/\"a\""), ("Last-Modified", old), ("Date", later)], None),
            (&[("Last-Modified", old), ("Date", next)], date(old)),
            (&[("Last-Modified", old), ("Date", old)], None),
            (&[("Last-Modified", later), ("Date", old)], None),
            (&[("Last-Modified", old)], date(old)),
            (&[("Last-Modified", next)], None),
            (&[("Last-Modified", "yesterday"), ("Date", later)], None),
        ] {
            let mut given = Headers::new();
            headers.iter().for_each(|(name, value)| given.push(name, value));
            assert_eq!(Validator::of_answer(&given, now), want, "{headers:?}");
        }
    }

    #[test]
    fn a_part_of_another_file_is_refused() {
        for (own, name, other, want) in [
            (Validator::Tag("\"a\"".into()), "ETag", "\"a\"", true),
            (Validator::Tag("\"a\"".into()), "ETag", "\"b\"", false),
            (Validator::Tag("\"a\"".into()), "ETag", "W/\"a\"", false),
            (Validator::Tag("\"a\"".into()), "Last-Modified", "whenever", true),
            (Validator::Date("then".into()), "Last-Modified", "now", false),
        ] {
            let mut headers = Headers::new();
            headers.push(name, other);
            assert_eq!(own.admits(&headers), want, "{own:?} and {other}");
        }
    }
}
