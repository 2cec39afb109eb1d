//! A body while it is sent.
//!
//! Pieces are returned as they are: whole items of an iterator, slices of memory, blocks of a reader, which are read into one
//! buffer. A chunked body has one chunk for each item, or for each 16 KiB of a block, and no buffer grows with the body.

use std::fmt;
use std::io::{self, Read};
use std::iter::Fuse;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use super::Progress;
use crate::error::Result;
use crate::form::multipart::OpenMultipart;
use crate::form::source::{self, OpenSource, Taken};
use crate::http1::chunk_encoder::{CHUNK_END, chunk_head};

/// A body while it is sent: see [`Body::open`](super::Body::open).
///
/// It is also a [`Read`], whose `io::Error`s contain the [`Error`](crate::Error).
pub struct BodyReader {
    flow: Flow,
    /// The buffer for blocks, as long as the largest block that was requested.
    buffer: Vec<u8>,
    /// How much of the current item `read` has returned.
    item_read: Option<usize>,
    sent: u64,
    progress: Option<(Arc<Progress>, Option<u64>)>,
}

pub(super) enum Flow {
    Source(OpenSource),
    Items(Taken<Box<dyn Items>>),
    Multipart(OpenMultipart),
}

impl BodyReader {
    pub(super) fn new(flow: Flow, progress: Option<(Arc<Progress>, Option<u64>)>) -> Self {
        Self { flow, buffer: Vec::new(), item_read: None, sent: 0, progress }
    }

    /// The next piece, which is never empty; `None` is the end. An item of an iterator is returned whole, anything else in
    /// pieces of at most `max` bytes, which must not be 0.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the source fails, or does not have the declared length.
    pub fn next_chunk(&mut self, max: usize) -> Result<Option<&[u8]>> {
        loop {
            let Some(range) = self.ask(max)? else { return Ok(None) };
            if !range.is_empty() {
                return Ok(Some(self.piece(range)));
            }
        }
    }

    /// As [`next_chunk`](Self::next_chunk), for who has limits to look at: an empty piece says that the source was asked, and has
    /// given nothing yet.
    pub(crate) fn next_piece(&mut self, max: usize) -> Result<Option<&[u8]>> {
        match self.ask(max)? {
            Some(range) => Ok(Some(self.piece(range))),
            None => Ok(None),
        }
    }

    /// Asks the source once: which part of what [`piece`](Self::piece) looks at it has given, which may be none; `None` is the
    /// end.
    fn ask(&mut self, max: usize) -> Result<Option<Range<usize>>> {
        let max = max.max(1);
        let given = match &mut self.flow {
            Flow::Source(OpenSource::Bytes { bytes, at }) => {
                let start = *at;
                *at += max.min(bytes.len() - start);
                (*at > start).then_some(start..*at)
            }
            Flow::Source(source) => source.read(block(&mut self.buffer, max))?.map(|count| 0..count),
            Flow::Multipart(form) => form.read(block(&mut self.buffer, max))?.map(|count| 0..count),
            Flow::Items(items) => {
                // First the rest of an item that `read` began.
                match self.item_read.take() {
                    Some(read) => Some(read..items.get().current().len()),
                    None => {
                        items.touched = true;
                        items.get().advance()?.then(|| 0..items.get().current().len())
                    }
                }
            }
        };
        self.report(given.as_ref().map(Range::len));
        Ok(given)
    }

    fn piece(&mut self, range: Range<usize>) -> &[u8] {
        match &mut self.flow {
            Flow::Source(OpenSource::Bytes { bytes, .. }) => &bytes[range],
            // Of the program's own type, which may change its mind about its length.
            Flow::Items(items) => items.get().current().get(range).unwrap_or_default(),
            Flow::Source(_) | Flow::Multipart(_) => &self.buffer[range],
        }
    }

    /// Tells the progress of so many bytes more, or of the end.
    fn report(&mut self, given: Option<usize>) {
        if given == Some(0) {
            return;
        }
        self.sent += given.unwrap_or_default() as u64;
        if let Some((call, length)) = &self.progress {
            call(self.sent, *length);
        }
    }
}

/// The largest chunk of a body that is not made of items: what requests reads at a time.
const CHUNK: usize = 16 * 1024;

/// The room for the size of the first chunk.
const BEFORE: usize = 18;

/// The length of the size of a chunk of 16 KiB.
const SIZE: usize = "4000\r\n".len();

/// The room for what is between the contents of two chunks, which is enough after the last one.
const BETWEEN: usize = CHUNK_END.len() + SIZE;

impl BodyReader {
    /// As [`next_piece`](Self::next_piece), framed: an item of an iterator as one chunk, anything else as chunks of 16 KiB and a
    /// last one with the rest; nothing as nothing, since an empty chunk would be the end. A reader is read once, so that what it
    /// gives is sent before it is asked for more.
    pub(crate) fn next_framed(&mut self, max: usize) -> Result<Option<&[u8]>> {
        let max = max.max(1);
        let given = match &mut self.flow {
            Flow::Source(source) => source.read(inside(&mut self.buffer, max))?,
            Flow::Multipart(form) => form.read(inside(&mut self.buffer, max))?,
            Flow::Items(_) => {
                let mut buffer = std::mem::take(&mut self.buffer);
                let given = self.next_piece(max)?.map(|item| {
                    inside(&mut buffer, item.len()).copy_from_slice(item);
                    item.len()
                });
                self.buffer = buffer;
                return Ok(given.map(|count| self.framed(count, count)));
            }
        };
        self.report(given);
        Ok(given.map(|count| self.framed(count, CHUNK)))
    }

    /// The `count` bytes that are [`inside`] the buffer, as chunks of `size` bytes.
    fn framed(&mut self, count: usize, size: usize) -> &[u8] {
        let mut head = Vec::with_capacity(BEFORE);
        let mut whole = 0..0;
        // Backwards, because each content moves to where the next one was, to make room for the framing before it.
        for first in (0..count).step_by(size.max(1)).rev() {
            let Some(length) = NonZeroUsize::new(size.min(count - first)) else { break };
            head.clear();
            chunk_head(length, &mut head);
            let (from, index) = (BEFORE + first, first / size);
            let start = if index == 0 { BEFORE - head.len() } else { from + index * BETWEEN - SIZE };
            let content = start + head.len();
            let end = content + length.get();
            if content != from {
                self.buffer.copy_within(from..from + length.get(), content);
            }
            self.buffer[start..content].copy_from_slice(&head);
            self.buffer[end..end + CHUNK_END.len()].copy_from_slice(CHUNK_END);
            whole = start..whole.end.max(end + CHUNK_END.len());
        }
        &self.buffer[whole]
    }
}

/// Room for `max` bytes of content, with that for the framing of its chunks around it.
fn inside(buffer: &mut Vec<u8>, max: usize) -> &mut [u8] {
    &mut block(buffer, BEFORE + max + max.div_ceil(CHUNK) * BETWEEN)[BEFORE..BEFORE + max]
}

/// The first `max` bytes of a buffer that is zeroed once, not for each block.
fn block(buffer: &mut Vec<u8>, max: usize) -> &mut [u8] {
    if buffer.len() < max {
        buffer.resize(max, 0);
    }
    &mut buffer[..max]
}

impl Read for BodyReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let given = match &mut self.flow {
                Flow::Source(source) => source.read(out)?,
                Flow::Multipart(form) => form.read(out)?,
                Flow::Items(items) => {
                    let began = match self.item_read.take() {
                        Some(read) => Some(read),
                        None => {
                            items.touched = true;
                            items.get().advance()?.then_some(0)
                        }
                    };
                    began.map(|read| {
                        let rest = &items.get().current()[read..];
                        let count = rest.len().min(out.len());
                        out[..count].copy_from_slice(&rest[..count]);
                        self.item_read = Some(read + count).filter(|_| count < rest.len());
                        count
                    })
                }
            };
            self.report(given);
            if given != Some(0) {
                return Ok(given.unwrap_or_default());
            }
        }
    }
}

impl fmt::Debug for BodyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyReader").field("sent", &self.sent).finish_non_exhaustive()
    }
}

/// An iterator of pieces, with its current piece.
pub(super) trait Items: Send {
    /// Moves to the next piece, which may be empty; false if there is none.
    fn advance(&mut self) -> Result<bool>;

    fn current(&self) -> &[u8];
}

pub(super) struct Chunks<I, T> {
    /// Fused: a body that has ended stays at its end.
    items: Fuse<I>,
    current: Option<T>,
}

impl<I: Iterator, T> Chunks<I, T> {
    pub(super) fn new(items: I) -> Self {
        Self { items: items.fuse(), current: None }
    }
}

impl<I, T, E> Items for Chunks<I, T>
where
    I: Iterator<Item = Result<T, E>> + Send,
    T: AsRef<[u8]> + Send,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn advance(&mut self) -> Result<bool> {
        // Dropped first: an item may be large.
        self.current = None;
        self.current = self.items.next().transpose().map_err(source::failed)?;
        Ok(self.current.is_some())
    }

    fn current(&self) -> &[u8] {
        self.current.as_ref().map(AsRef::as_ref).unwrap_or_default()
    }
}
