//! The server of a case: a child process, which answers every request with the case's bytes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use crate::cases::{Case, LARGE};

pub struct Server {
    child: Child,
    /// Its address, and what else the client has to know.
    pub url: String,
}

impl Server {
    pub fn start(case: &Case) -> Self {
        let own = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new(own);
        let mut child = command.args(["serve", &case.full_name()]).stdout(Stdio::piped()).spawn().expect("a server");
        let mut url = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut url).expect("its address");
        Self { child, url: url.trim_end().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some((_, file)) = self.url.split_once(".pem").and_then(|_| self.url.split_once(' ')) {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// The child's side: prints its address, then serves until it is ended.
pub fn serve(case: &Case) {
    if case.is_tls() {
        return serve_tls(case);
    }
    // As many ports as pools.
    let extra = if case.name == "pools" { case.size } else { 0 };
    let listeners: Vec<TcpListener> = (0..=extra).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    let url = |listener: &TcpListener| format!("http://{}/items", listener.local_addr().expect("its address"));
    println!("{}", listeners.iter().map(url).collect::<Vec<_>>().join(" "));
    let answer = answer(case);
    let (close, redirects) = (case.name == "connect", case.name == "redirects");
    std::thread::scope(|scope| {
        for listener in &listeners {
            let answer = &answer;
            scope.spawn(move || {
                for stream in listener.incoming() {
                    scope.spawn(move || converse(stream.expect("a connection"), answer, close, redirects));
                }
            });
        }
    });
}

/// The certificate is its own authority; a file has it for the client.
fn serve_tls(case: &Case) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let file = std::env::temp_dir().join(format!("petition-counts-{}.pem", std::process::id()));
    std::fs::write(&file, made.cert.pem()).expect("the system has a folder for such files");
    let (answer, close) = (answer(case), case.name == "tls-connect");
    let builder = petition::testing::TestServer::builder();
    let builder = builder.tls(&made.cert.pem(), &made.signing_key.serialize_pem()).expect("an identity");
    let server = builder.start(move |peer| {
        while peer.read_request().is_some() {
            peer.send(&answer);
            if close {
                return;
            }
        }
    });
    let server = server.expect("a port");
    println!("https://localhost:{}/items {}", server.address().port(), file.display());
    loop {
        std::thread::park();
    }
}

fn converse(mut stream: TcpStream, answer: &[u8], close: bool, redirects: bool) {
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
        // `/items/3` leads to `/items/2`.
        let path = head.split(' ').nth(1).unwrap_or_default();
        let hops = path.rsplit('/').next().and_then(|last| last.parse::<usize>().ok()).unwrap_or(0);
        let sent = if redirects && hops > 0 {
            let moved = format!("HTTP/1.1 302 Found\r\nLocation: /items/{}\r\nContent-Length: 0\r\n\r\n", hops - 1);
            stream.write_all(moved.as_bytes())
        } else {
            stream.write_all(answer)
        };
        if sent.is_err() || close {
            return;
        }
    }
}

fn answer(case: &Case) -> Vec<u8> {
    let mut head = String::from(
        "HTTP/1.1 200 OK\r\nServer: counts\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: no-cache\r\n\
         Vary: Accept-Encoding\r\nETag: \"0123456789abcdef\"\r\nX-Request-Id: 6f9619ff-8b86-d011-b42d\r\n",
    );
    let more = match case.name {
        "headers" => 32,
        // With the eight that are always there.
        "response-headers" => case.size - 8,
        _ => 0,
    };
    (0..more).for_each(|n| head.push_str(&format!("X-Custom-Header-{n}: value number {n}\r\n")));
    if case.name == "set-cookie" {
        (0..case.size).for_each(|n| head.push_str(&format!("Set-Cookie: name{n:04}=value number {n}; Path=/\r\n")));
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
    let (kind, body) = match case.name {
        "download" | "read" => ("application/octet-stream", vec![b'x'; LARGE]),
        "chunked" | "chunked-read" => ("application/octet-stream", chunks()),
        "gzip" => ("application/octet-stream", gzip()),
        "value" => ("application/json", json(10_000)),
        "lines" => ("text/plain", "a line of a body that is read as text\n".repeat(case.size).into_bytes()),
        "events" => ("text/event-stream", "event: news\ndata: what there is to say\n\n".repeat(case.size).into_bytes()),
        _ => ("application/json", json(100)),
    };
    head.push_str(&format!("Content-Type: {kind}\r\n"));
    match case.name {
        "chunked" | "chunked-read" => head.push_str("Transfer-Encoding: chunked\r\n\r\n"),
        "gzip" => head.push_str(&format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len())),
        "connect" | "tls-connect" => {
            head.push_str(&format!("Connection: close\r\nContent-Length: {}\r\n\r\n", body.len()));
        }
        _ => head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len())),
    }
    [head.into_bytes(), body].concat()
}

/// Of 16 KiB each.
fn chunks() -> Vec<u8> {
    let mut body = Vec::new();
    for _ in 0..LARGE / (16 * 1024) {
        body.extend_from_slice(b"4000\r\n");
        body.extend_from_slice(&[b'x'; 16 * 1024]);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    body
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
