//! The public API as programs call it: names and forms of calls that may not change.
//!
//! That a file here compiles is the first half of its test. Its functions then run, against a session that is answered from
//! memory. Bounds of the API may be wider than these calls need. A new part of the API gets a file in `api_contract/` and a
//! line here.

use std::path::PathBuf;

use petition::{PreparedRequest, Response, Result, SendOptions, Session};

#[path = "api_contract/adapters.rs"]
mod adapters;
#[path = "api_contract/errors.rs"]
mod errors;
#[path = "api_contract/extension.rs"]
mod extension;
#[path = "api_contract/requests.rs"]
mod requests;
#[path = "api_contract/responses.rs"]
mod responses;
#[path = "api_contract/retries.rs"]
mod retries;
#[path = "api_contract/sessions.rs"]
mod sessions;

/// A session that reaches nothing: every request is answered here, with `{"ok": true}`.
fn offline() -> Session {
    let mut session = Session::new();
    session.trust_env = false;
    session.mount("http://", answer);
    session.mount("https://", answer);
    session
}

fn answer(_: &mut PreparedRequest, _: &SendOptions) -> Result<Response> {
    Response::builder(200)
        .header("Content-Type", "application/json")
        .header("Link", "<http://h/2>; rel=next")
        .header("Set-Cookie", "a=1")
        .header("Set-Cookie", "b=2") // a response's builder appends
        .header("Vary", "Accept")
        .header("Vary", "Cookie")
        .body(r#"{"ok": true}"#)
        .build()
}

/// A path in the tests' own folder.
fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("api-contract-{}-{name}", std::process::id()))
}
