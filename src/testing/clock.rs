//! A clock that a test moves.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex};

use crate::cancel::{Cancel, Stop};
use crate::clock::{self, Clock};
use crate::timeout::IntoDuration;

/// A [`Clock`] that stands still until someone sleeps on it or [`advance`](Self::advance) moves it. Clones share it.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use petition::clock::Clock;
/// use petition::testing::FakeClock;
///
/// let fake = FakeClock::new();
/// let before = fake.now();
/// fake.sleep(Duration::from_secs(90));
/// fake.advance(0.5);
///
/// assert_eq!(fake.now() - before, Duration::from_millis(90_500));
/// assert_eq!(fake.slept(), [Duration::from_secs(90)]);
/// ```
#[derive(Clone, Debug)]
pub struct FakeClock {
    state: Arc<Mutex<State>>,
    moved: Arc<Moved>,
}

/// Wakes who waits for a time.
#[derive(Debug)]
struct Moved(Condvar, Arc<Mutex<State>>);

impl Stop for Moved {
    fn stop(&self) {
        // With the lock, so that nobody who is about to sleep is missed.
        let _state = self.1.lock();
        self.0.notify_all();
    }
}

#[derive(Debug)]
struct State {
    now: Instant,
    wall: SystemTime,
    slept: Vec<Duration>,
    jitter: f64,
}

impl FakeClock {
    /// A clock at the present time, without jitter.
    #[must_use]
    pub fn new() -> Self {
        let state = State { now: clock::now(), wall: clock::wall(), slept: Vec::new(), jitter: 0.0 };
        let state = Arc::new(Mutex::new(state));
        Self { moved: Arc::new(Moved(Condvar::new(), Arc::clone(&state))), state }
    }

    /// Sets the random number of each draw, from 0 to below 1.
    #[must_use = "returns the changed clock"]
    pub fn jitter(self, jitter: f64) -> Self {
        self.state.lock().jitter = jitter;
        self
    }

    /// Sets the time of day.
    #[must_use = "returns the changed clock"]
    pub fn wall_time(self, wall: SystemTime) -> Self {
        self.state.lock().wall = wall;
        self
    }

    /// Advances the time, by seconds or a `Duration`. By more than the system's times can hold, as `f64::INFINITY` is, it goes to
    /// a thousand years before their end, so that something can still be added to it.
    pub fn advance(&self, by: impl IntoDuration) {
        let by = by.into_duration();
        let mut state = self.state.lock();
        state.now = moved(state.now, by, |at, by| at.checked_add(by));
        state.wall = moved(state.wall, by, |at, by| at.checked_add(by));
        self.moved.0.notify_all();
    }

    /// The durations of all sleeps, in order.
    #[must_use]
    pub fn slept(&self) -> Vec<Duration> {
        self.state.lock().slept.clone()
    }
}

/// What is left of the time at its end.
const ROOM: Duration = Duration::from_secs(1000 * 365 * 86_400);

/// `at` and `by`, or as far as it goes.
fn moved<T: Copy>(at: T, by: Duration, add: impl Fn(T, Duration) -> Option<T>) -> T {
    let add = |at, by| add(at, by).filter(|&sum| add(sum, ROOM).is_some());
    if let Some(sum) = add(at, by) {
        return sum;
    }
    // No constant says where the end is.
    let (mut at, mut step) = (at, by / 2);
    while !step.is_zero() {
        at = add(at, step).unwrap_or(at);
        step /= 2;
    }
    at
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Instant {
        self.state.lock().now
    }

    fn wall(&self) -> SystemTime {
        self.state.lock().wall
    }

    fn sleep(&self, duration: Duration) {
        self.state.lock().slept.push(duration);
        self.advance(duration);
    }

    /// Waits until [`advance`](FakeClock::advance) or a sleep has moved the time to `at`.
    fn wait_until(&self, at: Instant, cancel: &Cancel) -> bool {
        let Some(_registration) = cancel.register(Arc::<Moved>::clone(&self.moved)) else { return false };
        let mut state = self.state.lock();
        while state.now < at && !cancel.is_cancelled() {
            self.moved.0.wait(&mut state);
        }
        !cancel.is_cancelled()
    }

    fn jitter(&self) -> f64 {
        self.state.lock().jitter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_beyond_the_end_of_time_stops_before_it() {
        for by in [Duration::MAX, f64::INFINITY.into_duration()] {
            let fake = FakeClock::new();
            fake.advance(by);
            let (now, wall) = (fake.now(), fake.wall());

            assert!(now.checked_add(ROOM).is_some() && wall.checked_add(ROOM).is_some());
            assert!(now.checked_add(ROOM + Duration::from_secs(1)).is_none());
            assert!(wall.checked_add(ROOM + Duration::from_secs(1)).is_none());
            fake.sleep(Duration::MAX);
            fake.advance(1);
            assert!(fake.now() >= now && fake.now() - now < Duration::from_secs(1));
        }
    }
}
