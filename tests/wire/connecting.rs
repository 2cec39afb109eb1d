//! Connecting through the public API: who is looked up and how often, which addresses are tried, and from where.

use std::io;
#[cfg(target_os = "linux")]
use std::net::{IpAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[cfg(target_os = "linux")]
use petition::HttpAdapterBuilder;
use petition::testing::{Reply, TestServer};
use petition::{ErrorKind, HttpAdapter};

#[cfg(target_os = "linux")]
use crate::support::{BlackHole, say_ok};
use crate::support::{refusing, session_over};

#[test]
fn a_new_connection_is_one_look_up_and_a_pooled_one_none() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/close" => Reply::new(200).header("Connection", "close"),
        _ => Reply::new(200),
    });
    let address = server.address();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    let resolver = move |host: &str, port: u16| {
        kept.lock().unwrap().push((host.to_owned(), port));
        Ok(vec![address])
    };
    let session = session_over(HttpAdapter::builder().resolver(resolver).build());
    let look_ups = || asked.lock().unwrap().len();

    for (path, connections) in [("/", 1), ("/", 1), ("/close", 1), ("/", 2), ("/", 2)] {
        session.get(format!("http://api.test:8080{path}")).send().unwrap();
        assert_eq!((look_ups(), server.accepted()), (connections, connections));
    }
    assert!(asked.lock().unwrap().iter().all(|asked| *asked == ("api.test".to_owned(), 8080)));

    // Nor is an address looked up.
    session.get(server.url("/")).send().unwrap();
    assert_eq!(look_ups(), 2);
}

#[test]
fn an_address_that_refuses_is_passed_over() {
    let server = TestServer::http(|_| Reply::new(200));
    let addresses = vec![refusing(), refusing(), server.address()];
    let session = session_over(HttpAdapter::builder().resolver(move |_, _| Ok(addresses.clone())).build());

    let response = session.get("http://api.test/").send().unwrap();

    assert_eq!(response.exchange().peer, Some(server.address()));
}

// RFC 8305 §5: the next address is tried after 250 ms.
#[cfg(target_os = "linux")]
#[test]
fn an_address_that_is_silent_is_not_waited_for() {
    let (hole, server) = (BlackHole::new(), TestServer::http(|_| Reply::new(200)));
    let addresses = vec![hole.address, server.address()];
    let session = session_over(HttpAdapter::builder().resolver(move |_, _| Ok(addresses.clone())).build());

    let response = session.get("http://api.test/").timeout((20, 20)).send().unwrap();

    assert_eq!(response.exchange().peer, Some(server.address()));
    assert!(response.exchange().connect < Duration::from_secs(10), "{:?}", response.exchange().connect);
}

// ERR-11, ERR-12
#[test]
fn a_name_that_is_unknown_and_a_port_that_is_closed_are_connection_errors() {
    let closed = refusing();
    let resolver = move |host: &str, _: u16| match host {
        "closed.test" => Ok(vec![closed]),
        "empty.test" => Ok(vec![]),
        _ => Err(io::Error::new(io::ErrorKind::NotFound, "no such name")),
    };
    let session = session_over(HttpAdapter::builder().resolver(resolver).build());
    for (url, text) in [
        ("http://closed.test:1/", "failed to connect to closed.test:1: connection refused"),
        ("http://empty.test:1/", "failed to resolve empty.test:1: the name has no address"),
        ("http://unknown.test:1/", "failed to resolve unknown.test:1: no such name"),
    ] {
        let error = session.get(url).send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::ConnectionError);
        assert!(error.to_string().contains(text), "{error}");
    }
}

// TBELT-11
#[cfg(target_os = "linux")]
#[test]
fn connections_start_from_the_source_address() {
    let peers = Arc::new(Mutex::new(Vec::new()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let seen = Arc::clone(&peers);
    let server = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, peer) = listener.accept().unwrap();
            seen.lock().unwrap().push(peer.ip());
            let _ = io::Read::read(&mut stream, &mut [0; 4096]);
            let _ = io::Write::write_all(&mut stream, b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
        }
    });
    let from = |address: [u8; 4]| session_over(HttpAdapter::builder().source_address(IpAddr::from(address)).build());

    from([127, 0, 0, 9]).get(&url).send().unwrap();
    // A proxy sees it too.
    from([127, 0, 0, 8]).get("http://origin.test/").proxies([("http", &url)]).send().unwrap();
    server.join().unwrap();

    assert_eq!(*peers.lock().unwrap(), [IpAddr::from([127, 0, 0, 9]), IpAddr::from([127, 0, 0, 8])]);

    let error = from([192, 0, 2, 1]).get(&url).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionError, "{error}");
}

// POOL-38
#[test]
fn socket_options_do_not_get_in_the_way() {
    let server = TestServer::http(|_| Reply::new(200));
    let builder = HttpAdapter::builder()
        .tcp_keepalive(Duration::from_secs(30))
        .tcp_keepalive_interval(Duration::from_secs(5))
        .tcp_keepalive_count(4)
        .tcp_nodelay(false);
    #[cfg(target_os = "linux")]
    let builder = builder.tcp_user_timeout(Duration::from_secs(60));

    assert_eq!(session_over(builder.build()).get(server.url("/")).send().unwrap().status_code(), 200);
}

// docs/decisions.md#invalid-setting
#[cfg(target_os = "linux")]
#[test]
fn what_the_kernel_cannot_take_is_a_setting_that_cannot_work_and_all_else_connects() {
    type Set = fn(HttpAdapterBuilder) -> HttpAdapterBuilder;
    let server = TestServer::http(|_| Reply::new(200));
    let sent = |set: Set| session_over(set(HttpAdapter::builder()).build()).get(server.url("/")).send();
    let good: [Set; 8] = [
        |b| b.tcp_keepalive(1),
        |b| b.tcp_keepalive(32_767),
        |b| b.tcp_keepalive_interval(1.5),
        |b| b.tcp_keepalive_interval(32_767),
        |b| b.tcp_keepalive_count(1),
        |b| b.tcp_keepalive_count(127),
        |b| b.tcp_user_timeout(0.001),
        |b| b.tcp_user_timeout(Duration::from_millis(i32::MAX as u64)),
    ];
    let bad: [(&str, Set); 12] = [
        ("tcp_keepalive ", |b| b.tcp_keepalive(0)),
        ("tcp_keepalive ", |b| b.tcp_keepalive(Duration::from_millis(1))),
        ("tcp_keepalive ", |b| b.tcp_keepalive(32_768)),
        ("tcp_keepalive ", |b| b.tcp_keepalive(Duration::MAX)),
        ("tcp_keepalive_interval ", |b| b.tcp_keepalive_interval(0.5)),
        ("tcp_keepalive_interval ", |b| b.tcp_keepalive_interval(Duration::MAX)),
        ("tcp_keepalive_count ", |b| b.tcp_keepalive_count(0)),
        ("tcp_keepalive_count ", |b| b.tcp_keepalive_count(128)),
        ("tcp_keepalive_count ", |b| b.tcp_keepalive_count(u32::MAX)),
        ("tcp_user_timeout ", |b| b.tcp_user_timeout(Duration::from_nanos(1))),
        ("tcp_user_timeout ", |b| b.tcp_user_timeout(Duration::from_millis(i32::MAX as u64 + 1))),
        ("tcp_user_timeout ", |b| b.tcp_user_timeout(Duration::MAX)),
    ];

    for set in good {
        assert_eq!(sent(set).unwrap().status_code(), 200);
    }
    let accepted = server.accepted();
    for (name, set) in bad {
        let error = sent(set).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSetting, "{error}");
        assert!(error.to_string().starts_with(name), "{error}");
    }
    assert_eq!(server.accepted(), accepted);
}

// HDR-10
#[cfg(target_os = "linux")]
#[test]
fn an_ipv6_zone_becomes_the_addresss_scope_and_stays_out_of_host() {
    let Ok(server) = TestServer::builder().address("[::1]:0").start(say_ok) else {
        return; // no IPv6 on this machine
    };
    let port = server.address().port();
    let never = |host: &str, _: u16| Err(io::Error::other(format!("asked for {host}")));
    let session = session_over(HttpAdapter::builder().resolver(never).build());

    for host in ["[::1]", "[::1%251]", "[::1%1]"] {
        let response = session.get(format!("http://{host}:{port}/")).send().unwrap();

        assert_eq!(response.status_code(), 200);
        let request = server.requests().pop().unwrap();
        assert_eq!(request.header("host"), Some(&*format!("[::1]:{port}")), "{host}");
    }
    // The last two are one address in two spellings.
    assert_eq!(server.accepted(), 2);
}

#[test]
fn a_retry_looks_the_name_up_again() {
    let server = TestServer::http(|_| Reply::new(200));
    let (dead, alive) = (refusing(), server.address());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let resolver = move |_: &str, _: u16| match counted.fetch_add(1, Ordering::Relaxed) {
        0 => Ok(vec![dead]),
        _ => Ok(vec![alive]),
    };
    let session = session_over(HttpAdapter::builder().resolver(resolver).max_retries(1).build());

    let response = session.get("http://moving.test/").send().unwrap();

    assert_eq!((response.status_code().as_u16(), count.load(Ordering::Relaxed)), (200, 2));
}
