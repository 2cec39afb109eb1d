//! The decision to keep a connection: whether it can carry another exchange, and for how long.
//!
//! Decided by the response alone. The caller knows whether the body was read to its end, and what the request asked for.

use std::fmt;
use std::time::Duration;

use http::Method;

use super::framing::{Framing, codings, is_switch};
use super::head::{ResponseHead, Version};
use crate::headers::Headers;

/// Why a connection ends with its response.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CloseReason {
    /// `Connection: close` in the response.
    Asked,
    /// `Connection: close` in the request, which the caller checks.
    Last,
    /// The request declared a body that was not sent, which the caller checks: the server may wait for it, and would take the
    /// next request for it (RFC 9112 §6.3).
    Lacking,
    /// HTTP/1.0 without keep-alive.
    Http10,
    /// The body is delimited by connection close.
    UntilClose,
    /// A transfer coding or a length besides chunked, or chunked in HTTP/1.0: readers may differ on where the body ends.
    Coding,
    /// A 101 response, or the response to CONNECT.
    Switched,
    /// CONNECT was refused (docs/decisions.md#refused-connect).
    Connect,
    /// More bytes arrived than belong to the response. The caller, which has the buffer, notices that.
    Surplus,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "requested by the peer",
            Self::Last => "requested by the program",
            Self::Lacking => "the request declared a body and had none",
            Self::Http10 => "HTTP/1.0 without keep-alive",
            Self::UntilClose => "body is delimited by connection close",
            Self::Coding => "ambiguous transfer coding",
            Self::Switched => "protocol was switched",
            Self::Connect => "CONNECT was refused",
            Self::Surplus => "unexpected bytes after the response",
        })
    }
}

/// Why the connection cannot be used again after this response; `None` if it can.
pub(crate) fn close_reason(method: &Method, head: &ResponseHead, framing: Framing) -> Option<CloseReason> {
    let headers = &head.headers;
    if is_switch(method, head.status) {
        Some(CloseReason::Switched)
    } else if *method == Method::CONNECT {
        Some(CloseReason::Connect)
    } else if framing == Framing::UntilClose {
        Some(CloseReason::UntilClose)
    } else if framing == Framing::Chunked && !is_plain_chunked(head) {
        Some(CloseReason::Coding)
    } else {
        match head.version {
            Version::Http11 => says(headers, "connection", "close").then_some(CloseReason::Asked),
            Version::Http10 if says(headers, "connection", "close") => Some(CloseReason::Asked),
            Version::Http10 => {
                let kept = headers.contains("keep-alive")
                    || says(headers, "connection", "keep-alive")
                    || says(headers, "proxy-connection", "keep-alive");
                (!kept).then_some(CloseReason::Http10)
            }
        }
    }
}

/// How long the server says it keeps an idle connection: `Keep-Alive: timeout=5, max=100`.
pub(crate) fn keep_alive_timeout(headers: &Headers) -> Option<Duration> {
    let seconds = headers.get("keep-alive")?.split([',', ';']).find_map(|parameter| {
        let (name, seconds) = parameter.split_once('=')?;
        let seconds = seconds.trim_matches([' ', '\t', '"']);
        let is_number = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
        (name.trim_matches([' ', '\t']).eq_ignore_ascii_case("timeout") && is_number).then_some(seconds)
    })?;
    // A number that does not fit is no limit.
    seconds.parse().ok().map(Duration::from_secs)
}

fn is_plain_chunked(head: &ResponseHead) -> bool {
    head.version == Version::Http11 && codings(&head.headers).count() == 1 && !head.headers.contains("content-length")
}

/// Whether a field contains the word, also as part of another word, as in requests. Closing once too often is safe, and
/// no other word contains keep-alive.
fn says(headers: &Headers, name: &str, word: &str) -> bool {
    headers
        .get_all(name)
        .any(|value| value.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::response_head::{HeadLimits, HeadParser};

    fn head(raw: &str) -> ResponseHead {
        HeadParser::new(HeadLimits::default()).feed(raw.as_bytes()).unwrap().unwrap().0
    }

    // POOL-25, POOL-26, FRAME-13
    #[test]
    fn a_response_says_whether_its_connection_is_kept() {
        use CloseReason::{Asked, Coding, Connect, Http10, Switched, UntilClose};
        let (get, connect, head_) = (Method::GET, Method::CONNECT, Method::HEAD);
        for (method, status, fields, want) in [
            (&get, "HTTP/1.1 200", "Content-Length: 1", None),
            (&get, "HTTP/1.1 200", "Transfer-Encoding: chunked", None),
            (&get, "HTTP/1.1 204", "X: 1", None),
            (&get, "HTTP/1.1 304", "Transfer-Encoding: chunked", None),
            (&head_, "HTTP/1.1 200", "Transfer-Encoding: chunked", None),
            (&head_, "HTTP/1.1 200", "X: 1", None),
            (&get, "HTTP/1.1 200", "Content-Length: 1\r\nConnection: keep-alive", None),
            (&get, "HTTP/1.1 200", "Content-Length: 1\r\nConnection: mooo", None),
            (&get, "HTTP/1.1 200", "Content-Length: 1\r\nProxy-Connection: close", None),
            (&get, "HTTP/1.9 200", "Content-Length: 1", None),
            (&get, "HTTP/1.1 200", "Content-Length: 1\r\nConnection: close", Some(Asked)),
            (&get, "HTTP/1.1 200", "Content-Length: 1\r\nconnection: CLOSE", Some(Asked)),
            (&get, "HTTP/1.1 200", "Content-Length: 1\r\nConnection: foo, Close", Some(Asked)),
            (&get, "HTTP/1.1 200", "Content-Length: 1\r\nConnection: foo\r\nConnection: close", Some(Asked)),
            (&get, "HTTP/1.1 200", "Content-Length: 1\r\nConnection: closed", Some(Asked)),
            (&get, "HTTP/1.1 204", "Connection: close", Some(Asked)),
            (&get, "HTTP/1.1 200", "X: 1", Some(UntilClose)),
            (&get, "HTTP/1.1 200", "Connection: keep-alive", Some(UntilClose)),
            (&get, "HTTP/1.1 200", "Transfer-Encoding: identity", Some(UntilClose)),
            (&get, "HTTP/1.1 200", "Transfer-Encoding: identity\r\nContent-Length: 1", None),
            (&get, "HTTP/1.1 200", "Transfer-Encoding: identity, chunked", Some(Coding)),
            (&get, "HTTP/1.1 200", "Transfer-Encoding: gzip, chunked", Some(Coding)),
            (&get, "HTTP/1.1 200", "Transfer-Encoding: chunked\r\nContent-Length: 1", Some(Coding)),
            (
                &get,
                "HTTP/1.1 200",
                "Content-Length: 1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked",
                Some(Coding),
            ),
            (&get, "HTTP/1.1 304", "Transfer-Encoding: chunked\r\nContent-Length: 1", None),
            (&get, "HTTP/1.0 200", "Transfer-Encoding: chunked\r\nConnection: keep-alive", Some(Coding)),
            (&get, "HTTP/1.1 101", "Upgrade: x", Some(Switched)),
            (&connect, "HTTP/1.1 200", "Content-Length: 1", Some(Switched)),
            (&connect, "HTTP/1.1 407", "Content-Length: 1", Some(Connect)),
            (&get, "HTTP/1.0 200", "Content-Length: 1", Some(Http10)),
            (&get, "HTTP/0.9 200", "Content-Length: 1", Some(Http10)),
            (&get, "HTTP/1.0 200", "Content-Length: 1\r\nConnection: Keep-Alive", None),
            (&get, "HTTP/1.0 200", "Content-Length: 1\r\nKeep-Alive: timeout=5", None),
            (&get, "HTTP/1.0 200", "Content-Length: 1\r\nProxy-Connection: keep-alive", None),
            (&get, "HTTP/1.0 200", "Content-Length: 1\r\nConnection: close\r\nKeep-Alive: timeout=5", Some(Asked)),
        ] {
            let head = head(&format!("{status} X\r\n{fields}\r\n\r\n"));
            let framing = Framing::of_response(method, &head).unwrap();

            assert_eq!(close_reason(method, &head, framing), want, "{method} {status} {fields}");
        }
    }

    #[test]
    fn the_servers_idle_time_is_read_from_keep_alive() {
        for (value, want) in [
            ("timeout=5", Some(5)),
            ("timeout=5, max=100", Some(5)),
            ("max=100, Timeout = 5", Some(5)),
            ("max=100;timeout=\"5\"", Some(5)),
            ("timeout=0", Some(0)),
            ("timeout=x, timeout=7", Some(7)),
            ("timeout=", None),
            ("timeout=-1", None),
            ("timeout=1.5", None),
            ("timeout", None),
            ("max=100", None),
            ("timeout=99999999999999999999", None),
        ] {
            let head = head(&format!("HTTP/1.1 200 OK\r\nKeep-Alive: {value}\r\n\r\n"));

            assert_eq!(keep_alive_timeout(&head.headers), want.map(Duration::from_secs), "{value}");
        }
        assert_eq!(keep_alive_timeout(&Headers::new()), None);
    }

    #[test]
    fn a_reason_can_be_logged() {
        assert_eq!(format!("closing: {}", CloseReason::Surplus), "closing: unexpected bytes after the response");
    }
}
