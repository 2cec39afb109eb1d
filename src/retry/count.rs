//! A number of retries: limited, unlimited, or disabled.
//!
//! Python spells these `3`, `None` and `False`. `False` is not zero: it returns the error itself.

use std::fmt;

/// How many retries of one kind are allowed.
///
/// The setters of [`Retry`](crate::Retry) accept a number, `None` for no limit, and `false` to disable retries of a
/// kind. `true` is 1, as in Python. `Display` is Python's spelling.
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
    /// This many are left. At zero the next one is too many; below zero there was one too many.
    Left(i64),
}

impl Count {
    /// The count after one more retry. `Off` counts as zero where it does not return the error itself.
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

    /// How many are left; `None` is no limit.
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
