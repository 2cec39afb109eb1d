use petition::{HttpAdapter, Session};

pub fn bounded() -> Session {
    let mut session = Session::new();
    session.mount_all(HttpAdapter::builder().pool_maxsize(4).pool_block(true).pool_timeout(2).build());
    session
}

// The test of these lines.

use petition::ErrorKind;
use petition::testing::{Reply, TestServer};

#[test]
fn the_fifth_waits_and_gives_up() {
    let server = TestServer::http(|_| Reply::new(200).body(vec![b'x'; 1 << 20]));
    let mut session = bounded();
    session.trust_env = false;

    let kept: Vec<_> = (0..4).map(|_| session.get(server.url("/")).stream(true).send().unwrap()).collect();
    let fifth = session.get(server.url("/")).timeout(petition::Timeout::new().pool(0.01)).send().unwrap_err();

    assert_eq!(fifth.kind(), ErrorKind::PoolTimeout);
    assert_eq!(server.most_open(), 4);
    drop(kept);
}
