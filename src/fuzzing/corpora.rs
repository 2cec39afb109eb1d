//! The committed corpora of `fuzz/`, as tests on a stable compiler. A package has no `fuzz/`, and there is nothing to test.

#[cfg(unix)]
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

type Target = fn(&[u8]);

const TARGETS: &[(&str, Target)] = &[
    ("body_decoder", super::body_decoder),
    ("challenge", super::challenge),
    ("chunk_writer", super::chunk_writer),
    ("content_coding", super::content_coding),
    ("cookie_file", super::cookie_file),
    ("dates", super::dates),
    ("event_stream", super::event_stream),
    #[cfg(unix)]
    ("exchange", super::exchange),
    ("links", super::links),
    ("multipart", super::multipart),
    ("netrc", super::netrc),
    ("pem", super::pem),
    #[cfg(unix)]
    ("proxy_answer", super::proxy_answer),
    ("proxy_settings", super::proxy_settings),
    ("request_head", super::request_head),
    ("response_head", super::response_head),
    ("set_cookie", super::set_cookie),
    #[cfg(unix)]
    ("socks_answer", super::socks_answer),
    #[cfg(unix)]
    ("upload", super::upload),
    ("url", super::url),
];

fn fuzz() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    folder.is_dir().then_some(folder)
}

#[cfg(unix)]
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let stem = |path: PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    entries.map(|entry| stem(entry.unwrap().path())).collect()
}

#[test]
#[cfg(unix)]
fn each_target_has_a_program_a_corpus_and_an_invariant() {
    let Some(fuzz) = fuzz() else { return };
    let known: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();

    assert_eq!(names(&fuzz.join("fuzz_targets")), known);
    assert_eq!(names(&fuzz.join("corpus")), known);
    let (manifest, runner) =
        (fs::read_to_string(fuzz.join("Cargo.toml")).unwrap(), fs::read_to_string(fuzz.join("README.md")).unwrap());
    for name in &known {
        let program = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(program.starts_with("//! Invariant: ") && program.contains(&format!("fuzzing::{name}(")), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"")) && runner.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn each_file_of_the_corpora_keeps_the_invariant_of_its_target() {
    let Some(fuzz) = fuzz() else { return };
    for (name, target) in TARGETS {
        let mut files: Vec<_> =
            fs::read_dir(fuzz.join("corpus").join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            let bytes = fs::read(&file).unwrap();
            assert!(bytes.len() <= 4096, "{} is no small file", file.display());
            println!("{}", file.display());
            target(&bytes);
        }
    }
}

// The rules in `urls.rs` are not those of `src/url`: what requests was recorded to make of a URL holds for both.
#[test]
fn the_rules_that_urls_are_fuzzed_against_are_those_that_requests_was_recorded_with() {
    #[derive(serde::Deserialize)]
    struct Row {
        url: String,
        prepared: Option<String>,
    }
    let rows: Vec<Row> = serde_json::from_str(include_str!("../url/testdata/url_prepare.json")).unwrap();
    let mut compared = 0;
    for Row { url, prepared } in &rows {
        super::url(url.as_bytes());
        if let Some(own) = super::urls::by_requests(url) {
            assert_eq!(Some(&own), prepared.as_ref(), "{url:?}");
            compared += 1;
        }
    }
    assert!(compared > 40, "{compared} of {}", rows.len());
}
