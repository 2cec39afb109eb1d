//! Where a body ends: RFC 9112 §6 as pure functions, for responses and requests.
//!
//! Responses: what two readers could read in two ways is how a response is smuggled past one of them. A length that is
//! not a number, lengths that differ, and chunked anywhere except at the end of the codings are refused. For chunked
//! together with a length the RFC has a rule: chunked wins, and the connection is closed.
//!
//! Requests: only this file decides which requests have `Content-Length: 0`, which are sent chunked, and which framing
//! fields set by the caller contradict the body. [`prepared_field`] is called while the request is prepared,
//! [`of_request`] when it is sent, because the caller may have edited it in between.

use std::borrow::Cow;
use std::fmt;

use http::{Method, StatusCode};

use super::head::ResponseHead;
use super::remote_error::{RemoteError, shown};
use crate::headers::Headers;

/// How a response's body is delimited.
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
        // Most responses have none.
        let coded = head.headers.contains(TRANSFER_ENCODING);
        if coded && is_chunked(&head.headers)? {
            // Whatever a Content-Length says (RFC 9112 §6.3); `reuse` keeps such a connection out of the pool.
            return Ok(Self::Chunked);
        }
        let mut length = None;
        for value in head.headers.get_all(CONTENT_LENGTH) {
            read_lengths(value, &mut length)?;
        }
        match length {
            // Some readers delimit the body by the one, some by the other.
            Some(_) if coded && codings(&head.headers).any(|coding| !is_identity(coding)) => {
                Err(RemoteError::InvalidHeader(
                    "Content-Length together with a Transfer-Encoding other than chunked".into(),
                ))
            }
            Some(length) => Ok(Self::Length(length)),
            None => Ok(Self::UntilClose),
        }
    }

    /// The length in the log line; `None` if it is not known yet.
    pub(crate) fn log_length(self) -> Option<u64> {
        match self {
            Self::None => Some(0),
            Self::Length(length) => Some(length),
            Self::Chunked | Self::UntilClose => None,
        }
    }
}

/// The length of a request's body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BodyLength {
    /// There is no body.
    Empty,
    Known(u64),
    /// The body is sent chunked.
    Unknown,
}

/// How a request is framed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RequestFraming {
    pub(crate) body: Sending,
    /// The field that declares it, if the request's own fields do not.
    pub(crate) missing: Option<(&'static str, &'static str)>,
}

impl RequestFraming {
    /// Whether the request declares a body that it does not have, as HEAD may. A server takes what comes next on the connection
    /// for it. This is asked where it is needed, so that the framing stays small.
    pub(crate) fn lacks_body(&self, method: &Method, headers: &Headers) -> bool {
        *method == Method::HEAD
            && self.body == Sending::Nothing
            && headers.get(CONTENT_LENGTH).is_some_and(|length| digits(length) != Ok(0))
    }
}

/// The length that a response states, if nothing overrides it: also one that says nothing of its own body, as to HEAD.
pub(crate) fn stated_length(headers: &Headers) -> Option<u64> {
    if codings(headers).any(|coding| !is_identity(coding)) {
        return None;
    }
    let mut length = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        read_lengths(value, &mut length).ok()?;
    }
    length
}

/// How a request's body is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sending {
    Nothing,
    /// As many bytes as Content-Length declares.
    Sized(u64),
    Chunked,
}

/// The caller's framing fields contradict the body, or each other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Contradiction(String);

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The field that is set while a request is prepared, replacing one of the same name.
pub(crate) fn prepared_field(
    method: &Method,
    body: BodyLength,
    headers: &Headers,
) -> Option<(&'static str, Cow<'static, str>)> {
    match body {
        // requests omits it for these two only; `expects_body` has urllib3's list.
        BodyLength::Empty if matches!(*method, Method::GET | Method::HEAD) => None,
        // Left as they are, so that the request is refused when it is sent.
        _ if headers.get_all(CONTENT_LENGTH).nth(1).is_some() => None,
        BodyLength::Known(length) => Some((CONTENT_LENGTH, length.to_string().into())),
        // The caller has declared a length: the body must have it when the request is sent.
        BodyLength::Empty | BodyLength::Unknown if headers.contains(CONTENT_LENGTH) => None,
        BodyLength::Empty => Some((CONTENT_LENGTH, "0".into())),
        BodyLength::Unknown => Some((TRANSFER_ENCODING, "chunked".into())),
    }
}

/// How a request is sent, given its current headers. Headers that contradict the body are refused.
pub(crate) fn of_request(
    method: &Method,
    body: BodyLength,
    headers: &Headers,
) -> Result<RequestFraming, Contradiction> {
    let length = headers.get(CONTENT_LENGTH).map(digits).transpose()?;
    if length.is_some() && headers.get_all(CONTENT_LENGTH).nth(1).is_some() {
        return Err(Contradiction("Content-Length is set more than once".into()));
    }
    let coded = headers.contains(TRANSFER_ENCODING);
    let body = match (body, length) {
        (_, Some(_)) if coded => {
            return Err(Contradiction("both Content-Length and Transfer-Encoding are set".into()));
        }
        // The body goes out chunked, and once.
        _ if coded && !ends_with_chunked(headers) => {
            return Err(Contradiction("Transfer-Encoding does not end with chunked, or contains it twice".into()));
        }
        // HEAD may declare what GET would send.
        (BodyLength::Empty, Some(set @ 1..)) if *method != Method::HEAD => {
            return Err(Contradiction(format!("Content-Length is {set}, but there is no body")));
        }
        (BodyLength::Known(known), Some(set)) if known != set => {
            return Err(Contradiction(format!("Content-Length is {set}, but the body has {known} bytes")));
        }
        (BodyLength::Empty, _) if coded => Sending::Chunked,
        (BodyLength::Empty, _) => Sending::Nothing,
        (_, Some(set)) => Sending::Sized(set),
        (BodyLength::Known(_) | BodyLength::Unknown, None) => Sending::Chunked,
    };
    let missing = match body {
        _ if coded || length.is_some() => None,
        Sending::Chunked => Some((TRANSFER_ENCODING, "chunked")),
        Sending::Nothing if expects_body(method) => Some((CONTENT_LENGTH, "0")),
        Sending::Nothing | Sending::Sized(_) => None,
    };
    Ok(RequestFraming { body, missing })
}

const CONTENT_LENGTH: &str = "Content-Length";
const TRANSFER_ENCODING: &str = "Transfer-Encoding";

/// The registered transfer codings (RFC 9112 §7), and `identity`, which was one.
const KNOWN_CODINGS: [&str; 7] = ["chunked", "identity", "gzip", "x-gzip", "deflate", "compress", "x-compress"];

/// Whether the method needs `Content-Length: 0` if it has no body and no framing field yet: after a redirect, or in a
/// request that was edited (RFC 9110 §8.6).
fn expects_body(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::DELETE | Method::TRACE | Method::OPTIONS | Method::CONNECT)
}

fn digits(value: &str) -> Result<u64, Contradiction> {
    let all = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let length = value.parse().ok().filter(|_| all);
    length.ok_or_else(|| Contradiction(format!("Content-Length {value:?} is not a length")))
}

/// Whether the connection stops using HTTP after this head.
pub(super) fn is_switch(method: &Method, status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS || (*method == Method::CONNECT && status.is_success())
}

/// The transfer codings of all fields.
pub(super) fn codings(headers: &Headers) -> impl Iterator<Item = &str> {
    headers.get_all(TRANSFER_ENCODING).flat_map(members)
}

/// Whether a response's body is chunked. Refuses chunked that is not the last coding, appears twice or follows an unknown
/// coding (RFC 9112 §6.1, §7). Below chunked, a known compression stays as it came, as in requests.
fn is_chunked(headers: &Headers) -> Result<bool, RemoteError> {
    if !codings(headers).any(is_chunked_coding) {
        return Ok(false);
    }
    if !ends_with_chunked(headers) {
        return Err(RemoteError::InvalidHeader("chunked is not the last Transfer-Encoding, or appears twice".into()));
    }
    let known = |coding: &str| KNOWN_CODINGS.iter().any(|known| coding.eq_ignore_ascii_case(known));
    match codings(headers).find(|coding| !known(coding)) {
        Some(unknown) => Err(refuse("unknown Transfer-Encoding", unknown)),
        None => Ok(true),
    }
}

/// Whether chunked is the last coding and appears once.
fn ends_with_chunked(headers: &Headers) -> bool {
    let (count, last) = codings(headers).fold((0, false), |(count, _), coding| {
        let chunked = is_chunked_coding(coding);
        (count + usize::from(chunked), chunked)
    });
    last && count == 1
}

fn is_chunked_coding(coding: &str) -> bool {
    coding.eq_ignore_ascii_case("chunked")
}

/// Whether the coding changes nothing.
fn is_identity(coding: &str) -> bool {
    coding.eq_ignore_ascii_case("identity")
}

fn is_bodyless(method: &Method, status: StatusCode) -> bool {
    *method == Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || is_switch(method, status)
}

/// The non-empty members of a list (RFC 9110 §5.6.1).
fn members(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty())
}

/// Merges one Content-Length with those seen before. A list of equal numbers is one number.
fn read_lengths(value: &str, seen: &mut Option<u64>) -> Result<(), RemoteError> {
    // The usual case: one number, of so few digits that it fits.
    if seen.is_none() && matches!(value.len(), 1..=19) {
        let number = value
            .bytes()
            .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| 10 * number + u64::from(byte - b'0')));
        if number.is_some() {
            *seen = number;
            return Ok(());
        }
    }
    let mut members = members(value).peekable();
    if members.peek().is_none() {
        return Err(refuse("Content-Length is not a number", value));
    }
    for member in members {
        let length = read_length(member)?;
        if seen.is_some_and(|seen| seen != length) {
            return Err(refuse("Content-Length has different values", value));
        }
        *seen = Some(length);
    }
    Ok(())
}

fn read_length(text: &str) -> Result<u64, RemoteError> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_err(|_| refuse("Content-Length is too large", text));
    }
    Err(refuse("Content-Length is not a number", text))
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

    #[test]
    fn the_length_that_is_stated_is_the_one_that_counts() {
        for (fields, want) in [
            ("", None),
            ("Content-Length: 5\r\n", Some(5)),
            ("Content-Length: 5, 5\r\n", Some(5)),
            ("Content-Length: 5\r\nContent-Length: 05\r\n", Some(5)),
            ("Transfer-Encoding: identity\r\nContent-Length: 5\r\n", Some(5)),
            ("Transfer-Encoding: \r\nContent-Length: 5\r\n", Some(5)),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", None),
            ("Transfer-Encoding: identity, gzip\r\nContent-Length: 5\r\n", None),
            ("Content-Length: 5, 6\r\n", None),
            ("Content-Length: 5\r\nContent-Length: 6\r\n", None),
            ("Content-Length: +5\r\n", None),
            ("Content-Length: -0\r\n", None),
            ("Content-Length: \r\n", None),
            ("Content-Length: 18446744073709551616\r\n", None),
        ] {
            let raw = format!("HTTP/1.1 200 X\r\n{fields}\r\n");
            let (head, _) = HeadParser::new(HeadLimits::default()).feed(raw.as_bytes()).unwrap().unwrap();
            assert_eq!(stated_length(&head.headers), want, "{fields:?}");
            // Where both speak of one body, they agree.
            match Framing::of_response(&Method::GET, &head) {
                Ok(Framing::Length(length)) => assert_eq!(want, Some(length), "{fields:?}"),
                _ => assert_eq!(want, None, "{fields:?}"),
            }
        }
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
            ("Content-Length:", refused("Content-Length is not a number: ")),
            ("Content-Length: ,", refused("Content-Length is not a number: ,")),
            ("Content-Length: -5", refused("Content-Length is not a number: -5")),
            ("Content-Length: -0", refused("Content-Length is not a number: -0")),
            ("Content-Length: crap", refused("Content-Length is not a number: crap")),
            ("Content-Length: 0x5", refused("Content-Length is not a number: 0x5")),
            ("Content-Length: 5 5", refused("Content-Length is not a number: 5 5")),
            ("Content-Length: 5;", refused("Content-Length is not a number: 5;")),
            ("Content-Length: 5.0", refused("Content-Length is not a number: 5.0")),
            ("Content-Length: 1e3", refused("Content-Length is not a number: 1e3")),
            ("Content-Length: \"5\"", refused("Content-Length is not a number: \\\"5\\\"")),
            ("Content-Length: +5", refused("Content-Length is not a number: +5")),
            ("Content-Length: 1_0", refused("Content-Length is not a number: 1_0")),
            ("Content-Length: 5, x", refused("Content-Length is not a number: x")),
            ("Content-Length: 5\r\nContent-Length:", refused("Content-Length is not a number: ")),
            ("Content-Length: 18446744073709551616", refused("Content-Length is too large: 18446744073709551616")),
            ("Content-Length: 3, 4", refused("Content-Length has different values: 3, 4")),
            ("Content-Length: 3\r\nContent-Length: 4", refused("Content-Length has different values: 4")),
            ("Content-Length: 6bad\r\nContent-Length: 44", refused("Content-Length is not a number: 6bad")),
            (
                "Content-Length: 5\r\nContent-Length: 5\r\nContent-Length: 6",
                refused("Content-Length has different values: 6"),
            ),
        ] {
            assert_eq!(framing(&Method::GET, 200, &format!("{fields}\r\n")), want, "{fields}");
        }
    }

    // FRAME-12, FRAME-13
    #[test]
    fn chunked_is_the_last_coding_and_wins_over_a_length() {
        let refused = |text: &str| Err(format!("invalid response header: {text}"));
        let not_last = || refused("chunked is not the last Transfer-Encoding, or appears twice");
        let beside = || refused("Content-Length together with a Transfer-Encoding other than chunked");
        let chunked = || Ok(Framing::Chunked);
        for (fields, want) in [
            ("Transfer-Encoding: chunked", chunked()),
            ("transfer-encoding:CHUNKED", chunked()),
            ("Transfer-Encoding: , chunked ,", chunked()),
            ("Transfer-Encoding: identity, chunked", chunked()),
            ("Transfer-Encoding: chunked\r\nContent-Length: 3", chunked()),
            ("Content-Length: 3\r\nTransfer-Encoding: Chunked", chunked()),
            ("Content-Length: 3\r\nContent-Length: 4\r\nTransfer-Encoding: chunked", chunked()),
            ("Content-Length: x\r\nTransfer-Encoding: chunked", chunked()),
            ("Transfer-Encoding: identity", Ok(Framing::UntilClose)),
            ("Transfer-Encoding: xchunked", Ok(Framing::UntilClose)),
            ("Transfer-Encoding: gzip", Ok(Framing::UntilClose)),
            ("Transfer-Encoding: \"chunked\"", Ok(Framing::UntilClose)),
            ("Transfer-Encoding: chunked;q=1", Ok(Framing::UntilClose)),
            ("Transfer-Encoding:", Ok(Framing::UntilClose)),
            ("Transfer-Encoding: identity\r\nContent-Length: 3", Ok(Framing::Length(3))),
            ("Content-Length: 3\r\nTransfer-Encoding: Identity, identity", Ok(Framing::Length(3))),
            ("Content-Length: 3\r\nTransfer-Encoding:", Ok(Framing::Length(3))),
            ("Transfer-Encoding: identity\r\nContent-Length: x", refused("Content-Length is not a number: x")),
            ("Content-Length: 3\r\nTransfer-Encoding: gzip", beside()),
            ("Content-Length: 3\r\nTransfer-Encoding: identity, xchunked", beside()),
            ("Transfer-Encoding: chunked, identity", not_last()),
            ("Transfer-Encoding: chunked, another", not_last()),
            ("Transfer-Encoding: chunked, chunked", not_last()),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", not_last()),
            ("Transfer-Encoding: chunked\r\nX: 1\r\nTransfer-Encoding: identity", not_last()),
            ("Content-Length: 3\r\nTransfer-Encoding: chunked, identity", not_last()),
            ("Transfer-Encoding: gzip, chunked", chunked()),
            ("Transfer-Encoding: X-Gzip\r\nTransfer-Encoding: chunked", chunked()),
            ("Content-Length: 3\r\nTransfer-Encoding: deflate, chunked", chunked()),
            ("Transfer-Encoding: chunked, gzip", not_last()),
            ("Transfer-Encoding: br, chunked", refused("unknown Transfer-Encoding: br")),
            ("Transfer-Encoding: foo\r\nTransfer-Encoding: chunked", refused("unknown Transfer-Encoding: foo")),
            ("Content-Length: 3\r\nTransfer-Encoding: x, chunked", refused("unknown Transfer-Encoding: x")),
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

    fn fields(pairs: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.push(name, value);
        }
        headers
    }

    // HDR-12, HDR-13
    #[test]
    fn a_prepared_request_says_how_its_body_goes_out() {
        let (zero, five, chunked) = ("Content-Length: 0", "Content-Length: 5", "Transfer-Encoding: chunked");
        for (method, body, own, want) in [
            (Method::GET, BodyLength::Empty, &[][..], ""),
            (Method::HEAD, BodyLength::Empty, &[], ""),
            (Method::POST, BodyLength::Empty, &[], zero),
            (Method::DELETE, BodyLength::Empty, &[], zero),
            (Method::OPTIONS, BodyLength::Empty, &[], zero),
            (Method::POST, BodyLength::Empty, &[("content-length", "7")], ""),
            (Method::GET, BodyLength::Known(5), &[], five),
            (Method::POST, BodyLength::Known(5), &[("content-length", "7")], five),
            (Method::GET, BodyLength::Unknown, &[], chunked),
            (Method::POST, BodyLength::Unknown, &[("transfer-encoding", "gzip")], chunked),
            (Method::POST, BodyLength::Unknown, &[("content-length", "7")], ""),
            (Method::POST, BodyLength::Known(5), &[("content-length", "5"), ("Content-Length", "6")], ""),
            (Method::POST, BodyLength::Unknown, &[("content-length", "5"), ("Content-Length", "5")], ""),
        ] {
            let field = prepared_field(&method, body, &fields(own));

            let text = field.map(|(name, value)| format!("{name}: {value}")).unwrap_or_default();
            assert_eq!(text, want, "{method} {body:?} {own:?}");
        }
    }

    const BOTH: &str = "both Content-Length and Transfer-Encoding are set";
    const NOT_CHUNKED: &str = "Transfer-Encoding does not end with chunked, or contains it twice";

    // ADPT-14, HDR-12
    #[test]
    fn a_request_goes_out_as_its_headers_say_or_not_at_all() {
        let length = |value: &'static str| vec![("Content-Length", value)];
        let coded = || vec![("transfer-encoding", "chunked")];
        let (empty, five, unknown) = (BodyLength::Empty, BodyLength::Known(5), BodyLength::Unknown);
        let (zero, chunked) = (Some((CONTENT_LENGTH, "0")), Some((TRANSFER_ENCODING, "chunked")));
        for (method, body, own, want) in [
            (Method::GET, empty, vec![], Ok((Sending::Nothing, None))),
            (Method::HEAD, empty, vec![], Ok((Sending::Nothing, None))),
            (Method::DELETE, empty, vec![], Ok((Sending::Nothing, None))),
            (Method::OPTIONS, empty, vec![], Ok((Sending::Nothing, None))),
            (Method::POST, empty, vec![], Ok((Sending::Nothing, zero))),
            (Method::PATCH, empty, vec![], Ok((Sending::Nothing, zero))),
            (Method::POST, empty, length("0"), Ok((Sending::Nothing, None))),
            (Method::HEAD, empty, length("5"), Ok((Sending::Nothing, None))),
            (Method::HEAD, empty, length("0"), Ok((Sending::Nothing, None))),
            (Method::HEAD, empty, coded(), Ok((Sending::Chunked, None))),
            (Method::GET, empty, length("5"), Err("Content-Length is 5, but there is no body")),
            (Method::GET, empty, coded(), Ok((Sending::Chunked, None))),
            (Method::POST, five, length("5"), Ok((Sending::Sized(5), None))),
            (Method::POST, five, length("4"), Err("Content-Length is 4, but the body has 5 bytes")),
            (Method::POST, five, vec![], Ok((Sending::Chunked, chunked))),
            (Method::POST, five, coded(), Ok((Sending::Chunked, None))),
            (Method::POST, unknown, length("7"), Ok((Sending::Sized(7), None))),
            (Method::GET, unknown, vec![], Ok((Sending::Chunked, chunked))),
            (Method::POST, unknown, length(""), Err("Content-Length \"\" is not a length")),
            (Method::POST, unknown, length("+5"), Err("Content-Length \"+5\" is not a length")),
            (Method::POST, five, length("5, 5"), Err("Content-Length \"5, 5\" is not a length")),
            (Method::POST, five, length("5").repeat(2), Err("Content-Length is set more than once")),
            (
                Method::POST,
                five,
                [length("5"), vec![("content-length", "6")]].concat(),
                Err("Content-Length is set more than once"),
            ),
            (Method::POST, unknown, length("5").repeat(2), Err("Content-Length is set more than once")),
            (Method::GET, empty, length("0").repeat(2), Err("Content-Length is set more than once")),
            (Method::HEAD, empty, [length("0"), length("1")].concat(), Err("Content-Length is set more than once")),
            (Method::GET, empty, length("5x"), Err("Content-Length \"5x\" is not a length")),
            (Method::POST, unknown, vec![("Transfer-Encoding", "gzip, Chunked")], Ok((Sending::Chunked, None))),
            (Method::POST, unknown, vec![("Transfer-Encoding", "identity, Chunked")], Ok((Sending::Chunked, None))),
            (Method::POST, unknown, vec![("Transfer-Encoding", "gzip")], Err(NOT_CHUNKED)),
            (Method::POST, unknown, vec![("Transfer-Encoding", "")], Err(NOT_CHUNKED)),
            (Method::POST, unknown, vec![("Transfer-Encoding", "identity")], Err(NOT_CHUNKED)),
            (Method::POST, unknown, vec![("Transfer-Encoding", "chunked, identity")], Err(NOT_CHUNKED)),
            (Method::POST, unknown, coded().repeat(2), Err(NOT_CHUNKED)),
            (Method::GET, empty, vec![("Transfer-Encoding", "xchunked")], Err(NOT_CHUNKED)),
            (Method::POST, five, [length("5"), coded()].concat(), Err(BOTH)),
            (Method::POST, five, [vec![("Transfer-Encoding", "identity")], length("5")].concat(), Err(BOTH)),
            (Method::POST, unknown, [vec![("TRANSFER-ENCODING", "")], length("5")].concat(), Err(BOTH)),
            (Method::GET, empty, [vec![("Transfer-Encoding", "\tChunked ")], length("0")].concat(), Err(BOTH)),
        ] {
            let headers = fields(&own);
            let framing = of_request(&method, body, &headers);

            let lacks_body = framing.as_ref().is_ok_and(|framing| framing.lacks_body(&method, &headers));
            assert_eq!(lacks_body, method == Method::HEAD && own == length("5"), "{method} {own:?}");
            let got = framing.map(|framing| (framing.body, framing.missing)).map_err(|error| error.to_string());
            assert_eq!(got, want.map_err(str::to_owned), "{method} {body:?} {own:?}");
        }
    }
}
