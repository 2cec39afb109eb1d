//! Sends requests for a long time, and shows that nothing grows: neither connections, nor descriptors, nor memory.
//!
//!     cargo run --release --example soak                     # 5 seconds
//!     cargo run --release --example soak -- 3600             # an hour
//!     cargo run --release --example soak -- 3600 soak.svg    # and draws it
//!
//! Sixteen threads share eight connections to a local server, which answers in several ways, says 503 now and then, closes
//! connections, and breaks off one body in a hundred: those are the errors. Descriptors and memory are of the whole process,
//! the server included; where there is no `/proc` they are shown as 0.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use petition::{HttpAdapter, Retry, Session};

const THREADS: u64 = 16;
const CONNECTIONS: usize = 8;

/// What is known after each second.
struct Second {
    requests: u64,
    errors: u64,
    connections: usize,
    descriptors: usize,
    /// Resident memory, in MiB.
    memory: f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let server = serve()?;
    let adapter = HttpAdapter::builder()
        .pool_maxsize(CONNECTIONS)
        .pool_block(true)
        .max_retries(Retry::new().total(2).status_forcelist([503]).backoff_factor(0.0))
        .build();
    let mut session = Session::new();
    session.trust_env = false;
    session.mount("http://", adapter.clone());

    let (sent, failed, wrong) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let over = AtomicBool::new(false);
    let mut run: Vec<Second> = Vec::new();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (session, sent, failed, wrong, over) = (&session, &sent, &failed, &wrong, &over);
            scope.spawn(move || {
                let mut number = thread;
                while !over.load(Relaxed) {
                    number += THREADS;
                    let content =
                        session.get(format!("http://{server}/{number}")).send().and_then(|r| r.into_content());
                    sent.fetch_add(1, Relaxed);
                    match content {
                        Ok(content) if content == body(number) => {}
                        Err(_) if breaks(number) => _ = failed.fetch_add(1, Relaxed),
                        other => {
                            wrong.fetch_add(1, Relaxed);
                            eprintln!("request {number}: {:?}", other.map(|content| content.len()));
                        }
                    }
                }
            });
        }
        let begin = Instant::now();
        let (mut requests, mut errors) = (0, 0);
        for second in 1..=seconds {
            thread::sleep((begin + Duration::from_secs(second)).saturating_duration_since(Instant::now()));
            let (all, bad) = (sent.load(Relaxed), failed.load(Relaxed));
            let stats = adapter.stats();
            let now = Second {
                requests: all - requests,
                errors: bad - errors,
                connections: stats.iter().map(|pool| pool.idle() + pool.in_use()).sum(),
                descriptors: std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
                memory: resident().unwrap_or(0.0),
            };
            println!(
                "{second:>5} s: {} requests, {} errors, {} connections, {} descriptors, {:.1} MiB",
                now.requests, now.errors, now.connections, now.descriptors, now.memory
            );
            (requests, errors) = (all, bad);
            run.push(now);
        }
        over.store(true, Relaxed);
    });

    println!("{} requests, {} errors", sent.load(Relaxed), failed.load(Relaxed));
    println!("wrong bodies and errors without a reason: {}", wrong.load(Relaxed));
    let most = run.iter().map(|second| second.connections).max().unwrap_or(0);
    println!("never more than {CONNECTIONS} connections: {}", most <= CONNECTIONS);
    if let Some(file) = arguments.next() {
        std::fs::write(&file, picture(&run))?;
        println!("wrote {file}");
    }
    Ok(())
}

/// The memory that this process has now.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

// ---- the server

fn body(number: u64) -> Vec<u8> {
    let length = [20, 500, 4_000, 30_000][number as usize / 16 % 4];
    format!("{number} ").into_bytes().into_iter().cycle().take(length).collect()
}

fn breaks(number: u64) -> bool {
    number % 100 == 57
}

fn serve() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        let refused: Arc<Mutex<HashSet<u64>>> = Arc::default();
        for stream in listener.incoming().flatten() {
            // A client may leave at any time.
            let refused = Arc::clone(&refused);
            thread::spawn(move || talk(&stream, &refused));
        }
    });
    Ok(address)
}

/// Whether a request comes for the first time; the next one with its number is the retry.
fn is_first(number: u64, refused: &Mutex<HashSet<u64>>) -> bool {
    let mut refused = refused.lock().unwrap_or_else(PoisonError::into_inner);
    !refused.remove(&number) && refused.insert(number)
}

fn talk(stream: &TcpStream, refused: &Mutex<HashSet<u64>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream);
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        let Some(number) = line.split(['/', ' ']).nth(2).and_then(|number| number.parse().ok()) else { return Ok(()) };
        while !matches!(line.as_str(), "\r\n" | "") {
            line.clear();
            input.by_ref().take(10_000).read_line(&mut line)?;
        }
        let body: Vec<u8> = body(number);
        let mut answer = Vec::new();
        let closes = number % 50 == 13;
        if number % 40 == 31 && is_first(number, refused) {
            answer.extend_from_slice(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
        } else if number % 3 == 0 {
            answer.extend_from_slice(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            for chunk in body.chunks(1_000) {
                answer.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                answer.extend_from_slice(chunk);
                answer.extend_from_slice(b"\r\n");
            }
            answer.extend_from_slice(b"0\r\n\r\n");
        } else {
            let close = if closes { "Connection: close\r\n" } else { "" };
            answer.extend_from_slice(
                format!("HTTP/1.1 200 OK\r\n{close}Content-Length: {}\r\n\r\n", body.len()).as_bytes(),
            );
            answer.extend_from_slice(&body);
        }
        if breaks(number) {
            answer.truncate(answer.len() - 3);
        }
        let mut output = stream;
        output.write_all(&answer)?;
        if closes || breaks(number) {
            return Ok(());
        }
    }
}

// ---- the picture

const WIDTH: f64 = 900.0;
const LEFT: f64 = 70.0;
const PANEL: f64 = 110.0;
const GAP: f64 = 46.0;

/// Four curves over the seconds of a run, each from 0 to its own maximum. Colours fit light and dark pages.
fn picture(run: &[Second]) -> String {
    type Value = fn(&Second) -> f64;
    let panels: [(&str, Value); 4] = [
        ("requests a second", |second| second.requests as f64),
        ("errors a second (bodies that the server broke off)", |second| second.errors as f64),
        ("descriptors of the process, the server's included", |second| second.descriptors as f64),
        ("resident memory, MiB, the server's included", |second| second.memory),
    ];
    let height = 40.0 + panels.len() as f64 * (PANEL + GAP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\" role=\"img\">\n<title>A soak of {} seconds</title>\n<style>\n\
         .page{{fill:#fff}}.text{{fill:#222}}.axis{{stroke:#bbb}}.curve{{fill:none;stroke:#3f7fd0;stroke-width:1.5}}\n\
         @media (prefers-color-scheme:dark){{.page{{fill:#16181d}}.text{{fill:#ddd}}.axis{{stroke:#555}}.curve{{stroke:#6fa8f0}}}}\n\
         </style>\n<rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\"/>\n",
        run.len()
    );
    for (index, (title, value)) in panels.iter().enumerate() {
        let top = 40.0 + index as f64 * (PANEL + GAP);
        let bottom = top + PANEL;
        let most = run.iter().map(value).fold(1.0, f64::max);
        let point = |(second, of): (usize, &Second)| {
            let x = LEFT + (WIDTH - LEFT - 20.0) * (second as f64 + 0.5) / run.len() as f64;
            format!("{x:.1},{:.1}", bottom - PANEL * value(of) / most)
        };
        let points: Vec<String> = run.iter().enumerate().map(point).collect();
        let right = WIDTH - 20.0;
        let _ = write!(
            svg,
            "<text class=\"text\" x=\"{LEFT}\" y=\"{:.1}\">{title}</text>\n\
             <path class=\"axis\" d=\"M{LEFT} {top}H{right}M{LEFT} {bottom}H{right}\"/>\n\
             <text class=\"text\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{most:.0}</text>\n\
             <text class=\"text\" x=\"{:.1}\" y=\"{bottom}\" text-anchor=\"end\">0</text>\n\
             <polyline class=\"curve\" points=\"{}\"/>\n",
            top - 8.0,
            LEFT - 8.0,
            top + 5.0,
            LEFT - 8.0,
            points.join(" ")
        );
    }
    let _ = write!(
        svg,
        "<text class=\"text\" x=\"{LEFT}\" y=\"{:.1}\">0 s</text><text class=\"text\" x=\"{:.1}\" y=\"{:.1}\" \
         text-anchor=\"end\">{} s</text>\n</svg>\n",
        height - 26.0,
        WIDTH - 20.0,
        height - 26.0,
        run.len()
    );
    svg
}
