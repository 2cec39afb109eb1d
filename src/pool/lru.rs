//! The LRU of pools: which pools exist, in the order of their last use.
//!
//! A slab of nodes, linked in that order, and an index from hash to node: lookup, use, insertion and eviction cost the same
//! for ten pools and for ten thousand. Keys are compared through a closure, so that a lookup needs no owned key; the caller
//! supplies the hash. Nodes of equal hash are chained, so a collision costs only a comparison.
//!
//! It is plain data and drops nothing itself: what is evicted is returned.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::{iter, mem};

/// At most `capacity` values by key.
pub(super) struct Lru<K, V> {
    capacity: usize,
    nodes: Vec<Node<K, V>>,
    by_hash: HashMap<u64, u32, BuildHasherDefault<AsIs>>,
    newest: u32,
    oldest: u32,
}

struct Node<K, V> {
    key: K,
    value: V,
    hash: u64,
    newer: u32,
    older: u32,
    /// The next node of the same hash.
    chain: u32,
}

/// No node: an index that no node has.
const NONE: u32 = u32::MAX;

impl<K, V> Lru<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.min(NONE as usize);
        Self { capacity, nodes: Vec::new(), by_hash: HashMap::default(), newest: NONE, oldest: NONE }
    }

    /// The value of that key, which becomes the most recently used.
    pub(super) fn get(&mut self, hash: u64, is: impl Fn(&K) -> bool) -> Option<&V> {
        let mut at = *self.by_hash.get(&hash)?;
        while at != NONE && !is(&self.node(at).key) {
            at = self.node(at).chain;
        }
        if at == NONE {
            return None;
        }
        if at != self.newest {
            self.unlink(at);
            self.link_newest(at);
        }
        Some(&self.node(at).value)
    }

    /// The most recently used value, if its key `is` the wanted one.
    pub(super) fn newest_if(&self, is: impl Fn(&K) -> bool) -> Option<&V> {
        self.nodes.get(self.newest as usize).filter(|node| is(&node.key)).map(|node| &node.value)
    }

    /// Adds a value, whose key must not be there yet, as the most recently used. Returns what has to go for it, with its hash:
    /// the least recently used of those that can be `spared`, if there is one, else the least recently used, or the new one
    /// itself where nothing can be kept.
    pub(super) fn insert(&mut self, hash: u64, key: K, value: V, spared: impl Fn(&V) -> bool) -> Option<(u64, K, V)> {
        if self.capacity == 0 {
            return Some((hash, key, value));
        }
        let node = Node { key, value, hash, newer: NONE, older: NONE, chain: NONE };
        let (at, evicted) = if self.nodes.len() < self.capacity {
            self.nodes.push(node);
            (self.nodes.len() as u32 - 1, None)
        } else {
            let at = self.oldest_that(spared).unwrap_or(self.oldest);
            self.unlink(at);
            self.unchain(at);
            (at, Some(mem::replace(self.node_mut(at), node)))
        };
        self.node_mut(at).chain = self.by_hash.insert(hash, at).unwrap_or(NONE);
        self.link_newest(at);
        evicted.map(|node| (node.hash, node.key, node.value))
    }

    /// Takes everything out, with the hashes.
    pub(super) fn clear(&mut self) -> Vec<(u64, K, V)> {
        self.by_hash.clear();
        self.newest = NONE;
        self.oldest = NONE;
        mem::take(&mut self.nodes).into_iter().map(|node| (node.hash, node.key, node.value)).collect()
    }

    /// The values, the most recently used first. Not a use.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &V> {
        self.walk(self.newest, |node| node.older)
    }

    /// The values, the least recently used first. Not a use.
    pub(super) fn oldest_first(&self) -> impl Iterator<Item = &V> {
        self.walk(self.oldest, |node| node.newer)
    }

    /// The value at that place of the slab, so that a walk can release the lock at each step.
    pub(super) fn at(&self, index: usize) -> Option<&V> {
        self.nodes.get(index).map(|node| &node.value)
    }

    fn oldest_that(&self, suits: impl Fn(&V) -> bool) -> Option<u32> {
        let mut at = self.oldest;
        while at != NONE && !suits(&self.node(at).value) {
            at = self.node(at).newer;
        }
        (at != NONE).then_some(at)
    }

    fn walk(&self, from: u32, next: fn(&Node<K, V>) -> u32) -> impl Iterator<Item = &V> {
        let first = self.nodes.get(from as usize);
        iter::successors(first, move |node| self.nodes.get(next(node) as usize)).map(|node| &node.value)
    }

    fn node(&self, at: u32) -> &Node<K, V> {
        &self.nodes[at as usize]
    }

    fn node_mut(&mut self, at: u32) -> &mut Node<K, V> {
        &mut self.nodes[at as usize]
    }

    fn link_newest(&mut self, at: u32) {
        let older = mem::replace(&mut self.newest, at);
        let node = self.node_mut(at);
        (node.newer, node.older) = (NONE, older);
        match older {
            NONE => self.oldest = at,
            older => self.node_mut(older).newer = at,
        }
    }

    fn unlink(&mut self, at: u32) {
        let (newer, older) = (self.node(at).newer, self.node(at).older);
        match newer {
            NONE => self.newest = older,
            newer => self.node_mut(newer).older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => self.node_mut(older).newer = newer,
        }
    }

    /// Removes a node from the chain of its hash.
    fn unchain(&mut self, at: u32) {
        let (hash, next) = (self.node(at).hash, self.node(at).chain);
        match self.by_hash.get(&hash).copied() {
            Some(first) if first == at && next == NONE => {
                self.by_hash.remove(&hash);
            }
            Some(first) if first == at => {
                self.by_hash.insert(hash, next);
            }
            Some(first) => {
                let mut before = first;
                while self.node(before).chain != at {
                    before = self.node(before).chain;
                }
                self.node_mut(before).chain = next;
            }
            None => {}
        }
    }
}

/// The keys of the index are hashes already, so hashing is the identity.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(_: &u32) -> bool {
        true
    }

    fn order(lru: &Lru<u32, u32>) -> Vec<u32> {
        let newest_first: Vec<u32> = lru.newest_first().copied().collect();
        let mut oldest_first: Vec<u32> = lru.oldest_first().copied().collect();
        oldest_first.reverse();
        assert_eq!(newest_first, oldest_first, "the links agree in both directions");
        newest_first
    }

    #[test]
    fn a_look_up_counts_as_use() {
        let mut lru = Lru::new(2);
        assert_eq!(lru.insert(1, 1, 10, all), None);
        assert_eq!(lru.insert(2, 2, 20, all), None);

        assert_eq!(lru.get(1, |key| *key == 1), Some(&10));

        assert_eq!(lru.insert(3, 3, 30, all), Some((2, 2, 20)));
        assert_eq!(order(&lru), [30, 10]);
    }

    #[test]
    fn the_oldest_that_can_be_spared_goes_first_and_else_the_oldest() {
        for (spared, gone) in [(&[10, 20, 30][..], 10), (&[20, 30], 20), (&[30], 30), (&[], 10)] {
            let mut lru = Lru::new(3);
            for key in 1..=3 {
                lru.insert(u64::from(key), key, key * 10, all);
            }

            let evicted = lru.insert(4, 4, 40, |value| spared.contains(value));

            assert_eq!(evicted.map(|(.., value)| value), Some(gone));
        }
    }

    #[test]
    fn a_capacity_of_none_keeps_nothing() {
        let mut lru = Lru::new(0);

        assert_eq!(lru.insert(1, 1, 10, all), Some((1, 1, 10)));

        assert_eq!(lru.get(1, |key| *key == 1), None);
    }

    #[test]
    fn clearing_returns_everything_and_leaves_it_usable() {
        let mut lru = Lru::new(2);
        lru.insert(1, 1, 10, all);
        lru.insert(2, 2, 20, all);

        assert_eq!(lru.clear(), [(1, 1, 10), (2, 2, 20)]);

        assert_eq!(order(&lru), [0; 0]);
        assert_eq!(lru.get(1, |key| *key == 1), None);
        lru.insert(3, 3, 30, all);
        assert_eq!(order(&lru), [30]);
    }

    #[test]
    fn it_does_what_a_plain_list_would_also_when_hashes_collide() {
        for distinct_hashes in [1, 3, 1000] {
            let mut random = fastrand::Rng::with_seed(7);
            let mut lru = Lru::new(8);
            let mut list: Vec<(u32, u32)> = Vec::new();
            for value in 0..5000 {
                let key = random.u32(0..20);
                let hash = u64::from(key % distinct_hashes);
                let known = list.iter().position(|(known, _)| *known == key);
                let found = lru.get(hash, |known| *known == key).copied();
                assert_eq!(found, known.map(|index| list[index].1));
                match known {
                    Some(index) => {
                        let entry = list.remove(index);
                        list.insert(0, entry);
                    }
                    None => {
                        list.insert(0, (key, value));
                        // Odd ones go first, the least recently used of them; never the new one.
                        let spared = list.iter().skip(1).rposition(|(_, value)| value % 2 == 1);
                        let evicted = (list.len() > 8).then(|| list.remove(spared.map_or(8, |index| index + 1)));
                        let evicted = evicted.map(|(key, value)| (u64::from(key % distinct_hashes), key, value));
                        assert_eq!(lru.insert(hash, key, value, |value| value % 2 == 1), evicted);
                    }
                }
                assert_eq!(order(&lru), list.iter().map(|(_, value)| *value).collect::<Vec<_>>());
            }
        }
    }
}
