//! What a failure means: for a retry, and as the error that the caller gets.
//!
//! Failures are classified by when they happened: before the server can have seen the request, afterwards, or in a way that a
//! retry cannot help. Whether to retry is not decided here.

use std::io;

use crate::adapter::patience::{Doing, Halt, Patience};
use crate::error::{Error, ErrorKind, as_source, system_reason};
use crate::http1::RemoteError;
use crate::message::response::Exchange;
use crate::net::{ConnectError, ConnectErrorKind, Phase, TlsError};

/// An attempt that was not answered.
pub(super) struct Failure {
    pub(super) stage: Stage,
    pub(super) error: Error,
    /// Whether something of the request may have been sent.
    pub(super) sent: bool,
    /// Whether the server, or the way to it, refused a connection.
    pub(super) refused: bool,
    /// Whether the time was up when the body's source returned: nobody waited for the server.
    pub(super) by_source: bool,
}

/// What a failure means for a retry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// The server cannot have seen the request.
    Connect,
    /// The server may have seen the request.
    Read,
    /// TLS failed, or a proxy refused.
    Other,
    /// A retry cannot help, or must not happen.
    Final,
}

impl Failure {
    pub(super) fn last(error: Error) -> Self {
        Self { stage: Stage::Final, error, sent: true, refused: false, by_source: false }
    }

    /// A final failure before anything was sent.
    pub(super) fn unsent(error: Error) -> Self {
        Self { sent: false, ..Self::last(error) }
    }

    /// Adds how far the attempt got.
    pub(super) fn with(mut self, exchange: &Exchange) -> Self {
        self.error = self.error.with_exchange(exchange.clone());
        self
    }

    pub(super) fn read(error: Error) -> Self {
        // After the limit on everything, or a cancellation, there is no next attempt.
        let is_over = matches!(error.kind(), ErrorKind::TotalTimeout | ErrorKind::Cancelled);
        Self { stage: if is_over { Stage::Final } else { Stage::Read }, ..Self::last(error) }
    }

    /// A wait for the peer that ended without a result.
    pub(super) fn halted(patience: &Patience<'_>, halt: Halt, doing: Doing) -> Self {
        Self::read(patience.error(halt, doing, broken))
    }

    /// A look at the limits after the body's source has returned.
    pub(super) fn halted_by_source(patience: &Patience<'_>, halt: Halt) -> Self {
        Self { by_source: true, ..Self::halted(patience, halt, Doing::Sending) }
    }

    /// The failure to connect again after a connection died unanswered. The request was sent once, so it counts as a read
    /// error (docs/decisions.md#replay-errors). `first` is how the first connection died.
    pub(super) fn not_replaced(self, first: Error) -> Self {
        if self.stage == Stage::Final && matches!(self.error.kind(), ErrorKind::TotalTimeout | ErrorKind::Cancelled) {
            return self;
        }
        // The source says how the first one died.
        let text = format!("the connection was lost, and a new one could not be made: {}", self.error);
        let stage = if self.stage == Stage::Final { Stage::Final } else { Stage::Read };
        let error = Error::message(ErrorKind::ConnectionError, text).with_source(first);
        Self { stage, refused: self.refused, ..Self::last(error) }
    }

    /// An answer that cannot be read. For a retry it is a read error, unless its framing cannot be trusted.
    pub(super) fn misread(error: &RemoteError, peer: &str) -> Self {
        let stage = if error.kind() == ErrorKind::ConnectionError { Stage::Read } else { Stage::Final };
        Self { stage, ..Self::last(remote(error, peer)) }
    }

    /// A connect that failed. Most count as connect errors, those of TLS and of refusing proxies as `other`.
    pub(super) fn not_connected(error: ConnectError) -> Self {
        let stage = match (error.kind(), &error.kind) {
            (
                ErrorKind::TotalTimeout
                | ErrorKind::Cancelled
                | ErrorKind::Unsupported
                | ErrorKind::InvalidSetting
                | ErrorKind::Io,
                _,
            ) => Stage::Final,
            // What the program has decided stays as it is.
            (_, ConnectErrorKind::NotAllowed(_)) => Stage::Final,
            _ if error.exhausted().is_some() => Stage::Connect,
            _ if error.is_verification() => Stage::Final,
            (_, ConnectErrorKind::Tls(_)) => Stage::Other,
            (_, ConnectErrorKind::Proxy(_)) if error.phase == Phase::Tunnel => Stage::Other,
            _ => Stage::Connect,
        };
        let refused = error.is_refusal();
        Self { stage, refused, ..Self::unsent(error.into()) }
    }
}

/// An error of the socket, or of TLS: with TLS 1.3 a server reports only here that it requires a client certificate.
pub(super) fn broken(error: io::Error, peer: &str) -> Error {
    cut_off(ErrorKind::ConnectionError, "connection aborted", error, peer)
}

/// An error of that kind, unless TLS is to blame.
fn cut_off(kind: ErrorKind, what: &str, error: io::Error, peer: &str) -> Error {
    if let Some(tls) = TlsError::inside(&error) {
        return Error::message(ErrorKind::SslError, format!("tls with {peer} failed: {tls}"));
    }
    let public = Error::message(kind, format!("{what}: {} ({peer})", system_reason(&error)));
    match as_source(error) {
        Some(source) => public.with_source(source),
        None => public,
    }
}

/// The peer broke the protocol.
pub(super) fn remote(error: &RemoteError, peer: &str) -> Error {
    Error::message(error.kind(), format!("{error} ({peer})"))
}

/// The error of a body that broke: `ChunkedEncodingError`, except for timeouts and cancellation.
pub(super) fn body_halted(halt: Halt, patience: &Patience<'_>) -> Error {
    patience.error(halt, Doing::Body, |error, peer| {
        cut_off(ErrorKind::ChunkedEncodingError, "connection broken while reading the body", error, peer)
    })
}

pub(super) fn body_remote(error: &RemoteError, patience: &Patience<'_>) -> Error {
    Error::message(ErrorKind::ChunkedEncodingError, format!("{error} ({})", patience.peer()))
}
