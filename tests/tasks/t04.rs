use petition::{HttpAdapter, Retry, Session, Timeout};

pub fn patient() -> Session {
    let mut session = Session::new();
    session.timeout = Timeout::new().connect(3).read(10).total(30);
    session.mount_all(HttpAdapter::builder().max_retries(Retry::new().total(5).backoff_factor(0.5)).build());
    session
}

// The test of these lines.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use petition::testing::{Reply, TestServer};

#[test]
fn a_get_is_repeated_and_a_post_is_not() {
    let asked = AtomicUsize::new(0);
    let server = TestServer::http(move |_| match asked.fetch_add(1, SeqCst) {
        0 | 2 => Reply::new(503).header("Retry-After", 0),
        _ => Reply::new(200),
    });
    let mut session = patient();
    session.trust_env = false;

    assert_eq!(session.get(server.url("/")).send().unwrap().status_code(), 200);
    assert_eq!(session.post(server.url("/")).data("x").send().unwrap().status_code(), 503);
    assert_eq!(server.requests().len(), 3);
}
