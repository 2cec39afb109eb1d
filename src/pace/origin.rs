//! The pace of one origin: what the next request has to wait for.

use std::time::{Duration, Instant};

use super::adaptive::Learnt;
use super::pause::Pause;
use super::rate::Bucket;
use super::{AdaptiveLimit, Outcome, RateLimit, RetryBudget};

/// What was set for an adapter; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct PaceSettings {
    pub(crate) rate: Option<RateLimit>,
    pub(crate) pause: bool,
    pub(crate) adaptive: Option<AdaptiveLimit>,
    pub(crate) budget: Option<RetryBudget>,
}

impl PaceSettings {
    /// Whether an origin has a pace.
    pub(crate) fn is_on(&self) -> bool {
        self.rate.is_some() || self.pause || self.adaptive.is_some()
    }
}

/// The pace of one origin.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: Option<RateLimit>,
    bucket: Option<Bucket>,
    pause: Option<Pause>,
    learnt: Option<Learnt>,
}

/// What the next request has to wait for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Hold {
    /// Nothing.
    Free,
    /// The pause that the server asked for, or its ramp.
    Paused(Instant),
    /// A token of the rate.
    Rate(Instant),
    /// An exchange that ends.
    Full,
}

/// A request that has left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Departure {
    Free,
    /// It counts towards the limit until it [ends](Pace::end); with the epoch for [`learn`](Pace::learn).
    Counted(u64),
}

impl Pace {
    pub(crate) fn new(settings: &PaceSettings) -> Self {
        Self {
            rate: settings.rate,
            bucket: settings.rate.as_ref().map(Bucket::new),
            pause: None,
            learnt: settings.adaptive.map(Learnt::new),
        }
    }

    /// What a request at the head of the line has to wait for. What is told is what holds it longest.
    pub(crate) fn hold(&self, now: Instant) -> Hold {
        let paused = self.pause.as_ref().and_then(|pause| pause.next(now));
        let rate = self.bucket.as_ref().and_then(|bucket| bucket.next(now));
        match (paused, rate) {
            (Some(until), rate) if rate.is_none_or(|rate| rate <= until) => Hold::Paused(until),
            (_, Some(until)) => Hold::Rate(until),
            _ if self.is_full() => Hold::Full,
            _ => Hold::Free,
        }
    }

    /// Whether as many are under way as the learnt limit allows.
    pub(crate) fn is_full(&self) -> bool {
        self.learnt.as_ref().is_some_and(Learnt::is_full)
    }

    /// Lets a request leave, if nothing holds it; it pays with a token.
    pub(crate) fn depart(&mut self, now: Instant) -> Option<Departure> {
        if self.hold(now) != Hold::Free {
            return None;
        }
        if let Some(bucket) = &mut self.bucket {
            bucket.take(now);
        }
        if self.pause.as_mut().is_some_and(|pause| !pause.take(now)) {
            self.pause = None;
        }
        Some(self.learnt.as_mut().map_or(Departure::Free, |learnt| Departure::Counted(learnt.begin())))
    }

    /// The server asked for a pause; false if it is none, or would end before the one that holds already.
    pub(crate) fn pause(&mut self, now: Instant, time: Duration) -> bool {
        let pause = Pause::begin(now, time, self.pause.as_ref());
        let begins = pause.is_some();
        self.pause = pause.or(self.pause.take());
        begins
    }

    /// Learns from an exchange that began in `epoch`.
    pub(crate) fn learn(&mut self, epoch: u64, outcome: Outcome) {
        if let Some(learnt) = &mut self.learnt {
            learnt.learn(epoch, outcome);
        }
    }

    /// A request that was counted no longer uses a slot.
    pub(crate) fn end(&mut self) {
        if let Some(learnt) = &mut self.learnt {
            learnt.end();
        }
    }

    /// The rate that was set.
    pub(crate) fn rate(&self) -> Option<RateLimit> {
        self.rate
    }

    /// The limit that was learnt.
    pub(crate) fn limit(&self) -> Option<usize> {
        self.learnt.as_ref().map(Learnt::limit)
    }

    /// Whether a new pace would let requests through just as well, except that it would have to learn again.
    pub(crate) fn is_at_rest(&self, now: Instant) -> bool {
        self.bucket.as_ref().is_none_or(|bucket| bucket.is_full(now))
            && self.pause.as_ref().is_none_or(|pause| pause.is_over(now))
            && self.learnt.as_ref().is_none_or(Learnt::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const SECOND: Duration = Duration::from_secs(1);

    fn all() -> PaceSettings {
        PaceSettings {
            rate: Some(RateLimit::per_second(1)),
            pause: true,
            adaptive: Some(AdaptiveLimit::between(1, 4)),
            budget: None,
        }
    }

    #[test]
    fn what_holds_longest_is_told_and_all_of_it_holds() {
        let start = clock::now();
        let mut pace = Pace::new(&all());
        assert!(pace.is_at_rest(start));

        assert_eq!(pace.depart(start), Some(Departure::Counted(0)));
        assert_eq!(pace.hold(start), Hold::Rate(start + SECOND));
        pace.pause(start, SECOND / 2);
        assert_eq!(pace.hold(start), Hold::Rate(start + SECOND));
        pace.pause(start, SECOND * 3);
        assert_eq!(pace.hold(start), Hold::Paused(start + SECOND * 3));
        assert_eq!(pace.depart(start + SECOND), None);
        assert_eq!(pace.hold(start + SECOND * 3), Hold::Full);
        pace.end();
        assert!(!pace.is_at_rest(start + SECOND * 3), "the ramp");
        assert_eq!(pace.hold(start + SECOND * 3), Hold::Free);
        assert!(pace.depart(start + SECOND * 3).is_some());
        pace.end();
        assert!(pace.is_at_rest(start + SECOND * 6));
    }

    #[test]
    fn each_works_alone() {
        let start = clock::now();
        let mut rate = Pace::new(&PaceSettings { rate: all().rate, ..PaceSettings::default() });
        assert_eq!((rate.depart(start), rate.limit()), (Some(Departure::Free), None));
        assert_eq!(rate.hold(start), Hold::Rate(start + SECOND));

        let mut pause = Pace::new(&PaceSettings { pause: true, ..PaceSettings::default() });
        pause.pause(start, SECOND);
        assert_eq!(pause.hold(start), Hold::Paused(start + SECOND));
        assert_eq!(pause.depart(start + SECOND), Some(Departure::Free));
        assert_eq!(pause.hold(start + SECOND), Hold::Paused(start + SECOND + SECOND / 10));

        let mut limit = Pace::new(&PaceSettings { adaptive: all().adaptive, ..PaceSettings::default() });
        assert_eq!(
            (limit.depart(start), limit.hold(start), limit.limit()),
            (Some(Departure::Counted(0)), Hold::Full, Some(1))
        );
        limit.learn(0, Outcome::Success);
        assert_eq!((limit.hold(start), limit.limit()), (Hold::Free, Some(2)));
    }
}
