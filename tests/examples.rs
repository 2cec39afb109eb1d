//! Runs every example and compares its log lines with what users of requests know, word for word.
//!
//! Where threads race, the lines of a section (below its `# heading`) are compared sorted, and the order that is
//! certain is asserted apart. Ports of the system's choice read `PORT`.
#![cfg(all(feature = "native-tls", feature = "gzip", feature = "json", feature = "digest"))]

#[path = "wire/support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use petition::testing::{Reply, TestServer};

use support::{TempDir, without_settings};

#[test]
fn a_session_keeps_cookies_and_its_connection() {
    let out = run("session");

    out.assert_log(
        r#"
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): www.google.com:443
DEBUG:petition::connectionpool:https://www.google.com:443 "GET / HTTP/1.1" 200 11
DEBUG:petition::connectionpool:https://www.google.com:443 "GET / HTTP/1.1" 200 8
"#,
    );
    out.assert_says("first visit");
    out.assert_says("visits=1");
    out.assert_says("http://www.google.com: served by the adapter of its scheme");
    out.assert_says(r#"ftp://www.google.com: no adapter is mounted for "ftp://www.google.com""#);
}

#[test]
fn many_downloads_survive_a_line_that_breaks() {
    let out = run("download_many");

    out.assert_says("1.bin: 1000000 bytes, resumed: true");
    out.assert_says("2.bin: 2000000 bytes, resumed: true");
    out.assert_says("3.bin: 3000000 bytes, resumed: true");
    out.assert_says("in the folder: 3");
}

#[test]
fn recorded_traffic_is_replayed_and_has_no_secrets() {
    let out = run("record_and_replay");

    out.assert_says(r#"recorded: ["tea", "cups"]"#);
    out.assert_says(r#"replayed: ["tea", "cups"]"#);
    out.assert_says("not recorded: true");
    out.assert_says("secrets in the file: false");
    out.assert_says(r#""body": "user=ada&password=***""#);
    out.assert_says(r#""Set-Cookie: session=***; HttpOnly","#);
}

#[test]
fn a_queue_is_worked_off_and_a_shutdown_loses_no_job() {
    let out = run("threaded_workers");

    out.assert_says("6 workers, 4 connections, a queue of 8");
    out.assert_says("jobs without a result: 0");
    out.assert_says("cancelled: http://127.0.0.1:PORT/never");
    out.assert_says("jobs in the program at once, at most 16: true");
    out.assert_says("connections at once, at most 4: true");
}

#[test]
fn an_upload_shows_its_progress_and_is_not_in_memory() {
    let out = run("upload_progress");

    out.assert_says("[####............................]  12 %");
    out.assert_says("[################................]  50 %");
    out.assert_says("[################################] 100 %");
    out.assert_says("the server says: 67108864 bytes have arrived");
    out.assert_says("at most 1 MB of it was in memory: true");
}

#[test]
fn each_policy_tries_again_what_it_should() {
    let out = run("retry_policies");

    let lines: Vec<&str> = out.text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        lines,
        [
            "GET: 503 => 503 (1 sent)",
            "GET: broken => ConnectionError (1 sent)",
            "GET: broken, broken, 200 => 200 (3 sent)",
            "GET: 503 => 503 (1 sent)",
            "POST: broken => ConnectionError (1 sent)",
            "GET: 503, 502, broken, 503, 200 => 200 (5 sent, waits 1s 2s 4s)",
            "GET: 404 => 404 (1 sent)",
            "POST: 503 => 503 (1 sent)",
            "POST: broken, 503, 200 => 200 (3 sent, waits 1s)",
            "GET: 429 after 7 s, 200 => 200 (2 sent, waits 7s)",
            "GET: 429 after 3600 s, 200 => 200 (2 sent, waits 5s)",
            "GET: 429 after 7 s => 429 (1 sent)",
            "GET: 503, 503, 503 => RetryError (3 sent, waits 1s)",
            "GET: 503, 503, 503 => 503 (3 sent, waits 1s)",
            "GET: 500 => 500 (1 sent)",
            "GET: 503, 200 => 200 (2 sent)",
        ]
    );
}

#[test]
fn an_api_client_has_types_errors_and_pages() {
    let out = run("json_api");

    out.assert_says("one: No tea");
    out.assert_says("created: #6 The tea is cold");
    assert_eq!(out.text.matches("open: #").count(), 5);
    out.assert_says("open: #5 No time");
    out.assert_says("no such issue: refused with 404: there is no such issue");
    out.assert_says("an old token: refused with 401: the token is not valid");
    out.assert_says("pages: 3");
    out.assert_says("connections: 2");
}

#[test]
fn a_cache_asks_once_or_whether_it_is_still_the_same() {
    let out = run("cache_adapter");

    assert_eq!(out.count("/logo: 200 a logo"), 3);
    assert_eq!(out.count("/news: 200 the news"), 3);
    out.assert_says("/logo: the server was asked 1 of 3 times: GET");
    out.assert_says("/news: the server was asked 3 of 3 times: GET, is it still the same?, is it still the same?");
    out.assert_says("/secret: the server was asked 3 of 3 times: GET, GET, GET");
}

#[test]
fn an_adapter_spaces_the_requests_of_all_threads() {
    let out = run("rate_limited_adapter");

    out.assert_says("10 answers from 2 hosts to 5 threads, one request in 50 ms");
    out.assert_says("that took 9 intervals or more: true");
    out.assert_says("a request that is cancelled while it waits: true");
    out.assert_says("requests that arrived: 10");
}

#[cfg(unix)]
#[test]
fn docker_answers_over_its_socket() {
    let out = run("docker");

    out.assert_says("Docker 28.0.1, API 1.48");
    out.assert_says("8dfafdbc3a40 running    /web");
    out.assert_says("9cd87474be90 exited     /db");
    out.assert_says("event: network connect");
}

#[test]
fn events_go_on_where_the_connection_broke() {
    let out = run("sse");

    let lines: Vec<&str> = out.text.lines().collect();
    assert_eq!(
        lines,
        [
            "1 price: 12 EUR",
            "disconnected after event \"1\"",
            "disconnected after event \"1\"",
            "2 price: 13 EUR | (closing)",
            "3 close: bye",
            "request with Last-Event-ID: none",
            "request with Last-Event-ID: 1",
            "request with Last-Event-ID: 1",
        ]
    );
}

#[test]
fn a_proxy_with_a_password_leads_outside_and_not_inside() {
    let out = run("corporate_proxy");

    out.assert_says("outside: a site outside");
    out.assert_says("inside: a page inside");
    out.assert_says("wrong password: ProxyError, shows it: false");
    out.assert_says("without the company's authority: SslError");
    assert_eq!(out.count("the proxy saw CONNECT to localhost: let through"), 2);
    assert_eq!(out.count("the proxy saw CONNECT to localhost: refused"), 1);
}

#[test]
fn a_server_lets_in_who_has_its_certificate() {
    let out = run("client_certificate");

    out.assert_says("without a certificate: refused");
    out.assert_says("with one: welcome, I know you");
    out.assert_says("with a stranger's: refused");
    out.assert_says("requests that arrived: 1");
}

#[test]
fn a_run_of_threads_is_drawn_with_all_its_requests() {
    let folder = TempDir::new();
    let file = folder.path().join("run.svg");

    let out = example("pool_timeline", &[file.to_str().unwrap()]);

    assert!(out.success, "{}{}", out.text, out.errors);
    let svg = std::fs::read_to_string(file).unwrap();
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    // One that is replayed is drawn twice.
    let requests = svg.matches("class=\"bar\"").count();
    assert!((320..340).contains(&requests), "{requests}");
    for seen in ["worker 8</text>", "dropped by the server", "discarded: not reusable", "waits for a connection: "] {
        assert!(svg.contains(seen), "{seen} is not in the picture");
    }
}

#[test]
fn the_pictures_of_the_guide_can_be_made_again() {
    let folder = TempDir::new();

    let out = example("pool_timeline", &["--pictures", folder.path().to_str().unwrap()]);

    assert!(out.success, "{}{}", out.text, out.errors);
    let guide = include_str!("../docs/pooling.md");
    for name in folder.names() {
        assert!(guide.contains(&format!("](pictures/{name})")), "{name} is not in docs/pooling.md");
    }
    assert_eq!(guide.matches("](pictures/").count(), folder.names().len());
}

#[test]
fn no_private_addresses_are_reached_by_name_or_by_number() {
    let out = run("no_private_addresses");

    for (host, address) in [
        ("metadata.test", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("169.254.169.254", "169.254.169.254"),
    ] {
        let (begin, end) = (format!("failed to connect to {host}:"), format!(": the address {address} is not allowed"));
        assert!(
            out.text.lines().any(|line| line.starts_with(&begin) && line.ends_with(&end)),
            "{host} is missing in\n{}",
            out.text
        );
    }
    out.assert_says("requests that arrived inside: 0");
    out.assert_says("allowed: 3 of 3 public, 0 of 17 private");
}

#[cfg(target_os = "linux")]
#[test]
fn the_ways_to_send_take_connections_as_the_page_about_exhaustion_says() {
    let out = run("socket_exhaustion");

    let made = |what: &str| -> usize {
        let line = out.text.lines().find(|line| line.starts_with(what)).expect(what);
        let numbers = line[what.len()..].split_whitespace().next().expect("a number");
        numbers.parse().expect("a number")
    };
    assert_eq!(made("200 requests, one_shot (petition::get)"), 200);
    assert_eq!(made("200 requests, a session "), 1);
    assert_eq!(made("200 requests, a session, a server that closes"), 200);
    assert_eq!(made("20 servers in turn, 10 rounds, pool_connections(10)"), 200);
    assert_eq!(made("20 servers in turn, 10 rounds, pool_connections(30)"), 20);
    assert!(made("200 threads, 5 requests each, 4 servers, pool_block(true)") <= 40);
}

#[test]
fn five_gets_of_a_session_share_one_connection() {
    let out = run("five_gets");

    out.assert_log(
        r#"
# http
DEBUG:petition::connectionpool:Starting new HTTP connection (1): www.baidu.com:80
DEBUG:petition::connectionpool:http://www.baidu.com:80 "GET / HTTP/1.1" 200 None
DEBUG:petition::connectionpool:http://www.baidu.com:80 "GET / HTTP/1.1" 200 None
DEBUG:petition::connectionpool:http://www.baidu.com:80 "GET / HTTP/1.1" 200 None
DEBUG:petition::connectionpool:http://www.baidu.com:80 "GET / HTTP/1.1" 200 None
DEBUG:petition::connectionpool:http://www.baidu.com:80 "GET / HTTP/1.1" 200 None
# https, and the time it takes
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): httpbin.org:443
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET / HTTP/1.1" 200 9593
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET / HTTP/1.1" 200 9593
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET / HTTP/1.1" 200 9593
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET / HTTP/1.1" 200 9593
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET / HTTP/1.1" 200 9593
"#,
    );
    assert_eq!(out.count("1 connection"), 2);
}

#[test]
fn one_shot_gets_each_open_a_connection_and_close_it() {
    let out = run("one_shot");

    out.assert_log(
        r#"
DEBUG:petition::connectionpool:Starting new HTTP connection (1): 127.0.0.1:PORT
DEBUG:petition::connectionpool:http://127.0.0.1:PORT "GET / HTTP/1.1" 200 None
DEBUG:petition::connectionpool:Starting new HTTP connection (1): 127.0.0.1:PORT
DEBUG:petition::connectionpool:http://127.0.0.1:PORT "GET / HTTP/1.1" 200 None
DEBUG:petition::connectionpool:Starting new HTTP connection (1): 127.0.0.1:PORT
DEBUG:petition::connectionpool:http://127.0.0.1:PORT "GET / HTTP/1.1" 200 None
DEBUG:petition::connectionpool:Starting new HTTP connection (1): 127.0.0.1:PORT
DEBUG:petition::connectionpool:http://127.0.0.1:PORT "GET / HTTP/1.1" 200 None
"#,
    );
    out.assert_says("4 connections, 0 still open");
    out.assert_says("Connection: keep-alive");
}

#[test]
fn a_closed_session_has_no_connections() {
    let out = run("close_session");

    out.assert_log(
        r#"
# close
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): httpbin.org:443
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET /get HTTP/1.1" 200 306
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET /get HTTP/1.1" 200 306
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): httpbin.org:443
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET /get HTTP/1.1" 200 306
# end of scope
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): httpbin.org:443
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET /get HTTP/1.1" 200 306
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET /get HTTP/1.1" 200 306
"#,
    );
    assert_eq!((out.count("open: 1"), out.count("closed: true")), (2, 3));
}

#[test]
fn a_connection_that_the_server_dropped_is_reset() {
    let out = run("dropped_connection");

    out.assert_log(
        r#"
DEBUG:petition::connectionpool:Starting new HTTP connection (1): www.baidu.com:80
DEBUG:petition::connectionpool:http://www.baidu.com:80 "GET / HTTP/1.1" 200 2443
DEBUG:petition::connectionpool:Resetting dropped connection: www.baidu.com
DEBUG:petition::connectionpool:http://www.baidu.com:80 "GET / HTTP/1.1" 200 2443
DEBUG:petition::connectionpool:Starting new HTTP connection (1): httpbin.org:80
DEBUG:petition::connectionpool:http://httpbin.org:80 "GET /get HTTP/1.1" 200 306
"#,
    );
    out.assert_says("www.baidu.com: requests: 2, idle connections: 0");
    out.assert_says("httpbin.org: requests: 1, idle connections: 1");
}

#[test]
fn max_retries_tries_failed_lookups_and_refused_connections_again() {
    let out = run("max_retries");

    out.assert_log(
        r#"
DEBUG:petition::retry:Converted retries value: 3 -> Retry(total=3, connect=None, read=None, redirect=None, status=None)
DEBUG:petition::connectionpool:Starting new HTTP connection (1): www.example.com:80
DEBUG:petition::retry:Incremented Retry for (url='/'): Retry(total=2, connect=None, read=None, redirect=None, status=None)
WARN:petition::connectionpool:Retrying (Retry(total=2, connect=None, read=None, redirect=None, status=None)) after connection broken by 'ERROR': /
DEBUG:petition::connectionpool:Starting new HTTP connection (2): www.example.com:80
DEBUG:petition::retry:Incremented Retry for (url='/'): Retry(total=1, connect=None, read=None, redirect=None, status=None)
WARN:petition::connectionpool:Retrying (Retry(total=1, connect=None, read=None, redirect=None, status=None)) after connection broken by 'ERROR': /
DEBUG:petition::connectionpool:Starting new HTTP connection (3): www.example.com:80
DEBUG:petition::connectionpool:http://www.example.com:80 "GET / HTTP/1.1" 200 1256
"#,
    );
    out.assert_says("<Response [200]>, attempts: 3");
}

#[test]
fn pool_connections_is_how_many_hosts_are_kept() {
    run("pool_connections").assert_log(
        r#"
# pool_connections=1
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): www.baidu.com:443
DEBUG:petition::connectionpool:https://www.baidu.com:443 "GET / HTTP/1.1" 200 None
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): www.zhihu.com:443
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET / HTTP/1.1" 200 2621
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): www.baidu.com:443
DEBUG:petition::connectionpool:https://www.baidu.com:443 "GET / HTTP/1.1" 200 None
# pool_connections=2
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): www.baidu.com:443
DEBUG:petition::connectionpool:https://www.baidu.com:443 "GET / HTTP/1.1" 200 None
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): www.zhihu.com:443
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET / HTTP/1.1" 200 2623
DEBUG:petition::connectionpool:https://www.baidu.com:443 "GET / HTTP/1.1" 200 None
"#,
    );
}

#[test]
fn pool_maxsize_is_how_many_connections_are_kept() {
    let out = run("pool_maxsize");

    out.assert_log_in_any_order(
        r#"
# pool_maxsize=2
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): www.zhihu.com:443
DEBUG:petition::connectionpool:Starting new HTTPS connection (2): www.zhihu.com:443
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET /question/36612174 HTTP/1.1" 200 21906
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET / HTTP/1.1" 200 2606
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET /question/21362402 HTTP/1.1" 200 57556
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET /question/39420364 HTTP/1.1" 200 28739
# pool_maxsize=1
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): www.zhihu.com:443
DEBUG:petition::connectionpool:Starting new HTTPS connection (2): www.zhihu.com:443
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET /question/36612174 HTTP/1.1" 200 21906
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET / HTTP/1.1" 200 2606
WARN:petition::connectionpool:Connection pool is full, discarding connection: www.zhihu.com. Connection pool size: 1
DEBUG:petition::connectionpool:Starting new HTTPS connection (3): www.zhihu.com:443
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET /question/39420364 HTTP/1.1" 200 28739
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET /question/21362402 HTTP/1.1" 200 57556
WARN:petition::connectionpool:Connection pool is full, discarding connection: www.zhihu.com. Connection pool size: 1
"#,
    );
    for section in out.sections() {
        // The second pair of threads starts when the first is done.
        let place = |text: &str| section.iter().position(|line| line.contains(text));
        for first in ["Starting new HTTPS connection (1)", "Starting new HTTPS connection (2)", "GET / ", "/36612174"] {
            for second in ["/39420364", "/21362402", "Starting new HTTPS connection (3)"] {
                assert!(place(second).is_none_or(|second| place(first) < Some(second)), "{section:#?}");
            }
        }
        assert!(place("(3)").is_none_or(|third| place("discarding") < Some(third)), "{section:#?}");
    }
}

#[test]
fn adapters_on_two_prefixes_have_pools_of_their_own() {
    let out = run("two_mounts");

    out.assert_log_in_any_order(
        r#"
# https://www.zhihu.com, pool_maxsize=2
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): www.zhihu.com:443
DEBUG:petition::connectionpool:Starting new HTTPS connection (2): www.zhihu.com:443
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET /question/36612174 HTTP/1.1" 200 21906
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET / HTTP/1.1" 200 2623
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET /question/39420364 HTTP/1.1" 200 28739
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET /question/21362402 HTTP/1.1" 200 57669
# https://baidu.com, pool_maxsize=1
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): baidu.com:443
DEBUG:petition::connectionpool:Starting new HTTPS connection (2): baidu.com:443
DEBUG:petition::connectionpool:https://baidu.com:443 "GET / HTTP/1.1" 200 2623
DEBUG:petition::connectionpool:https://baidu.com:443 "GET /s?wd=requests HTTP/1.1" 200 2623
WARN:petition::connectionpool:Connection pool is full, discarding connection: baidu.com. Connection pool size: 1
"#,
    );
    out.assert_says("mounted on https://: www.zhihu.com, idle connections: 2");
    out.assert_says("mounted on https://baidu.com: baidu.com, idle connections: 1");
}

#[test]
fn a_host_can_have_an_adapter_of_its_own() {
    run("mount_by_host").assert_log(
        r#"
# pool_connections=2
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): httpbin.org:443
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET / HTTP/1.1" 200 9593
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET / HTTP/1.1" 200 9593
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): www.naver.com:443
DEBUG:petition::connectionpool:https://www.naver.com:443 "GET / HTTP/1.1" 200 None
DEBUG:petition::connectionpool:https://www.naver.com:443 "GET / HTTP/1.1" 200 None
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET / HTTP/1.1" 200 9593
DEBUG:petition::connectionpool:https://www.naver.com:443 "GET / HTTP/1.1" 200 None
# pool_connections=1
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): httpbin.org:443
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET / HTTP/1.1" 200 9593
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET / HTTP/1.1" 200 9593
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): www.naver.com:443
DEBUG:petition::connectionpool:https://www.naver.com:443 "GET / HTTP/1.1" 200 None
DEBUG:petition::connectionpool:https://www.naver.com:443 "GET / HTTP/1.1" 200 None
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): httpbin.org:443
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET / HTTP/1.1" 200 9593
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): www.naver.com:443
DEBUG:petition::connectionpool:https://www.naver.com:443 "GET / HTTP/1.1" 200 None
# an adapter for b_url
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): httpbin.org:443
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET / HTTP/1.1" 200 9593
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET / HTTP/1.1" 200 9593
DEBUG:petition::connectionpool:https://httpbin.org:443 "GET / HTTP/1.1" 200 9593
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): www.naver.com:443
DEBUG:petition::connectionpool:https://www.naver.com:443 "GET / HTTP/1.1" 200 None
DEBUG:petition::connectionpool:https://www.naver.com:443 "GET / HTTP/1.1" 200 None
"#,
    );
}

#[test]
fn a_blocking_pool_makes_threads_wait_and_discards_nothing() {
    let out = run("pool_block");

    out.assert_log_in_any_order(
        r#"
# four threads, two connections, no warning
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): www.zhihu.com:443
DEBUG:petition::connectionpool:Starting new HTTPS connection (2): www.zhihu.com:443
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET /1 HTTP/1.1" 200 2606
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET /2 HTTP/1.1" 200 2606
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET /3 HTTP/1.1" 200 2606
DEBUG:petition::connectionpool:https://www.zhihu.com:443 "GET /4 HTTP/1.1" 200 2606
# a wait with a limit
DEBUG:petition::connectionpool:Starting new HTTPS connection (1): www.baidu.com:443
DEBUG:petition::connectionpool:https://www.baidu.com:443 "GET /1 HTTP/1.1" 200 None
DEBUG:petition::connectionpool:Starting new HTTPS connection (2): www.baidu.com:443
DEBUG:petition::connectionpool:https://www.baidu.com:443 "GET /2 HTTP/1.1" 200 None
DEBUG:petition::connectionpool:https://www.baidu.com:443 "GET /4 HTTP/1.1" 200 None
"#,
    );
    out.assert_says("at most 2 connections at once");
    let refused = "PoolTimeout: no pool slot came free within 50ms for www.baidu.com:443 (pool size 2, 2 in use, ";
    assert!(out.text.contains(refused), "{}", out.text);
}

#[test]
fn setup_session_tries_statuses_of_its_list_again() {
    let out = run("setup_session");

    out.assert_log(
        r#"
# a server that recovers
DEBUG:petition::connectionpool:Starting new HTTP connection (1): example.com:80
DEBUG:petition::connectionpool:http://example.com:80 "GET / HTTP/1.1" 503 4
DEBUG:petition::retry:Incremented Retry for (url='/'): Retry(total=2, connect=None, read=None, redirect=None, status=None)
DEBUG:petition::connectionpool:Retry: /
DEBUG:petition::connectionpool:http://example.com:80 "GET / HTTP/1.1" 500 4
DEBUG:petition::retry:Incremented Retry for (url='/'): Retry(total=1, connect=None, read=None, redirect=None, status=None)
DEBUG:petition::connectionpool:Retry: /
DEBUG:petition::connectionpool:http://example.com:80 "GET / HTTP/1.1" 200 1256
# a server that does not
DEBUG:petition::connectionpool:Starting new HTTP connection (1): broken.example:80
DEBUG:petition::connectionpool:http://broken.example:80 "GET / HTTP/1.1" 502 11
DEBUG:petition::retry:Incremented Retry for (url='/'): Retry(total=2, connect=None, read=None, redirect=None, status=None)
DEBUG:petition::connectionpool:Retry: /
DEBUG:petition::connectionpool:http://broken.example:80 "GET / HTTP/1.1" 502 11
DEBUG:petition::retry:Incremented Retry for (url='/'): Retry(total=1, connect=None, read=None, redirect=None, status=None)
DEBUG:petition::connectionpool:Retry: /
DEBUG:petition::connectionpool:http://broken.example:80 "GET / HTTP/1.1" 502 11
DEBUG:petition::retry:Incremented Retry for (url='/'): Retry(total=0, connect=None, read=None, redirect=None, status=None)
DEBUG:petition::connectionpool:Retry: /
DEBUG:petition::connectionpool:http://broken.example:80 "GET / HTTP/1.1" 502 11
# a method that is not safe to repeat
DEBUG:petition::connectionpool:http://broken.example:80 "POST / HTTP/1.1" 502 11
"#,
    );
    out.assert_says("200");
    assert!(out.text.contains("max retries exceeded: too many 502 error responses"), "{}", out.text);
    out.assert_says("502");
}

#[test]
fn requests_retry_session_counts_statuses_and_reads_apart() {
    let out = run("requests_retry_session");

    out.assert_log(
        r#"
# statuses of the list
DEBUG:petition::connectionpool:Starting new HTTP connection (1): 127.0.0.1:PORT
DEBUG:petition::connectionpool:http://127.0.0.1:PORT "GET /status HTTP/1.1" 502 3
DEBUG:petition::retry:Incremented Retry for (url='/status'): Retry(total=9, connect=10, read=10, redirect=None, status=None)
DEBUG:petition::connectionpool:Retry: /status
DEBUG:petition::connectionpool:http://127.0.0.1:PORT "GET /status HTTP/1.1" 504 3
DEBUG:petition::retry:Incremented Retry for (url='/status'): Retry(total=8, connect=10, read=10, redirect=None, status=None)
DEBUG:petition::connectionpool:Retry: /status
DEBUG:petition::connectionpool:http://127.0.0.1:PORT "GET /status HTTP/1.1" 200 3
# a connection that breaks
DEBUG:petition::connectionpool:Starting new HTTP connection (1): 127.0.0.1:PORT
DEBUG:petition::retry:Incremented Retry for (url='/read'): Retry(total=9, connect=10, read=9, redirect=None, status=None)
WARN:petition::connectionpool:Retrying (Retry(total=9, connect=10, read=9, redirect=None, status=None)) after connection broken by 'ERROR': /read
DEBUG:petition::connectionpool:Starting new HTTP connection (2): 127.0.0.1:PORT
DEBUG:petition::connectionpool:http://127.0.0.1:PORT "GET /read HTTP/1.1" 200 3
# a status that is not in the list
DEBUG:petition::connectionpool:http://127.0.0.1:PORT "GET /503 HTTP/1.1" 503 3
"#,
    );
    for said in ["<Response [200]>, attempts: 3", "<Response [200]>, attempts: 2", "<Response [503]>, attempts: 1"] {
        out.assert_says(said);
    }
}

#[test]
fn quickstart_makes_four_connections_for_forty_items() {
    let out = run("quickstart");

    assert!(out.text.contains("8 threads fetch 40 items from http://127.0.0.1:PORT/"), "{}", out.text);
    out.assert_says("40 items received, 4 of them at the second attempt because the server had answered 503");
    assert!(out.text.contains("36 were received over a connection that had been used before"), "{}", out.text);
    out.assert_says("at most 4 connections were open at once");
    out.assert_says("pool http://127.0.0.1:PORT: 4 connections made, 44 requests, 4 idle, 0 in use");
}

#[test]
fn quickstart_fetches_the_url_that_it_is_given() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/" => Reply::new(302).header("Location", "/page"),
        "/page" => Reply::new(200).header("Content-Type", "text/plain").body("hello"),
        _ => Reply::new(404),
    });

    let out = example("quickstart", &[&server.url("/")]);
    let missing = example("quickstart", &[&server.url("/missing")]);

    assert!(out.success, "{}", out.errors);
    out.assert_says("302 http://127.0.0.1:PORT/ -> /page");
    out.assert_says("200 OK http://127.0.0.1:PORT/page");
    out.assert_says("5 bytes of text/plain");
    assert_eq!(missing.code, Some(1));
    let told = "error: cannot fetch http://127.0.0.1:PORT/missing: 404 Client Error: Not Found for url: \
                http://127.0.0.1:PORT/missing\n";
    assert_eq!(missing.errors, told);
}

#[test]
fn quickstart_says_why_a_url_cannot_be_fetched() {
    let url = {
        let gone = TestServer::http(|_| Reply::new(200));
        gone.url("/")
    };
    for (url, reason) in [(url.as_str(), "connection refused"), ("nowhere", "No scheme supplied")] {
        let out = example("quickstart", &[url]);

        assert_eq!((out.code, out.text.as_str()), (Some(1), ""));
        let start = format!("error: cannot fetch {}: ", without_ports(url));
        assert!(out.errors.starts_with(&start) && out.errors.contains(reason), "{}", out.errors);
    }
}

#[test]
fn a_download_goes_to_a_file_in_pieces() {
    let out = run("download");

    assert_eq!(["25 %", "50 %", "75 %", "100 %"].map(|step| out.count(step)), [2; 4]);
    for said in ["iter_content: 1048576 bytes", "save_to: 1048576 bytes", "io::copy: 1048576 bytes", "1 connection"] {
        out.assert_says(said);
    }
}

#[test]
fn an_upload_is_framed_by_what_is_known_of_its_length() {
    let out = run("upload");

    out.assert_says("POST application/x-www-form-urlencoded, Content-Length: 11, 11 bytes");
    assert!(out.text.contains("POST multipart/form-data, Content-Length: "), "{}", out.text);
    out.assert_says(r#"Content-Disposition: form-data; name="name""#);
    out.assert_says(r#"Content-Disposition: form-data; name="doc"; filename="report.csv""#);
    out.assert_says(r#"Content-Disposition: form-data; name="note"; filename="a.txt""#);
    out.assert_says("PUT no type, Content-Length: 15, 15 bytes");
    out.assert_says("100000 bytes sent");
    out.assert_says("POST no type, Transfer-Encoding: chunked, 100000 bytes");
    out.assert_says("POST application/json, Content-Length: 11, 11 bytes");
}

#[test]
fn each_failure_has_a_kind_of_its_own() {
    let out = run("errors");

    for said in [
        "a URL without a scheme: MissingSchema",
        "a scheme without an adapter: InvalidSchema",
        "an invalid URL: InvalidUrl",
        "a header with a line break: InvalidHeader",
        "an unknown host: ConnectionError, is_connection_error",
        "a refused connection: ConnectionError, is_connection_error",
        "a certificate that is not trusted: SslError, is_connection_error",
        "a proxy that cannot be reached: ProxyError, is_connection_error",
        "all connections are in use: PoolTimeout, is_timeout",
        "the server closes: ConnectionError, is_connection_error",
        "the server is silent: ReadTimeout, is_timeout",
        "a total timeout: TotalTimeout, is_timeout",
        "an error status: HttpError",
        "retries are used up: RetryError",
        "endless redirects: TooManyRedirects",
        "not JSON: InvalidJson",
        "a body that ends early: ChunkedEncodingError",
        "a body that cannot be decoded: ContentDecodingError",
        "not found: continue without it",
    ] {
        out.assert_says(said);
    }
}

#[test]
fn cookies_and_credentials_go_where_they_belong() {
    let out = run("cookies_and_auth");

    for said in [
        "session=abc for shop.example/",
        "theme=dark for shop.example/",
        "sent: session=abc; theme=dark; once=1",
        "sent: session=abc; theme=dark",
        "the session's: Basic dXNlcjpwYXNzd29yZA==",
        "the request's: Bearer token",
        "digest: 200 OK after 1 refusal",
        "custom: X-Token: secret",
    ] {
        out.assert_says(said);
    }
}

#[test]
fn every_example_is_run_here_and_listed() {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap();
    let paths = files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let names: BTreeSet<String> = paths.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let manifest = include_str!("../Cargo.toml");
    let listed = include_str!("../examples/README.md");

    assert!(names.contains("quickstart"));
    for name in names {
        let calls = ["run(", "binary(", "example("].map(|call| format!("{call}\"{name}\""));
        assert!(calls.iter().any(|call| include_str!("examples.rs").contains(call)), "no test runs {name}");
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name} is not in Cargo.toml");
        assert!(listed.contains(&format!("\n| `{name}` |")), "{name} is not in examples/README.md");
    }
}

/// What an example printed, and how it ended.
struct Output {
    text: String,
    errors: String,
    code: Option<i32>,
    success: bool,
}

impl Output {
    /// Log lines, and the headings between them.
    fn log(&self) -> Vec<&str> {
        self.text.lines().filter(|line| is_log(line)).collect()
    }

    /// Log lines by heading.
    fn sections(&self) -> Vec<Vec<&str>> {
        sections(&self.log())
    }

    fn assert_log(&self, want: &str) {
        let want: Vec<&str> = want.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(self.log(), want, "{}", self.text);
    }

    fn assert_log_in_any_order(&self, want: &str) {
        let sorted = |lines: &[&str]| {
            let mut sections: Vec<Vec<String>> =
                sections(lines).iter().map(|section| section.iter().map(|&line| line.to_owned()).collect()).collect();
            sections.iter_mut().for_each(|section| section[1..].sort());
            sections
        };
        let want: Vec<&str> = want.lines().filter(|line| !line.is_empty()).collect();
        // Which threads have to wait for a slot is a matter of chance.
        let is_wait = |line: &&str| line.starts_with("DEBUG:petition::pool:Waiting for a connection to ");
        let log: Vec<&str> = self.log().into_iter().filter(|line| !is_wait(line)).collect();
        assert_eq!(sorted(&log), sorted(&want), "{}", self.text);
    }

    fn count(&self, line: &str) -> usize {
        self.text.lines().filter(|own| *own == line).count()
    }

    fn assert_says(&self, line: &str) {
        assert!(self.count(line) > 0, "{line:?} is missing in\n{}", self.text);
    }
}

fn is_log(line: &str) -> bool {
    ["# ", "ERROR:", "WARN:", "INFO:", "DEBUG:", "TRACE:"].iter().any(|start| line.starts_with(start))
}

fn sections<'a>(lines: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut sections: Vec<Vec<&str>> = Vec::new();
    for line in lines {
        match sections.last_mut() {
            Some(section) if !line.starts_with("# ") => section.push(line),
            _ => sections.push(vec![line]),
        }
    }
    sections
}

// A busy machine may need another try.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_sixteen_workers_within_100_ms() {
    use std::io::{BufRead, BufReader};

    let ended_in_time = || {
        let mut command = Command::new(binary("graceful_shutdown"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        without_settings(&mut command);
        let mut child = command.spawn().unwrap();
        let (tell, told) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let line = |child: &mut std::process::Child| match told.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(error) => {
                let _ = child.kill();
                panic!("the example goes on: {error}");
            }
        };
        assert_eq!(line(&mut child), "16 workers are busy; press Ctrl-C");

        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();

        assert!(line(&mut child).starts_with("16 workers are back after "));
        let in_time = line(&mut child);
        assert_eq!(line(&mut child), "in use: 0, waiting: 0");
        assert_eq!(line(&mut child), "the server's connections are closed: true");
        assert!(child.wait().unwrap().success());
        in_time == "within 100 ms: true"
    };

    assert!((0..10).any(|_| ended_in_time()));
}

#[test]
fn a_polite_crawler_keeps_each_hosts_pace_and_its_own_bounds() {
    let out = run("polite_crawler");

    let lines: Vec<&str> = out.text.lines().collect();
    assert_eq!(
        lines,
        [
            "2000 URLs of 40 hosts: 1900 fetched, 100 failed",
            "some were put off until later: true",
            "every host was asked at its pace: true",
            "at most 16 connections are open: true",
            "requests to the host that rested, while it did: at most one: true",
            "retries are at most a twentieth of the requests and two a second: true",
        ]
    );
}

#[test]
fn the_pictures_of_the_pace_are_drawn_from_a_run() {
    let folder = support::TempDir::new();

    let out = example("pace_pictures", &[folder.path().to_str().unwrap()]);

    assert!(out.success, "{}", out.errors);
    let mut names = folder.names();
    names.sort();
    assert_eq!(names, ["pace-limit.svg", "pace-pause.svg", "pace-rate.svg"]);
    for name in folder.names() {
        let picture = std::fs::read_to_string(folder.path().join(&name)).unwrap();
        let marks = picture.matches("<circle").count() + picture.matches('V').count();
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n") && marks > 60, "{name}: {marks}");
    }
}

#[test]
fn a_soak_says_each_second_what_is_held_and_draws_it() {
    let folder = TempDir::new();
    let file = folder.path().join("soak.svg");

    let out = example("soak", &["2", file.to_str().unwrap()]);

    assert!(out.success && out.errors.is_empty(), "{}{}", out.text, out.errors);
    let seconds = out.text.lines().filter(|line| line.contains(" s: ") && line.ends_with(" MiB"));
    assert_eq!(seconds.count(), 2, "{}", out.text);
    out.assert_says("wrong bodies and errors without a reason: 0");
    out.assert_says("never more than 8 connections: true");
    let svg = std::fs::read_to_string(file).unwrap();
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && svg.contains("prefers-color-scheme:dark"));
    assert_eq!(svg.matches("<polyline").count(), 4);
}

/// Runs an example that has to end well.
fn run(name: &str) -> Output {
    let out = example(name, &[]);
    assert!(out.success && out.errors.is_empty(), "{name} ended with {:?}\n{}\n{}", out.code, out.text, out.errors);
    out
}

fn example(name: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary(name));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    without_settings(&mut command);
    let mut child = command.spawn().unwrap();
    let mut streams = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (done, ended) = mpsc::channel();
    thread::spawn(move || {
        let (mut text, mut errors) = (String::new(), String::new());
        let read = streams.0.read_to_string(&mut text).and_then(|_| streams.1.read_to_string(&mut errors));
        let _ = done.send(read.map(|_| (text, errors)));
    });
    let Ok(read) = ended.recv_timeout(PATIENCE) else {
        child.kill().unwrap();
        panic!("{name} does not end: {:?}", ended.recv());
    };
    let (text, errors) = read.unwrap();
    let status = child.wait().unwrap();
    let (text, errors) = (without_ports(&without_causes(&text)), without_ports(&errors));
    Output { text, errors, code: status.code(), success: status.success() }
}

/// Far more than any example takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Puts `PORT` for the ports of 127.0.0.1.
fn without_ports(text: &str) -> String {
    const HOST: &str = "127.0.0.1:";
    let mut pieces = text.split(HOST);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        out += HOST;
        out += "PORT";
        out += piece.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out
}

/// Puts `ERROR` for what broke a connection: partly the system's words.
fn without_causes(text: &str) -> String {
    const BEFORE: &str = "after connection broken by '";
    let short = |line: &str| {
        let broken = line.split_once(BEFORE).and_then(|(start, rest)| Some((start, rest.rsplit_once("': ")?.1)));
        match broken {
            Some((start, target)) => format!("{start}{BEFORE}ERROR': {target}\n"),
            None => format!("{line}\n"),
        }
    };
    text.lines().map(short).collect()
}

/// The example's program: `cargo test` builds them all, `cargo test --test examples` none.
fn binary(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let path = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if !path.exists() {
        BUILT.get_or_init(|| build_examples(profile));
    }
    path
}

fn build_examples(profile: &Path) {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--examples", "--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    build.arg("--target-dir").arg(profile.parent().unwrap());
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success(), "the examples do not build");
}
