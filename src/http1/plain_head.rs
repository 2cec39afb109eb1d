//! The head that nearly every server sends, parsed by httparse in one call, directly into [`Headers`]: ASCII, no control bytes, no
//! folded lines.
//!
//! Whatever is unusual is left to [`lenient_head`](super::lenient_head), which knows what it means; a test checks that both agree.

use std::mem::MaybeUninit;

use http::StatusCode;
use httparse::{ParserConfig, Status};

use super::head::{ResponseHead, Version, reason};
use super::octets::is_ascii;
use crate::headers::{Entry, Headers};

/// More fields than this are left to the other reader. Room that is not used costs nothing.
const MOST: usize = 256;

/// The head at the start of `buf`, and its length; `None` if it is not complete, not plain, or beyond the limits.
pub(super) fn parse(buf: &[u8], max_bytes: usize, max_headers: usize) -> Option<(ResponseHead, usize)> {
    let mut slots = [const { MaybeUninit::uninit() }; MOST];
    let mut parsed = httparse::Response::new(&mut []);
    let result = ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, buf, &mut slots);
    let Ok(Status::Complete(used)) = result else { return None };
    if used > max_bytes || parsed.headers.len() > max_headers || !is_ascii(&buf[..used]) {
        return None;
    }
    let version = if parsed.version? == 0 { Version::Http10 } else { Version::Http11 };
    let status = StatusCode::from_u16(parsed.code?).ok()?;
    let reason = reason(status, parsed.reason?.as_bytes());

    // One copy of the text of all fields is cheaper than one of each.
    let start = parsed.headers.first().map_or(used, |first| offset(buf, first.name.as_bytes()));
    let text = std::str::from_utf8(buf.get(start..used)?).ok()?;
    let fields = parsed.headers.iter().map(|header| {
        let name = offset(text.as_bytes(), header.name.as_bytes());
        let name = name..name + header.name.len();
        // An empty value may be a constant of httparse.
        let value = if header.value.is_empty() { name.end } else { offset(text.as_bytes(), header.value) };
        (header.name, Entry::new(name, value..value + header.value.len()))
    });
    let headers = Headers::from_text(text, fields);
    Some((ResponseHead { version, status, reason, headers, left_out: None }, used))
}

/// Where `part`, which httparse found in `whole`, begins in it. If it were elsewhere, the number would be too large.
fn offset(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr())
}
