//! Writing the answer to a challenge (RFC 7616 §3.4), with its fields in the order of requests.

use super::challenge::Challenge;
use super::{ALGORITHMS, Algorithm};

/// What the answer is for.
pub(super) struct Asked<'a> {
    pub method: &'a str,
    pub target: &'a str,
    pub count: u64,
    pub cnonce: &'a str,
}

/// Whether algorithm and quality of protection are known here.
pub(super) fn can_answer(challenge: &Challenge) -> bool {
    algorithm(challenge).is_some() && protection(challenge).is_some()
}

/// The value of `Authorization`; `None` if [`can_answer`] is false.
pub(super) fn header(challenge: &Challenge, user: &str, password: &str, asked: &Asked<'_>) -> Option<String> {
    let (Algorithm { digits, .. }, is_session) = algorithm(challenge)?;
    let protection = protection(challenge)?;
    let Challenge { nonce, .. } = challenge;
    let Asked { method, target, count, cnonce } = asked;

    let mut secret = digits(&format!("{user}:{}:{password}", as_utf8(&challenge.realm)));
    if is_session {
        secret = digits(&format!("{secret}:{nonce}:{cnonce}"));
    }
    let action = digits(&format!("{method}:{target}"));
    let response = match protection {
        Protection::None => digits(&format!("{secret}:{nonce}:{action}")),
        Protection::Auth => digits(&format!("{secret}:{nonce}:{count:08x}:{cnonce}:auth:{action}")),
    };

    // AUTH-19
    let mut out = format!(
        "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{target}\", response=\"{response}\"",
        escape(&as_latin1(user)),
        escape(&challenge.realm),
        escape(nonce),
    );
    for (name, value) in [("opaque", &challenge.opaque), ("algorithm", &challenge.algorithm)] {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            out.extend([", ", name, "=\"", &escape(value), "\""]);
        }
    }
    if let Protection::Auth = protection {
        out.push_str(&format!(", qop=\"auth\", nc={count:08x}, cnonce=\"{cnonce}\""));
    }
    Some(out)
}

/// The hash, and whether the secret is made anew for each session. MD5 if none is named (AUTH-17).
fn algorithm(challenge: &Challenge) -> Option<(&'static Algorithm, bool)> {
    let name = challenge.algorithm.as_deref().unwrap_or("MD5").to_ascii_uppercase();
    let (name, is_session) = match name.strip_suffix("-SESS") {
        Some(name) => (name, true),
        None => (name.as_str(), false),
    };
    let algorithm = ALGORITHMS.iter().find(|algorithm| algorithm.name == name)?;
    Some((algorithm, is_session))
}

enum Protection {
    /// RFC 2069: no count, no nonce of ours.
    None,
    Auth,
}

/// AUTH-18
fn protection(challenge: &Challenge) -> Option<Protection> {
    let Some(qop) = &challenge.qop else { return Some(Protection::None) };
    qop.split(',').any(|own| own.trim().eq_ignore_ascii_case("auth")).then_some(Protection::Auth)
}

/// The text that the bytes of a header were meant to be: UTF-8 if they are that, else what Latin-1 makes of them.
fn as_utf8(text: &str) -> String {
    let bytes = text.chars().map(|c| u8::try_from(u32::from(c))).collect::<Result<Vec<u8>, _>>();
    bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| text.to_owned())
}

/// A text as it can stand in a header: beyond Latin-1 it goes as UTF-8, byte by byte.
fn as_latin1(text: &str) -> String {
    if text.chars().all(|c| c <= '\u{ff}') { text.to_owned() } else { text.bytes().map(char::from).collect() }
}

/// For a quoted text (RFC 9110 §5.6.4).
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
