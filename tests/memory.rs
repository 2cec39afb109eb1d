//! What bodies cost in memory: each case runs in a process of its own, whose peak (`VmHWM`) is compared before and after.
//!
//! Sizes are scaled down so that a debug build takes seconds; `PETITION_FULL=1` runs them whole.
#![cfg(target_os = "linux")]

#[path = "wire/support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::thread;

use petition::{Multipart, Part};

use support::{Child, session};

const URL: &str = "TEST_URL";
const MIB: u64 = 1 << 20;
const SMALL: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn full() -> bool {
    std::env::var_os("PETITION_FULL").is_some()
}

/// The most memory this process ever had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("Linux says it");
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// What the child says of itself, while `serve` answers it.
fn growth_of(child: &Child, serve: impl FnOnce(TcpListener) + Send + 'static) -> u64 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serving = thread::spawn(move || serve(listener));
    let grown = child.run(&[(URL, &url)]).parse().unwrap();
    serving.join().unwrap();
    grown
}

/// The server's, in a child.
fn url() -> String {
    std::env::var(URL).unwrap()
}

/// The peak's growth while `work` runs.
fn growth(work: impl FnOnce()) -> u64 {
    let before = peak();
    work();
    peak() - before
}

/// Answers two requests, each on its own connection: a small one, so that what is set up once is not measured, and the one
/// that counts.
fn answer_twice(listener: &TcpListener, small: &[u8], mut large: impl FnMut(&mut dyn Write)) {
    for n in 0..2 {
        let mut stream = listener.accept().unwrap().0;
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).unwrap();
        if n == 0 {
            stream.write_all(small).unwrap();
        } else {
            large(&mut stream);
        }
        let _ = stream.shutdown(Shutdown::Write);
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    }
}

// "A 10 GiB body streams in less than 8 MiB of memory"
#[test]
fn a_large_body_streams_in_less_than_8_mib() {
    let size = if full() { 10 << 30 } else { 1 << 30_u64 };
    let child = Child::new(|| {
        let (session, url) = (session(), url());
        session.get(&url).header("Connection", "close").send().unwrap();
        session.close();

        growth(|| {
            let mut response = session.get(&url).stream(true).send().unwrap();
            assert_eq!(response.copy_to(&mut std::io::sink()).unwrap(), size);
        })
    });

    let grown = growth_of(&child, move |listener| {
        answer_twice(&listener, SMALL, |stream| {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").unwrap();
            let block = vec![b'x'; 1 << 18];
            for _ in 0..size / block.len() as u64 {
                stream.write_all(&block).unwrap();
            }
        });
    });

    assert!(grown < 8 * MIB, "{grown} bytes");
}

// CVE-2026-44432 of urllib3: what was left of a body that had been read in part was decoded to the end.
#[cfg(feature = "gzip")]
#[test]
fn a_coded_body_that_is_dropped_half_read_is_not_decoded_further() {
    let child = Child::new(|| {
        let (session, url) = (session(), url());
        session.get(&url).header("Connection", "close").send().unwrap();
        session.close();

        growth(|| {
            let mut response = session.get(&url).stream(true).send().unwrap();
            response.read_exact(&mut [0]).unwrap();
            drop(response);
        })
    });

    let grown = growth_of(&child, move |listener| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![0; 40 << 20]).unwrap();
        let body = encoder.finish().unwrap();
        assert!(body.len() < 64 << 10, "less than what is drained");
        answer_twice(&listener, SMALL, |stream| {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len())
                .and_then(|()| stream.write_all(&body))
                .unwrap();
        });
    });

    assert!(grown < 4 * MIB, "{grown} bytes");
}

// "A 10 MB gzip bomb of 10 GiB costs less than 16 MiB and ends in a clear error"; DEC-12
#[cfg(feature = "gzip")]
#[test]
fn a_gzip_bomb_costs_less_than_16_mib_and_ends_in_a_clear_error() {
    let child = Child::new(|| {
        let (session, url) = (session(), url());
        session.get(&url).header("Connection", "close").send().unwrap();
        session.close();

        growth(|| {
            let mut response = session.get(&url).stream(true).send().unwrap();
            let error = response.copy_to(&mut std::io::sink()).unwrap_err();
            assert_eq!(error.kind(), petition::ErrorKind::ContentDecodingError);
            assert!(error.to_string().contains("max_expansion_ratio"), "{error}");
        })
    });

    let size: u64 = if full() { 10 << 30 } else { 1 << 30 };
    let grown = growth_of(&child, move |listener| {
        // Members of a gzip body are concatenated, so one stands for all.
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![0; 32 << 20]).unwrap();
        let member = encoder.finish().unwrap();
        let bomb = member.repeat(usize::try_from(size / (32 << 20)).unwrap());
        assert!(bomb.len() as u64 * 900 < size, "{}", bomb.len());
        answer_twice(&listener, SMALL, |stream| {
            let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip";
            write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n", bomb.len()).unwrap();
            // The client closes as soon as it sees what this is.
            let _ = stream.write_all(&bomb);
        });
    });

    assert!(grown < 16 * MIB, "{grown} bytes");
}

// "A 1 GiB part never takes more than 1 MiB"
#[test]
fn a_large_part_is_sent_in_less_than_1_mib() {
    let child = Child::new(|| {
        let (session, url) = (session(), url());
        let send = |size: u64| {
            let part = Part::sized(std::io::repeat(b'x').take(size), size).file_name("big");
            session.post(&url).files(Multipart::new().boundary("B").part("f", part)).send().unwrap();
        };
        send(1000);

        growth(|| send(1 << 30))
    });

    let grown = growth_of(&child, |listener| {
        for _ in 0..2 {
            let mut stream = listener.accept().unwrap().0;
            let mut tail = Vec::new();
            let mut block = vec![0; 1 << 18];
            while !tail.ends_with(b"--B--\r\n") {
                let n = stream.read(&mut block).unwrap();
                assert!(n > 0, "the client closed early");
                tail.extend_from_slice(&block[n.saturating_sub(16)..n]);
                tail.drain(..tail.len().saturating_sub(16));
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        }
    });

    assert!(grown < MIB, "{grown} bytes");
}
