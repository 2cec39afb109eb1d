//! The stock adapter: a handle on its engine, and the choice of the route for requests that came without one.

use std::fmt;
use std::sync::Arc;

use crate::adapter::engine::Engine;
use crate::adapter::{Adapter, HttpAdapterBuilder, SendOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{PreparedRequest, Response};
use crate::pool::PoolStats;
use crate::proxy::{self, Route};
use crate::timeout::IntoDuration;

/// Sends requests over pooled connections: requests' `HTTPAdapter`.
///
/// Clones share one set of pools, so one adapter can be mounted on several prefixes (ADPT-12).
///
/// # Examples
/// ```
/// use petition::{HttpAdapter, Session};
///
/// let mut session = Session::new();
/// let adapter = HttpAdapter::builder().pool_maxsize(4).pool_block(true).max_retries(3).build();
/// session.mount("https://", adapter.clone());
/// session.mount("http://", adapter);
/// ```
#[derive(Clone)]
pub struct HttpAdapter {
    engine: Arc<Engine>,
}

impl HttpAdapter {
    /// An adapter with requests' defaults (ADPT-09).
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A builder for an adapter with other settings.
    pub fn builder() -> HttpAdapterBuilder {
        HttpAdapterBuilder::new()
    }

    /// Sends by that route.
    pub(super) fn send_by(&self, route: Route, request: &PreparedRequest, options: &SendOptions) -> Result<Response> {
        self.engine.send(route, request, options)
    }

    /// What the pools are doing, the most recently used first. New here.
    #[must_use]
    pub fn stats(&self) -> Vec<PoolStats> {
        self.engine.stats()
    }

    /// Closes the connections that have been idle for at least `age` (seconds or a `Duration`), in all pools, and returns how
    /// many that were. Connections in use are left alone, and the pools go on. New here.
    ///
    /// For a program that has nothing to send for a while. [`Duration::ZERO`](std::time::Duration::ZERO) closes all that are
    /// idle now; connections that nobody uses are closed after
    /// [`idle_timeout`](HttpAdapterBuilder::idle_timeout) anyway, as soon as another request uses the adapter.
    ///
    /// # Examples
    /// ```
    /// use petition::HttpAdapter;
    ///
    /// let adapter = HttpAdapter::new();
    /// assert_eq!(adapter.close_idle(30), 0);
    /// ```
    pub fn close_idle(&self, age: impl IntoDuration) -> usize {
        self.engine.close_idle(age.into_duration())
    }
}

impl HttpAdapterBuilder {
    /// The adapter. Each call makes one with pools of its own.
    #[must_use]
    pub fn build(self) -> HttpAdapter {
        HttpAdapter { engine: Arc::new(Engine::new(self.settings)) }
    }
}

impl Default for HttpAdapter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HttpAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAdapter").field("pools", &self.stats()).finish_non_exhaustive()
    }
}

impl Adapter for HttpAdapter {
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response> {
        if !request.url.is_http() {
            let text = format!("{:?} is no URL that HTTP can be spoken to", request.url.without_user_info());
            return Err(Error::message(ErrorKind::InvalidSchema, text));
        }
        let route = match &options.route {
            Some(route) => route.clone(),
            None => proxy::select(&request.url, None, &options.proxies, None)?,
        };
        self.send_by(route, request, options)
    }

    fn close(&self) {
        self.engine.close();
    }
}
