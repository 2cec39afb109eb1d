//! A pause that a server asked for, and the ramp after it.
//!
//! Until the pause is over nothing leaves. Then the first request leaves alone, and the gap to the next is a tenth of the
//! pause, then half of that, a third, and so on: the number that has left grows e-fold with each tenth of the pause. So a
//! server that has not recovered is asked by one or a few, and says so, before all ask. The ramp ends with gaps of less than a
//! millisecond, or when as much time has passed as the pause took.

use std::time::{Duration, Instant};

use super::rate::LONGEST;

#[derive(Debug)]
pub(super) struct Pause {
    until: Instant,
    /// From the first request to the second.
    gap: Duration,
    /// How many have left since.
    gone: u32,
    /// When the next may leave.
    next: Instant,
    /// When the ramp ends.
    over: Instant,
}

const SHORTEST_FIRST_GAP: Duration = Duration::from_millis(10);
const LONGEST_FIRST_GAP: Duration = Duration::from_secs(1);
const SHORTEST_GAP: Duration = Duration::from_millis(1);
const LONGEST_RAMP: Duration = Duration::from_secs(10);

impl Pause {
    /// A pause of `time` from `now`, unless it would end before `current`.
    pub(super) fn begin(now: Instant, time: Duration, current: Option<&Self>) -> Option<Self> {
        let time = time.min(LONGEST);
        let until = now + time;
        if time.is_zero() || current.is_some_and(|current| current.until >= until) {
            return None;
        }
        Some(Self {
            until,
            gap: (time / 10).clamp(SHORTEST_FIRST_GAP, LONGEST_FIRST_GAP),
            gone: 0,
            next: until,
            over: until + time.min(LONGEST_RAMP),
        })
    }

    /// When the next request may leave; `None` is at once.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        (now < self.next && now < self.over).then_some(self.next)
    }

    /// A request leaves; false if the pause and its ramp are over.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        self.gone = self.gone.saturating_add(1);
        let gap = self.gap / self.gone;
        self.next = now + gap;
        now < self.over && gap >= SHORTEST_GAP
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        now >= self.over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    /// When requests that wait all the time leave after a pause, in milliseconds since its end.
    fn departures(pause: Duration, requests: usize) -> Vec<u128> {
        let start = clock::now();
        let mut state = Pause::begin(start, pause, None);
        let mut now = start + Duration::from_millis(1).min(pause);
        let mut left = Vec::new();
        for _ in 0..requests {
            if let Some(at) = state.as_ref().and_then(|pause| pause.next(now)) {
                now = at;
            }
            if state.as_mut().is_some_and(|pause| !pause.take(now)) {
                state = None;
            }
            left.push((now - start).saturating_sub(pause).as_millis());
        }
        left
    }

    #[test]
    fn after_a_pause_requests_leave_one_by_one_and_faster_and_faster() {
        assert_eq!(departures(Duration::from_secs(1), 6), [0, 100, 150, 183, 208, 228]);
        assert_eq!(departures(Duration::from_secs(3600), 4), [0, 1000, 1500, 1833]);
        assert_eq!(departures(Duration::from_millis(20), 4), [0, 10, 15, 18]);
        let many = departures(Duration::from_secs(1), 200);
        assert_eq!(many[100], many[199], "and at last without a gap");
        assert!((500..600).contains(&many[100]), "{}", many[100]);
    }

    #[test]
    fn a_pause_is_extended_and_never_shortened() {
        let start = clock::now();
        let second = Duration::from_secs(1);
        let pause = Pause::begin(start, second * 10, None).expect("a pause");
        assert!(Pause::begin(start + second, second * 5, Some(&pause)).is_none());
        assert!(Pause::begin(start, second * 10, Some(&pause)).is_none());
        let longer = Pause::begin(start + second, second * 10, Some(&pause)).expect("a longer one");
        assert_eq!(longer.next(start), Some(start + second * 11));
    }

    #[test]
    fn none_is_no_pause_and_the_ramp_ends_when_nobody_comes() {
        let start = clock::now();
        let second = Duration::from_secs(1);
        assert!(Pause::begin(start, Duration::ZERO, None).is_none());
        assert!(
            Pause::begin(start, Duration::MAX, None).is_some_and(|pause| pause.next(start + LONGEST / 2).is_some())
        );

        let mut pause = Pause::begin(start, second, None).expect("a pause");
        assert!(pause.take(start + second));
        assert_eq!(pause.next(start + second), Some(start + second + second / 10));
        assert!(!pause.is_over(start + second) && pause.is_over(start + second * 2));
        assert_eq!(pause.next(start + second * 2), None);

        // A request that leaves at the very end of the ramp is the last of it, and none waits then.
        let mut pause = Pause::begin(start, second, None).expect("a pause");
        assert!(pause.take(start + second * 2 - Duration::from_millis(1)));
        assert_eq!(pause.next(start + second * 2), None, "although the gap would be longer");
        let mut pause = Pause::begin(start, second, None).expect("a pause");
        assert!(!pause.take(start + second * 2));
    }
}
