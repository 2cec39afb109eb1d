//! Under fire: a hundred threads share one session, and six servers do everything wrong that a server can.
//!
//! Each request has a number, and each body names the request that it answers, so that a caller who is given somebody else's
//! answer knows. What each request asks for and what its server does about it comes from a seed, which is printed.
//!
//! | variable | meaning |
//! |---|---|
//! | `PETITION_FIRE_SEED` | the seed of an earlier run, to repeat it |
//! | `PETITION_FIRE_REQUESTS` | how many requests; else 2,000, or 20,000 with `PETITION_FULL=1` |
//!
//! It is a program of its own, because it counts the descriptors of the process.

#[path = "wire/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use petition::{HttpAdapter, PoolStats, Response, Retry, Session, Timeout};

use support::{read_head, secs, session_over, wait_until};

const THREADS: usize = 100;
const HOSTS: usize = 6;
const SLOTS: usize = 4;
/// The read timeout. Wine serves the system calls of all threads one at a time, and servers here read byte by byte.
const SILENCE: f64 = if cfg!(windows) { 10.0 } else { 0.5 };
/// For all of it; a thread that hangs is a failure, not a wait.
const PATIENCE: Duration = Duration::from_secs(900);

/// What a server does about a request.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Does {
    Answers,
    AnswersInChunks,
    AnswersAfterInterim,
    SaysItCloses,
    ClosesSilently,
    ResetsAfterwards,
    HalfCloses,
    AnswersLate,
    AddsAnotherAnswer,
    AddsGarbageLater,
    Adds408Later,
    // From here on, its caller gets an error, or a refusal.
    ClosesUnanswered,
    ResetsUnanswered,
    BreaksOff,
    Stalls,
    RefusesEarly,
    SendsGarbage,
}

use Does::*;

const ALL: [Does; 17] = [
    Answers,
    AnswersInChunks,
    AnswersAfterInterim,
    SaysItCloses,
    ClosesSilently,
    ResetsAfterwards,
    HalfCloses,
    AnswersLate,
    AddsAnotherAnswer,
    AddsGarbageLater,
    Adds408Later,
    ClosesUnanswered,
    ResetsUnanswered,
    BreaksOff,
    Stalls,
    RefusesEarly,
    SendsGarbage,
];

impl Does {
    fn drawn(random: &mut fastrand::Rng) -> Self {
        match random.u32(0..100) {
            0..40 => Answers,
            40..52 => AnswersInChunks,
            // Each of these costs its caller a timeout.
            52 if random.bool() => Stalls,
            _ => loop {
                let drawn = ALL[random.usize(2..ALL.len())];
                if drawn != Stalls {
                    return drawn;
                }
            },
        }
    }

    /// Whether the request gets a whole and good answer, unless an earlier one has spoiled the connection.
    fn is_fair(self) -> bool {
        self <= Adds408Later
    }
}

/// The body that names its request; its length depends on the number.
fn body_of(request: usize) -> String {
    let mut body = format!("request {request}: ");
    let length = [10, 200, 3_000, 40_000][request % 4] + request % 97;
    while body.len() < length {
        body.push_str(&format!("{request} "));
    }
    body.push_str("end");
    body
}

// ---- the servers

struct Servers {
    urls: Vec<String>,
    stopped: Arc<AtomicBool>,
    accepting: Vec<thread::JoinHandle<()>>,
    addresses: Vec<std::net::SocketAddr>,
}

impl Servers {
    fn start() -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let listeners: Vec<TcpListener> = (1..=HOSTS)
            .map(|host| {
                // Not every system has more than one loopback address.
                let own = TcpListener::bind((format!("127.0.0.{host}"), 0));
                own.or_else(|_| TcpListener::bind("127.0.0.1:0")).unwrap()
            })
            .collect();
        let addresses: Vec<_> = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
        let urls = addresses.iter().map(|address| format!("http://{address}")).collect();
        let accepting = listeners.into_iter().map(|listener| {
            let stopped = Arc::clone(&stopped);
            thread::spawn(move || {
                for stream in listener.incoming() {
                    if stopped.load(SeqCst) {
                        return;
                    }
                    let stream = stream.unwrap();
                    thread::spawn(move || serve(stream));
                }
            })
        });
        let accepting = accepting.collect();
        Self { urls, stopped, accepting, addresses }
    }

    fn stop(self) {
        self.stopped.store(true, SeqCst);
        self.addresses.iter().for_each(|address| drop(TcpStream::connect(address)));
        self.accepting.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

fn serve(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    // The client may be gone at any time, which is its right.
    while let Some(true) = serve_one(&mut stream) {}
}

/// Serves one request; whether the connection may serve another.
fn serve_one(stream: &mut TcpStream) -> Option<bool> {
    let head = read_head(stream)?;
    let target = head.split(' ').nth(1)?;
    let mut parts = target.split('/').skip(1);
    let does = ALL[parts.next()?.parse::<usize>().ok()?];
    let request: usize = parts.next()?.parse().ok()?;
    let length = head.to_ascii_lowercase();
    let length = length.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    let length: u64 = length.unwrap_or(0);
    if does == RefusesEarly {
        let body = body_of(request);
        let refusal =
            format!("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(refusal.as_bytes()).ok()?;
        linger(stream);
        return None;
    }
    if does == ResetsUnanswered {
        reset(stream);
        return None;
    }
    std::io::copy(&mut stream.take(length), &mut std::io::sink()).ok()?;
    answer(stream, does, request)
}

fn answer(stream: &mut TcpStream, does: Does, request: usize) -> Option<bool> {
    let body = body_of(request);
    let whole = |more: &str| format!("HTTP/1.1 200 OK\r\n{more}Content-Length: {}\r\n\r\n{body}", body.len());
    let mut send = |text: &str| stream.write_all(text.as_bytes()).ok();
    match does {
        Answers => send(&whole(""))?,
        AnswersInChunks => {
            let mut text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
            for chunk in body.as_bytes().chunks(1000) {
                text.push_str(&format!("{:x}\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).unwrap()));
            }
            send(&(text + "0\r\n\r\n"))?;
        }
        AnswersAfterInterim => send(&format!(
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n{}",
            whole("")
        ))?,
        SaysItCloses => {
            send(&whole("Connection: close\r\n"))?;
            return None;
        }
        ClosesSilently => {
            send(&whole(""))?;
            return None;
        }
        ResetsAfterwards => {
            send(&whole(""))?;
            // Once the client has the answer: what has not arrived is lost with a reset.
            let mut next = [0];
            stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
            let _ = stream.peek(&mut next);
            reset(stream);
            return None;
        }
        HalfCloses => {
            send(&whole(""))?;
            linger(stream);
            return None;
        }
        AnswersLate => {
            let text = whole("");
            let (first, rest) = text.split_at(text.len() / 2);
            send(first)?;
            thread::sleep(Duration::from_millis(5));
            send(rest)?;
        }
        // In one write: what belongs to the answer can be told from what does not.
        AddsAnotherAnswer => send(&(whole("") + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"))?,
        AddsGarbageLater => {
            send(&whole(""))?;
            send("\0\u{1}what is this")?;
        }
        Adds408Later => {
            send(&whole(""))?;
            send("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")?;
            return None;
        }
        ClosesUnanswered => return None,
        BreaksOff => {
            let text = whole("");
            send(&text[..text.len() - 3])?;
            return None;
        }
        Stalls => {
            let text = whole("");
            send(&text[..text.len() - 3])?;
            let _ = stream.read(&mut [0]);
            return None;
        }
        SendsGarbage => send("SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n")?,
        ResetsUnanswered | RefusesEarly => unreachable!("not read to the end"),
    }
    Some(true)
}

/// Closes so that the client sees a reset.
fn reset(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Closes one direction, and the other when the client does.
fn linger(stream: &mut TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    stream.set_read_timeout(Some(secs(10.0))).unwrap();
    let _ = std::io::copy(stream, &mut std::io::sink());
}

// ---- the callers

#[derive(Default)]
struct Tally {
    right: usize,
    failed: usize,
    /// Of those that a server answered fairly.
    failed_though_fair: usize,
    errors: BTreeMap<String, usize>,
}

/// Sends one request, and checks that what comes belongs to it.
fn send(session: &Session, url: &str, request: usize, random: &mut fastrand::Rng, tally: &Mutex<Tally>) {
    let does = Does::drawn(random);
    let number = ALL.iter().position(|known| *known == does).unwrap();
    let url = format!("{url}/{number}/{request}");
    let how = random.u32(0..20);
    let builder = match random.u32(0..4) {
        0 => session.put(url).data(vec![b'x'; random.usize(0..100_000)]),
        _ if does == RefusesEarly => session.put(url).data(vec![b'x'; 300_000]),
        _ => session.get(url),
    };
    let sent = builder.stream(how < 4).send();
    let checked = sent.and_then(|response| check(response, request, how));
    let mut tally = tally.lock().unwrap();
    match checked {
        Ok(()) => tally.right += 1,
        Err(error) => {
            tally.failed += 1;
            tally.failed_though_fair += usize::from(does.is_fair());
            *tally.errors.entry(format!("{does:?}: {:?}", error.kind())).or_default() += 1;
        }
    }
}

fn check(mut response: Response, request: usize, how: u32) -> petition::Result<()> {
    let want = body_of(request);
    match how {
        0 => drop(response), // unread
        1 => response.close(),
        2 => {
            let mut start = vec![0; 15];
            response.read_exact(&mut start)?;
            assert_eq!(start, &want.as_bytes()[..15], "request {request} was given the answer of another");
        }
        _ => {
            let status = response.status_code();
            let body = response.text()?;
            assert!(body == want, "request {request} was given {status} {:?}", &body[..body.len().min(60)]);
        }
    }
    Ok(())
}

fn descriptors() -> Option<usize> {
    // Under Wine there is such a folder, of another process.
    if !cfg!(target_os = "linux") {
        return None;
    }
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count())
}

fn number_of(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is {value:?}, not a number")))
}

#[test]
fn everybody_gets_their_own_answer_whatever_servers_do_and_nothing_is_left_over() {
    let seed = number_of("PETITION_FIRE_SEED").unwrap_or_else(|| fastrand::u64(..));
    let full = std::env::var_os("PETITION_FULL").is_some_and(|value| value == "1");
    let requests = number_of("PETITION_FIRE_REQUESTS").unwrap_or(if full { 20_000 } else { 2_000 }) as usize;
    println!("PETITION_FIRE_SEED={seed} PETITION_FIRE_REQUESTS={requests}");
    let servers = Servers::start();
    let before = descriptors();
    // Fewer pools than hosts, and fewer connections than all of their slots.
    let builder = || {
        let builder = HttpAdapter::builder().pool_connections(4).pool_maxsize(SLOTS).pool_block(true);
        builder.max_connections(HOSTS * SLOTS - 4).pool_timeout(secs(300.0))
    };
    let plain = builder().build();
    let retrying = builder().max_retries(Retry::new().total(1).backoff_factor(0.0)).build();
    let sessions: Vec<Session> = [&plain, &retrying]
        .into_iter()
        .map(|adapter| {
            let mut session = session_over(adapter);
            session.timeout = Timeout::new().connect(20).read(SILENCE);
            session
        })
        .collect();
    let (tally, next, started) = (Mutex::new(Tally::default()), AtomicUsize::new(0), Instant::now());
    let (done, ended) = mpsc::channel();

    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (sessions, servers, tally, next, done) = (&sessions, &servers, &tally, &next, done.clone());
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed.wrapping_add(thread as u64));
                let share = requests / THREADS + usize::from(thread < requests % THREADS);
                for _ in 0..share {
                    let host = random.usize(0..HOSTS);
                    let session = &sessions[random.usize(0..2)];
                    send(session, &servers.urls[host], next.fetch_add(1, SeqCst), &mut random, tally);
                    if random.u32(0..500) == 0 {
                        session.close();
                    }
                }
                let _ = done.send(());
            });
        }
        drop(done);
        for _ in 0..THREADS {
            match ended.recv_timeout(PATIENCE.saturating_sub(started.elapsed())) {
                // All have ended; one by a panic, which the scope passes on.
                Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {}
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    eprintln!("seed {seed} hangs: {:?} {:?}", plain.stats(), retrying.stats());
                    std::process::exit(1);
                }
            }
        }
    });

    let tally = tally.into_inner().unwrap();
    println!("{} right, {} failed in {:.1?}: {:#?}", tally.right, tally.failed, started.elapsed(), tally.errors);
    assert_eq!(tally.right + tally.failed, requests);
    assert!(tally.right * 10 > requests * 6, "most are answered");
    assert!(tally.failed_though_fair * 20 < requests, "{} failed whose server was fair", tally.failed_though_fair);
    for adapter in [&plain, &retrying] {
        for stats in adapter.stats() {
            println!("{stats}");
            assert_eq!((stats.in_use(), stats.waiting()), (0, 0), "seed {seed}: {stats}");
            assert!(stats.idle() <= SLOTS);
        }
        let open: usize = adapter.stats().iter().map(PoolStats::idle).sum();
        assert!(open <= HOSTS * SLOTS - 4);
    }
    // Every slot of a host can be had at once: none is lost.
    for (session, url) in sessions.iter().flat_map(|session| servers.urls.iter().map(move |url| (session, url))) {
        let all: Vec<_> = (0..SLOTS).map(|_| session.get(format!("{url}/0/0")).stream(true).send().unwrap()).collect();
        all.into_iter().for_each(|response| assert!(response.content().is_ok()));
    }
    sessions.iter().for_each(Session::close);
    wait_until("as many descriptors as before", || descriptors() <= before);
    servers.stop();
}
