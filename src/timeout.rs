//! Timeouts: how long to wait, and for what.
//!
//! A [`Timeout`] has four fields; each is unset, "no limit", or a duration, so that a request's timeout can override
//! the session's field by field. An invalid value is kept, and `send` refuses it.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

/// Limits on connecting, on silence, on the whole request, and on waiting for a pool slot.
///
/// Numbers are seconds. A single value sets connect and read, a pair sets them separately, and `None` removes all four
/// limits. Infinity is a number: it removes the limits on connect and read. Fields that are not set take the session's
/// values. By default nothing is set, as in requests.
///
/// | field | limits | error |
/// |---|---|---|
/// | [`connect`](Self::connect) | all addresses of one connect together; then the TLS handshake and a proxy's tunnel, each again | `ConnectTimeout` |
/// | [`read`](Self::read) | each silence on the socket, also while sending; not the response as a whole | `ReadTimeout` |
/// | [`total`](Self::total) | everything from `send` to the last byte of the body, including redirects, retries and their waits | `TotalTimeout` |
/// | [`pool`](Self::pool) | the wait for a slot of a blocking pool, and for the pace of an origin | `PoolTimeout` |
///
/// Each limit is one instant, computed when its phase begins: signals, partial writes and a peer that sends a byte at a
/// time do not start it again. What no limit ends is a name lookup by the operating system: `total` is checked when it
/// returns, and a [`Cancel`](crate::Cancel) lets the caller go before. Bytes in the kernel's send buffer count as waiting
/// for the response. A timeout that the kernel reports is `ConnectTimeout` or `ReadTimeout`. Without a read timeout, TCP
/// keepalive alone does not end a request whose data is unacknowledged;
/// [`tcp_user_timeout`](crate::HttpAdapterBuilder::tcp_user_timeout) does.
///
/// # Coming from requests
/// `total` and `pool` are new. A negative, zero or NaN value makes `send` return [`ErrorKind::InvalidSetting`], where
/// requests raises a plain `ValueError`.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use petition::Timeout;
///
/// assert_eq!(Timeout::from(5), Timeout::new().connect(5).read(5));
/// assert_eq!(Timeout::from((3.05, 27)), Timeout::new().connect(3.05).read(27));
/// assert_eq!(Timeout::from(Duration::from_millis(1500)), Timeout::from(1.5));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timeout {
    connect: Limit,
    read: Limit,
    total: Limit,
    pool: Limit,
}

/// One field of a [`Timeout`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[doc(hidden)]
pub enum Limit {
    #[default]
    Unset,
    None,
    After(Duration),
    /// Seconds that no limit can have; refused when the request is sent.
    Invalid(f64),
}

impl Limit {
    fn seconds(seconds: f64) -> Self {
        match Duration::try_from_secs_f64(seconds) {
            // Less than a Duration can hold is the shortest that it can.
            Ok(limit) if seconds > 0.0 => Self::After(limit.max(Duration::from_nanos(1))),
            // More than a Duration can hold is as good as no limit.
            Err(_) if seconds > 0.0 => Self::None,
            _ => Self::Invalid(seconds),
        }
    }

    fn or(self, other: Self) -> Self {
        if self == Self::Unset { other } else { self }
    }

    /// The limit in effect: unset is no limit. Only for one that is not `Invalid`.
    pub(crate) fn duration(self) -> Option<Duration> {
        match self {
            Self::After(limit) => Some(limit),
            Self::Unset | Self::None | Self::Invalid(_) => None,
        }
    }

    /// In seconds, with infinity for no limit; an invalid value as it was given.
    pub(crate) fn as_seconds(self) -> f64 {
        match self {
            Self::After(limit) => limit.as_secs_f64(),
            Self::Unset | Self::None => f64::INFINITY,
            Self::Invalid(seconds) => seconds,
        }
    }
}

mod sealed {
    pub trait Sealed {}
}

/// Types for a time limit: seconds as any number, a `Duration`, or `None` for no limit.
///
/// Every setter of such a limit accepts it. A limit is more than zero, unless its setter says otherwise. Infinity, and
/// more seconds than a `Duration` can hold, is no limit. Zero, negative numbers and NaN are kept by the setter and make
/// `send` return [`ErrorKind::InvalidSetting`]. The trait is sealed: it cannot be implemented outside this crate.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use petition::{HttpAdapter, Timeout};
///
/// let adapter = HttpAdapter::builder()
///     .pool_timeout(5)
///     .idle_timeout(Duration::from_secs(90))
///     .max_lifetime(None)
///     .build();
/// let timeout = Timeout::new().connect(3.05).read(27).total(None);
/// # drop(adapter);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a limit on time",
    label = "expected seconds, a `Duration`, or `None`",
    note = "a limit is a number of seconds (`5`, `0.5`), a `std::time::Duration`, or `None` for no limit",
    note = "an optional number is not: write `seconds.map(Duration::from_secs_f64)`"
)]
pub trait IntoLimit: sealed::Sealed {
    #[doc(hidden)]
    fn into_limit(self) -> Limit;

    /// Whether it is a bare `None`, and not a number that is no limit either.
    #[doc(hidden)]
    fn is_bare_none(&self) -> bool {
        false
    }
}

/// Types for a length of time: seconds as any number, or a `Duration`.
///
/// Zero is valid. The trait is sealed: it cannot be implemented outside this crate.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use petition::Retry;
///
/// let jitter = Duration::from_millis(100);
/// let retry = Retry::new().backoff_factor(0.5).backoff_jitter(jitter);
/// # drop(retry);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a length of time",
    label = "expected seconds or a `Duration`",
    note = "a length of time is a number of seconds (`5`, `0.5`) or a `std::time::Duration`"
)]
pub trait IntoDuration: sealed::Sealed {
    /// The value as it was given, for settings that refuse some numbers.
    #[doc(hidden)]
    fn into_seconds(self) -> f64;

    /// Negative numbers and NaN are zero, and what does not fit is the longest duration.
    #[doc(hidden)]
    fn into_duration(self) -> Duration;
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl sealed::Sealed for $number {}

        impl IntoLimit for $number {
            fn into_limit(self) -> Limit {
                Limit::seconds(self.into_seconds())
            }
        }

        impl IntoDuration for $number {
            #[allow(clippy::cast_precision_loss, clippy::cast_lossless)]
            fn into_seconds(self) -> f64 {
                self as f64
            }

            fn into_duration(self) -> Duration {
                saturating_duration(self.into_seconds())
            }
        }
    )*};
}
numbers!(f64 f32 i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

impl sealed::Sealed for Duration {}

impl IntoLimit for Duration {
    fn into_limit(self) -> Limit {
        if self.is_zero() { Limit::Invalid(0.0) } else { Limit::After(self) }
    }
}

impl IntoDuration for Duration {
    fn into_seconds(self) -> f64 {
        self.as_secs_f64()
    }

    fn into_duration(self) -> Duration {
        self
    }
}

impl sealed::Sealed for Option<Duration> {}

// The only `Option`, so that a bare `None` needs no type.
impl IntoLimit for Option<Duration> {
    fn into_limit(self) -> Limit {
        self.map_or(Limit::None, Duration::into_limit)
    }

    fn is_bare_none(&self) -> bool {
        self.is_none()
    }
}

/// A total function: negative numbers and NaN are zero, and what does not fit is the longest duration.
pub(crate) fn saturating_duration(seconds: f64) -> Duration {
    let out_of_range = if seconds > 0.0 { Duration::MAX } else { Duration::ZERO };
    Duration::try_from_secs_f64(seconds).unwrap_or(out_of_range)
}

impl Timeout {
    /// A timeout with no field set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits connecting: all addresses together; then the TLS handshake and a proxy's tunnel, each again.
    #[must_use = "returns the changed value"]
    #[doc(alias = "connect_timeout")]
    #[doc(alias = "timeout_connect")]
    pub fn connect(mut self, limit: impl IntoLimit) -> Self {
        self.connect = limit.into_limit();
        self
    }

    /// Limits each silence on the socket.
    #[must_use = "returns the changed value"]
    #[doc(alias = "read_timeout")]
    #[doc(alias = "timeout_read")]
    pub fn read(mut self, limit: impl IntoLimit) -> Self {
        self.read = limit.into_limit();
        self
    }

    /// Limits everything from `send` to the last byte of the body.
    #[must_use = "returns the changed value"]
    #[doc(alias = "timeout_global")]
    pub fn total(mut self, limit: impl IntoLimit) -> Self {
        self.total = limit.into_limit();
        self
    }

    /// Limits the wait for a slot of a blocking pool, and replaces the adapter's `pool_timeout`.
    #[must_use = "returns the changed value"]
    pub fn pool(mut self, limit: impl IntoLimit) -> Self {
        self.pool = limit.into_limit();
        self
    }

    /// This timeout's fields where they are set, else those of `base`.
    pub(crate) fn over(self, base: Self) -> Self {
        Self {
            connect: self.connect.or(base.connect),
            read: self.read.or(base.read),
            total: self.total.or(base.total),
            pool: self.pool.or(base.pool),
        }
    }

    /// Refuses invalid limits.
    #[inline]
    pub(crate) fn check(&self) -> Result<()> {
        let is_valid = |limit: Limit| !matches!(limit, Limit::Invalid(_));
        if is_valid(self.connect) && is_valid(self.read) && is_valid(self.total) && is_valid(self.pool) {
            return Ok(());
        }
        for (name, limit) in
            [("connect", self.connect), ("read", self.read), ("total", self.total), ("pool", self.pool)]
        {
            if let Limit::Invalid(seconds) = limit {
                let text = format!("{name} timeout must be more than zero seconds, not {seconds}");
                return Err(Error::message(ErrorKind::InvalidSetting, text));
            }
        }
        Ok(())
    }

    /// The limit on connecting; `None` is no limit.
    #[must_use]
    pub fn connect_limit(&self) -> Option<Duration> {
        self.connect.duration()
    }

    /// The limit on each silence; `None` is no limit.
    #[must_use]
    pub fn read_limit(&self) -> Option<Duration> {
        self.read.duration()
    }

    /// The limit on the whole request; `None` is no limit.
    #[must_use]
    pub fn total_limit(&self) -> Option<Duration> {
        self.total.duration()
    }

    /// The limit on the wait for a slot, `None` for no limit, and where the adapter's
    /// [`pool_timeout`](crate::HttpAdapterBuilder::pool_timeout) counts.
    #[must_use]
    pub fn pool_limit(&self) -> Option<Duration> {
        self.pool.duration()
    }

    /// The limit on the wait for a slot where the adapter has one of its own: this one's if it is set, else that.
    pub(crate) fn pool_limit_over(&self, adapters: Option<Duration>) -> Option<Duration> {
        if self.pool == Limit::Unset { adapters } else { self.pool.duration() }
    }
}

impl<T: IntoLimit> From<T> for Timeout {
    fn from(limit: T) -> Self {
        let rest = if limit.is_bare_none() { Limit::None } else { Limit::Unset };
        let limit = limit.into_limit();
        Self { connect: limit, read: limit, total: rest, pool: rest }
    }
}

impl<C: IntoLimit, R: IntoLimit> From<(C, R)> for Timeout {
    fn from((connect, read): (C, R)) -> Self {
        Self { connect: connect.into_limit(), read: read.into_limit(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // TIME-01
    #[test]
    fn each_field_of_the_request_replaces_the_sessions() {
        let session = Timeout::new().connect(3).read(10).total(30).pool(1);

        let merged = Timeout::new().read(None).over(session);

        assert_eq!(merged, Timeout::new().connect(3).read(None).total(30).pool(1));
        assert_eq!(Timeout::from(5).over(session), Timeout::new().connect(5).read(5).total(30).pool(1));
        assert_eq!(Timeout::from(None).over(session).total_limit(), None);
        let adapters = Some(Duration::from_secs(7));
        assert_eq!(session.pool_limit_over(adapters), Some(Duration::from_secs(1)));
        assert_eq!(Timeout::from(None).over(session).pool_limit_over(adapters), None);
        assert_eq!(Timeout::from(5).pool_limit_over(adapters), adapters);
        assert_eq!((session.pool_limit(), Timeout::new().pool_limit()), (Some(Duration::from_secs(1)), None));
    }

    // A number that is no limit was taken for `None`, and removed the session's total too.
    #[test]
    fn infinity_is_a_single_value_and_only_none_removes_all_four() {
        let session = Timeout::new().connect(3).read(10).total(30).pool(1);

        for endless in [f64::INFINITY, f64::MAX, 1e300] {
            let two = Timeout::new().connect(None).read(None);
            assert_eq!(Timeout::from(endless), two);
            assert_eq!(Timeout::from((endless, endless)), two);
            assert_eq!(Timeout::from(endless).over(session), two.total(30).pool(1));
        }
        assert_eq!(Timeout::from(f32::INFINITY).over(session).total_limit(), Some(Duration::from_secs(30)));
        assert_eq!(Timeout::from(Some(Duration::MAX)).over(session).total_limit(), Some(Duration::from_secs(30)));
        let none = Timeout::new().connect(None).read(None).total(None).pool(None);
        assert_eq!(Timeout::from(None).over(session), none);
    }

    // TIME-02
    #[test]
    fn what_cannot_be_a_limit_is_refused_by_name() {
        for (timeout, text) in [
            (Timeout::from(0), "connect timeout must be more than zero seconds, not 0"),
            (Timeout::from(-1), "connect timeout must be more than zero seconds, not -1"),
            (Timeout::new().read(f64::NAN), "read timeout must be more than zero seconds, not NaN"),
            (Timeout::new().total(Duration::ZERO), "total timeout must be more than zero seconds, not 0"),
            (Timeout::new().pool(-0.5), "pool timeout must be more than zero seconds, not -0.5"),
        ] {
            let error = timeout.check().unwrap_err();
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::InvalidSetting, text));
        }
        assert!(Timeout::from(f64::INFINITY).check().is_ok());
        assert_eq!(Timeout::from(1e-12).read_limit(), Some(Duration::from_nanos(1)));
        assert_eq!(Timeout::from(f64::INFINITY).read_limit(), None);
    }

    #[test]
    fn every_number_is_seconds() {
        fn after(limit: impl IntoLimit) -> Option<Duration> {
            limit.into_limit().duration()
        }

        for limit in [
            after(5),
            after(5.0),
            after(5.0f32),
            after(5i8),
            after(5i16),
            after(5i64),
            after(5isize),
            after(5u8),
            after(5u16),
            after(5u32),
            after(5u64),
            after(5usize),
            after(Duration::from_secs(5)),
            after(Some(Duration::from_secs(5))),
        ] {
            assert_eq!(limit, Some(Duration::from_secs(5)));
        }
        assert_eq!((after(None), after(f64::INFINITY), after(f64::MAX)), (None, None, None));
        for length in [(-1).into_duration(), f64::NAN.into_duration(), 0u8.into_duration()] {
            assert_eq!(length, Duration::ZERO);
        }
        assert_eq!((f64::INFINITY.into_duration(), Duration::MAX.into_duration()), (Duration::MAX, Duration::MAX));
    }
}
