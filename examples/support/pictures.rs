//! The pictures of docs/pooling.md, each from a real run against local servers.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use petition::testing::{Reply, Timeline};
use petition::{HttpAdapterBuilder, Retry, Session};

use super::support::{self, Internet};

const BAIDU: &str = "http://www.baidu.com";
const ZHIHU: &str = "http://www.zhihu.com";
const NAVER: &str = "http://www.naver.com";
const BUSY: &str = "http://busy.example";
const CLOSES: &str = "http://closes.example";

/// Where the pictures go, and the servers.
struct Studio<'a> {
    folder: &'a Path,
    internet: Internet,
}

impl Studio<'_> {
    /// Draws what `act` does with a session whose adapters record, each mounted on its prefix.
    fn draw<const N: usize>(
        &self,
        file: &str,
        title: &str,
        adapters: [(&str, HttpAdapterBuilder); N],
        act: impl FnOnce(&Session),
    ) -> support::Result {
        let timeline = Timeline::new(title);
        let mut session = self.internet.session();
        for (prefix, adapter) in adapters {
            session.mount(prefix, timeline.attach(adapter).build());
        }
        act(&session);
        self.write(file, &timeline)
    }

    fn write(&self, file: &str, timeline: &Timeline) -> support::Result {
        let path = self.folder.join(file);
        timeline.write(&path)?;
        println!("wrote {}", path.display());
        Ok(())
    }

    fn adapter(&self) -> HttpAdapterBuilder {
        self.internet.adapter()
    }
}

/// Draws all of them into `folder`.
pub fn draw_all(folder: &Path) -> support::Result {
    let mut internet = Internet::new()?;
    for name in ["www.baidu.com", "www.zhihu.com", "www.naver.com"] {
        internet.http(name, |_| {
            thread::sleep(Duration::from_millis(20));
            Reply::new(200).body("a page")
        });
    }
    let tries = AtomicUsize::new(0);
    internet.http("busy.example", move |_| {
        thread::sleep(Duration::from_millis(20));
        let is_busy = tries.fetch_add(1, Ordering::Relaxed) < 2;
        if is_busy { Reply::new(503) } else { Reply::new(200).body("at last") }
    });
    internet.http("closes.example", |_| {
        thread::sleep(Duration::from_millis(20));
        Reply::new(200).body("and closes").then_close()
    });
    let studio = Studio { folder, internet };
    one_thread(&studio)?;
    threads(&studio)?;
    others(&studio)
}

fn one_thread(studio: &Studio<'_>) -> support::Result {
    for pools in [1, 2] {
        let title = format!("pool_connections={pools}: one host, another, the first again");
        let adapter = studio.adapter().pool_connections(pools);
        studio.draw(&format!("pool-connections-{pools}.svg"), &title, [("http://", adapter)], |s| {
            get_all(s, &[BAIDU, ZHIHU, BAIDU]);
        })?;
        let title = format!("pool_connections={pools}, pool_maxsize=1: a, a, b, b, a, b");
        let adapter = studio.adapter().pool_connections(pools).pool_maxsize(1);
        studio.draw(&format!("two-hosts-{pools}.svg"), &title, [("http://", adapter)], |s| {
            get_all(s, &[BAIDU, BAIDU, NAVER, NAVER, BAIDU, NAVER]);
        })?;
    }
    studio.draw("five-gets.svg", "five requests of one session", [("http://", studio.adapter())], |s| {
        get_all(s, &[BAIDU; 5]);
    })?;

    // `petition::get` makes a session for each call; so does this, to record it.
    let timeline = Timeline::new("five one-shot requests");
    for _ in 0..5 {
        let mut session = studio.internet.session();
        session.mount("http://", timeline.attach(studio.adapter()).build());
        get(&session, BAIDU);
    }
    studio.write("one-shot.svg", &timeline)
}

fn threads(studio: &Studio<'_>) -> support::Result {
    for size in [2, 1] {
        let title = format!("pool_connections=1, pool_maxsize={size}: two threads, then two more");
        let adapter = studio.adapter().pool_connections(1).pool_maxsize(size);
        studio.draw(&format!("pool-maxsize-{size}.svg"), &title, [("http://", adapter)], |s| {
            workers(s, &[("t1", ZHIHU), ("t2", ZHIHU)], 1);
            workers(s, &[("t3", ZHIHU), ("t4", ZHIHU)], 1);
        })?;
    }
    let adapters = [
        ("http://", studio.adapter().pool_connections(1).pool_maxsize(2)),
        (BAIDU, studio.adapter().pool_connections(1).pool_maxsize(1)),
    ];
    studio.draw("two-mounts.svg", "http:// with pool_maxsize=2, www.baidu.com with pool_maxsize=1", adapters, |s| {
        workers(s, &[("t1", ZHIHU), ("t2", ZHIHU), ("t3", BAIDU), ("t4", BAIDU)], 1);
        workers(s, &[("t5", ZHIHU), ("t6", ZHIHU), ("t7", BAIDU), ("t8", BAIDU)], 1);
    })?;
    let adapters = [
        ("http://", studio.adapter().pool_connections(1).pool_maxsize(1)),
        (NAVER, studio.adapter().pool_connections(2).pool_maxsize(1)),
    ];
    studio.draw("mount-by-host.svg", "an adapter of its own for www.naver.com", adapters, |s| {
        get_all(s, &[BAIDU, BAIDU, BAIDU, NAVER, NAVER, NAVER]);
    })?;
    let names: Vec<String> = (1..=8).map(|n| format!("t{n}")).collect();
    let eight: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), ZHIHU)).collect();
    for block in [true, false] {
        let title = format!("pool_maxsize=2, pool_block={block}: eight threads, four requests each");
        let file = if block { "pool-block.svg" } else { "no-pool-block.svg" };
        let adapter = studio.adapter().pool_maxsize(2).pool_block(block);
        studio.draw(file, &title, [("http://", adapter)], |s| workers(s, &eight, 4))?;
    }
    let title = "max_connections=3: nine threads, three hosts, three requests each";
    let hosts = [BAIDU, ZHIHU, NAVER];
    let nine: Vec<(String, &str)> = (0..9).map(|n| (format!("t{}", n + 1), hosts[n % 3])).collect();
    let nine: Vec<(&str, &str)> = nine.iter().map(|(name, host)| (name.as_str(), *host)).collect();
    studio.draw("max-connections.svg", title, [("http://", studio.adapter().max_connections(3))], |s| {
        workers(s, &nine, 3);
    })
}

fn others(studio: &Studio<'_>) -> support::Result {
    studio.draw("dropped.svg", "a server that closes idle connections", [("http://", studio.adapter())], |s| {
        for _ in 0..3 {
            get(s, CLOSES);
            thread::sleep(Duration::from_millis(15));
        }
    })?;
    let retry = Retry::new().total(3).backoff_factor(0.3).status_forcelist([500, 502, 503, 504]);
    let adapter: HttpAdapterBuilder = studio.adapter().max_retries(retry);
    studio.draw("retries.svg", "Retry(total=3, backoff_factor=0.3): two answers 503", [("http://", adapter)], |s| {
        get(s, BUSY);
    })
}

fn get(session: &Session, url: &str) {
    if let Err(error) = session.get(url).send() {
        println!("{url}: {error}");
    }
}

fn get_all(session: &Session, urls: &[&str]) {
    urls.iter().for_each(|url| get(session, url));
}

/// A thread for each name, with `requests` requests to its URL.
fn workers(session: &Session, threads: &[(&str, &str)], requests: usize) {
    thread::scope(|scope| {
        for (name, url) in threads {
            let work = move || (0..requests).for_each(|_| get(session, url));
            thread::Builder::new().name((*name).to_owned()).spawn_scoped(scope, work).expect("a thread");
        }
    });
}
