//! Uploads: forms, files in a multipart form, and streamed bodies.
//!
//!     cargo run --example upload

mod support;

use std::fs::{self, File};
use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use petition::testing::{Reply, TestRequest};
use petition::{Body, Part};
use support::Internet;

fn main() -> support::Result {
    let mut internet = Internet::new()?;
    internet.https("uploads.example", describe)?;
    let session = internet.session();
    let url = "https://uploads.example/post";
    let report = internet.folder().join("report.csv");
    fs::write(&report, "name,value\na,1\n")?;

    println!("# a form");
    // s.post(url, data={"name": "report"})
    let response = session.post(url).data([("name", "report")]).send()?;
    print!("{}", response.text()?);

    println!("# files");
    // s.post(url, data={"name": "report"},
    //        files={"doc": open("report.csv", "rb"), "note": ("a.txt", b"by the way", "text/plain")})
    let response = session
        .post(url)
        .data([("name", "report")])
        .files([
            ("doc", Part::file(&report)?),
            ("note", Part::bytes("by the way").file_name("a.txt").mime("text/plain")),
        ])
        .send()?;
    print!("{}", response.text()?);

    println!("# a file as the body");
    // s.put(url, data=open("report.csv", "rb"))
    let response = session.put(url).data(File::open(&report)?).send()?;
    print!("{}", response.text()?);

    println!("# a reader of unknown length, with progress");
    // s.post(url, data=generator())
    let sent = Arc::new(AtomicU64::new(0));
    let so_far = Arc::clone(&sent);
    let body = Body::reader(Cursor::new(vec![b'.'; 100_000]));
    let body = body.on_progress(move |bytes, _| so_far.store(bytes, Ordering::Relaxed));
    let response = session.post(url).data(body).send()?;
    println!("{} bytes sent", sent.load(Ordering::Relaxed));
    print!("{}", response.text()?);

    println!("# json");
    // s.post(url, json={"k": [1, 2]})
    let response = session.post(url).json(serde_json::json!({"k": [1, 2]})).send()?;
    print!("{}", response.text()?);
    Ok(())
}

/// Answers with what it received.
fn describe(request: &TestRequest) -> Reply {
    let kind = request.header("content-type").map_or("no type", |kind| kind.split(';').next().unwrap_or(kind));
    let framing = match request.header("content-length") {
        Some(length) => format!("Content-Length: {length}"),
        None => format!("Transfer-Encoding: {}", request.header("transfer-encoding").unwrap_or("not sent")),
    };
    let mut text = format!("{} {kind}, {framing}, {} bytes\n", request.method, request.body.len());
    let body = String::from_utf8_lossy(&request.body);
    for part in body.lines().filter(|line| line.starts_with("Content-Disposition")) {
        text.push_str(part);
        text.push('\n');
    }
    Reply::new(200).header("Content-Type", "text/plain").body(text)
}
