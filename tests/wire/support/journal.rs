//! What was seen by whom.

use std::sync::{Arc, Mutex};

/// Entries in order, each with the name of who saw it. Clones share them.
#[derive(Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<(String, String)>>>);

impl Journal {
    pub fn add(&self, who: impl Into<String>, what: impl Into<String>) {
        self.0.lock().unwrap().push((who.into(), what.into()));
    }

    /// Everything that `who` saw, in order.
    pub fn of(&self, who: &str) -> Vec<String> {
        self.0.lock().unwrap().iter().filter(|(name, _)| name == who).map(|(_, what)| what.clone()).collect()
    }

    pub fn all(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap().clone()
    }
}
