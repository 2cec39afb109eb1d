//! The counting: what one more operation takes, which no other load of the machine changes.
//!
//! A count is the difference between a run of 2N and one of N operations, divided by N, so that start-up and the first
//! connection cancel out. All threads of a peer count, those that it starts itself too.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::cases::Case;
use crate::peers::Peer;
use crate::server::Server;

/// Of one operation, or of one MiB where bodies are large. `None` where the tool or the case is missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub instructions: Option<f64>,
    pub calls: Option<f64>,
    pub allocations: Option<f64>,
    pub bytes: Option<f64>,
}

pub fn count(peer: &Peer, case: &Case, server: &Server, dir: &Path) -> Counts {
    let runs = match case {
        _ if case.is_start() => 1,
        _ if case.is_large() => 2,
        _ if case.path == "close" || case.operation == "once" => 50,
        _ => 200,
    };
    let units = runs as f64 * if case.is_large() { case.length() as f64 / f64::from(1 << 20) } else { 1.0 };
    let each = |measure: &dyn Fn(u32) -> Option<Vec<f64>>| -> Option<Vec<f64>> {
        let once = measure(runs)?;
        if case.is_start() {
            return Some(once);
        }
        let twice = measure(2 * runs)?;
        Some(once.iter().zip(&twice).map(|(once, twice)| (twice - once) / units).collect())
    };
    let command = |prefix: &[&str], count: u32| {
        let mut command = peer.command(case, server, prefix);
        command.arg(count.to_string()).stdin(Stdio::null());
        command
    };
    let file = dir.join("counted");
    let _ = std::fs::remove_file(&file);
    let path = file.to_str().expect("the folder's name is text");
    let instructions = each(&|count| {
        let out = format!("--callgrind-out-file={path}");
        text_after(command(&["valgrind", "--tool=callgrind", &out], count), "Collected : ", 1)
    });
    let heap = each(&|count| {
        let prefix = ["valgrind", "--tool=memcheck", "--undef-value-errors=no", "--leak-check=no"];
        // "total heap usage: 31 allocs, 20 frees, 3,412 bytes allocated"
        let numbers = text_after(command(&prefix, count), "total heap usage: ", 3)?;
        Some(vec![numbers[0], numbers[2]])
    });
    let calls = each(&|count| {
        let mut strace = command(&["strace", "-f", "-c", "-o", path], count);
        let status = strace.stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
        if !status.success() {
            return None;
        }
        // The last line: % time, seconds, usecs/call, calls, errors if any, "total".
        let table = std::fs::read_to_string(&file).ok()?;
        let total = table.lines().rev().find(|line| line.ends_with(" total"))?;
        Some(vec![total.split_whitespace().nth(3)?.parse().ok()?])
    });
    let first = |numbers: &Option<Vec<f64>>, at: usize| numbers.as_ref().map(|numbers| numbers[at]);
    Counts {
        instructions: first(&instructions, 0),
        calls: first(&calls, 0),
        allocations: first(&heap, 0),
        bytes: first(&heap, 1),
    }
}

/// The first numbers after a text that a tool prints at its end.
fn text_after(mut command: Command, text: &str, numbers: usize) -> Option<Vec<f64>> {
    let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output().ok()?;
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    // A process may start others (taskset, an interpreter's wrapper): the last one is the peer.
    let rest = printed.rsplit(text).next().filter(|_| output.status.success() && printed.contains(text))?;
    let words =
        rest.split_whitespace().map_while(|word| Some(word.trim_end_matches(':')).filter(|word| !word.is_empty()));
    let found: Vec<f64> = words.filter_map(|word| word.replace(',', "").parse().ok()).take(numbers).collect();
    (found.len() == numbers).then_some(found)
}
