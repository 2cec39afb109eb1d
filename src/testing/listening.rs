//! A listener and the thread that accepts from it, which can be ended.
//!
//! `accept` waits until somebody connects. To end it by connecting takes a descriptor and a local port, and a test may have
//! used up either on purpose.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;

/// How long to rest after an `accept` that failed: while no descriptor is left, it fails at once, again and again.
pub(super) const REST: Duration = Duration::from_millis(5);

pub(super) struct Listening {
    listener: Arc<TcpListener>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

impl Listening {
    /// Runs `accept` on a thread of its own. It has to return after a connection, or a failure, once it was told to.
    pub(super) fn start(listener: TcpListener, accept: impl FnOnce(&TcpListener) + Send + 'static) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let listener = Arc::new(listener);
        let accepting = {
            let listener = Arc::clone(&listener);
            thread::spawn(move || accept(&listener))
        };
        Ok(Self { listener, address, accepting: Some(accepting) })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets `accept` return once more, and waits for its thread. The thread was told to end before.
    pub(super) fn end(&mut self) {
        // On Linux `accept` fails then. Elsewhere, or without a port, the thread ends when somebody connects.
        let is_shut = cfg!(target_os = "linux") && SockRef::from(&*self.listener).shutdown(Shutdown::Both).is_ok();
        let returns = is_shut || TcpStream::connect(self.address).is_ok();
        if let Some(accepting) = self.accepting.take().filter(|_| returns) {
            let _ = accepting.join();
        }
    }
}
