//! So many requests a second, with a burst.
//!
//! The bucket is kept as one instant, the time by which everything that left so far is paid for (the *generic cell rate
//! algorithm*): a request may leave if that is at most a burst ahead. So nothing is rounded up over time, and a bucket that
//! is full again is one whose instant has passed.

use std::time::{Duration, Instant};

use super::refused::Refused;
use crate::timeout::IntoDuration;

/// How many requests may start in a time, to each origin: for
/// [`HttpAdapterBuilder::rate_limit`](crate::HttpAdapterBuilder::rate_limit).
///
/// It is a token bucket: a request takes a token, the bucket gets new ones at the rate, and it holds at most
/// [`burst`](Self::burst) of them. In any time of `t` seconds at most `burst + rate · t` requests start. Without a burst
/// they start one by one, evenly spaced.
///
/// # Coming from requests
/// New here. With requests, this is what adapters of `requests-ratelimiter` and similar packages do.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use petition::{HttpAdapter, RateLimit};
///
/// let ten_a_second = RateLimit::per_second(10).burst(20);
/// let one_in_five_seconds = RateLimit::every(Duration::from_secs(5));
/// let adapter = HttpAdapter::builder().rate_limit(ten_a_second).build();
/// # drop((adapter, one_in_five_seconds));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a limit does nothing until an adapter has it"]
pub struct RateLimit {
    /// Seconds from one request to the next, as they were given or computed.
    seconds: f64,
    /// What was given, for the error text.
    given: Given,
    burst: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Given {
    PerSecond(f64),
    Every(f64),
}

/// Nobody waits longer, and no sum of instants overflows.
pub(super) const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

impl RateLimit {
    /// At most `requests` a second, which may be less than one. The number must be finite and above zero.
    pub fn per_second(requests: impl Into<f64>) -> Self {
        let requests = requests.into();
        Self { seconds: requests.recip(), given: Given::PerSecond(requests), burst: 1 }
    }

    /// At most one request in this time, in seconds or as a `Duration`. It must be more than zero.
    pub fn every(time: impl IntoDuration) -> Self {
        let seconds = time.into_seconds();
        Self { seconds, given: Given::Every(seconds), burst: 1 }
    }

    /// How many requests may start at once after a time without any: 1 by default. It must be above zero.
    pub fn burst(mut self, requests: u32) -> Self {
        self.burst = requests;
        self
    }

    pub(crate) fn refused(&self) -> Option<Refused> {
        match self.given {
            Given::PerSecond(requests) if !(requests.is_finite() && requests > 0.0) => {
                Some(("rate_limit", format!("more than zero requests a second, not {requests}")))
            }
            Given::Every(seconds) if seconds.is_nan() || seconds <= 0.0 => {
                Some(("rate_limit", format!("a request every so many seconds, more than zero, not {seconds}")))
            }
            _ if self.burst == 0 => Some(("the burst of rate_limit", "above 0".to_owned())),
            _ => None,
        }
    }

    /// From one request to the next; rounded up, so that the rate is never exceeded.
    fn interval(&self) -> Duration {
        let nanos = (self.seconds * 1e9).ceil();
        // Not a number, or too large: the cast saturates, and the limit is refused or the longest.
        Duration::from_nanos((nanos as u64).max(1)).min(LONGEST)
    }
}

/// `10 a second, burst 20`, or `one every 5s`: for error texts.
impl std::fmt::Display for RateLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.given {
            Given::PerSecond(requests) => write!(f, "{requests} a second")?,
            Given::Every(_) => write!(f, "one every {:?}", self.interval())?,
        }
        if self.burst > 1 { write!(f, ", burst {}", self.burst) } else { Ok(()) }
    }
}

/// The bucket of one origin.
#[derive(Debug)]
pub(super) struct Bucket {
    interval: Duration,
    /// How far ahead `paid` may be when a request leaves.
    ahead: Duration,
    /// By then all that has left is paid for; `None` before the first.
    paid: Option<Instant>,
}

impl Bucket {
    pub(super) fn new(limit: &RateLimit) -> Self {
        let interval = limit.interval();
        let ahead = interval.checked_mul(limit.burst.saturating_sub(1)).unwrap_or(LONGEST).min(LONGEST);
        Self { interval, ahead, paid: None }
    }

    /// When the next request may leave; `None` is at once.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let paid = self.paid?;
        let ahead = paid.saturating_duration_since(now);
        (ahead > self.ahead).then(|| now + (ahead - self.ahead))
    }

    /// A request leaves.
    pub(super) fn take(&mut self, now: Instant) {
        self.paid = Some(self.paid.map_or(now, |paid| paid.max(now)) + self.interval);
    }

    pub(super) fn is_full(&self, now: Instant) -> bool {
        self.paid.is_none_or(|paid| paid <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn secs(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// When requests that are all there at once leave, in seconds.
    fn departures(limit: RateLimit, requests: usize) -> Vec<f64> {
        let start = clock::now();
        let (mut bucket, mut now) = (Bucket::new(&limit), start);
        let mut left = Vec::new();
        for _ in 0..requests {
            if let Some(at) = bucket.next(now) {
                assert!(at > now);
                now = at;
                assert_eq!(bucket.next(now), None);
            }
            bucket.take(now);
            left.push((now - start).as_secs_f64());
        }
        left
    }

    #[test]
    fn requests_leave_at_the_rate_after_the_burst() {
        assert_eq!(departures(RateLimit::per_second(10), 4), [0.0, 0.1, 0.2, 0.3]);
        assert_eq!(departures(RateLimit::per_second(10.0).burst(3), 5), [0.0, 0.0, 0.0, 0.1, 0.2]);
        assert_eq!(departures(RateLimit::per_second(0.5), 3), [0.0, 2.0, 4.0]);
        assert_eq!(departures(RateLimit::every(secs(2.5)), 3), [0.0, 2.5, 5.0]);
        assert_eq!(departures(RateLimit::every(60).burst(2), 3), [0.0, 0.0, 60.0]);
    }

    #[test]
    fn a_limit_says_what_was_asked_for() {
        for (limit, want) in [
            (RateLimit::per_second(10).burst(20), "10 a second, burst 20"),
            (RateLimit::per_second(0.5), "0.5 a second"),
            (RateLimit::every(5), "one every 5s"),
            (RateLimit::every(5).burst(2), "one every 5s, burst 2"),
        ] {
            assert_eq!(limit.to_string(), want);
        }
    }

    #[test]
    fn a_rate_that_is_no_whole_number_of_nanoseconds_is_not_exceeded() {
        for rate in [3.0, 7.0, 30.0, 999.0] {
            let left = departures(RateLimit::per_second(rate), 10_001);
            assert!(left[10_000] >= 10_000.0 / rate, "{rate}");
        }
    }

    #[test]
    fn tokens_come_back_up_to_the_burst_and_no_further() {
        let start = clock::now();
        let mut bucket = Bucket::new(&RateLimit::per_second(1).burst(2));
        assert!(bucket.is_full(start));
        for (at, waits) in [(0.0, None), (0.0, None), (0.25, Some(0.75)), (1.0, None), (100.0, None), (100.0, None)] {
            let now = start + secs(at);
            assert_eq!(bucket.next(now).map(|next| (next - now).as_secs_f64()), waits, "at {at}");
            if waits.is_none() {
                bucket.take(now);
            }
        }
        assert_eq!(bucket.next(start + secs(100.0)), Some(start + secs(101.0)));
        assert!(!bucket.is_full(start + secs(101.9)) && bucket.is_full(start + secs(102.0)));
    }

    #[test]
    fn a_rate_that_is_nearly_nothing_overflows_nothing() {
        for limit in [
            RateLimit::per_second(f64::MIN_POSITIVE).burst(u32::MAX),
            RateLimit::every(Duration::MAX),
            RateLimit::every(f64::INFINITY),
            RateLimit::per_second(f64::MAX),
        ] {
            assert_eq!(limit.refused(), None);
            let now = clock::now();
            let mut bucket = Bucket::new(&limit);
            bucket.take(now);
            bucket.take(now);
            let _ = bucket.next(now);
        }
    }

    #[test]
    fn what_cannot_be_a_rate_is_refused_with_what_it_must_be() {
        for requests in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let (name, must_be) = RateLimit::per_second(requests).refused().expect("refused");
            assert_eq!((name, must_be), ("rate_limit", format!("more than zero requests a second, not {requests}")));
        }
        for seconds in [0.0, -1.0, f64::NAN] {
            assert!(RateLimit::every(seconds).refused().is_some(), "{seconds}");
        }
        assert!(RateLimit::every(Duration::ZERO).refused().is_some());
        assert_eq!(
            RateLimit::per_second(1).burst(0).refused(),
            Some(("the burst of rate_limit", "above 0".to_owned()))
        );
    }
}
