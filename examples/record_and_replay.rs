//! A test against real traffic, without the real server: recorded once, replayed from then on.
//!
//!     cargo run --example record_and_replay
//!
//! To use it, copy `session` into the tests of your program, with the path of a file that you commit.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread::{self, JoinHandle};

use petition::Session;
use petition::testing::Recorder;

/// The program that is tested: it logs in, and asks for a list.
fn orders(session: &Session, server: &str) -> petition::Result<Vec<String>> {
    session
        .post(format!("{server}/login"))
        .data([("user", "ada"), ("password", "correct horse")])
        .send()?
        .raise_for_status()?;
    session.get(format!("{server}/orders?page=1")).send()?.error_for_status()?.json()
}

/// Replays the recording at `path`; without one, records it.
fn session(path: &Path) -> Session {
    let mut session = Session::new();
    session.trust_env = false; // the server is on this machine
    session.mount_all(Recorder::auto(path));
    session
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("petition-record-{}", std::process::id()));
    let path = folder.join("orders.json");
    let (server, serving) = serve()?;

    println!("recorded: {:?}", orders(&session(&path), &server)?);
    serving.join().map_err(|_| "the server failed")?; // from here on there is no server
    println!("replayed: {:?}", orders(&session(&path), &server)?);

    let other = session(&path).get(format!("{server}/invoices")).send().unwrap_err();
    println!("not recorded: {}", other.to_string().contains("/invoices"));

    let file = std::fs::read_to_string(&path)?;
    println!("secrets in the file: {}", file.contains("correct") || file.contains("s3cr3t"));
    for line in file.lines().filter(|line| line.contains("\"body\"") || line.contains("ookie:")) {
        println!("{}", line.trim());
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// A server for two requests; returns its address.
fn serve() -> std::io::Result<(String, JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    let serving = thread::spawn(move || {
        for mut stream in listener.incoming().take(2).flatten() {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let is_login = lines.next().is_some_and(|line| line.starts_with("POST"));
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let (header, body) = match is_login {
                true => ("Set-Cookie: session=s3cr3t; HttpOnly", "{\"token\": \"s3cr3t\"}"),
                false => ("Content-Type: application/json", "[\"tea\", \"cups\"]"),
            };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\n{header}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            );
        }
    });
    Ok((address, serving))
}
