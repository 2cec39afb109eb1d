//! A request and its response, as they stand in the file.
//!
//! The form in JSON is written by hand, because serde is used without its derive feature: headers as lines, bodies as text if
//! they are text, otherwise in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::text::latin1;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Interaction {
    pub(super) request: Sent,
    pub(super) response: Received,
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Sent {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Sent {
    pub(super) fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        let of_name = self.headers.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value.as_str())
    }
}

impl Serialize for Interaction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("request", &self.request)?;
        map.serialize_entry("response", &self.response)?;
        map.end()
    }
}

impl Serialize for Sent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("method", &self.method)?;
        map.serialize_entry("url", &self.url)?;
        map.serialize_entry("headers", &lines(&self.headers))?;
        write_body(&mut map, &self.body)?;
        map.end()
    }
}

impl Serialize for Received {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("status", &self.status)?;
        map.serialize_entry("reason", &self.reason)?;
        map.serialize_entry("headers", &lines(&self.headers))?;
        write_body(&mut map, &self.body)?;
        map.end()
    }
}

fn lines(headers: &[(String, String)]) -> Vec<String> {
    headers.iter().map(|(name, value)| format!("{name}: {value}")).collect()
}

fn write_body<M: SerializeMap>(map: &mut M, body: &[u8]) -> Result<(), M::Error> {
    match std::str::from_utf8(body) {
        Ok("") => Ok(()),
        Ok(text) if text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r')) => {
            map.serialize_entry("body", text)
        }
        _ => map.serialize_entry("base64", &BASE64.encode(body)),
    }
}

impl Interaction {
    /// `Err` says what is missing.
    pub(super) fn from_json(value: &Value) -> Result<Self, &'static str> {
        let request = value.get("request").ok_or("request")?;
        let response = value.get("response").ok_or("response")?;
        Ok(Self {
            request: Sent {
                method: text(request, "method").ok_or("request.method")?,
                url: text(request, "url").ok_or("request.url")?,
                headers: headers(request).ok_or("request.headers")?,
                body: body(request).ok_or("request.body")?,
            },
            response: Received {
                status: response
                    .get("status")
                    .and_then(Value::as_u64)
                    .and_then(|n| n.try_into().ok())
                    .ok_or("response.status")?,
                reason: text(response, "reason").unwrap_or_default(),
                headers: headers(response).filter(|all| all.iter().all(may_arrive)).ok_or("response.headers")?,
                body: body(response).ok_or("response.body")?,
            },
        })
    }
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

fn headers(value: &Value) -> Option<Vec<(String, String)>> {
    let line = |line: &Value| {
        let (name, value) = line.as_str()?.split_once(": ")?;
        Some((name.to_owned(), value.to_owned()))
    };
    value.get("headers")?.as_array()?.iter().map(line).collect()
}

/// Whether the codec would let a header in: it is lenient, except where readers differ on what ends a line.
fn may_arrive((name, value): &(String, String)) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
        && latin1::fits(value)
        && !value.contains(['\r', '\n', '\0'])
}

fn body(value: &Value) -> Option<Vec<u8>> {
    match (value.get("body"), value.get("base64")) {
        (Some(text), None) => text.as_str().map(|text| text.as_bytes().to_vec()),
        (None, Some(coded)) => BASE64.decode(coded.as_str()?).ok(),
        (None, None) => Some(Vec::new()),
        (Some(_), Some(_)) => None,
    }
}
