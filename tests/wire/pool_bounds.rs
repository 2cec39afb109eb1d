//! What a pool keeps, and how many connections a host may have, while threads do what they like.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::{io, thread};

use petition::testing::{Reply, TestServer};
use petition::{HttpAdapter, PoolStats, Session};

use crate::support::{Gate, logged, saying, session_over, wait_until};

fn waiting(adapter: &HttpAdapter) -> usize {
    adapter.stats().iter().map(PoolStats::waiting).sum()
}

/// As many threads as URLs, one GET each. The lines that they logged.
fn burst(session: &Session, urls: impl Iterator<Item = String>) -> Vec<String> {
    thread::scope(|scope| {
        let get = |url: String| logged(|| session.get(url).send().unwrap().text().unwrap()).1;
        let threads: Vec<_> = urls.map(|url| scope.spawn(move || get(url))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn who_was_handed_a_connection_crowds_none_out_of_the_pool() {
    for pool_block in [false, true] {
        let gates: Arc<Vec<Gate>> = Arc::new((0..3).map(|_| Gate::default()).collect());
        let held_back = Arc::clone(&gates);
        let server = TestServer::http(move |request| {
            let burst: usize = request.target.trim_start_matches('/').parse().unwrap();
            held_back[burst].wait();
            Reply::new(200).body("hello")
        });
        let adapter = HttpAdapter::builder().max_connections(2).pool_maxsize(2).pool_block(pool_block).build();
        let session = session_over(&adapter);

        for (number, gate) in gates.iter().enumerate() {
            let url = server.url(&format!("/{number}"));
            let lines = thread::scope(|scope| {
                let threads = scope.spawn(|| burst(&session, (0..6).map(|_| url.clone())));
                wait_until("four that wait", || waiting(&adapter) == 4);
                gate.open();
                threads.join().unwrap()
            });

            let full: Vec<_> = lines.iter().filter(|line| line.contains("pool is full")).collect();
            assert!(full.is_empty(), "{full:?}");
            assert_eq!((server.open(), server.accepted()), (2, 2), "after burst {number}, block {pool_block}");
        }
        assert_eq!(server.requests().len(), 18);
    }
}

// As under port exhaustion: after ten connections none can be made, and none need be.
#[test]
fn when_no_more_connections_can_be_made_those_that_are_there_serve_everybody() {
    let server = saying("hello");
    let (address, made) = (server.address(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&made);
    let adapter = HttpAdapter::builder()
        .max_connections(10)
        .resolver(move |_, _| match counted.fetch_add(1, SeqCst) {
            0..10 => Ok(vec![address]),
            _ => Err(io::Error::from(io::ErrorKind::AddrNotAvailable)),
        })
        .build();
    let session = session_over(&adapter);

    thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(|| {
                for _ in 0..100 {
                    session.get("http://host.test/").send().unwrap();
                }
            });
        }
    });

    assert_eq!(server.requests().len(), 3000);
    assert!(made.load(SeqCst) <= 10);
    assert_eq!(adapter.stats()[0].idle(), server.accepted());
}

// A failed look-up leaves an empty slot: beneath the connections, not in place of one.
#[test]
fn look_ups_that_fail_cost_no_live_connection() {
    let server = saying("hello");
    let address = server.address();
    let look_ups = Arc::new(AtomicUsize::new(0));
    let (counted, all_there) = (Arc::clone(&look_ups), Arc::new(Barrier::new(6)));
    let adapter = HttpAdapter::builder()
        .pool_maxsize(2)
        .resolver(move |_, _| {
            let number = counted.fetch_add(1, SeqCst);
            all_there.wait();
            if number < 2 { Ok(vec![address]) } else { Err(io::Error::from(io::ErrorKind::NotFound)) }
        })
        .build();
    let session = session_over(&adapter);

    let ok = thread::scope(|scope| {
        let get = || session.get("http://host.test/").send().is_ok();
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(get)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|ok| *ok).count()
    });
    for _ in 0..4 {
        session.get("http://host.test/").send().unwrap();
    }

    assert_eq!((ok, look_ups.load(SeqCst)), (2, 6));
    assert_eq!((server.open(), server.accepted(), adapter.stats()[0].idle()), (2, 2, 2));
}
