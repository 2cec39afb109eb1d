//! A server that closes its idle connections: the next request notices before it is sent, and reconnects.
//!
//!     cargo run --example dropped_connection

mod support;

use std::time::Duration;

use petition::testing::FakeClock;
use support::Internet;

fn main() -> support::Result {
    support::log_to_stdout();
    let mut internet = Internet::new()?;
    // Closes silently, as a server does when its keep-alive timeout has expired.
    internet.http("www.baidu.com", |_| support::page(2443).then_close());
    internet.http("httpbin.org", |_| support::page(306));
    let server = internet.server("www.baidu.com");

    let clock = FakeClock::new(); // so that time can pass without waiting
    let adapter = internet.adapter().clock(clock.clone()).build();
    let mut s = internet.session();
    s.mount("http://", adapter.clone());

    s.get("http://www.baidu.com").send()?;
    println!("the server has closed: {}", server.wait_for_open(0));

    // urllib3's _get_conn:
    // if conn and is_connection_dropped(conn):
    //     log.debug("Resetting dropped connection: %s", self.host)
    s.get("http://www.baidu.com").send()?;

    // Better than in requests: such a connection does not stay in CLOSE_WAIT until the next request to its host. Any
    // later request of this adapter closes it, whatever its host.
    println!("the server has closed: {}", server.wait_for_open(0));
    clock.advance(Duration::from_secs(1)); // idle connections are not looked at all the time
    s.get("http://httpbin.org/get").send()?;
    for pool in adapter.stats() {
        println!("{}: requests: {}, idle connections: {}", pool.host(), pool.num_requests(), pool.idle());
    }
    Ok(())
}
