//! From addresses to one connected TCP socket.
//!
//! On Unix the addresses race as RFC 8305 has it, without a thread for each: connects that do not block, a new one every
//! 250 ms or as soon as another has failed, and one `poll` over all that are under way. Elsewhere they are tried one after
//! another. All of them share one bound; the losers are closed.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};

use super::limits::{Bound, Stopped};

/// What a socket is given before it connects.
#[derive(Clone, Debug)]
pub(crate) struct SocketOptions {
    pub(crate) nodelay: bool,
    pub(crate) keepalive: Option<KeepAlive>,
    /// How long sent bytes may stay unacknowledged (TCP_USER_TIMEOUT: Linux, Android, Fuchsia).
    pub(crate) user_timeout: Option<Duration>,
    /// Where connections come from; a port of 0 is any port. Only addresses of its family are tried.
    pub(crate) source_address: Option<SocketAddr>,
}

/// TCP keepalive; what is `None` is the system's.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct KeepAlive {
    /// The silence before the first probe.
    pub(crate) idle: Option<Duration>,
    /// Between probes.
    pub(crate) interval: Option<Duration>,
    /// How many unanswered probes break the connection.
    pub(crate) retries: Option<u32>,
}

impl Default for SocketOptions {
    // POOL-38
    fn default() -> Self {
        Self { nodelay: true, keepalive: None, user_timeout: None, source_address: None }
    }
}

impl SocketOptions {
    /// Refuses what this platform does not have, rather than ignoring it.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.user_timeout.is_some() && !HAS_USER_TIMEOUT {
            return Err("this platform has no TCP_USER_TIMEOUT");
        }
        if self.keepalive.is_some_and(|k| k.interval.is_some() || k.retries.is_some()) && !HAS_KEEPALIVE_PROBES {
            return Err("this platform has no interval or count of TCP keepalive probes");
        }
        Ok(())
    }

    fn socket(&self, to: &SocketAddr, blocking: bool) -> io::Result<Socket> {
        let socket = open(Domain::for_address(*to), blocking)?;
        if self.nodelay {
            socket.set_tcp_nodelay(true)?;
        }
        if let Some(keepalive) = &self.keepalive {
            socket.set_tcp_keepalive(&keepalive.parameters())?;
        }
        #[cfg(any(target_os = "linux", target_os = "android", target_os = "fuchsia"))]
        if let Some(timeout) = self.user_timeout {
            socket.set_tcp_user_timeout(Some(timeout))?;
        }
        if let Some(source) = self.source_address {
            socket.bind(&SockAddr::from(source))?;
        }
        Ok(socket)
    }
}

impl KeepAlive {
    fn parameters(self) -> TcpKeepalive {
        let mut parameters = TcpKeepalive::new();
        if let Some(idle) = self.idle {
            parameters = parameters.with_time(idle);
        }
        #[cfg(any(
            target_os = "linux",
            target_os = "android",
            target_os = "freebsd",
            target_vendor = "apple",
            windows
        ))]
        {
            if let Some(interval) = self.interval {
                parameters = parameters.with_interval(interval);
            }
            if let Some(retries) = self.retries {
                parameters = parameters.with_retries(retries);
            }
        }
        parameters
    }
}

const HAS_USER_TIMEOUT: bool = cfg!(any(target_os = "linux", target_os = "android", target_os = "fuchsia"));
const HAS_KEEPALIVE_PROBES: bool =
    cfg!(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_vendor = "apple", windows));

/// Connects to the first of `addresses` that answers; the last one's error if none does.
pub(super) fn dial(
    addresses: &[SocketAddr],
    options: &SocketOptions,
    bound: &Bound<'_>,
) -> Result<(TcpStream, SocketAddr), Stopped> {
    let Some(source) = options.source_address else { return race(addresses, options, bound) };
    let same: Vec<_> = addresses.iter().copied().filter(|to| to.is_ipv4() == source.is_ipv4()).collect();
    if same.is_empty() {
        let text = format!("the host has no address of the family of the source address {}", source.ip());
        return Err(Stopped::Io(io::Error::new(io::ErrorKind::AddrNotAvailable, text)));
    }
    race(&same, options, bound)
}

#[cfg(not(unix))]
fn open(domain: Domain, _blocking: bool) -> io::Result<Socket> {
    Socket::new(domain, Type::STREAM, Some(Protocol::TCP))
}

#[cfg(not(unix))]
fn race(
    addresses: &[SocketAddr],
    options: &SocketOptions,
    bound: &Bound<'_>,
) -> Result<(TcpStream, SocketAddr), Stopped> {
    let mut last = None;
    for to in addresses {
        let left = bound.left()?;
        let connected = options.socket(to, true).and_then(|socket| {
            match left {
                Some(left) => socket.connect_timeout(&SockAddr::from(*to), left)?,
                None => socket.connect(&SockAddr::from(*to))?,
            }
            Ok(socket)
        });
        match connected {
            Ok(socket) => return Ok((socket.into(), *to)),
            Err(error) if left.is_some() && error.kind() == io::ErrorKind::TimedOut => return Err(bound.expired()),
            Err(error) => last = Some(error),
        }
    }
    Err(Stopped::Io(last.unwrap_or_else(no_address)))
}

#[cfg(unix)]
use racing::race;

#[cfg(all(unix, any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn open(domain: Domain, blocking: bool) -> io::Result<Socket> {
    let kind = if blocking { Type::STREAM } else { Type::STREAM.nonblocking() };
    Socket::new(domain, kind, Some(Protocol::TCP))
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android", target_os = "freebsd"))))]
fn open(domain: Domain, blocking: bool) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if !blocking {
        socket.set_nonblocking(true)?;
    }
    Ok(socket)
}

/// RFC 8305 §5: how long one attempt is alone before the next one starts.
#[cfg(unix)]
const HEAD_START: Duration = Duration::from_millis(250);

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "no address to connect to")
}

#[cfg(unix)]
mod racing {
    use std::time::Instant;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;

    use super::*;
    use crate::clock::now;

    /// The attempts of one dial.
    struct Race<'a> {
        options: &'a SocketOptions,
        /// Not started yet.
        waiting: std::slice::Iter<'a, SocketAddr>,
        under_way: Vec<(Socket, SocketAddr)>,
        last_error: Option<io::Error>,
        /// Nothing to race against and no limit: the connect may block, which spares three system calls.
        blocking: bool,
    }

    type Winner = (TcpStream, SocketAddr);

    pub(super) fn race(
        addresses: &[SocketAddr],
        options: &SocketOptions,
        bound: &Bound<'_>,
    ) -> Result<Winner, Stopped> {
        let blocking = addresses.len() == 1 && bound.left()?.is_none();
        let mut race = Race { options, waiting: addresses.iter(), under_way: Vec::new(), last_error: None, blocking };
        let mut next_start = None;
        loop {
            let left = bound.left()?;
            if race.under_way.is_empty() || next_start.is_some_and(|at: Instant| at <= now()) {
                if let Some(winner) = race.start_next()? {
                    return Ok(winner);
                }
                next_start = (!race.waiting.as_slice().is_empty()).then(|| now() + HEAD_START);
            }
            let head_start = next_start.map(|at| at.saturating_duration_since(now()));
            // A wait for the limit that finds nothing is the end, whatever the clock says.
            let ends_it = left.is_some_and(|left| head_start.is_none_or(|start| left <= start));
            match race.wait(left.into_iter().chain(head_start).min())? {
                Waited::Won(winner) => return Ok(winner),
                Waited::Lost => next_start = Some(now()),
                Waited::InVain if ends_it => return Err(bound.expired()),
                Waited::InVain | Waited::Interrupted => {}
            }
        }
    }

    enum Waited {
        Won(Winner),
        /// An attempt failed, so the next one need not wait for its turn.
        Lost,
        /// By a signal.
        Interrupted,
        /// The time is up.
        InVain,
    }

    impl Race<'_> {
        /// Starts attempts until one is under way, or even connected. An error if all have failed.
        fn start_next(&mut self) -> Result<Option<Winner>, Stopped> {
            while let Some(to) = self.waiting.next() {
                match self.start(to) {
                    Ok((socket, true)) => return Ok(Some(self.finish(socket, *to).map_err(Stopped::Io)?)),
                    Ok((socket, false)) => {
                        self.under_way.push((socket, *to));
                        return Ok(None);
                    }
                    Err(error) => self.last_error = Some(error),
                }
            }
            if self.under_way.is_empty() {
                return Err(Stopped::Io(self.last_error.take().unwrap_or_else(no_address)));
            }
            Ok(None)
        }

        fn start(&self, to: &SocketAddr) -> io::Result<(Socket, bool)> {
            let socket = self.options.socket(to, self.blocking)?;
            match socket.connect(&SockAddr::from(*to)) {
                Ok(()) => Ok((socket, true)),
                // POSIX: a connect that a signal interrupts goes on by itself.
                Err(error)
                    if [Errno::INPROGRESS, Errno::INTR]
                        .iter()
                        .any(|e| error.raw_os_error() == Some(e.raw_os_error())) =>
                {
                    Ok((socket, false))
                }
                Err(error) => Err(error),
            }
        }

        fn wait(&mut self, limit: Option<Duration>) -> Result<Waited, Stopped> {
            let limit = limit.map(timespec);
            let mut polled: Vec<_> =
                self.under_way.iter().map(|(socket, _)| PollFd::new(socket, PollFlags::OUT)).collect();
            match poll(&mut polled, limit.as_ref()) {
                Ok(0) => return Ok(Waited::InVain),
                Ok(_) => {}
                Err(Errno::INTR) => return Ok(Waited::Interrupted),
                Err(error) => return Err(Stopped::Io(error.into())),
            }
            let events: Vec<_> = polled.iter().map(PollFd::revents).collect();
            let mut index = 0;
            for event in events {
                if event.is_empty() {
                    index += 1;
                    continue;
                }
                let (socket, to) = self.under_way.remove(index);
                let trouble = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
                match if event.intersects(trouble) { Some(failure_of(&socket)) } else { None } {
                    None => return Ok(Waited::Won(self.finish(socket, to).map_err(Stopped::Io)?)),
                    Some(error) => self.last_error = Some(error),
                }
            }
            Ok(Waited::Lost)
        }

        fn finish(&self, socket: Socket, to: SocketAddr) -> io::Result<Winner> {
            let stream = TcpStream::from(socket);
            if !self.blocking {
                stream.set_nonblocking(false)?;
            }
            Ok((stream, to))
        }
    }

    fn failure_of(socket: &Socket) -> io::Error {
        match socket.take_error() {
            Ok(Some(error)) | Err(error) => error,
            Ok(None) => io::ErrorKind::ConnectionAborted.into(),
        }
    }

    fn timespec(duration: Duration) -> Timespec {
        // Some platforms poll with an i32 of milliseconds: a longer wait is cut, and the loop starts another.
        let duration = duration.min(Duration::from_secs(1_000_000));
        Timespec { tv_sec: duration.as_secs() as _, tv_nsec: duration.subsec_nanos() as _ }
    }
}
