use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use petition::{HttpAdapter, Session};

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified()),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public(v4.into()),
            None => !(v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local()),
        },
    }
}

pub fn public_only() -> Session {
    let resolve = |host: &str, port: u16| -> io::Result<Vec<SocketAddr>> {
        let found: Vec<SocketAddr> = (host, port).to_socket_addrs()?.filter(|found| is_public(found.ip())).collect();
        match found.is_empty() {
            true => Err(io::Error::new(io::ErrorKind::PermissionDenied, "not a public address")),
            false => Ok(found),
        }
    };
    let mut session = Session::new();
    session.mount_all(HttpAdapter::builder().resolver(resolve).build());
    session
}

// The test of these lines.

use petition::testing::{Reply, TestServer};

#[test]
fn a_local_server_is_not_reached_by_address_or_by_name() {
    let server = TestServer::http(|_| Reply::new(200));
    let port = server.address().port();
    let mut session = public_only();
    session.trust_env = false;

    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"] {
        let error = session.get(format!("http://{host}:{port}/")).send().unwrap_err();
        assert!(error.is_connection_error(), "{host}: {}", crate::chain(&error));
    }
    assert_eq!(server.accepted(), 0);
}
