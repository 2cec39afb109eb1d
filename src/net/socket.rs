//! One connected socket, whose waits end on time.
//!
//! On Unix the socket is in blocking mode, so that the ordinary read is one system call: the kernel limits the silence
//! (SO_RCVTIMEO, set only when it changes), and only a signal or a limit on everything needs a `poll` for the time that is
//! left. Writes are first tried without blocking; most never wait. Elsewhere the socket does not block, and every wait is a
//! `poll`.
//!
//! Another thread can shut the socket down through its [`stopper`](Socket::stopper), which ends a wait at once.

use std::io::{self, IoSliceMut, Read};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::PollFlags;

use super::wait::{RanOut, Wait, ready};
use crate::cancel::Stop;
use crate::clock::{self, Deadline};

pub(super) struct Socket {
    socket: Arc<socket2::Socket>,
    wait: Wait,
    /// The receive timeout that is set in the kernel.
    in_kernel: Option<Duration>,
    /// Whether reads and writes that cannot proceed at once are `WouldBlock`.
    pub(super) never_waits: bool,
    ran_out: RanOut,
}

/// What a socket is ready for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ready {
    /// There are bytes, the end of the stream, or an error.
    pub(crate) to_read: bool,
    pub(crate) to_write: bool,
}

impl Stop for socket2::Socket {
    fn stop(&self) {
        // An error means that it is no longer connected, so there is nothing to stop.
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Socket {
    /// Takes a connected socket, in blocking mode on Unix, without timeouts.
    pub(super) fn new(socket: Arc<socket2::Socket>) -> Self {
        Self { socket, wait: Wait::default(), in_kernel: None, never_waits: false, ran_out: RanOut::Silence }
    }

    #[cfg(test)]
    pub(super) fn get(&self) -> &socket2::Socket {
        &self.socket
    }

    pub(super) fn stopper(&self) -> Arc<dyn Stop> {
        Arc::<socket2::Socket>::clone(&self.socket)
    }

    /// Sets the limits on each read and write from now on.
    pub(super) fn set_wait(&mut self, wait: Wait) {
        self.wait = wait;
    }

    /// Which limit ended the last wait that failed.
    pub(super) fn ran_out(&self) -> RanOut {
        self.ran_out
    }

    #[inline]
    pub(super) fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0); // the kernel would wait
        }
        self.receive(|socket, blocking| sys::receive(socket, out, blocking))
    }

    /// Reads into `parts`, one after the other. The first must not be empty.
    pub(super) fn read_vectored(&mut self, parts: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.receive(|socket, blocking| match blocking {
            sys::Blocking::Yes => (&*socket).read_vectored(parts),
            // There is no flag for it.
            sys::Blocking::No => parts.first_mut().map_or(Ok(0), |first| sys::receive(socket, first, blocking)),
        })
    }

    /// Reads into the spare capacity of `out`, which need not be zeroed.
    pub(super) fn read_to_vec(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
        if out.capacity() == out.len() {
            return Ok(0); // the kernel would wait
        }
        self.receive(|socket, blocking| sys::receive_to_vec(socket, out, blocking))
    }

    #[inline]
    fn receive(
        &mut self,
        mut receive: impl FnMut(&socket2::Socket, sys::Blocking) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if self.never_waits {
            return uninterrupted(|| receive(&self.socket, sys::Blocking::No));
        }
        let kernel_waits = sys::KERNEL_WAITS && self.wait.until == Deadline::NONE;
        if kernel_waits && self.in_kernel != self.wait.silence {
            self.socket.set_read_timeout(self.wait.silence.map(|silence| silence.max(SHORTEST)))?;
            self.in_kernel = self.wait.silence;
        }
        let began = if self.wait == Wait::default() { None } else { Some(clock::now()) };
        if kernel_waits {
            match receive(&self.socket, sys::Blocking::Yes) {
                // A signal. The rest of the time is waited for by `poll`, because another read would start again.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.ran_out = RanOut::Silence;
                    return Err(io::ErrorKind::TimedOut.into());
                }
                result => return result,
            }
        }
        let (deadline, limit) = began.map_or((Deadline::NONE, RanOut::Silence), |began| self.wait.ends(began));
        loop {
            self.wait_for(PollFlags::IN, deadline, limit)?;
            match receive(&self.socket, sys::Blocking::No) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                result => return result,
            }
        }
    }

    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut ends = None;
        loop {
            match uninterrupted(|| sys::send(&self.socket, bytes)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.never_waits => {
                    // Computed once: a spurious wake-up gives no new time.
                    let (deadline, limit) = *ends.get_or_insert_with(|| self.wait.ends(clock::now()));
                    self.wait_for(PollFlags::OUT, deadline, limit)?;
                }
                result => return result,
            }
        }
    }

    /// Waits until the socket can be written or, if `listening`, read.
    pub(super) fn wait_to_write(&mut self, listening: bool) -> io::Result<Ready> {
        let (deadline, limit) = self.wait.ends(clock::now());
        let wanted = if listening { PollFlags::IN | PollFlags::OUT } else { PollFlags::OUT };
        let events = self.wait_for(wanted, deadline, limit)?;
        // On Windows each of these is two bits, of which usually one is set.
        let trouble = events.is_empty() || events.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL);
        Ok(Ready {
            to_read: listening && (trouble || events.intersects(PollFlags::IN)),
            to_write: trouble || events.intersects(PollFlags::OUT),
        })
    }

    /// Waits until there is something to read, and does not read it.
    pub(super) fn wait_to_read(&mut self) -> io::Result<()> {
        let (deadline, limit) = self.wait.ends(clock::now());
        self.wait_for(PollFlags::IN, deadline, limit).map(drop)
    }

    /// Which of `events` have occurred; none of them if this side was shut down.
    fn wait_for(&mut self, events: PollFlags, deadline: Deadline, limit: RanOut) -> io::Result<PollFlags> {
        loop {
            match ready(&self.socket, events, deadline)? {
                // Only a slice of the wait has passed.
                Some(events) if events.is_empty() && !self.is_shut_down() => {}
                Some(events) => return Ok(events),
                None => {
                    self.ran_out = limit;
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
        }
    }

    /// Whether this side was shut down. Sending no bytes reports that, without a wait and without a byte on the wire.
    fn is_shut_down(&self) -> bool {
        uninterrupted(|| sys::send(&self.socket, &[])).is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock)
    }

    /// Whether bytes, the end of the stream or an error can be read. It consumes nothing.
    pub(super) fn has_news(&self) -> bool {
        sys::has_news(&self.socket)
    }

    pub(super) fn reset_at_close(&self) {
        let _ = self.socket.set_linger(Some(Duration::ZERO));
    }

    pub(super) fn shutdown(&self, how: Shutdown) {
        let _ = self.socket.shutdown(how);
    }
}

#[inline]
fn uninterrupted<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match act() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The shortest limit that the kernel can be given: to it, zero means "no limit".
pub(super) const SHORTEST: Duration = Duration::from_micros(1);

#[cfg(unix)]
mod sys {
    use std::io;

    use rustix::buffer::spare_capacity;
    use rustix::io::Errno;
    use rustix::net::{RecvFlags, SendFlags, recv, send as send_to};

    /// A read may block in the kernel, which limits it.
    pub(super) const KERNEL_WAITS: bool = true;

    #[derive(Clone, Copy)]
    pub(super) enum Blocking {
        Yes,
        No,
    }

    fn flags(blocking: Blocking) -> RecvFlags {
        match blocking {
            Blocking::Yes => RecvFlags::empty(),
            Blocking::No => RecvFlags::DONTWAIT,
        }
    }

    #[inline]
    pub(super) fn receive(socket: &socket2::Socket, out: &mut [u8], blocking: Blocking) -> io::Result<usize> {
        Ok(recv(socket, out, flags(blocking)).map(|(read, _)| read)?)
    }

    pub(super) fn receive_to_vec(socket: &socket2::Socket, out: &mut Vec<u8>, blocking: Blocking) -> io::Result<usize> {
        Ok(recv(socket, spare_capacity(out), flags(blocking)).map(|(read, _)| read)?)
    }

    #[inline]
    pub(super) fn send(socket: &socket2::Socket, bytes: &[u8]) -> io::Result<usize> {
        Ok(send_to(socket, bytes, NO_WAIT)?)
    }

    /// Writing to a closed connection is an error, not a signal. Without a flag for that, socket2 sets SO_NOSIGPIPE.
    #[cfg(not(target_vendor = "apple"))]
    const NO_WAIT: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
    #[cfg(target_vendor = "apple")]
    const NO_WAIT: SendFlags = SendFlags::DONTWAIT;

    pub(super) fn has_news(socket: &socket2::Socket) -> bool {
        let mut byte = [0u8; 1];
        !matches!(recv(socket, &mut byte[..], RecvFlags::PEEK | RecvFlags::DONTWAIT), Err(Errno::AGAIN))
    }
}

#[cfg(not(unix))]
mod sys {
    use std::io::{self, Read, Write};
    use std::mem::MaybeUninit;

    pub(super) const KERNEL_WAITS: bool = false;

    /// The socket never blocks.
    #[derive(Clone, Copy)]
    pub(super) enum Blocking {
        Yes,
        No,
    }

    pub(super) fn receive(mut socket: &socket2::Socket, out: &mut [u8], _: Blocking) -> io::Result<usize> {
        socket.read(out)
    }

    pub(super) fn receive_to_vec(mut socket: &socket2::Socket, out: &mut Vec<u8>, _: Blocking) -> io::Result<usize> {
        let start = out.len();
        out.resize(out.capacity(), 0);
        let read = socket.read(&mut out[start..]);
        out.truncate(start + read.as_ref().copied().unwrap_or(0));
        read
    }

    pub(super) fn send(mut socket: &socket2::Socket, bytes: &[u8]) -> io::Result<usize> {
        socket.write(bytes)
    }

    pub(super) fn has_news(socket: &socket2::Socket) -> bool {
        let peeked = socket.peek(&mut [MaybeUninit::uninit(); 1]);
        !matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}
