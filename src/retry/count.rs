//! A budget of retries: a number, no limit, or switched off.
//!
//! Python spells the three as `3`, `None` and `False`, and they are three different things (RETRY-03, RETRY-08).

use std::fmt;

/// How many retries of one kind may be made.
///
/// Made from what the setters of [`Retry`](crate::Retry) take: a number, `None` for no limit, `false` for "not at all".
/// `true` is 1, as in Python. `Display` is Python's spelling.
///
/// # Examples
/// ```
/// use petition::retry::Count;
///
/// assert_eq!(Count::from(3), Count::Left(3));
/// assert_eq!(Count::from(None), Count::Unlimited);
/// assert_eq!(Count::from(false).to_string(), "False");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Count {
    /// No limit of this kind: `None`.
    Unlimited,
    /// An error of this kind is not retried: `False`.
    Off,
    /// So many are left. Zero: the next one is too many; below zero: it has come.
    Left(i64),
}

impl Count {
    /// After one more of its kind. `Off` counts as zero where it does not stop the error itself.
    pub(super) fn less_one(self) -> Self {
        match self {
            Self::Unlimited => Self::Unlimited,
            Self::Off => Self::Left(-1),
            Self::Left(left) => Self::Left(left.saturating_sub(1)),
        }
    }

    pub(super) fn is_below_zero(self) -> bool {
        matches!(self, Self::Left(left) if left < 0)
    }

    /// How many are left, as a person would ask: `None` is no limit.
    pub(super) fn left(self) -> Option<u32> {
        match self {
            Self::Unlimited => None,
            Self::Off => Some(0),
            Self::Left(left) => Some(u32::try_from(left.max(0)).unwrap_or(u32::MAX)),
        }
    }
}

impl From<u32> for Count {
    fn from(count: u32) -> Self {
        Self::Left(count.into())
    }
}

impl From<bool> for Count {
    fn from(on: bool) -> Self {
        if on { Self::Left(1) } else { Self::Off }
    }
}

impl From<Option<u32>> for Count {
    fn from(count: Option<u32>) -> Self {
        count.map_or(Self::Unlimited, Self::from)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("None"),
            Self::Off => f.write_str("False"),
            Self::Left(left) => left.fmt(f),
        }
    }
}
