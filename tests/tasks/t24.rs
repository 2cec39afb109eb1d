use petition::{HttpAdapter, RateLimit, Session};

pub fn slow_down() -> Session {
    let mut session = Session::new();
    session.mount_all(HttpAdapter::builder().rate_limit(RateLimit::per_second(10.0)).build());
    session
}

// The test of these lines.

use std::time::{Duration, Instant};

use petition::testing::{Reply, TestServer};

#[test]
fn four_requests_take_three_tenths_of_a_second() {
    let server = TestServer::http(|_| Reply::new(200));
    let mut session = slow_down();
    session.trust_env = false;

    let begin = Instant::now();
    for _ in 0..4 {
        session.get(server.url("/")).send().unwrap();
    }

    assert!(begin.elapsed() >= Duration::from_millis(290), "{:?}", begin.elapsed());
}
