//! A relay that delivers what a server says byte by byte, as a slow line does.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How long such a line takes for each byte.
pub const DRIP: Duration = Duration::from_millis(50);

/// When a line becomes slow: it is fast until it is told, and then drips.
#[derive(Clone, Default)]
pub struct Tap(Arc<AtomicBool>);

impl Tap {
    pub fn drip(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A relay to `server`: once the tap drips, the next `bytes` from it come one by one; what is behind them comes at once, or
/// never if `then_stalls`.
pub fn relay(server: SocketAddr, tap: &Tap, bytes: usize, then_stalls: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let tap = tap.clone();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect(server) else { return };
            let (up, tap) = ((client.try_clone().unwrap(), server.try_clone().unwrap()), tap.clone());
            thread::spawn(move || {
                let (mut client, mut server) = up;
                let _ = std::io::copy(&mut client, &mut server);
                server.shutdown(Shutdown::Both)
            });
            thread::spawn(move || {
                let (mut client, mut server) = (client, server);
                let _ = deliver(&mut server, &mut client, &tap, bytes, then_stalls);
                client.shutdown(Shutdown::Both)
            });
        }
    });
    address
}

fn deliver(
    server: &mut TcpStream,
    client: &mut TcpStream,
    tap: &Tap,
    mut bytes: usize,
    then_stalls: bool,
) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let read = server.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        let mut rest = &buffer[..read];
        if tap.0.load(Ordering::SeqCst) {
            let (dripping, at_once) = rest.split_at(read.min(bytes));
            bytes -= dripping.len();
            for byte in dripping {
                thread::sleep(DRIP);
                client.write_all(&[*byte])?;
            }
            rest = if then_stalls { &[] } else { at_once };
        }
        client.write_all(rest)?;
    }
}
