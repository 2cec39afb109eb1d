//! microsocks, a SOCKS5 proxy, with and without a password. It keeps no log; that a request went through it shows in what
//! fails without it.

use std::process::Command;

use petition::{ErrorKind, HttpAdapter, Session};

use crate::client::{session, session_over};
use crate::nginx::Nginx;
use crate::process::{Dir, Process, free_port, program};

struct Microsocks {
    process: Process,
    _dir: Dir, // goes after the process
}

impl Microsocks {
    fn start(args: &[&str]) -> Option<Self> {
        let microsocks = program("microsocks")?;
        let dir = Dir::new("microsocks");
        let process = Process::start(&dir, |port| {
            let mut command = Command::new(&microsocks);
            command.args(["-i", "127.0.0.1", "-p", &port.to_string()]).args(args);
            command
        });
        Some(Self { process, _dir: dir })
    }

    fn session(&self, adapter: &HttpAdapter, scheme: &str, user: &str) -> Session {
        let mut session = session_over(adapter);
        session.proxies.insert("all", format!("{scheme}://{user}{}", self.process.address())).unwrap();
        session
    }
}

const SERVER: &str = "location / { return 200 '$connection_requests $host'; }";

// PROXY-25, PROXY-29
#[test]
fn microsocks_carries_one_connection_for_requests_in_a_row() {
    let (Some(socks), Some(nginx)) = (Microsocks::start(&[]), Nginx::start(SERVER)) else { return };
    for scheme in ["socks5", "socks5h"] {
        let session = socks.session(&HttpAdapter::new(), scheme, "");

        for count in 1..=3 {
            let text = session.get(nginx.url("/")).send().unwrap().text().unwrap();
            assert_eq!(text, format!("{count} 127.0.0.1"), "{scheme}");
        }
    }
}

// PROXY-25: socks5 resolves here, by our resolver; socks5h has microsocks look the name up, which does not exist.
#[test]
fn the_name_is_resolved_here_by_socks5_and_there_by_socks5h() {
    let (Some(socks), Some(nginx)) = (Microsocks::start(&[]), Nginx::start(SERVER)) else { return };
    let here = |_: &str, port: u16| Ok(vec![(std::net::Ipv4Addr::LOCALHOST, port).into()]);
    let adapter = || HttpAdapter::builder().resolver(here).build();
    let named = format!("http://site.invalid:{}/", nginx.port());
    let local = format!("http://localhost:{}/", nginx.port());

    let resolved = socks.session(&adapter(), "socks5", "").get(&named).send().unwrap();
    let unresolved = socks.session(&adapter(), "socks5h", "").get(&named).send().unwrap_err();
    let there = socks.session(&adapter(), "socks5h", "").get(&local).send().unwrap();

    assert_eq!(resolved.text().unwrap(), "1 site.invalid");
    assert_eq!(unresolved.kind(), ErrorKind::ConnectionError);
    assert_eq!(there.text().unwrap(), "1 localhost");
}

// PROXY-26
#[test]
fn microsocks_serves_the_right_password_alone() {
    let args = ["-u", "alice", "-P", "p@ss:w%rd"];
    let (Some(socks), Some(nginx)) = (Microsocks::start(&args), Nginx::start(SERVER)) else { return };
    let session = |user| socks.session(&HttpAdapter::new(), "socks5", user);

    let right = session("alice:p%40ss%3Aw%25rd@").get(nginx.url("/")).send().unwrap();
    let wrong = session("alice:other@").get(nginx.url("/")).send().unwrap_err();
    let none = session("").get(nginx.url("/")).send().unwrap_err();

    assert_eq!(right.status_code(), 200);
    assert_eq!((wrong.kind(), none.kind()), (ErrorKind::ConnectionError, ErrorKind::ConnectionError));
    assert!(!format!("{wrong} {wrong:?}").contains("other"));
}

// PROXY-27
#[test]
fn what_microsocks_cannot_reach_and_a_microsocks_that_is_gone_are_connection_errors() {
    let Some(socks) = Microsocks::start(&[]) else { return };
    let nowhere = format!("http://127.0.0.1:{}/", free_port());
    let session_here = socks.session(&HttpAdapter::new(), "socks5", "");

    let refused = session_here.get(&nowhere).send().unwrap_err();
    drop(socks);
    let gone = session_here.get(&nowhere).send().unwrap_err();

    assert_eq!((refused.kind(), gone.kind()), (ErrorKind::ConnectionError, ErrorKind::ConnectionError));
}

// A session without proxies is not changed by what the others do: the same adapter, another pool.
#[test]
fn a_proxied_and_a_direct_request_share_no_connection() {
    let (Some(socks), Some(nginx)) = (Microsocks::start(&[]), Nginx::start(SERVER)) else { return };
    let session = session();
    let proxy = format!("socks5://{}", socks.process.address());

    let direct = session.get(nginx.url("/")).send().unwrap();
    let proxied = session.get(nginx.url("/")).proxies([("http", &proxy)]).send().unwrap();

    assert_eq!(direct.text().unwrap(), "1 127.0.0.1");
    assert_eq!(proxied.text().unwrap(), "1 127.0.0.1");
    assert_eq!(nginx.connections().0.len(), 2);
}

#[cfg(any(feature = "native-tls", feature = "rustls"))]
#[test]
fn https_goes_through_microsocks_and_is_verified() {
    use crate::certificates::{Leaf, OpensslCa};
    use petition::Verify;

    let dir = Dir::new("socks-tls");
    let Some(ca) = OpensslCa::root(&dir, "ca") else { return };
    ca.issue("server", &Leaf::server("DNS:site.test"));
    let (Some(socks), Some(nginx)) = (Microsocks::start(&[]), Nginx::start_tls(dir, SERVER)) else { return };
    for backend in crate::client::backends() {
        let mut session = socks.session(&crate::client::local_names(&backend).build(), "socks5", "");
        let url = format!("https://site.test:{}/", nginx.port());

        let error = session.get(&url).send().unwrap_err();
        session.verify = Verify::CaBundle(nginx.dir.path("ca.pem"));
        let first = session.get(&url).send().unwrap().text().unwrap();
        let second = session.get(&url).send().unwrap().text().unwrap();

        assert_eq!(error.kind(), ErrorKind::SslError, "{backend:?}");
        assert_eq!((first.as_str(), second.as_str()), ("1 site.test", "2 site.test"), "{backend:?}");
    }
}
