//! `pool_connections`: for how many hosts an adapter keeps connections.
//!
//!     cargo run --example pool_connections

mod support;

use support::Internet;

fn main() -> support::Result {
    support::log_to_stdout();

    // One pool is kept: zhihu's evicts baidu's, so the third request opens a new connection.
    println!("# pool_connections=1");
    three_gets(1, 2621)?;

    // Two are kept: the third request reuses the connection of the first.
    println!("# pool_connections=2");
    three_gets(2, 2623)?;
    Ok(())
}

fn three_gets(pool_connections: usize, size: usize) -> support::Result {
    let mut internet = Internet::new()?;
    internet.https("www.baidu.com", |_| support::chunked_page())?;
    internet.https("www.zhihu.com", move |_| support::page(size))?;

    // s = requests.Session()
    // s.mount('https://', HTTPAdapter(pool_connections=1))
    let mut s = internet.session();
    s.mount("https://", internet.adapter().pool_connections(pool_connections).build());

    s.get("https://www.baidu.com").send()?;
    s.get("https://www.zhihu.com").send()?;
    s.get("https://www.baidu.com").send()?;
    Ok(())
}
