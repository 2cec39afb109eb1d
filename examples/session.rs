//! A session: what requests share, and the two adapters that a new one has.
//!
//!     cargo run --example session

mod support;

use petition::testing::Reply;
use support::Internet;

fn main() -> support::Result {
    support::log_to_stdout();
    let mut internet = Internet::new()?;
    internet.https("www.google.com", |request| match request.header("cookie") {
        None => Reply::new(200).header("Set-Cookie", "visits=1; Path=/").body("first visit"),
        Some(cookie) => Reply::new(200).body(cookie),
    })?;

    // s = requests.Session()
    // s.get('https://www.google.com')
    // (Usually `Session::new()`; this one knows the example's server and trusts it.)
    let session = internet.session();
    let response = session.get("https://www.google.com").send()?;
    println!("{}", response.text()?);

    // It keeps cookies, and the connection.
    let response = session.get("https://www.google.com").send()?;
    println!("{}", response.text()?);

    // class Session.__init__: self.mount('https://', HTTPAdapter()); self.mount('http://', HTTPAdapter())
    for url in ["https://www.google.com", "http://www.google.com", "ftp://www.google.com"] {
        match session.get_adapter(url) {
            Ok(_) => println!("{url}: served by the adapter of its scheme"),
            Err(error) => println!("{url}: {error}"),
        }
    }
    Ok(())
}
