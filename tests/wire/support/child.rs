//! Tests that need a process of their own: for other environment variables, or to count what a process has.
//!
//! The environment belongs to the process, and tests run side by side in one. So a test that depends on it runs itself again,
//! as the only test of a child whose environment it chose.

use std::any::type_name;
use std::fmt::Display;
use std::process::Command;

/// The variable by which a child knows the test it is for.
const CHILD: &str = "PETITION_TEST_CHILD";

/// Variables that change what petition does.
const LOOKED_AT: [&str; 16] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "REQUEST_METHOD",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSLKEYLOGFILE",
    "NETRC",
    "RUST_LOG",
];

/// The part of a test that runs in a child.
pub struct Child {
    test: String,
}

impl Child {
    /// Stands first in a test, with a closure written there, whose type names the test. In the child this runs `act`, tells
    /// the parent what it returned, and does not come back.
    pub fn new<F: FnOnce() -> R, R: Display>(act: F) -> Self {
        Self::of(type_name::<F>(), act)
    }

    /// `closure` is as in `wire::tls::name_of_the_test::{{closure}}`.
    fn of<R: Display>(closure: &str, act: impl FnOnce() -> R) -> Self {
        let (_, path) = closure.split_once("::").expect("a closure has a path");
        let (test, _) = path.rsplit_once("::").expect("a closure is written in a test");
        if std::env::var(CHILD).is_ok_and(|own| own == test) {
            println!("<<{}>>", act());
            std::process::exit(0);
        }
        Self { test: test.to_owned() }
    }

    /// What `act` returned in a process whose environment has these variables and no others that petition looks at.
    pub fn run(&self, variables: &[(&str, &str)]) -> String {
        self.run_by(Self::program(), variables)
    }

    /// This test program, to be run again.
    pub fn program() -> Command {
        Command::new(std::env::current_exe().unwrap())
    }

    /// As [`run`](Self::run), by another build of this test program.
    pub fn run_by(&self, mut command: Command, variables: &[(&str, &str)]) -> String {
        without_settings(&mut command);
        command.args(["--exact", &self.test, "--nocapture", "--test-threads=1"]).env(CHILD, &self.test);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {shown}{errors}", output.status);
        let said = shown.split_once("<<").and_then(|(_, rest)| rest.split_once(">>"));
        said.unwrap_or_else(|| panic!("the child said nothing: {shown}")).0.to_owned()
    }
}

/// Runs `act`, a closure written in a test, in a process whose environment sets nothing that petition looks at.
pub fn without_environment<F: FnOnce()>(act: F) {
    let said = Child::of(type_name::<F>(), || {
        act();
        "done"
    });
    assert_eq!(said.run(&[]), "done");
}

/// Takes out of a child's environment what petition looks at, the user's netrc file included.
pub fn without_settings(command: &mut Command) {
    for name in LOOKED_AT {
        command.env_remove(name);
    }
    for home in ["HOME", "USERPROFILE"] {
        command.env(home, "");
    }
}
