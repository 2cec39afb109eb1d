//! The counters: valgrind and strace, run on this program.
//!
//! The client's environment is always the same, for looking up a variable takes longer in a large one. Each case has a
//! server, which is not counted.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crate::cases::{CASES, Case, GROWTH, LARGE, MIB};
use crate::server::Server;

/// What is counted, for each operation or, if bodies are large, for each MiB.
pub type Counts = BTreeMap<(String, &'static str), f64>;

const TOOLS: [&str; 3] = ["valgrind", "strace", "objdump"];

/// The tools that are not here.
pub fn missing() -> Vec<&'static str> {
    TOOLS
        .into_iter()
        .filter(|tool| Command::new(tool).arg("--version").stdout(Stdio::null()).status().is_err())
        .collect()
}

/// All counts of the named cases, or of all.
pub fn all(names: &[&str]) -> Counts {
    assert_eq!(missing(), [""; 0], "these have to be installed");
    let growth = GROWTH.into_iter().flat_map(|(name, sizes)| sizes.iter().map(move |size| format!("{name}/{size}")));
    let cases = CASES.into_iter().map(str::to_owned).chain(growth);
    let is_wanted = |case: &String| {
        names.is_empty() || names.iter().any(|name| case == name || case.split('/').next() == Some(name))
    };
    let cases: Mutex<Vec<String>> = Mutex::new(cases.filter(is_wanted).collect());
    let counts = Mutex::new(Counts::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let (cases, counts) = (&cases, &counts);
            scope.spawn(move || {
                let next = || cases.lock().expect("no worker panics while it holds this").pop();
                while let Some(name) = next() {
                    let case = Case::named(&name);
                    let found = Bench { case: &case, server: Server::start(&case), worker }.counts();
                    let found = found.into_iter().map(|(kind, count)| ((name.clone(), kind), count));
                    counts.lock().expect("likewise").extend(found);
                }
            });
        }
    });
    counts.into_inner().expect("likewise")
}

struct Bench<'c> {
    case: &'c Case,
    server: Server,
    worker: usize,
}

impl Bench<'_> {
    fn counts(&self) -> Vec<(&'static str, f64)> {
        let repetitions = match self.case {
            case if case.is_start() => 1,
            case if case.is_large() => 2,
            case if case.size >= 1_000 => 5,
            case if case.size > 0 => 20,
            _ => 100,
        };
        let each = |count: f64| {
            let units = if self.case.is_large() { LARGE / MIB } else { 1 };
            count / f64::from(repetitions) / units as f64
        };
        let [instructions, atomics, clocks] = self.callgrind(repetitions).map(each);
        if self.case.size > 0 || self.case.is_start() {
            return vec![("instructions", instructions)];
        }
        // Here there is no function to count in: the difference between two runs is what the operations took.
        let more = |count: &dyn Fn(u32) -> [f64; 2]| {
            let (once, twice) = (count(repetitions), count(2 * repetitions));
            [each(twice[0] - once[0]), each(twice[1] - once[1])]
        };
        let [calls, _] = more(&|count| [self.strace(count), 0.0]);
        let [bytes, allocations] = more(&|count| self.dhat("heap", count));
        let [copied, _] = more(&|count| self.dhat("copy", count));
        vec![
            ("instructions", instructions),
            ("calls", calls),
            ("allocations", allocations),
            ("bytes", bytes),
            ("atomics", atomics),
            ("clocks", clocks),
            ("copied", copied),
        ]
    }

    fn file(&self) -> PathBuf {
        std::env::temp_dir().join(format!("petition-counts-{}-{}", std::process::id(), self.worker))
    }

    /// Runs the client under a tool; returns what the tool wrote into its file and to standard error.
    fn client(&self, tool: &[&str], count: u32) -> (String, String) {
        let own = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new(tool[0]);
        command.args(&tool[1..]).arg(own).args(["run", &self.case.full_name(), &self.server.url, &count.to_string()]);
        command.env_clear().envs((0..36).map(|n| (format!("VARIABLE_{n}"), "a value of some length")));
        command.envs([("HOME", "/nonexistent"), ("LANG", "C.UTF-8")]);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let output = command.output().expect("the tool starts");
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {printed}", self.case.full_name());
        let written = std::fs::read_to_string(self.file()).unwrap_or_default();
        let _ = std::fs::remove_file(self.file());
        (written, printed)
    }

    /// Instructions, those of them that lock memory, and reads of the clock.
    fn callgrind(&self, count: u32) -> [f64; 3] {
        let file = format!("--callgrind-out-file={}", self.file().display());
        let tool = ["valgrind", "--tool=callgrind", &file];
        if self.case.is_start() {
            let (written, _) = self.client(&tool, count);
            return profile(&written);
        }
        let exact = ["--toggle-collect=*counts*counted*", "--dump-instr=yes", "--dump-line=no"];
        let plain = ["--compress-strings=no", "--compress-pos=no"];
        let (written, _) = self.client(&[&tool[..], &exact, &plain].concat(), count);
        profile(&written)
    }

    fn strace(&self, count: u32) -> f64 {
        let file = self.file();
        let (table, _) = self.client(&["strace", "-f", "-c", "-o", file.to_str().expect("a name that is text")], count);
        // The last line: % time, seconds, usecs/call, calls, errors if any, "total".
        let total = table.lines().rev().find(|line| line.ends_with(" total")).expect("strace writes a table");
        total.split_whitespace().nth(3).and_then(|calls| calls.parse().ok()).expect("a number of calls")
    }

    /// Bytes and blocks: of the heap, or of what memcpy and its kin copied.
    fn dhat(&self, mode: &str, count: u32) -> [f64; 2] {
        let (mode, file) = (format!("--mode={mode}"), format!("--dhat-out-file={}", self.file().display()));
        let (_, printed) = self.client(&["valgrind", "--tool=dhat", &mode, &file], count);
        // "Total:     4,321 bytes in 12 blocks"
        let total = printed.split("Total:").nth(1).expect("valgrind prints a total");
        let mut numbers = total.split_whitespace().filter_map(|word| word.replace(',', "").parse().ok());
        [(); 2].map(|()| numbers.next().expect("bytes and blocks"))
    }
}

/// Sums up a profile in callgrind's format, whose names and positions are written out.
fn profile(written: &str) -> [f64; 3] {
    let (mut instructions, mut atomics, mut clocks) = (0_u64, 0, 0);
    let (mut locking, mut object) = (HashMap::<&str, HashSet<u64>>::new(), "");
    let (mut callee, mut lines) = ("", written.lines());
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("ob=") {
            object = name;
        } else if let Some(name) = line.strip_prefix("cfn=") {
            callee = name;
        } else if let Some(calls) = line.strip_prefix("calls=") {
            let calls: u64 = calls.split(' ').next().and_then(|calls| calls.parse().ok()).expect("a number of calls");
            clocks += if callee.starts_with("clock_gettime") { calls } else { 0 };
            // What the callee took is counted where it was taken.
            lines.next();
        } else if let Some((address, cost)) = line.strip_prefix("0x").and_then(|line| line.split_once(' ')) {
            let cost: u64 = cost.trim().parse().expect("a cost");
            instructions += cost;
            let locking = locking.entry(object).or_insert_with(|| locking_instructions(Path::new(object)));
            let address = u64::from_str_radix(address, 16).expect("an address");
            atomics += if locking.contains(&address) { cost } else { 0 };
        } else if let Some(total) = line.strip_prefix("totals: ").filter(|_| instructions == 0) {
            instructions = total.trim().parse().expect("a total");
        }
    }
    [instructions, atomics, clocks].map(|count| count as f64)
}

/// The addresses in an object file of instructions that lock memory: `lock`, and an exchange with memory, which implies it.
fn locking_instructions(object: &Path) -> HashSet<u64> {
    static KNOWN: Mutex<BTreeMap<PathBuf, HashSet<u64>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().expect("objdump's output is read without a panic");
    if let Some(addresses) = known.get(object) {
        return addresses.clone();
    }
    let output = Command::new("objdump").args(["-d", "-w", "--no-show-raw-insn"]).arg(object).output();
    let listing = output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned());
    // "  12ab:\tlock xadd %eax,(%rdi)"
    let locks = listing
        .lines()
        .filter_map(|line| line.trim_start().split_once(":\t"))
        .filter(|(_, text)| text.starts_with("lock ") || text.starts_with("xchg ") && text.contains('('));
    let addresses: HashSet<u64> = locks.filter_map(|(address, _)| u64::from_str_radix(address, 16).ok()).collect();
    known.insert(object.to_owned(), addresses.clone());
    addresses
}
