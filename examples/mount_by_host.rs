//! Pools of different sizes for different hosts: an adapter mounted on a host's URL.
//!
//!     cargo run --example mount_by_host

mod support;

use support::Internet;

const A_URL: &str = "https://httpbin.org";
const B_URL: &str = "https://www.naver.com";

fn main() -> support::Result {
    support::log_to_stdout();
    let mut internet = Internet::new()?;
    internet.https("httpbin.org", |_| support::page(9593))?;
    internet.https("www.naver.com", |_| support::chunked_page())?;

    // Both hosts have a pool, so each is connected once.
    println!("# pool_connections=2");
    six_gets(&internet, 2)?;

    // There is only one pool, so each change of host opens a new connection.
    println!("# pool_connections=1");
    six_gets(&internet, 1)?;

    println!("# an adapter for b_url");
    own_adapter(&internet)?;
    Ok(())
}

fn six_gets(internet: &Internet, pool_connections: usize) -> support::Result {
    // with requests.Session() as s:
    //     s.mount('https://', requests.adapters.HTTPAdapter(pool_connections=2, pool_maxsize=1))
    let mut s = internet.session();
    s.mount("https://", internet.adapter().pool_connections(pool_connections).pool_maxsize(1).build());

    s.get(A_URL).send()?;
    s.get(A_URL).send()?;
    s.get(B_URL).send()?;
    s.get(B_URL).send()?;

    // Does this open a new connection?
    s.get(A_URL).send()?;
    s.get(B_URL).send()?;
    Ok(())
}

fn own_adapter(internet: &Internet) -> support::Result {
    // with requests.Session() as s:
    //     s.mount('https://', requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=1))
    //     s.mount(b_url, requests.adapters.HTTPAdapter(pool_connections=2, pool_maxsize=1))
    let mut s = internet.session();
    s.mount("https://", internet.adapter().pool_connections(1).pool_maxsize(1).build());
    s.mount(B_URL, internet.adapter().pool_connections(2).pool_maxsize(1).build());

    s.get(A_URL).send()?;
    s.get(A_URL).send()?;
    s.get(A_URL).send()?;
    s.get(B_URL).send()?;
    s.get(B_URL).send()?;
    Ok(())
}
