//! When to try again, and how long to wait before it: urllib3's `Retry`, as a value.
//!
//! A [`Retry`] holds settings, what is left of each count, and the history of what was retried. It knows no connection,
//! no request and no clock: it is told what went wrong (a [`Cause`]) and answers with the next `Retry` or with a
//! [`GiveUp`]. A status is a plain number here, as in urllib3; what takes one takes a `StatusCode` too. Nothing here sleeps or sends, so every rule is checked against rows recorded from urllib3 (`grid`).
//!
//! The rule that keeps it sound: a `Retry` is never changed in place. The adapter's stays as it was configured, and each
//! send starts from a copy of it (RETRY-02); a copy of default settings allocates nothing.
//!
//! The loop over attempts uses it like this, and in this order, which is also that of the log (LOG-12, LOG-13):
//!
//! 1. After an error: classify it. `Connect` is what happened before the server can have seen the request: refused,
//!    unreachable, unresolved, connect timeout, also towards a proxy (RETRY-05). `Read` is what happened since: read or
//!    send timeout, reset, end before the head was whole (RETRY-06). `Other` is TLS and a proxy that refuses the tunnel
//!    (RETRY-07). After a response: `wants` says whether there is anything to do; if not, the response is the answer.
//! 2. `again` asks the caller's `retry_if`, counts, and logs `Incremented Retry for …`. On `GiveUp::AsItIs` the error is
//!    returned as it came, and a response as well (`retry_if` let it stand). On `GiveUp::Exhausted` an error becomes
//!    "max retries exceeded", and a response becomes RetryError if `raises_on_status`, else it is returned with a body
//!    that can be read (RETRY-12).
//! 3. Drain the response, give the lease back, then sleep for `delay` of the *new* `Retry`: with the response's
//!    `Retry-After` after a response, with `None` after an error (RETRY-19).
//! 4. Log `Retry: /path` after a response, `Retrying (…) after connection broken by '…': /path` after an error; rewind
//!    the body; attempt again.

mod attempt;
mod backoff;
mod count;
mod decide;
#[cfg(test)]
mod grid;
mod history;
mod retry_after;
mod value;

pub use attempt::{Attempt, Cause};
pub use count::Count;
pub use decide::GiveUp;
pub use history::RequestHistory;
pub use value::Retry;

pub(crate) use attempt::Tried;
