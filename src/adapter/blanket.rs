//! Other types that are adapters: closures, and pointers to an adapter.

use std::sync::Arc;

use crate::adapter::{Adapter, SendOptions};
use crate::error::Result;
use crate::message::{PreparedRequest, Response};
use crate::pool::PoolStats;

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

    fn stats(&self) -> Vec<PoolStats> {
        (**self).stats()
    }
}

impl Adapter for Box<dyn Adapter> {
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response> {
        (**self).send(request, options)
    }

    fn close(&self) {
        (**self).close();
    }

    fn stats(&self) -> Vec<PoolStats> {
        (**self).stats()
    }
}

/// Returns a closure that is used as an [`Adapter`], so that the types of its parameters are inferred.
///
/// # Examples
/// ```
/// use petition::{Response, Session, adapter_fn};
///
/// let mut session = Session::new();
/// # session.trust_env = false; // no proxy of this machine
/// let teapot = adapter_fn(|_, _| Response::builder(418).build());
/// session.mount("http://teapot/", teapot);
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
