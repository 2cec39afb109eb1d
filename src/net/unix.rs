//! Connecting to a Unix socket by its path.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use socket2::{Domain, SockAddr, Socket, Type};

use super::limits::{Bound, Stopped};
use super::transport::Transport;

/// Connects, waiting for a place in the listener's queue no longer than the bound.
pub(super) fn connect(path: &Path, bound: &Bound<'_>) -> Result<Transport, Stopped> {
    let address = SockAddr::unix(path).map_err(Stopped::Io)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(Stopped::Io)?;
    loop {
        let left = bound.left()?;
        // A connect that does not block would fail at once where the queue is full; Linux bounds one that blocks by the
        // send timeout, and elsewhere a full queue is a refusal.
        socket.set_write_timeout(left).map_err(Stopped::Io)?;
        match socket.connect(&address) {
            Ok(()) => return Ok(Transport::unix(UnixStream::from(OwnedFd::from(socket)), left)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(bound.stopped(error)),
        }
    }
}
