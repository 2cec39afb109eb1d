//! SOCKS 4, 4a and 5: asking a proxy for a TCP connection (RFC 1928, RFC 1929, and the SOCKS 4 and 4a notes).
//!
//! It works on bytes over a transport. Names are looked up before, or left to the proxy. The connect limit applies again to
//! each step, which is a request and its answer. Refusals have the texts of PySocks, which requests uses.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use super::error::{ProxyFailure, ProxyStop};
use super::limits::{Bounded, Limits};
use super::transport::Transport;
use crate::proxy::{SocksProxy, SocksVersion};

/// What the proxy should connect to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Target<'a> {
    Address(IpAddr),
    Name(&'a str),
}

impl Target<'_> {
    /// A host that needs no lookup.
    pub(super) fn literal(host: &str) -> Option<Self> {
        host.parse().ok().map(Target::Address)
    }

    /// The address to request, out of those of a name: the first that the protocol version can express.
    pub(super) fn choose(addresses: &[SocketAddr], version: SocksVersion) -> Option<Self> {
        let sayable = |address: &&SocketAddr| version == SocksVersion::V5 || address.is_ipv4();
        addresses.iter().find(sayable).map(|address| Target::Address(address.ip()))
    }
}

/// Requests a connection to `target`. Afterwards the transport leads to the target.
pub(super) fn negotiate(
    transport: &mut Transport,
    limits: &Limits<'_>,
    proxy: &SocksProxy,
    target: Target<'_>,
    port: u16,
) -> Result<(), ProxyStop> {
    let mut talk = Talk { transport, limits };
    match proxy.version {
        SocksVersion::V4 => talk.version_4(proxy, target, port),
        SocksVersion::V5 => talk.version_5(proxy, target, port),
    }
}

struct Talk<'a> {
    transport: &'a mut Transport,
    limits: &'a Limits<'a>,
}

impl Talk<'_> {
    fn version_4(&mut self, proxy: &SocksProxy, target: Target<'_>, port: u16) -> Result<(), ProxyStop> {
        let user = proxy.credentials.as_ref().map_or("", |(user, _)| user);
        if user.contains('\0') {
            return Err(failure("the user id of a SOCKS4 proxy cannot have a NUL byte"));
        }
        let (address, name) = match target {
            Target::Address(IpAddr::V4(address)) => (address.octets(), None),
            Target::Address(IpAddr::V6(_)) => return Err(failure("SOCKS4 has no IPv6 addresses")),
            // SOCKS 4a: an invalid address announces that a name follows.
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

    fn version_5(&mut self, proxy: &SocksProxy, target: Target<'_>, port: u16) -> Result<(), ProxyStop> {
        let credentials = credentials(proxy)?;
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

    /// Sends a request and reads its answer, within a new bound.
    fn step(&mut self) -> Bounded<'_> {
        Bounded { transport: &mut *self.transport, bound: self.limits.bound() }
    }
}

/// The message of the user/password method (RFC 1929), if there are credentials.
fn credentials(proxy: &SocksProxy) -> Result<Option<Vec<u8>>, ProxyStop> {
    let Some((user, password)) = &proxy.credentials else { return Ok(None) };
    let mut message = vec![1];
    for (what, text) in [("user name", user), ("password", password)] {
        push_short(&mut message, text, what)?;
    }
    Ok(Some(message))
}

// The bytes are those of PySocks (PROXY-26).
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

/// Reads the rest of a SOCKS5 answer, which is not needed.
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

/// The refusal in the text of PySocks: `0x05: Connection refused`. `first` is the first code of the table.
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::sync::mpsc::{self, Receiver};

    use super::*;
    use crate::error::ErrorKind;
    use crate::net::testing::*;
    use crate::net::{ConnectError, Connected, Connector, Phase, Plan, Resolver};
    use crate::proxy::{Route, SocksResolve};

    type Script = &'static [(usize, &'static [u8])];

    /// A proxy that, for each line, reads that many bytes and answers with those bytes, then echoes. What it read comes out
    /// of the channel.
    fn proxy(script: Script) -> (SocketAddr, Receiver<Vec<u8>>) {
        let (tell, told) = mpsc::channel();
        let address = serve(move |mut stream| {
            for (length, answer) in script {
                let mut asked = vec![0; *length];
                if stream.read_exact(&mut asked).is_err() {
                    return;
                }
                tell.send(asked).unwrap();
                stream.write_all(answer).unwrap();
            }
            echo(stream);
        });
        (address, told)
    }

    fn hop(version: SocksVersion, resolve: SocksResolve) -> SocksProxy {
        SocksProxy { version, resolve, host: "127.0.0.1".into(), port: 0, credentials: None }
    }

    fn with_user(hop: &SocksProxy, user: &str, password: &str) -> SocksProxy {
        SocksProxy { credentials: Some((user.into(), password.into())), ..hop.clone() }
    }

    /// Connects to `host:80` by way of `proxy`; names resolve to 10.1.2.3 and ::5.
    fn through(
        proxy: SocketAddr,
        host: &str,
        hop: &SocksProxy,
        limits: &Limits<'_>,
    ) -> Result<Connected, ConnectError> {
        let lookup = |name: &str, port| match name {
            "four.test" => Ok(vec![SocketAddr::from(([10, 1, 2, 3], port))]),
            "both.test" => Ok(vec!["[::5]:80".parse().unwrap(), SocketAddr::from(([10, 1, 2, 3], port))]),
            "six.test" => Ok(vec!["[::5]:80".parse().unwrap()]),
            _ => panic!("{name} was to be left to the proxy"),
        };
        let connector = Connector { resolver: Some(Resolver(std::sync::Arc::new(lookup))), ..Connector::default() };
        let route = Route::Socks(std::sync::Arc::new(SocksProxy { port: proxy.port(), ..hop.clone() }));
        connector.connect(&Plan { host, port: 80, tls: None, route: &route, proxy_tls: None }, limits)
    }

    fn check(script: Script, host: &str, hop: &SocksProxy, asked: &[&[u8]]) {
        let (address, told) = proxy(script);

        let mut connected = through(address, host, hop, &patient()).unwrap();

        assert_eq!(connected.report.peer, Some(address));
        assert_echo(&mut connected.transport);
        assert_eq!(told.try_iter().collect::<Vec<_>>(), asked);
    }

    const OK_4: &[u8] = &[0, 0x5a, 0, 0, 0, 0, 0, 0];
    const OK_5: &[u8] = &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    const SIX: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];

    // PROXY-25, PROXY-26
    #[test]
    fn version_4_says_an_address_and_4a_a_name() {
        let local = hop(SocksVersion::V4, SocksResolve::Here);
        let remote = hop(SocksVersion::V4, SocksResolve::AtProxy);

        let by_address: &[u8] = &[4, 1, 0, 80, 10, 1, 2, 3, 0];
        check(&[(9, OK_4)], "four.test", &local, &[by_address]);
        check(&[(9, OK_4)], "both.test", &local, &[by_address]);
        check(&[(9, OK_4)], "10.1.2.3", &remote, &[by_address]);
        check(&[(16, OK_4)], "a.test", &remote, &[b"\x04\x01\x00\x50\x00\x00\x00\x01\x00a.test\x00"]);

        let user = with_user(&local, "me", "");
        check(&[(11, OK_4)], "four.test", &user, &[b"\x04\x01\x00\x50\x0a\x01\x02\x03me\x00"]);
    }

    // PROXY-25, PROXY-26
    #[test]
    fn version_5_says_an_address_and_5h_a_name() {
        let local = hop(SocksVersion::V5, SocksResolve::Here);
        let remote = hop(SocksVersion::V5, SocksResolve::AtProxy);
        let hello: &[u8] = &[5, 1, 0];
        let by_six = [&[5, 1, 0, 4][..], &SIX, &[0, 80]].concat();

        check(&[(3, &[5, 0]), (10, OK_5)], "four.test", &local, &[hello, &[5, 1, 0, 1, 10, 1, 2, 3, 0, 80]]);
        check(&[(3, &[5, 0]), (22, OK_5)], "both.test", &local, &[hello, &by_six]);
        check(&[(3, &[5, 0]), (22, OK_5)], "::5", &remote, &[hello, &by_six]);
        check(&[(3, &[5, 0]), (13, OK_5)], "a.test", &remote, &[hello, b"\x05\x01\x00\x03\x06a.test\x00\x50"]);
    }

    // PROXY-25, PROXY-26
    #[test]
    fn version_5_logs_in_if_asked_to() {
        let user = with_user(&hop(SocksVersion::V5, SocksResolve::AtProxy), "me", "pass");
        let asked: &[&[u8]] = &[&[5, 2, 0, 2], b"\x01\x02me\x04pass", b"\x05\x01\x00\x03\x06a.test\x00\x50"];

        check(&[(4, &[5, 2]), (9, &[1, 0]), (13, OK_5)], "a.test", &user, asked);
        check(&[(4, &[5, 0]), (13, OK_5)], "a.test", &user, &[asked[0], asked[2]]);
    }

    #[test]
    fn the_address_in_the_answer_is_read_whatever_its_kind() {
        const BY_NAME: &[u8] = &[5, 0, 0, 3, 2, b'h', b'i', 0, 0];
        const BY_SIX: &[u8] = &[5, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let remote = hop(SocksVersion::V5, SocksResolve::AtProxy);
        let asked: &[&[u8]] = &[&[5, 1, 0], b"\x05\x01\x00\x03\x06a.test\x00\x50"];

        check(&[(3, &[5, 0]), (13, BY_NAME)], "a.test", &remote, asked);
        check(&[(3, &[5, 0]), (13, BY_SIX)], "a.test", &remote, asked);
    }

    // docs/decisions.md#allowed-addresses: names that were looked up here were checked, and literals not.
    #[test]
    fn the_proxys_address_has_to_be_allowed_and_the_origins_has_not() {
        use crate::net::{Allowed, ConnectErrorKind};

        let lookup = |_: &str, port| Ok(vec![SocketAddr::from(([10, 1, 2, 3], port))]);
        let cases: [(SocksVersion, Script); 2] =
            [(SocksVersion::V4, &[(9, OK_4)]), (SocksVersion::V5, &[(3, &[5, 0]), (10, OK_5)])];
        for (version, script) in cases {
            for host in ["four.test", "10.1.2.3"] {
                let (address, told) = proxy(script);
                let hop = SocksProxy { port: address.port(), ..hop(version, SocksResolve::Here) };
                let route = Route::Socks(std::sync::Arc::new(hop));
                let plan = Plan { host, port: 80, tls: None, route: &route, proxy_tls: None };
                let only = |allowed: fn(IpAddr) -> bool| Connector {
                    resolver: Some(Resolver(std::sync::Arc::new(lookup))),
                    allowed: Some(Allowed(std::sync::Arc::new(allowed))),
                    ..Connector::default()
                };

                let refused = only(|address| !address.is_loopback()).connect(&plan, &patient()).unwrap_err();
                assert!(matches!(refused.kind, ConnectErrorKind::NotAllowed(_)), "{refused}");
                assert_eq!(refused.peer, address.to_string());
                assert!(told.try_recv().is_err(), "nothing was sent");

                let mut connected = only(|address| address.is_loopback()).connect(&plan, &patient()).unwrap();
                assert_echo(&mut connected.transport);
            }
        }
    }

    // PROXY-27
    #[test]
    fn refusals_are_connection_errors_in_known_words() {
        let five = hop(SocksVersion::V5, SocksResolve::AtProxy);
        let four = hop(SocksVersion::V4, SocksResolve::AtProxy);
        let user = with_user(&five, "me", "s3cret");
        let cases: [(Script, &SocksProxy, &str); 10] = [
            (&[(3, &[5, 0]), (13, &[5, 5])], &five, "0x05: Connection refused"),
            (&[(3, &[5, 0]), (13, &[5, 1, 0, 1, 0, 0, 0, 0, 0, 0])], &five, "0x01: General SOCKS server failure"),
            (&[(3, &[5, 0]), (13, &[5, 99])], &five, "0x63: Unknown error"),
            (&[(3, &[5, 0xff])], &five, "All offered SOCKS5 authentication methods were rejected"),
            (&[(3, &[5, 2])], &five, "it chose an authentication method that was not offered"),
            (&[(3, b"HTTP/1.1 400\r\n")], &five, "its answer is not SOCKS5"),
            (&[(3, &[5, 0]), (13, &[5, 0, 0, 9])], &five, "its answer has an address of an unknown kind"),
            (&[(4, &[5, 2]), (11, &[1, 1])], &user, "SOCKS5 authentication failed"),
            (&[(16, &[0, 0x5b, 0, 0, 0, 0, 0, 0])], &four, "0x5b: Request rejected or failed"),
            (&[(16, &[9, 0x5a, 0, 0, 0, 0, 0, 0])], &four, "its answer is not SOCKS4"),
        ];
        for (script, hop, text) in cases {
            let (address, _told) = proxy(script);

            let error = through(address, "a.test", hop, &patient()).unwrap_err();

            assert_eq!((error.kind(), error.phase), (ErrorKind::ConnectionError, Phase::Socks), "{error}");
            assert_eq!(error.to_string(), format!("proxy 127.0.0.1:{}: {text}", address.port()));
            assert!(!format!("{error:?}").contains("s3cret"));
        }
    }

    #[test]
    fn what_the_protocol_cannot_say_is_refused_before_it_is_said() {
        let silent = serve(silence);
        let long = "x".repeat(256);
        let five = hop(SocksVersion::V5, SocksResolve::AtProxy);
        for (host, hop, phase, text) in [
            ("::5", hop(SocksVersion::V4, SocksResolve::AtProxy), Phase::Socks, "SOCKS4 has no IPv6 addresses"),
            ("six.test", hop(SocksVersion::V4, SocksResolve::Here), Phase::Resolve, "failed to resolve six.test:80"),
            ("a.test", with_user(&hop(SocksVersion::V4, SocksResolve::AtProxy), "a\0b", ""), Phase::Socks, "NUL"),
            ("a.test", with_user(&five, "", &long), Phase::Socks, "a password of 256 bytes is too long"),
            (&long, five, Phase::Socks, "a host name of 256 bytes is too long"),
        ] {
            let error = through(silent, host, &hop, &patient()).unwrap_err();

            assert_eq!((error.kind(), error.phase), (ErrorKind::ConnectionError, phase));
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    // PROXY-27
    #[test]
    fn each_step_has_its_limit() {
        let scripts: [Script; 4] =
            [&[(3, &[])], &[(3, &[5])], &[(3, &[5, 0]), (13, &[])], &[(3, &[5, 0]), (13, &[5, 0, 0])]];
        for script in scripts {
            let (address, _told) = proxy(script);
            for (connect, total, kind) in [
                (Some(millis(200)), None, ErrorKind::ConnectTimeout),
                (None, Some(millis(200)), ErrorKind::TotalTimeout),
            ] {
                let hop = hop(SocksVersion::V5, SocksResolve::AtProxy);
                let error = through(address, "a.test", &hop, &limits(connect, total)).unwrap_err();
                assert_eq!((error.kind(), error.phase), (kind, Phase::Socks));
            }
        }
    }

    #[test]
    fn a_proxy_that_hangs_up_or_is_not_there_is_a_connection_error() {
        let gone = serve(|mut stream| drop(stream.read(&mut [0; 3])));

        for (address, phase, text) in [
            (gone, Phase::Socks, "it closed the connection without an answer".to_owned()),
            (closed_port(), Phase::Connect, refusal()),
        ] {
            let error =
                through(address, "a.test", &hop(SocksVersion::V5, SocksResolve::AtProxy), &patient()).unwrap_err();
            assert_eq!((error.kind(), error.phase), (ErrorKind::ConnectionError, phase));
            assert!(error.to_string().ends_with(&text), "{error}");
        }
    }
}
