//! The cost of one request: a client that only sends `n` requests of one case, to be run under a counter.
//!
//! The server is a child process, so that only the client is counted. A cost is the difference between two runs of
//! different length, divided by the difference: start-up and the first connection cancel out. See docs/performance.md.
//!
//! `counts CASE N`, or `cargo bench --bench counts` for one line of wall time per case.

use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use petition::{Cancel, HttpAdapter, Session};

const MIB: usize = 1 << 20;

/// Large enough that the cost of the request itself is negligible.
const LARGE: usize = 16 * MIB;

const CASES: [&str; 12] = [
    "raw", "small", "cancel", "events", "headers", "value", "connect", "download", "read", "chunked", "gzip", "upload",
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", case] => serve(case),
        [case, count] => {
            let server = Server::start(case);
            run(case, &server.url, count.parse().expect("a number"));
        }
        _ => CASES.into_iter().for_each(time),
    }
}

fn time(case: &str) {
    let server = Server::start(case);
    let count = if matches!(case, "download" | "read" | "chunked" | "gzip" | "upload") { 100 } else { 5_000 };
    run(case, &server.url, count / 10);
    let started = Instant::now();
    run(case, &server.url, count);
    println!("{case:10} {:>10.1?} each", started.elapsed() / count);
}

fn run(case: &str, url: &str, count: u32) {
    if case == "raw" {
        return raw(url, count);
    }
    let mut session = Session::new();
    if case == "connect" {
        session.headers.insert("Connection", "close").expect("a header");
    }
    if case == "cancel" {
        session.cancel = Some(Cancel::new());
    }
    let adapter = HttpAdapter::builder();
    let adapter = if case == "events" {
        adapter.on_event(|event| {
            black_box(event);
        })
    } else {
        adapter
    };
    session.mount("http://", adapter.build());
    let upload = vec![b'x'; LARGE];
    let mut buffer = vec![0; 64 * 1024];
    for _ in 0..count {
        match case {
            "value" => {
                black_box(session.get(url).send().and_then(|r| r.json::<serde_json::Value>()).expect("JSON"));
            }
            "download" | "chunked" | "gzip" => {
                let body = session.get(url).send().and_then(|r| r.into_content()).expect("a body");
                assert_eq!(black_box(body).len(), LARGE);
            }
            "read" => {
                let mut response = session.get(url).stream(true).send().expect("a head");
                while response.read(&mut buffer).expect("a body") > 0 {}
            }
            "upload" => {
                black_box(session.post(url).data(upload.clone()).send().expect("an answer"));
            }
            _ => {
                black_box(session.get(url).send().and_then(|r| r.text()).expect("a text"));
            }
        }
    }
}

/// The lower limit for any client: one write and one read, without parsing.
fn raw(url: &str, count: u32) {
    let (authority, _) = url.trim_start_matches("http://").split_once('/').expect("a path");
    let request = format!("GET /items HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let mut stream = TcpStream::connect(authority).expect("a connection");
    stream.set_nodelay(true).expect("a socket option");
    let mut buffer = vec![0; 64 * 1024];
    for _ in 0..count {
        stream.write_all(request.as_bytes()).expect("a write");
        assert!(black_box(stream.read(&mut buffer).expect("a read")) > 100);
    }
}

struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(case: &str) -> Self {
        let own = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(own).args(["serve", case]).stdout(Stdio::piped()).spawn().expect("a server");
        let mut url = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut url).expect("its address");
        Self { child, url: url.trim_end().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Answers every request with the case's bytes, without parsing it.
fn serve(case: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("http://{}/items", listener.local_addr().expect("its address"));
    let answer = answer(case);
    for stream in listener.incoming() {
        let (answer, close) = (answer.clone(), case == "connect");
        std::thread::spawn(move || converse(stream.expect("a connection"), &answer, close));
    }
}

fn converse(mut stream: TcpStream, answer: &[u8], close: bool) {
    stream.set_nodelay(true).expect("a socket option");
    let mut input = vec![0; 256 * 1024];
    loop {
        // The head, then the body that it declares.
        let mut held = 0;
        let end = loop {
            match stream.read(&mut input[held..]) {
                Ok(0) | Err(_) => return,
                Ok(n) => held += n,
            }
            if let Some(at) = input[..held].windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = String::from_utf8_lossy(&input[..end]).to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let mut left = length.map_or(0, |length| length.parse().expect("a length")) - (held - end);
        while left > 0 {
            match stream.read(&mut input) {
                Ok(0) | Err(_) => return,
                Ok(n) => left -= n,
            }
        }
        if stream.write_all(answer).is_err() || close {
            return;
        }
    }
}

fn answer(case: &str) -> Vec<u8> {
    let mut head = String::from(
        "HTTP/1.1 200 OK\r\nServer: counts\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: no-cache\r\n\
         Vary: Accept-Encoding\r\nETag: \"0123456789abcdef\"\r\nX-Request-Id: 6f9619ff-8b86-d011-b42d\r\n",
    );
    if case == "headers" {
        (0..32).for_each(|n| head.push_str(&format!("X-Custom-Header-{n}: value number {n}\r\n")));
    }
    let json = |length: usize| {
        let mut text = String::from("[");
        while text.len() + 32 < length {
            text.push_str(&format!("{{\"id\": {}, \"name\": \"item\"}}, ", 100 + text.len() % 800));
        }
        text.push('"');
        text.extend(std::iter::repeat_n('x', length - text.len() - 2));
        text.push_str("\"]");
        text.into_bytes()
    };
    let (kind, body) = match case {
        "download" | "read" => ("application/octet-stream", vec![b'x'; LARGE]),
        "chunked" => {
            let mut body = Vec::new();
            for _ in 0..LARGE / (16 * 1024) {
                body.extend_from_slice(b"4000\r\n");
                body.extend_from_slice(&[b'x'; 16 * 1024]);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"0\r\n\r\n");
            ("application/octet-stream", body)
        }
        "gzip" => ("application/octet-stream", gzip()),
        "value" => ("application/json", json(10_000)),
        _ => ("application/json", json(100)),
    };
    head.push_str(&format!("Content-Type: {kind}\r\n"));
    match case {
        "chunked" => head.push_str("Transfer-Encoding: chunked\r\n\r\n"),
        "gzip" => head.push_str(&format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len())),
        "connect" => head.push_str(&format!("Connection: close\r\nContent-Length: {}\r\n\r\n", body.len())),
        _ => head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len())),
    }
    [head.into_bytes(), body].concat()
}

/// Lines that look like a log, compressed.
fn gzip() -> Vec<u8> {
    let mut text = String::new();
    let mut seed = 1_u32;
    while text.len() < LARGE {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(&format!("{:08x} GET /items/{} 200 {}\n", seed, seed >> 20, seed % 977));
    }
    text.truncate(LARGE);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).expect("memory takes it")
}
