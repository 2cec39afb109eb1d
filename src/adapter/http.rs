//! The stock adapter: a handle to its engine, and the choice of the route for requests that came without one.

use std::fmt;
use std::sync::Arc;

use crate::adapter::engine::Engine;
use crate::adapter::{Adapter, HttpAdapterBuilder, SendOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{PreparedRequest, Response};
use crate::pool::PoolStats;
use crate::proxy::{self, Route};
use crate::timeout::IntoDuration;

/// The stock adapter, like requests' `HTTPAdapter`: sends requests over pooled connections.
///
/// Clones share one set of pools, so one adapter can be mounted on several prefixes.
///
/// A process that forks without exec must not use an adapter that had connections in the parent: close it before the fork, or
/// make another one after it. Programs that are started with [`std::process::Command`] inherit no connection.
///
/// # Examples
/// ```
/// use petition::{HttpAdapter, Session};
///
/// let mut session = Session::new();
/// let adapter = HttpAdapter::builder()
///     .pool_maxsize(4)
///     .pool_block(true)
///     .max_retries(3)
///     .build();
/// session.mount("https://", adapter.clone());
/// session.mount("http://", adapter);
/// ```
#[derive(Clone)]
#[doc(alias = "HTTPAdapter")]
#[doc(alias = "PoolManager")]
pub struct HttpAdapter {
    engine: Arc<Engine>,
}

impl HttpAdapter {
    /// Creates an adapter with requests' defaults: 10 pools, 10 connections each, no retries, pools that do not block.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns a builder for an adapter with other settings.
    pub fn builder() -> HttpAdapterBuilder {
        HttpAdapterBuilder::new()
    }

    /// Sends by `route`.
    pub(super) fn send_by(&self, route: Route, request: &PreparedRequest, options: &SendOptions) -> Result<Response> {
        self.engine.send(route, request, options)
    }

    /// Statistics of the pools, the most recently used first. New here.
    #[must_use]
    pub fn stats(&self) -> Vec<PoolStats> {
        self.engine.stats()
    }

    /// Closes the connections that have been idle for at least `age` (seconds or a `Duration`), in all pools, and returns
    /// their number. Connections in use are not affected, and the pools remain usable. New here.
    ///
    /// It is for a program that sends nothing for a while. [`Duration::ZERO`](std::time::Duration::ZERO) closes all idle
    /// connections. After [`idle_timeout`](HttpAdapterBuilder::idle_timeout) they are also closed without this call, when the
    /// adapter sends another request.
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
    /// Builds the adapter, with pools of its own.
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
            let text = format!("{:?} is not an http or https URL", request.url.for_errors());
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

    fn stats(&self) -> Vec<PoolStats> {
        self.engine.stats()
    }
}
