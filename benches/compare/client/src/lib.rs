//! What all peers have in common: the command line, the threads, and the time taken.
//!
//! A peer is a program of its own, so that cargo unifies no features between two of them and each is counted alone. It is
//! `PEER OPERATION URL LENGTH THREADS SLOTS [COUNT]`. Without a count it answers each number on its standard input with
//! the nanoseconds that so many operations took; with one it does so many and ends, to be run under a counter.

use std::io::{BufRead, Write, stdin, stdout};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, mpsc};
use std::time::Instant;

/// How much a streaming case reads or sends at a time.
pub const BLOCK: usize = 64 * 1024;

/// What the program was told.
#[derive(Clone, Debug)]
pub struct Setup {
    pub url: String,
    /// Of the body that the answer has, decoded, or that is sent.
    pub length: usize,
    pub threads: usize,
    /// So many connections and no more: a thread that finds none free waits. 0 for no limit.
    pub slots: usize,
    /// The server closes the connection after each answer.
    pub close: bool,
}

/// A client. What it cannot do it leaves out; the comparison says so.
pub trait Peer: Send + Sync + Sized {
    fn new(setup: &Setup) -> Self;

    /// GET, the whole body as text. Returns its length.
    fn text(&self, url: &str) -> Option<usize>;

    /// The same by a client made for this request: the library's one-shot function if it has one.
    fn once(setup: &Setup) -> Option<usize> {
        Self::new(setup).text(&setup.url)
    }

    /// GET, the body read into `buffer` until it ends.
    fn read(&self, _url: &str, _buffer: &mut [u8]) -> Option<usize> {
        None
    }

    /// GET, the whole body in memory.
    fn content(&self, _url: &str) -> Option<usize> {
        None
    }

    /// POST of so many bytes from a reader, whose length is known. Returns the length that was given.
    fn upload(&self, _url: &str, _length: usize) -> Option<usize> {
        None
    }
}

/// A reader of `length` bytes.
pub fn bytes(length: usize) -> std::io::Take<std::io::Repeat> {
    std::io::Read::take(std::io::repeat(b'x'), length as u64)
}

/// The program of a peer.
pub fn main<P: Peer>() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [operation, url, length, threads, slots, count @ ..] = &arguments[..] else {
        panic!("usage: OPERATION URL LENGTH THREADS SLOTS [COUNT]");
    };
    let number = |text: &String| text.parse::<usize>().expect("a number");
    let setup = Setup {
        url: url.clone(),
        length: number(length),
        threads: number(threads),
        slots: number(slots),
        close: url.ends_with("/close"),
    };
    let peer = P::new(&setup);
    if let [count] = count {
        return work(&peer, operation, &setup, number(count)).expect("an operation that this peer can do");
    }
    // With the first connection made, and known to be possible.
    if work(&peer, operation, &setup, 1).is_none() {
        return println!("cannot");
    }
    serve(&peer, operation, &setup);
}

fn serve<P: Peer>(peer: &P, operation: &str, setup: &Setup) {
    let counts = || stdin().lock().lines().map_while(|line| line.ok()?.trim().parse::<u64>().ok());
    let say = |nanoseconds: u128| {
        println!("{nanoseconds}");
        stdout().flush().expect("the comparison reads this");
    };
    say(0);
    if setup.threads == 1 {
        for count in counts() {
            let started = Instant::now();
            work(peer, operation, setup, count as usize);
            say(started.elapsed().as_nanos());
        }
        return;
    }
    // The threads live as long as the program: some peers keep a connection for each.
    let (share, start) = (AtomicU64::new(0), Barrier::new(setup.threads + 1));
    let (done, finished) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..setup.threads {
            let (share, start, done) = (&share, &start, done.clone());
            scope.spawn(move || {
                loop {
                    start.wait();
                    match share.load(Ordering::SeqCst) {
                        0 => return,
                        count => work(peer, operation, setup, count as usize),
                    };
                    let _ = done.send(Instant::now());
                }
            });
        }
        for count in counts() {
            share.store(count.div_ceil(setup.threads as u64), Ordering::SeqCst);
            let started = Instant::now();
            start.wait();
            let mut ends: Vec<_> = (0..setup.threads).map(|_| finished.recv().expect("a thread ends")).collect();
            ends.sort();
            let after = |end: Instant| end.duration_since(started).as_nanos();
            // The slowest thread, and the one in the middle: how fair the division was.
            println!("{} {}", after(ends[ends.len() - 1]), after(ends[ends.len() / 2]));
            stdout().flush().expect("the comparison reads this");
        }
        share.store(0, Ordering::SeqCst);
        start.wait();
    });
}

/// So many operations; `None` if the peer cannot do it.
fn work<P: Peer>(peer: &P, operation: &str, setup: &Setup, count: usize) -> Option<()> {
    let mut buffer = vec![0; if operation == "read" { BLOCK } else { 0 }];
    for _ in 0..count {
        let length = match operation {
            "text" => peer.text(&setup.url),
            "once" => P::once(setup),
            "read" => peer.read(&setup.url, &mut buffer),
            "content" => peer.content(&setup.url),
            "upload" => peer.upload(&setup.url, setup.length),
            other => panic!("no operation {other}"),
        };
        assert_eq!(length?, setup.length, "of {}", setup.url);
    }
    Some(())
}
