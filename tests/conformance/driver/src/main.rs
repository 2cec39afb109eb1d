//! Reads a scenario on stdin, plays it with petition, and prints what was observed.

mod client;
mod client_petition;
mod runner;
mod scenario;

use client::Engine as _;
use serde_json::json;
use std::collections::HashMap;
use std::io::Read;
use std::sync::Mutex;

/// Level, text and target of each line that petition logs.
struct Logs(Mutex<Vec<(String, String, String)>>);
static LOGS: Logs = Logs(Mutex::new(Vec::new()));

impl log::Log for Logs {
    fn enabled(&self, m: &log::Metadata) -> bool {
        m.level() <= log::Level::Debug && m.target().starts_with("petition")
    }
    fn log(&self, r: &log::Record) {
        if self.enabled(r.metadata()) {
            let lvl = match r.level() {
                log::Level::Error => "ERROR",
                log::Level::Warn => "WARNING",
                log::Level::Info => "INFO",
                _ => "DEBUG",
            };
            self.0.lock().unwrap().push((lvl.into(), r.args().to_string(), r.target().into()));
        }
    }
    fn flush(&self) {}
}

fn main() {
    client::note_panics();
    log::set_logger(&LOGS).unwrap();
    log::set_max_level(log::LevelFilter::Debug);
    let mut s = String::new();
    std::io::stdin().read_to_string(&mut s).unwrap();
    let sc: scenario::Scenario = serde_json::from_str(&s).expect("scenario");
    let engine = client::engine();
    let session = match &sc.session {
        None => None,
        Some(cfg) => match engine.session(cfg, cfg.mounts.as_deref().unwrap_or(&sc.mounts)) {
            Err(client::Fail::Unsupported(w)) => {
                println!("{}", json!({"driver_error": "unsupported", "what": w}));
                return;
            }
            made => Some(made),
        },
    };
    let r = runner::Runner {
        engine: &engine,
        mounts: &sc.mounts,
        control: &sc.control,
        session,
        session_stream: sc.session.as_ref().and_then(|c| c.stream).unwrap_or(false),
        sessions: Mutex::new(HashMap::new()),
        responses: Mutex::new(HashMap::new()),
        unsupported: Mutex::new(None),
    };
    let steps: Vec<_> = sc.steps.iter().map(|st| r.step(st)).collect();
    if let Some(w) = r.unsupported.lock().unwrap().clone() {
        println!("{}", json!({"driver_error": "unsupported", "what": w}));
        return;
    }
    let logs = LOGS.0.lock().unwrap().clone();
    println!("{}", json!({"steps": steps, "logs": logs}));
}
