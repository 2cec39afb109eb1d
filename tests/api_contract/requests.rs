//! One-shot functions, and what can be set for one request.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::time::Duration;

use petition::{
    BasicAuth, BearerAuth, Body, Headers, Method, Multipart, Part, PreparedRequest, Request, RequestBuilder, Response,
    Result, Session, StatusCode, Timeout, Url,
};

use crate::{offline, path};

/// Compiled only: a fresh session each, so they would reach for the network.
#[allow(dead_code)]
fn one_shot() -> Result<()> {
    let r = petition::get("http://h/get").send()?; // no `mut`: reading the content needs only `&self`
    let _: StatusCode = r.status_code();
    let _: bool = r.status_code() == 200 && r.ok();
    println!("{} {}", r.url(), r.text()?);
    let _: String = petition::get("http://h/").send()?.text()?; // owned, so that this line is not a borrow error

    petition::options("http://h/").send()?;
    petition::head("http://h/").send()?;
    petition::post("http://h/").data([("a", "1"), ("b", "2")]).send()?;
    petition::put("http://h/").data("raw text").send()?;
    petition::patch("http://h/").data(vec![1u8, 2, 3]).send()?;
    petition::delete("http://h/").send()?;
    petition::request("PROPFIND", "http://h/").send()?;
    petition::request(Method::GET, Url::parse("http://h/")?).send()?;
    Ok(())
}

#[test]
fn every_setting_of_a_request() -> Result<()> {
    let s = offline();
    let map: HashMap<String, String> = HashMap::from([("m".to_owned(), "1".to_owned())]);
    let mut headers = Headers::new();
    headers.insert("X-Trace", "1")?; // Err(InvalidHeader) on CR, LF or NUL
    headers.append("X-Trace", "2")?; // beside the first, not in its place

    let r: Response = s
        .get("http://h/p?x=1#frag")
        .params([("k", "v1"), ("k", "v2")])
        .params(&map)
        .query_string("raw=as%20given") // requests: params="raw=as%20given"
        .header("Accept", "application/json")
        .headers(headers)
        .remove_header("Accept-Encoding") // requests: headers={"Accept-Encoding": None}; goes as `identity` then
        .skip_header("User-Agent") // sends none at all (urllib3's SKIP_HEADER)
        .cookies([("session", "abc")])
        .auth(("user", "password"))
        .timeout((3.05, 27)) // seconds: (connect, read)
        .allow_redirects(false)
        .proxies([("http", "http://127.0.0.1:3128"), ("https://h", "socks5h://127.0.0.1:1080")])
        .verify("ca.pem")
        .verify(false)
        .cert(("client.pem", "client.key"))
        .stream(true)
        .on_response(|r: Response| -> Result<Response> { Ok(r) })
        .send()?;

    let sent = r.request();
    assert_eq!(sent.url.to_string(), "http://h/p?x=1&k=v1&k=v2&m=1&raw=as%20given#frag");
    assert_eq!(sent.headers.get_all("X-Trace").collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(sent.headers.get("Authorization"), Some("Basic dXNlcjpwYXNzd29yZA=="));
    assert_eq!(sent.headers.get("Cookie"), Some("session=abc"));
    Ok(())
}

#[test]
fn every_form_of_a_timeout() -> Result<()> {
    let s = offline();

    s.get("http://h/").timeout(5).send()?;
    s.get("http://h/").timeout(5.0).send()?;
    s.get("http://h/").timeout(Duration::from_millis(1500)).send()?;
    s.get("http://h/").timeout((Duration::from_secs(1), Duration::from_secs(2))).send()?;
    s.get("http://h/").timeout(None).send()?; // no limit, whatever the session says
    s.get("http://h/").timeout(Timeout::new().connect(3.0).read(10.0).total(30.0).pool(1.0)).send()?;
    Ok(())
}

#[test]
fn every_form_of_a_body() -> Result<()> {
    let s = offline();
    let file = path("body");
    std::fs::write(&file, "0123456789").unwrap();
    let map: HashMap<String, String> = HashMap::from([("m".to_owned(), "1".to_owned())]);
    let length = |r: Response| r.request().headers.get("Content-Length").map(str::to_owned);
    let known = |length: &str| Some(length.to_owned());

    assert_eq!(length(s.post("http://h/").data("text").send()?), known("4"));
    assert_eq!(length(s.post("http://h/").data(String::from("text")).send()?), known("4"));
    assert_eq!(length(s.post("http://h/").data(&b"bytes"[..]).send()?), known("5"));
    assert_eq!(length(s.post("http://h/").data(vec![("a".to_string(), "1".to_string())]).send()?), known("3"));
    assert_eq!(length(s.post("http://h/").data(&map).send()?), known("3"));
    // from the file's size, and rewindable
    assert_eq!(length(s.post("http://h/").data(File::open(&file).unwrap()).send()?), known("10"));
    assert_eq!(length(s.post("http://h/").data(Body::sized(io::empty(), 10)).send()?), known("10"));
    // of unknown length: chunked, and sent once
    assert_eq!(length(s.post("http://h/").data(Body::reader(io::empty())).send()?), None);
    assert_eq!(length(s.post("http://h/").data(Body::chunks(["a", "b"].into_iter())).send()?), None);
    std::fs::remove_file(&file).unwrap();
    Ok(())
}

#[cfg(feature = "json")]
#[test]
fn a_json_body() -> Result<()> {
    let value = serde_json::json!({"k": [1, 2]});

    let r = offline().post("http://h/").json(&value).send()?;

    assert_eq!(r.request().headers.get("Content-Type"), Some("application/json"));
    Ok(())
}

#[test]
fn files() -> Result<()> {
    let s = offline();
    let file = path("report");
    std::fs::write(&file, "0123456789").unwrap();

    s.post("http://h/")
        .data([("field", "value")])
        .files([("doc", Part::file(&file)?), ("raw", Part::bytes("abc").file_name("a.txt").mime("text/plain"))])
        .send()?;
    let form = Multipart::new()
        .text("field", "value")
        .part("doc", Part::reader(io::empty()).file_name("s.bin").header("X-Part", "1"));
    let r = s.post("http://h/").files(form).send()?; // streamed, never whole in memory

    assert!(r.request().headers.get("Content-Type").is_some_and(|of| of.starts_with("multipart/form-data; boundary=")));
    std::fs::remove_file(&file).unwrap();
    Ok(())
}

#[test]
fn a_builder_can_be_named_in_a_signature() -> Result<()> {
    fn for_team<'s>(builder: RequestBuilder<'s>) -> RequestBuilder<'s> {
        builder.header("X-Team", "a")
    }

    let r = for_team(offline().get("http://h/")).send()?;

    assert_eq!(r.request().headers.get("X-Team"), Some("a"));
    Ok(())
}

#[test]
fn nothing_asks_for_static_text() -> Result<()> {
    fn all(s: &Session, url: &str, text: &str, bytes: &[u8]) -> Result<()> {
        let part = Part::bytes(bytes).file_name(text).mime("text/plain").header(text, text);
        s.request(text, url)
            .params([(text, text)])
            .header(text, text)
            .cookies([(text, text)])
            .auth((text, text))
            .proxies([(text, url)])
            .verify(text)
            .cert((text, text))
            .data([(text, text)])
            .files([(text, part)])
            .send()?;
        s.post(url).data(text).auth(BasicAuth::new(text, text)).send()?;
        s.post(url).data(bytes).auth(BearerAuth::new(text)).send()?;
        Ok(())
    }

    all(&offline(), &String::from("http://h/"), &String::from("all"), &Vec::from(*b"bytes"))
}

#[test]
fn prepared_requests() -> Result<()> {
    let s = offline();
    let request = Request::new("POST", "http://h/").header("X-A", "1").params([("a", "b")]).data("body");

    let mut prepared: PreparedRequest = s.prepare_request(request)?;
    prepared.headers.insert("X-B", "2")?;
    let _: (&Method, &Url) = (&prepared.method, &prepared.url);
    let body: Option<&[u8]> = prepared.body_bytes();
    assert_eq!(body, Some(&b"body"[..]));
    s.send(prepared.clone())?; // clones share a body that can be read only once
    s.send(prepared)?;

    let prepared = Request::new(Method::GET, "http://h/").prepare()?; // without a session: no cookies, no defaults
    let mut options = s.send_options(); // the session's own settings; SendOptions::default() has requests' defaults
    options.timeout = Timeout::from(5.0);
    options.stream = true;
    options.allow_redirects = false;
    let r = s.send_with(prepared, options)?;
    assert_eq!(r.request().url.to_string(), "http://h/");
    Ok(())
}
