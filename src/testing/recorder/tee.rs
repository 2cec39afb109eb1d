//! Listens to the body of a response while the program reads it.

use std::io::{self, Read};
use std::time::Duration;

use crate::message::stream::BodySource;

/// How much of a body was heard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Heard {
    Whole,
    /// The rest was given up.
    Part,
}

/// A body that tells what was read of it, once: at its end, or when the rest is given up. Of a body that breaks it tells nothing.
pub(super) struct Tee<F: FnOnce(Vec<u8>, Heard)> {
    source: Box<dyn BodySource>,
    heard: Vec<u8>,
    tell: Option<F>,
}

impl<F: FnOnce(Vec<u8>, Heard)> Tee<F> {
    pub(super) fn new(source: Box<dyn BodySource>, tell: F) -> Self {
        Self { source, heard: Vec::new(), tell: Some(tell) }
    }

    /// What a read put into `buf`.
    fn hear(&mut self, read: io::Result<usize>, buf: &[u8]) -> io::Result<usize> {
        match &read {
            Ok(0) if !buf.is_empty() => self.end(Heard::Whole),
            Ok(read) => self.heard.extend_from_slice(&buf[..*read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.tell = None,
        }
        read
    }

    fn end(&mut self, heard: Heard) {
        if let Some(tell) = self.tell.take() {
            tell(std::mem::take(&mut self.heard), heard);
        }
    }
}

impl<F: FnOnce(Vec<u8>, Heard)> Read for Tee<F> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buf);
        self.hear(read, buf)
    }
}

impl<F: FnOnce(Vec<u8>, Heard) + Send> BodySource for Tee<F> {
    fn at_chunk_end(&self) -> bool {
        self.source.at_chunk_end()
    }

    fn read_in_chunk(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read_in_chunk(out);
        self.hear(read, out)
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }

    fn read_rest(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let length = out.len();
        match self.source.read_rest(out) {
            Ok(()) => {
                self.heard.extend_from_slice(&out[length..]);
                self.end(Heard::Whole);
                Ok(())
            }
            Err(error) => {
                self.tell = None;
                Err(error)
            }
        }
    }

    fn drain(&mut self) {
        self.source.drain();
    }

    fn bound(&mut self, time: Duration) -> u64 {
        self.source.bound(time)
    }

    fn close(&mut self) {
        self.source.close();
        self.end(Heard::Part);
    }
}

impl<F: FnOnce(Vec<u8>, Heard)> Drop for Tee<F> {
    fn drop(&mut self) {
        self.end(Heard::Part);
    }
}
