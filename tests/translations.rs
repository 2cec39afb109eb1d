//! docs/from-requests.md and docs/from-reqwest-and-ureq.md: every Rust line of their tables is compiled here.
//!
//! The functions of `requests` and `others` below are the source of the tables. Their first line of documentation is a heading;
//! a comment is the left column, a comment that begins with `>` a remark, and the statement after it the right column. The
//! test compares the pages with that. `PETITION_WRITE_DOCS=1 cargo test --all-features --test translations` writes them.
#![cfg(all(feature = "json", feature = "digest", feature = "native-tls"))]

#[path = "translations/others.rs"]
mod others;
#[path = "translations/requests.rs"]
mod requests;

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_page_for_users_of_requests_has_what_is_compiled_here() {
    compare("docs/from-requests.md", include_str!("translations/requests.rs"), "requests", 150);
}

#[test]
fn the_page_for_users_of_reqwest_and_ureq_has_what_is_compiled_here() {
    compare("docs/from-reqwest-and-ureq.md", include_str!("translations/others.rs"), "reqwest, ureq", 40);
}

const BEGIN: &str = "<!-- made from tests/translations -->\n";
const END: &str = "<!-- end -->\n";

fn compare(page: &str, code: &str, left: &str, least: usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = text.split_once(BEGIN).expect("the page says where the tables begin");
    let (_, after) = rest.split_once(END).expect("the page says where the tables end");
    let sections = sections(code);
    let rows: usize = sections.iter().map(|section| section.rows.len()).sum();
    assert!(rows >= least, "only {rows} rows");

    let made = format!("{before}{BEGIN}{}{END}{after}", tables(&sections, left));
    if std::env::var_os("PETITION_WRITE_DOCS").is_some() {
        write(&path, &made);
    } else {
        assert!(
            text == made,
            "{page} differs from tests/translations: run PETITION_WRITE_DOCS=1 cargo test --all-features --test translations"
        );
    }
}

fn write(path: &PathBuf, text: &str) {
    fs::write(path, text).expect("the page can be written");
}

struct Section {
    heading: String,
    text: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Default)]
struct Row {
    left: String,
    remark: String,
    right: String,
}

fn sections(code: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut statement = String::new();
    for line in code.lines() {
        if let Some(text) = line.strip_prefix("/// # ") {
            sections.push(Section { heading: text.to_owned(), text: Vec::new(), rows: Vec::new() });
        } else if let (Some(text), Some(section)) = (line.strip_prefix("/// "), sections.last_mut()) {
            section.text.push(text.to_owned());
        } else if let (Some(text), Some(section)) = (line.trim_start().strip_prefix("// "), sections.last_mut()) {
            end(&mut section.rows, &mut statement);
            match (text.strip_prefix("> "), section.rows.last_mut()) {
                (Some(remark), Some(row)) => {
                    if !row.remark.is_empty() {
                        row.remark.push(' ');
                    }
                    row.remark.push_str(remark);
                }
                _ => section.rows.push(Row { left: text.to_owned(), ..Row::default() }),
            }
        } else if let Some(section) = sections.last_mut() {
            match line.trim() {
                "" | "}" => end(&mut section.rows, &mut statement),
                _ if !line.starts_with("    ") => statement.clear(),
                part => {
                    let joined = part.starts_with(['.', ')', ']', '?']) || statement.ends_with(['(', '[']);
                    if !joined && !statement.is_empty() {
                        statement.push(' ');
                    }
                    statement.push_str(part);
                }
            }
        }
    }
    sections
}

/// Gives a statement to the row whose comment came before it.
fn end(rows: &mut [Row], statement: &mut String) {
    let text = std::mem::take(statement);
    let text = text.strip_prefix("let _ = ").unwrap_or(&text);
    // The end of a function is no part of the row.
    let text = text.strip_suffix(" Ok(())").unwrap_or(text);
    let text = text.strip_suffix(';').unwrap_or(text).replace(",)", ")").replace(",]", "]");
    if let Some(row) = rows.last_mut() {
        if row.right.is_empty() {
            row.right = text;
        }
    }
}

fn tables(sections: &[Section], left: &str) -> String {
    let mut out = String::new();
    for section in sections {
        out.push_str(&format!("\n## {}\n\n", section.heading));
        if !section.text.is_empty() {
            out.push_str(&format!("{}\n\n", section.text.join("\n")));
        }
        out.push_str(&format!("| {left} | petition | remarks |\n|---|---|---|\n"));
        for row in &section.rows {
            let right = if row.right.is_empty() { String::new() } else { format!("`{}`", escape(&row.right)) };
            out.push_str(&format!("| {} | {right} | {} |\n", escape(&row.left), row.remark));
        }
    }
    out.push('\n');
    out
}

/// A bar would end a cell, also within code.
fn escape(text: &str) -> String {
    text.replace('|', "\\|")
}
