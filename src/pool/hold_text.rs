//! What is said of a wait for the pace of an origin: what it waits for, the figures of that, and why it may be long.

use std::fmt;
use std::time::{Duration, Instant};

use super::events::WaitReason;
use crate::pace::{Hold, Pace, RateLimit};

pub(super) fn what(hold: Hold) -> &'static str {
    match hold {
        Hold::Paused(_) => "the end of a pause",
        Hold::Rate(_) => "the rate limit",
        Hold::Full => "an exchange to end",
        Hold::Free => "a turn",
    }
}

/// The same for who listens to events. Where nothing holds the first in the line, it waits for a slot.
pub(super) fn reason(hold: Hold) -> WaitReason {
    match hold {
        Hold::Paused(_) => WaitReason::Pause,
        Hold::Rate(_) => WaitReason::RateLimit,
        Hold::Full => WaitReason::AdaptiveLimit,
        Hold::Free => WaitReason::Connection,
    }
}

/// What a person should look at.
pub(super) fn causes(hold: Hold) -> &'static str {
    match hold {
        Hold::Paused(_) => {
            "Cause: the server answered 429 or 503 with Retry-After, and pause_on_retry_after is set; the retry_after_max of \
             the Retry bounds a pause"
        }
        Hold::Rate(_) => "Cause: more requests than the rate_limit of the adapter lets through",
        Hold::Full => {
            "Usual causes: a server that refuses requests or times out, so that adaptive_limit has learnt a low limit; \
             streamed responses that are kept without being read or closed"
        }
        Hold::Free => {
            "Usual causes: streamed responses that are kept without being read or closed; a pool_maxsize or max_connections \
             below the number of threads"
        }
    }
}

/// The figures of what is waited for, if it has any; with a separator for what comes next.
pub(super) enum Figures {
    None,
    Left(Duration),
    Rate(RateLimit),
    Limit(usize),
}

impl Figures {
    pub(super) fn of(pace: &Pace, hold: Hold, now: Instant) -> Self {
        match hold {
            Hold::Paused(until) => Self::Left(until.saturating_duration_since(now)),
            Hold::Rate(_) => pace.rate().map_or(Self::None, Self::Rate),
            Hold::Full => pace.limit().map_or(Self::None, Self::Limit),
            Hold::Free => Self::None,
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Left(time) => write!(f, "{time:.1?} left; "),
            Self::Rate(rate) => write!(f, "{rate}; "),
            Self::Limit(limit) => write!(f, "learnt limit {limit}; "),
        }
    }
}
