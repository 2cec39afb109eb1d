//! A limit of concurrent exchanges that is learnt: additive increase, multiplicative decrease.
//!
//! It begins at its lower bound. Each limit's worth of successes adds one; a refusal takes away a third. Exchanges that had
//! begun before a decrease cannot cause another one: they tell of the limit that has been given up. So there is at most one
//! decrease per round trip, without a clock.
//!
//! The rule alone would swing between two thirds of what the server takes and one more. So it remembers where it was refused,
//! and stays just below for [`PLATEAU`] limits' worth of successes before it tries again. If it is not refused there, it grows
//! on as before (docs/decisions.md#adaptive-plateau).

use super::refused::Refused;

/// The bounds of a limit that is learnt from the answers of a server: for
/// [`HttpAdapterBuilder::adaptive_limit`](crate::HttpAdapterBuilder::adaptive_limit).
///
/// # Examples
/// ```
/// use petition::{AdaptiveLimit, HttpAdapter};
///
/// let adapter = HttpAdapter::builder()
///     .pool_maxsize(32)
///     .pool_block(true)
///     .adaptive_limit(AdaptiveLimit::between(1, 32))
///     .build();
/// # drop(adapter);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "a limit does nothing until an adapter has it"]
pub struct AdaptiveLimit {
    min: usize,
    max: usize,
}

impl AdaptiveLimit {
    /// At least `min` exchanges at a time, with which it begins, and at most `max`. `min` must be above zero and at most
    /// `max`.
    pub fn between(min: usize, max: usize) -> Self {
        Self { min, max }
    }

    pub(crate) fn refused(&self, pool_maxsize: usize, pool_block: bool) -> Option<Refused> {
        const NAME: &str = "adaptive_limit";
        let Self { min, max } = *self;
        if min == 0 {
            Some((NAME, "between 1 and more, not 0".to_owned()))
        } else if min > max {
            Some((NAME, format!("between a number and one that is not less, not {min} and {max}")))
        } else if !pool_block {
            Some((NAME, "on a pool that blocks: set pool_block(true)".to_owned()))
        } else if max > pool_maxsize {
            Some((NAME, format!("at most pool_maxsize, which is {pool_maxsize}, not {max}")))
        } else {
            None
        }
    }

    /// The limit at the beginning.
    pub(crate) fn first(&self) -> usize {
        self.min
    }
}

/// How an exchange ended, as far as the limit is concerned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Success,
    /// 429 or 503, refused, or timed out.
    Refusal,
}

/// At how many limits' worth of successes the next number is tried where it was refused before.
const PLATEAU: usize = 20;

/// What was learnt about one origin, and how many exchanges are under way.
#[derive(Debug)]
pub(super) struct Learnt {
    bounds: AdaptiveLimit,
    limit: usize,
    /// Since the limit changed.
    successes: usize,
    /// The limit above which the last refusal came.
    refused_above: Option<usize>,
    /// How often the limit was lowered.
    epoch: u64,
    in_flight: usize,
}

impl Learnt {
    pub(super) fn new(bounds: AdaptiveLimit) -> Self {
        Self { bounds, limit: bounds.first(), successes: 0, refused_above: None, epoch: 0, in_flight: 0 }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn is_full(&self) -> bool {
        self.in_flight >= self.limit
    }

    pub(super) fn is_empty(&self) -> bool {
        self.in_flight == 0
    }

    /// An exchange begins; in which epoch.
    pub(super) fn begin(&mut self) -> u64 {
        self.in_flight += 1;
        self.epoch
    }

    /// An exchange no longer uses its slot.
    pub(super) fn end(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Learns from an exchange that began in `epoch`.
    pub(super) fn learn(&mut self, epoch: u64, outcome: Outcome) {
        match outcome {
            Outcome::Success => self.succeeded(),
            Outcome::Refusal if epoch == self.epoch => self.refused(),
            Outcome::Refusal => {}
        }
    }

    fn succeeded(&mut self) {
        self.successes = self.successes.saturating_add(1);
        let patience = if self.refused_above == Some(self.limit) { PLATEAU } else { 1 };
        if self.successes < self.limit.saturating_mul(patience) || self.limit >= self.bounds.max {
            return;
        }
        self.limit += 1;
        self.successes = 0;
    }

    fn refused(&mut self) {
        // At the lower bound it is not the number that was too large.
        self.refused_above = (self.limit > self.bounds.min).then(|| self.limit - 1);
        self.limit = (self.limit - (self.limit / 3).max(1)).max(self.bounds.min);
        self.successes = 0;
        self.epoch += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt(min: usize, max: usize) -> Learnt {
        Learnt::new(AdaptiveLimit::between(min, max))
    }

    fn succeed(learnt: &mut Learnt, times: usize) {
        for _ in 0..times {
            let epoch = learnt.begin();
            learnt.learn(epoch, Outcome::Success);
            learnt.end();
        }
    }

    fn refuse(learnt: &mut Learnt) {
        let epoch = learnt.begin();
        learnt.learn(epoch, Outcome::Refusal);
        learnt.end();
    }

    #[test]
    fn a_limits_worth_of_successes_adds_one_up_to_the_bound() {
        let mut learnt = learnt(1, 5);
        for (successes, limit) in [(1, 2), (1, 2), (1, 3), (2, 3), (1, 4), (4, 5), (100, 5)] {
            succeed(&mut learnt, successes);
            assert_eq!(learnt.limit(), limit);
        }
    }

    #[test]
    fn it_begins_at_the_lower_bound_and_knows_whether_anything_is_in_flight() {
        let mut learnt = learnt(4, 9);
        assert_eq!((learnt.limit(), learnt.is_empty()), (4, true));

        learnt.begin();
        assert!(!learnt.is_empty() && !learnt.is_full());
        learnt.end();

        assert!(learnt.is_empty());
    }

    #[test]
    fn a_refusal_takes_away_a_third_down_to_the_bound() {
        let mut learnt = learnt(2, 100);
        learnt.limit = 100;
        for limit in [67, 45, 30, 20, 14, 10, 7, 5, 4, 3, 2] {
            refuse(&mut learnt);
            assert_eq!(learnt.limit(), limit);
        }
        refuse(&mut learnt);
        assert_eq!(learnt.limit(), 2);
    }

    #[test]
    fn refusals_of_one_round_trip_count_once() {
        let mut learnt = learnt(1, 30);
        learnt.limit = 30;
        let epochs: Vec<_> = (0..30).map(|_| learnt.begin()).collect();
        for epoch in epochs {
            learnt.learn(epoch, Outcome::Refusal);
            learnt.end();
        }
        assert_eq!(learnt.limit(), 20);
        refuse(&mut learnt);
        assert_eq!(learnt.limit(), 14, "one that began later counts");
    }

    #[test]
    fn where_it_was_refused_it_waits_before_it_tries_again() {
        let mut learnt = learnt(1, 30);
        learnt.limit = 4;
        refuse(&mut learnt); // at 4: 3 are taken
        assert_eq!((learnt.limit(), learnt.refused_above), (3, Some(3)));
        succeed(&mut learnt, 3 * PLATEAU - 1);
        assert_eq!(learnt.limit(), 3);
        succeed(&mut learnt, 1);
        assert_eq!(learnt.limit(), 4);
        succeed(&mut learnt, 4 + 5 + 6);
        assert_eq!(learnt.limit(), 7, "nothing is refused any more");
    }

    #[test]
    fn a_refusal_at_the_lower_bound_says_nothing_of_a_number() {
        let mut learnt = learnt(2, 9);
        refuse(&mut learnt);
        succeed(&mut learnt, 2);
        assert_eq!(learnt.limit(), 3);
    }

    #[test]
    fn bounds_that_cannot_be_are_refused() {
        for (min, max, maxsize, block, says) in [
            (0, 5, 10, true, "not 0"),
            (6, 5, 10, true, "not 6 and 5"),
            (1, 11, 10, true, "pool_maxsize, which is 10, not 11"),
            (1, 5, 10, false, "pool_block(true)"),
        ] {
            let refused = AdaptiveLimit::between(min, max).refused(maxsize, block);
            assert!(refused.as_ref().is_some_and(|(_, must_be)| must_be.contains(says)), "{refused:?}");
        }
        assert_eq!(AdaptiveLimit::between(1, 10).refused(10, true), None);
        assert_eq!(AdaptiveLimit::between(7, 7).refused(10, true), None);
    }

    /// A server that takes `capacity` at a time for a millisecond each and refuses the rest at once, under `threads` that
    /// always want to send; for `millis`, by a clock that is a number.
    fn simulate(learnt: &mut Learnt, capacity: usize, threads: usize, millis: usize) -> Run {
        let mut run = Run::default();
        // Each exchange under way by its epoch and the tick at which it ends; they begin spread over the millisecond.
        const TICKS: usize = 64;
        let mut serving: std::collections::VecDeque<(usize, u64)> = std::collections::VecDeque::new();
        for tick in 0..millis * TICKS {
            while serving.front().is_some_and(|(ends, _)| *ends <= tick) {
                let (_, epoch) = serving.pop_front().expect("looked at");
                learnt.learn(epoch, Outcome::Success);
                learnt.end();
                run.served += 1;
            }
            // A refused thread comes back in the next tick.
            let mut comers = threads - serving.len();
            while comers > 0 && !learnt.is_full() {
                comers -= 1;
                let epoch = learnt.begin();
                if serving.len() < capacity {
                    serving.push_back((tick + TICKS, epoch));
                } else {
                    learnt.learn(epoch, Outcome::Refusal);
                    learnt.end();
                    run.refused += 1;
                }
            }
            run.limits.push(learnt.limit());
        }
        for (_, epoch) in serving {
            learnt.learn(epoch, Outcome::Success);
            learnt.end();
        }
        run
    }

    #[derive(Default)]
    struct Run {
        served: usize,
        refused: usize,
        limits: Vec<usize>,
    }

    impl Run {
        fn mean_limit(&self) -> f64 {
            self.limits.iter().sum::<usize>() as f64 / self.limits.len() as f64
        }
    }

    #[test]
    fn it_finds_what_a_server_takes_and_stays_there() {
        for capacity in [2, 6, 20] {
            let mut adaptive = learnt(1, 32);
            simulate(&mut adaptive, capacity, 32, 60);
            let run = simulate(&mut adaptive, capacity, 32, 1000);
            let best = simulate(&mut learnt(capacity, capacity), capacity, 32, 1000);
            let fixed = simulate(&mut learnt(32, 32), capacity, 32, 1000);

            let (mean, share) = (run.mean_limit() / capacity as f64, run.served as f64 / best.served as f64);
            assert!((0.8..=1.2).contains(&mean), "{capacity}: {mean}");
            assert!(share >= 0.9, "{capacity}: {share}");
            assert!(run.refused * 10 <= fixed.refused, "{capacity}: {} of {}", run.refused, fixed.refused);
            assert!(run.limits.iter().all(|limit| (1..=32).contains(limit)));
        }
    }

    #[test]
    fn it_finds_the_new_number_after_it_has_changed() {
        for (from, to) in [(20, 2), (2, 20), (6, 20), (20, 6)] {
            let mut adaptive = learnt(1, 32);
            simulate(&mut adaptive, from, 32, 200);
            simulate(&mut adaptive, to, 32, 100);
            let mean = simulate(&mut adaptive, to, 32, 500).mean_limit() / to as f64;
            assert!((0.8..=1.2).contains(&mean), "{from} to {to}: {mean}");
        }
    }
}
