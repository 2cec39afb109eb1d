//! How often each nonce was answered (`nc`, RFC 7616 §3.4): a server refuses a count that it has already seen.
//!
//! Plain data, bounded for each origin and in all; the lock is around it.

use std::sync::Arc;

use super::challenge::Challenge;

/// The most recently answered challenges, the newest at the end.
#[derive(Default)]
pub(super) struct Memory(Vec<Known>);

/// A nonce of an origin.
struct Known {
    origin: String,
    challenge: Arc<Challenge>,
    /// How often it was answered.
    count: u64,
}

impl Memory {
    /// More origins than a program alternates between.
    pub(super) const LIMIT: usize = 64;
    /// More than threads meet at once. A server that sends a new nonce with each refusal cannot fill the memory.
    const LIMIT_OF_ORIGIN: usize = 8;

    /// The newest challenge of `origin`, and the count for the next answer.
    pub(super) fn again(&mut self, origin: &str) -> Option<(Arc<Challenge>, u64)> {
        self.0.iter_mut().rev().find(|known| known.origin == origin).map(Known::next)
    }

    /// Stores a challenge. A known nonce continues its count, even if another thread received a different one in
    /// between.
    pub(super) fn learn(&mut self, origin: &str, challenge: Challenge) -> (Arc<Challenge>, u64) {
        let same = |known: &Known| known.origin == origin && known.challenge.nonce == challenge.nonce;
        let mut known = match self.0.iter().position(same) {
            Some(index) => self.0.remove(index),
            None => Known { origin: origin.to_owned(), challenge: Arc::default(), count: 0 },
        };
        known.challenge = Arc::new(challenge);
        let next = known.next();
        let own = |known: &Known| known.origin == origin;
        if self.0.iter().filter(|known| own(known)).count() == Self::LIMIT_OF_ORIGIN {
            self.0.remove(self.0.iter().position(own).expect("there are some of this origin"));
        } else if self.0.len() == Self::LIMIT {
            self.0.remove(0);
        }
        self.0.push(known);
        next
    }

    #[cfg(all(test, feature = "digest"))]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Known {
    fn next(&mut self) -> (Arc<Challenge>, u64) {
        self.count += 1;
        (Arc::clone(&self.challenge), self.count)
    }
}
