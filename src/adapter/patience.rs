//! How long one request may wait, and what can stop it.
//!
//! Everything that an exchange reads or writes goes through here. The limits are set on the connection first, and a wait that
//! ends without a result returns a [`Halt`], which says why. Only this file knows that a connection that another thread has
//! stopped looks as if its peer had closed it.

use std::borrow::Cow;
use std::io::{self, IoSliceMut, Read};
use std::sync::Arc;
use std::time::Duration;

use crate::adapter::buffer::Buffer;
use crate::cancel::{Cancel, Registration};
use crate::clock::{self, Clock, Deadline};
use crate::error::{Error, ErrorKind};
use crate::net::{RanOut, Ready, Transport, Wait, is_timeout};
use crate::text::authority::host_and_port;
use crate::url::Url;

/// How long the peer may be silent, when the request must be over, and what can stop it. It borrows from the request until a
/// body needs it for longer.
#[derive(Debug)]
pub(super) struct Patience<'r> {
    read: Option<Duration>,
    /// The limit on everything, and its clock.
    total: Option<(Deadline, Arc<dyn Clock>)>,
    /// The request's token.
    cancel: Option<Cow<'r, Cancel>>,
    /// The response's own token, for another thread that closes it while its body is read.
    closer: Option<Cancel>,
    /// The origin, for error texts.
    url: Cow<'r, Url>,
}

/// Why a read or a write ended without a result.
#[derive(Debug)]
pub(super) enum Halt {
    /// The limit on silence was reached, or the kernel gave up the peer.
    Silent(Option<io::Error>),
    /// The limit on everything was reached.
    Over,
    Cancelled,
    Closed,
    Broken(io::Error),
}

/// What was being done, for the error text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Doing {
    Sending,
    Head,
    Body,
}

impl Doing {
    fn text(self) -> &'static str {
        match self {
            Self::Sending => "sending the request to",
            Self::Head => "waiting for the response from",
            Self::Body => "reading the body from",
        }
    }
}

impl<'r> Patience<'r> {
    pub(super) fn new(
        read: Option<Duration>,
        deadline: Deadline,
        clock: &Arc<dyn Clock>,
        cancel: Option<&'r Cancel>,
        url: &'r Url,
    ) -> Self {
        let total = deadline.0.is_some().then(|| (deadline, Arc::clone(clock)));
        Self { read, total, cancel: cancel.map(Cow::Borrowed), closer: None, url: Cow::Borrowed(url) }
    }

    /// The same for a body, which outlives its request; this one is not used any more.
    pub(super) fn take_for_body(&mut self) -> Patience<'static> {
        let (read, total, closer) = (self.read, self.total.take(), self.closer.take());
        let cancel = self.cancel.take().map(|cancel| Cow::Owned(cancel.into_owned()));
        Patience { read, total, cancel, closer, url: Cow::Owned((*self.url).clone()) }
    }

    /// Lets `closer` stop reads from now on.
    pub(super) fn closed_by(&mut self, closer: Cancel) {
        self.closer = Some(closer);
    }

    /// Registers `transport` with the tokens that can stop it.
    pub(super) fn register(&self, transport: &Transport) -> Result<Stops, Halt> {
        Ok(Stops {
            cancel: match &self.cancel {
                Some(cancel) => Some(cancel.register(transport.stopper()).ok_or(Halt::Cancelled)?),
                None => None,
            },
            closer: self.closer.as_ref().and_then(|closer| closer.register(transport.stopper())),
        })
    }

    /// The limits on the next wait.
    fn wait(&self) -> Result<Wait, Halt> {
        self.check()?;
        let Some((deadline, clock)) = &self.total else {
            return Ok(Wait { silence: self.read, until: Deadline::NONE });
        };
        let left = deadline.left(clock.now()).unwrap_or(Duration::MAX);
        if left.is_zero() {
            return Err(Halt::Over);
        }
        Ok(Wait { silence: self.read, until: Deadline::after(clock::now(), Some(left)) })
    }

    /// Whether a token has stopped it, or its time is up: after what took its time, and was no wait for the connection.
    pub(super) fn check_limits(&self) -> Result<(), Halt> {
        self.check()?;
        match &self.total {
            Some((deadline, clock)) if deadline.has_passed(clock.now()) => Err(Halt::Over),
            _ => Ok(()),
        }
    }

    /// Whether a token has stopped it.
    pub(super) fn check(&self) -> Result<(), Halt> {
        match (&self.cancel, &self.closer) {
            (Some(cancel), _) if cancel.is_cancelled() => Err(Halt::Cancelled),
            (_, Some(closer)) if closer.is_cancelled() => Err(Halt::Closed),
            _ => Ok(()),
        }
    }

    /// Does something that can wait, within the limits.
    #[inline]
    fn within<T>(
        &self,
        transport: &mut Transport,
        within: Deadline,
        act: impl FnOnce(&mut Transport) -> io::Result<T>,
    ) -> Result<T, Halt> {
        let limits = self.wait()?;
        let bounded = Wait { until: limits.until.min(within), ..limits };
        transport.set_wait(bounded);
        act(transport).map_err(|error| self.halt(error, transport, limits.until))
    }

    /// What an error of the connection means for the exchange.
    fn halt(&self, error: io::Error, transport: &Transport, until: Deadline) -> Halt {
        if let Err(stopped) = self.check() {
            return stopped;
        }
        if !is_timeout(&error) {
            return Halt::Broken(error);
        }
        let kernel = error.raw_os_error().is_some();
        match transport.ran_out() {
            RanOut::Until if !kernel && until != Deadline::NONE && until.has_passed(clock::now()) => Halt::Over,
            _ => Halt::Silent(kernel.then_some(error)),
        }
    }

    /// The end of the stream, unless the connection was shut down here.
    #[inline]
    fn read_some(&self, read: usize) -> Result<usize, Halt> {
        if read == 0 {
            self.check()?;
        }
        Ok(read)
    }

    /// Reads into `out`; 0 at the end of the stream.
    pub(super) fn read(&self, transport: &mut Transport, within: Deadline, out: &mut [u8]) -> Result<usize, Halt> {
        let read = self.within(transport, within, |transport| transport.read(out))?;
        self.read_some(read)
    }

    /// Reads into `parts`, one after the other; 0 at the end of the stream.
    pub(super) fn read_vectored(
        &self,
        transport: &mut Transport,
        within: Deadline,
        parts: &mut [IoSliceMut<'_>],
    ) -> Result<usize, Halt> {
        let read = self.within(transport, within, |transport| transport.read_vectored(parts))?;
        self.read_some(read)
    }

    /// Reads into the spare capacity of `out`; 0 at the end of the stream.
    pub(super) fn read_to_vec(
        &self,
        transport: &mut Transport,
        within: Deadline,
        out: &mut Vec<u8>,
    ) -> Result<usize, Halt> {
        let read = self.within(transport, within, |transport| transport.read_to_vec(out))?;
        self.read_some(read)
    }

    /// Reads at most `most` bytes into `buffer`; 0 at the end of the stream.
    pub(super) fn fill(
        &self,
        transport: &mut Transport,
        within: Deadline,
        buffer: &mut Buffer,
        most: usize,
    ) -> Result<usize, Halt> {
        let read = self.within(transport, within, |transport| transport.read(buffer.room(most)))?;
        buffer.filled(read);
        self.read_some(read)
    }

    /// Reads what is there into `buffer`, at most `most` bytes; `None` if there is nothing.
    pub(super) fn fill_at_once(
        &self,
        transport: &mut Transport,
        buffer: &mut Buffer,
        most: usize,
    ) -> Result<Option<usize>, Halt> {
        match transport.try_read(buffer.room(most)) {
            Ok(read) => {
                buffer.filled(read);
                self.read_some(read).map(Some)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(self.halt(error, transport, Deadline::NONE)),
        }
    }

    /// Waits until the connection can be written or, if `listening`, read.
    pub(super) fn wait_to_write(&self, transport: &mut Transport, listening: bool) -> Result<Ready, Halt> {
        self.within(transport, Deadline::NONE, |transport| transport.wait_to_write(listening))
    }

    /// Waits until there may be something to read; false if the time `within` passes first.
    pub(super) fn wait_to_read(&self, transport: &mut Transport, within: Deadline) -> Result<bool, Halt> {
        match self.within(transport, within, Transport::wait_to_read) {
            Ok(()) => self.check().map(|()| true),
            Err(Halt::Silent(None)) if within.has_passed(clock::now()) => Ok(false),
            Err(halt) => Err(halt),
        }
    }

    /// `host:port` of the origin, for errors.
    pub(super) fn peer(&self) -> String {
        host_and_port(self.url.host(), self.url.port_or_default())
    }

    /// The public error. `broken` makes that of a connection that broke.
    pub(super) fn error(&self, halt: Halt, doing: Doing, broken: impl FnOnce(io::Error, &str) -> Error) -> Error {
        let peer = self.peer();
        let doing = format!("{} {peer}", doing.text());
        match halt {
            Halt::Silent(kernel) => {
                let text = match self.read {
                    _ if kernel.is_some() => format!("the peer stopped answering while {doing}"),
                    Some(read) => format!("read timed out after {read:?} while {doing}"),
                    None => format!("timed out while {doing}"),
                };
                let error = Error::message(ErrorKind::ReadTimeout, text);
                match kernel {
                    Some(kernel) => error.with_source(kernel),
                    None => error,
                }
            }
            Halt::Over => Error::message(ErrorKind::TotalTimeout, format!("the total timeout ran out while {doing}")),
            Halt::Cancelled => Cancel::error(&format!("while {doing}")),
            Halt::Closed => {
                Error::message(ErrorKind::StreamConsumed, "the response was closed while its body was read")
            }
            Halt::Broken(error) => broken(error, &peer),
        }
    }
}

/// The registrations by which a connection in use can be stopped.
#[derive(Default)]
pub(super) struct Stops {
    cancel: Option<Registration>,
    closer: Option<Registration>,
}

impl Stops {
    /// Ends the registrations. True if the connection was stopped or is about to be; then it must not be used again.
    pub(super) fn end(self) -> bool {
        // Both must be ended.
        let cancelled = self.cancel.is_some_and(Registration::end);
        self.closer.is_some_and(Registration::end) || cancelled
    }

    /// Lets the response's own token stop it too.
    pub(super) fn add_closer(&mut self, closer: &Cancel, transport: &Transport) {
        self.closer = closer.register(transport.stopper());
    }
}
