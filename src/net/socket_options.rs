//! The options that sockets get before they connect: TCP_NODELAY, keepalive, TCP_USER_TIMEOUT, a source address.
//!
//! An option that the platform lacks is refused, not ignored.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};

/// The options of a socket.
#[derive(Clone, Debug)]
pub(crate) struct SocketOptions {
    pub(crate) nodelay: bool,
    pub(crate) keepalive: Option<KeepAlive>,
    /// How long sent bytes may stay unacknowledged (TCP_USER_TIMEOUT: Linux, Android, Fuchsia).
    pub(crate) user_timeout: Option<Duration>,
    /// The address that connections start from; port 0 is any port. Only addresses of its family are tried.
    pub(crate) source_address: Option<SocketAddr>,
}

/// TCP keepalive. `None` leaves the system's setting.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct KeepAlive {
    /// The silence before the first probe.
    pub(crate) idle: Option<Duration>,
    /// Between probes.
    pub(crate) interval: Option<Duration>,
    /// How many unanswered probes break the connection.
    pub(crate) retries: Option<u32>,
}

impl KeepAlive {
    /// The longest idle time and interval that this platform takes; the shortest is a second.
    pub(crate) const LONGEST: Duration = sys::LONGEST;
    /// The most unanswered probes that this platform takes.
    pub(crate) const MOST_RETRIES: u32 = sys::MOST_RETRIES;
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod sys {
    use std::time::Duration;

    // MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL and MAX_TCP_KEEPCNT of the kernel.
    pub(super) const LONGEST: Duration = Duration::from_secs(32_767);
    pub(super) const MOST_RETRIES: u32 = 127;
}

#[cfg(windows)]
mod sys {
    use std::time::Duration;

    // Milliseconds in 32 bits; TCP_KEEPCNT is a byte.
    pub(super) const LONGEST: Duration = Duration::from_secs(u32::MAX as u64 / 1000);
    pub(super) const MOST_RETRIES: u32 = 255;
}

#[cfg(not(any(target_os = "linux", target_os = "android", windows)))]
mod sys {
    use std::time::Duration;

    // An int that some kernels count in milliseconds.
    pub(super) const LONGEST: Duration = Duration::from_secs(i32::MAX as u64 / 1000);
    pub(super) const MOST_RETRIES: u32 = i32::MAX as u32;
}

impl Default for SocketOptions {
    // urllib3 sets TCP_NODELAY and nothing else (POOL-38).
    fn default() -> Self {
        Self { nodelay: true, keepalive: None, user_timeout: None, source_address: None }
    }
}

impl SocketOptions {
    /// The longest TCP_USER_TIMEOUT: milliseconds in an int. The shortest is a millisecond.
    pub(crate) const LONGEST_USER_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

    /// Refuses options that this platform lacks.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.user_timeout.is_some() && !HAS_USER_TIMEOUT {
            return Err("this platform has no TCP_USER_TIMEOUT");
        }
        if self.keepalive.is_some_and(|k| k.interval.is_some() || k.retries.is_some()) && !HAS_KEEPALIVE_PROBES {
            return Err("this platform has no interval or count of TCP keepalive probes");
        }
        Ok(())
    }

    pub(super) fn socket(&self, to: &SocketAddr, blocking: bool) -> io::Result<Socket> {
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

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn open(domain: Domain, blocking: bool) -> io::Result<Socket> {
    let kind = if blocking { Type::STREAM } else { Type::STREAM.nonblocking() };
    Socket::new(domain, kind, Some(Protocol::TCP))
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn open(domain: Domain, blocking: bool) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if !blocking {
        socket.set_nonblocking(true)?;
    }
    Ok(socket)
}
