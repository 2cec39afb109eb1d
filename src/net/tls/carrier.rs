//! What a TLS library reads from and writes to: the transport below, watched during the handshake.
//!
//! The transport's limits apply to each read and write, so a slow peer cannot prolong a handshake. The watch records what the
//! libraries' errors hide: that the time was up, how the connection broke, whether the first bytes were HTTP. After
//! [`release`](Carrier::release) the library uses the transport directly.

use std::io::{self, Read, Write};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{TlsError, TlsErrorKind};
use crate::net::transport::{Transport, is_dead_peer, is_timeout};

pub(in crate::net) struct Carrier {
    pub(in crate::net) transport: Transport,
    /// While the handshake runs.
    watch: Option<Watch>,
}

/// What has happened on the wire so far. It is shared, because a library that fails drops its stream.
#[derive(Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    first: Vec<u8>,
    trouble: Option<Trouble>,
}

#[derive(Clone, Copy)]
enum Trouble {
    Expired,
    /// While reading: the handshake cannot continue.
    Broken(io::ErrorKind),
    /// While writing: possibly only the alert about another error.
    Unsent(io::ErrorKind),
}

impl Carrier {
    pub(super) fn new(transport: Transport) -> Self {
        Self { transport, watch: Some(Watch::default()) }
    }

    pub(super) fn watch(&self) -> Watch {
        self.watch.clone().unwrap_or_default()
    }

    /// The handshake is over.
    pub(super) fn release(&mut self) {
        self.watch = None;
    }

    /// Records what went wrong. A timeout becomes `WouldBlock`, which every library passes on.
    fn note<T>(&self, result: io::Result<T>, trouble: impl FnOnce(io::ErrorKind) -> Trouble) -> io::Result<T> {
        let Some(watch) = &self.watch else { return result };
        result.map_err(|error| {
            if is_timeout(&error) && !is_dead_peer(&error) {
                watch.met(Trouble::Expired);
                return io::ErrorKind::WouldBlock.into();
            }
            watch.met(trouble(error.kind()));
            error
        })
    }
}

impl Read for Carrier {
    #[inline]
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.transport.read(out);
        if self.watch.is_none() {
            return read;
        }
        let read = self.note(read, Trouble::Broken)?;
        if let Some(watch) = &self.watch {
            watch.saw(&out[..read]);
        }
        Ok(read)
    }
}

impl Write for Carrier {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.transport.write(bytes);
        if self.watch.is_none() { written } else { self.note(written, Trouble::Unsent) }
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        self.transport.flush()
    }
}

impl Watch {
    /// The first trouble is the cause of all others.
    fn met(&self, trouble: Trouble) {
        self.0.lock().trouble.get_or_insert(trouble);
    }

    fn saw(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return self.met(Trouble::Broken(io::ErrorKind::UnexpectedEof));
        }
        let mut seen = self.0.lock();
        if seen.first.len() < HTTP.len() {
            let wanted = HTTP.len() - seen.first.len();
            seen.first.extend_from_slice(&bytes[..bytes.len().min(wanted)]);
        }
    }

    /// `error`, or the better explanation that was seen on the wire.
    pub(super) fn explain(&self, error: TlsError) -> TlsError {
        let seen = self.0.lock();
        // A certificate that does not verify is the cause, whatever the peer did afterwards.
        if error.is_verification() || error.kind() == TlsErrorKind::ClientCertificateRequired {
            return error;
        }
        if seen.first.eq_ignore_ascii_case(HTTP) {
            return TlsError::new(TlsErrorKind::NotTls, "the server answered in plain HTTP");
        }
        match seen.trouble {
            Some(Trouble::Expired) => TlsError::new(TlsErrorKind::Expiry, "the handshake took too long"),
            Some(Trouble::Broken(io::ErrorKind::UnexpectedEof)) => TlsError::new(
                TlsErrorKind::Broken(io::ErrorKind::UnexpectedEof),
                "the peer closed the connection during the handshake",
            ),
            Some(Trouble::Broken(kind)) => broken(kind),
            Some(Trouble::Unsent(kind)) if error.kind() == TlsErrorKind::Other => broken(kind),
            Some(Trouble::Unsent(_)) | None => error,
        }
    }
}

fn broken(kind: io::ErrorKind) -> TlsError {
    TlsError::new(TlsErrorKind::Broken(kind), format!("the connection broke during the handshake: {kind}"))
}

const HTTP: &[u8] = b"HTTP/";

#[cfg(all(test, any(feature = "native-tls", feature = "rustls")))]
mod tests {
    use super::*;

    #[test]
    fn the_wire_explains_what_the_library_cannot() {
        let gone = io::ErrorKind::ConnectionReset;
        let eof = io::ErrorKind::UnexpectedEof;
        for (troubles, first, error, want) in [
            (&[][..], &b"\x16\x03"[..], TlsErrorKind::Refused, TlsErrorKind::Refused),
            (&[], b"http/1.0 400", TlsErrorKind::Other, TlsErrorKind::NotTls),
            (&[Trouble::Expired], b"", TlsErrorKind::Other, TlsErrorKind::Expiry),
            (&[Trouble::Broken(gone)], b"", TlsErrorKind::Other, TlsErrorKind::Broken(gone)),
            (&[Trouble::Broken(eof), Trouble::Unsent(gone)], b"", TlsErrorKind::Other, TlsErrorKind::Broken(eof)),
            (&[Trouble::Unsent(gone)], b"", TlsErrorKind::Other, TlsErrorKind::Broken(gone)),
            (&[Trouble::Unsent(gone)], b"", TlsErrorKind::Refused, TlsErrorKind::Refused),
            (&[Trouble::Broken(gone)], b"", TlsErrorKind::Expired, TlsErrorKind::Expired),
        ] {
            let watch = Watch::default();
            for byte in first {
                watch.saw(&[*byte]);
            }
            for trouble in troubles {
                watch.met(*trouble);
            }

            assert_eq!(watch.explain(TlsError::new(error, "x")).kind(), want, "{first:?} {error:?}");
        }
    }
}
