//! Opens a file so that no other process, and nobody else in this one, opens it so too.
//!
//! On Unix this is an advisory lock (`flock`), which the system takes back when the process ends, however it ends. On Windows
//! nobody else may open the file for writing.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// What became of an attempt to have a file alone.
#[derive(Debug)]
pub(super) enum Opened {
    Alone(File),
    /// Someone else has it, or the file system cannot tell.
    Taken,
}

/// Opens the file at `path` for reading and writing; makes it, with `mode`, if `new` is set.
pub(super) fn open(path: &Path, new: bool, mode: u32) -> io::Result<Opened> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(new);
    system::open(&mut options, path, mode)
}

/// Lets others have the file, before it is closed. A process that was started meanwhile has a copy of the descriptor until it
/// runs its program, and with it the lock.
pub(super) fn release(file: &File) {
    system::release(file);
}

#[cfg(unix)]
mod system {
    use std::os::unix::fs::OpenOptionsExt;

    use super::*;

    pub(super) fn open(options: &mut OpenOptions, path: &Path, mode: u32) -> io::Result<Opened> {
        let file = options.mode(mode).open(path)?;
        Ok(if lock(&file) { Opened::Alone(file) } else { Opened::Taken })
    }

    #[cfg(not(any(target_os = "solaris", target_os = "illumos")))]
    fn lock(file: &File) -> bool {
        use rustix::fs::{FlockOperation, flock};

        flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
    }

    #[cfg(not(any(target_os = "solaris", target_os = "illumos")))]
    pub(super) fn release(file: &File) {
        use rustix::fs::{FlockOperation, flock};

        let _ = flock(file, FlockOperation::Unlock);
    }

    /// Locks there belong to the process, so that two threads of it would both have the file.
    #[cfg(any(target_os = "solaris", target_os = "illumos"))]
    fn lock(_: &File) -> bool {
        false
    }

    #[cfg(any(target_os = "solaris", target_os = "illumos"))]
    pub(super) fn release(_: &File) {}
}

#[cfg(windows)]
mod system {
    use std::os::windows::fs::OpenOptionsExt;

    use super::*;

    /// FILE_SHARE_READ and FILE_SHARE_DELETE: others may read it, and it can be renamed while it is open.
    const READ_AND_RENAME: u32 = 1 | 4;
    const ERROR_SHARING_VIOLATION: i32 = 32;

    pub(super) fn open(options: &mut OpenOptions, path: &Path, _: u32) -> io::Result<Opened> {
        match options.share_mode(READ_AND_RENAME).open(path) {
            Ok(file) => Ok(Opened::Alone(file)),
            Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => Ok(Opened::Taken),
            Err(error) => Err(error),
        }
    }

    pub(super) fn release(_: &File) {}
}

#[cfg(not(any(unix, windows)))]
mod system {
    use super::*;

    pub(super) fn open(_: &mut OpenOptions, _: &Path, _: u32) -> io::Result<Opened> {
        Ok(Opened::Taken)
    }

    pub(super) fn release(_: &File) {}
}
