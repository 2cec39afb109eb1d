//! Guessing an encoding, with chardetng.
#![cfg(feature = "charset-detect")]

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

/// The name of the most likely encoding.
pub(super) fn guess(bytes: &[u8]) -> &'static str {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Allow).name()
}
