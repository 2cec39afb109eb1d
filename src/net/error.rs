//! Why a connection was not made, in which step, and who is to blame.
//!
//! Texts are one line and contain no credentials: user names, passwords and keys of a plan are never passed to this file.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use super::exhausted::{Exhausted, Lost};
use super::limits::Stopped;
use super::tls::{TlsError, TlsErrorKind};
use crate::error::{Error, ErrorKind, as_source, system_reason};

/// A step on the way to an open connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    Resolve,
    Connect,
    Tls,
    Tunnel,
    Socks,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) struct ConnectError {
    pub(crate) kind: ConnectErrorKind,
    pub(crate) phase: Phase,
    /// The peer of the step: `host:port`, or the path of a Unix socket.
    pub(crate) peer: String,
    /// Whether that peer is an HTTP proxy. (Failures of a SOCKS proxy count as the connection's own, as in requests.)
    pub(crate) is_proxy: bool,
}

#[derive(Debug)]
pub(crate) enum ConnectErrorKind {
    /// The given connect limit ran out; with the error of another address that had failed by then.
    Timeout(Option<Duration>, Option<Lost>),
    /// The limit on everything ran out; with the error of another address that had failed by then.
    TotalTimeout(Option<Lost>),
    /// A token stopped it.
    Cancelled,
    Resolve(io::Error),
    /// No address accepted the connection; the error of the last one.
    Connect(io::Error),
    /// The program does not allow the connection.
    NotAllowed(io::Error),
    /// There was no descriptor or local port left.
    Exhausted(Exhausted, io::Error),
    Tls(TlsError),
    Proxy(ProxyFailure),
    /// The build or the platform lacks what the plan needs.
    Unsupported(Cow<'static, str>),
}

/// What went wrong with a proxy that accepted the connection.
#[derive(Debug)]
pub(crate) enum ProxyFailure {
    /// The answer to CONNECT was not 2xx. `body` is the beginning of its body, made printable.
    Refused {
        status: u16,
        reason: String,
        body: String,
        credentials: Credentials,
    },
    /// The answer is not HTTP, or not the proxy protocol of the plan.
    Protocol(Cow<'static, str>),
    /// The SOCKS proxy refused.
    #[cfg_attr(not(feature = "socks"), allow(dead_code))]
    Socks(Cow<'static, str>),
    Io(io::Error),
}

/// Whether a proxy was told who asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Credentials {
    Sent,
    None,
}

/// Why the exchange with a proxy failed.
#[derive(Debug)]
pub(super) enum ProxyStop {
    Stopped(Stopped),
    Failure(ProxyFailure),
}

impl From<Stopped> for ProxyStop {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

impl From<ProxyFailure> for ProxyStop {
    fn from(failure: ProxyFailure) -> Self {
        Self::Failure(failure)
    }
}

impl ConnectError {
    /// The public kind.
    pub(crate) fn kind(&self) -> ErrorKind {
        match &self.kind {
            // PROXY-21: a proxy that cannot be reached is a proxy error, also if that is a timeout.
            ConnectErrorKind::Timeout(..) if self.is_proxy && self.phase == Phase::Connect => ErrorKind::ProxyError,
            ConnectErrorKind::Timeout(..) => ErrorKind::ConnectTimeout,
            ConnectErrorKind::TotalTimeout(_) => ErrorKind::TotalTimeout,
            ConnectErrorKind::Cancelled => ErrorKind::Cancelled,
            ConnectErrorKind::Unsupported(_) => ErrorKind::Unsupported,
            ConnectErrorKind::Tls(error) => match error.kind() {
                TlsErrorKind::Unsupported => ErrorKind::Unsupported,
                TlsErrorKind::Setting => ErrorKind::InvalidSetting,
                TlsErrorKind::File(_) => ErrorKind::Io,
                _ if self.is_proxy => ErrorKind::ProxyError,
                TlsErrorKind::Exhausted(_) => ErrorKind::ConnectionError,
                // The kernel gave the peer up.
                TlsErrorKind::Broken(io::ErrorKind::TimedOut) => ErrorKind::ConnectTimeout,
                // PROXY-21, and requests' "Connection aborted": the peer broke the connection.
                TlsErrorKind::Broken(kind) if kind != io::ErrorKind::UnexpectedEof => ErrorKind::ConnectionError,
                _ => ErrorKind::SslError,
            },
            ConnectErrorKind::Proxy(ProxyFailure::Refused { .. }) => ErrorKind::ProxyError,
            ConnectErrorKind::Proxy(_) => ErrorKind::ConnectionError,
            ConnectErrorKind::Resolve(_)
            | ConnectErrorKind::Connect(_)
            | ConnectErrorKind::NotAllowed(_)
            | ConnectErrorKind::Exhausted(..)
                if self.is_proxy =>
            {
                ErrorKind::ProxyError
            }
            // The system has a limit of its own on a connect.
            ConnectErrorKind::Connect(error) if error.kind() == io::ErrorKind::TimedOut => ErrorKind::ConnectTimeout,
            ConnectErrorKind::Resolve(_)
            | ConnectErrorKind::Connect(_)
            | ConnectErrorKind::NotAllowed(_)
            | ConnectErrorKind::Exhausted(..) => ErrorKind::ConnectionError,
        }
    }

    /// What there was none left of, if that is why. Then nothing was sent, and it may be there a moment later.
    pub(crate) fn exhausted(&self) -> Option<Exhausted> {
        match &self.kind {
            ConnectErrorKind::Exhausted(what, _) => Some(*what),
            ConnectErrorKind::Timeout(_, Some(lost)) | ConnectErrorKind::TotalTimeout(Some(lost)) => lost.exhausted,
            ConnectErrorKind::Tls(error) => match error.kind() {
                TlsErrorKind::Exhausted(what) => Some(what),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a limit ran out, so that there is no time for another try.
    pub(crate) fn has_timed_out(&self) -> bool {
        matches!(&self.kind, ConnectErrorKind::Timeout(..) | ConnectErrorKind::TotalTimeout(_))
    }

    /// Whether the peer, or the way to it, did not let the connection come about; not if this machine could not look up the
    /// name, had no address, descriptor or port to connect from, or was not allowed to.
    pub(crate) fn is_refusal(&self) -> bool {
        match &self.kind {
            ConnectErrorKind::Connect(error) => error.kind() != io::ErrorKind::AddrNotAvailable,
            ConnectErrorKind::Timeout(..) => self.phase != Phase::Resolve,
            ConnectErrorKind::Proxy(_) => self.phase == Phase::Socks,
            _ => false,
        }
    }

    /// Whether a certificate did not verify, so that a retry cannot help.
    pub(crate) fn is_verification(&self) -> bool {
        matches!(&self.kind, ConnectErrorKind::Tls(error) if error.is_verification())
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peer = &self.peer;
        let proxy = if self.is_proxy || self.phase == Phase::Socks { "proxy " } else { "" };
        match &self.kind {
            ConnectErrorKind::Timeout(limit, _) => {
                write!(f, "{} {proxy}{peer} timed out", self.phase.doing())?;
                limit.map_or(Ok(()), |limit| write!(f, " after {limit:?}"))?;
                self.another_address(f)
            }
            ConnectErrorKind::TotalTimeout(_) => {
                write!(f, "the total timeout ran out during: {} {proxy}{peer}", self.phase.doing())?;
                self.another_address(f)
            }
            ConnectErrorKind::Cancelled => {
                write!(f, "the request was cancelled while {} {proxy}{peer}", self.phase.doing())
            }
            ConnectErrorKind::Resolve(error) => write!(f, "failed to resolve {proxy}{peer}: {}", system_reason(error)),
            ConnectErrorKind::NotAllowed(error) if self.phase == Phase::Resolve => {
                write!(f, "failed to resolve {proxy}{peer}: {}", system_reason(error))
            }
            ConnectErrorKind::Connect(error) | ConnectErrorKind::NotAllowed(error) => {
                write!(f, "failed to connect to {proxy}{peer}: {}", system_reason(error))
            }
            ConnectErrorKind::Exhausted(what, error) => {
                let failed = if self.phase == Phase::Resolve { "failed to resolve" } else { "failed to connect to" };
                write!(f, "{failed} {proxy}{peer}: {}: {}", system_reason(error), what.advice())
            }
            ConnectErrorKind::Tls(error) => write!(f, "tls with {proxy}{peer} failed: {error}"),
            ConnectErrorKind::Proxy(failure) => write!(f, "proxy {peer}: {failure}"),
            ConnectErrorKind::Unsupported(what) => f.write_str(what),
        }
    }
}

impl ConnectError {
    /// What this machine had none left of for another address: without that it might not have come to the timeout.
    fn another_address(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ConnectErrorKind::Timeout(_, Some(Lost { error, exhausted: Some(what) }))
            | ConnectErrorKind::TotalTimeout(Some(Lost { error, exhausted: Some(what) })) => {
                write!(f, "; another address failed: {}: {}", system_reason(error), what.advice())
            }
            _ => Ok(()),
        }
    }
}

impl Phase {
    fn doing(self) -> &'static str {
        match self {
            Self::Resolve => "resolving",
            Self::Connect => "connecting to",
            Self::Tls => "tls handshake with",
            Self::Tunnel => "opening a tunnel through",
            Self::Socks => "asking",
        }
    }
}

impl fmt::Display for ProxyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, reason, body, credentials } => {
                write!(f, "tunnel connection failed: {status}")?;
                for (separator, text) in [(" ", reason), (": ", body)] {
                    if !text.is_empty() {
                        write!(f, "{separator}{text}")?;
                    }
                }
                match credentials {
                    _ if *status != PROXY_AUTHENTICATION_REQUIRED => Ok(()),
                    Credentials::Sent => f.write_str(" (credentials were sent)"),
                    Credentials::None => f.write_str(" (no credentials were sent)"),
                }
            }
            Self::Protocol(what) | Self::Socks(what) => f.write_str(what),
            Self::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("it closed the connection without an answer")
            }
            Self::Io(error) => write!(f, "{}", system_reason(error)),
        }
    }
}

const PROXY_AUTHENTICATION_REQUIRED: u16 = 407;

impl StdError for ConnectError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.kind {
            ConnectErrorKind::Resolve(error)
            | ConnectErrorKind::Connect(error)
            | ConnectErrorKind::NotAllowed(error)
            | ConnectErrorKind::Exhausted(_, error) => Some(error),
            ConnectErrorKind::Timeout(_, Some(lost)) | ConnectErrorKind::TotalTimeout(Some(lost)) => Some(&lost.error),
            ConnectErrorKind::Proxy(ProxyFailure::Io(error)) => Some(error),
            ConnectErrorKind::Tls(error) => Some(error),
            _ => None,
        }
    }
}

impl From<ConnectError> for Error {
    /// The operating system's error, where there is one, becomes the source, as far as the text has not said it. What a
    /// TLS library said is all in the text.
    fn from(error: ConnectError) -> Self {
        let public = Self::message(error.kind(), error.to_string());
        match error.kind {
            ConnectErrorKind::Timeout(_, Some(lost)) | ConnectErrorKind::TotalTimeout(Some(lost)) => {
                public.with_source(lost.error)
            }
            ConnectErrorKind::Resolve(said)
            | ConnectErrorKind::Connect(said)
            | ConnectErrorKind::NotAllowed(said)
            | ConnectErrorKind::Exhausted(_, said)
            | ConnectErrorKind::Proxy(ProxyFailure::Io(said)) => match as_source(said) {
                Some(source) => public.with_source(source),
                None => public,
            },
            ConnectErrorKind::Proxy(ProxyFailure::Refused { status, .. }) => public.with_status(status),
            _ => public,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::testing::{closed_port, refusal};

    fn error(kind: ConnectErrorKind, phase: Phase, is_proxy: bool) -> ConnectError {
        ConnectError { kind, phase, peer: "h:1".into(), is_proxy }
    }

    // PROXY-18, PROXY-20, PROXY-21, PROXY-27, ERR-11, ERR-12
    #[test]
    fn kind_and_text_say_who_is_to_blame() {
        let refused = || io::Error::from_raw_os_error(refused_number());
        let second = Some(Duration::from_secs(1));
        for (error, kind, text) in [
            (
                error(ConnectErrorKind::Connect(refused()), Phase::Connect, false),
                ErrorKind::ConnectionError,
                &*format!("failed to connect to h:1: {}", refusal()),
            ),
            (
                error(ConnectErrorKind::Connect(refused()), Phase::Connect, true),
                ErrorKind::ProxyError,
                &*format!("failed to connect to proxy h:1: {}", refusal()),
            ),
            (
                error(
                    ConnectErrorKind::Resolve(io::Error::other(
                        "failed to lookup address information: Name or service not known",
                    )),
                    Phase::Resolve,
                    false,
                ),
                ErrorKind::ConnectionError,
                "failed to resolve h:1: name or service not known",
            ),
            (
                error(ConnectErrorKind::Timeout(second, None), Phase::Tls, false),
                ErrorKind::ConnectTimeout,
                "tls handshake with h:1 timed out after 1s",
            ),
            (
                error(ConnectErrorKind::TotalTimeout(None), Phase::Tunnel, true),
                ErrorKind::TotalTimeout,
                "the total timeout ran out during: opening a tunnel through proxy h:1",
            ),
            (
                error(
                    ConnectErrorKind::Proxy(ProxyFailure::Refused {
                        status: 407,
                        reason: "Proxy Auth Required".into(),
                        body: "log in".into(),
                        credentials: Credentials::None,
                    }),
                    Phase::Tunnel,
                    true,
                ),
                ErrorKind::ProxyError,
                "proxy h:1: tunnel connection failed: 407 Proxy Auth Required: log in (no credentials were sent)",
            ),
            (
                error(
                    ConnectErrorKind::Proxy(ProxyFailure::Refused {
                        status: 407,
                        reason: String::new(),
                        body: String::new(),
                        credentials: Credentials::Sent,
                    }),
                    Phase::Tunnel,
                    true,
                ),
                ErrorKind::ProxyError,
                "proxy h:1: tunnel connection failed: 407 (credentials were sent)",
            ),
            (
                error(
                    ConnectErrorKind::Proxy(ProxyFailure::Refused {
                        status: 503,
                        reason: "Busy".into(),
                        body: String::new(),
                        credentials: Credentials::Sent,
                    }),
                    Phase::Tunnel,
                    true,
                ),
                ErrorKind::ProxyError,
                "proxy h:1: tunnel connection failed: 503 Busy",
            ),
            (
                error(
                    ConnectErrorKind::Proxy(ProxyFailure::Socks("0x05: Connection refused".into())),
                    Phase::Socks,
                    false,
                ),
                ErrorKind::ConnectionError,
                "proxy h:1: 0x05: Connection refused",
            ),
            (
                error(ConnectErrorKind::Unsupported("socks needs x".into()), Phase::Socks, false),
                ErrorKind::Unsupported,
                "socks needs x",
            ),
        ] {
            let error = Error::from(error);
            assert_eq!((error.kind(), error.to_string().as_str()), (kind, text));
        }
    }

    /// The number of "connection refused" on this platform.
    fn refused_number() -> i32 {
        std::net::TcpStream::connect(closed_port()).unwrap_err().raw_os_error().unwrap()
    }
}
