//! How many system calls one request makes: counted by strace on a client in a process of its own.
//!
//! The client is this program again, with the address of this test's server in its environment. A cost is the difference
//! between a run of 2N and one of N requests: starting up and connecting cancel out. Without strace the tests say so and
//! pass, unless `PETITION_REQUIRE_PEERS` is set.
#![cfg(target_os = "linux")]

#[path = "wire/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::process::Command;

use petition::testing::{Reply, TestServer};
use petition::{HttpAdapter, Session};

use support::{TempDir, without_settings};

const URL: &str = "PETITION_COUNTED_URL";
const REQUESTS: &str = "PETITION_COUNTED_REQUESTS";
const TIMEOUT: &str = "PETITION_COUNTED_TIMEOUT";

/// Calls that a thread may make at any time, whatever it is doing.
const NOISE: [&str; 4] = ["futex", "sched_yield", "madvise", "restart_syscall"];

/// Not a test of its own: the client that the tests below count.
#[test]
fn client() {
    let (Ok(url), Ok(requests)) = (std::env::var(URL), std::env::var(REQUESTS)) else { return };
    let mut session = Session::new();
    if let Ok(seconds) = std::env::var(TIMEOUT) {
        session.timeout = seconds.parse::<f64>().expect("a number").into();
    }
    session.mount("http://", HttpAdapter::new());
    for _ in 0..requests.parse::<u32>().expect("a number") {
        session.get(&url).send().and_then(|response| response.text()).expect("an answer");
    }
}

/// How often each call is made in `requests` requests, start-up included; `None` without strace.
fn calls(url: &str, timeout: Option<&str>, requests: u32) -> Option<BTreeMap<String, u64>> {
    let own = std::env::current_exe().expect("a test has a path");
    let dir = TempDir::new();
    let log = dir.path().join("calls");
    let mut strace = Command::new("strace");
    without_settings(&mut strace);
    strace.args(["-f", "-c", "-o"]).arg(&log).arg(own).args(["--exact", "client", "--test-threads=1"]);
    strace.env(URL, url).env(REQUESTS, requests.to_string()).envs(timeout.map(|seconds| (TIMEOUT, seconds)));
    let output = match strace.output() {
        Ok(output) => output,
        Err(error) => {
            assert!(std::env::var_os("PETITION_REQUIRE_PEERS").is_none(), "strace is required, and missing: {error}");
            println!("skipped: no strace ({error})");
            return None;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let table = std::fs::read_to_string(&log).expect("strace writes its table");
    // % time, seconds, usecs/call, calls, errors (if any), name
    let rows = table.lines().filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (name, calls) = (columns.last()?, columns.get(3)?.parse().ok()?);
        (!["total", "syscall"].contains(name) && !NOISE.contains(name)).then(|| ((*name).to_owned(), calls))
    });
    let calls: BTreeMap<String, u64> = rows.collect();
    assert!(!calls.is_empty(), "no table: {table}");
    Some(calls)
}

/// What `requests` more requests add, for each call.
fn added(url: &str, timeout: Option<&str>, requests: u32) -> Option<BTreeMap<String, i64>> {
    let (once, twice) = (calls(url, timeout, requests)?, calls(url, timeout, 2 * requests)?);
    let count = |calls: &BTreeMap<String, u64>, name: &String| calls.get(name).map_or(0, |&count| count as i64);
    let names = once.keys().chain(twice.keys());
    Some(names.map(|name| (name.clone(), count(&twice, name) - count(&once, name))).collect())
}

#[test]
fn a_request_on_a_kept_connection_is_a_probe_a_write_and_a_read() {
    const REQUESTS: u32 = 100;
    let server = TestServer::http(|_| Reply::new(200).header("Content-Type", "application/json").body([b'1'; 100]));

    let Some(added) = added(&server.url("/items"), Some("30"), REQUESTS) else { return };

    // Two clients, one connection each; a few calls may come from the allocator growing.
    assert_eq!(server.accepted(), 2);
    let total: i64 = added.values().sum();
    // 3 % more than were measured.
    assert!(total <= 3 * i64::from(REQUESTS) + 9, "{total} calls for {REQUESTS} requests: {added:?}");
    assert!(total >= 2 * i64::from(REQUESTS), "strace has not counted the client: {added:?}");
}

#[test]
fn a_new_connection_each_takes_few_calls_more() {
    const REQUESTS: u32 = 50;
    let server = TestServer::http(|_| Reply::new(200).header("Connection", "close").body("1").then_close());

    let Some(added) = added(&server.url("/items"), None, REQUESTS) else { return };

    assert_eq!(server.accepted(), 3 * REQUESTS as usize);
    let total: i64 = added.values().sum();
    // 3 % more than were measured, which were 7 each.
    assert!(total <= 7 * i64::from(REQUESTS) + 10, "{total} calls for {REQUESTS} requests: {added:?}");
}
