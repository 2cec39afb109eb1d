//! Writes the answer to a challenge (RFC 7616 §3.4), with its fields in the order of requests.

use std::borrow::Cow;

use super::challenge::Challenge;
use super::{ALGORITHMS, Algorithm};
use crate::text::latin1;

/// What the answer applies to.
pub(super) struct Asked<'a> {
    pub method: &'a str,
    pub target: &'a str,
    pub count: u64,
    pub cnonce: &'a str,
}

/// Whether algorithm and quality of protection are supported.
pub(super) fn can_answer(challenge: &Challenge) -> bool {
    algorithm(challenge).is_some() && protection(challenge).is_some()
}

/// The value of `Authorization`; `None` if [`can_answer`] is false.
pub(super) fn header(challenge: &Challenge, user: &str, password: &str, asked: &Asked<'_>) -> Option<String> {
    let (Algorithm { digits, .. }, is_session) = algorithm(challenge)?;
    let protection = protection(challenge)?;
    let Challenge { nonce, .. } = challenge;
    let Asked { method, target, count, cnonce } = asked;

    // Hashed as the text that the realm's bytes represent.
    let realm = latin1::as_utf8(&challenge.realm).unwrap_or(Cow::Borrowed(&challenge.realm));
    let mut secret = digits(&format!("{user}:{realm}:{password}"));
    if is_session {
        secret = digits(&format!("{secret}:{nonce}:{cnonce}"));
    }
    let action = digits(&format!("{method}:{target}"));
    let response = match protection {
        Protection::None => digits(&format!("{secret}:{nonce}:{action}")),
        Protection::Auth => digits(&format!("{secret}:{nonce}:{count:08x}:{cnonce}:auth:{action}")),
    };

    // The order of the fields is that of requests (AUTH-19).
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

/// The hash, and whether the secret is derived anew for each session. MD5 if none is named.
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
    /// RFC 2069: no count and no client nonce.
    None,
    Auth,
}

/// The quality of protection; `None` if the server requires one that is not supported.
fn protection(challenge: &Challenge) -> Option<Protection> {
    let Some(qop) = &challenge.qop else { return Some(Protection::None) };
    qop.split(',').any(|own| own.trim().eq_ignore_ascii_case("auth")).then_some(Protection::Auth)
}

/// A text for a header: with characters beyond Latin-1 it is sent as UTF-8, byte by byte.
fn as_latin1(text: &str) -> Cow<'_, str> {
    if latin1::fits(text) { text.into() } else { latin1::to_text(text.as_bytes()).into() }
}

/// Escapes a quoted text (RFC 9110 §5.6.4).
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
