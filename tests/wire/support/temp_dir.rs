//! Directories of one test's own.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that goes with the value. Its name has a blank, as users' names have.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        Self::named("petition test")
    }

    /// One whose name begins like this, for programs that take no blank.
    pub fn named(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("{name}-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path); // of an earlier run that was killed
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file and returns its path.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Whether names of 255 bytes can be made there, as on most file systems. If not, it says that something is skipped.
    pub fn takes_long_names(&self) -> bool {
        let path = self.0.join("n".repeat(255));
        let takes = std::fs::write(&path, "").and_then(|()| std::fs::remove_file(&path)).is_ok();
        if !takes {
            eprintln!("skipped: {} takes no name of 255 bytes", self.0.display());
        }
        takes
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The names of what is in it.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
