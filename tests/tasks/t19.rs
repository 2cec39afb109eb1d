use petition::{HttpAdapter, PoolEvent, Session};

pub fn watched(report: impl Fn(String) + Send + Sync + 'static) -> Session {
    let adapter = HttpAdapter::builder()
        .pool_maxsize(4)
        .pool_block(true)
        .on_event(move |event: &PoolEvent<'_>| {
            if let PoolEvent::Waiting { host, .. } = event {
                report(format!("a thread waits for a connection to {host}"));
            }
        })
        .build();
    let mut session = Session::new();
    session.mount_all(adapter);
    session
}

pub fn report(session: &Session) -> String {
    session.stats().iter().map(|pool| format!("{pool}\n")).collect()
}

// The test of these lines.

use std::sync::mpsc::channel;

use petition::Timeout;
use petition::testing::{Reply, TestServer};

#[test]
fn kept_responses_are_seen() {
    let server = TestServer::http(|_| Reply::new(200).body(vec![b'x'; 1 << 20]));
    let (told, reports) = channel();
    let mut session = watched(move |line| drop(told.send(line)));
    session.trust_env = false;

    let kept: Vec<_> = (0..4).map(|_| session.get(server.url("/")).stream(true).send().unwrap()).collect();
    assert!(report(&session).contains("4 in use, 0 idle"), "{}", report(&session));
    assert!(session.get(server.url("/")).timeout(Timeout::new().pool(0.01)).send().is_err());

    assert_eq!(reports.try_recv().unwrap(), "a thread waits for a connection to 127.0.0.1");
    drop(kept);
}
