//! Reading the head of the answer: past interim responses (100, 103) to the one that counts.

use std::time::Instant;

use crate::adapter::connection::{Buffer, Doing, Patience, ran_out};
use crate::adapter::engine::Engine;
use crate::adapter::failure::{Failure, broken, remote};
use crate::adapter::send_request::Sent;
use crate::http1::head::ResponseHead;
use crate::http1::response_head::HeadParser;
use crate::net::Transport;

/// Reads heads until one is no interim response.
pub(super) struct HeadReader<'a> {
    pub(super) engine: &'a Engine,
    pub(super) patience: &'a Patience,
    pub(super) buffer: &'a mut Buffer,
    pub(super) first_byte: Option<Instant>,
}

impl HeadReader<'_> {
    /// The head, or what went wrong and whether it was before the first byte.
    pub(super) fn read(&mut self, transport: &mut Transport, sent: &Sent) -> Result<ResponseHead, (Failure, bool)> {
        let mut parser = HeadParser::new(self.engine.settings.head);
        loop {
            if !self.buffer.is_empty() {
                match parser.feed(self.buffer.data()) {
                    Ok(Some((head, used))) => {
                        self.buffer.consume(used);
                        if !head.is_interim() {
                            return Ok(head);
                        }
                        continue;
                    }
                    Ok(None) => {}
                    Err(error) => return Err((Failure::misread(&error), false)),
                }
            }
            let failure = match self.patience.fill(transport, self.buffer) {
                Ok(0) => {
                    let error = parser.eof(self.buffer.data());
                    Failure::read(sent.blame(remote(&error)))
                }
                Ok(_) => {
                    self.first_byte.get_or_insert_with(|| self.engine.clock.now());
                    continue;
                }
                Err(error) if ran_out(&error) => {
                    return Err((Failure::read(self.patience.expired(Doing::Head)), false));
                }
                Err(error) => Failure::read(sent.blame(broken(error))),
            };
            return Err((failure, self.first_byte.is_none()));
        }
    }
}
