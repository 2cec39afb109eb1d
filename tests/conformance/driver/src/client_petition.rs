//! A scenario's calls in terms of petition's public API, and petition's errors in terms of requests' exceptions.
//!
//! Python's `None` as a header is `remove_header`; as a field of a form it is left out. What the API cannot
//! say is `Unsupported`.

use crate::client::*;
use crate::scenario::{self, AdapterCfg, CertArg, Count, Data, FilePart, MaxRetries, Mount, Req, RetryCfg, SessionCfg};
use base64::Engine as _;
use petition::{
    BasicAuth, Body, ClientCert, DigestAuth, ErrorKind, HttpAdapter, Multipart, Part, PreparedRequest, Response, Retry,
    Session, Timeout, Verify,
};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{Cursor, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};

pub struct PetitionEngine;

struct PSess {
    /// None: the one-shot functions.
    session: Option<RwLock<Session>>,
    /// A setting that petition refuses where it is given; requests finds out when it sends.
    refused: Mutex<Option<Fail>>,
}

struct PResp(Response);

// ---- errors ------------------------------------------------------------------------------------

fn class(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::HttpError => "HTTPError",
        ErrorKind::ConnectionError => "ConnectionError",
        ErrorKind::ProxyError => "ProxyError",
        ErrorKind::SslError => "SSLError",
        ErrorKind::ConnectTimeout => "ConnectTimeout",
        ErrorKind::ReadTimeout => "ReadTimeout",
        ErrorKind::TooManyRedirects => "TooManyRedirects",
        ErrorKind::RetryError => "RetryError",
        ErrorKind::MissingSchema => "MissingSchema",
        ErrorKind::InvalidSchema => "InvalidSchema",
        ErrorKind::InvalidUrl => "InvalidURL",
        ErrorKind::InvalidProxyUrl => "InvalidProxyURL",
        ErrorKind::InvalidHeader => "InvalidHeader",
        ErrorKind::InvalidJson => "JSONDecodeError",
        ErrorKind::UnrewindableBody => "UnrewindableBodyError",
        ErrorKind::ChunkedEncodingError => "ChunkedEncodingError",
        ErrorKind::ContentDecodingError => "ContentDecodingError",
        ErrorKind::StreamConsumed => "StreamConsumedError",
        ErrorKind::CookieConflict => "CookieConflictError",
        // PoolTimeout, TotalTimeout, InvalidMethod, ...: requests has no such exception
        other => match format!("{other:?}").as_str() {
            "Io" => "OSError".into(),
            name => return name.to_string(),
        },
    }
    .to_string()
}

fn fail(e: petition::Error) -> Fail {
    Fail::Error { class: class(e.kind()), message: e.to_string(), inner: vec![], response: None }
}

/// An error of `send`: of requests' exceptions only TooManyRedirects has a response there.
fn fail_send(e: petition::Error) -> Fail {
    let response = match e.kind() {
        ErrorKind::TooManyRedirects => e.response().map(|r| (r.status_code().as_u16(), r.history().len())),
        _ => None,
    };
    Fail::Error { class: class(e.kind()), message: e.to_string(), inner: vec![], response }
}

fn fail_io(e: std::io::Error) -> Fail {
    fail(petition::Error::from(e))
}

fn unsupported<T>(what: &str) -> Res<T> {
    Err(Fail::Unsupported(what.into()))
}

// ---- settings ----------------------------------------------------------------------------------

/// requests' `HTTPProxyAuth`.
struct ProxyBasic(String, String);

impl petition::Auth for ProxyBasic {
    fn apply(&self, request: &mut PreparedRequest) -> petition::Result<()> {
        let token = base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", self.0, self.1));
        request.headers.insert("Proxy-Authorization", &format!("Basic {token}"))
    }
}

/// A Python dict: a repeated key keeps its place and takes the last value.
fn dict<V: Clone>(pairs: &[(String, V)]) -> Vec<(&str, V)> {
    let mut out: Vec<(&str, V)> = vec![];
    for (k, v) in pairs {
        match out.iter_mut().find(|(n, _)| n == k) {
            Some(old) => old.1 = v.clone(),
            None => out.push((k, v.clone())),
        }
    }
    out
}

fn given(pairs: &[(String, Option<String>)]) -> Vec<(&str, &str)> {
    pairs.iter().filter_map(|(k, v)| Some((k.as_str(), v.as_deref()?))).collect()
}

fn owned(pairs: &[(String, Option<String>)]) -> Vec<(String, String)> {
    given(pairs).into_iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
}

fn lines<I>(lines: I, sink: &mut dyn FnMut(Vec<u8>) -> bool) -> Res<()>
where
    I: Iterator<Item = petition::Result<Vec<u8>>>,
{
    for line in lines {
        if !sink(line.map_err(fail)?) {
            break;
        }
    }
    Ok(())
}

fn query(v: &Value) -> Res<Vec<(String, Option<String>)>> {
    match scenario::params(v) {
        scenario::Params::Raw(_) => unsupported("params as one string"),
        scenario::Params::Pairs(p) => Ok(p),
    }
}

fn verify(v: &scenario::Verify) -> Verify {
    match v {
        scenario::Verify::Flag(true) => Verify::Yes,
        scenario::Verify::Flag(false) => Verify::No,
        scenario::Verify::Path(p) => Verify::CaBundle(p.into()),
    }
}

/// One path means that the certificate and its key are in one file.
fn cert(c: &CertArg) -> ClientCert {
    match c {
        CertArg::Combined(both) => ClientCert::pem(both, both),
        CertArg::Pair(cert, key) => ClientCert::pem(cert, key),
    }
}

fn timeout(t: &scenario::Timeout) -> Timeout {
    match *t {
        scenario::Timeout::One(both) => both.into(),
        scenario::Timeout::Pair(None, None) => None.into(),
        scenario::Timeout::Pair(Some(c), None) => (c, None).into(),
        scenario::Timeout::Pair(None, Some(r)) => (None, r).into(),
        scenario::Timeout::Pair(Some(c), Some(r)) => (c, r).into(),
    }
}

fn retry(cfg: &RetryCfg) -> Retry {
    let mut r = Retry::new();
    macro_rules! counts { ($($name:ident)*) => {$(
        r = match &cfg.$name {
            Count::Absent => r,
            Count::None => r.$name(None),
            Count::False => r.$name(false),
            Count::N(n) => r.$name(*n as u32),
        };
    )*} }
    counts!(total connect read redirect status other);
    macro_rules! values { ($($name:ident)*) => {$( if let Some(v) = cfg.$name { r = r.$name(v); } )*} }
    values!(backoff_factor backoff_max backoff_jitter raise_on_redirect raise_on_status respect_retry_after_header);
    match &cfg.allowed_methods {
        None => {}
        Some(None) => r = r.any_method(),
        Some(Some(methods)) => r = r.allowed_methods(methods.iter().map(String::as_str)),
    }
    if let Some(list) = &cfg.status_forcelist {
        r = r.status_forcelist(list.iter().copied());
    }
    if let Some(list) = &cfg.remove_headers_on_redirect {
        r = r.remove_headers_on_redirect(list.iter().map(String::as_str));
    }
    if let Some(seconds) = cfg.retry_after_max {
        r = r.retry_after_max(seconds as f64);
    }
    r
}

fn adapter(cfg: &AdapterCfg) -> HttpAdapter {
    let mut a = HttpAdapter::builder();
    if let Some(n) = cfg.pool_connections {
        a = a.pool_connections(n as _);
    }
    if let Some(n) = cfg.pool_maxsize {
        a = a.pool_maxsize(n as _);
    }
    if let Some(block) = cfg.pool_block {
        a = a.pool_block(block);
    }
    match &cfg.max_retries {
        MaxRetries::Default | MaxRetries::Bool(false) => a.build(),
        MaxRetries::Bool(true) => a.max_retries(1u32).build(),
        MaxRetries::Int(n) => a.max_retries(*n as u32).build(),
        MaxRetries::Retry(r) => a.max_retries(retry(r)).build(),
    }
}

// ---- bodies ------------------------------------------------------------------------------------

/// A real file, as a seekable stream of known length; nothing of it is left in the folder.
fn temporary(bytes: &[u8]) -> std::io::Result<File> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("petition-conf-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    File::create(&path)?.write_all(bytes)?;
    let file = File::open(&path);
    std::fs::remove_file(&path)?;
    file
}

fn body(data: Data) -> Res<Body> {
    Ok(match data {
        Data::Form(pairs) => owned(&pairs).into(),
        Data::Text(text) => text.into(),
        Data::Bytes(bytes) => bytes.into(),
        Data::Iter(chunks) => Body::chunks(chunks.into_iter()),
        Data::File(bytes) => temporary(&bytes).map_err(|e| Fail::error("OSError", e))?.into(),
        Data::Unseekable(bytes) => Body::reader(Cursor::new(bytes)),
    })
}

fn multipart(files: &[FilePart]) -> Multipart {
    let mut form = Multipart::new();
    for f in files {
        let content = scenario::bytes(&f.content);
        let mut part = if f.stream { Part::reader(Cursor::new(content)) } else { Part::bytes(&content[..]) };
        if let Some(name) = &f.filename {
            part = part.file_name(name.as_str());
        }
        if let Some(mime) = &f.content_type {
            part = part.mime(mime.as_str());
        }
        for (k, v) in f.headers.iter().flatten() {
            part = part.header(k.as_str(), v.as_str());
        }
        form = form.part(f.field.as_str(), part);
    }
    form
}

// ---- requests ----------------------------------------------------------------------------------

/// `session.get(url)` or `session.request(method, url)`; `$on` is a session or the module.
macro_rules! start {
    ($call:ident, $req:expr) => {
        match ($req.via.as_deref(), $req.method.as_str()) {
            (Some("verb"), "GET") => $call!(get($req.url.as_str())),
            (Some("verb"), "OPTIONS") => $call!(options($req.url.as_str())),
            (Some("verb"), "HEAD") => $call!(head($req.url.as_str())),
            (Some("verb"), "POST") => $call!(post($req.url.as_str())),
            (Some("verb"), "PUT") => $call!(put($req.url.as_str())),
            (Some("verb"), "PATCH") => $call!(patch($req.url.as_str())),
            (Some("verb"), "DELETE") => $call!(delete($req.url.as_str())),
            (_, method) => $call!(request(method, $req.url.as_str())),
        }
    };
}

/// Every setting of the step, then `send`. A macro, as an unsupported setting returns from `send` above.
macro_rules! finish {
    ($builder:expr, $req:expr) => {{
        let (mut b, req) = ($builder, $req);
        for (k, v) in dict(req.headers.as_deref().unwrap_or_default()) {
            b = match v {
                Some(v) => b.header(k, v.as_str()),
                None => b.remove_header(k),
            };
        }
        if let Some(p) = &req.params {
            b = match scenario::params(p) {
                scenario::Params::Raw(raw) => b.query_string(raw.as_str()),
                scenario::Params::Pairs(pairs) => b.params(&pairs),
            };
        }
        if let Some(json) = &req.json {
            b = b.json(json);
        }
        if let Some(data) = req.data.as_ref().and_then(scenario::data) {
            b = b.data(body(data)?);
        }
        if let Some(files) = &req.files {
            b = b.files(multipart(files));
        }
        b = match given(&req.cookies.as_ref().map(|c| c.0.clone()).unwrap_or_default())[..] {
            [] => b,
            [one] => b.cookies([one]),
            [one, two] => b.cookies([one, two]),
            _ => return unsupported("more than two cookies"),
        };
        b = match req.auth.clone() {
            None => b,
            Some(scenario::Auth::Basic(user, password)) => b.auth((user.as_str(), password.as_str())),
            Some(scenario::Auth::Digest(user, password)) => b.auth(DigestAuth::new(user, password)),
            Some(scenario::Auth::ProxyBasic(user, password)) => b.auth(ProxyBasic(user, password)),
        };
        if let Some(t) = &req.timeout {
            b = b.timeout(timeout(t));
        }
        if let Some(allow) = req.allow_redirects {
            b = b.allow_redirects(allow);
        }
        if let Some(stream) = req.stream {
            b = b.stream(stream);
        }
        if let Some(v) = &req.verify {
            b = b.verify(verify(v));
        }
        if let Some(c) = &req.cert {
            b = b.cert(cert(c));
        }
        if let Some(p) = &req.proxies {
            // requests' None: direct
            b = b.proxies(p.0.iter().map(|(scheme, url)| (scheme.as_str(), url.as_deref().unwrap_or(""))));
        }
        b.send().map_err(fail_send)
    }};
}

impl PSess {
    fn with<T>(&self, f: impl FnOnce(&Session) -> T) -> Option<T> {
        let s = self.session.as_ref()?.read().unwrap_or_else(|e| e.into_inner());
        Some(f(&s))
    }

    fn refuse(&self, result: petition::Result<()>) {
        if let Err(e) = result {
            self.refused.lock().unwrap_or_else(|e| e.into_inner()).get_or_insert(fail(e));
        }
    }
}

impl Engine for PetitionEngine {
    fn session(&self, cfg: &SessionCfg, mounts: &[Mount]) -> Res<Arc<dyn Sess>> {
        let s = PSess { session: Some(RwLock::new(Session::new())), refused: Mutex::new(None) };
        s.configure(cfg)?;
        for m in mounts {
            s.mount(m)?;
        }
        Ok(Arc::new(s))
    }

    fn one_shot(&self) -> Res<Arc<dyn Sess>> {
        Ok(Arc::new(PSess { session: None, refused: Mutex::new(None) }))
    }
}

impl Sess for PSess {
    fn configure(&self, cfg: &SessionCfg) -> Res<()> {
        let Some(lock) = &self.session else { return Ok(()) };
        let mut s = lock.write().unwrap_or_else(|e| e.into_inner());
        for (k, v) in cfg.headers.iter().flatten() {
            match v {
                Some(v) => self.refuse(s.headers.insert(k.as_str(), v.as_str())),
                None => drop(s.headers.remove(k)),
            }
        }
        if let Some(p) = &cfg.params {
            s.params = owned(&query(p)?);
        }
        s.auth = match cfg.auth.clone() {
            None => s.auth.take(),
            Some(scenario::Auth::Basic(user, password)) => Some(BasicAuth::new(user, password).into()),
            Some(scenario::Auth::Digest(user, password)) => Some(Arc::new(DigestAuth::new(user, password))),
            Some(scenario::Auth::ProxyBasic(user, password)) => Some(Arc::new(ProxyBasic(user, password))),
        };
        for c in cfg.cookies.iter().flatten() {
            match &c[..] {
                [name, value] => s.cookies.insert(name.as_str(), value.as_str()),
                [name, value, domain, rest @ ..] => {
                    let path = rest.first().map_or("/", String::as_str);
                    s.cookies
                        .set(petition::Cookie::new(name.as_str(), value.as_str()).domain(domain.as_str()).path(path));
                }
                _ => return unsupported("a cookie without a value"),
            };
        }
        for (scheme, url) in cfg.proxies.iter().flat_map(|p| &p.0) {
            self.refuse(s.proxies.insert(scheme.as_str(), url.as_deref().unwrap_or("")));
        }
        if let Some(v) = &cfg.verify {
            s.verify = verify(v);
        }
        if let Some(c) = &cfg.cert {
            s.cert = Some(cert(c));
        }
        if let Some(n) = cfg.max_redirects {
            s.max_redirects = n as _;
        }
        if let Some(trust) = cfg.trust_env {
            s.trust_env = trust;
        }
        if let Some(stream) = cfg.stream {
            s.stream = stream;
        }
        Ok(())
    }

    fn mount(&self, m: &Mount) -> Res<()> {
        if let Some(lock) = &self.session {
            let adapter = adapter(&m.adapter);
            lock.write().unwrap_or_else(|e| e.into_inner()).mount(m.prefix.as_str(), adapter);
        }
        Ok(())
    }

    fn send(&self, req: &Req) -> Res<Box<dyn Resp>> {
        if let Some(refused) = self.refused.lock().unwrap_or_else(|e| e.into_inner()).clone() {
            return Err(refused);
        }
        let response = match &self.session {
            Some(lock) => {
                let s = lock.read().unwrap_or_else(|e| e.into_inner());
                macro_rules! on_session { ($($call:tt)*) => { s.$($call)* } }
                finish!(start!(on_session, req), req)?
            }
            None => {
                macro_rules! on_module { ($($call:tt)*) => { petition::$($call)* } }
                finish!(start!(on_module, req), req)?
            }
        };
        Ok(Box::new(PResp(response)))
    }

    fn jar(&self) -> Res<Vec<Cookie>> {
        Ok(self.with(|s| cookies(&s.cookies)).unwrap_or_default())
    }

    fn clear_cookies(&self) -> Res<()> {
        self.with(|s| s.cookies.clear());
        Ok(())
    }

    fn close(&self) -> Res<()> {
        self.with(|s| s.close());
        Ok(())
    }
}

fn cookies(jar: &petition::CookieJar) -> Vec<Cookie> {
    let mut out = vec![];
    for c in jar.iter() {
        out.push([c.name.to_string(), c.value.to_string(), c.domain.to_string(), c.path.to_string()]);
    }
    out
}

// ---- responses ---------------------------------------------------------------------------------

impl PResp {
    /// As `Response.headers` of requests shows them.
    fn merged(&self) -> Vec<(String, String)> {
        let mut out: Vec<(String, String)> = vec![];
        for (k, v) in self.0.headers() {
            match out.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(k)) {
                Some(seen) => {
                    seen.1.push_str(", ");
                    seen.1.push_str(v);
                }
                None => out.push((k.to_string(), v.to_string())),
            }
        }
        out
    }

    /// As `Response.links`: by rel, else by URL.
    fn links(&self) -> Option<Value> {
        self.0.headers().get("link").filter(|v| !v.is_empty())?;
        let mut all = Map::new();
        for link in self.0.links() {
            let mut one = Map::new();
            one.insert("url".into(), link.url().into());
            for (k, v) in link.params() {
                one.insert(k.to_string(), v.to_string().into());
            }
            all.insert(link.rel().unwrap_or(link.url()).to_string(), one.into());
        }
        Some(all.into())
    }
}

fn fill(mut from: impl Read, n: usize) -> Res<Vec<u8>> {
    let mut buf = vec![0; n];
    let mut len = 0;
    while len < n {
        match from.read(&mut buf[len..]).map_err(fail_io)? {
            0 => break,
            k => len += k,
        }
    }
    buf.truncate(len);
    Ok(buf)
}

impl Resp for PResp {
    fn head(&mut self) -> Res<Head> {
        let r = &self.0;
        Ok(Head {
            status: r.status_code().as_u16(),
            reason: r.reason().to_string(),
            url: r.url().to_string(),
            headers: self.merged(),
            history: r.history().iter().map(|h| (h.status_code().as_u16(), h.url().to_string())).collect(),
            encoding: r.encoding().map(str::to_string),
            cookies: cookies(r.cookies()),
            links: self.links(),
        })
    }

    fn content(&mut self) -> Res<Vec<u8>> {
        Ok(self.0.content().map_err(fail)?.to_vec())
    }

    fn text(&mut self, encoding: Option<&str>) -> Res<String> {
        if let Some(name) = encoding {
            self.0.set_encoding(name);
        }
        self.0.text().map_err(fail)
    }

    fn json(&mut self) -> Res<Value> {
        self.0.json().map_err(fail)
    }

    fn chunks(&mut self, size: Option<usize>, sizes: bool, sink: &mut dyn FnMut(Vec<u8>) -> bool) -> Res<()> {
        // Where the sizes do not count, more is read at once.
        let size = if sizes { size } else { size.or(Some(8192)) };
        for chunk in self.0.iter_content(size) {
            if !sink(chunk.map_err(fail)?) {
                break;
            }
        }
        Ok(())
    }

    fn text_chunks(&mut self, size: Option<usize>, sink: &mut dyn FnMut(String) -> bool) -> Res<()> {
        for text in self.0.iter_text(size) {
            if !sink(text.map_err(fail)?) {
                break;
            }
        }
        Ok(())
    }

    /// The chunk size has no say in what the lines are, so it has no place in the API.
    fn lines(&mut self, _: Option<usize>, delimiter: Option<&[u8]>, sink: &mut dyn FnMut(Vec<u8>) -> bool) -> Res<()> {
        match delimiter {
            None => lines(self.0.iter_lines(), sink),
            Some(delimiter) => lines(self.0.iter_lines_by(delimiter), sink),
        }
    }

    fn raw_read(&mut self, n: usize, decode: bool) -> Res<Vec<u8>> {
        if decode { fill(&mut self.0, n) } else { fill(self.0.raw(), n) }
    }

    fn raise_for_status(&mut self) -> Res<()> {
        self.0.raise_for_status().map(drop).map_err(fail)
    }

    fn info(&mut self) -> Res<Info> {
        let r = &self.0;
        let next = r.next().map(|n| (n.method.to_string(), n.url.to_string()));
        Ok((r.ok(), r.is_redirect(), r.is_permanent_redirect(), next))
    }

    fn close(&mut self) -> Res<()> {
        self.0.close();
        Ok(())
    }
}
