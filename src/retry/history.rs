//! What was retried, and why.

use std::fmt;
use std::sync::Arc;

use crate::error::ErrorKind;
use crate::retry::Cause;
use crate::text::shown::without_user_info;

/// One attempt that was followed by a retry or given up: an entry of [`Retry::history`](crate::Retry::history).
///
/// # Coming from requests
/// urllib3's `RequestHistory`. There `error` is the exception; here it is the error's text and kind, because the error
/// itself is returned to the caller.
///
/// # Examples
/// ```
/// use petition::Retry;
/// use petition::retry::Cause;
///
/// let retry = Retry::new().increment("GET", "/path", Cause::Status(503))?;
///
/// assert_eq!(retry.history()[0].url(), "/path");
/// assert_eq!(retry.history()[0].status(), Some(503));
/// # Ok::<(), petition::retry::GiveUp>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct RequestHistory(Arc<Past>); // shared: each new Retry copies the list

#[derive(Eq, PartialEq)]
struct Past {
    method: Box<str>,
    url: Box<str>,
    error: Option<(ErrorKind, Box<str>)>,
    status: Option<u16>,
    redirect_location: Option<Box<str>>,
}

impl RequestHistory {
    pub(super) fn new(method: &str, url: &str, cause: Cause<'_>) -> Self {
        let redirect_location = match cause {
            Cause::Redirect { location, .. } => Some(location.into()),
            _ => None,
        };
        Self(Arc::new(Past {
            method: method.into(),
            url: url.into(),
            error: cause.error().map(|error| (error.kind(), error.to_string().into())),
            status: cause.status(),
            redirect_location,
        }))
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.0.method
    }

    /// The target: path and query, or the whole URL if it was sent to a forward proxy.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The status of the response; `None` after an error.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Where the response redirected to; `None` for any other cause.
    #[must_use]
    pub fn redirect_location(&self) -> Option<&str> {
        self.0.redirect_location.as_deref()
    }

    /// The text of the error; `None` after a response.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.0.error.as_ref().map(|(_, text)| &**text)
    }

    /// The kind of the error; `None` after a response.
    #[must_use]
    pub fn error_kind(&self) -> Option<ErrorKind> {
        self.0.error.as_ref().map(|(kind, _)| *kind)
    }
}

impl fmt::Debug for RequestHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHistory")
            .field("method", &self.method())
            .field("url", &without_user_info(self.url()))
            .field("error", &self.error())
            .field("status", &self.status())
            .field("redirect_location", &self.redirect_location().map(without_user_info))
            .finish()
    }
}
