//! A server on a Unix socket that says what it was told to, whatever it is asked.
//!
//! The first connections get the scripts, each in one write. Each later request, on a connection of either kind, gets
//! [`LAST_WORD`]: a client that is told anything else was given what belonged to another request.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

/// What a connection says as soon as it is open.
pub(super) struct Script {
    pub(super) bytes: Vec<u8>,
    /// Whether it ends sending afterwards. If not, it answers the requests that follow.
    pub(super) close: bool,
    /// How many empty lines the first request has: one for its head, and one for the end of a chunked body.
    pub(super) ends_of_first: usize,
}

pub(super) const LAST_WORD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nlast word";

pub(super) struct Server {
    path: PathBuf,
    scripts: Arc<Mutex<VecDeque<Script>>>,
}

impl Server {
    /// The server of this process.
    pub(super) fn get() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(|| {
            let path = std::env::temp_dir().join(format!("petition-fuzz-{}.sock", std::process::id()));
            let _ = std::fs::remove_file(&path);
            let listener = UnixListener::bind(&path).expect("the folder of temporary files can be written to");
            let scripts = Arc::<Mutex<VecDeque<Script>>>::default();
            let shared = Arc::clone(&scripts);
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let script = shared.lock().pop_front();
                    std::thread::spawn(move || serve(stream, script));
                }
            });
            Self { path, scripts }
        })
    }

    /// What the next connections say, in order.
    pub(super) fn say(&self, scripts: impl IntoIterator<Item = Script>) {
        *self.scripts.lock() = scripts.into_iter().collect();
    }

    /// The URL of the socket, for `UnixAdapter`.
    pub(super) fn url(&self) -> String {
        format!("http+unix://{}/one/two", self.path.to_string_lossy().replace('/', "%2F"))
    }
}

fn serve(mut stream: UnixStream, script: Option<Script>) {
    let mut to_ignore = 0;
    if let Some(script) = script {
        if stream.write_all(&script.bytes).is_err() {
            return;
        }
        to_ignore = script.ends_of_first;
        if script.close {
            let _ = stream.shutdown(Shutdown::Write);
            to_ignore = usize::MAX;
        }
    }
    let mut buffer = [0; 16 * 1024];
    let mut matched = 0;
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        for &byte in &buffer[..count] {
            matched = match (matched, byte) {
                (0 | 2, b'\r') | (1 | 3, b'\n') => matched + 1,
                (_, b'\r') => 1,
                _ => 0,
            };
            if matched == 4 {
                matched = 0;
                match to_ignore.checked_sub(1) {
                    Some(left) => to_ignore = left,
                    None if stream.write_all(LAST_WORD).is_err() => return,
                    None => {}
                }
            }
        }
    }
}
