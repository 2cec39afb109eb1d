//! From a host to addresses, in the order to try them.
//!
//! One look-up for each new connection, by the operating system or by the caller's own resolver; an IP literal needs
//! neither. The system's look-up cannot be interrupted: limits are checked once it is back.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

/// A look-up of the caller's own: host and port to addresses. A port of 0 in the answer stands for the one asked for.
#[derive(Clone)]
pub(crate) struct Resolver(pub(crate) Arc<Lookup>);

type Lookup = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

/// The addresses of `host`, never none, in the order of the answer.
pub(super) fn resolve(host: &str, port: u16, own: Option<&Resolver>) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let mut addresses = match own {
        // An address with a zone, which the system makes a scope of. It goes by `%25` in URLs (RFC 6874) and by `%`
        // everywhere else.
        _ if host.contains(':') => (host.replacen("%25", "%", 1).as_str(), port).to_socket_addrs()?.collect(),
        Some(Resolver(lookup)) => lookup(host, port)?,
        None => (host, port).to_socket_addrs()?.collect(),
    };
    for address in &mut addresses {
        if address.port() == 0 {
            address.set_port(port);
        }
    }
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}

/// Happy Eyeballs (RFC 8305 §4): the families take turns, the first answer's first; within one the order stays.
pub(super) fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let mixed = addresses.windows(2).any(|pair| pair[0].is_ipv4() != pair[1].is_ipv4());
    if !mixed {
        return addresses;
    }
    let first_is_v4 = addresses[0].is_ipv4();
    let mut ordered = Vec::with_capacity(addresses.len());
    let (mut one, mut other): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv4() == first_is_v4);
    while !(one.is_empty() && other.is_empty()) {
        ordered.extend(one.pop_front());
        ordered.extend(other.pop_front());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_and_keep_their_order() {
        for (answer, order) in [
            (&["1.1.1.1:1", "2.2.2.2:1"][..], &["1.1.1.1:1", "2.2.2.2:1"][..]),
            (&["[::1]:1", "[::2]:1", "1.1.1.1:1"], &["[::1]:1", "1.1.1.1:1", "[::2]:1"]),
            (&["1.1.1.1:1", "2.2.2.2:1", "[::1]:1", "3.3.3.3:1"], &["1.1.1.1:1", "[::1]:1", "2.2.2.2:1", "3.3.3.3:1"]),
            (&[], &[]),
        ] {
            assert_eq!(interleave(addresses(answer)), addresses(order));
        }
    }

    #[test]
    fn a_literal_needs_no_resolver() {
        let never = Resolver(Arc::new(|_: &str, _| panic!("asked for a literal")));

        assert_eq!(resolve("127.0.0.1", 80, Some(&never)).unwrap(), addresses(&["127.0.0.1:80"]));
        assert_eq!(resolve("::1", 80, Some(&never)).unwrap(), addresses(&["[::1]:80"]));
        for zone in ["::1%251", "::1%1"] {
            assert_eq!(resolve(zone, 80, Some(&never)).unwrap(), addresses(&["[::1%1]:80"]), "{zone}");
        }
    }

    #[test]
    fn an_own_resolver_is_asked_by_name_and_may_leave_the_port_open() {
        let own = Resolver(Arc::new(|host: &str, port| {
            assert_eq!((host, port), ("api.test", 8080));
            Ok(vec!["10.0.0.1:0".parse().unwrap(), "10.0.0.2:9".parse().unwrap()])
        }));

        assert_eq!(resolve("api.test", 8080, Some(&own)).unwrap(), addresses(&["10.0.0.1:8080", "10.0.0.2:9"]));
    }

    #[test]
    fn an_answer_without_addresses_is_an_error() {
        let empty = Resolver(Arc::new(|_: &str, _| Ok(vec![])));

        assert_eq!(resolve("api.test", 80, Some(&empty)).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
