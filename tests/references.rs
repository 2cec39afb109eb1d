//! The repository stands on its own: what its files name is in it.
//!
//! Ids are rows of docs/parity.md, decisions are headings of docs/decisions.md, files and links lead somewhere, nothing
//! names a folder beside the repository, and rustdoc, which is read without the repository, has no ids at all.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What is looked through. Recorded data says what it says.
const ROOTS: [&str; 9] =
    ["src", "tests", "examples", "benches", "fuzz/fuzz_targets", "docs", ".ci", "README.md", "CONTRIBUTING.md"];
const DATA: [&str; 5] = ["testdata", "data", "scenarios", "expected", "target"];
const ENDINGS: [&str; 7] = ["rs", "md", "py", "sh", "toml", "txt", ""];

/// Names of standards and algorithms that look like ids.
const NOT_IDS: [&str; 7] = ["UTF", "SHA", "ISO", "RFC", "ANSI", "CVE", "RUSTSEC"];

#[test]
fn each_id_is_a_row_of_the_table() {
    let rows = rows();
    assert!(rows.len() > 500, "only {} rows were found", rows.len());

    let mut wrong = Vec::new();
    let mut seen = 0;
    for (path, text) in files() {
        for (number, line) in numbered(&text) {
            for id in ids(line) {
                seen += 1;
                if !rows.contains(id) {
                    wrong.push(format!("{path}:{number}: {id}"));
                }
            }
        }
    }
    assert!(seen > 500, "only {seen} ids were found");
    assert_eq!(wrong, Vec::<String>::new(), "no such row in docs/parity.md");
}

#[test]
fn each_decision_is_a_heading() {
    let decisions = headings("docs/decisions.md");
    assert!(decisions.len() > 30, "only {} decisions were found", decisions.len());

    let mut wrong = Vec::new();
    for (path, text) in files() {
        for (number, line) in numbered(&text) {
            for rest in line.split("decisions.md#").skip(1) {
                let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap_or_default();
                if !decisions.contains(name) {
                    wrong.push(format!("{path}:{number}: {name}"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "no such heading in docs/decisions.md");
}

#[test]
fn a_decision_is_there_once_and_has_a_reason() {
    let text = read("docs/decisions.md");
    let mut names = BTreeSet::new();
    for section in text.split("\n### ").skip(1) {
        let (name, rest) = section.split_once('\n').expect("a heading is followed by its text");
        let body = rest.split("\n## ").next().unwrap_or_default();
        assert!(names.insert(name), "{name} is here twice");
        assert!(
            name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
            "{name:?} is no short name"
        );
        assert!(body.contains("\nReason: "), "{name} has no reason");
    }
    assert!(names.len() > 30);
}

/// Rustdoc shows about this many columns beside its list of items.
#[test]
fn an_example_in_rustdoc_is_at_most_78_columns_wide() {
    let mut wide = Vec::new();
    let mut seen = 0;
    for (path, text) in files().into_iter().filter(|(path, _)| path.starts_with("src/")) {
        let mut inside = false;
        for (number, line) in numbered(&text) {
            let line = line.trim_start();
            let Some(doc) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
                inside = false;
                continue;
            };
            let doc = doc.strip_prefix(' ').unwrap_or(doc);
            if doc.trim_start().starts_with("```") {
                inside = !inside;
            } else if inside && !doc.trim_start().starts_with('#') {
                seen += 1;
                if doc.chars().count() > 78 {
                    wide.push(format!("{path}:{number}: {doc}"));
                }
            }
        }
    }
    assert!(seen > 1000, "only {seen} lines of examples were found");
    assert_eq!(wide, Vec::<String>::new());
}

/// src/guides.rs makes tests of the pages that it lists.
#[test]
fn the_code_of_each_page_is_compiled() {
    let listed = read("src/guides.rs");
    let mut seen = 0;
    let mut wrong = Vec::new();
    for (path, text) in pages() {
        if text.contains("```rust") {
            seen += 1;
            if !listed.contains(&format!("\"{path}\"")) {
                wrong.push(path);
            }
        }
    }
    assert!(seen > 10, "only {seen} pages with code were found");
    assert_eq!(wrong, Vec::<String>::new(), "src/guides.rs does not list it");
}

#[test]
fn the_index_leads_to_each_page() {
    let index = read("docs/README.md");
    let missing: Vec<String> = pages()
        .into_iter()
        .filter_map(|(path, _)| path.strip_prefix("docs/").map(str::to_owned))
        .filter(|name| name != "README.md" && !index.contains(&format!("({name})")))
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "docs/README.md does not name it");
}

/// README.md and the pages of docs/.
fn pages() -> Vec<(String, String)> {
    let mut pages: Vec<(String, String)> =
        files().into_iter().filter(|(path, _)| path.starts_with("docs/") && path.ends_with(".md")).collect();
    pages.push(("README.md".to_owned(), read("README.md")));
    pages
}

#[test]
fn each_document_that_is_named_exists() {
    let mut wrong = Vec::new();
    for (path, text) in files() {
        for (number, line) in numbered(&text) {
            for name in documents(line) {
                let beside = Path::new(&path).parent().unwrap_or(Path::new("")).join(name);
                let exists = [Path::new(name), &beside].into_iter().any(|path| root().join(path).is_file());
                if !exists {
                    wrong.push(format!("{path}:{number}: {name}"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "no such file");
}

#[test]
fn each_relative_link_leads_somewhere() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (path, text) in files().into_iter().filter(|(path, _)| path.ends_with(".md")) {
        for (number, line) in numbered(&without_code(&text)) {
            for target in links(line) {
                seen += 1;
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                let folder = Path::new(&path).parent().unwrap_or(Path::new(""));
                let file = if file.is_empty() { PathBuf::from(&path) } else { folder.join(file) };
                let is_there = root().join(&file).exists();
                if !is_there || (!anchor.is_empty() && !headings(&file.to_string_lossy()).contains(anchor)) {
                    wrong.push(format!("{path}:{number}: {target}"));
                }
            }
        }
    }
    assert!(seen > 5, "only {seen} links were found");
    assert_eq!(wrong, Vec::<String>::new(), "leads nowhere");
}

#[test]
fn nothing_names_a_folder_beside_the_repository() {
    let forbidden = ["../shared", "design.md", "deviations.md", "style.md"];
    let mut wrong = Vec::new();
    for (path, text) in files().into_iter() {
        for (number, line) in numbered(&text) {
            if forbidden.iter().any(|name| line.contains(name)) {
                wrong.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn rustdoc_has_no_ids() {
    let mut wrong = Vec::new();
    for (path, text) in files().into_iter().filter(|(path, _)| path.starts_with("src/")) {
        for (number, line) in numbered(&text) {
            let line = line.trim_start();
            if (line.starts_with("///") || line.starts_with("//!")) && ids(line).next().is_some() {
                wrong.push(format!("{path}:{number}: {line}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "a user of the crate cannot look an id up");
}

#[test]
fn a_comment_in_the_source_is_more_than_an_id() {
    let mut wrong = Vec::new();
    for (path, text) in files().into_iter().filter(|(path, _)| path.starts_with("src/")) {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (number, pair) in lines.windows(2).enumerate() {
            let Some(comment) = pair[0].strip_prefix("// ") else { continue };
            // Above a test it says which rows the test proves.
            let is_of_a_test = pair[1].starts_with("#[") || pair[1].starts_with("// ");
            let words = comment.split([',', ' ', '.', ';']).filter(|word| !word.is_empty());
            if !is_of_a_test && words.clone().next().is_some() && words.clone().all(|word| word == "to" || is_id(word))
            {
                wrong.push(format!("{path}:{}: {comment}", number + 1));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn what_is_looked_for_is_found() {
    let found: Vec<&str> =
        ids("// SES-02, UTF-16, SHA-256; REDIR-01 to 03 (`COOK-10`), XPOOL-071, a-POOL-01").collect();
    assert_eq!(found, ["SES-02", "REDIR-01", "COOK-10"]);

    let found: Vec<&str> = documents("see docs/a.md, `b.md#c` and https://example.com/d.md; e.mdx").collect();
    assert_eq!(found, ["docs/a.md", "b.md"]);

    let found: Vec<&str> = links("[a](docs/a.md) [b](https://example.com) [c](#c)").collect();
    assert_eq!(found, ["docs/a.md", "#c"]);

    assert_eq!(anchor("How it is tested"), "how-it-is-tested");
    assert_eq!(anchor("Follow `Link: rel=next`"), "follow-link-relnext");
    assert_eq!(without_code("a\n```sh\n[b](c)\n```\n`[d](e)` f"), "a\n\n\n\n f\n");
}

/// The files that are looked through, by their paths from the root.
fn files() -> Vec<(String, String)> {
    let mut paths = Vec::new();
    for start in ROOTS {
        walk(&root().join(start), &mut paths);
    }
    let files = paths.into_iter().filter_map(|path| {
        let text = fs::read_to_string(&path).ok()?;
        let path = path.strip_prefix(root()).expect("it is below the root");
        let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        Some((parts.join("/"), text))
    });
    // This file has examples of what is wrong.
    let files: Vec<_> = files.filter(|(path, _)| path != "tests/references.rs").collect();
    assert!(files.len() > 200, "only {} files were found", files.len());
    files
}

fn walk(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        if path.file_name().is_some_and(|name| DATA.iter().any(|data| name == *data)) {
            return;
        }
        for entry in fs::read_dir(path).expect("a folder of the repository can be read") {
            walk(&entry.expect("an entry can be read").path(), found);
        }
    } else if ENDINGS.contains(&&*path.extension().unwrap_or_default().to_string_lossy()) {
        found.push(path.to_owned());
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// The ids in the first column of docs/parity.md.
fn rows() -> BTreeSet<String> {
    let text = read("docs/parity.md");
    let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    cells.filter(|cell| is_id(cell)).map(str::to_owned).collect()
}

/// The words like `SES-02`.
fn ids(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').filter(|word| is_id(word))
}

fn is_id(word: &str) -> bool {
    let Some((group, number)) = word.split_once('-') else { return false };
    (3..=6).contains(&group.len())
        && group.bytes().all(|byte| byte.is_ascii_uppercase())
        && number.len() == 2
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && !NOT_IDS.contains(&group)
}

/// The names of Markdown files, other than those in web addresses.
fn documents(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|c: char| !c.is_ascii_alphanumeric() && !"-_./:".contains(c));
    words.map(|word| word.trim_end_matches(['.', ':'])).filter(|word| word.ends_with(".md") && !word.contains("://"))
}

/// Where the links of a line of Markdown lead, other than to the web.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
}

/// The anchors of the headings of a Markdown file.
fn headings(path: &str) -> BTreeSet<String> {
    let text = read(path);
    // A heading keeps the words of its code, without the backticks; a comment in a fence is no heading.
    let mut is_code = false;
    let titles = text.lines().filter(|line| {
        is_code ^= line.trim_start().starts_with("```");
        !is_code && line.starts_with('#')
    });
    titles.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// Markdown without its code; lines keep their numbers.
fn without_code(text: &str) -> String {
    let mut out = String::new();
    let mut is_code = false;
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        if !fence && !is_code {
            line.split('`').step_by(2).for_each(|part| out.push_str(part));
        }
        is_code ^= fence;
        out.push('\n');
    }
    out
}
