//! Uploads 64 MB that are made while they are sent, with a progress bar, and without having them in memory.
//!
//!     cargo run --all-features --example upload_progress
//!
//! The length is known before, so the request has a Content-Length and a bar can be drawn; with `Body::reader`, which needs no
//! length, the body is chunked. A file is sent in the same way: `Body::from(File::open(path)?).on_progress(...)`.

use std::error::Error;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

use petition::testing::TestServer;
use petition::{Body, Session};

const LENGTH: u64 = 64 << 20;

/// An export that makes its next bytes when they are asked for, and notes how many that are at most.
struct Export {
    left: u64,
    largest: Arc<AtomicUsize>,
}

impl Read for Export {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.largest.fetch_max(out.len(), SeqCst);
        let count = self.left.min(out.len() as u64) as usize;
        out[..count].fill(b'x');
        self.left -= count as u64;
        Ok(count)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = serve();
    let mut session = Session::new();
    session.trust_env = false; // the server is on this machine
    session.timeout = (3.05, 27).into(); // 27 s without any progress, not for the whole upload

    let largest = Arc::new(AtomicUsize::new(0));
    let export = Export { left: LENGTH, largest: largest.clone() };
    let body = Body::sized(export, LENGTH).on_progress(bar());
    let response = session.put(server.url("/export.bin")).data(body).send()?.error_for_status()?;

    println!("the server says: {}", response.text()?);
    println!("at most 1 MB of it was in memory: {}", largest.load(SeqCst) <= 1 << 20);
    Ok(())
}

/// Draws a line for each eighth that is sent. A terminal's bar would begin its text with `\r` instead.
fn bar() -> impl Fn(u64, Option<u64>) + Send + Sync {
    let drawn = AtomicU64::new(0);
    move |sent, total| {
        let eighths = sent * 8 / total.unwrap_or(u64::MAX).max(1);
        if drawn.fetch_max(eighths, SeqCst) < eighths {
            let done = eighths as usize;
            println!("[{}{}] {:3} %", "#".repeat(done * 4), ".".repeat(32 - done * 4), done * 100 / 8);
        }
    }
}

/// A server that counts the bytes of a body and throws them away.
fn serve() -> TestServer {
    TestServer::connections(|peer| {
        while let Some(request) = peer.read_head() {
            let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
            let mut count = 0;
            while count < length {
                match peer.read_some((length - count).min(64 << 10)).len() {
                    0 => return, // the client has closed
                    more => count += more,
                }
            }
            let text = format!("{count} bytes have arrived");
            peer.send(format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n{text}", text.len()));
        }
    })
}
