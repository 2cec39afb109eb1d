//! When to retry, and how long to wait before: urllib3's `Retry`, as a value.
//!
//! # What is retried by default?
//!
//! Nothing is, as in requests: an adapter has `max_retries(0)`. One thing is not called a retry: a request over a kept connection
//! that turns out to be dead is sent once more over a new one, if its method is idempotent and its body can be sent again
//! ([`replay_stale`](crate::HttpAdapterBuilder::replay_stale)).
//!
//! With [`max_retries(3)`](crate::HttpAdapterBuilder::max_retries), a number, or [`Retry::new`]:
//!
//! | what failed | GET, HEAD, PUT, DELETE, OPTIONS, TRACE | POST, PATCH, others |
//! |---|---|---|
//! | look-up, connect, connect timeout | yes | yes: the server has seen nothing |
//! | sending, waiting for the head, read timeout | yes | no |
//! | TLS handshake, a proxy that refuses a tunnel | yes | yes |
//! | a certificate that does not verify | no | no |
//! | 413, 429 or 503 with `Retry-After` | yes, after that time | no |
//! | any other status | no | no |
//! | reading the body | no | no |
//! | the total timeout, a [`Cancel`](crate::Cancel) | no | no |
//!
//! What changes that:
//!
//! - [`connect`](Retry::connect), [`read`](Retry::read), [`other`](Retry::other) and [`status`](Retry::status) limit the kinds of
//!   the first, second, third and fifth row; [`total`](Retry::total) limits them together.
//! - [`allowed_methods`](Retry::allowed_methods) and [`any_method`](Retry::any_method) say which methods have a "yes" in the
//!   middle column.
//! - [`status_forcelist`](Retry::status_forcelist) lists statuses that are retried;
//!   [`respect_retry_after_header(false)`](Retry::respect_retry_after_header) ends the row with `Retry-After`.
//! - [`retry_if`](Retry::retry_if) is asked before each retry.
//!
//! There is no wait between attempts unless [`backoff_factor`](Retry::backoff_factor) sets one. When the retries are used up,
//! the last error is returned; after a status it is [`ErrorKind::RetryError`](crate::ErrorKind::RetryError), unless
//! [`raise_on_status`](Retry::raise_on_status) is off.
//!
//! ```
//! use petition::{HttpAdapter, Retry, Session};
//!
//! let retry = Retry::new()
//!     .total(3)
//!     .backoff_factor(0.5)
//!     .status_forcelist([429, 500, 502, 503, 504]);
//! let mut session = Session::new();
//! session.mount_all(HttpAdapter::builder().max_retries(retry).build());
//! ```
//!
//! A [`Retry`] holds settings, what is left of each count, and the history of what was retried. It is told what went wrong (a
//! [`Cause`]) and answers with the next `Retry` or with a [`GiveUp`]. A status is a plain number here, as in urllib3; what takes
//! one takes a `StatusCode` too.

// It knows nothing of connections, requests or clocks. Nothing here sleeps or sends, so every rule is checked against rows
// recorded from urllib3 (`grid`).
//
// The rule that keeps it sound: a `Retry` is never changed in place. The adapter's stays as configured, and each send starts
// from a copy of it; a copy of default settings allocates nothing.
//
// The loop over attempts uses it in this order, which is also the order of the log lines:
//
// 1. After an error: classify it. `Connect` is what happened before the server can have seen the request: refused,
//    unreachable, unresolved or a connect timeout, also towards a proxy. `Read` is what happened afterwards: read or
//    send timeout, reset, or the end of the stream before the head was complete. `Other` is TLS, and a proxy that
//    refuses the tunnel. After a response, `wants` says whether to retry; if not, the response is the answer.
// 2. `again` asks the caller's `retry_if`, counts, and logs `Incremented Retry for …`. On `GiveUp::AsItIs` the error,
//    or the response that `retry_if` accepted, is returned as it is. On `GiveUp::Exhausted` an error becomes "max
//    retries exceeded", and a response becomes RetryError if `raises_on_status`, else it is returned with a body that
//    can be read.
// 3. Drain the response, return the lease, then sleep for the `delay` of the *new* `Retry`: with the response's
//    `Retry-After`, or with `None` after an error.
// 4. Log `Retry: /path` after a response, `Retrying (…) after connection broken by '…': /path` after an error; rewind
//    the body; attempt again.

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
