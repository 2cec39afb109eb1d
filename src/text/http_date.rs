//! The date of an HTTP header (RFC 9110 §5.6.7), and what servers send instead.
//!
//! The `httpdate` crate parses the three formats of HTTP. urllib3 parses dates with Python's mail library, which also
//! accepts zones, other orders and missing week days, and servers do send those; this file accepts them too. Like
//! Python, it checks no ranges: the 31st of February is the 2nd or 3rd of March. Dates of cookies have their own rules,
//! in `cookies/date.rs`.

use std::time::{Duration, SystemTime};

use super::calendar;

/// The time that `text` states, if it is a date. A date before 1970 becomes the start of 1970: it is long past either
/// way, and some systems cannot represent it.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    if let Ok(date) = httpdate::parse_http_date(text) {
        return Some(date);
    }
    let seconds = u64::try_from(mail_date(text)?).unwrap_or(0);
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Seconds since 1970 of a date as mail software writes it (RFC 5322 §3.3 and older), in any zone.
///
/// Day and month come first, in either order; year, time and zone follow and are recognized by their form.
fn mail_date(text: &str) -> Option<i64> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    strip_week_day(&mut words);
    if let [date, time, zone] = words[..] {
        // RFC 850: 14-Nov-23 22:14:20 GMT
        let parts: Vec<&str> = date.split('-').collect();
        if let [day, month, year] = parts[..] {
            words = vec![day, month, year, time, zone];
        }
    }

    let [first, second, rest @ ..] = &words[..] else { return None };
    let (day, month) = match (month_number(first), month_number(second)) {
        (_, Some(month)) => (first, month),
        (Some(month), None) => (second, month),
        (None, None) => return None,
    };
    let (mut year, mut time, mut zone) = (None, None, None);
    for (at, &word) in rest.iter().take(3).enumerate() {
        if time.is_none() && word.contains(':') {
            let sign = if at == 1 && rest.len() == 2 { word.find(['+', '-']) } else { None }; // 22:14:20+0100
            let (clock, glued) = word.split_at(sign.unwrap_or(word.len()));
            time = Some(clock_seconds(clock)?);
            zone = zone.or(sign.map(|_| glued));
        } else if year.is_none() && word.starts_with(|first: char| first.is_ascii_digit()) {
            year = Some(number(word.trim_end_matches(','))?);
        } else {
            zone = zone.or(Some(word));
        }
    }
    let year = match year? {
        short @ 0..=68 => 2000 + short,
        short @ 69..=99 => 1900 + short,
        year @ 100..=9999 => year,
        _ => return None,
    };
    let days = calendar::days_since_1970(year, month, number(day.trim_end_matches(','))?);
    Some(days * 86_400 + time? - zone.map_or(0, zone_seconds))
}

/// `Tue, 14 Nov`, `Tuesday, 14-Nov-23`, `Tue,14 Nov`, `Tue Nov 14`: the name of the day is redundant.
fn strip_week_day(words: &mut Vec<&str>) {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let Some(first) = words.first_mut() else { return };
    if first.ends_with(',') || DAYS.iter().any(|day| day.eq_ignore_ascii_case(first)) {
        words.remove(0);
    } else if let Some((_, rest)) = first.rsplit_once(',') {
        *first = rest;
    }
}

/// From 1 for January; names are whole or three letters long.
fn month_number(word: &str) -> Option<i64> {
    let is_it = |month: &str| month.eq_ignore_ascii_case(word) || month[..3].eq_ignore_ascii_case(word);
    (1..).zip(calendar::MONTHS).find(|(_, month)| is_it(month)).map(|(number, _)| number)
}

/// `22:14:20` or `22:14`, in seconds.
fn clock_seconds(word: &str) -> Option<i64> {
    let mut parts = word.trim_end_matches(',').split(':');
    let (hours, minutes) = (number(parts.next()?)?, number(parts.next()?)?);
    let seconds = parts.next().map_or(Some(0), number)?;
    parts.next().is_none().then_some((hours * 60 + minutes) * 60 + seconds)
}

/// How far a zone is ahead of UTC; an unknown zone counts as UTC.
fn zone_seconds(zone: &str) -> i64 {
    const AMERICAN: [(&str, i64); 8] =
        [("AST", -4), ("ADT", -3), ("EST", -5), ("EDT", -4), ("CST", -6), ("CDT", -5), ("MST", -7), ("MDT", -6)];
    const PACIFIC: [(&str, i64); 2] = [("PST", -8), ("PDT", -7)];
    if let Some((_, hours)) = AMERICAN.iter().chain(&PACIFIC).find(|(name, _)| name.eq_ignore_ascii_case(zone)) {
        return hours * 3600;
    }
    let (sign, digits) = match zone.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, zone.strip_prefix('+').unwrap_or(zone)),
    };
    number(digits).map_or(0, |zone| sign * (zone / 100 * 3600 + zone % 100 * 60))
}

/// At most nine digits, which keeps all sums far from overflow.
fn number(digits: &str) -> Option<i64> {
    let fits = (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_is_right_across_leap_years_and_centuries() {
        for (date, want) in [
            ("1 Jan 1970 00:00:00 GMT", 0),
            ("31 Dec 1969 23:59:59 GMT", -1),
            ("1 Mar 2000 00:00:00 GMT", 951_868_800),
            ("29 Feb 2024 00:00:00 GMT", 1_709_164_800),
            ("30 Feb 2024 00:00:00 GMT", 1_709_251_200),
            ("1 Jan 2100 00:00:00 GMT", 4_102_444_800),
            ("1 Mar 2100 00:00:00 GMT", 4_107_542_400),
            ("1 Jan 69 00:00:00 GMT", -31_536_000),
            ("1 Jan 68 00:00:00 GMT", 3_092_601_600),
        ] {
            assert_eq!(mail_date(date), Some(want), "{date}");
        }
    }
}
