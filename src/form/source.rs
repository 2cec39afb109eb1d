//! The sources of a body or of a part of a multipart body: bytes, files and readers.
//!
//! A [`Source`] is a handle: clones share one reader, which is in a [`Slot`] while nobody sends it. Sending takes it
//! out, so nothing is locked while it is read, and two requests never read alternately from one file. A reader that
//! comes back untouched can be taken again as it is. One that was read from goes back only if it can be rewound, so no
//! body is ever sent in part.
//!
//! This file knows nothing of HTTP. A declared length is exact: fewer and more bytes are errors, raised before the last
//! block is handed out, so that a peer never sees a complete body that is not the intended one.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::{Error, ErrorKind, Result, system_text};
use crate::form::bytes::Bytes;

/// Bytes that can be sent any number of times, or a reader.
#[derive(Clone)]
pub(crate) enum Source {
    Bytes(Bytes),
    Reader(Arc<Slot<Box<dyn Rereader>>>, Bound),
}

impl Source {
    /// A reader that is sent once, to its end.
    pub(crate) fn reader(reader: impl Read + Send + 'static) -> Self {
        Self::once(reader, Bound::None)
    }

    /// A reader that is sent once and must end after exactly `length` bytes.
    pub(crate) fn sized(reader: impl Read + Send + 'static, length: u64) -> Self {
        Self::once(reader, Bound::Exactly(length))
    }

    fn once(reader: impl Read + Send + 'static, bound: Bound) -> Self {
        Self::Reader(Arc::new(Slot::new(Box::new(Once(reader)), false)), bound)
    }

    /// A reader that is sent any number of times, from its current position to its current end.
    pub(crate) fn seekable(mut reader: impl Read + Seek + Send + 'static) -> Result<Self> {
        let start = reader.stream_position()?;
        let end = reader.seek(SeekFrom::End(0))?;
        reader.seek(SeekFrom::Start(start))?;
        Ok(Self::from_position(reader, start, end))
    }

    /// A file from its current position. What is not a regular file (a pipe, a terminal) is a plain reader.
    pub(crate) fn file(mut file: File) -> Self {
        let size = file.metadata().ok().filter(|about| about.is_file()).map(|about| about.len());
        match (size, file.stream_position()) {
            (Some(size), Ok(start)) => Self::from_position(file, start, size),
            _ => Self::reader(file),
        }
    }

    fn from_position(reader: impl Read + Seek + Send + 'static, start: u64, end: u64) -> Self {
        let bound = match end.saturating_sub(start) {
            // Chunked, as in requests (BODY-11). This is also right for files in /proc, which have content but no size.
            0 => Bound::None,
            length => Bound::First(length),
        };
        Self::Reader(Arc::new(Slot::new(Box::new(Seekable { reader, start }), true)), bound)
    }

    /// The number of bytes to be sent, if known.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Reader(_, bound) => bound.length(),
        }
    }

    /// Whether it can be sent more than once.
    pub(crate) fn is_replayable(&self) -> bool {
        match self {
            Self::Bytes(_) => true,
            Self::Reader(slot, _) => slot.again,
        }
    }

    /// Whether `open` would fail now.
    pub(crate) fn is_spent(&self) -> bool {
        match self {
            Self::Bytes(_) => false,
            Self::Reader(slot, _) => slot.is_spent(),
        }
    }

    /// Starts sending from the beginning.
    pub(crate) fn open(&self) -> Result<OpenSource> {
        Ok(match self {
            Self::Bytes(bytes) => OpenSource::Bytes { bytes: bytes.clone(), at: 0 },
            Self::Reader(slot, bound) => {
                let mut taken = slot.take()?;
                if taken.touched {
                    taken.get().rewind().map_err(|cause| unrewindable("rewinding it failed").with_source(cause))?;
                }
                OpenSource::Reader(OpenReader { taken, bound: *bound, sent: 0, last: Vec::new(), ended: false })
            }
        })
    }
}

impl<T: Into<Bytes>> From<T> for Source {
    fn from(bytes: T) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// What is known about the length of a reader.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    None,
    /// It must end there: the caller declared it.
    Exactly(u64),
    /// This much of it is sent: the file's size at the time, because a file can grow.
    First(u64),
}

impl Bound {
    fn length(self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Exactly(length) | Self::First(length) => Some(length),
        }
    }
}

/// A source that is being sent.
pub(crate) enum OpenSource {
    Bytes { bytes: Bytes, at: usize },
    Reader(OpenReader),
}

impl OpenSource {
    /// Asks once for as much as `out` has room for, which must not be empty; `None` is the end. 0 says that there is nothing yet,
    /// because the read was interrupted: whether it is repeated is for the caller, who has limits.
    pub(crate) fn read(&mut self, out: &mut [u8]) -> Result<Option<usize>> {
        match self {
            Self::Bytes { bytes, at } => {
                let piece = &bytes[*at..];
                let count = piece.len().min(out.len());
                out[..count].copy_from_slice(&piece[..count]);
                *at += count;
                Ok((count > 0).then_some(count))
            }
            Self::Reader(reader) => reader.read(out),
        }
    }

    /// Whether the end was reached, so that the next `read` returns `None` without waiting.
    pub(crate) fn has_ended(&self) -> bool {
        match self {
            Self::Bytes { bytes, at } => *at == bytes.len(),
            Self::Reader(reader) => reader.ended,
        }
    }
}

/// A reader that is being sent.
pub(crate) struct OpenReader {
    taken: Taken<Box<dyn Rereader>>,
    bound: Bound,
    sent: u64,
    /// The last block, if the question whether more follows was interrupted.
    last: Vec<u8>,
    ended: bool,
}

impl OpenReader {
    fn read(&mut self, out: &mut [u8]) -> Result<Option<usize>> {
        if self.ended {
            return Ok(None);
        }
        self.taken.touched = true;
        let given = self.read_bounded(out)?;
        self.sent += given.unwrap_or_default() as u64;
        self.ended = given.is_none_or(|count| count > 0 && self.bound.length() == Some(self.sent));
        Ok(given)
    }

    fn read_bounded(&mut self, out: &mut [u8]) -> Result<Option<usize>> {
        let (sent, Some(length)) = (self.sent, self.bound.length()) else { return self.read_once(out) };
        let left = length - sent;
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
        let mut count = self.last.len();
        if count == 0 && left > 0 {
            count = match self.read_once(&mut out[..room])? {
                Some(0) => return Ok(Some(0)),
                Some(count) => count,
                None => {
                    let text = format!("request body is shorter than its declared {length} bytes: only {sent} bytes");
                    return Err(Error::message(ErrorKind::Io, text));
                }
            };
        }
        if count as u64 == left && matches!(self.bound, Bound::Exactly(_)) {
            match self.read_once(&mut [0])? {
                // It has ended there, and need not be asked again.
                None => self.bound = Bound::First(length),
                Some(0) => {
                    if self.last.is_empty() {
                        self.last.extend_from_slice(&out[..count]);
                    }
                    return Ok(Some(0));
                }
                Some(_) => {
                    let text = format!("request body is longer than its declared {length} bytes");
                    return Err(Error::message(ErrorKind::Io, text));
                }
            }
        }
        if !self.last.is_empty() {
            // There may be less room than when it was read.
            count = room;
            out[..count].copy_from_slice(&self.last[..count]);
            self.last.drain(..count);
        }
        Ok((count > 0).then_some(count))
    }

    /// One read of a reader that may be faulty; `None` is the end, and 0 an interruption.
    fn read_once(&mut self, out: &mut [u8]) -> Result<Option<usize>> {
        match self.taken.get().read(out) {
            Ok(0) => Ok(None),
            Ok(count) if count <= out.len() => Ok(Some(count)),
            Ok(count) => {
                let text = format!("request body reader returned {count} bytes for a buffer of {}", out.len());
                Err(Error::message(ErrorKind::Io, text))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Some(0)),
            Err(error) => Err(failed(error)),
        }
    }
}

/// A source failed. Always [`ErrorKind::Io`], even if the cause is an error of this crate (a response that is
/// forwarded): a timeout of the other exchange must not be mistaken for one of this.
pub(crate) fn failed(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let cause = cause.into();
    Error::message(ErrorKind::Io, format!("reading the request body failed: {}", system_text(&cause)))
        .with_source(cause)
}

fn unrewindable(why: &str) -> Error {
    Error::message(ErrorKind::UnrewindableBody, format!("request body cannot be sent: {why}"))
}

/// Holds a value that one sender at a time may have.
pub(crate) struct Slot<T> {
    held: Mutex<Option<Held<T>>>,
    again: bool,
}

struct Held<T> {
    thing: T,
    touched: bool,
}

impl<T> Slot<T> {
    /// `again`: it goes back after use.
    pub(crate) fn new(thing: T, again: bool) -> Self {
        Self { held: Mutex::new(Some(Held { thing, touched: false })), again }
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.held.lock().is_none()
    }

    pub(crate) fn take(self: &Arc<Self>) -> Result<Taken<T>> {
        let held = self.held.lock().take();
        match held {
            Some(Held { thing, touched }) => Ok(Taken { slot: Arc::clone(self), thing: Some(thing), touched }),
            None if self.again => Err(unrewindable("another request is sending it")),
            None => Err(unrewindable("it can be read only once and has been read")),
        }
    }
}

/// A value taken from its slot. Dropping it puts it back, unless it was used and can be used only once.
pub(crate) struct Taken<T> {
    slot: Arc<Slot<T>>,
    thing: Option<T>,
    pub(crate) touched: bool,
}

impl<T> Taken<T> {
    pub(crate) fn get(&mut self) -> &mut T {
        self.thing.as_mut().expect("only drop takes the thing")
    }
}

impl<T> Drop for Taken<T> {
    fn drop(&mut self) {
        if self.slot.again || !self.touched {
            let held = self.thing.take().map(|thing| Held { thing, touched: self.touched });
            *self.slot.held.lock() = held;
        }
    }
}

/// A reader that may be able to return to its start.
pub(crate) trait Rereader: Read + Send {
    fn rewind(&mut self) -> io::Result<()>;
}

struct Once<R>(R);

impl<R: Read> Read for Once<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }
}

impl<R: Read + Send> Rereader for Once<R> {
    fn rewind(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

struct Seekable<R> {
    reader: R,
    start: u64,
}

impl<R: Read> Read for Seekable<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.reader.read(out)
    }
}

impl<R: Read + Seek + Send> Rereader for Seekable<R> {
    fn rewind(&mut self) -> io::Result<()> {
        self.reader.seek(SeekFrom::Start(self.start)).map(drop)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if matches!(self, Self::Bytes(_)) { "Bytes" } else { "Reader" };
        f.debug_struct(name).field("length", &self.length()).finish()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::temp_dir::TempDir;
    use std::io::{Cursor, Write};

    /// A file that has `content`, standing at its start, with no name left in the folder.
    pub(crate) fn file(content: &[u8]) -> File {
        let folder = TempDir::new();
        let mut file = File::options().read(true).write(true).open(folder.file("file", "")).unwrap();
        file.write_all(content).unwrap();
        file.rewind().unwrap();
        file
    }

    /// Gives its pieces one read at a time, then fails.
    pub(crate) struct Failing(pub(crate) Vec<&'static [u8]>);

    impl Read for Failing {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, "disk on fire"));
            }
            self.0.remove(0).read(out)
        }
    }

    /// Is interrupted `times` before each of its reads, also those at its end.
    pub(crate) struct Interrupted {
        content: Cursor<&'static str>,
        times: usize,
        so_far: usize,
    }

    impl Interrupted {
        pub(crate) fn new(content: &'static str, times: usize) -> Self {
            Self { content: Cursor::new(content), times, so_far: 0 }
        }
    }

    impl Read for Interrupted {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.so_far < self.times {
                self.so_far += 1;
                return Err(io::ErrorKind::Interrupted.into());
            }
            self.so_far = 0;
            self.content.read(out)
        }
    }

    fn read_all(open: &mut OpenSource) -> Result<Vec<u8>> {
        let (mut all, mut buffer) = (Vec::new(), [0; 4]);
        loop {
            match open.read(&mut buffer)? {
                None => return Ok(all),
                Some(count) => all.extend_from_slice(&buffer[..count]),
            }
        }
    }

    fn send(source: &Source) -> Result<Vec<u8>> {
        read_all(&mut source.open()?)
    }

    fn kind_and_text<T>(result: Result<T>) -> (ErrorKind, String) {
        let error = result.err().unwrap();
        (error.kind(), error.to_string())
    }

    // BODY-10, RETRY-24, REDIR-04
    #[test]
    fn a_file_is_sent_from_where_it_stands_each_time() {
        let mut file = file(b"0123456789");
        file.seek(SeekFrom::Start(3)).unwrap();

        let source = Source::file(file);

        assert_eq!((source.length(), source.is_replayable()), (Some(7), true));
        assert_eq!(send(&source).unwrap(), b"3456789");
        assert_eq!(send(&source.clone()).unwrap(), b"3456789");
        let mut torn = source.open().unwrap();
        torn.read(&mut [0; 2]).unwrap();
        drop(torn);
        assert_eq!(send(&source).unwrap(), b"3456789");
    }

    // BODY-11
    #[test]
    fn an_empty_file_and_one_at_or_past_its_end_have_no_known_length() {
        for (content, start) in [(&b""[..], 0), (b"abc", 3), (b"abc", 9)] {
            let mut file = file(content);
            file.seek(SeekFrom::Start(start)).unwrap();

            let source = Source::file(file);

            assert_eq!((source.length(), send(&source).unwrap()), (None, vec![]), "{content:?} at {start}");
        }
    }

    #[test]
    fn a_file_that_grows_is_sent_as_long_as_it_was_and_one_that_shrinks_is_an_error() {
        let grown = file(b"12345");
        let mut end = grown.try_clone().unwrap();
        let source = Source::file(grown);
        end.seek(SeekFrom::End(0)).unwrap();
        end.write_all(b"more").unwrap();
        end.rewind().unwrap();
        assert_eq!(send(&source).unwrap(), b"12345");

        let shrunk = file(b"12345");
        let end = shrunk.try_clone().unwrap();
        let source = Source::file(shrunk);
        end.set_len(2).unwrap();
        assert_eq!(
            kind_and_text(send(&source)),
            (ErrorKind::Io, "request body is shorter than its declared 5 bytes: only 2 bytes".into())
        );
    }

    #[test]
    fn a_sized_reader_keeps_its_word_or_fails() {
        for (content, length, want) in [
            ("", 0, Ok("")),
            ("abcde", 5, Ok("abcde")),
            ("abcdefgh", 8, Ok("abcdefgh")),
            ("", 3, Err("request body is shorter than its declared 3 bytes: only 0 bytes")),
            ("abcde", 6, Err("request body is shorter than its declared 6 bytes: only 5 bytes")),
            ("a", 0, Err("request body is longer than its declared 0 bytes")),
            ("abcde", 4, Err("request body is longer than its declared 4 bytes")),
            ("abcdefgh", 5, Err("request body is longer than its declared 5 bytes")),
        ] {
            let got = send(&Source::sized(Cursor::new(content), length));

            let got = got.map(|bytes| String::from_utf8(bytes).unwrap()).map_err(|error| error.to_string());
            assert_eq!(got, want.map(str::to_owned).map_err(str::to_owned), "{content:?} as {length}");
        }
    }

    #[test]
    fn the_last_block_of_a_body_that_is_too_long_is_never_handed_out() {
        let source = Source::sized(Cursor::new("abcdef"), 5);
        let mut open = source.open().unwrap();
        let mut buffer = [0; 4];

        assert_eq!(open.read(&mut buffer).unwrap(), Some(4));
        assert_eq!(open.read(&mut buffer).unwrap_err().kind(), ErrorKind::Io);
    }

    // RETRY-25, RETRY-26, REDIR-05, REDIR-06
    #[test]
    fn a_reader_that_was_read_from_is_never_sent_again() {
        let source = Source::reader(Cursor::new("once"));
        let clone = source.clone();

        let mut open = source.open().unwrap();
        open.read(&mut [0; 1]).unwrap();
        drop(open);

        assert!(clone.is_spent() && !clone.is_replayable());
        assert_eq!(
            kind_and_text(clone.open().map(drop)),
            (
                ErrorKind::UnrewindableBody,
                "request body cannot be sent: it can be read only once and has been read".into()
            )
        );
    }

    #[test]
    fn a_reader_that_was_taken_but_not_read_can_be_taken_again() {
        let source = Source::reader(Cursor::new("once"));

        drop(source.open().unwrap());

        assert!(!source.is_spent());
        assert_eq!(send(&source).unwrap(), b"once");
    }

    #[test]
    fn two_requests_never_read_from_one_file_at_a_time() {
        let source = Source::file(file(b"abc"));
        let first = source.open().unwrap();

        let second = source.open().map(drop);

        assert_eq!(kind_and_text(second).0, ErrorKind::UnrewindableBody);
        drop(first);
        assert_eq!(send(&source).unwrap(), b"abc");
    }

    #[test]
    fn a_seek_that_fails_is_unrewindable_with_the_cause() {
        struct OneWay(Cursor<&'static str>, u32);
        impl Read for OneWay {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                self.0.read(out)
            }
        }
        impl Seek for OneWay {
            fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
                self.1 += 1;
                if self.1 > 3 { Err(io::Error::other("stuck")) } else { self.0.seek(to) }
            }
        }
        let source = Source::seekable(OneWay(Cursor::new("abc"), 0)).unwrap();
        assert_eq!(send(&source).unwrap(), b"abc");

        let error = source.open().map(drop).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::UnrewindableBody);
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "stuck");
    }

    #[test]
    fn a_source_that_fails_in_the_middle_is_an_io_error_with_its_cause() {
        let source = Source::reader(Failing(vec![b"abc"]));
        let mut open = source.open().unwrap();

        assert_eq!(open.read(&mut [0; 8]).unwrap(), Some(3));
        let error = open.read(&mut [0; 8]).unwrap_err();

        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::Io, "reading the request body failed: disk on fire")
        );
        assert!(std::error::Error::source(&error).is_some());
    }

    #[test]
    fn an_error_of_ours_inside_a_source_is_not_taken_for_one_of_this_exchange() {
        struct Upstream;
        impl Read for Upstream {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(Error::new(ErrorKind::ReadTimeout, "read timed out").into())
            }
        }

        let error = send(&Source::reader(Upstream)).unwrap_err();

        assert_eq!((error.kind(), error.is_timeout()), (ErrorKind::Io, false));
    }

    // It was repeated until it gave something, and nobody could look at a limit meanwhile
    #[test]
    fn an_interrupted_read_gives_nothing_yet_and_a_lying_reader_is_an_error() {
        struct Odd(u8);
        impl Read for Odd {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                self.0 += 1;
                match self.0 {
                    1 => Err(io::ErrorKind::Interrupted.into()),
                    2 => b"a".as_slice().read(out),
                    _ => Ok(out.len() + 1),
                }
            }
        }
        let source = Source::reader(Odd(0));
        let mut open = source.open().unwrap();

        assert_eq!(open.read(&mut [0; 8]).unwrap(), Some(0));
        assert_eq!(open.read(&mut [0; 8]).unwrap(), Some(1));
        assert_eq!(kind_and_text(open.read(&mut [0; 8])).1, "request body reader returned 9 bytes for a buffer of 8");
    }

    #[test]
    fn a_sized_reader_keeps_its_word_however_often_it_is_interrupted() {
        for times in 0..3 {
            for (content, length) in
                [("", 0), ("abcde", 5), ("abcdefgh", 8), ("", 3), ("abcde", 6), ("a", 0), ("abcde", 4)]
            {
                let source = Source::sized(Interrupted::new(content, times), length);

                let got = send(&source).map(|bytes| String::from_utf8(bytes).unwrap());

                let is_right = content.len() as u64 == length;
                assert_eq!(got.ok().as_deref(), is_right.then_some(content), "{content:?} as {length}, {times}");
            }
        }
        // With less room than there was for what is held back.
        let source = Source::sized(Interrupted::new("abcde", 1), 5);
        let (mut open, mut all) = (source.open().unwrap(), Vec::new());
        for room in [8, 8, 2, 2, 2, 2] {
            let mut buffer = vec![0; room];
            let count = open.read(&mut buffer).unwrap();
            all.push(count.map(|count| String::from_utf8(buffer[..count].to_vec()).unwrap()));
        }
        let want = [Some(""), Some(""), Some("ab"), Some("cd"), Some("e"), None];
        assert_eq!(all, want.map(|piece| piece.map(str::to_owned)));
        assert!(open.has_ended());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_a_plain_reader() {
        let source = Source::file(File::open("/dev/null").unwrap());

        assert_eq!((source.length(), source.is_replayable()), (None, false));
    }
}
