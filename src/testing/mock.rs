//! An adapter without a network.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::adapter::{Adapter, SendOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{PreparedRequest, Response};

/// An [`Adapter`] that returns prepared responses in order, and records the requests. Clones share both, so one can be
/// mounted and another inspected.
///
/// # Examples
/// ```
/// use petition::testing::MockAdapter;
/// use petition::{Response, Session};
///
/// let mock = MockAdapter::new().reply(Response::builder(200).body("hi"));
/// let mut session = Session::new();
/// session.trust_env = false; // no proxy of this machine
/// session.mount("https://", mock.clone());
///
/// assert_eq!(session.get("https://example.test/x").send()?.text()?, "hi");
/// assert_eq!(mock.requests()[0].url.path(), "/x");
/// # Ok::<(), petition::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MockAdapter {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<Result<Response>>,
    requests: Vec<PreparedRequest>,
}

impl MockAdapter {
    /// An adapter without responses.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a response.
    #[must_use = "returns the changed adapter"]
    pub fn reply(self, response: crate::ResponseBuilder) -> Self {
        self.state.lock().answers.push_back(response.build());
        self
    }

    /// Adds an error in place of a response.
    #[must_use = "returns the changed adapter"]
    pub fn fail(self, error: Error) -> Self {
        self.state.lock().answers.push_back(Err(error));
        self
    }

    /// The requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<PreparedRequest> {
        self.state.lock().requests.clone()
    }
}

impl Adapter for MockAdapter {
    fn send(&self, request: &mut PreparedRequest, _: &SendOptions) -> Result<Response> {
        let mut state = self.state.lock();
        state.requests.push(request.clone());
        state.answers.pop_front().unwrap_or_else(|| {
            Err(Error::message(
                ErrorKind::ConnectionError,
                format!("no response left for request {}", state.requests.len()),
            ))
        })
    }
}
