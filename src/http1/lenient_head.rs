//! Parses a response head as requests does, where that is harmless.
//!
//! Only for heads that are not plain. Accepted, besides what is plain: any HTTP/1 version in either case, a folded line
//! (joined by one blank), blanks before a colon, control bytes in a value or the reason. Skipped: a line that is not a field,
//! with what is folded into it; requests would also drop all that follows. Refused: NUL and a bare CR, because readers differ
//! on what those end, and that is how one response becomes two.

use std::borrow::Cow;
use std::num::NonZeroU32;

use http::StatusCode;

use super::head::{LeftOut, ResponseHead, Version, reason};
use super::octets::{is_dangerous, trim};
use super::remote_error::{RemoteError, shown};
use crate::headers::Headers;

/// Parses a complete head, from its status line to its empty line.
pub(super) fn parse(head: &[u8], max_headers: usize) -> Result<ResponseHead, RemoteError> {
    let mut lines = head.split(|&byte| byte == b'\n');
    let (version, status, reason) = status_line(lines.next().unwrap_or_default())?;
    let mut headers = Headers::with_capacity(0, head.len());
    let mut field: Option<(&[u8], Cow<'_, [u8]>)> = None;
    let mut count = 0;
    let mut left_out = None;
    for (before, line) in lines.map(without_cr).take_while(|line| !line.is_empty()).enumerate() {
        if line.iter().any(|&byte| is_dangerous(byte)) {
            return Err(RemoteError::InvalidHeader(dangerous_byte(line)));
        }
        if let [b' ' | b'\t', ..] = line {
            if let Some((_, value)) = &mut field {
                unfold(value, trim(line));
            }
            continue;
        }
        count += 1;
        if count > max_headers {
            return Err(RemoteError::TooManyHeaders { limit: max_headers });
        }
        if let Some((name, value)) = field.take() {
            headers.push_latin1(name, &value);
        }
        field = split(line).map(|(name, value)| (name, Cow::Borrowed(value)));
        if field.is_none() && left_out.is_none() {
            let line_number = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(2);
            let bytes = u32::try_from(line.len()).unwrap_or(u32::MAX);
            left_out = NonZeroU32::new(line_number).map(|line| LeftOut { line, bytes });
        }
    }
    if let Some((name, value)) = field {
        headers.push_latin1(name, &value);
    }
    Ok(ResponseHead { version, status, reason, headers, left_out })
}

/// Parses a status line, given without its LF.
pub(super) fn status_line(line: &[u8]) -> Result<(Version, StatusCode, Cow<'static, str>), RemoteError> {
    let refuse = || RemoteError::not_http(line);
    let text = without_cr(line);
    if text.iter().any(|&byte| is_dangerous(byte)) {
        return Err(refuse());
    }
    let (version, rest) = word(text);
    let (code, rest) = word(rest);
    let version = match version.split_at_checked(b"HTTP/".len()) {
        Some((protocol, b"0.9" | b"1.0")) if protocol.eq_ignore_ascii_case(b"HTTP/") => Version::Http10,
        Some((protocol, [b'1', b'.', minor @ ..]))
            if protocol.eq_ignore_ascii_case(b"HTTP/") && minor.iter().all(u8::is_ascii_graphic) =>
        {
            Version::Http11
        }
        _ => return Err(refuse()),
    };
    // StatusCode accepts three digits, the first of them not 0.
    let status = StatusCode::from_bytes(code).map_err(|_| refuse())?;
    Ok((version, status, reason(status, rest)))
}

/// The next word of a status line, and what follows it.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let start = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
    let text = &text[start..];
    text.split_at(text.iter().position(is_blank).unwrap_or(text.len()))
}

/// Name and value of a line; `None` if it is not a field. Names that are not tokens pass if requests accepts them.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    // RFC 9112 §5.1: proxies remove blanks before the colon and servers refuse them; a client may ignore them.
    let name = trim(&line[..colon]);
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then(|| (name, trim(&line[colon + 1..])))
}

fn unfold(value: &mut Cow<'_, [u8]>, more: &[u8]) {
    if !more.is_empty() {
        let value = value.to_mut();
        if !value.is_empty() {
            value.push(b' ');
        }
        value.extend_from_slice(more);
    }
}

fn dangerous_byte(line: &[u8]) -> Cow<'static, str> {
    match split(line) {
        Some((name, _)) => format!("NUL or CR in the value of {}", shown(name)).into(),
        None => "NUL or CR".into(),
    }
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The search for the end of a head refuses most of these before; a status line is not read without that check either.
    #[test]
    fn a_status_line_names_its_protocol_in_full() {
        for line in ["HTTP/1.0 200", "http/0.9 200 OK", "HTTP/1.1 200 OK\r", "hTTP/1.2 200"] {
            assert!(status_line(line.as_bytes()).is_ok(), "{line:?}");
        }
        for line in [
            "HTTQ/1.0 200",
            "HTTP:1.0 200",
            "ICY 200 OK",
            "XXXX/1.1 200",
            "HTTP/2.0 200",
            "HTTP/1.1",
            "HTTP/1.0 20",
            "",
        ] {
            assert!(status_line(line.as_bytes()).is_err(), "{line:?}");
        }
    }
}
