//! One open connection, as bytes: TCP, a Unix socket, or TLS over either, or over TLS.
//!
//! It knows no HTTP and no pool. Reading and writing are one `match` away from the system call. Timeouts are remembered,
//! so that setting the same one again costs nothing; they stay with the socket. Dropping a transport closes it.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::tls;

/// An open connection. After [`connect`](super::Connector::connect) its timeouts are those of the last step: set both before use.
pub(crate) struct Transport {
    inner: Inner,
}

enum Inner {
    Tcp {
        socket: Socket<TcpStream>,
        peer: SocketAddr,
    },
    #[cfg(unix)]
    Unix(Socket<UnixStream>),
    Tls(Box<tls::Stream>),
}

/// A socket and the timeouts it is known to have.
struct Socket<S> {
    stream: S,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

impl Transport {
    /// A connected socket in blocking mode, without timeouts.
    pub(crate) fn tcp(stream: TcpStream, peer: SocketAddr) -> Self {
        Self { inner: Inner::Tcp { socket: Socket { stream, read_timeout: None, write_timeout: None }, peer } }
    }

    /// A connected socket in blocking mode, with this write timeout.
    #[cfg(unix)]
    pub(super) fn unix(stream: UnixStream, write_timeout: Option<Duration>) -> Self {
        Self { inner: Inner::Unix(Socket { stream, read_timeout: None, write_timeout }) }
    }

    pub(super) fn tls(stream: tls::Stream) -> Self {
        Self { inner: Inner::Tls(Box::new(stream)) }
    }

    /// Bounds each read from now on. A system call only where the value changes; zero counts as the shortest there is.
    pub(crate) fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match &mut self.inner {
            Inner::Tcp { socket, .. } => {
                change(&mut socket.read_timeout, timeout, |t| socket.stream.set_read_timeout(t))
            }
            #[cfg(unix)]
            Inner::Unix(socket) => change(&mut socket.read_timeout, timeout, |t| socket.stream.set_read_timeout(t)),
            Inner::Tls(stream) => stream.carrier_mut().transport.set_read_timeout(timeout),
        }
    }

    /// Bounds each write from now on, as [`set_read_timeout`](Self::set_read_timeout) does reads.
    pub(crate) fn set_write_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match &mut self.inner {
            Inner::Tcp { socket, .. } => {
                change(&mut socket.write_timeout, timeout, |t| socket.stream.set_write_timeout(t))
            }
            #[cfg(unix)]
            Inner::Unix(socket) => change(&mut socket.write_timeout, timeout, |t| socket.stream.set_write_timeout(t)),
            Inner::Tls(stream) => stream.carrier_mut().transport.set_write_timeout(timeout),
        }
    }

    /// Whether an idle connection must not be used again: the peer closed it, or sent what nobody asked for.
    ///
    /// One system call that takes nothing from the socket. Over TLS any record that is waiting counts, a late session
    /// ticket among them.
    pub(crate) fn is_stale(&mut self) -> bool {
        match &mut self.inner {
            Inner::Tcp { socket, .. } => has_news(&socket.stream),
            #[cfg(unix)]
            Inner::Unix(socket) => has_news(&socket.stream),
            Inner::Tls(stream) => stream.has_unread() || stream.carrier_mut().transport.is_stale(),
        }
    }

    /// Appends what comes to `out`, up to `most` bytes or the end, each read within the timeout; how much it was. On an error
    /// `out` may have more as well. From a socket it goes to memory that nobody had to zero.
    pub(crate) fn read_up_to(&mut self, most: u64, out: &mut Vec<u8>) -> io::Result<usize> {
        match &mut self.inner {
            Inner::Tcp { socket, .. } => (&socket.stream).take(most).read_to_end(out),
            #[cfg(unix)]
            Inner::Unix(socket) => (&socket.stream).take(most).read_to_end(out),
            Inner::Tls(_) => Read::by_ref(self).take(most).read_to_end(out),
        }
    }

    /// The address at the other end of the socket, a proxy's if there is one; `None` for a Unix socket.
    pub(crate) fn peer_addr(&self) -> Option<SocketAddr> {
        match &self.inner {
            Inner::Tcp { peer, .. } => Some(*peer),
            #[cfg(unix)]
            Inner::Unix(_) => None,
            Inner::Tls(stream) => stream.carrier().transport.peer_addr(),
        }
    }

    pub(crate) fn is_tls(&self) -> bool {
        matches!(self.inner, Inner::Tls(_))
    }

    /// Ends the connection in good order: TLS says good-bye if that does not block for long, then the socket is shut down.
    /// Errors are of no use to anyone here.
    pub(crate) fn shutdown(&mut self) {
        match &mut self.inner {
            Inner::Tcp { socket, .. } => drop(socket.stream.shutdown(Shutdown::Both)),
            #[cfg(unix)]
            Inner::Unix(socket) => drop(socket.stream.shutdown(Shutdown::Both)),
            Inner::Tls(stream) => {
                if stream.carrier_mut().transport.set_write_timeout(Some(GOOD_BYE)).is_ok() {
                    stream.close_notify();
                }
                stream.carrier_mut().transport.shutdown();
            }
        }
    }

    /// Ends this side and reads away what the peer is still sending, for a moment: closing a socket with unread bytes would
    /// reset the connection.
    #[cfg(feature = "native-tls")]
    pub(super) fn linger(&mut self) {
        match &mut self.inner {
            Inner::Tcp { socket, .. } => drop(socket.stream.shutdown(Shutdown::Write)),
            #[cfg(unix)]
            Inner::Unix(socket) => drop(socket.stream.shutdown(Shutdown::Write)),
            Inner::Tls(stream) => return stream.carrier_mut().transport.linger(),
        }
        if self.set_read_timeout(Some(GOOD_BYE)).is_ok() {
            let mut left = 16;
            while left > 0 && self.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                left -= 1;
            }
        }
    }

    #[cfg(test)]
    pub(super) fn tcp_stream(&self) -> &TcpStream {
        match &self.inner {
            Inner::Tcp { socket, .. } => &socket.stream,
            #[cfg(unix)]
            Inner::Unix(_) => panic!("not TCP"),
            Inner::Tls(stream) => stream.carrier().transport.tcp_stream(),
        }
    }
}

impl Read for Transport {
    #[inline]
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.inner {
            Inner::Tcp { socket, .. } => socket.stream.read(out),
            #[cfg(unix)]
            Inner::Unix(socket) => socket.stream.read(out),
            Inner::Tls(stream) => stream.read(out),
        }
    }
}

impl Write for Transport {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.inner {
            Inner::Tcp { socket, .. } => socket.stream.write(bytes),
            #[cfg(unix)]
            Inner::Unix(socket) => socket.stream.write(bytes),
            Inner::Tls(stream) => stream.write(bytes),
        }
    }

    /// Over TLS only the first buffer goes, as records are made one by one.
    #[inline]
    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        match &mut self.inner {
            Inner::Tcp { socket, .. } => socket.stream.write_vectored(buffers),
            #[cfg(unix)]
            Inner::Unix(socket) => socket.stream.write_vectored(buffers),
            Inner::Tls(stream) => {
                let first = buffers.iter().find(|buffer| !buffer.is_empty()).map_or(&[][..], |buffer| buffer);
                stream.write(first)
            }
        }
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.inner {
            Inner::Tls(stream) => stream.flush(),
            _ => Ok(()), // sockets keep nothing back
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("peer", &self.peer_addr()).field("tls", &self.is_tls()).finish()
    }
}

/// Whether `error` is a socket's timeout running out: `WouldBlock` on Unix, `TimedOut` on Windows.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    // An errno of TimedOut is the kernel giving up on a dead peer, which is no timeout of ours.
    match error.kind() {
        io::ErrorKind::WouldBlock => true,
        io::ErrorKind::TimedOut => cfg!(windows) || error.raw_os_error().is_none(),
        _ => false,
    }
}

fn change(
    known: &mut Option<Duration>,
    wanted: Option<Duration>,
    set: impl FnOnce(Option<Duration>) -> io::Result<()>,
) -> io::Result<()> {
    if *known == wanted {
        return Ok(());
    }
    // Zero would mean "no limit" to the kernel.
    set(wanted.map(|timeout| timeout.max(SHORTEST)))?;
    *known = wanted;
    Ok(())
}

/// True for bytes, the end, or an error; false only for "nothing there yet".
#[cfg(unix)]
fn has_news(socket: &impl rustix::fd::AsFd) -> bool {
    use rustix::net::{RecvFlags, recv};

    let mut byte = [0u8; 1];
    !matches!(recv(socket, &mut byte[..], RecvFlags::PEEK | RecvFlags::DONTWAIT), Err(rustix::io::Errno::AGAIN))
}

#[cfg(not(unix))]
fn has_news(socket: &TcpStream) -> bool {
    let quiet = || -> io::Result<bool> {
        socket.set_nonblocking(true)?;
        let peeked = socket.peek(&mut [0u8; 1]);
        socket.set_nonblocking(false)?;
        Ok(matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock))
    };
    !quiet().unwrap_or(false)
}

const SHORTEST: Duration = Duration::from_micros(1);
const GOOD_BYE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
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
        talked_to.read_exact(&mut late).unwrap(); // the probe took nothing
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

    #[test]
    fn timeouts_are_set_when_they_change_and_zero_is_short() {
        let mut transport = plain(serve(silence));

        for (timeout, set) in
            [(Some(millis(5000)), Some(millis(5000))), (Some(millis(5000)), Some(millis(5000))), (None, None)]
        {
            transport.set_read_timeout(timeout).unwrap();
            transport.set_write_timeout(timeout).unwrap();
            let stream = transport.tcp_stream();
            assert_eq!((stream.read_timeout().unwrap(), stream.write_timeout().unwrap()), (set, set));
        }

        // What was set behind its back shows that setting the same again is no system call.
        transport.tcp_stream().set_read_timeout(Some(millis(7000))).unwrap();
        transport.set_read_timeout(None).unwrap();
        assert_eq!(transport.tcp_stream().read_timeout().unwrap(), Some(millis(7000)));

        transport.set_read_timeout(Some(Duration::ZERO)).unwrap();
        let error = transport.read(&mut [0]).unwrap_err();
        assert!(is_timeout(&error), "{error:?}");
    }

    #[test]
    fn a_dead_peer_is_no_timeout_of_ours() {
        assert!(is_timeout(&io::ErrorKind::WouldBlock.into()));
        assert!(is_timeout(&io::ErrorKind::TimedOut.into()));
        #[cfg(unix)]
        assert!(!is_timeout(&io::Error::from(rustix::io::Errno::TIMEDOUT)));
        assert!(!is_timeout(&io::ErrorKind::ConnectionReset.into()));
    }

    #[test]
    fn several_buffers_go_in_one_write() {
        let mut transport = plain(serve(echo));

        let written = transport.write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"cde")]).unwrap();

        assert_eq!(written, 5);
        let mut answer = [0; 5];
        transport.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"abcde");
    }
}
