//! Names whose values are secrets: of headers, parameters, fields of forms and of JSON.
//!
//! A name is compared by its words, without case, however they are joined: `api_key`, `Api-Key` and `apiKey` are one.

/// Within a name, its words put together.
const WITHIN: [&str; 18] = [
    "accesskey",
    "apikey",
    "authkey",
    "authorization",
    "codeverifier",
    "credential",
    "csrf",
    "keyid",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "sessid",
    "sessionid",
    "signature",
    "token",
    "xsrf",
];

/// The last word, or all of them.
const LAST: [&str; 12] =
    ["auth", "bearer", "cookie", "jwt", "otp", "pass", "pin", "pw", "pwd", "session", "sid", "sig"];

/// What stands before `key` in the name of a secret. (A `sort_key` is none.)
const BEFORE_KEY: [&str; 16] = [
    "access",
    "account",
    "admin",
    "app",
    "client",
    "consumer",
    "encryption",
    "functions",
    "license",
    "master",
    "service",
    "session",
    "shared",
    "signing",
    "storage",
    "subscription",
];

/// Names with these within them speak about a secret, and are none.
const HARMLESS: [&str; 6] = ["tokentype", "tokenurl", "tokenuri", "tokenendpoint", "tokenize", "secretary"];

/// Whether a name says that its value is a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let words = words(name);
    let together = words.replace('-', "");
    if together.ends_with("tokens") || HARMLESS.iter().any(|part| together.contains(part)) {
        return false;
    }
    let (before, last) = words.rsplit_once('-').unwrap_or(("", &words));
    let word_before = before.rsplit('-').next().unwrap_or_default();
    WITHIN.iter().any(|part| together.contains(part))
        || LAST.contains(&last)
        || (last == "key" && (before.is_empty() || BEFORE_KEY.contains(&word_before)))
}

/// Whether a name may say that its value is a secret, for what is only shown to people. Any kind of key counts: nothing depends
/// on what is shown.
pub(crate) fn may_be_secret(name: &str) -> bool {
    is_secret_name(name) || words(name).ends_with("-key")
}

/// Headers that say what a message is, how long it is, or what is asked for. (`User-Agent` is what a program wants to say.)
const DESCRIBING: [&str; 21] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "expect",
    "host",
    "keep-alive",
    "pragma",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a header only describes its message, and is no secret whoever has set it.
pub(crate) fn describes_message(name: &str) -> bool {
    DESCRIBING.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// Whether a text is nothing but such a name. As a value, it is an example, and no secret that could be told from other text.
#[cfg(all(feature = "testing", feature = "json"))]
pub(crate) fn is_only_a_name(text: &str) -> bool {
    let together = words(text).replace('-', "");
    WITHIN.contains(&&*together) || LAST.contains(&&*together)
}

/// The words of a name in lower case, joined by dashes.
pub(crate) fn words(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut was_lower = false;
    for c in name.trim().chars() {
        if c.is_ascii_uppercase() && was_lower {
            out.push('-');
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        out.push(if matches!(c, '_' | '.' | ' ') { '-' } else { c.to_ascii_lowercase() });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_however_they_are_written() {
        for name in [
            "access_token",
            "accessToken",
            "X-Api-Key",
            "apikey",
            "X-Auth-Key",
            "Ocp-Apim-Subscription-Key",
            "X-Functions-Key",
            "secret_key",
            "secretKey",
            "shared_key",
            "session_key",
            "password1",
            "password_confirmation",
            "id_token_hint",
            "private_key_pem",
            "X-Session",
            "PHPSESSID",
            "JSESSIONID",
            "X-CSRF",
            "key",
            "client.secret",
            "AWSAccessKeyId",
            "pwd",
            "sig",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "page",
            "Accept",
            "author",
            "monkey",
            "keyboard",
            "sort_key",
            "public_key",
            "max_tokens",
            "token_type",
            "secretary",
            "X-Request-Id",
            "User-Agent",
            "ping",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
