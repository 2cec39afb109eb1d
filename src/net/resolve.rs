//! Name resolution: from a host to addresses, in the order in which to try them.
//!
//! There is one lookup for each new connection, by the operating system or by the caller's own resolver. An IP literal needs
//! none. The system's lookup cannot be interrupted, so limits are checked when it returns. If the request can be cancelled,
//! the lookup runs on a thread of its own, which is abandoned when the caller leaves.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, mpsc};

use super::exhausted::shortage;
use super::limits::Stopped;
use crate::cancel::{Cancel, Stop};

/// The caller's own resolver: host and port to addresses. A port of 0 in the answer stands for the requested port.
#[derive(Clone)]
pub(crate) struct Resolver(pub(crate) Arc<Lookup>);

type Lookup = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

/// The caller's own rule about which addresses may be connected to.
#[derive(Clone)]
pub(crate) struct Allowed(pub(crate) Arc<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl Allowed {
    /// The addresses that are allowed, in their order. That there is none is an error.
    pub(super) fn those_of(&self, mut addresses: Vec<SocketAddr>) -> io::Result<Vec<SocketAddr>> {
        let first = addresses.first().copied();
        addresses.retain(|address| (self.0)(address.ip()));
        match first {
            Some(first) if addresses.is_empty() => {
                let text = format!("the address {} is not allowed", first.ip());
                Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
            }
            _ => Ok(addresses),
        }
    }
}

impl fmt::Debug for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Allowed")
    }
}

/// Whether `host` needs no lookup.
pub(super) fn is_literal(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}

/// The addresses of `host`, at least one, in the order of the answer.
pub(super) fn resolve(
    host: &str,
    port: u16,
    own: Option<&Resolver>,
    cancel: Option<&Cancel>,
) -> Result<Vec<SocketAddr>, Stopped> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    match cancel {
        Some(cancel) => look_up_beside(host, port, own, cancel),
        None => look_up(host, port, own).map_err(Stopped::Io),
    }
}

/// What a caller learns about a lookup on another thread.
enum News {
    Answer(io::Result<Vec<SocketAddr>>),
    Cancelled,
}

/// The end of the lookup's thread: a resolver that panics is an answer too, or the caller would wait forever.
struct Answering(mpsc::SyncSender<News>);

impl Drop for Answering {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.try_send(News::Answer(Err(io::Error::other("the resolver panicked"))));
        }
    }
}

struct Caller(mpsc::SyncSender<News>);

impl Stop for Caller {
    fn stop(&self) {
        // The channel is full if the answer is there already.
        let _ = self.0.try_send(News::Cancelled);
    }
}

fn look_up_beside(host: &str, port: u16, own: Option<&Resolver>, cancel: &Cancel) -> Result<Vec<SocketAddr>, Stopped> {
    let (say, said) = mpsc::sync_channel(2);
    let Some(_registration) = cancel.register(Arc::new(Caller(say.clone()))) else { return Err(Stopped::Cancelled) };
    let (name, resolver) = (host.to_owned(), own.cloned());
    let say = Answering(say);
    let look_up_there = move || {
        let answer = look_up(&name, port, resolver.as_ref());
        // The caller may have left.
        let _ = say.0.try_send(News::Answer(answer));
    };
    let thread = std::thread::Builder::new().name("petition-lookup".to_owned()).spawn(look_up_there);
    if thread.is_err() {
        // No thread could be started: a lookup that cannot be abandoned is better than none.
        return look_up(host, port, own).map_err(Stopped::Io);
    }
    match said.recv() {
        Ok(News::Answer(answer)) => answer.map_err(Stopped::Io),
        Ok(News::Cancelled) => Err(Stopped::Cancelled),
        // The registration keeps a sender, so this is never so.
        Err(_) => Err(Stopped::Io(io::Error::other("the lookup gave no answer"))),
    }
}

fn look_up(host: &str, port: u16, own: Option<&Resolver>) -> io::Result<Vec<SocketAddr>> {
    let mut addresses = match own {
        // An address with a zone, which the system turns into a scope. Its separator is `%25` in URLs (RFC 6874), and `%`
        // elsewhere.
        _ if host.contains(':') => (host.replacen("%25", "%", 1).as_str(), port).to_socket_addrs()?.collect(),
        Some(Resolver(lookup)) => lookup(host, port).map_err(or_shortage)?,
        None => (host, port).to_socket_addrs().map_err(or_shortage)?.collect(),
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

/// The system calls a name unknown when it has no descriptor to look it up with.
fn or_shortage(error: io::Error) -> io::Error {
    shortage().unwrap_or(error)
}

/// Happy Eyeballs (RFC 8305 §4): the families alternate, beginning with that of the first address. Within a family the order
/// is kept.
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

        assert_eq!(resolve("127.0.0.1", 80, Some(&never), None).unwrap(), addresses(&["127.0.0.1:80"]));
        assert_eq!(resolve("::1", 80, Some(&never), None).unwrap(), addresses(&["[::1]:80"]));
        for zone in ["::1%251", "::1%1"] {
            assert_eq!(resolve(zone, 80, Some(&never), None).unwrap(), addresses(&["[::1%1]:80"]), "{zone}");
        }
    }

    #[test]
    fn an_own_resolver_is_asked_by_name_and_may_leave_the_port_open() {
        let own = Resolver(Arc::new(|host: &str, port| {
            assert_eq!((host, port), ("api.test", 8080));
            Ok(vec!["10.0.0.1:0".parse().unwrap(), "10.0.0.2:9".parse().unwrap()])
        }));

        assert_eq!(resolve("api.test", 8080, Some(&own), None).unwrap(), addresses(&["10.0.0.1:8080", "10.0.0.2:9"]));
    }

    #[test]
    fn only_allowed_addresses_are_left_and_none_is_an_error() {
        let public = Allowed(Arc::new(|address: IpAddr| !address.is_loopback()));

        let mixed = addresses(&["127.0.0.1:1", "1.1.1.1:1", "[::1]:1", "[2001:db8::1]:1"]);
        assert_eq!(public.those_of(mixed).unwrap(), addresses(&["1.1.1.1:1", "[2001:db8::1]:1"]));
        let error = public.those_of(addresses(&["127.0.0.1:1", "[::1]:1"])).unwrap_err();
        assert_eq!(
            (error.kind(), &*error.to_string()),
            (io::ErrorKind::PermissionDenied, "the address 127.0.0.1 is not allowed")
        );
    }

    #[test]
    fn an_answer_without_addresses_is_an_error() {
        let empty = Resolver(Arc::new(|_: &str, _| Ok(vec![])));

        let error = resolve("api.test", 80, Some(&empty), None).unwrap_err();
        assert!(matches!(error, Stopped::Io(error) if error.kind() == io::ErrorKind::NotFound));
    }
    #[test]
    fn a_look_up_that_hangs_is_left_to_itself() {
        let (end, ended) = mpsc::channel::<()>();
        let (asked, ask) = mpsc::channel();
        let ended = std::sync::Mutex::new(ended);
        let asked = std::sync::Mutex::new(asked);
        let hanging = Resolver(Arc::new(move |_: &str, _| {
            asked.lock().unwrap().send(()).unwrap();
            let _ = ended.lock().unwrap().recv();
            Ok(vec![])
        }));
        let cancel = Cancel::new();
        let caller = {
            let cancel = cancel.clone();
            std::thread::spawn(move || resolve("api.test", 80, Some(&hanging), Some(&cancel)))
        };
        ask.recv().unwrap();

        cancel.cancel();

        assert!(matches!(caller.join().unwrap(), Err(Stopped::Cancelled)));
        drop(end);
    }

    #[test]
    fn a_resolver_that_panics_is_an_error_and_no_endless_wait() {
        let panicking = Resolver(Arc::new(|_: &str, _| panic!("as a program may")));

        let error = resolve("api.test", 80, Some(&panicking), Some(&Cancel::new())).unwrap_err();

        assert!(matches!(error, Stopped::Io(error) if error.to_string() == "the resolver panicked"));
    }

    #[test]
    fn an_answer_that_comes_in_time_is_taken() {
        let own = Resolver(Arc::new(|_: &str, _| Ok(addresses(&["10.0.0.1:9"]))));

        assert_eq!(resolve("a", 80, Some(&own), Some(&Cancel::new())).unwrap(), addresses(&["10.0.0.1:9"]));
    }
}
