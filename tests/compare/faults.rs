//! Faults × requests × Retry settings: what becomes of each, how often the request went out, and how long was slept, against
//! a table that was made by running requests 2.34.2 on the same faults (`make_fault_matrix.py`).
//!
//! Sleeps are a fake clock's; real are only the timeouts of the faults that are silence. Where petition is not as requests
//! on purpose, `expected` has the rule and the reason, and every rule has to be of use.

use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Seek, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use petition::testing::{FakeClock, Peer, TestRequest, TestServer};
use petition::{Body, ErrorKind, HttpAdapter, Retry};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::python::{report, rows, same_error};
use crate::support::{BlackHole, session_over};

const HALF_HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Le";
const HALF_BODY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234";
const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Most of the time is spent in timeouts, so more than there are cores.
const WORKERS: usize = 12;

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
struct Came {
    /// A status, or an exception of requests.
    outcome: String,
    /// The lengths of the bodies that the server read.
    bodies: Vec<usize>,
    connections: usize,
    sleeps: Vec<f64>,
}

/// One combination.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Job {
    fault: String,
    /// How often the fault comes; `None`: always.
    times: Option<usize>,
    retry: String,
    request: String,
}

struct Table {
    retries: HashMap<String, Value>,
    jobs: Vec<(Job, Came)>,
}

impl Table {
    fn read() -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let number = |value: &Value| value.as_u64().and_then(|number| usize::try_from(number).ok()).expect("a number");
        let mut rows = rows("fault_matrix.jsonl").into_iter();
        let retries =
            rows.next().expect("the settings come first")["retries"].as_object().expect("settings by name").clone();
        let mut jobs = Vec::new();
        for row in rows {
            let list = |name: &str| row[name].as_array().expect("a list").clone();
            let came = Came {
                outcome: text(&row["outcome"]),
                bodies: list("bodies").iter().map(number).collect(),
                connections: number(&row["connections"]),
                sleeps: list("sleeps").iter().map(|seconds| seconds.as_f64().expect("seconds")).collect(),
            };
            for request in list("requests") {
                let times = if row["times"] == "always" { None } else { Some(number(&row["times"])) };
                let job =
                    Job { fault: text(&row["fault"]), times, retry: text(&row["retry"]), request: text(&request) };
                jobs.push((job, came.clone()));
            }
        }
        Self { retries: retries.into_iter().collect(), jobs }
    }

    fn of(&self, job: &Job) -> &Came {
        self.jobs.iter().find(|(own, _)| own == job).map(|(_, came)| came).expect("the table has every combination")
    }

    /// What petition has to do, and why if it is not what requests does.
    fn expected(&self, job: &Job) -> (Came, Option<&'static str>) {
        let theirs = self.of(job);
        let mut came = theirs.clone();
        let mut reason = None;
        if job.fault == "cut head" {
            came = self.of(&Job { fault: "closed before".to_owned(), ..job.clone() }).clone();
            reason = Some("a head cut off by a closed connection is a broken connection, not an empty 200");
        }
        if job.fault == "503 after soon" && theirs.outcome == "InvalidHeader" {
            came = self.of(&Job { fault: "503 after 0".to_owned(), ..job.clone() }).clone();
            reason = Some("a malformed Retry-After is ignored, and the back-off applies");
        }
        if job.fault == "silent" && came.outcome == "ConnectionError" {
            came.outcome = "ReadTimeout".to_owned();
            reason = Some("read timeouts that use up the retries are ReadTimeout");
        }
        if job.request.ends_with("once") && came.bodies.len() > 1 {
            came = Came {
                outcome: "UnrewindableBodyError".to_owned(),
                bodies: vec![came.bodies[0]],
                connections: 1,
                sleeps: vec![],
            };
            reason = Some("a body that can be sent only once is never sent again, or sent empty");
        }
        if came == *theirs { (came, None) } else { (came, reason) }
    }
}

/// What the server saw of one job.
#[derive(Default)]
struct Seen {
    bodies: Vec<usize>,
    connections: Vec<usize>,
}

/// Where the faults are, but for those of connecting.
struct Faults {
    server: TestServer,
    seen: Arc<Mutex<HashMap<usize, Seen>>>,
    refused: (Socket, SocketAddr),
    unroutable: BlackHole,
}

impl Faults {
    /// A server that does the nth job's fault to requests for `/n`, and counts from 0 again after the last job.
    fn start(jobs: Vec<Job>) -> std::io::Result<Self> {
        let seen: Arc<Mutex<HashMap<usize, Seen>>> = Arc::default();
        let record = Arc::clone(&seen);
        let server = TestServer::connections(move |peer| {
            while let Some(request) = peer.read_request() {
                let number: usize = request.target.trim_start_matches('/').parse().expect("the target is a number");
                let hits = {
                    let mut seen = record.lock().expect("no server panics");
                    let seen = seen.entry(number).or_default();
                    seen.bodies.push(request.body.len());
                    if !seen.connections.contains(&request.connection) {
                        seen.connections.push(request.connection);
                    }
                    seen.bodies.len()
                };
                let job = &jobs[number % jobs.len()];
                if job.times.is_some_and(|times| hits > times) {
                    peer.send(GOOD);
                } else if !fail(peer, &request, &job.fault) {
                    return;
                }
            }
        });
        Ok(Self { server, seen, refused: refused()?, unroutable: BlackHole::new() })
    }

    fn address(&self, fault: &str) -> SocketAddr {
        match fault {
            "refused" => self.refused.1,
            "unroutable" => self.unroutable.address,
            _ => self.server.address(),
        }
    }

    /// What petition makes of a job, with timeouts that are `patience` times as long.
    fn perform(&self, number: usize, job: &Job, retry: &Value, patience: f64) -> Came {
        let clock = FakeClock::new();
        let adapter = HttpAdapter::builder().clock(clock.clone()).max_retries(self::retry(retry)).build();
        let session = session_over(adapter);
        let (method, body) = job.request.split_once(' ').unwrap_or((&job.request, ""));
        let url = format!("http://{}/{number}", self.address(&job.fault));
        let connect = if job.fault == "unroutable" { 0.15 } else { 5.0 };
        let read = match (&*job.fault, job.times) {
            ("silent", None) => 0.15,
            // Long enough for the answer that follows, on a busy machine.
            ("silent", Some(_)) => 0.5,
            _ => 5.0,
        };
        let mut request = session.request(method, url).timeout((connect * patience, read * patience));
        if let Some(body) = self::body(body) {
            request = request.data(body);
        }
        let outcome = match request.send() {
            Ok(response) => response.status_code().as_u16().to_string(),
            Err(error) => format!("{:?}", error.kind()),
        };
        let seen = self.seen.lock().expect("no server panics").remove(&number).unwrap_or_default();
        Came {
            outcome,
            bodies: seen.bodies,
            connections: seen.connections.len(),
            sleeps: clock.slept().iter().map(Duration::as_secs_f64).collect(),
        }
    }
}

/// Does a fault; whether the connection stays.
fn fail(peer: &mut Peer, request: &TestRequest, fault: &str) -> bool {
    match fault {
        "closed before" => {}
        "silent" => peer.wait_for_close(),
        "cut head" => peer.send(HALF_HEAD),
        "truncated body" => peer.send(HALF_BODY),
        "garbage" => peer.send("this is not HTTP\r\n\r\n"),
        "reset before" => peer.reset(),
        "reset in head" => {
            peer.send(HALF_HEAD);
            peer.reset();
        }
        "reset in body" => {
            peer.send(HALF_BODY);
            wait_until_read(request);
            peer.reset();
        }
        _ => {
            let (status, after) = fault.split_once(" after ").unwrap_or((fault, ""));
            let header = if after.is_empty() { String::new() } else { format!("Retry-After: {after}\r\n") };
            peer.send(format!("HTTP/1.1 {status} Sorry\r\n{header}Content-Length: 5\r\n\r\nsorry"));
            return true;
        }
    }
    false
}

/// Until the clients of this server have read everything: a reset throws away what they have not, and a head that is lost is
/// another fault.
fn wait_until_read(request: &TestRequest) {
    let port: u16 =
        request.header("host").and_then(|host| host.rsplit(':').next()?.parse().ok()).expect("a host with a port");
    let server = format!(":{port:04X}");
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        let sockets = std::fs::read_to_string("/proc/net/tcp").expect("Linux has a table of sockets");
        let unread = sockets.lines().any(|line| {
            let mut fields = line.split_whitespace();
            let is_client = fields.nth(2).is_some_and(|remote| remote.ends_with(&server));
            is_client && fields.nth(1).is_some_and(|queues| !queues.ends_with(":00000000"))
        });
        if !unread {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// A port that is taken, where nobody listens.
fn refused() -> std::io::Result<(Socket, SocketAddr)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    let address = socket.local_addr()?.as_socket().expect("it was bound to an address");
    Ok((socket, address))
}

fn retry(setting: &Value) -> Retry {
    let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok()).expect("a small number");
    let Some(settings) = setting.as_object() else { return Retry::from(number(setting)) };
    let mut retry = Retry::new();
    for (name, value) in settings {
        let set = retry;
        macro_rules! count {
            ($name:ident) => {
                match value {
                    Value::Null => set.$name(None),
                    Value::Bool(false) => set.$name(false),
                    value => set.$name(number(value)),
                }
            };
        }
        retry = match name.as_str() {
            "total" => count!(total),
            "connect" => count!(connect),
            "read" => count!(read),
            "status" => count!(status),
            "other" => count!(other),
            "backoff_factor" => set.backoff_factor(value.as_f64().expect("seconds")),
            "backoff_max" => set.backoff_max(value.as_f64().expect("seconds")),
            "raise_on_status" => set.raise_on_status(value == true),
            "respect_retry_after_header" => set.respect_retry_after_header(value == true),
            "status_forcelist" => {
                let list = value.as_array().expect("a list").iter();
                set.status_forcelist(list.map(|status| u16::try_from(number(status)).expect("a status")))
            }
            "allowed_methods" => match value.as_array() {
                None => set.any_method(),
                Some(list) => set.allowed_methods(list.iter().filter_map(Value::as_str)),
            },
            other => panic!("no setting is called {other}"),
        };
    }
    retry
}

fn body(kind: &str) -> Option<Body> {
    match kind {
        "bytes" => Some(Body::from(&b"0123456789"[..])),
        "file" => {
            let mut file = Cursor::new("xx0123456789");
            file.seek(SeekFrom::Start(2)).expect("a cursor can seek");
            Some(Body::seekable(file).expect("a cursor can seek"))
        }
        "once" => Some(Body::chunks(["01234", "56789"])),
        _ => None,
    }
}

fn difference(expected: &Came, ours: &Came) -> bool {
    let same_outcome = match kind(&ours.outcome) {
        Some(kind) => same_error(&expected.outcome, kind),
        None => expected.outcome == ours.outcome,
    };
    let same_sleeps = expected.sleeps.len() == ours.sleeps.len()
        && expected.sleeps.iter().zip(&ours.sleeps).all(|(expected, ours)| (expected - ours).abs() < 1e-6);
    !(same_outcome && same_sleeps && expected.bodies == ours.bodies && expected.connections == ours.connections)
}

fn kind(outcome: &str) -> Option<ErrorKind> {
    use ErrorKind as K;
    let kinds = [
        K::ConnectionError,
        K::ConnectTimeout,
        K::ReadTimeout,
        K::RetryError,
        K::InvalidHeader,
        K::UnrewindableBody,
        K::ChunkedEncodingError,
        K::ProxyError,
        K::Io,
        K::Other,
        K::TotalTimeout,
        K::PoolTimeout,
        K::InvalidSetting,
    ];
    kinds.into_iter().find(|kind| outcome == format!("{kind:?}"))
}

// RETRY-04 to RETRY-34, TIME-04 to TIME-07, ERR-10
#[test]
fn faults_end_as_the_table_made_with_python_requests_says() {
    let table = Table::read();
    let jobs: Vec<Job> = table.jobs.iter().map(|(job, _)| job.clone()).collect();
    let faults = Faults::start(jobs.clone()).expect("ports on 127.0.0.1");
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let used = Mutex::new(BTreeMap::<&str, usize>::new());

    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(number) else { return };
                    let (expected, reason) = table.expected(job);
                    let perform = |number, patience| faults.perform(number, job, &table.retries[&job.retry], patience);
                    let mut ours = perform(number, 1.0);
                    if difference(&expected, &ours) && ["silent", "unroutable"].contains(&&*job.fault) {
                        // A short timeout on a busy machine says nothing. What the server sees late of the first try is not
                        // to count as part of the second.
                        ours = perform(number + jobs.len(), 10.0);
                    }
                    if let Some(reason) = reason {
                        *used.lock().expect("no worker panics").entry(reason).or_default() += 1;
                    }
                    if difference(&expected, &ours) {
                        let why = reason.unwrap_or("as requests");
                        let text = format!("{job:?}\n  expected {expected:?} ({why})\n  petition {ours:?}");
                        failures.lock().expect("no worker panics").push(text);
                    }
                }
            });
        }
    });

    let used = used.into_inner().expect("no worker panics");
    println!("different on purpose: {used:#?}");
    assert_eq!(used.len(), 4, "a rule of `expected` is of no use");
    report(jobs.len(), &failures.into_inner().expect("no worker panics"));
}

#[test]
fn the_table_has_every_combination() {
    let table = Table::read();

    let mut count = BTreeMap::<(&str, Option<usize>), usize>::new();
    for (job, _) in &table.jobs {
        *count.entry((&job.fault, job.times)).or_default() += 1;
    }

    assert_eq!(count.len(), 2 + 2 * 16);
    assert!(count.values().all(|requests| *requests == table.retries.len() * 7), "{count:?}");
}
