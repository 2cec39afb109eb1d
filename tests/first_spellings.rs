//! What a newcomer writes first. Most of it compiles, and is called here against answers from memory. For the rest,
//! docs/from-requests.md has a table; a test checks that what it says to write instead is here, and so compiles.

// The spellings are as people write them.
#![allow(unused, clippy::needless_borrows_for_generic_args, clippy::single_match)]

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use petition::{
    BasicAuth, BearerAuth, Error, Headers, HttpAdapter, Method, Part, Proxies, Request, Response, Result, Retry,
    Session, StatusCode, Url, Verify,
};

type Any = std::result::Result<(), Box<dyn std::error::Error>>;

/// A session that reaches nothing: every request is answered with 200 and `[1, 2]`.
fn offline() -> Session {
    let mut session = Session::new();
    session.trust_env = false;
    session.mount_all(petition::adapter_fn(|request, _| {
        Response::builder(200).header("Content-Type", "application/json").body("[1, 2]").build()
    }));
    session
}

fn query(request: petition::RequestBuilder<'_>) -> String {
    request.prepare().unwrap().url.query().unwrap_or_default().to_owned()
}

#[cfg(feature = "json")]
#[derive(serde::Serialize)]
struct Q {
    page: u32,
}

#[test]
fn what_a_request_is_given() -> Any {
    let s = offline();
    let m = HashMap::from([("m".to_owned(), "1".to_owned())]);
    let url: http::Uri = "http://u/".parse()?;
    s.get("http://u").timeout(Duration::from_secs(5)).send()?;
    s.get("http://u").timeout((3, 10.5)).send()?;
    s.get("http://u").timeout((3, None)).send()?;
    s.get("http://u").timeout(5u8).timeout(5usize).send()?;
    s.post("http://u").data(&vec![1u8]).send()?;
    s.post("http://u").data(b"bytes").send()?;
    s.post("http://u").data(&m).send()?;
    s.get("http://u").header("X-N", 5).send()?;
    s.get("http://u").header(http::header::RANGE, http::HeaderValue::from_static("bytes=0-1")).send()?;
    s.get("http://u").headers([("a", "b")]).headers(HashMap::from([("c", "d")])).send()?;
    s.get("http://u").headers(&http::HeaderMap::new()).send()?;
    s.get("http://u").cookie("a", "b").send()?;
    s.get("http://u").verify(PathBuf::from("ca.pem")).send()?;
    s.get(url).send()?;
    assert_eq!(query(s.get("http://u").param("a", 1)), "a=1");
    assert_eq!(query(s.get("http://u").params([("a", Some(1)), ("b", None)])), "a=1");
    assert_eq!(query(s.get("http://u").params("a=%20")), "a=%20");
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("first-spellings-{}", std::process::id()));
    std::fs::write(&dir, "text")?;
    let f = File::open(&dir)?;
    s.post("http://u").files([("a", f)]).send()?;
    s.post("http://u").files([("a", Part::file(&dir).unwrap()), ("b", Part::text("y"))]).send()?;
    std::fs::remove_file(&dir)?;
    Ok(())
}

#[cfg(feature = "json")]
#[test]
fn what_serde_serializes() -> Any {
    let s = offline();
    assert_eq!(query(s.get("http://u").query(&[("a", "b")])), "a=b");
    assert_eq!(query(s.get("http://u").query(&Q { page: 1 })), "page=1");
    assert_eq!(s.post("http://u").form(&[("a", "b")]).prepare()?.body_bytes(), Some(&b"a=b"[..]));
    assert_eq!(s.get("http://u").send()?.json::<Vec<u32>>()?, [1, 2]);
    assert_eq!(Response::builder(200).json(&1).build()?.json::<u8>()?, 1);
    Ok(())
}

#[test]
fn what_a_session_an_adapter_and_retries_are_given() -> Any {
    let mut s = offline();
    s.timeout = Duration::from_secs(5).into();
    s.verify = "ca.pem".into();
    s.auth = Some(BasicAuth::new("u", "p").into());
    s.headers.insert("X-A", 5)?;
    s.cookies.insert("a", 5);
    let a = HttpAdapter::builder().pool_timeout(5).idle_timeout(30).build();
    s.mount("https://", Arc::new(a));
    s.stats();
    let retry = Retry::new()
        .backoff_factor(Duration::from_millis(500))
        .status_forcelist([StatusCode::BAD_GATEWAY])
        .allowed_methods([Method::GET]);
    assert!(retry.is_retry("GET", 502, false) && !retry.is_retry("POST", 502, false));
    Ok(())
}

#[test]
fn what_a_response_and_an_error_are_asked() -> Any {
    let r = offline().get("http://u").send()?;
    let length: Option<u64> = r.content_length();
    assert_eq!((&r.headers()["content-type"], length), ("application/json", None));
    let own: http::Response<Vec<u8>> = r.try_into().unwrap();
    assert_eq!(own.body(), b"[1, 2]");
    let request = http::Request::post("http://u/").body(b"x".to_vec())?;
    assert_eq!(Request::try_from(request)?.prepare()?.body_bytes(), Some(&b"x"[..]));
    let e = petition::get("nowhere").send().unwrap_err();
    assert_eq!((e.status(), e.is_connect()), (None, false));
    Ok(())
}

/// What the table says to write instead.
#[cfg(feature = "json")]
fn instead(s: &mut Session, mut r: Response, q: &Q, a: BasicAuth) -> Any {
    s.get("u").param("a", 1).param("b", "2");
    s.get("u").query(q);
    s.post("u").form(q);
    s.post("u").json(q);
    s.set_timeout(5);
    s.set_auth(("u", "p"));
    s.set_verify(false);
    s.proxies = Proxies::from_pairs([("http", "http://p:1")])?;
    s.get("u").auth(BearerAuth::new("t"));
    s.get("u").auth(("u", "p"));
    s.headers.update([("X-A", "5")])?;
    s.headers = Headers::from_pairs([("a", "b")])?;
    s.get("u").paginate()?;
    s.get("u").files([("a", Part::file("x")?)]);
    s.base_url = Some(Url::parse("http://x")?);
    r.status_code();
    r.content()?;
    let is_error = !r.ok();
    let is_error = r.status_code().as_u16() >= 400;
    match r.status_code().as_u16() {
        200 => {}
        _ => {}
    }
    for line in r.iter_lines() {}
    let mut s = Session::new();
    s.timeout = 5.into();
    let s = Arc::new(s);
    let other = s.clone();
    Ok(())
}

/// The code in the last column of the table, row by row.
fn advised() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/from-requests.md");
    let text = std::fs::read_to_string(path).expect("the guide can be read");
    let (_, section) = text.split_once("## What you may write first\n").expect("the guide has the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.flat_map(|row| {
        let last = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        last.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn what_the_guide_advises_is_compiled_here() {
    let compact = |text: &str| text.split_whitespace().collect::<String>();
    let own = compact(include_str!("first_spellings.rs"));
    let advised = advised();

    assert!(advised.len() >= 23, "{advised:?}");
    for code in advised {
        assert!(own.contains(&compact(&code).replace("/*…*/", "")), "{code} is in no test");
    }
}
