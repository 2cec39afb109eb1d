//! What takes the place of a secret, by where it stands: what is a URL or JSON stays that, because a replay must work.
//!
//! Pure. In the host of a URL the mask is a name, and in JSON a number becomes another one. Anything else is replaced by
//! [`MASK`]. Of a place that spans several values of JSON, each is masked on its own, and what is between them stays.

use std::ops::Range;

use serde::de::IgnoredAny;

use super::written::{Writing, json_escape_length, undone};

pub(super) const MASK: &str = "***";

/// What takes the place of a secret in a host, where [`MASK`] could not be parsed: a link must lead somewhere in a replay too.
pub(super) const HOST_MASK: &str = "masked";

/// What takes the place of a number: a program that expects one gets one.
const NUMBER_MASK: &str = "0";

/// A mask, and the place that it takes.
pub(super) type Masked = (&'static str, Range<usize>);

/// The masks for these places in a body, which are in order and apart. `kind` is its type.
pub(super) fn in_body(body: &[u8], kind: &str, places: Vec<Range<usize>>) -> Vec<Masked> {
    let mut masks = Vec::new();
    let mut done = 0;
    for json in json_in(body, kind, &places) {
        plain(body, &places, done..json.start, &mut masks);
        in_json(body, &places, json.clone(), &mut masks);
        done = json.end;
    }
    plain(body, &places, done..body.len(), &mut masks);
    masks
}

/// What takes the place of a secret that begins there.
pub(super) fn mask_at(text: &[u8], at: usize) -> &'static str {
    if is_in_host(text, at) { HOST_MASK } else { MASK }
}

/// The text with masks in these places, which are in order and apart.
pub(super) fn replaced(text: &[u8], masks: impl IntoIterator<Item = Masked>) -> Vec<u8> {
    let (mut out, mut copied) = (Vec::with_capacity(text.len()), 0);
    for (mask, place) in masks {
        out.extend_from_slice(&text[copied..place.start]);
        out.extend_from_slice(mask.as_bytes());
        copied = place.end;
    }
    out.extend_from_slice(&text[copied..]);
    out
}

/// Whether the host or the user info of a URL stands there, as far as the text before it tells. The URL may be escaped, within
/// another one or in JSON or HTML, and need not have a scheme where a text or a value begins.
fn is_in_host(text: &[u8], at: usize) -> bool {
    /// No host is longer, with a scheme and its escapes.
    const LONGEST: usize = 300;
    let from = at.saturating_sub(LONGEST);
    let mut before = text[from..at].to_vec();
    for writing in [Writing::Json, Writing::Json, Writing::Percent, Writing::Percent, Writing::Html] {
        before = undone(&before, writing);
    }
    let is_of_authority = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%@:".contains(byte);
    let authority = before.iter().rev().take_while(|byte| is_of_authority(byte)).count();
    let Some(before) = before[..before.len() - authority].strip_suffix(b"//") else { return false };
    match before.last() {
        Some(byte) => byte.is_ascii_whitespace() || b":<\"'=(,".contains(byte),
        None => from == 0,
    }
}

/// What of the places is within `part`, where the text is no JSON.
fn plain(text: &[u8], places: &[Range<usize>], part: Range<usize>, masks: &mut Vec<Masked>) {
    masks.extend(within(places, part).map(|place| (mask_at(text, place.start), place)));
}

/// What of the places, which are in order and apart, is within `part`.
pub(super) fn within(places: &[Range<usize>], part: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let first = places.partition_point(|place| place.end <= part.start);
    let all = places[first..].iter().take_while(move |place| place.start < part.end);
    all.map(move |place| place.start.max(part.start)..place.end.min(part.end)).filter(|place| !place.is_empty())
}

/// Where a body is JSON: all of it, as one value or several; otherwise those of its lines that are, as in a log, a stream of
/// events, or a body that was cut. Lines without a place do not matter.
fn json_in(body: &[u8], kind: &str, places: &[Range<usize>]) -> Vec<Range<usize>> {
    if places.is_empty() {
        return Vec::new();
    }
    let start = json_start(body);
    if (kind.contains("json") || begins_with_bracket(&body[start..])) && is_json(&body[start..]) {
        return std::iter::once(start..body.len()).collect();
    }
    let (mut found, mut next) = (Vec::new(), 0);
    for place in places {
        if place.start < next {
            continue;
        }
        let line = memchr::memrchr(b'\n', &body[..place.start]).map_or(0, |end| end + 1);
        let end = memchr::memchr(b'\n', &body[place.start..]).map_or(body.len(), |end| place.start + end);
        let start = line + json_start(&body[line..end]);
        if begins_with_bracket(&body[start..end]) && is_json(&body[start..end]) {
            found.push(start..end);
        }
        next = end + 1;
    }
    found
}

/// Where the JSON of a text begins, if it has any: behind a byte-order mark, or the name of an event's data.
fn json_start(text: &[u8]) -> usize {
    let rest = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
    text.len() - rest.strip_prefix(b"data:").unwrap_or(rest).len()
}

fn begins_with_bracket(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}

fn is_json(text: &[u8]) -> bool {
    serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>().all(|value| value.is_ok())
}

/// Masks texts and numbers that have something of a place. Of a text this is what is in the place, and of a number all of it: a
/// part of it would still be a number, but another one, which nobody can tell from a true one.
fn in_json(text: &[u8], places: &[Range<usize>], json: Range<usize>, masks: &mut Vec<Masked>) {
    let mut at = json.start;
    while at < json.end {
        let rest = &text[at..json.end];
        let length = match rest[0] {
            b'"' => {
                let length = string_end(rest);
                let content = at + 1..at + length.max(2) - 1;
                let places = whole_units(text, &content, within(places, content.clone()));
                masks.extend(places.into_iter().map(|place| (mask_at(text, place.start), place)));
                length
            }
            b'-' | b'0'..=b'9' => {
                let is_of_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
                let length = rest.iter().take_while(|byte| is_of_number(byte)).count();
                let has_some = within(places, at..at + length).next().is_some();
                masks.extend(has_some.then_some((NUMBER_MASK, at..at + length)));
                length
            }
            _ => 1,
        };
        at += length;
    }
}

/// The places with all of each escape and character of which they have a part.
fn whole_units(text: &[u8], content: &Range<usize>, places: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let next = |at: usize| {
        let rest = &text[at..content.end];
        let is_continuation = |byte: &&u8| matches!(byte, 0x80..=0xbf);
        let char = || 1 + rest.iter().skip(1).take_while(is_continuation).count();
        at + json_escape_length(rest).unwrap_or_else(char)
    };
    let (mut at, mut whole) = (content.start, Vec::new());
    for place in places {
        while next(at) <= place.start {
            at = next(at);
        }
        let start = at;
        while at < place.end {
            at = next(at);
        }
        whole.extend((start < at).then_some(start..at));
    }
    whole
}

/// Where the JSON string ends that `text` begins with.
pub(super) fn string_end(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(next) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += next;
        if text[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with masks where the secret is.
    fn masked(text: &str, kind: &str, secret: &str) -> String {
        let places = memchr::memmem::find_iter(text.as_bytes(), secret).map(|at| at..at + secret.len()).collect();
        String::from_utf8(replaced(text.as_bytes(), in_body(text.as_bytes(), kind, places))).unwrap()
    }

    #[test]
    fn json_stays_json_whatever_is_masked_in_it() {
        let number = "1234567";
        for (kind, secret, text, want) in [
            (
                "",
                number,
                r#"{"user_id":1234567,"bytes":91234567,"s":"uid 1234567"}"#,
                r#"{"user_id":0,"bytes":0,"s":"uid ***"}"#,
            ),
            ("", number, "[ -1234567.5e+3, 12,true,null, \"1234567\"]", "[ 0, 12,true,null, \"***\"]"),
            ("application/json", number, " 1234567\n", " 0\n"),
            ("application/json", number, "\u{feff}{\"a\":1234567}", "\u{feff}{\"a\":0}"),
            (
                "application/x-ndjson",
                number,
                "{\"a\":1234567}\n{\"1234567\":[1234567]}\n",
                "{\"a\":0}\n{\"***\":[0]}\n",
            ),
            ("", r#"{"n":1234567,"t":"dark"}"#, r#"[{"n":1234567,"t":"dark"}]"#, r#"[{"***":0,"***":"***"}]"#),
            ("", "dark\",\"x\":123", r#"{"a":"dark","x":1234,"y":1}"#, r#"{"a":"***","***":0,"y":1}"#),
            // What is found may be only a part of an escape, or of a pair of them.
            ("", "nabcdef", r#"["\nabcdef","nabcdef"]"#, r#"["***","***"]"#),
            ("", r"abcdef\", r#"["abcdef\\n"]"#, r#"["***n"]"#),
            ("", "ude00abc", r#"["\ud83d\ude00abc"]"#, r#"["***"]"#),
            ("", "e9abcdef", r#"["\u00e9abcdef\u00e9"]"#, r#"["***\u00e9"]"#),
        ] {
            assert!(is_json(&text.as_bytes()[json_start(text.as_bytes())..]), "{text}");

            let masked = masked(text, kind, secret);

            assert_eq!(masked, want);
            assert!(is_json(&masked.as_bytes()[json_start(masked.as_bytes())..]), "{masked}");
        }
    }

    #[test]
    fn lines_of_json_stay_json_and_all_other_text_is_masked_as_text() {
        for (kind, text, want) in [
            ("application/json", "{\"a\":1234567}\n{\"a\":1234567", "{\"a\":0}\n{\"a\":***"),
            (
                "text/event-stream",
                "id: 1234567\ndata: {\"a\":1234567}\n\ndata:1234567",
                "id: ***\ndata: {\"a\":0}\n\ndata:***",
            ),
            ("", "[1234567] of [1234567]\n[1234567]", "[***] of [***]\n[0]"),
            ("", "1234567", "***"),
            ("text/html", "<b>1234567</b>", "<b>***</b>"),
            ("", "[\"1234567", "[\"***"),
            ("application/json", "", ""),
        ] {
            assert_eq!(masked(text, kind, "1234567"), want);
        }
    }

    #[test]
    fn a_place_across_the_end_of_a_line_is_masked_once() {
        let text = "no\n{\"a\":1234567}\n{\"b\":7654321}\n";
        for (secret, want) in [
            ("\n", "no***{\"a\":1234567}***{\"b\":7654321}***"),
            ("\n{\"b\":7", "no\n{\"a\":1234567}***654321}\n"),
            ("}\n{\"b\":7", "no\n{\"a\":1234567}***654321}\n"),
            ("67}\n{", "no\n{\"a\":0}***\"b\":7654321}\n"),
            ("no\n{\"a\":12", "***34567}\n{\"b\":7654321}\n"),
        ] {
            assert_eq!(masked(text, "", secret), want);
        }
    }

    #[test]
    fn a_part_of_a_character_is_masked_with_all_of_it() {
        let text = "[\"abcdef\u{9040}\u{e9}\"]".as_bytes();
        // As Latin-1, the first byte of each character is one by itself.
        let places = vec![2..9, 11..12];

        let masked = replaced(text, in_body(text, "", places));

        assert_eq!(masked, b"[\"******\"]");
    }

    #[test]
    fn a_host_is_known_however_its_url_is_written() {
        let far = format!("{}//contoso", "x".repeat(293));
        for (text, is_host) in [
            ("http://contoso.test/", true),
            ("<http://me@api.contoso.test/2>; rel=next", true),
            ("<//contoso.test/2>; rel=next", true),
            ("//contoso.test", true),
            ("<a href=\"//contoso.test\">", true),
            ("url('//contoso.test')", true),
            ("a=1, //contoso.test", true),
            ("?next=http%3A%2F%2Fcontoso.test", true),
            ("?next=http%3a%2f%2fcontoso.test", true),
            ("?next=%2F%2Fapi.contoso.test", true),
            ("?a=http%3A%2F%2Fh%2F%3Fnext%3Dhttp%253A%252F%252Fcontoso.test", true),
            (r#"{"next":"https:\/\/contoso.test"}"#, true),
            (r#"{"next":"\/\/contoso.test"}"#, true),
            (r#""{\"next\":\"http:\\\/\\\/contoso.test\"}""#, true),
            ("<a href='http:&#x2F;&#x2F;contoso.test'>", true),
            ("contoso", false),
            ("/contoso", false),
            ("http://h/contoso", false),
            ("http://h//contoso", false),
            ("http://h/?a=contoso", false),
            ("http%3A%2F%2Fh%2Fcontoso", false),
            ("http:/contoso", false),
            (&far, false),
        ] {
            let at = text.find("contoso").unwrap();
            assert_eq!(mask_at(text.as_bytes(), at), if is_host { HOST_MASK } else { MASK }, "{text}");
        }
    }
}
