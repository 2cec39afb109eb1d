//! What each kind of failure looks like: one error type with a kind to match on.
//!
//!     cargo run --example errors

mod support;

use std::time::Duration;

use petition::testing::{Reply, TestServer};
use petition::{Error, ErrorKind, Response, Retry, Timeout, Verify};
use support::Internet;

fn main() -> support::Result {
    let mut internet = Internet::new()?;
    internet.https("secure.example", |_| support::page(3))?;
    internet.http("site.example", |request| match request.target.as_str() {
        "/loop" => Reply::new(302).header("Location", "/loop"),
        "/text" => Reply::new(200).body("not json"),
        "/busy" => Reply::new(503),
        "/held" => support::page(3),
        "/gzip" => Reply::new(200).header("Content-Encoding", "gzip").body("not gzip"),
        "/short" => Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 2048\r\n\r\nonly this").then_close(),
        _ => Reply::new(404),
    });
    internet.add("silent.example", 80, TestServer::connections(|peer| peer.wait_for_close()));
    internet.add("rude.example", 80, TestServer::connections(|peer| drop(peer.read_request())));
    internet.point("refused.example", 80, support::nobody()?);

    let mut s = internet.session();
    s.mount(
        "http://site.example/busy",
        internet.adapter().max_retries(Retry::new().total(1).status_forcelist([503])).build(),
    );
    s.mount(
        "http://site.example/held",
        internet.adapter().pool_maxsize(1).pool_block(true).pool_timeout(Duration::from_millis(20)).build(),
    );

    // Before anything is sent.
    tell("a URL without a scheme", s.get("site.example").send());
    tell("a scheme without an adapter", s.get("ftp://site.example/").send());
    tell("an invalid URL", s.get("http://").send());
    tell("a header with a line break", s.get("http://site.example/").header("X-A", "a\r\nb").send());

    // No connection.
    tell("an unknown host", s.get("http://unknown.example/").send());
    tell("a refused connection", s.get("http://refused.example/").send());
    tell("a certificate that is not trusted", s.get("https://secure.example/").verify(Verify::Yes).send());
    tell(
        "a proxy that cannot be reached",
        s.get("http://site.example/").proxies([("http", "http://refused.example:80")]).send(),
    );

    let held = s.get("http://site.example/held").stream(true).send()?; // not read: it holds the pool's only connection
    tell("all connections are in use", s.get("http://site.example/held").send());
    drop(held);

    // No answer.
    tell("the server closes", s.get("http://rude.example/").send());
    tell("the server is silent", s.get("http://silent.example/").timeout((5.0, 0.02)).send());
    tell("a total timeout", s.get("http://silent.example/").timeout(Timeout::new().total(0.02)).send());

    // An answer that cannot be used.
    tell("an error status", s.get("http://site.example/missing").send().and_then(Response::error_for_status));
    tell("retries are used up", s.get("http://site.example/busy").send());
    tell("endless redirects", s.get("http://site.example/loop").send());
    tell("not JSON", s.get("http://site.example/text").send().and_then(|r| r.json::<Vec<u32>>()));
    tell("a body that ends early", s.get("http://site.example/short").send());
    tell("a body that cannot be decoded", s.get("http://site.example/gzip").send());

    // What to do about it.
    // except requests.HTTPError, except requests.ConnectTimeout, except requests.Timeout, …
    if let Err(error) = s.get("http://site.example/missing").send().and_then(Response::error_for_status) {
        match error.kind() {
            ErrorKind::HttpError if status(&error) == Some(404) => println!("\nnot found: continue without it"),
            ErrorKind::ConnectTimeout => println!("\nnothing was sent: safe to try again"),
            _ if error.is_timeout() => println!("\ntoo slow"),
            _ if error.is_connection_error() => println!("\nno connection"),
            _ => println!("\nsomething else"),
        }
    }
    Ok(())
}

fn tell<T>(what: &str, result: petition::Result<T>) {
    let Err(error) = result else { return println!("{what}: no error") };
    let groups = match (error.is_timeout(), error.is_connection_error()) {
        (true, true) => ", is_timeout, is_connection_error",
        (true, false) => ", is_timeout",
        (false, true) => ", is_connection_error",
        (false, false) => "",
    };
    println!("{what}: {:?}{}\n    {error}", error.kind(), groups);
}

/// e.response.status_code
fn status(error: &Error) -> Option<u16> {
    error.response().map(|response| response.status_code().as_u16())
}
