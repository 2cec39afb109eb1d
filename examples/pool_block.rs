//! `pool_block`: never more than `pool_maxsize` connections to one host; threads wait until one is returned.
//!
//!     cargo run --example pool_block

mod support;

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use petition::Session;
use support::Internet;

fn main() -> support::Result {
    support::log_to_stdout();
    let mut internet = Internet::new()?;
    let two_are_here = Barrier::new(2);
    internet.https("www.zhihu.com", move |_| {
        two_are_here.wait(); // each of the two connections has a request
        support::page(2606)
    })?;
    internet.https("www.baidu.com", |_| support::chunked_page())?;

    // HTTPAdapter(pool_connections=10, pool_maxsize=2, max_retries=0, pool_block=True)
    let adapter = internet.adapter().pool_maxsize(2).pool_block(true);

    println!("# four threads, two connections, no warning");
    let mut s = internet.session();
    s.mount("https://", adapter.clone().build());
    thread::scope(|scope| {
        for path in ["/1", "/2", "/3", "/4"] {
            let s = &s;
            scope.spawn(move || thread_get(s, &format!("https://www.zhihu.com{path}")));
        }
    });
    println!("at most {} connections at once", internet.server("www.zhihu.com").most_open());

    // As in requests the wait has no limit by default, but here it can have one.
    println!("# a wait with a limit");
    s.mount("https://", adapter.pool_timeout(Duration::from_millis(50)).build());
    let first = s.get("https://www.baidu.com/1").stream(true).send()?;
    let _second = s.get("https://www.baidu.com/2").stream(true).send()?; // not read: both connections are held
    match s.get("https://www.baidu.com/3").send() {
        Ok(response) => println!("{response}: nothing was held"),
        Err(error) => println!("{:?}: {error}", error.kind()),
    }
    first.content()?; // read to the end: its connection is free
    s.get("https://www.baidu.com/4").send()?;
    Ok(())
}

fn thread_get(s: &Session, url: &str) {
    if let Err(error) = s.get(url).send() {
        println!("{url}: {error}");
    }
}
