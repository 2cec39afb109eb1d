//! How long to wait, and for what.
//!
//! A [`Timeout`] has four fields; each is unset, "no limit", or a duration, so that a request's timeout can be laid over the
//! session's field by field. A value that cannot be a limit is kept and refused at `send`.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

/// Limits on connecting, on silence, on everything, and on waiting for a pool slot.
///
/// Numbers are seconds. A single value sets connect and read, a pair sets them apart, `None` lifts all four limits. Fields
/// that are not set take the session's; nothing is set by default, as in requests.
///
/// | field | bounds | error past it |
/// |---|---|---|
/// | [`connect`](Self::connect) | all addresses of one connect together, then the TLS handshake and a proxy's tunnel each again | `ConnectTimeout` |
/// | [`read`](Self::read) | each silence on the socket, not the response as a whole | `ReadTimeout` |
/// | [`total`](Self::total) | everything from `send` to the last byte of the body, redirects, retries and their sleeps among it | `TotalTimeout` |
/// | [`pool`](Self::pool) | the wait for a slot of a blocking pool | `PoolTimeout` |
///
/// # Coming from requests
/// `total` and `pool` are new. A negative, zero or NaN value is [`ErrorKind::InvalidSetting`] at `send`, where requests
/// raises a bare `ValueError`.
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
            Ok(limit) if !limit.is_zero() => Self::After(limit),
            // More than a Duration can hold is as good as no limit.
            Err(_) if seconds > 0.0 => Self::None,
            _ => Self::Invalid(seconds),
        }
    }

    fn or(self, other: Self) -> Self {
        if self == Self::Unset { other } else { self }
    }

    /// The limit as it acts: unset is no limit. Only after [`Timeout::check`].
    pub(crate) fn duration(self) -> Option<Duration> {
        match self {
            Self::After(limit) => Some(limit),
            Self::Unset | Self::None | Self::Invalid(_) => None,
        }
    }
}

mod sealed {
    use super::Limit;

    pub trait Sealed {
        fn limit(self) -> Limit;
    }
}

use sealed::Sealed;

/// What can be a limit: seconds as `f64`, `f32`, `i32`, `u32` or `u64`, a `Duration`, or `None` for no limit.
pub trait IntoLimit: Sealed {}

macro_rules! limits {
    ($($number:ty)*) => {$(
        impl IntoLimit for $number {}
        impl Sealed for $number {
            #[allow(clippy::cast_precision_loss, clippy::cast_lossless)]
            fn limit(self) -> Limit {
                Limit::seconds(self as f64)
            }
        }
    )*};
}
limits!(f64 f32 i32 u32 u64);

impl IntoLimit for Duration {}
impl Sealed for Duration {
    fn limit(self) -> Limit {
        if self.is_zero() { Limit::Invalid(0.0) } else { Limit::After(self) }
    }
}

impl IntoLimit for Option<Duration> {}
impl Sealed for Option<Duration> {
    fn limit(self) -> Limit {
        self.map_or(Limit::None, Duration::limit)
    }
}

impl Timeout {
    /// Nothing set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bounds one connect: all addresses together, then the TLS handshake and a proxy's tunnel each again.
    #[must_use = "returns the changed value"]
    pub fn connect(mut self, limit: impl IntoLimit) -> Self {
        self.connect = limit.limit();
        self
    }

    /// Bounds each silence on the socket.
    #[must_use = "returns the changed value"]
    pub fn read(mut self, limit: impl IntoLimit) -> Self {
        self.read = limit.limit();
        self
    }

    /// Bounds everything from `send` to the last byte of the body.
    #[must_use = "returns the changed value"]
    pub fn total(mut self, limit: impl IntoLimit) -> Self {
        self.total = limit.limit();
        self
    }

    /// Bounds the wait for a slot of a blocking pool, in place of the adapter's `pool_timeout`.
    #[must_use = "returns the changed value"]
    pub fn pool(mut self, limit: impl IntoLimit) -> Self {
        self.pool = limit.limit();
        self
    }

    /// This one's fields where they are set, else `base`'s.
    pub(crate) fn over(self, base: Self) -> Self {
        Self {
            connect: self.connect.or(base.connect),
            read: self.read.or(base.read),
            total: self.total.or(base.total),
            pool: self.pool.or(base.pool),
        }
    }

    /// Refuses what cannot be a limit.
    pub(crate) fn check(&self) -> Result<()> {
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

    /// The limit on one connect, `None` for no limit.
    #[must_use]
    pub fn connect_limit(&self) -> Option<Duration> {
        self.connect.duration()
    }

    /// The limit on each silence, `None` for no limit.
    #[must_use]
    pub fn read_limit(&self) -> Option<Duration> {
        self.read.duration()
    }

    /// The limit on everything, `None` for no limit.
    #[must_use]
    pub fn total_limit(&self) -> Option<Duration> {
        self.total.duration()
    }

    /// The limit on the wait for a slot: outer `None` where it is not set.
    pub(crate) fn pool_limit(&self) -> Option<Option<Duration>> {
        (self.pool != Limit::Unset).then(|| self.pool.duration())
    }
}

impl<T: IntoLimit> From<T> for Timeout {
    fn from(limit: T) -> Self {
        let limit = limit.limit();
        let rest = if limit == Limit::None { Limit::None } else { Limit::Unset };
        Self { connect: limit, read: limit, total: rest, pool: rest }
    }
}

impl<C: IntoLimit, R: IntoLimit> From<(C, R)> for Timeout {
    fn from((connect, read): (C, R)) -> Self {
        Self { connect: connect.limit(), read: read.limit(), ..Self::default() }
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
        assert_eq!(Timeout::from(None).over(session).pool_limit(), Some(None));
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
        assert_eq!(Timeout::from(f64::INFINITY).read_limit(), None);
    }
}
