//! A connection as the adapter uses it and as its pool keeps it; the probe of an idle one.

use crate::net::Transport;
use crate::pool::Pooled;

/// An open connection, as its pool keeps it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) transport: Transport,
    /// Its number in the pool, from 1. A slot that is connected again keeps it.
    pub(super) number: u64,
}

impl Pooled for Connection {
    fn is_stale(&mut self) -> bool {
        self.transport.is_stale()
    }

    fn free_port_at_close(&mut self) {
        self.transport.reset_at_close();
    }
}

/// Over TLS the peer gets a close_notify, so that it does not take the end for an attack.
impl Drop for Connection {
    fn drop(&mut self) {
        if self.transport.is_tls() {
            self.transport.shutdown();
        }
    }
}
