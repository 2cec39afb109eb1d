//! The limits: what was measured, in a file, and 3 % on top.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::process::Command;
use std::time::Instant;

use crate::measure::{self, Counts};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/counts/limits.txt");

const REGENERATE: &str = "cargo bench --bench counts -- limits";

/// Where code of the compiler or the C library is counted too, and differs, 3 % would be a limit on them.
const OTHER_TOOLCHAIN: f64 = 1.10;

/// One line for each case.
pub fn print(counts: &Counts) {
    let mut rows: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((case, kind), count) in counts {
        rows.entry(case).or_default().push(format!("{kind} {}", rounded(*count)));
    }
    rows.iter().for_each(|(case, counts)| println!("{case}: {}", counts.join(", ")));
    growth(counts).iter().for_each(|line| println!("{line}"));
}

/// What one more of something costs, from each size to the next.
fn growth(counts: &Counts) -> Vec<String> {
    let mut sizes: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for ((case, _), count) in counts {
        if let Some((name, size)) = case.split_once('/') {
            sizes.entry(name).or_default().push((size.parse().expect("a size is a number"), *count));
        }
    }
    let line = |(name, mut points): (&str, Vec<(f64, f64)>)| {
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        let each = points.windows(2).map(|pair| {
            let each = (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0);
            format!("{} each from {} to {}", rounded(each), pair[0].0, pair[1].0)
        });
        format!("{name}: {}", each.collect::<Vec<_>>().join(", "))
    };
    sizes.into_iter().map(line).collect()
}

pub fn write(counts: &Counts) {
    let mut text = format!(
        "# What each case took when this file was made, for each operation or, if bodies are large, for each MiB.\n\
         # The limit is 3 % more. To make it again: {REGENERATE}\n{}\n",
        toolchain()
    );
    for ((case, kind), count) in counts {
        let _ = writeln!(text, "{case} {kind} {}", rounded(*count));
    }
    std::fs::write(FILE, text).expect("the file of limits can be written");
    println!("{FILE}: {} limits", counts.len());
}

/// Compares these cases, or all, prints what is above its limit, and fails if anything is.
pub fn check(names: &[&str]) {
    let missing = measure::missing();
    if !missing.is_empty() || !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        let why = if missing.is_empty() {
            "the limits are for x86-64 Linux".to_owned()
        } else {
            format!("no {}", missing.join(", "))
        };
        let required = std::env::var_os("PETITION_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(!required, "counts are required: {why}");
        return println!("skipped: {why}");
    }
    let started = Instant::now();
    let text = std::fs::read_to_string(FILE).expect("the file of limits");
    let same = text.lines().any(|line| line == toolchain());
    if !same {
        println!("made with another compiler or C library, so instructions may be 10 % above: {}", toolchain());
    }
    let limits: BTreeMap<(&str, &str), f64> =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(limit).collect();
    let limit = |case: &str, kind: &str| {
        let factor = if kind == "instructions" && !same { OTHER_TOOLCHAIN } else { 1.03 };
        // A fraction of one for what happens once in a while, such as a table that grows.
        limits.get(&(case, kind)).map(|measured| measured * factor + 0.1)
    };
    let is_above = |case: &str, kind: &str, count: f64| limit(case, kind).is_none_or(|limit| count > limit);
    let mut counts = measure::all(names);
    // How much of a body has arrived when it is read is chance, and can only add to a count.
    for _ in 0..2 {
        let above = counts.iter().filter(|((case, kind), count)| is_above(case, kind, **count));
        let again: BTreeSet<String> = above.map(|((case, _), _)| case.clone()).collect();
        if again.is_empty() {
            break;
        }
        for (key, count) in measure::all(&again.iter().map(String::as_str).collect::<Vec<_>>()) {
            counts.entry(key).and_modify(|lowest| *lowest = lowest.min(count));
        }
    }
    let mut above = 0;
    for ((case, kind), count) in counts.iter().filter(|((case, kind), count)| is_above(case, kind, **count)) {
        above += 1;
        match limit(case, kind) {
            Some(limit) => println!("{case} {kind}: {}, the limit is {}", rounded(*count), rounded(limit)),
            None => println!("{case} {kind}: {} has no limit", rounded(*count)),
        }
    }
    println!("{} counts compared in {} s", counts.len(), started.elapsed().as_secs());
    if above > 0 {
        println!("{above} above the limit. If that is meant: {REGENERATE}");
        std::process::exit(1);
    }
}

fn limit(line: &str) -> Option<((&str, &str), f64)> {
    let mut words = line.split(' ');
    Some(((words.next()?, words.next()?), words.next()?.parse().ok()?))
}

/// Four digits that matter, so that a file made anew differs where something changed.
fn rounded(count: f64) -> String {
    let unit = 10_f64.powf((count.abs().max(1e-9).log10().floor() - 3.0).max(-2.0));
    let rounded = (count / unit).round() * unit;
    if unit < 1.0 { format!("{:.2}", rounded.max(0.0)) } else { format!("{rounded:.0}") }
}

/// The versions of what is counted besides this crate, as a comment.
fn toolchain() -> String {
    let first = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output();
        let text = output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned());
        text.lines().next().unwrap_or_default().to_owned()
    };
    format!("# {}; {}; {}", first("rustc", "--version"), first("ldd", "--version"), first("valgrind", "--version"))
}
