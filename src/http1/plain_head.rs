//! The head that nearly every server sends, parsed in one pass, directly into [`Headers`]: HTTP/1.0 or 1.1, ASCII, no control
//! bytes, no folded lines, each line ended by CRLF.
//!
//! Whatever is unusual is left to [`strict_head`](super::strict_head) and [`lenient_head`](super::lenient_head), which know what
//! it means; tests check that they agree. So this reader need not understand a head to refuse it: it stops at the first byte that
//! it does not expect.

use std::borrow::Cow;
use std::ops::Range;

use http::StatusCode;

use super::head::{ResponseHead, Version, reason};
use super::octets::{after_name, after_text};
use crate::headers::{Entry, Headers, Noted};

/// The head at the start of `buf`, and its length; `None` if it is not complete, not plain, or beyond the limits.
pub(super) fn parse(buf: &[u8], max_bytes: usize, max_headers: usize) -> Option<(ResponseHead, usize)> {
    let (version, status, reason, start) = status_line(buf)?;
    let mut noted = Noted::new();
    let mut at = start;
    let used = loop {
        let colon = after_name(buf, at);
        if colon == at {
            // No name: the empty line, or nothing that is known here.
            break after_line_end(buf, at)?;
        }
        let (value, next) = value_after(buf, colon)?;
        if noted.len() == max_headers {
            return None;
        }
        noted.add(&buf[at..colon], Entry::new(at..colon, value));
        at = next;
    };
    if used > max_bytes {
        return None;
    }
    // One copy of the text of all fields is cheaper than one of each. It is known to be ASCII, but not to the compiler; from the
    // start of the buffer, which is aligned, more of it is checked a word at a time.
    let text = std::str::from_utf8(buf.get(..used)?).ok()?;
    let headers = Headers::from_text(text, start, &noted);
    Some((ResponseHead { version, status, reason, headers, left_out: None }, used))
}

/// Version, status and reason, and the position after the line.
fn status_line(buf: &[u8]) -> Option<(Version, StatusCode, Cow<'static, str>, usize)> {
    let (version, rest) = match buf.split_first_chunk()? {
        (b"HTTP/1.1 ", rest) => (Version::Http11, rest),
        (b"HTTP/1.0 ", rest) => (Version::Http10, rest),
        _ => return None,
    };
    let (code, rest) = rest.split_first_chunk::<3>()?;
    let status = StatusCode::from_bytes(code).ok()?;
    let code_end = buf.len() - rest.len();
    let start = if let [b' ', ..] = rest { code_end + 1 } else { code_end };
    let end = after_text(buf, start);
    let next = after_line_end(buf, end)?;
    // What follows the code at once would be a longer code.
    (start > code_end || end == code_end).then(|| (version, status, reason(status, &buf[start..end]), next))
}

/// Where the value is that follows `colon`, without the blanks around it, and the position after the line.
#[inline]
fn value_after(buf: &[u8], colon: usize) -> Option<(Range<usize>, usize)> {
    if buf.get(colon) != Some(&b':') {
        return None;
    }
    let is_blank = |at: usize| matches!(buf.get(at), Some(b' ' | b'\t'));
    let mut start = colon + 1;
    while is_blank(start) {
        start += 1;
    }
    let line_end = after_text(buf, start);
    let next = after_line_end(buf, line_end)?;
    let mut end = line_end;
    while end > start && is_blank(end - 1) {
        end -= 1;
    }
    Some((start..end, next))
}

/// The position after the CRLF at `at`; `None` if there is none.
#[inline]
fn after_line_end(buf: &[u8], at: usize) -> Option<usize> {
    buf.get(at..at + 2).filter(|end| *end == b"\r\n").map(|_| at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(head: &str) -> Option<(ResponseHead, usize)> {
        parse(head.as_bytes(), 1000, 100)
    }

    #[test]
    fn a_plain_head_is_read_up_to_its_empty_line() {
        let (head, used) =
            parsed("HTTP/1.1 404 Not Found\r\nA: b\r\nEmpty:\r\nX-Long-Name:\t two words \t\r\n\r\nbody").unwrap();

        assert_eq!((head.version, head.status.as_u16(), &*head.reason), (Version::Http11, 404, "Not Found"));
        let fields: Vec<_> = head.headers.iter().collect();
        assert_eq!(fields, [("A", "b"), ("Empty", ""), ("X-Long-Name", "two words")]);
        assert_eq!(used, 67);
        for (line, reason) in [("HTTP/1.0 200", ""), ("HTTP/1.0 200 ", ""), ("HTTP/1.0 299 A\tb ", "A\tb")] {
            let (head, _) = parsed(&format!("{line}\r\n\r\n")).unwrap();
            assert_eq!((head.version, &*head.reason, head.headers.len()), (Version::Http10, reason, 0), "{line:?}");
        }
    }

    #[test]
    fn many_fields_are_noted_like_few() {
        for count in [1, 47, 48, 49, 96, 97, 300] {
            let fields: String = (0..count).map(|n| format!("X-{n}: {n}\r\n")).collect();
            let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");

            let (read, used) = parse(head.as_bytes(), head.len(), count).unwrap();

            assert_eq!((used, read.headers.len()), (head.len(), count));
            assert!((0..count).all(|n| read.headers.get(&format!("x-{n}")) == Some(&*n.to_string())), "{count}");
            assert!(parse(head.as_bytes(), head.len() - 1, count).is_none());
            assert!(parse(head.as_bytes(), head.len(), count - 1).is_none());
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_other_reader() {
        for line in [
            "HTTP/1.1 200 OK\n",
            "HTTP/1.1 200 OK\r",
            "HTTP/1.1 2000\r\n",
            "HTTP/1.1 200\tOK\r\n",
            "HTTP/1.1 20 OK\r\n",
            "HTTP/1.1  200 OK\r\n",
            "HTTP/1.2 200 OK\r\n",
            "http/1.1 200 OK\r\n",
            "HTTP/1.1 099 OK\r\n",
            "HTTP/1.1 200 \u{e9}\r\n",
            "HTTP/1.1 200 O\rK\r\n",
            "\r\nHTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 O\0K\r\n",
            "HTTP/1.1 2x0 OK\r\n",
            "HTTP/1.1",
        ] {
            assert_eq!(parsed(&format!("{line}A: b\r\n\r\n")), None, "{line:?}");
        }
        for field in [
            "A: b\n",
            "A: b\r",
            "A : b\r\n",
            " A: b\r\n",
            "\tA: b\r\n",
            "A b: c\r\n",
            "A\tb: c\r\n",
            ": b\r\n",
            "A\r\n",
            "A: b\r\n c\r\n",
            "A: b\rc\r\n",
            "A: b\0c\r\n",
            "A: \u{7f}\r\n",
            "A: \u{e9}\r\n",
            "\u{e9}: b\r\n",
            "A\u{7f}: b\r\n",
            "A\0: b\r\n",
            "A: b\r\r\n",
            "A: b\n\r\n",
            "\rA: b\r\n",
            "\n",
        ] {
            let (alone, first) =
                (format!("HTTP/1.1 200 OK\r\n{field}\r\n"), format!("HTTP/1.1 200 OK\r\n{field}X-Y: z\r\n\r\n"));
            assert_eq!((parsed(&alone), parsed(&first)), (None, None), "{field:?}");
        }
        for cut in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n\r"] {
            assert_eq!(parsed(cut), None, "{cut:?}");
        }
    }
}
