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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use socket2::SockRef;

    use super::*;
    use crate::error::ErrorKind;
    use crate::net::testing::*;
    use crate::net::{ConnectErrorKind, Connector, Phase};

    #[test]
    fn one_address_connects_with_and_without_a_limit() {
        let peer = serve(echo);
        for limit in [None, Some(Duration::from_secs(20))] {
            let connected = connector_to([peer]).connect(&direct("h", None), &limits(limit, None)).unwrap();

            assert_eq!((connected.report.peer, connected.transport.is_tls()), (Some(peer), false));
            let mut transport = connected.transport;
            assert_echo(&mut transport);
        }
    }

    // POOL-39
    #[test]
    fn a_dead_address_gives_way_to_the_next() {
        let peer = serve(echo);

        let connected = connector_to([closed_port(), closed_port(), peer]).connect(&direct("h", None), &patient());

        assert_eq!(connected.unwrap().report.peer, Some(peer));
    }

    #[test]
    fn families_are_mixed_and_either_will_do() {
        let Ok(six) = serve_on("[::1]:0", echo) else { return }; // a machine without IPv6
        let four = serve(echo);
        let closed_six = SocketAddr::new(six.ip(), closed_port().port());

        for (addresses, reached) in
            [(vec![six], six), (vec![closed_six, four], four), (vec![closed_port(), closed_port(), six], six)]
        {
            let mut connected = connector_to(addresses).connect(&direct("h", None), &patient()).unwrap();
            assert_eq!(connected.report.peer, Some(reached));
            assert_echo(&mut connected.transport);
        }
    }

    // ERR-11
    #[test]
    fn refusals_by_all_are_the_last_ones_error() {
        let error =
            connector_to([closed_port(), closed_port()]).connect(&direct("h.test", None), &patient()).unwrap_err();

        assert!(matches!(&error.kind, ConnectErrorKind::Connect(e) if e.kind() == io::ErrorKind::ConnectionRefused));
        assert_eq!((error.phase, error.kind()), (Phase::Connect, ErrorKind::ConnectionError));
        assert_eq!(error.to_string(), "failed to connect to h.test:443: connection refused");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_silent_address_loses_the_race_after_its_head_start() {
        let hole = BlackHole::new();
        let peer = serve(echo);

        for limit in [None, Some(Duration::from_secs(20))] {
            let connector = connector_to([hole.address, peer]);
            let (connected, took) = timed(&connector, &direct("h", None), &limits(limit, None));

            let mut connected = connected.unwrap();
            assert_eq!(connected.report.peer, Some(peer));
            assert!(took >= HEAD_START, "{took:?}");
            assert_echo(&mut connected.transport); // it blocks again
        }
    }

    // TIME-03, TIME-04
    #[cfg(target_os = "linux")]
    #[test]
    fn one_limit_bounds_all_addresses_together() {
        let hole = BlackHole::new();
        let connector = connector_to([hole.address; 10]);

        for (connect, total, kind) in [
            (Some(millis(400)), None, ErrorKind::ConnectTimeout),
            (None, Some(millis(400)), ErrorKind::TotalTimeout),
            (Some(millis(400)), Some(Duration::from_secs(20)), ErrorKind::ConnectTimeout),
        ] {
            let (result, took) = timed(&connector, &direct("h.test", None), &limits(connect, total));

            let error = result.unwrap_err();
            assert_eq!((error.kind(), error.phase), (kind, Phase::Connect));
            assert!(took >= millis(390) && took < millis(3900), "{took:?}"); // one after another: 4 s
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_refusal_does_not_end_the_race_for_the_others() {
        let hole = BlackHole::new();
        let connector = connector_to([hole.address, closed_port()]);

        let error = connector.connect(&direct("h", None), &limits(Some(millis(400)), None)).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::ConnectTimeout);
        assert_eq!(error.to_string(), "connecting to h:443 timed out after 400ms");
    }

    // POOL-38
    #[test]
    fn sockets_have_no_delay_and_no_keepalive_by_default() {
        let transport = plain(serve(echo));

        let socket = SockRef::from(transport.tcp_stream());
        assert!(socket.tcp_nodelay().unwrap());
        assert!(!socket.keepalive().unwrap());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn options_reach_the_socket() {
        let peer = serve(echo);
        let options = SocketOptions {
            nodelay: false,
            keepalive: Some(KeepAlive {
                idle: Some(Duration::from_secs(33)),
                interval: Some(Duration::from_secs(7)),
                retries: Some(4),
            }),
            user_timeout: Some(Duration::from_secs(11)),
            source_address: Some("127.0.0.9:0".parse().unwrap()),
        };
        let connector = Connector { options, ..connector_to([peer]) };

        let connected = connector.connect(&direct("h", None), &patient()).unwrap();

        let stream = connected.transport.tcp_stream();
        let socket = SockRef::from(stream);
        assert!(!socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(33));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(7));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(11)));
        assert_eq!(stream.local_addr().unwrap().ip().to_string(), "127.0.0.9");
    }

    // TBELT-11
    #[test]
    fn a_source_address_picks_its_family_and_must_be_ours() {
        let peer = serve(echo);
        for (source, addresses) in [("[::1]:0", vec![peer]), ("192.0.2.1:0", vec![peer])] {
            let options = SocketOptions { source_address: Some(source.parse().unwrap()), ..SocketOptions::default() };
            let connector = Connector { options, ..connector_to(addresses) };

            let error = connector.connect(&direct("h", None), &patient()).unwrap_err();

            assert!(
                matches!(&error.kind, ConnectErrorKind::Connect(e) if e.kind() == io::ErrorKind::AddrNotAvailable),
                "{error}"
            );
            assert_eq!(error.kind(), ErrorKind::ConnectionError);
        }
    }
}
