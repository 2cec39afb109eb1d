//! How many retries an adapter may make, over all threads.
//!
//! Each request adds its share, each retry costs one. What requests have added is forgotten after ten seconds, so that a good
//! day pays for no storm in the evening. The few retries a second are a bucket of their own, which holds what one second
//! brings, but at least one.

use std::time::{Duration, Instant};

use super::refused::Refused;

/// How many retries there may be for the requests of an adapter, over all threads: for
/// [`HttpAdapterBuilder::retry_budget`](crate::HttpAdapterBuilder::retry_budget).
///
/// Of the requests of the last ten seconds, a share may be retried, and beside that a few a second
/// ([`min_per_second`](Self::min_per_second)), so that a program that sends little can retry at all. It keeps an outage from
/// being multiplied: with `total=10` alone, a server that fails gets eleven times its usual load. The tokens of Finagle,
/// gRPC and the AWS SDKs do the same; the rules are Finagle's.
///
/// # Coming from requests
/// New here.
///
/// # Examples
/// ```
/// use petition::{HttpAdapter, Retry, RetryBudget};
///
/// let adapter = HttpAdapter::builder()
///     .max_retries(Retry::new().total(10).backoff_factor(0.1))
///     // a fifth of the requests
///     .retry_budget(RetryBudget::ratio(0.2).min_per_second(1.0))
///     .build();
/// # drop(adapter);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a budget does nothing until an adapter has it"]
pub struct RetryBudget {
    ratio: f64,
    min_per_second: f64,
}

impl RetryBudget {
    /// Retries for a share of the requests: 0.2 is a fifth. It must be above zero and at most 1. Beside that there is one
    /// retry a second, unless [`min_per_second`](Self::min_per_second) says otherwise.
    pub fn ratio(share: impl Into<f64>) -> Self {
        Self { ratio: share.into(), min_per_second: 1.0 }
    }

    /// How many retries a second there may be beside the share, whatever the number of requests: 1 by default. It must be
    /// finite, and zero or more; less than one is valid.
    pub fn min_per_second(mut self, retries: impl Into<f64>) -> Self {
        self.min_per_second = retries.into();
        self
    }

    pub(crate) fn refused(&self) -> Option<Refused> {
        let Self { ratio, min_per_second } = *self;
        if !(ratio > 0.0 && ratio <= 1.0) {
            return Some(("the ratio of retry_budget", format!("above 0 and at most 1, not {ratio}")));
        }
        if !(min_per_second.is_finite() && min_per_second >= 0.0) {
            return Some(("min_per_second of retry_budget", format!("zero or more, not {min_per_second}")));
        }
        None
    }
}

/// How many parts of a second are kept apart, and for how long they count.
const PARTS: usize = 10;
const PART: Duration = Duration::from_secs(1);
/// Shares such as 0.1 are no exact numbers: ten of them are one.
const ALMOST: f64 = 1.0 - 1e-6;

/// The tokens of one adapter.
#[derive(Debug)]
pub(crate) struct RetryTokens {
    budget: RetryBudget,
    start: Instant,
    /// What requests have added less what retries have used, by the second in which they were added.
    parts: [f64; PARTS],
    /// The second that the last call was in.
    current: u64,
    reserve: f64,
    /// When the reserve was last filled.
    filled: Instant,
}

impl RetryTokens {
    pub(crate) fn new(budget: RetryBudget, now: Instant) -> Self {
        let mut tokens = Self { budget, start: now, parts: [0.0; PARTS], current: 0, reserve: 0.0, filled: now };
        tokens.reserve = tokens.most_in_reserve();
        tokens
    }

    /// A request was sent for the first time, or could not be for want of a connection.
    pub(crate) fn add_request(&mut self, now: Instant) {
        self.advance(now);
        self.parts[self.index()] += self.budget.ratio;
    }

    /// Takes the token of a retry; false if there is none.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        self.advance(now);
        if self.parts.iter().sum::<f64>() >= ALMOST {
            self.use_oldest();
            return true;
        }
        if self.reserve >= ALMOST {
            self.reserve -= 1.0;
            return true;
        }
        false
    }

    /// Gives back the token of a retry that was not made.
    pub(crate) fn give_back(&mut self, now: Instant) {
        self.advance(now);
        let index = self.index();
        self.parts[index] += 1.0;
    }

    /// Uses up one token, of those first that are forgotten first.
    fn use_oldest(&mut self) {
        let mut due = 1.0;
        for part in 1..=PARTS {
            let part = &mut self.parts[(self.index() + part) % PARTS];
            let used = part.min(due);
            *part -= used;
            due -= used;
        }
    }

    fn index(&self) -> usize {
        (self.current % PARTS as u64) as usize
    }

    fn most_in_reserve(&self) -> f64 {
        let most = self.budget.min_per_second;
        if most == 0.0 { 0.0 } else { most.max(1.0) }
    }

    /// Forgets what is too old, and fills the reserve.
    fn advance(&mut self, now: Instant) {
        let second = now.saturating_duration_since(self.start).as_nanos() / PART.as_nanos();
        let second = u64::try_from(second).unwrap_or(u64::MAX);
        for _ in 0..second.saturating_sub(self.current).min(PARTS as u64) {
            self.current += 1;
            let index = self.index();
            self.parts[index] = 0.0;
        }
        self.current = self.current.max(second);
        let since = now.saturating_duration_since(self.filled);
        self.filled = self.filled.max(now);
        self.reserve = (self.reserve + since.as_secs_f64() * self.budget.min_per_second).min(self.most_in_reserve());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn taken(tokens: &mut RetryTokens, now: Instant) -> usize {
        (0..10_000).take_while(|_| tokens.take(now)).count()
    }

    fn secs(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    // Finagle: "with only a minimum", "with a share", "both".
    #[test]
    fn retries_are_a_share_of_the_requests_and_a_few_a_second() {
        for (ratio, min, requests, retries) in [
            (0.2, 0.0, 0, 0),
            (0.2, 0.0, 4, 0),
            (0.2, 0.0, 5, 1),
            (0.2, 0.0, 100, 20),
            (0.1, 0.0, 10, 1),
            (0.5, 0.0, 7, 3),
            (1.0 / 3.0, 0.0, 3, 1),
            (1.0, 0.0, 100, 100),
            (0.2, 1.0, 0, 1),
            (0.2, 3.0, 100, 23),
            (0.2, 0.1, 0, 1),
        ] {
            let now = clock::now();
            let mut tokens = RetryTokens::new(RetryBudget::ratio(ratio).min_per_second(min), now);
            (0..requests).for_each(|_| tokens.add_request(now));
            assert_eq!(taken(&mut tokens, now), retries, "{ratio} of {requests} and {min}");
        }
    }

    // Finagle: a token lives for the time of the window. AWS and gRPC: a bucket that was emptied fills by successes only.
    #[test]
    fn what_requests_have_added_is_forgotten_after_ten_seconds() {
        let start = clock::now();
        let mut tokens = RetryTokens::new(RetryBudget::ratio(0.5).min_per_second(0), start);
        (0..10).for_each(|_| tokens.add_request(start));
        (0..4).for_each(|_| tokens.add_request(start + secs(5.0)));
        assert!(tokens.take(start + secs(9.9)), "of the five of the first second");
        assert_eq!(taken(&mut tokens, start + secs(10.0)), 2, "those of the sixth");
        (0..2).for_each(|_| tokens.add_request(start + secs(10.0)));
        assert_eq!(taken(&mut tokens, start + secs(10_000.0)), 0);
    }

    #[test]
    fn what_was_used_is_not_owed_once_it_would_have_been_forgotten() {
        let start = clock::now();
        let mut tokens = RetryTokens::new(RetryBudget::ratio(1).min_per_second(0), start);
        (0..5).for_each(|_| tokens.add_request(start));
        assert_eq!(taken(&mut tokens, start + secs(8.0)), 5);
        tokens.add_request(start + secs(12.0));
        assert_eq!(taken(&mut tokens, start + secs(12.0)), 1);
    }

    // Finagle: "the minimum is for each second, and not saved".
    #[test]
    fn the_few_a_second_are_not_saved_for_a_storm() {
        let start = clock::now();
        let mut tokens = RetryTokens::new(RetryBudget::ratio(0.2).min_per_second(2), start);
        assert_eq!(taken(&mut tokens, start), 2);
        assert_eq!(taken(&mut tokens, start + secs(0.4)), 0);
        assert_eq!(taken(&mut tokens, start + secs(0.5)), 1);
        assert_eq!(taken(&mut tokens, start + secs(3600.0)), 2);

        let mut tokens = RetryTokens::new(RetryBudget::ratio(0.2).min_per_second(0.1), start);
        assert_eq!(taken(&mut tokens, start), 1);
        assert_eq!(taken(&mut tokens, start + secs(9.0)), 0);
        assert_eq!(taken(&mut tokens, start + secs(10.0)), 1);
    }

    #[test]
    fn the_token_of_a_retry_that_was_not_made_is_there_for_another() {
        let now = clock::now();
        let mut tokens = RetryTokens::new(RetryBudget::ratio(0.2).min_per_second(1), now);
        assert!(tokens.take(now) && !tokens.take(now));
        tokens.give_back(now);
        assert!(tokens.take(now) && !tokens.take(now));
    }

    #[test]
    fn an_outage_is_not_multiplied() {
        let start = clock::now();
        let mut tokens = RetryTokens::new(RetryBudget::ratio(0.1).min_per_second(1), start);
        let mut sent = 0;
        for request in 0..60_000 {
            let now = start + secs(f64::from(request) / 1000.0); // a thousand a second, and each is to be repeated ten times
            tokens.add_request(now);
            sent += 1 + (0..10).take_while(|_| tokens.take(now)).count();
        }
        assert!((60_000..=66_000 + 61).contains(&sent), "{sent}");
    }

    #[test]
    fn a_clock_that_goes_back_does_no_harm() {
        let start = clock::now() + secs(100.0);
        let mut tokens = RetryTokens::new(RetryBudget::ratio(1).min_per_second(1), start);
        tokens.add_request(start + secs(5.0));
        tokens.add_request(start - secs(5.0));
        assert_eq!(taken(&mut tokens, start), 3);
    }

    #[test]
    fn shares_that_cannot_be_are_refused() {
        for ratio in [0.0, -0.1, 1.1, 20.0, f64::NAN, f64::INFINITY] {
            assert!(RetryBudget::ratio(ratio).refused().is_some(), "{ratio}");
        }
        for min in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(RetryBudget::ratio(0.2).min_per_second(min).refused().is_some(), "{min}");
        }
        assert_eq!(RetryBudget::ratio(1).min_per_second(0).refused(), None);
    }
}
