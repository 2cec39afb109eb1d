//! A company's network: a proxy with a password, hosts that are reached without it, and the company's own authority beside
//! those of the system.
//!
//!     cargo run --all-features --example corporate_proxy
//!
//! Often nothing of this has to be in the program: with `trust_env` (the default) a session reads `HTTPS_PROXY`, `NO_PROXY` and
//! `REQUESTS_CA_BUNDLE`. A bundle that is named there replaces the system's authorities; `Verify::system_and` adds to them.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use petition::testing::{Reply, TestServer};
use petition::{Proxies, Session, Verify};

fn corporate(proxy: &str, authority: PathBuf) -> petition::Result<Session> {
    let mut session = Session::new();
    session.trust_env = false; // only what is said here
    session.timeout = (3.05, 27).into();
    session.proxies = Proxies::from_pairs([
        ("http", proxy), // http://user:password@proxy.corp.example:3128
        ("https", proxy),
        ("no_proxy", "127.0.0.0/8,.corp.example"), // addresses, networks, and names with all below them
    ])?;
    session.verify = Verify::system_and(authority); // a PEM file, or its text
    Ok(session)
}

fn main() -> Result<(), Box<dyn Error>> {
    // Outside: a site whose certificate the company's authority has signed. Inside: a plain server.
    let outside = TestServer::https(|_| Reply::new(200).body("a site outside"));
    let inside = TestServer::http(|_| Reply::new(200).body("a page inside"));
    let proxy = Proxy::start()?;
    let site = format!("https://localhost:{}/", outside.address().port());

    let session = corporate(&proxy.url("ada:p%40ss"), outside.ca_file())?;
    println!("outside: {}", session.get(&site).send()?.text()?);
    println!("inside: {}", session.get(inside.url("/")).send()?.text()?);

    // The password does not appear in errors.
    let wrong = corporate(&proxy.url("ada:guess"), outside.ca_file())?.get(&site).send().unwrap_err();
    println!("wrong password: {:?}, shows it: {}", wrong.kind(), format!("{wrong} {wrong:?}").contains("guess"));

    let mut strict = corporate(&proxy.url("ada:p%40ss"), outside.ca_file())?;
    strict.verify = Verify::Yes; // only the system's authorities
    println!("without the company's authority: {:?}", strict.get(&site).send().unwrap_err().kind());

    for line in proxy.seen.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        println!("the proxy saw {line}");
    }
    Ok(())
}

/// A proxy with tunnels (CONNECT) for `ada` and `p@ss`, which brings every name to this machine.
struct Proxy {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let proxy = Self { port: listener.local_addr()?.port(), seen: Arc::clone(&seen) };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                thread::spawn(move || tunnel(&client, &seen));
            }
        });
        Ok(proxy)
    }

    fn url(&self, user: &str) -> String {
        format!("http://{user}@127.0.0.1:{}", self.port)
    }
}

fn tunnel(mut client: &TcpStream, seen: &Mutex<Vec<String>>) -> io::Result<()> {
    // Byte by byte, because what comes after the empty line is the tunnel's.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let is_known = head.contains("Proxy-Authorization: Basic YWRhOnBAc3M=\r\n"); // ada:p@ss
    let host = head.split(' ').nth(1).unwrap_or_default();
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "443"));
    let line = format!("{} to {name}", head.split(' ').next().unwrap_or_default());
    let verdict = if is_known { "let through" } else { "refused" };
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{line}: {verdict}"));
    if !is_known {
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"corp\"\r\n";
        return client.write_all(format!("{refusal}Content-Length: 0\r\n\r\n").as_bytes());
    }
    let server = TcpStream::connect(("127.0.0.1", port.parse().unwrap_or(0)))?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = io::copy(&mut { client }, &mut &server);
            let _ = server.shutdown(Shutdown::Write);
        });
        let _ = io::copy(&mut &server, &mut { client });
        let _ = client.shutdown(Shutdown::Write);
    });
    Ok(())
}
