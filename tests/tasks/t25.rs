use petition::{HttpAdapter, Retry, Session};

pub fn considerate() -> Session {
    let retry = Retry::new().total(3).retry_after_max(60);
    let mut session = Session::new();
    session.mount_all(HttpAdapter::builder().pause_on_retry_after(true).max_retries(retry).build());
    session
}

// The test of these lines.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use petition::testing::{Reply, TestServer};

#[test]
fn a_second_request_waits_for_what_the_first_was_told() {
    let told = Mutex::new(None);
    let server = TestServer::http(move |_| {
        let mut told = told.lock().unwrap();
        match *told {
            None => {
                *told = Some(Instant::now());
                Reply::new(429).header("Retry-After", 1)
            }
            Some(then) if then.elapsed() < Duration::from_millis(900) => Reply::new(400),
            Some(_) => Reply::new(200),
        }
    });
    let mut session = considerate();
    session.trust_env = false;

    // A POST is not repeated, so its 429 comes back; the GET after it waits.
    assert_eq!(session.post(server.url("/")).send().unwrap().status_code(), 429);
    assert_eq!(session.get(server.url("/")).send().unwrap().status_code(), 200);
}
