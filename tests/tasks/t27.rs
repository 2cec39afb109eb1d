use std::net::IpAddr;

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
    let mut session = Session::new();
    session.trust_env = false; // a proxy would connect for us, and is not asked about addresses
    session.mount_all(HttpAdapter::builder().allow_address(is_public).build());
    session
}

// The test of these lines.

use petition::testing::{Reply, TestServer};

#[test]
fn a_local_server_is_not_reached_by_address_or_by_name() {
    let server = TestServer::http(|_| Reply::new(200));
    let port = server.address().port();
    let session = public_only();

    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"] {
        let error = session.get(format!("http://{host}:{port}/")).send().unwrap_err();
        assert!(error.is_connection_error(), "{host}: {}", crate::chain(&error));
    }
    assert_eq!(server.accepted(), 0);
}
