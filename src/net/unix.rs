//! Connecting to a Unix socket by its path.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::limits::{Bound, Stopped};
use super::socket::SHORTEST;
use super::transport::Transport;
use crate::clock;

/// Connects. It waits for a place in the listener's queue, within the bound.
pub(super) fn connect(path: &Path, bound: &Bound<'_>) -> Result<Transport, Stopped> {
    let address = SockAddr::unix(path).map_err(Stopped::Io)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(Stopped::Io)?;
    // Nothing can wake a thread that waits for a place in a full queue.
    let slice = bound.can_be_cancelled().then_some(SLICE);
    let end = bound.on_system_clock()?;
    loop {
        bound.check()?;
        let left = end.left(clock::now());
        if left == Some(Duration::ZERO) {
            return Err(bound.expired());
        }
        let limit = slice.into_iter().chain(left).min().map(|limit| limit.max(SHORTEST));
        // With a full queue a non-blocking connect would fail at once. On Linux the send timeout limits a blocking one;
        // elsewhere a full queue is a refusal.
        socket.set_write_timeout(limit).map_err(Stopped::Io)?;
        match socket.connect(&address) {
            Ok(()) => return Ok(Transport::new(Arc::new(socket), None)),
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            Err(error) => return Err(bound.stopped(error)),
        }
    }
}

/// How often a wait that cannot be woken checks whether it was cancelled.
const SLICE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::error::ErrorKind;
    use crate::net::testing::*;
    use crate::net::{ConnectErrorKind, Connector, Limits, Plan};
    use crate::proxy::Route;

    fn connect_to(path: &Path, limits: &Limits<'_>) -> Result<crate::net::Connected, crate::net::ConnectError> {
        let route = Route::Unix(path.into());
        let plan = Plan { host: "localhost", port: 80, tls: None, route: &route, proxy_tls: None };
        Connector::default().connect(&plan, limits)
    }

    #[test]
    fn a_unix_socket_is_a_transport_like_any_other() {
        let dir = TempDir::new();
        let path = dir.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        std::thread::spawn(move || echo(listener.accept().unwrap().0));

        let mut connected = connect_to(&path, &patient()).unwrap();

        assert_eq!((connected.report.peer, connected.transport.is_tls()), (None, false));
        assert_echo(&mut connected.transport);
        assert!(!connected.transport.is_stale());
        connected.transport.shutdown();
        assert!(connected.transport.is_stale());
    }

    #[test]
    fn a_missing_socket_is_named() {
        let dir = TempDir::new();

        let error = connect_to(&dir.path().join("none"), &patient()).unwrap_err();

        assert!(matches!(&error.kind, ConnectErrorKind::Connect(e) if e.kind() == io::ErrorKind::NotFound));
        assert!(error.to_string().contains("none"), "{error}");
    }

    /// Fills the queue of a socket at `path` that nobody accepts from.
    #[cfg(target_os = "linux")]
    fn full_queue(path: &Path) -> (Socket, Vec<crate::net::Connected>, ErrorKind) {
        let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        listener.bind(&SockAddr::unix(path).unwrap()).unwrap();
        listener.listen(0).unwrap();
        let limits = limits(Some(millis(200)), None);
        let mut waiting = Vec::new();
        loop {
            match connect_to(path, &limits) {
                Ok(connected) => waiting.push(connected),
                Err(error) => return (listener, waiting, error.kind()),
            }
            assert!(waiting.len() < 100, "the queue never fills");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_queue_is_waited_for_no_longer_than_the_limit() {
        let dir = TempDir::new();

        let (_listener, _waiting, kind) = full_queue(&dir.path().join("s"));

        assert_eq!(kind, ErrorKind::ConnectTimeout);
    }

    // What is left of a limit was rounded down to microseconds, and none of these are no limit to the kernel.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_limit_of_less_than_a_microsecond_is_one() {
        let dir = TempDir::new();
        let path = dir.path().join("s");
        let (_listener, _waiting, _) = full_queue(&path);
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            // How much is left when the kernel is told differs from run to run.
            for nanos in (900..8000).step_by(20) {
                let kind = connect_to(&path, &limits(Some(Duration::from_nanos(nanos)), None)).unwrap_err().kind();
                tell.send(kind).unwrap();
            }
        });

        for _ in (900..8000).step_by(20) {
            let kind = told.recv_timeout(Duration::from_secs(20)).expect("it waits for ever");
            assert_eq!(kind, ErrorKind::ConnectTimeout);
        }
    }
}
