use petition::{HttpAdapter, Session};

pub fn careful() -> Session {
    let mut session = Session::new();
    session.mount_all(HttpAdapter::builder().keep_alive_margin(2).build());
    session
}

// The test of these lines.

use petition::testing::{Reply, TestServer};

#[test]
fn a_connection_in_its_last_seconds_is_not_used() {
    let server = TestServer::http(|_| Reply::new(200).header("Keep-Alive", "timeout=2"));
    let mut session = careful();
    session.trust_env = false;

    session.get(server.url("/")).send().unwrap();
    session.get(server.url("/")).send().unwrap();

    assert_eq!(server.accepted(), 2);
}
