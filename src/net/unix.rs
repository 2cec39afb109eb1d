//! Connecting to a Unix socket by its path.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::limits::{Bound, Stopped};
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
        let limit = slice.into_iter().chain(left).min();
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

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_queue_is_waited_for_no_longer_than_the_limit() {
        let dir = TempDir::new();
        let path = dir.path().join("s");
        let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        listener.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        listener.listen(0).unwrap();
        let limits = limits(Some(millis(200)), None);

        let mut waiting = Vec::new();
        let error = loop {
            match connect_to(&path, &limits) {
                Ok(connected) => waiting.push(connected),
                Err(error) => break error,
            }
            assert!(waiting.len() < 100, "the queue never fills");
        };

        assert_eq!(error.kind(), ErrorKind::ConnectTimeout);
    }
}
