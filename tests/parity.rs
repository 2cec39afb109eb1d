//! docs/parity.md is true as far as a program can tell: each row is complete, and the tests that it names exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const STATES: [&str; 3] = ["done", "different on purpose", "not yet"];

struct Row {
    id: String,
    /// What requests does.
    behaviour: String,
    state: String,
    /// The test, the reason, or both.
    cell: String,
}

#[test]
fn each_row_is_here_once_and_says_what_requests_does_and_its_state() {
    let rows = rows();
    let mut seen = BTreeSet::new();
    for row in &rows {
        assert!(seen.insert(&row.id), "{} is here twice", row.id);
        assert!(STATES.contains(&&*row.state), "{} has the state {:?}", row.id, row.state);
        assert!(!row.cell.is_empty(), "{} says nothing", row.id);
        assert!(row.behaviour.len() > 20, "{} does not say what requests does: {:?}", row.id, row.behaviour);
    }
    assert!(rows.len() > 500, "only {} rows were found", rows.len());
}

#[test]
fn a_row_that_is_done_names_its_test() {
    for row in rows().iter().filter(|row| row.state == "done") {
        assert!(!tests_in(&row.cell).is_empty(), "{} is done, and no test is named", row.id);
    }
}

#[test]
fn the_tests_that_are_named_exist() {
    let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in rows() {
        for (path, name) in tests_in(&row.cell) {
            let tests = files.entry(path.clone()).or_insert_with(|| tests_of(&root().join(&path)));
            if !tests.contains(&name) {
                wrong.push(format!("{}: {path}::{name}", row.id));
            }
        }
    }
    assert!(!files.is_empty(), "no row names a test");
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn cases_that_are_expected_to_fail_have_a_reason() {
    let known = fs::read_to_string(root().join("docs/conformance-known.txt")).expect("the list is there");
    let mut seen = BTreeSet::new();
    for line in known.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (id, reason) = line.split_once('#').unwrap_or((line, ""));
        assert!(!reason.trim().is_empty(), "{id} has no reason");
        assert!(seen.insert(id.trim()), "{id} is here twice");
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("docs/parity.md")).expect("docs/parity.md is there");
    let rows = text.lines().filter_map(|line| {
        let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let mut cells = cells.splitn(4, " | ");
        let id = id(cells.next()?)?;
        let mut next = || cells.next().map(str::to_owned).unwrap_or_default();
        Some(Row { id, behaviour: next(), state: next(), cell: next() })
    });
    rows.collect()
}

/// `POOL-07` at the beginning of a line, followed by a blank or nothing.
fn id(text: &str) -> Option<String> {
    let id = text.split(' ').next()?;
    let (group, number) = id.split_once('-')?;
    let is_id = !group.is_empty()
        && group.bytes().all(|byte| byte.is_ascii_uppercase())
        && number.len() == 2
        && number.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then(|| id.to_owned())
}

/// The `path::name`s between back-ticks.
fn tests_in(cell: &str) -> Vec<(String, String)> {
    let code = cell.split('`').skip(1).step_by(2);
    let tests =
        code.filter_map(|code| code.split_once(".rs::").map(|(path, name)| (format!("{path}.rs"), name.to_owned())));
    tests.collect()
}

/// The names of the test functions of a file.
fn tests_of(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut found = BTreeSet::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line == "#[test]" {
            is_test = true;
        } else if let Some(function) = line.strip_prefix("fn ") {
            if std::mem::take(&mut is_test) {
                found.extend(function.split('(').next().map(str::to_owned));
            }
        }
    }
    found
}
