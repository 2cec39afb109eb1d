//! Replays what urllib3 2.8.0 did, row by row.
//!
//! `testdata/retry_grid.jsonl` is written by the script beside it; the three `retry_*.json` there are smaller tables of
//! the same kind. A row has settings by urllib3's names and events by its errors' names. What the tables call for and this
//! file does not know is a panic, so that no column goes unread.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::retry::{Cause, Count, GiveUp, Retry};

const GRID: &str = include_str!("testdata/retry_grid.jsonl");
const INCREMENT: &str = include_str!("testdata/retry_increment.json");
const BACKOFF: &str = include_str!("testdata/retry_backoff.json");
const RETRY_AFTER: &str = include_str!("testdata/retry_after.json");

// RETRY-01, RETRY-03 to RETRY-10, RETRY-13 to RETRY-21, RETRY-23, RETRY-36 to RETRY-38, RETRY-40
#[test]
fn every_row_of_the_grid_agrees_with_urllib3() {
    let mut rows = 0;
    for line in GRID.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let retry = retry(&row["retry"]);
        if row["steps"].is_array() {
            check_steps(retry, &row, line);
        } else if row["asks"].is_array() {
            check_asks(&retry, &row["asks"], line);
        } else if row["wait"].is_array() {
            check_wait(&retry, &row["wait"], line);
        } else if row["sleeps"].is_array() {
            check_sleeps(retry, &row, line);
        } else {
            check_removes(&retry, &row["removes"], line);
        }
        rows += 1;
    }
    assert!(rows >= 1200, "{rows} rows");
}

// RETRY-03 to RETRY-08, RETRY-10, RETRY-14, RETRY-17, RETRY-40
#[test]
fn every_row_of_the_increment_table_agrees() {
    for row in table(INCREMENT) {
        let mut retry = retry(&row["retry"]);
        for step in row["steps"].as_array().unwrap() {
            match increment(&retry, text(&row["method"]), text(&step["event"])) {
                Ok(next) => {
                    let left =
                        ["total", "connect", "read", "redirect", "status", "other"].map(|name| count(&step[name]));
                    assert_eq!(counts(&next), left, "{row}");
                    assert_eq!(next.backoff_time(), seconds(&step["backoff"]), "{row}");
                    assert_eq!(next.history().len() as u64, step["history"].as_u64().unwrap(), "{row}");
                    retry = next;
                }
                Err(GiveUp::AsItIs { .. }) => assert!(step["raises"].is_string(), "{row}"),
                Err(GiveUp::Exhausted { reason, .. }) => {
                    assert_eq!(step["exhausted"], true, "{row}");
                    // The table names the error's class, we have its text.
                    let want = text(&step["reason"]);
                    let want = if want.ends_with("Error") { text(&step["event"]) } else { want };
                    assert_eq!(reason, want, "{row}");
                }
            }
        }
    }
}

// RETRY-17
#[test]
fn every_row_of_the_backoff_table_agrees() {
    for row in table(BACKOFF) {
        let settings = |name: &str| row[name].as_f64().unwrap();
        let mut retry =
            Retry::new().total(100).backoff_factor(settings("backoff_factor")).backoff_max(settings("backoff_max"));
        for sleep in row["sleeps"].as_array().unwrap() {
            retry = retry.increment("GET", "/", Cause::Status(500)).unwrap();
            assert_eq!(retry.backoff_time(), seconds(sleep), "{row}");
        }
    }
}

// RETRY-21, RETRY-22
#[test]
fn every_row_of_the_retry_after_table_agrees() {
    for row in table(RETRY_AFTER) {
        let retry = row["max"].as_f64().map_or(Retry::new(), |max| Retry::new().retry_after_max(max));
        let want = match &row["error"] {
            Value::Null => Some(seconds(&row["seconds"])),
            error => {
                assert_eq!(error, "InvalidHeader");
                assert_eq!(retry.parse_retry_after(text(&row["value"])).unwrap_err().kind(), ErrorKind::InvalidHeader);
                None
            }
        };
        assert_eq!(retry.retry_after_at(text(&row["value"]), time(&row["now"])), want, "{row}");
    }
}

fn check_steps(mut retry: Retry, row: &Value, line: &str) {
    let steps = row["steps"].as_array().unwrap();
    for (at, step) in steps.iter().enumerate() {
        match increment(&retry, text(&row["method"]), text(&step["event"])) {
            Ok(next) => {
                let left: Vec<Count> = step["left"].as_array().expect(line).iter().map(count).collect();
                assert_eq!(counts(&next)[..], left, "{line}");
                let draw = row["draw"].as_f64().unwrap();
                assert_eq!(next.backoff_time_with(draw), seconds(&step["backoff"]), "{line}");
                assert!(!next.is_exhausted(), "{line}");
                retry = next;
            }
            Err(end) => {
                match &end {
                    GiveUp::AsItIs { .. } => assert_eq!(step["raises"], true, "{line}"),
                    GiveUp::Exhausted { retry, reason } => {
                        assert_eq!(step["exhausted"], true, "{line}");
                        assert_eq!(reason, step["reason"].as_str().unwrap_or(text(&step["event"])), "{line}");
                        assert!(retry.is_exhausted(), "{line}");
                    }
                }
                assert_eq!(at + 1, steps.len(), "{line}");
                retry = end.into_retry();
            }
        }
    }
    assert_eq!(format!("{retry:?}"), text(&row["repr"]), "{line}");
    assert_eq!(retry.raises_on_redirect(), row["raise_on_redirect"].as_bool().unwrap(), "{line}");
    let history: Vec<Value> = retry
        .history()
        .iter()
        .map(|past| serde_json::json!([past.error(), past.status(), past.redirect_location()]))
        .collect();
    assert_eq!(Value::Array(history), row["history"], "{line}");
    assert!(retry.history().iter().all(|past| past.method() == row["method"] && past.url() == "/path"), "{line}");
}

fn check_asks(retry: &Retry, want: &Value, line: &str) {
    let mut asks = Vec::new();
    for method in ["GET", "POST", "get", "post"] {
        for status in [200, 302, 413, 429, 500, 503] {
            for after in [false, true] {
                if retry.is_retry(method, status, after) {
                    asks.push(serde_json::json!([method, status, after]));
                }
            }
        }
    }
    assert_eq!(Value::Array(asks), *want, "{line}");
}

fn check_wait(retry: &Retry, row: &Value, line: &str) {
    let want = (!row[2].is_null()).then(|| seconds(&row[2]));
    assert_eq!(retry.retry_after_at(text(&row[0]), time(&row[1])), want, "{line}");
}

fn check_sleeps(mut retry: Retry, row: &Value, line: &str) {
    let (sleeps, draw) = (&row["sleeps"], row["draw"].as_f64().unwrap());
    for event in sleeps[0].as_array().unwrap() {
        retry = increment(&retry, "GET", text(event)).unwrap();
    }
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    assert_eq!(retry.delay(sleeps[1].as_str(), now, draw), seconds(&sleeps[2]), "{line}");
}

fn check_removes(retry: &Retry, want: &Value, line: &str) {
    let mut names = vec!["accept", "authorization", "cookie", "proxy-authorization", "x-key", "x-secret"];
    names.retain(|name| {
        let removes = retry.removes_on_redirect(name);
        assert_eq!(retry.removes_on_redirect(&name.to_uppercase()), removes, "{line}");
        removes
    });
    assert_eq!(serde_json::json!(names), *want, "{line}");
}

/// `connect`, `status:503`, `redirect:302`: the errors go by the names of the script.
fn increment(retry: &Retry, method: &str, event: &str) -> Result<Retry, GiveUp> {
    let error = Error::message(ErrorKind::ConnectionError, event.to_owned());
    let cause = match event.split_once(':') {
        Some(("status", status)) => Cause::of_response(status.parse().unwrap(), None),
        Some(("redirect", status)) => Cause::of_response(status.parse().unwrap(), Some("/next")),
        _ => match event {
            "connect" | "new-connection" | "resolve" | "proxy-connect" => Cause::Connect(&error),
            "read" | "protocol" => Cause::Read(&error),
            "ssl" | "proxy-other" => Cause::Other(&error),
            _ => panic!("unknown event {event}"),
        },
    };
    retry.increment(method, "/path", cause)
}

fn retry(settings: &Value) -> Retry {
    let mut retry = Retry::new();
    for (name, value) in settings.as_object().unwrap() {
        let number = || value.as_f64().unwrap();
        let flag = || value.as_bool().unwrap();
        let names = || value.as_array().unwrap().iter().map(text);
        retry = match name.as_str() {
            "total" => retry.total(count(value)),
            "connect" => retry.connect(count(value)),
            "read" => retry.read(count(value)),
            "redirect" => retry.redirect(count(value)),
            "status" => retry.status(count(value)),
            "other" => retry.other(count(value)),
            "allowed_methods" if value.is_null() => retry.any_method(),
            "allowed_methods" => retry.allowed_methods(names()),
            "status_forcelist" => {
                retry.status_forcelist(value.as_array().unwrap().iter().map(|status| status.as_u64().unwrap() as u16))
            }
            "backoff_factor" => retry.backoff_factor(number()),
            "backoff_max" => retry.backoff_max(number()),
            "backoff_jitter" => retry.backoff_jitter(number()),
            "raise_on_redirect" => retry.raise_on_redirect(flag()),
            "raise_on_status" => retry.raise_on_status(flag()),
            "respect_retry_after_header" => retry.respect_retry_after_header(flag()),
            "retry_after_max" => retry.retry_after_max(number()),
            "remove_headers_on_redirect" => retry.remove_headers_on_redirect(names()),
            _ => panic!("unknown setting {name}"),
        };
    }
    retry
}

fn counts(retry: &Retry) -> [Count; 6] {
    [retry.total, retry.connect, retry.read, retry.redirects(), retry.status, retry.other]
}

fn count(value: &Value) -> Count {
    match value {
        Value::Null => Count::Unlimited,
        Value::Bool(false) => Count::Off,
        value => Count::Left(value.as_i64().unwrap()),
    }
}

fn table(text: &str) -> Vec<Value> {
    let rows: Vec<Value> = serde_json::from_str(text).unwrap();
    assert!(!rows.is_empty());
    rows
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn seconds(value: &Value) -> Duration {
    Duration::from_secs_f64(value.as_f64().unwrap())
}

fn time(value: &Value) -> SystemTime {
    SystemTime::UNIX_EPOCH + seconds(value)
}
