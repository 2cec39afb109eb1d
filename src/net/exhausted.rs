//! Running out of descriptors or of local ports: how it shows, and what a person can do about it.
//!
//! Not every call says so. A name look-up without a descriptor reports an unknown name, and a TLS library that cannot open the
//! system's authorities trusts nobody. After such a failure [`shortage`] looks whether descriptors can be had. "Cannot assign
//! requested address" has two meanings, see [`Exhausted::of_connect`].

use std::io;
use std::net::SocketAddr;

use rustix::io::Errno;
use socket2::{Domain, SockAddr, Socket, Type};

/// Why one of several addresses was not connected to, and what there was none left of, if that is why.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) error: io::Error,
    pub(crate) exhausted: Option<Exhausted>,
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Self { error, exhausted: None }
    }
}

/// What there is none left of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exhausted {
    /// The process has no descriptor left (EMFILE).
    Descriptors,
    /// The whole system has none left (ENFILE). Windows has no such error.
    #[cfg(unix)]
    SystemDescriptors,
    /// No local port is left for a connection to this peer.
    Ports,
    /// No local port of the source address is left.
    SourcePorts,
}

impl Exhausted {
    /// Whether an error means that no descriptor is left.
    pub(super) fn of_descriptors(error: &io::Error) -> Option<Self> {
        if is(error, Errno::MFILE) {
            return Some(Self::Descriptors);
        }
        #[cfg(unix)]
        if is(error, Errno::NFILE) {
            return Some(Self::SystemDescriptors);
        }
        None
    }

    /// Whether the error of a connect means that no local port is left.
    ///
    /// The number is the same where this machine has no address from which to reach the peer, as without IPv6. A datagram
    /// socket needs such an address too, but no port of TCP.
    pub(super) fn of_connect(error: &io::Error, to: &SocketAddr) -> Option<Self> {
        if !is(error, Errno::ADDRNOTAVAIL) {
            return Self::of_descriptors(error);
        }
        let datagrams = Socket::new(Domain::for_address(*to), Type::DGRAM, None).ok()?;
        datagrams.connect(&SockAddr::from(*to)).ok().map(|()| Self::Ports)
    }

    /// Whether the error of binding to a source address, with any port, means that no port is left.
    pub(super) fn of_bind(error: &io::Error) -> Option<Self> {
        is(error, Errno::ADDRINUSE).then_some(Self::SourcePorts)
    }

    /// Whether it is local ports that are lacking.
    pub(crate) fn is_of_ports(self) -> bool {
        matches!(self, Self::Ports | Self::SourcePorts)
    }

    /// What to set.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Descriptors => {
                "no descriptor is left: use one Session for all threads, bound its connections with pool_block or \
                 max_connections, or raise the limit of the process (ulimit -n)"
            }
            #[cfg(unix)]
            Self::SystemDescriptors => {
                "the system has no descriptor left: use one Session for all threads, bound its connections with pool_block \
                 or max_connections, or raise the limit of the system (fs.file-max)"
            }
            Self::Ports => {
                "no free local port to this peer: use one Session, so that connections are reused, with pool_connections for \
                 all hosts, and bound the connections with pool_block or max_connections"
            }
            Self::SourcePorts => {
                "no free local port of the source_address, whose ports count over all peers: use one Session, so that \
                 connections are reused, with pool_connections for all hosts, and bound the connections with pool_block or \
                 max_connections"
            }
        }
    }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

/// How many descriptors a name look-up or a TLS library needs at once.
const NEEDED: usize = 2;

/// The error that says so, if there are no descriptors to be had at this moment.
pub(super) fn shortage() -> Option<io::Error> {
    let mut had = Vec::with_capacity(NEEDED);
    for _ in 0..NEEDED {
        match Socket::new(Domain::IPV4, Type::DGRAM, None) {
            Ok(socket) => had.push(socket),
            Err(error) => return Exhausted::of_descriptors(&error).map(|_| error),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(errno: Errno) -> io::Error {
        io::Error::from_raw_os_error(errno.raw_os_error())
    }

    #[test]
    fn what_is_exhausted_follows_from_the_number_and_the_call() {
        let here: SocketAddr = "127.0.0.1:9".parse().unwrap();

        assert_eq!(Exhausted::of_descriptors(&error(Errno::MFILE)), Some(Exhausted::Descriptors));
        #[cfg(unix)]
        assert_eq!(Exhausted::of_descriptors(&error(Errno::NFILE)), Some(Exhausted::SystemDescriptors));
        assert_eq!(Exhausted::of_descriptors(&error(Errno::ADDRNOTAVAIL)), None);
        assert_eq!(Exhausted::of_connect(&error(Errno::MFILE), &here), Some(Exhausted::Descriptors));
        assert_eq!(Exhausted::of_connect(&error(Errno::ADDRNOTAVAIL), &here), Some(Exhausted::Ports));
        assert_eq!(Exhausted::of_connect(&error(Errno::CONNREFUSED), &here), None);
        assert_eq!(Exhausted::of_bind(&error(Errno::ADDRINUSE)), Some(Exhausted::SourcePorts));
        assert_eq!(Exhausted::of_bind(&error(Errno::ADDRNOTAVAIL)), None, "it is none of this machine");
    }

    #[test]
    fn there_is_no_shortage_while_descriptors_can_be_had() {
        assert!(shortage().is_none());
    }
}
