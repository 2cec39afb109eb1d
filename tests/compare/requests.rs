//! What goes over the wire: petition and Python requests 2.34.2 do the same things against one recording server, and the
//! bytes have to be equal.
//!
//! What may differ is in `normal`, and nowhere else: User-Agent, the value of Accept-Encoding, the boundary, and the blanks
//! and \u escapes of JSON bodies with the Content-Length that follows; of Digest the client's nonce, so the response is
//! checked by its formula. A case that differs on purpose says why in `differs`, and has to differ.
//!
//! `wire_cases.jsonl` has a case a line. `${a}` and `${b}` are origins, `${p}` a forward proxy; `answers` are
//! taken by path, the n-th request takes the n-th and the last one stays, 200 for other paths. A JSON object stands for a
//! mapping of Python (its keys are in alphabetical order, as Rust's map has them), an array of arrays for pairs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use petition::testing::{Reply, TestRequest, TestServer};
use serde_json::{Value, json};

use crate::python::{Requests, report, rows, same_error, shown};
use crate::wire_case;
use crate::wire_normal::normal;

/// One request as it came: the server's name, the connection's number among those of the case, the bytes.
#[derive(Clone)]
struct Recorded {
    server: char,
    connection: usize,
    raw: Vec<u8>,
}

/// What the servers share: answers of the case that runs, and what came.
#[derive(Default)]
struct Script {
    answers: HashMap<String, Vec<Value>>,
    hits: HashMap<String, usize>,
    recorded: Vec<Recorded>,
}

impl Script {
    fn answer(&mut self, server: char, request: &TestRequest) -> Reply {
        self.recorded.push(Recorded { server, connection: request.connection, raw: request.raw.clone() });
        let target = request
            .target
            .strip_prefix("http://")
            .map_or(&*request.target, |rest| rest.find('/').map_or("/", |slash| &rest[slash..]));
        let path = target.split('?').next().unwrap_or_default();
        let Some(answers) = self.answers.get(path) else { return Reply::new(200) };
        let hits = self.hits.entry(path.to_owned()).or_default();
        let answer = &answers[(*hits).min(answers.len() - 1)];
        *hits += 1;
        reply(answer)
    }
}

fn reply(answer: &Value) -> Reply {
    if let Some(raw) = answer["raw"].as_str() {
        return Reply::raw(latin_1(raw));
    }
    let status =
        answer["status"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("an answer has a status");
    let body = answer["body"].as_str().unwrap_or_default();
    let mut head = format!("HTTP/1.1 {status} Some Reason\r\n");
    for header in answer["headers"].as_array().into_iter().flatten() {
        head.push_str(&format!(
            "{}: {}\r\n",
            header[0].as_str().expect("a name"),
            header[1].as_str().expect("a value")
        ));
    }
    // Written by hand, as values may be Latin-1 and the reason is the test's own.
    head.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    let reply = Reply::raw(latin_1(&head));
    if answer["close"] == true { reply.then_close() } else { reply }
}

fn latin_1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("answers are Latin-1")).collect()
}

struct Servers {
    script: Arc<Mutex<Script>>,
    servers: Vec<(char, TestServer)>,
}

impl Servers {
    fn start() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let servers = ['a', 'b', 'p'].map(|name| {
            let script = Arc::clone(&script);
            let server =
                TestServer::http(move |request| script.lock().expect("no server panics").answer(name, request));
            (name, server)
        });
        Self { script, servers: servers.into() }
    }

    /// The case with the servers' addresses in it.
    fn filled_in(&self, case: &Value) -> Value {
        let mut text = case.to_string();
        for (name, server) in &self.servers {
            text = text.replace(&format!("${{{name}}}"), &server.address().to_string());
            text = text.replace(&format!("${{{name}.port}}"), &server.address().port().to_string());
        }
        serde_json::from_str(&text).expect("an address needs no escape")
    }

    /// What came while `act` ran, with the answers of `case`.
    fn record(&self, case: &Value, act: impl FnOnce() -> Vec<Value>) -> Run {
        let answers = case["answers"].as_object().into_iter().flatten();
        let answers =
            answers.map(|(path, list)| (path.clone(), list.as_array().expect("answers are lists").clone())).collect();
        *self.script.lock().expect("no server panics") = Script { answers, ..Script::default() };
        let outcomes = act();
        let mut recorded = std::mem::take(&mut self.script.lock().expect("no server panics").recorded);
        let mut seen: Vec<(char, usize)> = Vec::new();
        for request in &mut recorded {
            let connection = (request.server, request.connection);
            if !seen.contains(&connection) {
                seen.push(connection);
            }
            request.connection = seen.iter().position(|own| *own == connection).expect("it was just added");
        }
        Run { outcomes, recorded }
    }
}

/// What one side did.
struct Run {
    /// `{"status", "url", "hops"}` or `{"error"}` for each step.
    outcomes: Vec<Value>,
    recorded: Vec<Recorded>,
}

/// Where two runs differ, as text; empty if they do not.
fn differences(case: &Value, theirs: &Run, ours: &Run) -> Vec<String> {
    let mut found = Vec::new();
    let pairs = theirs.outcomes.iter().zip(&ours.outcomes);
    for (step, (theirs, ours)) in pairs.enumerate() {
        let same = match (theirs["error"].as_str(), ours["error"].as_str()) {
            (Some(theirs), Some(_)) => wire_case::kind_named(ours).is_some_and(|kind| same_error(theirs, kind)),
            _ => theirs == ours,
        };
        if !same {
            found.push(format!("  outcome of step {step}\n    requests {theirs}\n    petition {ours}"));
        }
    }
    for index in 0..theirs.recorded.len().max(ours.recorded.len()) {
        let (theirs, ours) = (theirs.recorded.get(index), ours.recorded.get(index));
        match (theirs.map(|own| normal(case, &own.raw)), ours.map(|own| normal(case, &own.raw))) {
            (Some(Ok(theirs)), Some(Ok(ours))) if theirs == ours => {}
            (their_bytes, our_bytes) => found.push(format!(
                "  request {index}\n    requests\n      {}\n    petition\n      {}",
                side(their_bytes),
                side(our_bytes)
            )),
        }
        let place = |own: &Recorded| (own.server, own.connection);
        if let (Some(theirs), Some(ours)) = (theirs.map(place), ours.map(place)) {
            if theirs != ours {
                found.push(format!("  connection of request {index}\n    requests {theirs:?}\n    petition {ours:?}"));
            }
        }
    }
    found
}

fn side(bytes: Option<Result<Vec<u8>, String>>) -> String {
    match bytes {
        None => "(no such request)".to_owned(),
        Some(Ok(bytes)) => shown(&bytes),
        Some(Err(wrong)) => wrong,
    }
}

// SES HDR BODY WIRE COOK AUTH REDIR URL PROXY: every row that says what is sent.
#[test]
fn requests_are_byte_for_byte_those_of_python_requests() {
    let Some(mut requests) = Requests::start() else { return };
    let servers = Servers::start();
    let cases = rows("wire_cases.jsonl");
    let mut failures = Vec::new();

    for case in &cases {
        let case = servers.filled_in(case);
        let theirs = servers.record(&case, || {
            let answer = requests.ask(&json!({"do": "send", "case": case}));
            answer["outcomes"].as_array().expect("a list of outcomes").clone()
        });
        let ours = servers.record(&case, || wire_case::send(&case));
        let found = differences(&case, &theirs, &ours);
        let id = case["id"].as_str().expect("a case has an id");
        match (case["differs"].as_str(), found.is_empty()) {
            (None, true) | (Some(_), false) => {}
            (None, false) => failures.push(format!("{id}\n{}", found.join("\n"))),
            (Some(reason), true) => failures.push(format!("{id}\n  no longer differs, though: {reason}")),
        }
    }

    report(cases.len(), &failures);
}

#[test]
fn there_are_cases_of_every_kind() {
    let cases = rows("wire_cases.jsonl");

    let mut kinds: HashMap<String, usize> = HashMap::new();
    for case in &cases {
        let id = case["id"].as_str().expect("a case has an id");
        *kinds.entry(id.split('/').next().unwrap_or_default().to_owned()).or_default() += 1;
    }

    assert!(cases.len() >= 200, "{} cases", cases.len());
    for kind in [
        "method",
        "url",
        "proxy",
        "params",
        "headers",
        "session",
        "prepared",
        "body",
        "multipart",
        "cookies",
        "auth",
        "redirect",
    ] {
        assert!(kinds.get(kind).is_some_and(|count| *count >= 6), "{kind}: {:?}", kinds.get(kind));
    }
}
