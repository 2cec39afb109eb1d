//! The lines that were logged, by thread.
//!
//! There is one logger in a process, and tests run side by side in it. petition logs on the thread that calls it and starts
//! none, so that a thread's lines are a test's.

use std::cell::RefCell;
use std::sync::Once;

use log::{Level, LevelFilter, Log, Metadata, Record};

/// One line, of any level and target.
#[derive(Clone)]
pub struct Line {
    pub level: Level,
    pub target: String,
    pub text: String,
}

/// Keeps every line of this thread from here on.
pub fn keep() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        log::set_logger(&ByThread).expect("the only logger of this test program");
        log::set_max_level(LevelFilter::Trace);
    });
    LINES.set(Some(Vec::new()));
}

/// The lines of this thread since [`keep`].
pub fn kept() -> Vec<Line> {
    LINES.with_borrow(Clone::clone).unwrap_or_default()
}

/// What `act` returned, and what petition logged on this thread meanwhile, `DEBUG` and above, as `LEVEL target: text`.
/// `petition::` is left out.
pub fn logged<T>(act: impl FnOnce() -> T) -> (T, Vec<String>) {
    keep();
    let result = act();
    let all = LINES.take().unwrap_or_default();
    let own = all.into_iter().filter(|line| line.target.starts_with("petition") && line.level <= Level::Debug);
    let text = |line: Line| format!("{} {}: {}", line.level, line.target.trim_start_matches("petition::"), line.text);
    (result, own.map(text).collect())
}

/// What `act` returned, and what was logged about connections, without levels and targets.
pub fn pool_lines<T>(act: impl FnOnce() -> T) -> (T, Vec<String>) {
    let (result, lines) = logged(act);
    let text = |line: String| line.split_once(" connectionpool: ").map(|(_, text)| text.to_owned());
    (result, lines.into_iter().filter_map(text).collect())
}

thread_local! {
    static LINES: RefCell<Option<Vec<Line>>> = const { RefCell::new(None) };
}

struct ByThread;

impl Log for ByThread {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        LINES.try_with(|lines| lines.borrow().is_some()).unwrap_or(false)
    }

    fn log(&self, record: &Record<'_>) {
        // A thread that is ending has no lines; what it logs then is no test's.
        let _ = LINES.try_with(|lines| {
            if let Some(lines) = &mut *lines.borrow_mut() {
                let (target, text) = (record.target().to_owned(), record.args().to_string());
                lines.push(Line { level: record.level(), target, text });
            }
        });
    }

    fn flush(&self) {}
}
