//! All pools of an adapter, by key, the least recently used out.
//!
//! The manager's lock guards the order of use and nothing else: a pool is made, closed and looked at with the lock free.
//! A pool that was evicted or closed serves whoever still has it, and keeps nothing.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::connection_pool::{ConnectionPool, Endpoint};
use super::lru::Lru;
use super::monitor::Monitor;
use super::permits::PoolId;
use super::shared::{Pools, Shared};
use super::{PoolStats, Pooled};
use crate::clock::Clock;

/// The pools of an adapter.
pub(crate) struct Manager<K, C: Pooled> {
    inner: Arc<Inner<K, C>>,
}

/// What a manager is made with. A size of zero is for the adapter to refuse; here it is one, or nothing kept.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) pool_connections: usize,
    pub(crate) pool_maxsize: usize,
    pub(crate) pool_block: bool,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) max_lifetime: Option<Duration>,
    /// Over all pools.
    pub(crate) max_connections: Option<usize>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Asks for a pool by a key that need not be owned.
///
/// Equal look-ups hash alike, and `is` agrees with that: only look-ups are hashed, never keys.
pub(crate) trait Lookup<K>: Hash {
    /// Whether `key` is the one that is meant.
    fn is(&self, key: &K) -> bool;
    /// The key, to be kept.
    fn to_key(&self) -> K;
    /// What a new pool connects to.
    fn endpoint(&self) -> Endpoint;
}

struct Inner<K, C: Pooled> {
    pools: Monitor<Lru<K, Arc<ConnectionPool<C>>>>,
    hasher: RandomState,
    pool_maxsize: usize,
    pool_block: bool,
    shared: Arc<Shared<C>>,
    next_id: AtomicU64,
}

impl<K: Send + 'static, C: Pooled> Manager<K, C> {
    pub(crate) fn new(settings: Settings) -> Self {
        let inner = Arc::new_cyclic(|inner: &Weak<Inner<K, C>>| Inner {
            pools: Monitor::new(Lru::new(settings.pool_connections)),
            hasher: RandomState::new(),
            pool_maxsize: settings.pool_maxsize,
            pool_block: settings.pool_block,
            shared: Arc::new(Shared::new(
                settings.clock,
                settings.idle_timeout,
                settings.max_lifetime,
                settings.max_connections,
                inner.clone(),
            )),
            next_id: AtomicU64::new(0),
        });
        Self { inner }
    }

    /// The pool of that key, made if there is none. This is a use of it; the pool that was not used for longest may have to
    /// go.
    pub(crate) fn pool(&self, lookup: &impl Lookup<K>) -> Arc<ConnectionPool<C>> {
        let inner = &*self.inner;
        let hash = inner.hasher.hash_one(lookup);
        let find = |pools: &mut Lru<K, Arc<_>>| pools.get(hash, |key| lookup.is(key)).cloned();
        if let Some(pool) = inner.pools.with(find) {
            return pool;
        }
        let key = lookup.to_key();
        let pool = inner.new_pool(lookup.endpoint());
        let (pool, evicted) = inner.pools.with(|pools| match find(pools) {
            // Another thread was faster; what was made here has no connection yet.
            Some(faster) => (faster, None),
            None => {
                let evicted = pools.insert(hash, key, Arc::clone(&pool));
                (pool, evicted)
            }
        });
        if let Some((_, evicted)) = evicted {
            evicted.close();
        }
        pool
    }

    /// Closes all pools. Later look-ups make new ones.
    pub(crate) fn close(&self) {
        self.inner.close();
    }

    /// The pools as they are now, the most recently used first.
    pub(crate) fn stats(&self) -> Vec<PoolStats> {
        let pools: Vec<_> = self.inner.pools.with(|pools| pools.newest_first().cloned().collect());
        pools.iter().map(|pool| pool.stats()).collect()
    }
}

impl<K, C: Pooled> Inner<K, C> {
    fn new_pool(&self, endpoint: Endpoint) -> Arc<ConnectionPool<C>> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&self.shared);
        Arc::new(ConnectionPool::new(id, endpoint, self.pool_maxsize, self.pool_block, shared))
    }

    fn close(&self) {
        let closed = self.pools.with(Lru::clear);
        for (_, pool) in closed {
            pool.close();
        }
    }
}

impl<K: Send, C: Pooled> Pools for Inner<K, C> {
    fn sweep(&self, now: Instant) {
        // One at a time, so that nobody's look-up waits for thousands of pools.
        for index in 0.. {
            match self.pools.with(|pools| pools.at(index).cloned()) {
                Some(pool) => pool.sweep(now),
                None => return,
            }
        }
    }

    fn close_oldest(&self, except: PoolId) -> bool {
        let suits = |pool: &&Arc<ConnectionPool<C>>| pool.id() != except && pool.has_idle();
        // If another was faster, the pool knows by now that it has none left, and the next one is found.
        while let Some(pool) = self.pools.with(|pools| pools.oldest_first().find(suits).cloned()) {
            if pool.close_oldest() {
                return true;
            }
        }
        false
    }
}

impl<K, C: Pooled> Drop for Inner<K, C> {
    fn drop(&mut self) {
        // An unread response may still hold a pool; nobody will use its connections again.
        self.close();
    }
}

impl<K, C: Pooled> Clone for Manager<K, C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K: Send + 'static, C: Pooled> fmt::Debug for Manager<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.stats()).finish()
    }
}
