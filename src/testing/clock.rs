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

    /// Advances the time, by seconds or a `Duration`.
    pub fn advance(&self, by: impl IntoDuration) {
        let by = by.into_duration();
        let mut state = self.state.lock();
        state.now += by;
        state.wall += by;
        self.moved.0.notify_all();
    }

    /// The durations of all sleeps, in order.
    #[must_use]
    pub fn slept(&self) -> Vec<Duration> {
        self.state.lock().slept.clone()
    }
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
