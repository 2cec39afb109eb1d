//! Happy Eyeballs (RFC 8305): from addresses to one connected TCP socket.
//!
//! The addresses race, without a thread for each: connects do not block, the next one starts after a head start or as soon as
//! another has failed, and one `poll` waits for all that are in progress. All of them share one bound. The losers are closed.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use socket2::{SockAddr, Socket};

use super::exhausted::{Exhausted, Lost};
use super::limits::{Bound, Stopped};
use super::socket_options::SocketOptions;
use super::wait::sleep_until_ready;
use crate::cancel::Registration;
use crate::clock::{Deadline, now};

type Winner = (Arc<Socket>, SocketAddr);

/// Connects to the first of `addresses` that answers. If none does, the error is that of the last one.
pub(super) fn dial(addresses: &[SocketAddr], options: &SocketOptions, bound: &Bound<'_>) -> Result<Winner, Stopped> {
    let Some(source) = options.source_address else { return race(addresses, options, bound) };
    let same: Vec<_> = addresses.iter().copied().filter(|to| to.is_ipv4() == source.is_ipv4()).collect();
    if same.is_empty() {
        let text = format!("the host has no address of the family of the source address {}", source.ip());
        return Err(Stopped::Io(io::Error::new(io::ErrorKind::AddrNotAvailable, text)));
    }
    race(&same, options, bound)
}

/// The head start of an attempt over the next one, if there is enough time (RFC 8305 §5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Every attempt gets at least this.
const LEAST: Duration = Duration::from_millis(10);

/// How much of the time `left` each of `addresses` may take, so that all have their turn.
fn share(left: Duration, addresses: usize) -> Duration {
    (left / u32::try_from(addresses).unwrap_or(u32::MAX).max(1)).max(LEAST)
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "no address to connect to")
}

/// The attempts of one connect.
struct Race<'a> {
    options: &'a SocketOptions,
    bound: &'a Bound<'a>,
    /// Not started yet.
    waiting: std::slice::Iter<'a, SocketAddr>,
    under_way: Vec<Attempt>,
    last_error: Option<Lost>,
    /// There is one address, no limit and no token, so the connect may block, which saves three system calls.
    blocking: bool,
}

struct Attempt {
    socket: Arc<Socket>,
    to: SocketAddr,
    /// Lets a token stop it.
    registration: Option<Registration>,
}

fn race(addresses: &[SocketAddr], options: &SocketOptions, bound: &Bound<'_>) -> Result<Winner, Stopped> {
    let left = bound.left()?;
    let blocking = cfg!(unix) && addresses.len() == 1 && left.is_none() && !bound.can_be_cancelled();
    let head_start = left.map_or(HEAD_START, |left| share(left, addresses.len()).min(HEAD_START));
    let mut race =
        Race { options, bound, waiting: addresses.iter(), under_way: Vec::new(), last_error: None, blocking };
    let end = bound.on_system_clock()?;
    let mut next_start = None;
    loop {
        if race.under_way.is_empty() || next_start.is_some_and(|at: Instant| at <= now()) {
            if let Some(winner) = race.start_next()? {
                return Ok(winner);
            }
            next_start = (!race.waiting.as_slice().is_empty()).then(|| now() + head_start);
        }
        // A wait that reached the limit is the end, whatever the caller's clock says.
        if end.has_passed(now()) {
            return Err(bound.expired().because(race.last_error));
        }
        match race.wait(end.min(Deadline(next_start)))? {
            Waited::Won(winner) => return Ok(winner),
            Waited::Lost => next_start = Some(now()),
            Waited::InVain => {}
        }
    }
}

enum Waited {
    Won(Winner),
    /// An attempt failed, so the next one starts at once.
    Lost,
    /// The limit was reached.
    InVain,
}

impl Race<'_> {
    /// Starts attempts until one is in progress or connected. An error if all have failed.
    fn start_next(&mut self) -> Result<Option<Winner>, Stopped> {
        while let Some(to) = self.waiting.next() {
            match self.start(to) {
                Ok((socket, true)) => {
                    let attempt = Attempt { socket: Arc::new(socket), to: *to, registration: None };
                    return Ok(Some(self.finish(attempt)?));
                }
                Ok((socket, false)) => {
                    let socket = Arc::new(socket);
                    let registration = self.bound.register(&socket)?;
                    self.under_way.push(Attempt { socket, to: *to, registration });
                    return Ok(None);
                }
                Err(lost) => self.note(lost),
            }
        }
        if self.under_way.is_empty() {
            return Err(match self.last_error.take() {
                Some(Lost { error, exhausted: Some(exhausted) }) => Stopped::Exhausted(exhausted, error),
                Some(Lost { error, exhausted: None }) => Stopped::Io(error),
                None => Stopped::Io(no_address()),
            });
        }
        Ok(None)
    }

    /// Keeps the last error; but one that is this machine's own fault is not hidden by that of another address.
    fn note(&mut self, lost: Lost) {
        if lost.exhausted.is_some() || self.last_error.as_ref().is_none_or(|last| last.exhausted.is_none()) {
            self.last_error = Some(lost);
        }
    }

    fn start(&self, to: &SocketAddr) -> Result<(Socket, bool), Lost> {
        let socket = self.options.socket(to, self.blocking).map_err(|error| Lost {
            exhausted: Exhausted::of_descriptors(&error).or_else(|| Exhausted::of_bind(&error)),
            error,
        })?;
        match socket.connect(&SockAddr::from(*to)) {
            Ok(()) => Ok((socket, true)),
            Err(error) if UNDER_WAY.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error())) => {
                Ok((socket, false))
            }
            Err(error) => Err(Lost { exhausted: Exhausted::of_connect(&error, to), error }),
        }
    }

    fn wait(&mut self, deadline: Deadline) -> Result<Waited, Stopped> {
        let mut polled: Vec<_> =
            self.under_way.iter().map(|attempt| PollFd::new(&*attempt.socket, PollFlags::OUT)).collect();
        let is_ready = sleep_until_ready(&mut polled, deadline).map_err(Stopped::Io)?;
        self.bound.check()?;
        if !is_ready {
            return Ok(Waited::InVain);
        }
        let events: Vec<_> = polled.iter().map(PollFd::revents).collect();
        let mut waited = Waited::InVain;
        let mut index = 0;
        for event in events {
            if event.is_empty() {
                // Before Windows 10 2004, WSAPoll did not report a failed connect.
                match if cfg!(windows) { self.under_way[index].socket.take_error() } else { Ok(None) } {
                    Ok(Some(error)) | Err(error) => {
                        self.under_way.remove(index);
                        self.note(error.into());
                        waited = Waited::Lost;
                    }
                    Ok(None) => index += 1,
                }
                continue;
            }
            let attempt = self.under_way.remove(index);
            let trouble = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
            match if event.intersects(trouble) { Some(failure_of(&attempt.socket)) } else { None } {
                None => return Ok(Waited::Won(self.finish(attempt)?)),
                Some(error) => self.note(error.into()),
            }
            waited = Waited::Lost;
        }
        Ok(waited)
    }

    fn finish(&self, attempt: Attempt) -> Result<Winner, Stopped> {
        if attempt.registration.is_some_and(Registration::end) {
            return Err(Stopped::Cancelled);
        }
        // Elsewhere a connection never blocks.
        if cfg!(unix) && !self.blocking {
            attempt.socket.set_nonblocking(false).map_err(Stopped::Io)?;
        }
        Ok((attempt.socket, attempt.to))
    }
}

/// POSIX: a connect that a signal interrupts goes on by itself.
#[cfg(unix)]
const UNDER_WAY: [Errno; 2] = [Errno::INPROGRESS, Errno::INTR];
#[cfg(windows)]
const UNDER_WAY: [Errno; 2] = [Errno::INPROGRESS, Errno::WOULDBLOCK];

fn failure_of(socket: &Socket) -> io::Error {
    match socket.take_error() {
        Ok(Some(error)) | Err(error) => error,
        Ok(None) => io::ErrorKind::ConnectionAborted.into(),
    }
}

#[cfg(test)]
mod tests {
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

    #[cfg(target_os = "linux")]
    #[test]
    fn a_short_limit_still_tries_every_address() {
        let hole = BlackHole::new();
        let peer = serve(echo);

        for (addresses, limit) in
            [(vec![hole.address, peer], 250), (vec![hole.address, hole.address, hole.address, peer], 200)]
        {
            // On a busy machine the last address may be too late; not every time.
            let connector = connector_to(addresses);
            let connects = || connector.connect(&direct("h", None), &limits(Some(millis(limit)), None));

            assert!((0..20).filter_map(|_| connects().ok()).any(|connected| connected.report.peer == Some(peer)));
        }
    }

    #[test]
    fn each_address_has_its_share_of_the_limit() {
        for (left, addresses, want) in [(1000, 2, 500), (250, 2, 125), (100, 50, 10), (0, 1, 10), (5, 0, 10)] {
            assert_eq!(share(millis(left), addresses), millis(want), "{left} {addresses}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_refusal_is_kept_where_another_address_makes_it_a_timeout() {
        use std::error::Error as _;

        let hole = BlackHole::new();
        let connector = connector_to([closed_port(), hole.address]);

        let error = connector.connect(&direct("h", None), &limits(Some(millis(300)), None)).unwrap_err();

        let error = crate::error::Error::from(error);
        assert_eq!(error.kind(), ErrorKind::ConnectTimeout);
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>()).expect("the refusal");
        assert_eq!(source.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_dead_address_does_not_eat_the_whole_limit() {
        let hole = BlackHole::new();
        let peer = serve(echo);
        let limits = limits(Some(millis(1000)), None);
        let options = SocketOptions::default();

        let won = race(&[hole.address, closed_port(), peer], &options, &limits.bound());
        assert_eq!(won.unwrap().1, peer);

        let none = race(&[closed_port(), hole.address], &options, &limits.bound());
        assert!(matches!(none, Err(Stopped::Expired { refused: Some(_), .. })), "{none:?}");
        assert!(matches!(race(&[], &options, &limits.bound()), Err(Stopped::Io(_))));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_cancelled_connect_ends_at_once() {
        use crate::cancel::Cancel;

        let hole = BlackHole::new();
        for connect in [None, Some(Duration::from_secs(60))] {
            let cancel = Cancel::new();
            let connector = connector_to([hole.address, hole.address]);
            let connecting = {
                let cancel = cancel.clone();
                std::thread::spawn(move || {
                    let limits = crate::net::Limits { cancel: Some(&cancel), ..limits(connect, None) };
                    connector.connect(&direct("h", None), &limits).map(|_| ()).map_err(|error| error.kind())
                })
            };
            cancel.cancel();

            assert_eq!(connecting.join().unwrap(), Err(ErrorKind::Cancelled));
        }
    }

    // POOL-38
    #[test]
    fn sockets_have_no_delay_and_no_keepalive_by_default() {
        let transport = plain(serve(echo));

        let socket = transport.raw_socket();
        assert!(socket.tcp_nodelay().unwrap());
        assert!(!socket.keepalive().unwrap());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn options_reach_the_socket() {
        let peer = serve(echo);
        let options = SocketOptions {
            nodelay: false,
            keepalive: Some(crate::net::KeepAlive {
                idle: Some(Duration::from_secs(33)),
                interval: Some(Duration::from_secs(7)),
                retries: Some(4),
            }),
            user_timeout: Some(Duration::from_secs(11)),
            source_address: Some("127.0.0.9:0".parse().unwrap()),
        };
        let connector = Connector { options, ..connector_to([peer]) };

        let connected = connector.connect(&direct("h", None), &patient()).unwrap();

        let socket = connected.transport.raw_socket();
        assert!(!socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(33));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(7));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(11)));
        assert_eq!(socket.local_addr().unwrap().as_socket().unwrap().ip().to_string(), "127.0.0.9");
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
