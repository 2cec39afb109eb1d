//! The authority of one test server, which signs the certificates of that server and of its clients.

use std::io::Write;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::authority::{Authority, Leaf};

pub(super) struct OwnAuthority {
    authority: Authority,
    file: OnceLock<TempFile>,
}

impl OwnAuthority {
    pub(super) fn new() -> Self {
        Self { authority: Authority::new("petition test authority"), file: OnceLock::new() }
    }

    /// Its own certificate.
    pub(super) fn pem(&self) -> &str {
        &self.authority.pem
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.authority.der
    }

    /// Its own certificate as a file, which goes with it.
    pub(super) fn file(&self) -> PathBuf {
        self.file.get_or_init(|| TempFile::new(self.pem())).0.clone()
    }

    /// A server on this machine.
    pub(super) fn server(&self) -> Leaf {
        self.authority.leaf(&["localhost", "127.0.0.1", "::1"])
    }

    pub(super) fn client(&self) -> Leaf {
        self.authority.leaf(&["client"])
    }
}

/// A file that is deleted with the value.
struct TempFile(PathBuf);

impl TempFile {
    fn new(content: &str) -> Self {
        let name = format!("petition-ca-{}-{:016x}.pem", std::process::id(), fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        let written = std::fs::File::create_new(&path).and_then(|mut file| file.write_all(content.as_bytes()));
        written.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        Self(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
