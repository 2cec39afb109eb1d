//! How a prepared request is sent, and when sending began.
//!
//! A session does not know the clock of an adapter. The engine decides by its own clock when everything must be over, and how
//! long the answer took. So an adapter that wraps another has nothing to pass on except the options.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::adapter::shared_retries::SharedRetries;
use crate::cancel::Cancel;
use crate::clock::{Clock, Deadline, SystemClock};
use crate::proxy::{Proxies, Route};
use crate::timeout::Timeout;
use crate::verify::{ClientCert, Verify};

/// How a prepared request is sent.
///
/// [`Session::send_options`](crate::Session::send_options) returns a session's settings, `default` those of requests. An adapter
/// that wraps another passes them on.
///
/// # Examples
/// ```
/// # let mut session = petition::Session::new();
/// # session.mount("mock://", petition::adapter_fn(|_, _| petition::Response::builder(302).header("Location", "/x").build()));
/// let request = session.get("mock://h/").prepare()?;
/// let mut options = session.send_options();
/// options.allow_redirects = false;
/// options.timeout = 5.into();
///
/// assert_eq!(session.send_with(request, options)?.status_code(), 302);
/// # Ok::<(), petition::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SendOptions {
    /// The limits on time. None are set by default.
    pub timeout: Timeout,
    /// Whether the body stays on the connection until it is read. False by default.
    pub stream: bool,
    /// Whether the session follows redirects. True by default. An adapter never follows any.
    pub allow_redirects: bool,
    /// How the server's certificate is verified.
    pub verify: Verify,
    /// The client certificate.
    pub cert: Option<ClientCert>,
    /// The token that can end the request. `None` by default.
    pub cancel: Option<Cancel>,
    /// The proxies of this request, which override the session's and the environment's.
    pub proxies: Proxies,
    /// Whether the environment may name the CA bundle, if a hop needs one.
    pub(crate) verify_by_environment: bool,
    /// The CA bundle that the environment has named.
    pub(crate) bundle_of_environment: Option<PathBuf>,
    /// Whether nothing sees the response before the session reads its content.
    pub(crate) content_at_once: bool,
    /// When the session passed the request on, if nothing lies between it and the engine.
    pub(crate) arrived: Option<Instant>,
    /// The route that the session chose for this hop; `None` if the options did not come from a session.
    pub(crate) route: Option<Route>,
    /// When `timeout.total` began; `None` if it begins in the adapter.
    pub(crate) start: Option<Arc<Start>>,
    /// The retries that this send shares with others; `None` if it has the adapter's to itself.
    pub(crate) shared_retries: Option<Arc<SharedRetries>>,
}

impl Default for SendOptions {
    fn default() -> Self {
        Self {
            timeout: Timeout::new(),
            stream: false,
            allow_redirects: true,
            verify: Verify::Yes,
            cert: None,
            cancel: None,
            proxies: Proxies::default(),
            verify_by_environment: false,
            bundle_of_environment: None,
            content_at_once: false,
            arrived: None,
            route: None,
            start: None,
            shared_retries: None,
        }
    }
}

impl SendOptions {
    /// Starts `timeout.total` at `now`, for all hops.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.start = self.timeout.total_limit().map(|_| Arc::new(Start { system: now, own: OnceLock::new() }));
    }

    /// When the engine got the request, by its clock.
    pub(super) fn arrival(&self, clock: &EngineClock) -> Instant {
        self.arrived.filter(|_| !clock.is_own).unwrap_or_else(|| clock.now())
    }

    /// When `timeout.total` ends, by the engine's clock.
    pub(super) fn deadline(&self, clock: &EngineClock) -> Deadline {
        let Some(total) = self.timeout.total_limit() else { return Deadline::NONE };
        let start = match &self.start {
            Some(start) if clock.is_own => *start.own.get_or_init(|| clock.now()),
            Some(start) => start.system,
            None => clock.now(),
        };
        Deadline::after(start, Some(total))
    }
}

/// When a send began, by each clock that measures its hops. Clones of the options share it.
#[derive(Debug)]
pub(crate) struct Start {
    system: Instant,
    /// By the clock that an adapter was given, from its first hop on.
    own: OnceLock<Instant>,
}

/// The clock that measures an adapter's waits.
pub(super) struct EngineClock {
    pub(super) clock: Arc<dyn Clock>,
    /// Whether it is not the system's, which sessions use.
    pub(super) is_own: bool,
}

impl EngineClock {
    /// `own`, or the system's.
    pub(super) fn new(own: Option<Arc<dyn Clock>>) -> Self {
        let is_own = own.is_some();
        Self { clock: own.unwrap_or_else(|| Arc::new(SystemClock)), is_own }
    }

    /// The time since `begin`, if the session cannot measure it because it only has the system's clock.
    pub(super) fn elapsed(&self, begin: Instant) -> Option<Duration> {
        self.is_own.then(|| self.now().saturating_duration_since(begin))
    }
}

impl Deref for EngineClock {
    type Target = dyn Clock;

    fn deref(&self) -> &Self::Target {
        &*self.clock
    }
}
