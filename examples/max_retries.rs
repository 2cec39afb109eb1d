//! `HTTPAdapter(max_retries=3)`: a lookup that fails, a connection that is refused, and then the answer.
//!
//!     cargo run --example max_retries

mod support;

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use petition::testing::TestServer;
use petition::{HttpAdapter, Session};

fn main() -> support::Result {
    support::log_to_stdout();
    let server = TestServer::http(|_| support::page(1256));
    let (address, nobody) = (server.address(), support::nobody()?);
    let tries = AtomicU32::new(0);
    let unreliable_network = move |_: &str, _: u16| match tries.fetch_add(1, Ordering::Relaxed) {
        0 => Err(io::Error::other("name server does not answer")),
        1 => Ok(vec![nobody]),
        _ => Ok(vec![address]),
    };

    // s = requests.Session()
    let mut s = Session::new();
    s.trust_env = false; // by no proxy: the server is here
    // a = requests.adapters.HTTPAdapter(max_retries=3)
    let a = HttpAdapter::builder().resolver(unreliable_network).max_retries(3).build();
    // s.mount('http://', a)
    s.mount("http://", a);

    let response = s.get("http://www.example.com/").send()?;
    println!("{response}, attempts: {}", response.exchange().attempts);
    Ok(())
}
