//! A clock that a test moves.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;

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
        Self { state: Arc::new(Mutex::new(state)) }
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

    fn jitter(&self) -> f64 {
        self.state.lock().jitter
    }
}
