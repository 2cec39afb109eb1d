//! SOCKS 4, 4a and 5: asking a proxy for a TCP connection (RFC 1928, RFC 1929, and the SOCKS 4 and 4a notes).
//!
//! Bytes over a transport; names are looked up before, or left to the proxy. Each step, a question and its answer, has the
//! connect limit anew (PROXY-27). Refusals are in the words that requests' users know.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use super::connector::{SocksHop, SocksVersion};
use super::error::{ProxyFailure, ProxyStop};
use super::limits::{Bounded, Limits};
use super::transport::Transport;

/// What the proxy is to connect to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Target<'a> {
    Address(IpAddr),
    Name(&'a str),
}

impl Target<'_> {
    /// A host that needs no look-up.
    pub(super) fn literal(host: &str) -> Option<Self> {
        host.parse().ok().map(Target::Address)
    }

    /// The address to ask for, out of those of a name: the first that the version can say.
    pub(super) fn choose(addresses: &[SocketAddr], version: SocksVersion) -> Option<Self> {
        let sayable = |address: &&SocketAddr| version == SocksVersion::V5 || address.is_ipv4();
        addresses.iter().find(sayable).map(|address| Target::Address(address.ip()))
    }
}

/// Asks for a connection to `target`; afterwards the transport is the target's.
pub(super) fn negotiate(
    transport: &mut Transport,
    limits: &Limits<'_>,
    hop: &SocksHop<'_>,
    target: Target<'_>,
    port: u16,
) -> Result<(), ProxyStop> {
    let mut talk = Talk { transport, limits };
    match hop.version {
        SocksVersion::V4 => talk.version_4(hop, target, port),
        SocksVersion::V5 => talk.version_5(hop, target, port),
    }
}

struct Talk<'a> {
    transport: &'a mut Transport,
    limits: &'a Limits<'a>,
}

impl Talk<'_> {
    fn version_4(&mut self, hop: &SocksHop<'_>, target: Target<'_>, port: u16) -> Result<(), ProxyStop> {
        let user = hop.user.unwrap_or_default();
        if user.contains('\0') {
            return Err(failure("the user id of a SOCKS4 proxy cannot have a NUL byte"));
        }
        let (address, name) = match target {
            Target::Address(IpAddr::V4(address)) => (address.octets(), None),
            Target::Address(IpAddr::V6(_)) => return Err(failure("SOCKS4 has no IPv6 addresses")),
            // 4a: an address that cannot be says that a name follows.
            Target::Name(name) => ([0, 0, 0, 1], Some(name)),
        };
        let mut request = vec![4, CONNECT];
        request.extend_from_slice(&port.to_be_bytes());
        request.extend_from_slice(&address);
        request.extend_from_slice(user.as_bytes());
        request.push(0);
        if let Some(name) = name {
            request.extend_from_slice(name.as_bytes());
            request.push(0);
        }
        let mut step = self.step();
        step.write_all(&request)?;
        let [version, code, ..] = read::<8>(&mut step)?;
        match (version, code) {
            (0, 0x5a) => Ok(()),
            (0, code) => Err(refused(code, REFUSALS_4, 0x5b)),
            _ => Err(protocol("its answer is not SOCKS4")),
        }
    }

    fn version_5(&mut self, hop: &SocksHop<'_>, target: Target<'_>, port: u16) -> Result<(), ProxyStop> {
        let credentials = credentials(hop)?;
        let offer: &[u8] = if credentials.is_some() { &[5, 2, NO_AUTH, PASSWORD] } else { &[5, 1, NO_AUTH] };
        let request = request_5(target, port)?;
        let method = {
            let mut step = self.step();
            step.write_all(offer)?;
            let [version, method] = read(&mut step)?;
            if version != 5 {
                return Err(protocol("its answer is not SOCKS5"));
            }
            method
        };
        match (method, &credentials) {
            (NO_AUTH, _) => {}
            (PASSWORD, Some(credentials)) => {
                let mut step = self.step();
                step.write_all(credentials)?;
                if read::<2>(&mut step)?[1] != 0 {
                    return Err(failure("SOCKS5 authentication failed"));
                }
            }
            (0xff, _) => return Err(failure("All offered SOCKS5 authentication methods were rejected")),
            _ => return Err(protocol("it chose an authentication method that was not offered")),
        }
        let mut step = self.step();
        step.write_all(&request)?;
        let [version, code] = read(&mut step)?;
        match (version, code) {
            (5, 0) => bound_address(&mut step),
            (5, code) => Err(refused(code, REFUSALS_5, 1)),
            _ => Err(protocol("its answer is not SOCKS5")),
        }
    }

    /// A question and its answer, with the limit anew.
    fn step(&mut self) -> Bounded<'_> {
        Bounded { transport: &mut *self.transport, bound: self.limits.bound() }
    }
}

/// The message of the user/password method (RFC 1929), if there is a user or a password.
fn credentials(hop: &SocksHop<'_>) -> Result<Option<Vec<u8>>, ProxyStop> {
    if hop.user.is_none() && hop.password.is_none() {
        return Ok(None);
    }
    let mut message = vec![1];
    for (what, text) in [("user name", hop.user), ("password", hop.password)] {
        push_short(&mut message, text.unwrap_or_default(), what)?;
    }
    Ok(Some(message))
}

// PROXY-26
fn request_5(target: Target<'_>, port: u16) -> Result<Vec<u8>, ProxyStop> {
    let mut request = vec![5, CONNECT, 0];
    match target {
        Target::Address(IpAddr::V4(address)) => {
            request.push(IPV4);
            request.extend_from_slice(&address.octets());
        }
        Target::Address(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend_from_slice(&address.octets());
        }
        Target::Name(name) => {
            request.push(NAME);
            push_short(&mut request, name, "host name")?;
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    Ok(request)
}

fn push_short(message: &mut Vec<u8>, text: &str, what: &'static str) -> Result<(), ProxyStop> {
    let Ok(length) = u8::try_from(text.len()) else {
        return Err(failure(format!("a {what} of {} bytes is too long for SOCKS5", text.len())));
    };
    message.push(length);
    message.extend_from_slice(text.as_bytes());
    Ok(())
}

/// Reads the rest of a SOCKS5 answer, which is of no use to us.
fn bound_address(step: &mut Bounded<'_>) -> Result<(), ProxyStop> {
    let [_reserved, kind] = read(step)?;
    let length = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(read::<1>(step)?[0]),
        _ => return Err(protocol("its answer has an address of an unknown kind")),
    };
    let mut rest = [0; 255 + 2];
    Ok(step.read_exact(&mut rest[..length + 2])?)
}

fn read<const N: usize>(step: &mut Bounded<'_>) -> Result<[u8; N], ProxyStop> {
    let mut bytes = [0; N];
    step.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The refusal as PySocks writes it: `0x05: Connection refused`. `first` is the code that the table begins with.
fn refused(code: u8, table: &[&str], first: u8) -> ProxyStop {
    let text = code.checked_sub(first).and_then(|index| table.get(usize::from(index)));
    failure(format!("0x{code:02x}: {}", text.unwrap_or(&"Unknown error")))
}

fn failure(what: impl Into<Cow<'static, str>>) -> ProxyStop {
    ProxyFailure::Socks(what.into()).into()
}

fn protocol(what: &'static str) -> ProxyStop {
    ProxyFailure::Protocol(what.into()).into()
}

const CONNECT: u8 = 1;
const NO_AUTH: u8 = 0;
const PASSWORD: u8 = 2;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

const REFUSALS_4: &[&str] = &[
    "Request rejected or failed",
    "Request rejected because SOCKS server cannot connect to identd on the client",
    "Request rejected because the client program and identd report different user-ids",
];

const REFUSALS_5: &[&str] = &[
    "General SOCKS server failure",
    "Connection not allowed by ruleset",
    "Network unreachable",
    "Host unreachable",
    "Connection refused",
    "TTL expired",
    "Command not supported, or protocol error",
    "Address type not supported",
];
