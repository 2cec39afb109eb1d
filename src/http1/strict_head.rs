//! A regular head that is not written as most are (a line ends in LF alone, an empty line comes first), parsed by httparse.
//!
//! It must be ASCII. What httparse refuses is left to [`lenient_head`](super::lenient_head); a test checks that both agree.

use std::mem::MaybeUninit;

use http::StatusCode;
use httparse::{ParserConfig, Status};

use super::head::{ResponseHead, Version, reason};
use super::octets::is_ascii;
use crate::headers::{Entry, Headers, Noted};

/// More fields than this are left to the other reader. Room that is not used costs nothing.
const MOST: usize = 256;

/// The head that `buf` is, as a whole; `None` if it is not regular, or has more fields than allowed.
pub(super) fn parse(buf: &[u8], max_headers: usize) -> Option<ResponseHead> {
    let mut slots = [const { MaybeUninit::uninit() }; MOST];
    let mut parsed = httparse::Response::new(&mut []);
    let result = ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, buf, &mut slots);
    if result != Ok(Status::Complete(buf.len())) || parsed.headers.len() > max_headers || !is_ascii(buf) {
        return None;
    }
    let version = if parsed.version? == 0 { Version::Http10 } else { Version::Http11 };
    let status = StatusCode::from_u16(parsed.code?).ok()?;
    let reason = reason(status, parsed.reason?.as_bytes());

    let text = std::str::from_utf8(buf).ok()?;
    let mut noted = Noted::new();
    for header in parsed.headers.iter() {
        let name = offset(buf, header.name.as_bytes());
        let name = name..name + header.name.len();
        // An empty value may be a constant of httparse.
        let value = if header.value.is_empty() { name.end } else { offset(buf, header.value) };
        noted.add(header.name.as_bytes(), Entry::new(name, value..value + header.value.len()));
    }
    let start = parsed.headers.first().map_or(buf.len(), |first| offset(buf, first.name.as_bytes()));
    let headers = Headers::from_text(text, start, &noted);
    Some(ResponseHead { version, status, reason, headers, left_out: None })
}

/// Where `part`, which httparse found in `whole`, begins in it. If it were elsewhere, the number would be too large.
fn offset(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr())
}
