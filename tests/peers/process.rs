//! A peer as a child process: found, started, waited for, taken down.
//!
//! Knows no protocol: a peer is ready when it accepts a connection. A peer leads a process group of its own, and the
//! group is killed when its `Process` is dropped, so that workers never outlive the test.

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::env;
use std::fs::{self, File, Permissions};
use std::hash::BuildHasher;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::TempDir;

/// How long a peer may take to start, or to end. Long, as machines that run tests are busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a peer is started again, as a port that was free may be taken by the time it is bound.
const STARTS: usize = 3;

pub struct Process {
    child: Child,
    port: u16,
}

impl Process {
    /// Starts what `command` makes of a free port, and waits until that port accepts connections.
    pub fn start(dir: &Dir, command: impl Fn(u16) -> Command) -> Self {
        for _ in 0..STARTS {
            let port = free_port();
            if let Some(process) = Self::start_on(port, dir, command(port)) {
                return process;
            }
        }
        panic!("the peer does not start: {}", dir.read("output"));
    }

    /// Starts `command`, which binds `port`; `None` if it ended at once.
    pub fn start_on(port: u16, dir: &Dir, mut command: Command) -> Option<Self> {
        let output = File::create(dir.path("output")).expect("the directory is ours");
        command.stdin(Stdio::null()).stdout(output.try_clone().expect("a file")).stderr(output);
        let child = command.process_group(0).spawn().expect("the program was found");
        let mut process = Self { child, port };
        let ready = eventually(|| process.ended().is_some() || process.accepts());
        assert!(ready, "the peer does not accept connections: {}", dir.read("output"));
        process.ended().is_none().then_some(process)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Sends a signal to the process that was started, not to its children.
    pub fn signal(&self, name: &str) {
        send_signal(name, &self.child.id().to_string());
    }

    /// Waits until the process has ended.
    pub fn wait(&mut self) {
        assert!(eventually(|| self.ended().is_some()), "the peer does not end");
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child is ours")
    }

    fn accepts(&self) -> bool {
        TcpStream::connect(self.address()).is_ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The child is not yet reaped, or the number would be no longer ours to signal.
        if let Ok(None) = self.child.try_wait() {
            send_signal("KILL", &format!("-{}", self.child.id()));
            let _ = self.child.wait();
        }
    }
}

/// A temporary directory into which any user may write: peers started by root give their rights up.
pub struct Dir(TempDir);

impl Dir {
    pub fn new(name: &str) -> Self {
        let dir = TempDir::named(&format!("petition-{name}"));
        fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).expect("the directory is ours");
        Self(dir)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("temporary directories have plain names").to_owned()
    }

    pub fn root(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        self.0.file(name, content);
        self.text(name)
    }

    /// A file as text, empty if there is none.
    pub fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.path(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The program, from PATH or where systems keep what only root needs. `None` skips the test, or fails it where peers are
/// required.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin", "/usr/local/bin"].map(PathBuf::from));
    let found = places.map(|place| place.join(name)).find(|program| program.is_file());
    if found.is_none() {
        missing(name);
    }
    found
}

/// Says that a peer is not there: an error where PETITION_REQUIRE_PEERS is 1.
pub fn missing(name: &str) {
    assert!(env::var("PETITION_REQUIRE_PEERS").as_deref() != Ok("1"), "{name} is required and not installed");
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if TOLD.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned()) {
        // Not by `eprintln`, which the test harness would keep to itself.
        let _ = writeln!(io::stderr(), "skipped: {name} is not installed");
    }
}

/// Asks until the answer is yes, or the patience is at its end.
pub fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        if Instant::now() > end {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

/// A port that nobody listened on a moment ago, and that no other test was given. It is none that the system chooses itself: it
/// may give such a one to whoever asks before the peer does, and then the peer would seem to be ready.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let random = RandomState::new();
    for attempt in 0..1_000_u32 {
        let port = 10_240 + (random.hash_one(attempt) % 20_000) as u16;
        let is_free = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if is_free && GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port) {
            return port;
        }
    }
    panic!("loopback has no free port");
}

/// By the shell's own `kill`, which is everywhere.
fn send_signal(name: &str, target: &str) {
    let _ = Command::new("sh").args(["-c", "kill -s \"$0\" -- \"$1\"", name, target]).status();
}
