//! What a `ChaosProxy` does to a connection, and how a seed chooses it. Pure: sockets are the proxy's.

use std::time::Duration;

/// What a [`ChaosProxy`](super::ChaosProxy) does to one connection.
///
/// Bytes are counted from 0, over the whole connection, in the direction that the proxy disturbs: what the server sends, or
/// what the client sends with [`ChaosProxy::in_requests`](super::ChaosProxy::in_requests). A fault at a byte that never comes
/// does nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Everything is passed on as it comes.
    None,
    /// Each piece that is read (up to 16 KiB) is held for this long.
    Delay(Duration),
    /// The first `bytes` bytes are passed on one at a time, each after `pause`; what follows comes as it is.
    Drip {
        /// How many bytes come singly.
        bytes: u64,
        /// The time before each of them.
        pause: Duration,
    },
    /// Both directions are closed before this byte.
    Cut(u64),
    /// The client's connection is reset before this byte, and the server's is closed.
    Reset(u64),
    /// From this byte on, up to 64 bytes come twice: those that were read together with it.
    Duplicate(u64),
    /// The lowest bit of this byte is flipped.
    Corrupt(u64),
    /// From this byte on, nothing is passed on in either direction; what comes is read and dropped, and the connection stays
    /// open until the client closes it.
    BlackHole(u64),
    /// The end of the stream is signalled before this byte. The other direction goes on.
    HalfClose(u64),
}

impl Fault {
    /// The fault that a seed chooses for a connection: always the same for the same two numbers. About half of the
    /// connections have none; bytes are below 100,000, and delays at most 20 ms.
    #[must_use]
    pub fn seeded(seed: u64, connection: usize) -> Self {
        // Seeds that are close together must not make sequences that are.
        let mut random = fastrand::Rng::with_seed(seed);
        let own = random.u64(..).wrapping_add((connection as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut random = fastrand::Rng::with_seed(own);
        // Each size of number is as likely as the next: some fall into a handshake or a head, some into a later body.
        let below = 10_u64.pow(random.u32(0..=5));
        let at = random.u64(0..below);
        match random.u32(0..16) {
            0 => Self::Delay(Duration::from_micros(random.u64(0..20_000))),
            1 => Self::Drip { bytes: at.min(2_000), pause: Duration::from_micros(random.u64(0..200)) },
            2 => Self::Cut(at),
            3 => Self::Reset(at),
            4 => Self::Duplicate(at),
            5 => Self::Corrupt(at),
            6 => Self::BlackHole(at),
            7 => Self::HalfClose(at),
            _ => Self::None,
        }
    }

    /// The byte at which something other than a delay happens.
    pub(super) fn at(self) -> Option<u64> {
        match self {
            Self::None | Self::Delay(_) | Self::Drip { .. } => None,
            Self::Cut(at)
            | Self::Reset(at)
            | Self::Duplicate(at)
            | Self::Corrupt(at)
            | Self::BlackHole(at)
            | Self::HalfClose(at) => Some(at),
        }
    }

    /// Whether nothing more is passed on in its direction from its byte on.
    pub(super) fn ends(self) -> bool {
        matches!(self, Self::Cut(_) | Self::Reset(_) | Self::BlackHole(_) | Self::HalfClose(_))
    }
}

#[cfg(test)]
mod tests {
    use super::Fault;

    #[test]
    fn a_seed_chooses_the_same_faults_again_and_each_kind_of_them() {
        let faults = |seed| (0..1_000).map(|number| Fault::seeded(seed, number)).collect::<Vec<_>>();

        assert_eq!(faults(7), faults(7));
        assert_ne!(faults(7), faults(8));
        let kinds: std::collections::HashSet<_> = faults(7).iter().map(std::mem::discriminant).collect();
        assert_eq!(kinds.len(), 9);
        let none = faults(7).iter().filter(|fault| **fault == Fault::None).count();
        assert!((400..600).contains(&none), "{none}");
    }
}
