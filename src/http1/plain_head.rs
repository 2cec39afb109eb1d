//! The head that nearly every server sends, parsed in one pass: version 1.0 or 1.1, CRLF at the end of each line, ASCII, no
//! control bytes, no folded lines.
//!
//! Eight bytes are looked at together: arithmetic on a `u64` sets the highest bit of each byte that ends a name or a value
//! (see `octets`), and the first of these bits says how far the name or value reaches. Whatever is unusual is left to
//! [`lenient_head`](super::lenient_head), which knows what it means; a test checks that both agree.

use http::StatusCode;

use super::head::{ResponseHead, Version, reason};
use super::octets::{after_name, after_text};
use crate::headers::{Entry, Headers};

/// How many fields are noted on the stack before the list needs memory for more.
const FEW: usize = 48;

/// The head at the start of `buf`, and its length; `None` if it is not complete, not plain, or beyond the limits.
pub(super) fn parse(buf: &[u8], max_bytes: usize, max_headers: usize) -> Option<(ResponseHead, usize)> {
    let version = match buf.split_first_chunk()?.0 {
        b"HTTP/1.1 " => Version::Http11,
        b"HTTP/1.0 " => Version::Http10,
        _ => return None,
    };
    let status = StatusCode::from_bytes(buf.get(9..12)?).ok()?;
    let line_end = text_end(buf, 12)?;
    let words = &buf[12..line_end];
    if !words.is_empty() && words[0] != b' ' {
        return None;
    }
    let reason = reason(status, words);

    let start = line_end + 2;
    let mut few = [Entry::default(); FEW];
    let mut many = Vec::new();
    let (mut count, mut at) = (0, start);
    loop {
        if buf.get(at..at + 2)? == b"\r\n" {
            break;
        }
        let colon = after_name(buf, at);
        if colon == at || *buf.get(colon)? != b':' {
            return None;
        }
        let end = text_end(buf, colon + 1)?;
        let (mut first, mut last) = (colon + 1, end);
        while first < last && matches!(buf[first], b' ' | b'\t') {
            first += 1;
        }
        while first < last && matches!(buf[last - 1], b' ' | b'\t') {
            last -= 1;
        }
        if count == FEW {
            many.extend_from_slice(&few);
        }
        let field = Entry::new(at - start..colon - start, first - start..last - start);
        match few.get_mut(count) {
            Some(free) => *free = field,
            None => many.push(field),
        }
        count += 1;
        at = end + 2;
    }
    let used = at + 2;
    if used > max_bytes || count > max_headers {
        return None;
    }
    let fields = if many.is_empty() { &few[..count] } else { &many };
    // All of it is ASCII, and so text.
    let headers = Headers::from_text(std::str::from_utf8(&buf[start..at]).ok()?, fields);
    Some((ResponseHead { version, status, reason, headers, left_out: None }, used))
}

/// Where the line ends whose text begins at `at`; `None` if its CRLF is not there, or something else ends the text.
#[inline]
fn text_end(buf: &[u8], at: usize) -> Option<usize> {
    let end = after_text(buf, at);
    (buf.get(end..end + 2)? == b"\r\n").then_some(end)
}
