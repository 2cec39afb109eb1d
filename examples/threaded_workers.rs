//! A queue of bounded length, six workers that share one session, and a shutdown that loses no job.
//!
//!     cargo run --all-features --example threaded_workers
//!
//! Back-pressure has two places. The queue holds eight jobs, so whoever makes jobs waits for the workers; and the pool has
//! four connections for six workers, so workers wait for a connection and the server is never asked for more. A shutdown
//! first takes no new jobs and works off the queue; what is not done after the grace period is cancelled.

use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use petition::testing::TestServer;
use petition::{Cancel, HttpAdapter, Session};

const WORKERS: usize = 6;
const QUEUE: usize = 8;
const CONNECTIONS: usize = 4;
const BOUND: usize = QUEUE + WORKERS + 2;
const GRACE: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn Error>> {
    let server = serve();
    let stop = Cancel::new();
    let mut session = Session::new();
    session.trust_env = false; // the server is on this machine
    session.timeout = (3.05, 27).into();
    session.cancel = Some(stop.clone()); // ends requests that are under way
    session.mount_all(HttpAdapter::builder().pool_maxsize(CONNECTIONS).pool_block(true).build());
    println!("{WORKERS} workers, {CONNECTIONS} connections, a queue of {QUEUE}");

    let (jobs, queue) = sync_channel::<String>(QUEUE);
    let queue = Mutex::new(queue);
    let (results, received) = sync_channel(0); // a result is handed over, so nothing piles up behind the workers either
    let (closing, taken) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut done, mut cancelled, mut most) = (0, Vec::new(), 0);

    thread::scope(|scope| {
        for _ in 0..WORKERS {
            let (session, queue, results) = (&session, &queue, results.clone());
            scope.spawn(move || work(session, queue, &results));
        }
        drop(results); // so that `received` ends with the last worker
        let (closing, taken, server) = (&closing, &taken, &server);
        scope.spawn(move || {
            for number in 0.. {
                if closing.load(SeqCst) {
                    break; // dropping `jobs` ends the workers, once the queue is empty
                }
                taken.fetch_add(1, SeqCst);
                let path = if number == 50 { "/never".to_owned() } else { format!("/jobs/{number}") };
                if jobs.send(server.url(&path)).is_err() {
                    break; // nobody works any more
                }
            }
        });

        let mut count = |(url, outcome): (String, petition::Result<u16>)| {
            most = most.max(taken.load(SeqCst) - done);
            done += 1;
            match outcome {
                Ok(_) => {}
                Err(error) if error.is_cancelled() => cancelled.push(url),
                Err(error) => println!("{url}: {error}"),
            }
        };
        received.iter().take(200).for_each(&mut count);

        println!("after 200 jobs: shutdown, no new jobs");
        closing.store(true, SeqCst);
        let end = Instant::now() + GRACE;
        while let Ok(result) = received.recv_timeout(end.saturating_duration_since(Instant::now())) {
            count(result);
        }
        println!("after the grace period: cancel the rest");
        stop.cancel();
        received.iter().for_each(&mut count);
    });

    let taken = taken.into_inner();
    println!("jobs without a result: {}", taken - done);
    println!("cancelled: {}", cancelled.join(", "));
    // The queue, and one job in the hand of each worker, of the producer, and of this thread.
    println!("jobs in the program at once, at most {BOUND}: {}", most <= BOUND);
    println!("connections at once, at most {CONNECTIONS}: {}", server.most_open() <= CONNECTIONS);
    Ok(())
}

/// One job after another, until the queue is empty and has no sender.
fn work(session: &Session, queue: &Mutex<Receiver<String>>, results: &SyncSender<(String, petition::Result<u16>)>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(url) = next else { return };
        let outcome = session.get(&url).send().map(|response| response.status_code().as_u16());
        if results.send((url, outcome)).is_err() {
            return;
        }
    }
}

/// A server that answers at once, except to `/never`.
fn serve() -> TestServer {
    TestServer::connections(|peer| {
        while let Some(request) = peer.read_request() {
            if request.target == "/never" {
                return peer.wait_for_close();
            }
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
        }
    })
}
