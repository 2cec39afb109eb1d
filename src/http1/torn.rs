//! Replays an answer, cut at each byte, and checks that nothing changes.

use http::Method;

use super::invariants::{Answer, read};
use super::response_head::HeadLimits;

/// The result of the answer in one piece, after checking that every way to cut it gives the same.
pub(super) fn torn(method: &Method, raw: &[u8]) -> Answer {
    torn_within(method, HeadLimits::default(), raw)
}

/// [`torn`], with other limits.
pub(super) fn torn_within(method: &Method, limits: HeadLimits, raw: &[u8]) -> Answer {
    let whole = || read(method, limits, [raw], 8192);
    let same = |other: Answer, how: &str| assert_eq!(other.without_excerpt(), whole().without_excerpt(), "{how}");
    // Long inputs are cut at a few places only: their length is the point.
    let step = if raw.len() < 2000 { 1 } else { raw.len() / 50 };
    for cut in (0..=raw.len()).step_by(step) {
        let (left, right) = raw.split_at(cut);
        same(read(method, limits, [left, right], 8192), &format!("cut at {cut}"));
        same(read(method, limits, [left, &[], right], 3), &format!("cut at {cut}, with little room"));
    }
    for size in [1, 2, 3, 7] {
        if raw.len() / size < 100_000 {
            same(read(method, limits, raw.chunks(size), size), &format!("in pieces of {size}"));
        }
    }
    whole()
}
