//! What a failure means: for trying again, and as the error that the caller sees.
//!
//! It is told by when it happened: before the server can have seen the request, since, or in a way that trying again cannot
//! help. Whether to try again is not decided here.

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
    /// Something of the request may have gone out.
    pub(super) sent: bool,
}

/// What a failure means for trying again (RETRY-05 to RETRY-07).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// The server cannot have seen the request.
    Connect,
    /// It may have.
    Read,
    /// TLS, or a proxy that refuses.
    Other,
    /// Trying again cannot help, or must not be tried.
    Final,
}

impl Failure {
    pub(super) fn last(error: Error) -> Self {
        Self { stage: Stage::Final, error, sent: true }
    }

    /// The end, before anything went out.
    pub(super) fn unsent(error: Error) -> Self {
        Self { stage: Stage::Final, error, sent: false }
    }

    /// With how far the attempt came.
    pub(super) fn with(mut self, exchange: &Exchange) -> Self {
        self.error = self.error.with_exchange(exchange.clone());
        self
    }

    pub(super) fn read(error: Error) -> Self {
        // The limit on everything is over for the next attempt too, and who cancels wants none.
        let is_over = matches!(error.kind(), ErrorKind::TotalTimeout | ErrorKind::Cancelled);
        Self { stage: if is_over { Stage::Final } else { Stage::Read }, error, sent: true }
    }

    /// A wait for the peer that ended without it.
    pub(super) fn halted(patience: &Patience, halt: Halt, doing: Doing) -> Self {
        Self::read(patience.error(halt, doing, broken))
    }

    /// A connection that took the place of one that had died unanswered, and could not be made. The request had gone out
    /// once, so the failure is one of reading; `first` is how the other one died.
    pub(super) fn not_replaced(self, first: Error) -> Self {
        if self.stage == Stage::Final && matches!(self.error.kind(), ErrorKind::TotalTimeout | ErrorKind::Cancelled) {
            return self;
        }
        // How the first one died is said by the source.
        let text = format!("the connection was lost, and a new one could not be made: {}", self.error);
        let stage = if self.stage == Stage::Final { Stage::Final } else { Stage::Read };
        Self { stage, error: Error::message(ErrorKind::ConnectionError, text).with_source(first), sent: true }
    }

    /// An answer that is there and is none: a read error to a retry (RETRY-06), unless its framing must not be trusted.
    pub(super) fn misread(error: &RemoteError, peer: &str) -> Self {
        let stage = if error.kind() == ErrorKind::ConnectionError { Stage::Read } else { Stage::Final };
        Self { stage, error: remote(error, peer), sent: true }
    }

    /// RETRY-05, RETRY-07: which count a connect that failed goes against.
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
            _ if error.is_verification() => Stage::Final,
            (_, ConnectErrorKind::Tls(_)) => Stage::Other,
            (_, ConnectErrorKind::Proxy(_)) if error.phase == Phase::Tunnel => Stage::Other,
            _ => Stage::Connect,
        };
        Self { stage, error: error.into(), sent: false }
    }
}

/// An error of the socket, or of the TLS on it: under TLS 1.3 a server says only here that it wants a certificate.
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

/// RESP-38: what breaks a body is ChunkedEncodingError, but for timeouts and for who stopped it.
pub(super) fn body_halted(halt: Halt, patience: &Patience) -> Error {
    patience.error(halt, Doing::Body, |error, peer| {
        cut_off(ErrorKind::ChunkedEncodingError, "connection broken while reading the body", error, peer)
    })
}

pub(super) fn body_remote(error: &RemoteError, patience: &Patience) -> Error {
    Error::message(ErrorKind::ChunkedEncodingError, format!("{error} ({})", patience.peer()))
}
