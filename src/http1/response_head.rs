//! The head of a response: status line and fields, from bytes that arrive piece by piece.
//!
//! [`plain_head`](super::plain_head) parses what nearly every server sends, in one pass. What it leaves goes to httparse
//! ([`strict_head`](super::strict_head)), and what that refuses and requests accepts (folded lines, odd versions, lines that are
//! not fields) to [`lenient_head`](super::lenient_head). These two parse complete heads only. Tests check that for what one
//! accepts, the next agrees.
//!
//! A head that arrives in pieces is scanned once: the parser remembers how far it has looked for the empty line.

use memchr::memchr;

use super::head::ResponseHead;
use super::remote_error::RemoteError;
use super::{lenient_head, plain_head, strict_head};

/// Parses one head after another from the start of a buffer.
#[derive(Debug)]
pub(crate) struct HeadParser {
    limits: HeadLimits,
    /// Bytes of the interim responses before: they count against the limit, so that they cannot go on forever.
    spent: usize,
    search: Search,
}

/// The limits on a head: its size, and the header count. The default is that of an adapter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    pub(crate) max_bytes: usize,
    pub(crate) max_headers: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { max_bytes: 256 * 1024, max_headers: 256 }
    }
}

/// How far an incomplete head was scanned.
#[derive(Debug, Default)]
struct Search {
    /// Where the status line starts: after empty lines.
    start: usize,
    /// There is no line end (later, no end of the head) before here.
    done: usize,
    status_line_seen: bool,
}

impl HeadParser {
    pub(crate) fn new(limits: HeadLimits) -> Self {
        // Positions in Headers have 32 bits, and a byte of Latin-1 may become two bytes of text.
        let max_bytes = limits.max_bytes.min(u32::MAX as usize / 4);
        Self { limits: HeadLimits { max_bytes, ..limits }, spent: 0, search: Search::default() }
    }

    /// Parses a head at the start of `buf`, and returns it with its length; `None` if more bytes are needed.
    ///
    /// `buf` is all that has arrived and is not yet used: the same bytes at each call, followed by more. After an
    /// interim head (see [`ResponseHead::is_interim`]) call again with what follows it.
    #[inline]
    pub(crate) fn feed(&mut self, buf: &[u8]) -> Result<Option<(ResponseHead, usize)>, RemoteError> {
        let untouched = self.search.done == 0;
        let plain = if untouched { self.plain(buf) } else { None };
        let (head, used) = match plain {
            Some(found) => found,
            None => {
                let Some(end) = self.head_end(buf)? else { return Ok(None) };
                match self.plain(&buf[..end]) {
                    Some(found) => found,
                    None => (self.unusual(&buf[self.search.start..end])?, end),
                }
            }
        };
        self.search = Search::default();
        self.spent += used;
        Ok(Some((head, used)))
    }

    /// The error if the peer closes now; `buf` is as in [`feed`](Self::feed). [`RemoteError::NoAnswer`] means that not
    /// a single byte of a response arrived.
    pub(crate) fn eof(&self, buf: &[u8]) -> RemoteError {
        match self.spent + buf.len() {
            0 => RemoteError::NoAnswer,
            got => RemoteError::HeadCut { got },
        }
    }

    /// A head that is complete, plain and within the limits.
    fn plain(&self, buf: &[u8]) -> Option<(ResponseHead, usize)> {
        plain_head::parse(buf, self.left(), self.limits.max_headers)
    }

    /// A complete head of any other kind.
    fn unusual(&self, head: &[u8]) -> Result<ResponseHead, RemoteError> {
        let max_headers = self.limits.max_headers;
        strict_head::parse(head, max_headers).map_or_else(|| lenient_head::parse(head, max_headers), Ok)
    }

    /// The end of the head, if it is in `buf`. A response that is not HTTP is refused as soon as that is visible,
    /// because its peer may be waiting.
    fn head_end(&mut self, buf: &[u8]) -> Result<Option<usize>, RemoteError> {
        // Nothing beyond the limit is examined; otherwise the result would depend on how much arrived at once.
        let seen = &buf[..buf.len().min(self.left())];
        match self.search.head_end(seen)? {
            None if seen.len() < buf.len() => Err(RemoteError::HeadTooLarge { limit: self.limits.max_bytes }),
            end => Ok(end),
        }
    }

    fn left(&self) -> usize {
        self.limits.max_bytes.saturating_sub(self.spent)
    }
}

impl Search {
    fn head_end(&mut self, buf: &[u8]) -> Result<Option<usize>, RemoteError> {
        if !self.status_line_seen {
            self.start += empty_lines(&buf[self.start..]);
            let line = &buf[self.start..];
            // Perhaps the first byte of another empty line.
            if line == b"\r" {
                return Ok(None);
            }
            let known = line.len().min(PROTOCOL.len());
            if !line[..known].eq_ignore_ascii_case(&PROTOCOL[..known]) {
                return Err(RemoteError::not_http(line));
            }
            let from = self.done.max(self.start);
            let Some(length) = memchr(b'\n', &buf[from..]) else {
                self.done = buf.len();
                return Ok(None);
            };
            lenient_head::status_line(&buf[self.start..from + length])?;
            self.status_line_seen = true;
            self.done = from + length;
        }
        match empty_line(buf, self.done) {
            Ok(end) => Ok(Some(end)),
            Err(resume) => {
                self.done = resume;
                Ok(None)
            }
        }
    }
}

const PROTOCOL: &[u8] = b"HTTP/";

/// The length of the empty lines at the start of `buf`, which RFC 9112 §2.2 allows a reader to skip.
fn empty_lines(buf: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match &buf[at..] {
            [b'\n', ..] => at += 1,
            [b'\r', b'\n', ..] => at += 2,
            _ => return at,
        }
    }
}

/// The position after the first empty line that follows a line end at or after `from`; otherwise the position from
/// which to continue when more has arrived.
fn empty_line(buf: &[u8], from: usize) -> Result<usize, usize> {
    let mut at = from;
    while let Some(length) = memchr(b'\n', &buf[at..]) {
        at += length;
        match &buf[at + 1..] {
            [b'\n', ..] => return Ok(at + 2),
            [b'\r', b'\n', ..] => return Ok(at + 3),
            [] | [b'\r'] => return Err(at),
            _ => at += 1,
        }
    }
    Err(buf.len())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::super::head::Version;
    use super::*;

    fn parser() -> HeadParser {
        HeadParser::new(HeadLimits::default())
    }

    fn parse(raw: &[u8]) -> Result<Option<(ResponseHead, usize)>, RemoteError> {
        parser().feed(raw)
    }

    // FRAME-01, FRAME-22
    #[test]
    fn the_version_is_1_0_or_1_1() {
        for (text, want) in [
            ("HTTP/1.1", Version::Http11),
            ("HTTP/1.0", Version::Http10),
            ("HTTP/0.9", Version::Http10),
            ("http/1.0", Version::Http10),
            ("Http/1.1", Version::Http11),
            ("HTTP/1.2", Version::Http11),
            ("HTTP/1.01", Version::Http11),
            ("HTTP/1.", Version::Http11),
        ] {
            let (head, _) = parse(format!("{text} 200 OK\r\n\r\n").as_bytes()).unwrap().unwrap();

            assert_eq!(head.version, want, "{text}");
        }
    }

    // FRAME-03
    #[test]
    fn a_usual_reason_is_not_copied() {
        for (line, want, borrowed) in [
            ("HTTP/1.1 200 OK", "OK", true),
            ("HTTP/1.1 404 Not Found  ", "Not Found", true),
            ("HTTP/1.5 404 Not Found", "Not Found", true),
            ("HTTP/1.1 200", "", true),
            ("HTTP/1.1 999 ", "", true),
            ("HTTP/1.1 404 OK", "OK", false),
            ("HTTP/1.1 999 OK", "OK", false),
        ] {
            let (head, _) = parse(format!("{line}\r\n\r\n").as_bytes()).unwrap().unwrap();

            assert_eq!((&*head.reason, matches!(head.reason, Cow::Borrowed(_))), (want, borrowed), "{line}");
        }
    }

    #[test]
    fn lines_that_end_in_lf_alone_are_read_by_httparse() {
        let head = strict_head::parse(b"HTTP/1.0 404 Not Found\nA: b\r\nEmpty:\nX:  c d \n\n", 3).unwrap();

        assert_eq!((head.version, head.status.as_u16(), &*head.reason), (Version::Http10, 404, "Not Found"));
        assert_eq!(head.headers.iter().collect::<Vec<_>>(), [("A", "b"), ("Empty", ""), ("X", "c d")]);
        for raw in [
            &b"HTTP/1.1 200 OK\nA: b\nB: c\nC: d\nD: e\n\n"[..], // more than three
            b"HTTP/1.1 200 OK\nA: \xe9\n\n",
            b"HTTP/1.1 200 OK\nA: b\n c\n\n",
            b"HTTP/1.1 200 OK\nA: b\n",
            b"HTTP/1.1 200 OK\nA: b\n\nbody",
        ] {
            assert_eq!(strict_head::parse(raw, 3), None, "{raw:?}");
        }
    }

    // FRAME-10
    #[test]
    fn any_1xx_but_101_is_interim() {
        for (status, want) in [(100, true), (101, false), (102, true), (103, true), (199, true), (200, false)] {
            let (head, used) = parse(format!("HTTP/1.1 {status}\n\nHTTP/1.1").as_bytes()).unwrap().unwrap();

            assert_eq!((head.is_interim(), used), (want, 14), "{status}");
        }
    }

    // FRAME-05
    #[test]
    fn a_peer_that_left_is_told_from_one_that_broke_off() {
        let mut parser = parser();
        assert_eq!(parser.eof(b""), RemoteError::NoAnswer);
        assert_eq!(parser.eof(b"HT"), RemoteError::HeadCut { got: 2 });

        parser.feed(b"HTTP/1.1 100\n\n").unwrap().unwrap();
        assert_eq!(parser.eof(b""), RemoteError::HeadCut { got: 14 });
        assert_eq!(parser.eof(b"HT"), RemoteError::HeadCut { got: 16 });
    }

    #[test]
    fn what_is_not_http_is_refused_without_waiting_for_more() {
        for raw in [
            &b"\x15\x03\x01"[..],
            b"S",
            b"\r\n\r\nHTTQ",
            b"\rH",
            b"HTTP/1.1 2000 OK\n",
            b"HTTP/3 200 OK\r\n",
            b"HTTP/1.1 200 O\0K\r\n",
        ] {
            assert!(matches!(parse(raw), Err(RemoteError::NotHttp(_))), "{raw:?}");
        }
        for raw in [
            &b""[..],
            b"\r",
            b"\n\r\n",
            b"h",
            b"HTTP/",
            b"HTTP/3 200 OK",
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 200 OK\r\n\r",
        ] {
            assert_eq!(parse(raw), Ok(None), "{raw:?}");
        }
    }

    #[test]
    fn a_head_in_pieces_is_looked_through_once() {
        let raw = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "v".repeat(60_000));
        let mut parser = parser();

        for end in (1..raw.len()).step_by(1000) {
            assert_eq!(parser.feed(&raw.as_bytes()[..end]), Ok(None));
            assert!(parser.search.done + 1 >= end, "it goes on from {} of {end}", parser.search.done);
        }
        assert!(parser.feed(raw.as_bytes()).unwrap().is_some());
    }

    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => prop::sample::select(vec![
                &b"\r\n"[..], b"\n", b"\r", b"\r\n\r\n", b": ", b":", b" ", b"\t", b"X-A", b"Content-Length", b"5",
                b"Transfer-Encoding", b"chunked", b"HTTP/1.1 200 OK", b"HTTP/1.1 103", b"hello", b"\r\n ", b"0", b";", b",",
            ]).prop_map(<[u8]>::to_vec),
            1 => prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    fn plain() -> impl Strategy<Value = Vec<u8>> {
        let field = ("[!-9;-~]{1,12}", "[ \t]{0,2}", "([ -~\t]{0,40})", "\r\n");
        let field = field.prop_map(|(name, blank, value, end)| format!("{name}:{blank}{value}{end}"));
        ("HTTP/1\\.[01] [1-9][0-9]{2}( [ -~\t]{0,20})?\r\n", prop::collection::vec(field, 0..60))
            .prop_map(|(line, fields)| format!("{line}{}\r\n", fields.concat()).into_bytes())
    }

    proptest! {
        #[test]
        fn both_readers_agree_on_plain_heads(raw in plain()) {
            let (strict, used) = parser().plain(&raw).expect("it is plain");
            let lenient = lenient_head::parse(&raw, 200).unwrap();

            prop_assert_eq!(used, raw.len());
            prop_assert!(strict.headers.iter().eq(lenient.headers.iter()));
            prop_assert_eq!(strict, lenient);
        }

        #[test]
        fn the_lenient_reader_takes_all_that_the_plain_one_does(tail in pieces()) {
            let raw = [b"HTTP/1.1 200 OK\r\n", tail.as_slice()].concat();
            if let Some((plain, used)) = parser().plain(&raw) {
                prop_assert_eq!(parser().head_end(&raw), Ok(Some(used)));
                prop_assert_eq!(lenient_head::parse(&raw[..used], 200), Ok(plain));
            }
        }

        #[test]
        fn the_lenient_reader_takes_all_that_httparse_does(tail in pieces(), ends in any::<u64>(), head in plain()) {
            // Also with lines that end in LF alone.
            let lines = head.split_inclusive(|&byte| byte == b'\n').enumerate();
            let bare = |(index, line): (usize, &[u8])| match line.strip_suffix(b"\r\n") {
                Some(line) if ends >> (index % 64) & 1 == 1 => [line, b"\n"].concat(),
                _ => line.to_vec(),
            };
            let head: Vec<u8> = lines.flat_map(bare).collect();
            for raw in [head, [b"HTTP/1.1 200 OK\r\n", tail.as_slice()].concat()] {
                if let Some(strict) = strict_head::parse(&raw, 200) {
                    prop_assert_eq!(parser().head_end(&raw), Ok(Some(raw.len())));
                    prop_assert_eq!(lenient_head::parse(&raw, 200), Ok(strict));
                }
            }
        }

        #[test]
        fn any_bytes_at_all_are_read_or_refused(
            cuts in any::<[u8; 3]>(), start in prop::sample::select(vec![&b""[..], b"HTTP/1.1 200 OK\r\n"]), tail in pieces(),
        ) {
            crate::http1::invariants::response_head(&[&cuts, start, tail.as_slice()].concat());
        }
    }
}
