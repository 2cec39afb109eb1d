//! What an answer means for a download of which there is a part already.
//!
//! No IO: a status, headers, and what was asked for.

use crate::headers::Headers;

use super::validator::Validator;

/// The part that was asked for.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) from: u64,
    pub(super) validator: &'a Validator,
    /// The length of the whole, as far as it is known.
    pub(super) total: Option<u64>,
}

/// What an answer is.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// The whole file, from its first byte.
    Whole,
    /// What was asked for, up to `end` (exclusive).
    Part { end: u64, total: Option<u64> },
    /// Nothing that can be added to what there is: it must be asked for again, from the first byte.
    Useless,
    /// No file.
    Refused,
}

impl Answer {
    pub(super) fn of(status: u16, headers: &Headers, asked: Option<&Asked<'_>>) -> Self {
        match (status, asked) {
            (206, Some(asked)) => part(headers, asked).unwrap_or(Self::Useless),
            (416, Some(_)) => Self::Useless,
            // 204 and 205 have no content, and must not replace a file that has.
            (204..=206, _) => Self::Refused,
            (200..=299, _) => Self::Whole,
            _ => Self::Refused,
        }
    }
}

/// The part, if it is exactly what was asked for: it begins there, and is of the same file.
fn part(headers: &Headers, asked: &Asked<'_>) -> Option<Answer> {
    let mut ranges = headers.get_all("content-range");
    let (first, last, total) = content_range(ranges.next()?)?;
    let is_of_the_same = match (asked.total, total) {
        (Some(before), Some(now)) => before == now,
        (Some(before), None) => last < before,
        (None, _) => true,
    };
    let fits = ranges.next().is_none()
        && first == asked.from
        && is_of_the_same
        && asked.validator.admits(headers)
        && !is_coded(headers);
    // A part may be less than was asked for: without the length of the whole, nothing says where the file ends.
    let total = asked.total.or(total)?;
    fits.then_some(Answer::Part { end: last + 1, total: Some(total) })
}

/// First and last byte, and the length of the whole (RFC 9110 §14.4).
fn content_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (unit, rest) = text.trim().split_once(' ')?;
    let (range, total) = rest.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    let total = if total == "*" { None } else { Some(number(total)?) };
    let is_sound = first <= last && last < u64::MAX && total.is_none_or(|total| last < total);
    (unit.eq_ignore_ascii_case("bytes") && is_sound).then_some((first, last, total))
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Whether the body has a content coding, so that what is written is not what comes over the wire.
pub(super) fn is_coded(headers: &Headers) -> bool {
    let codings = headers.get_all("content-encoding").flat_map(|value| value.split(','));
    codings.map(str::trim).any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
}

/// Whether the server says that it sends no parts.
pub(super) fn refuses_ranges(headers: &Headers) -> bool {
    headers.get("accept-ranges").is_some_and(|value| value.trim().eq_ignore_ascii_case("none"))
}

/// The length of the whole in a complete answer, if the head states it.
pub(super) fn total(headers: &Headers) -> Option<u64> {
    // With a transfer coding, Content-Length says nothing about the body (RFC 9112 §6.3).
    if is_coded(headers) || headers.contains("transfer-encoding") {
        return None;
    }
    headers.get("content-length").and_then(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_fits_only_exactly() {
        let validator = Validator::Tag("\"a\"".to_owned());
        let part = |end, total| Answer::Part { end, total };
        for (total, range, want) in [
            (Some(10), "bytes 4-9/10", part(10, Some(10))),
            (Some(10), "Bytes 4-6/10", part(7, Some(10))),
            (Some(10), "bytes 4-9/*", part(10, Some(10))),
            (None, "bytes 4-9/10", part(10, Some(10))),
            (None, "bytes 4-9/*", Answer::Useless),
            (Some(10), "bytes 4-10/*", Answer::Useless),
            (Some(10), "bytes 4-9/11", Answer::Useless),
            (Some(10), "bytes 3-9/10", Answer::Useless),
            (Some(10), "bytes 5-9/10", Answer::Useless),
            (Some(10), "bytes 0-9/10", Answer::Useless),
            (None, "bytes 4-10/10", Answer::Useless),
            (None, "bytes 4-3/10", Answer::Useless),
            (None, "bytes */10", Answer::Useless),
            (None, "bytes +4-9/10", Answer::Useless),
            (None, "bytes 4-18446744073709551615/*", Answer::Useless),
            (None, "lines 4-9/10", Answer::Useless),
            (None, "", Answer::Useless),
        ] {
            let mut headers = Headers::new();
            headers.push("Content-Range", range);
            let asked = Asked { from: 4, validator: &validator, total };
            assert_eq!(Answer::of(206, &headers, Some(&asked)), want, "{range}");
        }
    }

    #[test]
    fn a_status_says_whether_there_is_a_file() {
        let validator = Validator::Tag("\"a\"".to_owned());
        let asked = Asked { from: 4, validator: &validator, total: None };
        for (status, alone, continued) in [
            (200, Answer::Whole, Answer::Whole),
            (203, Answer::Whole, Answer::Whole),
            (204, Answer::Refused, Answer::Refused),
            (206, Answer::Refused, Answer::Useless),
            (304, Answer::Refused, Answer::Refused),
            (404, Answer::Refused, Answer::Refused),
            (416, Answer::Refused, Answer::Useless),
            (500, Answer::Refused, Answer::Refused),
        ] {
            assert_eq!(Answer::of(status, &Headers::new(), None), alone, "{status}");
            assert_eq!(Answer::of(status, &Headers::new(), Some(&asked)), continued, "{status}");
        }
    }

    #[test]
    fn parts_with_a_coding_or_of_two_ranges_are_useless() {
        let validator = Validator::Tag("\"a\"".to_owned());
        let asked = Asked { from: 4, validator: &validator, total: None };
        for extra in [("Content-Encoding", "gzip"), ("Content-Range", "bytes 4-9/10"), ("ETag", "\"b\"")] {
            let mut headers = Headers::new();
            headers.push("Content-Range", "bytes 4-9/10");
            headers.push(extra.0, extra.1);
            assert_eq!(Answer::of(206, &headers, Some(&asked)), Answer::Useless, "{extra:?}");
        }
    }
}
