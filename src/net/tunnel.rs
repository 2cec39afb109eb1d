//! CONNECT: asking an HTTP proxy for a way through to the origin (RFC 9110 §9.3.6).
//!
//! Any 2xx opens it, and what else the answer's head says is thrown away (PROXY-30). A refusal is kept with its status and
//! the beginning of its body. Nothing of the credentials gets into an error, not even where the proxy sends them back.
//! The head has a limit, and so has the time.

use std::time::Duration;

use base64::Engine;

use super::error::{ProxyFailure, ProxyStop};
use super::limits::{Bounded, Stopped};
use crate::clock::{self, Deadline};

/// Opens the tunnel to `host:port`; afterwards the transport is the origin's.
pub(super) fn open(
    proxy: &mut Bounded<'_>,
    host: &str,
    port: u16,
    authorization: Option<&str>,
) -> Result<(), ProxyStop> {
    proxy.write_all(request(host, port, authorization).as_bytes())?;
    let mut read = Vec::with_capacity(512);
    loop {
        let head = head(proxy, &mut read)?;
        let rest = read.split_off(head.length);
        match head.status {
            // RFC 9110 §15.2: more is to come. 101 would be an answer to something that was not asked.
            100 | 102..=199 => read = rest,
            200..=299 if rest.is_empty() => return Ok(()),
            // In TLS the client speaks first.
            200..=299 => return Err(protocol("it sent data before the tunnel was used")),
            status => {
                let secrets = Secrets::of(authorization);
                let body = secrets.printable(&body(proxy, &head, rest));
                return Err(ProxyFailure::Refused { status, reason: secrets.printable(&head.reason), body }.into());
            }
        }
    }
}

// WIRE-08
fn request(host: &str, port: u16, authorization: Option<&str>) -> String {
    let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\n");
    if let Some(authorization) = authorization {
        request.push_str("Proxy-Authorization: ");
        request.push_str(authorization);
        request.push_str("\r\n");
    }
    request.push_str("Host: ");
    request.push_str(&authority);
    request.push_str("\r\n\r\n");
    request
}

struct Head {
    /// In bytes, the empty line included.
    length: usize,
    status: u16,
    reason: Vec<u8>,
    content_length: Option<usize>,
    chunked: bool,
}

/// Reads until `read` begins with a whole head.
fn head(proxy: &mut Bounded<'_>, read: &mut Vec<u8>) -> Result<Head, ProxyStop> {
    loop {
        if let Some(head) = parse(read)? {
            return Ok(head);
        }
        if read.len() >= MAX_HEAD {
            return Err(protocol("the head of its answer to CONNECT is too long"));
        }
        if more(proxy, read)? == 0 {
            return Err(ProxyFailure::Io(std::io::ErrorKind::UnexpectedEof.into()).into());
        }
    }
}

fn more(proxy: &mut Bounded<'_>, read: &mut Vec<u8>) -> Result<usize, Stopped> {
    let mut buffer = [0; 1024];
    let got = proxy.read(&mut buffer)?;
    read.extend_from_slice(&buffer[..got]);
    Ok(got)
}

fn parse(read: &[u8]) -> Result<Option<Head>, ProxyStop> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(read) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(protocol("its answer to CONNECT is not HTTP")),
    };
    let value = |name: &str| {
        let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok()
    };
    Ok(Some(Head {
        length,
        status: response.code.unwrap_or_default(),
        reason: response.reason.unwrap_or_default().into(),
        content_length: value("content-length").and_then(|length| length.trim().parse().ok()),
        chunked: value("transfer-encoding").is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked")),
    }))
}

/// The beginning of a refusal's body, as far as it comes without a long wait. Its end or an error is its end.
fn body(proxy: &mut Bounded<'_>, head: &Head, mut read: Vec<u8>) -> Vec<u8> {
    let enough = if head.chunked { MAX_BODY } else { head.content_length.unwrap_or(MAX_BODY).min(MAX_BODY) };
    let deadline = Deadline::after(clock::now(), Some(PATIENCE));
    while read.len() < enough && !(head.chunked && read.ends_with(b"0\r\n\r\n")) {
        let Some(left) = deadline.left(clock::now()).filter(|left| !left.is_zero()) else { break };
        let mut patient = Bounded { transport: &mut *proxy.transport, bound: proxy.bound.within(left) };
        if more(&mut patient, &mut read).map_or(true, |got| got == 0) {
            break;
        }
    }
    read.truncate(enough);
    if head.chunked { unchunked(&read) } else { read }
}

/// What is whole and what is begun of the chunks.
fn unchunked(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(httparse::Status::Complete((used, size))) = httparse::parse_chunk_size(chunks) {
        let rest = &chunks[used..];
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
        if size == 0 {
            break;
        }
        body.extend_from_slice(&rest[..size]);
        chunks = rest.get(size + 2..).unwrap_or_default();
    }
    body
}

/// What must not be printed.
struct Secrets(Vec<String>);

impl Secrets {
    fn of(authorization: Option<&str>) -> Self {
        let mut secrets = Vec::new();
        if let Some(authorization) = authorization {
            let token = authorization.split_once(' ').map_or(authorization, |(_, token)| token.trim());
            let decoded = base64::engine::general_purpose::STANDARD.decode(token).unwrap_or_default();
            let decoded = String::from_utf8_lossy(&decoded).into_owned();
            let password = decoded.split_once(':').map(|(_, password)| password.to_owned());
            // A password of three letters would be found in any text.
            secrets.extend(password.filter(|password| password.len() > 3));
            secrets.extend([decoded, token.to_owned()].into_iter().filter(|secret| !secret.is_empty()));
            secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
        Self(secrets)
    }

    /// One line without control characters, secrets or much length.
    fn printable(&self, bytes: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        for secret in &self.0 {
            text = text.replace(secret, "***");
        }
        let words: Vec<_> =
            text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
        words.join(" ").chars().take(MAX_PRINTED).collect()
    }
}

fn protocol(what: &'static str) -> ProxyStop {
    ProxyFailure::Protocol(what.into()).into()
}

const MAX_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 100;
const MAX_BODY: usize = 4 * 1024;
const MAX_PRINTED: usize = 300;
/// How long the body of a refusal is waited for: the refusal itself is known.
const PATIENCE: Duration = Duration::from_millis(500);
