//! What was evicted or closed while somebody had it, to be found again when its key is asked for.
//!
//! It is held weakly: who has a pool keeps it, and when the last of them is done it is gone, and its entry is no more than a
//! key. Those are cleared out when there are as many entries as twice what was left the last time, so that there are never
//! much more of them than of pools in use, and an entry costs the same however many there are.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Weak};

use super::planted::planted;

/// Values by key that are kept by whoever has them.
pub(super) struct Retired<K, V> {
    by_hash: HashMap<u64, Vec<(K, Weak<V>)>>,
    entries: usize,
    /// At how many entries those whose value is gone are cleared out.
    next_clearing: usize,
}

const FEW: usize = 16;

impl<K, V> Retired<K, V> {
    pub(super) fn new() -> Self {
        Self { by_hash: HashMap::new(), entries: 0, next_clearing: FEW }
    }

    /// Remembers a value for as long as anybody has it: the caller, who may have to close it, among others.
    pub(super) fn put(&mut self, hash: u64, key: K, value: &Arc<V>) {
        if self.entries >= self.next_clearing {
            self.clear_out();
        }
        self.by_hash.entry(hash).or_default().push((key, Arc::downgrade(value)));
        self.entries += 1;
    }

    /// Takes out the value of that key, if anybody still has it.
    pub(super) fn take(&mut self, hash: u64, is: impl Fn(&K) -> bool) -> Option<Arc<V>> {
        if planted!(PoolForgotten) {
            return None;
        }
        let Entry::Occupied(mut same_hash) = self.by_hash.entry(hash) else { return None };
        let index = same_hash.get().iter().position(|(key, _)| is(key))?;
        let (_, value) = same_hash.get_mut().swap_remove(index);
        if same_hash.get().is_empty() {
            same_hash.remove();
        }
        self.entries -= 1;
        value.upgrade()
    }

    /// The values that somebody still has.
    pub(super) fn values(&self) -> impl Iterator<Item = Arc<V>> {
        self.by_hash.values().flatten().filter_map(|(_, value)| value.upgrade())
    }

    fn clear_out(&mut self) {
        self.by_hash.retain(|_, same_hash| {
            same_hash.retain(|(_, value)| value.strong_count() > 0);
            !same_hash.is_empty()
        });
        self.entries = self.by_hash.values().map(Vec::len).sum();
        self.next_clearing = FEW.max(self.entries * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_has_is_found_again_once() {
        let mut retired = Retired::new();
        let value = Arc::new("value");
        retired.put(1, "key", &value);
        retired.put(1, "other", &Arc::new("of the same hash, which nobody has"));

        assert!(retired.take(2, |key| *key == "key").is_none());
        assert!(retired.take(1, |key| *key == "other").is_none());
        let found = retired.take(1, |key| *key == "key");

        assert!(found.is_some_and(|found| Arc::ptr_eq(&found, &value)));
        assert!(retired.take(1, |key| *key == "key").is_none());
    }

    #[test]
    fn what_nobody_has_any_more_is_not_found_and_takes_no_room() {
        let mut retired = Retired::new();
        let kept = Arc::new(0);
        retired.put(0, 0, &kept);
        for key in 1..10_000 {
            retired.put(key, key, &Arc::new(key));
            assert!(retired.entries <= FEW + 1 && retired.by_hash.len() == retired.entries);
        }

        assert!(retired.take(9999, |key| *key == 9999).is_none());
        assert_eq!(retired.values().collect::<Vec<_>>(), [kept]);
    }
}
