//! The stock adapter's settings, and what its pools tell.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use petition::{HttpAdapter, PoolStats, Retry};

#[test]
fn settings() {
    let adapter: HttpAdapter = HttpAdapter::builder()
        .pool_connections(10)
        .pool_maxsize(10)
        .pool_block(true)
        .max_retries(Retry::new().total(3).backoff_factor(1))
        // none of these exist in requests
        .pool_timeout(Duration::from_secs(5)) // waiting for a slot; ErrorKind::PoolTimeout past it
        .idle_timeout(Duration::from_secs(60)) // an idle connection older than this is closed, not reused
        .max_lifetime(Duration::from_secs(600))
        .max_connections(100) // over all hosts of this adapter
        .replay_stale(true) // a reused connection that died before any answer: once more on a new one, if idempotent
        .tcp_keepalive(Duration::from_secs(60))
        .tcp_nodelay(true)
        .source_address(IpAddr::V4(Ipv4Addr::LOCALHOST))
        .resolver(|_host: &str, _port: u16| -> io::Result<Vec<SocketAddr>> { Ok(vec![]) })
        .max_header_bytes(64 * 1024)
        .max_headers(200)
        .build();

    let stats: Vec<PoolStats> = adapter.stats();
    assert!(stats.is_empty());
}

/// Compiled only: requests' num_connections and num_requests, and what one asks next.
#[allow(dead_code)]
fn pool_stats(p: &PoolStats) -> (&str, &str, u16, u64, u64, usize, usize, usize) {
    (p.scheme(), p.host(), p.port(), p.num_connections(), p.num_requests(), p.idle(), p.in_use(), p.waiting())
}
