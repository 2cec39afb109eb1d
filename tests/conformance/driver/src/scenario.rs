//! A scenario as it is handed over: one JSON document with the ports filled in.

use base64::Engine as _;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
pub struct Scenario {
    /// absent: a default session; null: module-level functions
    #[serde(default = "some_default", deserialize_with = "opt")]
    pub session: Option<SessionCfg>,
    #[serde(default)]
    pub mounts: Vec<Mount>,
    pub steps: Vec<Value>,
    pub control: String,
}

fn some_default() -> Option<SessionCfg> {
    Some(SessionCfg::default())
}

fn opt<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<SessionCfg>, D::Error> {
    Option::<SessionCfg>::deserialize(d)
}

#[derive(Debug, Default, Clone, Deserialize)]
pub struct SessionCfg {
    pub headers: Option<Vec<(String, Option<String>)>>,
    pub params: Option<Value>,
    pub auth: Option<Auth>,
    /// [name, value] or [name, value, domain, path]
    pub cookies: Option<Vec<Vec<String>>>,
    pub proxies: Option<Vec2>,
    pub verify: Option<Verify>,
    pub cert: Option<CertArg>,
    pub max_redirects: Option<u32>,
    pub trust_env: Option<bool>,
    pub stream: Option<bool>,
    pub mounts: Option<Vec<Mount>>,
}

/// an ordered string map
#[derive(Debug, Default, Clone)]
pub struct Vec2(pub Vec<(String, Option<String>)>);

impl<'de> Deserialize<'de> for Vec2 {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let m = serde_json::Map::deserialize(d)?;
        Ok(Vec2(m.into_iter().map(|(k, v)| (k, scalar(&v))).collect()))
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Verify {
    Flag(bool),
    Path(String),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum CertArg {
    Combined(String),
    Pair(String, String),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    Basic(String, String),
    Digest(String, String),
    ProxyBasic(String, String),
}

#[derive(Debug, Clone, Deserialize)]
pub struct Mount {
    pub prefix: String,
    pub adapter: AdapterCfg,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct AdapterCfg {
    pub pool_connections: Option<usize>,
    pub pool_maxsize: Option<usize>,
    pub pool_block: Option<bool>,
    #[serde(default)]
    pub max_retries: MaxRetries,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(untagged)]
pub enum MaxRetries {
    #[default]
    Default,
    Bool(bool),
    Int(i64),
    Retry(Box<RetryCfg>),
}

/// A count: absent (default), null (unlimited), false (disabled) or a number.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Count {
    #[default]
    Absent,
    None,
    False,
    N(i64),
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(d)? {
            Value::Null => Count::None,
            Value::Bool(false) => Count::False,
            Value::Number(n) => Count::N(n.as_i64().unwrap_or(0)),
            _ => Count::Absent,
        })
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryCfg {
    pub total: Count,
    pub connect: Count,
    pub read: Count,
    pub redirect: Count,
    pub status: Count,
    pub other: Count,
    /// Some(None) = any method
    #[serde(deserialize_with = "some_opt")]
    pub allowed_methods: Option<Option<Vec<String>>>,
    pub status_forcelist: Option<Vec<u16>>,
    pub backoff_factor: Option<f64>,
    pub backoff_max: Option<f64>,
    pub backoff_jitter: Option<f64>,
    pub raise_on_redirect: Option<bool>,
    pub raise_on_status: Option<bool>,
    pub respect_retry_after_header: Option<bool>,
    pub remove_headers_on_redirect: Option<Vec<String>>,
    pub retry_after_max: Option<u64>,
}

fn some_opt<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<Option<Vec<String>>>, D::Error> {
    Ok(Some(Option::<Vec<String>>::deserialize(d)?))
}

#[derive(Debug, Clone, Deserialize)]
pub struct Req {
    #[serde(default = "get")]
    pub method: String,
    pub url: String,
    /// "verb": use session.get()/head()/... instead of session.request()
    pub via: Option<String>,
    pub id: Option<String>,
    pub session: Option<String>,
    pub params: Option<Value>,
    pub headers: Option<Vec<(String, Option<String>)>>,
    pub data: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    pub json: Option<Value>,
    pub files: Option<Vec<FilePart>>,
    pub cookies: Option<Vec2>,
    pub auth: Option<Auth>,
    pub timeout: Option<Timeout>,
    pub allow_redirects: Option<bool>,
    pub stream: Option<bool>,
    pub verify: Option<Verify>,
    pub cert: Option<CertArg>,
    pub proxies: Option<Vec2>,
    #[serde(default)]
    pub json_result: bool,
    #[serde(default)]
    pub nobody: bool,
}

fn present<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<Value>, D::Error> {
    Ok(Some(Value::deserialize(d)?))
}

fn get() -> String {
    "GET".into()
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Timeout {
    One(f64),
    Pair(Option<f64>, Option<f64>),
}

#[derive(Debug, Clone, Deserialize)]
pub struct FilePart {
    pub field: String,
    pub filename: Option<String>,
    pub content: Value,
    pub content_type: Option<String>,
    pub headers: Option<Vec<(String, String)>>,
    #[serde(default)]
    pub stream: bool,
}

/// What a request body is made of.
#[derive(Debug, Clone)]
pub enum Data {
    Form(Vec<(String, Option<String>)>),
    Text(String),
    Bytes(Vec<u8>),
    /// an iterator without a length: chunked
    Iter(Vec<Vec<u8>>),
    /// a seekable reader with a known length
    File(Vec<u8>),
    /// a reader that cannot be rewound
    Unseekable(Vec<u8>),
}

pub fn scalar(v: &Value) -> Option<String> {
    match v {
        Value::Null => None,
        Value::String(s) => Some(s.clone()),
        Value::Bool(true) => Some("True".into()),
        Value::Bool(false) => Some("False".into()),
        other => Some(other.to_string()),
    }
}

/// {"dict":{..}} / {"pairs":[..]} / {"form":[..]} -> flat pairs (lists repeat the key)
pub fn pairs(v: &Value) -> Vec<(String, Option<String>)> {
    let mut out = Vec::new();
    let mut push = |k: String, v: &Value| match v {
        Value::Array(a) => out.extend(a.iter().map(|x| (k.clone(), scalar(x)))),
        x => out.push((k, scalar(x))),
    };
    match v {
        Value::Object(m) => m.iter().for_each(|(k, v)| push(k.clone(), v)),
        Value::Array(a) => a.iter().for_each(|kv| push(scalar(&kv[0]).unwrap_or_default(), &kv[1])),
        _ => {}
    }
    out
}

pub enum Params {
    Raw(String),
    Pairs(Vec<(String, Option<String>)>),
}

pub fn params(v: &Value) -> Params {
    match v.as_object().and_then(|m| m.iter().next()) {
        Some((k, v)) if k == "raw" => Params::Raw(v.as_str().unwrap_or("").into()),
        Some((_, v)) => Params::Pairs(pairs(v)),
        None => Params::Pairs(vec![]),
    }
}

pub fn bytes(v: &Value) -> Vec<u8> {
    match v {
        Value::String(s) => s.clone().into_bytes(),
        Value::Object(m) => {
            if let Some(Value::String(s)) = m.get("latin1") {
                return s.chars().map(|c| c as u32 as u8).collect();
            }
            if let Some(Value::String(s)) = m.get("b64") {
                return base64::engine::general_purpose::STANDARD.decode(s).unwrap_or_default();
            }
            if let Some(Value::Array(a)) = m.get("rep") {
                let unit = a[0].as_str().unwrap_or("").as_bytes().to_vec();
                return unit.repeat(a[1].as_u64().unwrap_or(0) as usize);
            }
            vec![]
        }
        _ => vec![],
    }
}

pub fn data(v: &Value) -> Option<Data> {
    let (k, v) = v.as_object()?.iter().next()?;
    Some(match k.as_str() {
        "dict" | "form" => Data::Form(pairs(v)),
        "text" => Data::Text(v.as_str()?.into()),
        "bytes" => Data::Bytes(bytes(v)),
        "iter" => Data::Iter(v.as_array()?.iter().map(bytes).collect()),
        "file" => Data::File(bytes(v)),
        "unseekable" => Data::Unseekable(bytes(v)),
        _ => return None,
    })
}
