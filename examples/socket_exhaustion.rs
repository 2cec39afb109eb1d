//! Where sockets go: connections made, connections open at once, and ports left in TIME_WAIT, for different ways of sending the
//! same requests.
//!
//!     cargo run --example socket_exhaustion
//!
//! For Linux, where every 127.0.0.x is this machine, and /proc/net/tcp says what is in TIME_WAIT. `.ci/exhaustion` runs it in a network namespace of its own, where nobody else
//! leaves any; its output is in docs/exhaustion.md.

use std::fs;
use std::thread;

use petition::testing::{Reply, TestServer, serve};
use petition::{HttpAdapter, HttpAdapterBuilder, Session};

fn main() -> petition::Result<()> {
    println!("{:60} {:>8} {:>8} {:>9} {:>9}", "", "made", "at once", "TW here", "TW there");

    // One host, one thread.
    measure("200 requests, one_shot (petition::get)", 1, |urls| {
        for _ in 0..200 {
            petition::get(&urls[0]).send()?;
        }
        Ok(())
    })?;
    measure("200 requests, a session", 1, |urls| {
        let session = session(HttpAdapter::builder());
        (0..200).try_for_each(|_| session.get(&urls[0]).send().map(drop))
    })?;
    measure("200 requests, a session, a server that closes", 1, |urls| {
        let session = session(HttpAdapter::builder());
        (0..200).try_for_each(|_| session.get(format!("{}close", urls[0])).send().map(drop))
    })?;

    // Twenty hosts in turn, one thread.
    for pools in [10, 30] {
        measure(&format!("20 servers in turn, 10 rounds, pool_connections({pools})"), 20, |urls| {
            let session = session(HttpAdapter::builder().pool_connections(pools));
            (0..10).try_for_each(|_| urls.iter().try_for_each(|url| session.get(url).send().map(drop)))
        })?;
    }

    // Two hundred threads.
    let settings: [(&str, HttpAdapterBuilder); 3] = [
        ("default", HttpAdapter::builder()),
        ("pool_block(true)", HttpAdapter::builder().pool_block(true)),
        ("max_connections(32)", HttpAdapter::builder().max_connections(32)),
    ];
    for (name, settings) in settings {
        measure(&format!("200 threads, 5 requests each, 4 servers, {name}"), 4, |urls| {
            let session = session(settings);
            thread::scope(|scope| {
                let worker = |number: usize| {
                    let url = &urls[number % urls.len()];
                    (0..5).try_for_each(|_| session.get(url).send().map(drop))
                };
                let threads: Vec<_> = (0..200).map(|number| scope.spawn(move || worker(number))).collect();
                threads.into_iter().try_for_each(|thread| thread.join().expect("a thread does not panic"))
            })
        })?;
    }
    Ok(())
}

fn session(settings: HttpAdapterBuilder) -> Session {
    let mut session = Session::new();
    session.trust_env = false; // the servers are here
    session.mount_all(settings.build());
    session
}

/// Prints how many connections `send` made, how many were open at once, and on which side ports are left in TIME_WAIT.
fn measure(what: &str, servers: usize, send: impl FnOnce(&[String]) -> petition::Result<()>) -> petition::Result<()> {
    let answer = serve(|request| match request.target.as_str() {
        "/close" => Reply::new(200).body("a page").then_close(),
        _ => Reply::new(200).body("a page"),
    });
    // One listener, so that it can say how many connections were open at once; each of its addresses is a host.
    let server = TestServer::builder().address("0.0.0.0:0").start(answer)?;
    let port = server.address().port();
    let urls: Vec<String> = (1..=servers).map(|host| format!("http://127.0.0.{host}:{port}/")).collect();

    send(&urls)?;

    let (made, most) = (server.accepted(), server.most_open());
    let (here, there) = time_wait(port);
    println!("{what:60} {made:8} {most:8} {here:>9} {there:>9}");
    Ok(())
}

/// How many connections are in TIME_WAIT on the side of the client, and on that of the server; unknown where there is no
/// /proc.
fn time_wait(server: u16) -> (String, String) {
    const TIME_WAIT: &str = "06";
    let Ok(table) = fs::read_to_string("/proc/net/tcp") else { return ("?".into(), "?".into()) };
    let port = |address: &str| address.rsplit(':').next().and_then(|port| u16::from_str_radix(port, 16).ok());
    let (mut here, mut there) = (0, 0);
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, remote, TIME_WAIT, ..] = fields[..] else { continue };
        here += usize::from(port(remote).is_some_and(|port| port == server));
        there += usize::from(port(local).is_some_and(|port| port == server));
    }
    (here.to_string(), there.to_string())
}
