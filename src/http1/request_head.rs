//! The head of a request: request line and fields, as bytes.
//!
//! The order is that of requests on the wire: what the transport adds, `Host` first, then the caller's fields as
//! written. It does not know what the fields mean, except which of its own are already there.
//!
//! This is the last guard against request splitting: whatever let a line break in, it does not leave here. The block is
//! written first and then checked as a whole, in one pass: it may have two control bytes for each line and no more. A
//! Cookie may have others, because what a server set goes back to it as it came; a value set by the program was checked
//! when it was set. A list of headers that knows of all its fields that they are plain is not looked at again.

use std::fmt;

use super::octets::{after_graphic, after_text, is_ascii, is_control, is_dangerous};
use crate::error::ErrorKind;
use crate::headers::Headers;
use crate::text::latin1;

/// Fields that are sent if the caller has not set one of that name; `None` is never sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Automatic<'a> {
    /// Host and port of the URL.
    pub(crate) host: Option<&'a str>,
    /// `identity`, as in urllib3.
    pub(crate) accept_encoding: Option<&'a str>,
    /// How the body is framed: always written, because `framing` has checked whether the caller declared it.
    pub(crate) framing: Option<(&'a str, &'a str)>,
    /// The name of this library.
    pub(crate) user_agent: Option<&'a str>,
}

/// A part that a head must not contain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum HeadError {
    /// Empty, or with a blank, a control byte or a byte beyond ASCII.
    Method(String),
    /// The same, for the request target.
    Target,
    /// Not a valid name. Everything else in a `Headers` was checked when it was set.
    Name(String),
    /// A control byte, or a character beyond Latin-1, in the value of the field of this name. In a Cookie only NUL, CR and
    /// LF count.
    Value(String),
}

/// Appends the head to `out`, including the empty line. On an error `out` is unchanged.
pub(crate) fn write(
    out: &mut Vec<u8>,
    method: &str,
    target: &str,
    automatic: Automatic<'_>,
    headers: &Headers,
) -> Result<(), HeadError> {
    check_line(method, target)?;
    let start = out.len();
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let added = put_automatic(out, automatic, headers);
    let fields = out.len();
    headers.write(out);
    out.extend_from_slice(b"\r\n");

    let AutomaticFields { count, are_plain } = added;
    if are_plain && headers.is_plain() {
        return Ok(());
    }
    // The request line, the fields, the empty line.
    let (controls, ascii) = survey(&out[start..]);
    if controls == 2 * (count + headers.len() + 2) && ascii {
        return Ok(());
    }
    // Something is not ASCII, or invalid: check again in detail.
    let result = check_automatic(automatic).and_then(|()| {
        out.truncate(fields);
        headers.iter().try_for_each(|(name, value)| put_latin1(out, name, value))
    });
    match result {
        Ok(()) => out.extend_from_slice(b"\r\n"),
        Err(_) => out.truncate(start),
    }
    result
}

const HOST: &str = "Host";
const ACCEPT_ENCODING: &str = "Accept-Encoding";
const USER_AGENT: &str = "User-Agent";

impl HeadError {
    /// The kind, named after requests' exception.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Method(_) => ErrorKind::InvalidMethod,
            Self::Target => ErrorKind::InvalidUrl,
            Self::Name(_) | Self::Value(_) => ErrorKind::InvalidHeader,
        }
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method(method) => write!(f, "invalid method {method:?}"),
            // A target may carry a secret in its query.
            Self::Target => {
                f.write_str("invalid request target: it is empty, or contains a blank, control or non-ASCII character")
            }
            Self::Name(name) => write!(f, "invalid header name {name:?}"),
            Self::Value(name) => {
                write!(f, "invalid value for header {name:?}: it contains a control character or one beyond Latin-1")
            }
        }
    }
}

impl std::error::Error for HeadError {}

/// The automatic fields that were written.
struct AutomaticFields {
    count: usize,
    /// Whether all of them are printable ASCII.
    are_plain: bool,
}

/// Writes the automatic fields that are missing.
fn put_automatic(out: &mut Vec<u8>, automatic: Automatic<'_>, headers: &Headers) -> AutomaticFields {
    let Automatic { host, accept_encoding, framing, user_agent } = automatic;
    let mut written = AutomaticFields { count: 0, are_plain: true };
    let mut add = |name: &str, value: &str| {
        put(out, name, value);
        written.count += 1;
        written.are_plain &= after_text(value.as_bytes(), 0) == value.len();
    };
    if let Some(host) = host.filter(|_| !headers.contains(HOST)) {
        add(HOST, host);
    }
    if let Some(accept_encoding) = accept_encoding.filter(|_| !headers.contains(ACCEPT_ENCODING)) {
        add(ACCEPT_ENCODING, accept_encoding);
    }
    if let Some((name, value)) = framing {
        add(name, value);
    }
    if let Some(user_agent) = user_agent.filter(|_| !headers.contains(USER_AGENT)) {
        add(USER_AGENT, user_agent);
    }
    written
}

fn put(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The number of control bytes other than tabs, and whether all is ASCII.
fn survey(block: &[u8]) -> (usize, bool) {
    // Counted in a byte for short parts, so that the compiler can compare sixteen at a time.
    let count = |part: &[u8]| part.iter().fold(0, |count: u8, &byte| count + u8::from(is_control(byte)));
    (block.chunks(255).map(|part| usize::from(count(part))).sum(), is_ascii(block))
}

fn check_line(method: &str, target: &str) -> Result<(), HeadError> {
    let graphic = |text: &str| !text.is_empty() && after_graphic(text.as_bytes(), 0) == text.len();
    if !graphic(method) {
        Err(HeadError::Method(method.to_owned()))
    } else if !graphic(target) {
        Err(HeadError::Target)
    } else {
        Ok(())
    }
}

/// Checks values made in this crate, which are all ASCII.
fn check_automatic(automatic: Automatic<'_>) -> Result<(), HeadError> {
    for (name, value) in
        [(HOST, automatic.host), (ACCEPT_ENCODING, automatic.accept_encoding), (USER_AGENT, automatic.user_agent)]
    {
        if value.is_some_and(|value| !value.is_ascii() || value.bytes().any(is_control)) {
            return Err(HeadError::Value(name.to_owned()));
        }
    }
    Ok(())
}

fn put_latin1(out: &mut Vec<u8>, name: &str, value: &str) -> Result<(), HeadError> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
        return Err(HeadError::Name(name.to_owned()));
    }
    let refused = if name.eq_ignore_ascii_case("cookie") { is_dangerous } else { is_control };
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    for char in value.chars() {
        match latin1::byte(char) {
            Some(byte) if !refused(byte) => out.push(byte),
            _ => return Err(HeadError::Value(name.to_owned())),
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Automatic<'_> = Automatic {
        host: Some("h.test:8000"),
        accept_encoding: Some("identity"),
        framing: None,
        user_agent: Some("petition/1"),
    };

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.push(name, value);
        }
        headers
    }

    fn written(
        method: &str,
        target: &str,
        automatic: Automatic<'_>,
        pairs: &[(&str, &str)],
    ) -> Result<String, HeadError> {
        let mut out = b"before".to_vec();
        let result = write(&mut out, method, target, automatic, &headers(pairs));
        let out = out.strip_prefix(b"before").expect("what was there stays");
        assert!(result.is_ok() || out.is_empty(), "nothing of a refused head is left");
        result.map(|()| out.iter().map(|&byte| char::from(byte)).collect())
    }

    // What a proxy passes on: the text of a response's head is not in the form in which a request's is written.
    #[test]
    fn the_fields_of_a_response_are_written_as_fields() {
        use super::super::response_head::{HeadLimits, HeadParser};

        for head in [
            "HTTP/1.1 200 OK\r\nX-One:  1\t \r\nx-two:2\r\nX-None:\r\n\r\n",
            "HTTP/1.1 200 OK\nX-One:1\nx-two: 2\nX-None:\n\n",
            "HTTP/1.1 200 OK\r\nX-One: \r\n 1\r\nx-two : 2\r\nX-None:\r\n\r\n",
        ] {
            let limits = HeadLimits { max_bytes: 1000, max_headers: 10 };
            let (head, _) = HeadParser::new(limits).feed(head.as_bytes()).unwrap().unwrap();
            let (mut out, automatic) = (Vec::new(), Automatic { host: Some("h"), ..Automatic::default() });

            write(&mut out, "GET", "/", automatic, &head.headers).unwrap();

            let want = "GET / HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nx-two: 2\r\nX-None: \r\n\r\n";
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
    }

    // HDR-06, HDR-07, HDR-11, WIRE-12, WIRE-13
    #[test]
    fn what_is_missing_comes_first_and_the_rest_as_written() {
        let none = Automatic::default();
        for (automatic, pairs, want) in [
            (ALL, &[][..], "Host: h.test:8000\r\nAccept-Encoding: identity\r\nUser-Agent: petition/1\r\n"),
            (none, &[], ""),
            (none, &[("x-A", ""), ("X-a", " b\t")], "x-A: \r\nX-a:  b\t\r\n"),
            (
                ALL,
                &[("user-agent", "zz"), ("ACCEPT-ENCODING", "gzip"), ("X", "1"), ("host", "h.example")],
                "user-agent: zz\r\nACCEPT-ENCODING: gzip\r\nX: 1\r\nhost: h.example\r\n",
            ),
            (
                ALL,
                &[("X", "1"), ("User-Agent", "zz")],
                "Host: h.test:8000\r\nAccept-Encoding: identity\r\nX: 1\r\nUser-Agent: zz\r\n",
            ),
            (
                Automatic { user_agent: None, ..ALL },
                &[("Accept-Encoding", "br")],
                "Host: h.test:8000\r\nAccept-Encoding: br\r\n",
            ),
        ] {
            assert_eq!(written("GET", "/a?b=c", automatic, pairs), Ok(format!("GET /a?b=c HTTP/1.1\r\n{want}\r\n")));
        }
    }

    // HDR-05
    #[test]
    fn values_go_out_as_latin1() {
        let want = "GET / HTTP/1.1\r\nHost: h.test:8000\r\nX: caf\u{e9} \u{80}\u{ff}\r\nY: 1\r\n\r\n";
        let automatic = Automatic { host: ALL.host, ..Automatic::default() };

        assert_eq!(written("GET", "/", automatic, &[("X", "caf\u{e9} \u{80}\u{ff}"), ("Y", "1")]), Ok(want.to_owned()));
    }

    #[test]
    fn a_cookie_goes_back_as_it_came() {
        let value = "waf=\x01\x0b\x1f\x7f\u{80}\u{ff}; b=\t2";
        let none = Automatic::default();

        assert_eq!(
            written("GET", "/", none, &[("cookie", value), ("X", "1")]),
            Ok(format!("GET / HTTP/1.1\r\ncookie: {value}\r\nX: 1\r\n\r\n"))
        );
        for text in ["a=\x01\0", "a=\x01\r", "a=\x01\nb: c", "a=\x01\u{100}"] {
            assert_eq!(
                written("GET", "/", none, &[("Cookie", text)]),
                Err(HeadError::Value("Cookie".into())),
                "{text:?}"
            );
        }
        for name in ["X", "Set-Cookie", "Cookie2"] {
            assert_eq!(written("GET", "/", none, &[(name, "\x01")]), Err(HeadError::Value(name.into())));
        }
    }

    #[test]
    fn nothing_that_could_be_a_second_line_goes_out() {
        let value = |name: &str| Err(HeadError::Value(name.to_owned()));
        for text in ["a\rb", "a\nb", "\r\n", "a\0b", "a\x01", "\x7f", "\x1b[", "\u{100}", "\u{e9}\u{20ac}", "\u{e9}\n"]
        {
            assert_eq!(written("GET", "/", ALL, &[("A", "1"), ("X", text)]), value("X"), "{text:?}");
            for automatic in [
                Automatic { host: Some(text), ..ALL },
                Automatic { accept_encoding: Some(text), ..ALL },
                Automatic { user_agent: Some(text), ..ALL },
            ] {
                assert!(matches!(written("GET", "/", automatic, &[]), Err(HeadError::Value(_))), "{text:?}");
            }
        }
        for text in ["X\r", "X\n", "X\0", "\u{e9}"] {
            assert_eq!(written("GET", "/", ALL, &[(text, "1")]), Err(HeadError::Name(text.to_owned())), "{text:?}");
        }
        for text in ["", " ", "G T", "GET\r\n", "G\0", "G\u{e9}"] {
            assert_eq!(written(text, "/", ALL, &[]), Err(HeadError::Method(text.to_owned())), "{text:?}");
            assert_eq!(written("GET", text, ALL, &[]), Err(HeadError::Target), "{text:?}");
        }
    }

    /// The control bytes of a head are counted first, and must not make up for each other.
    #[test]
    fn no_number_of_control_bytes_passes_for_the_line_ends_of_fields() {
        for (fields, controls) in (1..8).flat_map(|fields| (1..20).map(move |controls| (fields, controls))) {
            let value = "\x01".repeat(controls);
            let mut pairs = vec![("X", "1"); fields];
            pairs[fields / 2] = ("Bad", &value);

            for automatic in [ALL, Automatic::default(), Automatic { user_agent: None, ..ALL }] {
                assert_eq!(written("GET", "/", automatic, &pairs), Err(HeadError::Value("Bad".to_owned())));
            }
        }
        let host = Automatic { host: Some("h\x01"), ..Automatic::default() };
        assert_eq!(written("GET", "/", host, &[]), Err(HeadError::Value(HOST.to_owned())));
        assert_eq!(written("GET", "/", host, &[("X", "1")]), Err(HeadError::Value(HOST.to_owned())));
    }

    #[test]
    fn a_refusal_has_a_kind_and_shows_no_value() {
        for (error, kind, text) in [
            (HeadError::Method("G T".into()), ErrorKind::InvalidMethod, r#"invalid method "G T""#),
            (
                HeadError::Target,
                ErrorKind::InvalidUrl,
                "invalid request target: it is empty, or contains a blank, control or non-ASCII character",
            ),
            (HeadError::Name("a:".into()), ErrorKind::InvalidHeader, r#"invalid header name "a:""#),
            (
                HeadError::Value("Authorization".into()),
                ErrorKind::InvalidHeader,
                r#"invalid value for header "Authorization": it contains a control character or one beyond Latin-1"#,
            ),
        ] {
            assert_eq!((error.kind(), error.to_string()), (kind, text.to_owned()));
        }
    }
}
