//! The recipe `requests_retry_session`: retries for a session that the caller can provide.
//!
//!     cargo run --example requests_retry_session

mod support;

use std::sync::atomic::{AtomicU32, Ordering};

use petition::testing::TestServer;
use petition::{HttpAdapter, Retry, Session};

// def requests_retry_session(retries=10, backoff_factor=0.3, status_forcelist=(500, 502, 504), session=None):
fn requests_retry_session(
    retries: u32,
    backoff_factor: f64,
    status_forcelist: &[u16],
    session: Option<Session>,
) -> Session {
    // session = session or requests.Session()
    let mut session = session.unwrap_or_default();
    // retry = Retry(total=retries, read=retries, connect=retries,
    //               backoff_factor=backoff_factor, status_forcelist=status_forcelist)
    let retry = Retry::new()
        .total(retries)
        .read(retries)
        .connect(retries)
        .backoff_factor(backoff_factor)
        .status_forcelist(status_forcelist.iter().copied());
    // adapter = HTTPAdapter(max_retries=retry)
    let adapter = HttpAdapter::builder().max_retries(retry).build();
    // session.mount('http://', adapter)
    session.mount("http://", adapter.clone());
    // session.mount('https://', adapter)
    session.mount("https://", adapter);
    session
}

fn main() -> support::Result {
    support::log_to_stdout();
    let seen = AtomicU32::new(0);
    let server = TestServer::connections(move |peer| {
        while let Some(request) = peer.read_request() {
            let status = match (request.target.as_str(), seen.fetch_add(1, Ordering::Relaxed)) {
                ("/status", 0) => "502 Bad Gateway",
                ("/status", 1) => "504 Gateway Timeout",
                ("/read", 3) => return, // closes without an answer
                ("/503", _) => "503 Service Unavailable",
                _ => "200 OK",
            };
            peer.send(format!("HTTP/1.1 {status}\r\nContent-Length: 3\r\n\r\nyes"));
        }
    });

    let mut own = Session::new();
    own.trust_env = false; // by no proxy: the server is here
    own.headers.insert("User-Agent", "recipe/1.0")?;
    let session = requests_retry_session(10, 0.01, &[500, 502, 504], Some(own));

    println!("# statuses of the list");
    let response = session.get(server.url("/status")).send()?;
    println!("{response}, attempts: {}", response.exchange().attempts);

    println!("# a connection that breaks");
    session.close(); // so that the next one is new: petition replaces a reused connection without asking the Retry
    let response = session.get(server.url("/read")).send()?;
    println!("{response}, attempts: {}", response.exchange().attempts);

    println!("# a status that is not in the list");
    let response = session.get(server.url("/503")).send()?;
    println!("{response}, attempts: {}", response.exchange().attempts);
    Ok(())
}
