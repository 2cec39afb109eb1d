//! The thread that closes idle connections in a process that went quiet.

use std::time::Duration;

use petition::testing::FakeClock;
use petition::{HttpAdapter, HttpAdapterBuilder, PoolStats};

use crate::support::{ok, session_over, wait_until};

fn idle(adapter: &HttpAdapter) -> usize {
    adapter.stats().iter().map(PoolStats::idle).sum()
}

fn reaping(clock: &FakeClock) -> HttpAdapterBuilder {
    HttpAdapter::builder().clock(clock.clone()).idle_timeout(60).reap_idle(true)
}

#[test]
fn an_idle_connection_is_closed_when_its_time_is_over_though_nobody_sends_anything() {
    let (server, clock) = (ok(), FakeClock::new());
    let adapter = reaping(&clock).build();
    let session = session_over(&adapter);

    // The second time there is a thread again.
    for closed in 1..3 {
        session.get(server.url("/")).send().unwrap();
        clock.advance(59.9);
        assert_eq!((server.open(), idle(&adapter)), (1, 1));
        clock.advance(0.2);

        assert!(server.wait_for_open(0));
        wait_until("nothing idle", || idle(&adapter) == 0);
        assert_eq!(server.accepted(), closed);
    }
    assert!(clock.slept().is_empty());
}

#[test]
fn each_connection_is_closed_at_its_own_time() {
    let (server, clock) = (ok(), FakeClock::new());
    let short = petition::testing::TestServer::http(|_| {
        petition::testing::Reply::new(200).header("Keep-Alive", "timeout=10").body("ok")
    });
    let session = session_over(reaping(&clock).build());
    session.get(server.url("/")).send().unwrap();
    session.get(short.url("/")).send().unwrap();

    clock.advance(10);
    assert!(short.wait_for_open(0), "although the thread waited for the other");
    assert_eq!(server.open(), 1);

    clock.advance(50);
    assert!(server.wait_for_open(0));
}

#[test]
fn the_thread_keeps_no_adapter_alive() {
    let (server, clock) = (ok(), FakeClock::new());
    let adapter = reaping(&clock).build();
    let session = session_over(&adapter);
    session.get(server.url("/")).send().unwrap();

    drop((session, adapter));

    assert!(server.wait_for_open(0));
}

#[cfg(target_os = "linux")]
#[test]
fn the_thread_ends_with_the_adapter_and_when_it_is_closed() {
    use crate::support::Child;

    fn threads() -> usize {
        let named = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        tasks.map(named).filter(|name| name.trim() == "petition-reaper").count()
    }

    let child = Child::new(|| {
        let (server, other) = (ok(), ok());
        let adapter = HttpAdapter::builder().reap_idle(true).build();
        let mut session = session_over(&adapter);
        assert_eq!(threads(), 0, "nothing is idle");
        for _ in 0..3 {
            session.get(server.url("/")).send().unwrap();
            session.get(other.url("/")).send().unwrap();
        }
        wait_until("one thread", || threads() == 1);
        session.close();
        wait_until("none after a close", || threads() == 0);
        session.get(server.url("/")).send().unwrap();
        wait_until("one again", || threads() == 1);
        session = session_over(HttpAdapter::new());
        drop((session, adapter));
        wait_until("none without an adapter", || threads() == 0);
        "done"
    });

    assert_eq!(child.run(&[]), "done");
}

// The clock of the system waits in another way.
#[test]
fn the_system_clock_wakes_the_thread_too() {
    let server = ok();
    let session = session_over(HttpAdapter::builder().idle_timeout(Duration::from_millis(20)).reap_idle(true).build());

    session.get(server.url("/")).send().unwrap();

    assert!(server.wait_for_open(0));
}
