//! The limit: one write and one read on a socket of the standard library, nothing parsed. A connection for each thread.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpStream;

use compare_client::{BLOCK, Peer, Setup, bytes};
use native_tls::TlsConnector;

trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

struct Raw {
    tls: Option<TlsConnector>,
    authority: String,
    request: Vec<u8>,
    close: bool,
    length: usize,
}

thread_local! {
    static KEPT: RefCell<Option<Box<dyn Stream>>> = const { RefCell::new(None) };
}

impl Raw {
    fn connect(&self) -> Box<dyn Stream> {
        let stream = TcpStream::connect(&self.authority).expect("a connection");
        stream.set_nodelay(true).expect("a socket option");
        match &self.tls {
            Some(tls) => Box::new(tls.connect("localhost", stream).expect("a handshake")),
            None => Box::new(stream),
        }
    }

    fn on_a_connection<T>(&self, act: impl FnOnce(&mut dyn Stream) -> T) -> T {
        if self.close {
            return act(&mut *self.connect());
        }
        KEPT.with_borrow_mut(|kept| act(&mut **kept.get_or_insert_with(|| self.connect())))
    }

    /// Sends the request; returns how much of the body came with the head, at the front of `buffer`.
    fn head(&self, stream: &mut dyn Stream, buffer: &mut [u8]) -> usize {
        stream.write_all(&self.request).expect("a write");
        let read = stream.read(buffer).expect("a read");
        let head = buffer[..read].windows(4).position(|four| four == b"\r\n\r\n").expect("a head in one piece") + 4;
        buffer.copy_within(head..read, 0);
        read - head
    }
}

impl Peer for Raw {
    fn new(setup: &Setup) -> Self {
        let (scheme, rest) = setup.url.split_once("://").expect("a URL");
        let (authority, path) = rest.split_once('/').expect("a path");
        Self {
            tls: (scheme == "https").then(|| TlsConnector::new().expect("a connector")),
            authority: authority.to_owned(),
            request: format!("GET /{path} HTTP/1.1\r\nHost: {authority}\r\n\r\n").into_bytes(),
            close: setup.close,
            length: setup.length,
        }
    }

    fn text(&self, _url: &str) -> Option<usize> {
        self.on_a_connection(|stream| {
            let mut buffer = [0; 4096];
            stream.write_all(&self.request).expect("a write");
            assert!(stream.read(&mut buffer).expect("a read") > 100);
        });
        Some(self.length)
    }

    fn once(setup: &Setup) -> Option<usize> {
        let raw = Self::new(setup);
        let mut stream = raw.connect();
        let mut buffer = [0; 4096];
        stream.write_all(&raw.request).expect("a write");
        assert!(stream.read(&mut buffer).expect("a read") > 100);
        Some(raw.length)
    }

    fn read(&self, url: &str, buffer: &mut [u8]) -> Option<usize> {
        self.on_a_connection(|stream| {
            let mut length = self.head(stream, buffer);
            if url.ends_with("/gzip") {
                // As a program would: the crate's own choice of a library, and a reader in front of the socket.
                let compressed = buffer[..length].to_vec();
                let input = std::io::BufReader::with_capacity(BLOCK, compressed.chain(stream));
                let mut decoder = flate2::bufread::GzDecoder::new(input);
                length = 0;
                loop {
                    match decoder.read(buffer).expect("a body") {
                        0 => break,
                        read => length += read,
                    }
                }
            } else if url.ends_with("/chunked") {
                let mut last = length;
                while !buffer[..last].ends_with(b"\r\n0\r\n\r\n") {
                    last = stream.read(buffer).expect("a body");
                }
                length = self.length;
            } else {
                while length < self.length {
                    length += stream.read(buffer).expect("a body");
                }
            }
            Some(length)
        })
    }

    fn content(&self, _url: &str) -> Option<usize> {
        self.on_a_connection(|stream| {
            let mut buffer = [0; 4096];
            let first = self.head(stream, &mut buffer);
            let mut body = Vec::with_capacity(self.length);
            body.extend_from_slice(&buffer[..first]);
            stream.take((self.length - first) as u64).read_to_end(&mut body).expect("a body");
            Some(body.len())
        })
    }

    fn upload(&self, _url: &str, length: usize) -> Option<usize> {
        self.on_a_connection(|stream| {
            let authority = &self.authority;
            let head = format!("POST /upload HTTP/1.1\r\nHost: {authority}\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all(head.as_bytes()).expect("a write");
            let (mut body, mut buffer) = (bytes(length), vec![0; BLOCK]);
            loop {
                match body.read(&mut buffer).expect("a reader") {
                    0 => break,
                    read => stream.write_all(&buffer[..read]).expect("a write"),
                }
            }
            assert!(stream.read(&mut buffer).expect("a read") > 100);
            Some(length)
        })
    }
}

fn main() {
    compare_client::main::<Raw>();
}
