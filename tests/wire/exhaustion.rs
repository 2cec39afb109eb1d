//! A process that runs out of descriptors or of local ports: it gives up what lies idle, and says what to set.
//!
//! Each test is a process of its own, with limits of its own; those about ports are in a network of their own too, where
//! this user may make one, and are skipped elsewhere.

use std::fs::File;
use std::net::SocketAddr;
use std::process::Command;
use std::thread;

use petition::testing::TestServer;
use petition::{Error, ErrorKind, HttpAdapter, PoolStats, Retry, Session, Timeout};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::{BlackHole, Child, ok, session_over, without_settings};

const URLS: &str = "TEST_URLS";

fn limit_descriptors(to: u64) {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(to), maximum }).unwrap();
}

/// Uses up all descriptors that are left.
fn use_up() -> Vec<File> {
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    files
}

fn urls() -> Vec<String> {
    std::env::var(URLS).unwrap().split(' ').map(str::to_owned).collect()
}

fn run(child: &Child, servers: &[TestServer]) -> String {
    let urls: Vec<_> = servers.iter().map(|server| server.url("/")).collect();
    child.run(&[(URLS, &urls.join(" "))])
}

/// Lets `count` threads have a connection to `url` each, at the same time, and lie idle afterwards.
fn fill(session: &Session, url: &str, count: usize) {
    let responses: Vec<_> = (0..count).map(|_| session.get(url).stream(true).send().unwrap()).collect();
    for response in responses {
        response.content().unwrap();
    }
}

fn idle(adapter: &HttpAdapter) -> usize {
    adapter.stats().iter().map(PoolStats::idle).sum()
}

#[test]
fn two_hundred_threads_over_twenty_hosts_fit_into_sixty_four_descriptors() {
    let child = Child::new(|| {
        limit_descriptors(64);
        let urls = urls();
        let adapter = HttpAdapter::builder().max_connections(32).build();
        let session = session_over(&adapter);
        let failed: Vec<String> = thread::scope(|scope| {
            let threads: Vec<_> = (0..200)
                .map(|thread| {
                    let (session, urls) = (&session, &urls);
                    scope.spawn(move || {
                        let get = |n: usize| session.get(&urls[(thread + n) % urls.len()]).send().err();
                        (0..50).filter_map(get).map(|error| error.to_string()).collect::<Vec<_>>()
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        format!("{} failed: {:?}", failed.len(), failed.first())
    });
    let servers: Vec<_> = (0..20).map(|_| ok()).collect();

    assert_eq!(run(&child, &servers), "0 failed: None");

    assert_eq!(servers.iter().map(|server| server.requests().len()).sum::<usize>(), 200 * 50);
}

#[test]
fn idle_connections_of_any_pool_make_room_when_no_descriptor_is_left() {
    let child = Child::new(|| {
        limit_descriptors(64);
        let [first, second] = urls().try_into().unwrap();
        let adapter = HttpAdapter::new();
        let session = session_over(&adapter);
        let named = second.replace("127.0.0.1", "localhost");
        let mut told = Vec::new();
        for url in [&second, &named] {
            fill(&session, &first, 4);
            let files = use_up();
            let got = session.get(url).send().map(|response| response.status_code());
            drop(files);
            told.push(got.map_or_else(|error| error.to_string(), |status| status.to_string()));
            told.push(idle(&adapter).to_string());
            adapter.close_idle(0);
        }
        told.join(" ")
    });

    assert_eq!(run(&child, &[ok(), ok()]), "200 OK 1 200 OK 1");
}

#[test]
fn where_no_descriptor_can_be_had_the_error_says_what_to_set() {
    let child = Child::new(|| {
        limit_descriptors(64);
        let [url] = urls().try_into().unwrap();
        let named = url.replace("127.0.0.1", "localhost");
        let retry = Retry::new().total(2);
        let session = session_over(HttpAdapter::builder().max_retries(retry).build());
        let files = use_up();
        let errors: Vec<Error> = [&url, &named].map(|url| session.get(url).send().unwrap_err()).into();
        drop(files);
        session.get(&url).send().unwrap();
        let of = |error: &Error| format!("{:?} {:?} {error}", error.kind(), error.raw_os_error());
        errors.iter().map(of).collect::<Vec<_>>().join("\n")
    });
    let server = ok();

    let told = run(&child, std::slice::from_ref(&server));

    let port = server.address().port();
    let advice = "no descriptor is left: use one Session for all threads, bound its connections with pool_block or \
                  max_connections, or raise the limit of the process (ulimit -n)";
    for (line, what) in told.lines().zip([
        format!("failed to connect to 127.0.0.1:{port}: too many open files: {advice}"),
        format!("failed to resolve localhost:{port}: too many open files: {advice}"),
    ]) {
        assert!(line.starts_with(&format!("ConnectionError Some(24) {what} (3 attempts")), "{line}");
    }
    assert_eq!(told.lines().count(), 2);
}

#[cfg(feature = "native-tls")]
#[test]
fn a_ca_bundle_that_cannot_be_read_for_want_of_descriptors_is_a_connect_failure() {
    use crate::support::{Authority, TempDir};

    const BUNDLE: &str = "TEST_BUNDLE";
    let child = Child::new(|| {
        limit_descriptors(64);
        let [url] = urls().try_into().unwrap();
        let retry = Retry::new().total(1);
        let mut session = session_over(HttpAdapter::builder().max_retries(retry).build());
        let url = url.replace("127.0.0.1", "localhost");
        let mut lines = Vec::new();
        for bundle in [std::env::var(BUNDLE).unwrap(), String::new()] {
            if bundle.is_empty() {
                session.verify = petition::Verify::Yes;
            } else {
                session.verify = bundle.into();
            }
            let files = use_up();
            let error = session.get(&url).send().unwrap_err();
            drop(files);
            lines.push(format!("{:?} {error}", error.kind()));
        }
        session.verify = std::env::var(BUNDLE).unwrap().into();
        session.get(&url).send().unwrap();
        lines.join("\n")
    });
    let (dir, authority) = (TempDir::new(), Authority::new("authority"));
    let bundle = dir.file("ca.pem", &authority.pem);
    let leaf = authority.leaf(&["localhost"]);
    let server = TestServer::builder().tls(&leaf.cert, &leaf.key).unwrap().start(crate::support::say_ok).unwrap();

    let told = child.run(&[(URLS, &server.url("/")), (BUNDLE, bundle.to_str().unwrap())]);

    let lines: Vec<_> = told.lines().collect();
    let start = format!("ConnectionError tls with localhost:{} failed: cannot read the ", server.address().port());
    for (line, what) in lines.iter().zip([format!("CA bundle {}", bundle.display()), "system's authorities".to_owned()])
    {
        assert!(line.starts_with(&format!("{start}{what}: too many open files: no descriptor is left")), "{line}");
        assert!(line.contains("(2 attempts"), "{line}");
    }
    assert_eq!(lines.len(), 2);
}

/// Runs the test `name` of this file again in a network of its own that has 64 local ports; `None` in there.
fn in_a_small_network(name: &str) -> Option<()> {
    const INSIDE: &str = "TEST_SMALL_NETWORK";
    if std::env::var_os(INSIDE).is_some() {
        return None;
    }
    const PREPARE: &str = "ip link set lo up && cd /proc/sys/net/ipv4 && echo 61000 61063 > ip_local_port_range \
                           && echo 0 > tcp_tw_reuse && exec \"$@\"";
    let may = Command::new("unshare").args(["-n", "sh", "-c", PREPARE, "sh", "true"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this user may not make a network");
        return Some(());
    }
    let mut command = Command::new("unshare");
    without_settings(&mut command);
    command.args(["-n", "sh", "-c", PREPARE, "sh"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("exhaustion::{name}"), "--nocapture", "--test-threads=1"]).env(INSIDE, "1");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "the test was not found");
    Some(())
}

#[test]
fn idle_connections_to_the_same_peer_make_room_when_no_local_port_is_left() {
    if in_a_small_network("idle_connections_to_the_same_peer_make_room_when_no_local_port_is_left").is_some() {
        return;
    }
    let server = ok();
    let to = server.address();
    let adapter = HttpAdapter::builder().pool_maxsize(64).resolver(move |_, _| Ok(vec![to])).build();
    let session = session_over(&adapter);
    let get = || session.get("http://first.test/").stream(true).send();
    let responses: Vec<_> = std::iter::from_fn(|| get().ok()).collect();
    for response in &responses {
        response.content().unwrap();
    }
    assert_eq!((idle(&adapter), responses.len() > 50), (responses.len(), true));

    assert!(session.get("http://second.test/").send().is_ok());

    assert_eq!(idle(&adapter), 1);
}

#[test]
fn where_no_local_port_is_left_the_error_says_what_to_set() {
    if in_a_small_network("where_no_local_port_is_left_the_error_says_what_to_set").is_some() {
        return;
    }
    let (server, other) = (ok(), ok());
    let (url, address) = (server.url("/"), server.address());

    // Each of these leaves a port behind for a minute, because the client closes first.
    let error = (0..65).find_map(|_| session_over(HttpAdapter::new()).get(&url).send().err()).expect("64 ports");

    assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::ConnectionError, Some(99)));
    let text = format!(
        "failed to connect to {address}: cannot assign requested address: no free local port to this peer: use one \
         Session, so that connections are reused, with pool_connections for all hosts, and bound the connections with \
         pool_block or max_connections"
    );
    assert_eq!(error.to_string(), text);
    assert!(session_over(HttpAdapter::new()).get(other.url("/")).send().is_ok(), "ports are counted for each peer");

    let by =
        |source: [u8; 4]| session_over(HttpAdapter::builder().source_address(std::net::IpAddr::from(source)).build());
    let urls = [&url, &other.url("/")];
    let error =
        (0..65).find_map(|n| by([127, 0, 0, 2]).get(urls[n % 2]).send().err()).expect("64 ports over all peers");
    assert!(error.to_string().contains("no free local port of the source_address"), "{error}");
    assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::ConnectionError, Some(98)));

    let error = by([10, 9, 8, 7]).get(&url).send().unwrap_err();
    assert!(error.to_string().ends_with("cannot assign requested address"), "another's address: {error}");
}

// Without IPv6 the error number of a connect is that of exhausted ports.
#[test]
fn a_peer_that_no_address_of_this_machine_can_reach_is_no_matter_of_ports() {
    if in_a_small_network("a_peer_that_no_address_of_this_machine_can_reach_is_no_matter_of_ports").is_some() {
        return;
    }
    std::fs::write("/proc/sys/net/ipv6/conf/lo/disable_ipv6", "1").unwrap();
    let peer: SocketAddr = "[::1]:9".parse().unwrap();
    let session = session_over(HttpAdapter::builder().resolver(move |_, _| Ok(vec![peer])).build());

    let error = session.get("http://six.test/").send().unwrap_err();

    assert!(!error.to_string().contains("local port"), "{error}");
}

// Under this, 1,844 of 3,000 requests failed when a slot without a connection crowded out a live one.
#[test]
fn sixty_four_local_ports_serve_three_thousand_requests_over_ten_connections() {
    if in_a_small_network("sixty_four_local_ports_serve_three_thousand_requests_over_ten_connections").is_some() {
        return;
    }
    let server = ok();
    for builder in [
        HttpAdapter::builder().max_connections(10),
        HttpAdapter::builder().max_connections(10).pool_maxsize(10).pool_block(true),
        HttpAdapter::builder().max_connections(10).pool_maxsize(2),
    ] {
        let session = session_over(builder.build());
        let url = server.url("/");
        let failed: usize = thread::scope(|scope| {
            let get = || (0..60).filter(|_| session.get(&url).send().is_err()).count();
            let threads: Vec<_> = (0..50).map(|_| scope.spawn(get)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(failed, 0);
    }
}

// One address has no descriptor, another one does not answer: what was lacking is told, and room is made for the next.
#[test]
fn what_was_lacking_for_one_address_is_kept_where_another_times_out() {
    let child = Child::new(|| {
        limit_descriptors(64);
        let [first, second] = urls().try_into().unwrap();
        let hole = BlackHole::new();
        let address = |url: &str| url["http://".len()..url.len() - 1].parse::<SocketAddr>().unwrap();
        let addresses = vec![hole.address, address(&second)];
        let adapter = HttpAdapter::builder().resolver(move |_, _| Ok(addresses.clone())).build();
        let session = session_over(&adapter);
        let mut lines = Vec::new();
        for timeout in [Timeout::new().connect(0.4), Timeout::new().total(0.4)] {
            fill(&session, &first, 4);
            let mut files = use_up();
            files.pop();
            let error = session.get("http://two.test/").timeout(timeout).send().unwrap_err();
            let left = idle(&adapter);
            // Those that were given up are free, and the second address answers.
            let next =
                session.get("http://two.test/").timeout(Timeout::new().connect(30)).send().unwrap().status_code();
            drop(files);
            adapter.close_idle(0);
            lines.push(format!("{:?} {:?} {left} {next} {error}", error.kind(), error.raw_os_error()));
        }
        lines.join("\n")
    });

    let told = run(&child, &[ok(), ok()]);

    let lines: Vec<_> = told.lines().collect();
    let why = "; another address failed: too many open files: no descriptor is left: use one Session";
    for (line, begin, after) in [
        (lines[0], "ConnectTimeout Some(24) 0 200 OK connecting to two.test:80 timed out after 400ms", why),
        (lines[1], "TotalTimeout Some(24) 0 200 OK the total timeout ran out during: connecting to two.test:80", why),
    ] {
        assert!(line.starts_with(begin) && line.contains(after), "{line}");
    }
}

#[test]
fn a_netrc_that_cannot_be_read_for_want_of_descriptors_is_an_error_and_is_read_later() {
    let child = Child::new(|| {
        limit_descriptors(64);
        let [url] = urls().try_into().unwrap();
        let mut session = session_over(HttpAdapter::new());
        session.trust_env = true;
        // A connection lies idle, so that only the file lacks a descriptor.
        let own = session.get(&url).header("Authorization", "own").send().unwrap().text().unwrap();
        let files = use_up();
        let error = session.get(&url).send().unwrap_err();
        drop(files);
        let text = session.get(&url).send().unwrap().text().unwrap();
        format!("{own} {text} {:?} {:?} {} {error}", error.kind(), error.raw_os_error(), error.is_connect())
    });
    let dir = crate::support::TempDir::new();
    let netrc = dir.file("netrc", "machine 127.0.0.1 login l password p");
    let server = TestServer::http(|request| {
        petition::testing::Reply::new(200).body(request.header("authorization").unwrap_or("none").to_owned())
    });

    let told = child.run(&[(URLS, &server.url("/")), ("NETRC", netrc.to_str().unwrap())]);

    let begin = format!(
        "own Basic bDpw ConnectionError Some(24) true cannot read the netrc file {}: too many open files: no descriptor",
        netrc.display()
    );
    assert!(told.starts_with(&begin), "{told}");
}

// `accept` ends without a connection to it.
#[test]
fn a_test_server_ends_where_there_is_neither_descriptor_nor_port_left() {
    let child = Child::new(|| {
        limit_descriptors(64);
        let server = ok();
        let proxy = petition::testing::ChaosProxy::new(server.address(), |_| petition::testing::Fault::None);
        let files = use_up();
        drop((proxy, server));
        drop(files);
        "ended".to_owned()
    });

    assert_eq!(child.run(&[]), "ended");
}

#[test]
fn connections_in_use_are_not_given_up() {
    let child = Child::new(|| {
        limit_descriptors(64);
        let [held, other] = urls().try_into().unwrap();
        let adapter = HttpAdapter::new();
        let session = session_over(&adapter);
        let response = session.get(&held).stream(true).send().unwrap();
        let files = use_up();
        let failed = session.get(&other).send().unwrap_err();
        drop(files);
        format!("{:?} {}", failed.kind(), response.text().unwrap())
    });

    assert_eq!(run(&child, &[ok(), ok()]), "ConnectionError ok");
}
