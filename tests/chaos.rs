//! petition and a real nginx, with a proxy between them that breaks connections.
//!
//! There is a proxy for each fault, direction and protocol, so that an error can be held against the fault that caused it:
//! each outcome is the right answer, or an error of a kind that the fault allows. Files are compared byte for byte, also those
//! of which only a part is read, and HEAD by its length. What is uploaded is different at each place, and a server behind nginx
//! answers with the length and a checksum of what it got. Bytes are changed or doubled under TLS only: over plain HTTP no client
//! could tell, and no server.
//!
//! | variable | meaning |
//! |---|---|
//! | `PETITION_CHAOS_SEED` | the seed of an earlier run |
//! | `PETITION_CHAOS_REQUESTS` | how many requests; else 1,000, or 20,000 with `PETITION_FULL=1` |
//! | `PETITION_CHAOS_WINE` | this test program built for Windows, which then sends the requests, under Wine |
//!
//! A seed repeats what each thread asks of which proxy, in its order, and the fault of each proxy's n-th connection. Which
//! request meets which connection is up to the scheduler, so that the numbers of errors differ a little between runs.
//!
//! Without nginx it is skipped with a message; with PETITION_REQUIRE_PEERS=1 that is a failure. It is a program of its own,
//! because it counts the descriptors, the threads and the memory of the process. Those who start nginx and those who send are
//! two processes, so that the second can be a program for Windows.
#![cfg(any(feature = "native-tls", feature = "rustls"))]

#[cfg(unix)]
#[path = "chaos/nginx.rs"]
mod nginx;
#[cfg(unix)]
#[allow(dead_code, reason = "of the peers, this needs nginx alone")]
#[path = "peers/process.rs"]
mod process;
#[cfg(unix)]
#[path = "chaos/stored.rs"]
mod stored;
#[path = "wire/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use petition::testing::{ChaosProxy, Fault};
use petition::{ErrorKind, HttpAdapter, Retry, Session, Timeout};

use support::{backends, millis, secs, session, session_over, wait_until};

const THREADS: usize = 32;
const FILES: usize = 48;
/// For all of it; a thread that hangs is a failure, not a wait.
const PATIENCE: Duration = Duration::from_secs(3 * 3600);
/// What a busy machine may add to a limit.
const LATE: Duration = Duration::from_secs(20);
/// The memory that a run may keep, in MiB: the allocator's leftovers for some hundred threads, not something for each request.
const KEPT: u64 = 64;

// ---- the faults, one at a time, as a client without petition sees them

/// A server that sends `answer` on each connection, and returns what it was sent until the end.
fn speaker(answer: &'static [u8]) -> (SocketAddr, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, hears) = mpsc::channel();
    thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut said = Vec::new();
        let _ = stream.write_all(answer);
        let _ = stream.read_to_end(&mut said);
        let _ = heard.send(said);
    });
    (address, hears)
}

#[test]
fn a_proxy_does_to_an_answer_what_its_plan_says() {
    for (fault, want) in [
        (Fault::None, "0123456789"),
        (Fault::Delay(millis(5)), "0123456789"),
        (Fault::Drip { bytes: 4, pause: millis(1) }, "0123456789"),
        (Fault::Cut(0), ""),
        (Fault::Cut(7), "0123456"),
        (Fault::Cut(11), "0123456789"),
        (Fault::Duplicate(8), "012345678989"),
        (Fault::Corrupt(3), "0122456789"),
        (Fault::HalfClose(5), "01234"),
    ] {
        let (server, heard) = speaker(b"0123456789");
        let proxy = ChaosProxy::new(server, move |_| fault);
        let mut client = TcpStream::connect(proxy.address()).unwrap();
        let mut got = vec![0; want.len()];
        client.read_exact(&mut got).unwrap();
        assert_eq!(String::from_utf8_lossy(&got), want, "{fault:?}");
        if matches!(fault, Fault::Cut(0..=7) | Fault::HalfClose(_)) {
            assert_eq!(client.read(&mut [0]).unwrap(), 0, "{fault:?}");
        }
        if !matches!(fault, Fault::Cut(0..=7)) {
            client.write_all(b"question").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            assert_eq!(heard.recv().unwrap(), b"question", "{fault:?}: the other direction goes on");
        }
        assert_eq!(proxy.faults(), [fault]);
    }
}

#[test]
fn a_reset_is_one_and_a_black_hole_says_nothing() {
    let (server, _heard) = speaker(b"0123456789");
    let proxy = ChaosProxy::new(server, |_| Fault::Reset(0));
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);

    let (server, heard) = speaker(b"0123456789");
    let proxy = ChaosProxy::new(server, |_| Fault::BlackHole(4));
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    client.read_exact(&mut [0; 4]).unwrap();
    client.set_read_timeout(Some(millis(50))).unwrap();
    let nothing = client.read(&mut [0]).unwrap_err().kind();
    assert!(matches!(nothing, std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), "{nothing}");
    client.write_all(b"question").unwrap();
    drop(client);
    assert_eq!(heard.recv().unwrap(), b"", "nothing is passed on");
}

#[test]
fn a_proxy_disturbs_requests_when_told_to() {
    for (fault, want) in [
        (Fault::Cut(4), &b"ques"[..]),
        (Fault::HalfClose(4), b"ques"),
        (Fault::Corrupt(0), b"puestion"),
        (Fault::Duplicate(6), b"questionon"),
    ] {
        let (server, heard) = speaker(b"answer");
        let proxy = ChaosProxy::new(server, move |_| fault).in_requests();
        let mut client = TcpStream::connect(proxy.address()).unwrap();
        client.read_exact(&mut [0; 6]).unwrap();
        client.write_all(b"question").unwrap();
        let _ = client.shutdown(Shutdown::Write); // it may be cut by now
        assert_eq!(heard.recv().unwrap(), want, "{fault:?}");
    }
}

#[test]
fn threads_and_connections_end_with_their_proxy() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for seed in 0..20 {
        let proxy = ChaosProxy::seeded(listener.local_addr().unwrap(), seed);
        let mut client = TcpStream::connect(proxy.address()).unwrap();
        let mut server = listener.accept().unwrap().0;
        let _ = server.write_all(b"answer");
        drop(proxy);
        // Both of its ends are closed: it has let go of them.
        for end in [&mut client, &mut server] {
            end.set_read_timeout(Some(support::LONG)).unwrap();
            let mut rest = Vec::new();
            let ended = end.read_to_end(&mut rest).map_err(|error| error.kind());
            assert!(matches!(ended, Ok(_) | Err(std::io::ErrorKind::ConnectionReset)), "seed {seed}: {ended:?}");
        }
    }
}

// ---- the run

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    Nothing,
    Delay,
    Drip,
    Cut,
    Reset,
    BlackHole,
    HalfClose,
    Duplicate,
    Corrupt,
}

use Kind::*;

impl Kind {
    /// The fault of a connection; a quarter of them have none, so that a retry can help. `digits` is how large the number of
    /// its byte can be.
    fn fault(self, seed: u64, connection: usize, digits: u32) -> Fault {
        let mut random = fastrand::Rng::with_seed(seed ^ (connection as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let below = 10_u64.pow(random.u32(1..=digits));
        let at = random.u64(0..below);
        if random.u32(0..4) == 0 {
            return Fault::None;
        }
        match self {
            Nothing => Fault::None,
            Delay => Fault::Delay(Duration::from_micros(random.u64(0..5_000))),
            Drip => Fault::Drip { bytes: at.min(1_000), pause: Duration::from_micros(random.u64(0..100)) },
            Cut => Fault::Cut(at),
            Reset => Fault::Reset(at),
            BlackHole => Fault::BlackHole(at),
            HalfClose => Fault::HalfClose(at),
            Duplicate => Fault::Duplicate(at),
            Corrupt => Fault::Corrupt(at),
        }
    }

    /// The errors that a caller may be given for it.
    fn allows(self, tls: bool, error: ErrorKind) -> bool {
        let ended = matches!(error, ErrorKind::ConnectionError | ErrorKind::ChunkedEncodingError);
        let silent = matches!(error, ErrorKind::ReadTimeout | ErrorKind::ConnectTimeout | ErrorKind::TotalTimeout);
        let broken = tls && error == ErrorKind::SslError;
        match self {
            Nothing | Delay | Drip => false,
            Cut | Reset | HalfClose => ended || broken,
            BlackHole => silent,
            // A length that was changed waits for bytes that nobody sends.
            Duplicate | Corrupt => ended || broken || silent,
        }
    }

    fn timeout(self) -> (Timeout, Duration) {
        match self {
            BlackHole | Duplicate | Corrupt => (Timeout::new().connect(1).read(0.5).total(10), secs(10.0)),
            _ => (Timeout::new().connect(60).read(60).total(120), secs(120.0)),
        }
    }
}

struct Host {
    kind: Kind,
    tls: bool,
    in_requests: bool,
    proxy: ChaosProxy,
}

impl Host {
    fn all(plain: SocketAddr, tls: SocketAddr, seed: u64) -> Vec<Self> {
        let mut plans = Vec::new();
        for is_tls in [false, true] {
            plans.extend([Nothing, Delay, Drip, Cut, Reset, BlackHole, HalfClose].map(|kind| (kind, is_tls, false)));
            plans.extend([Cut, Reset, BlackHole, HalfClose].map(|kind| (kind, is_tls, true)));
        }
        plans.extend([
            (Duplicate, true, false),
            (Corrupt, true, false),
            (Duplicate, true, true),
            (Corrupt, true, true),
        ]);
        let host = |(number, (kind, is_tls, in_requests)): (usize, (Kind, bool, bool))| {
            let own = seed.wrapping_add(0x5851_f42d_4c95_7f2d_u64.wrapping_mul(number as u64 + 1));
            // Heads are short, and most requests are one.
            let digits = if in_requests { 4 } else { 5 };
            let proxy = ChaosProxy::new(if is_tls { tls } else { plain }, move |n| kind.fault(own, n, digits));
            Self { kind, tls: is_tls, in_requests, proxy: if in_requests { proxy.in_requests() } else { proxy } }
        };
        plans.into_iter().enumerate().map(host).collect()
    }

    fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", if self.tls { "https" } else { "http" }, self.proxy.address())
    }

    fn name(&self) -> String {
        let protocol = if self.tls { "TLS" } else { "plain" };
        format!("{:?} in {}, {protocol}", self.kind, if self.in_requests { "requests" } else { "answers" })
    }
}

/// FNV-1a, which is short enough to be written here and sees each changed byte.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A file that says which one it is, and is different at each place. Both processes make it.
fn file(number: usize) -> String {
    let mut random = fastrand::Rng::with_seed(number as u64);
    let length = [5, 300, 4_000, 50_000][number % 4] + random.usize(0..200);
    format!("{number}\n") + &std::iter::repeat_with(|| random.alphanumeric()).take(length).collect::<String>()
}

/// Length and checksum of an upload: what its target ends in, and what it is answered with.
fn seal(upload: &[u8]) -> String {
    format!("{}-{:016x}", upload.len(), checksum(upload))
}

/// How the process that started nginx says where it is: two addresses, and the path of its authority's certificate.
const PEER: &str = "PETITION_CHAOS_PEER";

/// nginx with the files, plain and over TLS.
struct Peer {
    plain: SocketAddr,
    tls: SocketAddr,
    ca: PathBuf,
}

impl Peer {
    fn told() -> Self {
        let told = std::env::var(PEER).expect("the parent says where nginx is");
        let mut parts = told.splitn(3, ' ');
        let mut next = || parts.next().expect("three parts");
        Self { plain: next().parse().unwrap(), tls: next().parse().unwrap(), ca: next().into() }
    }
}

#[derive(Default)]
struct Tally {
    right: usize,
    failed: usize,
    /// How many requests of each kind there were.
    asked: BTreeMap<&'static str, usize>,
    /// By the fault of the proxy.
    hosts: BTreeMap<String, BTreeMap<String, usize>>,
    slowest: Duration,
    /// The proxy of the slowest.
    slow: String,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ask {
    Whole,
    /// Read from the connection, as the program goes.
    Streamed,
    /// So many bytes of it: what is left is drained, or the connection is not kept.
    Beginning(usize),
    Gzip,
    Head,
    /// So many bytes.
    Put(usize),
}

impl Ask {
    fn any(random: &mut fastrand::Rng) -> Self {
        match random.u32(0..20) {
            0..3 => Self::Put(random.usize(0..100_000)),
            3..8 => Self::Gzip,
            8 => Self::Head,
            // The shortest file is that long.
            9 => Self::Beginning(random.usize(1..=7)),
            10 => Self::Streamed,
            _ => Self::Whole,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Streamed => "streamed",
            Self::Beginning(_) => "beginnings",
            Self::Gzip => "gzip",
            Self::Head => "HEAD",
            Self::Put(_) => "PUT",
        }
    }
}

/// The right outcome, or what is wrong with it.
type Judged = Result<(), String>;

/// Sends one request, and compares the answer with the file, or with what was sent.
fn judged(
    session: &Session,
    host: &Host,
    files: &[String],
    number: usize,
    ask: Ask,
    upload: &[u8],
) -> petition::Result<Judged> {
    let builder = match ask {
        Ask::Put(_) => session.put(host.url(&format!("/put/{}", seal(upload)))).data(upload),
        Ask::Gzip => session.get(host.url(&format!("/gzip/{number}"))),
        Ask::Head => session.head(host.url(&format!("/{number}"))),
        Ask::Whole | Ask::Streamed | Ask::Beginning(_) => session.get(host.url(&format!("/{number}"))),
    };
    let streamed = matches!(ask, Ask::Streamed | Ask::Beginning(_));
    let mut response = builder.timeout(host.kind.timeout().0).stream(streamed).send()?;
    let status = response.status_code().as_u16();
    if status != 200 {
        return Ok(Err(format!("status {status}")));
    }
    let length = response.headers().get("content-length").map(str::to_owned);
    let (got, want) = match ask {
        Ask::Beginning(bytes) => {
            let mut got = vec![0; bytes];
            response.read_exact(&mut got)?;
            (got, files[number].as_bytes()[..bytes].to_vec())
        }
        Ask::Put(_) => (response.into_content()?, seal(upload).into_bytes()),
        Ask::Head => {
            let nothing = response.into_content()?;
            if length != Some(files[number].len().to_string()) {
                return Ok(Err(format!("a length of {length:?}")));
            }
            (nothing, Vec::new())
        }
        Ask::Whole | Ask::Streamed | Ask::Gzip => (response.into_content()?, files[number].clone().into_bytes()),
    };
    Ok(if got == want { Ok(()) } else { Err(format!("a wrong body of {} bytes", got.len())) })
}

/// Sends one request and counts its outcome.
fn send(session: &Session, host: &Host, files: &[String], random: &mut fastrand::Rng, tally: &Mutex<Tally>) -> Judged {
    let number = random.usize(0..FILES);
    let ask = Ask::any(random);
    let limit = host.kind.timeout().1;
    let mut upload = vec![0; if let Ask::Put(length) = ask { length } else { 0 }];
    random.fill(&mut upload);
    let begin = Instant::now();
    let outcome = judged(session, host, files, number, ask, &upload);
    let took = begin.elapsed();
    let name = host.name();
    let mut tally = tally.lock().unwrap();
    if took > tally.slowest {
        (tally.slowest, tally.slow) = (took, name.clone());
    }
    let label = match &outcome {
        Ok(Ok(())) => "right".to_owned(),
        Ok(Err(what)) => what.clone(),
        Err(error) => format!("{:?}", error.kind()),
    };
    *tally.asked.entry(ask.name()).or_default() += 1;
    *tally.hosts.entry(name.clone()).or_default().entry(label).or_default() += 1;
    if took > limit + LATE {
        return Err(format!("{name}: {ask:?} of {number} took {took:?}"));
    }
    match outcome {
        Ok(Ok(())) => tally.right += 1,
        Ok(Err(what)) => return Err(format!("{name}: {ask:?} of {number} got {what}")),
        Err(error) if host.kind.allows(host.tls, error.kind()) => tally.failed += 1,
        Err(error) => return Err(format!("{name}: {ask:?} of {number}: {:?}: {error}", error.kind())),
    }
    Ok(())
}

/// Descriptors, threads and MiB of memory of this process, where the system says them.
fn held() -> Option<(usize, usize, u64)> {
    // Under Wine there is such a folder, of another process.
    if !cfg!(target_os = "linux") {
        return None;
    }
    let count = |of: &str| Some(std::fs::read_dir(format!("/proc/self/{of}")).ok()?.count());
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let memory = line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024;
    Some((count("fd")?, count("task")?, memory))
}

fn number_of(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is {value:?}, not a number")))
}

/// Runs alone: the other tests of this file have descriptors and threads too.
#[test]
fn each_outcome_is_the_right_body_or_an_error_that_the_fault_allows() {
    let child = support::Child::new(|| chaos(number_of("PETITION_CHAOS_SEED")));
    #[cfg(unix)]
    if let Some(nginx) = nginx::start() {
        let sends = match std::env::var_os("PETITION_CHAOS_WINE") {
            None => support::Child::program(),
            Some(windows) => {
                let mut wine = std::process::Command::new("wine");
                wine.arg(windows);
                wine
            }
        };
        println!("{}", child.run_by(sends, &[(PEER, &nginx.told())]));
        // Also of those whose answer was lost, so that they were sent again.
        let (uploads, wrong) = nginx.uploads();
        println!("{uploads} uploads arrived");
        assert!(uploads > 0 && wrong.is_empty(), "{uploads} uploads arrived, wrong were {wrong:?}");
    }
    #[cfg(not(unix))]
    {
        let _ = child;
        println!("skipped: on Windows, nginx is started by a test program of another system");
    }
}

/// The run, and what is to be said about it.
fn chaos(seed: Option<u64>) -> String {
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    let full = std::env::var_os("PETITION_FULL").is_some_and(|value| value == "1");
    let requests = number_of("PETITION_CHAOS_REQUESTS").unwrap_or(if full { 20_000 } else { 1_000 }) as usize;
    let peer = Peer::told();
    let files: Vec<String> = (0..FILES).map(file).collect();
    let before = held();

    let hosts = Host::all(peer.plain, peer.tls, seed);
    let adapters: Vec<HttpAdapter> = backends()
        .into_iter()
        .map(|backend| {
            let builder = HttpAdapter::builder().tls_backend(backend).pool_connections(hosts.len()).pool_maxsize(4);
            builder.max_retries(Retry::new().total(3).backoff_factor(0.0)).build()
        })
        .collect();
    let sessions: Vec<Session> = adapters
        .iter()
        .map(|adapter| {
            let mut session = session_over(adapter);
            session.verify = peer.ca.clone().into();
            session
        })
        .collect();
    let (tally, sent, started) = (Mutex::new(Tally::default()), AtomicUsize::new(0), Instant::now());
    let wrong = Mutex::new(Vec::new());
    let early = Mutex::new(None);
    let (done, ended) = mpsc::channel();

    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (sessions, hosts, tally, sent, done) = (&sessions, &hosts, &tally, &sent, done.clone());
            let (files, wrong, early) = (&files, &wrong, &early);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed.wrapping_add(thread as u64));
                let share = requests / THREADS + usize::from(thread < requests % THREADS);
                for _ in 0..share {
                    let host = &hosts[random.usize(0..hosts.len())];
                    let session = &sessions[random.usize(0..sessions.len())];
                    if let Err(what) = send(session, host, files, &mut random, tally) {
                        wrong.lock().unwrap().push(what);
                    }
                    // By now every pool and every thread has done something.
                    if sent.fetch_add(1, SeqCst) == requests / 4 {
                        *early.lock().unwrap() = held();
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
                    eprintln!("seed {seed} hangs: {:?}", adapters.iter().map(HttpAdapter::stats).collect::<Vec<_>>());
                    std::process::exit(1);
                }
            }
        }
    });

    let (early, late) = (early.into_inner().unwrap(), held());
    let tally = tally.into_inner().unwrap();
    let connections: usize = hosts.iter().map(|host| host.proxy.faults().len()).sum();
    let faulty = hosts.iter().flat_map(|host| host.proxy.faults()).filter(|fault| *fault != Fault::None).count();
    let outcomes: String = tally.hosts.iter().map(|(host, outcomes)| format!("{host}: {outcomes:?}\n")).collect();
    let report = format!(
        "PETITION_CHAOS_SEED={seed} PETITION_CHAOS_REQUESTS={requests}\n{outcomes}{:?}\n{} right, {} failed as allowed, \
         {connections} connections, {faulty} of them faulty, {:.1?}, slowest {:.1?} ({})\n(descriptors, threads, MiB): before \
         {before:?}, after a quarter {early:?}, at the end {late:?}",
        tally.asked,
        tally.right,
        tally.failed,
        started.elapsed(),
        tally.slowest,
        tally.slow
    );
    // Seen where something is wrong.
    println!("{report}");
    assert_eq!(wrong.into_inner().unwrap(), Vec::<String>::new(), "seed {seed}");
    assert_eq!(tally.right + tally.failed, requests);
    assert!(tally.right * 10 > requests * 6, "most are answered");
    for stats in adapters.iter().flat_map(HttpAdapter::stats) {
        assert_eq!((stats.in_use(), stats.waiting()), (0, 0), "seed {seed}: {stats}");
    }
    sessions.iter().for_each(Session::close);
    drop(hosts);
    drop(adapters);
    drop(sessions);
    let Some((descriptors, threads, memory)) = before else { return report };
    wait_until("as many descriptors and threads as before", || {
        held().is_some_and(|(fd, task, _)| fd <= descriptors && task <= threads)
    });
    let grown = held().map_or(0, |(_, _, now)| now.saturating_sub(early.map_or(memory, |(_, _, then)| then)));
    assert!(grown < KEPT, "seed {seed}: {grown} MiB");
    format!("{report}\nafter the end {:?}; the memory grew by {grown} MiB since the first quarter", held())
}

// A session whose every connection fails says so within its limit, and is as good as new when the network is.
#[test]
fn a_session_outlives_a_network_that_does_nothing_right() {
    let server = petition::testing::TestServer::http(|_| petition::testing::Reply::new(200).body("well"));
    let bad = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let is_bad = Arc::clone(&bad);
    let plan = [Fault::Cut(0), Fault::Reset(10), Fault::HalfClose(20), Fault::Cut(30)];
    let proxy = ChaosProxy::new(
        server.address(),
        move |n| {
            if is_bad.load(SeqCst) { plan[n % plan.len()] } else { Fault::None }
        },
    );
    let (session, url) = (session(), format!("http://{}/", proxy.address()));

    for _ in 0..40 {
        let error = session.get(&url).send().unwrap_err();
        assert!(Cut.allows(false, error.kind()), "{error}");
    }
    bad.store(false, SeqCst);

    assert_eq!(session.get(&url).send().unwrap().text().unwrap(), "well");
}
