//! Back-pressure by time and by what a server says, beside the pool's back-pressure by number.
//!
//! [`Pace`] is that of one origin: a [rate](rate), a [pause](pause) that the server asked for, and a [limit](adaptive) that is
//! learnt. [`RetryTokens`] are those of an adapter. All of it is plain data: no lock, no clock, no socket. Instants are
//! passed in, and nothing here waits: [`pool::gate`](crate::pool) has the lock and the line, the adapter the table of
//! origins.

mod adaptive;
mod budget;
mod origin;
mod pause;
mod rate;
mod refused;

pub use adaptive::AdaptiveLimit;
pub use budget::RetryBudget;
pub use rate::RateLimit;

pub(crate) use adaptive::Outcome;
pub(crate) use budget::RetryTokens;
pub(crate) use origin::{Departure, Hold, Pace, PaceSettings};
