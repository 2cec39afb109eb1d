//! The date of an Expires attribute, in whatever form it was written (RFC 6265 §5.1.1).
//!
//! The text is cut into tokens, and the first one that looks like a time, a day, a month or a year is taken for it; day
//! names, zones and all else are passed over. What comes after the RFC's own rules is one leniency that requests has as
//! well: a time may lack its seconds, but only where no complete time is there.

use std::time::{Duration, SystemTime};

/// The instant that `text` names, if it names one.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    read(text, Clock::Seconds).or_else(|| read(text, Clock::Minutes))
}

/// `seconds` after the start of 1970, if the system can tell that time.
pub(super) fn at(seconds: i64) -> Option<SystemTime> {
    let span = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { SystemTime::UNIX_EPOCH.checked_sub(span) } else { SystemTime::UNIX_EPOCH.checked_add(span) }
}

/// Whole seconds from the start of 1970 to `time`.
pub(super) fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |before| -before),
    }
}

/// The end of the year 9999: no cookie lives longer.
pub(super) const LAST: i64 = 253_402_300_799;

/// How much of a time has to be there.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Clock {
    Minutes,
    Seconds,
}

fn read(text: &str, clock: Clock) -> Option<SystemTime> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.as_bytes().split(|&byte| is_delimiter(byte)) {
        // The order of the questions is the RFC's; a token that answers one is not asked the next.
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
    at(days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Puts an answer into an empty slot; whether there was one.
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

/// Hours, minutes and seconds, each of one or two digits; what follows the last is passed over.
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

/// 1 for a token that starts like January, and so on.
fn month_of(token: &[u8]) -> Option<i64> {
    const NAMES: [&[u8]; 12] =
        [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
    let start = token.get(..3)?;
    (1..).zip(NAMES).find(|(_, name)| start.eq_ignore_ascii_case(name)).map(|(month, _)| month)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the first of January 1970, by the Gregorian calendar. Years start in March here, so that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - DAYS_TO_1970
}

/// Days from the first of March of year 0 to the first of January 1970.
const DAYS_TO_1970: i64 = 719_468;

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
            assert_eq!(parse(text).map(seconds), want, "{text:?}");
        }
    }

    #[test]
    fn every_day_of_eight_centuries_comes_after_the_one_before() {
        let mut day = days_since_1970(1601, 1, 1);
        for year in 1601..2401 {
            for month in 1..=12 {
                for date in 1..=days_in(year, month) {
                    assert_eq!(days_since_1970(year, month, date), day, "{year}-{month}-{date}");
                    day += 1;
                }
            }
        }
        assert_eq!(days_since_1970(1970, 1, 1), 0);
    }

    #[test]
    fn seconds_and_instants_go_both_ways() {
        for value in [0, 1, -1, LAST, -11_644_473_600] {
            assert_eq!(at(value).map(seconds), Some(value));
        }
    }
}
