//! What went wrong, as the rules and the caller's `retry_if` see it.

use std::fmt;

use crate::error::Error;
use crate::headers::Headers;
use crate::semantics;
use crate::text::shown::without_user_info;

/// Why an attempt may be followed by another.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Cause<'a> {
    /// No connection was made: the server has not seen the request. Any method may be tried again.
    Connect(&'a Error),
    /// The exchange failed after it had begun: the server may have acted on the request.
    Read(&'a Error),
    /// TLS failed, or a proxy refused the tunnel.
    Other(&'a Error),
    /// A response with a status that asks for a retry.
    Status(u16),
    /// A response with such a status that is also a redirect.
    Redirect {
        /// The status: 301, 302, 303, 307 or 308.
        status: u16,
        /// The `Location` header.
        location: &'a str,
    },
}

impl<'a> Cause<'a> {
    /// A response: a redirect if its status is one of the five and it has a location.
    pub(crate) fn of_response(status: u16, location: Option<&'a str>) -> Self {
        match location {
            Some(location) => Self::Redirect { status, location }.settled(),
            None => Self::Status(status),
        }
    }

    /// A caller may call anything a redirect; a response that is not one counts as a status.
    pub(super) fn settled(self) -> Self {
        match self {
            Self::Redirect { status, location } if location.is_empty() || !semantics::is_redirect(status) => {
                Self::Status(status)
            }
            cause => cause,
        }
    }

    pub(super) fn error(self) -> Option<&'a Error> {
        match self {
            Self::Connect(error) | Self::Read(error) | Self::Other(error) => Some(error),
            Self::Status(_) | Self::Redirect { .. } => None,
        }
    }

    pub(super) fn status(self) -> Option<u16> {
        match self {
            Self::Status(status) | Self::Redirect { status, .. } => Some(status),
            Self::Connect(_) | Self::Read(_) | Self::Other(_) => None,
        }
    }
}

/// A location without user info.
impl fmt::Debug for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => f.debug_tuple("Connect").field(error).finish(),
            Self::Read(error) => f.debug_tuple("Read").field(error).finish(),
            Self::Other(error) => f.debug_tuple("Other").field(error).finish(),
            Self::Status(status) => f.debug_tuple("Status").field(status).finish(),
            Self::Redirect { status, location } => f
                .debug_struct("Redirect")
                .field("status", status)
                .field("location", &without_user_info(location))
                .finish(),
        }
    }
}

/// What the loop over attempts tells [`Retry::again`].
#[derive(Clone, Copy)]
pub(crate) struct Tried<'a> {
    pub(crate) method: &'a str,
    /// The whole URL, for `retry_if`.
    pub(crate) url: &'a str,
    /// What the request line contained, for the history and the log.
    pub(crate) target: &'a str,
    pub(crate) cause: Cause<'a>,
    /// Of the response, if there is one.
    pub(crate) headers: Option<&'a Headers>,
}

/// An attempt that would be followed by another, as [`Retry::retry_if`](crate::Retry::retry_if) sees it.
pub struct Attempt<'a> {
    pub(super) tried: Tried<'a>,
    pub(super) retries_left: Option<u32>,
    pub(super) number: usize,
}

impl<'a> Attempt<'a> {
    /// The method.
    #[must_use]
    pub fn method(&self) -> &'a str {
        self.tried.method
    }

    /// The whole URL.
    #[must_use]
    pub fn url(&self) -> &'a str {
        self.tried.url
    }

    /// What went wrong.
    #[must_use]
    pub fn cause(&self) -> Cause<'a> {
        self.tried.cause
    }

    /// The status of the response; `None` if there is no response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.tried.cause.status()
    }

    /// The headers of the response; `None` if there is no response.
    #[must_use]
    pub fn headers(&self) -> Option<&'a Headers> {
        self.tried.headers
    }

    /// The error; `None` if there is a response.
    #[must_use]
    pub fn error(&self) -> Option<&'a Error> {
        self.tried.cause.error()
    }

    /// How many retries the counts still allow for this cause, this one included: the smaller of `total` and the count
    /// of its kind. `None` is no limit; at zero the answer decides which error is returned, not whether to retry.
    #[must_use]
    pub fn retries_left(&self) -> Option<u32> {
        self.retries_left
    }

    /// The number of this attempt; the first is 1.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }
}

impl fmt::Debug for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("number", &self.number)
            .field("method", &self.tried.method)
            .field("target", &without_user_info(self.tried.target))
            .field("cause", &self.tried.cause)
            .field("retries_left", &self.retries_left)
            .finish_non_exhaustive()
    }
}
