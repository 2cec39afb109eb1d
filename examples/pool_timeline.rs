//! Draws what a pool does: eight threads send 40 requests each over four connections to a server that closes now and then.
//!
//!     cargo run --example pool_timeline                    # writes pool_timeline.svg
//!     cargo run --example pool_timeline -- my.svg          # to another file
//!     cargo run --example pool_timeline -- --pictures DIR  # the pictures of docs/pooling.md
//!
//! To draw a run of your own, attach a `testing::Timeline` to your adapter (feature `testing`).

#[path = "support/pictures.rs"]
mod pictures;
mod support;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use petition::testing::{Reply, TestServer, Timeline};
use petition::{HttpAdapter, Session};

fn main() -> support::Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--pictures", folder] => {
            let folder = Path::new(folder);
            pictures::draw_all(folder)?;
            threaded_workers(&folder.join("pool-timeline.svg"))
        }
        [file] => threaded_workers(Path::new(file)),
        _ => threaded_workers(Path::new("pool_timeline.svg")),
    }
}

fn threaded_workers(file: &Path) -> support::Result {
    let count = AtomicUsize::new(0);
    let server = TestServer::http(move |request| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_micros(1500 + 700 * (number % 5) as u64));
        let reply = Reply::new(200).body(request.target.clone());
        match number % 40 {
            13 => reply.then_close(),                  // without a word: found out later
            31 => reply.header("Connection", "close"), // and as HTTP says it
            _ => reply,
        }
    });

    let timeline = Timeline::new("8 threads × 40 requests: pool_maxsize 4, pool_block");
    let mut session = Session::new();
    session.trust_env = false;
    let adapter = timeline.attach(HttpAdapter::builder().pool_maxsize(4).pool_block(true)).build();
    session.mount("http://", adapter.clone());

    thread::scope(|scope| {
        for worker in 1..=8 {
            let (session, server) = (&session, &server);
            let work = move || {
                for number in 0..40 {
                    if let Err(error) = session.get(server.url(&format!("/{worker}/{number}"))).send() {
                        println!("{error}");
                    }
                }
            };
            let named = thread::Builder::new().name(format!("worker {worker}"));
            named.spawn_scoped(scope, work).expect("a thread");
        }
    });

    let stats = &adapter.stats()[0];
    println!("{stats}");
    timeline.write(file)?;
    println!("wrote {}", file.display());
    Ok(())
}
