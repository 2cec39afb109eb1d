//! TLS on the server's side of a test.
#![cfg(any(feature = "native-tls", feature = "rustls"))]

use std::io::{self, Read, Write};

use petition::TlsBackend;
use petition::testing::Peer;

/// The TLS libraries of this build.
pub fn backends() -> Vec<TlsBackend> {
    vec![
        #[cfg(feature = "native-tls")]
        TlsBackend::NativeTls,
        #[cfg(feature = "rustls")]
        TlsBackend::Rustls,
    ]
}

/// A script's connection as a stream, to speak TLS over.
pub struct Inner<'p>(pub &'p mut Peer);

impl Read for Inner<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.0.read_some(out.len());
        out[..got.len()].copy_from_slice(&got);
        Ok(got.len())
    }
}

impl Write for Inner<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An acceptor for `leaf`.
#[cfg(feature = "native-tls")]
pub fn acceptor(leaf: &super::Leaf) -> native_tls::TlsAcceptor {
    let identity = native_tls::Identity::from_pkcs8(leaf.cert.as_bytes(), leaf.key.as_bytes()).unwrap();
    native_tls::TlsAcceptor::new(identity).unwrap()
}
