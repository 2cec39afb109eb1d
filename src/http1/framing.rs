//! Where the body of a response ends: RFC 9112 §6.3 as a pure function.
//!
//! Two ways to tell the end at once, or two lengths, are how a response is smuggled past one reader and into another:
//! refused. A length that is no number to anyone is as good as none, as in requests.

use http::{Method, StatusCode};

use super::RemoteError;
use super::remote_error::shown;
use super::response_head::ResponseHead;
use crate::headers::Headers;

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Framing {
    /// There is no body, whatever the fields say.
    None,
    Length(u64),
    Chunked,
    UntilClose,
}

impl Framing {
    pub(crate) fn of_response(method: &Method, head: &ResponseHead) -> Result<Self, RemoteError> {
        if is_bodyless(method, head.status) {
            return Ok(Self::None);
        }
        let mut length = None;
        for value in head.headers.get_all("content-length") {
            read_lengths(value, &mut length)?;
        }
        let coded = head.headers.contains("transfer-encoding");
        let chunked = coded && codings(&head.headers).any(|coding| coding.eq_ignore_ascii_case("chunked"));
        match length {
            Some(_) if coded => {
                Err(RemoteError::InvalidHeader("both Transfer-Encoding and Content-Length are present".into()))
            }
            Some(Length::Known(length)) => Ok(Self::Length(length)),
            // FRAME-13: wherever it stands in the list, as in requests; `reuse` keeps such a connection out of the pool.
            _ if chunked => Ok(Self::Chunked),
            _ => Ok(Self::UntilClose),
        }
    }

    /// The length as the log line shows it; `None` if it is not known yet.
    pub(crate) fn log_length(self) -> Option<u64> {
        match self {
            Self::None => Some(0),
            Self::Length(length) => Some(length),
            Self::Chunked | Self::UntilClose => None,
        }
    }
}

/// Whether the connection stops speaking HTTP behind this head.
pub(super) fn is_switch(method: &Method, status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS || (*method == Method::CONNECT && status.is_success())
}

/// The transfer codings, in all fields.
pub(super) fn codings(headers: &Headers) -> impl Iterator<Item = &str> {
    headers.get_all("transfer-encoding").flat_map(members)
}

fn is_bodyless(method: &Method, status: StatusCode) -> bool {
    *method == Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || is_switch(method, status)
}

/// The members of a list that are not empty (RFC 9110 §5.6.1).
fn members(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty())
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Length {
    Known(u64),
    /// There is a field, and no number in it.
    Unknown,
}

/// Adds what one Content-Length says to what others said before.
fn read_lengths(value: &str, seen: &mut Option<Length>) -> Result<(), RemoteError> {
    let mut found = false;
    for member in members(value) {
        let length = read_length(member)?;
        if seen.is_some_and(|seen| seen != length) {
            return Err(refuse("several Content-Lengths that differ", value));
        }
        (*seen, found) = (Some(length), true);
    }
    if !found {
        seen.get_or_insert(Length::Unknown);
    }
    Ok(())
}

fn read_length(text: &str) -> Result<Length, RemoteError> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(Length::Known).map_err(|_| refuse("Content-Length is too large", text));
    }
    // `+5` and `1_0` are numbers to some readers and not to others.
    if text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'_')) {
        return Err(refuse("Content-Length is not a number", text));
    }
    Ok(Length::Unknown)
}

fn refuse(fault: &str, value: &str) -> RemoteError {
    RemoteError::InvalidHeader(format!("{fault}: {}", shown(value.as_bytes())).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::response_head::{HeadLimits, HeadParser};

    fn framing(method: &Method, status: u16, fields: &str) -> Result<Framing, String> {
        let raw = format!("HTTP/1.1 {status} X\r\n{fields}\r\n");
        let (head, _) = HeadParser::new(HeadLimits::default()).feed(raw.as_bytes()).unwrap().unwrap();
        Framing::of_response(method, &head).map_err(|error| error.to_string())
    }

    // FRAME-11, FRAME-15
    #[test]
    fn some_responses_have_no_body_whatever_their_fields_say() {
        for fields in [
            "",
            "Content-Length: 5\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
        ] {
            for (method, status) in [
                (Method::HEAD, 200),
                (Method::HEAD, 404),
                (Method::GET, 101),
                (Method::GET, 103),
                (Method::POST, 204),
                (Method::GET, 304),
                (Method::CONNECT, 200),
            ] {
                assert_eq!(framing(&method, status, fields), Ok(Framing::None), "{method} {status} {fields}");
            }
        }
        for (method, status) in [(Method::GET, 200), (Method::GET, 205), (Method::CONNECT, 407), (Method::DELETE, 201)]
        {
            assert_eq!(framing(&method, status, ""), Ok(Framing::UntilClose), "{method} {status}");
        }
    }

    // FRAME-14
    #[test]
    fn a_length_is_digits_and_there_is_only_one() {
        let refused = |text: &str| Err(format!("invalid response header: {text}"));
        for (fields, want) in [
            ("Content-Length: 0", Ok(Framing::Length(0))),
            ("content-length: 0005", Ok(Framing::Length(5))),
            ("CONTENT-LENGTH:5", Ok(Framing::Length(5))),
            ("Content-Length: 18446744073709551615", Ok(Framing::Length(u64::MAX))),
            ("Content-Length: 5\r\nContent-Length: 5", Ok(Framing::Length(5))),
            ("Content-Length: 5\r\nContent-Length: 05", Ok(Framing::Length(5))),
            ("Content-Length: 5, 5,", Ok(Framing::Length(5))),
            ("Content-Length: 5,5\r\nX: 1\r\nContent-Length: 5", Ok(Framing::Length(5))),
            ("Content-Length:", Ok(Framing::UntilClose)),
            ("Content-Length: ,", Ok(Framing::UntilClose)),
            ("Content-Length: -5", Ok(Framing::UntilClose)),
            ("Content-Length: crap", Ok(Framing::UntilClose)),
            ("Content-Length: 0x5", Ok(Framing::UntilClose)),
            ("Content-Length: 5 5", Ok(Framing::UntilClose)),
            ("Content-Length: 5.0", Ok(Framing::UntilClose)),
            ("Content-Length: \"5\"", Ok(Framing::UntilClose)),
            ("Content-Length: +5", refused("Content-Length is not a number: +5")),
            ("Content-Length: 1_0", refused("Content-Length is not a number: 1_0")),
            ("Content-Length: 18446744073709551616", refused("Content-Length is too large: 18446744073709551616")),
            ("Content-Length: 3, 4", refused("several Content-Lengths that differ: 3, 4")),
            ("Content-Length: 3\r\nContent-Length: 4", refused("several Content-Lengths that differ: 4")),
            ("Content-Length: 6bad\r\nContent-Length: 44", refused("several Content-Lengths that differ: 44")),
        ] {
            assert_eq!(framing(&Method::GET, 200, &format!("{fields}\r\n")), want, "{fields}");
        }
    }

    // FRAME-12, FRAME-13
    #[test]
    fn a_transfer_coding_stands_alone() {
        let refused = Err("invalid response header: both Transfer-Encoding and Content-Length are present".to_owned());
        for (fields, want) in [
            ("Transfer-Encoding: chunked", Ok(Framing::Chunked)),
            ("transfer-encoding:CHUNKED", Ok(Framing::Chunked)),
            ("Transfer-Encoding: gzip, chunked", Ok(Framing::Chunked)),
            ("Transfer-Encoding: chunked, another", Ok(Framing::Chunked)),
            ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", Ok(Framing::Chunked)),
            ("Transfer-Encoding: identity", Ok(Framing::UntilClose)),
            ("Transfer-Encoding: xchunked", Ok(Framing::UntilClose)),
            ("Transfer-Encoding: \"chunked\"", Ok(Framing::UntilClose)),
            ("Transfer-Encoding: chunked;q=1", Ok(Framing::UntilClose)),
            ("Transfer-Encoding:", Ok(Framing::UntilClose)),
            ("Transfer-Encoding: chunked\r\nContent-Length: 3", refused.clone()),
            ("Content-Length: 3\r\nTransfer-Encoding: chunked", refused.clone()),
            ("Content-Length: 3\r\nTransfer-Encoding: gzip", refused.clone()),
            ("Content-Length: x\r\nTransfer-Encoding: chunked", refused),
        ] {
            assert_eq!(framing(&Method::GET, 200, &format!("{fields}\r\n")), want, "{fields}");
        }
    }

    // LOG-05
    #[test]
    fn the_log_shows_a_length_where_one_is_known() {
        for (framing, want) in [
            (Framing::None, Some(0)),
            (Framing::Length(2621), Some(2621)),
            (Framing::Chunked, None),
            (Framing::UntilClose, None),
        ] {
            assert_eq!(framing.log_length(), want);
        }
    }
}
