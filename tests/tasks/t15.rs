use std::sync::Mutex;
use std::sync::mpsc::Receiver;

use petition::{Cancel, HttpAdapter, Session};

pub fn session(stop: &Cancel) -> Session {
    let mut session = Session::new();
    session.timeout = (3.05, 27).into();
    session.cancel = Some(stop.clone());
    session.mount_all(HttpAdapter::builder().pool_maxsize(4).pool_block(true).build());
    session
}

/// Fetches what comes out of `queue`; returns how many were fetched.
pub fn work(session: &Session, queue: Receiver<String>) -> usize {
    let queue = Mutex::new(queue);
    std::thread::scope(|scope| {
        let worker = || {
            let mut done = 0;
            loop {
                let Ok(url) = queue.lock().expect("nobody panics with the lock").recv() else { return done };
                match session.get(&url).send() {
                    Ok(_) => done += 1,
                    Err(error) if error.is_cancelled() => return done,
                    Err(error) => eprintln!("{url}: {error}"),
                }
            }
        };
        let workers: Vec<_> = (0..16).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).sum()
    })
}

// The test of these lines.

use std::sync::mpsc::channel;

use petition::testing::{Reply, TestServer};

#[test]
fn the_queue_is_worked_off_over_four_connections() {
    let server = TestServer::http(|_| Reply::new(200));
    let mut session = session(&Cancel::new());
    session.trust_env = false;
    let (jobs, queue) = channel();
    for n in 0..100 {
        jobs.send(server.url(&format!("/{n}"))).unwrap();
    }
    drop(jobs);

    assert_eq!(work(&session, queue), 100);
    assert!(server.most_open() <= 4);
}

#[test]
fn a_cancelled_token_ends_the_workers() {
    let server = TestServer::connections(|peer| {
        peer.read_request();
        peer.wait_for_close();
    });
    let stop = Cancel::new();
    let mut session = session(&stop);
    session.trust_env = false;
    let (jobs, queue) = channel();
    for n in 0..16 {
        jobs.send(server.url(&format!("/{n}"))).unwrap();
    }

    let done = std::thread::scope(|scope| {
        let working = scope.spawn(|| work(&session, queue));
        assert!(server.wait_for_open(4));
        stop.cancel();
        drop(jobs);
        working.join().unwrap()
    });

    assert_eq!(done, 0);
}
