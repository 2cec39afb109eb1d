//! What users of reqwest::blocking and ureq write, and what it is here. See `tests/translations.rs`.
#![allow(unused, clippy::all)]

use std::time::Duration;

use petition::{
    BearerAuth, Body, ClientCert, Error, ErrorKind, HttpAdapter, Multipart, Part, Proxies, Response, Result, Session,
    Timeout,
};
use serde_json::{Value, json};

/// # Clients
fn clients() -> Result<()> {
    // `Client::new()`, `Agent::new_with_defaults()`
    let mut s = Session::new();

    // `reqwest::blocking::get(url)?`, `ureq::get(url).call()?`
    let _ = petition::get("http://h/").send()?;

    // `Client::builder().timeout(t)`, `config_builder().timeout_global(t)`
    // > no timeout by default; reqwest has 30 s
    s.timeout = Timeout::new().total(30);

    // `.connect_timeout(t)`, `.timeout_connect(t)`
    s.timeout = Timeout::new().connect(3);

    // `.timeout_recv_response(t)`, `.timeout_recv_body(t)`
    // > limits each silence, not the whole
    s.timeout = Timeout::new().read(10);

    // `.default_headers(map)`
    s.headers.update([("X-A", "1")])?;

    // `.user_agent("me/1.0")`
    s.headers.insert("User-Agent", "me/1.0")?;

    // `.pool_max_idle_per_host(8)`, `.max_idle_connections_per_host(8)`
    // > with `pool_block(true)` a bound on all connections, not on the idle ones alone
    s.mount_all(HttpAdapter::builder().pool_maxsize(8).pool_block(true).build());

    // `.pool_idle_timeout(t)`, `.max_idle_age(t)`
    s.mount_all(HttpAdapter::builder().idle_timeout(30).build());

    // `.tcp_keepalive(t)`
    s.mount_all(HttpAdapter::builder().tcp_keepalive(60).build());

    // `.redirect(Policy::none())`, `.max_redirects(0)`
    // > for one request; `s.max_redirects` for the session
    let _ = s.get("http://h/").allow_redirects(false);

    // `.redirect(Policy::limited(5))`, `.max_redirects(5)`
    s.max_redirects = 5;

    // `.danger_accept_invalid_certs(true)`
    s.set_verify(false);

    // `.add_root_certificate(cert)`
    s.verify = petition::Verify::system_and("ca.pem");

    // `.identity(id)`, `.client_cert(…)`
    s.cert = Some(ClientCert::pem("c.pem", "k.pem"));

    // `.proxy(Proxy::all("http://p:3128")?)`
    s.proxies = Proxies::from_pairs([("all", "http://p:3128")])?;

    // `.no_proxy()`
    // > also netrc and the CA variables
    s.trust_env = false;

    // `.cookie_store(true)`
    // > always kept; `s.cookies` is the jar
    let _ = s.cookies.len();

    // `.resolve("h", addr)`, `.dns_resolver(…)`
    s.mount_all(HttpAdapter::builder().resolver(|_, port| Ok(vec![([127, 0, 0, 1], port).into()])).build());

    // `.https_only(true)`
    s.unmount("http://");

    // `.http_status_as_error(false)`
    // > always; `error_for_status` makes them errors
    let _ = s.get("http://h/").send()?;
    Ok(())
}

/// # Requests
fn requests(s: &Session, url: &str) -> Result<()> {
    // `client.get(url).send()?`, `agent.get(url).call()?`
    let _ = s.get(url).send()?;

    // `.query(&[("a", "b")])`, `.query("a", "b")`
    let _ = s.get(url).param("a", "b").send()?;

    // `.query(&T)`
    let _ = s.get(url).query(&json!({"page": 1})).send()?;

    // `.header("X-A", "1")`
    let _ = s.get(url).header("X-A", "1").send()?;

    // `.basic_auth("u", Some("p"))`
    let _ = s.get(url).auth(("u", "p")).send()?;

    // `.bearer_auth("t")`
    let _ = s.get(url).auth(BearerAuth::new("t")).send()?;

    // `.body("text")`, `.send("text")`
    let _ = s.post(url).data("text").send()?;

    // `.body(File::open(…)?)`
    let _ = s.post(url).data(std::fs::File::open("f")?).send()?;

    // `.form(&T)`, `.send_form([…])`
    let _ = s.post(url).form(&json!({"a": "b"})).send()?;

    // `.json(&T)`, `.send_json(T)`
    let _ = s.post(url).json(json!({"a": 1})).send()?;

    // `.multipart(Form::new().text("a", "1").file("f", "a.csv")?)`
    let _ = s.post(url).files(Multipart::new().text("a", "1").part("f", Part::file("a.csv")?)).send()?;

    // `.timeout(t)`
    let _ = s.get(url).timeout(Timeout::new().total(5)).send()?;

    // `.build()?`, then `client.execute(request)?`
    let _ = s.send(s.get(url).prepare()?)?;
    Ok(())
}

/// # Responses
fn responses(mut r: Response) -> Result<()> {
    // `r.status()`
    let _ = r.status_code();

    // `r.headers()`
    let _ = r.headers().get("Content-Type");

    // `r.text()?`, `r.body_mut().read_to_string()?`
    let _ = r.text()?;

    // `r.bytes()?`, `r.body_mut().read_to_vec()?`
    let _ = r.content()?;

    // `r.json::<T>()?`, `r.body_mut().read_json::<T>()?`
    let _ = r.json::<Value>()?;

    // `r.copy_to(&mut w)?`, `r.body_mut().as_reader()`
    // > after `.stream(true)`; a response is a `Read`
    let _ = r.copy_to(&mut std::io::sink())?;

    // `r.url()`, `r.get_uri()`
    let _ = r.url();

    // `r.content_length()`
    let _ = r.content_length();

    // `r.remote_addr()`
    let _ = r.exchange().peer;

    // `r.error_for_status()?`
    // > by reference: `raise_for_status`
    let _ = r.error_for_status()?;
    Ok(())
}

/// # Errors
fn errors(e: &Error) {
    // `e.is_timeout()`
    let _ = e.is_timeout();

    // `e.is_connect()`, `Error::ConnectionFailed`
    let _ = e.is_connect();

    // `e.is_status()`, `Error::StatusCode(code)`
    let _ = e.kind() == ErrorKind::HttpError;

    // `e.status()`
    let _ = e.status();

    // `e.is_redirect()`, `Error::TooManyRedirects`
    let _ = e.kind() == ErrorKind::TooManyRedirects;

    // `e.is_decode()`
    let _ = matches!(e.kind(), ErrorKind::InvalidJson | ErrorKind::ContentDecodingError);

    // `e.is_builder()`, `Error::BadUri`
    let _ = matches!(e.kind(), ErrorKind::InvalidUrl | ErrorKind::InvalidHeader | ErrorKind::InvalidSetting);

    // `e.url()`
    let _ = e.url();
}
