//! What a pool keeps, and how many connections a host may have, while threads do what they like.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use petition::testing::{Reply, TestServer};
use petition::{ErrorKind, HttpAdapter, HttpAdapterBuilder, PoolEvent, PoolStats, Response, Session, Timeout};

use crate::support::{Gate, logged, saying, session_over, wait_until, without_environment};

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

/// A server at a port that answers everything, and counts its connections as the client has them: before a new one counts, it
/// looks which of the others the client has closed.
struct Counting {
    listener: TcpListener,
    open: Vec<(TcpStream, Vec<u8>)>,
    most: usize,
}

impl Counting {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { listener, open: Vec::new(), most: 0 }
    }

    /// Does what there is to do, without waiting.
    fn step(&mut self) {
        let new = self.listener.accept().ok();
        self.open.retain_mut(|(stream, request)| is_open(stream, request));
        if let Some((stream, _)) = new {
            stream.set_nonblocking(true).unwrap();
            self.open.push((stream, Vec::new()));
            self.most = self.most.max(self.open.len());
        }
        for (stream, request) in &mut self.open {
            if request.ends_with(b"\r\n\r\n") {
                request.clear();
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        }
    }
}

/// Takes what has arrived; false at the end.
fn is_open(stream: &mut TcpStream, request: &mut Vec<u8>) -> bool {
    let mut room = [0; 4096];
    loop {
        match stream.read(&mut room) {
            Ok(0) => return false,
            Ok(length) => request.extend_from_slice(&room[..length]),
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
}

// In a process of its own: where another test starts a program, the new process holds copies of all connections for a moment,
// and what is closed meanwhile is closed for the server only when that process has become the program.
#[test]
fn a_storm_of_closings_gets_no_host_more_connections_than_its_bound() {
    without_environment(|| {
        let mut servers: Vec<_> = (0..4).map(|_| Counting::new()).collect();
        let urls: Vec<_> =
            servers.iter().map(|server| format!("http://{}/", server.listener.local_addr().unwrap())).collect();
        let adapter = HttpAdapter::builder().pool_connections(3).pool_maxsize(2).pool_block(true).build();
        let session = session_over(&adapter);
        let running = AtomicUsize::new(12);

        thread::scope(|scope| {
            for number in 0..12 {
                let (session, urls, running) = (&session, &urls, &running);
                scope.spawn(move || {
                    let _done = Done(running);
                    for turn in 0..100 {
                        session.get(&*urls[(number + turn) % 4]).send().unwrap();
                        if turn % 3 == 0 {
                            session.close();
                        }
                    }
                });
            }
            while running.load(SeqCst) > 0 {
                servers.iter_mut().for_each(Counting::step);
                thread::yield_now();
            }
        });

        let most: Vec<_> = servers.iter().map(|server| server.most).collect();
        assert!(most.iter().all(|most| (1..=2).contains(most)), "{most:?}");
    });
}

/// Counts down, also where a request failed.
struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[test]
fn a_session_tells_of_every_pool_once_and_one_call_mounts_for_both_schemes() {
    let server = saying("hello");
    let adapter = HttpAdapter::builder().pool_maxsize(2).build();
    let mut session = Session::new();
    session.trust_env = false;
    session.mount_all(adapter.clone());
    session.mount(server.url("/v1"), adapter);
    session.mount("http://127.0.0.1/boxed", Arc::new(HttpAdapter::new()));
    assert!(session.stats().is_empty());

    for path in ["/", "/v1", "/", "/"] {
        session.get(server.url(path)).send().unwrap();
    }

    let stats = session.stats();
    assert_eq!(stats.len(), 1, "{stats:?}");
    let pool = &stats[0];
    assert_eq!((pool.num_requests(), pool.num_connections(), pool.reused()), (4, 1, 3));
    assert_eq!((pool.discarded(), pool.dropped(), pool.replayed(), pool.limit()), (0, 0, 0, None));
    let address = server.address();
    assert_eq!(
        pool.to_string(),
        format!("http://{address}: 0 in use, 1 idle; 4 requests, 3 over a reused connection; 1 connection made")
    );
    session.close();
    assert!(session.stats().is_empty());
}

#[test]
fn a_thread_that_waits_for_a_slot_says_so() {
    for (max_connections, of_all) in [(None, ""), (Some(1), " over all hosts")] {
        let server = saying("hello");
        // The slot is given back as soon as the wait has begun: the line says what was counted before.
        let held: Arc<Mutex<Option<Response>>> = Arc::default();
        let kept = Arc::clone(&held);
        let give_back = move |event: &PoolEvent<'_>| {
            if let PoolEvent::Waiting { .. } = event {
                kept.lock().unwrap().take().expect("one wait").content().unwrap();
            }
        };
        let builder = HttpAdapter::builder().pool_maxsize(1).pool_block(max_connections.is_none());
        let builder = max_connections.into_iter().fold(builder, HttpAdapterBuilder::max_connections);
        let adapter = builder.on_event(give_back).build();
        let session = session_over(&adapter);
        let first = session.get(server.url("/")).stream(true).send().unwrap();
        *held.lock().unwrap() = Some(first);

        let (answer, lines) = logged(|| session.get(server.url("/")).send());

        assert_eq!(answer.unwrap().text().unwrap(), "hello");
        let address = server.address();
        let line = format!("DEBUG pool: Waiting for a connection to {address} (1 in use{of_all}, 1 waiting)");
        assert_eq!(lines[0], line);
        let stats = &adapter.stats()[0];
        assert!(!stats.longest_wait().is_zero() && stats.to_string().contains("longest wait"), "{stats}");
    }
}

// Pools that were evicted have no statistics, and what they have in use counts all the same
#[test]
fn who_waits_in_vain_is_told_how_many_of_all_connections_are_in_use() {
    let (one, other) = (saying("hello"), saying("hello"));
    let evicting = |most| HttpAdapter::builder().pool_connections(1).max_connections(most);
    let blocking = HttpAdapter::builder().pool_maxsize(1).pool_block(true).max_connections(3);
    for (builder, idle, streamed, text) in [
        (evicting(1), None, vec![&one], "; max_connections 1, 1 in use)"),
        (evicting(2), None, vec![&one, &one], "; max_connections 2, 2 in use)"),
        // What is idle is not in use.
        (blocking, Some(&one), vec![&other], "; max_connections 3, 1 in use)"),
    ] {
        let session = session_over(builder.build());
        idle.into_iter().for_each(|server| drop(session.get(server.url("/")).send().unwrap()));
        let stream = |server: &TestServer| session.get(server.url("/")).stream(true).send().unwrap();
        let held: Vec<_> = streamed.into_iter().map(stream).collect();

        let error = session.get(other.url("/")).timeout(Timeout::new().pool(0.05)).send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::PoolTimeout);
        assert!(error.to_string().ends_with(text), "{error}");
        drop(held);
    }
}
