//! Adapters: what sends a prepared request and makes a response of the answer.
//!
//! A session knows nothing of an adapter but the trait of this file. [`HttpAdapter`] is the stock one: `http` has its
//! settings, `attempts` the loop of retries, `attempt` one exchange on one connection, `connection` and `wire_body` what
//! is exchanged on. [`UnixAdapter`] is the same machinery over Unix sockets.

mod attempt;
mod attempts;
mod connection;
mod http;
mod job;
mod settings;
mod unix;
mod wire_body;

use std::sync::Arc;
use std::time::Instant;

pub use self::http::HttpAdapter;
pub use self::settings::HttpAdapterBuilder;
pub use self::unix::UnixAdapter;

use crate::clock::{self, Deadline};
use crate::error::Result;
use crate::message::{PreparedRequest, Response};
use crate::proxy::{Proxies, Route};
use crate::timeout::Timeout;
use crate::verify::{ClientCert, Verify};

/// The target of log lines that users of urllib3 know.
const LOG: &str = "petition::connectionpool";

/// The name that requests give themselves, unless a `User-Agent` of one's own is set.
pub(crate) const USER_AGENT: &str = concat!("petition/", env!("CARGO_PKG_VERSION"));

/// Sends prepared requests. A closure `Fn(&mut PreparedRequest, &SendOptions) -> Result<Response>` is one too; see
/// [`adapter_fn`].
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

    /// The time by the clock that the adapter's waits are measured by: the limit on everything starts there.
    #[doc(hidden)]
    fn now(&self) -> Instant {
        clock::now()
    }
}

impl<F: Fn(&mut PreparedRequest, &SendOptions) -> Result<Response> + Send + Sync> Adapter for F {
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response> {
        self(request, options)
    }
}

impl<A: Adapter + ?Sized> Adapter for Arc<A> {
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response> {
        (**self).send(request, options)
    }

    fn close(&self) {
        (**self).close();
    }

    fn now(&self) -> Instant {
        (**self).now()
    }
}

impl Adapter for Box<dyn Adapter> {
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response> {
        (**self).send(request, options)
    }

    fn close(&self) {
        (**self).close();
    }

    fn now(&self) -> Instant {
        (**self).now()
    }
}

/// Lets the types of a closure's parameters be inferred, where it is to be an [`Adapter`].
///
/// # Examples
/// ```
/// let mut session = petition::Session::new();
/// session.mount("http://teapot/", petition::adapter_fn(|_, _| petition::Response::builder(418).build()));
///
/// assert_eq!(session.get("http://teapot/").send()?.status_code(), 418);
/// # Ok::<(), petition::Error>(())
/// ```
pub fn adapter_fn<F>(send: F) -> F
where
    F: Fn(&mut PreparedRequest, &SendOptions) -> Result<Response> + Send + Sync,
{
    send
}

/// How a prepared request is sent. [`Session::send_options`](crate::Session::send_options) has a session's settings,
/// `default` requests' defaults.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SendOptions {
    /// Limits on waiting; nothing is set by default.
    pub timeout: Timeout,
    /// Whether the body is left on the connection until it is read; false by default.
    pub stream: bool,
    /// Whether redirects are followed; true by default (API-04). For the session; an adapter never follows any.
    pub allow_redirects: bool,
    /// How the server's certificate is verified.
    pub verify: Verify,
    /// The client certificate.
    pub cert: Option<ClientCert>,
    /// Proxies of this request; they win over the session's and the environment's.
    pub proxies: Proxies,
    /// Whether the environment may name the CA bundle, once a hop needs one.
    pub(crate) verify_by_environment: bool,
    /// The route that the session has found for this hop; `None` where the options did not come through one.
    pub(crate) route: Option<Route>,
    /// When `timeout.total` ends, once it has begun.
    pub(crate) deadline: Deadline,
}

impl Default for SendOptions {
    fn default() -> Self {
        Self {
            timeout: Timeout::new(),
            stream: false,
            allow_redirects: true,
            verify: Verify::Yes,
            cert: None,
            proxies: Proxies::default(),
            verify_by_environment: false,
            route: None,
            deadline: Deadline::NONE,
        }
    }
}
