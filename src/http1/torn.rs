//! Plays an answer again and again, cut at each byte, and demands that nothing changes.

use http::Method;

use super::invariants::{Answer, read};
use super::response_head::HeadLimits;

/// The answer in one piece, after all other ways to cut it gave the same.
pub(super) fn torn(method: &Method, raw: &[u8]) -> Answer {
    torn_within(method, HeadLimits::default(), raw)
}

/// [`torn`], with other limits.
pub(super) fn torn_within(method: &Method, limits: HeadLimits, raw: &[u8]) -> Answer {
    let whole = || read(method, limits, [raw], 8192);
    let same = |other: Answer, how: &str| assert_eq!(other.without_excerpt(), whole().without_excerpt(), "{how}");
    // Long inputs are cut here and there only; what is long in them is long for its own sake.
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
