//! Proxies that open tunnels.
#![cfg(feature = "native-tls")]

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use petition::testing::Peer;

use super::{Inner, Journal, read_head};

/// A proxy that carries each tunnel to where `place` finds CONNECT's target; the heads of the CONNECTs.
pub fn tunnels(place: impl Fn(&str) -> Option<SocketAddr> + Clone + Send + 'static) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, asked) = mpsc::channel();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let (tell, place) = (tell.clone(), place.clone());
            thread::spawn(move || carry(client, &tell, place));
        }
    });
    (address, asked)
}

fn carry(mut client: TcpStream, tell: &Sender<String>, place: impl Fn(&str) -> Option<SocketAddr>) -> Option<()> {
    let head = read_head(&mut client)?;
    let mut server = TcpStream::connect(place(head.split(' ').nth(1)?)?).ok()?;
    tell.send(head).ok()?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
    let (mut from_server, mut to_client) = (server.try_clone().ok()?, client.try_clone().ok()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        to_client.shutdown(Shutdown::Both)
    });
    io::copy(&mut client, &mut server).ok()?;
    server.shutdown(Shutdown::Both).ok()
}

/// The script of a proxy that opens a tunnel for each CONNECT, and at its end is the origin itself: what is forwarded and
/// what comes out of a tunnel is answered by `answer`, which gets who is asked (`proxy`, or CONNECT's target) and the head.
pub fn proxy(
    acceptor: native_tls::TlsAcceptor,
    journal: Journal,
    answer: impl Fn(&str, &str) -> String + Send + Sync + 'static,
) -> impl Fn(&mut Peer) + Send + Sync + 'static {
    move |peer| {
        while let Some(request) = peer.read_request() {
            journal.add("proxy", request.raw_text());
            if request.method != "CONNECT" {
                peer.send(answer("proxy", &request.raw_text()));
                continue;
            }
            peer.send("HTTP/1.1 200 Connection established\r\nX-Of-The-Proxy: yes\r\n\r\n");
            let Ok(mut tls) = acceptor.accept(Inner(peer)) else { return };
            while let Some(head) = read_head(&mut tls) {
                journal.add(&*request.target, &*head);
                if tls.write_all(answer(&request.target, &head).as_bytes()).is_err() {
                    return;
                }
            }
            return;
        }
    }
}
