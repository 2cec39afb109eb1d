//! What the tests of requests and responses share: sessions that do not look at the environment, expected bytes, a way to
//! give a local server any name.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::{self, Read};
use std::net::SocketAddr;

use petition::testing::{Peer, Reply, TestRequest, TestServer};
use petition::{HttpAdapter, HttpAdapterBuilder, Session};

/// A session that the environment of the test run cannot change.
pub fn session() -> Session {
    let mut session = Session::new();
    session.trust_env = false;
    session
}

/// A session with an adapter for both schemes.
pub fn session_with(adapter: HttpAdapter) -> Session {
    let mut session = session();
    session.mount("http://", adapter.clone());
    session.mount("https://", adapter);
    session
}

/// An adapter that finds every host, whatever its name and port, at `server`.
pub fn everywhere(server: &TestServer) -> HttpAdapterBuilder {
    let address: SocketAddr = server.address();
    HttpAdapter::builder().resolver(move |_: &str, _: u16| Ok(vec![address]))
}

/// A session for which every host is at `server`.
pub fn session_at(server: &TestServer) -> Session {
    session_with(everywhere(server).build())
}

/// A server that says `200` to everything.
pub fn ok() -> TestServer {
    TestServer::http(|_| Reply::new(200).body("ok"))
}

/// A script that says `200` to everything, for a server's builder.
pub fn say_ok(peer: &mut Peer) {
    while peer.read_request().is_some() {
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
}

/// A server that gives the same bytes to each request.
pub fn fixed(bytes: impl Into<Vec<u8>>) -> TestServer {
    let bytes = bytes.into();
    TestServer::http(move |_| Reply::raw(bytes.clone()))
}

/// A server that gives the same bytes to each connection's request, and closes.
pub fn once(bytes: impl Into<Vec<u8>>) -> TestServer {
    let bytes = bytes.into();
    TestServer::connections(move |peer: &mut Peer| {
        if peer.read_request().is_some() {
            peer.send(&bytes);
        }
    })
}

/// The expected bytes of a request: `{host}`, `{ua}` and `{ae}` are filled in, lines of the head end in CR LF, and the
/// empty line is added.
pub fn expected(server: &TestServer, head: &str, body: &str) -> String {
    let defaults = Session::new().headers;
    let head = head
        .replace("{host}", &server.address().to_string())
        .replace("{ua}", defaults.get("User-Agent").unwrap())
        .replace("{ae}", defaults.get("Accept-Encoding").unwrap());
    format!("{}\r\n\r\n{body}", head.trim_end().replace('\n', "\r\n"))
}

/// The last request as text, with its body as UTF-8.
pub fn last_text(server: &TestServer) -> String {
    String::from_utf8(server.requests().pop().expect("a request came").raw).expect("the test sends UTF-8")
}

/// The names and values of a request's headers, without the ones that every request has.
pub fn own_headers(request: &TestRequest) -> Vec<(&str, &str)> {
    let usual = ["host", "user-agent", "accept-encoding", "accept", "connection"];
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    headers.filter(|(name, _)| !usual.contains(&name.to_ascii_lowercase().as_str())).collect()
}

/// Gives its pieces one by one, then fails.
pub struct Failing(pub Vec<&'static [u8]>);

impl Read for Failing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::Error::other("the disk is gone"));
        }
        let piece = self.0.remove(0);
        buf[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}
