//! petition and its peers, side by side: `cargo run --release` in this folder prints the table of ratios.
//!
//! `--counts` prints instructions, system calls and allocations instead (valgrind and strace). `--svg FILE` draws the
//! ratios. `--cases a,b` and `--peers a,b` choose; `--rounds` and `--milliseconds` say how long.

mod cases;
mod chart;
mod counts;
mod peers;
mod report;
mod rounds;
mod server;

use std::path::{Path, PathBuf};
use std::process::Command;

use cases::{CASES, Case};
use server::Server;

#[derive(Debug)]
struct Options {
    counts: bool,
    svg: Option<PathBuf>,
    cases: Vec<String>,
    peers: Vec<String>,
    rounds: usize,
    milliseconds: f64,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut options =
        Options { counts: false, svg: None, cases: Vec::new(), peers: Vec::new(), rounds: 15, milliseconds: 40.0 };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| usage());
        match &*argument {
            "serve" => return server::serve(Path::new(&value())),
            "--counts" => options.counts = true,
            "--svg" => options.svg = Some(value().into()),
            "--cases" => options.cases = value().split(',').map(str::to_owned).collect(),
            "--peers" => options.peers = value().split(',').map(str::to_owned).collect(),
            "--rounds" => options.rounds = value().parse().unwrap_or_else(|_| usage()),
            "--milliseconds" => options.milliseconds = value().parse().unwrap_or_else(|_| usage()),
            _ => usage(),
        }
    }
    compare(&options);
}

fn usage() -> ! {
    eprintln!("usage: compare [--counts] [--svg FILE] [--cases a,b] [--peers a,b] [--rounds 15] [--milliseconds 40]");
    let names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    eprintln!("cases: {}", names.join(" "));
    std::process::exit(2);
}

fn compare(options: &Options) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the runner is a folder of the workspace");
    // Without the bare socket there is nothing to compare with. `petition` stands for its builds with other TLS libraries.
    let wanted = |name: &str| {
        let first = name.split(", ").next().expect("a first part");
        // An OpenSSL of its own takes minutes to build, and differs only in what it costs to start.
        let chosen = options.peers.is_empty() || name == "raw" || options.peers.iter().any(|peer| peer == first);
        chosen && (name != "petition, vendored" || options.cases.iter().any(|case| case == "tls-start"))
    };
    let peers = peers::all(root, &wanted);
    let dir = std::env::temp_dir().join(format!("petition-compare-{}", std::process::id()));
    std::fs::create_dir(&dir).expect("a folder of our own");
    // The last core: the first one often serves the devices.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let core = (cores - 1).to_string();
    let core = Some(&*core).filter(|_| Command::new("taskset").arg("--version").output().is_ok());
    if core.is_none() {
        eprintln!("missing: taskset, so nothing is kept on one core");
    }
    let wanted = |case: &&Case| options.cases.is_empty() || options.cases.iter().any(|name| name == case.name);
    let cases: Vec<&Case> = CASES.iter().filter(wanted).collect();
    if options.counts {
        let server = Server::start(&dir, None);
        report::counts(&peers, &cases, |peer, case| counts::count(peer, case, &server, &dir));
    } else {
        time(options, &peers, &cases, &dir, core, cores);
    }
    let _ = std::fs::remove_dir_all(&dir);
}

fn time(options: &Options, peers: &[peers::Peer], cases: &[&Case], dir: &Path, core: Option<&str>, cores: usize) {
    let servers = [core, None].map(|core| Server::start(dir, core));
    let mut rows = Vec::new();
    for &case in cases.iter().filter(|case| !case.is_start()) {
        let server = &servers[usize::from(!case.one_core)];
        let timings = rounds::time(case, peers, server, core, options.rounds, options.milliseconds);
        report::progress(case, &timings);
        rows.push((case, timings));
    }
    let machine = format!(
        "median of {} interleaved rounds of {} ms, {} {}, {cores} cores",
        options.rounds,
        options.milliseconds,
        std::env::consts::ARCH,
        std::env::consts::OS
    );
    let named = peers.iter().filter(|peer| !peer.name.contains(", ") && !peer.is_raw());
    let versions = named.map(|peer| format!("{} {}", peer.name, peer.version)).collect::<Vec<_>>().join(", ");
    println!("{machine}; {versions}\n");
    report::ratios(peers, &rows);
    if let Some(path) = &options.svg {
        std::fs::write(path, chart::draw(&rows, &machine, &versions)).expect("the picture can be written");
    }
}
