//! Five requests of a session over one connection.
//!
//!     cargo run --example five_gets

mod support;

use std::time::Instant;

use support::Internet;

fn main() -> support::Result {
    support::log_to_stdout();
    let mut internet = Internet::new()?;
    internet.http("www.baidu.com", |_| support::chunked_page());
    internet.https("httpbin.org", |_| support::page(9593))?;

    println!("# http");
    {
        // with requests.Session() as s:
        //     s.get("http://www.baidu.com")  # five times
        let s = internet.session();
        s.get("http://www.baidu.com").send()?;
        s.get("http://www.baidu.com").send()?;
        s.get("http://www.baidu.com").send()?;
        s.get("http://www.baidu.com").send()?;
        s.get("http://www.baidu.com").send()?;
        println!("{} connection", internet.server("www.baidu.com").accepted());
    } // the scope ends, and with it the session: Python's `with`

    println!("# https, and the time it takes");
    let url = "https://httpbin.org";
    let start = Instant::now(); // time.perf_counter()
    let s = internet.session();
    for _ in 0..5 {
        s.get(url).send()?;
    }
    println!("five gets took {:?}", start.elapsed());
    println!("{} connection", internet.server("httpbin.org").accepted());
    Ok(())
}
