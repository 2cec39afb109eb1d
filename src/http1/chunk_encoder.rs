//! The chunk writer, for uploads of unknown length: size in lower-case hex, no extensions, no trailers.
//!
//! It writes the framing around the content, so that content need not be copied. An empty chunk would end the body, and
//! cannot be written.

use std::num::NonZeroUsize;

/// What follows the content of a chunk.
pub(crate) const CHUNK_END: &[u8] = b"\r\n";

/// What follows all chunks.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Appends what precedes the content of a chunk.
pub(crate) fn chunk_head(length: NonZeroUsize, out: &mut Vec<u8>) {
    let digits = (usize::BITS - length.leading_zeros()).div_ceil(4);
    out.extend((0..digits).rev().map(|place| b"0123456789abcdef"[length.get() >> (4 * place) & 0xf]));
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    // BODY-14
    #[test]
    fn a_size_is_lower_case_hex() {
        for (length, want) in [
            (1, "1\r\n"),
            (9, "9\r\n"),
            (10, "a\r\n"),
            (16, "10\r\n"),
            (255, "ff\r\n"),
            (16_384, "4000\r\n"),
            (0x0123_4567, "1234567\r\n"),
            (usize::MAX, &format!("{:x}\r\n", usize::MAX)),
        ] {
            let mut out = b"before ".to_vec();
            chunk_head(NonZeroUsize::new(length).unwrap(), &mut out);

            assert_eq!(String::from_utf8(out).unwrap(), format!("before {want}"));
        }
    }
}
