//! The peers: which there are, how each is built, and one running for one case.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::cases::Case;
use crate::server::Server;

pub struct Peer {
    pub name: String,
    pub version: String,
    /// The program, and what comes before its arguments.
    program: PathBuf,
    leading: Vec<String>,
}

/// Name, package of this workspace, and its features if not the default ones.
const BUILT: [(&str, &str, Option<&str>); 10] = [
    ("raw", "raw", None),
    ("petition", "petition", None),
    ("petition, rustls", "petition", Some("rustls")),
    ("petition, vendored", "petition", Some("native-tls-vendored")),
    ("ureq", "ureq", None),
    ("attohttpc", "attohttpc", None),
    ("minreq", "minreq", None),
    ("reqwest", "reqwest", None),
    ("isahc", "isahc", None),
    ("curl", "curl", None),
];

const PYTHON: [&str; 2] = ["requests", "niquests"];

impl Peer {
    pub fn is_raw(&self) -> bool {
        self.name == "raw"
    }

    /// Whether it has something of its own to show: another TLS library matters over TLS only.
    pub fn takes_part_in(&self, case: &Case) -> bool {
        case.tls && (self.name != "petition, vendored" || case.is_start()) || !self.name.starts_with("petition, ")
    }

    /// The command of one case, without a count.
    pub fn command(&self, case: &Case, server: &Server, prefix: &[&str]) -> Command {
        let mut words: Vec<&OsStr> = prefix.iter().map(OsStr::new).collect();
        words.push(self.program.as_os_str());
        words.extend(self.leading.iter().map(OsStr::new));
        let mut command = Command::new(words[0]);
        // For a bare socket, as many threads as connections: nobody waits.
        let threads = if self.is_raw() && case.slots > 0 { case.slots } else { case.threads };
        command.args(&words[1..]).args([case.operation, &server.url(case.tls, case.path)]);
        command.args([case.length(), threads, case.slots].map(|number| number.to_string()));
        // Nothing of the machine: a large environment costs time where it is searched, and a proxy would be used.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", "/nonexistent").env("LANG", "C.UTF-8");
        // One authority. To start with all that the system trusts is a case of its own.
        let trusted = if case.name == "tls-start" { server.bundle() } else { server.authority.clone() };
        for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"] {
            command.env(name, &trusted);
        }
        command
    }

    /// Starts it, with its first connection made. `None` if it cannot do the case.
    pub fn start(&self, case: &Case, server: &Server, core: Option<&str>) -> Option<Running> {
        let pinned = core.filter(|_| case.one_core).map(|core| ["taskset", "-c", core]);
        let mut command = self.command(case, server, pinned.as_ref().map_or(&[], |words| &words[..]));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a peer starts");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut running = Running { child, input: Some(input), output };
        running.answer().map(|_| running)
    }
}

/// A peer that waits for a number of operations to do.
pub struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// Nanoseconds of so many operations, and where threads shared them, of the thread in the middle.
    pub fn run(&mut self, count: u64) -> Option<(f64, Option<f64>)> {
        writeln!(self.input.as_mut()?, "{count}").ok()?;
        self.answer()
    }

    fn answer(&mut self) -> Option<(f64, Option<f64>)> {
        let line = self.output.next()?.ok()?;
        let mut numbers = line.split(' ').map_while(|word| word.parse().ok());
        numbers.next().map(|all| (all, numbers.next()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It ends with its input; one that hangs is ended.
        drop(self.input.take());
        for _ in 0..50 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that runs on the given core, if there is one.
pub fn on_core(program: &Path, core: Option<&str>) -> Command {
    let Some(core) = core else { return Command::new(program) };
    let mut command = Command::new("taskset");
    command.args(["-c", core]).arg(program);
    command
}

/// Builds what can be built here; says what is missing, and why.
pub fn all(root: &Path, wanted: &dyn Fn(&str) -> bool) -> Vec<Peer> {
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).unwrap_or_default();
    let mut peers: Vec<Peer> =
        BUILT.iter().filter(|(name, ..)| wanted(name)).filter_map(|peer| built(root, &lock, *peer)).collect();
    let python = std::env::var("PETITION_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    for module in PYTHON.into_iter().filter(|name| wanted(name)) {
        let script =
            "import sys, importlib; print(sys.executable); print(importlib.import_module(sys.argv[1]).__version__)";
        let output = Command::new(&python).args(["-c", script, module]).output();
        let text = output.as_ref().map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned());
        // The interpreter itself: a wrapper in front of it would be counted.
        let [interpreter, version] = text.lines().collect::<Vec<_>>()[..] else {
            eprintln!("missing: {module} ({python} cannot import it)");
            continue;
        };
        peers.push(Peer {
            name: module.to_owned(),
            version: version.to_owned(),
            program: PathBuf::from(interpreter),
            leading: vec![root.join("peers/python.py").display().to_string(), module.to_owned()],
        });
    }
    peers
}

fn built(root: &Path, lock: &str, (name, package, features): (&str, &str, Option<&str>)) -> Option<Peer> {
    eprintln!("building {name}");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).args(["build", "--release", "--quiet", "--package", &format!("compare-{package}")]);
    if let Some(features) = features {
        cargo.args(["--no-default-features", "--features", features]);
    }
    if !cargo.status().is_ok_and(|status| status.success()) {
        eprintln!("missing: {name} (it does not build here)");
        return None;
    }
    // The next build of the same package replaces the program.
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let file = name.replace(", ", "-");
    let program = target.join("release").join(format!("peer-{file}"));
    std::fs::copy(target.join("release").join(format!("compare-{package}")), &program).expect("it was built");
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{package}\"\n")));
    let version = entry.and_then(|entry| entry.split("version = \"").nth(1)?.split('"').next()).unwrap_or("");
    Some(Peer { name: name.to_owned(), version: version.to_owned(), program, leading: Vec::new() })
}
