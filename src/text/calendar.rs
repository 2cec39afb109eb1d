//! The calendar for the dates that servers send: months, days and seconds since 1970, in UTC.
//!
//! The Gregorian calendar, also for the time before its introduction.

use std::time::{Duration, SystemTime};

/// The English names; dates have them in full or as three letters.
pub(crate) const MONTHS: [&str; 12] = [
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

/// `seconds` after the start of 1970, if the system can represent that time.
pub(crate) fn at(seconds: i64) -> Option<SystemTime> {
    let span = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { SystemTime::UNIX_EPOCH.checked_sub(span) } else { SystemTime::UNIX_EPOCH.checked_add(span) }
}

/// Whole seconds from the start of 1970 to `time`.
pub(crate) fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |before| -before),
    }
}

/// How many days a month has; January is 1.
pub(crate) fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the first of January 1970. A day beyond the end of the month runs into the next month.
pub(crate) fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years start in March, so that the leap day is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - DAYS_TO_1970
}

/// Days from the first of March of year 0 to the first of January 1970.
const DAYS_TO_1970: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

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
        for value in [0, 1, -1, 253_402_300_799, -11_644_473_600] {
            assert_eq!(at(value).map(seconds), Some(value));
        }
    }
}
