//! Content codings: what Content-Encoding says was done to a body, undone while it is read.
//!
//! The table below is the only place that knows which codings this build has: the default Accept-Encoding and the
//! decoders come from the same rows. A decoder is told what arrived and says how far it got; it never reads by itself, and
//! being torn at any byte changes nothing but the number of calls. Reading, buffers and limits are in `reader`.
//!
//! What is here does not know which codings were asked for: a body is decoded by what it says (DEC-02).

mod brotli;
mod fault;
mod flate;
mod reader;
mod zstd;

use std::sync::LazyLock;

use fault::Fault;
pub(crate) use reader::{Coded, Limits};

/// The codings of this build, a row for each feature, in the order in which they are offered.
static TABLE: &[&[Coding]] = &[
    #[cfg(feature = "gzip")]
    flate::CODINGS,
    #[cfg(feature = "brotli")]
    brotli::CODINGS,
    #[cfg(feature = "zstd")]
    zstd::CODINGS,
];

/// More than any server has a reason for, and few enough that the work per byte of input stays small (DEC-10).
const MAX_CODINGS: usize = 5;

struct Coding {
    /// The name to offer, then others that are understood; in lower case.
    names: &'static [&'static str],
    start: fn() -> Result<Box<dyn Decode>, String>,
}

impl Coding {
    fn name(&self) -> &'static str {
        self.names[0]
    }
}

/// One running decoder. Errors are the reason alone; who it was is known to the caller.
trait Decode: Send {
    /// Decodes from `input` to `out`, which is never empty. With no `input`, hands out what is left inside.
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, String>;

    /// Whether the body is whole if nothing more comes.
    fn may_end(&self) -> bool;
}

/// How far one call of [`Decode::step`] got.
#[derive(Default)]
struct Step {
    used: usize,
    filled: usize,
    /// The coded data is over; whatever follows is not part of it.
    ended: bool,
}

/// The value of Accept-Encoding that asks for what this build can decode; requests' own, if all features are on.
pub(crate) fn accept_encoding() -> &'static str {
    static OFFER: LazyLock<String> = LazyLock::new(|| {
        let names: Vec<&str> = TABLE.iter().copied().flatten().map(Coding::name).collect();
        if names.is_empty() { "identity".to_owned() } else { names.join(", ") }
    });
    &OFFER
}

/// A reader of the decoded body. `content_encoding` has the values of all such headers, `inner` the body as it came.
///
/// Never fails: a list of codings that is refused shows when the first byte of the body is read, so that a streamed
/// response can still be looked at, and an empty body stays empty.
pub(crate) fn decoder<'a, R>(content_encoding: impl Iterator<Item = &'a str>, limits: Limits, inner: R) -> Coded<R> {
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

/// The codings to undo, first to last. None at all if one of them is unknown: half of a chain undone is of no use.
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

fn find(name: &str) -> Option<&'static Coding> {
    let is_it = |coding: &&Coding| coding.names.iter().any(|known| known.eq_ignore_ascii_case(name));
    TABLE.iter().copied().flatten().find(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
    fn names(values: &[&str]) -> Vec<&'static str> {
        chain(values.iter().copied()).expect("not too many").into_iter().map(Coding::name).collect()
    }

    // SES-02
    #[test]
    fn what_is_offered_is_what_the_table_has_in_the_order_of_requests() {
        let want: Vec<&str> = [
            cfg!(feature = "gzip").then_some("gzip, deflate"),
            cfg!(feature = "brotli").then_some("br"),
            cfg!(feature = "zstd").then_some("zstd"),
        ]
        .into_iter()
        .flatten()
        .collect();

        assert_eq!(accept_encoding(), if want.is_empty() { "identity".to_owned() } else { want.join(", ") });
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn names_are_found_in_any_case_and_undone_from_the_right() {
        for (values, want) in [
            // DEC-01
            (&["gzip"][..], &["gzip"][..]),
            (&["X-GZip"], &["gzip"]),
            (&["DEFLATE"], &["deflate"]),
            (&["x-deflate"], &[]),
            (&[""], &[]),
            (&["identity"], &[]),
            (&["foo"], &[]),
            // DEC-08
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
