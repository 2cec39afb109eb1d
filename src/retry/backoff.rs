//! How long to wait before the next attempt: the backoff formula, or what `Retry-After` says.
//!
//! Seconds are `f64` until the end, as in urllib3, so that both compute the same nanosecond. Jitter and the time of day
//! are passed in.

use std::time::{Duration, SystemTime};

use crate::clock::{Clock, SystemClock, wall};
use crate::error::{Error, ErrorKind, Result};
use crate::retry::{Retry, retry_after};
use crate::timeout::saturating_duration;

impl Retry {
    /// The backoff before the next attempt, given the history so far.
    ///
    /// Zero after the first of consecutive errors, then `backoff_factor` · 2^(n−1) seconds for the n-th, plus jitter,
    /// and at most `backoff_max`. A redirect restarts the count. With `backoff_jitter` each call draws a new random
    /// number; without it the result is always the same.
    ///
    /// # Examples
    /// ```
    /// use petition::Retry;
    /// use petition::retry::Cause;
    ///
    /// let mut retry = Retry::new().backoff_factor(0.3);
    /// let mut waits = Vec::new();
    /// for _ in 0..4 {
    ///     retry = retry.increment("GET", "/", Cause::Status(503))?;
    ///     waits.push(retry.backoff_time().as_millis());
    /// }
    ///
    /// assert_eq!(waits, [0, 600, 1200, 2400]);
    /// # Ok::<(), petition::retry::GiveUp>(())
    /// ```
    #[must_use]
    pub fn backoff_time(&self) -> Duration {
        let jitter = if self.backoff_jitter == 0.0 { 0.0 } else { SystemClock.jitter() };
        self.backoff_time_with(jitter)
    }

    /// [`backoff_time`](Self::backoff_time) with a given random number: `jitter` is from 0 (inclusive) to 1
    /// (exclusive).
    pub(crate) fn backoff_time_with(&self, jitter: f64) -> Duration {
        let in_a_row = self.history.iter().rev().take_while(|past| past.redirect_location().is_none()).count();
        if in_a_row <= 1 {
            return Duration::ZERO;
        }
        // Past this power the product would be infinite, and zero times infinity is NaN.
        let doublings = i32::try_from(in_a_row - 1).unwrap_or(i32::MAX).min(f64::MAX_EXP - 1);
        let backoff = self.backoff_factor * 2f64.powi(doublings) + jitter * self.backoff_jitter;
        saturating_duration(backoff.min(self.backoff_max))
    }

    /// The wait that a `Retry-After` header asks for, at most `retry_after_max`. The value is a number of seconds, or a
    /// date; a date in the past means no wait.
    ///
    /// # Examples
    /// ```
    /// use petition::Retry;
    /// use std::time::Duration;
    ///
    /// assert_eq!(Retry::new().parse_retry_after("120")?, Duration::from_secs(120));
    /// assert_eq!(
    ///     Retry::new().retry_after_max(60).parse_retry_after("120")?,
    ///     Duration::from_secs(60)
    /// );
    /// assert_eq!(
    ///     Retry::new().parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT")?,
    ///     Duration::ZERO
    /// );
    /// # Ok::<(), petition::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidHeader`] for anything else.
    ///
    /// # Coming from requests
    /// The same function. But where requests fails because of a malformed header and loses the response, an adapter
    /// ignores the header and uses the backoff.
    pub fn parse_retry_after(&self, value: &str) -> Result<Duration> {
        self.retry_after_at(value, wall())
            .ok_or_else(|| Error::message(ErrorKind::InvalidHeader, format!("invalid Retry-After header: {value:?}")))
    }

    /// [`parse_retry_after`](Self::parse_retry_after) at the time `now`; `None` if malformed.
    pub(crate) fn retry_after_at(&self, value: &str, now: SystemTime) -> Option<Duration> {
        Some(retry_after::wait(value, now)?.min(saturating_duration(self.retry_after_max)))
    }

    /// How long to sleep before the next attempt: what the response's `Retry-After` asks for, else the backoff.
    ///
    /// `retry_after` is `None` after an error. A wait of zero and a malformed value fall back to the backoff.
    pub(crate) fn delay(&self, retry_after: Option<&str>, wall: SystemTime, jitter: f64) -> Duration {
        retry_after
            .filter(|_| self.respect_retry_after_header)
            .and_then(|value| self.retry_after_at(value, wall))
            .filter(|wait| !wait.is_zero())
            .unwrap_or_else(|| self.backoff_time_with(jitter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::Cause;

    fn after_errors(mut retry: Retry, errors: usize) -> Retry {
        for _ in 0..errors {
            retry = retry.increment("GET", "/", Cause::Status(503)).unwrap();
        }
        retry
    }

    // RETRY-18
    #[test]
    fn jitter_is_added_before_the_cap_and_from_the_second_retry_on() {
        for (errors, factor, jitter, draw, want) in [
            (1, 1.0, 2.0, 0.5, 0.0),
            (2, 1.0, 2.0, 0.5, 3.0),
            (2, 0.0, 2.0, 0.5, 1.0),
            (3, 1.0, 2.0, 0.0, 4.0),
            (4, 1.0, 2.0, 0.75, 9.5),
            (4, 1.0, 4.0, 0.75, 10.0),
        ] {
            let retry = Retry::new().backoff_factor(factor).backoff_jitter(jitter).backoff_max(10);

            let wait = after_errors(retry, errors).backoff_time_with(draw);

            assert_eq!(wait, Duration::from_secs_f64(want), "{errors} errors, factor {factor}, jitter {jitter}");
        }
    }

    // RETRY-18
    #[test]
    fn jitter_is_drawn_below_its_setting() {
        let retry = after_errors(Retry::new().backoff_jitter(0.5), 2);

        for _ in 0..1000 {
            assert!(retry.backoff_time() < Duration::from_millis(500));
        }
    }

    #[test]
    fn jitter_is_drawn_only_where_it_is_set() {
        let wait = |jitter: f64| after_errors(Retry::new().backoff_factor(1).backoff_jitter(jitter), 2).backoff_time();

        assert!((0..100).any(|_| wait(50.0) != wait(50.0)), "two of a hundred differ");
        assert_eq!(wait(0.0), Duration::from_secs(2));
    }

    // RETRY-19, RETRY-20, RETRY-22, RETRY-23
    #[test]
    fn retry_after_comes_before_the_backoff_unless_it_says_nothing() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let retry = after_errors(Retry::new().backoff_factor(1), 2);
        for (value, want) in [
            (Some("7"), 7),
            (Some("999999"), 21_600),
            (Some("Tue, 14 Nov 2023 22:13:30 GMT"), 10),
            (Some("0"), 2),
            (Some("Tue, 14 Nov 2023 22:13:10 GMT"), 2),
            (Some("soon"), 2),
            (Some("-5"), 2),
            (Some(""), 2),
            (None, 2),
        ] {
            assert_eq!(retry.delay(value, now, 0.0), Duration::from_secs(want), "{value:?}");
        }

        let deaf = retry.respect_retry_after_header(false);
        assert_eq!(deaf.delay(Some("7"), now, 0.0), Duration::from_secs(2));
    }

    #[test]
    fn waits_without_bounds_do_not_overflow() {
        let patient = Retry::new().total(None).backoff_max(f64::INFINITY).retry_after_max(f64::INFINITY);
        let digits = "9".repeat(400);

        assert_eq!(patient.parse_retry_after(&digits).unwrap(), Duration::from_secs(u64::MAX));
        assert_eq!(after_errors(patient.clone().backoff_factor(f64::MAX), 3).backoff_time(), Duration::MAX);
        assert_eq!(after_errors(patient.backoff_factor(0), 1100).backoff_time(), Duration::ZERO);
    }
}
