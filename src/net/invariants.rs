//! What holds for any bytes of a proxy, and for any PEM text: for `fuzz/` and the tests of its corpora.

#[cfg(any(feature = "native-tls", feature = "rustls"))]
pub(crate) use super::tls::pem_invariant;

#[cfg(unix)]
pub use of_proxies::{proxy_answer, socks_answer};

#[cfg(unix)]
mod of_proxies {
    use std::io::{Read, Write};
    use std::net::Shutdown;
    use std::sync::Arc;
    use std::time::Duration;

    use socket2::{Domain, Socket, Type};

    use crate::clock::{self, Deadline, SystemClock};
    use crate::net::error::{ConnectError, ConnectErrorKind, Phase, ProxyStop};
    use crate::net::limits::{Bounded, Limits, Stopped};
    use crate::net::transport::Transport;
    use crate::net::{Wait, tunnel};

    const PASSWORD: &str = "Basic dXNlcjpjMHJyZWN0LWgwcnNl";

    /// A connection to a peer that has said `answer` and no more.
    fn peer(answer: &[u8]) -> (Transport, Socket) {
        let (ours, mut far) = Socket::pair(Domain::UNIX, Type::STREAM, None).expect("sockets can be made");
        far.write_all(answer).expect("a short answer fits into the socket");
        far.shutdown(Shutdown::Write).expect("the socket is open");
        (Transport::new(Arc::new(ours), None), far)
    }

    fn limits() -> Limits<'static> {
        let total = Deadline::after(clock::now(), Some(Duration::from_secs(20)));
        Limits { connect: None, total, clock: &SystemClock, cancel: None }
    }

    /// Checks how it ended: with nothing left to read, or with an error of one line that does not show the credentials.
    fn check(result: Result<(), ProxyStop>, transport: &mut Transport) {
        let kind = match result {
            Ok(()) => return,
            Err(ProxyStop::Stopped(Stopped::Io(error))) => ConnectErrorKind::Connect(error),
            Err(ProxyStop::Stopped(stopped)) => panic!("it waited for what could not come: {stopped:?}"),
            Err(ProxyStop::Failure(failure)) => ConnectErrorKind::Proxy(failure),
        };
        let _ = transport;
        let error = ConnectError { kind, phase: Phase::Tunnel, peer: "proxy.test:3128".to_owned(), is_proxy: true };
        let text = crate::error::Error::from(error).to_string();
        assert!(!text.contains("dXNlcjpjMHJyZWN0LWgwcnNl") && !text.contains("c0rrect-h0rse"), "{text}");
        let in_one: String = text.split_whitespace().collect();
        assert!(!in_one.contains("dXNlcjpjMHJyZWN0LWgwcnNl") && !in_one.contains("c0rrect-h0rse"), "{text}");
        assert!(!text.chars().any(char::is_control), "a control character reaches a terminal: {text:?}");
        assert!(text.len() < 2000, "{} bytes of text", text.len());
    }

    /// Invariant: any answer to CONNECT opens the tunnel with nothing unread in it, or is an error of one printable line without
    /// credentials.
    pub fn proxy_answer(data: &[u8]) {
        let (mut transport, _far) = peer(data);
        let limits = limits();
        let mut bounded = Bounded { transport: &mut transport, bound: limits.bound() };
        let result = tunnel::open(&mut bounded, "origin.test", 443, Some(PASSWORD));
        if result.is_ok() {
            transport.set_wait(Wait::until(limits.total));
            assert!(matches!(transport.read(&mut [0; 64]), Ok(0)), "the proxy's bytes would be taken for the origin's");
        }
        check(result, &mut transport);
    }

    /// How long an answer is that lets the client through, by RFC 1928, RFC 1929 and the SOCKS 4 note.
    #[cfg(feature = "socks")]
    fn length(is_version_4: bool, answer: &[u8]) -> usize {
        if is_version_4 {
            return 8;
        }
        let with_password = if answer[1] == 2 { 2 } else { 0 };
        let head = 2 + with_password;
        let address = match answer[head + 3] {
            1 => 4,
            4 => 16,
            _ => 1 + usize::from(answer[head + 4]),
        };
        head + 4 + address + 2
    }

    /// Invariant: any answer of a SOCKS proxy is the end of the negotiation, and takes no byte of what follows it.
    pub fn socks_answer(data: &[u8]) {
        #[cfg(feature = "socks")]
        {
            use crate::net::socks::{Target, negotiate};
            use crate::proxy::{SocksProxy, SocksResolve, SocksVersion};

            let Some((&how, answer)) = data.split_first() else { return };
            let proxy = SocksProxy {
                version: if how & 1 == 0 { SocksVersion::V5 } else { SocksVersion::V4 },
                resolve: SocksResolve::AtProxy,
                host: "proxy.test".to_owned(),
                port: 1080,
                credentials: (how & 2 == 0).then(|| ("user".to_owned(), PASSWORD.to_owned())),
            };
            let (mut transport, _far) = peer(answer);
            let limits = limits();
            let result = negotiate(&mut transport, &limits, &proxy, Target::Name("origin.test"), 443);
            if result.is_ok() {
                transport.set_wait(Wait::until(limits.total));
                let mut rest = Vec::new();
                transport.read_to_end(&mut rest).expect("the peer closed");
                assert_eq!(answer.len() - rest.len(), length(how & 1 == 1, answer), "bytes of the answer");
            }
            check(result, &mut transport);
        }
        #[cfg(not(feature = "socks"))]
        let _ = data;
    }
}
