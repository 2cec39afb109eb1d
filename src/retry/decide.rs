//! The decisions: whether to retry, and whether any retries are left.

use std::borrow::Cow;
use std::fmt;

use crate::headers::Headers;
use crate::log_targets;
use crate::retry::{Attempt, Cause, Count, RequestHistory, Retry, Tried};
use crate::status::IntoStatus;

/// Why there is no next [`Retry`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum GiveUp {
    /// This is not retried: retries are disabled, or the method must not be sent again. The error or response is
    /// returned as it is.
    #[non_exhaustive]
    AsItIs {
        /// Unchanged, with the history of earlier retries.
        retry: Box<Retry>,
    },
    /// A count has gone below zero.
    #[non_exhaustive]
    Exhausted {
        /// With a count below zero, and this attempt as the last in its history.
        retry: Box<Retry>,
        /// What exceeded the count: `too many 500 error responses`, `too many redirects`, or the text of the error.
        reason: Cow<'static, str>,
    },
}

impl GiveUp {
    /// The `Retry` at the end, with its history.
    pub fn retry(&self) -> &Retry {
        match self {
            Self::AsItIs { retry } | Self::Exhausted { retry, .. } => retry,
        }
    }

    /// The `Retry` at the end, by value.
    pub fn into_retry(self) -> Retry {
        match self {
            Self::AsItIs { retry } | Self::Exhausted { retry, .. } => *retry,
        }
    }

    /// What exceeded the count; `None` if nothing was counted.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::AsItIs { .. } => None,
            Self::Exhausted { reason, .. } => Some(reason),
        }
    }
}

impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsItIs { .. } => f.write_str("not to be retried"),
            Self::Exhausted { retry, reason } => match retry.history().last() {
                Some(last) => write!(f, "max retries exceeded with url: {} (caused by {reason})", last.url()),
                None => write!(f, "max retries exceeded (caused by {reason})"),
            },
        }
    }
}

impl std::error::Error for GiveUp {}

impl Retry {
    /// The `Retry` for the next attempt after `cause`: `total` and the count of its kind are reduced by one, and the
    /// attempt is added to the history. `url` is the target, which the history and the texts show.
    ///
    /// # Examples
    /// ```
    /// use petition::Retry;
    /// use petition::retry::{Cause, GiveUp};
    ///
    /// let retry =
    ///     Retry::new().total(1).increment("GET", "/path", Cause::Status(500))?;
    /// assert_eq!(
    ///     format!("{retry:?}"),
    ///     "Retry(total=0, connect=None, read=None, redirect=None, status=None)"
    /// );
    ///
    /// let end = retry.increment("GET", "/path", Cause::Status(500)).unwrap_err();
    /// assert_eq!(end.reason(), Some("too many 500 error responses"));
    /// # Ok::<(), GiveUp>(())
    /// ```
    ///
    /// # Errors
    /// [`GiveUp::AsItIs`] if this cause is not retried, [`GiveUp::Exhausted`] if no retries are left.
    pub fn increment(&self, method: &str, url: &str, cause: Cause<'_>) -> Result<Self, GiveUp> {
        let cause = cause.settled();
        if self.is_barred(method, cause) {
            return Err(GiveUp::AsItIs { retry: Box::new(self.clone()) });
        }
        self.clone().counted(method, url, cause)
    }

    /// Whether a response with this status asks for a retry: its status is listed, or it is 413, 429 or 503 with a
    /// `Retry-After` that is respected while `total` is a number above 0. The method must be allowed too.
    #[must_use]
    pub fn is_retry(&self, method: &str, status: impl IntoStatus, has_retry_after: bool) -> bool {
        self.is_retry_if(method, status.into_status(), || has_retry_after)
    }

    /// Whether some count is below zero.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        [self.total, self.connect, self.read, self.redirects(), self.status, self.other]
            .into_iter()
            .any(Count::is_below_zero)
    }

    /// [`is_retry`](Self::is_retry) of a response; its headers are looked at only where that matters.
    pub(crate) fn wants(&self, method: &str, status: u16, headers: &Headers) -> bool {
        // An empty value counts as none. For a listed status it is malformed, and ignored (RETRY-22).
        self.is_retry_if(method, status, || headers.get("Retry-After").is_some_and(|value| !value.is_empty()))
    }

    /// What the loop over attempts asks once an attempt has failed, or was answered by a response that it
    /// [`wants`](Self::wants) to retry: the caller's `retry_if`, then [`increment`](Self::increment), then the log.
    ///
    /// By value, so that the history is not copied for each attempt.
    pub(crate) fn again(self, tried: Tried<'_>) -> Result<Self, GiveUp> {
        let Tried { method, target, .. } = tried;
        let cause = tried.cause.settled();
        if self.is_barred(method, cause) || !self.is_granted(Tried { cause, ..tried }) {
            return Err(GiveUp::AsItIs { retry: Box::new(self) });
        }
        let next = self.counted(method, target, cause)?;
        log::debug!(target: log_targets::RETRY, "Incremented Retry for (url='{target}'): {next:?}");
        Ok(next)
    }

    fn is_retry_if(&self, method: &str, status: u16, has_retry_after: impl FnOnce() -> bool) -> bool {
        // The cheap questions first: nearly every response is a 200 and no status is listed.
        let asks = self.lists_status(status)
            || (matches!(status, 413 | 429 | 503)
                && self.respect_retry_after_header
                && matches!(self.total, Count::Left(left) if left != 0)
                && has_retry_after());
        asks && self.allows_method(method)
    }

    /// Whether the kind of the error is disabled, or its method must not be sent again.
    fn is_barred(&self, method: &str, cause: Cause<'_>) -> bool {
        let is_off = self.total == Count::Off;
        match cause {
            Cause::Connect(_) => is_off || self.connect == Count::Off,
            Cause::Read(_) => is_off || self.read == Count::Off || !self.allows_method(method),
            Cause::Other(_) => is_off,
            Cause::Status(_) | Cause::Redirect { .. } => false,
        }
    }

    fn is_granted(&self, tried: Tried<'_>) -> bool {
        let Some(test) = &self.retry_if else { return true };
        let of_its_kind = match tried.cause {
            Cause::Connect(_) => self.connect,
            Cause::Read(_) => self.read,
            Cause::Other(_) => self.other,
            Cause::Status(_) => self.status,
            Cause::Redirect { .. } => self.redirects(),
        };
        let retries_left = match (self.total.left(), of_its_kind.left()) {
            (Some(total), Some(kind)) => Some(total.min(kind)),
            (total, kind) => total.or(kind),
        };
        test(&Attempt { tried, retries_left, number: self.history.len() + 1 })
    }

    fn counted(mut self, method: &str, url: &str, cause: Cause<'_>) -> Result<Self, GiveUp> {
        // Counting turns `False` into a number; what it implied for redirects must outlast that.
        (self.raise_on_redirect, self.redirect) = (self.raises_on_redirect(), self.redirects());
        self.total = self.total.less_one();
        let count = match cause {
            Cause::Connect(_) => &mut self.connect,
            Cause::Read(_) => &mut self.read,
            Cause::Other(_) => &mut self.other,
            Cause::Status(_) => &mut self.status,
            Cause::Redirect { .. } => &mut self.redirect,
        };
        *count = count.less_one();
        self.history.push(RequestHistory::new(method, url, cause));
        if self.is_exhausted() {
            return Err(GiveUp::Exhausted { retry: Box::new(self), reason: reason(cause) });
        }
        Ok(self)
    }
}

fn reason(cause: Cause<'_>) -> Cow<'static, str> {
    match cause {
        Cause::Connect(error) | Cause::Read(error) | Cause::Other(error) => error.to_string().into(),
        Cause::Status(status) => format!("too many {status} error responses").into(),
        Cause::Redirect { .. } => "too many redirects".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::error::{Error, ErrorKind};

    fn tried<'a>(method: &'a str, cause: Cause<'a>) -> Tried<'a> {
        Tried { method, url: "http://h/path", target: "/path", cause, headers: None }
    }

    // RETRY-02
    #[test]
    fn incrementing_leaves_the_configured_value_as_it_was() {
        let configured = Retry::new().total(3);

        let next = configured.increment("GET", "/", Cause::Status(500)).unwrap();

        assert_eq!((configured.total, configured.history().len()), (Count::Left(3), 0));
        assert_eq!((next.total, next.history().len()), (Count::Left(2), 1));
    }

    // RETRY-37
    #[test]
    fn history_has_what_happened_in_order() {
        let error = Error::new(ErrorKind::ReadTimeout, "read timed out after 5s");
        let retry = Retry::new()
            .increment("GET", "/a", Cause::Read(&error))
            .and_then(|retry| retry.increment("GET", "/a", Cause::Status(503)))
            .and_then(|retry| retry.increment("GET", "/a", Cause::Redirect { status: 302, location: "/b" }))
            .unwrap();

        let [read, status, redirect] = retry.history() else { panic!("{:?}", retry.history()) };

        assert_eq!((read.method(), read.url(), read.status()), ("GET", "/a", None));
        assert_eq!((read.error(), read.error_kind()), (Some("read timed out after 5s"), Some(ErrorKind::ReadTimeout)));
        assert_eq!((status.status(), status.error(), status.redirect_location()), (Some(503), None, None));
        assert_eq!((redirect.status(), redirect.redirect_location()), (Some(302), Some("/b")));
    }

    #[test]
    fn what_a_program_prints_of_a_retry_says_what_happened() {
        let error = Error::new(ErrorKind::ReadTimeout, "read timed out after 5s");
        let mut headers = Headers::new();
        headers.set("Server", "own");
        let printed = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&printed);
        let retry = Retry::new().raise_on_status(false).retry_if(move |attempt| {
            let server = attempt.headers().and_then(|headers| headers.get("Server")).map(str::to_owned);
            seen.lock().unwrap().push((server, attempt.error().map(Error::kind), format!("{attempt:?}")));
            true
        });
        assert!(!retry.raises_on_status() && Retry::new().raises_on_status());

        let retry = retry.again(tried("GET", Cause::Read(&error))).unwrap();
        let retry = retry.again(Tried { headers: Some(&headers), ..tried("GET", Cause::Status(503)) }).unwrap();

        let [read, status] = &printed.lock().unwrap()[..] else { panic!("asked twice") };
        assert_eq!((&read.0, read.1), (&None, Some(ErrorKind::ReadTimeout)));
        assert_eq!((status.0.as_deref(), status.1), (Some("own"), None));
        assert!(
            read.2.starts_with("Attempt { number: 1, method: \"GET\", target: \"/path\", cause: Read("),
            "{}",
            read.2
        );
        assert!(status.2.starts_with("Attempt { number: 2, method: \"GET\", target: \"/path\", cause: Status(503)"));
        assert_eq!(
            format!("{:?}", retry.history()[1]),
            "RequestHistory { method: \"GET\", url: \"/path\", error: None, status: Some(503), redirect_location: None }"
        );
    }

    #[test]
    fn retry_if_sees_the_cause_that_is_counted() {
        let retry = Retry::new().total(5).redirect(0).status(3).retry_if(|attempt| {
            assert_eq!((attempt.status(), attempt.retries_left()), (Some(200), Some(3)), "{attempt:?}");
            assert!(format!("{attempt:?}").contains("Status(200)"), "{attempt:?}");
            true
        });

        for cause in [Cause::Redirect { status: 200, location: "/b" }, Cause::Status(200)] {
            assert_eq!(retry.clone().again(tried("GET", cause)).unwrap().status, Count::Left(2));
        }
    }

    // RETRY-10, RETRY-14, RETRY-28
    #[test]
    fn giving_up_says_what_was_one_too_many() {
        let error = Error::new(ErrorKind::ConnectTimeout, "connect timed out");
        for (cause, reason) in [
            (Cause::Status(500), "too many 500 error responses"),
            (Cause::Redirect { status: 302, location: "/b" }, "too many redirects"),
            (Cause::Redirect { status: 500, location: "/b" }, "too many 500 error responses"),
            (Cause::Redirect { status: 302, location: "" }, "too many 302 error responses"),
            (Cause::Connect(&error), "connect timed out"),
        ] {
            let end = Retry::new().total(0).increment("GET", "/a?b", cause).unwrap_err();

            assert_eq!(end.reason(), Some(reason));
            assert_eq!(end.to_string(), format!("max retries exceeded with url: /a?b (caused by {reason})"));
            assert!(end.retry().is_exhausted());
            assert_eq!(end.into_retry().history().len(), 1);
        }
    }

    // RETRY-06, RETRY-08
    #[test]
    fn an_error_that_is_not_retried_keeps_the_history_of_earlier_retries() {
        let error = Error::new(ErrorKind::ConnectionError, "reset");
        let retry = Retry::new().increment("POST", "/", Cause::Connect(&error)).unwrap();

        let end = retry.increment("POST", "/", Cause::Read(&error)).unwrap_err();

        assert!(matches!(end, GiveUp::AsItIs { .. }));
        assert_eq!((end.reason(), end.retry().history().len()), (None, 1));
    }

    // RETRY-09, RETRY-23
    #[test]
    fn an_empty_retry_after_does_not_ask_for_a_retry() {
        let mut headers = Headers::new();
        assert!(!Retry::new().wants("GET", 503, &headers));

        headers.insert("retry-after", "").unwrap();
        assert!(!Retry::new().wants("GET", 503, &headers));
        assert!(Retry::new().status_forcelist([503]).wants("GET", 503, &headers));

        headers.insert("retry-after", "soon").unwrap();
        assert!(Retry::new().wants("GET", 503, &headers));
        assert!(!Retry::new().respect_retry_after_header(false).wants("GET", 503, &headers));
    }

    #[test]
    fn retry_if_is_asked_only_about_what_would_be_retried_and_can_only_refuse() {
        let error = Error::new(ErrorKind::ConnectionError, "reset");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let retry = Retry::new().total(2).read(1).retry_if(move |attempt| {
            let (method, url) = (attempt.method().to_owned(), attempt.url().to_owned());
            seen.lock().unwrap().push((method, url, attempt.status(), attempt.retries_left(), attempt.number()));
            attempt.status() != Some(500)
        });

        let retry = retry.again(tried("GET", Cause::Read(&error))).unwrap();
        let barred = retry.clone().again(tried("POST", Cause::Read(&error)));
        let refused = retry.clone().again(tried("GET", Cause::Status(500)));
        let used_up = retry.clone().again(tried("GET", Cause::Read(&error)));

        assert!(matches!(barred, Err(GiveUp::AsItIs { .. })));
        assert!(matches!(refused, Err(GiveUp::AsItIs { .. })));
        assert!(matches!(used_up, Err(GiveUp::Exhausted { .. })));
        let entry = |status, left, number| ("GET".to_owned(), "http://h/path".to_owned(), status, Some(left), number);
        assert_eq!(*asked.lock().unwrap(), [entry(None, 1, 1), entry(Some(500), 1, 2), entry(None, 0, 2)]);
    }

    #[test]
    fn retries_left_is_the_smaller_count_of_those_that_apply() {
        let error = Error::new(ErrorKind::ConnectionError, "reset");
        for (retry, cause, want) in [
            (Retry::new().total(None), Cause::Status(500), None),
            (Retry::new().total(None).status(2), Cause::Status(500), Some(2)),
            (Retry::new().total(3).status(5), Cause::Status(500), Some(3)),
            (Retry::new().total(3).status(1), Cause::Connect(&error), Some(3)),
            (Retry::new().total(3).other(false), Cause::Other(&error), Some(0)),
            (Retry::new().redirect(false), Cause::Redirect { status: 301, location: "/" }, Some(0)),
        ] {
            let left = Arc::new(Mutex::new(None));
            let seen = Arc::clone(&left);
            let _ = retry
                .retry_if(move |attempt| {
                    *seen.lock().unwrap() = Some(attempt.retries_left());
                    true
                })
                .again(tried("GET", cause));

            assert_eq!(*left.lock().unwrap(), Some(want), "{cause:?}");
        }
    }

    // RETRY-03, RETRY-40
    #[test]
    fn only_a_count_below_zero_exhausts() {
        assert!(!Retry::new().total(0).connect(0).read(false).is_exhausted());
        assert!(!Retry::new().total(false).is_exhausted());
        assert!(!Retry::new().total(None).is_exhausted());

        let end = Retry::new().other(0).increment("GET", "/", Cause::Other(&Error::new(ErrorKind::SslError, "bad")));
        assert!(end.unwrap_err().retry().is_exhausted());
    }
}
