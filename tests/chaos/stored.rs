//! The server behind nginx: it answers an upload with the length and a checksum of what arrived.
//!
//! The target says what was sent, so that an upload whose answer is lost is judged too. nginx passes on what has arrived as a
//! whole, and over plain HTTP no byte is changed, so none may be wrong.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::seal;

/// How many uploads arrived, and what was wrong.
#[derive(Clone, Default)]
pub struct Stored(Arc<Mutex<(usize, Vec<String>)>>);

impl Stored {
    /// Serves for as long as the process lives.
    pub fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let address = listener.local_addr().expect("bound");
        let all = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let own = all.clone();
                thread::spawn(move || while own.answer(&stream).is_some() {});
            }
        });
        address
    }

    pub fn uploads(&self) -> (usize, Vec<String>) {
        self.0.lock().unwrap().clone()
    }

    /// Answers the next request of a connection, which nginx keeps. `None` is its end.
    fn answer(&self, stream: &TcpStream) -> Option<()> {
        // What is read ahead is of this request: nginx sends the next one after the answer.
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let sent = line.split(' ').nth(1)?.strip_prefix("/put/")?.to_owned();
        let mut length = 0;
        while line.trim_end() != "" {
            line.clear();
            reader.read_line(&mut line).ok()?;
            if let Some((_, value)) =
                line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            {
                length = value.trim().parse().ok()?;
            }
        }
        let mut upload = vec![0; length];
        reader.read_exact(&mut upload).ok()?;
        let got = seal(&upload);
        {
            let mut all = self.0.lock().unwrap();
            all.0 += 1;
            if got != sent {
                all.1.push(format!("{got} instead of {sent}"));
            }
        }
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{got}", got.len());
        let mut stream = stream;
        stream.write_all(answer.as_bytes()).ok()
    }
}
