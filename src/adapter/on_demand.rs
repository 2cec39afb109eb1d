//! A stock adapter with the default settings, made when the first request needs it. A session has one for https and one for
//! http, and a program that asks for one of them, once, does not pay for the other.

use std::sync::OnceLock;

use crate::adapter::{Adapter, HttpAdapter, SendOptions};
use crate::error::Result;
use crate::message::{PreparedRequest, Response};
use crate::pool::PoolStats;

/// See the module.
#[derive(Default)]
pub(crate) struct OnDemand(OnceLock<HttpAdapter>);

impl Adapter for OnDemand {
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response> {
        self.0.get_or_init(HttpAdapter::new).send(request, options)
    }

    fn close(&self) {
        if let Some(adapter) = self.0.get() {
            adapter.close();
        }
    }

    fn stats(&self) -> Vec<PoolStats> {
        self.0.get().map(Adapter::stats).unwrap_or_default()
    }
}
