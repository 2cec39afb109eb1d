//! Parses a `Retry-After` value: a number of seconds, or a date (RFC 9110 §10.2.3).
//!
//! [`http_date`] parses dates, in every form that Python accepts.

use std::time::{Duration, SystemTime};

use crate::text::http_date;

/// How long `value` asks to wait from `now`; `None` if it is neither a number nor a date.
pub(super) fn wait(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // All digits, so the only way to fail is to be too large.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let until = http_date::parse(value)?;
    Some(until.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

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
}
