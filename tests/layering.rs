//! The direction of dependencies, read from `src/**`: modules know only what is below them (docs/architecture.md).
//!
//! What counts is every `crate::…` path outside tests and comments; test modules, `testing/` and `fuzzing/` may look
//! anywhere. A module that is in no layer fails, so that a new one is given its place here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the top. Modules of one layer do not know each other, but for those of the last.
const LAYERS: [&[&str]; 8] = [
    &["api"],
    &["session"],
    &["adapter"],
    &["net", "pool"],
    &["auth"],
    &["message"],
    &["http1", "retry", "cookies", "form", "proxy", "pace"],
    &[
        "error",
        "url",
        "headers",
        "pair",
        "timeout",
        "verify",
        "setting",
        "status",
        "clock",
        "cancel",
        "text",
        "semantics",
        "log_targets",
        "whole_file",
    ],
];

/// An `Error` carries the request and the response it is about, and the `Retry` that gave up.
const UPWARDS: [(&str, &str); 2] = [("error", "message"), ("error", "retry")];

/// Downwards, and yet forbidden: a session has adapters for these, a pool keeps connections of any kind, and the last two
/// are values that need no time.
const SHORT_CUTS: [(&str, &[&str]); 4] = [
    ("session", &["net", "pool", "http1", "retry"]),
    ("pool", &["message", "http1", "url", "headers", "error", "proxy", "retry"]),
    ("http1", &["clock", "timeout", "url"]),
    ("url", &["clock"]),
];

#[test]
fn modules_know_only_what_is_below_them() {
    let mut wrong = Vec::new();
    for file in source() {
        if matches!(&*file.module, "lib" | "testing" | "fuzzing") {
            continue;
        }
        for (line, names) in crate_paths(&file.code) {
            for to in names.iter().filter(|to| **to != file.module) {
                if let Err(what) = edge(&file.module, to) {
                    wrong.push(format!("{}:{line}: {} -> {to}: {what}", file.path.display(), file.module));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Rooms whose files know each other in one direction only.
const WITHOUT_CIRCLES: [&str; 4] = ["adapter", "http1", "net", "proxy"];

/// A transport may be one of TLS, and TLS is spoken over a transport.
const MUTUAL: [(&str, &str, &str); 1] = [("net", "transport", "tls")];

#[test]
fn files_of_a_room_do_not_know_each_other_in_circles() {
    let source = source();
    for room in WITHOUT_CIRCLES {
        let mut edges = edges_within(room, &source);
        assert!(edges.values().map(BTreeSet::len).sum::<usize>() > 5, "the files of {room} know some of each other");
        for (_, from, to) in MUTUAL.iter().filter(|(of, ..)| *of == room) {
            assert!(edges.get_mut(*from).is_some_and(|known| known.remove(*to)), "{from} knows {to} no more");
        }
        assert_eq!(circle(&edges), None, "in {room}");
    }
}

#[test]
fn circles_are_found_also_through_what_a_room_exports() {
    let file = |path: &str, code: &str| Source {
        path: path.into(),
        module: "room".into(),
        text: String::new(),
        code: code.into(),
    };
    let mut source = vec![
        file(
            "src/room/mod.rs",
            "mod a;\nmod b;\nmod c;\npub use self::c::{Cee, other as Sea};\npub(crate) use a::Ay;\n",
        ),
        file("src/room/a.rs", "use super::b;\nuse crate::other::Sea;\n"),
        file("src/room/b/mod.rs", "use crate::room::{Sea, Trait};\nuse self::inner::c;\n"),
        file("src/room/b/inner.rs", "use super::a;\n"),
        file("src/room/c.rs", "fn f() -> super::Nothing {}\n"),
    ];
    assert_eq!(circle(&edges_within("room", &source)), None);

    source[4].code.push_str("use super::{d::x, Ay};\n");

    let found = circle(&edges_within("room", &source)).expect("c knows a, by its name in the room");
    assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(["a", "b", "c"]));
}

#[test]
fn the_codec_touches_neither_io_nor_the_network() {
    for file in source().iter().filter(|file| file.module == "http1") {
        for forbidden in ["std::io", "std::net", "crate::net", "Instant", "SystemTime"] {
            assert_eq!(lines_with(&file.code, forbidden), [0; 0], "{forbidden} in {}", file.path.display());
        }
    }
}

#[test]
fn only_the_clock_reads_the_time_and_sleeps() {
    let mut seen = BTreeSet::new();
    for file in source() {
        // Tests too: one that sleeps is slow, and one that looks at the time is right only now and then.
        for call in ["Instant::now", "SystemTime::now", "thread::sleep"] {
            let lines = lines_with(&without_comments(&file.text), call);
            if file.module == "clock" && !lines.is_empty() {
                seen.insert(call);
            } else {
                assert_eq!(lines, [0; 0], "{call} in {}", file.path.display());
            }
        }
    }
    assert_eq!(seen.len(), 3, "the clock reads the time and sleeps: {seen:?}");
}

#[test]
fn modules_name_each_other_by_their_path_from_the_crate() {
    for file in source() {
        let is_top = file.path.components().count() == 2 || file.path.ends_with(format!("{}/mod.rs", file.module));
        if is_top && file.module != "lib" {
            let found = file.code.lines().any(|line| line.starts_with("use super::"));
            assert!(!found, "{}: `super` is the crate there", file.path.display());
        }
    }
}

#[test]
fn a_mod_file_holds_a_header_its_modules_re_exports_and_at_most_one_trait() {
    for file in source().iter().filter(|file| file.path.ends_with("mod.rs")) {
        // Left to do: the choice of the backend, feature by feature, has no file of its own.
        if !file.path.ends_with("net/tls/mod.rs") {
            assert_eq!(content_of_mod(&file.code), Ok(()), "{}", file.path.display());
        }
    }
}

#[test]
fn log_targets_are_named_in_one_place() {
    for file in source() {
        if file.module != "log_targets" {
            assert_eq!(lines_with(&file.code, "\"petition::"), [0; 0], "{}", file.path.display());
        }
    }
}

#[test]
fn content_of_a_mod_file_is_found() {
    for (code, want) in [
        ("//! A room.\n\nmod a;\n#[cfg(test)]\nmod tests;\n\npub use a::{\n    B, C,\n};\npub(crate) mod d;\n", Ok(())),
        ("mod a;\n\n/// What.\npub trait T {\n    fn t();\n}\n", Ok(())),
        ("mod a;\n\npub trait T {\n    fn t();\n}\n\ntrait U {}\n", Err("trait U {}")),
        ("mod a;\n\nfn b() {}\n", Err("fn b() {}")),
        ("struct A;\n", Err("struct A;")),
        ("impl A for B {}\n", Err("impl A for B {}")),
    ] {
        assert_eq!(content_of_mod(code), want, "{code}");
    }
}

#[test]
fn edges_that_point_up_sideways_or_nowhere_are_found() {
    for (from, to) in [("session", "adapter"), ("adapter", "http1"), ("auth", "message"), ("headers", "error")] {
        assert_eq!(edge(from, to), Ok(()), "{from} -> {to}");
    }
    for (from, to) in [
        ("adapter", "session"),
        ("message", "auth"),
        ("pool", "net"),
        ("net", "pool"),
        ("retry", "http1"),
        ("session", "pool"),
        ("url", "message"),
        ("session", "Response"),
        ("novel", "error"),
    ] {
        assert!(edge(from, to).is_err(), "{from} -> {to}");
    }
    assert_eq!(edge("error", "message"), Ok(()));
}

#[test]
fn paths_are_found_in_groups_and_tests_are_left_out() {
    let code = code_of(
        "use crate::{error::Error, pool::{self, Lease}};\n// crate::api\nfn a() -> crate::url::Url {}\n#[cfg(test)]\nuse \
         crate::api;\n#[cfg(all(test, unix))]\nmod tests {\n    fn b() { crate::session::x() }\n}\nfn c() { \
         crate::net::d() }\n",
    );

    let found: Vec<_> = crate_paths(&code).into_iter().flat_map(|(_, names)| names).collect();

    assert_eq!(found, ["error", "pool", "url", "net"]);
}

/// The first line of a `mod.rs` that belongs in another file.
fn content_of_mod(code: &str) -> Result<(), &str> {
    let mut traits = 0;
    for line in code.lines().filter(|line| !line.starts_with([' ', '}'])) {
        let item = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub(super) ")).or(line.strip_prefix("pub "));
        let item = item.unwrap_or(line);
        traits += usize::from(item.starts_with("trait "));
        let fits = ["//", "#[", ")]", "mod ", "use "].iter().any(|start| item.starts_with(start));
        if !(fits || item.is_empty() || (item.starts_with("trait ") && traits == 1)) {
            return Err(line);
        }
    }
    Ok(())
}

/// A file of `src`, with its module at the top of the crate.
struct Source {
    path: PathBuf,
    module: String,
    text: String,
    /// The text without comments and tests; empty for a file that is a test.
    code: String,
}

fn source() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    walk(&root.join("src"), &mut paths);
    let mut files: Vec<Source> = paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file can be read");
            let path = path.strip_prefix(root).expect("it is below the root").to_path_buf();
            let first = path.components().nth(1).expect("it is below src").as_os_str().to_string_lossy();
            Source { module: first.trim_end_matches(".rs").to_owned(), code: code_of(&text), text, path }
        })
        .collect();
    let tests: Vec<PathBuf> = files.iter().flat_map(|file| test_files(&file.path, &file.text)).collect();
    assert!(files.len() > 50 && !tests.is_empty(), "this is not the tree that the test knows");
    for file in &mut files {
        if tests.contains(&file.path) {
            file.code.clear();
        }
    }
    files
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// Whether `from` may know `to`.
fn edge(from: &str, to: &str) -> Result<(), String> {
    let layer = |module: &str| {
        let found = LAYERS.iter().position(|layer| layer.contains(&module));
        found.ok_or_else(|| format!("{module} is no module of a layer"))
    };
    let (above, below) = (layer(from)?, layer(to)?);
    if UPWARDS.contains(&(from, to)) {
        return Ok(());
    }
    if SHORT_CUTS.iter().any(|(module, forbidden)| *module == from && forbidden.contains(&to)) {
        return Err("forbidden by name".to_owned());
    }
    match below.cmp(&above) {
        std::cmp::Ordering::Less => Err("points up".to_owned()),
        std::cmp::Ordering::Equal if below != LAYERS.len() - 1 => Err("points sideways".to_owned()),
        _ => Ok(()),
    }
}

/// Which files and folders of a room know which others of it, by their names.
fn edges_within(room: &str, source: &[Source]) -> BTreeMap<String, BTreeSet<String>> {
    let root = Path::new("src").join(room);
    let files: Vec<(String, &Source)> = source
        .iter()
        .filter_map(|file| {
            let first = file.path.strip_prefix(&root).ok()?.components().next()?.as_os_str().to_string_lossy();
            Some((first.trim_end_matches(".rs").to_owned(), file))
        })
        .collect();
    let is_file = |name: &str| files.iter().any(|(file, _)| file == name);
    // What `mod.rs` exports is its file's, not its own.
    let mut exports = BTreeMap::new();
    for (_, file) in files.iter().filter(|(name, _)| name == "mod") {
        for line in file.code.split("use ").skip(1).filter_map(|line| line.split(';').next()) {
            let Some((from, names)) = line.trim_start_matches("self::").split_once("::") else { continue };
            for name in names.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|name| !name.is_empty()) {
                exports.insert(name.to_owned(), from.to_owned());
            }
        }
    }
    let mut edges = BTreeMap::<String, BTreeSet<String>>::new();
    for (name, file) in files.iter().filter(|(name, _)| name != "mod") {
        let in_folder = file.path.components().count() > 3;
        let is_top = !in_folder || file.path.ends_with("mod.rs");
        let mut paths = paths_after(&format!("crate::{room}::"), &file.code);
        paths.extend(paths_after(if is_top { "super::" } else { "super::super::" }, &file.code));
        for to in paths.into_iter().flat_map(|(_, names)| names) {
            let to = if is_file(&to) { Some(to) } else { exports.get(&to).cloned() };
            if let Some(to) = to.filter(|to| to != name && is_file(to)) {
                edges.entry(name.clone()).or_default().insert(to);
            }
        }
    }
    edges
}

/// Some names that lead from one to the next and back to the first.
fn circle(edges: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn walk<'a>(
        at: &'a str,
        edges: &'a BTreeMap<String, BTreeSet<String>>,
        way: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<String>> {
        if let Some(start) = way.iter().position(|name| *name == at) {
            return Some(way[start..].iter().map(|name| (*name).to_owned()).collect());
        }
        if done.contains(at) {
            return None;
        }
        way.push(at);
        let found = edges.get(at).into_iter().flatten().find_map(|to| walk(to, edges, way, done));
        way.pop();
        done.insert(at);
        found
    }
    let mut done = BTreeSet::new();
    edges.keys().find_map(|from| walk(from, edges, &mut Vec::new(), &mut done))
}

/// The first names of `crate::…` paths, by line.
fn crate_paths(code: &str) -> Vec<(usize, Vec<String>)> {
    paths_after("crate::", code)
}

/// The first names behind `prefix`, by line.
fn paths_after(prefix: &str, code: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for (at, start) in code.match_indices(prefix) {
        let line = code[..at].matches('\n').count() + 1;
        let rest = &code[at + start.len()..];
        found.push((line, if rest.starts_with('{') { group(rest) } else { vec![name(rest)] }));
    }
    found
}

/// The first names of `{a::b, c::{d, e}, f}`.
fn group(text: &str) -> Vec<String> {
    let (mut depth, mut names, mut expected) = (0, Vec::new(), false);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => {}
            c if c.is_whitespace() => continue,
            _ => {
                if expected && depth == 1 {
                    names.push(name(&text[at..]));
                }
                expected = false;
                continue;
            }
        }
        if depth == 0 {
            break;
        }
        expected = true;
    }
    names
}

fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn lines_with(code: &str, what: &str) -> Vec<usize> {
    code.lines().enumerate().filter(|(_, line)| line.contains(what)).map(|(index, _)| index + 1).collect()
}

fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|line| match line.find("//") {
        // Not the `//` of a URL in a string.
        Some(at) if !line[..at].ends_with(':') => &line[..at],
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `text` without comments and test items; their lines stay, empty.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut lines = without_comments(text).lines().map(str::to_owned).collect::<Vec<_>>().into_iter();
    while let Some(line) = lines.next() {
        if is_test_attribute(&line) {
            let indent = line.len() - line.trim_start().len();
            let end = format!("{}}}", " ".repeat(indent));
            // rustfmt sees to it that an item ends in `;` on its first line, or in `}` below its attribute.
            let mut item = false;
            for line in lines.by_ref() {
                code.push('\n');
                let is_attribute = line.trim_start().starts_with("#[");
                if line == end || (!item && !is_attribute && line.ends_with([';', '}'])) {
                    break;
                }
                item |= !is_attribute;
            }
        } else {
            code.push_str(&line);
        }
        code.push('\n');
    }
    code
}

fn is_test_attribute(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("#[cfg(test)") || line.starts_with("#[cfg(all(test")
}

/// The files of `#[cfg(test)] mod name;` lines.
fn test_files(path: &Path, text: &str) -> Vec<PathBuf> {
    let parent = path.parent().expect("a file has a folder");
    let folder =
        if path.ends_with("mod.rs") || path.ends_with("lib.rs") { parent.into() } else { path.with_extension("") };
    let mut found = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if is_test_attribute(line) {
            is_test = true;
        } else if !line.starts_with("#[") {
            let module = line.trim_start_matches("pub(crate) ").strip_prefix("mod ").and_then(|m| m.strip_suffix(';'));
            if let (true, Some(module)) = (is_test, module) {
                found.push(folder.join(format!("{module}.rs")));
            }
            is_test = false;
        }
    }
    found
}
