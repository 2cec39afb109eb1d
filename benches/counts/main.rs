//! The cost of one request, counted: a client that does `n` operations of one case, and what runs it under counters.
//!
//! The server is a process of its own, so that only the client is counted. See docs/performance.md.
//!
//! | `cargo bench --bench counts` | does |
//! |---|---|
//! | | prints the wall time of each case |
//! | `-- CASE N` | does `N` operations, to be run under any counter or profiler |
//! | `-- measure [CASE...]` | prints all counts |
//! | `-- check [CASE...]` | compares them with `limits.txt`, and fails if one is more than 3 % above |
//! | `-- limits` | writes what is measured now into `limits.txt` |

mod cases;
mod limits;
mod measure;
mod server;

use std::time::Instant;

use cases::{CASES, Case};
use server::Server;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", case] => server::serve(&Case::named(case)),
        ["run", case, url, count] => run(&Case::named(case), url, count.parse().expect("a number")),
        ["measure", ref names @ ..] => limits::print(&measure::all(names)),
        ["limits"] => limits::write(&measure::all(&[])),
        ["check", ref names @ ..] => limits::check(names),
        [case, count] => {
            let case = Case::named(case);
            let server = Server::start(&case);
            run(&case, &server.url, count.parse().expect("a number"));
        }
        _ => CASES.iter().for_each(|name| time(&Case::named(name))),
    }
}

fn time(case: &Case) {
    let server = Server::start(case);
    let count = if case.is_large() { 100 } else { 5_000 };
    let mut act = case.operation(&server.url);
    repeat(&mut *act, count / 10);
    let started = Instant::now();
    repeat(&mut *act, count);
    println!("{:10} {:>10.1?} each", case.name, started.elapsed() / count);
}

fn run(case: &Case, url: &str, count: u32) {
    let mut act = case.operation(url);
    if !case.is_start() {
        // Connections, and buffers that grow once.
        repeat(&mut *act, if case.is_large() { 1 } else { 4 });
    }
    counted(&mut *act, count);
}

/// What callgrind counts: it is told this function's name, and leaves out the rest of the process.
#[inline(never)]
fn counted(act: &mut dyn FnMut(), count: u32) {
    repeat(act, count);
}

fn repeat(act: &mut dyn FnMut(), count: u32) {
    (0..count).for_each(|_| act());
}
