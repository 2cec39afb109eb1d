//! `pool_maxsize`: how many connections to one host are kept, which matters when threads share a session.
//!
//!     cargo run --example pool_maxsize

mod support;

use std::sync::Barrier;
use std::thread;

use petition::Session;
use petition::testing::Reply;
use support::Internet;

fn main() -> support::Result {
    support::log_to_stdout();

    // Two threads need two connections, and both are kept: the next two threads reuse them.
    println!("# pool_maxsize=2");
    four_threads(2)?;

    // One is kept and the other discarded, with a warning; so the next two threads need a third.
    println!("# pool_maxsize=1");
    four_threads(1)?;
    Ok(())
}

fn four_threads(pool_maxsize: usize) -> support::Result {
    let mut internet = Internet::new()?;
    let two_are_here = Barrier::new(2);
    internet.https("www.zhihu.com", move |request| {
        two_are_here.wait(); // so that the two threads are at it at the same time
        answer(&request.target)
    })?;

    // s = requests.Session()
    // s.mount('https://', HTTPAdapter(pool_connections=1, pool_maxsize=2))
    let mut s = internet.session();
    s.mount("https://", internet.adapter().pool_connections(1).pool_maxsize(pool_maxsize).build());

    // t1.start();t2.start()
    // t1.join();t2.join()
    thread::scope(|scope| {
        scope.spawn(|| thread_get(&s, "https://www.zhihu.com"));
        scope.spawn(|| thread_get(&s, "https://www.zhihu.com/question/36612174"));
    });
    // t3.start();t4.start()
    // t3.join();t4.join()
    thread::scope(|scope| {
        scope.spawn(|| thread_get(&s, "https://www.zhihu.com/question/39420364"));
        scope.spawn(|| thread_get(&s, "https://www.zhihu.com/question/21362402"));
    });
    Ok(())
}

fn thread_get(s: &Session, url: &str) {
    if let Err(error) = s.get(url).send() {
        println!("{url}: {error}");
    }
}

fn answer(path: &str) -> Reply {
    support::page(match path {
        "/question/36612174" => 21906,
        "/question/39420364" => 28739,
        "/question/21362402" => 57556,
        _ => 2606,
    })
}
