//! Adapters: what sends a prepared request and makes a response of the answer.
//!
//! A session knows nothing of an adapter but the trait of this file. [`HttpAdapter`] is the stock one: `engine` has its pools
//! and the loop of retries, `attempt` one exchange on one connection, with `send_request` for the way out and `read_head` and
//! `wire_body` for the way back; `failure` says what it means that one failed, `pool_key` what makes two connections
//! different. [`UnixAdapter`] is the same machinery over Unix sockets.

mod attempt;
mod blanket;
mod buffer;
mod connection;
mod engine;
mod failure;
mod http;
mod job;
mod log_lines;
mod options;
mod patience;
mod pool_key;
mod read_head;
mod send_request;
mod sent;
mod settings;
mod unix;
mod user_agent;
mod wire_body;

pub use self::blanket::adapter_fn;
pub use self::http::HttpAdapter;
pub use self::options::SendOptions;
pub use self::settings::HttpAdapterBuilder;
pub use self::unix::UnixAdapter;
pub(crate) use self::user_agent::USER_AGENT;

use crate::error::Result;
use crate::message::{PreparedRequest, Response};

/// Sends prepared requests. A closure `Fn(&mut PreparedRequest, &SendOptions) -> Result<Response>` is one too; see
/// [`adapter_fn`].
///
/// One that wraps another sends a copy of the request by it, as a header set on `request` itself goes along on redirects,
/// whatever host they lead to. It passes the options on, as they are or cloned and changed: they carry since when
/// [`Timeout::total`](crate::Timeout::total) counts.
///
/// # Examples
/// ```
/// use petition::{Adapter, PreparedRequest, Response, Result, SendOptions, Session};
///
/// struct Offline;
///
/// impl Adapter for Offline {
///     fn send(&self, _: &mut PreparedRequest, _: &SendOptions) -> Result<Response> {
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
pub trait Adapter: Send + Sync {
    /// Sends one request: no redirect is followed and no challenge answered here. The response gets its request, URL and
    /// elapsed time from the session.
    ///
    /// # Errors
    /// What it returns, `send` returns.
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response>;

    /// Closes what the adapter keeps open; it can be used again afterwards (SES-21).
    fn close(&self) {}
}
