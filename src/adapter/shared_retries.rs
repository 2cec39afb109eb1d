//! The retries of several sends that count as one: those of a download, which goes on where a connection broke.
//!
//! The session says that the body of the last answer broke. The adapter that sends next asks its `Retry` whether there may be
//! another attempt, as after any broken connection, and waits by its own clock. An adapter without retries leaves nothing
//! here, and then there is no other attempt.

use parking_lot::Mutex;

use crate::error::Error;
use crate::message::Response;
use crate::retry::Retry;

/// What is left of the retries, and what the next send has to count. The sends of one download share it.
#[derive(Debug, Default)]
pub(crate) struct SharedRetries {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    left: Option<Retry>,
    broken: Option<Error>,
}

impl SharedRetries {
    /// Notes what the retries of `response` have left over.
    pub(crate) fn keep(&self, response: &Response) {
        if let Some(left) = response.retries() {
            self.state.lock().left = Some(left.clone());
        }
    }

    /// Notes that the body of the last response broke. Returns the error if no adapter counts it.
    pub(crate) fn broke(&self, error: Error) -> Result<(), Error> {
        let mut state = self.state.lock();
        // One that has not been counted was lost on the way to the adapter, and without counting there would be no end.
        if state.left.is_none() || state.broken.is_some() {
            return Err(error);
        }
        state.broken = Some(error);
        Ok(())
    }

    /// What is left from the sends before, and what broke since; each is returned once.
    pub(super) fn take(&self) -> (Option<Retry>, Option<Error>) {
        let state = &mut *self.state.lock();
        (state.left.take(), state.broken.take())
    }
}
