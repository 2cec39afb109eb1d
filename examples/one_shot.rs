//! Four requests without a session: each opens a connection and closes it.
//!
//!     cargo run --example one_shot

mod support;

use petition::testing::TestServer;

fn main() -> support::Result {
    support::log_to_stdout();
    let server = TestServer::http(|_| support::chunked_page());
    let url = server.url("/"); // stands for http://www.baidu.com
    let direct = [("http", "")]; // by no proxy, whatever the environment says

    // requests.get("http://www.baidu.com")  # four times
    petition::get(&url).proxies(direct).send()?;
    petition::get(&url).proxies(direct).send()?;
    petition::get(&url).proxies(direct).send()?;
    petition::get(&url).proxies(direct).send()?;

    println!("{} connections, {} still open", server.accepted(), still_open(&server));

    // The request still says `Connection: keep-alive`: it is the client that closes, together with its session.
    println!("Connection: {}", server.requests()[0].header("connection").unwrap_or("not sent"));
    Ok(())
}

/// How many connections are open, once the server has seen the last one close.
fn still_open(server: &TestServer) -> usize {
    if server.wait_for_open(0) { 0 } else { server.open() }
}
