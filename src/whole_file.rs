//! Files that are written completely or not at all.
//!
//! A regular file is written under a short temporary name beside its target and renamed when it is complete; until then an
//! existing file is unchanged. Links are followed to the file that they name. What is not a regular file (a FIFO, a device)
//! cannot be replaced and is written to directly.
//!
//! The rule that keeps it sound: the partial file is never readable by anyone who could not read the finished one.

mod lock;
mod part_file;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::{Clock, SystemClock};

pub(crate) use part_file::PartFile;

/// The mode of a file that only its owner may read.
pub(crate) const PRIVATE: u32 = 0o600;

/// The mode of a file that is as open as the umask lets files be.
pub(crate) const USUAL: u32 = 0o666;

/// A file that is being written. Dropped before [`commit`](Self::commit), it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct WholeFile {
    file: File,
    /// Where it is written and where it goes; `None` for what is written in place.
    moved: Option<Move>,
}

#[derive(Debug)]
struct Move {
    partial: PathBuf,
    target: PathBuf,
    /// About the file that was there before.
    replaced: Option<fs::Metadata>,
}

impl WholeFile {
    /// Begins to write the file at `path`. An existing file keeps its mode; a new one is created with `mode`, less the
    /// process's umask, where the system has modes.
    pub(crate) fn create(path: &Path, mode: u32) -> io::Result<Self> {
        let Some((target, replaced)) = replaceable(path)? else {
            // In a FIFO or a device there is nothing to truncate.
            let truncate = fs::metadata(path)?.is_file();
            let file = OpenOptions::new().write(true).truncate(truncate).open(path)?;
            return Ok(Self { file, moved: None });
        };
        Self::beside(target, mode, replaced)
    }

    /// Begins to write what takes the place of whatever stands at `target` then: a link is replaced, not followed, and a FIFO
    /// is not waited for.
    fn beside(target: PathBuf, mode: u32, replaced: Option<fs::Metadata>) -> io::Result<Self> {
        let mode = replaced.as_ref().map_or(mode, private);
        for _ in 0..ATTEMPTS {
            // The target's own name may leave no room for a longer one.
            let partial = target.with_file_name(format!(".{:016x}.part", fastrand::u64(..)));
            match open_new(&partial, mode) {
                Ok(file) => return Ok(Self { file, moved: Some(Move { partial, target, replaced }) }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Puts the file in its place.
    pub(crate) fn commit(mut self) -> io::Result<()> {
        self.file.flush()?;
        let Some(moved) = &self.moved else { return Ok(()) };
        put_in_place(&self.file, moved)?;
        self.moved = None;
        Ok(())
    }

    /// Whether what was written can be taken back.
    pub(crate) fn can_restart(&self) -> bool {
        self.moved.is_some()
    }

    /// Begins anew. What is written in place (a FIFO, a device) cannot take back what it was given.
    pub(crate) fn restart(&mut self) -> io::Result<()> {
        if self.moved.is_none() {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "what was written there cannot be taken back"));
        }
        self.file.set_len(0)?;
        self.file.rewind()
    }
}

/// Gives a complete file its name, with the owner and mode of the one that it replaces.
fn put_in_place(file: &File, moved: &Move) -> io::Result<()> {
    let Move { partial, target, replaced } = moved;
    if let Some(replaced) = replaced {
        keep_owner_and_mode(file, replaced)?;
    }
    file.sync_all()?;
    rename(partial, target)?;
    sync_directory(target);
    Ok(())
}

/// Renames, also over a file that another thread or program (a virus scanner, an indexer) has open for a moment: Windows
/// refuses that with one of these errors, so it is tried again for a second.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    const ACCESS_DENIED: i32 = 5;
    const SHARING_VIOLATION: i32 = 32;
    const PAUSE: Duration = Duration::from_millis(20);

    for _ in 0..50 {
        match fs::rename(from, to) {
            Err(error) if cfg!(windows) && matches!(error.raw_os_error(), Some(ACCESS_DENIED | SHARING_VIOLATION)) => {
                SystemClock.sleep(PAUSE);
            }
            done => return done,
        }
    }
    fs::rename(from, to)
}

/// The regular file that writing to `path` makes or replaces, and what is there now; `None` for what is written in place.
fn replaceable(path: &Path) -> io::Result<Option<(PathBuf, Option<fs::Metadata>)>> {
    let replaced = match fs::metadata(path) {
        Ok(found) if !found.is_file() => return Ok(None),
        Ok(_) if is_open_elsewhere(&end_of_links(path)?) => return Ok(None),
        // A file that must not be written to must not be replaced either.
        Ok(found) => OpenOptions::new().write(true).open(path).map(|_| Some(found))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let target = end_of_links(path)?;
    if target.file_name().is_none() || ends_in_separator(&target) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path has no file name"));
    }
    Ok(Some((target, replaced)))
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Some(Move { partial, .. }) = &self.moved {
            // Nothing can be done about a file that cannot be deleted, and it does not stand under the target's name.
            let _ = fs::remove_file(partial);
        }
    }
}

/// How often another name is tried: one that is taken is very unlikely.
const ATTEMPTS: usize = 16;

/// How many links lead to a file at most, as Linux counts.
const MAX_LINKS: usize = 40;

/// The path at the end of the links from `path`, whether it exists or not.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..=MAX_LINKS {
        // What a link there leads to is not a path.
        if is_open_elsewhere(&target) {
            return Ok(target);
        }
        match fs::read_link(&target) {
            Ok(next) => target = target.parent().unwrap_or(Path::new("")).join(next),
            // Not a link, or nothing there.
            Err(_) => return Ok(target),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "too many symbolic links"))
}

/// Whether a path names a file that a process has open. That process would continue with the old file, so the file is
/// written to, not replaced.
fn is_open_elsewhere(path: &Path) -> bool {
    cfg!(unix) && ["/proc", "/dev/fd"].iter().any(|folder| path.starts_with(folder))
}

/// Whether a path names a folder by the way it is written.
fn ends_in_separator(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().last().is_some_and(|&byte| std::path::is_separator(byte.into()))
}

/// The mode of what is written in the place of `replaced`, until it is complete.
#[cfg(unix)]
fn private(replaced: &fs::Metadata) -> u32 {
    use std::os::unix::fs::MetadataExt;

    replaced.mode() & PRIVATE
}

#[cfg(not(unix))]
fn private(_: &fs::Metadata) -> u32 {
    PRIVATE
}

#[cfg(unix)]
fn open_new(partial: &Path, mode: u32) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    OpenOptions::new().write(true).create_new(true).mode(mode).open(partial)
}

#[cfg(not(unix))]
fn open_new(partial: &Path, _: u32) -> io::Result<File> {
    File::create_new(partial)
}

#[cfg(unix)]
fn keep_owner_and_mode(file: &File, replaced: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    let own = file.metadata()?;
    if own.uid() != replaced.uid() {
        // Only root may give a file away; without that the new file is its writer's, as any new file is.
        let _ = fchown(file, Some(replaced.uid()), None);
    }
    // The set-user-ID and set-group-ID bits were given to the old content only.
    let mut mode = replaced.mode() & 0o777;
    if own.gid() != replaced.gid() && fchown(file, None, Some(replaced.gid())).is_err() {
        // The file has another group than the old one, so the group may do no more than everybody else.
        mode = mode & 0o707 | mode & (mode & 0o007) << 3;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))
}

/// Makes the new name durable too, on file systems that can.
#[cfg(unix)]
fn sync_directory(target: &Path) {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) {}

#[cfg(not(unix))]
fn keep_owner_and_mode(file: &File, replaced: &fs::Metadata) -> io::Result<()> {
    file.set_permissions(replaced.permissions())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temp_dir::TempDir;

    fn write(path: &Path, content: &[u8]) -> io::Result<()> {
        let mut file = WholeFile::create(path, PRIVATE)?;
        file.write_all(content)?;
        file.commit()
    }

    fn names(folder: &TempDir) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_there_when_it_is_whole_and_leaves_no_other() {
        let folder = TempDir::new();
        let long = "n".repeat(255);
        let all = if folder.takes_long_names() { &["new", &long][..] } else { &["new"] };
        for name in all {
            let path = folder.path().join(name);

            let mut file = WholeFile::create(&path, PRIVATE).unwrap();
            file.write_all(b"1").unwrap();
            assert!(!path.exists());
            file.commit().unwrap();

            assert_eq!(fs::read(&path).unwrap(), b"1");
            write(&path, b"22").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"22");
        }
        assert_eq!(names(&folder), all);
    }

    #[test]
    fn a_file_that_is_given_up_leaves_the_old_one() {
        let folder = TempDir::new();
        let path = folder.file("kept", "old");

        let mut file = WholeFile::create(&path, PRIVATE).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);

        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(&folder), ["kept"]);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error_without_litter() {
        let folder = TempDir::new();
        fs::create_dir(folder.path().join("folder")).unwrap();

        assert!(write(&folder.path().join("folder"), b"1").is_err());
        assert_eq!(write(&folder.path().join("no/such"), b"1").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(write(Path::new(""), b"1").is_err());
        assert!(write(Path::new(".."), b"1").is_err());
        assert!(write(&folder.path().join("folder/"), b"1").is_err());
        assert!(write(&folder.path().join("new/"), b"1").is_err());
        assert_eq!(names(&folder), ["folder"]);
    }

    #[cfg(unix)]
    mod on_unix {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

        use super::*;

        fn mode(path: &Path) -> u32 {
            fs::metadata(path).unwrap().mode() & 0o7777
        }

        #[test]
        fn the_mode_is_kept_and_the_partial_file_is_the_owners_alone() {
            let folder = TempDir::new();
            for bits in [0o600, 0o640, 0o644, 0o666, 0o200] {
                let path = folder.file("file", "old");
                fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();

                let file = WholeFile::create(&path, PRIVATE).unwrap();
                let partial = names(&folder).into_iter().find(|name| name.ends_with(".part")).unwrap();
                assert_eq!(mode(&folder.path().join(partial)), bits & 0o600);
                file.commit().unwrap();

                assert_eq!(mode(&path), bits);
                fs::remove_file(&path).unwrap();
            }
            write(&folder.path().join("new"), b"1").unwrap();
            assert_eq!(mode(&folder.path().join("new")), 0o600);
        }

        #[test]
        fn links_are_followed_also_to_what_is_not_there_yet() {
            let folder = TempDir::new();
            let elsewhere = TempDir::new();
            let target = elsewhere.file("target", "old");
            let at = |name: &str| folder.path().join(name);
            symlink(&target, at("absolute")).unwrap();
            symlink("absolute", at("relative")).unwrap();
            symlink("new", at("dangling")).unwrap();
            symlink("round", at("round")).unwrap();

            write(&at("relative"), b"1").unwrap();
            write(&at("dangling"), b"2").unwrap();
            assert!(write(&at("round"), b"3").is_err());

            assert_eq!((fs::read(&target).unwrap(), fs::read(at("new")).unwrap()), (b"1".to_vec(), b"2".to_vec()));
            assert!(fs::symlink_metadata(at("relative")).unwrap().is_symlink());
            assert_eq!(names(&folder), ["absolute", "dangling", "new", "relative", "round"]);
            assert_eq!(names(&elsewhere), ["target"]);
        }

        #[test]
        fn what_is_no_regular_file_is_written_to() {
            let folder = TempDir::new();
            symlink("/dev/null", folder.path().join("null")).unwrap();

            write(&folder.path().join("null"), b"1").unwrap();
            write(Path::new("/dev/null"), b"1").unwrap();

            assert_eq!(names(&folder), ["null"]);
            assert!(!fs::metadata("/dev/null").unwrap().is_file());
        }
    }
}
