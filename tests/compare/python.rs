//! What the tests that compare with Python requests share: the other process, its errors by petition's kinds, and the
//! lines of data.
//!
//! Knows no case and no server. The rule that keeps it sound: a machine without requests 2.34.2 says so and passes, one
//! with `PETITION_REQUIRE_PEERS=1` fails; nothing is compared with anything else.
#![allow(dead_code, reason = "which part is used depends on the features")]

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use petition::ErrorKind;
use serde_json::{Value, json};

/// The versions whose behaviour is the reference.
const REFERENCE: (&str, &str) = ("2.34.2", "2.8.0");

/// A Python process that does with requests what it is told, a line for a line.
pub struct Requests {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    about: Value,
}

impl Requests {
    /// Starts it, or prints why not and gives `None`.
    pub fn start() -> Option<Self> {
        match Self::try_start() {
            Ok(requests) => Some(requests),
            Err(reason) => {
                assert!(std::env::var("PETITION_REQUIRE_PEERS").as_deref() != Ok("1"), "a peer is missing: {reason}");
                println!("skipped: {reason}");
                None
            }
        }
    }

    fn try_start() -> Result<Self, String> {
        let python = std::env::var("PETITION_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut command = Command::new(&python);
        command.arg("-u").arg(root().join("tests/compare/requests_peer.py")).env("PYTHONUTF8", "1");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("no Python at {python}: {error}"))?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes to Python".to_owned());
        };
        let mut requests = Self { child, to, from: BufReader::new(from), about: Value::Null };
        let missing = || format!("{python} cannot import requests=={} (set PETITION_PYTHON)", REFERENCE.0);
        requests.about = requests.try_ask(&json!({"do": "about"})).map_err(|_| missing())?;
        let found = (requests.about["requests"].as_str(), requests.about["urllib3"].as_str());
        if found != (Some(REFERENCE.0), Some(REFERENCE.1)) {
            return Err(format!("{python} has requests and urllib3 {found:?}, not {REFERENCE:?}"));
        }
        Ok(requests)
    }

    /// Whether it decodes a content coding.
    pub fn decodes(&self, coding: &str) -> bool {
        self.about["codings"].as_array().is_some_and(|codings| codings.iter().any(|own| own == coding))
    }

    /// Has one job done.
    pub fn ask(&mut self, job: &Value) -> Value {
        self.try_ask(job).unwrap_or_else(|error| panic!("the Python peer failed at {job}: {error}"))
    }

    fn try_ask(&mut self, job: &Value) -> Result<Value, String> {
        writeln!(self.to, "{job}").map_err(|error| error.to_string())?;
        let mut line = String::new();
        self.from.read_line(&mut line).map_err(|error| error.to_string())?;
        serde_json::from_str(&line).map_err(|error| format!("{error} in {line:?}"))
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The project's folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The rows of a file beside this one: one JSON object a line, lines that start with `#` left out.
pub fn rows(name: &str) -> Vec<Value> {
    let path = root().join("tests/compare").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))).collect()
}

/// Whether a kind is what requests' exception says. Exceptions that are not requests' own stand for the kinds that the
/// caller of petition sees in their place (docs/decisions.md#one-error).
pub fn same_error(exception: &str, kind: ErrorKind) -> bool {
    use ErrorKind as K;
    let kinds: &[ErrorKind] = match exception {
        "HTTPError" => &[K::HttpError],
        "ConnectionError" => &[K::ConnectionError],
        "ProxyError" => &[K::ProxyError],
        "SSLError" => &[K::SslError],
        "ConnectTimeout" => &[K::ConnectTimeout],
        "ReadTimeout" => &[K::ReadTimeout],
        "TooManyRedirects" => &[K::TooManyRedirects],
        "RetryError" => &[K::RetryError],
        "MissingSchema" => &[K::MissingSchema],
        "InvalidSchema" => &[K::InvalidSchema],
        "InvalidURL" => &[K::InvalidUrl],
        "InvalidProxyURL" => &[K::InvalidProxyUrl],
        "InvalidHeader" => &[K::InvalidHeader],
        "InvalidJSONError" | "JSONDecodeError" => &[K::InvalidJson],
        "UnrewindableBodyError" | "urllib3.UnrewindableBodyError" => &[K::UnrewindableBody],
        "ChunkedEncodingError" => &[K::ChunkedEncodingError],
        "ContentDecodingError" => &[K::ContentDecodingError],
        "urllib3.LocationParseError" => &[K::InvalidUrl],
        "urllib3.ConnectTimeoutError" => &[K::ConnectTimeout],
        "urllib3.ReadTimeoutError" => &[K::ReadTimeout],
        "urllib3.NewConnectionError" | "urllib3.ProtocolError" => &[K::ConnectionError],
        "builtins.UnicodeEncodeError" => &[K::InvalidHeader],
        "builtins.ValueError" => &[K::InvalidMethod, K::InvalidHeader, K::InvalidSetting],
        "builtins.NotImplementedError" => &[K::InvalidSetting],
        _ => &[],
    };
    kinds.contains(&kind)
}

/// Bytes as a person reads them in a failure.
pub fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 1200;
    let text: String =
        bytes.iter().take(MOST).flat_map(|&byte| std::ascii::escape_default(byte)).map(char::from).collect();
    let lines = text.replace("\\r\\n", "\\r\\n\n      ");
    if bytes.len() > MOST { format!("{lines}... ({} bytes)", bytes.len()) } else { lines }
}

/// Fails with everything that was found, or passes.
pub fn report(compared: usize, failures: &[String]) {
    assert!(failures.is_empty(), "{} of {compared} cases differ:\n\n{}", failures.len(), failures.join("\n"));
    println!("{compared} cases compared");
}
