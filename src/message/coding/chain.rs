//! The codings that `Content-Encoding` lists. They are undone from the last to the first.

use super::accept_encoding::{Coding, find};
use super::decode::Decode;
use super::fault::Fault;
use super::reader::{Coded, DecodeLimits};

/// More codings than any server needs, and few enough that the work for each byte of input stays small.
const MAX_CODINGS: usize = 5;

/// A reader of the decoded body. `content_encoding` has the values of all such headers, `inner` is the undecoded body.
///
/// It never fails. If the list of codings is refused, the error comes with the first read of the body, so that the rest of a
/// streamed response can be used, and an empty body stays empty.
pub(crate) fn decoder<'a, R>(
    content_encoding: impl Iterator<Item = &'a str>,
    limits: DecodeLimits,
    inner: R,
) -> Coded<R> {
    let (decoders, fault) = match chain(content_encoding).and_then(|codings| codings.into_iter().map(start).collect()) {
        Ok(decoders) => (decoders, None),
        Err(fault) => (Vec::new(), Some(fault)),
    };
    Coded::new(inner, decoders, limits, fault)
}

fn start(coding: &Coding) -> Result<(&'static str, Box<dyn Decode>), Fault> {
    let name = coding.name();
    (coding.start)().map(|decoder| (name, decoder)).map_err(|reason| Fault::Corrupt { coding: name, reason })
}

/// The codings to undo, in order. There are none if one of them is unknown, because a partly decoded body is useless.
fn chain<'a>(values: impl Iterator<Item = &'a str>) -> Result<Vec<&'static Coding>, Fault> {
    let (mut listed, mut known, mut unknown) = (0, Vec::new(), false);
    for name in values.flat_map(|value| value.split(',')).map(str::trim).filter(|name| !name.is_empty()) {
        listed += 1;
        match find(name) {
            _ if listed > MAX_CODINGS || name.eq_ignore_ascii_case("identity") => {}
            Some(coding) => known.push(coding),
            None => unknown = true,
        }
    }
    if listed > MAX_CODINGS {
        return Err(Fault::TooManyCodings { listed, at_most: MAX_CODINGS });
    }
    if unknown {
        known.clear();
    }
    known.reverse(); // RFC 9110 §8.4: listed in the order in which they were applied
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
    fn names(values: &[&str]) -> Vec<&'static str> {
        chain(values.iter().copied()).expect("not too many").into_iter().map(Coding::name).collect()
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn names_are_found_in_any_case_and_undone_from_the_right() {
        for (values, want) in [
            // one coding, also by other names (DEC-01)
            (&["gzip"][..], &["gzip"][..]),
            (&["X-GZip"], &["gzip"]),
            (&["DEFLATE"], &["deflate"]),
            (&["x-deflate"], &[]),
            (&[""], &[]),
            (&["identity"], &[]),
            (&["foo"], &[]),
            // several codings, in one header or in several (DEC-08)
            (&["deflate, gzip"], &["gzip", "deflate"]),
            (&["deflate", "gzip"], &["gzip", "deflate"]),
            (&["deflate\t,gzip,"], &["gzip", "deflate"]),
            // DEC-09: a no-op, and one that cannot be undone
            (&["gzip, identity"], &["gzip"]),
            (&["gzip, foo"], &[]),
            (&["foo, gzip"], &[]),
        ] {
            assert_eq!(names(values), want, "{values:?}");
        }
    }

    // DEC-10
    #[test]
    fn more_than_five_codings_are_refused_known_or_not() {
        for (value, listed) in
            [("gzip,".repeat(6), 6), ("identity,".repeat(6), 6), ("foo,".repeat(7), 7), ("gzip, ".repeat(5), 0)]
        {
            let refused = match chain([value.as_str()].into_iter()) {
                Err(Fault::TooManyCodings { listed, .. }) => listed,
                _ => 0,
            };
            assert_eq!(refused, listed, "{value}");
        }
    }
}
