//! Response hooks: functions of the program that see, or change, each response.

use std::fmt;
use std::sync::Arc;

use crate::error::Result;
use crate::message::Response;

type ResponseHook = dyn Fn(Response) -> Result<Response> + Send + Sync;

/// The hooks of a session or a request, run in the order in which they were added.
///
/// A hook gets each response, including each hop of a redirect chain (but not a challenge that an auth has answered, which is in
/// the history), after `elapsed` is set and before cookies are stored,
/// redirects followed and the content read. It returns that response or another. An error is returned to the caller
/// unchanged; if it has that response, the content is read first, unless `stream` is set. The hooks of a request replace those
/// of the session.
///
/// # Examples
/// ```
/// let mut session = petition::Session::new();
/// session.hooks.on_response(|response| response.error_for_status());
/// ```
#[derive(Clone, Default)]
pub struct Hooks {
    response: Vec<Arc<ResponseHook>>,
}

impl Hooks {
    /// No hooks.
    #[must_use]
    pub const fn new() -> Self {
        Self { response: Vec::new() }
    }

    /// Adds a hook at the end.
    pub fn on_response(&mut self, hook: impl Fn(Response) -> Result<Response> + Send + Sync + 'static) {
        self.response.push(Arc::new(hook));
    }

    /// Removes all hooks.
    pub fn clear(&mut self) {
        self.response.clear();
    }

    /// Whether there is no hook.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.response.is_empty()
    }

    pub(crate) fn run(&self, response: Response) -> Result<Response> {
        self.response.iter().try_fold(response, |response, hook| hook(response))
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").field("response", &self.response.len()).finish()
    }
}
