//! The only source of time, sleep and random numbers.
//!
//! Everything that waits, measures or draws a random number takes a [`Clock`] or calls a function of this file, so that
//! a test can substitute its own clock and be exact.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::cancel::Cancel;

/// Time, sleep and jitter, as an adapter uses them.
///
/// The default is [`SystemClock`]. A test sets its own with
/// [`HttpAdapterBuilder::clock`](crate::HttpAdapterBuilder::clock), for example `testing::FakeClock` (feature
/// `testing`). An `Arc` of a clock is one too.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The monotonic time.
    fn now(&self) -> Instant;

    /// The time of day, for dates in `Retry-After`.
    fn wall(&self) -> SystemTime;

    /// Blocks the thread for `duration`.
    fn sleep(&self, duration: Duration);

    /// Blocks the thread for `duration`, or until `cancel` is cancelled; false in that case.
    ///
    /// A clock that really waits should wake up early, as [`Cancel::sleep`] does; by default this is
    /// [`sleep`](Self::sleep).
    fn sleep_or_cancel(&self, duration: Duration, cancel: &Cancel) -> bool {
        if cancel.is_cancelled() {
            return false;
        }
        self.sleep(duration);
        !cancel.is_cancelled()
    }

    /// Blocks the thread until the time is `at`, or until `cancel` is cancelled; false in that case. It is for threads that
    /// wait in the background.
    ///
    /// By default this is [`sleep_or_cancel`](Self::sleep_or_cancel) for the time that is left. A clock whose `sleep` moves
    /// the time should wait here until something else has moved it.
    fn wait_until(&self, at: Instant, cancel: &Cancel) -> bool {
        self.sleep_or_cancel(at.saturating_duration_since(self.now()), cancel)
    }

    /// A uniformly distributed number from 0 (inclusive) to 1 (exclusive), for the jitter of the backoff.
    fn jitter(&self) -> f64;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn wall(&self) -> SystemTime {
        (**self).wall()
    }

    fn sleep(&self, duration: Duration) {
        (**self).sleep(duration);
    }

    fn sleep_or_cancel(&self, duration: Duration, cancel: &Cancel) -> bool {
        (**self).sleep_or_cancel(duration, cancel)
    }

    fn wait_until(&self, at: Instant, cancel: &Cancel) -> bool {
        (**self).wait_until(at, cancel)
    }

    fn jitter(&self) -> f64 {
        (**self).jitter()
    }
}

/// The system's clocks, `thread::sleep` and a seeded random number generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        now()
    }

    fn wall(&self) -> SystemTime {
        wall()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn sleep_or_cancel(&self, duration: Duration, cancel: &Cancel) -> bool {
        cancel.sleep(duration)
    }

    fn jitter(&self) -> f64 {
        fastrand::f64()
    }
}

/// The monotonic time, where no clock is at hand.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The time of day, where no clock is at hand.
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}

/// A time, and the second in which it is: computed once for all that is believed for the rest of a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: Instant,
    second: u64,
}

/// Counts seconds, from 1.
#[derive(Debug)]
pub(crate) struct Seconds {
    epoch: Instant,
}

impl Seconds {
    pub(crate) fn at(&self, now: Instant) -> Moment {
        Moment { now, second: now.saturating_duration_since(self.epoch).as_secs() + 1 }
    }
}

impl Default for Seconds {
    fn default() -> Self {
        Self { epoch: now() }
    }
}

/// That something was not there when it was last looked for. It is believed for the rest of that second, at the cost of one
/// load, because looking again (in the environment, in the file system) costs more than the rest of a small request.
#[derive(Debug, Default)]
pub(crate) struct Absence {
    /// The second in which it was not there.
    second: AtomicU64,
}

impl Absence {
    /// Whether it was not there when it was last looked for, in the second of `moment`.
    pub(crate) fn is_known(&self, moment: Moment) -> bool {
        self.second.load(Ordering::Relaxed) == moment.second
    }

    /// It is not there.
    pub(crate) fn note(&self, moment: Moment) {
        self.second.store(moment.second, Ordering::Relaxed);
    }
}

/// An instant after which something must not continue; `None` is "no limit".
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Deadline(pub(crate) Option<Instant>);

impl Deadline {
    pub(crate) const NONE: Self = Self(None);

    /// `limit` from `start`; a limit beyond what an `Instant` can hold is none.
    pub(crate) fn after(start: Instant, limit: Option<Duration>) -> Self {
        Self(limit.and_then(|limit| start.checked_add(limit)))
    }

    /// What is left at `now`: `None` is "no limit", zero is "it has passed".
    pub(crate) fn left(self, now: Instant) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(now))
    }

    pub(crate) fn has_passed(self, now: Instant) -> bool {
        self.0.is_some_and(|at| at <= now)
    }

    /// The earlier of the two.
    pub(crate) fn min(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Some(a), Some(b)) => Self(Some(a.min(b))),
            (a, b) => Self(a.or(b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absence_is_known_for_the_rest_of_its_second() {
        let (absence, seconds) = (Absence::default(), Seconds::default());
        let at = |millis| seconds.at(seconds.epoch + Duration::from_millis(millis));
        assert!(!absence.is_known(at(0)));

        for (noted, known, unknown) in [(0, [0, 999], [1000, 2000]), (1999, [1000, 1999], [999, 2000])] {
            absence.note(at(noted));

            assert_eq!(known.map(|millis| absence.is_known(at(millis))), [true; 2]);
            assert_eq!(unknown.map(|millis| absence.is_known(at(millis))), [false; 2]);
        }
    }
}
