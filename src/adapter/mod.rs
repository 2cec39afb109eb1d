//! Adapters, which send a prepared request and return the response.
//!
//! A session knows an adapter only by the trait of this file. [`HttpAdapter`] is the stock adapter: `engine` has its pools and
//! the loop of retries, `attempt` is one exchange on one connection, `send_request` sends, `read_head` and `wire_body` read.
//! `failure` says what a failure means, `pool_key` what makes two connections different, `patience` how long everything may
//! take, `paces` the gates of origins that have a pace. [`UnixAdapter`] does the same over Unix sockets.

mod attempt;
mod blanket;
mod buffer;
mod connection;
mod engine;
mod failure;
mod http;
#[cfg(any(test, fuzzing))]
pub(crate) mod invariants;
mod job;
mod log_lines;
mod on_demand;
mod options;
mod paces;
mod patience;
mod pool_key;
mod read_head;
mod scatter;
mod send_request;
mod sent;
mod settings;
mod shared_retries;
mod unix;
mod user_agent;
mod wire_body;

pub use self::blanket::adapter_fn;
pub use self::http::HttpAdapter;
pub(crate) use self::on_demand::OnDemand;
pub use self::options::SendOptions;
pub use self::settings::HttpAdapterBuilder;
pub(crate) use self::shared_retries::SharedRetries;
pub use self::unix::UnixAdapter;
pub(crate) use self::user_agent::USER_AGENT;

use crate::error::Result;
use crate::message::{PreparedRequest, Response};
pub(crate) use crate::pool::PoolStats;

/// Sends prepared requests. A closure `Fn(&mut PreparedRequest, &SendOptions) -> Result<Response>` is an adapter too; see
/// [`adapter_fn`].
///
/// An adapter that wraps another should pass on a copy of the request, because a header that is set on `request` itself
/// follows redirects to any host. It should pass on the options, or a changed clone: they know when
/// [`Timeout::total`](crate::Timeout::total) began.
///
/// # Examples
/// ```
/// use petition::{Adapter, PreparedRequest, Response, Result};
/// use petition::{SendOptions, Session};
///
/// struct Offline;
///
/// impl Adapter for Offline {
///     fn send(
///         &self,
///         _: &mut PreparedRequest,
///         _: &SendOptions,
///     ) -> Result<Response> {
///         Response::builder(200).body("hello").build()
///     }
/// }
///
/// let mut session = Session::new();
/// # session.trust_env = false; // no proxy of this machine
/// session.mount("mock://", Offline);
/// assert_eq!(session.get("mock://x").send()?.text()?, "hello");
/// # Ok::<(), petition::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an adapter",
    label = "expected an `Adapter`",
    note = "an adapter is an `HttpAdapter` (end its builder with `.build()`), a type that implements `petition::Adapter`, or a closure",
    note = "a closure is `petition::adapter_fn(|request, options| ...)`, so that the types of its arguments are known"
)]
#[doc(alias = "BaseAdapter")]
#[doc(alias = "Transport")]
pub trait Adapter: Send + Sync {
    /// Sends one request. It follows no redirect and answers no challenge. The session adds request, URL and elapsed time to
    /// the response.
    ///
    /// # Errors
    /// Any error; the session's `send` returns it.
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response>;

    /// Closes what the adapter keeps open. The adapter remains usable.
    fn close(&self) {}

    /// What the pools of the adapter are doing: none, unless it says otherwise. One that wraps another passes on what that
    /// says; [`Session::stats`](crate::Session::stats) asks it.
    fn stats(&self) -> Vec<PoolStats> {
        Vec::new()
    }
}
