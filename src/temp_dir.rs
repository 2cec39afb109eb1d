//! A temporary folder for the tests beside the code.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder that is deleted, with its contents, when the value is dropped.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> Self {
        let name = format!("petition-{}-{:016x}", std::process::id(), fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Whether names of 255 bytes can be made there, as on most file systems. If not, it says that something is skipped.
    pub(crate) fn takes_long_names(&self) -> bool {
        let path = self.0.join("n".repeat(255));
        let takes = fs::write(&path, "").and_then(|()| fs::remove_file(&path)).is_ok();
        if !takes {
            eprintln!("skipped: {} takes no name of 255 bytes", self.0.display());
        }
        takes
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
