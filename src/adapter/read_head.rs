//! Reading the head of the answer: past interim responses (1xx) to the final one, also while the request is still being sent
//! (docs/decisions.md#early-answers).

use std::time::Instant;

use crate::adapter::buffer::Buffer;
use crate::adapter::failure::{Failure, broken, remote};
use crate::adapter::options::EngineClock;
use crate::adapter::patience::{Doing, Halt, Patience};
use crate::adapter::sent::Sent;
use crate::clock::Deadline;
use crate::http1::RemoteError;
use crate::http1::head::ResponseHead;
use crate::http1::response_head::{HeadLimits, HeadParser};
use crate::net::Transport;

/// Reads heads until one is final.
pub(super) struct HeadReader<'a> {
    patience: &'a Patience<'a>,
    clock: &'a EngineClock,
    buffer: &'a mut Buffer,
    parser: HeadParser,
    /// How much each read may take.
    most: usize,
    first_byte: Option<Instant>,
    last_byte: Option<Instant>,
    /// The answer that came before the request was sent.
    early: Option<Result<ResponseHead, RemoteError>>,
    /// Whether a 100 (Continue) was among the interim responses.
    continued: bool,
}

/// What a look at the connection, without waiting, found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Heard {
    /// No final answer yet.
    Nothing,
    /// A final answer after which sending continues: 2xx or 3xx. It is kept.
    Answer,
    /// A final answer after which sending stops: 4xx, 5xx, or something that is not HTTP. It is kept.
    Refusal,
    /// The peer sends nothing more.
    End,
}

impl<'a> HeadReader<'a> {
    pub(super) fn new(
        patience: &'a Patience<'a>,
        clock: &'a EngineClock,
        buffer: &'a mut Buffer,
        limits: HeadLimits,
        most: usize,
    ) -> Self {
        let parser = HeadParser::new(limits);
        Self { patience, clock, buffer, parser, most, first_byte: None, last_byte: None, early: None, continued: false }
    }

    /// When the first byte of an answer arrived.
    pub(super) fn first_byte(&self) -> Option<Instant> {
        self.first_byte
    }

    /// When the last bytes arrived.
    pub(super) fn last_byte(&self) -> Option<Instant> {
        self.last_byte
    }

    /// Whether the final answer is still to come.
    pub(super) fn is_waiting(&self) -> bool {
        self.early.is_none()
    }

    /// Whether the peer has asked for the body.
    pub(super) fn was_continued(&self) -> bool {
        self.continued
    }

    /// Reads what is there, without waiting.
    pub(super) fn listen(&mut self, transport: &mut Transport) -> Result<Heard, Halt> {
        loop {
            match self.patience.fill_at_once(transport, self.buffer, usize::MAX)? {
                None => return Ok(Heard::Nothing),
                Some(0) => return Ok(Heard::End),
                Some(_) => self.note_time(),
            }
            match self.next_head() {
                Ok(None) => {}
                Ok(Some(head)) => {
                    let refused = head.status.is_client_error() || head.status.is_server_error();
                    self.early = Some(Ok(head));
                    return Ok(if refused { Heard::Refusal } else { Heard::Answer });
                }
                Err(error) => {
                    self.early = Some(Err(error));
                    return Ok(Heard::Refusal);
                }
            }
        }
    }

    /// The head; or the failure, and whether it came before the first byte.
    pub(super) fn read(&mut self, transport: &mut Transport, sent: &Sent) -> Result<ResponseHead, (Failure, bool)> {
        loop {
            let next = if self.early.is_some() { self.early.take().transpose() } else { self.next_head() };
            match next {
                Ok(Some(head)) => return Ok(head),
                Ok(None) => {}
                Err(error) => return Err((Failure::misread(&error, &self.patience.peer()), false)),
            }
            let failure = match self.patience.fill(transport, Deadline::NONE, self.buffer, self.most) {
                Ok(0) => {
                    let error = self.parser.eof(self.buffer.data());
                    let peer = self.patience.peer();
                    Failure::read(sent.blame(remote(&error, &peer), &peer))
                }
                Ok(_) => {
                    self.note_time();
                    continue;
                }
                // A peer that the kernel gave up counts like one that reset the connection.
                Err(halt @ (Halt::Broken(_) | Halt::Silent(Some(_)))) => {
                    Failure::read(
                        self.patience.error(halt, Doing::Head, |error, peer| sent.blame(broken(error, peer), peer)),
                    )
                }
                Err(halt) => return Err((Failure::halted(self.patience, halt, Doing::Head), false)),
            };
            return Err((failure, self.first_byte.is_none()));
        }
    }

    fn note_time(&mut self) {
        let now = self.clock.now();
        self.first_byte.get_or_insert(now);
        self.last_byte = Some(now);
    }

    /// The final head, if all of it is in the buffer.
    #[inline]
    fn next_head(&mut self) -> Result<Option<ResponseHead>, RemoteError> {
        while !self.buffer.is_empty() {
            let Some((head, used)) = self.parser.feed(self.buffer.data())? else { break };
            self.buffer.consume(used);
            if !head.is_interim() {
                return Ok(Some(head));
            }
            self.continued |= head.status == http::StatusCode::CONTINUE;
        }
        Ok(None)
    }
}
