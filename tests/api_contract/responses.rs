//! What a response tells, and the ways to read its body.

use std::borrow::Cow;
use std::io::{self, Read};
use std::time::Duration;

use petition::{CookieJar, Headers, Link, PreparedRequest, Response, Result, Retry, StatusCode, Url};

use crate::{offline, path};

#[test]
fn what_it_tells() -> Result<()> {
    let r: Response = offline().get("http://h/").send()?;

    let _: StatusCode = r.status_code();
    let _: &str = r.reason();
    let _: &Url = r.url();
    let _: &Headers = r.headers();
    let kind: Option<&str> = r.headers().get("content-type"); // any case; the first of several
    assert_eq!(kind, Some("application/json"));
    let vary: Option<Cow<'_, str>> = r.headers().joined("vary"); // requests' r.headers["vary"]: several joined by ", "
    assert_eq!(vary.as_deref(), Some("Accept, Cookie"));
    let mut names = Vec::new();
    for (name, value) in r.headers() {
        let (name, _): (&str, &str) = (name, value); // in order, as written, repeats apart
        names.push(name);
    }
    assert_eq!(names, ["Content-Type", "Link", "Set-Cookie", "Set-Cookie", "Vary", "Vary"]);
    let cookies: Vec<&str> = r.headers().get_all("set-cookie").collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    let history: &[Response] = r.history();
    assert!(history.is_empty());
    let _: Duration = r.elapsed();
    assert!(r.ok() && !r.is_redirect() && !r.is_permanent_redirect());
    let next: Option<&PreparedRequest> = r.next(); // the request that a redirect not followed would make
    assert!(next.is_none());
    let _: &PreparedRequest = r.request();
    let _: Option<&Retry> = r.retries(); // requests: r.raw.retries, with its history
    let _: &CookieJar = r.cookies();
    let links: Vec<Link> = r.links();
    for link in links {
        let of: (&str, Option<&str>) = (link.url(), link.rel());
        assert_eq!(of, ("http://h/2", Some("next")));
        for (name, value) in link.params() {
            let of: (&str, &str) = (name, value); // rel among them
            assert_eq!(of, ("rel", "next"));
        }
    }
    let _: Option<&str> = r.encoding();
    let _: String = r.apparent_encoding()?;
    Ok(())
}

#[test]
fn its_content() -> Result<()> {
    let s = offline();
    let r = s.get("http://h/").send()?;

    let bytes: &[u8] = r.content()?; // read once, then kept
    let text: String = r.text()?;
    assert_eq!(bytes, text.as_bytes());
    r.raise_for_status()?; // Err(HttpError) on 4xx and 5xx, with the response in it; borrows, so that Python's idiom works
    let same: Response = r.clone(); // a handle: clones share one body and one connection
    let text: String = same.into_text()?; // without a copy where the bytes are UTF-8 and nobody else holds them
    let bytes: Vec<u8> = r.into_content()?;
    assert_eq!(bytes, text.into_bytes());
    let r: Response = s.get("http://h/").send()?.error_for_status()?; // the same by value, for chains
    assert!(r.ok());
    Ok(())
}

#[cfg(feature = "json")]
#[test]
fn its_json() -> Result<()> {
    #[derive(serde::Deserialize)]
    struct Reply {
        ok: bool,
    }

    let r = offline().get("http://h/").send()?;
    let value: serde_json::Value = r.json()?;
    let reply: Reply = r.raise_for_status()?.json()?;

    assert!(value["ok"] == true && reply.ok);
    Ok(())
}

#[test]
fn changes() -> Result<()> {
    let s = offline();
    let mut r = s.get("http://h/").send()?;

    r.set_encoding("utf-8");
    r.set_encoding(r.apparent_encoding()?);
    while let Some(next) = r.next() {
        r = s.send(next.clone())?;
    }
    Ok(())
}

#[test]
fn streaming() -> Result<()> {
    let s = offline();
    let whole = s.get("http://h/").send()?.into_content()?;

    let mut r = s.get("http://h/big").stream(true).send()?;
    let mut read = Vec::new();
    for chunk in r.iter_content(8192) {
        let bytes: Vec<u8> = chunk?;
        read.extend(bytes);
    }
    assert_eq!(read, whole);
    let mut r = s.get("http://h/big").stream(true).send()?;
    for line in r.iter_lines() {
        let line: Vec<u8> = line?;
        assert_eq!(line, whole);
    }
    let mut r = s.get("http://h/big").stream(true).send()?;
    let mut pieces = Vec::new();
    for piece in r.iter_lines_by(b":") {
        let piece: Vec<u8> = piece?; // requests: iter_lines(delimiter=b":")
        pieces.push(piece);
    }
    assert_eq!(pieces.len(), 2);
    let mut r = s.get("http://h/big").stream(true).send()?;
    let mut buf = [0u8; 4];
    let n: usize = r.read(&mut buf)?; // io::Read of the decoded body; petition::Error converts to and from io::Error
    let copied: u64 = r.copy_to(&mut io::sink())?;
    assert_eq!(n as u64 + copied, whole.len() as u64);
    let file = path("saved");
    let mut r = s.get("http://h/big").stream(true).send()?;
    let written: u64 = r.save_to(&file)?;
    assert_eq!(written, whole.len() as u64);
    r.close();
    std::fs::remove_file(&file)?;
    let mut r = s.get("http://h/gz").stream(true).send()?;
    let raw: u64 = io::copy(&mut r.raw(), &mut io::sink())?; // as it came, not decoded
    assert_eq!(raw, whole.len() as u64);
    Ok(())
}
