//! The recipe `setup_session`: a session that retries while a server fails temporarily.
//!
//!     cargo run --example setup_session

mod support;

use std::sync::atomic::{AtomicU32, Ordering};

use petition::testing::Reply;
use petition::{ErrorKind, Retry, Session};
use support::Internet;

// def setup_session(max_retries=3, backoff_factor=0.3):
fn setup_session(internet: &Internet, max_retries: u32, backoff_factor: f64) -> Session {
    // session = requests.Session()
    let mut session = internet.session();
    // retries = Retry(total=max_retries, backoff_factor=backoff_factor, status_forcelist=[500, 502, 503, 504])
    let retries = Retry::new().total(max_retries).backoff_factor(backoff_factor).status_forcelist([500, 502, 503, 504]);
    // adapter = HTTPAdapter(max_retries=retries)
    let adapter = internet.adapter().max_retries(retries).build();
    // session.mount('http://', adapter)
    session.mount("http://", adapter.clone());
    // session.mount('https://', adapter)
    session.mount("https://", adapter); // a clone shares the pools
    session
}

fn main() -> support::Result {
    support::log_to_stdout();
    let mut internet = Internet::new()?;
    let seen = AtomicU32::new(0);
    internet.http("example.com", move |_| match seen.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::new(503).body("busy"),
        1 => Reply::new(500).body("oops"),
        _ => support::page(1256),
    });
    internet.http("broken.example", |_| Reply::new(502).body("bad gateway"));

    // session = setup_session()  # with less waiting than 0.3 makes
    let session = setup_session(&internet, 3, 0.01);

    println!("# a server that recovers");
    // response = session.get('http://example.com')
    let response = session.get("http://example.com").send()?;
    // print(response.status_code)
    println!("{}", response.status_code().as_u16());

    println!("# a server that does not");
    match session.get("http://broken.example").send() {
        Err(error) if error.kind() == ErrorKind::RetryError => println!("{error}"),
        other => println!("unexpected: {other:?}"),
    }

    println!("# a method that is not safe to repeat");
    let response = session.post("http://broken.example").data([("order", "1")]).send()?;
    println!("{}", response.status_code().as_u16());
    Ok(())
}
