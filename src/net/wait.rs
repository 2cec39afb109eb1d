//! How long reads and writes may take, and the one place that sleeps until a socket is ready.
//!
//! A wait ends at one instant, computed when it begins. Each system call of it gets the time that is left, so that neither a
//! signal nor a slow peer can start it again (docs/decisions.md#one-deadline).

use std::io;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::clock::{self, Deadline};

/// The limits on the next read or write, on the system's clock.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Wait {
    /// How long the socket may be silent. It starts again with each byte.
    pub(crate) silence: Option<Duration>,
    /// When everything must be over.
    pub(crate) until: Deadline,
}

/// Which limit of a [`Wait`] was reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RanOut {
    Silence,
    Until,
}

impl Wait {
    /// A wait until `deadline` at most.
    pub(crate) fn until(deadline: Deadline) -> Self {
        Self { silence: None, until: deadline }
    }

    /// When a silence that begins at `now` becomes too long, and by which limit.
    pub(super) fn ends(self, now: Instant) -> (Deadline, RanOut) {
        let silent = Deadline::after(now, self.silence);
        match (silent.0, self.until.0) {
            (Some(silent), Some(until)) if until <= silent => (self.until, RanOut::Until),
            (None, Some(_)) => (self.until, RanOut::Until),
            _ => (silent, RanOut::Silence),
        }
    }
}

/// Sleeps until one of `sockets` is ready, or the deadline has passed (false). It may wake up spuriously.
pub(super) fn sleep_until_ready(sockets: &mut [PollFd<'_>], deadline: Deadline) -> io::Result<bool> {
    loop {
        let left = deadline.left(clock::now());
        if left == Some(Duration::ZERO) {
            return Ok(false);
        }
        let slice = SLICE.into_iter().chain(left).min();
        match poll(sockets, slice.map(timespec).as_ref()) {
            // The deadline or the slice is over; the caller checks which.
            Ok(0) if SLICE.is_none() => {}
            Ok(_) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Sleeps until `socket` is ready for one of `events`, and returns which; `None` if the deadline has passed.
pub(super) fn ready(socket: &socket2::Socket, events: PollFlags, deadline: Deadline) -> io::Result<Option<PollFlags>> {
    let mut sockets = [PollFd::new(socket, events)];
    Ok(sleep_until_ready(&mut sockets, deadline)?.then(|| sockets[0].revents()))
}

/// How often a poll checks again on systems where a shutdown by another thread may not wake it.
const SLICE: Option<Duration> = if cfg!(target_os = "linux") { None } else { Some(Duration::from_millis(50)) };

fn timespec(duration: Duration) -> Timespec {
    // Some platforms take an i32 of milliseconds. A longer wait is cut, and the loop starts another.
    let duration = duration.min(Duration::from_secs(1_000_000));
    Timespec { tv_sec: duration.as_secs() as _, tv_nsec: duration.subsec_nanos() as _ }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_that_comes_first_ends_a_wait() {
        let now = clock::now();
        let second = Duration::from_secs(1);
        let after = |limit| Deadline::after(now, limit);
        for (silence, until, end, ran_out) in [
            (None, None, None, RanOut::Silence),
            (Some(second), None, Some(second), RanOut::Silence),
            (None, Some(second), Some(second), RanOut::Until),
            (Some(second), Some(2 * second), Some(second), RanOut::Silence),
            (Some(2 * second), Some(second), Some(second), RanOut::Until),
            (Some(second), Some(second), Some(second), RanOut::Until),
        ] {
            let wait = Wait { silence, until: after(until) };

            assert_eq!(wait.ends(now), (after(end), ran_out), "{silence:?} {until:?}");
        }
    }
}
