//! Where a download is written: a partial file that nobody else sees, or a part that stays for the next run.

use std::io::{self, Write};
use std::path::Path;

use crate::whole_file::{PartFile, USUAL, WholeFile};

#[derive(Debug)]
pub(super) enum Sink {
    /// Gone, if it is not completed.
    Whole(WholeFile),
    Part(PartFile),
}

impl Sink {
    /// Opens the place for a file at `path`. Where there is no part to be had, as when another download keeps it, this one
    /// writes a file of its own.
    pub(super) fn open(path: &Path, resume: bool) -> io::Result<Self> {
        if resume {
            if let Some(part) = PartFile::open(path, USUAL)? {
                return Ok(Self::Part(part));
            }
        }
        WholeFile::create(path, USUAL).map(Self::Whole)
    }

    /// What an earlier run has left: its note, and its length if there is anything.
    pub(super) fn left(&self) -> io::Result<Option<(String, u64)>> {
        let Self::Part(part) = self else { return Ok(None) };
        let length = part.length()?;
        Ok(part.state().filter(|_| length > 0).map(|state| (state, length)))
    }

    /// Whether what was written can be taken back.
    pub(super) fn can_restart(&self) -> bool {
        match self {
            Self::Whole(file) => file.can_restart(),
            Self::Part(_) => true,
        }
    }

    /// Begins anew.
    pub(super) fn restart(&mut self, state: Option<&str>) -> io::Result<()> {
        match self {
            Self::Whole(file) => file.restart(),
            Self::Part(part) => part.restart(state),
        }
    }

    /// Goes on at `length`; calls `each` with what an earlier run wrote before it, from `from` on.
    pub(super) fn go_on(&mut self, from: u64, length: u64, each: impl FnMut(&[u8])) -> io::Result<()> {
        let Self::Part(part) = self else { return Ok(()) };
        part.read_back(from, length, each)?;
        part.cut(length)
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Whole(file) => file.write_all(bytes),
            Self::Part(part) => part.write_all(bytes),
        }
    }

    pub(super) fn commit(self) -> io::Result<()> {
        match self {
            Self::Whole(file) => file.commit(),
            Self::Part(part) => part.commit(),
        }
    }

    /// Leaves nothing for the next run.
    pub(super) fn discard(self) {
        if let Self::Part(part) = self {
            part.discard();
        }
    }
}
