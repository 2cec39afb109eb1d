//! Complete answers, from raw bytes to results, compared with what was recorded from requests.
//!
//! The cases are in `testdata/http1_answers.txt`; those that are too long to read are made here.

use http::Method;

use super::invariants::Answer;
use super::response_head::HeadLimits;
use super::torn::{torn, torn_within};

const ANSWERS: &str = include_str!("testdata/http1_answers.txt");

fn show(answer: Answer) -> String {
    let shown = match answer.end {
        Err(error) => format!("{:?}: {error}", error.kind()),
        Ok(()) => {
            let head = answer.head.expect("an answer that was read has a head");
            let mut text = format!("{} {}", head.status.as_str(), head.reason).trim_end().to_owned();
            for (name, value) in &head.headers {
                text += &format!(" | {name}: {value}");
            }
            let body: String = answer.body.iter().map(|&byte| char::from(byte)).collect();
            format!("{text} | \"{body}\"")
        }
    };
    let plain = |c: char| if matches!(c, ' '..='~') { c.to_string() } else { c.escape_default().to_string() };
    shown.chars().map(plain).collect()
}

/// Undoes the escapes of a byte string.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let c = if c == '\\' {
            chars.next().unwrap()
        } else {
            u8::try_from(c).map(|byte| out.push(byte)).unwrap();
            continue;
        };
        out.push(match c {
            'r' => b'\r',
            'n' => b'\n',
            't' => b'\t',
            '\\' => b'\\',
            'x' => u8::from_str_radix(&chars.by_ref().take(2).collect::<String>(), 16).unwrap(),
            other => panic!("escape {other:?}"),
        });
    }
    out
}

// FRAME-01 to FRAME-05, FRAME-07 to FRAME-20, FRAME-22
#[test]
fn answers_are_read_as_recorded_however_they_are_torn() {
    let mut count = 0;
    let cases = ANSWERS.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>();
    for case in cases.split(|line| line.is_empty()).filter(|case| !case.is_empty()) {
        let &[title, raw, want] = case else { panic!("{case:?}") };
        let (id, method) = title.split_once(' ').unwrap();
        let raw = unescape(raw.strip_prefix("< ").or(raw.strip_prefix('<')).unwrap());
        let want = want.strip_prefix("> ").or(want.strip_prefix("! ")).unwrap();

        let answer = torn(&Method::from_bytes(method.as_bytes()).unwrap(), &raw);

        assert_eq!(show(answer), want, "{id}");
        count += 1;
    }
    assert_eq!(count, 185, "no case is lost on the way");
}

fn answer(fields: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nhi").into_bytes()
}

// FRAME-06
#[test]
fn a_head_has_limits() {
    let get = Method::GET;
    let fields = |count: usize| (0..count).map(|n| format!("X-{n}: {n}\r\n")).collect::<String>();
    let folded = |count: usize| fields(count).replace('\r', "\r\n fold\r");
    let long = |length: usize| format!("X-A: {}\r\n", "v".repeat(length));
    let limits = HeadLimits { max_bytes: 1000, max_headers: 10 };
    let bytes = Err("ConnectionError: response head is longer than 1000 bytes");
    let count = Err("ConnectionError: response has more than 10 headers");
    // What is around the value: 17 bytes of status line, 7 of the field, 21 behind it.
    let around = 45;
    for (raw, want) in [
        (answer(&fields(9)), Ok(10)),
        (answer(&fields(10)), count),
        (answer(&folded(9)), Ok(10)),
        (answer(&folded(10)), count),
        (answer(&fields(500)), bytes),
        (answer(&long(1000 - around)), Ok(2)),
        (answer(&long(1001 - around)), bytes),
        (
            answer(&long(1000 - around - 2))
                .iter()
                .flat_map(|&b| if b == b':' { vec![b' ', b':'] } else { vec![b] })
                .collect(),
            Ok(2),
        ),
        ([b"HTTP/1.1 200 ".as_slice(), &[b'r'; 2000]].concat(), bytes),
        // Wrong as well, but behind the limit: what is found first must not depend on how much came at once.
        ([b"HTTP/1.1 2000 ".as_slice(), &[b'r'; 2000], b"\n"].concat(), bytes),
        ([b"\n".repeat(998).as_slice(), b"HTTQ"].concat(), bytes),
        ([b"\n".repeat(999).as_slice(), b"\rx"].concat(), bytes),
        ([b"\r\n".repeat(600).as_slice(), b"HTTP/1.1 200 OK\r\n\r\n"].concat(), bytes),
        // Interim responses count as well: there is no end to them otherwise.
        ([b"HTTP/1.1 100 Continue\r\n\r\n".repeat(35).as_slice(), b"HTTP/1.1 200 OK\r\n\r\n"].concat(), Ok(0)),
        (b"HTTP/1.1 100 Continue\r\n\r\n".repeat(41), bytes),
    ] {
        let answer = torn_within(&get, limits, &raw);

        match want {
            Ok(count) => assert_eq!(answer.head.map(|head| head.headers.len()), Some(count)),
            Err(text) => assert_eq!(show(answer), text),
        }
    }
}

// FRAME-06: header/count-98 to count-150, long-value-66k, total-300k, very-long-name, status-line/reason-long
#[test]
fn the_usual_limits_leave_room_for_what_is_large_and_honest() {
    let get = Method::GET;
    let fields = |count: usize| (0..count).map(|n| format!("X-{n}: {n}\r\n")).collect::<String>();
    for (raw, want) in [
        (answer(&fields(98)), Ok(99)),
        (answer(&fields(150)), Ok(151)),
        (answer(&fields(255)), Ok(256)),
        (answer(&fields(256)), Err("ConnectionError: response has more than 256 headers")),
        (answer(&format!("X-{}: v\r\n", "n".repeat(2000))), Ok(2)),
        (answer(&format!("Set-Cookie: {}\r\n", "v".repeat(10_000))), Ok(2)),
        (answer(&format!("X-A: {}\r\n", "v".repeat(250_000))), Ok(2)),
        (
            answer(&format!("X-A: {}\r\n", "v".repeat(270_000))),
            Err("ConnectionError: response head is longer than 262144 bytes"),
        ),
        (format!("HTTP/1.1 200 {}\r\n\r\n", "r".repeat(3000)).into_bytes(), Ok(0)),
    ] {
        let answer = torn(&get, &raw);

        match want {
            Ok(count) => assert_eq!(answer.head.map(|head| head.headers.len()), Some(count)),
            Err(text) => assert_eq!(show(answer), text),
        }
    }
}

// FRAME-06: chunked/size-line-long, size-line-70k, many-small
#[test]
fn chunked_framing_has_limits() {
    let chunked =
        |body: String| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}0\r\n\r\n").into_bytes();
    let trailers = |size: usize| {
        let raw =
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{}\r\n", "X: 1\r\n".repeat(size / 6));
        raw.into_bytes()
    };
    let long = "ChunkedEncodingError: invalid chunked body: chunk size line is too long";
    for (raw, want) in [
        (chunked("1\r\nx\r\n".repeat(300)), Ok(300)),
        (chunked(format!("5;{}\r\nhello\r\n", "e".repeat(5000))), Ok(5)),
        (chunked(format!("{}5\r\nhello\r\n", "0".repeat(5000))), Ok(5)),
        (chunked(format!("5;{}\r\nhello\r\n", "e".repeat(70_000))), Err(long)),
        (chunked(format!("{}5\r\nhello\r\n", "0".repeat(70_000))), Err(long)),
        (trailers(60_000), Ok(0)),
        (trailers(90_000), Err("ChunkedEncodingError: invalid chunked body: trailers are too long")),
    ] {
        let answer = torn(&Method::GET, &raw);

        match want {
            Ok(length) => assert_eq!((answer.body.len(), answer.end), (length, Ok(()))),
            Err(text) => assert_eq!(show(answer), text),
        }
    }
}

// FRAME-17, POOL-30
#[test]
fn what_comes_behind_the_body_is_left_alone() {
    for (method, raw, surplus) in [
        (Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhello", 2),
        (Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nhello", 5),
        (Method::HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 5),
        (Method::GET, "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 19),
        (Method::GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\njunk", 4),
        (Method::GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n\r\n\r\n", 2),
        (Method::GET, "HTTP/1.1 200 OK\r\n\r\nhello", 0),
        (Method::GET, "HTTP/1.1 101 Switching Protocols\r\n\r\nother", 5),
    ] {
        assert_eq!(torn(&method, raw.as_bytes()).surplus, surplus, "{raw:?}");
    }
}
