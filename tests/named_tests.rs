//! The tests that docs/testing.md and docs/security.md name exist, so that a promise does not outlive its proof.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn each_test_that_a_document_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    for folder in ["src", "tests"] {
        collect(&root.join(folder), &mut tests);
    }
    assert!(tests.len() > 1000, "only {} tests were found", tests.len());
    for document in ["docs/testing.md", "docs/security.md"] {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter(|word| is_name_of_test(word)).collect();
        assert!(named.len() > 10, "{document} names only {} tests", named.len());
        let missing: Vec<_> = named.iter().filter(|name| !tests.contains(**name)).collect();
        assert!(missing.is_empty(), "{document} names tests that are not there: {missing:#?}");
        for path in text.split('`').skip(1).step_by(2).filter(|word| word.starts_with("fuzz/corpus/")) {
            assert!(root.join(path).is_file(), "{document} names {path}");
        }
    }
}

/// A sentence in lower case, of at least four words.
fn is_name_of_test(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && word.split('_').filter(|part| !part.is_empty()).count() >= 4
}

/// The functions below `#[test]`.
fn collect(folder: &Path, tests: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, tests);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let mut after_mark = false;
            for line in text.lines().map(str::trim) {
                if line.starts_with("#[test]") {
                    after_mark = true;
                } else if let Some(rest) = line.strip_prefix("fn ").filter(|_| after_mark) {
                    tests.insert(rest.split('(').next().unwrap_or_default().to_owned());
                    after_mark = false;
                }
            }
        }
    }
}
