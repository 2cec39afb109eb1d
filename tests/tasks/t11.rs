use petition::{Adapter, HttpAdapter, PoolStats, PreparedRequest, Response, Result, SendOptions};

/// Asks `allow` before each request, for example a limiter that the program has already.
pub struct Limited<F> {
    pub inner: HttpAdapter,
    pub allow: F,
}

impl<F: Fn(&PreparedRequest) + Send + Sync> Adapter for Limited<F> {
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response> {
        (self.allow)(request); // once for all retries, and once for each redirect
        self.inner.send(request, options)
    }

    fn close(&self) {
        self.inner.close();
    }

    fn stats(&self) -> Vec<PoolStats> {
        self.inner.stats()
    }
}

// The test of these lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use petition::testing::{Reply, TestServer};

#[test]
fn the_limiter_is_asked_for_each_request() {
    let server = TestServer::http(|_| Reply::new(200));
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let mut session = crate::session();
    session.mount_all(Limited {
        inner: HttpAdapter::new(),
        allow: move |_: &PreparedRequest| {
            count.fetch_add(1, SeqCst);
        },
    });

    for _ in 0..3 {
        session.get(server.url("/")).send().unwrap();
    }

    assert_eq!(asked.load(SeqCst), 3);
}
