//! The checksum of a download, computed while it is written.

use crate::error::Result;

/// What a download must have as its checksum.
pub(super) trait Checksum: Send {
    /// Forgets what was added.
    fn restart(&mut self);

    fn add(&mut self, bytes: &[u8]);

    /// Whether what was added has the checksum.
    fn finish(&mut self) -> Result<()>;
}

#[cfg(feature = "digest")]
pub(super) use sha256::of_hex;

#[cfg(feature = "digest")]
mod sha256 {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::error::{Error, ErrorKind};

    struct Wanted {
        hex: String,
        hash: Sha256,
    }

    /// SHA-256, from 64 hexadecimal digits.
    pub(in super::super) fn of_hex(text: &str) -> Result<Box<dyn Checksum>> {
        let hex = text.trim().to_ascii_lowercase();
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let text = format!("a SHA-256 has 64 hexadecimal digits, which {text:?} has not");
            return Err(Error::message(ErrorKind::InvalidSetting, text));
        }
        Ok(Box::new(Wanted { hex, hash: Sha256::new() }))
    }

    impl Checksum for Wanted {
        fn restart(&mut self) {
            self.hash = Sha256::new();
        }

        fn add(&mut self, bytes: &[u8]) {
            self.hash.update(bytes);
        }

        fn finish(&mut self) -> Result<()> {
            use std::fmt::Write as _;

            let mut got = String::with_capacity(64);
            for byte in self.hash.finalize_reset() {
                write!(got, "{byte:02x}").expect("a String takes any text");
            }
            if got == self.hex {
                return Ok(());
            }
            let text = format!("the SHA-256 of the download is {got}, not {}", self.hex);
            Err(Error::message(ErrorKind::ChecksumMismatch, text))
        }
    }
}
