//! How a prepared request is sent, and since when.
//!
//! A session knows no adapter's clock, and asks for none: the engine that waits says by its own clock when everything has to
//! be over, and how long the answer took. So an adapter that wraps another has nothing to pass on but the options.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::cancel::Cancel;
use crate::clock::{self, Clock, Deadline, SystemClock};
use crate::proxy::{Proxies, Route};
use crate::timeout::Timeout;
use crate::verify::{ClientCert, Verify};

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
    /// What may end the request from outside; nothing by default.
    pub cancel: Option<Cancel>,
    /// Proxies of this request; they win over the session's and the environment's.
    pub proxies: Proxies,
    /// Whether the environment may name the CA bundle, once a hop needs one.
    pub(crate) verify_by_environment: bool,
    /// The CA bundle that the environment has named.
    pub(crate) bundle_of_environment: Option<PathBuf>,
    /// The route that the session has found for this hop; `None` where the options did not come through one.
    pub(crate) route: Option<Route>,
    /// Since when `timeout.total` counts; `None` where it begins with the adapter.
    pub(crate) start: Option<Arc<Start>>,
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
            route: None,
            start: None,
        }
    }
}

impl SendOptions {
    /// Begins `timeout.total`, now and for all hops.
    pub(crate) fn begin(&mut self) {
        self.start = self.timeout.total_limit().map(|_| Arc::new(Start { system: clock::now(), own: OnceLock::new() }));
    }

    /// When `timeout.total` ends by the clock of whoever waits.
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

/// The beginning of a send, by each clock that its hops are measured by. Options that are cloned and changed share it.
#[derive(Debug)]
pub(crate) struct Start {
    system: Instant,
    /// By the clock that an adapter was given, from when that adapter is first asked.
    own: OnceLock<Instant>,
}

/// The clock that an adapter's waits are measured by.
pub(super) struct EngineClock {
    pub(super) clock: Arc<dyn Clock>,
    /// It is not the system's, which sessions go by.
    is_own: bool,
}

impl EngineClock {
    /// The system's, or in its place `own`.
    pub(super) fn new(own: Option<Arc<dyn Clock>>) -> Self {
        let is_own = own.is_some();
        Self { clock: own.unwrap_or_else(|| Arc::new(SystemClock)), is_own }
    }

    /// The time since `begin`, if the session, which has the system's clock alone, cannot know it.
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
