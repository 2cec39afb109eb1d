//! Closing a session with `close`, and at the end of its scope.
//!
//!     cargo run --example close_session

mod support;

use support::Internet;

fn main() -> support::Result {
    support::log_to_stdout();
    let mut internet = Internet::new()?;
    internet.https("httpbin.org", |_| support::page(306))?;
    let server = internet.server("httpbin.org");

    // s = requests.Session()
    println!("# close");
    let s = internet.session();
    s.get("https://httpbin.org/get").send()?;
    s.get("https://httpbin.org/get").send()?;
    println!("open: {}", server.open());

    // s.close()
    s.close();
    println!("closed: {}", server.wait_for_open(0));

    // As in requests it can still be used; it then opens a new connection.
    s.get("https://httpbin.org/get").send()?;
    s.close();
    println!("closed: {}", server.wait_for_open(0));

    // with requests.Session() as s:
    println!("# end of scope");
    {
        let s = internet.session();
        s.get("https://httpbin.org/get").send()?;
        s.get("https://httpbin.org/get").send()?;
        println!("open: {}", server.open());
    }
    println!("closed: {}", server.wait_for_open(0));
    Ok(())
}
