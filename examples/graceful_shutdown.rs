//! Sixteen workers on one session, and a Ctrl-C that ends whatever they are waiting for.
//!
//!     cargo run --example graceful_shutdown
//!
//! Press Ctrl-C (the Enter key where there are no Unix signals) once the workers are busy. A second Ctrl-C ends the process
//! without waiting for anything.

mod support;

use std::io::Write;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use petition::testing::TestServer;
use petition::{Cancel, HttpAdapter, Retry, Session};

const WORKERS: usize = 16;

fn main() -> support::Result {
    // A server that takes its time: some requests get no response at all, others a body that trickles.
    let server = TestServer::connections(|peer| {
        let Some(request) = peer.read_request() else { return };
        if request.target == "/body" {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nthe beginning");
        }
        peer.wait_for_close();
    });

    let stop = Cancel::new();
    let mut session = Session::new();
    session.trust_env = false;
    session.cancel = Some(stop.clone()); // for every request of the session
    // Fewer connections than workers: four of them wait for a slot.
    let adapter = HttpAdapter::builder().pool_maxsize(12).pool_block(true).max_retries(Retry::new().total(5)).build();
    session.mount("http://", adapter.clone());

    let (handler, (tell, pressed)) = (stop.clone(), mpsc::channel());
    on_ctrl_c(move || {
        let now = Instant::now();
        handler.cancel(); // from any thread, as often as one likes
        let _ = tell.send(now);
    })?;

    thread::scope(|scope| -> support::Result {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                scope.spawn({
                    let (session, stop, server) = (&session, &stop, &server);
                    move || work(session, stop, server, worker)
                })
            })
            .collect();
        while server.requests().len() < 12 || adapter.stats()[0].waiting() < 4 {
            thread::sleep(Duration::from_millis(1));
        }
        println!("{WORKERS} workers are busy; press Ctrl-C");
        std::io::stdout().flush()?;

        let begin = pressed.recv()?;
        for worker in workers {
            worker.join().map_err(|_| "a worker panicked")?;
        }
        let took = begin.elapsed();
        println!("{WORKERS} workers are back after {took:.0?}");
        println!("within 100 ms: {}", took <= Duration::from_millis(100));
        Ok(())
    })?;

    let stats = &adapter.stats()[0];
    println!("in use: {}, waiting: {}", stats.in_use(), stats.waiting());
    println!("the server's connections are closed: {}", server.wait_for_open(0));
    Ok(())
}

/// One request after another until it is told to stop. What ends it early is no failure.
fn work(session: &Session, stop: &Cancel, server: &TestServer, worker: usize) {
    let path = if worker % 2 == 0 { "/" } else { "/body" };
    while !stop.is_cancelled() {
        match session.get(server.url(path)).send() {
            Ok(response) => println!("worker {worker}: {}", response.status_code()),
            Err(error) if error.is_cancelled() => return,
            Err(error) => println!("worker {worker}: {error}"),
        }
    }
}

/// Has `act` called at the first Ctrl-C; the second ends the process.
#[cfg(unix)]
fn on_ctrl_c(act: impl FnOnce() + Send + 'static) -> support::Result {
    let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGINT])?;
    thread::spawn(move || {
        let mut presses = signals.forever();
        if presses.next().is_some() {
            act();
        }
        if presses.next().is_some() {
            std::process::exit(130);
        }
    });
    Ok(())
}

/// Has `act` called when a line, or the end, comes from stdin.
#[cfg(not(unix))]
fn on_ctrl_c(act: impl FnOnce() + Send + 'static) -> support::Result {
    thread::spawn(move || {
        let _ = std::io::stdin().read_line(&mut String::new());
        act();
    });
    Ok(())
}
