//! `to_curl`: what a shell and curl make of it is what petition sends. Where there is no curl, the tests say so, and pass.
#![cfg(unix)]

use std::process::Command;

use petition::testing::{TestRequest, TestServer};
use petition::{Body, PreparedRequest, Session};

use crate::support::{ok, session};

/// What curl sends; `None` where it is not installed.
fn by_curl(server: &TestServer, request: &PreparedRequest) -> Option<TestRequest> {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: there is no curl");
        return None;
    }
    let before = server.requests().len();
    let command = request.to_curl_with_secrets().replacen("curl ", "curl -q --noproxy '*' --silent --max-time 20 ", 1);
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    let requests = server.requests();
    assert_eq!(requests.len(), before + 1, "{command}");
    requests.into_iter().next_back()
}

fn check(server: &TestServer, session: &Session, request: PreparedRequest) {
    session.send(request.clone()).unwrap();
    let own = server.requests().pop().unwrap();
    let Some(theirs) = by_curl(server, &request) else { return };
    // The order of headers is curl's own.
    let sorted = |request: &TestRequest| {
        let mut headers: Vec<_> =
            request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        headers.sort();
        headers
    };
    assert_eq!((&theirs.method, &theirs.target), (&own.method, &own.target));
    assert_eq!(sorted(&theirs), sorted(&own), "{}", request.to_curl());
    assert_eq!(theirs.body, own.body, "{}", request.to_curl());
}

#[test]
fn curl_sends_what_petition_sends() {
    let server = ok();
    let session = session();
    let bytes: Vec<u8> = (0..=255).collect();
    let get = |path: &str| session.get(server.url(path));
    let post = |path: &str| session.post(server.url(path));
    for request in [
        get("/a?x=%20&y='\"$HOME`id`\\"),
        get("/").param("q", "it's $x !! 100% \u{e9}").header("X-Quote", "a'b\"c $HOME `id` \\n"),
        get("/").header("X-Latin", "caf\u{e9}\t!").header("X-Empty", "").remove_header("Accept"),
        get("/{a}/[b]?c[]={d}"),
        get("/a/%2e%2e/b/./c"),
        get("/").auth(("user", "pa'ss")).cookie("a", "1"),
        session.head(server.url("/")),
        session.delete(server.url("/")),
        session.options(server.url("/")),
        post("/"),
        post("/").data("@/etc/hostname"),
        post("/").data("it's\ntwo lines\n"),
        post("/").data("tab\tand \u{1b}[31m").header("Content-Type", "text/plain"),
        post("/").data(bytes).header("Content-Type", "application/octet-stream"),
        post("/").data([("a", "b c"), ("d", "&")]),
        session.put(server.url("/")).data("-n %s \\0"),
        session.get(server.url("/")).data("a body of a GET"),
    ] {
        check(&server, &session, request.prepare().unwrap());
    }
}

#[test]
fn a_multipart_form_in_memory_arrives_byte_for_byte() {
    let server = ok();
    let session = session();
    let part = petition::Part::bytes([0, 0xff, b'\'', b'%']).file_name("it's.bin");

    let request = session.post(server.url("/")).data([("field", "value")]).files([("doc", part)]).prepare().unwrap();

    check(&server, &session, request);
}

#[test]
fn a_stream_is_read_from_standard_input_and_secrets_do_not_show() {
    let session = session();
    let request = session
        .post("https://user:hunter2@h/?token=hunter2")
        .auth(("user", "hunter2"))
        .cookie("sid", "hunter2")
        .data(Body::reader(std::io::empty()));

    let command = request.prepare().unwrap().to_curl();

    assert!(command.ends_with(" --data-binary @-"), "{command}");
    assert!(!command.contains("hunter2") && !command.contains("dXNlcjpodW50ZXIy"), "{command}");
}
