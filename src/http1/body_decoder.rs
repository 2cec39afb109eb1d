//! Extracts the body of a response from its framing.
//!
//! It knows where content is, not what it means: codings come later. Content may bypass it: [`BodyDecoder::direct`]
//! says how many of the next bytes on the wire are content, and [`BodyDecoder::advance`] is told that they went
//! straight to the reader. It never consumes a byte after the end of the body.

use super::chunk_decoder::ChunkDecoder;
use super::framing::Framing;
use super::remote_error::RemoteError;

/// Extracts content from what arrives.
#[derive(Debug)]
pub(crate) struct BodyDecoder {
    state: State,
    /// Bytes of content so far.
    got: u64,
}

/// How far one call got. `used` may exceed `filled`, because framing is consumed too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Progress {
    pub(crate) used: usize,
    pub(crate) filled: usize,
    pub(crate) done: bool,
}

/// What can be foreseen of a chunked body whose chunks have had one size so far.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Pattern {
    /// How much of the current chunk is left.
    pub(crate) left: usize,
    /// The length of the framing between two chunks, at most [`LONGEST`](Self::LONGEST) bytes.
    pub(crate) framing: usize,
    /// The size of a chunk.
    pub(crate) size: usize,
}

impl Pattern {
    pub(crate) const LONGEST: usize = ChunkDecoder::LONGEST;
}

#[derive(Debug)]
enum State {
    Length { left: u64 },
    Chunked(ChunkDecoder),
    UntilClose,
    Done,
}

impl BodyDecoder {
    pub(crate) fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(left) => State::Length { left },
            Framing::Chunked => State::Chunked(ChunkDecoder::new()),
            Framing::UntilClose => State::UntilClose,
        };
        Self { state, got: 0 }
    }

    /// Moves content from `input` to `out`. It stops when `input` is used up, when `out` is full and content comes
    /// next, or at the end of a chunk or of the body. An error is reported only after what comes before it,
    /// framing too, so that the caller knows what was used: by the next call with the rest.
    pub(crate) fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Result<Progress, RemoteError> {
        let (mut used, mut filled) = (0, 0);
        loop {
            let room = (input.len() - used).min(out.len() - filled);
            let count = usize::try_from(self.direct()).unwrap_or(usize::MAX).min(room);
            if count > 0 {
                out[filled..filled + count].copy_from_slice(&input[used..used + count]);
                (used, filled) = (used + count, filled + count);
                self.advance(count);
            }
            let State::Chunked(chunks) = &mut self.state else { break };
            // The end of a chunk ends the call, after the framing between it and the next (RESP-09).
            let chunk_ended = filled > 0 && chunks.data() == 0;
            match chunks.eat(&input[used..]) {
                Ok(0) => break,
                Ok(count) => used += count,
                Err(_) if used > 0 => break,
                Err(error) => return Err(error),
            }
            if chunks.is_done() {
                self.state = State::Done;
                break;
            }
            if chunk_ended || used == input.len() {
                break;
            }
        }
        Ok(Progress { used, filled, done: self.is_done() })
    }

    /// Moves content to the start of `bytes`, over the framing between it: for bytes that were read to where content is
    /// wanted. `filled` is how much content there is, and what was not `used` is still where it was. Unlike
    /// [`decode`](Self::decode), it does not stop at the end of a chunk.
    pub(crate) fn decode_in_place(&mut self, bytes: &mut [u8]) -> Result<Progress, RemoteError> {
        let (mut used, mut filled) = (0, 0);
        loop {
            let count = usize::try_from(self.direct()).unwrap_or(usize::MAX).min(bytes.len() - used);
            if used > filled {
                bytes.copy_within(used..used + count, filled);
            }
            (used, filled) = (used + count, filled + count);
            self.advance(count);
            let State::Chunked(chunks) = &mut self.state else { break };
            match chunks.eat(&bytes[used..]) {
                Ok(0) => break,
                Ok(count) => used += count,
                Err(_) if used > 0 => break,
                Err(error) => return Err(error),
            }
            if chunks.is_done() {
                self.state = State::Done;
                break;
            }
        }
        Ok(Progress { used, filled, done: self.is_done() })
    }

    /// What can be foreseen, if content comes next and the chunks are regular.
    pub(crate) fn pattern(&self) -> Option<Pattern> {
        let State::Chunked(chunks) = &self.state else { return None };
        let (size, framing) = chunks.regular()?;
        let whole = |count: u64| usize::try_from(count).ok();
        Some(Pattern { left: whole(chunks.data())?, framing, size: whole(size)? })
    }

    /// Whether content is not known to come next, but framing.
    pub(crate) fn has_framing(&self) -> bool {
        matches!(self.state, State::Chunked(_))
    }

    /// How many of the next bytes from the peer are content. That many may bypass the decoder, once it has been given
    /// everything read before. 0 if it must see what comes next, or if nothing does.
    pub(crate) fn direct(&self) -> u64 {
        match &self.state {
            State::Length { left } => *left,
            State::Chunked(chunks) => chunks.data(),
            State::UntilClose => u64::MAX,
            State::Done => 0,
        }
    }

    /// `count` bytes of content bypassed the decoder, at most [`direct`](Self::direct).
    pub(crate) fn advance(&mut self, count: usize) {
        let count = count as u64;
        debug_assert!(count <= self.direct(), "only what `direct` returned is content");
        self.got = self.got.saturating_add(count);
        match &mut self.state {
            State::Length { left } => {
                *left = left.saturating_sub(count);
                if *left == 0 {
                    self.state = State::Done;
                }
            }
            State::Chunked(chunks) => chunks.take(count),
            State::UntilClose | State::Done => {}
        }
    }

    /// The peer closed. This is valid for a body without a length and after the last chunk, and an error anywhere else.
    pub(crate) fn eof(&mut self) -> Result<(), RemoteError> {
        let got = self.got;
        match &self.state {
            State::Length { left } => return Err(RemoteError::BodyCut { got, want: got.saturating_add(*left) }),
            State::Chunked(chunks) if !chunks.is_whole() => {
                let missing = Some(chunks.data()).filter(|&missing| missing > 0);
                return Err(RemoteError::ChunkCut { got, missing });
            }
            State::Chunked(_) | State::UntilClose | State::Done => {}
        }
        self.state = State::Done;
        Ok(())
    }

    /// Whether the body has ended: nothing more belongs to this response.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Whether the last content ended a chunk on the wire.
    pub(crate) fn at_chunk_end(&self) -> bool {
        matches!(&self.state, State::Chunked(chunks) if chunks.is_between())
    }

    /// How much content is still to come, if known.
    pub(crate) fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Length { left } => Some(left),
            State::Done => Some(0),
            State::Chunked(_) | State::UntilClose => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use http::Method;
    use proptest::prelude::*;

    use super::*;
    use crate::http1::chunk_encoder::{CHUNK_END, LAST_CHUNK, chunk_head};
    use crate::http1::invariants::read;
    use crate::http1::response_head::HeadLimits;
    use crate::http1::torn::torn;

    fn encode(chunks: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        for chunk in chunks {
            let Some(length) = NonZeroUsize::new(chunk.len()) else { continue };
            chunk_head(length, &mut out);
            out.extend_from_slice(chunk);
            out.extend_from_slice(CHUNK_END);
        }
        out.extend_from_slice(LAST_CHUNK);
        out
    }

    #[test]
    fn content_moves_over_the_framing_between_it() {
        let raw = b"3\r\nabc\r\n2;x\r\nde\r\n10\r\n0123456789abcdef\r\n0\r\nX: 1\r\n\r\nmore";
        for cut in 1..=raw.len() {
            let mut decoder = BodyDecoder::new(Framing::Chunked);
            let (mut content, mut rest) = (Vec::new(), Vec::new());
            for part in raw.chunks(cut) {
                let mut bytes = [rest.as_slice(), part].concat();
                let progress = decoder.decode_in_place(&mut bytes).unwrap();
                content.extend_from_slice(&bytes[..progress.filled]);
                rest = bytes[progress.used..].to_vec();
                assert!(rest.is_empty() || progress.done, "framing is consumed as it comes");
            }
            assert_eq!((content.as_slice(), decoder.is_done()), (&b"abcde0123456789abcdef"[..], true), "{cut}");
            assert_eq!(rest, b"more");
        }

        let mut bytes = *b"3\r\nabc\r\n1\r\ndoops";
        let mut decoder = BodyDecoder::new(Framing::Chunked);
        assert_eq!(decoder.decode_in_place(&mut bytes), Ok(Progress { used: 12, filled: 4, done: false }));
        assert_eq!(&bytes[..4], b"abcd");
        assert!(matches!(decoder.decode_in_place(&mut bytes[12..]), Err(RemoteError::BadChunk(_))));

        // A line end that breaks off within the call is consumed up to the byte that is wrong.
        let mut bytes = *b"4\r\nabcd\roops";
        let mut decoder = BodyDecoder::new(Framing::Chunked);
        assert_eq!(decoder.decode_in_place(&mut bytes), Ok(Progress { used: 8, filled: 4, done: false }));
        assert!(matches!(decoder.decode_in_place(&mut bytes[8..]), Err(RemoteError::BadChunk(_))));
    }

    /// A decoder to which all of that came at once, and was no error.
    fn after(raw: &str) -> BodyDecoder {
        let mut decoder = BodyDecoder::new(Framing::Chunked);
        let mut bytes = raw.as_bytes().to_vec();
        assert_eq!(decoder.decode_in_place(&mut bytes).unwrap().used, raw.len(), "{raw:?}");
        decoder
    }

    #[test]
    fn a_pattern_is_known_from_the_third_chunk_that_is_framed_alike() {
        let pattern = |left, framing, size| Some(Pattern { left, framing, size });
        let long = "x".repeat(0x1a);
        for (raw, want) in [
            ("", None),
            ("4\r\nabcd\r\n4\r\nab", None),
            ("4\r\nabcd\r\n4\r\nabcd\r\n4\r\n", pattern(4, 5, 4)),
            ("4\r\nabcd\r\n4\r\nabcd\r\n4\r\nabc", pattern(1, 5, 4)),
            // Framing comes next.
            ("4\r\nabcd\r\n4\r\nabcd\r\n4\r\nabcd", None),
            ("4\r\nabcd\r\n4\r\nabcd\r\n4\r\nabcd\r\n4\r\nab", pattern(2, 5, 4)),
            // Another size, the same size in other digits, more than digits, other line ends.
            ("4\r\nabcd\r\n4\r\nabcd\r\n3\r\na", None),
            ("4\r\nabcd\r\n4\r\nabcd\r\n04\r\na", None),
            ("4\r\nabcd\r\n4\r\nabcd\r\n4;x\r\na", None),
            ("4\r\nabcd\r\n4\r\nabcd\r\n4\na", None),
            ("4\r\nabcd\r\n4\r\nabcd\n4\r\na", None),
            ("3\r\nabc\r\n4\r\nabcd\r\n4\r\na", pattern(3, 5, 4)),
            // The longest framing that is foreseen, and a longer one.
            ("4\r\nabcd\r\n00000004\r\nabcd\r\n00000004\r\na", pattern(3, 12, 4)),
            ("4\r\nabcd\r\n000000004\r\nabcd\r\n000000004\r\na", None),
            (&format!("1a\r\n{long}\r\n1A\r\n{long}\r\n1A\r\nx"), pattern(0x19, 6, 0x1a)),
        ] {
            assert_eq!(after(raw).pattern(), want, "{raw:?}");
        }
        assert_eq!(BodyDecoder::new(Framing::Length(9)).pattern(), None);
    }

    #[test]
    fn what_is_between_two_chunks_is_neither_more_nor_less_than_their_framing() {
        for (raw, between) in [
            ("", true),
            ("3", true),
            ("3\r\n", true),
            ("3\r\na", false),
            ("3\r\nab", false),
            ("3\r\nabc", true),
            ("3\r\nabc\r", true),
            ("3\r\nabc\r\n2\r\n", true),
            ("3\r\nabc\r\n2\r\nd", false),
            ("3\r\nabc\r\n2;x\r\nd", false),
        ] {
            let mut decoder = after(raw);
            assert_eq!((decoder.at_chunk_end(), decoder.has_framing()), (between, true), "{raw:?}");
            // A call without anything to do changes nothing.
            assert_eq!(decoder.decode(b"", &mut []), Ok(Progress { used: 0, filled: 0, done: false }));
            assert_eq!(decoder.at_chunk_end(), between, "{raw:?}");
        }
        for done in [
            after("3\r\nabc\r\n0\r\n\r\n"),
            BodyDecoder::new(Framing::Length(3)),
            BodyDecoder::new(Framing::UntilClose),
        ] {
            assert!(!done.at_chunk_end() && !done.has_framing());
        }
    }

    // RESP-09
    #[test]
    fn a_call_ends_with_its_chunk_and_the_framing_behind_it() {
        let raw = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        let (mut decoder, mut out, mut at) = (BodyDecoder::new(Framing::Chunked), [0; 16], 0);

        for (used, filled, done) in [(11, 3, false), (9, 2, true)] {
            assert_eq!(decoder.decode(&raw[at..], &mut out), Ok(Progress { used, filled, done }));
            at += used;
        }

        assert_eq!(at, raw.len());
    }

    // FRAME-11
    #[test]
    fn a_body_of_nothing_is_done_before_it_starts() {
        for framing in [Framing::None, Framing::Length(0)] {
            let mut decoder = BodyDecoder::new(framing);

            assert!(decoder.is_done());
            assert_eq!(decoder.decode(b"x", &mut [0; 4]), Ok(Progress { used: 0, filled: 0, done: true }));
            assert_eq!((decoder.direct(), decoder.remaining(), decoder.eof()), (0, Some(0), Ok(())));
        }
    }

    #[test]
    fn content_can_go_past_the_decoder() {
        let mut out = [0; 8];

        let mut length = BodyDecoder::new(Framing::Length(10));
        assert_eq!(length.decode(b"abc", &mut out), Ok(Progress { used: 3, filled: 3, done: false }));
        assert_eq!((length.direct(), length.remaining()), (7, Some(7)));
        length.advance(6);
        assert_eq!(length.eof(), Err(RemoteError::BodyCut { got: 9, want: 10 }));
        length.advance(1);
        assert_eq!((length.direct(), length.is_done(), length.eof()), (0, true, Ok(())));

        let mut until_close = BodyDecoder::new(Framing::UntilClose);
        assert_eq!((until_close.direct(), until_close.remaining()), (u64::MAX, None));
        until_close.advance(usize::MAX);
        assert!(!until_close.is_done());
        assert_eq!((until_close.eof(), until_close.is_done(), until_close.direct()), (Ok(()), true, 0));

        let mut chunked = BodyDecoder::new(Framing::Chunked);
        assert_eq!((chunked.direct(), chunked.remaining()), (0, None));
        assert_eq!(chunked.decode(b"a\r\nabc", &mut out), Ok(Progress { used: 6, filled: 3, done: false }));
        assert_eq!(chunked.direct(), 7);
        chunked.advance(6);
        assert_eq!(chunked.eof(), Err(RemoteError::ChunkCut { got: 9, missing: Some(1) }));
        chunked.advance(1);
        assert_eq!(chunked.direct(), 0);
        assert_eq!(chunked.eof(), Err(RemoteError::ChunkCut { got: 10, missing: None }));
        assert_eq!(chunked.decode(b"\r\n0\r\n\r\nmore", &mut out), Ok(Progress { used: 7, filled: 0, done: true }));
    }

    #[test]
    fn the_end_is_seen_with_the_last_byte_of_content() {
        for (framing, raw) in [
            (Framing::Length(5), &b"hello"[..]),
            (Framing::Chunked, b"5\r\nhello\r\n0\r\n\r\n"),
            (Framing::Chunked, b"2\nhe\n3;x\r\nllo\r\n00\r\nX: 1\r\n\r\n"),
        ] {
            let mut out = [0; 5];

            let (mut decoder, input) = (BodyDecoder::new(framing), [raw, b"surplus"].concat());
            let (mut used, mut filled, mut done) = (0, 0, false);

            // At most one call for each chunk, and none for the end alone (RESP-09).
            while filled < out.len() {
                let progress = decoder.decode(&input[used..], &mut out[filled..]).unwrap();
                (used, filled, done) = (used + progress.used, filled + progress.filled, progress.done);
            }

            assert_eq!((used, &out, done), (raw.len(), b"hello", true));
        }
    }

    #[test]
    fn an_error_waits_for_the_content_before_it() {
        let mut decoder = BodyDecoder::new(Framing::Chunked);
        let (input, mut out) = (b"3\r\nhello", [0; 9]);

        assert_eq!(decoder.decode(input, &mut out), Ok(Progress { used: 6, filled: 3, done: false }));
        for _ in 0..2 {
            assert!(matches!(decoder.decode(&input[6..], &mut out), Err(RemoteError::BadChunk(_))));
        }
    }

    #[test]
    fn framing_needs_no_room() {
        let mut decoder = BodyDecoder::new(Framing::Chunked);

        assert_eq!(decoder.decode(b"5\r\nhello", &mut []), Ok(Progress { used: 3, filled: 0, done: false }));
        assert_eq!(
            decoder.decode(b"hello\r\n0\r\n\r\n", &mut [0; 5]),
            Ok(Progress { used: 12, filled: 5, done: true })
        );
    }

    // FRAME-16, FRAME-19
    #[test]
    fn a_body_that_is_cut_says_how_much_came_and_how_much_was_due() {
        let (length, chunked) = ("Content-Length: 10", "Transfer-Encoding: chunked");
        for (field, body, want) in [
            (length, "", "body ended early: 0 of 10 bytes"),
            (length, "hello, wo", "body ended early: 9 of 10 bytes"),
            (chunked, "", "chunked body ended early: 0 bytes read, but no last chunk"),
            (chunked, "5", "chunked body ended early: 0 bytes read, but no last chunk"),
            (chunked, "5\r\n", "chunked body ended early: 0 bytes read, 5 more expected in this chunk"),
            (chunked, "5\r\nhel", "chunked body ended early: 3 bytes read, 2 more expected in this chunk"),
            (chunked, "5\r\nhello\r\n1", "chunked body ended early: 5 bytes read, but no last chunk"),
        ] {
            let answer = torn(&Method::GET, format!("HTTP/1.1 200 OK\r\n{field}\r\n\r\n{body}").as_bytes());

            assert_eq!(answer.end.unwrap_err().to_string(), want, "{body:?}");
        }
    }

    fn body() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                &b"\r\n"[..],
                b"\n",
                b"\r",
                b"0",
                b"5",
                b"f",
                b";",
                b" ",
                b"x",
                b"0\r\n",
                b"2\r\nhi\r\n"
            ])
            .prop_map(<[u8]>::to_vec),
            prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        // BODY-14
        #[test]
        fn what_was_encoded_is_decoded(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            size in 1_usize..60, room in 1_usize..60,
        ) {
            let raw = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(), encode(&chunks), b"next".to_vec()].concat();

            let answer = read(&Method::GET, HeadLimits::default(), raw.chunks(size), room);

            prop_assert_eq!(answer.end, Ok(()));
            prop_assert_eq!(answer.body, chunks.concat());
            prop_assert_eq!(answer.surplus, 4);
        }

        #[test]
        fn any_bytes_at_all_are_a_body_or_an_error(kind in any::<[u8; 2]>(), body in body()) {
            crate::http1::invariants::body_decoder(&[&kind, body.as_slice()].concat());
        }
    }
}
