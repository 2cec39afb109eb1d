//! Files that are written in several runs of a program, and get their name when they are complete.
//!
//! What there is of `name` stands beside it as `name.part`, and what is known about it, a short text of the writer's, as
//! `name.part.state`. The rule that keeps it sound: only who has the lock of the part writes to either, and only while
//! `name.part` is still that file. Who finishes renames the part, and who waited for it has the finished file in hand, which it
//! must not touch. What an earlier run has left is gone on with only if it is as private as what would be begun now. What another
//! user has left is not touched, and may be in the way: then there is no part to be had.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::lock::{self, Opened};
use super::{ATTEMPTS, Move, PRIVATE, WholeFile, put_in_place, replaceable};

/// A file that is written in several runs. Dropped before [`commit`](Self::commit), it stays as a part if there is anything
/// of it.
#[derive(Debug)]
pub(crate) struct PartFile {
    file: File,
    moved: Move,
    state: PathBuf,
    is_done: bool,
}

/// More than this is no text of ours.
const MOST_STATE: u64 = 16 * 1024;

impl PartFile {
    /// Opens the part of the file at `path`, or begins one. `None` if there is no part to be had: someone else is writing it, it
    /// belongs to another user or may not be written to, what stands in the place of its note cannot be removed, the file cannot
    /// be replaced (a FIFO, a device), or its name leaves no room for a longer one.
    pub(crate) fn open(path: &Path, mode: u32) -> io::Result<Option<Self>> {
        let Some((target, replaced)) = replaceable(path)? else { return Ok(None) };
        let beside = |suffix: &str| {
            let mut name = target.file_name().unwrap_or_default().to_owned();
            name.push(suffix);
            target.with_file_name(name)
        };
        let (partial, state) = (beside(".part"), beside(".part.state"));
        if is_too_long(&state) {
            return Ok(None);
        }
        let mode = replaced.as_ref().map_or(mode, super::private);
        for _ in 0..ATTEMPTS {
            // A new file is never made through a link that someone else has put there.
            let (opened, is_old) = match lock::open(&partial, false, mode) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => (lock::open(&partial, true, mode), false),
                opened => (opened, true),
            };
            match opened {
                Ok(Opened::Taken) => return Ok(None),
                Ok(Opened::Alone(file)) => match is_at(&file, &partial)? {
                    Place::Same if is_old && !make_private(&file, &partial, mode)? => {
                        lock::release(&file);
                        return Ok(None);
                    }
                    Place::Same => {
                        let moved = Move { partial, target, replaced };
                        let part = Self { file, moved, state, is_done: false };
                        // If not, dropping it removes what was begun.
                        return Ok(part.has_room_for_note().then_some(part));
                    }
                    // Its writer has finished or given up meanwhile.
                    Place::Gone => {}
                    Place::NoFile => return Err(no_file(&partial)),
                },
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) if is_old => match refused(error, &partial)? {
                    Place::Same => return Ok(None),
                    Place::Gone => {}
                    Place::NoFile => return Err(no_file(&partial)),
                },
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// How much of the file there is.
    pub(crate) fn length(&self) -> io::Result<u64> {
        self.file.metadata().map(|found| found.len())
    }

    /// What the last writer noted; `None` if it noted nothing.
    pub(crate) fn state(&self) -> Option<String> {
        let mut text = String::new();
        // Opening a FIFO would wait.
        fs::symlink_metadata(&self.state).ok().filter(|found| found.is_file())?;
        let file = File::open(&self.state).ok()?;
        file.take(MOST_STATE).read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// Whether a note can be put beside the part. A file that is not its owner's is no note of this part, nor is a link or a
    /// FIFO: that is removed, which others may not do in a folder such as `/tmp`.
    fn has_room_for_note(&self) -> bool {
        match fs::symlink_metadata(&self.state) {
            Ok(found) if found.is_file() && is_own(&self.file, &found) => true,
            Ok(_) => fs::remove_file(&self.state).is_ok(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// Begins anew, and notes what is known about what will be written.
    pub(crate) fn restart(&mut self, state: Option<&str>) -> io::Result<()> {
        self.check_place()?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        let Some(text) = state else { return absent(fs::remove_file(&self.state)) };
        let mut note = WholeFile::beside(self.state.clone(), PRIVATE, None)?;
        note.write_all(text.as_bytes())?;
        note.commit()?;
        self.check_place().inspect_err(|_| {
            // Another writer began meanwhile, and may have lost its note to this one, which must not stay with its part.
            let _ = fs::remove_file(&self.state);
        })
    }

    /// Calls `each` with what was written from `from` up to `to`; the next write is at `to`.
    pub(crate) fn read_back(&mut self, from: u64, to: u64, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(from))?;
        let mut left = to.saturating_sub(from);
        let mut piece = vec![0; 64 * 1024];
        while left > 0 {
            let wanted = left.min(piece.len() as u64) as usize;
            self.file.read_exact(&mut piece[..wanted])?;
            each(&piece[..wanted]);
            left -= wanted as u64;
        }
        Ok(())
    }

    /// Cuts off what is behind `length`; the next write is there.
    pub(crate) fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(length)).map(drop)
    }

    /// Puts the file in its place.
    pub(crate) fn commit(mut self) -> io::Result<()> {
        self.check_place()?;
        put_in_place(&self.file, &self.moved)?;
        self.is_done = true;
        // If another writer has begun by now, the note is its own. The file is in place, and a note alone does no harm.
        if fs::symlink_metadata(&self.moved.partial).is_err() {
            let _ = fs::remove_file(&self.state);
        }
        Ok(())
    }

    /// An error if the part is not in its place any more.
    fn check_place(&self) -> io::Result<()> {
        if self.is_there() {
            return Ok(());
        }
        let text = format!("{} was removed or replaced while it was written", self.moved.partial.display());
        Err(io::Error::other(text))
    }

    /// Whether the name of the part is still that of this file: somebody may have removed it, and another writer have begun.
    fn is_there(&self) -> bool {
        matches!(is_at(&self.file, &self.moved.partial), Ok(Place::Same))
    }

    /// Removes the part.
    pub(crate) fn discard(mut self) {
        self.remove();
    }

    fn remove(&mut self) {
        self.is_done = true;
        if !self.is_there() {
            return;
        }
        // While the lock is held, so that nobody else has begun to write. What cannot be deleted is not under the file's name.
        let _ = fs::remove_file(&self.state);
        let _ = fs::remove_file(&self.moved.partial);
    }
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.is_done && self.length().is_ok_and(|length| length == 0) {
            self.remove();
        } else if !self.is_done {
            // The next run believes its length.
            let _ = self.file.sync_all();
        }
        lock::release(&self.file);
    }
}

#[derive(Debug, Eq, PartialEq)]
enum Place {
    Same,
    Gone,
    NoFile,
}

/// What stands at `path` if it may not be opened for writing. Any other error is returned.
fn refused(error: io::Error, path: &Path) -> io::Result<Place> {
    if error.kind() != io::ErrorKind::PermissionDenied {
        return Err(error);
    }
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(Place::Same),
        Ok(_) => Ok(Place::NoFile),
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(Place::Gone),
        Err(_) => Err(error),
    }
}

fn no_file(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{} is not a regular file", path.display()))
}

/// Whether `path` names this file, and not a link to it.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<Place> {
    use std::os::unix::fs::MetadataExt;

    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Place::Gone),
        Err(error) => return Err(error),
    };
    let own = file.metadata()?;
    Ok(match found.is_file() && own.is_file() {
        false => Place::NoFile,
        true if (own.dev(), own.ino()) == (found.dev(), found.ino()) => Place::Same,
        true => Place::Gone,
    })
}

/// Elsewhere nobody can rename the file between opening it and having it alone.
#[cfg(not(unix))]
fn is_at(file: &File, path: &Path) -> io::Result<Place> {
    let is_link = match fs::symlink_metadata(path) {
        Ok(found) => found.is_symlink(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Place::Gone),
        Err(error) => return Err(error),
    };
    Ok(if file.metadata()?.is_file() && !is_link { Place::Same } else { Place::NoFile })
}

/// Whether the owner of `file` has the other one too.
#[cfg(unix)]
fn is_own(file: &File, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    file.metadata().is_ok_and(|own| own.uid() == other.uid())
}

#[cfg(not(unix))]
fn is_own(_: &File, _: &fs::Metadata) -> bool {
    true
}

/// Makes an old part as private as a new one with `mode`. False if that cannot be done, and if it is another user's, who can
/// read it whatever its mode.
#[cfg(unix)]
fn make_private(old: &File, partial: &Path, mode: u32) -> io::Result<bool> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    // Only a new file tells what the umask and the file system make of mode and owner. It is gone at the end.
    let example = WholeFile::beside(partial.to_owned(), mode, None)?;
    let (own, new) = (old.metadata()?, example.file.metadata()?);
    let (is, shall) = (own.mode() & 0o7777, own.mode() & new.mode() & 0o777);
    Ok(own.uid() == new.uid() && (is == shall || old.set_permissions(fs::Permissions::from_mode(shall)).is_ok()))
}

#[cfg(not(unix))]
fn make_private(_: &File, _: &Path, _: u32) -> io::Result<bool> {
    Ok(true)
}

/// Whether the file system has no names that are as long as this one. It alone knows, as some count bytes and some characters.
#[cfg(unix)]
fn is_too_long(path: &Path) -> bool {
    let too_long = rustix::io::Errno::NAMETOOLONG.raw_os_error();
    fs::symlink_metadata(path).is_err_and(|error| error.raw_os_error() == Some(too_long))
}

/// The same: NTFS, exFAT and FAT32 have 255 UTF-16 units. What Windows answers to a longer name is not always the same.
#[cfg(windows)]
fn is_too_long(path: &Path) -> bool {
    use std::os::windows::ffi::OsStrExt;
    path.file_name().is_some_and(|name| name.encode_wide().count() > 255)
}

#[cfg(not(any(unix, windows)))]
fn is_too_long(_: &Path) -> bool {
    false
}

/// What is not there need not be removed.
fn absent(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::super::USUAL;
    use super::*;
    use crate::temp_dir::TempDir;

    fn open(path: &Path) -> Option<PartFile> {
        PartFile::open(path, USUAL).unwrap()
    }

    fn names(folder: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[cfg(unix)]
    #[test]
    fn a_part_that_was_removed_meanwhile_does_not_put_another_writers_in_place() {
        let folder = TempDir::new();
        let path = folder.path().join("a");
        let mut first = open(&path).unwrap();
        first.write_all(b"whole").unwrap();
        fs::remove_file(folder.path().join("a.part")).unwrap();
        let mut second = open(&path).unwrap();
        second.write_all(b"ha").unwrap();

        assert!(first.commit().is_err());

        assert!(!path.exists());
        second.write_all(b"lf").unwrap();
        second.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"half");
    }

    #[cfg(unix)]
    #[test]
    fn a_part_that_was_removed_meanwhile_does_not_touch_another_writers_note() {
        let folder = TempDir::new();
        let path = folder.path().join("a");
        for note in [Some("first"), None] {
            let mut first = open(&path).unwrap();
            first.write_all(b"whole").unwrap();
            fs::remove_file(folder.path().join("a.part")).unwrap();
            let mut second = open(&path).unwrap();
            second.restart(Some("second")).unwrap();
            second.write_all(b"half").unwrap();

            let error = first.restart(note).unwrap_err();
            drop(first);

            assert!(error.to_string().ends_with("a.part was removed or replaced while it was written"), "{error}");
            drop(second);
            let third = open(&path).unwrap();
            assert_eq!((third.length().unwrap(), third.state().as_deref()), (4, Some("second")));
            third.discard();
        }
        assert_eq!(names(&folder), [""; 0]);
    }

    // A process that is being started has copies of all descriptors until it runs its program.
    #[cfg(unix)]
    #[test]
    fn a_copy_of_the_descriptor_does_not_keep_the_part_locked() {
        let folder = TempDir::new();
        let path = folder.path().join("a");
        let mut first = open(&path).unwrap();
        first.write_all(b"half").unwrap();
        let copy = first.file.try_clone().unwrap();
        assert!(open(&path).is_none(), "it is locked while it is written");

        drop(first);

        assert_eq!(open(&path).unwrap().length().unwrap(), 4);
        drop(copy);
    }

    #[test]
    fn what_was_written_and_noted_is_there_for_the_next_writer() {
        let folder = TempDir::new();
        let path = folder.file("f", "old");
        let mut first = open(&path).unwrap();
        first.restart(Some("known")).unwrap();
        first.write_all(b"half").unwrap();
        drop(first);

        let mut second = open(&path).unwrap();
        assert_eq!((second.length().unwrap(), second.state().as_deref()), (4, Some("known")));
        assert_eq!(names(&folder), ["f", "f.part", "f.part.state"]);
        let mut seen = Vec::new();
        second.read_back(1, 4, |piece| seen.extend_from_slice(piece)).unwrap();
        second.write_all(b"-half").unwrap();
        assert_eq!((fs::read(&path).unwrap(), seen), (b"old".to_vec(), b"alf".to_vec()));
        second.commit().unwrap();

        assert_eq!((fs::read(&path).unwrap(), names(&folder)), (b"half-half".to_vec(), vec!["f".to_owned()]));
    }

    #[test]
    fn nothing_stays_of_a_part_that_is_empty_or_discarded() {
        let folder = TempDir::new();
        let path = folder.path().join("f");
        let mut empty = open(&path).unwrap();
        empty.restart(Some("known")).unwrap();
        drop(empty);
        assert_eq!(names(&folder), [""; 0]);

        let mut bad = open(&path).unwrap();
        bad.restart(Some("known")).unwrap();
        bad.write_all(b"bad").unwrap();
        bad.discard();
        assert_eq!(names(&folder), [""; 0]);
    }

    #[test]
    fn a_part_has_one_writer_and_the_next_one_does_not_get_the_finished_file() {
        let folder = TempDir::new();
        let path = folder.path().join("f");
        let mut first = open(&path).unwrap();
        first.write_all(b"whole").unwrap();

        assert!(open(&path).is_none());
        first.commit().unwrap();

        let mut next = open(&path).unwrap();
        next.write_all(b"other").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_the_part_is_not_followed() {
        let folder = TempDir::new();
        let elsewhere = folder.file("elsewhere", "precious");
        std::os::unix::fs::symlink(&elsewhere, folder.path().join("f.part")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("nothing"), folder.path().join("g.part")).unwrap();

        assert!(PartFile::open(&folder.path().join("f"), USUAL).is_err());
        assert!(!PartFile::open(&folder.path().join("g"), USUAL).is_ok_and(|part| part.is_some()));
        fifo(&folder.path().join("h.part"));
        assert!(PartFile::open(&folder.path().join("h"), USUAL).is_err());

        assert_eq!(fs::read(&elsewhere).unwrap(), b"precious");
        assert!(!folder.path().join("nothing").exists());
    }

    #[cfg(unix)]
    fn fifo(path: &Path) {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    #[cfg(unix)]
    #[test]
    fn what_stands_in_the_place_of_the_note_is_replaced_not_written_to() {
        use std::os::unix::fs::symlink;

        let elsewhere = TempDir::new();
        let (precious, nothing) = (elsewhere.file("precious", "precious"), elsewhere.path().join("nothing"));
        for put in [
            (&|note: &Path| symlink(&precious, note).unwrap()) as &dyn Fn(&Path),
            &|note| symlink(&nothing, note).unwrap(),
            // Nobody reads from it: who opens it for writing waits.
            &fifo,
            &|note| fs::write(note, "an older note").unwrap(),
        ] {
            let folder = TempDir::new();
            let path = folder.path().join("f");
            for known in [Some("known"), None] {
                put(&folder.path().join("f.part.state"));
                let mut part = open(&path).unwrap();

                part.restart(known).unwrap();

                assert_eq!(part.state().as_deref(), known);
                part.discard();
                assert_eq!(names(&folder), [""; 0]);
            }
        }
        assert_eq!((fs::read(&precious).unwrap(), names(&elsewhere).len()), (b"precious".to_vec(), 1));
    }

    #[cfg(unix)]
    #[test]
    fn a_part_of_an_earlier_run_is_as_private_as_a_new_one() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};

        let bits = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        let chmod = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let folder = TempDir::new();
        let (path, partial) = (folder.path().join("f"), folder.path().join("f.part"));
        let new = bits(&folder.file("new", ""));
        for (left, finished, want) in [
            (0o644, Some(0o600), 0o600),
            (0o666, Some(0o644), 0o600),
            (0o600, Some(0o644), 0o600),
            (0o4755, Some(0o600), 0o600),
            (0o600, None, 0o600),
            (0o666, None, new),
            (0o777, None, new),
        ] {
            if let Some(mode) = finished {
                chmod(&folder.file("f", "old"), mode);
            }
            chmod(&folder.file("f.part", "half"), left);

            let mut part = open(&path).unwrap();

            assert_eq!((bits(&partial), part.length().unwrap()), (want, 4), "{left:o} {finished:?}");
            part.cut(4).unwrap();
            part.commit().unwrap();
            assert_eq!(bits(&path), finished.unwrap_or(want), "{left:o} {finished:?}");
            fs::remove_file(&path).unwrap();
        }
        assert_eq!(names(&folder), ["new"]);
    }

    // Only root can give a file away.
    #[cfg(unix)]
    #[test]
    fn a_part_of_another_user_is_not_touched() {
        let folder = TempDir::new();
        let partial = folder.file("f.part", "theirs");
        if std::os::unix::fs::chown(&partial, Some(12_345), None).is_err() {
            return;
        }

        assert!(open(&folder.path().join("f")).is_none());
        assert!(open(&folder.path().join("f")).is_none());

        assert_eq!((fs::read(&partial).unwrap(), names(&folder)), (b"theirs".to_vec(), vec!["f.part".to_owned()]));
    }

    #[test]
    fn a_part_that_may_not_be_opened_is_left_and_any_other_error_counts() {
        use io::ErrorKind::{InvalidInput, NotADirectory, PermissionDenied};

        let folder = TempDir::new();
        folder.file("file", "");
        fs::create_dir(folder.path().join("folder")).unwrap();
        for (name, kind, want) in [
            ("file", PermissionDenied, Ok(Place::Same)),
            ("folder", PermissionDenied, Ok(Place::NoFile)),
            ("nothing", PermissionDenied, Ok(Place::Gone)),
            ("file", NotADirectory, Err(NotADirectory)),
            ("nothing", InvalidInput, Err(InvalidInput)),
        ] {
            let found = refused(kind.into(), &folder.path().join(name));
            assert_eq!(found.map_err(|error| error.kind()), want, "{name} {kind}");
        }
    }

    // Root may write to any file.
    #[cfg(unix)]
    #[test]
    fn a_part_that_may_not_be_written_to_is_not_touched() {
        use std::os::unix::fs::PermissionsExt;

        let folder = TempDir::new();
        let partial = folder.file("f.part", "theirs");
        fs::set_permissions(&partial, fs::Permissions::from_mode(0o444)).unwrap();
        let may_open = fs::OpenOptions::new().write(true).open(&partial).is_ok();

        assert_eq!(open(&folder.path().join("f")).is_some(), may_open);

        assert_eq!((fs::read(&partial).unwrap(), names(&folder)), (b"theirs".to_vec(), vec!["f.part".to_owned()]));
    }

    #[test]
    fn what_cannot_be_removed_from_the_place_of_the_note_leaves_no_part() {
        let folder = TempDir::new();
        let (path, note) = (folder.path().join("f"), folder.path().join("f.part.state"));
        fs::create_dir(&note).unwrap();

        assert!(open(&path).is_none());
        assert_eq!(names(&folder), ["f.part.state"], "nothing was begun");
        folder.file("f.part", "half");
        assert!(open(&path).is_none());

        assert_eq!((fs::read(folder.path().join("f.part")).unwrap(), note.is_dir()), (b"half".to_vec(), true));
        fs::remove_dir(&note).unwrap();
        assert_eq!(open(&path).unwrap().length().unwrap(), 4);
    }

    // Only root can give a file away.
    #[cfg(unix)]
    #[test]
    fn a_note_of_another_user_is_none_of_this_part() {
        let folder = TempDir::new();
        let note = folder.file("f.part.state", "theirs");
        if std::os::unix::fs::chown(&note, Some(12_345), None).is_err() {
            return;
        }

        let part = open(&folder.path().join("f")).unwrap();

        assert_eq!((part.state(), note.exists()), (None, false));
    }

    #[test]
    fn a_name_that_leaves_no_room_has_no_part() {
        if !TempDir::new().takes_long_names() {
            return;
        }
        for length in [1, 244, 245, 250, 251, 255] {
            let folder = TempDir::new();
            let path = folder.path().join("n".repeat(length));

            let part = open(&path);

            assert_eq!(part.is_some(), length <= 244, "{length}");
            if let Some(mut part) = part {
                part.restart(Some("known")).unwrap();
                part.write_all(b"whole").unwrap();
                part.commit().unwrap();
            }
            assert_eq!(names(&folder).len(), usize::from(length <= 244), "{length}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_has_no_part() {
        assert!(open(Path::new("/dev/null")).is_none());
    }
}
