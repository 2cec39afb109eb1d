//! Adapters mounted on different prefixes are independent, and the longest prefix wins.
//!
//!     cargo run --example two_mounts

mod support;

use std::sync::Barrier;
use std::thread;

use petition::testing::Reply;
use petition::{HttpAdapter, Session};
use support::Internet;

fn main() -> support::Result {
    support::log_to_stdout();
    let mut internet = Internet::new()?;
    for name in ["www.zhihu.com", "baidu.com"] {
        let two_are_here = Barrier::new(2);
        internet.https(name, move |request| {
            two_are_here.wait();
            answer(&request.target)
        })?;
    }

    // s = requests.Session()
    // s.mount('https://', HTTPAdapter(pool_connections=1, pool_maxsize=2))
    // s.mount('https://baidu.com', HTTPAdapter(pool_connections=1, pool_maxsize=1))
    let mut s = internet.session();
    let everywhere = internet.adapter().pool_connections(1).pool_maxsize(2).build();
    let baidu = internet.adapter().pool_connections(1).pool_maxsize(1).build();
    s.mount("https://", everywhere.clone());
    s.mount("https://baidu.com", baidu.clone());

    // Both of zhihu's connections are kept, whatever the limit for baidu.com.
    println!("# https://www.zhihu.com, pool_maxsize=2");
    two_threads(&s, "https://www.zhihu.com", "https://www.zhihu.com/question/36612174");
    two_threads(&s, "https://www.zhihu.com/question/39420364", "https://www.zhihu.com/question/21362402");

    // Of baidu.com's two connections one is kept.
    println!("# https://baidu.com, pool_maxsize=1");
    two_threads(&s, "https://baidu.com", "https://baidu.com/s?wd=requests");

    show("https://", &everywhere);
    show("https://baidu.com", &baidu);
    Ok(())
}

fn two_threads(s: &Session, first: &str, second: &str) {
    thread::scope(|scope| {
        scope.spawn(|| thread_get(s, first));
        scope.spawn(|| thread_get(s, second));
    });
}

fn thread_get(s: &Session, url: &str) {
    if let Err(error) = s.get(url).send() {
        println!("{url}: {error}");
    }
}

fn show(prefix: &str, adapter: &HttpAdapter) {
    for pool in adapter.stats() {
        println!("mounted on {prefix}: {}, idle connections: {}", pool.host(), pool.idle());
    }
}

fn answer(path: &str) -> Reply {
    support::page(match path {
        "/question/36612174" => 21906,
        "/question/39420364" => 28739,
        "/question/21362402" => 57669,
        _ => 2623,
    })
}
