//! A case of `wire_cases.jsonl` as calls of petition; `requests_peer.py` has the same for requests.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;

use petition::{
    Auth, BasicAuth, BearerAuth, Body, Cookie, DigestAuth, ErrorKind, Multipart, Part, Request, RequestBuilder,
    Response, Result, Session,
};
use serde_json::{Value, json};

use crate::support::TempDir;

/// Does every step of a case, with a session of its own.
pub fn send(case: &Value) -> Vec<Value> {
    let session = match session(&case["session"]) {
        Ok(session) => session,
        Err(error) => return vec![json!({"error": format!("{:?}", error.kind())})],
    };
    let one = [case.clone()];
    let steps = case["steps"].as_array().map_or(&one[..], Vec::as_slice);
    let outcomes = steps.iter().map(|step| match perform(&session, step) {
        Ok(response) => json!({
            "status": response.status_code().as_u16(),
            "url": response.url().as_str(),
            "hops": response.history().len(),
        }),
        Err(error) => json!({"error": format!("{:?}", error.kind()), "message": error.to_string()}),
    });
    outcomes.collect()
}

/// The kind that an outcome of [`send`] names.
pub fn kind_named(outcome: &Value) -> Option<ErrorKind> {
    use ErrorKind as K;
    let kinds = [
        K::HttpError,
        K::ConnectionError,
        K::ProxyError,
        K::SslError,
        K::ConnectTimeout,
        K::ReadTimeout,
        K::PoolTimeout,
        K::TotalTimeout,
        K::TooManyRedirects,
        K::RetryError,
        K::MissingSchema,
        K::InvalidSchema,
        K::InvalidUrl,
        K::InvalidProxyUrl,
        K::InvalidHeader,
        K::InvalidJson,
        K::UnrewindableBody,
        K::ChunkedEncodingError,
        K::ContentDecodingError,
        K::StreamConsumed,
        K::CookieConflict,
        K::InvalidMethod,
        K::InvalidSetting,
        K::Io,
        K::Unsupported,
        K::Other,
    ];
    kinds.into_iter().find(|kind| outcome["error"] == format!("{kind:?}"))
}

/// The items of a JSON array; none where there is nothing.
fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn session(settings: &Value) -> Result<Session> {
    let mut session = Session::new();
    session.trust_env = false;
    for header in items(&settings["headers"]) {
        match header[1].as_str() {
            Some(value) => session.headers.insert(text(&header[0]), value)?,
            None => drop(session.headers.remove(text(&header[0]))),
        }
    }
    session.params = pairs(&settings["params"]);
    session.auth = auth(&settings["auth"]);
    for cookie in items(&settings["cookies"]) {
        match (cookie[2].as_str(), cookie[3].as_str()) {
            (Some(domain), path) => {
                session
                    .cookies
                    .set(Cookie::new(text(&cookie[0]), text(&cookie[1])).domain(domain).path(path.unwrap_or("/")));
            }
            _ => session.cookies.insert(text(&cookie[0]), text(&cookie[1])),
        }
    }
    for (key, url) in pairs(&settings["proxies"]) {
        session.proxies.insert(key, url)?;
    }
    if let Some(most) = settings["max_redirects"].as_u64() {
        session.max_redirects = u32::try_from(most).expect("a small number");
    }
    Ok(session)
}

/// A mapping or pairs, as pairs: lists repeat their name, null is left out (URL-24).
fn pairs(value: &Value) -> Vec<(String, String)> {
    let given: Vec<(&str, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(name, value)| (name.as_str(), value)).collect(),
        _ => items(value).map(|pair| (text(&pair[0]), &pair[1])).collect(),
    };
    let flat = given.into_iter().flat_map(|(name, value)| match value {
        Value::Array(values) => values.iter().map(|value| (name, value)).collect(),
        one => vec![(name, one)],
    });
    flat.filter_map(|(name, value)| Some((name.to_owned(), value.as_str()?.to_owned()))).collect()
}

fn auth(value: &Value) -> Option<Arc<dyn Auth>> {
    let (kind, value) = value.as_object()?.iter().next()?;
    Some(match kind.as_str() {
        "basic" => BasicAuth::new(text(&value[0]), text(&value[1])).into(),
        "digest" => Arc::new(DigestAuth::new(text(&value[0]), text(&value[1]))),
        "bearer" => Arc::new(BearerAuth::new(text(value))),
        other => panic!("no auth is called {other}"),
    })
}

/// The setters that a [`Request`] and a [`RequestBuilder`] have alike.
macro_rules! settings {
    ($builder:expr, $step:expr) => {{
        let (mut builder, step) = ($builder, $step);
        for header in items(&step["headers"]) {
            builder = match header[1].as_str() {
                Some(value) => builder.header(text(&header[0]), value),
                None => builder.remove_header(text(&header[0])),
            };
        }
        for name in items(&step["skip"]) {
            builder = builder.skip_header(text(name));
        }
        match &step["params"] {
            Value::Null => {}
            Value::String(raw) => builder = builder.query_string(raw),
            given => builder = builder.params(pairs(given)),
        }
        if let Some(value) = step.get("json") {
            builder = builder.json(value);
        }
        if let Some(data) = step.get("data") {
            builder = builder.data(body(data));
        }
        if let Some(parts) = step["files"].as_array() {
            builder = builder.files(multipart(parts));
        }
        if step["cookies"].is_object() {
            builder = builder.cookies(pairs(&step["cookies"]));
        }
        if let Some(auth) = auth(&step["auth"]) {
            builder = builder.auth(auth);
        }
        builder
    }};
}

fn perform(session: &Session, step: &Value) -> Result<Response> {
    let (method, url) = (step["method"].as_str().unwrap_or("GET"), text(&step["url"]));
    if step["prepared"] == true {
        let prepared = settings!(Request::new(method, url), step).prepare()?;
        return session.send(prepared);
    }
    let builder = match method {
        _ if step["verb"] != true => session.request(method, url),
        "HEAD" => session.head(url),
        "OPTIONS" => session.options(url),
        "POST" => session.post(url),
        "PUT" => session.put(url),
        "PATCH" => session.patch(url),
        "DELETE" => session.delete(url),
        _ => session.get(url),
    };
    let mut builder: RequestBuilder<'_> = settings!(builder, step).timeout(step["timeout"].as_f64().unwrap_or(5.0));
    if let Some(allow) = step["allow_redirects"].as_bool() {
        builder = builder.allow_redirects(allow);
    }
    builder.proxies(pairs(&step["proxies"])).send()
}

/// Latin-1 text, or `{"repeat": [text, times]}`.
fn content(value: &Value) -> Vec<u8> {
    if let Some(repeat) = value["repeat"].as_array() {
        let times = repeat[1].as_u64().and_then(|times| usize::try_from(times).ok()).expect("a number");
        return content(&repeat[0]).repeat(times);
    }
    text(value).chars().map(|c| u8::try_from(u32::from(c)).expect("content is Latin-1")).collect()
}

fn body(spec: &Value) -> Body {
    let (kind, value) = spec.as_object().and_then(|spec| spec.iter().next()).expect("data is an object with one key");
    match kind.as_str() {
        "text" => text(value).into(),
        "bytes" => content(value).into(),
        "form" => pairs(value).into(),
        "chunks" => Body::chunks(items(value).map(content).collect::<Vec<_>>()),
        "reader" => Body::reader(Cursor::new(content(value))),
        "sized" => {
            let bytes = content(value);
            let length = bytes.len() as u64;
            Body::sized(Cursor::new(bytes), length)
        }
        "file" => {
            let (bytes, position) = match value.as_array() {
                Some(both) => (content(&both[0]), both[1].as_u64().expect("a position")),
                None => (content(value), 0),
            };
            let mut file = temporary(&bytes).expect("the temporary folder can be written");
            file.seek(SeekFrom::Start(position)).expect("a file can seek");
            file.into()
        }
        other => panic!("no data is called {other}"),
    }
}

fn multipart(parts: &[Value]) -> Multipart {
    parts.iter().fold(Multipart::new(), |form, spec| {
        let bytes = content(&spec["content"]);
        let mut part = if spec["file"] == true {
            Part::seekable(Cursor::new(bytes)).expect("a cursor can seek")
        } else {
            Part::bytes(&bytes)
        };
        if let Some(name) = spec["name"].as_str() {
            part = part.file_name(name);
        }
        if let Some(mime) = spec["mime"].as_str() {
            part = part.mime(mime);
        }
        for header in items(&spec["headers"]) {
            part = part.header(text(&header[0]), text(&header[1]));
        }
        form.part(text(&spec["field"]), part)
    })
}

/// A real file; its name is gone before it is sent.
fn temporary(bytes: &[u8]) -> std::io::Result<impl Read + Seek + Into<Body> + use<>> {
    File::open(TempDir::new().file("body", bytes))
}
