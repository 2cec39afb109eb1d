//! What holds for any bytes: checked by proptest in the tests here, and by libFuzzer in `fuzz/`.
//!
//! [`read`] is a client without a socket. Each piece stands for one read from a connection.

use std::num::NonZeroUsize;

use http::Method;

use super::body_decoder::BodyDecoder;
use super::chunk_encoder::{CHUNK_END, LAST_CHUNK, chunk_head};
use super::framing::Framing;
use super::head::ResponseHead;
use super::remote_error::RemoteError;
use super::response_head::{HeadLimits, HeadParser};

/// The result of reading an answer whose peer closed at the end of the bytes.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) head: Option<ResponseHead>,
    pub(crate) body: Vec<u8>,
    /// Bytes after the body.
    pub(crate) surplus: usize,
    pub(crate) end: Result<(), RemoteError>,
}

/// Reads an answer; `room` is the size of the reader's buffer.
pub(crate) fn read<'a>(
    method: &Method,
    limits: HeadLimits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    room: usize,
) -> Answer {
    let mut answer = Answer { head: None, body: Vec::new(), surplus: 0, end: Ok(()) };
    answer.end = answer.fill(method, limits, pieces, room);
    answer
}

impl Answer {
    fn fill<'a>(
        &mut self,
        method: &Method,
        limits: HeadLimits,
        pieces: impl IntoIterator<Item = &'a [u8]>,
        room: usize,
    ) -> Result<(), RemoteError> {
        let mut pieces = pieces.into_iter();
        let mut buffer = Vec::new();
        let mut parser = HeadParser::new(limits);
        let head = loop {
            match parser.feed(&buffer)? {
                Some((head, used)) => {
                    buffer.drain(..used);
                    if !head.is_interim() {
                        break head;
                    }
                }
                None => match pieces.next() {
                    Some(piece) => buffer.extend_from_slice(piece),
                    None => return Err(parser.eof(&buffer)),
                },
            }
        };
        let framing = Framing::of_response(method, &head);
        self.head = Some(head);
        let mut decoder = BodyDecoder::new(framing?);
        let mut room = vec![0; room];
        loop {
            let progress = decoder.decode(&buffer, &mut room)?;
            assert!(progress.used <= buffer.len() && progress.filled <= progress.used);
            assert_eq!(progress.done, decoder.is_done());
            self.body.extend_from_slice(&room[..progress.filled]);
            buffer.drain(..progress.used);
            if progress.done {
                break;
            }
            if progress.used > 0 {
                continue;
            }
            assert!(buffer.is_empty(), "a decoder with room makes progress or returns an error");
            let Some(mut piece) = pieces.next() else {
                decoder.eof()?;
                break;
            };
            // Sometimes past the decoder, as a reader with a large buffer does.
            if piece.len() % 2 == 0 {
                let direct = usize::try_from(decoder.direct()).unwrap_or(usize::MAX).min(piece.len());
                self.body.extend_from_slice(&piece[..direct]);
                decoder.advance(direct);
                piece = &piece[direct..];
            }
            buffer.extend_from_slice(piece);
        }
        self.surplus = buffer.len() + pieces.map(<[u8]>::len).sum::<usize>();
        Ok(())
    }

    /// How much of an answer that is not HTTP is shown depends on how much had arrived.
    pub(crate) fn without_excerpt(mut self) -> Self {
        if let Err(RemoteError::NotHttp(excerpt)) = &mut self.end {
            excerpt.clear();
        }
        self
    }
}

/// Invariant: an answer in pieces reads like the answer in one piece. The first bytes decide how it is cut.
pub fn response_head(data: &[u8]) {
    let Some((&[first, second, room], answer)) = data.split_first_chunk() else { return };
    let (method, limits) = (Method::GET, HeadLimits { max_bytes: 300, max_headers: 9 });
    let whole = read(&method, limits, [answer], 64).without_excerpt();

    let first = usize::from(first).min(answer.len());
    let second = (first + usize::from(second)).min(answer.len());
    let pieces = [&answer[..first], &answer[first..second], &answer[second..]];
    assert_eq!(read(&method, limits, pieces, 1 + usize::from(room)).without_excerpt(), whole);
    assert_eq!(read(&method, limits, answer.chunks(1), 2).without_excerpt(), whole);
}

/// Invariant: a body in pieces reads like the body in one piece, and a decoder reports its end once and consumes
/// nothing after it.
pub fn body_decoder(data: &[u8]) {
    let Some((&[framing, cut], body)) = data.split_first_chunk() else { return };
    let fields = match framing % 3 {
        0 => "Transfer-Encoding: chunked\r\n".to_owned(),
        1 => format!("Content-Length: {}\r\n", framing / 3),
        _ => String::new(),
    };
    let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
    let (method, limits) = (Method::GET, HeadLimits::default());
    let pieces = |size: usize| std::iter::once(head.as_bytes()).chain(body.chunks(size));
    let whole = read(&method, limits, pieces(body.len().max(1)), 4096);

    assert!(whole.body.len() + whole.surplus <= body.len());
    assert_eq!(read(&method, limits, pieces(1 + usize::from(cut)), 5), whole);
    assert_eq!(read(&method, limits, pieces(1), 1), whole);
}

/// Invariant: what the chunk writer writes is read as the same body, to its last byte.
pub fn chunk_writer(data: &[u8]) {
    let Some((&size, body)) = data.split_first() else { return };
    let mut wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(1 + usize::from(size)) {
        chunk_head(NonZeroUsize::new(chunk.len()).expect("chunks have bytes"), &mut wire);
        wire.extend_from_slice(chunk);
        wire.extend_from_slice(CHUNK_END);
    }
    wire.extend_from_slice(LAST_CHUNK);
    wire.extend_from_slice(b"surplus");

    let answer = read(&Method::GET, HeadLimits::default(), wire.chunks(1 + usize::from(size) / 3), 100);
    assert_eq!((answer.end, answer.body.as_slice(), answer.surplus), (Ok(()), body, 7));
}
