//! The date of an Expires attribute, in any format (RFC 6265 §5.1.1).
//!
//! The text is split into tokens. The first token that looks like a time, a day, a month or a year is taken for it; day
//! names, zones and everything else are ignored. One leniency of requests is added to the RFC's rules: a time may lack
//! its seconds, but only if there is no complete time.

use std::time::SystemTime;

use crate::text::calendar::{self, days_in, days_since_1970};

/// The time that `text` states, if it states one.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    read(text, Clock::Seconds).or_else(|| read(text, Clock::Minutes))
}

/// The end of the year 9999: no cookie lives longer.
pub(super) const LAST: i64 = 253_402_300_799;

/// `seconds` since the start of 1970, without fractions, and no further away than [`LAST`].
pub(super) fn ending_at(seconds: f64) -> Option<SystemTime> {
    // A float represents each second up to the last exactly.
    calendar::at(seconds.clamp(-(LAST as f64), LAST as f64) as i64)
}

/// How much of a time must be present.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Clock {
    Minutes,
    Seconds,
}

fn read(text: &str, clock: Clock) -> Option<SystemTime> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.as_bytes().split(|&byte| is_delimiter(byte)) {
        // The order of the tests is the RFC's; a token is used at most once.
        let _taken = fill(&mut time, || time_of(token, clock))
            || fill(&mut day, || number(token, 1, 2))
            || fill(&mut month, || month_of(token))
            || fill(&mut year, || number(token, 2, 4));
    }
    let ((hour, minute, second), day, month) = (time?, day?, month?);
    let year = match year? {
        short @ 0..=69 => short + 2000,
        short @ 70..=99 => short + 1900,
        full => full,
    };
    if year < 1601 || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    calendar::at(days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Fills an empty slot; returns whether it did.
fn fill<T>(slot: &mut Option<T>, answer: impl FnOnce() -> Option<T>) -> bool {
    if slot.is_some() {
        return false;
    }
    *slot = answer();
    slot.is_some()
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'/' | b';'..=b'@' | b'['..=b'`' | b'{'..=b'~')
}

/// Hours, minutes and seconds, each of one or two digits; what follows the last is ignored.
fn time_of(token: &[u8], clock: Clock) -> Option<(i64, i64, i64)> {
    let (hour, rest) = digits(token, 1, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(b":")?, 1, 2)?;
    match rest.strip_prefix(b":").and_then(|rest| digits(rest, 1, 2)) {
        Some((second, _)) => Some((hour, minute, second)),
        None if clock == Clock::Minutes => Some((hour, minute, 0)),
        None => None,
    }
}

fn number(token: &[u8], least: usize, most: usize) -> Option<i64> {
    digits(token, least, most).map(|(number, _)| number)
}

/// A number of `least` to `most` digits that no digit follows, and the rest.
fn digits(text: &[u8], least: usize, most: usize) -> Option<(i64, &[u8])> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count < least || count > most {
        return None;
    }
    let (number, rest) = text.split_at(count);
    Some((number.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')), rest))
}

/// 1 for a token that starts with the first letters of January, and so on.
fn month_of(token: &[u8]) -> Option<i64> {
    let start = token.get(..3)?;
    (1..)
        .zip(calendar::MONTHS)
        .find(|(_, name)| start.eq_ignore_ascii_case(&name.as_bytes()[..3]))
        .map(|(month, _)| month)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts, and seconds after the start of 1970.
    const CASES: &[(&str, Option<i64>)] = &[
        // The three forms of HTTP, and Netscape's.
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
        ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
        ("Sun, 06-Nov-1994 08:49:37 GMT", Some(784_111_777)),
        // Two-digit years turn at 70.
        ("1 Jan 70 00:00:00", Some(0)),
        ("1 Jan 69 00:00:00", Some(3_124_224_000)),
        ("1 Jan 00 00:00:00", Some(946_684_800)),
        ("31 Dec 99 23:59:59", Some(946_684_799)),
        // Any order, any case, any delimiter, one digit.
        ("2007 aug 7 8:4:9", Some(1_186_473_849)),
        ("8:4:9 7_AUGUST_2007", Some(1_186_473_849)),
        ("7 8:4:9 Aug 2007", Some(1_186_473_849)),
        ("Thu, 31 Dec 23:55:55 2037 GMT", Some(2_145_916_555)),
        ("Partyday, 18- April-07 22:50:12", Some(1_176_936_612)),
        // Junk behind a number, and zones, which do not count.
        ("7th Aug 2007 08:04:09.123", Some(1_186_473_849)),
        ("08:04:09:00 7 Aug 2007", Some(1_186_473_849)),
        ("Tue, 07 Aug 2007 08:04:09 PST", Some(1_186_473_849)),
        ("Tue Aug 07 2007 08:04:09 GMT-0500 (EST)", Some(1_186_473_849)),
        ("Tue, 07 Aug 2007 08:04:09 +0100", Some(1_186_473_849)),
        // Leap years, the borders of time.
        ("29 Feb 2000 00:00:00", Some(951_782_400)),
        ("29 Feb 2096 12:00:00", Some(3_981_355_200)),
        ("28 Feb 2100 00:00:00", Some(4_107_456_000)),
        ("29 Feb 2100 00:00:00", None),
        ("29 Feb 2021 00:00:00", None),
        ("01 Jan 1601 00:00:00", Some(-11_644_473_600)),
        ("01 Mar 1968 00:00:01", Some(-57_974_399)),
        ("31 Dec 9999 23:59:59", Some(LAST)),
        ("31 Dec 1600 23:59:59", None),
        // Without seconds.
        ("7 Aug 2007 08:04 GMT", Some(1_186_473_840)),
        ("Mon, 01-Jan-2011 00: 00:00 GMT", Some(1_293_840_000)),
        // Only where no complete time follows.
        ("7 Aug 2007 08:04 09:10:11", Some(1_186_477_811)),
        // Nothing, or not enough, or out of range.
        ("", None),
        ("0", None),
        ("-1", None),
        ("garbage", None),
        ("Tue, 07 Aug 2007", None),
        ("08:04:09", None),
        ("7 Aug 08:04:09", None),
        ("Aug 2007 08:04:09", None),
        ("7 2007 08:04:09", None),
        ("0 Aug 2007 08:04:09", None),
        ("32 Aug 2007 08:04:09", None),
        ("31 Apr 2007 08:04:09", None),
        ("7 Aug 2007 24:00:00", None),
        ("7 Aug 2007 08:60:00", None),
        ("7 Aug 2007 08:04:60", None),
        ("7 Aug 2007 008:04:09", None),
        ("7 Aug 2007 08:004:09", None),
        ("7 Aug 12007 08:04:09", None),
        ("7 Aug 7 08:04:09", None),
        ("7 Au\u{e9} 2007 08:04:09", None),
        ("1994-11-06T08:49:37Z", None),
    ];

    // COOK-17
    #[test]
    fn a_date_is_read_in_all_its_forms() {
        for &(text, want) in CASES {
            assert_eq!(parse(text).map(calendar::seconds), want, "{text:?}");
        }
    }
}
