//! Whole answers, raw bytes in and result out, against what was recorded of requests.
//!
//! The cases are in `tests/data/http1_answers.txt`; those that are too long to read are made here.

use http::Method;

use super::invariants::Answer;
use super::response_head::HeadLimits;
use super::torn::{torn, torn_within};

const ANSWERS: &str = include_str!("../../tests/data/http1_answers.txt");

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
    assert_eq!(count, 168, "no case is lost on the way");
}
