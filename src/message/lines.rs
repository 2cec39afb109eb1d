//! Lines of a body, or pieces between delimiters, as soon as they are complete (see `ends`). The length of a piece has the same
//! limit as the body.

use std::io::{self, Read};

use super::ends::Ends;
use crate::error::{Error, ErrorKind, Result};

/// The lines or pieces of a body, without their ends. The iterator ends after an error.
///
/// # Coming from requests
/// A final line end or delimiter yields no empty item (in requests a final delimiter does), and a CR LF that is split
/// between two chunks is one line end.
pub struct Lines<R> {
    /// `None` at the end.
    body: Option<R>,
    pieces: Pieces,
    refused: Option<Error>,
}

/// The lines of `body`, which end in LF, CR LF or CR.
pub(crate) fn lines<R: Read>(body: R) -> Lines<R> {
    Lines { body: Some(body), pieces: Pieces::new(Ends::of_lines()), refused: None }
}

/// The pieces of `body` between delimiters. If the delimiter is empty, the first item is an error.
pub(crate) fn lines_by<R: Read>(body: R, delimiter: &[u8]) -> Lines<R> {
    if delimiter.is_empty() {
        let refused = Error::message(ErrorKind::InvalidSetting, "the delimiter of lines is empty");
        return Lines { body: None, pieces: Pieces::new(Ends::of_lines()), refused: Some(refused) };
    }
    Lines { body: Some(body), pieces: Pieces::new(Ends::of_pieces(delimiter)), refused: None }
}

impl<R: Read> Iterator for Lines<R> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(body) = &mut self.body else { return self.refused.take().map(Err) };
        let last = loop {
            if let Some(piece) = self.pieces.next() {
                return Some(Ok(piece.to_vec()));
            }
            match read(body, self.pieces.room()) {
                Ok(0) => break self.pieces.rest().map(|piece| Ok(piece.to_vec())),
                Ok(n) => self.pieces.add(n),
                Err(error) => break Some(Err(error.into())),
            }
        };
        self.body = None;
        last
    }
}

/// The least that is asked for in each read. It is requests' chunk size, so that a connection is not read further ahead than
/// users expect. The connection has a buffer of its own, so few of these are system calls.
const READ: usize = 512;

/// Reads once, until it is not interrupted.
pub(super) fn read(body: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    loop {
        match body.read(out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// What has arrived, cut into pieces.
struct Pieces {
    buffer: Vec<u8>,
    /// How much of the buffer is filled.
    filled: usize,
    ends: Ends,
}

impl Pieces {
    fn new(ends: Ends) -> Self {
        Self { buffer: Vec::new(), filled: 0, ends }
    }

    /// The next complete piece.
    #[inline]
    fn next(&mut self) -> Option<&[u8]> {
        self.ends.next(&self.buffer[..self.filled]).map(|piece| &self.buffer[piece])
    }

    /// The last piece, if it has no end.
    fn rest(&self) -> Option<&[u8]> {
        Some(&self.buffer[self.ends.start()..self.filled]).filter(|rest| !rest.is_empty())
    }

    /// Where to read more: after what is there.
    fn room(&mut self) -> &mut [u8] {
        if self.buffer.len() - self.filled < READ {
            self.buffer.copy_within(self.ends.start()..self.filled, 0);
            self.filled -= self.ends.start();
            self.ends.forget();
            if self.buffer.len() - self.filled < READ {
                let length = (2 * self.buffer.len()).max(2 * READ);
                self.buffer.resize(length, 0);
            }
        }
        &mut self.buffer[self.filled..]
    }

    /// Tells how much was read into the room.
    fn add(&mut self, length: usize) {
        let searched = self.filled;
        self.filled += length;
        self.ends.more(&self.buffer[..self.filled], searched);
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
