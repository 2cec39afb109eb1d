//! What holds for the body of any answer, however it is read: checked by proptest in the tests here, and by libFuzzer in `fuzz/`.
//!
//! [`read`] is what `wire_body` does, without a connection: each read takes the next bytes.

use std::convert::Infallible;
use std::io::{IoSliceMut, Read};

use crate::adapter::buffer::Buffer;
use crate::adapter::scatter;
use crate::http1::RemoteError;
use crate::http1::body_decoder::BodyDecoder;
use crate::http1::framing::Framing;

/// Where the bytes from the connection go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum How {
    /// To the buffer, from which content is copied.
    Buffered,
    /// To where the content is wanted, where it is moved over the framing.
    InPlace,
    /// Likewise, but what is foreseen of the framing goes elsewhere.
    InParts,
}

/// The result of reading a body whose peer closed at the end of the bytes.
#[derive(Debug, Eq, PartialEq)]
struct Outcome {
    content: Vec<u8>,
    /// Bytes that belong to the body, up to its end or to the error.
    used: usize,
    end: Result<(), RemoteError>,
}

/// Reads `wire`, at most `piece` bytes at a time, to a reader with a buffer of `room` bytes. Also returns how much was read in
/// parts.
fn read(framing: Framing, wire: &[u8], piece: usize, room: usize, how: How) -> (Outcome, usize) {
    let mut decoder = BodyDecoder::new(framing);
    let (mut rest, mut buffer) = (wire, Buffer::take());
    let (mut content, mut out, mut in_parts) = (Vec::new(), vec![0; room], 0);
    let end = loop {
        if decoder.is_done() {
            break Ok(());
        }
        if !buffer.is_empty() {
            match decoder.decode(buffer.data(), &mut out) {
                Ok(progress) => {
                    buffer.consume(progress.used);
                    content.extend_from_slice(&out[..progress.filled]);
                    continue;
                }
                Err(error) => break Err(error),
            }
        }
        let mut next = &rest[..piece.min(rest.len())];
        let pattern = decoder.pattern().filter(|pattern| how == How::InParts && scatter::fills(*pattern, room));
        let read = if next.is_empty() {
            0
        } else if let Some(pattern) = pattern {
            let mut receive = |parts: &mut [IoSliceMut<'_>]| next.read_vectored(parts).expect("bytes can be read");
            let Ok((read, filled)) = scatter::read(&mut decoder, pattern, &mut out, &mut buffer, |parts| {
                Ok::<_, Infallible>(receive(parts))
            });
            assert!(filled <= read, "content is part of what was read");
            content.extend_from_slice(&out[..filled]);
            in_parts += read;
            read
        } else if how == How::Buffered {
            let read = next.read(buffer.room(usize::MAX)).expect("bytes can be read");
            buffer.filled(read);
            read
        } else {
            let read = next.read(&mut out).expect("bytes can be read");
            match decoder.decode_in_place(&mut out[..read]) {
                Ok(progress) => {
                    assert!(progress.filled <= progress.used && progress.used <= read);
                    content.extend_from_slice(&out[..progress.filled]);
                    if progress.used < read {
                        buffer.put(&out[progress.used..read]);
                    }
                }
                Err(error) => break Err(error),
            }
            read
        };
        rest = &rest[read..];
        if read == 0 {
            break decoder.eof();
        }
    };
    let used = wire.len() - rest.len() - buffer.data().len();
    buffer.give_back();
    (Outcome { content, used, end }, in_parts)
}

/// Invariant: a body has the same content, the same end or error, and takes the same bytes, whether it is copied from a buffer,
/// read in place or in parts, at once or torn. The first bytes decide the framing and how it is torn.
pub fn body_reads(data: &[u8]) {
    let Some((&[framing, cut], body)) = data.split_first_chunk() else { return };
    let framing = match framing % 3 {
        0 => Framing::Chunked,
        1 => Framing::Length(u64::from(framing / 3)),
        _ => Framing::UntilClose,
    };
    check(framing, body, 1 + usize::from(cut));
}

/// Returns how much was read in parts.
fn check(framing: Framing, wire: &[u8], cut: usize) -> usize {
    let (whole, _) = read(framing, wire, wire.len(), 4096, How::Buffered);
    let mut in_parts = 0;
    for how in [How::Buffered, How::InPlace, How::InParts] {
        for (piece, room) in [(wire.len(), 4096), (cut, 4096), (wire.len(), cut), (1, 1), (1, 64), (cut, 7), (7, cut)] {
            let (outcome, parts) = read(framing, wire, piece, room, how);
            assert_eq!(outcome, whole, "{how:?}, {piece} bytes at a time into {room}");
            in_parts += parts;
        }
    }
    in_parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunked(sizes: &[usize], end: &str) -> Vec<u8> {
        let chunk = |(n, &size): (usize, &usize)| {
            let content: Vec<u8> = (0..size).map(|at| (n * 31 + at) as u8).collect();
            [format!("{size:x}\r\n").as_bytes(), &content, b"\r\n"].concat()
        };
        [sizes.iter().enumerate().flat_map(chunk).collect(), end.as_bytes().to_vec()].concat()
    }

    #[test]
    fn chunks_of_one_size_are_read_in_parts_and_what_was_not_foreseen_is_put_together() {
        for (sizes, end) in [
            (&[100; 30][..], "0\r\n\r\nmore"),
            (&[100; 30], "0\r\nTrailer: x\r\n\r\n"),
            (&[16; 200], ""),
            (&[100, 100, 100, 100, 100, 99, 100, 100, 100], "0\r\n\r\n"),
            (&[100, 100, 100, 100, 100, 101, 3, 100, 100], "0\r\n\r\n"),
            (&[300, 300, 300, 300, 5, 5, 5, 5, 5, 5], "0\r\n\r\nmore"),
            (&[50, 50, 50, 50], "zz\r\n"),
            (&[50, 50, 50, 50], "32;extension\r\n"),
            (&[0x32, 0x32, 0x32], "00032\r\n"),
        ] {
            let wire = chunked(sizes, end);

            let in_parts: usize = [3, 50, 117, 230].map(|cut| check(Framing::Chunked, &wire, cut)).iter().sum();

            assert!(in_parts > 0, "nothing of {sizes:?} was read in parts");
        }
    }

    #[test]
    fn a_chunk_without_its_line_end_is_an_error_even_if_its_size_is_the_same() {
        let wire = b"3\r\nabc3\r\nabc3\r\nabc0\r\n\r\n";

        check(Framing::Chunked, wire, 4);
        let (outcome, _) = read(Framing::Chunked, wire, wire.len(), 64, How::InParts);

        assert_eq!((outcome.content.as_slice(), outcome.used), (&b"abc"[..], 6));
        assert!(matches!(outcome.end, Err(RemoteError::BadChunk(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn almost_regular_chunks_are_read_alike(
            size in 1_usize..80, count in 2_usize..24, other in prop::option::of((0_usize..24, 1_usize..90)),
            flip in prop::option::of((any::<prop::sample::Index>(), any::<u8>())), cut in 1_usize..300,
        ) {
            let mut sizes = vec![size; count];
            if let Some((at, size)) = other {
                sizes.insert(at.min(count), size);
            }
            let mut wire = chunked(&sizes, "0\r\n\r\nmore");
            if let Some((at, byte)) = flip {
                let at = at.index(wire.len());
                wire[at] = byte;
            }

            check(Framing::Chunked, &wire, cut);
        }
    }
}
