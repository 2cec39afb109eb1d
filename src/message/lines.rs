//! Lines of a body, or pieces between delimiters, as soon as they are complete.
//!
//! Where the network cut the body changes nothing. A line that ends in CR is returned before it is known whether LF follows,
//! so that a slow server's line is never delayed; the LF is skipped when it arrives. The length of a piece has the same limit
//! as the body.

use std::io::{self, Read};
use std::ops::Range;

use memchr::memmem::Finder;

use crate::error::{Error, ErrorKind, Result};

/// The lines or pieces of a body, without their ends. The iterator ends after an error.
///
/// # Coming from requests
/// A final line end or delimiter yields no empty item (in requests a final delimiter does), and a CR LF that is split
/// between two chunks is one line end.
pub struct Lines<R> {
    /// `None` at the end.
    pieces: Option<Pieces<R>>,
    refused: Option<Error>,
}

/// The lines of `body`, which end in LF, CR LF or CR.
pub(crate) fn lines<R: Read>(body: R) -> Lines<R> {
    Lines { pieces: Some(Pieces::new(body, End::Line { after_cr: false })), refused: None }
}

/// The pieces of `body` between delimiters. If the delimiter is empty, the first item is an error.
pub(crate) fn lines_by<R: Read>(body: R, delimiter: &[u8]) -> Lines<R> {
    if delimiter.is_empty() {
        let refused = Error::message(ErrorKind::InvalidSetting, "the delimiter of lines is empty");
        return Lines { pieces: None, refused: Some(refused) };
    }
    let end = End::Delimiter(Box::new(Finder::new(delimiter).into_owned()));
    Lines { pieces: Some(Pieces::new(body, end)), refused: None }
}

impl<R: Read> Iterator for Lines<R> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.refused.take() {
            return Some(Err(error));
        }
        let piece = self.pieces.as_mut()?.next().map(|piece| piece.map(<[u8]>::to_vec));
        if !matches!(piece, Ok(Some(_))) {
            self.pieces = None;
        }
        piece.map_err(Error::from).transpose()
    }
}

/// The pieces, borrowed one by one.
pub(super) struct Pieces<R> {
    inner: R,
    end: End,
    buffer: Vec<u8>,
    /// What was read and not returned yet.
    unread: Range<usize>,
    /// How much of it was searched already.
    searched: usize,
    /// The limit: a longer piece is an error.
    max: usize,
    /// Whether the reader was at its end; it is not read again.
    over: bool,
}

enum End {
    Line { after_cr: bool },
    Delimiter(Box<Finder<'static>>),
}

/// The size of each read. It is requests' chunk size, so that a connection is not read further ahead than users expect. The
/// connection has a buffer of its own.
const READ: usize = 512;

impl<R: Read> Pieces<R> {
    /// Lines of at most `max` bytes.
    pub(super) fn lines_up_to(max: usize, inner: R) -> Self {
        Self { max, ..Self::new(inner, End::Line { after_cr: false }) }
    }

    fn new(inner: R, end: End) -> Self {
        Self { inner, end, buffer: Vec::new(), unread: 0..0, searched: 0, max: usize::MAX, over: false }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            if let Some(piece) = self.find() {
                return Ok(Some(&self.buffer[piece]));
            }
            if self.unread.len() > self.max {
                let text = format!("line is longer than {} bytes", self.max);
                return Err(Error::message(ErrorKind::ContentDecodingError, text).into());
            }
            if self.over || self.fill()? == 0 {
                self.over = true;
                let last = std::mem::replace(&mut self.unread, 0..0);
                self.searched = 0;
                return Ok((!last.is_empty()).then(|| &self.buffer[last]));
            }
        }
    }

    /// The next complete piece.
    fn find(&mut self) -> Option<Range<usize>> {
        let Range { start, end } = &mut self.unread;
        let length = match &mut self.end {
            End::Line { after_cr } => {
                if *start < *end && std::mem::take(after_cr) && self.buffer[*start] == b'\n' {
                    *start += 1;
                }
                let rest = &self.buffer[*start + self.searched..*end];
                let found = match rest {
                    // Of an empty line the search would cost more than all else.
                    [b'\n' | b'\r', ..] => Some(0),
                    _ => memchr::memchr2(b'\n', b'\r', rest),
                };
                if let Some(at) = found {
                    *after_cr = self.buffer[*start + self.searched + at] == b'\r';
                }
                found.map(|at| (at, 1))
            }
            End::Delimiter(finder) => {
                let found = finder.find(&self.buffer[*start + self.searched..*end]);
                found.map(|at| (at, finder.needle().len()))
            }
        };
        match length {
            Some((at, delimiter)) => {
                let piece = *start..*start + self.searched + at;
                *start = piece.end + delimiter;
                self.searched = 0;
                Some(piece)
            }
            None => {
                let may_be_begun = match &self.end {
                    End::Line { .. } => 0,
                    End::Delimiter(finder) => finder.needle().len() - 1,
                };
                self.searched = (*end - *start).saturating_sub(may_be_begun);
                None
            }
        }
    }

    /// Reads more, after what is there.
    fn fill(&mut self) -> io::Result<usize> {
        if self.buffer.len() - self.unread.end < READ {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
            if self.buffer.len() - self.unread.end < READ {
                let length = (2 * self.buffer.len()).max(2 * READ);
                self.buffer.resize(length, 0);
            }
        }
        loop {
            match self.inner.read(&mut self.buffer[self.unread.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(n) => {
                    self.unread.end += n;
                    return Ok(n);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives at most so many bytes for a read, and panics when read after its end.
    struct Torn<'a>(&'a [u8], usize, bool);

    impl Read for Torn<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            assert!(!self.2, "read after the end");
            self.2 = self.0.is_empty();
            let n = self.1.min(out.len());
            self.0.read(&mut out[..n])
        }
    }

    fn read(body: &[u8], piece: usize, delimiter: Option<&[u8]>) -> Vec<String> {
        let body = Torn(body, piece, false);
        let mut lines = match delimiter {
            Some(delimiter) => lines_by(body, delimiter),
            None => lines(body),
        };
        let read = lines.by_ref().map(|line| String::from_utf8(line.unwrap()).unwrap()).collect();
        assert!(lines.next().is_none());
        read
    }

    // RESP-12, RESP-13
    #[test]
    fn lines_end_in_lf_crlf_or_cr_however_they_arrive() {
        for (body, want) in [
            ("", &[][..]),
            ("\n", &[""]),
            ("\r\n", &[""]),
            ("\r", &[""]),
            ("a\nb\nc\n", &["a", "b", "c"]),
            ("a\r\nb\r\nc\r\n", &["a", "b", "c"]),
            ("a\rb\rc\r", &["a", "b", "c"]),
            ("a\nb\nc", &["a", "b", "c"]),
            ("a\n\n\nb\n", &["a", "", "", "b"]),
            ("a\r\nb\nc\rd", &["a", "b", "c", "d"]),
            ("a\n\rb\r\r\nc", &["a", "", "b", "", "c"]),
            ("aaa\r\nbbb\r\nccc", &["aaa", "bbb", "ccc"]),
            ("a\u{b}b\u{c}c\u{1c}d\u{85}e\u{2028}f", &["a\u{b}b\u{c}c\u{1c}d\u{85}e\u{2028}f"]),
        ] {
            for piece in [1, 2, 3, 4, usize::MAX] {
                assert_eq!(read(body.as_bytes(), piece, None), want, "{body:?} by {piece}");
            }
        }
    }

    // RESP-14
    #[test]
    fn a_delimiter_parts_pieces_however_they_arrive() {
        for (body, delimiter, want) in [
            ("a\nb\nc\nx,y,z", ",", &["a\nb\nc\nx", "y", "z"][..]),
            ("a\r\nb\r\nc\r\nx,y,z", "\r\n", &["a", "b", "c", "x,y,z"]),
            ("a\nb\ncx,y,z", "\r\n", &["a\nb\ncx,y,z"]),
            ("a\r\nb\r\n", "\n", &["a\r", "b\r"]),
            ("a--b---c", "--", &["a", "b", "-c"]),
            ("-----", "--", &["", "", "-"]),
            ("aab", "aab", &[""]),
            ("aaab", "aab", &["a"]),
            (",", ",", &[""]),
            (",,a", ",", &["", "", "a"]),
            ("", ",", &[]),
        ] {
            for piece in [1, 2, 3, usize::MAX] {
                let pieces = read(body.as_bytes(), piece, Some(delimiter.as_bytes()));
                assert_eq!(pieces, want, "{body:?} at {delimiter:?} by {piece}");
            }
        }
    }

    #[test]
    fn an_empty_delimiter_is_refused_as_the_first_item() {
        let mut lines = lines_by(&b"a"[..], b"");

        assert_eq!(lines.next().unwrap().unwrap_err().kind(), ErrorKind::InvalidSetting);
        assert!(lines.next().is_none());
    }

    #[test]
    fn long_lines_and_many_lines_come_whole() {
        let mut body = Vec::new();
        let want: Vec<_> = (0..300_usize).map(|n| "x".repeat(n * n % 70_001)).collect();
        for line in &want {
            body.extend_from_slice(line.as_bytes());
            body.extend_from_slice(b"\r\n");
        }
        for piece in [1000, usize::MAX] {
            assert!(read(&body, piece, None) == want);
            assert!(read(&body, piece, Some(b"\r\n")) == want);
        }
    }

    #[test]
    fn a_line_is_there_as_soon_as_its_end_is() {
        struct Fails<'a>(&'a [u8]);
        impl Read for Fails<'_> {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                match self.0.read(out)? {
                    0 => Err(Error::message(ErrorKind::ReadTimeout, "read timed out").into()),
                    n => Ok(n),
                }
            }
        }
        for body in [&b"one\r"[..], b"one\n", b"one\r\n", b"one\ntw"] {
            let mut lines = lines(Fails(body));

            assert_eq!(lines.next().unwrap().unwrap(), b"one");
            assert_eq!(lines.next().unwrap().unwrap_err().kind(), ErrorKind::ReadTimeout);
            assert!(lines.next().is_none());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn lines_are_those_of_the_whole_text(body in "[ab\r\n]{0,60}", piece in 1..9_usize) {
            let mut want: Vec<_> = body.replace("\r\n", "\n").replace('\r', "\n").split('\n').map(str::to_owned).collect();
            if want.last().is_some_and(String::is_empty) {
                want.pop();
            }
            prop_assert_eq!(read(body.as_bytes(), piece, None), want);
        }

        #[test]
        fn pieces_are_those_of_the_whole_text(body in "[ab-]{0,60}", piece in 1..9_usize, delimiter in "[ab-]{1,3}") {
            let mut want: Vec<_> = body.split(&delimiter).map(str::to_owned).collect();
            if want.last().is_some_and(String::is_empty) {
                want.pop();
            }
            prop_assert_eq!(read(body.as_bytes(), piece, Some(delimiter.as_bytes())), want);
        }
    }
}
