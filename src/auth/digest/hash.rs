//! The hashes that a challenge can name: the feature `digest`.

use std::fmt::Write as _;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512, Sha512_256};

use super::Algorithm;

pub(super) const ALGORITHMS: &[Algorithm] = &[
    Algorithm { name: "MD5", digits: digits::<Md5> },
    Algorithm { name: "SHA", digits: digits::<Sha1> },
    Algorithm { name: "SHA-256", digits: digits::<Sha256> },
    Algorithm { name: "SHA-512", digits: digits::<Sha512> },
    Algorithm { name: "SHA-512-256", digits: digits::<Sha512_256> },
];

fn digits<D: Digest>(text: &str) -> String {
    let hash = D::digest(text);
    let mut out = String::with_capacity(hash.len() * 2);
    for byte in hash {
        write!(out, "{byte:02x}").expect("a String takes any text");
    }
    out
}
