use petition::{Cancel, Session};

/// A session, and what ends all its requests.
pub fn stoppable() -> (Session, Cancel) {
    let stop = Cancel::new();
    let mut session = Session::new();
    session.cancel = Some(stop.clone());
    (session, stop)
}

// The test of these lines.

use petition::testing::TestServer;

#[test]
fn a_request_that_waits_ends_at_once() {
    let server = TestServer::connections(|peer| {
        peer.read_request();
        peer.wait_for_close();
    });
    let (mut session, stop) = stoppable();
    session.trust_env = false;

    let error = std::thread::scope(|scope| {
        let asking = scope.spawn(|| session.get(server.url("/")).send());
        assert!(server.wait_for_requests(1));
        stop.cancel();
        asking.join().unwrap().unwrap_err()
    });

    assert!(error.is_cancelled());
}
