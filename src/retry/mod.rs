//! When to retry, and how long to wait before: urllib3's `Retry`, as a value.
//!
//! A [`Retry`] holds settings, what is left of each count, and the history of what was retried. It knows nothing of
//! connections, requests or clocks: it is told what went wrong (a [`Cause`]) and answers with the next `Retry` or with
//! a [`GiveUp`]. A status is a plain number here, as in urllib3; what takes one takes a `StatusCode` too. Nothing here
//! sleeps or sends, so every rule is checked against rows recorded from urllib3 (`grid`).
//!
//! The rule that keeps it sound: a `Retry` is never changed in place. The adapter's stays as configured, and each send
//! starts from a copy of it; a copy of default settings allocates nothing.
//!
//! The loop over attempts uses it in this order, which is also the order of the log lines:
//!
//! 1. After an error: classify it. `Connect` is what happened before the server can have seen the request: refused,
//!    unreachable, unresolved or a connect timeout, also towards a proxy. `Read` is what happened afterwards: read or
//!    send timeout, reset, or the end of the stream before the head was complete. `Other` is TLS, and a proxy that
//!    refuses the tunnel. After a response, `wants` says whether to retry; if not, the response is the answer.
//! 2. `again` asks the caller's `retry_if`, counts, and logs `Incremented Retry for …`. On `GiveUp::AsItIs` the error,
//!    or the response that `retry_if` accepted, is returned as it is. On `GiveUp::Exhausted` an error becomes "max
//!    retries exceeded", and a response becomes RetryError if `raises_on_status`, else it is returned with a body that
//!    can be read.
//! 3. Drain the response, return the lease, then sleep for the `delay` of the *new* `Retry`: with the response's
//!    `Retry-After`, or with `None` after an error.
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
