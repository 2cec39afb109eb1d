//! Servers of one answer, and what they got.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use petition::Session;
use petition::testing::{Peer, Reply, TestRequest, TestServer};

/// A server that says `200` to everything.
pub fn ok() -> TestServer {
    saying("ok")
}

/// A server that says `200` with this body to everything.
pub fn saying(body: &'static str) -> TestServer {
    TestServer::http(move |_| Reply::new(200).body(body))
}

/// A script that says `200` to everything, for a server's builder.
pub fn say_ok(peer: &mut Peer) {
    while peer.read_request().is_some() {
        peer.send(answer("ok"));
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

/// A server that gives `replies` in order, over whatever connections; the last one for ever.
pub fn in_order(replies: impl Into<Vec<Reply>>) -> TestServer {
    let replies = replies.into();
    let turn = AtomicUsize::new(0);
    TestServer::http(move |_| {
        let turn = turn.fetch_add(1, Ordering::Relaxed);
        replies[turn.min(replies.len() - 1)].clone()
    })
}

/// A server that reads a request and says nothing.
pub fn silent() -> TestServer {
    TestServer::connections(|peer| {
        peer.read_request();
        peer.wait_for_close();
    })
}

/// A TLS server for these names, whose certificate nobody but itself has signed.
#[cfg(feature = "native-tls")]
pub fn tls_server(names: &[&str], script: impl Fn(&mut Peer) + Send + Sync + 'static) -> TestServer {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let builder = TestServer::builder().tls(&made.cert.pem(), &made.signing_key.serialize_pem()).unwrap();
    builder.start(script).unwrap()
}

/// The URL of a server that runs `script` on each connection's bare socket, for peers that do not read or that write until it
/// fails. Its threads belong to no one: a connection closes when its script returns.
pub fn bare(script: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> String {
    bare_on(TcpListener::bind("127.0.0.1:0").unwrap(), script)
}

/// The same, on a listener with settings of its own.
pub fn bare_on(listener: TcpListener, script: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> String {
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let script = Arc::new(script);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let script = Arc::clone(&script);
            thread::spawn(move || script(&mut stream));
        }
    });
    url
}

/// Reads nothing until the client has closed or reset the connection.
pub fn hold(stream: &mut TcpStream) {
    // What is peeked at stays where it is, so the window stays as it is, too; then the end is only seen by writing.
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    loop {
        match stream.peek(&mut [0]) {
            Ok(0) => return,
            Ok(_) => thread::sleep(Duration::from_millis(20)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}

/// An address that refuses connections.
pub fn refusing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// A whole answer with a body.
pub fn answer(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A redirect.
pub fn moved(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

/// Reads up to the empty line of a head; `None` at the end.
pub fn read_head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if !matches!(stream.read(&mut byte), Ok(1)) {
            return None;
        }
        head.push(byte[0]);
    }
    Some(head.iter().map(|&byte| char::from(byte)).collect())
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

/// The connection of each request, in order.
pub fn connections(server: &TestServer) -> Vec<usize> {
    server.requests().iter().map(|request| request.connection).collect()
}
