//! Buffers for bytes that were read from a connection and not used yet, and for outgoing heads.
//!
//! Idle connections have no buffer. A thread keeps one between its requests, and an unread body has its own.

use std::cell::Cell;

/// How much is read from a socket at a time, unless it goes directly to the caller.
const BUFFER_SIZE: usize = 32 * 1024;

/// Bytes that were read and not used yet.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

thread_local! {
    static SPARE: Cell<Option<Buffer>> = const { Cell::new(None) };
    static OUTGOING: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Buffer {
    /// This thread's spare buffer, or a new one.
    pub(super) fn take() -> Self {
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        spare.unwrap_or_else(|| Self { bytes: vec![0; BUFFER_SIZE], start: 0, end: 0 })
    }

    /// Keeps it for this thread's next request.
    pub(super) fn give_back(mut self) {
        if self.bytes.len() == BUFFER_SIZE {
            (self.start, self.end) = (0, 0);
            // This fails only if the thread is ending; then it has no next request.
            let _ = SPARE.try_with(|spare| spare.set(Some(self)));
        }
    }

    /// What is left, in a buffer of its own size: the large one is kept for this thread's next request.
    pub(super) fn shrunk(self) -> Self {
        let small = Self { bytes: self.data().to_vec(), start: 0, end: self.data().len() };
        self.give_back();
        small
    }

    /// Takes up bytes that come before anything that is read later. There must be nothing else.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        debug_assert!(self.is_empty(), "they would be out of order");
        if self.bytes.len() < bytes.len() {
            self.bytes.resize(bytes.len(), 0);
        }
        self.bytes[..bytes.len()].copy_from_slice(bytes);
        (self.start, self.end) = (0, bytes.len());
    }

    pub(super) fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(super) fn consume(&mut self, n: usize) {
        self.start += n;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Space to read up to `most` more bytes into.
    pub(super) fn room(&mut self, most: usize) -> &mut [u8] {
        if self.is_empty() && self.bytes.len() < BUFFER_SIZE {
            *self = Self::take();
        }
        if self.end == self.bytes.len() {
            if self.start > 0 {
                self.bytes.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                // A head that is larger than the buffer; `max_header_bytes` limits it.
                self.bytes.resize(self.bytes.len() * 2, 0);
            }
        }
        let room = (self.bytes.len() - self.end).min(most);
        &mut self.bytes[self.end..self.end + room]
    }

    /// Adds the first bytes of [`room`](Self::room), which have been `read`.
    pub(super) fn filled(&mut self, read: usize) {
        self.end += read;
    }
}

/// Runs `write` with this thread's buffer for outgoing heads.
pub(super) fn with_outgoing<T>(write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let mut bytes = OUTGOING.try_with(Cell::take).unwrap_or_default();
    bytes.clear();
    let result = write(&mut bytes);
    if bytes.capacity() <= BUFFER_SIZE {
        let _ = OUTGOING.try_with(|outgoing| outgoing.set(bytes));
    }
    result
}
