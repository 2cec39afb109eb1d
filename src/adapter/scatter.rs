//! Reading a chunked body whose chunks have all had one size: content goes to where it is wanted, and the framing between it
//! elsewhere, in one read and without a copy.
//!
//! A server that sends a large body usually sends chunks of one size. So where the next framing is, and how long, can be
//! foreseen, and the kernel can be told to put it aside (`readv`). If it turns out to be something else, what was read after
//! it goes to the buffer, as if it had been read there.

use std::io::IoSliceMut;

use crate::adapter::buffer::Buffer;
use crate::http1::body_decoder::{BodyDecoder, Pattern};

/// How many chunks are foreseen.
const CHUNKS: usize = 16;

/// Whether as many chunks as are foreseen fill `length` bytes. If the chunks are small, it is better to copy them than to
/// read less at a time.
pub(super) fn fills(pattern: Pattern, length: usize) -> bool {
    pattern.left.saturating_add(pattern.size.saturating_mul(CHUNKS)) >= length
}

/// Reads into `out` as `pattern` foresees, at least the rest of the chunk that has begun. `receive` is one read from the
/// connection. Returns how much was read, and how much content of it is in `out`.
pub(super) fn read<E>(
    decoder: &mut BodyDecoder,
    pattern: Pattern,
    out: &mut [u8],
    buffer: &mut Buffer,
    receive: impl FnOnce(&mut [IoSliceMut<'_>]) -> Result<usize, E>,
) -> Result<(usize, usize), E> {
    let Pattern { left, framing, size } = pattern;
    let mut frames = [[0; Pattern::LONGEST]; CHUNKS];
    let mut parts: [IoSliceMut<'_>; 2 * CHUNKS + 1] = std::array::from_fn(|_| IoSliceMut::new(&mut []));
    let (first, mut rest) = out.split_at_mut(left.min(out.len()));
    let begun = first.len();
    parts[0] = IoSliceMut::new(first);
    let mut count = 1;
    for frame in &mut frames {
        if rest.is_empty() {
            break;
        }
        let (content, more) = rest.split_at_mut(size.min(rest.len()));
        parts[count] = IoSliceMut::new(&mut frame[..framing]);
        parts[count + 1] = IoSliceMut::new(content);
        (rest, count) = (more, count + 2);
    }
    let read = receive(&mut parts[..count])?;

    let mut filled = begun.min(read);
    decoder.advance(filled);
    let mut unused = read - filled;
    for (index, frame) in frames.iter().enumerate() {
        if unused == 0 {
            break;
        }
        let frame = &frame[..framing.min(unused)];
        let content = size.min(out.len() - filled).min(unused - frame.len());
        let used = decoder.decode(frame, &mut []).map_or(0, |progress| progress.used);
        if used < frame.len() || decoder.direct() < content as u64 {
            // Not what was foreseen. It is put together again.
            let mut more = frame[used..].to_vec();
            let mut at = filled;
            unused -= frame.len();
            for frame in &frames[index + 1..] {
                let content = size.min(out.len() - at).min(unused);
                more.extend_from_slice(&out[at..at + content]);
                (at, unused) = (at + content, unused - content);
                let frame = &frame[..framing.min(unused)];
                more.extend_from_slice(frame);
                unused -= frame.len();
            }
            more.extend_from_slice(&out[at..at + unused]);
            buffer.put(&more);
            break;
        }
        decoder.advance(content);
        filled += content;
        unused -= frame.len() + content;
    }
    Ok((read, filled))
}
