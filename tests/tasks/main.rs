//! The thirty tasks of docs/tasks.md: each file has the lines that the page shows, and a test that runs them.
//!
//! The page shows a file up to `// The test of these lines.` `PETITION_WRITE_DOCS=1 cargo test --all-features --test tasks`
//! writes that into the page.
#![cfg(all(feature = "json", feature = "digest", feature = "native-tls", feature = "testing"))]

mod t01;
mod t02;
mod t03;
mod t04;
mod t05;
mod t06;
mod t07;
mod t08;
mod t09;
mod t10;
mod t11;
mod t12;
mod t13;
mod t14;
mod t15;
mod t16;
mod t17;
mod t18;
mod t19;
mod t20;
mod t21;
mod t22;
mod t23;
mod t24;
mod t25;
mod t26;
mod t27;
mod t28;
mod t29;
mod t30;

use std::fs;
use std::path::{Path, PathBuf};

use petition::Session;

/// A session that is not disturbed by the environment of the tests.
fn session() -> Session {
    let mut session = Session::new();
    session.trust_env = false;
    session
}

/// An empty folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tasks-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the folder can be made");
    folder
}

/// A URL at which nobody listens.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    format!("http://{}/", listener.local_addr().expect("it has an address"))
}

/// An error with its sources.
fn chain(error: &petition::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

#[test]
fn the_page_shows_the_lines_that_are_tested() {
    const END: &str = "// The test of these lines.";
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = root.join("docs/tasks.md");
    let text = fs::read_to_string(&page).expect("the page is there");
    let mut made = String::new();
    let mut rest = text.as_str();
    for number in 1..=30 {
        let code = fs::read_to_string(root.join(format!("tests/tasks/t{number:02}.rs"))).expect("each task has a file");
        let code = code.split(END).next().expect("a file has a beginning").trim_end();
        let at = rest.find(&format!("\n## {number}. ")).expect("each task has a heading");
        let fence = at + rest[at..].find("```rust\n").expect("each task has code") + "```rust\n".len();
        let end = fence + rest[fence..].find("```").expect("a fence ends");
        made += &format!("{}{code}\n```", &rest[..fence]);
        rest = &rest[end + 3..];
    }
    made += rest;

    if std::env::var_os("PETITION_WRITE_DOCS").is_some() {
        fs::write(&page, made).expect("the page can be written");
    } else {
        assert!(
            text == made,
            "docs/tasks.md differs from tests/tasks: run PETITION_WRITE_DOCS=1 cargo test --all-features --test tasks"
        );
    }
}
