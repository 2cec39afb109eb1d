//! What comes over the wire: raw responses, valid, odd and broken, served to petition and to Python requests 2.34.2 in the
//! same pieces, and status, reason, headers, body, text and the kind of error have to be equal.
//!
//! `response_cases.jsonl` has a response a line, written by `make_response_cases.py`. A row that
//! differs on purpose says why in `differs`, and has to differ.

use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use petition::testing::{Peer, TestServer};
use petition::{Response, Session};
use serde_json::{Value, json};

use crate::python::{Requests, report, rows, same_error};

/// Which bytes are sent together is drawn, from this or `PETITION_SEED`: the same for both clients, and in every run.
const SEED: u64 = 0x0070_6574_6974_696f;

/// How long the server lets a piece stand alone. Nothing depends on it but how likely the client sees the tear.
const PAUSE: Duration = Duration::from_micros(400);

/// One raw response, and what the server does behind it.
#[derive(Clone)]
struct Script {
    raw: Vec<u8>,
    stays_open: bool,
}

impl Script {
    fn of(row: &Value) -> Self {
        let raw = match (&row["raw"], &row["b64"], &row["parts"]) {
            (Value::String(text), ..) => text.clone().into_bytes(),
            (_, Value::String(text), _) => BASE64.decode(text).expect("b64 is base64"),
            (_, _, Value::Array(parts)) => parts.iter().flat_map(part).collect(),
            _ => panic!("{} has no bytes", row["id"]),
        };
        Self { raw, stays_open: row["end"] == "keep" }
    }

    fn serve(&self, peer: &mut Peer, mut chance: fastrand::Rng) {
        let mut rest = &self.raw[..];
        for _ in 0..chance.usize(0..5) {
            // Most tears near the start, where the head is.
            let most = if chance.bool() { rest.len().min(60) } else { rest.len() };
            let (piece, behind) = rest.split_at(chance.usize(0..=most));
            peer.send(piece);
            thread::sleep(PAUSE);
            rest = behind;
        }
        peer.send(rest);
        if self.stays_open {
            peer.wait_for_close();
        }
    }
}

fn part(part: &Value) -> Vec<u8> {
    let times = part[1].as_u64().and_then(|times| usize::try_from(times).ok()).expect("a part has a number");
    part[0].as_str().expect("a part has a text").repeat(times).into_bytes()
}

/// A server that answers `GET /n` with the nth script.
fn serve(scripts: Vec<Script>) -> TestServer {
    let seed = std::env::var("PETITION_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    TestServer::connections(move |peer| {
        let Some(request) = peer.read_request() else { return };
        let number: usize = request.target.trim_start_matches('/').parse().expect("the target is a number");
        scripts[number].serve(peer, fastrand::Rng::with_seed(seed ^ number as u64));
    })
}

/// What petition makes of a response, in the form of `requests_peer.py`.
fn fetch(url: &str, method: &str, timeout: f64) -> Result<Value, petition::Error> {
    let mut session = Session::new();
    session.trust_env = false;
    let response = session.request(method, url).timeout((5.0, timeout)).allow_redirects(false).send()?;
    let mut outcome = json!({
        "status": response.status_code().as_u16(),
        "reason": response.reason(),
        "headers": merged(&response),
        "body": BASE64.encode(response.content()?),
        "encoding": response.encoding(),
    });
    if response.encoding().is_some() {
        outcome["text"] = response.text()?.into();
    }
    Ok(outcome)
}

/// Headers as requests has them: those of one name joined, at the place of the first (FRAME-09).
fn merged(response: &Response) -> Vec<[String; 2]> {
    let mut out: Vec<[String; 2]> = Vec::new();
    for (name, value) in response.headers() {
        match out.iter_mut().find(|[own, _]| own.eq_ignore_ascii_case(name)) {
            Some([_, joined]) => {
                joined.push_str(", ");
                joined.push_str(value);
            }
            None => out.push([name.to_owned(), value.to_owned()]),
        }
    }
    out
}

fn has_coding(coding: &str) -> bool {
    let optional = [("br", cfg!(feature = "brotli")), ("zstd", cfg!(feature = "zstd"))];
    optional.iter().all(|(name, there)| *name != coding || *there)
}

/// Where two outcomes differ, as text; empty if they do not.
fn difference(theirs: &Value, ours: &Result<Value, petition::Error>) -> String {
    let error = theirs["error"].as_str();
    match (error, ours) {
        (Some(exception), Err(error)) if same_error(exception, error.kind()) => String::new(),
        (_, Err(error)) => format!("  requests {}\n  petition {:?}: {error}", brief(theirs), error.kind()),
        (Some(_), Ok(ours)) => format!("  requests {}\n  petition {}", brief(theirs), brief(ours)),
        (None, Ok(ours)) => {
            let fields = ["status", "reason", "headers", "body", "encoding", "text"];
            let unequal = fields.into_iter().filter(|field| theirs[field] != ours[field]);
            let lines = unequal.map(|field| {
                let side = |outcome: &Value| brief(&outcome[field]);
                format!("  {field}\n    requests {}\n    petition {}", side(theirs), side(ours))
            });
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

fn brief(value: &Value) -> String {
    let text = value.to_string();
    if text.len() > 300 {
        format!("{}... ({} bytes)", text.chars().take(300).collect::<String>(), text.len())
    } else {
        text
    }
}

// FRAME DEC RESP: every row that says what is made of the bytes.
#[test]
fn responses_are_read_as_python_requests_reads_them() {
    let Some(mut requests) = Requests::start() else { return };
    let rows = rows("response_cases.jsonl");
    let server = serve(rows.iter().map(Script::of).collect());
    let mut failures = Vec::new();
    let mut compared = 0;

    for (number, row) in rows.iter().enumerate() {
        let mut needs = row["needs"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if needs.any(|coding| !has_coding(coding) || !requests.decodes(coding)) {
            continue;
        }
        let mut look = |patience: f64| {
            let url = server.url(&format!("/{number}"));
            let timeout = row["timeout"].as_f64().unwrap_or(10.0) * patience;
            let method = row["method"].as_str().unwrap_or("GET");
            let theirs = requests.ask(&json!({"do": "fetch", "url": url, "method": method, "timeout": timeout}));
            difference(&theirs["outcome"], &fetch(&url, method, timeout))
        };
        let mut found = look(1.0);
        if row["timeout"].is_f64() && found.is_empty() == row["differs"].is_string() {
            // A short timeout on a busy machine says nothing.
            found = look(10.0);
        }
        let id = row["id"].as_str().expect("a row has an id");
        compared += 1;
        match (row["differs"].as_str(), found.is_empty()) {
            (None, true) | (Some(_), false) => {}
            (None, false) => failures.push(format!("{id}\n{found}")),
            (Some(reason), true) => failures.push(format!("{id}\n  no longer differs, though: {reason}")),
        }
    }

    assert!(compared >= 300, "only {compared} rows were compared");
    report(compared, &failures);
}
