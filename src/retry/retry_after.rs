//! Reads a `Retry-After` value: a number of seconds, or a date (RFC 9110 §10.2.3).
//!
//! The three forms of a date that HTTP has (RFC 9110 §5.6.7) are httpdate's business. urllib3 reads dates with Python's
//! mail library, which also understands zones, odd orders and missing week days, and servers do send those; that wider
//! reading is here. It checks no ranges, as Python does not: the 31st of February is the 2nd or 3rd of March.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long `value` asks to wait, seen from `now`; `None` if it is neither a number nor a date.
pub(super) fn wait(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // All digits, so the only way to fail is to be too large.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let until = match httpdate::parse_http_date(value) {
        Ok(date) => date,
        Err(_) => match u64::try_from(mail_date(value)?) {
            Ok(seconds) => UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?,
            Err(_) => return Some(Duration::ZERO), // before 1970
        },
    };
    Some(until.duration_since(now).unwrap_or_default())
}

/// Seconds since 1970 of a date as mail software writes them (RFC 5322 §3.3 and older), of whatever zone.
///
/// Day and month come first, in either order; year, time and zone follow and are told apart by their looks.
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
    let days = days_before(year, month) + number(day.trim_end_matches(','))? - 1;
    Some(days * 86_400 + time? - zone.map_or(0, zone_seconds))
}

/// `Tue, 14 Nov`, `Tuesday, 14-Nov-23`, `Tue,14 Nov`, `Tue Nov 14`: the name of the day says nothing new.
fn strip_week_day(words: &mut Vec<&str>) {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let Some(first) = words.first_mut() else { return };
    if first.ends_with(',') || DAYS.iter().any(|day| day.eq_ignore_ascii_case(first)) {
        words.remove(0);
    } else if let Some((_, rest)) = first.rsplit_once(',') {
        *first = rest;
    }
}

/// From 0 for January; names are whole or three letters long.
fn month_number(word: &str) -> Option<usize> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    MONTHS.iter().position(|month| month.eq_ignore_ascii_case(word) || month[..3].eq_ignore_ascii_case(word))
}

/// `22:14:20` or `22:14`, in seconds.
fn clock_seconds(word: &str) -> Option<i64> {
    let mut parts = word.trim_end_matches(',').split(':');
    let (hours, minutes) = (number(parts.next()?)?, number(parts.next()?)?);
    let seconds = parts.next().map_or(Some(0), number)?;
    parts.next().is_none().then_some((hours * 60 + minutes) * 60 + seconds)
}

/// How far a zone is ahead of Greenwich; one that nobody knows is taken for Greenwich.
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

/// Days from 1970 to the first of that month, by the calendar of today.
fn days_before(year: i64, month: usize) -> i64 {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    const UNTIL_1970: i64 = 719_162;
    let past = year - 1;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    past * 365 + past / 4 - past / 100 + past / 400 + BEFORE[month] + i64::from(is_leap && month > 1) - UNTIL_1970
}

/// At most nine digits, which keeps all sums far from overflow.
fn number(digits: &str) -> Option<i64> {
    let fits = (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000; // Tue, 14 Nov 2023 22:13:20 GMT

    fn seconds(value: &str) -> Option<u64> {
        wait(value, UNIX_EPOCH + Duration::from_secs(NOW)).map(|wait| wait.as_secs())
    }

    // RETRY-21
    #[test]
    fn dates_are_read_in_every_form_that_python_reads() {
        for value in [
            "Tue, 14 Nov 2023 22:14:20 GMT",
            "Tuesday, 14-Nov-23 22:14:20 GMT",
            "Tue Nov 14 22:14:20 2023",
            "Tue Nov 14 22:14:20 GMT 2023",
            "14 Nov 2023 22:14:20",
            "14-Nov-2023 22:14:20 UTC",
            "Tue,14 november 2023 22:14:20 z",
            "Tue, 14 Nov 23 23:14:20 +0100",
            "Tue, 14 Nov 2023 23:14:20+0100",
            "Nov 14, 2023, 16:44:20 -0530",
            "Tue, 14 Nov 2023 17:14:20 est",
            "Tue, 14 Nov 2023 14:14:20 PST (Pacific)",
            "Tue, 14 Nov 2023 22:14:20 XYZ",
            "Wrong, 14 Nov 2023 22:14:20 GMT",
            "Wed, 15 Nov 2023 24:14:20 +2600",
        ] {
            assert_eq!(seconds(value), Some(60), "{value}");
        }
    }

    // RETRY-22
    #[test]
    fn what_is_no_date_is_nothing() {
        for value in [
            "",
            "   ",
            "soon",
            "-5",
            "1.5",
            "Tue,",
            "Nov 14",
            "14 Nov 2023",
            "14 Nov 22:14:20 GMT",
            "14 Foo 2023 22:14:20 GMT",
            "14 Nov 2023 22 GMT",
            "14 Nov 2023 22:14:20:00 GMT",
            "14 Nov 2023 2:1é:20 GMT",
            "14-Nov-2023 22:14:20",
            "14 Nov 12345 22:14:20 GMT",
            "2023-11-14T22:14:20Z",
            "٥",
        ] {
            assert_eq!(seconds(value), None, "{value}");
        }
    }

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
