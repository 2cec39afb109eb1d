//! How long the steps of one connect may take.
//!
//! [`Limits`] is what the caller sets; [`Bound`] is one step's share of it. Decisions use the caller's clock. The kernel does
//! the waiting, and a wait that it ended is over, so a clock that stands still cannot make a wait endless.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::exhausted::{Exhausted, Lost};
use super::transport::{Transport, is_dead_peer, is_timeout};
use super::wait::Wait;
use crate::cancel::{Cancel, Registration};
use crate::clock::{self, Clock, Deadline};

/// The limits on one connect: `connect` for each step, `total` for all of them together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits<'a> {
    pub(crate) connect: Option<Duration>,
    pub(crate) total: Deadline,
    pub(crate) clock: &'a dyn Clock,
    /// The token that can stop any step.
    pub(crate) cancel: Option<&'a Cancel>,
}

impl<'a> Limits<'a> {
    /// The bound of one step, from now on.
    pub(super) fn bound(&self) -> Bound<'a> {
        let own = Deadline::after(self.clock.now(), self.connect);
        let by_total = match (self.total.0, own.0) {
            (Some(total), Some(own)) => total <= own,
            (total, _) => total.is_some(),
        };
        Bound { clock: self.clock, at: own.min(self.total), by_total, cancel: self.cancel }
    }
}

/// When one step must be done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound<'a> {
    clock: &'a dyn Clock,
    at: Deadline,
    /// Whether the limit on everything comes before the step's own.
    by_total: bool,
    cancel: Option<&'a Cancel>,
}

impl Bound<'_> {
    /// The time left: `None` is "no limit". It is never zero.
    pub(super) fn left(&self) -> Result<Option<Duration>, Stopped> {
        match self.at.left(self.clock.now()) {
            Some(Duration::ZERO) => Err(self.expired()),
            left => Ok(left),
        }
    }

    /// This bound, or a shorter one if `limit` is shorter.
    pub(super) fn within(&self, limit: Duration) -> Self {
        Self { at: Deadline::after(self.clock.now(), Some(limit)).min(self.at), ..*self }
    }

    /// The result of a wait that reached its limit.
    pub(super) fn expired(&self) -> Stopped {
        Stopped::Expired { by_total: self.by_total, refused: None }
    }

    /// What a socket error means within this bound.
    pub(super) fn stopped(&self, error: io::Error) -> Stopped {
        match self.check() {
            Err(cancelled) => cancelled,
            Ok(()) if is_timeout(&error) && !is_dead_peer(&error) => self.expired(),
            Ok(()) => Stopped::Io(error),
        }
    }

    /// Whether to continue.
    pub(super) fn check(&self) -> Result<(), Stopped> {
        if self.cancel.is_some_and(Cancel::is_cancelled) { Err(Stopped::Cancelled) } else { Ok(()) }
    }

    pub(super) fn can_be_cancelled(&self) -> bool {
        self.cancel.is_some()
    }

    /// Lets the token stop what waits on `socket`.
    pub(super) fn register(&self, socket: &Arc<socket2::Socket>) -> Result<Option<Registration>, Stopped> {
        let Some(cancel) = self.cancel else { return Ok(None) };
        let registration = cancel.register(Arc::<socket2::Socket>::clone(socket));
        registration.map(Some).ok_or(Stopped::Cancelled)
    }

    /// The same for a transport.
    pub(super) fn register_transport(&self, transport: &Transport) -> Result<Option<Registration>, Stopped> {
        let Some(cancel) = self.cancel else { return Ok(None) };
        cancel.register(transport.stopper()).map(Some).ok_or(Stopped::Cancelled)
    }

    /// The same deadline on the system's clock, for code that cannot borrow the caller's.
    pub(super) fn on_system_clock(&self) -> Result<Deadline, Stopped> {
        Ok(Deadline::after(clock::now(), self.left()?))
    }
}

/// Why a step ended without a result.
#[derive(Debug)]
pub(super) enum Stopped {
    /// A limit was reached: the step's own, or the limit on everything. `refused` is the error of another address.
    Expired {
        by_total: bool,
        refused: Option<Lost>,
    },
    Cancelled,
    /// There was no descriptor or local port left.
    Exhausted(Exhausted, io::Error),
    Io(io::Error),
}

impl Stopped {
    /// Adds the error of another address that failed before.
    pub(super) fn because(self, error: Option<Lost>) -> Self {
        match self {
            Self::Expired { by_total, refused } => Self::Expired { by_total, refused: error.or(refused) },
            other => other,
        }
    }
}

/// A transport whose reads and writes end by the bound of one step.
pub(super) struct Bounded<'a> {
    pub(super) transport: &'a mut Transport,
    pub(super) bound: Bound<'a>,
}

impl Bounded<'_> {
    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize, Stopped> {
        use io::Read;
        self.set_wait()?;
        match self.transport.read(out) {
            Ok(read) => {
                // A socket that another thread shut down reads as the end of the stream.
                self.bound.check()?;
                Ok(read)
            }
            Err(error) => Err(self.bound.stopped(error)),
        }
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        use io::Write;
        self.set_wait()?;
        self.transport.write_all(bytes).and_then(|()| self.transport.flush()).map_err(|error| self.bound.stopped(error))
    }

    fn set_wait(&mut self) -> Result<(), Stopped> {
        self.bound.check()?;
        self.transport.set_wait(Wait::until(self.bound.on_system_clock()?));
        Ok(())
    }
}

#[cfg(feature = "socks")]
impl Bounded<'_> {
    pub(super) fn read_exact(&mut self, mut out: &mut [u8]) -> Result<(), Stopped> {
        while !out.is_empty() {
            match self.read(out)? {
                0 => return Err(Stopped::Io(io::ErrorKind::UnexpectedEof.into())),
                read => out = &mut out[read..],
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    // TIME-04
    #[test]
    fn each_step_has_the_connect_limit_anew_within_the_total() {
        let second = Duration::from_secs(1);
        let now = clock::now();
        for (connect, total, by_total) in [
            (None, None, false),
            (Some(second), None, false),
            (None, Some(second), true),
            (Some(second), Some(2 * second), false),
            (Some(5 * second), Some(second), true),
        ] {
            let limits = Limits { connect, total: Deadline::after(now, total), clock: &SystemClock, cancel: None };

            let bound = limits.bound();

            assert_eq!(bound.by_total, by_total, "{connect:?} {total:?}");
            let shorter = connect.into_iter().chain(total).min();
            assert_eq!(bound.left().unwrap().is_some(), shorter.is_some());
            assert!(bound.left().unwrap() <= shorter);
        }
    }

    #[test]
    fn a_step_that_starts_too_late_does_not_start() {
        let total = Deadline(Some(clock::now()));

        let bound = Limits { connect: None, total, clock: &SystemClock, cancel: None }.bound();

        assert!(matches!(bound.left(), Err(Stopped::Expired { by_total: true, .. })));
        assert!(bound.on_system_clock().is_err());
    }
}
