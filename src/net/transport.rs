//! One open connection, as bytes: TCP, a Unix socket, or TLS over either, or TLS over TLS.
//!
//! It knows nothing about HTTP and pools. Reading and writing are one `match` away from the system call. Timeouts stay with
//! the socket and are remembered, so that setting the same one again costs nothing. Dropping a transport closes it.

use std::fmt;
use std::io::{self, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use super::socket::Ready;
use super::socket::Socket;
use super::tls;
use super::wait::{RanOut, Wait};
use crate::cancel::Stop;

/// An open connection. After [`connect`](super::Connector::connect) it has the limits of the last step: set new ones first.
pub(crate) struct Transport {
    inner: Inner,
}

enum Inner {
    Socket {
        socket: Socket,
        /// `None` for a Unix socket.
        peer: Option<SocketAddr>,
    },
    Tls(Box<tls::Stream>),
}

impl Transport {
    /// A connected socket: in blocking mode on Unix, in non-blocking mode elsewhere.
    pub(super) fn new(socket: Arc<socket2::Socket>, peer: Option<SocketAddr>) -> Self {
        Self { inner: Inner::Socket { socket: Socket::new(socket), peer } }
    }

    pub(super) fn tls(stream: tls::Stream) -> Self {
        Self { inner: Inner::Tls(Box::new(stream)) }
    }

    fn socket(&self) -> &Socket {
        match &self.inner {
            Inner::Socket { socket, .. } => socket,
            Inner::Tls(stream) => stream.carrier().transport.socket(),
        }
    }

    #[inline]
    fn socket_mut(&mut self) -> &mut Socket {
        match &mut self.inner {
            Inner::Socket { socket, .. } => socket,
            Inner::Tls(stream) => stream.carrier_mut().transport.socket_mut(),
        }
    }

    /// Limits each read and write from now on, through all layers of TLS. It makes no system call.
    #[inline]
    pub(crate) fn set_wait(&mut self, wait: Wait) {
        self.socket_mut().set_wait(wait);
    }

    /// Which limit ended the last read or write that timed out.
    pub(crate) fn ran_out(&self) -> RanOut {
        self.socket().ran_out()
    }

    /// A handle that ends every read and write of this connection from another thread.
    pub(crate) fn stopper(&self) -> Arc<dyn Stop> {
        self.socket().stopper()
    }

    /// Reads what is there; [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing.
    pub(crate) fn try_read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.without_waiting(|transport| transport.read(out))
    }

    /// Writes as much as possible at once; [`WouldBlock`](io::ErrorKind::WouldBlock) if that is nothing. Over TLS, the same
    /// bytes must be written again in that case.
    #[inline]
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.without_waiting(|transport| transport.write(bytes))
    }

    /// Sends what TLS has buffered; [`WouldBlock`](io::ErrorKind::WouldBlock) if not all of it can be written at once.
    #[inline]
    pub(crate) fn try_flush(&mut self) -> io::Result<()> {
        match &self.inner {
            Inner::Socket { .. } => Ok(()),
            Inner::Tls(_) => self.without_waiting(Self::flush),
        }
    }

    #[inline]
    fn without_waiting<T>(&mut self, act: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        self.socket_mut().never_waits = true;
        let done = act(self);
        self.socket_mut().never_waits = false;
        done
    }

    /// Sets whether reads and writes that would have to wait are `WouldBlock`; returns what it was before.
    #[cfg(feature = "rustls")]
    pub(super) fn set_never_waits(&mut self, never: bool) -> bool {
        std::mem::replace(&mut self.socket_mut().never_waits, never)
    }

    /// Waits, within the limits, until the socket can be written or, if `listening`, read. Over TLS, what can be read may
    /// contain no application data.
    pub(crate) fn wait_to_write(&mut self, listening: bool) -> io::Result<Ready> {
        if listening && self.has_unread() {
            return Ok(Ready { to_read: true, to_write: false });
        }
        self.socket_mut().wait_to_write(listening)
    }

    /// Waits, within the limits, until there is something to read, and does not read it. Over TLS, it may contain no
    /// application data.
    pub(crate) fn wait_to_read(&mut self) -> io::Result<()> {
        if self.has_unread() {
            return Ok(());
        }
        self.socket_mut().wait_to_read()
    }

    /// Whether TLS has buffered bytes that can be read.
    fn has_unread(&mut self) -> bool {
        match &mut self.inner {
            Inner::Socket { .. } => false,
            Inner::Tls(stream) => stream.has_unread() || stream.carrier_mut().transport.has_unread(),
        }
    }

    /// The probe of an idle connection: whether it must not be used again, because the peer closed it or sent something
    /// unasked.
    ///
    /// It is one system call, which consumes nothing. Over TLS any record counts, even a late session ticket.
    pub(crate) fn is_stale(&mut self) -> bool {
        match &mut self.inner {
            Inner::Socket { socket, .. } => socket.has_news(),
            Inner::Tls(stream) => stream.has_unread() || stream.carrier_mut().transport.is_stale(),
        }
    }

    /// Appends the bytes of one read to `out`, within its capacity; 0 at the end of the stream. Without TLS, the memory need
    /// not be zeroed.
    pub(crate) fn read_to_vec(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
        match &mut self.inner {
            Inner::Socket { socket, .. } => socket.read_to_vec(out),
            Inner::Tls(stream) => {
                let (start, room) = (out.len(), out.capacity() - out.len());
                out.resize(start + room.min(RECORD), 0);
                let read = stream.read(&mut out[start..]);
                out.truncate(start + read.as_ref().copied().unwrap_or(0));
                read
            }
        }
    }

    /// The address that the socket is connected to, which may be a proxy's; `None` for a Unix socket.
    pub(crate) fn peer_addr(&self) -> Option<SocketAddr> {
        match &self.inner {
            Inner::Socket { peer, .. } => *peer,
            Inner::Tls(stream) => stream.carrier().transport.peer_addr(),
        }
    }

    pub(crate) fn is_tls(&self) -> bool {
        matches!(self.inner, Inner::Tls(_))
    }

    /// Ends the connection: TLS sends its close_notify if that needs no wait, then the socket is shut down. Errors are
    /// ignored.
    pub(crate) fn shutdown(&mut self) {
        let _ = self.without_waiting(|transport| {
            if let Inner::Tls(stream) = &mut transport.inner {
                stream.close_notify();
            }
            Ok(())
        });
        self.socket().shutdown(Shutdown::Both);
    }

    /// Lets the connection end by a reset, so that its local port is free at once, instead of after the minute that the side
    /// that closes first keeps it (TIME_WAIT). The peer must have nothing to read any more.
    pub(crate) fn reset_at_close(&mut self) {
        self.socket().reset_at_close();
    }

    /// Ends this side and discards, for a moment, what the peer still sends: closing a socket with unread bytes would reset
    /// the connection.
    #[cfg(feature = "native-tls")]
    pub(super) fn linger(&mut self) {
        let socket = self.socket_mut();
        socket.shutdown(Shutdown::Write);
        socket.set_wait(Wait::until(crate::clock::Deadline::after(crate::clock::now(), Some(GOOD_BYE))));
        let mut left = 16;
        while left > 0 && socket.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
            left -= 1;
        }
    }

    #[cfg(test)]
    pub(super) fn raw_socket(&self) -> &socket2::Socket {
        self.socket().get()
    }
}

impl Read for Transport {
    /// In one system call, except over TLS, where only the first part is read into.
    fn read_vectored(&mut self, parts: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match (&mut self.inner, parts) {
            (Inner::Socket { socket, .. }, parts) => socket.read_vectored(parts),
            (Inner::Tls(stream), [first, ..]) => stream.read(first),
            (Inner::Tls(_), []) => Ok(0),
        }
    }

    #[inline]
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.inner {
            Inner::Socket { socket, .. } => socket.read(out),
            Inner::Tls(stream) => stream.read(out),
        }
    }
}

impl Write for Transport {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.inner {
            Inner::Socket { socket, .. } => socket.write(bytes),
            Inner::Tls(stream) => stream.write(bytes),
        }
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.inner {
            Inner::Tls(stream) => stream.flush(),
            Inner::Socket { .. } => Ok(()), // sockets have no buffer here
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("peer", &self.peer_addr()).field("tls", &self.is_tls()).finish()
    }
}

/// Whether `error` is a timeout: ours, or the kernel's, which gave up a silent peer (keepalive, TCP_USER_TIMEOUT, too many
/// retransmissions).
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Whether the kernel gave up the peer.
pub(super) fn is_dead_peer(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_some()
}

#[cfg_attr(not(feature = "native-tls"), allow(dead_code))]
const GOOD_BYE: Duration = Duration::from_millis(100);

/// The most that one TLS record holds.
const RECORD: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::clock::{self, Deadline};
    use crate::net::testing::*;

    // POOL-28
    #[test]
    fn a_connection_is_stale_once_the_peer_has_said_anything() {
        let (say, said) = mpsc::channel::<Option<&'static [u8]>>();
        let said = std::sync::Mutex::new(said);
        let peer = serve(move |mut stream| {
            let said = said.lock().unwrap();
            while let Ok(Some(bytes)) = said.recv() {
                stream.write_all(bytes).unwrap();
            }
        });

        let mut talked_to = plain(peer);
        assert!(!talked_to.is_stale());
        say.send(Some(b"408")).unwrap();
        wait_until_stale(&mut talked_to);
        let mut late = [0; 3];
        talked_to.read_exact(&mut late).unwrap(); // the probe consumed nothing
        assert!(!talked_to.is_stale());

        say.send(None).unwrap();
        wait_until_stale(&mut talked_to);
        assert_eq!(talked_to.read(&mut late).unwrap(), 0);
    }

    #[test]
    fn a_connection_that_was_shut_down_is_stale() {
        let mut transport = plain(serve(echo));
        assert!(!transport.is_stale());

        transport.shutdown();

        assert!(transport.is_stale());
    }

    fn silent_for(silence: Duration) -> Wait {
        Wait { silence: Some(silence), until: Deadline::NONE }
    }

    #[test]
    fn a_silence_is_set_in_the_kernel_when_it_changes() {
        let mut transport = plain(serve(echo));
        let in_kernel = |transport: &Transport| transport.raw_socket().read_timeout().unwrap();
        let exchange = |transport: &mut Transport| {
            transport.write_all(b"x").unwrap();
            transport.read_exact(&mut [0]).unwrap();
        };
        if cfg!(not(unix)) {
            return; // there, every wait is a poll
        }

        for silence in [Some(millis(5000)), Some(millis(5000)), None] {
            transport.set_wait(Wait { silence, until: Deadline::NONE });
            exchange(&mut transport);
            assert_eq!(in_kernel(&transport), silence);
        }

        // The kernel's value is changed directly, to show that setting the same limit again makes no system call.
        transport.raw_socket().set_read_timeout(Some(millis(7000))).unwrap();
        exchange(&mut transport);
        assert_eq!(in_kernel(&transport), Some(millis(7000)));
    }

    #[test]
    fn a_wait_ends_by_the_limit_that_comes_first() {
        let mut transport = plain(serve(silence));
        for (wait, ran_out) in [
            (silent_for(Duration::ZERO), RanOut::Silence),
            (silent_for(millis(30)), RanOut::Silence),
            (Wait::until(Deadline::after(clock::now(), Some(millis(30)))), RanOut::Until),
            (Wait::until(Deadline(Some(clock::now()))), RanOut::Until),
            (
                Wait { until: Deadline::after(clock::now(), Some(millis(30))), ..silent_for(millis(20_000)) },
                RanOut::Until,
            ),
            (
                Wait { until: Deadline::after(clock::now(), Some(millis(20_000))), ..silent_for(millis(30)) },
                RanOut::Silence,
            ),
        ] {
            transport.set_wait(wait);

            let error = transport.read(&mut [0]).unwrap_err();

            assert!(is_timeout(&error) && !is_dead_peer(&error), "{error:?}");
            assert_eq!(transport.ran_out(), ran_out, "{wait:?}");
        }
    }

    #[test]
    fn nothing_waits_that_is_only_tried() {
        let mut transport = plain(serve(|_stream| {
            loop {
                std::thread::park();
            }
        }));

        assert_eq!(transport.try_read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let block = vec![0; 1 << 20];
        let full = loop {
            match transport.try_write(&block) {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);

        transport.set_wait(silent_for(millis(30)));
        // There may be room once more, as the system moves bytes on to the peer.
        let full = loop {
            if let Err(error) = transport.write_all(&block) {
                break error;
            }
        };
        assert!(is_timeout(&full));
        assert!(is_timeout(&transport.wait_to_write(true).unwrap_err()));
    }

    #[test]
    fn whoever_waits_to_write_hears_what_the_peer_says() {
        let (say, said) = mpsc::channel::<()>();
        let said = std::sync::Mutex::new(said);
        let mut transport = plain(serve(move |mut stream| {
            said.lock().unwrap().recv().unwrap();
            stream.write_all(b"no").unwrap();
            echo(stream);
        }));
        transport.set_wait(silent_for(millis(20_000)));

        say.send(()).unwrap();
        // As long as the system moves bytes on to the peer there is room once more.
        loop {
            while transport.try_write(&[0; 1 << 16]).is_ok() {}
            if transport.wait_to_write(true).unwrap().to_read {
                break;
            }
        }

        let mut answer = [0; 2];
        transport.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"no");
    }

    #[test]
    fn a_stopper_ends_a_read_from_another_thread() {
        for wait in [Wait::default(), silent_for(millis(20_000))] {
            let mut transport = plain(serve(silence));
            transport.set_wait(wait);
            let stopper = transport.stopper();
            let reader = std::thread::spawn(move || transport.read(&mut [0]).unwrap_or(0));

            stopper.stop();

            assert_eq!(reader.join().unwrap(), 0);
        }
    }

    #[test]
    fn a_dead_peer_is_a_timeout_that_can_be_told_apart() {
        assert!(is_timeout(&io::ErrorKind::WouldBlock.into()));
        assert!(is_timeout(&io::ErrorKind::TimedOut.into()));
        assert!(!is_dead_peer(&io::ErrorKind::TimedOut.into()));
        #[cfg(unix)]
        {
            let dead = io::Error::from(rustix::io::Errno::TIMEDOUT);
            assert!(is_timeout(&dead) && is_dead_peer(&dead));
        }
        assert!(!is_timeout(&io::ErrorKind::ConnectionReset.into()));
    }

    #[test]
    fn a_vector_is_filled_as_far_as_it_has_room() {
        let mut transport = plain(serve(echo));
        transport.write_all(b"abcdef").unwrap();

        let mut out = Vec::with_capacity(4);
        while out.len() < out.capacity() {
            transport.read_to_vec(&mut out).unwrap();
        }
        assert!(b"abcdef".starts_with(&out));
        assert_eq!(transport.read_to_vec(&mut out).unwrap(), 0, "no room");
    }
}
