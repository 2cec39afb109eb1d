//! The value itself: settings, what is left of each count, history.
//!
//! Lists are behind an `Arc`, and default lists are not stored at all, so that the copy with which each send starts
//! costs no allocation.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::log_targets;
use crate::retry::{Attempt, Count, RequestHistory};
use crate::semantics::IDEMPOTENT_METHODS;
use crate::status::IntoStatus;
use crate::timeout::{IntoDuration, IntoLimit};

/// When to retry, how often, and how long to wait before.
///
/// This is a value: [`increment`](Self::increment) returns a new one, and each send starts from a copy of its
/// adapter's. Pass it to [`HttpAdapterBuilder::max_retries`](crate::HttpAdapterBuilder::max_retries), which also
/// accepts a number. `Debug` is urllib3's text form.
///
/// An invalid number (negative or NaN) is kept, and each send returns [`ErrorKind::InvalidSetting`].
///
/// # Examples
/// ```
/// use petition::Retry;
///
/// let retry = Retry::new()
///     .total(3)
///     .read(false)
///     .status_forcelist([502, 503, 504])
///     .backoff_factor(0.5);
///
/// assert_eq!(
///     format!("{retry:?}"),
///     "Retry(total=3, connect=None, read=False, redirect=None, status=None)"
/// );
/// assert!(retry.is_retry("GET", 503, false));
/// ```
///
/// # Coming from requests
/// urllib3's `Retry`, parameter for parameter. [`retry_if`](Self::retry_if) is new.
#[derive(Clone)]
#[must_use = "a Retry does nothing until it is passed to an adapter"]
pub struct Retry {
    pub(super) total: Count,
    pub(super) connect: Count,
    pub(super) read: Count,
    pub(super) redirect: Count,
    pub(super) status: Count,
    pub(super) other: Count,
    pub(super) backoff_factor: f64,
    pub(super) backoff_max: f64,
    pub(super) backoff_jitter: f64,
    pub(super) retry_after_max: f64,
    pub(super) raise_on_redirect: bool,
    pub(super) raise_on_status: bool,
    pub(super) respect_retry_after_header: bool,
    methods: Methods,
    status_forcelist: Option<Arc<[u16]>>,
    /// In lower case; `None` is the default list.
    removed_headers: Option<Arc<[Box<str>]>>,
    pub(super) history: Vec<RequestHistory>,
    pub(super) retry_if: Option<Arc<RetryIf>>,
}

type RetryIf = dyn Fn(&Attempt<'_>) -> bool + Send + Sync;

#[derive(Clone)]
enum Methods {
    /// [`IDEMPOTENT_METHODS`]
    Idempotent,
    Any,
    Given(Arc<[Box<str>]>),
}

const REMOVED_HEADERS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

impl Retry {
    /// Ten retries of any kind, without backoff. Where the server may have acted on the request, only idempotent
    /// methods are retried.
    pub fn new() -> Self {
        Self {
            total: Count::Left(10),
            connect: Count::Unlimited,
            read: Count::Unlimited,
            redirect: Count::Unlimited,
            status: Count::Unlimited,
            other: Count::Unlimited,
            backoff_factor: 0.0,
            backoff_max: 120.0,
            backoff_jitter: 0.0,
            retry_after_max: 21_600.0,
            raise_on_redirect: true,
            raise_on_status: true,
            respect_retry_after_header: true,
            methods: Methods::Idempotent,
            status_forcelist: None,
            removed_headers: None,
            history: Vec::new(),
            retry_if: None,
        }
    }

    /// How many retries of all kinds together; 10 by default. `None`: only the other counts apply. `false`: no retries,
    /// and the first error is returned as it is; a [listed](Self::status_forcelist) status is a `RetryError`.
    pub fn total(mut self, count: impl Into<Count>) -> Self {
        self.total = count.into();
        self
    }

    /// How many retries after connect errors, when the server has not seen the request. `None` by default: only `total`
    /// applies. `false`: no retries, and the error is returned as it is.
    pub fn connect(mut self, count: impl Into<Count>) -> Self {
        self.connect = count.into();
        self
    }

    /// How many retries after read errors, when the server may have acted on the request; only for [allowed
    /// methods](Self::allowed_methods). `None` by default: only `total` applies. `false`: no retries, and the error is
    /// returned as it is.
    pub fn read(mut self, count: impl Into<Count>) -> Self {
        self.read = count.into();
        self
    }

    /// How many retries after redirects whose status is [listed](Self::status_forcelist). `None` by default: only
    /// `total` applies. `false` means 0 and [`raise_on_redirect(false)`](Self::raise_on_redirect).
    ///
    /// The redirects that a session follows are limited by its `max_redirects`.
    pub fn redirect(mut self, count: impl Into<Count>) -> Self {
        self.redirect = count.into();
        self
    }

    /// How many retries after responses whose status asks for one. `None` by default: only `total` applies. `false`
    /// means 0.
    pub fn status(mut self, count: impl Into<Count>) -> Self {
        self.status = count.into();
        self
    }

    /// How many retries after other errors (TLS, a proxy that refuses the tunnel), for any method. `None` by default:
    /// only `total` applies. `false` means 0.
    pub fn other(mut self, count: impl Into<Count>) -> Self {
        self.other = count.into();
        self
    }

    /// The methods that are retried when the server may have acted on the request: after read errors and because of a
    /// status.
    ///
    /// By default GET, HEAD, PUT, DELETE, OPTIONS and TRACE. The request's method is compared in upper case and these
    /// names as given, so `"post"` matches nothing. An empty list means any method; [`any_method`](Self::any_method) is
    /// clearer.
    #[doc(alias = "method_whitelist")]
    pub fn allowed_methods<S: AsRef<str>>(mut self, methods: impl IntoIterator<Item = S>) -> Self {
        let methods: Arc<[Box<str>]> = methods.into_iter().map(|method| Box::from(method.as_ref())).collect();
        self.methods = if methods.is_empty() { Methods::Any } else { Methods::Given(methods) };
        self
    }

    /// Retries any method, including POST: urllib3's `allowed_methods=None`. [`allowed_methods`](Self::allowed_methods)
    /// undoes this.
    pub fn any_method(mut self) -> Self {
        self.methods = Methods::Any;
        self
    }

    /// The statuses that are retried, whatever their headers say: numbers, or [`StatusCode`](crate::StatusCode)s. None
    /// by default, and with an empty list.
    pub fn status_forcelist<S: IntoStatus>(mut self, statuses: impl IntoIterator<Item = S>) -> Self {
        let statuses: Arc<[u16]> = statuses.into_iter().map(IntoStatus::into_status).collect();
        self.status_forcelist = (!statuses.is_empty()).then_some(statuses);
        self
    }

    /// The backoff, in seconds or as a `Duration`, doubled with each consecutive error: see
    /// [`backoff_time`](Self::backoff_time). 0 by default: no backoff.
    pub fn backoff_factor(mut self, factor: impl IntoDuration) -> Self {
        self.backoff_factor = factor.into_seconds();
        self
    }

    /// The longest backoff, in seconds or as a `Duration`. 120 s by default; `None` is no limit, and zero is no
    /// backoff.
    pub fn backoff_max(mut self, limit: impl IntoLimit) -> Self {
        self.backoff_max = limit.into_limit().as_seconds();
        self
    }

    /// Adds a random time of up to this limit to each backoff, in seconds or as a `Duration`. 0 by default.
    pub fn backoff_jitter(mut self, most: impl IntoDuration) -> Self {
        self.backoff_jitter = most.into_seconds();
        self
    }

    /// Whether running out of redirects is an error; otherwise the redirect is the answer. True by default; always
    /// false with `redirect(false)` or `total(false)`.
    ///
    /// Useful if you call [`increment`](Self::increment) for redirects: a session follows them by its own rules.
    pub fn raise_on_redirect(mut self, raise: bool) -> Self {
        self.raise_on_redirect = raise;
        self
    }

    /// Whether running out of retries for a [listed](Self::status_forcelist) status is a `RetryError`; otherwise the
    /// last response is the answer. True by default.
    pub fn raise_on_status(mut self, raise: bool) -> Self {
        self.raise_on_status = raise;
        self
    }

    /// Whether `Retry-After` is respected: 413, 429 and 503 with this header are retried, listed or not, unless
    /// [`total`](Self::total) is `None`; and it sets the wait. True by default.
    pub fn respect_retry_after_header(mut self, respect: bool) -> Self {
        self.respect_retry_after_header = respect;
        self
    }

    /// The longest wait that a `Retry-After` may ask for, in seconds or as a `Duration`; a longer one is reduced to it.
    /// 21600 s (six hours) by default; `None` is no limit, and with zero the backoff applies instead.
    pub fn retry_after_max(mut self, limit: impl IntoLimit) -> Self {
        self.retry_after_max = limit.into_limit().as_seconds();
        self
    }

    /// The headers for which [`removes_on_redirect`](Self::removes_on_redirect) is true, in any case. By default
    /// Authorization, Cookie and Proxy-Authorization.
    ///
    /// Useful if you follow redirects by hand: a session follows them by its own rules, as requests does.
    pub fn remove_headers_on_redirect<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.removed_headers = Some(names.into_iter().map(|name| name.as_ref().to_lowercase().into()).collect());
        self
    }

    /// Calls `test` before each retry that the other settings ask for. If it returns `false`, the error or response is
    /// returned as it is.
    ///
    /// A second `test` replaces the first; `|_| true` removes it. It cannot add retries: to retry a status depending on
    /// its headers, list the status and test the headers. New here, and only for adapters:
    /// [`increment`](Self::increment) does not call it.
    ///
    /// # Examples
    /// ```
    /// let spare = |attempt: &petition::retry::Attempt<'_>| {
    ///     attempt.status() != Some(403)
    ///         || attempt
    ///             .headers()
    ///             .is_some_and(|headers| headers.contains("X-RateLimit-Reset"))
    /// };
    /// let retry =
    ///     petition::Retry::new().status_forcelist([403, 503]).retry_if(spare);
    /// ```
    pub fn retry_if(mut self, test: impl Fn(&Attempt<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.retry_if = Some(Arc::new(test));
        self
    }

    /// What was retried so far, oldest first.
    #[must_use]
    pub fn history(&self) -> &[RequestHistory] {
        &self.history
    }

    /// Whether [`allowed_methods`](Self::allowed_methods) allows this method.
    #[must_use]
    pub fn allows_method(&self, method: &str) -> bool {
        let is = |allowed: &str| {
            allowed.len() == method.len()
                && allowed.bytes().zip(method.bytes()).all(|(ours, theirs)| ours == theirs.to_ascii_uppercase())
        };
        match &self.methods {
            Methods::Any => true,
            Methods::Idempotent => IDEMPOTENT_METHODS.into_iter().any(is),
            Methods::Given(methods) => methods.iter().any(|method| is(method)),
        }
    }

    /// Whether running out of retries for a status is an error: [`raise_on_status`](Self::raise_on_status).
    #[must_use]
    pub fn raises_on_status(&self) -> bool {
        self.raise_on_status
    }

    /// Whether running out of redirects is an error: [`raise_on_redirect`](Self::raise_on_redirect), unless redirects
    /// or retries are disabled.
    #[must_use]
    pub fn raises_on_redirect(&self) -> bool {
        self.raise_on_redirect && !self.redirects_are_off()
    }

    /// Whether a header must not follow a redirect to another host:
    /// [`remove_headers_on_redirect`](Self::remove_headers_on_redirect).
    #[must_use]
    pub fn removes_on_redirect(&self, name: &str) -> bool {
        match &self.removed_headers {
            None => REMOVED_HEADERS.iter().any(|removed| removed.eq_ignore_ascii_case(name)),
            Some(names) => {
                let name = name.to_lowercase();
                names.iter().any(|removed| **removed == *name)
            }
        }
    }

    pub(super) fn lists_status(&self, status: u16) -> bool {
        self.status_forcelist.as_ref().is_some_and(|statuses| statuses.contains(&status))
    }

    /// `False` for either disables redirects, whichever was set first.
    pub(super) fn redirects_are_off(&self) -> bool {
        self.redirect == Count::Off || self.total == Count::Off
    }

    /// What is left for redirects.
    pub(super) fn redirects(&self) -> Count {
        if self.redirects_are_off() { Count::Left(0) } else { self.redirect }
    }

    /// Refuses invalid times.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSetting`], naming the setting.
    pub(crate) fn check(&self) -> Result<()> {
        for (name, seconds) in [
            ("backoff_factor", self.backoff_factor),
            ("backoff_max", self.backoff_max),
            ("backoff_jitter", self.backoff_jitter),
            ("retry_after_max", self.retry_after_max),
        ] {
            if seconds.is_nan() || seconds < 0.0 {
                let text = format!("{name} must be zero seconds or more, not {seconds}");
                return Err(Error::message(ErrorKind::InvalidSetting, text));
            }
        }
        Ok(())
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::new()
    }
}

/// What `max_retries=n` means in requests: `Retry(total=n)`; and `Retry(total=0, read=False)` for 0, with which a read
/// error is returned as it is.
impl From<u32> for Retry {
    fn from(total: u32) -> Self {
        let retry = Self::new().total(total);
        if total == 0 {
            return retry.read(false);
        }
        log::debug!(target: log_targets::RETRY, "Converted retries value: {total} -> {retry:?}");
        retry
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { total, connect, read, status, .. } = self;
        let redirect = self.redirects();
        write!(f, "Retry(total={total}, connect={connect}, read={read}, redirect={redirect}, status={status})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RETRY-01
    #[test]
    fn the_defaults_are_urllib3s() {
        let retry = Retry::new();

        assert_eq!(format!("{retry:?}"), "Retry(total=10, connect=None, read=None, redirect=None, status=None)");
        assert_eq!(retry.other, Count::Unlimited);
        assert_eq!((retry.backoff_factor, retry.backoff_max, retry.backoff_jitter), (0.0, 120.0, 0.0));
        assert_eq!(retry.retry_after_max, 21_600.0);
        assert!(retry.raises_on_redirect() && retry.raises_on_status() && retry.respect_retry_after_header);
        assert!(retry.history().is_empty());
        for method in IDEMPOTENT_METHODS {
            assert!(retry.allows_method(method), "{method}");
        }
        assert!(!retry.allows_method("POST") && !retry.allows_method("PATCH"));
        for name in ["authorization", "Cookie", "PROXY-AUTHORIZATION"] {
            assert!(retry.removes_on_redirect(name), "{name}");
        }
        assert!(!retry.removes_on_redirect("Accept"));
    }

    // RETRY-32, RETRY-38
    #[test]
    fn a_number_is_total_and_zero_also_closes_read() {
        for (retry, text) in [
            (Retry::from(3), "Retry(total=3, connect=None, read=None, redirect=None, status=None)"),
            (Retry::from(0), "Retry(total=0, connect=None, read=False, redirect=None, status=None)"),
            (Retry::from(u32::MAX), "Retry(total=4294967295, connect=None, read=None, redirect=None, status=None)"),
        ] {
            assert_eq!(format!("{retry:?}"), text);
        }
    }

    // RETRY-36
    #[test]
    fn switching_redirects_off_does_not_depend_on_the_order_of_the_calls() {
        for retry in [
            Retry::new().redirect(false).raise_on_redirect(true),
            Retry::new().raise_on_redirect(true).redirect(false),
            Retry::new().total(false).redirect(5),
            Retry::new().redirect(5).total(false),
        ] {
            assert!(!retry.raises_on_redirect());
            assert!(format!("{retry:?}").contains("redirect=0"), "{retry:?}");
        }
        assert!(Retry::new().total(false).total(2).raises_on_redirect());
    }

    // RETRY-15
    #[test]
    fn the_method_is_upper_cased_and_the_list_is_not() {
        let retry = Retry::new().allowed_methods(["POST", "get"]);

        assert!(retry.allows_method("POST") && retry.allows_method("post"));
        assert!(!retry.allows_method("GET") && !retry.allows_method("get") && !retry.allows_method("POS"));
        assert!(Retry::new().any_method().allows_method("PATCH"));
        assert!(Retry::new().allowed_methods::<&str>([]).allows_method("PATCH"));
    }

    // RETRY-01
    #[test]
    fn headers_to_remove_are_compared_in_lower_case() {
        let retry = Retry::new().remove_headers_on_redirect(["X-Secret"]);

        assert!(retry.removes_on_redirect("x-secret") && retry.removes_on_redirect("X-SECRET"));
        assert!(!retry.removes_on_redirect("Authorization"));
    }

    #[test]
    fn what_cannot_be_a_time_is_refused_by_name() {
        for (retry, text) in [
            (Retry::new().backoff_factor(-1), "backoff_factor must be zero seconds or more, not -1"),
            (Retry::new().backoff_max(f64::NAN), "backoff_max must be zero seconds or more, not NaN"),
            (Retry::new().backoff_jitter(-0.5), "backoff_jitter must be zero seconds or more, not -0.5"),
            (Retry::new().retry_after_max(-3), "retry_after_max must be zero seconds or more, not -3"),
        ] {
            let error = retry.check().unwrap_err();
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::InvalidSetting, text));
        }
        assert!(Retry::new().backoff_max(f64::INFINITY).backoff_jitter(0).check().is_ok());
        assert!(Retry::new().backoff_max(0).retry_after_max(0).check().is_ok());
    }

    #[test]
    fn a_copy_shares_its_lists() {
        let retry = Retry::new().allowed_methods(["GET"]).status_forcelist([500]).retry_if(|_| true);

        let copy = retry.clone();

        assert!(Arc::ptr_eq(retry.status_forcelist.as_ref().unwrap(), copy.status_forcelist.as_ref().unwrap()));
        assert!(Arc::ptr_eq(retry.retry_if.as_ref().unwrap(), copy.retry_if.as_ref().unwrap()));
        let (Methods::Given(one), Methods::Given(other)) = (&retry.methods, &copy.methods) else { panic!() };
        assert!(Arc::ptr_eq(one, other));
    }

    #[test]
    fn times_are_seconds_or_durations_and_a_limit_may_be_none() {
        use std::time::Duration;

        let (half, minute) = (Duration::from_millis(500), Duration::from_secs(60));
        let retry = Retry::new().backoff_factor(half).backoff_jitter(half).backoff_max(minute).retry_after_max(minute);
        assert_eq!((retry.backoff_factor, retry.backoff_jitter), (0.5, 0.5));
        assert_eq!((retry.backoff_max, retry.retry_after_max), (60.0, 60.0));

        let patient = retry.backoff_max(None).retry_after_max(None);
        assert!(patient.check().is_ok());
        assert_eq!(patient.parse_retry_after("86400").unwrap(), Duration::from_secs(86_400));
    }

    #[test]
    fn statuses_are_numbers_or_status_codes() {
        use crate::StatusCode;

        let (listed, codes) = ([502, 503], [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE]);
        for retry in [
            Retry::new().status_forcelist([502, 503]),
            Retry::new().status_forcelist(listed.iter()),
            Retry::new().status_forcelist(listed.iter().copied()),
            Retry::new().status_forcelist(codes),
            Retry::new().status_forcelist(codes.iter()),
        ] {
            assert!(retry.is_retry("GET", 502, false) && retry.is_retry("GET", StatusCode::SERVICE_UNAVAILABLE, false));
            assert!(!retry.is_retry("GET", 500, false));
            assert!(!retry.status_forcelist([0u16; 0]).is_retry("GET", 502, false));
        }
    }
}
