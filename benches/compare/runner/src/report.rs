//! The tables, as Markdown: they go into docs/performance.md as they are.

use std::collections::BTreeMap;

use crate::cases::Case;
use crate::counts::Counts;
use crate::peers::Peer;
use crate::rounds::Timing;

/// One line for each case while the rounds go on.
pub fn progress(case: &Case, timings: &BTreeMap<String, Timing>) {
    let cells =
        timings.iter().map(|(name, timing)| format!("{name} {:.2} ({:.1} µs)", timing.ratio, timing.microseconds));
    eprintln!("{}: {}", case.name, cells.collect::<Vec<_>>().join(", "));
}

/// Ratios to a bare socket, and the middle half of petition's rounds; then how even the threads were.
pub fn ratios(peers: &[Peer], rows: &[(&Case, BTreeMap<String, Timing>)]) {
    let names: Vec<&str> = peers
        .iter()
        .map(|peer| &*peer.name)
        .filter(|name| rows.iter().any(|(_, row)| row.contains_key(*name)))
        .collect();
    print_row("case", names.iter().map(|name| (*name).to_owned()));
    println!("|---|{}", "---:|".repeat(names.len()));
    for (case, timings) in rows {
        let best =
            timings.iter().filter(|(name, _)| *name != "raw").map(|(_, timing)| timing.ratio).fold(0.0, f64::max);
        let cells = names.iter().map(|name| match (*name, timings.get(*name)) {
            (_, None) => "–".to_owned(),
            ("raw", Some(timing)) => format!("{:.1} µs", timing.microseconds),
            (_, Some(timing)) => {
                let text = format!("{:.2}", timing.ratio);
                let text = if timing.ratio == best { format!("**{text}**") } else { text };
                let (low, high) = timing.between;
                if *name == "petition" { format!("{text} ({low:.2} to {high:.2})") } else { text }
            }
        });
        print_row(case.title, cells);
    }
    let threads: Vec<_> = rows.iter().filter(|(_, row)| row.values().any(|timing| timing.slowest.is_some())).collect();
    if threads.is_empty() {
        return;
    }
    println!("\nThe slowest thread over the one in the middle:\n");
    print_row("case", names.iter().map(|name| (*name).to_owned()));
    println!("|---|{}", "---:|".repeat(names.len()));
    for (case, timings) in threads {
        let slowest = |name: &&str| timings.get(*name).and_then(|timing| timing.slowest);
        print_row(
            case.title,
            names.iter().map(|name| slowest(name).map_or("–".to_owned(), |slowest| format!("{slowest:.2}"))),
        );
    }
}

/// A table for each kind of count.
pub fn counts(peers: &[Peer], cases: &[&Case], count: impl Fn(&Peer, &Case) -> Counts) {
    let mut rows: Vec<(&Case, Vec<Option<Counts>>)> = Vec::new();
    for &case in cases {
        eprintln!("counting {}", case.name);
        // More threads do not make a request cost more instructions.
        if case.threads == 1 {
            rows.push((case, peers.iter().map(|peer| peer.takes_part_in(case).then(|| count(peer, case))).collect()));
        }
    }
    type Kind = (&'static str, fn(&Counts) -> Option<f64>);
    let kinds: [Kind; 4] = [
        ("User instructions (large bodies: per MiB)", |counts| counts.instructions),
        ("System calls (large bodies: per MiB)", |counts| counts.calls),
        ("Allocations (large bodies: per MiB)", |counts| counts.allocations),
        ("Bytes allocated (large bodies: per MiB)", |counts| counts.bytes),
    ];
    for (title, kind) in kinds {
        println!("\n{title}:\n");
        print_row("case", peers.iter().map(|peer| format!("{} {}", peer.name, peer.version)));
        println!("|---|{}", "---:|".repeat(peers.len()));
        for (case, row) in &rows {
            let cells = row.iter().map(|cell| cell.as_ref().and_then(kind).map_or("–".to_owned(), short));
            print_row(case.title, cells);
        }
    }
}

fn print_row(first: &str, cells: impl Iterator<Item = String>) {
    println!("| {first} | {} |", cells.collect::<Vec<_>>().join(" | "));
}

/// Three digits that matter, with `k` and `M`.
fn short(number: f64) -> String {
    match number {
        n if n >= 1e6 => format!("{:.1}M", n / 1e6),
        n if n >= 1e3 => format!("{:.1}k", n / 1e3),
        n if n >= 10.0 => format!("{n:.0}"),
        n => format!("{:.1}", n.max(0.0)),
    }
}
